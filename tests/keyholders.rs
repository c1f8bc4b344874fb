//! Keyholders change, and clients that know only the first root walk to the newest: each new root is signed
//! by the threshold of the one before it and by its own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;
use support::clients::{FileServer, TufClient};
use support::keyholders::{Holder, Life, Signers, holder, moved};

fn read(life: &Life, file: &str) -> Value {
    serde_json::from_slice(&fs::read(life.tuf().join(file)).unwrap()).unwrap()
}

/// Who signed a version of the root: owners, by either root's keys, with how many signatures each.
fn signed_by(life: &Life, version: u64) -> Vec<String> {
    let file = read(life, &format!("{version}.root.json"));
    let before = (version > 1).then(|| read(life, &format!("{}.root.json", version - 1)));
    let owner = |keyid: &str| {
        let roots = [Some(&file), before.as_ref()];
        let key = roots.into_iter().flatten().find_map(|root| root["signed"]["keys"].get(keyid));
        key.unwrap()["x-tuf-on-ci-keyowner"].as_str().unwrap().trim_start_matches('@').to_string()
    };
    let mut owners: Vec<String> = file["signatures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|made| owner(made["keyid"].as_str().unwrap()))
        .collect();
    owners.sort();
    owners
}

const ADA: Holder = holder("ada");
const BOB: Holder = holder("bob");
const CAT: Holder = holder("cat");
const DAN: Holder = holder("dan");
const ADA_AGAIN: Holder = moved("ada", "ada-2027");

#[test]
fn clients_walk_from_the_first_root_through_every_change() {
    let life = Life::new();
    // Each ceremony: the day, who signs from then on, and who signed the root that says so.
    let ceremonies: [(&str, &[Holder], usize, &[&str]); 6] = [
        ("2026-12-01", &[ADA, BOB, CAT], 2, &["ada", "bob", "cat"]),
        // Cat leaves and Dan joins; Ada and Bob are enough for the old root.
        ("2026-12-02", &[ADA, BOB, DAN], 2, &["ada", "bob", "dan"]),
        // Ada changes the device: the same person, another key. Bob and Dan are enough for the old root.
        ("2026-12-03", &[ADA_AGAIN, BOB, DAN], 2, &["ada", "bob", "dan"]),
        ("2026-12-04", &[ADA_AGAIN, BOB, DAN], 3, &["ada", "bob", "dan"]),
        // All three of the old root must sign that two are enough again.
        ("2026-12-05", &[ADA_AGAIN, BOB, DAN], 2, &["ada", "bob", "dan"]),
        // Two leave at once: Bob alone is too few for the old root, so both of them sign a last time.
        ("2026-12-06", &[BOB, CAT, holder("eve")], 2, &["ada", "bob", "cat", "dan", "eve"]),
    ];
    let mut clients: Option<[TufClient; 3]> = None;
    for (number, (date, holders, threshold, signers)) in (1u64..).zip(ceremonies) {
        let signers_of = Signers { date, holders, threshold, expires: "2027-06-01T00:00:00Z" };
        let made = life.rehearse(&signers_of, &[]);
        assert_eq!(made.code, 0, "root {number}: {}", made.shown());
        assert_eq!(signed_by(&life, number), signers, "root {number}");
        let verified = life.verify();
        assert_eq!(verified.code, 0, "root {number}: {}", verified.shown());
        // Clients that saw every version go on, version by version.
        let server = FileServer::serve(&life.tuf());
        let clients = clients.get_or_insert_with(|| TufClient::one_of_each(&life.tuf().join("1.root.json")));
        for client in clients {
            client.fetch(&server).accepted(&client.fetcher);
        }
        let again = life.rehearse(&signers_of, &[]);
        assert!(again.out.contains("Nothing is missing"), "root {number}: {}", again.shown());
    }
    // And one that was away all the while has the first root alone.
    let server = FileServer::serve(&life.tuf());
    for client in TufClient::one_of_each(&life.tuf().join("1.root.json")) {
        client.fetch(&server).accepted(&client.fetcher);
        assert_eq!(
            client.fetched("trusted_root.json"),
            fs::read(life.archive().join("trust-root/trusted_root.json")).unwrap()
        );
    }
    // Targets follow the people: whoever signs no more does not sign them either.
    let keys = |file: &str, role: &str| -> BTreeSet<String> {
        let ids = read(&life, file)["signed"]["roles"][role]["keyids"].clone();
        serde_json::from_value(ids).unwrap()
    };
    let targets =
        fs::read_dir(life.tuf()).unwrap().flatten().map(|entry| entry.file_name().into_string().unwrap());
    let newest = targets.filter(|name| name.ends_with(".targets.json")).count();
    let file = read(&life, &format!("{newest}.targets.json"));
    let signed: BTreeSet<String> = file["signatures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|made| made["keyid"].as_str().unwrap().into())
        .collect();
    assert_eq!(signed, keys("6.root.json", "targets"));
}
