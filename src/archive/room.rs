//! Whether an archive can be written where it shall be, before anything is.

use std::io;
use std::path::Path;

use rustix::fs::{Access, StatVfs, access, statvfs};

use super::inspection::RECORDED;
use super::{ArchiveError, Size};

/// What is kept free beside what the ceremony itself writes: repairs, and the evidence of them.
const SPARE: Size = Size { bytes: 64 * 1024, files: 16 };

/// Refuses a folder that can't be written to.
pub fn writable(archive: &Path) -> Result<(), ArchiveError> {
    let folders = RECORDED.iter().map(|folder| archive.join(folder)).filter(|folder| folder.exists());
    let journal = Some(archive.join("journal.jsonl")).filter(|journal| journal.exists());
    let nearest = nearest(archive).to_path_buf();
    for path in folders.chain(journal).chain([nearest]) {
        access(&path, Access::WRITE_OK)
            .map_err(|error| ArchiveError::Io { path, error: io::Error::from(error) })?;
    }
    Ok(())
}

/// Refuses a disk that has less room than the ceremony needs. A disk that does not say has room.
pub fn enough(archive: &Path, ceremony: Size) -> Result<(), ArchiveError> {
    let Ok(disk) = statvfs(nearest(archive)) else { return Ok(()) };
    let (free, files) = (free(&disk), inodes(&disk));
    // Each file fills its last block only in part, and is written beside itself before it is renamed.
    let blocks = ceremony.files.saturating_add(2).saturating_mul(disk.f_frsize);
    let needed = ceremony.bytes.saturating_add(blocks).saturating_add(SPARE.bytes);
    let many = ceremony.files.saturating_add(SPARE.files);
    if free >= needed && files >= many {
        return Ok(());
    }
    Err(ArchiveError::Room { path: archive.to_path_buf(), free, files, needed, many })
}

fn free(disk: &StatVfs) -> u64 {
    disk.f_bavail.saturating_mul(disk.f_frsize)
}

/// File systems without inodes, such as btrfs, say that they have none at all.
fn inodes(disk: &StatVfs) -> u64 {
    if disk.f_files == 0 { u64::MAX } else { disk.f_favail }
}

/// The archive's folder, or the nearest one above it that is there.
fn nearest(archive: &Path) -> &Path {
    let mut ancestors = archive.ancestors().filter(|path| !path.as_os_str().is_empty());
    ancestors.find(|path| path.exists()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ceremony_larger_than_the_disk_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("not/there/yet");
        assert!(enough(&archive, Size { bytes: 1000, files: 1 }).is_ok());
        let error = enough(&archive, Size { bytes: u64::MAX / 2, files: 1 }).unwrap_err();
        assert!(error.to_string().contains("ENV-DISK"), "{error}");
        assert!(writable(&archive).is_ok());
    }

    #[test]
    fn a_folder_on_a_read_only_disk_is_refused() {
        // The kernel's own folder: nobody writes there, root included.
        let proc = Path::new("/proc/self/root-that-is-not-there");
        if Path::new("/proc/self").exists() {
            assert!(matches!(writable(Path::new("/proc/sys/kernel/ostype")), Err(ArchiveError::Io { .. })));
            assert!(nearest(proc).starts_with("/proc"));
        }
    }
}
