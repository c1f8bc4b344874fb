//! The journal holds what an auditor asks for beside the steps, and `verify` compares it with them.

mod support;

use std::collections::BTreeMap;
use std::fs;

use rootwright::archive::event::{Event, Moment};
use rootwright::archive::{Journal, Record};
use rootwright::pki::sha256_hex;
use rootwright::token::ObjectReport;
use support::{copy, folder, rehearsed, run};

const PLAN: &str = "ceremony/minimal.toml";

fn records() -> Vec<Record> {
    Journal::parse(&fs::read(rehearsed(PLAN).join("journal.jsonl")).unwrap()).unwrap().records
}

#[test]
fn tool_machine_and_devices_are_on_the_record() {
    let events: Vec<Event> = records().into_iter().map(|record| record.event).collect();
    let tool = events.iter().find_map(|event| match event {
        Event::ToolIdentified { sha256, dependencies, .. } => Some((sha256.clone().unwrap(), dependencies)),
        _ => None,
    });
    let (sha256, dependencies) = tool.unwrap();
    assert_eq!(sha256, sha256_hex(&fs::read(env!("CARGO_BIN_EXE_rootwright")).unwrap()));
    assert_eq!(*dependencies, sha256_hex(&fs::read(support::repository().join("Cargo.lock")).unwrap()));
    let facts = events.iter().find_map(|event| match event {
        Event::MachineDescribed { facts } => Some(facts),
        _ => None,
    });
    for fact in ["kernel", "network links that are up", "swap", "core dumps", "memory", "random source"] {
        assert!(facts.unwrap().contains_key(fact), "{fact}");
    }
    let mut held: BTreeMap<String, Vec<&[ObjectReport]>> = BTreeMap::new();
    for event in &events {
        match event {
            Event::DeviceInventoried { device, when, flags, objects, random } => {
                let lists = held.entry(device.to_string()).or_default();
                assert_eq!(*when == Moment::Before, lists.is_empty(), "{device}");
                let answers = (*when == Moment::Before).then_some("answers");
                assert_eq!(random.as_deref(), answers, "{device}");
                assert!(flags.iter().any(|flag| flag == "CKF_USER_PIN_INITIALIZED"), "{flags:?}");
                lists.push(objects);
            }
            Event::DeviceProbed { tried, template, .. } => {
                for what in
                    ["CKA_EXTRACTABLE set to true", "private value read", "wrapped with a key of the session"]
                {
                    assert!(tried[what].starts_with("refused"), "{tried:?}");
                }
                assert!(!tried.contains_key("throwaway key"), "it is destroyed: {tried:?}");
                assert!(template.contains(&"private: CKA_EXTRACTABLE = false".to_string()), "{template:?}");
            }
            Event::OperationsCounted { keys } => {
                assert!(keys.len() >= 3 && keys.values().all(|uses| uses.planned == uses.made), "{keys:?}");
            }
            _ => {}
        }
    }
    // Blank before; afterwards the keys' halves, and nothing of what was tried.
    assert_eq!(held.keys().map(String::as_str).collect::<Vec<_>>(), ["keyholder-1", "root-hsm"]);
    for (device, keys) in [("keyholder-1", 1), ("root-hsm", 3)] {
        let [before, after] = held[device].as_slice() else { panic!("{device}: {held:?}") };
        assert_eq!((before.len(), after.len()), (0, 2 * keys), "{device}: {after:?}");
    }
}

#[test]
fn what_does_not_agree_with_the_steps_is_named() {
    let folder = folder();
    let archive = folder.path().join("archive");
    copy(rehearsed(PLAN), &archive);
    let forged = |change: fn(&mut Event)| {
        let (mut journal, mut bytes) = (Journal::default(), Vec::new());
        for mut record in records() {
            change(&mut record.event);
            let (line, record, hash) = journal.line(record.time, record.event, record.files).unwrap();
            bytes.extend(line);
            journal.push(record, hash);
        }
        fs::write(archive.join("journal.jsonl"), bytes).unwrap();
        run(["verify", archive.to_str().unwrap()])
    };
    let good = forged(|_| {});
    assert_eq!(good.code, 0, "{}", good.shown());
    let miscounted = forged(|event| {
        if let Event::OperationsCounted { keys } = event {
            keys.values_mut().next().unwrap().made += 1;
        }
    });
    assert_eq!(miscounted.code, 1, "{}", miscounted.shown());
    assert!(miscounted.out.contains("uses of keys are counted as"), "{}", miscounted.shown());
    let more = forged(|event| {
        if let Event::DeviceInventoried { when: Moment::After, objects, .. } = event {
            objects.push(ObjectReport {
                class: "CKO_SECRET_KEY".into(),
                label: "x".into(),
                ..Default::default()
            });
        }
    });
    assert!(more.out.contains("CKO_SECRET_KEY labelled `x` that no step made"), "{}", more.shown());
    let silent = forged(|event| {
        if let Event::DeviceInventoried { random: Some(random), .. } = event {
            *random = "not offered: CKR_RANDOM_NO_RNG".into();
        }
    });
    assert!(
        silent.out.contains("the random source of root-hsm: not offered: CKR_RANDOM_NO_RNG"),
        "{}",
        silent.shown()
    );
    let yielding = forged(|event| {
        if let Event::DeviceProbed { tried, .. } = event {
            tried.values_mut().for_each(|came| *came = "accepted".into());
        }
    });
    assert!(
        yielding.out.contains("accepted for a throwaway key what it should refuse"),
        "{}",
        yielding.shown()
    );
}
