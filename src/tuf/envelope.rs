//! A metadata file: what a role says, and who signed it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::signature::{may_sign, roots};
use super::{BadMetadata, Metadata, Role, RoleSignature, Root, canonical};
use crate::pki::{PublicKey, Signature};

/// A metadata file as it was read. Its signatures are claims until [`progress`] counts them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// What the role says.
    pub signed: Metadata,
    /// Who signed it.
    pub signatures: Vec<RoleSignature>,
}

/// Why signatures and metadata do not make a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Only the first root needs no root before it.
    #[error("{0} metadata can't be checked without the root in force")]
    NoRoot(Role),
    /// A signature by a key that has no part in the role.
    #[error("the signature of {keyid} on {role}: no such key signs that role")]
    UnknownKey {
        /// Which role.
        role: Role,
        /// The key's id.
        keyid: String,
    },
    /// Two signatures under one id (specification 1.0.31, 4.2.1: not allowed).
    #[error("{keyid} signs {role} twice")]
    Twice {
        /// Which role.
        role: Role,
        /// The key's id.
        keyid: String,
    },
    /// A signature that does not verify, or a key that can't be read.
    #[error("the signature of {keyid} on {role}: {reason}")]
    BadSignature {
        /// Which role.
        role: Role,
        /// The key's id.
        keyid: String,
        /// What verification says.
        reason: String,
    },
    /// Too few keys signed.
    #[error(
        "{role} needs the signatures of {} keys under root version {root}, has those of {}",
        progress.threshold,
        progress.signed
    )]
    BelowThreshold {
        /// Which role.
        role: Role,
        /// The version of the root that asks for the threshold.
        root: u64,
        /// How many there are, and must be.
        progress: Progress,
    },
    /// Metadata that has no canonical form.
    #[error("no canonical form: {0}")]
    NotCanonical(String),
}

/// How far a role's signing has come, under one root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// How many different keys signed, counted by their material.
    pub signed: usize,
    /// How many must; at least one, whatever the root says.
    pub threshold: usize,
}

impl Progress {
    /// Whether enough keys signed.
    pub fn is_enough(self) -> bool {
        self.signed >= self.threshold
    }
}

/// Counts the keys that signed, under one root. Passed over are signatures by keys that have no part in
/// the role there, and empty ones, with which tuf-on-ci holds a place; any other that does not verify is
/// an error.
pub fn progress(
    metadata: &Metadata,
    signatures: &[RoleSignature],
    root: &Root,
) -> Result<Progress, EnvelopeError> {
    let role = metadata.role();
    let bytes = canonical(metadata).map_err(|error| EnvelopeError::NotCanonical(error.to_string()))?;
    let mut material: BTreeSet<Vec<u8>> = BTreeSet::new();
    for signature in signatures.iter().filter(|signature| !signature.sig.is_empty()) {
        if let Some((_, key)) = root.signers(role).find(|(keyid, _)| *keyid == signature.keyid) {
            let key = key.public().map_err(|error| error.to_string());
            let key =
                key.and_then(|key| verify(&key, &bytes, signature).map(|()| key)).map_err(|reason| {
                    EnvelopeError::BadSignature { role, keyid: signature.keyid.clone(), reason }
                })?;
            material.insert(key.spki().to_vec());
        }
    }
    let threshold = root.roles.get(&role).map_or(u32::MAX, |keys| keys.threshold.max(1));
    Ok(Progress { signed: material.len(), threshold: usize::try_from(threshold).unwrap_or(usize::MAX) })
}

fn verify(key: &PublicKey, bytes: &[u8], signature: &RoleSignature) -> Result<(), String> {
    let sig = data_encoding::HEXLOWER_PERMISSIVE.decode(signature.sig.as_bytes());
    let sig = sig.map_err(|error| format!("not hex: {error}"))?;
    key.verify(bytes, &Signature(sig)).map_err(|error| error.to_string())
}

/// The bytes of a role's file, two spaces of indentation, a newline at the end.
///
/// `in_force` is the root that clients trust: for root metadata the version before it, none for the
/// first. A root must reach the threshold of the version before it and its own (specification 1.0.31,
/// 5.3.4 and 6.1). Refuses fewer than the threshold of different keys, signatures that do not verify, and
/// signatures by others.
pub fn envelope(
    metadata: &Metadata,
    signatures: &[RoleSignature],
    in_force: Option<&Root>,
) -> Result<Vec<u8>, EnvelopeError> {
    let role = metadata.role();
    if in_force.is_none() && role != Role::Root {
        return Err(EnvelopeError::NoRoot(role));
    }
    let known = may_sign(metadata, in_force);
    let mut seen = BTreeSet::new();
    for RoleSignature { keyid, sig } in signatures {
        if sig.is_empty() {
            let (keyid, reason) = (keyid.clone(), "it is empty".to_string());
            return Err(EnvelopeError::BadSignature { role, keyid, reason });
        }
        if !seen.insert(keyid) {
            return Err(EnvelopeError::Twice { role, keyid: keyid.clone() });
        }
        if !known.contains_key(keyid.as_str()) {
            return Err(EnvelopeError::UnknownKey { role, keyid: keyid.clone() });
        }
    }
    for root in roots(metadata, in_force) {
        let progress = progress(metadata, signatures, root)?;
        if !progress.is_enough() {
            return Err(EnvelopeError::BelowThreshold { role, root: root.head.version, progress });
        }
    }
    #[derive(Serialize)]
    struct Written<'a> {
        signatures: &'a [RoleSignature],
        signed: &'a Metadata,
    }
    let mut bytes = serde_json::to_vec_pretty(&Written { signatures, signed: metadata })
        .map_err(|error| EnvelopeError::NotCanonical(error.to_string()))?;
    bytes.push(b'\n');
    Ok(bytes)
}

impl Envelope {
    /// Reads a metadata file. Verifies nothing.
    pub fn parse(file: &[u8]) -> Result<Self, BadMetadata> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Written {
            signatures: Vec<RoleSignature>,
            signed: serde_json::Value,
        }
        let Written { signatures, signed } =
            serde_json::from_slice(file).map_err(|error| BadMetadata(error.to_string()))?;
        Ok(Self { signed: Metadata::from_value(signed)?, signatures })
    }
}
