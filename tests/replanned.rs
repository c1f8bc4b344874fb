//! A plan that is changed while its ceremony is interrupted in the middle of a signature: metadata that
//! nobody has seen is signed as the plan says now; a certificate is not, since a signature may exist.

#[path = "support/kill.rs"]
mod kill;
#[path = "support/shape.rs"]
mod shape;
mod support;

use std::collections::BTreeMap;
use std::fs;

use kill::{Room, each, finished, place, points};
use rootwright::archive::{self, Event};
use support::run;

/// The step whose signature was intended last, and is not made.
fn open(room: &Room) -> String {
    let (journal, _) = archive::read(&room.archive()).unwrap();
    match &journal.records.last().unwrap().event {
        Event::SignatureIntended { step, .. } => step.clone(),
        event => panic!("the last line is {}", event.name()),
    }
}

/// SHA-256 of what was to be signed, in the order of the journal, by step.
fn intended(room: &Room) -> BTreeMap<String, Vec<String>> {
    let mut intended: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for record in archive::read(&room.archive()).unwrap().0.records {
        if let Event::SignatureIntended { step, to_be_signed, .. } = record.event {
            intended.entry(step).or_default().push(to_be_signed.sha256().unwrap());
        }
    }
    intended
}

#[test]
fn what_was_never_published_is_signed_as_the_plan_says_now_and_nothing_else_is() {
    let signs = points(finished(), |name| name == "device: sign");
    assert_eq!(signs.len(), 7, "a certificate of a root, one below it, a CRL, and four TUF roles");
    each(&signs, |point| {
        let folder = place();
        let room = Room::prepared().copy(&folder.path().join("room"));
        assert!(room.killed_at(*point));
        let step = open(&room);
        let plan = fs::read_to_string(room.plan()).unwrap();
        let changed = match step.as_str() {
            "issue/root" => plan.replace("\"10 years\"", "\"9 years\""),
            "issue/fulcio" => plan.replace("\"3 years\"", "\"2 years\""),
            "issue-crl/root-1" => plan.replace("2027-11-01", "2027-10-01"),
            _ => plan.replace("2027-06-01", "2027-05-01"),
        };
        assert_ne!(changed, plan, "{step}");
        fs::write(room.plan(), &changed).unwrap();
        let before = room.contents();
        let ran = room.run();
        let verified = |what: &str| {
            let verified = run(["verify".as_ref(), room.archive().as_os_str()]);
            assert_eq!(verified.code, 0, "{step}, {what}: {}", verified.shown());
        };
        if step.starts_with("sign/tuf-") {
            assert_eq!(ran.code, 0, "{step}: {}", ran.shown());
            let said = "was never published, and is signed as the plan says now";
            assert!(ran.err.contains(said), "{step}: {}", ran.shown());
            // Both attempts are counted, over bytes that differ.
            let intended = &intended(&room)[&step];
            assert!(intended.len() == 2 && intended[0] != intended[1], "{step}: {intended:?}");
            verified("after the change");
            return;
        }
        assert_eq!(ran.code, 5, "{step}: {}", ran.shown());
        assert!(ran.err.contains("recovery other-bytes"), "{step}: {}", ran.shown());
        // Refused before anything that could contradict what may have been signed.
        let after = room.contents();
        for (path, bytes) in before.iter().filter(|(path, _)| path.as_os_str() != "journal.jsonl") {
            assert_eq!(after.get(path), Some(bytes), "{step}: {}", path.display());
        }
        assert_eq!(intended(&room)[&step].len(), 1, "{step}");
        // The plan that it began with goes on, over the same bytes.
        fs::write(room.plan(), &plan).unwrap();
        let ran = room.run();
        assert_eq!(ran.code, 0, "{step}: {}", ran.shown());
        assert!(ran.err.contains("over the same bytes, and counted"), "{step}: {}", ran.shown());
        assert_eq!(intended(&room)[&step].len(), 1, "{step}");
        verified("with the first plan");
    });
}
