//! Keyholders change, and clients that know only the first root walk to the newest: each new root is signed
//! by the threshold of the one before it and by its own.

mod support;

use std::collections::BTreeSet;
use std::fs;

use rootwright::ceremony::clock::Clock;
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

/// The ceremony in which three of three become two of two: the third of the old root must sign.
fn without_cat(life: &Life) -> Signers<'static> {
    const THREE: &[Holder] = &[ADA, BOB, CAT];
    const TWO: &[Holder] = &[ADA, BOB];
    let first = Signers { date: "2026-12-01", holders: THREE, threshold: 3, expires: "2027-06-01T00:00:00Z" };
    let made = life.rehearse(&first, &[]);
    assert_eq!(made.code, 0, "{}", made.shown());
    Signers { date: "2026-12-02", holders: TWO, threshold: 2, ..first }
}

#[test]
fn who_is_missing_is_named_before_anything_is_written() {
    let life = Life::new();
    let second = without_cat(&life);
    let journal = || fs::read_to_string(life.archive().join("journal.jsonl")).unwrap();
    let before = journal();
    let refused = life.run(&second, &life.site_without(&["cat"], ""));
    assert_eq!(refused.code, 3, "{}", refused.shown());
    for words in [
        "TUF root version 2 needs 3 of those who sign root under root version 1, and 2 of them sign or signed",
        "still missing, any 1 of:",
        "cat: the device `cat`, serial ",
        "is not in the site",
        "keyholders-missing",
    ] {
        assert!(refused.err.contains(words), "{words}: {}", refused.shown());
    }
    assert_eq!(journal(), before);
    // With the device that the plan names no more, the same command goes on.
    let made = life.run(&second, &life.site());
    assert_eq!(made.code, 0, "{}", made.shown());
    assert_eq!(signed_by(&life, 2), ["ada", "bob", "cat"]);
    assert_eq!(life.verify().code, 0, "{}", life.verify().shown());
    // A root without the signature that the old threshold needs is refused by all who look.
    let mut root = read(&life, "2.root.json");
    let cat = |made: &Value| root["signed"]["keys"].get(made["keyid"].as_str().unwrap()).is_none();
    let kept: Vec<Value> =
        root["signatures"].as_array().unwrap().iter().filter(|made| !cat(made)).cloned().collect();
    assert_eq!(kept.len(), 2);
    root["signatures"] = kept.into();
    fs::write(life.tuf().join("2.root.json"), serde_json::to_string_pretty(&root).unwrap() + "\n").unwrap();
    let verified = life.verify();
    assert_eq!(verified.code, 1, "{}", verified.shown());
    let server = FileServer::serve(&life.tuf());
    for client in TufClient::one_of_each(&life.tuf().join("1.root.json")) {
        let phrases =
            ["root was signed by 2/3 keys", "threshold of 3 not met for role root (2 valid signatures)"];
        client.fetch(&server).refused(&client.fetcher, &phrases);
    }
}

#[test]
fn another_device_under_the_same_key_name_is_refused_with_the_way_out() {
    let life = Life::new();
    let first =
        Signers { date: "2026-12-01", holders: &[ADA, BOB], threshold: 1, expires: "2027-06-01T00:00:00Z" };
    let made = life.rehearse(&first, &[]);
    assert_eq!(made.code, 0, "{}", made.shown());
    let other = [Holder { device: "ada-2027", ..ADA }, BOB];
    let refused = life.rehearse(&Signers { holders: &other, ..first.clone() }, &[]);
    assert_eq!(refused.code, 5, "{}", refused.shown());
    for words in ["keys.ada", "another device", "ada = { role = \"keyholder\", device = \"…\", key = \"…\" }"]
    {
        assert!(refused.err.contains(words), "{words}: {}", refused.shown());
    }
    // Another person does not get somebody's key.
    let renamed = [Holder { name: "eve", device: "ada", key: Some("ada") }, BOB];
    let refused = life.rehearse(&Signers { holders: &renamed, ..first.clone() }, &[]);
    assert_eq!(refused.code, 5, "{}", refused.shown());
    assert!(refused.err.contains("another keyholder"), "{}", refused.shown());
    // Nor have two people one key.
    let shared = [ADA, Holder { key: Some("ada"), ..BOB }];
    let refused = life.rehearse(&Signers { holders: &shared, ..first.clone() }, &[]);
    assert_eq!(refused.code, 2, "{}", refused.shown());
    assert!(refused.err.contains("`bob` and `ada` share the key `ada`"), "{}", refused.shown());
}

/// Nobody signed in time, and clients refuse what they fetch. The keys live: the next root mends it.
#[test]
fn an_expired_root_is_recovered_while_its_keys_live() {
    let today = Clock::system().unwrap().now().day();
    let day = today.shifted(-300).unwrap().to_string();
    let life = Life::new();
    let first = Signers {
        date: "2026-12-01",
        holders: &[ADA, BOB, CAT],
        threshold: 2,
        expires: "2027-06-01T00:00:00Z",
    };
    let made = life.rehearse(&first, &["--date", &day]);
    assert_eq!(made.code, 0, "{}", made.shown());
    let server = FileServer::serve(&life.tuf());
    let clients = TufClient::one_of_each(&life.tuf().join("1.root.json"));
    for client in &clients {
        client.fetch(&server).refused(&client.fetcher, &["expired", "Expired"]);
    }
    // 300 days later, by the same people, but for one who has another device by now.
    let later = Signers {
        date: "2027-09-27",
        holders: &[ADA_AGAIN, BOB, CAT],
        expires: "2028-03-01T00:00:00Z",
        ..first
    };
    let made = life.rehearse(&later, &[]);
    assert_eq!(made.code, 0, "{}", made.shown());
    assert_eq!(life.verify().code, 0, "{}", life.verify().shown());
    for client in clients.iter().chain(&TufClient::one_of_each(&life.tuf().join("1.root.json"))) {
        client.fetch(&server).accepted(&client.fetcher);
    }
}
