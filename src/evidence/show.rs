//! One file, readable by careful people under pressure: for reading aloud and comparing on paper.
//!
//! Pure: bytes in, text and a JSON document out. The kind of a file is found by its content. Nothing
//! that a file holds reaches a terminal as anything but plain text, and nothing secret is repeated.

mod bundle;
mod certificate;
mod crl;
mod elsewhere;
mod extension;
mod fields;
pub(in crate::evidence) mod journal;
mod key;
mod key_record;
mod oid;
mod pem;
mod plain;
mod plan;
mod request;
mod sheet;
mod site;
mod text;
mod trusted_root;
mod tuf;

use serde_json::{Map, Value};

use crate::plan::Source;
use plain::{ends, plain, plain_lines};
use sheet::{Cell, Sheet};

/// What a file may be.
const EXPECTED: &str = "a certificate, certificate request, CRL or public key (PEM or DER), a trusted root, signing config, bundle, TUF metadata, key record or journal (JSON), a plan or site file (TOML)";

/// A file as it is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    name: String,
    kind: &'static str,
    sheet: Sheet,
}

/// Why a file is not shown. No message repeats what may be secret.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ShowError {
    /// None of the kinds of file.
    #[error("{}: found {}, expected {EXPECTED}", plain(name), plain(found))]
    Unknown {
        /// The file.
        name: String,
        /// What it looks like.
        found: String,
    },
    /// A private key.
    #[error(
        "{}: found a private key (PEM labelled `{}`), which is not shown; expected {EXPECTED}",
        plain(name),
        plain(label)
    )]
    Private {
        /// The file.
        name: String,
        /// Its PEM label.
        label: String,
    },
    /// A kind of file, but not a whole one.
    #[error("{}: looks like {kind}, but can't be read: {}", plain(name), plain(reason))]
    Unreadable {
        /// The file.
        name: String,
        /// What it looks like.
        kind: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A plan or site file with faults, each with its place.
    #[error("{}: looks like {kind}, but has faults:\n{}", plain(name), plain_lines(faults))]
    Faulty {
        /// The file.
        name: String,
        /// What it looks like.
        kind: &'static str,
        /// The faults.
        faults: String,
    },
}

impl Shown {
    /// What the file is, in words.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// Whether something in the file was checked and is wrong: damage, or a signature that does not verify.
    pub fn has_findings(&self) -> bool {
        self.sheet.has_findings()
    }

    /// The file as a JSON document: `file`, `kind`, and the rows by their labels.
    pub fn document(&self) -> Value {
        let mut map = Map::new();
        map.insert("file".into(), Value::String(plain(&self.name)));
        map.insert("kind".into(), Value::String(self.kind.into()));
        map.extend(self.sheet.document());
        Value::Object(map)
    }

    /// The file as text for people, with colours; whoever prints it takes them out where they don't belong.
    pub fn text(&self) -> String {
        text::titled(&format!("{}: {}", self.kind, self.name), &self.sheet)
    }
}

/// Finds out what a file is, and shows it. `name` is the file's name, for titles and messages.
pub fn show(name: &str, bytes: &[u8]) -> Result<Shown, ShowError> {
    let (kind, sheet) = match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
        None => return Err(unknown(name, "an empty file")),
        Some(b'{') => json(name, bytes)?,
        // A DER sequence begins with the same byte as the digit 0.
        Some(b'0') if let Some(shown) = der(bytes) => shown,
        Some(_) => match std::str::from_utf8(bytes) {
            Ok(text) if pem::resembles(text) => pem::show(name, text)?,
            Ok(text) => toml(name, text)?,
            Err(_) => return Err(unknown(name, &format!("{} bytes of something else", bytes.len()))),
        },
    };
    Ok(Shown { name: name.into(), kind, sheet })
}

fn unknown(name: &str, found: &str) -> ShowError {
    ShowError::Unknown { name: name.into(), found: found.into() }
}

/// DER says nothing of what it is: each kind is tried.
fn der(bytes: &[u8]) -> Option<(&'static str, Sheet)> {
    if let Ok(certificate) = certificate::Certificate::read(bytes) {
        return Some(("certificate", certificate.sheet()));
    }
    if let Ok(sheet) = request::show(bytes) {
        return Some(("certificate request", sheet));
    }
    if let Ok(sheet) = crl::show(bytes) {
        return Some(("CRL", sheet));
    }
    Some(("public key", key::show(bytes).ok()?))
}

