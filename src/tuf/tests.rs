//! A repository of five keyholders and an online key, and what its files refuse.

use super::*;
use crate::lint::{Findings, Rules};
use crate::pki::{Algorithm, Draft, PublicKey};
use crate::plan::{Name, Time};
use crate::token::Token;
use crate::token::throwaway::Throwaway;

/// Keys, and the metadata that the tests of other rooms start from.
pub(crate) struct Repository {
    pub(crate) token: Throwaway,
    pub(crate) root: Root,
}

pub(crate) fn time(text: &str) -> Time {
    text.parse().unwrap()
}

/// The moment of every test's ceremony.
pub(crate) fn now() -> Time {
    time("2026-12-01T10:00:00Z")
}

/// The expiry of every test's metadata.
pub(crate) fn expiry() -> Time {
    time("2027-06-01T00:00:00Z")
}

pub(crate) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

const HOLDERS: [&str; 5] = ["keyholder-1", "keyholder-2", "keyholder-3", "keyholder-4", "keyholder-5"];

impl Repository {
    /// Five keyholders of whom three must sign; one online key; the fifth holder's key is Ed25519.
    pub(crate) fn new() -> Self {
        let mut token = Throwaway::default();
        for holder in HOLDERS.into_iter().chain(["online"]) {
            let algorithm = if holder == "keyholder-5" { Algorithm::Ed25519 } else { Algorithm::EcdsaP256 };
            token.generate(&name(holder), algorithm).unwrap();
        }
        let mut repository = Self { token, root: Root::new(1, expiry(), &BTreeMap::new()) };
        repository.root = Root::new(1, expiry(), &repository.signers());
        repository
    }

    pub(crate) fn signers(&mut self) -> BTreeMap<Role, Signers> {
        let people = Signers { keys: HOLDERS.map(|holder| self.key(holder)).to_vec(), threshold: 3 };
        let online = Signers { keys: vec![self.key("online")], threshold: 1 };
        BTreeMap::from([
            (Role::Root, people.clone()),
            (Role::Targets, people),
            (Role::Snapshot, online.clone()),
            (Role::Timestamp, online),
        ])
    }

    pub(crate) fn public(&mut self, key: &str) -> PublicKey {
        self.token.find(&name(key)).unwrap().unwrap().public
    }

    pub(crate) fn key(&mut self, key: &str) -> Key {
        let owner = name(key);
        Key::new(&self.public(key), key.starts_with("keyholder").then_some(&owner)).unwrap()
    }

    pub(crate) fn targets(&self) -> Metadata {
        let files: [(&str, &[u8]); 2] = [("trusted_root.json", b"{}"), ("signing_config.v0.2.json", b"{ }")];
        Targets::new(1, expiry(), &files).into()
    }

    /// A draft of the metadata by one key, with the first root in force.
    pub(crate) fn draft(&mut self, metadata: impl Into<Metadata>, key: &str) -> Draft<RoleSignature> {
        let metadata = metadata.into();
        let root = (metadata.role() != Role::Root).then(|| self.root.clone());
        let context = Context { metadata, key: self.key(key), root, previous: None, now: now() };
        draft(&name(key), &self.public(key), context).unwrap()
    }

    /// The signatures of those keys, by the whole way: draft, lint, sign, attach.
    pub(crate) fn sign(&mut self, metadata: &Metadata, keys: &[&str]) -> Vec<RoleSignature> {
        let mut signatures = Vec::new();
        for key in keys {
            let linted = self.draft(metadata.clone(), key).lint(&Rules::default()).unwrap();
            assert_eq!(linted.warnings(), &Findings::default());
            let signature = self.token.sign(&linted).unwrap();
            signatures.push(linted.attach(signature).unwrap().into_document());
        }
        signatures
    }
}

const THREE: [&str; 3] = ["keyholder-1", "keyholder-4", "keyholder-5"];

