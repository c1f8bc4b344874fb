//! The journal: one event a line, RFC 8785 canonical JSON, each line bound to the one before.
//!
//! A line is `{"event":…,"files":[…],"hash":…,"previous":…,"seq":…,"time":…}`. `hash` is the SHA-256 of
//! the line without it, so that the last line is bound too; `previous` is the hash of the line before.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::event::{Event, FileRecord};
use crate::pki::sha256_hex;
use crate::plan::Time;

/// What the first line has for the hash of the line before.
pub const START: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Counts from 1.
    pub seq: u64,
    /// When it happened, by the ceremony's clock.
    pub time: Time,
    /// The hash of the line before.
    pub previous: String,
    /// What happened.
    pub event: Event,
    /// The files that the event makes or replaces.
    pub files: Vec<FileRecord>,
}

/// Damage to a journal: not a line that was cut off at its end, but a line that was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("journal.jsonl, line {line}: {reason}")]
pub struct Damage {
    /// The line, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub reason: String,
}

/// A journal as read.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    /// Its lines.
    pub records: Vec<Record>,
    /// The hash of the last line.
    pub head: Option<String>,
    /// What follows the last complete line: a line that was cut off.
    pub torn: Vec<u8>,
}

impl Journal {
    /// Reads a journal, and checks every line against its hash and the line before.
    pub fn parse(bytes: &[u8]) -> Result<Self, Damage> {
        Self::default().continued(bytes)
    }

    /// The same journal, of which more was read: what follows its last complete line.
    pub fn continued(mut self, bytes: &[u8]) -> Result<Self, Damage> {
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = rest.split_at(end);
            rest = after.get(1..).unwrap_or_default();
            let number = self.next_seq();
            let (record, hash) = read_line(line).map_err(|reason| Damage { line: number, reason })?;
            let expected = self.head.as_deref().unwrap_or(START);
            if record.previous != expected {
                let reason = format!("it follows {}, but the line before is {expected}", record.previous);
                return Err(Damage { line: number, reason });
            }
            if record.seq != number {
                return Err(Damage { line: number, reason: format!("it counts as line {}", record.seq) });
            }
            self.records.push(record);
            self.head = Some(hash);
        }
        self.torn = rest.to_vec();
        Ok(self)
    }

    /// Whether a ceremony of this plan starts, or goes on, from the line with this hash: nothing came after
    /// it, or nothing but that plan's own runs.
    pub fn starts_from(&self, head: &str, plan: &str) -> bool {
        if self.head.as_deref() == Some(head) {
            return true;
        }
        let after = self.records.iter().position(|record| record.previous == head);
        let mut runs = after.and_then(|at| self.records.get(at..)).unwrap_or_default().iter();
        let own = |record: &Record| match &record.event {
            Event::CeremonyStarted { plan: other, .. } => Some(other == plan),
            _ => None,
        };
        runs.next().and_then(own) == Some(true) && runs.filter_map(own).all(|own| own)
    }

    /// The number of the line that comes next.
    pub fn next_seq(&self) -> u64 {
        self.records.last().map_or(1, |record| record.seq.saturating_add(1))
    }

    /// The line for a new event: its text with a newline, the record, and its hash.
    pub fn line(
        &self,
        time: Time,
        event: Event,
        files: Vec<FileRecord>,
    ) -> Result<(Vec<u8>, Record, String), serde_json::Error> {
        let previous = self.head.clone().unwrap_or_else(|| START.to_string());
        let record = Record { seq: self.next_seq(), time, previous, event, files };
        let content = serde_json_canonicalizer::to_string(&record)?;
        let hash = sha256_hex(content.as_bytes());
        // `hash` sorts before `previous`, which is the last of the two texts of that shape.
        let (before, after) = content.rsplit_once("\"previous\":\"").unwrap_or((&content, ""));
        let line = format!("{before}\"hash\":\"{hash}\",\"previous\":\"{after}\n").into_bytes();
        Ok((line, record, hash))
    }

    /// Takes a line in that was written.
    pub fn push(&mut self, record: Record, hash: String) {
        self.records.push(record);
        self.head = Some(hash);
    }
}

fn read_line(line: &[u8]) -> Result<(Record, String), String> {
    let mut value: Value = serde_json::from_slice(line).map_err(|error| format!("not JSON: {error}"))?;
    let again = serde_json_canonicalizer::to_string(&value).map_err(|error| error.to_string())?;
    if again.as_bytes() != line {
        return Err("it is not RFC 8785 canonical JSON: it was changed after it was written".into());
    }
    let hash = value.as_object_mut().and_then(|map| map.remove("hash"));
    let hash = hash.as_ref().and_then(Value::as_str).ok_or("it has no hash")?.to_string();
    // The canonical form without the hash is the line without it: the fields behind it are plain text
    // and a number, so the last such fragment is the one.
    let content =
        again.rsplit_once(&format!("\"hash\":\"{hash}\",")).map(|(before, after)| [before, after].concat());
    if content.is_none_or(|content| sha256_hex(content.as_bytes()) != hash) {
        return Err(format!("its content does not have the hash that it names, {hash}"));
    }
    let record =
        serde_json::from_value(value).map_err(|error| format!("not an event that is known: {error}"))?;
    Ok((record, hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal(events: usize) -> Vec<u8> {
        let mut journal = Journal::default();
        let mut bytes = Vec::new();
        for n in 0..events {
            let event = Event::CeremonyFinished { plan: n.to_string() };
            let time = "2026-12-01T00:00:00Z".parse().unwrap();
            let (line, record, hash) = journal.line(time, event, Vec::new()).unwrap();
            bytes.extend(line);
            journal.push(record, hash);
        }
        bytes
    }

    #[test]
    fn what_is_written_is_read() {
        let read = Journal::parse(&journal(3)).unwrap();
        assert_eq!(read.records.len(), 3);
        assert!(read.torn.is_empty());
    }

    #[test]
    fn every_changed_byte_is_found() {
        let good = journal(3);
        for at in 0..good.len() {
            for flip in [1, 0x20, 0x80] {
                let mut bad = good.clone();
                bad[at] ^= flip;
                let read = Journal::parse(&bad);
                // The last newline: what is left looks like a line that was cut off.
                let torn = read.as_ref().is_ok_and(|journal| !journal.torn.is_empty());
                assert!(read.is_err() || (at == good.len() - 1 && torn), "byte {at}");
            }
        }
    }

    #[test]
    fn a_cut_anywhere_leaves_whole_lines_and_a_rest() {
        let good = journal(3);
        for cut in 0..good.len() {
            let read = Journal::parse(&good[..cut]).unwrap();
            assert!(read.records.len() < 3);
        }
    }

    #[test]
    fn a_line_that_is_gone_is_found() {
        let good = journal(3);
        let second = good.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        let third = second + good[second..].iter().position(|byte| *byte == b'\n').unwrap() + 1;
        let bad = [&good[..second], &good[third..]].concat();
        assert_eq!(Journal::parse(&bad).unwrap_err().line, 2);
    }
}
