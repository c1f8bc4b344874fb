//! Roots and signatures that no ceremony would make.

use rcgen::{KeyPair, PublicKeyData, SigningKey};
use serde_json::{Value, json};

use super::document::Document;
use super::root::{Owner, Root};
use crate::archive::Role;
use crate::verify::canonical::olpc;
use crate::verify::signature::sha256_hex;

/// A key as root metadata lists it, and its id.
fn listed(pair: &KeyPair, owner: &str) -> (String, Value) {
    let pem = crate::pki::key::pem("PUBLIC KEY", &pair.subject_public_key_info());
    let key = json!({
        "keytype": "ecdsa",
        "scheme": "ecdsa-sha2-nistp256",
        "keyval": {"public": pem},
        "x-tuf-on-ci-keyowner": format!("@{owner}"),
    });
    (sha256_hex(&olpc(&key).unwrap()), key)
}

/// Root metadata in which these keys sign every role.
fn signed(version: u64, threshold: u64, keys: &[(String, Value)]) -> Value {
    let ids: Vec<&String> = keys.iter().map(|(id, _)| id).collect();
    let role = json!({"keyids": ids, "threshold": threshold});
    json!({
        "_type": "root",
        "spec_version": "1.0.31",
        "version": version,
        "expires": "2030-01-01T00:00:00Z",
        "consistent_snapshot": true,
        "keys": keys.iter().cloned().collect::<serde_json::Map<_, _>>(),
        "roles": {"root": role, "targets": role, "snapshot": role, "timestamp": role},
    })
}

/// A file with signatures of these keys, under these ids.
fn file(signed: &Value, signers: &[(&str, &KeyPair)]) -> Vec<u8> {
    let bytes = olpc(signed).unwrap();
    let signature = |(id, pair): &(&str, &KeyPair)| {
        let sig = data_encoding::HEXLOWER.encode(&pair.sign(&bytes).unwrap());
        json!({"keyid": id, "sig": sig})
    };
    let signatures: Vec<Value> = signers.iter().map(signature).collect();
    json!({"signatures": signatures, "signed": signed}).to_string().into_bytes()
}

fn read(file: &[u8]) -> Result<(Document, Root), String> {
    let document = Document::read(file, Role::Root)?;
    // These tests have no archive: every key is a's.
    let root = Root::read(&document, |_| Some(Owner { name: "a".into(), keyholder: Some("a".into()) }))?;
    Ok((document, root))
}

fn pair() -> KeyPair {
    KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap()
}

#[test]
fn one_key_under_two_ids_is_refused() {
    let a = pair();
    // Another field, another id, the same key.
    let (first, key) = listed(&a, "a");
    let mut other = key.clone();
    other["x-note"] = "again".into();
    let second = sha256_hex(&olpc(&other).unwrap());
    assert_ne!(first, second);
    let keys = [(first.clone(), key), (second.clone(), other)];
    let bytes = file(&signed(1, 2, &keys), &[(&first, &a), (&second, &a)]);
    let error = read(&bytes).unwrap_err();
    assert!(error.contains("stands there twice"), "{error}");
}

#[test]
fn a_key_in_two_places_of_a_rotation_counts_once() {
    // The same material under another id in the next root: it counts for each root, once.
    let (a, b) = (pair(), pair());
    let (first, key) = listed(&a, "a");
    let mut other = key.clone();
    other["x-note"] = "again".into();
    let second = sha256_hex(&olpc(&other).unwrap());
    let (third, last) = listed(&b, "a");
    let one = file(&signed(1, 1, &[(first.clone(), key)]), &[(&first, &a)]);
    let two = file(&signed(2, 2, &[(second.clone(), other), (third, last)]), &[(&first, &a), (&second, &a)]);
    let (_, one) = read(&one).unwrap();
    let (document, two) = read(&two).unwrap();
    let signers = document.signers(&[&one, &two]).unwrap();
    assert!(signers.reach(&one, Role::Root).is_ok());
    let error = signers.reach(&two, Role::Root).unwrap_err();
    assert!(error.contains("below the threshold: signed by 1"), "{error}");
}

