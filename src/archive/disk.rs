//! Files, written so that a kill or a power cut at any instant leaves either the old state or the new.
//!
//! Temporary file, fsync, link or rename, fsync of the folder. Each step has a [`fault::point`] before
//! and after it, where tests kill the process.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::fault;

/// What temporary files are called; one that is found was left by a kill.
pub const TEMPORARY: &str = ".rootwright-";

/// The mode of a file that everybody may read, as far as the umask allows.
pub const OPEN: u32 = 0o666;

/// The mode of a file with a secret.
pub const SECRET: u32 = 0o600;

/// A disk, and the time spent waiting for it.
#[derive(Debug, Default)]
pub struct Disk {
    spent: Duration,
    /// Folders that are known to be on the disk.
    known: BTreeSet<PathBuf>,
}

/// Writes a file outside of any archive, durably, that is not there yet, or holds the same bytes.
pub fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    Disk::default().once(path, bytes, OPEN)
}

/// Makes a folder outside of any archive, durably.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    Disk::default().make_folder(folder)
}

/// Whether a file has these bytes already; false where it does not exist. One with other bytes is an error.
pub(super) fn fits(target: &Path, bytes: &[u8]) -> io::Result<bool> {
    match fs::read(target) {
        Ok(found) if found == bytes => Ok(true),
        Ok(_) => Err(io::Error::new(io::ErrorKind::AlreadyExists, "it exists with other bytes")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

impl Disk {
    /// Time spent waiting for the disk.
    pub fn spent(&self) -> Duration {
        self.spent
    }

    /// Makes a folder and those above it. Each is on the disk when this returns, also if a process that
    /// was killed had made it before.
    pub fn make_folder(&mut self, folder: &Path) -> io::Result<()> {
        if self.known.contains(folder) {
            return Ok(());
        }
        let above = folder.parent().filter(|above| !above.as_os_str().is_empty());
        if !folder.is_dir() {
            if let Some(above) = above {
                self.make_folder(above)?;
            }
            fault::point("folder: make");
            match fs::create_dir(folder) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists || !folder.is_dir() => {
                    return Err(error);
                }
                _ => {}
            }
            fault::point("folder: made");
        }
        // The folder above may be one that can be used and not read: then it is not ours to sync.
        match self.sync_folder(above.unwrap_or(Path::new("."))) {
            Err(error) if error.kind() != io::ErrorKind::PermissionDenied => return Err(error),
            _ => {}
        }
        self.known.insert(folder.to_path_buf());
        Ok(())
    }

    /// Writes a file that does not exist yet; one with the same bytes is left as it is.
    pub fn once(&mut self, target: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
        if fits(target, bytes)? {
            return Ok(());
        }
        let temporary = self.temporary(target, bytes, mode)?;
        fault::point("file: link");
        // A link fails where a rename would replace.
        let linked = fs::hard_link(&temporary, target);
        fault::point("file: linked");
        fs::remove_file(&temporary)?;
        fault::point("file: temporary removed");
        linked?;
        self.sync_folder(folder_of(target))
    }

    /// Writes a file, in place of the one that is there.
    pub fn replace(&mut self, target: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
        if fs::read(target).is_ok_and(|found| found == bytes) {
            return Ok(());
        }
        let temporary = self.temporary(target, bytes, mode)?;
        fault::point("file: rename");
        let renamed = fs::rename(&temporary, target);
        fault::point("file: renamed");
        if renamed.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        renamed?;
        self.sync_folder(folder_of(target))
    }

    /// Removes temporary files that a kill left behind.
    pub fn sweep(&mut self, folder: &Path) -> io::Result<()> {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        for entry in entries {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
                fault::point("file: sweep");
                fs::remove_file(entry.path())?;
                fault::point("file: swept");
            }
        }
        Ok(())
    }

    /// Waits until a file's bytes are on the disk.
    pub fn sync(&mut self, file: &File) -> io::Result<()> {
        let start = Instant::now();
        let result = file.sync_data();
        self.spent += start.elapsed();
        result
    }

    /// Waits until a folder's entries are on the disk.
    pub fn sync_folder(&mut self, folder: &Path) -> io::Result<()> {
        fault::point("folder: sync");
        let start = Instant::now();
        let result = File::open(folder).and_then(|folder| folder.sync_all());
        self.spent += start.elapsed();
        fault::point("folder: synced");
        result
    }

    fn temporary(&mut self, target: &Path, bytes: &[u8], mode: u32) -> io::Result<PathBuf> {
        let folder = folder_of(target);
        self.make_folder(folder)?;
        let name = target.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let temporary = folder.join(format!("{TEMPORARY}{name}"));
        fault::point("file: write");
        let written = self.write(&temporary, bytes, mode);
        fault::point("file: written");
        if written.is_err() {
            // On a full disk even half a file is in the way of what comes next.
            let _ = fs::remove_file(&temporary);
        }
        written.map(|()| temporary)
    }

    fn write(&mut self, path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(path)?;
        fault::point("file: opened");
        file.write_all(bytes)?;
        fault::point("file: sync");
        self.sync(&file)
    }
}

fn folder_of(target: &Path) -> &Path {
    target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
