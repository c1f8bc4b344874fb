//! Fingerprints as people read them aloud: hex in groups, and the words of the PGP word list.

use crate::pki::sha256_hex;

/// A SHA-256, to be shown, read aloud and typed back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    hex: String,
}

impl Fingerprint {
    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self { hex: sha256_hex(bytes) }
    }

    /// Of a SHA-256 in hex.
    pub fn from_hex(hex: &str) -> Self {
        Self { hex: hex.to_string() }
    }

    /// The whole value in hex.
    pub fn hex(&self) -> &str {
        &self.hex
    }

    /// Hex in eight groups of eight.
    pub fn groups(&self) -> Vec<&str> {
        let cut = |at: usize| self.hex.get(at..at.saturating_add(8)).unwrap_or_default();
        (0..self.hex.len()).step_by(8).map(cut).collect()
    }

    /// One word for each byte: of two syllables where the byte stands at an even place, of three
    /// otherwise, so that a word left out or swapped is heard.
    pub fn words(&self) -> Vec<String> {
        let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(self.hex.as_bytes()).unwrap_or_default();
        pgp_words::to_words(&bytes).into_iter().map(str::to_string).collect()
    }

    /// The word at a place, counted from 1.
    pub fn word(&self, place: usize) -> Option<String> {
        self.words().into_iter().nth(place.checked_sub(1)?)
    }

    /// For a screen: hex, and the words in rows of four with the number of each row's first.
    pub fn lines(&self) -> Vec<String> {
        let groups = self.groups();
        let mut lines: Vec<String> = groups.chunks(4).map(|groups| groups.join(" ")).collect();
        let words = self.words();
        for (row, words) in words.chunks(4).enumerate() {
            let first = row.saturating_mul(4).saturating_add(1);
            let padded: String = words.iter().map(|word| format!("{word:<13}")).collect();
            lines.push(format!("{first:>2}  {}", padded.trim_end()));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_pgp_word_list() {
        let known = Fingerprint::from_hex("e58294f2e9a227486e8b061b31cc528fd7fa3f19");
        assert_eq!(
            known.words().join(" ").to_lowercase(),
            "topmost istanbul pluto vagabond treadmill pacific brackish dictator goldfish medusa afflict \
             bravado chatter revolver dupont midsummer stopwatch whimsical cowbell bottomless"
        );
        assert_eq!(known.word(1).as_deref().map(str::to_lowercase).as_deref(), Some("topmost"));
        assert_eq!(known.word(0), None);
        assert_eq!(known.word(21), None);
    }

    #[test]
    fn every_byte_has_its_own_word_in_both_lists() {
        let bytes: Vec<u8> = (0..=255).flat_map(|byte| [byte, byte]).collect();
        let words = pgp_words::to_words(&bytes);
        let distinct: std::collections::BTreeSet<&str> = words.iter().copied().collect();
        assert_eq!(distinct.len(), 512);
        assert_eq!(pgp_words::to_bytes(&words), Some(bytes));
    }

    #[test]
    fn a_fingerprint_is_shown_whole() {
        let lines = Fingerprint::of(b"rootwright").lines();
        assert_eq!(lines.len(), 2 + 8);
        assert_eq!(
            lines.iter().take(2).map(|line| line.replace(' ', "")).collect::<String>(),
            sha256_hex(b"rootwright")
        );
        assert!(lines.iter().all(|line| line.chars().count() < 70), "{lines:?}");
    }
}
