//! What a ceremony makes is what stock clients take: OpenSSL, python-tuf, tuf-js, tough,
//! sigstore-python and sigstore-js each accept it, and each refuse it once it is tampered with.
//! The second half is what gives the first its meaning: a client that refuses nothing proves nothing.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use data_encoding::HEXLOWER;
use ed25519_dalek::{Signer, SigningKey};
use olpc_cjson::CanonicalFormatter;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use support::clients::{FileServer, Loader, TARGETS, TufClient, run};
use tempfile::TempDir;

const PLAN: &str = "ceremony/sigstore.toml";

fn archive() -> &'static Path {
    support::rehearsed(PLAN)
}

// ---- OpenSSL: certificates and CRLs

/// Ask `openssl`, and give whether it agreed, with what it said.
fn openssl(args: &[&str]) -> (bool, String) {
    let mut command = Command::new("openssl");
    command.args(args).current_dir(archive());
    let (code, out, err) = run(command, Duration::from_secs(30));
    (code == Some(0), out + &err)
}

/// `openssl verify`, by the letter of RFC 5280, with the archive's root as the only anchor.
fn openssl_verify(args: &[&str]) -> (bool, String) {
    openssl(
        &[&["verify", "-x509_strict", "-check_ss_sig", "-CAfile", "certificates/root.pem"], args].concat(),
    )
}

#[test]
fn openssl_accepts_every_chain() {
    for args in [
        &["certificates/root.pem"][..],
        &["certificates/fulcio-2026.pem"],
        &["certificates/tsa-2026.pem"],
        &[
            "-purpose",
            "timestampsign",
            "-untrusted",
            "certificates/tsa-2026.pem",
            "certificates/tsa-signer-2026.pem",
        ],
        // The chain file alone is enough for who has only that and the root.
        &["-untrusted", "certificates/tsa-signer-2026.chain.pem", "certificates/tsa-signer-2026.pem"],
    ] {
        let (accepted, said) = openssl_verify(args);
        assert!(accepted, "{args:?}: {said}");
    }
}

#[test]
fn openssl_refuses_a_chain_with_a_gap_and_a_signer_for_another_purpose() {
    let (accepted, said) = openssl_verify(&["certificates/tsa-signer-2026.pem"]);
    assert!(!accepted && said.contains("unable to get local issuer certificate"), "{said}");

    let (accepted, said) = openssl_verify(&[
        "-purpose",
        "sslserver",
        "-untrusted",
        "certificates/tsa-2026.pem",
        "certificates/tsa-signer-2026.pem",
    ]);
    assert!(!accepted && said.contains("purpose"), "{said}");
}

#[test]
fn openssl_accepts_the_crl_and_checks_intermediates_against_it() {
    let (accepted, said) = openssl_crl("crls/root-1.crl");
    assert!(accepted, "{said}");
    for certificate in ["certificates/fulcio-2026.pem", "certificates/tsa-2026.pem"] {
        let (accepted, said) = openssl_verify(&["-crl_check", "-CRLfile", "crls/root-1.crl", certificate]);
        assert!(accepted, "{said}");
    }
}

#[test]
fn openssl_refuses_a_missing_or_changed_crl() {
    let (accepted, said) = openssl_verify(&["-crl_check", "certificates/fulcio-2026.pem"]);
    assert!(!accepted && said.contains("unable to get certificate CRL"), "{said}");

    let folder = tempfile::tempdir().unwrap();
    let changed = folder.path().join("changed.crl");
    let mut bytes = fs::read(archive().join("crls/root-1.crl")).unwrap();
    *bytes.last_mut().unwrap() ^= 1; // in the signature
    fs::write(&changed, bytes).unwrap();
    let (accepted, said) = openssl_crl(changed.to_str().unwrap());
    assert!(!accepted, "{said}");
}

/// `openssl crl` reports a bad signature in words, and exits with 0 all the same.
fn openssl_crl(file: &str) -> (bool, String) {
    let (ran, said) =
        openssl(&["crl", "-inform", "DER", "-in", file, "-CAfile", "certificates/root.pem", "-noout"]);
    (ran && said.contains("verify OK"), said)
}

