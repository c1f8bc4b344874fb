//! The files of an archive against its journal: each there, each what was recorded, none beside them.

use std::collections::BTreeMap;
use std::fs::{self, File, FileType};
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::claims::{Claims, Content, Crl};
use super::report::{Area, Sheet};
use super::signature::sha256_hex;
use crate::archive::FileRecord;
use crate::site::Purpose;

/// The journal, which accounts for all other files and is itself held by its hash chain.
pub const JOURNAL: &str = "journal.jsonl";

/// A rehearsal's software tokens: devices, which change as they are used, and no records.
const TOKENS: &str = "rehearsal/tokens";

/// Folders whose every file follows from an event. Elsewhere (`evidence`, `rehearsal`) an event may record
/// what others wrote.
const DERIVED: [&str; 10] = [
    "plans/",
    "keys/",
    "certificates/",
    "csrs/",
    "crls/",
    "trust-root/",
    "tuf/",
    "canaries/",
    "requests/",
    "responses/",
];

/// The recorded files of an archive as they are on the disk, by path, but for CRLs.
#[derive(Debug, Default)]
pub struct Files(BTreeMap<String, Vec<u8>>);

impl Files {
    /// A file's bytes, where it could be read.
    pub fn get(&self, path: &str) -> Option<&[u8]> {
        self.0.get(path).map(Vec::as_slice)
    }
}

/// The CRLs of an archive. Their files are the record of them, and may be large: each is read when it is
/// asked for.
#[derive(Debug)]
pub struct Lists<'a> {
    root: &'a Path,
    /// Those that somebody looks at now, so that a large one is in memory once.
    held: Mutex<BTreeMap<String, Weak<Vec<u8>>>>,
}

impl<'a> Lists<'a> {
    /// Those of the archive in this folder.
    pub fn of(root: &'a Path) -> Self {
        Self { root, held: Mutex::default() }
    }

    /// The bytes of the file that is the record of a CRL.
    pub fn crl(&self, claim: &Crl<'_>) -> Result<Arc<Vec<u8>>, String> {
        let path = claim.path();
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bytes) = held.get(&path).and_then(Weak::upgrade) {
            return Ok(bytes);
        }
        let bytes =
            fs::read(self.root.join(&path)).map_err(|error| format!("{path} can't be read: {error}"))?;
        let found = sha256_hex(&bytes);
        if found == claim.sha256 {
            let bytes = Arc::new(bytes);
            held.insert(path, Arc::downgrade(&bytes));
            return Ok(bytes);
        }
        Err(format!("{path} has SHA-256 {found}, expected {}", claim.sha256))
    }
}

/// Looks at every file once: reads what the journal records, and finds what it does not.
pub fn check(root: &Path, claims: &Claims<'_>, sheet: &mut Sheet) -> Files {
    let mut found = BTreeMap::new();
    list(root, "", claims.purpose, &mut found, sheet);
    let mut files = Files::default();
    for (path, (line, record)) in &claims.recorded {
        let content = claims.contents.get(*path);
        let result = match found.remove(*path) {
            None => Err(format!("it is not there; line {line} of the journal recorded it")),
            Some(kind) if !kind.is_file() => Err(format!("it is a {}, not a file", what(kind))),
            Some(_) => read(&root.join(path), record).and_then(|bytes| {
                let judged = judge(path, &bytes, (*line, record), content).map_err(|reason| {
                    match claims.replaced.get(&(*path, sha256_hex(&bytes).as_str())) {
                        Some(before) => format!(
                            "{reason}; this is what line {before} recorded: if an interruption came in between, the next `rootwright run` or `seal` writes the newest"
                        ),
                        None => reason,
                    }
                });
                if !matches!(content, Some(Content::Record(_))) {
                    files.0.insert((*path).to_string(), bytes);
                }
                judged
            }),
        };
        sheet.on(Area::Files, *path).judge(result);
    }
    for path in claims.contents.keys().filter(|path| !claims.recorded.contains_key(path.as_str())) {
        let reason = "an event of the journal makes this file, but no line records its hash";
        sheet.on(Area::Files, path.as_str()).failed(reason);
    }
    sheet.on(Area::Files, "*").judge(secrets(&files));
    found.remove(JOURNAL);
    for (path, kind) in found {
        let reason = if path.rsplit('/').next().is_some_and(|name| name.starts_with(".rootwright-")) {
            "a temporary file that an interruption left: the next `rootwright run` or `seal` removes it"
                .into()
        } else {
            format!("no line of the journal knows this {}", what(kind))
        };
        sheet.on(Area::Files, path).failed(reason);
    }
    files
}

