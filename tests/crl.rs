//! CRLs over the years: renewed by number, with revocations from the plan and from lists, and refused where
//! they would forget one.

#[path = "support/kill.rs"]
mod kill;
#[path = "support/shape.rs"]
mod shape;
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rootwright::pki::sha256_hex;

use kill::{place, points, small};
use support::{Run, folder, rehearse, repository, run};

/// The plan of a first look, with lists of the root and of the intermediate.
struct Plans {
    folder: tempfile::TempDir,
}

impl Plans {
    fn new() -> Self {
        let folder = folder();
        fs::create_dir(folder.path().join("inputs")).unwrap();
        Self { folder }
    }

    fn archive(&self) -> PathBuf {
        self.folder.path().join("archive")
    }

    /// Writes a list of revocations, and gives its SHA-256.
    fn list(&self, name: &str, text: &str) -> String {
        fs::write(self.folder.path().join("inputs").join(name), text).unwrap();
        sha256_hex(text.as_bytes())
    }

    /// Writes the plan with these CRLs, for the day after the last of them begins.
    fn plan(&self, name: &str, crls: &[String]) -> PathBuf {
        let text = fs::read_to_string(repository().join("ceremony/minimal.toml")).unwrap();
        let second = "fulcio-2 = { device = \"root-hsm\", algorithm = \"ecdsa-p256\" }\n\n[certificates.fulcio-2]\nprofile = \"code-signing\"\nkey = \"fulcio-2\"\nissuer = \"root\"\nsubject = { common-name = \"Example Intermediate 2\", organization = \"Example Project\" }\nvalidity = { from = \"2026-12-01T00:00:00Z\", for = \"3 years\" }\n\n[certificates.root]\n";
        let text = text.replacen("[certificates.root]\n", second, 1);
        let last = crls.iter().filter_map(|crl| crl.split("from = \"").nth(1)?.get(..7)).max();
        let text = text.replacen("\"2026-12-01\"", &format!("\"{}-02\"", last.unwrap_or("2026-12")), 1);
        let path = self.folder.path().join(name);
        fs::write(&path, format!("{text}\n{}", crls.join("\n"))).unwrap();
        path
    }

    fn rehearse(&self, plan: &Path) -> Run {
        rehearse(plan, &self.archive())
    }

    fn crl(&self, name: &str) -> PathBuf {
        self.archive().join(format!("crls/{name}.crl"))
    }

    fn verify(&self) -> Run {
        run(["verify".as_ref(), self.archive().as_os_str(), "--details".as_ref()])
    }
}

/// A CRL of an issuer, in force for ten months from a month's first day.
fn crl(issuer: &str, number: u64, month: &str, more: &str) -> String {
    let validity = format!("validity = {{ from = \"{month}-01T00:00:00Z\", for = \"10 months\" }}");
    format!("[crls.{issuer}-{number}]\nissuer = \"{issuer}\"\nnumber = {number}\n{validity}\n{more}\n")
}

/// What another implementation reads in a CRL.
fn openssl(crl: &Path, ca: &Path) -> String {
    let output = Command::new("openssl")
        .args(["crl", "-noout", "-text", "-inform", "DER", "-in"])
        .arg(crl)
        .arg("-CAfile")
        .arg(ca)
        .output()
        .expect("openssl");
    let run = Run::from(output);
    assert!(run.err.contains("verify OK"), "{}", run.shown());
    run.out
}

#[track_caller]
fn made(run: &Run) -> Vec<String> {
    assert_eq!(run.code, 0, "{}", run.shown());
    let document = run.json();
    let steps = document["steps"].as_array().unwrap();
    let made = steps.iter().filter(|step| step["status"] == "made");
    made.map(|step| step["id"].as_str().unwrap().to_string()).collect()
}

#[track_caller]
fn holds(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "no `{word}` in:\n{text}");
    }
}

