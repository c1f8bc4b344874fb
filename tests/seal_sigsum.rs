//! Statements go to Sigsum, by way of somebody with a network, and its proofs come back and verify offline, as
//! they do with another reader of them.

#[path = "support/sigsum.rs"]
mod log;
mod support;

use std::fs;
use std::path::PathBuf;

use log::{SEEN, World};
use rootwright::archive::{Event, Journal, Record};
use rootwright::prove::examine::sigsum::{Proof, policy::Policy};
use support::clients::{self, Verdict};
use support::ssh::SshKey;
use support::{Run, copy, folder, rehearsed, run};

/// Ours, and another reader's opinion of the same; they must agree.
fn judged(world: &World, proof: &str, message: &[u8; 32], policy: &str) -> Result<String, String> {
    let submitter = world.submitter.public();
    let ours = Policy::parse(policy)
        .and_then(|policy| Ok(Proof::parse(proof)?.verify(message, &submitter, &policy)?.cosigned(&policy)));
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("proof"), proof).unwrap();
    fs::write(path("policy"), policy).unwrap();
    let theirs = clients::sigsum(&path("proof"), &path("policy"), message, &submitter);
    let agree = ours.is_ok() == matches!(theirs, Verdict::Accepted);
    // It knows no tree of one leaf.
    assert!(agree || proof.contains("\nsize=1\n"), "{ours:?}, {theirs:?}\n{proof}\n{policy}");
    ours
}

#[test]
fn leaves_of_any_tree_verify() {
    let (world, message) = (World::new(), [7; 32]);
    for (at, size) in [(0, 1), (0, 2), (1, 2), (2, 3), (4, 7), (6, 7), (7, 8), (0, 100), (99, 100)] {
        let said = judged(&world, &world.proof(&message, (at, size)), &message, &world.policy("both"));
        let words = format!("cosigned by 2 of the policy's 2 witnesses: one, two, all by {SEEN}");
        assert_eq!(said, Ok(words), "{at} of {size}");
    }
}

#[test]
fn each_part_that_is_changed_is_refused_for_its_reason() {
    let (world, message) = (World::new(), [7; 32]);
    let (proof, policy) = (world.proof(&message, (4, 7)), world.policy("both"));
    // The last digit of a value: the `word`th of the line that begins so.
    let changed = |start: &str, word: usize| {
        let (before, rest) = proof.split_once(start).unwrap();
        let (line, after) = rest.split_once('\n').unwrap();
        let mut words: Vec<String> = line.split(' ').map(str::to_string).collect();
        let last = words[word].pop().unwrap();
        words[word].push(if last == '7' { '8' } else { '7' });
        format!("{before}{start}{}\n{after}", words.join(" "))
    };
    for (start, word, words) in [
        ("log=", 0, "it is of the log whose key has SHA-256"),
        ("leaf=", 0, "its leaf is by the key with SHA-256"),
        ("leaf=", 1, "the submitter's signature over its leaf does not verify"),
        ("size=", 0, "the log's signature over its tree does not verify"),
        ("root_hash=", 0, "the log's signature over its tree does not verify"),
        ("\nsignature=", 0, "the log's signature over its tree does not verify"),
        // A witness that nobody knows by then: the other one is not enough.
        (
            "cosignature=",
            0,
            "1 of the policy's 2 witnesses cosigned its tree, which its quorum `both` is not",
        ),
        ("cosignature=", 1, "the cosignature of the witness one does not verify"),
        ("cosignature=", 2, "the cosignature of the witness one does not verify"),
        ("leaf_index=", 0, "its path does not lead from the leaf to the tree's root"),
        ("node_hash=", 0, "its path does not lead from the leaf to the tree's root"),
    ] {
        let refused = judged(&world, &changed(start, word), &message, &policy).unwrap_err();
        assert!(refused.contains(words), "{start}, {word}: {refused}");
    }
    let other = judged(&world, &proof, &[8; 32], &policy).unwrap_err();
    assert!(other.contains("it is of something else"), "{other}");
    // Witnesses: one is enough for some, and some ask nobody.
    let one = judged(&world, &changed("cosignature=", 0), &message, &world.policy("two")).unwrap();
    assert_eq!(
        one,
        format!(
            "cosigned by 1 of the policy's 2 witnesses: two, all by {SEEN}; cosignatures of witnesses that the policy does not have, and that were not judged: 1"
        )
    );
    let none = judged(&world, &proof, &message, &world.policy("none")).unwrap();
    assert!(none.ends_with("; none is asked for"), "{none}");
    let nobody = format!("log {}\nquorum none\n", world.log.hex());
    let not_judged = judged(&world, &proof, &message, &nobody).unwrap();
    assert_eq!(not_judged, "its cosignatures (2) were not judged: the policy has no witness");
    let stranger = World::new();
    let unknown = judged(&world, &proof, &message, &stranger.policy("both")).unwrap_err();
    assert!(unknown.contains("which the policy does not have"), "{unknown}");
}