/// Nothing that is exported may have a private key in it.
fn secrets(files: &Files) -> Result<&'static str, String> {
    /// How every PEM block of a private key ends (RFC 7468, 10 and 11; RFC 5915; OpenSSH's own).
    const MARK: &[u8] = b"PRIVATE KEY-----";
    let holds = |bytes: &Vec<u8>| bytes.windows(MARK.len()).any(|window| window == MARK);
    match files.0.iter().find(|(_, bytes)| holds(bytes)) {
        Some((path, _)) => Err(format!("{path} has a private key in it")),
        None => Ok("searched for private keys (PEM): there is none"),
    }
}

/// Everything below a folder that is not a folder, by path. Symlinks are not followed.
fn list(
    root: &Path,
    folder: &str,
    purpose: Option<Purpose>,
    found: &mut BTreeMap<String, FileType>,
    sheet: &mut Sheet,
) {
    let entries = match fs::read_dir(root.join(folder)).and_then(Iterator::collect::<io::Result<Vec<_>>>) {
        Ok(entries) => entries,
        Err(error) => {
            let shown = if folder.is_empty() { "." } else { folder };
            sheet.on(Area::Files, shown).failed(format!("the folder can't be read: {error}"));
            return;
        }
    };
    for entry in entries {
        let name = entry.file_name();
        let path = |name: &str| if folder.is_empty() { name.to_string() } else { format!("{folder}/{name}") };
        let shown = path(&name.to_string_lossy());
        // The entry's own type, not that of what a symlink points to.
        match (name.to_str(), entry.file_type()) {
            (_, Err(error)) => {
                sheet.on(Area::Files, shown).failed(format!("it can't be looked at: {error}"));
            }
            (None, Ok(kind)) => {
                let reason = format!("no line of the journal knows this {}", what(kind));
                sheet.on(Area::Files, shown).failed(reason);
            }
            (Some(_), Ok(kind)) if !kind.is_dir() => {
                found.insert(shown, kind);
            }
            (Some(_), Ok(_)) if shown == TOKENS && purpose == Some(Purpose::Rehearsal) => {
                sheet.note(format!("{TOKENS} is not covered: the rehearsal's devices are no records"));
            }
            (Some(_), Ok(_)) => list(root, &shown, purpose, found, sheet),
        }
    }
}

/// A file's bytes, if it is no longer than it should be: what is longer is not worth the memory.
fn read(path: &Path, record: &FileRecord) -> Result<Vec<u8>, String> {
    let unreadable = |error: io::Error| format!("it can't be read: {error}");
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::with_capacity(usize::try_from(record.size.min(1 << 24)).unwrap_or(0));
    file.take(record.size.saturating_add(1)).read_to_end(&mut bytes).map_err(unreadable)?;
    match u64::try_from(bytes.len()) {
        Ok(length) if length > record.size => {
            Err(format!("it is longer than the {} bytes that were recorded", record.size))
        }
        _ => Ok(bytes),
    }
}

/// A file against the line of the journal that recorded it last, and the event that makes it.
fn judge(
    path: &str,
    bytes: &[u8],
    (line, record): (u64, &FileRecord),
    content: Option<&Content<'_>>,
) -> Result<String, String> {
    let hash = sha256_hex(bytes);
    if hash != record.sha256 {
        return Err(format!(
            "found {} bytes with SHA-256 {hash}, expected {} with {} (line {line} of the journal)",
            bytes.len(),
            record.size,
            record.sha256
        ));
    }
    if u64::try_from(bytes.len()) != Ok(record.size) {
        return Err(format!("found {} bytes, expected {}", bytes.len(), record.size));
    }
    let same = match content {
        Some(Content::Bytes(expected)) => **expected == *bytes,
        Some(Content::Json(expected)) => {
            serde_json::from_slice::<serde_json::Value>(bytes).is_ok_and(|found| found == *expected)
        }
        Some(Content::Record(expected)) => hash == *expected,
        None if DERIVED.iter().any(|folder| path.starts_with(folder)) => {
            return Err(format!("line {line} of the journal records it, but no event makes it"));
        }
        None => return Ok(format!("as line {line} recorded it")),
    };
    if same {
        Ok(format!("as line {line} recorded it, and its event says"))
    } else {
        Err(format!("it has the recorded hash, but is not what the event of line {line} says"))
    }
}

fn what(kind: FileType) -> &'static str {
    if kind.is_symlink() {
        "symlink"
    } else if kind.is_dir() {
        "folder"
    } else if kind.is_file() {
        "file"
    } else {
        "special file"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_key_is_found_wherever_it_stands() {
        let files =
            |text: &str| Files(BTreeMap::from([("plans/a.toml".to_string(), text.as_bytes().to_vec())]));
        assert!(secrets(&files("-----BEGIN PUBLIC KEY-----\n")).is_ok());
        for kind in ["", "EC ", "RSA ", "OPENSSH ", "ENCRYPTED "] {
            let found = secrets(&files(&format!("# x\n-----BEGIN {kind}PRIVATE KEY-----\nAA==\n")));
            assert_eq!(found.unwrap_err(), "plans/a.toml has a private key in it");
        }
    }
}
