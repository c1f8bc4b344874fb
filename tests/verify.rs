//! `verify` notices every change to an archive, and says of which file.

#[path = "verify/attestation.rs"]
mod attestation;
#[path = "verify/canary.rs"]
mod canary;
#[path = "verify/certificates.rs"]
mod certificates;
#[path = "verify/keys.rs"]
mod keys;
#[path = "verify/later.rs"]
mod later;
#[path = "verify/order.rs"]
mod order;
#[path = "verify/people.rs"]
mod people;
#[path = "verify/repository.rs"]
mod repository;
#[path = "verify/spoilt.rs"]
mod spoilt;
mod support;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::Mutex;
use std::thread;

use rootwright::verify::{Area, Options, Verdict, verify};
use spoilt::{JOURNAL, PLAN, Spoilt, names, options, recorded};
use support::{folder, rehearsed, repository, run};

#[test]
fn a_rehearsed_archive_verifies() {
    let archive = rehearsed(PLAN).to_str().unwrap();
    let shown = run(["verify", archive]);
    assert_eq!(shown.code, 0, "{}", shown.shown());
    assert!(shown.out.contains("verified: "), "{}", shown.out);
    assert!(shown.out.contains("rehearsal/tokens is not covered"), "{}", shown.out);
    let document = run(["verify", archive, "--json"]).json();
    assert_eq!(document["ok"], true);
    assert_eq!(document["purpose"], "rehearsal");
    let checks = document["checks"].as_array().unwrap();
    assert!(checks.len() > 150 && checks.iter().all(|check| check["verdict"] == "ok"), "{document:#}");
    let details = run(["verify", archive, "--details"]);
    assert!(details.out.contains("rustls-webpki builds the path to its root, for timestamps"));
    assert!(details.out.lines().count() > checks.len());
    // Every certificate and every metadata file has a line of its own.
    for file in recorded() {
        assert!(details.out.contains(&file), "{file}");
    }
}

#[test]
fn any_changed_missing_or_added_file_is_named() {
    let files = Mutex::new(recorded());
    let work = || {
        let spoilt = Spoilt::new();
        loop {
            let Some(file) = files.lock().unwrap().pop() else { return };
            spoil(&spoilt, &file);
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, |count| count.get().min(8)) {
            scope.spawn(work);
        }
    });
}

/// One file: flipped bytes, cut, removed, replaced by what is no file; and one beside it.
fn spoil(spoilt: &Spoilt, file: &str) {
    let good = spoilt.read(file);
    let expect = |what: &str| {
        let report = spoilt.verify();
        assert!(names(&report).contains(&file), "{what} {file}:\n{}", report.text(false));
    };
    for at in [0, good.len() / 2, good.len() - 1] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        spoilt.write(file, &bad);
        expect(&format!("byte {at} flipped in"));
    }
    spoilt.write(file, &good[..good.len() - 1]);
    expect("cut");
    let path = spoilt.path().join(file);
    fs::remove_file(&path).unwrap();
    expect("removed");
    let elsewhere = folder();
    fs::write(elsewhere.path().join("same"), &good).unwrap();
    symlink(elsewhere.path().join("same"), &path).unwrap();
    expect("a symlink to the same content for");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    expect("a folder for");
    fs::remove_dir(&path).unwrap();
    spoilt.write(file, &good);
    // Alone: whatever was done before is undone.
    let beside = format!("{file}~");
    spoilt.write(&beside, &good);
    let report = spoilt.verify();
    assert_eq!(names(&report), [beside.as_str()], "{}", report.text(false));
    fs::remove_file(spoilt.path().join(&beside)).unwrap();
}

#[test]
fn the_binary_names_what_was_changed() {
    let spoilt = Spoilt::new();
    for file in ["certificates/root.pem", "tuf/timestamp.json", "rehearsal/site.toml", JOURNAL] {
        let good = spoilt.read(file);
        let mut bad = good.clone();
        bad[good.len() / 2] ^= 4;
        spoilt.write(file, &bad);
        let archive = spoilt.path().to_str().unwrap();
        for arguments in [&["verify", archive][..], &["verify", archive, "--json"]] {
            let found = run(arguments);
            assert_eq!(found.code, 1, "{}", found.shown());
            assert!(found.out.contains(file), "{}", found.shown());
        }
        assert!(run(["verify", archive]).out.contains("FAILED: "));
        assert_eq!(run(["verify", archive, "--json"]).json()["ok"], false);
        spoilt.write(file, &good);
    }
}

