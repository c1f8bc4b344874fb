//! Every rule accepts a good repository, and rejects one thing that is wrong in it.

use super::*;
use crate::lint::tests::{Ids, found, ids};
use crate::pki::PublicKey;
use crate::plan::Policy;
use crate::trust_root::tests::public;
use crate::tuf::tests::{Repository, expiry, name, now, time};
use crate::tuf::{Key, Snapshot, Targets, Timestamp};

/// A good draft of each role's metadata, in the order of [`Role::ALL`].
fn good(repository: &mut Repository) -> [Draft<RoleSignature>; 4] {
    let root: Metadata = repository.root.clone().into();
    let targets = repository.targets();
    let snapshot = Snapshot::new(1, expiry(), (1, b"targets"));
    let timestamp = Timestamp::new(1, expiry(), (1, b"snapshot"));
    [
        repository.draft(root, "keyholder-1"),
        repository.draft(targets, "keyholder-2"),
        repository.draft(snapshot, "online"),
        repository.draft(timestamp, "online"),
    ]
}

/// The draft with its metadata changed, and its bytes with it.
fn change(case: &Draft<RoleSignature>, change: impl FnOnce(&mut Metadata)) -> Draft<RoleSignature> {
    let mut case = case.clone();
    change(&mut case.context.metadata);
    case.bytes = canonical(&case.context.metadata).unwrap();
    case
}

fn change_root(case: &Draft<RoleSignature>, with: impl FnOnce(&mut Root)) -> Draft<RoleSignature> {
    change(case, |metadata| match metadata {
        Metadata::Root(root) => with(root),
        _ => panic!("not a root"),
    })
}

fn change_targets(case: &Draft<RoleSignature>, with: impl FnOnce(&mut Targets)) -> Draft<RoleSignature> {
    change(case, |metadata| match metadata {
        Metadata::Targets(targets) => with(targets),
        _ => panic!("not targets"),
    })
}

fn change_snapshot(case: &Draft<RoleSignature>, with: impl FnOnce(&mut Snapshot)) -> Draft<RoleSignature> {
    change(case, |metadata| match metadata {
        Metadata::Snapshot(snapshot) => with(snapshot),
        _ => panic!("not a snapshot"),
    })
}

fn change_timestamp(case: &Draft<RoleSignature>, with: impl FnOnce(&mut Timestamp)) -> Draft<RoleSignature> {
    change(case, |metadata| match metadata {
        Metadata::Timestamp(timestamp) => with(timestamp),
        _ => panic!("not a timestamp"),
    })
}

/// The draft as it follows `previous`.
fn after(case: &Draft<RoleSignature>, previous: &Metadata) -> Draft<RoleSignature> {
    let mut case = case.clone();
    case.context.previous = Some(previous.clone());
    case
}

fn with_key(root: &mut Root, role: Role, keyid: &str, key: Key) {
    root.keys.insert(keyid.to_string(), key);
    root.roles.get_mut(&role).unwrap().keyids.push(keyid.to_string());
}

fn add(root: &mut Root, role: Role, public: &PublicKey) {
    let key = Key::new(public, None).unwrap();
    with_key(root, role, &key.id(), key);
}

fn json(text: &str) -> Key {
    serde_json::from_str(text).unwrap()
}

fn findings(case: &Draft<RoleSignature>) -> Findings {
    RoleSignature::lint(case, &Rules::default())
}

/// A signature as the engine makes it, with a change.
fn made(case: &Draft<RoleSignature>, change: impl Fn(&mut RoleSignature)) -> Findings {
    let signature = crate::pki::Signature(vec![0x30, 6, 2, 1, 0x0a, 2, 1, 0x0b]);
    let mut made = <RoleSignature as crate::pki::Document>::assemble(case, &signature).unwrap();
    change(&mut made);
    made.finished(case)
}

pub(crate) fn accepted() -> Ids {
    every_rule_accepts_a_good_repository();
    for case in good(&mut Repository::new()) {
        assert_eq!(made(&case, |_| ()), Findings::default());
    }
    ids(RULES, Policy::Sigstore).into_iter().chain(ids(FINISHED, Policy::Sigstore)).collect()
}

#[test]
fn every_rule_accepts_a_good_repository() {
    for case in good(&mut Repository::new()) {
        assert_eq!(findings(&case), Findings::default(), "{}", case.object);
        let next = change(&case, |metadata| {
            let head = match metadata {
                Metadata::Root(root) => &mut root.head,
                Metadata::Targets(targets) => &mut targets.head,
                Metadata::Snapshot(snapshot) => &mut snapshot.head,
                Metadata::Timestamp(timestamp) => &mut timestamp.head,
            };
            head.version = 2;
        });
        let next = after(&next, &case.context.metadata);
        assert_eq!(findings(&next), Findings::default(), "{}, version 2", case.object);
    }
}

