//! Which files an event makes. The paths are a contract: scripts and auditors depend on them.

use data_encoding::BASE64;
use serde::Serialize;

use super::canary;
use super::event::{Event, Role};
use super::state::State;
use crate::pki::{key::pem, sha256_hex};
use crate::plan::Name;

/// How a file may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Written once, never with other bytes.
    Once,
    /// Always the newest.
    Newest,
}

/// A file that an event makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Path inside the archive.
    pub path: String,
    /// How it may change.
    pub kind: Kind,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// How the names of files begin that keep the rest of a line that was cut off.
pub const TORN: &str = "journal-torn-";

/// Where the rest of a line that was cut off is kept.
pub fn torn(rest: &[u8]) -> String {
    format!("evidence/{TORN}{}", sha256_hex(rest))
}

/// Where the newest request to a key elsewhere is kept.
pub fn request(ceremony: &Name, key: &Name) -> String {
    format!("{REQUESTS}/{ceremony}/{key}.json")
}

/// Where the newest answer of a key elsewhere is kept.
pub fn response(ceremony: &Name, key: &Name) -> String {
    format!("{RESPONSES}/{ceremony}/{key}.json")
}

/// The folder of requests to keys elsewhere, with a folder for each ceremony.
pub const REQUESTS: &str = "requests";

/// The folder of their answers, with a folder for each ceremony.
pub const RESPONSES: &str = "responses";

/// Where a CRL is kept.
pub fn crl(name: &Name) -> String {
    format!("crls/{name}.crl")
}

/// The name of the CRL that is kept there.
pub fn crl_at(path: &str) -> Option<&str> {
    path.strip_prefix("crls/")?.strip_suffix(".crl")
}

/// The file that is the record of what an event tells, and its SHA-256: it was written before the event,
/// and can't be made again.
pub fn record(event: &Event) -> Option<(String, &str)> {
    match event {
        Event::CrlSigned { crl: name, sha256, .. } => Some((crl(name), sha256)),
        _ => None,
    }
}

/// The files that an event makes, given what the archive held before it.
pub fn files(event: &Event, before: &State) -> Vec<File> {
    let once = |path: String, bytes: Vec<u8>| File { path, kind: Kind::Once, bytes };
    let newest = |path: &str, bytes: &str| File {
        path: path.to_string(),
        kind: Kind::Newest,
        bytes: bytes.as_bytes().to_vec(),
    };
    // The journal's own bytes: what does not decode was refused when it was read.
    let decode = |text: &str| BASE64.decode(text.as_bytes()).unwrap_or_default();
    match event {
        Event::CeremonyStarted { plan, text, .. } => {
            vec![once(format!("plans/{plan}.toml"), text.as_bytes().to_vec())]
        }
        Event::KeyMade { key, .. } => vec![
            once(format!("keys/{}.pem", key.name), pem("PUBLIC KEY", &decode(&key.public)).into_bytes()),
            once(format!("keys/{}.json", key.name), readable(key)),
        ],
        Event::CopyMade { copy, .. } => vec![once(format!("keys/{}.backup.json", copy.name), readable(copy))],
        Event::CertificateSigned { certificate, issuer, der, .. } => {
            let own = pem("CERTIFICATE", &decode(der));
            let above =
                issuer.iter().flat_map(|issuer| before.chain(issuer)).map(|certificate| certificate.pem());
            let chain = std::iter::once(own.clone()).chain(above).collect::<String>();
            vec![
                once(format!("certificates/{certificate}.pem"), own.into_bytes()),
                once(format!("certificates/{certificate}.chain.pem"), chain.into_bytes()),
            ]
        }
        Event::TrustRootAssembled { trusted_root, signing_config, .. } => vec![
            newest("trust-root/trusted_root.json", trusted_root),
            newest("trust-root/signing_config.v0.2.json", signing_config),
        ],
        Event::TargetTaken { target, content, .. } => {
            let bytes = decode(content);
            vec![once(format!("tuf/targets/{}.{target}", sha256_hex(&bytes)), bytes)]
        }
        Event::MetadataPublished { role, version, content, .. } => {
            let bytes = content.as_bytes().to_vec();
            match role {
                Role::Timestamp => vec![newest("tuf/timestamp.json", content)],
                Role::Root | Role::Snapshot => vec![once(format!("tuf/{version}.{role}.json"), bytes)],
                Role::Targets => {
                    let mut files: Vec<File> = before
                        .trust_root
                        .iter()
                        .flat_map(|made| {
                            [
                                ("trusted_root.json", &made.trusted_root),
                                ("signing_config.v0.2.json", &made.signing_config),
                            ]
                        })
                        .map(|(name, text)| {
                            let hash = sha256_hex(text.as_bytes());
                            once(format!("tuf/targets/{hash}.{name}"), text.as_bytes().to_vec())
                        })
                        .collect();
                    files.push(once(format!("tuf/{version}.targets.json"), bytes));
                    files
                }
            }
        }
        Event::SignatureRequested { key, ceremony, content, .. } => {
            vec![newest(&request(ceremony, key), content)]
        }
        Event::ResponseTaken { key, ceremony, content } => vec![newest(&response(ceremony, key), content)],
        Event::CanaryFinished { canary, .. } => canary::files(event, before.trust_root.as_ref())
            .into_iter()
            .map(|(name, bytes)| once(format!("{}/{canary}/{name}", canary::FOLDER), bytes))
            .collect(),
        Event::JournalTorn { rest } => {
            let rest = decode(rest);
            vec![once(torn(&rest), rest)]
        }
        Event::MachineChecked { .. }
        | Event::ClockRead { .. }
        | Event::Confirmed { .. }
        | Event::DeviationRecorded { .. }
        | Event::RefusalRecorded { .. }
        | Event::DeviceOpened { .. }
        | Event::HalfKeyDiscarded { .. }
        | Event::KeyIntended { .. }
        | Event::CopyIntended { .. }
        | Event::SignatureIntended { .. }
        | Event::SignatureRepeated { .. }
        | Event::CrlSigned { .. }
        | Event::MetadataSigned { .. }
        | Event::CanaryStarted { .. }
        | Event::CanarySigned { .. }
        | Event::CeremonyFinished { .. } => Vec::new(),
    }
}

/// JSON for people: two spaces, a newline at the end.
fn readable<T: Serialize>(value: &T) -> Vec<u8> {
    // Our own types have string keys and no fallible serializer.
    let mut bytes = serde_json::to_vec_pretty(value).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}
