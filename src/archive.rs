//! The archive: what is. The only room that writes files.
//!
//! Its truth is the journal. An event is written and on the disk before the files that follow from it;
//! the files can be made again from the events, and are, when a kill came between the two.
//!
//! CRLs are the exception, since one may be as large as all the rest together many times over: the file is
//! the record, and the journal has its hash. It is written first, and the event after it. When a kill came
//! between the two, the file is there beside an intent to sign exactly these bytes; the step is then
//! finished from the file, and nothing is signed again.

pub mod canary;
pub mod chains;
pub mod disk;
pub mod event;
pub mod inspection;
pub mod journal;
pub mod layout;
pub mod made;
pub mod rehearsal;
mod reread;
pub mod room;
mod signed;
pub mod state;
pub mod store;
mod told;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use event::{
    CanaryPart, Confirmation, CopyRecord, Event, FileRecord, KeyRecord, Opening, Role, ToBeSigned,
};
pub use inspection::{Inspection, inspect};
pub use journal::{Damage, Journal, Record};
pub use state::State;

use crate::plan::Time;
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
    size: Size,
}

/// How much was written, or would have been: lines of the journal, and files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Size {
    /// Bytes.
    pub bytes: u64,
    /// Files.
    pub files: u64,
}

impl Size {
    /// With so much more.
    pub fn and(self, bytes: u64, files: u64) -> Self {
        Self { bytes: self.bytes.saturating_add(bytes), files: self.files.saturating_add(files) }
    }

    fn add(&mut self, bytes: usize, files: u64) {
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        self.files = self.files.saturating_add(files);
    }
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
    /// The disk is too full for what the ceremony will write.
    #[error(
        "{path}: the disk has {free} bytes and {files} files left, and this ceremony will write {needed} bytes and {many} files [ENV-DISK]"
    )]
    Room {
        /// The archive.
        path: PathBuf,
        /// The bytes that are left.
        free: u64,
        /// The files that can still be made.
        files: u64,
        /// The bytes that are needed.
        needed: u64,
        /// The files that are needed.
        many: u64,
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
    /// A file that is the only record of what it holds is not there.
    #[error("{0} is not there: the journal has only its hash, so it can't be written again")]
    Gone(PathBuf),
    /// A file that no line of the journal accounts for.
    #[error("{0} is not in the journal: lines of the journal are missing, or somebody else wrote the file")]
    Unrecorded(PathBuf),
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
    let journal = journal(path)?;
    let mut state = State::default();
    for record in &journal.records {
        state.apply(record).map_err(|damage| ArchiveError::Damaged { path: path.to_path_buf(), damage })?;
    }
    Ok((journal, state))
}

/// Writes a document that people read, whole or not at all, in place of an earlier one.
pub fn document(path: &Path, bytes: &[u8]) -> io::Result<()> {
    disk::Disk::default().replace(path, bytes, disk::OPEN)
}

/// Every file of an archive but a rehearsal's tokens: path in the archive and content, sorted. Whatever is no
/// regular file is left out.
pub fn whole(path: &Path) -> Result<Vec<(String, Vec<u8>)>, ArchiveError> {
    let mut files = Vec::new();
    let mut folders = vec![(path.to_path_buf(), String::new())];
    while let Some((folder, below)) = folders.pop() {
        let wrong = |error: io::Error| ArchiveError::Io { path: folder.clone(), error };
        for entry in std::fs::read_dir(&folder).map_err(wrong)? {
            let entry = entry.map_err(wrong)?;
            let (kind, name) = (entry.file_type().map_err(wrong)?, entry.file_name());
            let name = format!("{below}{}", name.to_string_lossy());
            if kind.is_dir() && name != rehearsal::FOLDER {
                folders.push((entry.path(), format!("{name}/")));
            } else if kind.is_file() && !entry.file_name().to_string_lossy().starts_with(disk::TEMPORARY) {
                files.push((name, std::fs::read(entry.path()).map_err(wrong)?));
            }
        }
    }
    files.sort();
    Ok(files)
}

fn journal(path: &Path) -> Result<Journal, ArchiveError> {
    let file = path.join("journal.jsonl");
    let bytes = match std::fs::read(&file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(ArchiveError::Io { path: file, error }),
    };
    let damaged = |damage: Damage| ArchiveError::Damaged { path: path.to_path_buf(), damage };
    let journal = reread::journal(&bytes).map_err(damaged)?;
    if journal.records.is_empty() && journal.torn.is_empty() {
        inspection::refuse_foreign(path)?;
    }
    Ok(journal)
}

impl Archive {
    /// Opens an archive for writing, or begins one in an empty or absent folder. What a kill left
    /// unfinished is finished: files that an event recorded and that are missing are written. What is
    /// refused is left as it was found.
    pub fn open(path: &Path, time: Time) -> Result<Self, ArchiveError> {
        Self::open_if(path, |_| Ok((time, ()))).map(|(archive, ())| archive)
    }