/// A public key's file as `sigsum-submit` may have it.
fn with_policy(world: &World) -> String {
    format!("sigsum-policy=\"sigsum-test-2025-3\" {}\n", world.submitter.line())
}

/// A sealed rehearsal, whose tokens stay where they were made.
struct Sealed {
    folder: tempfile::TempDir,
}

impl Sealed {
    fn new() -> Self {
        let (sealed, made) = (Self { folder: folder() }, rehearsed("ceremony/minimal.toml"));
        copy(made, &sealed.path("archive"));
        let run = sealed.seal(&[]);
        assert_eq!(run.code, 0, "{}", run.shown());
        sealed
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn file(&self, name: &str, text: &str) -> String {
        fs::write(self.path(name), text).unwrap();
        self.path(name).display().to_string()
    }

    fn seal(&self, more: &[&str]) -> Run {
        let site = rehearsed("ceremony/minimal.toml").join("rehearsal/site.toml").display().to_string();
        let archive = self.path("archive").display().to_string();
        let mut arguments = vec!["seal", &archive, "--site", &site];
        arguments.extend(more);
        run(arguments)
    }

    fn bring(&self, world: &World, proof: &str, policy: &str) -> Run {
        let proof = self.file("statement-1.proof", proof);
        let (policy, key) = (self.file("policy", policy), self.file("key.pub", &with_policy(world)));
        self.seal(&["--proof", &proof, "--sigsum-policy", &policy, "--submitter", &key])
    }

    fn verify(&self) -> Run {
        run(["verify".as_ref(), self.path("archive").as_os_str(), "--details".as_ref()])
    }

    /// What is submitted of the seal.
    fn message(&self) -> [u8; 32] {
        let requests = self.path("requests").display().to_string();
        let run = self.seal(&["--requests", &requests]);
        assert_eq!(run.code, 0, "{}", run.shown());
        assert!(run.out.contains("--sigsum-policy POLICY --submitter KEY.pub"), "{}", run.shown());
        let hex = fs::read_to_string(self.path("requests").join("statement-1.sigsum")).unwrap();
        data_encoding::HEXLOWER.decode(hex.trim().as_bytes()).unwrap().try_into().unwrap()
    }
}

#[test]
fn a_statement_is_logged_and_its_proof_comes_back() {
    let (sealed, world) = (Sealed::new(), World::new());
    let (message, policy) = (sealed.message(), world.policy("both"));
    let proof = world.proof(&message, (4, 7));
    let refused = |proof: &str, policy: &str, words: &str| {
        let run = sealed.bring(&world, proof, policy);
        assert_eq!(run.code, 5, "{}", run.shown());
        assert!(run.err.contains(words), "{words}: {}", run.shown());
    };
    refused(&world.proof(&[7; 32], (4, 7)), &policy, "it is of something else");
    refused(&proof, &World::new().policy("both"), "which the policy does not have");
    refused(&proof.replacen("version=2", "version=3", 1), &policy, "it is of version 3, expected 2");

    let taken = sealed.bring(&world, &proof, &policy);
    assert_eq!(taken.code, 0, "{}", taken.shown());
    let words = format!("at index 4; cosigned by 2 of the policy's 2 witnesses: one, two, all by {SEEN}");
    assert!(taken.out.contains(&words), "{}", taken.shown());
    let proofs = fs::read_dir(sealed.path("archive/evidence/proofs")).unwrap();
    let kept: Vec<PathBuf> = proofs.map(|entry| entry.unwrap().path()).collect();
    let [kept] = kept.as_slice() else { panic!("{kept:?}") };
    let name = kept.file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("statement-1.sigsum.org_v1_tree_") && name.ends_with(".proof"), "{name}");
    assert_eq!(fs::read_to_string(kept).unwrap(), proof);