#[test]
fn strangers_anywhere_are_found() {
    let spoilt = Spoilt::new();
    for file in
        ["note.txt", "tuf/2.root.json", "evidence/x", "new/folder/x", "rehearsal/x", "certificates/.x"]
    {
        spoilt.write(file, b"x");
        spoilt.refused(Area::Files, file, "no line of the journal knows this file");
        fs::remove_file(spoilt.path().join(file)).unwrap();
    }
    spoilt.write("keys/.rootwright-root.pem", b"x");
    spoilt.refused(Area::Files, "keys/.rootwright-root.pem", "an interruption left");
    fs::remove_file(spoilt.path().join("keys/.rootwright-root.pem")).unwrap();
    symlink("/", spoilt.path().join("outside")).unwrap();
    spoilt.refused(Area::Files, "outside", "symlink");
    fs::remove_file(spoilt.path().join("outside")).unwrap();
    let name = OsStr::from_bytes(b"keys/root\xff.pem");
    fs::write(spoilt.path().join(name), b"x").unwrap();
    spoilt.refused(Area::Files, "keys/root\u{fffd}.pem", "no line of the journal knows this file");
    fs::remove_file(spoilt.path().join(name)).unwrap();
    // Devices, which are no records, are not looked at; what only looks like them is.
    spoilt.write("rehearsal/tokens/a/b", b"x");
    assert!(spoilt.verify().ok);
    fs::remove_dir_all(spoilt.path().join("rehearsal/tokens")).unwrap();
    symlink("/", spoilt.path().join("rehearsal/tokens")).unwrap();
    spoilt.refused(Area::Files, "rehearsal/tokens", "symlink");
}

#[test]
fn every_part_of_the_journal_counts() {
    let spoilt = Spoilt::new();
    let good = spoilt.read(JOURNAL);
    for at in (0..good.len()).step_by(good.len() / 150) {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        spoilt.write(JOURNAL, &bad);
        assert_eq!(names(&spoilt.verify()).first(), Some(&JOURNAL), "byte {at}");
    }
    let lines: Vec<&[u8]> = good.split_inclusive(|byte| *byte == b'\n').collect();
    let swapped = |a: usize, b: usize| {
        let mut lines = lines.clone();
        lines.swap(a, b);
        lines.concat()
    };
    let without = |n: usize| [&lines[..n], &lines[n + 1..]].concat().concat();
    let twice = |n: usize| [&lines[..=n], &lines[n..]].concat().concat();
    for bad in [swapped(3, 4), swapped(0, 1), without(0), without(10), twice(5)] {
        spoilt.write(JOURNAL, &bad);
        spoilt.refused(Area::Journal, JOURNAL, "line ");
    }
    spoilt.write(JOURNAL, b"");
    spoilt.refused(Area::Journal, JOURNAL, "no whole line");
    spoilt.write(JOURNAL, b"\xff\n");
    spoilt.refused(Area::Journal, JOURNAL, "not JSON");
}

