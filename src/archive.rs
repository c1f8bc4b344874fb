//! The archive: what is. The only room that writes files.
//!
//! Its truth is the journal. An event is written and on the disk before the files that follow from it;
//! the files can be made again from the events, and are, when a kill came between the two.

pub mod event;
pub mod journal;
pub mod layout;
pub mod rehearsal;
pub mod state;
pub mod store;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use data_encoding::BASE64;
use serde_json::Value;

pub use event::{Event, FileRecord, KeyRecord, Role};
pub use journal::{Damage, Journal, Record};
pub use state::State;

use crate::lint::Signed;
use crate::lint::trust_root::Passed;
use crate::pki::{Certificate, Crl};
use crate::plan::{Name, Time};
use crate::tuf::RoleSignature;
use layout::{File, Kind};
use store::Store;

/// An archive that is open for writing, or a scratch one in memory.
#[derive(Debug)]
pub struct Archive {
    path: PathBuf,
    journal: Journal,
    state: State,
    store: Option<Store>,
    repaired: Vec<String>,
}

/// What goes wrong with an archive.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// A file or folder can't be read or written.
    #[error("{path}: {error}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// A line of the journal was changed.
    #[error("{path}/{damage}")]
    Damaged {
        /// The archive.
        path: PathBuf,
        /// The line, and what is wrong with it.
        damage: Damage,
    },
    /// A file is not what the journal says.
    #[error("{path} is not what the journal recorded: found SHA-256 {found}, expected {expected}")]
    Changed {
        /// The file.
        path: PathBuf,
        /// The SHA-256 of what is there.
        found: String,
        /// The SHA-256 that the journal has.
        expected: String,
    },
    /// The folder holds files, but no journal.
    #[error("{0} holds files but no journal.jsonl: not an archive")]
    NotAnArchive(PathBuf),
    /// An event that can't be written as JSON.
    #[error("an event can't be written: {0}")]
    Json(#[from] serde_json::Error),
}

/// The journal of an archive and what it adds up to, read without writing anything. A folder that is
/// empty, or not there, is an empty archive; one with other things in it is none.
pub fn read(path: &Path) -> Result<(Journal, State), ArchiveError> {
    let file = path.join("journal.jsonl");
    let bytes = match std::fs::read(&file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(ArchiveError::Io { path: file, error }),
    };
    let damaged = |damage: Damage| ArchiveError::Damaged { path: path.to_path_buf(), damage };
    let journal = Journal::parse(&bytes).map_err(damaged)?;
    if journal.records.is_empty() && journal.torn.is_empty() {
        refuse_foreign(path)?;
    }
    let mut state = State::default();
    for record in &journal.records {
        state.apply(record).map_err(damaged)?;
    }
    Ok((journal, state))
}

/// A folder with other things in it does not become an archive.
fn refuse_foreign(path: &Path) -> Result<(), ArchiveError> {
    let Ok(entries) = std::fs::read_dir(path) else { return Ok(()) };
    // `rehearse` puts its site and tokens there first; an empty journal is a beginning.
    let foreign = entries.flatten().any(|entry| {
        let name = entry.file_name();
        name != rehearsal::FOLDER && name != "journal.jsonl"
    });
    if foreign { Err(ArchiveError::NotAnArchive(path.to_path_buf())) } else { Ok(()) }
}

impl Archive {
    /// Opens an archive for writing, or begins one in an empty or absent folder. What a kill left
    /// unfinished is finished: files that an event recorded and that are missing are written.
    pub fn open(path: &Path, time: Time) -> Result<Self, ArchiveError> {
        let (journal, state) = read(path)?;
        let io = |error: io::Error| ArchiveError::Io { path: path.to_path_buf(), error };
        let store = Store::open(path).map_err(io)?;
        // Read again under the lock: another process may have written in between.
        let (journal, state) = if std::fs::metadata(path.join("journal.jsonl")).map_err(io)?.len() == 0 {
            (journal, state)
        } else {
            read(path)?
        };
        let mut archive =
            Self { path: path.to_path_buf(), journal, state, store: Some(store), repaired: Vec::new() };
        archive.repair(time)?;
        Ok(archive)
    }