#[test]
fn a_root_needs_the_one_before_it_and_itself() {
    let (a, b) = (pair(), pair());
    let ((first, old), (second, new)) = (listed(&a, "a"), listed(&b, "a"));
    let (_, before) = read(&file(&signed(1, 1, &[(first.clone(), old)]), &[(&first, &a)])).unwrap();
    let next = signed(2, 1, &[(second.clone(), new)]);
    for (signers, by_before, by_itself) in [
        (vec![(first.as_str(), &a), (second.as_str(), &b)], true, true),
        (vec![(first.as_str(), &a)], true, false),
        (vec![(second.as_str(), &b)], false, true),
        (vec![], false, false),
    ] {
        let (document, itself) = read(&file(&next, &signers)).unwrap();
        let found = document.signers(&[&before, &itself]).unwrap();
        assert_eq!(found.reach(&before, Role::Root).is_ok(), by_before);
        assert_eq!(found.reach(&itself, Role::Root).is_ok(), by_itself);
    }
    // A signature by a stranger, under one's own id or another's.
    let (document, itself) = read(&file(&next, &[("00", &a)])).unwrap();
    assert!(document.signers(&[&before, &itself]).unwrap_err().contains("has no part in root"));
    let (document, itself) = read(&file(&next, &[(&second, &a)])).unwrap();
    assert!(document.signers(&[&before, &itself]).unwrap_err().contains("does not verify"));
}

#[test]
fn malformed_metadata_is_refused() {
    let a = pair();
    let (id, key) = listed(&a, "a");
    let good = signed(1, 1, &[(id.clone(), key)]);
    let change = |place: &str, value: Value| {
        let mut bad = good.clone();
        *bad.pointer_mut(place).unwrap() = value;
        read(&file(&bad, &[(&id, &a)])).unwrap_err()
    };
    assert!(read(&file(&good, &[(&id, &a)])).is_ok());
    let key = format!("/keys/{id}");
    assert!(change("/spec_version", "2.0.0".into()).contains("follows specification 2.0.0"));
    assert!(change("/expires", "2030-01-01T00:00:00.5Z".into()).contains("is not a time"));
    assert!(change("/version", "1".into()).contains("`version`"));
    assert!(change("/roles/root/threshold", 0.into()).contains("a threshold of 0"));
    assert!(change("/roles/root/keyids", json!([])).contains("a threshold of 1 for 0 keys"));
    assert!(change("/roles/targets/keyids", json!(["00"])).contains("no key has the id 00"));
    let mut roles = good["roles"].clone();
    roles["mirrors"] = json!({});
    assert!(change("/roles", roles).contains("a role that clients do not know"));
    assert!(change(&format!("{key}/scheme"), "ed25519".into()).contains("is not the hash of its key"));
    assert!(change("/keys", json!([])).contains("`keys` is missing"));
    let wrong_scheme = {
        let (_, mut key) = listed(&a, "a");
        key["scheme"] = "ecdsa-sha2-nistp384".into();
        let id = sha256_hex(&olpc(&key).unwrap());
        read(&file(&signed(1, 1, &[(id.clone(), key)]), &[(&id, &a)])).unwrap_err()
    };
    assert!(wrong_scheme.contains("expected ecdsa and ecdsa-sha2-nistp256"), "{wrong_scheme}");
    let stolen = {
        let (id, key) = listed(&a, "b");
        read(&file(&signed(1, 1, &[(id.clone(), key)]), &[(&id, &a)])).unwrap_err()
    };
    assert!(stolen.contains("is said to be @b's, and is not"), "{stolen}");
}

#[test]
fn ed25519_keys_sign_too() {
    let pair = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let spki = pair.subject_public_key_info();
    let hex = data_encoding::HEXLOWER.encode(&spki[spki.len() - 32..]);
    let key = json!({"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": hex}});
    let id = sha256_hex(&olpc(&key).unwrap());
    let (document, root) = read(&file(&signed(1, 1, &[(id.clone(), key)]), &[(&id, &pair)])).unwrap();
    assert!(document.signers(&[&root]).unwrap().reach(&root, Role::Root).is_ok());
}