    let verified = sealed.verify();
    assert_eq!(verified.code, 0, "{}", verified.shown());
    assert!(verified.out.contains("has it at index 4, submitted with SHA256:"), "{}", verified.shown());
    assert!(verified.out.contains(&words["at index 4; ".len()..]), "{}", verified.shown());
    // The seal stays the one that it was: a proof belongs to it.
    assert!(!verified.out.contains("not sealed yet"), "{}", verified.shown());
    let shown = run(["show".as_ref(), sealed.path("archive/journal.jsonl").as_os_str()]);
    assert!(shown.out.contains("has evidence/statement-1.dsse.json"), "{}", shown.shown());
    // A later proof of the same changes nothing.
    let again = sealed.bring(&world, &world.proof(&message, (4, 100)), &policy);
    assert_eq!(again.code, 0, "{}", again.shown());
    assert!(again.err.contains("is there already, and stays as it is"), "{}", again.shown());
    fs::write(kept, proof.replacen("node_hash=", "node_hash=f", 1)).unwrap();
    assert_eq!(sealed.verify().code, 1);
}

#[test]
fn who_objects_can_have_it_logged() {
    let (sealed, world) = (Sealed { folder: folder() }, World::new());
    copy(rehearsed("ceremony/minimal.toml"), &sealed.path("archive"));
    let run = sealed.seal(&["--as", "keyholder-1", "--object", "the door was open"]);
    assert_eq!(run.code, 0, "{}", run.shown());
    let requests = sealed.path("requests");
    let run = sealed.seal(&["--requests", &requests.display().to_string()]);
    assert_eq!(run.code, 0, "{}", run.shown());
    assert!(requests.join("objection-1-keyholder-1.keyholder-1.rekor.json").exists(), "{}", run.shown());
    let hex = fs::read_to_string(requests.join("objection-1-keyholder-1.sigsum")).unwrap();
    let message = data_encoding::HEXLOWER.decode(hex.trim().as_bytes()).unwrap().try_into().unwrap();
    let taken = sealed.bring(&world, &world.proof(&message, (1, 3)), &world.policy("one"));
    assert_eq!(taken.code, 0, "{}", taken.shown());
    assert!(
        taken.out.contains("has evidence/objection-1-keyholder-1.dsse.json at index 1"),
        "{}",
        taken.shown()
    );
    let verified = sealed.verify();
    assert_eq!(verified.code, 0, "{}", verified.shown());
    assert!(verified.out.contains("has it at index 1, submitted with SHA256:"), "{}", verified.shown());
}