#[test]
fn a_late_ceremony_can_replace_an_expired_root() {
    let mut repository = Repository::new();
    let [root, ..] = good(&mut repository);
    let mut next = change_root(&root, |root| {
        root.head.version = 2;
        root.head.expires = time("2028-06-01T00:00:00Z");
    });
    next.context.root = Some(repository.root.clone());
    next.context.previous = Some(repository.root.clone().into());
    next.context.now = time("2027-12-01T00:00:00Z");
    assert_eq!(findings(&next), Findings::default());
}

pub(crate) fn rejected() -> Ids {
    let mut repository = Repository::new();
    let [root, targets, snapshot, timestamp] = good(&mut repository);
    let (p256, p384, p521) = (Algorithm::EcdsaP256, Algorithm::EcdsaP384, Algorithm::EcdsaP521);
    let old_type = json(&format!(
        r#"{{"keytype": "ecdsa-sha2-nistp256", "scheme": "ecdsa-sha2-nistp256", "keyval": {{"public": {:?}}}}}"#,
        public(p256).pem()
    ));
    let invalid = json(r#"{"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": "00"}}"#);
    let holder = repository.public("keyholder-1");
    let anonymous = repository.key("online");
    let role = |root: &mut Root, role| root.roles.remove(&role).unwrap();
    let file = |targets: &mut Targets| targets.targets.remove("trusted_root.json").unwrap();
    let meta = |snapshot: &mut Snapshot| snapshot.meta.remove("targets.json").unwrap();
    let rehearsed = repository.targets().rehearsal();
    let cases: Vec<(&'static str, Draft<RoleSignature>)> = vec![
        ("TUF-CANONICAL", Draft { bytes: b"{}".to_vec(), ..root.clone() }),
        ("TUF-SPEC-VERSION", change_root(&root, |root| root.head.spec_version = "2.0.0".into())),
        ("TUF-SPEC-VERSION", change_root(&root, |root| root.head.spec_version = "1.0.x".into())),
        ("TUF-VERSION-NEXT", change_root(&root, |root| root.head.version = 2)),
        ("TUF-VERSION-NEXT", after(&root, &root.context.metadata)),
        (
            "TUF-VERSION-NEXT",
            after(&change_root(&root, |root| root.head.version = 3), &root.context.metadata),
        ),
        ("TUF-VERSION-NEXT", after(&targets, &targets.context.metadata)),
        ("TUF-VERSION-NEXT", after(&targets, &snapshot.context.metadata)),
        ("TUF-VERSION-NEXT", change_targets(&targets, |targets| targets.head.version = 0)),
        ("TUF-EXPIRES-FUTURE", change_targets(&targets, |targets| targets.head.expires = now())),
        (
            "TUF-EXPIRES-SOON",
            change_targets(&targets, |targets| targets.head.expires = now().shifted(30).unwrap()),
        ),
        ("TUF-EXPIRES-FAR", change_root(&root, |root| root.head.expires = now().shifted(400).unwrap())),
        ("TUF-THRESHOLD-FALLS", {
            let mut case = change_root(&root, |root| {
                root.roles.get_mut(&Role::Targets).unwrap().threshold = 2;
            });
            case.context.root = Some(repository.root.clone());
            case
        }),
        ("TUF-ROOT-CURRENT", {
            let mut case = targets.clone();
            case.context.root.as_mut().unwrap().head.expires = now();
            case
        }),
        ("TUF-ROOT-CURRENT", {
            let mut case = targets.clone();
            case.context.root = None;
            case
        }),
        ("TUF-PURPOSE", change(&targets, |metadata| *metadata = rehearsed.clone())),
        ("TUF-PURPOSE", after(&change_targets(&targets, |targets| targets.head.version = 2), &rehearsed)),
        ("TUF-PURPOSE", change_root(&root, |root| root.head.purpose = Some("production".into()))),
        ("TUF-SIGNER", {
            let mut case = targets.clone();
            case.context.key = anonymous.clone();
            case
        }),
        (
            "TUF-KEYID",
            change_root(&root, |root| {
                with_key(root, Role::Root, &"0".repeat(64), Key::new(&public(p256), None).unwrap());
            }),
        ),
        (
            "TUF-KEY-VALID",
            change_root(&root, |root| with_key(root, Role::Root, &invalid.id(), invalid.clone())),
        ),
        ("TUF-KEY-TYPE", change_root(&root, |root| add(root, Role::Root, &public(p384)))),
        ("TUF-KEY-TYPE", change_root(&root, |root| add(root, Role::Root, &public(p521)))),
        (
            "TUF-KEY-TYPE",
            change_root(&root, |root| with_key(root, Role::Root, &old_type.id(), old_type.clone())),
        ),
        ("TUF-DISTINCT-KEYS", change_root(&root, |root| add(root, Role::Root, &holder))),
        ("TUF-ROLES", change_root(&root, |root| _ = role(root, Role::Timestamp))),
        (
            "TUF-ROLES",
            change_root(&root, |root| {
                let keyids = &mut root.roles.get_mut(&Role::Root).unwrap().keyids;
                keyids.push(keyids[0].clone());
            }),
        ),
        (
            "TUF-ROLES",
            change_root(&root, |root| {
                root.roles.get_mut(&Role::Root).unwrap().keyids.push("unknown".into());
            }),
        ),
        (
            "TUF-ROLES",
            change_root(&root, |root| {
                root.roles.get_mut(&Role::Snapshot).unwrap().keyids.clear();
                root.roles.get_mut(&Role::Timestamp).unwrap().keyids.clear();
            }),
        ),
        (
            "TUF-THRESHOLD-REACHABLE",
            change_root(&root, |root| root.roles.get_mut(&Role::Targets).unwrap().threshold = 6),
        ),
        (
            "TUF-THRESHOLD-REACHABLE",
            change_root(&root, |root| root.roles.get_mut(&Role::Snapshot).unwrap().threshold = 0),
        ),
        (
            "TUF-THRESHOLD-BELOW-KEYS",
            change_root(&root, |root| root.roles.get_mut(&Role::Targets).unwrap().threshold = 5),
        ),
        (
            "TUF-THRESHOLD-QUORUM",
            change_root(&root, |root| root.roles.get_mut(&Role::Targets).unwrap().threshold = 1),
        ),
        (
            "TUF-ONLINE-KEYS",
            change_root(&root, |root| {
                let online = root.roles[&Role::Snapshot].keyids.clone();
                root.roles.get_mut(&Role::Targets).unwrap().keyids.extend(online);
            }),
        ),
        ("TUF-CONSISTENT-SNAPSHOT", change_root(&root, |root| root.consistent_snapshot = false)),
        (
            "TUF-HASHES",
            change_targets(&targets, |targets| {
                targets.targets.get_mut("trusted_root.json").unwrap().hashes.remove("sha256");
            }),
        ),
        (
            "TUF-HASHES",
            change_targets(&targets, |targets| {
                let hashes = &mut targets.targets.get_mut("trusted_root.json").unwrap().hashes;
                hashes.insert("sha256".into(), "A".repeat(64));
            }),
        ),
        (
            "TUF-HASHES",
            change_snapshot(&snapshot, |snapshot| {
                snapshot.meta.get_mut("targets.json").unwrap().length = None;
            }),
        ),
        (
            "TUF-HASHES",
            change_timestamp(&timestamp, |timestamp| {
                timestamp.meta.get_mut("snapshot.json").unwrap().hashes = None;
            }),
        ),
        (
            "TUF-TARGET-NAMES",
            change_targets(&targets, |targets| {
                let moved = file(targets);
                targets.targets.insert("folder/trusted_root.json".into(), moved);
            }),
        ),
        ("TUF-TARGETS-SIGSTORE", change_targets(&targets, |targets| _ = file(targets))),
        (
            "TUF-META-NAMES",
            change_snapshot(&snapshot, |snapshot| {
                let moved = meta(snapshot);
                snapshot.meta.insert("1.targets.json".into(), moved);
            }),
        ),
        (
            "TUF-META-NAMES",
            change_timestamp(&timestamp, |timestamp| {
                let more = timestamp.meta["snapshot.json"].clone();
                timestamp.meta.insert("targets.json".into(), more);
            }),
        ),
        ("TUF-META-ROLLBACK", {
            let before =
                change_snapshot(&snapshot, |before| before.meta.get_mut("targets.json").unwrap().version = 2);
            after(&snapshot, &before.context.metadata)
        }),
        ("TUF-META-ROLLBACK", {
            let before = change_snapshot(&snapshot, |before| {
                let more = before.meta["targets.json"].clone();
                before.meta.insert("delegated.json".into(), more);
            });
            after(&snapshot, &before.context.metadata)
        }),
    ];
    let mut rejected: Ids = cases.iter().map(|(id, case)| found(&findings(case), id)).collect();
    rejected.insert(found(&made(&root, |made| made.keyid = "0".repeat(64)), "TUF-FINISHED-KEYID"));
    rejected.insert(found(&made(&root, |made| made.sig.make_ascii_uppercase()), "TUF-FINISHED-HEX"));
    rejected.insert(found(&made(&root, |made| made.sig.push('g')), "TUF-FINISHED-HEX"));
    rejected
}

#[test]
fn every_rule_rejects() {
    assert_eq!(accepted(), rejected());
}

#[test]
fn a_finding_names_the_client() {
    let mut repository = Repository::new();
    let [root, ..] = good(&mut repository);
    let owner = name("keyholder-9");
    let key = Key::new(&public(Algorithm::EcdsaP384), Some(&owner)).unwrap();
    let findings = findings(&change_root(&root, |root| with_key(root, Role::Root, &key.id(), key.clone())));
    assert!(!findings.stop());
    let shown = findings.to_string();
    assert!(shown.contains("tough refuses the key") && shown.contains("of keyholder-9"), "{shown}");
}