    /// An archive in memory, which holds what another holds. Nothing of it is ever written.
    pub fn scratch(state: State) -> Self {
        Self { path: PathBuf::new(), journal: Journal::default(), state, store: None, repaired: Vec::new() }
    }

    /// What the archive holds.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Time spent waiting for the disk.
    pub fn disk_time(&self) -> Duration {
        self.store.as_ref().map_or(Duration::ZERO, Store::spent)
    }

    /// What had to be finished or put right when the archive was opened, in words.
    pub fn repaired(&self) -> &[String] {
        &self.repaired
    }

    /// Records something that makes no signed document: an intent, an opened device, a beginning, an end.
    pub fn record(&mut self, time: Time, event: Event) -> Result<(), ArchiveError> {
        self.commit(time, event, Vec::new())
    }

    /// Records a ceremony's beginning, together with files that others wrote into the archive.
    pub fn begin(&mut self, time: Time, event: Event, others: Vec<FileRecord>) -> Result<(), ArchiveError> {
        self.commit(time, event, others)
    }

    /// Takes a certificate in. Only what was signed and verified can come here.
    pub fn certificate(
        &mut self,
        time: Time,
        step: &str,
        name: &Name,
        issuer: Option<&Name>,
        spec: Value,
        signed: &Signed<Certificate>,
    ) -> Result<(), ArchiveError> {
        let event = Event::CertificateSigned {
            step: step.to_string(),
            certificate: name.clone(),
            spec,
            issuer: issuer.cloned(),
            der: BASE64.encode(signed.document().der()),
        };
        self.commit(time, event, Vec::new())
    }

    /// Takes a CRL in. Only what was signed and verified can come here.
    pub fn crl(
        &mut self,
        time: Time,
        step: &str,
        name: &Name,
        (issuer, number): (&Name, u64),
        spec: Value,
        signed: &Signed<Crl>,
    ) -> Result<(), ArchiveError> {
        let event = Event::CrlSigned {
            step: step.to_string(),
            crl: name.clone(),
            spec,
            issuer: issuer.clone(),
            number,
            der: BASE64.encode(signed.document().der()),
        };
        self.commit(time, event, Vec::new())
    }

