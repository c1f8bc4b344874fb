//! `ARCHIVE/rehearsal/`: the site and the throwaway tokens that a rehearsal makes for itself.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::event::FileRecord;

/// The folder inside an archive.
pub const FOLDER: &str = "rehearsal";

/// A rehearsal's folder.
#[derive(Clone, Debug)]
pub struct Rehearsal {
    folder: PathBuf,
}

impl Rehearsal {
    /// The rehearsal's folder of an archive, which is made if it is not there. The path is absolute:
    /// modules are told of it.
    pub fn open(archive: &Path) -> io::Result<Self> {
        let folder = archive.join(FOLDER);
        fs::create_dir_all(folder.join("tokens"))?;
        Ok(Self { folder: folder.canonicalize()? })
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
    pub fn write_configuration(&self) -> io::Result<()> {
        let text = format!(
            "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n",
            self.folder.join("tokens").display()
        );
        write(&self.configuration(), text.as_bytes())
    }

    /// Writes the site file.
    pub fn write_site(&self, text: &str) -> io::Result<()> {
        write(&self.site(), text.as_bytes())
    }

    /// Where the PIN of a device stands, relative to the site file.
    pub fn pin_file(device: &str, officer: bool) -> String {
        format!("tokens/{device}.{}", if officer { "so-pin" } else { "pin" })
    }

    /// Writes a PIN that nobody knows yet, of mode 0600; one that is there stays.
    pub fn write_pin(&self, device: &str, officer: bool, pin: &str) -> io::Result<()> {
        let path = self.folder.join(Self::pin_file(device, officer));
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
            Ok(mut file) => {
                file.write_all(pin.as_bytes())?;
                file.sync_all()
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
        }
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

/// In place of what is there, at once and durably.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if fs::read(path).is_ok_and(|found| found == bytes) {
        return Ok(());
    }
    let temporary = path.with_extension("new");
    let mut file = fs::File::create(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)
}
