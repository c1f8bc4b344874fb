//! What stands in an archive's folders, against what its journal says must stand there.
//!
//! Files come after the journal's line that they follow from. So a kill leaves files that are missing,
//! and a line that is cut off; it never leaves a file that the journal does not know. Such a file means
//! that lines of the journal are gone, or that somebody else wrote: going on would contradict it. A CRL
//! comes before its line: the one that a step was about to sign may be there already.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::disk::TEMPORARY;
use super::journal::Damage;
use super::layout::{self, File};
use super::{ArchiveError, Event, Journal, State, canary, rehearsal};
use crate::pki::crl::parts;
use crate::pki::sha256_hex;

/// Folders in which every file follows from the journal.
pub const RECORDED: [&str; 8] =
    ["plans", "keys", "certificates", "csrs", "crls", "trust-root", "tuf", "tuf/targets"];

/// Where seals, approvals and the rests of lines that were cut off are kept.
pub const EVIDENCE: &str = "evidence";

/// An archive as it was found. Nothing was written to find it out.
#[derive(Clone, Debug, Default)]
pub struct Inspection {
    /// The journal.
    pub journal: Journal,
    /// What it adds up to.
    pub state: State,
    /// Files that the journal's events make and that are not there, or not the newest.
    pub missing: Vec<File>,
    /// Rests of lines that were cut off and kept aside, by a process that was killed before it could
    /// record them.
    pub unrecorded: Vec<Vec<u8>>,
}

impl Inspection {
    /// Whether nothing has to be put right.
    pub fn is_whole(&self) -> bool {
        self.journal.torn.is_empty() && self.missing.is_empty() && self.unrecorded.is_empty()
    }
}

/// Looks at an archive: its journal, and every file of it. A folder that is empty, or not there, is an
/// empty archive. Refuses what no kill leaves behind.
pub fn inspect(path: &Path) -> Result<Inspection, ArchiveError> {
    // The files first: a process that works on the archive now writes the journal before them.
    let found = found(path)?;
    let journal = super::journal(path)?;
    let damaged = |damage: Damage| ArchiveError::Damaged { path: path.to_path_buf(), damage };
    let mut state = State::default();
    let mut newest: BTreeMap<String, File> = BTreeMap::new();
    let mut earlier: BTreeSet<(String, String)> = BTreeSet::new();
    // Files that are records themselves, and can't be made again.
    let mut records: BTreeMap<String, String> = BTreeMap::new();
    for record in &journal.records {
        records.extend(layout::record(&record.event).map(|(path, sha256)| (path, sha256.to_string())));
        for file in layout::files(&record.event, &state) {
            if let Some(old) = newest.insert(file.path.clone(), file) {
                earlier.insert((old.path, sha256_hex(&old.bytes)));
            }
        }
        state.apply(record).map_err(damaged)?;
    }
    let mut unrecorded = Vec::new();
    if let Some(name) = records.keys().find(|name| !found.contains_key(*name)) {
        return Err(ArchiveError::Gone(path.join(name)));
    }
    for (name, content) in &found {
        let bytes = match content {
            Content::Bytes(bytes) => bytes,
            Content::Crl { whole, signed } => match records.get(name) {
                Some(expected) if expected == whole => continue,
                Some(expected) => {
                    let (path, expected) = (path.join(name), expected.clone());
                    return Err(ArchiveError::Changed { path, found: whole.clone(), expected });
                }
                None if intended(&state, name, signed.as_deref()) => continue,
                None => return Err(ArchiveError::Unrecorded(path.join(name))),
            },
        };
        let recorded = newest.get(name);
        if recorded.is_some_and(|file| file.bytes == *bytes) {
            continue;
        }
        let hash = sha256_hex(bytes);
        match recorded {
            Some(_) if earlier.contains(&(name.clone(), hash.clone())) => {}
            Some(file) => {
                let (path, expected) = (path.join(name), sha256_hex(&file.bytes));
                return Err(ArchiveError::Changed { path, found: hash, expected });
            }
            None if *name == layout::torn(bytes) => unrecorded.push(bytes.clone()),
            None => return Err(ArchiveError::Unrecorded(path.join(name))),
        }
    }
    let there =
        |file: &File| matches!(found.get(&file.path), Some(Content::Bytes(bytes)) if *bytes == file.bytes);
    let missing = newest.into_values().filter(|file| !there(file)).collect();
    Ok(Inspection { journal, state, missing, unrecorded })
}

