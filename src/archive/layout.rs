//! Which files an event makes. The paths are a contract: scripts and auditors depend on them.

use data_encoding::BASE64;
use serde::Serialize;

use super::canary;
use super::chains;
use super::event::{Event, Role};
use super::state::State;
use crate::pki::dsse::{Envelope, EnvelopeSignature};
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

/// The newest seal.
pub const SEAL: &str = "evidence/statement.dsse.json";

/// What there is of keys, algorithms and certificates.
pub const CBOM: &str = "evidence/cbom.json";

/// Where a seal is kept.
pub fn seal(number: u64) -> String {
    format!("evidence/statement-{number}.dsse.json")
}

/// Where a person's objection to a seal is kept.
pub fn objection(seal: u64, person: &Name) -> String {
    format!("evidence/objection-{seal}-{person}.dsse.json")
}

/// Where a person's approval of a plan is kept.
pub fn approval(plan: &str, person: &Name) -> String {
    format!("evidence/approval-{plan}-{person}.dsse.json")
}

/// The folder of proofs that came back from logs.
pub const PROOFS: &str = "evidence/proofs";

/// Where a log's proof is kept: Rekor's of a person's signature, or Sigsum's of the statement itself. `of` is the
/// file that has the statement.
pub fn proof(of: &str, person: Option<&Name>, host: &str) -> String {
    let of = of.trim_start_matches("evidence/").trim_end_matches(".dsse.json");
    let host: String = host
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '.' || c == '-' { c } else { '_' })
        .collect();
    match person {
        Some(person) => format!("{PROOFS}/{of}.{person}.{host}.json"),
        None => format!("{PROOFS}/{of}.{host}.proof"),
    }
}

/// Whether a file of this name in `evidence/` follows from an event. What else is there was written by
/// people who read the archive.
pub fn is_recorded_evidence(name: &str) -> bool {
    let statement = ["statement", "objection-", "approval-"].iter().any(|start| name.starts_with(start));
    name.starts_with(TORN) || name == "cbom.json" || (statement && name.ends_with(".dsse.json"))
}

/// The signature that an event has, as an envelope has it.
fn signature(event: &Event) -> Vec<EnvelopeSignature> {
    match event {
        Event::SealSigned { keyid, signature, .. } => {
            vec![EnvelopeSignature { keyid: keyid.clone(), sig: signature.clone() }]
        }
        _ => Vec::new(),
    }
}

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
        Event::CertificateSigned { certificate, issuer, spec, der, .. } => {
            let der = decode(der);
            let own = pem("CERTIFICATE", &der);
            let above =
                issuer.iter().flat_map(|issuer| before.chain(issuer)).map(|certificate| certificate.pem());
            let chain = std::iter::once(own.clone()).chain(above).collect::<String>();
            let mut files = vec![
                once(format!("certificates/{certificate}.pem"), own.into_bytes()),
                once(format!("certificates/{certificate}.chain.pem"), chain.into_bytes()),
            ];
            let new = chains::New { name: certificate, issuer: issuer.as_ref(), spec, der: &der };
            let others = chains::others(new, before).into_iter();
            files.extend(others.map(|(path, chain)| once(path, chain.into_bytes())));
            files
        }
        Event::CsrSigned { csr, der, .. } => {
            vec![once(format!("csrs/{csr}.csr"), pem("CERTIFICATE REQUEST", &decode(der)).into_bytes())]
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
        Event::ApprovalRecorded { plan, person, envelope, .. } => {
            vec![once(approval(plan, person), envelope.as_bytes().to_vec())]
        }
        Event::ProofRecorded { of, person, host, entry, .. } => {
            vec![once(proof(of, person.as_ref(), host), entry.as_bytes().to_vec())]
        }
        Event::InventoryMade { cbom } => vec![newest(CBOM, cbom)],
        Event::SealSigned { seal, person, objection: Some(statement), .. } => {
            let envelope = Envelope { payload: statement.as_bytes().to_vec(), signatures: signature(event) };
            vec![once(objection(*seal, person), envelope.file())]
        }
        Event::SealSigned { seal: number, .. } => {
            let Some(seal) = before.seals.iter().find(|seal| seal.number == *number) else {
                return Vec::new();
            };
            let mut signatures = seal.signatures.clone();
            signatures.extend(signature(event));
            let envelope = Envelope { payload: seal.statement.as_bytes().to_vec(), signatures };
            let text = String::from_utf8_lossy(&envelope.file()).into_owned();
            let mut files = vec![newest(&self::seal(*number), &text)];
            // The newest seal has the name that scripts know.
            if before.seals.iter().all(|other| other.number <= *number) {
                files.push(newest(SEAL, &text));
            }
            files
        }
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
        | Event::SealStarted { .. }
        | Event::ToolIdentified { .. }
        | Event::MachineDescribed { .. }
        | Event::DeviceInventoried { .. }
        | Event::DeviceProbed { .. }
        | Event::OperationsCounted { .. }
        | Event::ObservationRecorded { .. }
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
