//! An archive's folder and its journal, locked against other processes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};

use super::disk::{self, Disk, OPEN};
use crate::fault;

/// A folder that is written to durably.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    journal: File,
    /// The journal's bytes that are whole lines, known to be on the disk.
    length: u64,
    /// Whether a line could not be written: nothing may follow it.
    failed: bool,
    disk: Disk,
}

impl Store {
    /// Opens (or makes) the folder and its journal, and locks it against other processes. What a killed
    /// process wrote there last is on the disk when this returns: what follows builds on it.
    pub fn open(root: &Path) -> io::Result<Self> {
        let mut disk = Disk::default();
        let new = !root.exists();
        disk.make_folder(root)?;
        fault::point("journal: open");
        let journal = match OpenOptions::new().append(true).create(true).open(root.join("journal.jsonl")) {
            Ok(journal) => journal,
            Err(error) => {
                if new {
                    let _ = fs::remove_dir(root);
                }
                return Err(error);
            }
        };
        fault::point("journal: opened");
        flock(&journal, FlockOperation::NonBlockingLockExclusive).map_err(|error| {
            let reason = format!("another process works on this archive ({error})");
            io::Error::new(io::ErrorKind::WouldBlock, reason)
        })?;
        disk.sync(&journal)?;
        disk.sync_folder(root)?;
        let length = journal.metadata()?.len();
        Ok(Self { root: root.to_path_buf(), journal, length, failed: false, disk })
    }

    /// Time spent waiting for the disk.
    pub fn spent(&self) -> Duration {
        self.disk.spent()
    }

    /// Adds a line to the journal and waits until it is on the disk. A line that can't be written is
    /// taken back, and no other follows it.
    pub fn append(&mut self, line: &[u8]) -> io::Result<()> {
        if self.failed {
            return Err(io::Error::other("an earlier line could not be written"));
        }
        fault::point("journal: write");
        let written = self.journal.write_all(line);
        fault::point("journal: written");
        let result = written.and_then(|()| self.disk.sync(&self.journal));
        fault::point("journal: synced");
        if result.is_err() {
            self.failed = true;
            // If this fails too, the rest of the line is known for what it is when it is read.
            let _ = self.journal.set_len(self.length);
            let _ = self.disk.sync(&self.journal);
        }
        result?;
        self.length = self.length.saturating_add(u64::try_from(line.len()).unwrap_or(u64::MAX));
        Ok(())
    }

    /// Cuts what follows the journal's last whole line.
    pub fn cut(&mut self, rest: usize) -> io::Result<()> {
        self.length = self.length.saturating_sub(u64::try_from(rest).unwrap_or(u64::MAX));
        fault::point("journal: cut");
        self.journal.set_len(self.length)?;
        fault::point("journal: was cut");
        self.disk.sync(&self.journal)
    }

    /// Whether a file that is written once can be: it does not exist yet, or has these bytes.
    pub fn fits(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        disk::fits(&self.root.join(path), bytes).map(|_| ())
    }

    /// Writes a file that does not exist yet; one with the same bytes is left as it is.
    pub fn write_once(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.disk.once(&self.root.join(path), bytes, OPEN)
    }

    /// Writes a file, in place of the one that is there.
    pub fn replace(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.disk.replace(&self.root.join(path), bytes, OPEN)
    }

    /// Removes temporary files that a kill left behind.
    pub fn sweep(&mut self, folders: &[&str]) -> io::Result<()> {
        folders.iter().try_for_each(|folder| self.disk.sweep(&self.root.join(folder)))
    }
}
