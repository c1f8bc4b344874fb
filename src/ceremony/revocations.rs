//! Reads the list of revocations that a CRL of the plan names: once, line by line, straight into the bytes
//! that are signed.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::CeremonyError;
use crate::pki::crl::Entries;
use crate::pki::crl::revoked::{LONGEST_LINE, Lines};
use crate::plan::RevokedFrom;

/// How much is read at once, in bytes.
const CHUNK: usize = 256 * 1024;

/// A file, and the hash of what was read of it.
struct Hashed {
    file: File,
    hash: Sha256,
}

impl Read for Hashed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.file.read(buffer)?;
        self.hash.update(buffer.get(..length).unwrap_or_default());
        Ok(length)
    }
}

/// The entries of a list, in its order. The file must be the one whose SHA-256 the plan has.
pub(super) fn read(from: &RevokedFrom, folder: &Path) -> Result<Entries, CeremonyError> {
    let path = folder.join(&*from.file);
    let wrong = |reason: String| CeremonyError::Input { path: path.clone(), reason };
    let failed = |error: io::Error| wrong(format!("the list of revocations can't be read: {error}"));
    let file = File::open(&path).map_err(failed)?;
    // An entry is shorter than its line. Room that is not needed is never touched.
    let room = file.metadata().map_err(failed)?.len().min(u64::from(u32::MAX));
    let room = usize::try_from(room).unwrap_or(0).saturating_add(4096);
    let mut reader = BufReader::with_capacity(CHUNK, Hashed { file, hash: Sha256::new() });
    let (mut entries, mut lines) = (Entries::with_room(room), Lines::moved_by(from.days));
    let mut line = Vec::with_capacity(LONGEST_LINE);
    for number in 1_u64.. {
        line.clear();
        let most = u64::try_from(LONGEST_LINE).unwrap_or(0).saturating_add(2);
        reader.by_ref().take(most).read_until(b'\n', &mut line).map_err(failed)?;
        let result = match line.split_last() {
            None => break,
            Some((b'\n', line)) => lines.take(line, &mut entries),
            Some(_) if line.len() > LONGEST_LINE => Err(format!(
                "found more than {LONGEST_LINE} bytes, expected SERIAL,DATE,REASON and a newline"
            )),
            Some(_) => Err("found a line without its newline: the file is cut off".into()),
        };
        result.map_err(|reason| wrong(format!("line {number}: {reason}")))?;
    }
    let found = HEXLOWER.encode(&reader.into_inner().hash.finalize());
    if found != from.sha256.as_str() {
        return Err(wrong(format!(
            "found SHA-256 {found}, expected {}, which the plan has: it is another list than the one that was reviewed",
            *from.sha256
        )));
    }
    Ok(entries)
}
