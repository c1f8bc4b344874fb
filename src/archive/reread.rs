//! A journal is read several times by one process: before people are asked, under the lock, and when more was
//! written. Lines that were read and judged once are known by their bytes, and not judged again.

use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::journal::{Damage, Journal};

/// What was read last.
struct Known {
    /// So many bytes, all of whole lines.
    length: usize,
    /// Their SHA-256.
    sha256: [u8; 32],
    /// What they say.
    journal: Journal,
}

static LAST: Mutex<Option<Known>> = Mutex::new(None);

/// As [`Journal::parse`] does.
pub(super) fn journal(bytes: &[u8]) -> Result<Journal, Damage> {
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    let (before, known, rest) = match last.as_ref().and_then(|known| Some((known, known.beginning(bytes)?))) {
        Some((known, rest)) => (known.length, known.journal.clone(), rest),
        None => (0, Journal::default(), bytes),
    };
    let journal = known.continued(rest)?;
    let length = bytes.len().saturating_sub(journal.torn.len());
    if length != before {
        let whole = bytes.get(..length).unwrap_or_default();
        let known = Journal { torn: Vec::new(), ..journal.clone() };
        *last = Some(Known { length, sha256: Sha256::digest(whole).into(), journal: known });
    }
    Ok(journal)
}

impl Known {
    /// What follows these lines, where bytes begin with them.
    fn beginning<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let (same, rest) = bytes.split_at_checked(self.length)?;
        let sha256: [u8; 32] = Sha256::digest(same).into();
        (sha256 == self.sha256).then_some(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::Event;

    /// A journal of so many lines, and where each of them ends.
    fn written(lines: usize, plan: &str) -> (Vec<u8>, Vec<usize>) {
        let (mut journal, mut bytes, mut ends) = (Journal::default(), Vec::new(), Vec::new());
        for number in 0..lines {
            let event = Event::CeremonyFinished { plan: format!("{plan} {number}") };
            let time = "2026-12-01T00:00:00Z".parse().unwrap();
            let (line, record, hash) = journal.line(time, event, Vec::new()).unwrap();
            bytes.extend(line);
            ends.push(bytes.len());
            journal.push(record, hash);
        }
        (bytes, ends)
    }

    /// Whatever was read before, bytes are read as they would be alone.
    #[test]
    fn what_is_known_changes_nothing() {
        let (one, ends) = written(4, "one");
        let (other, _) = written(3, "other");
        let mut all: Vec<Vec<u8>> = vec![Vec::new(), other, one.clone()];
        all.extend(ends.iter().flat_map(|end| [one[..*end].to_vec(), one[..end - 1].to_vec()]));
        // A byte of the first line, of the last, and of what was cut off.
        for at in [10, one.len() - 10] {
            let mut bad = one.clone();
            bad[at] ^= 1;
            all.push(bad);
        }
        for before in &all {
            for bytes in &all {
                let _ = journal(before);
                match (journal(bytes), Journal::parse(bytes)) {
                    (Ok(known), Ok(alone)) => {
                        assert_eq!(
                            (known.records, known.head, known.torn),
                            (alone.records, alone.head, alone.torn)
                        );
                    }
                    (known, alone) => assert_eq!(known.unwrap_err(), alone.unwrap_err()),
                }
            }
        }
    }
}
