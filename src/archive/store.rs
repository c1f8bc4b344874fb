//! Files, written so that a kill at any instant leaves either the old state or the new one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};

/// What temporary files are called; one that is found was left by a kill.
const TEMPORARY: &str = ".rootwright-";

/// A folder that is written to durably, and the time that this takes.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    journal: File,
    spent: Duration,
}

impl Store {
    /// Opens (or makes) the folder and its journal, and locks it against other processes.
    pub fn open(root: &Path) -> io::Result<Self> {
        fs::create_dir_all(root)?;
        let journal = OpenOptions::new().append(true).create(true).open(root.join("journal.jsonl"))?;
        flock(&journal, FlockOperation::NonBlockingLockExclusive).map_err(|error| {
            let reason = format!("another process works on this archive ({error})");
            io::Error::new(io::ErrorKind::WouldBlock, reason)
        })?;
        let mut store = Self { root: root.to_path_buf(), journal, spent: Duration::ZERO };
        store.sync_folder(root)?;
        Ok(store)
    }

    /// Time spent waiting for the disk.
    pub fn spent(&self) -> Duration {
        self.spent
    }

    /// Adds a line to the journal and waits until it is on the disk.
    pub fn append(&mut self, line: &[u8]) -> io::Result<()> {
        self.journal.write_all(line)?;
        let start = Instant::now();
        let result = self.journal.sync_data();
        self.spent += start.elapsed();
        result
    }

    /// Cuts the journal to its first `length` bytes.
    pub fn truncate_journal(&mut self, length: u64) -> io::Result<()> {
        self.journal.set_len(length)?;
        self.journal.sync_all()
    }

    /// Writes a file that does not exist yet; one with the same bytes is left as it is.
    pub fn write_once(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let target = self.root.join(path);
        match fs::read(&target) {
            Ok(found) if found == bytes => return Ok(()),
            Ok(_) => return Err(io::Error::new(io::ErrorKind::AlreadyExists, "it exists with other bytes")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let (folder, temporary) = self.write_temporary(&target, bytes)?;
        // A link fails where a rename would replace.
        fs::hard_link(&temporary, &target)?;
        fs::remove_file(&temporary)?;
        self.sync_folder(&folder)
    }

    /// Writes a file, in place of the one that is there.
    pub fn replace(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let target = self.root.join(path);
        if fs::read(&target).is_ok_and(|found| found == bytes) {
            return Ok(());
        }
        let (folder, temporary) = self.write_temporary(&target, bytes)?;
        fs::rename(&temporary, &target)?;
        self.sync_folder(&folder)
    }

    /// Removes temporary files that a kill left behind.
    pub fn sweep(&mut self, folders: &[&str]) -> io::Result<()> {
        for folder in folders {
            let entries = match fs::read_dir(self.root.join(folder)) {
                Ok(entries) => entries,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            for entry in entries {
                let entry = entry?;
                if entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
                    fs::remove_file(entry.path())?;
                }
            }
        }
        Ok(())
    }

    fn write_temporary(&mut self, target: &Path, bytes: &[u8]) -> io::Result<(PathBuf, PathBuf)> {
        let folder = target.parent().unwrap_or(&self.root).to_path_buf();
        if !folder.is_dir() {
            fs::create_dir_all(&folder)?;
            let root = self.root.clone();
            for above in folder.ancestors().skip(1).take_while(|above| above.starts_with(&root)) {
                self.sync_folder(above)?;
            }
        }
        let name = target.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let temporary = folder.join(format!("{TEMPORARY}{name}"));
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&temporary)?;
        file.write_all(bytes)?;
        let start = Instant::now();
        let result = file.sync_all();
        self.spent += start.elapsed();
        result?;
        Ok((folder, temporary))
    }

    fn sync_folder(&mut self, folder: &Path) -> io::Result<()> {
        let start = Instant::now();
        let result = File::open(folder)?.sync_all();
        self.spent += start.elapsed();
        result
    }
}
