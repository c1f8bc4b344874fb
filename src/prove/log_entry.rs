//! Entries of Rekor: what is logged of a signature, and how the log promises and proves it.

use data_encoding::{BASE64, HEXLOWER};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::merkle::{self, Hash};
use crate::pki::{Certificate, Document, Draft, Malformed, PublicKey, Signature};
use crate::plan::trust_root::Api;
use crate::plan::{Name, Time};

/// The entry's index. Never 0: two clients take a zero that is left out for a field that is missing.
pub const INDEX: u64 = 1;

/// How many entries the canary's tree has.
pub const SIZE: u64 = 3;

/// What is logged: the signature of an artifact, and who made it.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    /// The artifact.
    pub artifact: &'a [u8],
    /// The signature over it.
    pub signature: &'a [u8],
    /// The developer's certificate.
    pub certificate: &'a Certificate,
}

/// The version of the `hashedrekord` entry that goes with an API.
pub fn version(api: Api) -> &'static str {
    match api {
        Api::V1 => "0.0.1",
        Api::V2 => "0.0.2",
    }
}

/// The entry: RFC 8785 JSON, byte for byte as clients build it again.
pub fn body(api: Api, signed: &Signed<'_>) -> Result<Vec<u8>, serde_json::Error> {
    let digest = Sha256::digest(signed.artifact);
    let signature = BASE64.encode(signed.signature);
    let spec = match api {
        Api::V1 => json!({
            "data": {"hash": {"algorithm": "sha256", "value": HEXLOWER.encode(&digest)}},
            "signature": {
                "content": signature,
                "publicKey": {"content": BASE64.encode(signed.certificate.pem().as_bytes())},
            },
        }),
        Api::V2 => json!({"hashedRekordV002": {
            "data": {"algorithm": "SHA2_256", "digest": BASE64.encode(&digest)},
            "signature": {
                "content": signature,
                "verifier": {
                    "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                    "x509Certificate": {"rawBytes": BASE64.encode(signed.certificate.der())},
                },
            },
        }}),
    };
    canonical(&json!({"apiVersion": version(api), "kind": "hashedrekord", "spec": spec}))
}

fn canonical(value: &Value) -> Result<Vec<u8>, serde_json::Error> {
    serde_json_canonicalizer::to_vec(value)
}

/// A tree with the entry in it, and others around it, so that the proof has siblings on both sides.
#[derive(Clone, Debug)]
pub struct Tree {
    /// The tree's root.
    pub root: Hash,
    /// The proof that the entry is in it.
    pub proof: Vec<Hash>,
}

impl Tree {
    /// The tree of a canary with this entry.
    pub fn with(body: &[u8]) -> Self {
        let leaves = [
            merkle::leaf(b"rootwright canary: before"),
            merkle::leaf(body),
            merkle::leaf(b"rootwright canary: after"),
        ];
        Self { root: merkle::root(&leaves), proof: merkle::inclusion(&leaves, 1) }
    }
}

/// The promise of a Rekor v1 log: its signed entry timestamp.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryTimestamp(pub Vec<u8>);

/// What the rules must know beside the bytes.
#[derive(Clone, Debug)]
pub struct Context {
    /// The entry.
    pub body: Vec<u8>,
    /// When the log took it in.
    pub time: Time,
    /// The log's id.
    pub log_id: [u8; 32],
    /// The first valid moment of the certificate.
    pub from: Time,
}

impl Document for EntryTimestamp {
    type Context = Context;
    const KIND: &'static str = "signed entry timestamp";

    fn assemble(_: &Draft<Self>, signature: &Signature) -> Result<Self, Malformed> {
        Ok(Self(signature.as_bytes().to_vec()))
    }
}

/// What a Rekor v1 log signs: RFC 8785 JSON of entry, time, log and index.
pub fn promised(context: &Context, index: u64) -> Result<Vec<u8>, serde_json::Error> {
    canonical(&json!({
        "body": BASE64.encode(&context.body),
        "integratedTime": context.time.unix(),
        "logID": HEXLOWER.encode(&context.log_id),
        "logIndex": index,
    }))
}

/// The promise, ready for the rules.
pub fn promise(
    canary: &str,
    context: Context,
    (name, public): (&Name, &PublicKey),
) -> Result<Draft<EntryTimestamp>, Malformed> {
    let object = format!("{canary}/entry-timestamp-{name}");
    let bytes = promised(&context, INDEX)
        .map_err(|error| Malformed { object: object.clone(), reason: error.to_string() })?;
    Ok(Draft { object, bytes, key: name.clone(), public: public.clone(), context })
}
