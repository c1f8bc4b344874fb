//! The bundle (`dev.sigstore.bundle.v1`, version 0.3) in which all of it travels. Pure.

use data_encoding::BASE64;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::log_entry::{self, INDEX, SIZE, Signed, Tree};
use crate::plan::Time;
use crate::plan::trust_root::Api;

/// The bundle's media type.
pub const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// The bundle's file. Of a trust root with logs of both kinds it has the Rekor v2 entry.
pub const FILE: &str = "bundle.sigstore.json";

/// The second bundle of a trust root with logs of both kinds: the same signature with the Rekor v1 entry.
pub const FILE_V1: &str = "bundle.rekor-v1.sigstore.json";

/// A log entry with its proofs.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Rekor v1 or v2.
    pub api: Api,
    /// The log's id.
    pub log_id: [u8; 32],
    /// The entry.
    pub body: Vec<u8>,
    /// The tree that it is in.
    pub tree: Tree,
    /// The signed checkpoint over the tree.
    pub checkpoint: String,
    /// Of Rekor v1: when it was taken in, and the signed entry timestamp.
    pub promise: Option<(Time, Vec<u8>)>,
}

/// A bundle: two spaces of indentation, a newline at the end. Numbers are strings, zeros and empty lists
/// are written out: clients differ in what they take for granted.
pub fn bundle(signed: &Signed<'_>, entry: &Entry, timestamps: &[&[u8]]) -> Vec<u8> {
    let base64 = |bytes: &[u8]| BASE64.encode(bytes);
    let hashes: Vec<String> = entry.tree.proof.iter().map(|hash| base64(hash)).collect();
    let mut logged = json!({
        "logIndex": INDEX.to_string(),
        "logId": {"keyId": base64(&entry.log_id)},
        "kindVersion": {"kind": "hashedrekord", "version": log_entry::version(entry.api)},
        "inclusionProof": {
            "logIndex": INDEX.to_string(),
            "rootHash": base64(&entry.tree.root),
            "treeSize": SIZE.to_string(),
            "hashes": hashes,
            "checkpoint": {"envelope": entry.checkpoint},
        },
        "canonicalizedBody": base64(&entry.body),
    });
    if let (Some((time, promise)), Some(logged)) = (&entry.promise, logged.as_object_mut()) {
        logged.insert("integratedTime".into(), time.unix().to_string().into());
        logged.insert("inclusionPromise".into(), json!({"signedEntryTimestamp": base64(promise)}));
    }
    let mut material = json!({
        "certificate": {"rawBytes": base64(signed.certificate.der())},
        "tlogEntries": [logged],
    });
    if let (false, Some(material)) = (timestamps.is_empty(), material.as_object_mut()) {
        let stamps: Vec<Value> =
            timestamps.iter().map(|stamp| json!({"signedTimestamp": base64(stamp)})).collect();
        material.insert("timestampVerificationData".into(), json!({"rfc3161Timestamps": stamps}));
    }
    let bundle = json!({
        "mediaType": MEDIA_TYPE,
        "verificationMaterial": material,
        "messageSignature": {
            "messageDigest": {
                "algorithm": "SHA2_256",
                "digest": base64(&Sha256::digest(signed.artifact)),
            },
            "signature": base64(signed.signature),
        },
    });
    pretty(&bundle)
}

/// JSON for people and clients.
pub(super) fn pretty(value: &Value) -> Vec<u8> {
    // A value has string keys and finite numbers.
    let mut bytes = serde_json::to_vec_pretty(value).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}