#[test]
fn a_whole_repository() {
    let mut repository = Repository::new();
    let root: Metadata = repository.root.clone().into();
    let file = envelope(&root, &repository.sign(&root, &THREE), None).unwrap();
    assert_eq!(Envelope::parse(&file).unwrap().signed, root);
    let targets = repository.targets();
    let file = envelope(&targets, &repository.sign(&targets, &THREE), Some(&repository.root)).unwrap();
    let snapshot = Snapshot::new(1, expiry(), (1, &file)).into();
    let file = envelope(&snapshot, &repository.sign(&snapshot, &["online"]), Some(&repository.root)).unwrap();
    let timestamp = Timestamp::new(1, expiry(), (1, &file)).into();
    let file =
        envelope(&timestamp, &repository.sign(&timestamp, &["online"]), Some(&repository.root)).unwrap();
    let read = Envelope::parse(&file).unwrap();
    assert_eq!(read.signed, timestamp);
    assert!(progress(&read.signed, &read.signatures, &repository.root).unwrap().is_enough());
    let files = [root, targets, snapshot, timestamp].map(|metadata| metadata.file());
    assert_eq!(files, ["1.root.json", "1.targets.json", "1.snapshot.json", "timestamp.json"]);
    assert!(target_path("a.json", b"").starts_with("targets/e3b0c44298fc1c14"));
}

#[test]
fn a_file_needs_the_threshold_of_keys_that_may_sign() {
    let mut repository = Repository::new();
    let targets = repository.targets();
    let root = repository.root.clone();
    let mut signatures = repository.sign(&targets, &THREE);
    let too_few = Progress { signed: 2, threshold: 3 };
    assert_eq!(
        envelope(&targets, &signatures[..2], Some(&root)),
        Err(EnvelopeError::BelowThreshold { role: Role::Targets, root: 1, progress: too_few })
    );
    assert_eq!(envelope(&targets, &signatures, None), Err(EnvelopeError::NoRoot(Role::Targets)));
    let twice = [&signatures[..], &signatures[..1]].concat();
    assert!(matches!(envelope(&targets, &twice, Some(&root)), Err(EnvelopeError::Twice { .. })));
    let other = Targets::new(2, expiry(), &[]).into();
    assert!(matches!(
        envelope(&other, &signatures, Some(&root)),
        Err(EnvelopeError::BadSignature { role: Role::Targets, .. })
    ));
    let place_held = RoleSignature { keyid: repository.key("keyholder-2").id(), sig: String::new() };
    let held = [&signatures[..], &[place_held]].concat();
    assert_eq!(progress(&targets, &held, &root).unwrap().signed, 3);
    assert!(matches!(envelope(&targets, &held, Some(&root)), Err(EnvelopeError::BadSignature { .. })));
    signatures[0].keyid = repository.key("online").id();
    assert!(matches!(
        envelope(&targets, &signatures, Some(&root)),
        Err(EnvelopeError::UnknownKey { role: Role::Targets, .. })
    ));
}

/// Six clients let this pass.
#[test]
fn one_key_under_two_ids_counts_once() {
    let mut repository = Repository::new();
    let mut root = repository.root.clone();
    let anonymous = Key::new(&repository.public("keyholder-1"), None).unwrap();
    root.roles.get_mut(&Role::Targets).unwrap().keyids.push(anonymous.id());
    root.keys.insert(anonymous.id(), anonymous.clone());
    let targets = repository.targets();
    let mut signatures = repository.sign(&targets, &THREE[..2]);
    let again = RoleSignature { keyid: anonymous.id(), ..signatures[0].clone() };
    signatures.push(again);
    assert_eq!(progress(&targets, &signatures, &root).unwrap(), Progress { signed: 2, threshold: 3 });
    assert!(matches!(
        envelope(&targets, &signatures, Some(&root)),
        Err(EnvelopeError::BelowThreshold { .. })
    ));
}