    /// Takes the trusted root and the signing config in. Only what broke no rule can come here.
    pub fn trust_root(
        &mut self,
        time: Time,
        step: &str,
        spec: Value,
        passed: &Passed,
    ) -> Result<(), ArchiveError> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let event = Event::TrustRootAssembled {
            step: step.to_string(),
            spec,
            trusted_root: text(passed.trusted_root.bytes()),
            signing_config: text(passed.signing_config.bytes()),
        };
        self.commit(time, event, Vec::new())
    }

    /// Takes a signature over a role's metadata in. Only one that was verified can come here.
    pub fn role_signature(
        &mut self,
        time: Time,
        step: &str,
        (role, version, key): (Role, u64, &Name),
        spec: Value,
        bytes: &[u8],
        signed: &Signed<RoleSignature>,
    ) -> Result<(), ArchiveError> {
        let event = Event::MetadataSigned {
            step: step.to_string(),
            role,
            version,
            key: key.clone(),
            spec,
            keyid: signed.document().keyid.clone(),
            signature: signed.document().sig.clone(),
            signed: crate::pki::sha256_hex(bytes),
        };
        self.commit(time, event, Vec::new())
    }

    /// Publishes a role's metadata: the file that [`crate::tuf::envelope()`] made, whose signatures
    /// reach the threshold.
    pub fn publish(
        &mut self,
        time: Time,
        step: &str,
        (role, version): (Role, u64),
        spec: Value,
        file: &[u8],
    ) -> Result<(), ArchiveError> {
        let content = String::from_utf8_lossy(file).into_owned();
        let event = Event::MetadataPublished { step: step.to_string(), role, version, spec, content };
        self.commit(time, event, Vec::new())
    }

    /// Journal, then files.
    fn commit(&mut self, time: Time, event: Event, others: Vec<FileRecord>) -> Result<(), ArchiveError> {
        let files = layout::files(&event, &self.state);
        let mut records: Vec<FileRecord> =
            files.iter().map(|file| FileRecord::of(file.path.as_str(), &file.bytes)).collect();
        records.extend(others);
        let (line, record, hash) = self.journal.line(time, event, records)?;
        if let Some(store) = &mut self.store {
            let path = self.path.join("journal.jsonl");
            store.append(&line).map_err(|error| ArchiveError::Io { path, error })?;
        }
        self.state
            .apply(&record)
            .map_err(|damage| ArchiveError::Damaged { path: self.path.clone(), damage })?;
        self.journal.push(record, hash);
        self.write(&files)
    }

    fn write(&mut self, files: &[File]) -> Result<(), ArchiveError> {
        let Some(store) = &mut self.store else { return Ok(()) };
        for file in files {
            let written = match file.kind {
                Kind::Once => store.write_once(&file.path, &file.bytes),
                Kind::Newest => store.replace(&file.path, &file.bytes),
            };
            let path = self.path.join(&file.path);
            written.map_err(|error| ArchiveError::Io { path, error })?;
        }
        Ok(())
    }

    /// Finishes what a kill interrupted: a torn line is kept aside, missing files are written.
    fn repair(&mut self, time: Time) -> Result<(), ArchiveError> {
        let io = |path: PathBuf| move |error: io::Error| ArchiveError::Io { path, error };
        if let Some(store) = &mut self.store {
            let folders =
                ["", "plans", "keys", "certificates", "crls", "trust-root", "tuf", "tuf/targets", "evidence"];
            store.sweep(&folders).map_err(io(self.path.clone()))?;
        }
        if !self.journal.torn.is_empty() {
            let torn = std::mem::take(&mut self.journal.torn);
            let file = self.path.join("journal.jsonl");
            let length = std::fs::metadata(&file).map_err(io(file.clone()))?.len();
            let kept = length.saturating_sub(u64::try_from(torn.len()).unwrap_or(u64::MAX));
            if let Some(store) = &mut self.store {
                store.truncate_journal(kept).map_err(io(file))?;
            }
            self.record(time, Event::JournalTorn { rest: BASE64.encode(&torn) })?;
            self.repaired.push(format!(
                "the journal's last line was cut off after {} bytes; what was left is kept in evidence/",
                torn.len()
            ));
        }
        let mut state = State::default();
        let mut newest: BTreeMap<String, File> = BTreeMap::new();
        let mut earlier: BTreeSet<(String, Vec<u8>)> = BTreeSet::new();
        for record in &self.journal.records {
            for file in layout::files(&record.event, &state) {
                if let Some(old) = newest.insert(file.path.clone(), file) {
                    earlier.insert((old.path, old.bytes));
                }
            }
            state
                .apply(record)
                .map_err(|damage| ArchiveError::Damaged { path: self.path.clone(), damage })?;
        }
        for file in newest.into_values() {
            let path = self.path.join(&file.path);
            match std::fs::read(&path) {
                Ok(found) if found == file.bytes => {}
                Ok(found) if !earlier.contains(&(file.path.clone(), found.clone())) => {
                    let (found, expected) =
                        (crate::pki::sha256_hex(&found), crate::pki::sha256_hex(&file.bytes));
                    return Err(ArchiveError::Changed { path, found, expected });
                }
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(ArchiveError::Io { path, error });
                }
                _ => {
                    self.repaired.push(format!("{} was not yet written, and is now", file.path));
                    self.write(&[file])?;
                }
            }
        }
        Ok(())
    }
}