    /// The same, if whoever opens it has nothing against what it holds. They say what time it is, since that
    /// may rest on it, and what else they worked out is given back.
    pub fn open_if<T, E: From<ArchiveError>>(
        path: &Path,
        judge: impl Fn(&Inspection) -> Result<(Time, T), E>,
    ) -> Result<(Self, T), E> {
        // The lock is on the journal. One that is not there is not made where something is refused.
        if !path.join("journal.jsonl").is_file() {
            judge(&inspect(path)?)?;
        }
        let store =
            Store::open(path).map_err(|error| ArchiveError::Io { path: path.to_path_buf(), error })?;
        // Under the lock: nobody writes in between.
        let inspection = inspect(path)?;
        let (time, found) = judge(&inspection)?;
        let Inspection { journal, state, missing, unrecorded } = inspection;
        let mut archive = Self {
            path: path.to_path_buf(),
            journal,
            state,
            store: Some(store),
            repaired: Vec::new(),
            size: Size::default(),
        };
        archive.repair(time, &missing, unrecorded)?;
        Ok((archive, found))
    }

    /// An archive in memory, which holds what another holds. Nothing of it is ever written, and of the
    /// other one, at `path`, only CRLs are read.
    pub fn scratch(path: &Path, state: State) -> Self {
        let (path, journal) = (path.to_path_buf(), Journal::default());
        Self { path, journal, state, store: None, repaired: Vec::new(), size: Size::default() }
    }

    /// Whether it is one in memory.
    pub fn is_scratch(&self) -> bool {
        self.store.is_none()
    }

    /// What the archive holds.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The hash of the journal's last line.
    pub fn head(&self) -> Option<&str> {
        self.journal.head.as_deref()
    }

    /// How much was committed since it was opened.
    pub fn size(&self) -> Size {
        self.size
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

    /// The journal's lines.
    pub fn records(&self) -> &[Record] {
        &self.journal.records
    }

    /// Journal, then files. A file that would have other bytes than it has is refused before: a line that its
    /// files contradict would be in the way of everything that comes after it.
    fn commit(&mut self, time: Time, event: Event, others: Vec<FileRecord>) -> Result<(), ArchiveError> {
        let files = layout::files(&event, &self.state);
        if let Some(store) = &self.store {
            for file in files.iter().filter(|file| file.kind == Kind::Once) {
                let fits = store.fits(&file.path, &file.bytes);
                fits.map_err(|error| ArchiveError::Io { path: self.path.join(&file.path), error })?;
            }
        }
        let mut records: Vec<FileRecord> =
            files.iter().map(|file| FileRecord::of(file.path.as_str(), &file.bytes)).collect();
        records.extend(others);
        let (line, record, hash) = self.journal.line(time, event, records)?;
        self.size.add(line.len(), 0);
        files.iter().for_each(|file| self.size.add(file.bytes.len(), 1));
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

    /// Finishes what a kill interrupted. It can be interrupted too, anywhere, and be done again.
    fn repair(&mut self, time: Time, missing: &[File], unrecorded: Vec<Vec<u8>>) -> Result<(), ArchiveError> {
        let Some(store) = &mut self.store else { return Ok(()) };
        let io = |path: PathBuf| move |error: io::Error| ArchiveError::Io { path, error };
        store.sweep(&inspection::RECORDED).map_err(io(self.path.clone()))?;
        store.sweep(&[inspection::EVIDENCE, layout::PROOFS]).map_err(io(self.path.clone()))?;
        for canary in 1..=self.state.canaries_begun {
            store.sweep(&[&format!("{}/canary-{canary}", canary::FOLDER)]).map_err(io(self.path.clone()))?;
        }
        for ceremony in &self.state.asked_from {
            let folders = [layout::REQUESTS, layout::RESPONSES].map(|parent| format!("{parent}/{ceremony}"));
            store.sweep(&folders.each_ref().map(String::as_str)).map_err(io(self.path.clone()))?;
        }
        let mut rests = unrecorded;
        let torn = std::mem::take(&mut self.journal.torn);
        if !torn.is_empty() {
            // Kept aside before it is cut off, and recorded after: it is never only in memory.
            let name = layout::torn(&torn);
            store.write_once(&name, &torn).map_err(io(self.path.join(&name)))?;
            store.cut(torn.len()).map_err(io(self.path.join("journal.jsonl")))?;
            if !rests.contains(&torn) {
                rests.push(torn);
            }
        }
        for rest in rests {
            self.record(time, inspection::torn(&rest))?;
            self.repaired.push(format!(
                "the journal's last line was cut off after {} bytes; what was left is kept in {}",
                rest.len(),
                layout::torn(&rest)
            ));
        }
        for file in missing {
            self.repaired.push(format!("{} was not there, or not the newest, and is written", file.path));
        }
        self.write(missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_a_file_would_contradict_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let time = "2026-12-01T00:00:00Z".parse().unwrap();
        let mut archive = Archive::open(folder.path(), time).unwrap();
        let proof = |entry: &str| Event::ProofRecorded {
            of: "evidence/statement-1.dsse.json".into(),
            person: Some("ada".parse().unwrap()),
            host: "log.example.org".into(),
            log: String::new(),
            entry: entry.into(),
            sigsum: None,
        };
        archive.record(time, proof("one")).unwrap();
        archive.record(time, proof("one")).unwrap();
        let refused = archive.record(time, proof("another")).unwrap_err();
        assert!(refused.to_string().ends_with("it exists with other bytes"), "{refused}");
        drop(archive);
        let found = inspect(folder.path()).unwrap();
        assert!(found.is_whole());
        assert_eq!(found.journal.records.len(), 2);
    }
}