#[test]
fn an_unfinished_ceremony_says_what_is_open() {
    let spoilt = Spoilt::new();
    let good = spoilt.read(JOURNAL);
    let lines: Vec<&[u8]> = good.split_inclusive(|byte| *byte == b'\n').collect();
    // A canary follows the ceremony's end.
    let end = |line: &&[u8]| String::from_utf8_lossy(line).contains("\"type\":\"ceremony-finished\"");
    let count = lines.iter().position(end).unwrap() + 1;
    // Without its last line, all steps are done and the end is missing.
    spoilt.write(JOURNAL, &lines[..count - 1].concat());
    spoilt.refused(Area::Journal, JOURNAL, "the ceremony is not finished");
    // Without the two lines before, the timestamp is not published: between them, uses of keys are counted.
    spoilt.write(JOURNAL, &lines[..count - 3].concat());
    spoilt.refused(Area::Journal, JOURNAL, "1 step open: publish/tuf-timestamp");
    spoilt.refused(Area::Files, "tuf/timestamp.json", "no line of the journal knows");
    // An intent at the end: a device may have signed. Its last step taken, its objects were listed.
    spoilt.write(JOURNAL, &lines[..count - 5].concat());
    spoilt.refused(Area::Journal, JOURNAL, "2 steps open: sign/tuf-timestamp/tuf-online");
    let warned = spoilt.verify();
    let warned = warned.checks.iter().find(|check| check.verdict == Verdict::Warning).unwrap();
    assert!(warned.detail.contains("the device may have signed"), "{}", warned.detail);
    // The first key alone; then an intent of the next.
    let after = |kind: &str, number: usize| {
        let event = format!("\"type\":\"{kind}\"}},\"files\":");
        let holds = |line: &[u8]| String::from_utf8_lossy(line).contains(&event);
        let found = lines.iter().enumerate().filter(|(_, line)| holds(line)).nth(number);
        found.map(|(at, _)| at + 1).unwrap_or_else(|| panic!("no {kind} {number}"))
    };
    for (count, warnings) in [(after("key-made", 0), 0), (after("key-intended", 1), 1)] {
        spoilt.write(JOURNAL, &lines[..count].concat());
        spoilt.refused(Area::Journal, JOURNAL, "33 steps open: generate-key/fulcio-2026");
        assert_eq!(spoilt.verify().count(Verdict::Warning), warnings);
    }
    // A line that was cut off.
    spoilt.write(JOURNAL, &good[..good.len() - 20]);
    spoilt.refused(Area::Journal, JOURNAL, "the last line is cut off");
    // An end without its steps.
    spoilt.write(JOURNAL, &good);
    spoilt.forge(|records| {
        records.retain(|record| record.event.step() != Some("publish/tuf-timestamp"));
    });
    spoilt.refused(Area::Journal, JOURNAL, "is finished, but it is not: 1 step open");
}

#[test]
fn time_is_an_argument() {
    let spoilt = Spoilt::new();
    let last = spoilt.records().last().unwrap().time;
    let at = |days: i64| Options { at: last.shifted(days), ..options() };
    assert!(verify(spoilt.path(), &at(1)).unwrap().ok);
    // The example's TUF metadata expires after half a year, its CRL after eleven months.
    for object in ["tuf/1.root.json", "tuf/1.targets.json", "tuf/1.snapshot.json", "tuf/timestamp.json"] {
        spoilt.refused_with(&at(200), Area::Tuf, object, "expired on");
    }
    assert!(!names(&verify(spoilt.path(), &at(200)).unwrap()).contains(&"crls/root-1.crl"));
    spoilt.refused_with(&at(400), Area::Crls, "crls/root-1.crl", "a newer CRL of `root` is due");
    spoilt.refused_with(&at(365 * 4), Area::Certificates, "certificates/fulcio-2026.pem", "expired on");
    spoilt.refused_with(&at(365 * 11), Area::Certificates, "certificates/root.pem", "expired on");
    spoilt.refused_with(&at(-30), Area::Certificates, "certificates/root.pem", "not valid before");
    spoilt.refused_with(&at(-30), Area::Crls, "crls/root-1.crl", "not in force before");
    let archive = spoilt.path().to_str().unwrap();
    let found = run(["verify", archive, "--at", "2099-01-01T00:00:00Z"]);
    assert_eq!(found.code, 1, "{}", found.shown());
    assert!(found.out.contains("as of 2099-01-01T00:00:00Z") && found.out.contains("expired on"));
    let found = run(["verify", archive, "--at", "tomorrow"]);
    assert_eq!(found.code, 2, "{}", found.shown());
    assert!(found.err.contains("is not a time"), "{}", found.shown());
}

