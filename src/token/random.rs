//! Whether a device's random source answers (`C_GenerateRandom`). What it gives is looked at and thrown away:
//! no key is made of it here.

use std::fmt;

use cryptoki::error::{Error, RvError};
use cryptoki::session::Session;
use zeroize::Zeroizing;

use super::failure::Failure;

/// How many bytes are asked for: two equal answers of a source that works are out of the question.
const LENGTH: usize = 32;

/// What a random source did when it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RandomSource {
    /// It answers.
    Answers,
    /// The device says that it has none to ask, which says nothing of how it makes keys.
    NotOffered(String),
}

/// How an answer is recorded.
pub const ANSWERS: &str = "answers";

impl fmt::Display for RandomSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answers => f.write_str(ANSWERS),
            Self::NotOffered(reason) => write!(f, "not offered: {reason}"),
        }
    }
}

/// Two answers, or the device's word that it gives none.
pub(super) enum Asked {
    Twice(Zeroizing<[u8; LENGTH]>, Zeroizing<[u8; LENGTH]>),
    NotOffered(String),
}

/// Asks twice.
pub(super) fn ask(session: &Session) -> Result<Asked, Error> {
    let (mut one, mut other) = (Zeroizing::new([0; LENGTH]), Zeroizing::new([0; LENGTH]));
    for answer in [&mut one, &mut other] {
        match session.generate_random_slice(answer.as_mut_slice()) {
            Ok(()) => {}
            Err(error @ Error::Pkcs11(RvError::RandomNoRng | RvError::FunctionNotSupported, _)) => {
                return Ok(Asked::NotOffered(Failure::of(&error).code));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Asked::Twice(one, other))
}

impl Asked {
    /// Refuses answers that no random source gives: what was found, and what was expected.
    pub(super) fn judged(self) -> Result<RandomSource, (String, String)> {
        let (one, other) = match self {
            Self::NotOffered(reason) => return Ok(RandomSource::NotOffered(reason)),
            Self::Twice(one, other) => (one, other),
        };
        let constant = |bytes: &[u8; LENGTH]| bytes.iter().all(|byte| Some(byte) == bytes.first());
        let found = if one == other {
            "twice the same bytes"
        } else if constant(&one) || constant(&other) {
            "one byte over and over"
        } else {
            return Ok(RandomSource::Answers);
        };
        Err((found.into(), format!("{LENGTH} bytes that differ each time")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn twice(one: [u8; LENGTH], other: [u8; LENGTH]) -> Result<RandomSource, (String, String)> {
        Asked::Twice(Zeroizing::new(one), Zeroizing::new(other)).judged()
    }

    #[test]
    fn bytes_that_differ_are_an_answer() {
        let (mut one, mut other) = ([0; LENGTH], [0; LENGTH]);
        getrandom::fill(&mut one).unwrap();
        getrandom::fill(&mut other).unwrap();
        assert_eq!(twice(one, other), Ok(RandomSource::Answers));
        let none = Asked::NotOffered("CKR_RANDOM_NO_RNG".into()).judged().unwrap();
        assert_eq!(none.to_string(), "not offered: CKR_RANDOM_NO_RNG");
    }

    #[test]
    fn a_stuck_source_is_refused() {
        let mut one = [7; LENGTH];
        one[0] = 8;
        assert!(twice(one, one).unwrap_err().0.contains("twice the same"));
        assert!(twice(one, [0; LENGTH]).unwrap_err().0.contains("over and over"));
    }
}
