//! What a device attests is judged again, from the archive alone.

use rootwright::archive::{Event, KeyRecord};
use rootwright::pki::attestation::{self, unwrap};
use rootwright::verify::{Area, Verdict};

use super::spoilt::{Spoilt, event};
use crate::support::repository;

const FILE: &str = "keys/keyholder-1.json";

/// An archive whose first keyholder's key has this attestation, in the journal and in its file.
fn attested(change: impl FnOnce(&mut KeyRecord)) -> Spoilt {
    let spoilt = Spoilt::new();
    spoilt.forge(|records| {
        let Event::KeyMade { key, .. } = event(records, "key-made", "generate-key/keyholder-1") else {
            panic!()
        };
        change(key);
        let text = serde_json::to_string_pretty(&key).unwrap() + "\n";
        spoilt.put(records, FILE, text.as_bytes());
    });
    spoilt
}

fn real(part: &str) -> Vec<u8> {
    let path = repository().join(format!("tests/attestations/5.7.1-{part}.pem"));
    unwrap(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn an_attestation_of_another_key_is_refused() {
    let record = attestation::Record::yubico(&real("leaf"), &real("f9"));
    let spoilt = attested(|key| key.attestation = Some(serde_json::to_value(record).unwrap()));
    for words in ["its device attests another key", "[ATTEST-KEY]", "[ATTEST-SERIAL]"] {
        spoilt.refused(Area::Keys, FILE, words);
    }
}

#[test]
fn an_attestation_that_is_none_is_refused() {
    let spoilt = attested(|key| key.attestation = Some(serde_json::json!({"type": "yubico-piv"})));
    spoilt.refused(Area::Keys, FILE, "its attestation can't be read");
    let record = attestation::Record::yubico(b"no certificate", &real("f9"));
    let spoilt = attested(|key| key.attestation = Some(serde_json::to_value(record).unwrap()));
    spoilt.refused(Area::Keys, FILE, "[ATTEST-READABLE]");
}

#[test]
fn what_another_maker_attests_is_said_to_be_unverified() {
    let record = attestation::Record::unverified("a vendor's own", b"bytes");
    let spoilt = attested(|key| key.attestation = Some(serde_json::to_value(record).unwrap()));
    let report = spoilt.verify();
    let said = report.checks.iter().any(|check| {
        check.object == FILE && check.verdict == Verdict::Warning && check.detail.contains("UNVERIFIED")
    });
    assert!(said, "{}", report.text(false));
    let shown = crate::support::run(["show".as_ref(), spoilt.path().join(FILE).as_os_str()]);
    assert!(shown.out.contains("UNVERIFIED"), "{}", shown.shown());
}
