//! An archive that canaries are signed in.
#![allow(dead_code)]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::support::clients::Judge;
use super::support::{Run, copy, folder, rehearsed, run};

pub const PLAN: &str = "ceremony/sigstore.toml";
pub const BUNDLE: &str = "bundle.sigstore.json";

/// An archive of the example to change, with the tokens that it was rehearsed on.
pub struct Own {
    pub folder: tempfile::TempDir,
}

impl Own {
    pub fn new() -> Self {
        let own = Self { folder: folder() };
        let from = rehearsed(PLAN);
        copy(from, &own.archive());
        // A site for the copied tokens. SoftHSM writes a token anew at each login, and other tests log in.
        let moved = |file: &str| {
            let text = fs::read_to_string(from.join("rehearsal").join(file)).unwrap();
            let (old, new) = (from.join("rehearsal"), own.archive().join("rehearsal"));
            text.replace(&old.display().to_string(), &new.display().to_string())
        };
        let configuration = own.place("softhsm2.conf");
        fs::write(&configuration, moved("softhsm2.conf")).unwrap();
        let site =
            moved("site.toml").replace("file = \"tokens/", "file = \"archive/rehearsal/tokens/").replace(
                &own.archive().join("rehearsal/softhsm2.conf").display().to_string(),
                &configuration.display().to_string(),
            );
        fs::write(own.site(), site).unwrap();
        own
    }

    pub fn archive(&self) -> PathBuf {
        self.folder.path().join("archive")
    }

    pub fn place(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn site(&self) -> PathBuf {
        self.place("site.toml")
    }

    pub fn prove(&self, out: &str, more: &[&str]) -> Run {
        prove(&self.archive(), &self.site(), &self.place(out), more)
    }

    pub fn journal(&self) -> Vec<u8> {
        fs::read(self.archive().join("journal.jsonl")).unwrap()
    }

    /// What must not have changed when nothing was signed.
    #[track_caller]
    pub fn refuses(&self, code: i32, phrases: &[&str], more: &[&str]) {
        let before = self.journal();
        let refused = self.prove("refused", more);
        assert_eq!(refused.code, code, "{}", refused.shown());
        for phrase in phrases {
            assert!(refused.err.contains(phrase), "{phrase}: {}", refused.shown());
        }
        assert!(self.journal() == before, "something was recorded");
        assert!(!self.place("refused").exists());
    }
}

pub fn prove(archive: &Path, site: &Path, out: &Path, more: &[&str]) -> Run {
    let text = |path: &Path| path.display().to_string();
    let (archive, site, out) = (text(archive), text(site), text(out));
    run(["--json", "prove", &archive, "--site", &site, "-o", &out].iter().chain(more))
}

pub fn verified(archive: &Path) -> Value {
    let verified = run(["--json", "verify", &archive.display().to_string()]);
    assert_eq!(verified.code, 0, "{}", verified.shown());
    verified.json()
}

#[track_caller]
pub fn accepted(bundles: &[PathBuf]) {
    for judge in Judge::ALL {
        for (verdict, bundle) in judge.judge(bundles).iter().zip(bundles) {
            verdict.accepted(&(judge, bundle));
        }
    }
}
