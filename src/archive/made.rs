//! What an archive has of each thing that was made, asked or signed.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::pki::dsse::EnvelopeSignature;
use crate::pki::{Certificate, CertificateRequest, PublicKey};
use crate::plan::{Name, Time};
use crate::tuf::request::Asked;

/// A key that was made.
#[derive(Clone, Debug)]
pub struct MadeKey {
    /// What the plan said of it.
    pub spec: Value,
    /// The public key.
    pub public: PublicKey,
    /// The device that holds it; none if it lives elsewhere.
    pub device: Option<Name>,
    /// The keyholder whose key it is; none for keys of CAs, logs and online roles.
    pub keyholder: Option<Name>,
}

/// A copy of a key on a second device.
#[derive(Clone, Debug)]
pub struct MadeCopy {
    /// The device that holds it, by the plan's name.
    pub device: Name,
    /// That device's serial.
    pub serial: String,
}

/// A certificate that was signed.
#[derive(Clone, Debug)]
pub struct MadeCertificate {
    /// What the plan said of it.
    pub spec: Value,
    /// The issuer's name; none for a root.
    pub issuer: Option<Name>,
    /// The certificate.
    pub certificate: Certificate,
}

/// A request that went out.
#[derive(Clone, Debug)]
pub struct MadeCsr {
    /// What the plan said of it.
    pub spec: Value,
    /// The request.
    pub request: CertificateRequest,
}

/// A CRL that was signed.
#[derive(Clone, Debug)]
pub struct MadeCrl {
    /// What the plan said of it.
    pub spec: Value,
    /// The issuer's name.
    pub issuer: Name,
    /// Its number.
    pub number: u64,
    /// How many certificates it lists.
    pub revoked: u64,
    /// SHA-256 of the file that is the record of it, in hex.
    pub sha256: String,
}

/// The trusted root and signing config that are in force.
#[derive(Clone, Debug)]
pub struct MadeTrustRoot {
    /// What the plan said of it.
    pub spec: Value,
    /// `trusted_root.json`.
    pub trusted_root: String,
    /// `signing_config.v0.2.json`.
    pub signing_config: String,
}

/// A further target that was taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenTarget {
    /// SHA-256 of its content, in hex.
    pub sha256: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// A version of a role's metadata that was published.
#[derive(Clone, Debug)]
pub struct Published {
    /// The version.
    pub version: u64,
    /// What the plan said of it.
    pub spec: Value,
    /// The file's text.
    pub content: String,
}

/// A signature over a role's metadata that waits for others.
#[derive(Clone, Debug)]
pub struct RoleSignature {
    /// What the plan said of the metadata.
    pub spec: Value,
    /// The TUF key id.
    pub keyid: String,
    /// The signature, in hex.
    pub signature: String,
    /// SHA-256 of the bytes that were signed, in hex.
    pub signed: String,
}

/// What a key elsewhere was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requested {
    /// The folder of the ceremony's requests.
    pub ceremony: Name,
    /// Which documents it shall sign.
    pub documents: Vec<Asked>,
    /// SHA-256 of the request's file, in hex.
    pub sha256: String,
    /// When the request expires.
    pub expires: Option<Time>,
}

/// A canary that was made.
#[derive(Clone, Debug)]
pub struct MadeCanary {
    /// Its name.
    pub name: Name,
    /// Whom its certificate names.
    pub identity: String,
    /// Who vouched for that.
    pub issuer: String,
    /// The moment that it was signed at.
    pub time: Time,
    /// The artifact.
    pub artifact: String,
    /// The bundle's text.
    pub bundle: String,
    /// The text of the bundle with the Rekor v1 entry, where there is one beside the other.
    pub bundle_rekor_v1: Option<String>,
    /// The trusted root and signing config that were in force.
    pub trust_root: Option<MadeTrustRoot>,
}

/// A seal that was begun, and who signed it.
#[derive(Clone, Debug)]
pub struct MadeSeal {
    /// Its number.
    pub number: u64,
    /// It covers the lines up to this one.
    pub lines: u64,
    /// The statement: RFC 8785 JSON.
    pub statement: String,
    /// Signatures over it, in the order in which they were made.
    pub signatures: Vec<EnvelopeSignature>,
    /// Who signed it, and the key: SHA-256 of its SubjectPublicKeyInfo, in hex.
    pub signed: BTreeMap<Name, String>,
    /// Who objected.
    pub objected: BTreeMap<Name, String>,
}
