//! Key records that say something else than the key, and claims that no device should make.

use data_encoding::BASE64;
use rootwright::archive::{Event, KeyRecord};
use rootwright::pki::PublicKey;
use rootwright::verify::{Area, Verdict};

use crate::spoilt::{Spoilt, event};

/// Changes the record of the root's key, in the journal and in its file.
fn root_key(spoilt: &Spoilt, change: impl FnOnce(&mut KeyRecord)) {
    spoilt.forge(|records| {
        let Event::KeyMade { key, .. } = event(records, "key-made", "generate-key/root") else {
            unreachable!()
        };
        change(key);
        let json = serde_json::to_vec(key).unwrap();
        let public = BASE64.decode(key.public.as_bytes()).unwrap();
        spoilt.put(records, "keys/root.json", &json);
        let pem = rootwright::pki::key::pem("PUBLIC KEY", &public);
        spoilt.put(records, "keys/root.pem", pem.as_bytes());
    });
}

#[test]
fn keys_and_their_claims() {
    let file = "keys/root.json";
    for (name, value) in [("CKA_SENSITIVE", false), ("CKA_EXTRACTABLE", true)] {
        let spoilt = Spoilt::new();
        root_key(&spoilt, |key| drop(key.attributes.insert(name.into(), value.into())));
        spoilt.refused(Area::Keys, file, &format!("{name} is {value}"));
    }
    let spoilt = Spoilt::new();
    root_key(&spoilt, |key| drop(key.attributes.insert("CKA_LOCAL".into(), false.into())));
    let report = spoilt.verify();
    assert!(report.ok && report.count(Verdict::Warning) == 1, "{}", report.text(false));
    let spoilt = Spoilt::new();
    root_key(&spoilt, |key| key.fingerprint = "00".repeat(32));
    spoilt.refused(Area::Keys, file, "the record says 0000");
    let spoilt = Spoilt::new();
    root_key(&spoilt, |key| key.algorithm = rootwright::plan::Algorithm::EcdsaP256);
    spoilt.refused(Area::Keys, file, "it is an ecdsa-p384 key, the record says ecdsa-p256");
    let spoilt = Spoilt::new();
    let other =
        PublicKey::from_pem(&String::from_utf8(spoilt.read("keys/fulcio-2026.pem")).unwrap()).unwrap();
    root_key(&spoilt, |key| {
        (key.public, key.fingerprint) = (BASE64.encode(other.spki()), other.fingerprint());
    });
    spoilt.refused(Area::Keys, "keys/fulcio-2026.json", "it is the same key as `root`");
}