#[test]
fn the_example_renews_the_roots_crl_and_signs_nothing_else() {
    let folder = folder();
    let archive = folder.path().join("archive");
    let first = rehearse(&repository().join("ceremony/sigstore.toml"), &archive);
    assert_eq!(first.code, 0, "{}", first.shown());
    let before = fs::read(archive.join("crls/root-1.crl")).unwrap();
    let plan = repository().join("ceremony/renew-crl.toml");
    let arguments = ["rehearse".as_ref(), plan.as_os_str(), "--archive".as_ref(), archive.as_os_str()];
    let second = run(arguments.into_iter().chain(["--yes".as_ref(), "--json".as_ref()]));
    assert_eq!(made(&second), ["issue-crl/root-2"]);
    let text = openssl(&archive.join("crls/root-2.crl"), &archive.join("certificates/root.pem"));
    holds(
        &text,
        &["X509v3 CRL Number: \n                2", "No Revoked Certificates", "Only CA Certificates"],
    );
    assert_eq!(fs::read(archive.join("crls/root-1.crl")).unwrap(), before);
    let verified = run(["verify".as_ref(), archive.as_os_str(), "--plan".as_ref(), plan.as_os_str()]);
    assert_eq!(verified.code, 0, "{}", verified.shown());
}

#[test]
fn an_intermediate_is_revoked_and_stays_revoked() {
    let plans = Plans::new();
    let first = plans.plan("first.toml", &[crl("root", 1, "2026-12", "")]);
    let made_first = plans.rehearse(&first);
    assert_eq!(made_first.code, 0, "{}", made_first.shown());
    let revoked = "revoked = [{ certificate = \"fulcio-2\", date = \"2026-12-20T08:30:00Z\", reason = \"key-compromise\", invalidity-date = \"2026-12-11T00:00:00Z\" }]";
    let one = crl("root", 1, "2026-12", "");
    let second = plans.plan("second.toml", &[one.clone(), crl("root", 2, "2027-01", revoked)]);
    let made_second = plans.rehearse(&second);
    assert_eq!(made_second.code, 0, "{}", made_second.shown());
    let text = openssl(&plans.crl("root-2"), &plans.archive().join("certificates/root.pem"));
    holds(&text, &["Key Compromise", "Invalidity Date"]);
    let found = plans.verify();
    assert_eq!(found.code, 0, "{}", found.shown());
    holds(
        &found.out,
        &["number 2, higher than all before it", "updates and list are the plan's; revoked: 1"],
    );
    let shown = run(["show".as_ref(), plans.crl("root-2").as_os_str()]);
    holds(&shown.out, &["key-compromise", "invalid since"]);
    // A later plan that forgets it, or tells another date, is refused before anything is drafted.
    let two = crl("root", 2, "2027-01", revoked);
    let dropped = plans.plan("dropped.toml", &[one.clone(), two.clone(), crl("root", 3, "2027-02", "")]);
    let refused = plans.rehearse(&dropped);
    assert_eq!(refused.code, 2, "{}", refused.shown());
    holds(&refused.err, &["CRL `root-3` leaves out `fulcio-2`, which `root-2` revokes", "RFC 5280, 3.3"]);
    let moved = plans.plan(
        "moved.toml",
        &[one.clone(), two.clone(), crl("root", 3, "2027-02", &revoked.replace("12-20", "12-21"))],
    );
    holds(
        &plans.rehearse(&moved).err,
        &["was revoked on 2026-12-21T08:30:00Z, and `root-2` says 2026-12-20"],
    );
    // A number that does not rise, over an archive that has a higher one.
    let lower = plans.plan("lower.toml", &[one, two, crl("root", 0, "2026-12", "")]);
    let refused = plans.rehearse(&lower);
    assert_eq!(refused.code, 1, "{}", refused.shown());
    holds(&refused.err, &["crls.root-0", "[CRL-NUMBER]", "the one before 2"]);
    assert!(!plans.crl("root-3").exists() && !plans.crl("root-0").exists());
}

const LIST: &str = "4f1d09aa83,2026-12-03T08:30:00Z,superseded\n00ab,2026-12-04T00:00:00Z,key-compromise,2026-12-02T00:00:00Z\nffffffffffffffffffffffffffffffffffffff,2026-12-05T23:59:59Z,privilege-withdrawn\n";

fn from(file: &str, sha256: &str) -> String {
    format!("revoked-from = {{ file = \"inputs/{file}\", sha256 = \"{sha256}\" }}")
}

