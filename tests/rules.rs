//! Rules as people meet them: listed, chosen by a profile, broken, and waived.

mod support;
#[path = "support/terminal.rs"]
mod terminal;

use std::fs;
use std::path::{Path, PathBuf};

use support::site::Site;
use support::{Run, folder, repository, run};
use terminal::Terminal;

/// The minimal plan with some things changed, and more at its end.
fn plan(place: &Path, changes: &[(&str, &str)], more: &str) -> PathBuf {
    let mut text = fs::read_to_string(repository().join("ceremony/minimal.toml")).unwrap();
    for (from, to) in changes {
        assert!(text.contains(from), "the plan has no {from}");
        text = text.replace(from, to);
    }
    let path = place.join("plan.toml");
    fs::write(&path, text + more).unwrap();
    path
}

fn waiver(rule: &str, object: &str) -> String {
    format!(
        "\n[[waivers]]\nrule = \"{rule}\"\nobject = \"{object}\"\nreason = \"decided on 2026-10-02, minute 7\"\n"
    )
}

fn check(changes: &[(&str, &str)], more: &str) -> Run {
    let place = folder();
    let path = plan(place.path(), changes, more);
    run(["check", &path.display().to_string()])
}

fn json(run: &Run) -> serde_json::Value {
    serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{error}\n{}{}", run.out, run.err))
}

const LONG_LIVED: (&str, &str) = ("for = \"10 years\"", "for = \"26 years\"");
const LONG: (&str, &str) = ("for = \"10 years\"", "for = \"11 years\"");

#[test]
fn every_rule_is_listed() {
    let listed = run(["check", "--rules", "--json"]);
    assert_eq!(listed.code, 0, "{}", listed.err);
    let rules = json(&listed);
    let rules = rules.as_array().unwrap();
    assert!(rules.len() > 150);
    for rule in rules {
        for field in ["id", "severity", "says", "source"] {
            assert!(rule[field].as_str().is_some_and(|text| !text.is_empty()), "{rule}");
        }
        assert!(["error", "warning"].contains(&rule["severity"].as_str().unwrap()), "{rule}");
    }
    let text = run(["check", "--rules"]);
    let columns = |line: &str| line.find("error").or(line.find("warning"));
    let lines: Vec<&str> = text.out.lines().filter(|line| line.trim_start().starts_with("CERT-")).collect();
    assert!(lines.len() > 30 && lines.iter().all(|line| columns(line).is_some()), "{}", text.out);
    let of = |profile: &str| {
        let place = folder();
        let head = ("[ceremony]", format!("[ceremony]\nprofile = \"{profile}\""));
        let path = plan(place.path(), &[(head.0, &head.1)], "");
        json(&run(["check", "--rules", "--json", &path.display().to_string()])).to_string()
    };
    assert!(!of("sigstore").contains("CERT-CDP-PRESENT") && of("microsoft").contains("CERT-CDP-PRESENT"));
}

#[test]
fn a_waiver_lets_one_thing_break_one_rule() {
    let broken = check(&[LONG], "");
    assert_eq!(broken.code, 1);
    assert!(broken.err.contains("[CERT-LIFE]"), "{}", broken.err);
    let place = folder();
    let path = plan(place.path(), &[LONG], &waiver("CERT-LIFE", "certificates.root"));
    let path = path.display().to_string();
    let waived = run(["check", &path]);
    assert_eq!(waived.code, 0, "{}", waived.err);
    assert!(waived.out.contains("1 waived") && waived.out.contains("minute 7"), "{}", waived.out);
    let document = json(&run(["check", &path, "--json"]));
    assert_eq!(document["waived"][0]["rule"], "CERT-LIFE");
    assert_eq!(document["waived"][0]["waived"], "decided on 2026-10-02, minute 7");
    assert_eq!(document["profile"], "sigstore");
    // At signing, and in the archive, under the same plan.
    let archive = place.path().join("archive").display().to_string();
    let made = run(["rehearse", &path, "--yes", "--archive", &archive]);
    assert_eq!(made.code, 0, "{}", made.err);
    assert!(made.err.contains("waived:") && made.err.contains("minute 7"), "{}", made.err);
    let verified = run(["verify", &archive]);
    assert_eq!(verified.code, 0, "{}", verified.out);
    assert!(verified.out.contains("waived by the plan: decided on 2026-10-02, minute 7"), "{}", verified.out);
}

/// Whoever signs is told again, in the very prompt.
#[test]
fn what_is_waived_is_shown_at_the_signature() {
    let site = Site::new("rehearsal", &["root-hsm", "keyholder-1"]);
    let path = plan(site.folder.path(), &[LONG], &waiver("CERT-LIFE", "certificates.root"));
    let mut terminal = Terminal::run(&path, &site, &[]);
    terminal.answer("Type the ceremony's date, 2026-12-01, to begin", "2026-12-01");
    let clock = rootwright::ceremony::clock::Clock::system().unwrap().now().to_string();
    terminal.answer("What does a clock on the wall say?", &clock[11..16]);
    terminal.answer("to make what can't be unmade", "root-hsm");
    terminal.answer("to make what can't be unmade", "keyholder-1");
    let preview = terminal.expect("to sign");
    let waived = preview.lines().find(|line| line.trim_start().starts_with("waived")).unwrap_or("");
    assert!(waived.contains("CERT-LIFE") && waived.contains("minute 7"), "{preview}");
    terminal.press(terminal::CTRL_C);
}

