//! The years after the first ceremony: every example in ceremony/ that changes a trust root does what it says,
//! from the state that it names, and nothing that was signed before is lost.

mod support;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use support::clients::{FileServer, Judge, TufClient};
use support::years::{Years, followers, made, opened, starts_from};
use support::{Run, copy, folder, repository, run};

const BUNDLE: &str = "bundle.sigstore.json";

/// What stock clients say of a bundle of another day than today. sigstore-python drops an authority whose
/// window has not begun by the machine's own clock, and sigstore-verify a timestamp authority.
#[track_caller]
fn accepted(bundle: PathBuf, judges: &[Judge]) {
    for judge in judges {
        judge.judge(std::slice::from_ref(&bundle))[0].accepted(&judge);
    }
}

#[test]
fn every_example_follows_from_the_state_that_it_names() {
    let examples = followers();
    assert!(examples.len() >= 6, "{examples:?}");
    for plan in &examples {
        let years = Years::before(plan);
        let before = years.place("before");
        copy(&years.archive(), &before);
        let held = years.holds(plan);
        assert!(!made(&held).is_empty(), "{plan} changes nothing");
        // Whoever looks at both is told what changed.
        let texts = [&before, &years.archive()].map(|path| path.display().to_string());
        let changed = run(["show", "--diff", &texts[0], &texts[1]]);
        assert_eq!(changed.code, 0, "{plan}: {}", changed.shown());
        assert!(!changed.out.trim().is_empty(), "{plan}: {}", changed.shown());
        // Held once more, it finds nothing to do.
        let again = years.rehearse(plan);
        assert_eq!(again.code, 0, "{plan}: {}", again.shown());
        assert!(made(&again.json()).is_empty(), "{plan}: {}", again.shown());
    }
}

fn script(arguments: &[&str]) -> Run {
    let mut command = Command::new(repository().join("softhsm-setup/rehearse-after.sh"));
    command.args(arguments).env("ROOTWRIGHT", env!("CARGO_BIN_EXE_rootwright")).env_remove("SOFTHSM2_CONF");
    command.output().unwrap().into()
}

#[test]
fn a_script_rehearses_what_a_plan_starts_from_and_then_the_plan() {
    let place = folder();
    let archive = place.path().join("archive").display().to_string();
    let plan = "ceremony/retire-intermediate.toml";
    let ran = script(&[&repository().join(plan).display().to_string(), &archive]);
    assert_eq!(ran.code, 0, "{}", ran.shown());
    let headings: Vec<&str> = ran.err.lines().filter_map(|line| line.strip_prefix("== ")).collect();
    assert_eq!(
        headings,
        ["ceremony/sigstore.toml", "ceremony/rotate-intermediate.toml", "ceremony/retire-intermediate.toml"]
    );
    assert_eq!(starts_from(&repository().join(plan)).as_deref(), Some("ceremony/rotate-intermediate.toml"));
    let lost = place.path().join("lost.toml");
    fs::write(&lost, "# Starts from: ceremony/nothing.toml\n").unwrap();
    let ran = script(&[&lost.display().to_string(), &archive]);
    assert_eq!(ran.code, 1, "{}", ran.shown());
    assert!(ran.err.contains("ceremony/nothing.toml, which is not there"), "{}", ran.shown());
}

