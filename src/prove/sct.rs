//! The certificate log's promise: a signed certificate timestamp (RFC 6962, 3.2).

use sha2::{Digest, Sha256};

use super::leaf::LIFETIME;
use crate::pki::{Algorithm, Document, Draft, Malformed, PublicKey, Signature};
use crate::plan::{Name, Time};
use crate::trust_root::log;

/// A signed certificate timestamp, in the bytes of its TLS structure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sct(pub Vec<u8>);

/// What the rules must know beside the bytes.
#[derive(Clone, Debug)]
pub struct Context {
    /// The log's id.
    pub log_id: [u8; 32],
    /// When the log promised.
    pub time: Time,
    /// The first valid moment of the certificate.
    pub from: Time,
    /// SHA-256 of the issuer's SubjectPublicKeyInfo.
    pub issuer: [u8; 32],
    /// The precertificate's bytes without the poison.
    pub tbs: Vec<u8>,
}

impl Context {
    /// Whether the log promised while the certificate was valid.
    pub fn in_time(&self) -> bool {
        (0..=LIFETIME).contains(&self.time.since(self.from))
    }
}

impl Document for Sct {
    type Context = Context;
    const KIND: &'static str = "signed certificate timestamp";

    fn assemble(draft: &Draft<Self>, signature: &Signature) -> Result<Self, Malformed> {
        let wrong = |reason: &str| Malformed { object: draft.object.clone(), reason: reason.into() };
        let (hash, scheme) = algorithms(draft.public.algorithm());
        let mut bytes = vec![0];
        bytes.extend(draft.context.log_id);
        bytes.extend(milliseconds(draft.context.time).to_be_bytes());
        // No extensions.
        bytes.extend([0, 0, hash, scheme]);
        let length = u16::try_from(signature.as_bytes().len()).map_err(|_| wrong("a long signature"))?;
        bytes.extend(length.to_be_bytes());
        bytes.extend(signature.as_bytes());
        Ok(Self(bytes))
    }
}

impl Sct {
    /// The list that a certificate carries (RFC 6962, 3.3), with this one in it.
    pub fn list(&self) -> Vec<u8> {
        // One timestamp has some hundred bytes.
        let length = |bytes: usize| u16::try_from(bytes).unwrap_or(u16::MAX).to_be_bytes();
        let mut list = length(self.0.len().saturating_add(2)).to_vec();
        list.extend(length(self.0.len()));
        list.extend(&self.0);
        list
    }
}

/// The promise for a precertificate, ready for the rules. `tbs` is the precertificate without its poison.
pub fn draft(
    canary: &str,
    tbs: Vec<u8>,
    issuer: &PublicKey,
    (time, from): (Time, Time),
    (name, public): (&Name, &PublicKey),
) -> Result<Draft<Sct>, Malformed> {
    let object = format!("{canary}/sct");
    // A certificate log's id has no origin in it.
    let log_id = log::log_id(log::Kind::Ct, "", public);
    let context = Context { log_id, time, from, issuer: Sha256::digest(issuer.spki()).into(), tbs };
    let bytes = signed_bytes(&context).ok_or_else(|| Malformed {
        object: object.clone(),
        reason: "a certificate of 16 MiB or more".into(),
    })?;
    Ok(Draft { object, bytes, key: name.clone(), public: public.clone(), context })
}

/// What the log signs: version 1, certificate_timestamp, the time, precert_entry, the issuer's key's hash,
/// the certificate, no extensions.
pub fn signed_bytes(context: &Context) -> Option<Vec<u8>> {
    let mut bytes = vec![0, 0];
    bytes.extend(milliseconds(context.time).to_be_bytes());
    bytes.extend([0, 1]);
    bytes.extend(context.issuer);
    // A length of three bytes.
    let length = u32::try_from(context.tbs.len()).ok().filter(|length| *length < 1 << 24)?;
    bytes.extend(length.to_be_bytes().get(1..)?);
    bytes.extend(&context.tbs);
    bytes.extend([0, 0]);
    Some(bytes)
}

fn milliseconds(time: Time) -> u64 {
    // Certificates begin after 1970.
    u64::try_from(time.unix()).unwrap_or(0).saturating_mul(1000)
}

/// Hash and signature algorithm by TLS's numbers (RFC 5246, 7.4.1.4.1; RFC 8422, 5.1.3 for Ed25519).
fn algorithms(algorithm: Algorithm) -> (u8, u8) {
    const RSA: u8 = 1;
    const ECDSA: u8 = 3;
    match algorithm {
        Algorithm::EcdsaP256 => (4, ECDSA),
        Algorithm::EcdsaP384 => (5, ECDSA),
        Algorithm::EcdsaP521 => (6, ECDSA),
        Algorithm::Ed25519 => (8, 7),
        Algorithm::Rsa3072 | Algorithm::Rsa4096 => (4, RSA),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Byte for byte as RFC 6962, 3.2 draws the structures.
    #[test]
    fn the_structures() {
        let context = Context {
            log_id: [7; 32],
            time: Time::from_unix(1).unwrap(),
            from: Time::from_unix(1).unwrap(),
            issuer: [9; 32],
            tbs: vec![1, 2, 3],
        };
        let expected = [
            &[0, 0][..],                     // v1, certificate_timestamp
            &[0, 0, 0, 0, 0, 0, 0x03, 0xe8], // milliseconds
            &[0, 1],                         // precert_entry
            &[9; 32],                        // issuer_key_hash
            &[0, 0, 3, 1, 2, 3],             // tbs_certificate
            &[0, 0],                         // extensions
        ]
        .concat();
        assert_eq!(signed_bytes(&context).unwrap(), expected);
        assert!(signed_bytes(&Context { tbs: vec![0; 1 << 24], ..context.clone() }).is_none());

        let pair = rcgen::KeyPair::generate().unwrap();
        let public = PublicKey::from_spki(&rcgen::PublicKeyData::subject_public_key_info(&pair)).unwrap();
        let key = "ctlog".parse().unwrap();
        let draft = Draft { object: "sct".into(), bytes: expected, key, public, context };
        let sct = Sct::assemble(&draft, &Signature(vec![5, 5])).unwrap();
        let expected =
            [&[0][..], &[7; 32], &[0, 0, 0, 0, 0, 0, 0x03, 0xe8], &[0, 0], &[4, 3], &[0, 2, 5, 5]].concat();
        assert_eq!(sct.0, expected);
        assert_eq!(sct.list(), [&[0, 51, 0, 49][..], &expected].concat());
    }
}
