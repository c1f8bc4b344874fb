//! What events tell: records of files, keys and copies, and the words for what people and keys did.

use std::collections::BTreeMap;

use data_encoding::BASE64;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::pki::sha256_hex;
use crate::plan::{Algorithm, Name};
use crate::token::DeviceReport;

/// A file of the archive, as it is after an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FileRecord {
    /// Path inside the archive, with `/`.
    pub path: String,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256, in hex.
    pub sha256: String,
}

impl FileRecord {
    /// Describes the bytes that stand, or shall stand, at `path`.
    pub fn of(path: impl Into<String>, bytes: &[u8]) -> Self {
        // A length in memory fits 64 bits.
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        Self { path: path.into(), size, sha256: sha256_hex(bytes) }
    }
}

/// How whoever brought a proof of Sigsum judged it: `verify` does the same again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SigsumTrust {
    /// The policy's text: logs, witnesses, and the quorum of them.
    pub policy: String,
    /// The key of whoever had it logged, as a line of OpenSSH: `ssh-ed25519 …`.
    pub submitter: String,
}

/// A key: what is public of it, where it is, and what its device claims. The content of `keys/NAME.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct KeyRecord {
    /// The key's name.
    pub name: Name,
    /// The key's algorithm.
    pub algorithm: Algorithm,
    /// SHA-256 of the SubjectPublicKeyInfo, in hex.
    pub fingerprint: String,
    /// The SubjectPublicKeyInfo in DER, as base64.
    pub public: String,
    /// The plan's name of the device that generated it; none for a key that lives elsewhere.
    pub device: Option<Name>,
    /// The plan's name of the keyholder whose key it is; none for keys of CAs, logs and online roles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keyholder: Option<Name>,
    /// What that device says of itself.
    pub device_claims: Option<DeviceReport>,
    /// The object's id on the device, in hex.
    pub id: String,
    /// The mechanism that generated it.
    pub mechanism: String,
    /// The private key's attributes as the device reads them back: its claims.
    pub attributes: BTreeMap<String, Value>,
    /// The device's attestation of the key, where it has one.
    pub attestation: Option<Value>,
    /// The certificate signing request of a key that lives elsewhere, as base64.
    pub request: Option<String>,
}

/// A copy of a key on a second device. The content of `keys/NAME.backup.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CopyRecord {
    /// The key's name.
    pub name: Name,
    /// SHA-256 of the SubjectPublicKeyInfo, in hex: the key's own.
    pub fingerprint: String,
    /// The plan's name of the device that holds the copy.
    pub device: Name,
    /// What that device says of itself.
    pub device_claims: DeviceReport,
    /// The object's id on that device, in hex.
    pub id: String,
    /// The copy's attributes as its device reads them back: its claims.
    pub attributes: BTreeMap<String, Value>,
    /// The attributes of the key that was copied, as its device reads them back now.
    pub attributes_of_the_original: BTreeMap<String, Value>,
    /// The certificate whose bytes the copy signed once more, to prove itself.
    pub proof: Name,
    /// SHA-256 of those bytes, in hex. The signature verified, and was not kept.
    pub signed: String,
}

/// Bytes that are about to be signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ToBeSigned {
    /// The bytes themselves, as base64.
    Bytes(String),
    /// What is told of a CRL's, which may be many, and which the plan makes again.
    Digest(Digest),
}

/// Bytes by their hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Digest {
    /// How many bytes.
    pub size: u64,
    /// Their SHA-256, in hex.
    pub sha256: String,
}

impl ToBeSigned {
    /// Keeps the bytes.
    pub fn bytes(bytes: &[u8]) -> Self {
        Self::Bytes(BASE64.encode(bytes))
    }

    /// Keeps their hash.
    pub fn digest(bytes: &[u8]) -> Self {
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        Self::Digest(Digest { size, sha256: sha256_hex(bytes) })
    }

    /// Their SHA-256, in hex; none where what is kept is not base64.
    pub fn sha256(&self) -> Option<String> {
        match self {
            Self::Bytes(text) => BASE64.decode(text.as_bytes()).ok().map(|bytes| sha256_hex(&bytes)),
            Self::Digest(digest) => Some(digest.sha256.clone()),
        }
    }
}

/// What a person confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confirmation {
    /// That the ceremony begins: its date was typed.
    Begin,
    /// That a device makes keys: its name or serial was typed.
    Generate,
    /// That a device signs these bytes: its name or serial was typed.
    Sign,
    /// That a fingerprint was heard: some of its words were typed back.
    ReadBack,
}

/// What a key signed for a canary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CanaryPart {
    /// The poisoned certificate that the certificate log sees.
    Precertificate,
    /// The certificate.
    Certificate,
    /// The certificate log's promise.
    Sct,
    /// A log's checkpoint.
    Checkpoint,
    /// The promise of a Rekor v1 log.
    EntryTimestamp,
    /// The timestamp authority's token.
    Timestamp,
}

impl CanaryPart {
    /// Whether it is a certificate: what a CA's key may sign.
    pub fn is_certificate(self) -> bool {
        matches!(self, Self::Precertificate | Self::Certificate)
    }
}

/// When a device's objects were listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Moment {
    /// When it was first used in a run.
    Before,
    /// When its last step of the run was taken.
    After,
}

/// Uses of a private key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Operations {
    /// By the steps of the plan.
    pub planned: u64,
    /// How often it was about to sign.
    pub made: u64,
}

/// A value that a seal keeps to itself: who has salt and value can show that the seal covers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Opening {
    /// 16 random bytes, in hex.
    pub salt: String,
    /// The value.
    pub value: String,
}

impl Opening {
    /// What stands in the seal: SHA-256 of the salt's bytes and the value's, in hex.
    pub fn hash(&self) -> String {
        let mut bytes = data_encoding::HEXLOWER.decode(self.salt.as_bytes()).unwrap_or_default();
        bytes.extend(self.value.as_bytes());
        sha256_hex(&bytes)
    }
}
