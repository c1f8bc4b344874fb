//! `show` reads every file of an archive, says what is wrong with others, and never shows a secret.
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use support::{Run, files, folder, rehearsed, run};

const PLAN: &str = "ceremony/sigstore.toml";

/// What an archive holds for `show`: all of it but the rehearsal's tokens, and evidence in formats of others.
fn shown_files(archive: &Path) -> Vec<PathBuf> {
    let all = files(archive).into_iter();
    all.filter(|path| !path.starts_with("rehearsal") && !path.starts_with("evidence"))
        // What a canary signs is any text.
        .filter(|path| !path.ends_with("artifact"))
        .chain([PathBuf::from("rehearsal/site.toml")])
        .collect()
}

fn show(options: &[&str], files: &[PathBuf]) -> Run {
    let files = files.iter().map(|file| file.display().to_string());
    run(std::iter::once("show".to_string()).chain(options.iter().map(ToString::to_string)).chain(files))
}

/// The documents of an archive's files, by their path in it.
fn documents(archive: &Path) -> BTreeMap<String, Value> {
    let paths = shown_files(archive);
    let run = show(&["--json"], &paths.iter().map(|path| archive.join(path)).collect::<Vec<_>>());
    assert_eq!(run.code, 0, "{}", run.shown());
    let list = run.json().as_array().unwrap().clone();
    assert_eq!(list.len(), paths.len());
    paths.iter().map(|path| path.display().to_string()).zip(list).collect()
}

/// SHA-256 by another implementation than the tool's.
fn sha256(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref())
}

/// The bytes of the first block of a PEM file.
fn pem(path: &Path) -> Vec<u8> {
    let text = fs::read_to_string(path).unwrap();
    let body: String = text.lines().skip(1).take_while(|line| !line.starts_with('-')).collect();
    data_encoding::BASE64.decode(body.as_bytes()).unwrap()
}

#[test]
fn every_file_of_an_archive() {
    let archive = rehearsed(PLAN);
    for (path, document) in documents(archive) {
        let name = path.rsplit('/').next().unwrap();
        let expected = match path.split('/').next().unwrap() {
            "journal.jsonl" => "journal",
            "plans" => "plan",
            "keys" if name.ends_with(".pem") => "public key",
            "keys" => "key record",
            "certificates" if name == "root.chain.pem" => "certificate",
            "certificates" if name.ends_with(".chain.pem") => "certificates",
            "certificates" => "certificate",
            "crls" => "CRL",
            "rehearsal" => "site",
            "trust-root" | "tuf" if name.ends_with("trusted_root.json") => "trusted root",
            "trust-root" | "tuf" if name.ends_with("signing_config.v0.2.json") => "signing config",
            "tuf" if name.ends_with("root.json") => "TUF root",
            "tuf" if name.ends_with("targets.json") => "TUF targets",
            "tuf" if name.ends_with("snapshot.json") => "TUF snapshot",
            "tuf" if name == "timestamp.json" => "TUF timestamp",
            "canaries" if name == "trusted_root.json" => "trusted root",
            "canaries" if name == "signing_config.json" => "signing config",
            "canaries" if name == "client_trust_config.json" => "client trust config",
            "canaries" if name == "identity.json" => "canary's identity",
            "canaries" => "bundle",
            _ => panic!("{path}: no expectation"),
        };
        assert_eq!(document["kind"], expected, "{path}");
        assert!(document["file"].as_str().unwrap().ends_with(&path));
    }
}

#[test]
fn fingerprints_agree_with_each_other_and_with_another_implementation() {
    let archive = rehearsed(PLAN);
    let documents = documents(archive);
    for name in ["root", "fulcio-2026", "tsa-2026", "tsa-signer-2026"] {
        let key = sha256(&pem(&archive.join(format!("keys/{name}.pem"))));
        let certificate = &documents[&format!("certificates/{name}.pem")];
        for document in
            [&documents[&format!("keys/{name}.pem")], &documents[&format!("keys/{name}.json")], certificate]
        {
            assert_eq!(document["key-sha-256"], key, "{name}");
        }
        let der = pem(&archive.join(format!("certificates/{name}.pem")));
        assert_eq!(certificate["certificate-sha-256"], sha256(&der));
    }
    for (path, document) in &documents {
        let whole = sha256(&fs::read(archive.join(path)).unwrap());
        for label in ["file-sha-256", "plan-sha-256", "site-sha-256"] {
            if let Some(found) = document.get(label) {
                assert_eq!(*found, whole, "{path}");
            }
        }
        // Plans and targets bear their hash in their name.
        if path.starts_with("plans/") || path.starts_with("tuf/targets/") {
            assert!(path.contains(&whole), "{path}");
        }
    }
}