#[test]
fn a_list_of_revocations_becomes_a_crl_that_proves_it() {
    let plans = Plans::new();
    let text = LIST.replacen("00ab", "ab", 1);
    let list = from("revoked.csv", &plans.list("revoked.csv", &text));
    let one = crl("fulcio", 1, "2027-01", &list);
    let first = plans.plan("first.toml", std::slice::from_ref(&one));
    let made_first = plans.rehearse(&first);
    assert_eq!(made_first.code, 0, "{}", made_first.shown());
    let ca = plans.folder.path().join("ca.pem");
    fs::copy(plans.archive().join("certificates/fulcio.chain.pem"), &ca).unwrap();
    let read = openssl(&plans.crl("fulcio-1"), &ca);
    holds(
        &read,
        &["Serial Number: 4F1D09AA83", "Serial Number: AB", "Privilege Withdrawn", "Only User Certificates"],
    );
    let found = plans.verify();
    assert_eq!(found.code, 0, "{}", found.shown());
    let hash = sha256_hex(text.as_bytes());
    holds(&found.out, &[&format!("revoked: 3, of which 3 make the list with SHA-256 {hash}")]);
    // The next list keeps them all; the file of the first is not needed any more.
    fs::remove_file(plans.folder.path().join("inputs/revoked.csv")).unwrap();
    let longer = format!("01,2027-01-15T00:00:00Z,superseded\n{text}");
    let next = from("next.csv", &plans.list("next.csv", &longer));
    let second = plans.plan("second.toml", &[one.clone(), crl("fulcio", 2, "2027-02", &next)]);
    let made_second = plans.rehearse(&second);
    assert_eq!(made_second.code, 0, "{}", made_second.shown());
    // One that forgets a serial number, or tells another date of it, is stopped by the rule.
    for shorter in
        [text.lines().skip(1).collect::<Vec<_>>().join("\n") + "\n", longer.replace("12-05T", "12-06T")]
    {
        let list = from("third.csv", &plans.list("third.csv", &shorter));
        let third = [one.clone(), crl("fulcio", 2, "2027-02", &next), crl("fulcio", 3, "2027-03", &list)];
        let refused = plans.rehearse(&plans.plan("third.toml", &third));
        assert_eq!(refused.code, 1, "{}", refused.shown());
        holds(&refused.err, &["was listed, and is no more, or with another date", "[CRL-ENTRIES-KEPT]"]);
    }
    let forgotten = [one, crl("fulcio", 2, "2027-02", &next), crl("fulcio", 3, "2027-03", "")];
    let refused = plans.rehearse(&plans.plan("forgotten.toml", &forgotten));
    holds(&refused.err, &["names no list of revocations, and `fulcio-2` has one"]);
    let found = plans.verify();
    assert_eq!(found.code, 0, "{}", found.shown());
}

#[test]
fn a_list_that_is_not_what_was_reviewed_is_refused_with_its_line() {
    let plans = Plans::new();
    for (text, words) in [
        (LIST.to_string(), "inputs/list.csv: line 2: found the serial number `00ab`, expected 1 to 20 bytes"),
        ("01,2026-12-03,superseded\n".into(), "line 1: found the date `2026-12-03`, expected UTC"),
        (
            "01,2026-12-03T00:00:00Z,stolen\n".into(),
            "line 1: found the reason `stolen`, expected one of key-comp",
        ),
        ("01,2026-12-03T00:00:00Z,superseded".into(), "line 1: found a line without its newline"),
        (format!("{}\n", "0".repeat(4000)), "line 1: found more than"),
        (
            "01,2026-12-03T00:00:00Z,superseded\n\n".into(),
            "line 2: found nothing, expected SERIAL,DATE,REASON",
        ),
        (
            "01,2026-12-03T00:00:00Z,superseded\n01,2026-12-03T00:00:00Z,superseded\n".into(),
            "the serial number 01 stands twice [CRL-ENTRIES-UNIQUE]",
        ),
        ("01,2028-12-03T00:00:00Z,superseded\n".into(), "[CRL-REVOCATION-DATE]"),
    ] {
        let list = from("list.csv", &plans.list("list.csv", &text));
        let refused = plans.rehearse(&plans.plan("plan.toml", &[crl("fulcio", 1, "2027-01", &list)]));
        assert!([1, 2].contains(&refused.code), "{}", refused.shown());
        holds(&refused.err, &[words]);
        assert!(!plans.archive().join("journal.jsonl").exists());
    }
    let good = "01,2026-12-03T00:00:00Z,superseded\n";
    let list = from("list.csv", &plans.list("list.csv", good));
    let plan = plans.plan("plan.toml", &[crl("fulcio", 1, "2027-01", &list)]);
    plans.list("list.csv", &good.replace("01,", "02,"));
    let refused = plans.rehearse(&plan);
    holds(&refused.err, &["which the plan has: it is another list than the one that was reviewed"]);
    fs::remove_file(plans.folder.path().join("inputs/list.csv")).unwrap();
    holds(&plans.rehearse(&plan).err, &["inputs/list.csv: the list of revocations can't be read"]);
}

