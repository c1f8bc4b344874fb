//! Metadata, trusted roots and signing configs that say something else than the archive.

use data_encoding::BASE64;
use rootwright::archive::{Event, Role};
use rootwright::verify::Area;
use serde_json::{Value, json};

use crate::spoilt::{Spoilt, event};

/// Changes the metadata of a role in the journal and in its file.
fn metadata(spoilt: &Spoilt, role: Role, change: impl FnOnce(&mut Value)) {
    spoilt.forge(|records| {
        let step = format!("publish/tuf-{role}");
        let Event::MetadataPublished { content, .. } = event(records, "metadata-published", &step) else {
            unreachable!()
        };
        let mut value: Value = serde_json::from_str(content).unwrap();
        change(&mut value);
        *content = serde_json::to_string_pretty(&value).unwrap();
        let bytes = content.clone().into_bytes();
        spoilt.put(records, &format!("tuf/{}", role.file(1)), &bytes);
    });
}

#[test]
fn metadata_below_its_threshold_is_refused() {
    let spoilt = Spoilt::new();
    metadata(&spoilt, Role::Root, |file| file["signatures"].as_array_mut().unwrap().truncate(2));
    spoilt.refused(Area::Tuf, "tuf/1.root.json", "below the threshold: signed by 2");
    let spoilt = Spoilt::new();
    metadata(&spoilt, Role::Root, |file| file["signatures"].as_array_mut().unwrap().truncate(3));
    assert!(spoilt.verify().ok, "three of five are enough");
    metadata(&spoilt, Role::Root, |file| {
        let again = file["signatures"][0].clone();
        *file["signatures"].as_array_mut().unwrap() = vec![again.clone(), again.clone(), again];
    });
    spoilt.refused(Area::Tuf, "tuf/1.root.json", "signs twice");
    let spoilt = Spoilt::new();
    metadata(&spoilt, Role::Timestamp, |file| file["signatures"].as_array_mut().unwrap().clear());
    spoilt.refused(Area::Tuf, "tuf/timestamp.json", "below the threshold: signed by 0");
}

#[test]
fn changed_metadata_is_refused() {
    for (role, change, words) in [
        (Role::Root, ("/signed/roles/root/threshold", Value::from(1)), "does not verify"),
        (Role::Root, ("/signed/roles/root/threshold", Value::from(9)), "a threshold of 9 for 5 keys"),
        (Role::Root, ("/signed/consistent_snapshot", Value::from(false)), "consistent_snapshot"),
        (Role::Root, ("/signed/version", Value::from(2)), "version 2, expected 1"),
        (Role::Root, ("/signed/_type", Value::from("targets")), "it is targets metadata, expected root"),
        (Role::Targets, ("/signed/expires", Value::from("2099-01-01T00:00:00Z")), "does not verify"),
        (Role::Targets, ("/signed/x-rootwright-purpose", Value::from("none")), "not marked as a rehearsal's"),
        (Role::Snapshot, ("/signed/meta/targets.json/version", Value::from(2)), "does not verify"),
        (Role::Snapshot, ("/signed/meta/targets.json/length", Value::from(2)), "does not verify"),
        (Role::Timestamp, ("/signed/meta/snapshot.json/version", Value::from(2)), "does not verify"),
        (Role::Timestamp, ("/signatures/0/sig", Value::from("00")), "does not verify"),
        (Role::Timestamp, ("/signatures/0/keyid", Value::from("00")), "has no part in timestamp"),
    ] {
        let spoilt = Spoilt::new();
        metadata(&spoilt, role, |file| *file.pointer_mut(change.0).unwrap() = change.1);
        spoilt.refused(Area::Tuf, &format!("tuf/{}", role.file(1)), words);
    }
    // What a role lists is held against the files.
    let spoilt = Spoilt::new();
    metadata(&spoilt, Role::Snapshot, |file| file["signed"]["meta"]["targets.json"]["length"] = 1.into());
    spoilt.refused(Area::Tuf, "tuf/1.targets.json", "bytes, expected 1");
    spoilt.refused(Area::Tuf, "tuf/1.snapshot.json", "bytes, expected");
    let spoilt = Spoilt::new();
    metadata(&spoilt, Role::Root, |file| {
        let keys = file["signed"]["keys"].as_object_mut().unwrap();
        let (_, key) = keys.remove_entry(&keys.keys().next().unwrap().clone()).unwrap();
        keys.insert("00".into(), key);
    });
    spoilt.refused(Area::Tuf, "tuf/1.root.json", "the key id 00 is not the hash of its key");
}

/// Changes the trusted root in the journal and in its file; the TUF repository keeps the old one.
fn trusted_root(spoilt: &Spoilt, change: impl FnOnce(&mut Value)) {
    spoilt.forge(|records| {
        let Event::TrustRootAssembled { trusted_root, .. } =
            event(records, "trust-root-assembled", "assemble/trust-root")
        else {
            unreachable!()
        };
        let mut value: Value = serde_json::from_str(trusted_root).unwrap();
        change(&mut value);
        *trusted_root = value.to_string();
        let bytes = trusted_root.clone().into_bytes();
        spoilt.put(records, "trust-root/trusted_root.json", &bytes);
    });
}

