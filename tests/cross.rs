//! A new root, cross-signed both ways: chains lead up through either, and a cross-certificate that repeats
//! anything else than what it cross-signs is refused before a device is touched.

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use rootwright::archive::{Event, Journal};
use rootwright::verify::{Options, Verdict, verify};
use serde_json::{Value, json};
use support::clients::Judge;
use support::years::{Years, made};
use support::{copy, folder, run};

const PLAN: &str = "ceremony/rotate-root.toml";
const BUNDLE: &str = "bundle.sigstore.json";

/// The archive after the rotation. Nobody changes it.
fn rotated() -> &'static Years {
    static YEARS: OnceLock<Years> = OnceLock::new();
    YEARS.get_or_init(|| Years::after(PLAN))
}

/// `openssl verify` by the letter of RFC 5280, at a moment, with one root and some untrusted certificates.
fn openssl(root: &str, at: &str, untrusted: &[&str], certificate: &Path) -> (bool, String) {
    let at: rootwright::plan::Time = at.parse().unwrap();
    let mut command = Command::new("openssl");
    command.current_dir(rotated().archive().join("certificates"));
    command.args(["verify", "-x509_strict", "-check_ss_sig", "-no-CApath", "-show_chain"]);
    command.args(["-attime", &at.unix().to_string(), "-CAfile", &format!("{root}.pem")]);
    for file in untrusted {
        command.args(["-untrusted", file]);
    }
    let output = command.arg(certificate).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn openssl_finds_the_way_up_to_either_root() {
    let years = rotated();
    let at = years.moved("2027-06-10T00:00:00Z");
    for (certificate, root, untrusted) in [
        ("fulcio-2027", "root-2027", "fulcio-2027.chain.pem"),
        ("fulcio-2027", "root", "fulcio-2027.via-root-2027-by-root.chain.pem"),
        ("fulcio-2026", "root", "fulcio-2026.chain.pem"),
        ("fulcio-2026", "root-2027", "fulcio-2026.via-root-by-root-2027.chain.pem"),
        ("tsa-2026", "root-2027", "tsa-2026.via-root-by-root-2027.chain.pem"),
        ("tsa-signer-2026", "root", "tsa-signer-2026.chain.pem"),
        ("tsa-signer-2026", "root-2027", "tsa-signer-2026.via-root-by-root-2027.chain.pem"),
        ("root-2027-by-root", "root", "root-2027-by-root.chain.pem"),
        ("root-by-root-2027", "root-2027", "root-by-root-2027.chain.pem"),
    ] {
        let file = format!("{certificate}.pem");
        let (accepted, said) = openssl(root, &at, &[untrusted], Path::new(&file));
        assert!(accepted, "{certificate} up to {root}: {said}");
    }
    // Without the cross-certificate there is no way.
    let (accepted, said) = openssl("root", &at, &["fulcio-2027.chain.pem"], Path::new("fulcio-2027.pem"));
    assert!(!accepted, "{said}");
    // Those chains are all that there is: none leads through a root that cross-signs itself.
    let chains: Vec<String> = fs::read_dir(years.archive().join("certificates"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name.contains(".via-"))
        .collect();
    assert_eq!(chains.len(), 4, "{chains:?}");
}

#[test]
fn a_developers_certificate_verifies_under_either_root() {
    let years = Years::after(PLAN);
    let at = years.moved("2027-06-10T12:00:00Z");
    let canary = years.prove("late", &["--at", &at]);
    let bundle: Value = serde_json::from_slice(&fs::read(canary.join(BUNDLE)).unwrap()).unwrap();
    let leaf = bundle["verificationMaterial"]["certificate"]["rawBytes"].as_str().unwrap();
    let leaf = data_encoding::BASE64.decode(leaf.as_bytes()).unwrap();
    let file = years.place("leaf.pem");
    fs::write(&file, der::pem::encode_string("CERTIFICATE", der::pem::LineEnding::LF, &leaf).unwrap())
        .unwrap();
    let folder = years.archive().join("certificates");
    for (root, chain) in
        [("root-2027", "fulcio-2027.chain.pem"), ("root", "fulcio-2027.via-root-2027-by-root.chain.pem")]
    {
        let mut command = Command::new("openssl");
        command.current_dir(&folder).args(["verify", "-x509_strict", "-no-CApath", "-attime"]);
        let time: rootwright::plan::Time = at.parse().unwrap();
        command.args([&time.unix().to_string(), "-CAfile", &format!("{root}.pem"), "-untrusted", chain]);
        let output = command.arg(&file).output().unwrap();
        assert!(output.status.success(), "{root}: {}", String::from_utf8_lossy(&output.stderr));
    }
    for judge in [Judge::JavaScript, Judge::Rust] {
        judge.judge(&[canary.join(BUNDLE)])[0].accepted(&judge);
    }
}

#[test]
fn stock_clients_go_on_verifying_what_the_old_root_stands_behind() {
    let years = rotated();
    let place = folder();
    let old = place.path().join("canary-1");
    copy(&years.archive().join("canaries/canary-1"), &old);
    fs::copy(years.archive().join("trust-root/trusted_root.json"), old.join("trusted_root.json")).unwrap();
    for judge in Judge::ALL {
        judge.judge(&[old.join(BUNDLE)])[0].accepted(&judge);
    }
    let archive = years.archive().display().to_string();
    let folder = years.archive().join("canaries").display().to_string();
    let replayed = run(["--json", "prove", &archive, "--replay", &folder]);
    assert_eq!(replayed.code, 0, "{}", replayed.shown());
    let outcomes: Vec<Value> = replayed.json()["replayed"].as_array().unwrap().to_vec();
    assert!(outcomes.iter().all(|one| one["outcome"] == "verifies") && outcomes.len() == 2, "{outcomes:?}");
}

/// A trusted root that holds a chain through a cross-certificate: whoever keeps the old root as the only
/// anchor has the new intermediate verified all the same.
#[test]
fn stock_clients_take_a_chain_through_a_cross_certificate() {
    let years = Years::before(PLAN);
    let plan = years.edited(
        PLAN,
        &[
            (
                "chain = [\"fulcio-2027\", \"root-2027\"]",
                "chain = [\"fulcio-2027\", \"root-2027-by-root\", \"root\"]",
            ),
            ("2027-06-08T00:00:00Z", "2026-12-01T00:00:00Z"),
            ("2027-05-10", "2026-12-01"),
            ("2028-04-10", "2027-11-01"),
        ],
    );
    let archive = years.place("first").display().to_string();
    let held = run(["--json", "rehearse", &plan, "--archive", &archive, "--yes"]);
    assert_eq!(held.code, 0, "{}", held.shown());
    let verified = run(["verify", &archive, "--details"]);
    assert_eq!(verified.code, 0, "{}", verified.shown());
    let out = years.place("canary");
    let site = years.place("first").join("rehearsal/site.toml").display().to_string();
    let proved = run([
        "prove",
        &archive,
        "--site",
        &site,
        "-o",
        &out.display().to_string(),
        "--authority",
        "fulcio-2027",
    ]);
    assert_eq!(proved.code, 0, "{}", proved.shown());
    for judge in Judge::ALL {
        judge.judge(&[out.join(BUNDLE)])[0].accepted(&judge);
    }
}

/// A second certificate of an intermediate, to be made wrong.
const CROSS: &str = r#"
[certificates.fulcio-2026-by-root-2027]
profile     = "code-signing"
cross-signs = "fulcio-2026"
key         = "fulcio-2026"
issuer      = "root-2027"
subject     = { common-name = "Example Sigstore Intermediate 2026", organization = "Example Project" }
validity    = { from = "2027-05-10T00:00:00Z", to = "2029-12-01T00:00:00Z" }

# Timestamps have a chain"#;

#[test]
fn what_does_not_repeat_is_refused_by_its_rule_before_anything_is_made() {
    let years = Years::before(PLAN);
    let with = |edits: &[(&str, &str)]| {
        let mut cross = CROSS.to_string();
        for (from, to) in edits {
            assert!(cross.contains(from), "{from}");
            cross = cross.replace(from, to);
        }
        years.edited(PLAN, &[("\n# Timestamps have a chain", &cross)])
    };
    let journal = || fs::read(years.archive().join("journal.jsonl")).unwrap();
    let before = journal();
    for (code, phrase, edits) in [
        (
            1,
            "CHAIN-CROSS-SAME",
            &[("common-name = \"Example Sigstore", "common-name = \"Another Sigstore")][..],
        ),
        (1, "CHAIN-CROSS-SAME", &[("key         = \"fulcio-2026\"", "key         = \"fulcio-2027\"")]),
        // For timestamps, and no more for code signing.
        (1, "CHAIN-CROSS-MIRRORS", &[("\"code-signing\"", "\"timestamping\"")]),
        (1, "CHAIN-CROSS-MIRRORS", &[("subject     =", "policies    = [\"2.5.29.32.0\"]\nsubject     =")]),
        (1, "CHAIN-CROSS-LIFE", &[("2029-12-01", "2030-12-01")]),
        (1, "CHAIN-CROSS-OTHER-ISSUER", &[("\"root-2027\"", "\"root\"")]),
        (1, "CHAIN-CROSS-SAME", &[("\"code-signing\"", "\"cross-root\"")]),
        (2, "below another root it is of profile cross-root", &[("\"code-signing\"", "\"root\"")]),
        (
            2,
            "which is a cross-certificate itself",
            &[("cross-signs = \"fulcio-2026\"", "cross-signs = \"root-by-root-2027\"")],
        ),
        (2, "is issued by the cross-certificate", &[("\"root-2027\"", "\"root-2027-by-root\"")]),
        (
            2,
            "CRL `x`: `fulcio-2026-by-root-2027` is a cross-certificate",
            &[(
                "\n# Timestamps",
                "\n[crls.x]\nissuer = \"fulcio-2026-by-root-2027\"\nnumber = 9\nvalidity = { from = \"2027-05-10T00:00:00Z\", for = \"9 months\" }\n\n# Timestamps",
            )],
        ),
        (2, "has no issuer", &[("issuer      = \"root-2027\"\n", "")]),
    ] {
        let refused = years.rehearse(&with(edits));
        assert_eq!(refused.code, code, "{phrase}: {}", refused.shown());
        assert!(refused.err.contains(phrase), "{phrase}: {}", refused.shown());
        assert!(journal() == before, "{phrase}: something was recorded");
    }
    let fine = years.holds(&with(&[]));
    assert!(made(&fine).contains(&"issue/fulcio-2026-by-root-2027"), "{fine:#}");
}

/// The second opinion compares the bytes of both certificates itself.
#[test]
fn verify_refuses_a_cross_certificate_of_something_else() {
    let years = rotated();
    let place = folder();
    copy(&years.archive(), place.path());
    let records = Journal::parse(&fs::read(place.path().join("journal.jsonl")).unwrap()).unwrap().records;
    let (mut journal, mut bytes) = (Journal::default(), Vec::new());
    for mut record in records {
        if let Event::CertificateSigned { certificate, spec, .. } = &mut record.event
            && certificate.as_str() == "root-by-root-2027"
        {
            spec["cross-signs"] = json!("fulcio-2026");
        }
        let (line, record, hash) = journal.line(record.time, record.event, record.files).unwrap();
        bytes.extend(line);
        journal.push(record, hash);
    }
    fs::write(place.path().join("journal.jsonl"), bytes).unwrap();
    let now = "2026-12-01T00:00:00Z".parse().unwrap();
    let report = verify(place.path(), &Options { at: None, now, plan: None }).unwrap();
    let said = |words: &str| {
        report.checks.iter().any(|check| {
            check.verdict == Verdict::Failed
                && check.object == "certificates/root-by-root-2027.pem"
                && check.detail.contains(words)
        })
    };
    assert!(said("it cross-signs `fulcio-2026`, and has not its subject, key"), "{}", report.text(true));
    assert!(said("[CHAIN-CROSS-SAME]"), "{}", report.text(true));
    // As it was, it says that it repeats, and where paths lead.
    let report = verify(&years.archive(), &Options { at: None, now, plan: None }).unwrap();
    let details = report.text(true);
    assert!(report.ok, "{details}");
    for words in [
        "repeats `root`: subject, key",
        "another path, by a cross-certificate: fulcio-2026 → root-by-root-2027 → root-2027",
    ] {
        assert!(details.contains(words), "{words}: {details}");
    }
}
