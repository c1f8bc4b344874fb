//! The seal: what happened in a ceremony, put into words for people to sign. Pure.
//!
//! A seal is an in-toto statement about every file of the archive and about the journal, whose lines are the
//! leaves of a Merkle tree (RFC 6962, 2.1; a leaf is a line's bytes without the newline). It covers all lines
//! before the one that begins it, and says in words what happened since the seal before. Who objects signs a
//! statement too: about the seal's text, with a reason. `docs/formats.md` describes both.

mod predicate;

use std::collections::BTreeMap;

use serde_json::json;

use crate::archive::{Event, FileRecord, Opening, Record};
use crate::pki::Malformed;
use crate::pki::dsse::{Statement, Subject};
use crate::plan::{Name, Plan, Private, Role};
use crate::prove::merkle;

pub use predicate::{
    Answer, Ceremony, Checks, Deviation, Device, Extent, Finding, Observed, Participant, Reading, Refusal,
    Seal, Tool, Word,
};

/// What a seal's predicate is.
pub const PREDICATE: &str = "urn:rootwright:seal:v1";

/// What an objection's predicate is.
pub const OBJECTION: &str = "urn:rootwright:objection:v1";

/// The digest that stands for the journal: the root of its Merkle tree.
pub const ROOT: &str = "rfc6962-sha256";

/// A statement to be sealed, and what opens the hashes in it.
#[derive(Clone, Debug)]
pub struct Words {
    /// The statement: RFC 8785 JSON.
    pub statement: String,
    /// Salts and values of what it keeps to itself.
    pub openings: Vec<Opening>,
}

/// What a seal is made of.
#[derive(Clone, Copy, Debug)]
pub struct Material<'a> {
    /// Its number.
    pub number: u64,
    /// The journal's file, whose lines are whole.
    pub journal: &'a [u8],
    /// The same lines, read.
    pub records: &'a [Record],
    /// The hash of the last line.
    pub head: &'a str,
    /// The last line that the seal before covers; 0 where there is none.
    pub sealed: u64,
    /// The plan of the last ceremony, as it was written.
    pub plan: &'a Plan,
    /// The tool that puts it into words.
    pub tool: &'a Tool,
}

/// The root of the journal's Merkle tree, in hex.
pub fn root(journal: &[u8]) -> String {
    let lines = journal.split_inclusive(|byte| *byte == b'\n');
    let leaves: Vec<merkle::Hash> =
        lines.filter_map(|line| line.strip_suffix(b"\n")).map(merkle::leaf).collect();
    data_encoding::HEXLOWER.encode(&merkle::root(&leaves))
}

/// Every file, as the journal recorded it last.
pub fn files(records: &[Record]) -> BTreeMap<&str, &FileRecord> {
    records.iter().flat_map(|record| &record.files).map(|file| (file.path.as_str(), file)).collect()
}

/// The journal as a subject.
pub fn journal_subject(lines: u64, root: &str) -> Subject {
    let digest = BTreeMap::from([(ROOT.to_string(), root.to_string())]);
    Subject { name: format!("journal.jsonl, lines 1 to {lines}"), digest }
}

/// Puts into words what happened. `random` gives 16 bytes each time, for the salts.
pub fn words<E>(
    material: &Material<'_>,
    random: impl FnMut() -> Result<[u8; 16], E>,
) -> Result<Words, Error<E>> {
    let lines = material.records.last().map_or(0, |record| record.seq);
    let root = root(material.journal);
    let mut subjects: Vec<Subject> = files(material.records)
        .into_iter()
        .map(|(path, file)| Subject::sha256(path, file.sha256.as_str()))
        .collect();
    subjects.push(journal_subject(lines, &root));
    let mut secrets = Secrets {
        private: &material.plan.ceremony.private.iter().map(|one| **one).collect::<Vec<_>>(),
        random,
        openings: Vec::new(),
    };
    let seal = predicate::describe(material, (lines, root), &mut secrets)?;
    let predicate = serde_json::to_value(seal)
        .map_err(|error| Malformed { object: "seal".into(), reason: error.to_string() })?;
    let payload = Statement::new(PREDICATE, subjects, predicate).payload()?;
    Ok(Words { statement: String::from_utf8_lossy(&payload).into_owned(), openings: secrets.openings })
}

/// What a person says who objects to a seal.
pub fn objection(
    number: u64,
    statement: &str,
    (person, role): (&Name, Role),
    reason: &str,
) -> Result<Vec<u8>, Malformed> {
    let subject = Subject::sha256(format!("seal {number}"), crate::pki::sha256_hex(statement.as_bytes()));
    let predicate = json!({"seal": number, "person": person, "role": role, "reason": reason});
    Statement::new(OBJECTION, vec![subject], predicate).payload()
}

/// Why nothing was put into words.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error<E> {
    /// It can't be written as JSON.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The random source failed.
    #[error("{0}")]
    Random(E),
}

/// What is kept out of the words, and what opens it.
struct Secrets<'a, R> {
    private: &'a [Private],
    random: R,
    openings: Vec<Opening>,
}

impl<E, R: FnMut() -> Result<[u8; 16], E>> Secrets<'_, R> {
    /// A value of a kind, or its salted hash where the plan says that it is private.
    fn word(&mut self, kind: Private, value: &str) -> Result<Word, Error<E>> {
        if !self.private.contains(&kind) || value.is_empty() {
            return Ok(Word::Said(value.to_string()));
        }
        self.keep(value)
    }

    /// A text that somebody typed, which may say anything: kept where the plan calls anything private.
    fn typed(&mut self, text: &str) -> Result<Word, Error<E>> {
        if self.private.is_empty() || text.is_empty() {
            return Ok(Word::Said(text.to_string()));
        }
        self.keep(text)
    }

    fn keep(&mut self, value: &str) -> Result<Word, Error<E>> {
        let salt = data_encoding::HEXLOWER.encode(&(self.random)().map_err(Error::Random)?);
        let opening = Opening { salt, value: value.to_string() };
        let hash = opening.hash();
        self.openings.push(opening);
        Ok(Word::Kept { salted_sha256: hash })
    }
}

/// The text of the last plan that was run, and of the one before it no word.
pub fn last_plan(records: &[Record]) -> Option<&str> {
    records.iter().rev().find_map(|record| match &record.event {
        Event::CeremonyStarted { text, .. } => Some(text.as_str()),
        _ => None,
    })
}

#[cfg(test)]
mod tests;
