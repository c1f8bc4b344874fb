//! The journal's lines, read anew: each canonical, each with its hash and that of the line before.

use serde_json::Value;

use super::canonical::rfc8785;
use super::signature::sha256_hex;
use crate::archive::{Event, Record};

/// What the first line has for the hash of the line before.
const START: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// A journal whose hashes hold.
#[derive(Debug, Default)]
pub struct Lines {
    /// What its lines say.
    pub records: Vec<Record>,
    /// The hash of the last line.
    pub head: Option<String>,
    /// Where there are seals: the hash of each line as a leaf of the tree that they cover.
    pub leaves: Vec<[u8; 32]>,
    /// How many bytes follow the last whole line.
    pub torn: usize,
}

impl Lines {
    /// Reads a journal; the error names the first line that does not hold.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let mut lines = Self::default();
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let number = lines.records.len().saturating_add(1);
            let Some(line) = line.strip_suffix(b"\n") else {
                lines.torn = line.len();
                break;
            };
            let before = lines.head.as_deref().unwrap_or(START);
            let (record, hash) =
                one(line, number, before).map_err(|reason| format!("line {number}: {reason}"))?;
            lines.records.push(record);
            lines.head = Some(hash);
        }
        if lines.records.iter().any(|record| matches!(record.event, Event::SealStarted { .. })) {
            let whole =
                bytes.split_inclusive(|byte| *byte == b'\n').filter_map(|line| line.strip_suffix(b"\n"));
            lines.leaves = whole.map(super::seal::leaf).collect();
        }
        Ok(lines)
    }
}

/// A line, and its hash: the SHA-256 of its canonical form without the hash.
fn one(line: &[u8], number: usize, before: &str) -> Result<(Record, String), String> {
    let mut value: Value = serde_json::from_slice(line).map_err(|error| format!("not JSON: {error}"))?;
    if rfc8785(&value)?.as_bytes() != line {
        return Err("it is not RFC 8785 canonical JSON: it was changed after it was written".into());
    }
    let Some(Value::String(hash)) = value.as_object_mut().and_then(|fields| fields.remove("hash")) else {
        return Err("it has no hash".into());
    };
    if sha256_hex(rfc8785(&value)?.as_bytes()) != hash {
        return Err(format!("its content does not have the hash that it names, {hash}"));
    }
    let record: Record =
        serde_json::from_value(value).map_err(|error| format!("not an event that is known: {error}"))?;
    if record.previous != before {
        return Err(format!("it follows {}, but the line before is {before}", record.previous));
    }
    if usize::try_from(record.seq) != Ok(number) {
        return Err(format!("it counts as line {}", record.seq));
    }
    Ok((record, hash))
}
