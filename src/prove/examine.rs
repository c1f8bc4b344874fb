//! A bundle against a trusted root, by other code and another cryptographic library than those that made
//! it: what no client may accept is found here before it is given to one.
//!
//! The rules are the strictest of all stock clients together: windows of every key and authority, one log
//! entry, one promise of a certificate log, a time that somebody vouched for.

pub mod certificate;
pub mod log;
pub mod sigsum;
pub mod timestamp;
mod tlv;

use data_encoding::BASE64;
use serde::{Deserialize, Deserializer};
use sigstore_protobuf_specs::dev::sigstore::common::v1::TimeRange;

use crate::plan::Time;
use crate::trust_root::{ClientFile, TrustedRoot};
use crate::verify::signature::{Key, sha256};
use certificate::Leaf;

/// What part of a bundle is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// The file itself.
    Bundle,
    /// The trusted root.
    TrustedRoot,
    /// The moment of signing: timestamps and promised times.
    Time,
    /// The developer's certificate and its chain.
    Certificate,
    /// The promise of the certificate log.
    Sct,
    /// The log entry, its promise and its proof.
    LogEntry,
    /// The signature over the artifact.
    Signature,
    /// Whom the certificate names.
    Identity,
}

/// Why a bundle is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, serde::Serialize)]
#[error("{}: {reason}", self.what())]
pub struct Refusal {
    /// The part.
    pub part: Part,
    /// What is wrong with it.
    pub reason: String,
}

impl Refusal {
    fn what(&self) -> &'static str {
        match self.part {
            Part::Bundle => "the bundle",
            Part::TrustedRoot => "the trusted root",
            Part::Time => "the moment of signing",
            Part::Certificate => "the certificate",
            Part::Sct => "the certificate log's promise",
            Part::LogEntry => "the log entry",
            Part::Signature => "the signature",
            Part::Identity => "the identity",
        }
    }
}

pub(super) type Judged<T> = Result<T, String>;

/// Says which part it was.
fn on<T>(part: Part, judged: Judged<T>) -> Result<T, Refusal> {
    judged.map_err(|reason| Refusal { part, reason })
}

/// Bytes, in base64.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Bytes(pub Vec<u8>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        BASE64.decode(text.as_bytes()).map(Self).map_err(serde::de::Error::custom)
    }
}

/// A number, which protobuf writes as a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Number(pub u64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bundle {
    media_type: String,
    verification_material: Material,
    message_signature: MessageSignature,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Material {
    certificate: Raw,
    #[serde(default)]
    tlog_entries: Vec<log::Entry>,
    #[serde(default)]
    timestamp_verification_data: Stamps,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    raw_bytes: Bytes,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Stamps {
    rfc3161_timestamps: Vec<Stamp>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stamp {
    signed_timestamp: Bytes,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MessageSignature {
    message_digest: MessageDigest,
    signature: Bytes,
}

#[derive(Deserialize)]
struct MessageDigest {
    algorithm: String,
    digest: Bytes,
}

/// What was found in a bundle that verifies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examined {
    /// The moments of signing that somebody vouched for.
    pub times: Vec<Time>,
    /// The serial number of the developer's certificate, in hex.
    pub serial: String,
    /// The certificate of the trusted root that issued it, in DER.
    pub issuer: Vec<u8>,
    /// The certificates of the timestamp authorities, in DER.
    pub timestamp_signers: Vec<Vec<u8>>,
}

/// Verifies a bundle. `expected` are the identity and its issuer.
pub fn examine(
    bundle: &[u8],
    artifact: &[u8],
    trusted_root: &[u8],
    expected: (&str, &str),
) -> Result<Examined, Refusal> {
    let root = TrustedRoot::from_json(trusted_root).map_err(|error| error.to_string());
    let root = on(Part::TrustedRoot, root)?;
    let bundle: Bundle = on(Part::Bundle, serde_json::from_slice(bundle).map_err(|error| error.to_string()))?;
    if bundle.media_type != super::bundle::MEDIA_TYPE {
        let reason =
            format!("its media type is {}, expected {}", bundle.media_type, super::bundle::MEDIA_TYPE);
        return Err(Refusal { part: Part::Bundle, reason });
    }
    let material = &bundle.verification_material;
    let [entry] = material.tlog_entries.as_slice() else {
        let reason = format!("{} log entries, expected one", material.tlog_entries.len());
        return Err(Refusal { part: Part::LogEntry, reason });
    };
    let signature = bundle.message_signature.signature.0.as_slice();
    let leaf = on(Part::Certificate, Leaf::read(&material.certificate.raw_bytes.0))?;

    // Who says when it was signed.
    let log = on(Part::LogEntry, log::find(&root, entry))?;
    let mut times = Vec::new();
    let mut timestamp_signers = Vec::new();
    for stamp in &material.timestamp_verification_data.rfc3161_timestamps {
        let (time, signer) = on(Part::Time, timestamp::check(&root, &stamp.signed_timestamp.0, signature))?;
        times.push(time);
        timestamp_signers.push(signer);
    }
    times.extend(on(Part::LogEntry, log.promised(entry))?);
    let Some(first) = times.first().copied() else {
        let reason = "nobody vouches for it: no timestamp, and no signed entry timestamp".to_string();
        return Err(Refusal { part: Part::Time, reason });
    };

    let mut issuer = Vec::new();
    for time in &times {
        issuer = on(Part::Certificate, certificate::chain(&root, &leaf, *time))?;
        on(Part::LogEntry, log.in_use(*time))?;
    }
    on(Part::Sct, certificate::promise(&root, &leaf, &issuer, first))?;
    on(Part::LogEntry, log.proved(entry))?;
    on(Part::LogEntry, log::says(entry, artifact, signature, &material.certificate.raw_bytes.0))?;
    on(Part::Signature, signed(&bundle.message_signature, artifact, &leaf.key))?;
    on(Part::Identity, leaf.names(expected))?;
    Ok(Examined { times, serial: leaf.serial.clone(), issuer, timestamp_signers })
}

fn signed(message: &MessageSignature, artifact: &[u8], key: &Key) -> Judged<()> {
    let digest = sha256(artifact);
    if message.message_digest.algorithm != "SHA2_256" || message.message_digest.digest.0 != digest.as_ref() {
        return Err("the digest is that of another artifact".into());
    }
    key.verify(artifact, &message.signature.0)
}

/// Whether a time is inside a window of the trusted root, whose ends belong to it.
fn within(window: Option<&TimeRange>, time: Time) -> Judged<()> {
    let window = window.ok_or("it has no window")?;
    let start = window.start.as_ref().map(|start| start.seconds).ok_or("its window has no start")?;
    let end = window.end.as_ref().map(|end| end.seconds);
    let show = |unix: i64| Time::from_unix(unix).map_or_else(|| unix.to_string(), |time| time.to_string());
    if time.unix() < start {
        return Err(format!("it is trusted from {} on, and it is used at {time}", show(start)));
    }
    match end {
        Some(end) if time.unix() > end => {
            Err(format!("it is trusted until {}, and it is used at {time}", show(end)))
        }
        _ => Ok(()),
    }
}