#[test]
fn a_trusted_root_that_says_something_else_is_refused() {
    let file = "trust-root/trusted_root.json";
    let zeros = Value::from(BASE64.encode(&[0; 32]));
    for (place, value, words) in [
        ("/tlogs/0/logId/keyId", zeros.clone(), "tlogs[0].logId.keyId is"),
        ("/ctlogs/0/logId/keyId", zeros.clone(), "ctlogs[0].logId.keyId is"),
        ("/ctlogs/0/publicKey/rawBytes", zeros.clone(), "ctlogs[0].publicKey.rawBytes is"),
        ("/ctlogs/0/publicKey/keyDetails", Value::from("PKIX_ED25519"), "ctlogs[0].publicKey.keyDetails is"),
        ("/tlogs/0/baseUrl", Value::from("https://other.example"), "tlogs[0].baseUrl is"),
        (
            "/certificateAuthorities/0/certChain/certificates/0/rawBytes",
            zeros,
            "certificateAuthorities[0].certChain.certificates[0].rawBytes is",
        ),
        ("/certificateAuthorities/0/uri", Value::from("https://x"), "certificateAuthorities[0].uri is"),
        (
            "/timestampAuthorities/0/validFor/start",
            Value::from("2020-01-01T00:00:00Z"),
            "timestampAuthorities[0].validFor.start is",
        ),
        (
            "/timestampAuthorities",
            Value::Array(Vec::new()),
            "timestampAuthorities has 0 entries, the plan has 1",
        ),
        ("/mediaType", Value::from("application/json"), "media type"),
    ] {
        let spoilt = Spoilt::new();
        trusted_root(&spoilt, |root| *root.pointer_mut(place).unwrap() = value);
        spoilt.refused(Area::TrustRoot, file, words);
        let text = spoilt.verify().text(false);
        assert!(text.contains("not the same as trust-root/trusted_root.json"), "{text}");
    }
    let spoilt = Spoilt::new();
    trusted_root(&spoilt, |root| root["strange"] = true.into());
    spoilt.refused(Area::TrustRoot, file, "the field `strange`");
}

#[test]
fn a_signing_config_that_says_something_else_is_refused() {
    let file = "trust-root/signing_config.v0.2.json";
    for (place, value, words) in [
        ("/caUrls/0/url", Value::from("https://x"), "caUrls: https://x with version 1 is not in the plan"),
        ("/rekorTlogUrls/0/majorApiVersion", Value::from(1), "with version 1 is not in the plan"),
        ("/tsaUrls/0/operator", Value::from("x"), "the operator of"),
        ("/oidcUrls/0/validFor/start", Value::from("2020-01-01T00:00:00Z"), "is not the plan's"),
        ("/mediaType", Value::from("application/json"), "media type"),
    ] {
        let spoilt = Spoilt::new();
        spoilt.forge(|records| {
            let Event::TrustRootAssembled { signing_config, .. } =
                event(records, "trust-root-assembled", "assemble/trust-root")
            else {
                unreachable!()
            };
            let mut config: Value = serde_json::from_str(signing_config).unwrap();
            *config.pointer_mut(place).unwrap() = value;
            *signing_config = config.to_string();
            let bytes = signing_config.clone().into_bytes();
            spoilt.put(records, file, &bytes);
        });
        spoilt.refused(Area::TrustRoot, file, words);
    }
}

/// Changes the trusted root, and what the plan is said to have said of it.
fn planned_root(spoilt: &Spoilt, change: impl FnOnce(&mut Value, &mut Value)) {
    spoilt.forge(|records| {
        let Event::TrustRootAssembled { trusted_root, spec, .. } =
            event(records, "trust-root-assembled", "assemble/trust-root")
        else {
            unreachable!()
        };
        let mut value: Value = serde_json::from_str(trusted_root).unwrap();
        change(&mut value, spec);
        *trusted_root = value.to_string();
        let bytes = trusted_root.clone().into_bytes();
        spoilt.put(records, "trust-root/trusted_root.json", &bytes);
    });
}

#[test]
fn entries_that_no_chain_or_window_bears_are_refused() {
    let file = "trust-root/trusted_root.json";
    let early = Value::from("2020-01-01T00:00:00Z");
    let spoilt = Spoilt::new();
    planned_root(&spoilt, |root, spec| {
        root["certificateAuthorities"][0]["validFor"]["start"] = early.clone();
        spec["certificate-authorities"][0]["trust"]["from"] = early;
    });
    spoilt.refused(Area::TrustRoot, file, "is not inside the validity of `fulcio-2026`");
    for (chain, words) in [
        (json!(["root", "fulcio-2026"]), "`root` is not issued by `fulcio-2026`"),
        (json!(["fulcio-2026"]), "the chain ends with `fulcio-2026`, which is no root"),
        (json!(["other", "root"]), "there is no certificate `other`"),
        (json!([]), "the chain is empty"),
    ] {
        let spoilt = Spoilt::new();
        planned_root(&spoilt, |_, spec| spec["certificate-authorities"][0]["chain"] = chain);
        spoilt.refused(Area::TrustRoot, file, words);
    }
    let spoilt = Spoilt::new();
    planned_root(&spoilt, |_, spec| spec["transparency-logs"][0]["api"] = 1.into());
    spoilt.refused(Area::TrustRoot, file, "tlogs[0].logId.keyId is");
    let spoilt = Spoilt::new();
    planned_root(&spoilt, |_, spec| spec["transparency-logs"][0]["key"] = "other".into());
    spoilt.refused(Area::TrustRoot, file, "there is no key `other`");
}