#[test]
fn what_people_look_for() {
    let archive = rehearsed(PLAN);
    let documents = documents(archive);
    for (name, profile) in [
        ("root", "root"),
        ("fulcio-2026", "code-signing"),
        ("tsa-2026", "timestamping"),
        ("tsa-signer-2026", "timestamp-signer"),
    ] {
        let certificate = &documents[&format!("certificates/{name}.pem")];
        assert_eq!(certificate["profile"], profile);
        assert!(certificate["subject"].as_str().unwrap().starts_with("CN=REHEARSAL Example"));
        assert_eq!(certificate["serial-number"].as_str().unwrap().len(), 40);
    }
    assert_eq!(documents["certificates/root.pem"]["self-signature"], true);
    let chain = documents["certificates/tsa-signer-2026.chain.pem"]["certificates"].as_array().unwrap();
    assert_eq!(chain.len(), 3);
    assert!(chain[..2].iter().all(|certificate| certificate["signature"] == true));
    let crl = &documents["crls/root-1.crl"];
    assert_eq!((&crl["number"], &crl["revoked"]), (&1.into(), &0.into()));
    assert_eq!(crl["authority-key-identifier"], documents["certificates/root.pem"]["subject-key-identifier"]);

    let root = &documents["trust-root/trusted_root.json"];
    assert_eq!(
        root["transparency-logs"][0]["log-id-is"].as_str().unwrap().split(',').next(),
        Some("the key id of Rekor v2's checkpoints")
    );
    assert_eq!(root["transparency-logs"][0]["key-sha-256"], documents["keys/rekor-2026.pem"]["key-sha-256"]);
    let tuf = &documents["tuf/1.root.json"];
    assert_eq!(tuf["signed-by"], serde_json::json!({"keys": 5, "threshold": 3}));
    assert_eq!(tuf["purpose"], "rehearsal");
    let target = |name: &str| {
        let targets = documents["tuf/1.targets.json"]["targets"].as_array().unwrap();
        targets.iter().find(|target| target["name"] == name).unwrap()["sha-256"].clone()
    };
    assert_eq!(target("trusted_root.json"), root["file-sha-256"]);
    let record = &documents["keys/root.json"];
    assert_eq!(
        (&record["device"], &record["key-claims"]["CKA_EXTRACTABLE"]),
        (&"root-hsm".into(), &false.into())
    );

    let journal = &documents["journal.jsonl"];
    let lines = fs::read_to_string(archive.join("journal.jsonl")).unwrap();
    assert!(lines.lines().last().unwrap().contains(journal["head-hash"].as_str().unwrap()));
    assert_eq!(journal["lines"], lines.lines().count());
    assert_eq!(journal["events"][0]["event"], "ceremony-started");
    for document in documents.values() {
        assert_eq!((document.get("findings"), document.get("warnings")), (None, None), "{document}");
    }
}

#[test]
fn text_for_reading_aloud() {
    let archive = rehearsed(PLAN);
    let run = show(&[], &[archive.join("certificates/root.pem"), archive.join("rehearsal/site.toml")]);
    assert_eq!(run.code, 0, "{}", run.shown());
    let hash = sha256(&pem(&archive.join("certificates/root.pem")));
    let groups: Vec<&str> = (0..64).step_by(4).map(|at| &hash[at..at + 4]).collect();
    assert!(run.out.contains(&format!("\n  certificate SHA-256     {}\n", groups.join(" "))), "{}", run.out);
    assert!(run.out.starts_with("certificate: ") && run.out.contains("\n\nsite: "), "{}", run.out);
    assert!(!run.out.contains('\u{1b}'), "colours are for terminals");
    let coloured = show(&["--color", "always"], &[archive.join("certificates/root.pem")]);
    assert!(coloured.out.starts_with("\u{1b}[1mcertificate: "), "{}", coloured.out);
}