#[test]
fn a_long_list_is_shown_in_a_few_lines() {
    let plans = Plans::new();
    let line = |number: u64| {
        let reason = if number.is_multiple_of(4) { "key-compromise" } else { "superseded" };
        format!("7f{number:038x},2026-12-{:02}T00:00:00Z,{reason}\n", 1 + number % 28)
    };
    let text: String = (0..1000).map(line).collect();
    let list = from("list.csv", &plans.list("list.csv", &text));
    let plan = plans.plan("plan.toml", &[crl("fulcio", 1, "2027-01", &list)]);
    let made = plans.rehearse(&plan);
    assert_eq!(made.code, 0, "{}", made.shown());
    let shown = run(["show".as_ref(), plans.crl("fulcio-1").as_os_str()]);
    assert!(shown.code == 0 && shown.out.lines().count() < 60, "{}", shown.shown());
    holds(&shown.out, &["for key-compromise", "entries not shown"]);
    let document = run(["show".as_ref(), plans.crl("fulcio-1").as_os_str(), "--json".as_ref()]).json();
    let text = document.to_string();
    holds(&text, &["\"revoked\":1000", "\"for-key-compromise\":250", "\"entries-not-shown\":980"]);
}

/// The points of a small ceremony at which the CRL's file is there, and its line in the journal is not.
#[test]
fn a_crl_that_was_written_before_a_kill_is_taken_over_and_not_signed_again() {
    let place = place();
    let signs = points(small(), |name| name == "device: sign");
    let lines = points(small(), |name| name == "journal: written");
    let linked = points(small(), |name| name == "file: linked");
    let last = *signs.last().unwrap();
    let file = *linked.iter().find(|at| **at > last).unwrap();
    let recorded = *lines.iter().find(|at| **at > file).unwrap();
    let begun = kill::Room::prepared().copy(&place.path().join("begun"));
    fs::copy(small().plan(), begun.plan()).unwrap();
    for point in [file + 1, recorded - 1, recorded] {
        let room = begun.copy(&place.path().join(point.to_string()));
        assert!(room.killed_at(point));
        let crl = fs::read(room.archive().join("crls/root-1.crl")).unwrap();
        let run = room.run();
        assert_eq!(run.code, 0, "point {point}: {}", run.shown());
        assert_eq!(fs::read(room.archive().join("crls/root-1.crl")).unwrap(), crl);
        let journal = fs::read_to_string(room.archive().join("journal.jsonl")).unwrap();
        assert!(!journal.contains("signature-repeated"), "point {point}");
        if !run.err.contains("is taken over") {
            // The whole line was there.
            assert_eq!(point, recorded, "{}", run.shown());
        }
        let verified = support::run(["verify".as_ref(), room.archive().as_os_str()]);
        assert_eq!(verified.code, 0, "{}", verified.shown());
    }
    // What the step was not about to sign is not taken over.
    let room = begun.copy(&place.path().join("other"));
    assert!(room.killed_at(recorded - 1));
    let path = room.archive().join("crls/root-1.crl");
    let mut crl = fs::read(&path).unwrap();
    crl[60] ^= 1;
    fs::write(&path, crl).unwrap();
    let run = room.run();
    assert_eq!(run.code, 5, "{}", run.shown());
    holds(&run.err, &["root-1.crl is not in the journal"]);
}

#[test]
fn a_crl_that_is_gone_or_changed_is_refused() {
    let place = place();
    let room = small().copy(&place.path().join("room"));
    let path = room.archive().join("crls/root-1.crl");
    let crl = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let before = room.contents();
    let run = room.run();
    assert_eq!(run.code, 5, "{}", run.shown());
    holds(&run.err, &["root-1.crl is not there: the journal has only its hash", "put the file back"]);
    assert!(room.contents() == before);
    let mut other = crl.clone();
    *other.last_mut().unwrap() ^= 1;
    fs::write(&path, &other).unwrap();
    let run = room.run();
    assert_eq!(run.code, 5, "{}", run.shown());
    holds(&run.err, &["root-1.crl is not what the journal recorded"]);
    assert_eq!(support::run(["verify".as_ref(), room.archive().as_os_str()]).code, 1);
    fs::write(&path, &crl).unwrap();
    assert_eq!(room.run().code, 0);
}