// ---- TUF: python-tuf, tuf-js, tough

/// A TUF repository that a test may change.
struct Repository(TempDir);

impl Repository {
    fn copy_of(tuf: &Path) -> Self {
        let copy = tempfile::tempdir().unwrap();
        support::copy(tuf, copy.path());
        Self(copy)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, name: &str) -> Value {
        read_json(&self.file(name))
    }

    fn write(&self, name: &str, metadata: &Value) {
        fs::write(self.file(name), metadata.to_string()).unwrap();
    }

    /// Give snapshot and timestamp to a key of this test, as if the online key had been stolen, and let
    /// them vouch for whatever `1.targets.json` is. The targets' own keys and signatures stay.
    fn steal_online_roles(&self) {
        let thief = SigningKey::from_bytes(&[7; 32]);
        let public = HEXLOWER.encode(thief.verifying_key().as_bytes());
        let key = json!({ "keytype": "ed25519", "scheme": "ed25519", "keyval": { "public": public } });
        let keyid = HEXLOWER.encode(&Sha256::digest(canonical(&key)));
        let sign = |name: &str, signed: &Value| {
            let sig = HEXLOWER.encode(&thief.sign(&canonical(signed)).to_bytes());
            self.write(name, &json!({ "signatures": [{ "keyid": keyid, "sig": sig }], "signed": signed }));
        };

        // The clients are given this root to begin with: the test must sign it, so root is its own too.
        let mut root = self.read("1.root.json")["signed"].take();
        root["keys"][&keyid] = key;
        for role in ["root", "snapshot", "timestamp"] {
            root["roles"][role] = json!({ "keyids": [keyid], "threshold": 1 });
        }
        sign("1.root.json", &root);
        let mut snapshot = self.read("1.snapshot.json")["signed"].take();
        snapshot["meta"]["targets.json"] = json!({ "version": 1 });
        sign("1.snapshot.json", &snapshot);
        let mut timestamp = self.read("timestamp.json")["signed"].take();
        timestamp["meta"]["snapshot.json"] = json!({ "version": 1 });
        sign("timestamp.json", &timestamp);
    }

    /// Leave one signature less than the role's threshold, and return the threshold.
    fn strip_signatures(&self, role: &str) -> usize {
        let root = self.read("1.root.json");
        let threshold: usize = root["signed"]["roles"][role]["threshold"].to_string().parse().unwrap();
        assert!(threshold > 1, "{role} has no threshold to fall short of");
        let name = format!("1.{role}.json");
        let mut metadata = self.read(&name);
        let signatures = metadata["signatures"].as_array_mut().unwrap();
        signatures.retain(|signature| signature["sig"] != "");
        assert!(signatures.len() >= threshold, "{role} did not meet its threshold to begin with");
        signatures.truncate(threshold - 1);
        self.write(&name, &metadata);
        threshold
    }
}

/// The bytes that TUF signs.
fn canonical(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, CanonicalFormatter::new());
    value.serialize(&mut serializer).unwrap();
    bytes
}

fn read_json(file: &Path) -> Value {
    serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
}

#[test]
fn tuf_clients_fetch_what_the_archive_holds() {
    let tuf = archive().join("tuf");
    let server = FileServer::serve(&tuf);
    for client in TufClient::one_of_each(&tuf.join("1.root.json")) {
        client.fetch(&server).accepted(&client.fetcher);
        for target in TARGETS {
            let ours = fs::read(archive().join("trust-root").join(target)).unwrap();
            assert!(client.fetched(target) == ours, "{:?} got another {target}", client.fetcher);
        }
        // With what it has seen in mind, too.
        client.fetch(&server).accepted(&client.fetcher);
    }
}

