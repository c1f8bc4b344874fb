//! How a private value may be spelled: in any case, without accents, in parts, turned around, joined, with an
//! ending. Pure.
//!
//! What is looked for leans to one side: a word too many that is left out is seen, and does no harm; a name
//! that stays does.

use std::collections::BTreeSet;
use std::ops::Range;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::plan::Private;

/// Words of names that say nothing alone.
const PARTICLES: &[&str] = &[
    "al", "and", "da", "das", "de", "del", "den", "der", "di", "dos", "dr", "du", "el", "ibn", "ii", "iii",
    "jr", "la", "le", "mr", "mrs", "ms", "of", "prof", "sr", "ten", "ter", "the", "van", "von", "zu",
];

/// From so many letters on, a part of a name is found within longer words too, such as `alovelace`.
const WITHIN: usize = 5;
/// A shorter part may have an ending of so many letters.
const ENDING: usize = 2;
/// A serial number of fewer characters is no serial number in a text.
const SERIAL: usize = 4;
/// From so many characters on, a serial number is found within longer words too, such as `SN12345678`.
const SERIAL_WITHIN: usize = 6;

/// A value, as it may stand in a text.
#[derive(Clone, Debug)]
pub enum Spelling {
    /// A name of a person or a place.
    Name {
        /// Its words, each with its other transliterations.
        words: Vec<BTreeSet<String>>,
        /// Those of them that say something alone.
        alone: BTreeSet<String>,
        /// Two and more of them, written as one.
        joined: BTreeSet<String>,
    },
    /// A serial number, without separators: as it is, without zeros before it, in the other base.
    Serial(BTreeSet<String>),
}

/// A word of a text.
#[derive(Clone, Debug)]
pub struct Word {
    /// Its place.
    pub at: Range<usize>,
    /// Folded.
    text: String,
    /// Folded, with two letters for one.
    written: String,
    /// Its parts, where case or digits divide it.
    parts: Vec<String>,
}

/// Lower case, without accents.
pub fn folded(text: &str) -> String {
    let plain: String = text.nfkd().filter(|c| !is_combining_mark(*c)).collect();
    let mut folded = String::new();
    for c in plain.chars().flat_map(char::to_lowercase) {
        match c {
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'ø' => folded.push('o'),
            'ł' => folded.push('l'),
            'đ' | 'ð' => folded.push('d'),
            'þ' => folded.push_str("th"),
            'ı' => folded.push('i'),
            c => folded.push(c),
        }
    }
    folded
}

/// The same with two letters for one, as names are written where there is no such letter.
fn written_out(text: &str) -> String {
    let pairs = [('ä', "ae"), ('ö', "oe"), ('ü', "ue"), ('ø', "oe"), ('å', "aa")];
    let lower: String = text.nfc().flat_map(char::to_lowercase).collect();
    folded(&pairs.iter().fold(lower, |text, (letter, pair)| text.replace(*letter, pair)))
}

/// The words of a text, with their places.
pub fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut start = None;
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        match (start, c.is_alphanumeric() || is_combining_mark(c)) {
            (None, true) => start = Some(at),
            (Some(from), false) => {
                let own = text.get(from..at).unwrap_or_default();
                let (text, written) = (folded(own), written_out(own));
                words.push(Word { at: from..at, text, written, parts: parts(own) });
                start = None;
            }
            _ => {}
        }
    }
    words
}

/// `AdaLovelace2` is three words to whoever reads it. A hash is one.
fn parts(word: &str) -> Vec<String> {
    if is_hash(word) {
        return Vec::new();
    }
    let (mut parts, mut part, mut before) = (Vec::new(), String::new(), None::<char>);
    for c in word.chars() {
        let turns = before.is_some_and(|before| {
            (before.is_lowercase() && c.is_uppercase()) || before.is_numeric() != c.is_numeric()
        });
        if turns {
            parts.push(folded(&std::mem::take(&mut part)));
        }
        part.push(c);
        before = Some(c);
    }
    parts.push(folded(&part));
    parts
}

