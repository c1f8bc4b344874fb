//! What a seal says, and what it keeps to itself.

use super::*;
use crate::archive::Journal;
use crate::plan::{Source, tests::example};
use crate::site::Purpose;

fn journal(events: Vec<Event>) -> (Vec<u8>, Journal) {
    let (mut journal, mut bytes) = (Journal::default(), Vec::new());
    for event in events {
        let files = vec![FileRecord::of(format!("keys/{}.pem", journal.records.len()), b"a file")];
        let time = "2026-12-01T00:00:00Z".parse().unwrap();
        let (line, record, hash) = journal.line(time, event, files).unwrap();
        bytes.extend(line);
        journal.push(record, hash);
    }
    (bytes, journal)
}

fn events() -> Vec<Event> {
    let people = BTreeMap::from([("witness-1".parse().unwrap(), "Ada Lovelace".to_string())]);
    vec![
        Event::CeremonyStarted {
            name: "A ceremony".into(),
            plan: "0a".repeat(32),
            text: "plan".into(),
            site: "0b".repeat(32),
            purpose: Purpose::Production,
            date_shift: 0,
            tool: "1".into(),
            people,
        },
        Event::DeviationRecorded {
            expected: "two witnesses".into(),
            happened: "one came".into(),
            decided: "go on".into(),
            by: "Grace Hopper".into(),
        },
        Event::CeremonyFinished { plan: "0a".repeat(32) },
    ]
}

fn sealed(private: &str) -> (Statement, Words, Vec<u8>) {
    let (bytes, journal) = journal(events());
    let text = include_str!("../../../ceremony/sigstore.toml");
    let text = text.replacen("[ceremony]\n", &format!("[ceremony]\nprivate = [{private}]\n"), 1);
    let plan = Plan::parse(&Source::new("plan.toml", text)).unwrap();
    let material = Material {
        number: 1,
        journal: &bytes,
        records: &journal.records,
        head: journal.head.as_deref().unwrap(),
        sealed: 0,
        plan: &plan,
        tool: &Tool::default(),
    };
    let mut salt = 0;
    let words = words(&material, || {
        salt += 1;
        Ok::<_, ()>([salt; 16])
    });
    let words = words.unwrap();
    (Statement::parse(words.statement.as_bytes()).unwrap(), words, bytes)
}

#[test]
fn every_file_and_the_journal_are_subjects() {
    let (statement, _, bytes) = sealed("");
    let names: Vec<&str> = statement.subject.iter().map(|subject| subject.name.as_str()).collect();
    assert_eq!(names, ["keys/0.pem", "keys/1.pem", "keys/2.pem", "journal.jsonl, lines 1 to 3"]);
    assert_eq!(statement.subject[3].digest[ROOT], root(&bytes));
    let seal: Seal = serde_json::from_value(statement.predicate).unwrap();
    assert!(seal.ceremonies[0].finished);
    assert_eq!(seal.people.len(), example().people.len());
    assert_eq!((seal.journal.from, seal.journal.lines), (1, 3));
}

#[test]
fn what_is_private_is_kept_and_can_be_opened() {
    let (_, words, _) = sealed("");
    assert!(words.statement.contains("Ada Lovelace") && words.statement.contains("Grace Hopper"));
    assert!(words.openings.is_empty());
    let (statement, words, _) = sealed("\"names\"");
    assert!(!words.statement.contains("Lovelace") && !words.statement.contains("Hopper"));
    let values: Vec<&str> = words.openings.iter().map(|opening| opening.value.as_str()).collect();
    // What people typed may name anybody: it is kept, too.
    assert_eq!(values, ["two witnesses", "one came", "go on", "Grace Hopper", "Ada Lovelace"]);
    assert!(!words.statement.contains("one came"));
    for opening in &words.openings {
        assert!(words.statement.contains(&opening.hash()), "{opening:?}");
    }
    let seal: Seal = serde_json::from_value(statement.predicate).unwrap();
    assert!(matches!(seal.deviations[0].by, Word::Kept { .. }));
    // Each value has a salt of its own: equal values do not look equal.
    assert_ne!(words.openings[0].salt, words.openings[1].salt);
}

#[test]
fn an_objection_is_about_the_text_of_the_seal() {
    let (_, words, _) = sealed("");
    let witness = "witness-1".parse().unwrap();
    let payload = objection(1, &words.statement, (&witness, Role::Witness), "the door was open").unwrap();
    let statement = Statement::parse(&payload).unwrap();
    assert_eq!(statement.subject[0].digest["sha256"], crate::pki::sha256_hex(words.statement.as_bytes()));
    assert_eq!(statement.predicate["reason"], "the door was open");
}