/// What a file holds.
enum Content {
    /// These bytes.
    Bytes(Vec<u8>),
    /// A CRL, which may be large: the SHA-256 of all of it, and of what is signed of it.
    Crl { whole: String, signed: Option<String> },
}

impl Content {
    fn of(name: &str, bytes: Vec<u8>) -> Self {
        if layout::crl_at(name).is_none() {
            return Self::Bytes(bytes);
        }
        let signed = parts::signed(&bytes).map(|(signed, _)| sha256_hex(signed));
        Self::Crl { whole: sha256_hex(&bytes), signed }
    }
}

/// Whether a CRL that the journal does not know is what a killed process was about to record: its step is
/// begun, and these are the bytes that it was about to sign.
fn intended(state: &State, path: &str, signed: Option<&str>) -> bool {
    let Some(name) = layout::crl_at(path) else { return false };
    match state.open.get(&format!("issue-crl/{name}")) {
        Some(Event::SignatureIntended { to_be_signed, .. }) => {
            signed.is_some() && to_be_signed.sha256().as_deref() == signed
        }
        _ => false,
    }
}

/// Every file that must follow from the journal, by its path in the archive.
fn found(path: &Path) -> Result<BTreeMap<String, Content>, ArchiveError> {
    let mut found = BTreeMap::new();
    let parents = [canary::FOLDER, layout::REQUESTS, layout::RESPONSES];
    let mut below = Vec::new();
    for parent in parents {
        below.extend(entries(&path.join(parent))?.into_iter().map(|(name, _)| format!("{parent}/{name}")));
    }
    let fixed = RECORDED.into_iter().chain(parents).chain([EVIDENCE, layout::PROOFS]).map(str::to_string);
    for folder in fixed.chain(below) {
        for (name, entry) in entries(&path.join(&folder))? {
            // What else is in evidence/ was written by people who read the archive.
            let ours = folder != EVIDENCE || layout::is_recorded_evidence(&name);
            if name.starts_with(TEMPORARY) || !ours || entry.is_dir() {
                continue;
            }
            match fs::read(&entry) {
                Ok(bytes) => {
                    let name = format!("{folder}/{name}");
                    let content = Content::of(&name, bytes);
                    found.insert(name, content);
                }
                // A temporary file's name that another process used up in between, or the like.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(ArchiveError::Io { path: entry, error }),
            }
        }
    }
    Ok(found)
}

fn entries(folder: &Path) -> Result<Vec<(String, PathBuf)>, ArchiveError> {
    let wrong = |error: io::Error| ArchiveError::Io { path: folder.to_path_buf(), error };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        // What is in the way of a folder is found when the folder is needed.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(wrong(error)),
    };
    let name = |entry: fs::DirEntry| (entry.file_name().to_string_lossy().into_owned(), entry.path());
    entries.map(|entry| entry.map(name)).collect::<Result<_, _>>().map_err(wrong)
}

/// A folder with other things in it does not become an archive.
pub(super) fn refuse_foreign(path: &Path) -> Result<(), ArchiveError> {
    let foreign = entries(path)?.into_iter().any(|(name, entry)| match name.as_str() {
        // `rehearse` puts its site and tokens there first; an empty journal is a beginning.
        rehearsal::FOLDER | "journal.jsonl" => false,
        // The first line was cut off, and kept aside.
        EVIDENCE => {
            !entries(&entry).is_ok_and(|kept| kept.iter().all(|(name, _)| name.starts_with(layout::TORN)))
        }
        _ => true,
    });
    if foreign { Err(ArchiveError::NotAnArchive(path.to_path_buf())) } else { Ok(()) }
}

/// What is recorded of the rest of a line that was cut off.
pub(super) fn torn(rest: &[u8]) -> Event {
    Event::JournalTorn { rest: data_encoding::BASE64.encode(rest) }
}
