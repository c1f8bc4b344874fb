//! Archives that more than one ceremony wrote.

use std::fs;
use std::io::Write;

use rootwright::verify::{Options, Verdict, verify};

use crate::spoilt::{PLAN, options};
use crate::support::{folder, rehearse, repository, run};

/// The example with a key that lives elsewhere, another intermediate, and one that is made ahead.
fn first() -> String {
    let text = fs::read_to_string(repository().join(PLAN)).unwrap();
    let text = text.replacen("[keys]", "[keys]\npartner = { csr = \"partner.csr\" }\nfulcio-old = { device = \"issuing-hsm\", algorithm = \"ecdsa-p256\" }", 1);
    let more = r#"
[certificates.fulcio-old]
profile  = "code-signing"
key      = "fulcio-old"
issuer   = "root"
subject  = { common-name = "Exämple, old", organization = "Example Project", country = "DE" }
validity = { from = "2026-12-01T00:00:00Z", for = "1 year" }
policies = ["1.3.6.1.4.1.57264.2", "2.5.29.32.0"]
crl-urls = ["http://crl.example.org/root.crl", "http://crl2.example.org/root.crl"]
issuer-urls = ["http://example.org/root.cer"]

[certificates.partner]
profile  = "code-signing"
key      = "partner"
issuer   = "root"
subject  = { common-name = "Partner", organization = "Partner" }
validity = { from = "2027-03-01T00:00:00Z", for = "1 year" }

[[trust-root.certificate-authorities]]
chain = ["fulcio-old", "root"]
uri   = "https://old.example.org"
trust = { from = "2026-12-01T00:00:00Z" }
"#;
    text.replacen(
        "[[trust-root.identity-providers]]",
        &format!("{more}\n[[trust-root.identity-providers]]"),
        1,
    )
}

/// Ten months later: the old intermediate is retired, and what others have in use is revoked.
fn second() -> String {
    let text = first().replace("date         = \"2026-12-01\"", "date         = \"2027-10-01\"");
    let text = text.replace("2027-06-01T00:00:00Z", "2028-04-01T00:00:00Z");
    let text = text.replacen(
        "uri   = \"https://old.example.org\"\ntrust = { from = \"2026-12-01T00:00:00Z\" }",
        "uri   = \"https://old.example.org\"\ntrust = { from = \"2026-12-01T00:00:00Z\", to = \"2027-11-30T00:00:00Z\" }",
        1,
    );
    let crl = r#"
[crls.root-2]
issuer   = "root"
number   = 2
validity = { from = "2027-10-01T00:00:00Z", to = "2028-09-01T00:00:00Z" }
revoked  = [
    { certificate = "partner", date = "2027-09-01T00:00:00Z", reason = "superseded" },
    { certificate = "fulcio-2026", date = "2027-09-01T00:00:00Z", reason = "key-compromise" },
]
"#;
    text.replacen("[trust-root]", &format!("{crl}\n[trust-root]"), 1)
}

#[test]
fn a_trust_root_that_was_kept_alive_verifies() {
    let place = folder();
    let archive = place.path().join("archive");
    let mut request = rcgen::CertificateParams::new(Vec::new()).unwrap();
    request.distinguished_name = rcgen::DistinguishedName::new();
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    let request = request.serialize_request(&pair).unwrap();
    fs::write(place.path().join("partner.csr"), request.der()).unwrap();
    let plans = [(first(), "first.toml"), (second(), "second.toml")];
    for (text, name) in &plans {
        let plan = place.path().join(name);
        fs::write(&plan, text).unwrap();
        let made = rehearse(&plan, &archive);
        assert_eq!(made.code, 0, "{}", made.shown());
        if *name == "first.toml" {
            let report = verify(&archive, &options()).unwrap();
            assert!(report.ok, "{}", report.text(false));
            let warnings: Vec<&str> = report
                .checks
                .iter()
                .filter(|check| check.verdict == Verdict::Warning)
                .map(|check| check.detail.as_str())
                .collect();
            assert!(matches!(warnings[..], [ahead] if ahead.starts_with("made ahead")), "{warnings:?}");
            let details = report.text(true);
            assert!(details.contains("proves that whoever made it holds the private key"), "{details}");
            // A kill in the middle of a line; the next ceremony keeps what was left of it.
            let mut journal = fs::File::options().append(true).open(archive.join("journal.jsonl")).unwrap();
            journal.write_all(b"{\"event\":").unwrap();
            drop(journal);
            assert!(!verify(&archive, &options()).unwrap().ok);
        }
    }
    let report = verify(&archive, &options()).unwrap();
    assert!(report.ok, "{}", report.text(false));
    let details = report.text(true);
    for words in [
        "a line was cut off before it; its rest is kept",
        "number 2, higher than all before it",
        "revoked: 2",
        "revokes `fulcio-2026`, which the trusted root still trusts",
        "root 1 asks for 3",
        "root 2 asks for 3",
    ] {
        assert!(details.contains(words), "{words}: {details}");
    }
    let last = report.at;
    let later = |days: i64| {
        let at = Options { at: last.shifted(days), ..options() };
        verify(&archive, &at).unwrap()
    };
    // Nothing that is retired or revoked stands in the way of what is in use.
    for (days, words) in [(150, ", and retired before"), (155, ", and revoked before")] {
        let report = later(days);
        let text = report.text(true);
        assert!(report.ok && text.contains(words), "{text}");
    }
}

#[test]
fn a_later_ceremony_leaves_an_archive_that_verifies() {
    let place = folder();
    let archive = place.path().join("archive");
    let first = rehearse(&repository().join(PLAN), &archive);
    assert_eq!(first.code, 0, "{}", first.shown());
    let text = fs::read_to_string(repository().join(PLAN)).unwrap();
    let later = place.path().join("later.toml");
    fs::write(&later, text.replace("2027-06-01T00:00:00Z", "2027-07-01T00:00:00Z")).unwrap();
    let second = rehearse(&later, &archive);
    assert_eq!(second.code, 0, "{}", second.shown());
    let found = run(["verify", archive.to_str().unwrap(), "--plan", later.to_str().unwrap(), "--details"]);
    assert_eq!(found.code, 0, "{}", found.shown());
    assert!(found.out.contains("root 1 asks for 3") && found.out.contains("root 2 asks for 3"));
    // Clients walk over every root that there was.
    fs::write(archive.join("tuf/1.targets.json"), "{}").unwrap();
    fs::remove_file(archive.join("tuf/1.root.json")).unwrap();
    let found = run(["verify", archive.to_str().unwrap()]);
    assert_eq!(found.code, 1);
    assert!(found.out.contains("tuf/1.targets.json") && found.out.contains("clients can't walk past it"));
}