#[test]
fn a_plan_that_the_archive_holds_all_of() {
    let archive = rehearsed(PLAN).to_str().unwrap();
    let own = repository().join(PLAN);
    let found = run(["verify", archive, "--plan", own.to_str().unwrap()]);
    assert_eq!(found.code, 0, "{}", found.shown());
    let shift = match &rootwright::archive::Journal::parse(&fs::read(rehearsed(PLAN).join(JOURNAL)).unwrap())
        .unwrap()
        .records[0]
        .event
    {
        rootwright::archive::Event::CeremonyStarted { date_shift, .. } => *date_shift,
        other => panic!("{other:?}"),
    };
    assert_eq!(found.out.contains(&format!("dates are moved by {shift} days")), shift != 0);
    let text = fs::read_to_string(&own).unwrap();
    let place = folder();
    let unmentioned = "the archive holds it, and the plan does not mention it";
    for (change, with, object, words) in [
        ("2027-06-01T00:00:00Z", "2027-07-01T00:00:00Z", "tuf.root", "it expires on "),
        (
            "2027-06-01T00:00:00Z",
            "2027-07-01T00:00:00Z",
            "Example Sigstore, first",
            "not done: publish/tuf-root",
        ),
        (
            "Example Sigstore Root\"",
            "Another Root\"",
            "certificates.root",
            "the subject is Example Project, REHEARSAL Example Sigstore Root, expected Example Project, REHEARSAL Another Root",
        ),
        ("crls.root-1", "crls.root-2", "crls.root-1", unmentioned),
        ("crls.root-1", "crls.root-2", "crls.root-2", "it is not made"),
        ("number   = 1", "number   = 2", "crls.root-1", "the number is 1, expected 2"),
        (
            "to = \"2027-11-01T00:00:00Z\"",
            "to = \"2027-10-01T00:00:00Z\"",
            "crls.root-1",
            "thisUpdate or nextUpdate is not the plan's",
        ),
        (
            "for = \"3 years\"",
            "for = \"2 years\"",
            "certificates.fulcio-2026",
            "the validity is not the plan's: from ",
        ),
        (
            "root            = { device = \"root-hsm\",    algorithm = \"ecdsa-p384\"",
            "root            = { device = \"issuing-hsm\",    algorithm = \"rsa-4096\"",
            "keys.root",
            "it is ecdsa-p384, expected rsa-4096",
        ),
        (
            "root            = { device = \"root-hsm\"",
            "root            = { device = \"issuing-hsm\"",
            "keys.root",
            "it was made on root-hsm, expected issuing-hsm",
        ),
        (
            "rekor2026.example",
            "rekor2027.example",
            "trust-root",
            "tlogs[0].baseUrl is \"https://rekor2026.example.org\", expected \"https://rekor2027.example.org\"",
        ),
        (
            "oauth2.example",
            "login.example",
            "trust-root",
            "oidcUrls: https://oauth2.example.org/auth with version 1 is not in the plan",
        ),
        ("threshold = 3", "threshold = 2", "tuf.targets", "the threshold is 3, expected 2"),
        (
            "\"keyholder-4\", \"keyholder-5\"]",
            "\"keyholder-4\"]",
            "tuf.root",
            "signed by keyholder-1, keyholder-2, keyholder-3, keyholder-4, keyholder-5, expected keyholder-1, keyholder-2, keyholder-3, keyholder-4",
        ),
        (
            "key = \"tuf-online\"",
            "key = \"ctlog-2026\"",
            "tuf.snapshot",
            "signed by tuf-online, expected ctlog-2026",
        ),
    ] {
        assert!(text.contains(change));
        let plan: PathBuf = place.path().join("plan.toml");
        fs::write(&plan, text.replace(change, with)).unwrap();
        let found = run(["verify", archive, "--json", "--plan", plan.to_str().unwrap()]);
        assert_eq!(found.code, 1, "{}", found.shown());
        let document = found.json();
        let checks = document["checks"].as_array().unwrap();
        let text = |check: &serde_json::Value, field: &str| check[field].as_str().unwrap().to_string();
        let named = |check: &&serde_json::Value| {
            check["area"] == "plan"
                && check["verdict"] == "failed"
                && text(check, "object").starts_with(object)
                && text(check, "detail").contains(words)
        };
        assert!(checks.iter().any(|check| named(&check)), "{object}: {words}\n{}", found.shown());
        // The plan is all that is wrong.
        let failed = |check: &&serde_json::Value| check["verdict"] == "failed";
        assert!(checks.iter().filter(failed).all(|check| check["area"] == "plan"), "{}", found.shown());
    }
}

#[test]
fn what_can_not_be_read_at_all() {
    let place = folder();
    let absent = place.path().join("absent");
    for (path, words) in
        [(absent.clone(), "is not a directory"), (repository().join("Cargo.toml"), "is not a directory")]
    {
        let found = run(["verify", path.to_str().unwrap()]);
        assert_eq!(found.code, 2, "{}", found.shown());
        assert!(found.err.contains(words), "{}", found.shown());
    }
    let archive = rehearsed(PLAN).to_str().unwrap();
    let found = run(["verify", archive, "--plan", absent.to_str().unwrap()]);
    assert_eq!(found.code, 2, "{}", found.shown());
    // A folder without a journal can be read, and is no archive.
    let found = run(["verify", place.path().to_str().unwrap()]);
    assert_eq!(found.code, 1, "{}", found.shown());
    assert!(found.out.contains("journal.jsonl") && found.out.contains("not an archive"), "{}", found.shown());
}