#[test]
fn the_rest_is_shown_before_what_is_unknown() {
    let archive = rehearsed(PLAN);
    let pin = archive.join("rehearsal/tokens/root-hsm.pin");
    let all = [pin.clone(), archive.join("absent"), archive.join("keys"), archive.join("keys/root.pem")];
    let run = show(&[], &all);
    assert_eq!(run.code, 2, "{}", run.shown());
    assert!(run.out.starts_with("public key: "), "{}", run.shown());
    assert_eq!(run.err.matches("error: ").count(), 3, "{}", run.err);
    for words in
        ["root-hsm.pin: found a text", "expected a certificate", "absent: can't be read", "not folders"]
    {
        assert!(run.err.contains(words), "{words}: {}", run.err);
    }
    let json = show(&["--json"], &all);
    assert_eq!(json.code, 2, "{}", json.shown());
    let documents = json.json();
    assert_eq!(documents.as_array().unwrap().len(), 4);
    assert!(documents[0]["error"].is_string() && documents[3]["kind"] == "public key", "{documents}");
    let secret = fs::read_to_string(pin).unwrap();
    assert!(!format!("{}{}", run.shown(), json.shown()).contains(secret.trim()));
}

#[test]
fn a_damaged_journal_is_a_finding() {
    let good = fs::read(rehearsed(PLAN).join("journal.jsonl")).unwrap();
    let place = folder();
    let path = place.path().join("anything");
    let changed = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        show(&[], std::slice::from_ref(&path))
    };
    let torn = changed(&good[..good.len() - 7]);
    assert_eq!(torn.code, 1, "{}", torn.shown());
    assert!(torn.out.contains("finding: the last line is cut off"), "{}", torn.out);
    let mut damaged = good.clone();
    let middle = good.len() / 2;
    damaged[middle] ^= 1;
    let damaged = changed(&damaged);
    assert_eq!(damaged.code, 1, "{}", damaged.shown());
    assert!(damaged.out.contains("finding: damaged: journal.jsonl, line "), "{}", damaged.out);
    assert!(damaged.out.contains("ceremony-started"), "the lines before the damage are shown");
}

#[test]
fn two_archives_are_compared_in_words() {
    let place = folder();
    let (before, after) = (place.path().join("before"), place.path().join("after"));
    support::copy(rehearsed(PLAN), &before);
    support::copy(rehearsed(PLAN), &after);
    let text = fs::read_to_string(support::repository().join(PLAN)).unwrap();
    let window = "uri   = \"https://fulcio.example.org\"\ntrust = { from = \"2026-12-01T00:00:00Z\"";
    assert!(text.contains(window));
    let later = text
        .replace(window, &format!("{window}, to = \"2028-12-01T00:00:00Z\""))
        .replace("expires = \"2027-06-01", "expires = \"2027-07-01");
    let plan = place.path().join("later.toml");
    fs::write(&plan, later).unwrap();
    // Its tokens stand in the copy.
    let conf = after.join("rehearsal/softhsm2.conf");
    let moved = fs::read_to_string(&conf).unwrap().replace(
        &rehearsed(PLAN).canonicalize().unwrap().display().to_string(),
        &after.canonicalize().unwrap().display().to_string(),
    );
    fs::write(&conf, moved).unwrap();
    let held = support::rehearse(&plan, &after);
    assert_eq!(held.code, 0, "{}", held.shown());
    let diff = |options: &[&str], a: &Path, b: &Path| {
        let mut arguments = vec!["show".to_string()];
        arguments.extend(options.iter().map(ToString::to_string));
        arguments.extend(["--diff".to_string(), a.display().to_string(), b.display().to_string()]);
        run(arguments)
    };
    let shown = diff(&[], &before, &after);
    assert_eq!(shown.code, 0, "{}", shown.shown());
    for expected in [
        "The second goes on from the first, by",
        "Example Sigstore Intermediate 2026,O=Example Project) is retired: trusted to",
        "~ TUF root      version 1 → 2",
        "targets: version 1 → 2",
    ] {
        assert!(shown.out.contains(expected), "{expected}: {}", shown.shown());
    }
    assert!(!shown.out.contains("\n  - "), "{}", shown.shown());
    let document = diff(&["--json"], &before, &after).json();
    assert_eq!(document["past"], "continued");
    assert!(document["changes"].as_array().unwrap().len() >= 5);
    let same = diff(&[], &before, &before);
    assert_eq!((same.code, same.out.lines().count()), (0, 1), "{}", same.shown());
    assert_eq!(diff(&[], &after, &before).code, 1);
    let other = diff(&[], &before, rehearsed("ceremony/minimal.toml"));
    assert_eq!(other.code, 1);
    assert!(other.out.contains("no line in common"), "{}", other.shown());
    assert_eq!(diff(&[], &before, place.path()).code, 2);
}
