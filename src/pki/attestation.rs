//! Attestation: a device's signed word on a key that it made. YubiKeys' (PIV, slot f9) is read and
//! verified here; what other makers sign is kept as bytes.
//!
//! A YubiKey signs a certificate for the key in a slot with the key in its slot f9, whose own certificate
//! one of Yubico's CAs signed. Only keys that were generated on the device can be attested. One f9
//! certificate serves many devices: the serial in the leaf alone says which one it is.
//! Source: Yubico, PIV attestation; extensions under 1.3.6.1.4.1.41482.3, as real devices write them.

mod chain;
mod claims;
mod record;
pub mod yubico;

use der::asn1::ObjectIdentifier;
use der::{Decode, Encode};

pub use chain::{Anchor, Anchors};
pub use claims::{Claim, Claims, Firmware, FormFactor, PinPolicy, TouchPolicy};
pub use record::Record;

use super::{BadKey, Certificate, PublicKey};

/// A YubiKey's attestation of one key: two certificates, read, and nothing verified yet.
#[derive(Clone, Debug)]
pub struct Attestation {
    leaf: Certificate,
    issuer: Certificate,
}

/// Bytes that are no attestation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{part}: {reason}")]
pub struct Unreadable {
    /// Which of the two certificates.
    pub part: &'static str,
    /// What is wrong with it.
    pub reason: String,
}

impl Attestation {
    /// Reads the attested certificate and that of slot f9, both in DER.
    pub fn read(leaf: &[u8], issuer: &[u8]) -> Result<Self, Unreadable> {
        Ok(Self { leaf: read("the attested certificate", leaf)?, issuer: read("the issuer (f9)", issuer)? })
    }

    /// The certificate of the attested key.
    pub fn leaf(&self) -> &Certificate {
        &self.leaf
    }

    /// The certificate of slot f9.
    pub fn issuer(&self) -> &Certificate {
        &self.issuer
    }

    /// The attested key, if it is one that this tool works with.
    pub fn public(&self) -> Result<PublicKey, BadKey> {
        let spki = self.leaf.tbs().subject_public_key_info().to_der();
        PublicKey::from_spki(&spki.map_err(|error| BadKey::Encoding(error.to_string()))?)
    }

    /// What the device says in the two certificates.
    pub fn claims(&self) -> Claims {
        Claims::of(self)
    }

    /// The PIV slot that the subject names: `YubiKey PIV Attestation 9c`.
    pub fn slot(&self) -> Option<u8> {
        let subject = super::name::readable(self.leaf.tbs().subject());
        let hex = subject.rsplit_once("PIV Attestation ")?.1;
        if hex.len() != 2 { None } else { u8::from_str_radix(hex, 16).ok() }
    }

    /// Whether the f9 key signed the attested certificate.
    pub fn signed_by_issuer(&self) -> bool {
        chain::signed_by(&self.leaf, &self.issuer)
    }

    /// The CAs above the f9 certificate, up to a root; none where no CA of these signed it.
    pub fn path<'a>(&self, anchors: &'a Anchors) -> Option<Vec<&'a Anchor>> {
        anchors.path(&self.issuer)
    }
}

fn read(part: &'static str, der: &[u8]) -> Result<Certificate, Unreadable> {
    let wrong = |reason: String| Unreadable { part, reason };
    let certificate = Certificate::from_der(der).map_err(|error| wrong(error.to_string()))?;
    let mut seen: Vec<ObjectIdentifier> = Vec::new();
    for extension in certificate.tbs().extensions().into_iter().flatten() {
        if seen.contains(&extension.extn_id) {
            return Err(wrong(format!("the extension {} stands twice", extension.extn_id)));
        }
        seen.push(extension.extn_id);
    }
    Ok(certificate)
}

/// The DER of a certificate that may be in PEM.
pub fn unwrap(bytes: &[u8]) -> Result<Vec<u8>, String> {
    match der::pem::decode_vec(bytes) {
        Ok(("CERTIFICATE", der)) => Ok(der),
        Ok((label, _)) => Err(format!("PEM labelled {label}, expected CERTIFICATE")),
        Err(error) => match x509_cert::Certificate::from_der(bytes) {
            Ok(_) => Ok(bytes.to_vec()),
            Err(_) => Err(format!("neither DER nor PEM of one certificate ({error})")),
        },
    }
}
