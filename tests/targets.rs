//! Further targets: a file is added, replaced by another content, and never taken away; clients fetch it, and
//! nothing else changes.

mod support;

use std::fs;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use support::Run;
use support::clients::{FileServer, TARGETS, TufClient};
use support::keyholders::{Holder, Life, Signers, holder, plan};

const TWO: &[Holder] = &[holder("ada"), holder("bob")];
const FIRST: Signers<'static> =
    Signers { date: "2026-12-01", holders: TWO, threshold: 2, expires: "2027-06-01T00:00:00Z" };

fn hash(content: &str) -> String {
    HEXLOWER.encode(&Sha256::digest(content))
}

/// Rehearses the plan with a target of this name, content and hash, if any.
fn rehearse(life: &Life, signers: &Signers<'_>, target: Option<(&str, &str, &str)>) -> Run {
    let folder = life.folder.path();
    let mut text = plan(signers);
    if let Some((name, content, hash)) = target {
        fs::write(folder.join("target"), content).unwrap();
        text.push_str(&format!(
            "\n[tuf.targets-files]\n\"{name}\" = {{ file = \"target\", sha256 = \"{hash}\" }}\n"
        ));
    }
    fs::write(folder.join("plan.toml"), text).unwrap();
    support::rehearse(&folder.join("plan.toml"), &life.archive())
}

fn names(life: &Life, folder: &str) -> Vec<String> {
    let entries = fs::read_dir(life.tuf().join(folder)).unwrap().flatten();
    let files = entries.filter(|entry| entry.path().is_file());
    let mut names: Vec<String> = files.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_target_is_added_and_replaced_and_nothing_else_changes() {
    let life = Life::new();
    let made = rehearse(&life, &FIRST, None);
    assert_eq!(made.code, 0, "{}", made.shown());
    let clients = TufClient::one_of_each(&life.tuf().join("1.root.json"));
    let before = names(&life, "targets");
    let trust_root = fs::read(life.archive().join("trust-root/trusted_root.json")).unwrap();
    let journal = || fs::read(life.archive().join("journal.jsonl")).unwrap();

    // Another file than the plan's is refused before anything is written.
    let quiet = journal();
    let second = Signers { date: "2026-12-02", ..FIRST };
    let refused = rehearse(&life, &second, Some(("policy.json", "{\"a\": 1}", &hash("{}"))));
    assert_eq!(refused.code, 2, "{}", refused.shown());
    assert!(refused.err.contains("another file than the one that was reviewed"), "{}", refused.shown());
    for name in ["../policy.json", "a/b", ".hidden", "trusted_root.json"] {
        let refused = rehearse(&life, &second, Some((name, "{}", &hash("{}"))));
        assert_eq!(refused.code, 2, "{name}: {}", refused.shown());
        assert!(refused.err.contains(&format!("`{name}`")), "{name}: {}", refused.shown());
    }
    assert_eq!(journal(), quiet);

    let mut third = second.clone();
    third.date = "2026-12-03";
    for (version, signers, content) in [(2, &second, "{\"a\": 1}"), (3, &third, "{\"a\": 2}")] {
        let made = rehearse(&life, signers, Some(("policy.json", content, &hash(content))));
        assert_eq!(made.code, 0, "{}", made.shown());
        let verified = life.verify();
        assert_eq!(verified.code, 0, "{}", verified.shown());
        assert!(life.tuf().join(format!("{version}.targets.json")).exists());
        assert!(!life.tuf().join("2.root.json").exists(), "the root stays as it is");
        assert_eq!(fs::read(life.archive().join("trust-root/trusted_root.json")).unwrap(), trust_root);
        let server = FileServer::serve(&life.tuf());
        for client in &clients {
            client.fetch_all(&server, &["policy.json", TARGETS[0], TARGETS[1]]).accepted(&client.fetcher);
            assert_eq!(client.fetched("policy.json"), content.as_bytes());
        }
        let again = rehearse(&life, signers, Some(("policy.json", content, &hash(content))));
        assert!(again.out.contains("Nothing is missing"), "{}", again.shown());
    }
    // What clients had before can still be fetched by those who have not refreshed.
    let mut expected = before;
    expected.extend(["{\"a\": 1}", "{\"a\": 2}"].map(|content| format!("{}.policy.json", hash(content))));
    expected.sort();
    assert_eq!(names(&life, "targets"), expected);
    // Nothing is taken away.
    let refused = rehearse(&life, &third, None);
    assert_eq!(refused.code, 5, "{}", refused.shown());
    assert!(refused.err.contains("tuf.targets-files.policy.json"), "{}", refused.shown());
    // And `verify` notices another content under the name.
    let path = life.tuf().join(format!("targets/{}.policy.json", hash("{\"a\": 2}")));
    fs::write(&path, "{\"a\": 3}").unwrap();
    let verified = life.verify();
    assert_eq!(verified.code, 1, "{}", verified.shown());
    assert!(verified.out.contains("policy.json"), "{}", verified.shown());
}