#[test]
fn tuf_clients_refuse_a_changed_target() {
    let repository = Repository::copy_of(&archive().join("tuf"));
    let target = fs::read_dir(repository.file("targets"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.to_string_lossy().ends_with(".trusted_root.json"))
        .expect("a target named by its hash");
    let mut bytes = fs::read(&target).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&target, bytes).unwrap();

    let server = FileServer::serve(repository.0.path());
    for client in TufClient::one_of_each(&repository.file("1.root.json")) {
        let phrases = ["does not match expected hash", "Expected hash", "Hash mismatch"];
        client.fetch(&server).refused(&client.fetcher, &phrases);
    }
}

/// The snapshot names the file by length and hash, so that clients notice before they count signatures.
#[test]
fn tuf_clients_refuse_targets_that_lost_a_signature() {
    let repository = Repository::copy_of(&archive().join("tuf"));
    repository.strip_signatures("targets");
    let server = FileServer::serve(repository.0.path());
    for client in TufClient::one_of_each(&repository.file("1.root.json")) {
        let phrases = ["does not match expected length", "Expected length", "Hash mismatch"];
        client.fetch(&server).refused(&client.fetcher, &phrases);
    }
}

/// Nor is the online key enough to publish what too few keyholders signed.
#[test]
fn tuf_clients_refuse_targets_below_the_threshold() {
    let repository = Repository::copy_of(&archive().join("tuf"));
    repository.steal_online_roles();
    let server = FileServer::serve(repository.0.path());
    for client in TufClient::one_of_each(&repository.file("1.root.json")) {
        client.fetch(&server).accepted(&client.fetcher); // the keyholders' signatures still count
    }
    let threshold = repository.strip_signatures("targets");
    for client in TufClient::one_of_each(&repository.file("1.root.json")) {
        client.fetch(&server).refused(&client.fetcher, &below("targets", threshold - 1, threshold));
    }
}

#[test]
fn tuf_clients_refuse_a_root_below_the_threshold() {
    let repository = Repository::copy_of(&archive().join("tuf"));
    let threshold = repository.strip_signatures("root");
    let server = FileServer::serve(repository.0.path());
    for client in TufClient::one_of_each(&repository.file("1.root.json")) {
        client.fetch(&server).refused(&client.fetcher, &below("root", threshold - 1, threshold));
    }
}

/// Whoever holds the server but no key publishes a root that asks for less.
#[test]
fn tuf_clients_refuse_a_next_root_that_nobody_signed() {
    let repository = Repository::copy_of(&archive().join("tuf"));
    let mut root = repository.read("1.root.json");
    let threshold: usize = root["signed"]["roles"]["root"]["threshold"].to_string().parse().unwrap();
    root["signed"]["version"] = json!(2);
    root["signed"]["roles"]["root"]["threshold"] = json!(1);
    repository.write("2.root.json", &root);

    let server = FileServer::serve(repository.0.path());
    for client in TufClient::one_of_each(&repository.file("1.root.json")) {
        client.fetch(&server).refused(&client.fetcher, &below("root", 0, threshold));
    }
}

/// How the clients say that `role` has `valid` good signatures where `threshold` are needed.
fn below(role: &str, valid: usize, threshold: usize) -> [&'static str; 2] {
    [
        format!("{role} was signed by {valid}/{threshold} keys").leak(),
        format!("threshold of {threshold} not met for role {role} ({valid} valid signatures)").leak(),
    ]
}

#[test]
fn tuf_clients_follow_a_renewal_and_refuse_the_way_back() {
    let renewed = support::renewed(PLAN);
    let (first, second) = (FileServer::serve(&renewed.first), FileServer::serve(&renewed.second));
    for client in TufClient::one_of_each(&renewed.first.join("1.root.json")) {
        client.fetch(&first).accepted(&client.fetcher);
        client.fetch(&second).accepted(&client.fetcher);
        let phrases = ["timestamp version 1", "version 1 of timestamp metadata"];
        client.fetch(&first).refused(&client.fetcher, &phrases);
    }
}

// ---- sigstore: sigstore-python, sigstore-js