#[test]
fn what_clients_have_is_known_before_the_first_write() {
    let place = folder();
    let path = plan(place.path(), &[], "");
    let archive = place.path().join("archive").display().to_string();
    let made = run(["rehearse", &path.display().to_string(), "--yes", "--archive", &archive]);
    assert_eq!(made.code, 0, "{}", made.err);
    // The window ends before the ceremony: what was signed since would stop verifying.
    let trust = "trust = { from = \"2026-12-01T00:00:00Z\"";
    let ended = (trust, format!("{trust}, to = \"2026-12-01T00:00:00Z\""));
    let changes = [(ended.0, ended.1.as_str())];
    let later = plan(place.path(), &changes, "").display().to_string();
    let refused = run(["check", &later, "--archive", &archive]);
    assert_eq!(refused.code, 1, "{}", refused.out);
    assert!(refused.err.contains("TRUST-END-PAST"), "{}", refused.err);
    let waived = plan(place.path(), &changes, &waiver("TRUST-END-PAST", "trusted_root.json"));
    let waived = run(["check", &waived.display().to_string(), "--archive", &archive]);
    assert_eq!(waived.code, 0, "{}", waived.err);
    assert!(waived.out.contains("1 waived"), "{}", waived.out);
}

#[test]
fn a_warning_can_be_waived_too() {
    let warned = check(&[], &waiver("TUF-THRESHOLD-QUORUM", "tuf-root"));
    assert_eq!(warned.code, 0, "{}", warned.err);
    assert!(warned.out.contains("2 warnings, 1 waived"), "{}", warned.out);
}

#[test]
fn waivers_that_are_wrong() {
    for (name, changes, more) in [
        ("nothing_needs", vec![], waiver("CERT-LIFE", "certificates.root")),
        ("unknown_rule", vec![LONG], waiver("CERT-LIVE", "certificates.root")),
        ("unknown_object", vec![LONG], waiver("CERT-LIFE", "certificates.roof")),
        ("another_object", vec![LONG], waiver("CERT-LIFE", "certificates.fulcio")),
        ("never_waived", vec![], waiver("CERT-DER", "certificates.root")),
        ("another_profile", vec![], waiver("CERT-CDP-PRESENT", "certificates.fulcio")),
        ("twice", vec![LONG], waiver("CERT-LIFE", "certificates.root").repeat(2)),
        (
            "no_reason",
            vec![LONG],
            waiver("CERT-LIFE", "certificates.root").replace("decided on 2026-10-02, minute 7", " "),
        ),
        ("no_field", vec![LONG], waiver("CERT-LIFE", "certificates.root").replace("reason", "because")),
        ("unknown_profile", vec![("[ceremony]", "[ceremony]\nprofile = \"code-signing\"")], String::new()),
    ] {
        let place = folder();
        let path = plan(place.path(), &changes, &more);
        let run = run(["check", &path.display().to_string()]);
        assert_ne!(run.code, 0, "{name}");
        let text = run.err.replace(&place.path().display().to_string(), "DIR");
        insta::assert_snapshot!(format!("waiver_{name}"), format!("exit {}\n{text}", run.code));
    }
}

#[test]
fn profiles_select_rules_and_limits() {
    let profile = |profile: &str| ("[ceremony]", format!("[ceremony]\nprofile = \"{profile}\""));
    let of = |name: &str, changes: &[(&str, &str)]| {
        let head = profile(name);
        check(&[&[(head.0, head.1.as_str())], changes].concat(), "")
    };
    let addresses = (
        "issuer   = \"root\"",
        "issuer   = \"root\"\npolicies = [\"2.23.140.1.4.1\"]\ncrl-urls = [\"http://pki.example.org/root.crl\"]\nissuer-urls = [\"http://pki.example.org/root.cer\"]",
    );
    let br = of("code-signing-br", &[]);
    assert_eq!(br.code, 1);
    for rule in ["CERT-POLICIES-PRESENT", "CERT-POLICIES-RESERVED", "CERT-CDP-PRESENT", "CERT-AIA-PRESENT"] {
        assert!(br.err.contains(rule), "{rule}:\n{}", br.err);
    }
    // All that is wrong is shown at once, in every document.
    let all = of("microsoft", &[LONG_LIVED]);
    for rule in ["certificates.root: the key is", "certificates.fulcio: the key is", "CERT-CDP-PRESENT"] {
        assert!(all.err.contains(rule), "{rule}:\n{}", all.err);
    }
    let br = of("code-signing-br", &[addresses]);
    assert_eq!(br.code, 0, "{}", br.err);
    // The CA's CRL is named and not planned.
    assert!(br.out.contains("PLAN-CRL-MADE"), "{}", br.out);
    let ecdsa = of("microsoft", &[addresses]);
    assert_eq!(ecdsa.code, 1);
    assert!(ecdsa.err.contains("CERT-KEY-ALGORITHM"), "{}", ecdsa.err);
    let rsa = of("microsoft", &[addresses, ("ecdsa-p384", "rsa-4096"), ("10 years", "20 years")]);
    assert_eq!(rsa.code, 0, "{}", rsa.err);
    let short = of("microsoft", &[addresses, ("ecdsa-p384", "rsa-4096"), ("10 years", "7 years")]);
    assert!(short.err.contains("CERT-LIFE-LEAST"), "{}", short.err);
    // No device makes an ML-DSA key, and the profile says so.
    let pq = of("experimental-pq", &[]);
    assert_eq!(pq.code, 0, "{}", pq.err);
    assert!(pq.out.contains("PLAN-PQ-NOT-MADE"), "{}", pq.out);
}
