//! What people signed goes to transparency logs, by way of somebody with a network, and the logs' proofs come
//! back and verify offline.

#[path = "support/rekor.rs"]
mod rekor;
mod support;

use std::fs;
use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use rekor::{HOST, Log};
use serde_json::Value;
use support::{copy, folder, rehearsed, run};

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
    // The same proof in other words, or a later one: the first stands, and nothing comes in its way.
    let journal = || fs::read(world.archive().join("journal.jsonl")).unwrap();
    let before = journal();
    let mut later = answer.clone();
    later["integratedTime"] = "1".into();
    let again = world.bring(&later, &root);
    assert_eq!(again.code, 0, "{}", again.shown());
    assert!(again.err.contains("is there already, and stays as it is"), "{}", again.shown());
    assert_eq!(journal(), before);
    let archive = world.archive().display().to_string();
    let verified = run(["verify", &archive, "--details"]);
    assert_eq!(verified.code, 0, "{}", verified.shown());
    assert!(verified.out.contains(&format!("{HOST} (key SHA-256")), "{}", verified.shown());
    // The seal stays the one that it was: a proof belongs to it.
    assert!(!verified.out.contains("not sealed yet"), "{}", verified.shown());
    fs::write(&kept, b"{}").unwrap();
    assert_eq!(run(["verify", &archive]).code, 1);
}