#[test]
fn what_was_recorded_of_a_proof_is_judged_again() {
    let (sealed, world) = (Sealed::new(), World::new());
    let message = sealed.message();
    let proof = world.proof(&message, (0, 1));
    let taken = sealed.bring(&world, &proof, &world.policy("both"));
    assert_eq!(taken.code, 0, "{}", taken.shown());
    let file = sealed.path("archive/journal.jsonl");
    let good = fs::read(&file).unwrap();
    let chained = |records: Vec<Record>| {
        let (mut journal, mut bytes) = (Journal::default(), Vec::new());
        for record in records {
            let (line, record, hash) = journal.line(record.time, record.event, record.files).unwrap();
            bytes.extend(line);
            journal.push(record, hash);
        }
        fs::write(&file, bytes).unwrap();
        sealed.verify()
    };
    let records = || Journal::parse(&good).unwrap().records;
    let refused = |run: Run, words: &str| {
        assert_eq!(run.code, 1, "{words}: {}", run.shown());
        assert!(run.out.contains(words), "{words}: {}", run.shown());
    };
    let forged = |words: &str, change: &dyn Fn(&mut Event)| {
        let mut records = records();
        records.iter_mut().for_each(|record| change(&mut record.event));
        refused(chained(records), words);
    };
    // The same once more is the same; another one in its place is none.
    let mut doubled = records();
    doubled.push(doubled.last().unwrap().clone());
    let run = chained(doubled.clone());
    assert_eq!(run.code, 0, "{}", run.shown());
    if let Event::ProofRecorded { entry, .. } = &mut doubled.last_mut().unwrap().event {
        *entry = world.proof(&message, (4, 7));
    }
    refused(chained(doubled), "was written before, with other content");
    // A proof of what comes only after it.
    let mut early = records();
    let proof = early.pop().unwrap();
    let begun = early.iter().position(|record| record.event.name() == "seal-started").unwrap();
    early.insert(begun, proof);
    refused(chained(early), "there was no evidence/statement-1.dsse.json before");

    let other = World::new();
    forged("its leaf is by the key with SHA-256", &|event| {
        if let Event::ProofRecorded { sigsum: Some(trust), .. } = event {
            trust.submitter = other.submitter.line();
        }
    });
    forged("which the policy does not have", &|event| {
        if let Event::ProofRecorded { sigsum: Some(trust), .. } = event {
            trust.policy = other.policy("both");
        }
    });
    forged("the log has another key than was recorded", &|event| {
        if let Event::ProofRecorded { log, .. } = event {
            let spki = rootwright::pki::PublicKey::from_ed25519(&other.log.public()).unwrap();
            *log = data_encoding::BASE64.encode(spki.spki());
        }
    });
    forged("a proof is of a person's signature (Rekor), or has a policy (Sigsum)", &|event| {
        if let Event::ProofRecorded { sigsum, .. } = event {
            *sigsum = None;
        }
    });
    forged("there was no evidence/statement-2.dsse.json before", &|event| {
        if let Event::ProofRecorded { of, .. } = event {
            *of = "evidence/statement-2.dsse.json".into();
        }
    });
}

#[test]
fn keys_that_sign_no_leaves_and_halves_of_what_is_needed_are_refused() {
    let (sealed, world) = (Sealed::new(), World::new());
    let (proof, policy) =
        (sealed.file("a.proof", "version=2\n"), sealed.file("policy", &world.policy("both")));
    let ecdsa = sealed.file("ecdsa.pub", &SshKey::new(sealed.folder.path(), "ada", "ecdsa").line());
    let key = sealed.file("key.pub", &world.submitter.line());
    let broken = sealed.file("broken", "log 00\nquorum none\n");
    for (more, words) in [
        (&["--sigsum-policy", &policy, "--submitter", &ecdsa][..], "signed by keys of ssh-ed25519 alone"),
        (&["--sigsum-policy", &broken, "--submitter", &key], "line 1: expected a key: 32 bytes in hex"),
        (&["--sigsum-policy", &policy], "--submitter"),
        (&[], "whose proof is it?"),
    ] {
        let run = sealed.seal(&[&["--proof", &proof][..], more].concat());
        assert_eq!(run.code, 2, "{words}: {}", run.shown());
        assert!(run.err.contains(words), "{words}: {}", run.shown());
    }
}