/// A JSON object by its shape, or the lines of a journal.
fn json(name: &str, bytes: &[u8]) -> Result<(&'static str, Sheet), ShowError> {
    // Canonical JSON sorts its keys: every line of a journal begins so, damaged elsewhere or cut off.
    let is_journal = bytes.split(|byte| *byte == b'\n').any(|line| line.starts_with(b"{\"event\":{"));
    if is_journal {
        return Ok(("journal", journal::show(bytes)));
    }
    let value: Value = serde_json::from_slice(bytes).map_err(|error| ShowError::Unreadable {
        name: name.into(),
        kind: "JSON",
        reason: error.to_string(),
    })?;
    let has = |key: &str| value.get(key).is_some();
    let media_type = value.get("mediaType").and_then(Value::as_str).unwrap_or_default();
    let (kind, mut sheet) = if has("trustedRoot") && has("signingConfig") {
        let mut sheet = Sheet::default();
        let part = |key: &str| value.get(key).unwrap_or(&Value::Null);
        sheet.row("trusted root", Cell::Sheet(trusted_root::trusted_root(part("trustedRoot"))));
        sheet.row("signing config", Cell::Sheet(trusted_root::signing_config(part("signingConfig"))));
        ("client trust config", sheet)
    } else if media_type.contains("trustedroot") || has("certificateAuthorities") || has("tlogs") {
        ("trusted root", trusted_root::trusted_root(&value))
    } else if media_type.contains("signingconfig") || has("caUrls") {
        ("signing config", trusted_root::signing_config(&value))
    } else if media_type.contains("sigstore.bundle") || has("verificationMaterial") {
        ("bundle", bundle::show(&value))
    } else if has("identity") && has("issuer") && has("time") {
        ("canary's identity", bundle::identity(&value))
    } else if let Some(kind) = elsewhere::resembles(&value) {
        let read = if kind.starts_with("request") { elsewhere::request } else { elsewhere::response };
        let wrong = |reason| ShowError::Unreadable { name: name.into(), kind, reason };
        (kind, read(bytes).map_err(wrong)?)
    } else if has("signed") && has("signatures") {
        tuf::show(&value)
    } else if key_record::resembles(&value) {
        let sheet = key_record::show(&value).map_err(|reason| ShowError::Unreadable {
            name: name.into(),
            kind: "a key record",
            reason,
        })?;
        ("key record", sheet)
    } else {
        return Err(unknown(name, &described(&value)));
    };
    sheet.first("file SHA-256", Cell::hex(&crate::pki::sha256_hex(bytes)));
    Ok((kind, sheet))
}

/// A JSON object of no kind that is known, by the names of its fields.
fn described(value: &Value) -> String {
    let names: Vec<String> = value
        .as_object()
        .into_iter()
        .flat_map(|map| map.keys().take(8))
        .map(|key| key.chars().take(40).collect())
        .collect();
    if names.is_empty() {
        "an empty JSON object".into()
    } else {
        format!("JSON with the fields {}", names.join(", "))
    }
}

/// A plan or a site file, by the words that only one of them has.
fn toml(name: &str, text: &str) -> Result<(&'static str, Sheet), ShowError> {
    // By lines, so that a file with a fault of grammar is still known for what it is meant to be.
    let begins = |words: &[&str]| {
        text.lines().any(|line| words.iter().any(|word| line.trim_start().starts_with(word)))
    };
    let source = Source::new(name, text);
    let faulty = |kind: &'static str, faults: String| ShowError::Faulty { name: name.into(), kind, faults };
    if begins(&["[ceremony]", "ceremony", "[keys", "[certificates", "[tuf]"]) {
        return Ok(("plan", plan::show(&source).map_err(|faults| faulty("a plan", faults.to_string()))?));
    }
    if begins(&["[devices", "devices", "purpose"]) {
        return Ok(("site", site::show(&source).map_err(|faults| faulty("a site file", faults))?));
    }
    // The text itself is not repeated: someone may have named a file that holds a PIN.
    let lines = text.lines().count();
    Err(unknown(name, &format!("a text of {lines} lines that is none of them")))
}

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