#[test]
fn sigstore_clients_load_the_trusted_root() {
    for loader in Loader::ALL {
        loader.trusted_root(&archive().join("trust-root/trusted_root.json")).accepted(&loader);
    }
}

#[test]
fn sigstore_clients_load_the_signing_config() {
    for loader in Loader::ALL {
        loader.signing_config(&archive().join("trust-root/signing_config.v0.2.json")).accepted(&loader);
    }
}

/// One change to a file that was good, and how each client refuses it; none where it does not mind.
struct Spoilt {
    change: fn(&mut Value),
    python: Option<&'static str>,
    js: Option<&'static str>,
}

/// Try each change on the archive's file, with `load` to say which kind of file it is.
fn refuse_each(file: &str, load: fn(Loader, &Path) -> support::clients::Verdict, cases: &[Spoilt]) {
    let folder = tempfile::tempdir().unwrap();
    let spoilt = folder.path().join("spoilt.json");
    for case in cases {
        let mut document = read_json(&archive().join(file));
        (case.change)(&mut document);
        fs::write(&spoilt, document.to_string()).unwrap();
        for (loader, phrase) in [(Loader::SigstorePython, case.python), (Loader::SigstoreJs, case.js)] {
            if let Some(phrase) = phrase {
                load(loader, &spoilt).refused(&loader, &[phrase]);
            }
        }
    }
}

#[test]
fn sigstore_clients_refuse_a_spoilt_trusted_root() {
    refuse_each(
        "trust-root/trusted_root.json",
        Loader::trusted_root,
        &[
            Spoilt {
                change: |root| root["owner"] = json!("nobody"),
                python: Some("Extra inputs are not permitted"),
                js: None,
            },
            Spoilt {
                change: |root| {
                    root["mediaType"] = json!("application/vnd.dev.sigstore.trustedroot.v0.2+json")
                },
                python: Some("unsupported trusted root format"),
                js: None,
            },
            Spoilt {
                change: |root| root["tlogs"][0]["publicKey"]["rawBytes"] = json!("MCowBQYDK2VwAyEA"),
                python: Some("could not load DER-formatted public key"),
                js: Some("Failed to read asymmetric key"),
            },
            Spoilt {
                change: |root| root["ctlogs"][0]["publicKey"]["keyDetails"] = json!("NO_SUCH_KEY"),
                python: Some("keyDetails"),
                js: Some("Unrecognized enum value NO_SUCH_KEY"),
            },
            Spoilt {
                change: |root| {
                    let chain = &mut root["certificateAuthorities"][0]["certChain"]["certificates"];
                    chain[0]["rawBytes"] = json!("MIIB");
                },
                python: Some("error parsing asn1 value"),
                js: Some("request past end of buffer"),
            },
            Spoilt {
                change: |root| {
                    let chain = &mut root["timestampAuthorities"][0]["certChain"]["certificates"];
                    chain.as_array_mut().unwrap().truncate(1);
                },
                python: Some("chain has no root"),
                js: Some("no valid certificate path found"),
            },
        ],
    );
}

#[test]
fn sigstore_clients_refuse_a_spoilt_signing_config() {
    refuse_each(
        "trust-root/signing_config.v0.2.json",
        Loader::signing_config,
        &[
            Spoilt {
                change: |config| config["owner"] = json!("nobody"),
                python: Some("Extra inputs are not permitted"),
                js: None,
            },
            Spoilt {
                change: |config| config["rekorTlogConfig"]["selector"] = json!("SOME"),
                python: Some("Input should be 'ALL', 'ANY' or 'EXACT'"),
                js: Some("Unrecognized enum value SOME"),
            },
            Spoilt {
                change: |config| config["rekorTlogUrls"] = json!([]),
                python: Some("No valid Rekor transparency log"),
                js: Some("No valid TLogs"),
            },
            Spoilt {
                change: |config| config["caUrls"] = json!([]),
                python: Some("No valid Fulcio CA"),
                js: Some("No valid CA services"),
            },
        ],
    );
}
