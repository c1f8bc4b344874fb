//! What docs/runbooks.md tells to do when something is lost: a keyholder's device, the online key, the root's
//! token. What is lost is not there in these rehearsals, and clients walk on.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, ObjectClass};
use cryptoki::session::UserType;
use olpc_cjson::CanonicalFormatter;
use secrecy::SecretString;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use support::clients::{FileServer, Judge, TufClient};
use support::years::{Years, made, opened};
use support::{copy, repository, run};

const BUNDLE: &str = "bundle.sigstore.json";

/// A device that nobody has any more: no token bears its serial number.
fn lose(years: &Years, device: &str) {
    let path = years.archive().join("rehearsal/site.toml");
    let text = fs::read_to_string(&path).unwrap();
    let section = format!("[devices.{device}]\n");
    let at = text.find(&section).unwrap_or_else(|| panic!("no {device} in {text}")) + section.len();
    let end = text[at..].find("\n[").map_or(text.len(), |end| at + end);
    let lost: String = text[at..end]
        .lines()
        .map(|line| match line.split_once('=') {
            Some((name, _)) if name.trim() == "serial" => "serial = \"00000000000000ff\"\n".into(),
            Some((name, _)) if name.trim() == "label" => format!("label = \"{device}, lost\"\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    fs::write(&path, format!("{}{lost}{}", &text[..at], &text[end..])).unwrap();
}

/// Clients that have been there before, and a place that they fetched from.
fn visited(years: &Years) -> [TufClient; 3] {
    let first = years.place("tuf-of-before");
    copy(&years.archive().join("tuf"), &first);
    let clients = TufClient::one_of_each(&first.join("1.root.json"));
    let server = FileServer::serve(&first);
    for client in &clients {
        client.fetch(&server).accepted(&client.fetcher);
    }
    clients
}

/// They, and those that come for the first time, get what is there now.
#[track_caller]
fn walk_on(years: &Years, clients: &[TufClient]) {
    let tuf = years.archive().join("tuf");
    let server = FileServer::serve(&tuf);
    let root = fs::read(years.archive().join("trust-root/trusted_root.json")).unwrap();
    for client in clients.iter().chain(&TufClient::one_of_each(&tuf.join("1.root.json"))) {
        client.fetch(&server).accepted(&client.fetcher);
        assert!(client.fetched("trusted_root.json") == root, "{:?}", client.fetcher);
    }
}

/// The edits of a runbook, as it prints them: each block of TOML begins with the line that it replaces.
fn runbook(section: &str) -> String {
    let text = fs::read_to_string(repository().join("docs/runbooks.md")).unwrap();
    let at = text.find(&format!("## {section}\n")).unwrap_or_else(|| panic!("no section {section}"));
    let end = text[at + 3..].find("\n## ").map_or(text.len(), |end| at + 3 + end);
    text[at..end].to_string()
}

const RESIGN: &str = "ceremony/resign-tuf.toml";

#[test]
fn the_runbooks_are_in_the_binary() {
    let printed = run(["man", "--runbooks"]);
    assert_eq!(printed.code, 0, "{}", printed.shown());
    assert_eq!(printed.out, fs::read_to_string(repository().join("docs/runbooks.md")).unwrap());
}

#[test]
fn a_keyholders_device_is_lost() {
    let years = Years::before(RESIGN);
    let clients = visited(&years);
    lose(&years, "keyholder-2");
    // With the plan as it is, the ceremony waits for the device, and says so.
    let waits = years.rehearse(RESIGN);
    assert_eq!(waits.code, 3, "{}", waits.shown());
    assert!(waits.err.contains("keyholder-2"), "{}", waits.shown());
    let line = "keyholder-2   = { role = \"keyholder\", device = \"keyholder-2\" }";
    let new = "keyholder-2   = { role = \"keyholder\", device = \"keyholder-2b\", key = \"keyholder-2b\" }";
    let runbook = runbook("A keyholder's device is lost");
    assert!(runbook.contains(new), "the runbook says something else:\n{runbook}");
    let plan = years.edited(RESIGN, &[(line, new)]);
    let held = years.holds(&plan);
    let steps = made(&held);
    assert!(steps.contains(&"generate-key/keyholder-2b"), "{steps:?}");
    let devices = opened(&years.archive());
    assert!(!devices.contains(&"keyholder-2".to_string()), "{devices:?}");
    assert!(devices.contains(&"keyholder-2b".to_string()), "{devices:?}");
    // The old key is not among those that sign any more; threshold and people are what they were.
    let keys = |version: u64| -> Vec<Value> {
        let root = years.json(&format!("tuf/{version}.root.json"));
        let ids = root["signed"]["roles"]["root"]["keyids"].as_array().unwrap().clone();
        ids.into_iter().map(|id| root["signed"]["keys"][id.as_str().unwrap()].clone()).collect()
    };
    let (before, after) = (keys(1), keys(2));
    let owner = |key: &Value| key["x-tuf-on-ci-keyowner"].as_str().unwrap().to_string();
    let owners = |keys: &[Value]| {
        let mut owners: Vec<String> = keys.iter().map(owner).collect();
        owners.sort();
        owners
    };
    assert_eq!(owners(&before), owners(&after));
    let changed: Vec<String> = after.iter().filter(|key| !before.contains(key)).map(owner).collect();
    assert_eq!(changed, ["@keyholder-2"]);
    walk_on(&years, &clients);
}

#[test]
fn the_online_key_is_lost() {
    let years = Years::before(RESIGN);
    let clients = visited(&years);
    let key = "tuf-online      = { device = \"issuing-hsm\", algorithm = \"ecdsa-p256\" }";
    let new = "tuf-online-2027 = { device = \"online-hsm\",  algorithm = \"ecdsa-p256\" }";
    let runbook = runbook("The online key is lost");
    for line in [new, "key = \"tuf-online-2027\""] {
        assert!(runbook.contains(line), "the runbook does not say {line}:\n{runbook}");
    }
    // Whatever else was on its device is needed by none of these steps.
    lose(&years, "issuing-hsm");
    let plan = years.edited(
        RESIGN,
        &[(key, &format!("{key}\n{new}")), ("key = \"tuf-online\"", "key = \"tuf-online-2027\"")],
    );
    // No canary without the issuing HSM: the runbook proves with the services' own keys where they are.
    let text = fs::read_to_string(&plan).unwrap();
    let (before, rest) = text.split_once("[prove]").unwrap();
    fs::write(&plan, format!("{before}# Five{}", rest.split_once("# Five").unwrap().1)).unwrap();
    let held = years.holds(&plan);
    let steps = made(&held);
    assert!(steps.contains(&"sign/tuf-timestamp/tuf-online-2027"), "{steps:?}");
    let devices = opened(&years.archive());
    assert!(!devices.contains(&"issuing-hsm".to_string()), "{devices:?}");
    let root = years.json("tuf/2.root.json");
    let old = years.json("tuf/1.root.json");
    for role in ["snapshot", "timestamp"] {
        let id = &root["signed"]["roles"][role]["keyids"][0];
        assert_ne!(*id, old["signed"]["roles"][role]["keyids"][0]);
        let file = if role == "snapshot" { "tuf/2.snapshot.json" } else { "tuf/timestamp.json" };
        assert_eq!(years.json(file)["signatures"][0]["keyid"], *id);
    }
    walk_on(&years, &clients);
    // What the old key signs now is worth nothing to whoever has been here since.
    let stale = years.place("stale");
    copy(&years.archive().join("tuf"), &stale);
    fs::copy(years.place("tuf-of-before").join("timestamp.json"), stale.join("timestamp.json")).unwrap();
    let server = FileServer::serve(&stale);
    for client in &clients {
        client.fetch(&server).refused(
            &client.fetcher,
            &["timestamp was signed by 0/1", "threshold", "not signed", "Signature", "signatures", "verif"],
        );
    }
}

/// Names the folder of a repository whose timestamp the old online key signs, in a process of its own: a
/// module's configuration is in the environment, and a process has one.
const AHEAD: &str = "ROOTWRIGHT_TEST_AHEAD";

/// Signs a timestamp of version 1,000,000 with the key on the archive's own token.
fn run_ahead(archive: &Path, tuf: &Path) {
    let module = Pkcs11::new(support::site::softhsm()).unwrap();
    module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)).unwrap();
    let slots = module.get_slots_with_initialized_token().unwrap();
    let label = |slot: &cryptoki::slot::Slot| module.get_token_info(*slot).unwrap().label().to_string();
    let slot = slots.into_iter().find(|slot| label(slot) == "issuing-hsm").unwrap();
    let session = module.open_rw_session(slot).unwrap();
    let pin = fs::read_to_string(archive.join("rehearsal/tokens/issuing-hsm.pin")).unwrap();
    session.login(UserType::User, Some(&SecretString::from(pin.trim().to_string()))).unwrap();
    let wanted = [Attribute::Class(ObjectClass::PRIVATE_KEY), Attribute::Label(b"tuf-online".to_vec())];
    let key = session.find_objects(&wanted).unwrap()[0];
    let file = tuf.join("timestamp.json");
    let mut timestamp: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    timestamp["signed"]["version"] = json!(1_000_000);
    let mut bytes = Vec::new();
    let mut canonical = serde_json::Serializer::with_formatter(&mut bytes, CanonicalFormatter::new());
    timestamp["signed"].serialize(&mut canonical).unwrap();
    let signature = session.sign(&Mechanism::Ecdsa, key, &Sha256::digest(&bytes)).unwrap();
    let signature = rootwright::pki::Signature::from_rs(&signature).unwrap();
    timestamp["signatures"][0]["sig"] = json!(data_encoding::HEXLOWER.encode(signature.as_bytes()));
    fs::write(file, timestamp.to_string()).unwrap();
}

/// Whoever has the online key can run ahead with version numbers, so that clients take everything newer for a
/// step back. The new root makes them forget it.
#[test]
fn a_version_number_that_a_stolen_online_key_ran_ahead_with_is_forgotten() {
    if let Some(archive) = std::env::var_os(AHEAD) {
        let archive = PathBuf::from(archive);
        return run_ahead(&archive, &archive.with_file_name("ahead"));
    }
    let years = Years::before(RESIGN);
    let ahead = years.place("ahead");
    copy(&years.archive().join("tuf"), &ahead);
    // The site of a copied archive is its own once a rehearsal has looked at it.
    let configuration = years.place("softhsm2.conf");
    let tokens = years.archive().join("rehearsal/tokens");
    fs::write(&configuration, format!("directories.tokendir = {}\n", tokens.display())).unwrap();
    support::tokens::start(
        Command::new(std::env::current_exe().unwrap())
            .args(["a_version_number_that_a_stolen_online_key_ran_ahead_with_is_forgotten", "--exact"])
            .env(AHEAD, years.archive())
            .env("SOFTHSM2_CONF", &configuration),
    );
    let server = FileServer::serve(&ahead);
    let clients = TufClient::one_of_each(&ahead.join("1.root.json"));
    for client in &clients {
        client.fetch(&server).accepted(&client.fetcher);
    }
    // What is signed by the same key again is a step back.
    years.holds(RESIGN);
    let server = FileServer::serve(&years.archive().join("tuf"));
    for client in &clients {
        client.fetch(&server).refused(&client.fetcher, &["1000000", "ersion", "rollback", "older"]);
    }
    let plan = years.edited(
        RESIGN,
        &[
            (
                "tuf-online      = {",
                "tuf-online-2027 = { device = \"online-hsm\",  algorithm = \"ecdsa-p256\" }\ntuf-online      = {",
            ),
            ("key = \"tuf-online\"", "key = \"tuf-online-2027\""),
        ],
    );
    years.holds(&plan);
    walk_on(&years, &clients);
}

const ROOT: &str = "ceremony/replace-root.toml";

#[test]
fn the_roots_token_is_lost() {
    let years = Years::before(ROOT);
    let clients = visited(&years);
    lose(&years, "root-hsm");
    // Nothing new below the old root: a plan that asks for it waits for its token.
    let waits = years.rehearse("ceremony/renew-crl.toml");
    assert_eq!(waits.code, 3, "{}", waits.shown());
    let held = years.holds(ROOT);
    let steps = made(&held);
    for step in ["issue/root-2027", "issue/fulcio-2026-by-root-2027", "issue/tsa-2026-by-root-2027"] {
        assert!(steps.contains(&step), "{step}: {steps:?}");
    }
    let devices = opened(&years.archive());
    assert!(!devices.contains(&"root-hsm".to_string()), "{devices:?}");
    walk_on(&years, &clients);
    // What was signed verifies still, and what the same keys sign from the switch on, below the new root alone.
    let outcomes = held["replayed"].as_array().unwrap();
    assert!(outcomes.iter().all(|one| one["outcome"] == "verifies"), "{outcomes:?}");
    let old = years.place("old");
    copy(&years.archive().join("canaries/canary-1"), &old);
    fs::copy(years.archive().join("trust-root/trusted_root.json"), old.join("trusted_root.json")).unwrap();
    for judge in Judge::ALL {
        judge.judge(&[old.join(BUNDLE)])[0].accepted(&judge);
    }
    let late = years.prove("late", &["--at", &years.moved("2027-11-02T12:00:00Z")]);
    Judge::JavaScript.judge(&[late.join(BUNDLE)])[0].accepted(&Judge::JavaScript);
    let certificates = years.archive().join("certificates");
    let at: rootwright::plan::Time = years.moved("2027-06-10T00:00:00Z").parse().unwrap();
    let verifies = |arguments: &[&str]| {
        let mut command = Command::new("openssl");
        command.current_dir(&certificates).args(["verify", "-x509_strict", "-no-CApath", "-attime"]);
        command.args([&at.unix().to_string(), "-CAfile", "root-2027.pem"]).args(arguments);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    verifies(&["fulcio-2026-by-root-2027.pem"]);
    verifies(&["-untrusted", "tsa-signer-2026.via-tsa-2026-by-root-2027.chain.pem", "tsa-signer-2026.pem"]);
    verifies(&["-untrusted", "fulcio-2026.via-root-by-root-2027.chain.pem", "fulcio-2026.pem"]);
    // The old root's last CRL ends, and with it the trust in what is below: that is said, and is no failure.
    let archive = years.archive().display().to_string();
    let at = years.moved("2027-10-31T00:00:00Z");
    let before = run(["verify", &archive, "--at", &at]);
    assert_eq!(before.code, 0, "{}", before.shown());
    let after = run(["--json", "verify", &archive, "--at", &years.moved("2027-11-02T00:00:00Z")]);
    let said = after.out.contains("the trusted root trusts nothing below `root` any more");
    assert!(said, "{}", after.shown());
    let failed: Vec<String> = after.json()["checks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|check| check["verdict"] == "failed")
        .map(|check| check["object"].as_str().unwrap().to_string())
        .collect();
    // TUF ends on that day too; a later plan signs it again.
    assert!(failed.iter().all(|object| Path::new(object).starts_with("tuf")), "{failed:?}");
}
