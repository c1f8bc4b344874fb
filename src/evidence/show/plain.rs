//! Text from files, made safe for a terminal and for eyes.

/// The text with every character that a terminal obeys or that eyes miss written out, such as
/// `\u{1b}`: control characters, zero-width ones, and those that turn the direction of writing.
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if hidden(character) { out.extend(character.escape_unicode()) } else { out.push(character) }
    }
    out
}

/// The same for a text of several lines, whose line feeds stay.
pub fn plain_lines(text: &str) -> String {
    text.split('\n').map(plain).collect::<Vec<_>>().join("\n")
}

/// Hex digits in groups of four, for reading aloud: `1f0e 9a3b 77`.
pub fn groups(bytes: &[u8]) -> String {
    bytes.chunks(2).map(|pair| data_encoding::HEXLOWER.encode(pair)).collect::<Vec<_>>().join(" ")
}

/// The first and last four digits, for a quick look at what stands elsewhere in full: `1f0e…77c2`.
pub fn ends(hex: &str) -> String {
    let last = hex.len().checked_sub(4).and_then(|at| hex.get(at..));
    match (hex.get(..4), last) {
        (Some(first), Some(last)) if hex.len() > 12 => format!("{first}…{last}"),
        _ => hex.to_string(),
    }
}

fn hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_comes_through() {
        assert_eq!(plain("a\u{1b}[31mb\r\n\u{9b}c"), "a\\u{1b}[31mb\\u{d}\\u{a}\\u{9b}c");
        assert_eq!(plain("evil\u{202e}fdp.exe\u{200b}"), "evil\\u{202e}fdp.exe\\u{200b}");
        assert_eq!(plain("Röot ✓ 日本"), "Röot ✓ 日本");
        assert_eq!(plain_lines("a\nb\tc"), "a\nb\\u{9}c");
    }

    #[test]
    fn hex_for_reading_aloud() {
        assert_eq!(groups(&[0x1f, 0x0e, 0x9a, 0x3b, 0x77]), "1f0e 9a3b 77");
        assert_eq!(groups(&[]), "");
        assert_eq!(ends("1f0e9a3b77c2aabb"), "1f0e…aabb");
        assert_eq!(ends("1f0e"), "1f0e");
        assert_eq!(ends("ééééééééé"), "éé…éé");
    }
}
