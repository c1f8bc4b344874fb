//! Anyone can check a published keyholder: a verdict on a YubiKey's attestation, from files alone.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use support::{Run, folder, repository, run};

fn file(name: &str) -> PathBuf {
    repository().join("tests/attestations").join(format!("{name}.pem"))
}

fn verdict(leaf: &Path, f9: &Path, more: &[&str]) -> Run {
    let files =
        ["show".as_ref(), "--attestation".as_ref(), leaf.as_os_str(), "--issuer".as_ref(), f9.as_os_str()];
    run(files.into_iter().chain(more.iter().map(|more| more.as_ref())))
}

/// The ids of the rules that are broken.
fn rules(run: &Run) -> Vec<String> {
    let document = run.json();
    let findings = document["findings"].as_array().expect("findings");
    findings.iter().map(|finding| finding["rule"].as_str().unwrap_or_default().to_string()).collect()
}

#[test]
fn a_real_device_stands() {
    let run = verdict(&file("5.7.1-leaf"), &file("5.7.1-f9"), &["--serial", "30041834"]);
    assert_eq!(run.code, 0, "{}", run.shown());
    assert!(run.out.starts_with("YubiKey (USB-C keychain), serial 30041834, firmware 5.7.1: key made on it, slot 9c, PIN always, touch always; attested under Yubico PIV Root CA Serial 263751\n"), "{}", run.shown());
    let run = verdict(&file("5.7.1-leaf"), &file("5.7.1-f9"), &["--json"]);
    let document = run.json();
    assert_eq!(
        (&document["serial"], &document["pin-policy"]),
        (&Value::from(30_041_834), &Value::from("always"))
    );
    assert_eq!(document["findings"], Value::Array(Vec::new()));
}

#[test]
fn the_attested_key_must_be_the_one_that_is_named() {
    let own = folder();
    let (right, wrong) = (own.path().join("right.pem"), own.path().join("wrong.pem"));
    for (leaf, key) in [("5.7.1-leaf", &right), ("5.4.3-leaf", &wrong)] {
        let openssl = std::process::Command::new("openssl")
            .args(["x509", "-noout", "-pubkey", "-in"])
            .arg(file(leaf))
            .output()
            .expect("openssl");
        fs::write(key, openssl.stdout).expect("the key");
    }
    let judge = |key: &Path| {
        let key = key.to_str().expect("a path");
        verdict(&file("5.7.1-leaf"), &file("5.7.1-f9"), &["--json", "--key", key])
    };
    let run = judge(&right);
    assert_eq!((run.code, rules(&run)), (0, Vec::new()), "{}", run.shown());
    let run = judge(&wrong);
    assert_eq!((run.code, rules(&run)), (1, vec!["ATTEST-KEY".to_string()]), "{}", run.shown());
}

#[test]
fn what_does_not_stand_says_which_rule_it_breaks() {
    let own = folder();
    let broken = own.path().join("f9.pem");
    // One character of the signature.
    let text = fs::read_to_string(file("5.7.1-f9")).expect("f9");
    let spoilt = text.replace("JKfX8GQo0", "JKfX8GQo1");
    assert_ne!(text, spoilt);
    fs::write(&broken, spoilt).expect("a broken f9");
    for (leaf, f9, more, expected) in [
        (file("5.7.1-leaf"), broken, &["--json"][..], &["ATTEST-ROOT"][..]),
        (file("5.7.1-leaf"), file("5.4.3-f9"), &["--json"], &["ATTEST-SIGNATURE"]),
        (file("5.7.1-leaf"), file("5.7.1-leaf"), &["--json"], &["ATTEST-SIGNATURE", "ATTEST-ROOT"]),
        (file("5.7.1-leaf"), file("5.7.1-f9"), &["--json", "--serial", "1"], &["ATTEST-SERIAL"]),
        (file("5.7.4-leaf"), file("5.7.4-f9"), &["--json"], &["ATTEST-PIN"]),
    ] {
        let run = verdict(&leaf, &f9, more);
        assert_eq!(
            (run.code, rules(&run)),
            (1, expected.iter().map(ToString::to_string).collect()),
            "{}",
            run.shown()
        );
    }
    // Reported, and no reason to refuse: the person decides.
    let run = verdict(&file("5.4.3-leaf"), &file("5.4.3-f9"), &["--json"]);
    assert_eq!(rules(&run), ["ATTEST-TOUCH", "ATTEST-YSA-2024-03"], "{}", run.shown());
}

#[test]
fn files_of_another_kind_are_named() {
    let run = verdict(&file("5.7.1-leaf"), &repository().join("README.md"), &[]);
    assert_eq!(run.code, 2, "{}", run.shown());
    assert!(run.err.contains("README.md"), "{}", run.shown());
}