#[test]
fn a_new_root_needs_the_old_keyholders_too() {
    let mut repository = Repository::new();
    let old = repository.root.clone();
    for (n, algorithm) in (6..=8).zip([Algorithm::EcdsaP256, Algorithm::Ed25519, Algorithm::EcdsaP256]) {
        repository.token.generate(&name(&format!("keyholder-{n}")), algorithm).unwrap();
    }
    let mut signers = repository.signers();
    let new = ["keyholder-6", "keyholder-7", "keyholder-8"];
    let keys = new.map(|holder| repository.key(holder)).to_vec();
    signers.insert(Role::Root, Signers { keys, threshold: 2 });
    let root: Metadata = Root::new(2, expiry(), &signers).into();
    let mut sign = |key: &str| {
        let mut draft = repository.draft(root.clone(), key);
        draft.context.root = Some(old.clone());
        draft.context.previous = Some(old.clone().into());
        let linted = draft.lint(&Rules::default()).unwrap();
        let signature = repository.token.sign(&linted).unwrap();
        linted.attach(signature).unwrap().into_document()
    };
    let signatures: Vec<RoleSignature> =
        ["keyholder-1", "keyholder-2", "keyholder-3", "keyholder-6", "keyholder-7"]
            .into_iter()
            .map(&mut sign)
            .collect();
    assert!(envelope(&root, &signatures, Some(&old)).is_ok());
    assert_eq!(may_sign(&root, Some(&old)).len(), 8);
    let short = |range: std::ops::Range<usize>| match envelope(&root, &signatures[range], Some(&old)) {
        Err(EnvelopeError::BelowThreshold { root, progress, .. }) => (root, progress.signed),
        other => panic!("{other:?}"),
    };
    assert_eq!(short(1..5), (1, 2), "two of the old ones are too few");
    assert_eq!(short(0..4), (2, 1), "one of the new ones is too few");
}

#[test]
fn another_keys_signature_is_not_taken() {
    let mut repository = Repository::new();
    let targets = repository.targets();
    let linted = repository.draft(targets.clone(), "keyholder-1").lint(&Rules::default()).unwrap();
    let signature = repository.token.sign(&linted).unwrap();
    // The signature is good, the key that is claimed for it is another.
    let mut wrong = repository.draft(targets.clone(), "keyholder-1");
    wrong.context.key = repository.key("keyholder-2");
    let public = repository.public("keyholder-1");
    assert!(wrong.lint(&Rules::default()).unwrap().attach(signature).is_err());
    let key = repository.key("keyholder-2");
    let context =
        Context { metadata: targets, key, root: Some(repository.root.clone()), previous: None, now: now() };
    assert!(draft(&name("keyholder-1"), &public, context).is_err());
}

#[test]
fn unknown_fields_are_kept_and_signed() {
    let signed = r#"{"_type": "timestamp", "spec_version": "1.0.31", "version": 7, "x-new": {"b": 1, "a": []},
        "expires": "2027-06-01T00:00:00Z", "meta": {"snapshot.json": {"version": 3, "custom": null}}}"#;
    let read = Metadata::parse(signed.as_bytes()).unwrap();
    let expected = r#"{"_type":"timestamp","expires":"2027-06-01T00:00:00Z","meta":{"snapshot.json":{"custom":null,"version":3}},"spec_version":"1.0.31","version":7,"x-new":{"a":[],"b":1}}"#;
    assert_eq!(canonical(&read).unwrap(), expected.as_bytes());
    for (from, to) in [
        ("timestamp", "mirrors"),
        ("00:00:00Z", "00:00:00.000Z"),
        ("7,", "7.5,"),
        ("7,", "-7,"),
        ("\"x-new\"", "\"version\""),
        ("\"version\": 3, ", ""),
        ("\"custom\": null", "\"length\": null"),
    ] {
        assert!(Metadata::parse(signed.replacen(from, to, 1).as_bytes()).is_err(), "{to}");
    }
}

#[test]
fn a_rehearsal_says_so() {
    let repository = Repository::new();
    let marked = |metadata: Metadata| String::from_utf8(canonical(&metadata).unwrap()).unwrap();
    assert!(!marked(repository.targets()).contains("rootwright"));
    assert!(marked(repository.targets().rehearsal()).contains("\"x-rootwright-purpose\":\"rehearsal\""));
}