fn is_hash(word: &str) -> bool {
    word.len() >= 8
        && word.bytes().all(|byte| byte.is_ascii_hexdigit())
        && word.bytes().any(|byte| byte.is_ascii_digit())
}

/// Scripts that put no space between words.
fn is_dense(word: &str) -> bool {
    word.chars().any(|c| c >= '\u{2e80}')
}

fn length(word: &str) -> usize {
    word.chars().count()
}

impl Word {
    fn is_of(&self, words: &BTreeSet<String>) -> bool {
        words.contains(&self.text) || words.contains(&self.written)
    }
}

impl Spelling {
    /// How a value may be spelled. `own` are words that the text says anyway: alone, they are nobody's name.
    pub fn of(kind: Private, value: &str, own: &BTreeSet<String>) -> Vec<Self> {
        match kind {
            Private::Serials => Self::serial(value).into_iter().collect(),
            Private::Names => vec![Self::name(value, |_| true, own)],
            // What a place is called is a name; what else is said of it is not: `a safe in Zug`.
            Private::Places => value
                .split([',', ';', '/', '('])
                .filter(|segment| !segment.trim().is_empty())
                .map(|segment| Self::name(segment, |word| word.starts_with(char::is_uppercase), own))
                .collect(),
        }
    }

    fn name(value: &str, says: impl Fn(&str) -> bool, own: &BTreeSet<String>) -> Self {
        let of = |word: &Word| BTreeSet::from([word.text.clone(), word.written.clone()]);
        let all = words(value);
        let alone = all.iter().filter(|word| says(value.get(word.at.clone()).unwrap_or_default()));
        let alone = alone.flat_map(of).filter(|word| {
            let most = if is_dense(word) { 1 } else { 2 };
            length(word) >= most && !PARTICLES.contains(&word.as_str()) && !own.contains(word)
        });
        let alone = alone.collect();
        let mut joined = BTreeSet::new();
        for spelled in [|word: &Word| word.text.clone(), |word: &Word| word.written.clone()] {
            joined.extend(joins(&all.iter().map(spelled).collect::<Vec<_>>()));
        }
        joined.retain(|word| length(word) >= 4 && !own.contains(word));
        Self::Name { words: all.iter().map(of).collect(), alone, joined }
    }

    fn serial(value: &str) -> Option<Self> {
        let plain: String = folded(value).chars().filter(|c| c.is_alphanumeric()).collect();
        let short = plain.trim_start_matches('0').to_string();
        let mut all = BTreeSet::from([plain, short.clone()]);
        // A YubiKey's is printed in decimal, and attested in hex.
        all.extend(short.parse::<u64>().map(|number| format!("{number:x}")));
        all.extend(u64::from_str_radix(&short, 16).map(|number| number.to_string()));
        all.retain(|serial| length(serial) >= SERIAL);
        (!all.is_empty()).then_some(Self::Serial(all))
    }

    /// Where it stands in a text, as ranges of its words. A word of `own` is no other word with something before
    /// or after it: `chopper` is nobody's name.
    pub fn found(&self, words: &[Word], own: &BTreeSet<String>) -> Vec<Range<usize>> {
        match self {
            Self::Name { words: name, alone, joined } => found_name(words, (name, alone, joined), own),
            Self::Serial(serials) => found_serial(words, serials),
        }
    }
}

/// Two and more words of a name as one: `adalovelace`, `lovelaceada`, `alovelace`, `lovelacea`, `adal`.
fn joins(words: &[String]) -> BTreeSet<String> {
    let mut joined = BTreeSet::new();
    for from in 0..words.len() {
        for to in from.saturating_add(2)..=words.len() {
            joined.insert(words.get(from..to).unwrap_or_default().concat());
        }
    }
    if let (Some(first), Some(last), true) = (words.first(), words.last(), words.len() > 1) {
        let initial = |word: &str| word.chars().take(1).collect::<String>();
        joined.extend([
            format!("{last}{first}"),
            format!("{}{last}", initial(first)),
            format!("{last}{}", initial(first)),
            format!("{first}{}", initial(last)),
        ]);
    }
    joined
}