#[test]
fn a_timestamp_authority_gets_a_new_key_without_the_root() {
    let plan = "ceremony/rotate-tsa.toml";
    let years = Years::before(plan);
    let held = years.holds(plan);
    let steps = made(&held);
    assert!(
        steps.starts_with(&["generate-key/tsa-signer-2027", "issue/tsa-signer-2027", "assemble/trust-root"]),
        "{steps:?}"
    );
    let devices = opened(&years.archive());
    assert!(!devices.contains(&"root-hsm".to_string()), "{devices:?}");
    // Before the switch the old key stamps, after it the new one; both verify under one trusted root.
    let signed = |key: &str| {
        let (_, state) = rootwright::archive::read(&years.archive()).unwrap();
        state.operations.get(&key.parse().unwrap()).copied().unwrap_or_default()
    };
    let before = (signed("tsa-signer-2026"), signed("tsa-signer-2027"));
    let early = years.prove("early", &["--at", &years.moved("2027-06-07T12:00:00Z")]);
    let late = years.prove("late", &["--at", &years.moved("2027-06-08T12:00:00Z")]);
    assert_eq!((signed("tsa-signer-2026") - before.0, signed("tsa-signer-2027") - before.1), (1, 1));
    accepted(early.join(BUNDLE), &Judge::ALL);
    accepted(late.join(BUNDLE), &[Judge::JavaScript]);
    // A client that has the older trusted root takes no timestamp of the new key: hence the wait.
    fs::copy(years.archive().join("canaries/canary-1/trusted_root.json"), late.join("trusted_root.json"))
        .unwrap();
    Judge::JavaScript.judge(&[late.join(BUNDLE)])[0].refused(&Judge::JavaScript, &["timestamp"]);
    years.verified();
}

#[test]
fn a_new_shard_of_the_certificate_log_takes_over() {
    let plan = "ceremony/new-ct-log-shard.toml";
    let years = Years::before(plan);
    let held = years.holds(plan);
    assert!(made(&held).starts_with(&["generate-key/ctlog-2027", "assemble/trust-root"]), "{held:#}");
    let devices = opened(&years.archive());
    assert!(!devices.contains(&"root-hsm".to_string()), "{devices:?}");
    let logs = years.json("trust-root/trusted_root.json")["ctlogs"].clone();
    let windows: Vec<(bool, bool)> = logs
        .as_array()
        .unwrap()
        .iter()
        .map(|log| {
            let window = &log["publicKey"]["validFor"];
            (window["start"].is_string(), window["end"].is_string())
        })
        .collect();
    assert_eq!(windows, [(true, true), (true, false)]);
    let early = years.prove("early", &["--at", &years.moved("2027-06-07T12:00:00Z")]);
    let late = years.prove("late", &["--at", &years.moved("2027-06-16T12:00:00Z")]);
    accepted(early.join(BUNDLE), &Judge::ALL);
    accepted(late.join(BUNDLE), &[Judge::JavaScript, Judge::Rust]);
    let (_, state) = rootwright::archive::read(&years.archive()).unwrap();
    assert_eq!(state.operations.get(&"ctlog-2027".parse().unwrap()), Some(&1));
    years.verified();
}

#[test]
fn tuf_is_signed_again_before_it_expires_and_clients_walk_on() {
    let plan = "ceremony/resign-tuf.toml";
    let years = Years::before(plan);
    let first = years.place("first");
    copy(&years.archive().join("tuf"), &first);
    let clients = TufClient::one_of_each(&first.join("1.root.json"));
    let server = FileServer::serve(&first);
    for client in &clients {
        client.fetch(&server).accepted(&client.fetcher);
    }
    let targets = years.json("trust-root/trusted_root.json");
    let held = years.holds(plan);
    // Nothing but signatures of people and of the online key.
    for step in made(&held) {
        assert!(step.starts_with("sign/tuf-") || step.starts_with("publish/tuf-"), "{step}");
    }
    let devices = opened(&years.archive());
    assert!(!devices.contains(&"root-hsm".to_string()), "{devices:?}");
    assert_eq!(years.json("trust-root/trusted_root.json"), targets);
    for file in ["tuf/2.root.json", "tuf/2.targets.json", "tuf/2.snapshot.json", "tuf/timestamp.json"] {
        let signed = &years.json(file)["signed"];
        assert_eq!(signed["version"], 2, "{file}");
        assert_eq!(signed["expires"], years.moved("2027-11-01T00:00:00Z"), "{file}");
    }
    // Those that have been here before, and those that come for the first time: all walk from root 1.
    let tuf = years.archive().join("tuf");
    let server = FileServer::serve(&tuf);
    for client in clients.iter().chain(&TufClient::one_of_each(&tuf.join("1.root.json"))) {
        client.fetch(&server).accepted(&client.fetcher);
    }
    // And none walks back.
    let server = FileServer::serve(&first);
    for client in &clients {
        client.fetch(&server).refused(&client.fetcher, &["rollback", "version", "older", "Version"]);
    }
}
