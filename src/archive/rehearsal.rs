//! `ARCHIVE/rehearsal/`: the site and the throwaway tokens that a rehearsal makes for itself.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::disk::{Disk, OPEN, SECRET};
use super::event::FileRecord;

/// The folder inside an archive.
pub const FOLDER: &str = "rehearsal";

/// A rehearsal's folder.
#[derive(Debug)]
pub struct Rehearsal {
    folder: PathBuf,
    disk: Disk,
}

impl Rehearsal {
    /// The rehearsal's folder of an archive, which is made if it is not there. The path is absolute:
    /// modules are told of it.
    pub fn open(archive: &Path) -> io::Result<Self> {
        let mut disk = Disk::default();
        let folder = archive.join(FOLDER);
        let tokens = folder.join("tokens");
        disk.make_folder(&tokens)?;
        disk.sweep(&folder)?;
        disk.sweep(&tokens)?;
        Ok(Self { folder: folder.canonicalize()?, disk })
    }

    /// The site file.
    pub fn site(&self) -> PathBuf {
        self.folder.join("site.toml")
    }

    /// SoftHSM's configuration.
    pub fn configuration(&self) -> PathBuf {
        self.folder.join("softhsm2.conf")
    }

    /// Writes SoftHSM's configuration: tokens in this folder, nothing in its log but errors.
    pub fn write_configuration(&mut self) -> io::Result<()> {
        let text = format!(
            "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n",
            self.folder.join("tokens").display()
        );
        self.disk.replace(&self.configuration(), text.as_bytes(), OPEN)
    }

    /// Writes the site file.
    pub fn write_site(&mut self, text: &str) -> io::Result<()> {
        self.disk.replace(&self.site(), text.as_bytes(), OPEN)
    }

    /// Where the PIN of a device stands, relative to the site file.
    pub fn pin_file(device: &str, officer: bool) -> String {
        format!("tokens/{device}.{}", if officer { "so-pin" } else { "pin" })
    }

    /// Writes a PIN that nobody knows yet, of mode 0600; one that is there stays.
    pub fn write_pin(&mut self, device: &str, officer: bool, pin: &str) -> io::Result<()> {
        let path = self.folder.join(Self::pin_file(device, officer));
        if path.exists() { Ok(()) } else { self.disk.once(&path, pin.as_bytes(), SECRET) }
    }
}

/// The files of `rehearsal/` that are records, as the journal takes them in: not the tokens, which are
/// devices.
pub fn records(archive: &Path) -> io::Result<Vec<FileRecord>> {
    let mut records = Vec::new();
    for name in ["site.toml", "softhsm2.conf"] {
        match fs::read(archive.join(FOLDER).join(name)) {
            Ok(bytes) => records.push(FileRecord::of(format!("{FOLDER}/{name}"), &bytes)),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(records)
}