fn found_name(
    text: &[Word],
    (name, alone, joined): (&[BTreeSet<String>], &BTreeSet<String>, &BTreeSet<String>),
    own: &BTreeSet<String>,
) -> Vec<Range<usize>> {
    let is_part = |word: &Word| name.iter().any(|part| word.is_of(part));
    let within = |word: &str, part: &String| {
        let long = length(part);
        let ends = word
            .strip_prefix(part.as_str())
            .is_some_and(|rest| long > 2 && length(rest) <= ENDING && rest.chars().all(char::is_alphabetic));
        ends || ((long >= WITHIN || is_dense(part)) && word.contains(part.as_str()))
    };
    let is_alone = |word: &Word| {
        let spelled = |text: &String| {
            alone.iter().any(|part| within(text, part))
                || joined.iter().any(|all| length(all) > WITHIN && text.contains(all.as_str()))
        };
        !is_hash(&word.text)
            && (word.is_of(alone)
                || word.is_of(joined)
                || word.parts.iter().any(|part| alone.contains(part))
                || (!own.contains(&word.text) && [&word.text, &word.written].into_iter().any(spelled)))
    };
    let mut marked: Vec<bool> = text.iter().map(is_alone).collect();
    // Words of the tool's own are part of a name where the others stand beside them.
    let parts: Vec<bool> = text.iter().map(is_part).collect();
    if name.len() > 1 {
        for at in 0..text.len() {
            let whole = |window: &[bool]| window.len() == name.len() && window.iter().all(|part| *part);
            if parts.get(at..at.saturating_add(name.len())).is_some_and(whole) {
                let here = text.get(at..at.saturating_add(name.len())).unwrap_or_default();
                let every = name.iter().all(|part| here.iter().any(|word| word.is_of(part)));
                let range = at..at.saturating_add(name.len());
                marked.get_mut(range).filter(|_| every).into_iter().flatten().for_each(|mark| *mark = true);
            }
        }
        // So are particles, and initials.
        let initial = |word: &Word| {
            length(&word.text) == 1 && name.iter().flatten().any(|part| part.starts_with(word.text.as_str()))
        };
        let particle = |word: &Word| PARTICLES.contains(&word.text.as_str()) && is_part(word);
        for _ in 0..name.len() {
            let before = marked.clone();
            let near = |at: usize| {
                let marked = |at: usize| before.get(at).copied().unwrap_or_default();
                marked(at.saturating_add(1)) || at.checked_sub(1).is_some_and(marked)
            };
            for (at, (mark, word)) in marked.iter_mut().zip(text).enumerate() {
                *mark = *mark || (near(at) && (initial(word) || particle(word)));
            }
        }
    }
    ranges(&marked)
}

/// Runs of words that are marked.
fn ranges(marked: &[bool]) -> Vec<Range<usize>> {
    let (mut found, mut start) = (Vec::new(), None);
    for (at, mark) in marked.iter().copied().chain([false]).enumerate() {
        match (start, mark) {
            (None, true) => start = Some(at),
            (Some(from), false) => {
                found.push(from..at);
                start = None;
            }
            _ => {}
        }
    }
    found
}

/// A serial number in one word, or in several that together are one.
fn found_serial(text: &[Word], serials: &BTreeSet<String>) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for (at, first) in text.iter().enumerate() {
        let within =
            |serial: &String| length(serial) >= SERIAL_WITHIN && first.text.contains(serial.as_str());
        if serials.iter().any(within) {
            found.push(at..at.saturating_add(1));
            continue;
        }
        for serial in serials {
            let mut joined = String::new();
            for (to, word) in text.iter().enumerate().skip(at) {
                joined.push_str(&word.text);
                if joined.trim_start_matches('0') == serial.trim_start_matches('0') {
                    found.push(at..to.saturating_add(1));
                }
                if length(&joined) > length(serial).saturating_add(8) {
                    break;
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests;
