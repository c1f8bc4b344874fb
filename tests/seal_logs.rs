//! What people signed goes to transparency logs, by way of somebody with a network, and the logs' proofs come
//! back and verify offline.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use rcgen::{KeyPair, PublicKeyData, SigningKey};
use rootwright::pki::{Document, PublicKey, Signature};
use rootwright::plan::Name;
use rootwright::prove::checkpoint::{self, Origin};
use rootwright::prove::log_entry::{INDEX, SIZE, Tree};
use rootwright::trust_root::log::{Kind, log_id};
use serde_json::{Value, json};
use support::{copy, folder, rehearsed, run};

const HOST: &str = "log2027.rekor.example.org";

/// A Rekor v2 log in memory, with what a trusted root says of it.
struct Log {
    pair: KeyPair,
    public: PublicKey,
}

impl Log {
    fn new() -> Self {
        let pair = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
        let public = PublicKey::from_spki(&pair.subject_public_key_info()).unwrap();
        Self { pair, public }
    }

    fn id(&self) -> String {
        BASE64.encode(&log_id(Kind::RekorV2, HOST, &self.public))
    }

    fn trusted_root(&self, file: &Path) {
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
    fn submit(&self, request: &Path) -> Value {
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

struct World {
    folder: tempfile::TempDir,
}

impl World {
    /// A sealed rehearsal, whose tokens stay where they were made.
    fn new() -> Self {
        let (world, made) = (Self { folder: folder() }, rehearsed("ceremony/minimal.toml"));
        copy(made, &world.archive());
        let sealed = world.seal(&[]);
        assert_eq!(sealed.code, 0, "{}", sealed.shown());
        world
    }

    fn archive(&self) -> PathBuf {
        self.folder.path().join("archive")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn seal(&self, more: &[&str]) -> support::Run {
        let site = rehearsed("ceremony/minimal.toml").join("rehearsal/site.toml").display().to_string();
        let archive = self.archive().display().to_string();
        let mut arguments = vec!["seal", &archive, "--site", &site];
        arguments.extend(more);
        run(arguments)
    }

    fn bring(&self, answer: &Value, root: &Path) -> support::Run {
        let file = self.path("answer.json");
        fs::write(&file, answer.to_string()).unwrap();
        self.seal(&["--proof", file.to_str().unwrap(), "--trusted-root", root.to_str().unwrap()])
    }
}

#[test]
fn requests_go_out_and_proofs_come_back() {
    let (world, log) = (World::new(), Log::new());
    let (requests, root) = (world.path("requests"), world.path("trusted_root.json"));
    log.trusted_root(&root);
    let written = world.seal(&["--requests", requests.to_str().unwrap()]);
    assert_eq!(written.code, 0, "{}", written.shown());
    let request = requests.join("statement-1.keyholder-1.rekor.json");
    let message = fs::read_to_string(requests.join("statement-1.sigsum")).unwrap();
    assert_eq!(message.trim().len(), 64);

    let answer = log.submit(&request);
    // Another log's word, another signature's entry, and a tree that the log did not sign.
    let refused = |answer: &Value, root: &Path, words: &str| {
        let run = world.bring(answer, root);
        assert_eq!(run.code, 5, "{}", run.shown());
        assert!(run.err.contains(words), "{words}: {}", run.shown());
    };
    let stranger = world.path("stranger.json");
    Log::new().trusted_root(&stranger);
    refused(&answer, &stranger, "the trusted root has no log");
    let mut other: Value = serde_json::from_slice(&fs::read(&request).unwrap()).unwrap();
    other["hashedRekordRequestV002"]["digest"] = BASE64.encode(&[7; 32]).into();
    fs::write(world.path("other.json"), other.to_string()).unwrap();
    refused(&log.submit(&world.path("other.json")), &root, "another signature, statement or key");
    let mut forged = answer.clone();
    forged["inclusionProof"]["rootHash"] = BASE64.encode(&[7; 32]).into();
    refused(&forged, &root, "another size or root");

    let taken = world.bring(&answer, &root);
    assert_eq!(taken.code, 0, "{}", taken.shown());
    let kept = world.archive().join(format!("evidence/proofs/statement-1.keyholder-1.{HOST}.json"));
    assert!(kept.exists());
    let archive = world.archive().display().to_string();
    let verified = run(["verify", &archive, "--details"]);
    assert_eq!(verified.code, 0, "{}", verified.shown());
    assert!(verified.out.contains(&format!("{HOST} (key SHA-256")), "{}", verified.shown());
    // The seal stays the one that it was: a proof belongs to it.
    assert!(!verified.out.contains("not sealed yet"), "{}", verified.shown());
    fs::write(&kept, b"{}").unwrap();
    assert_eq!(run(["verify", &archive]).code, 1);
}
