//! A Rekor v2 log in memory, written from its specification.
#![allow(dead_code)]

use std::fs;
use std::path::Path;

use data_encoding::BASE64;
use rcgen::{KeyPair, PublicKeyData, SigningKey};
use rootwright::pki::{Document, PublicKey, Signature};
use rootwright::plan::Name;
use rootwright::prove::checkpoint::{self, Origin};
use rootwright::prove::log_entry::{INDEX, SIZE, Tree};
use rootwright::trust_root::log::{Kind, log_id};
use serde_json::{Value, json};

/// Where it says it is.
pub const HOST: &str = "log2027.rekor.example.org";

/// A Rekor v2 log in memory, with what a trusted root says of it.
pub struct Log {
    pair: KeyPair,
    public: PublicKey,
}

impl Log {
    pub fn new() -> Self {
        let pair = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
        let public = PublicKey::from_spki(&pair.subject_public_key_info()).unwrap();
        Self { pair, public }
    }

    fn id(&self) -> String {
        BASE64.encode(&log_id(Kind::RekorV2, HOST, &self.public))
    }

    pub fn trusted_root(&self, file: &Path) {
        let root = json!({
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [{
                "baseUrl": format!("https://{HOST}"),
                "hashAlgorithm": "SHA2_256",
                "publicKey": {
                    "rawBytes": BASE64.encode(self.public.spki()),
                    "keyDetails": "PKIX_ED25519",
                    "validFor": {"start": "2026-01-01T00:00:00Z"},
                },
                "logId": {"keyId": self.id()},
            }],
            "certificateAuthorities": [], "ctlogs": [], "timestampAuthorities": [],
        });
        fs::write(file, root.to_string()).unwrap();
    }

    /// Takes a request in, as the log's specification has it, and answers.
    pub fn submit(&self, request: &Path) -> Value {
        let request: Value = serde_json::from_slice(&fs::read(request).unwrap()).unwrap();
        let asked = &request["hashedRekordRequestV002"];
        let body = json!({"apiVersion": "0.0.2", "kind": "hashedrekord", "spec": {"hashedRekordV002": {
            "data": {"algorithm": "SHA2_256", "digest": asked["digest"]},
            "signature": asked["signature"],
        }}});
        let body = serde_json_canonicalizer::to_vec(&body).unwrap();
        let tree = Tree::with(&body);
        let origin = Origin::new(Kind::RekorV2, HOST, &self.public);
        let name: Name = "log".parse().unwrap();
        let draft = checkpoint::draft("entry", &origin, (INDEX, SIZE), tree.root, (&name, &self.public));
        let signature = Signature(self.pair.sign(&draft.bytes).unwrap());
        let checkpoint = checkpoint::Checkpoint::assemble(&draft, &signature).unwrap();
        let hashes: Vec<String> = tree.proof.iter().map(|hash| BASE64.encode(hash)).collect();
        json!({
            "logIndex": INDEX.to_string(),
            "logId": {"keyId": self.id()},
            "kindVersion": {"kind": "hashedrekord", "version": "0.0.2"},
            "integratedTime": "0",
            "inclusionPromise": null,
            "inclusionProof": {
                "logIndex": INDEX.to_string(), "rootHash": BASE64.encode(&tree.root),
                "treeSize": SIZE.to_string(), "hashes": hashes, "checkpoint": {"envelope": checkpoint.0},
            },
            "canonicalizedBody": BASE64.encode(&body),
        })
    }
}
