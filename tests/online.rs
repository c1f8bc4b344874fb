//! Keys that are never here: an online key and a keyholder's, of which the plan has the public half alone. They
//! sign what `run` asks for, with whatever tool they have.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use support::Run;
use support::clients::{FileServer, TufClient, python};
use support::keyholders::{Holder, Life, Signers, holder, plan};

const THREE: &[Holder] = &[holder("ada"), holder("bob"), holder("cat")];
const FIRST: Signers<'static> =
    Signers { date: "2026-12-01", holders: THREE, threshold: 2, expires: "2027-06-01T00:00:00Z" };

fn succeed(mut command: Command) -> String {
    command.env_remove("SOFTHSM2_CONF");
    let (code, out, err) = support::clients::run(command, Duration::from_secs(60));
    assert_eq!(code, Some(0), "{out}{err}");
    out
}

/// Makes a key elsewhere, and gives the SHA-256 of its public half.
fn key(folder: &Path, name: &str) -> String {
    let openssl = |arguments: &[&str]| {
        let mut command = Command::new("openssl");
        command.args(arguments).current_dir(folder);
        succeed(command)
    };
    let (private, public) = (format!("{name}.key"), format!("{name}.pem"));
    openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", &private]);
    openssl(&["pkey", "-in", &private, "-pubout", "-out", &public]);
    let der = format!("{name}.der");
    openssl(&["pkey", "-in", &private, "-pubout", "-outform", "DER", "-out", &der]);
    openssl(&["dgst", "-sha256", "-r", &der]).split(' ').next().unwrap().to_string()
}

/// The plan in which Cat's key and the online key live elsewhere.
fn elsewhere(signers: &Signers<'_>, cat: &str, online: &str) -> String {
    let known = |name: &str, hash: &str| format!("public-key = \"{name}.pem\", fingerprint = \"{hash}\"");
    let text = plan(signers).replace("device = \"cat\"", &known("cat", cat)).replace(
        "tuf-online      = { device = \"issuing-hsm\", algorithm = \"ecdsa-p256\" }",
        &format!("tuf-online = {{ {} }}", known("tuf-online", online)),
    );
    assert_eq!(text.matches("public-key = ").count(), 2);
    text
}

struct Repository {
    life: Life,
}

impl Repository {
    fn run(&self, answers: &[PathBuf]) -> Run {
        let mut arguments: Vec<PathBuf> = vec!["run".into(), self.life.folder.path().join("plan.toml")];
        arguments.extend([
            "--site".into(),
            self.life.site(),
            "--archive".into(),
            self.life.archive(),
            "--yes".into(),
        ]);
        arguments.extend(answers.iter().flat_map(|answer| ["--response".into(), answer.clone()]));
        support::run(arguments)
    }

    /// Signs the newest request to a key, and gives the answers.
    fn sign(&self, key: &str) -> Vec<PathBuf> {
        let folders = fs::read_dir(self.life.archive().join("requests")).unwrap().flatten();
        let files =
            folders.map(|folder| folder.path().join(format!("{key}.json"))).filter(|file| file.exists());
        let request = files.max_by_key(|file| fs::metadata(file).unwrap().modified().unwrap()).unwrap();
        let out = self.life.folder.path().join(format!("answers-{key}"));
        let _ = fs::remove_dir_all(&out);
        fs::create_dir(&out).unwrap();
        let mut command = python("tuf_sign.py");
        command
            .arg("sign-file")
            .arg(&request)
            .arg(&out)
            .arg(self.life.folder.path().join(format!("{key}.key")));
        succeed(command);
        fs::read_dir(&out).unwrap().flatten().map(|file| file.path()).collect()
    }
}

#[test]
fn online_roles_and_a_keyholder_sign_elsewhere() {
    let repository = Repository { life: Life::new() };
    let life = &repository.life;
    let folder = life.folder.path();
    let (cat, online) = (key(folder, "cat"), key(folder, "tuf-online"));
    let write = |text: String| fs::write(folder.join("plan.toml"), text).unwrap();
    // Another file than the key that the plan names.
    write(elsewhere(&FIRST, &online, &online));
    let refused = support::run(["check".as_ref(), folder.join("plan.toml").as_os_str()]);
    assert_eq!(refused.code, 2, "{}", refused.shown());
    assert!(
        refused.err.contains("the key has SHA-256") && refused.err.contains("cat.pem"),
        "{}",
        refused.shown()
    );

    write(elsewhere(&FIRST, &cat, &online));
    let checked = support::run(["check".as_ref(), folder.join("plan.toml").as_os_str()]);
    assert_eq!(checked.code, 0, "{}", checked.shown());
    // Ada and Bob are enough for root and targets; snapshot waits for the online key.
    let paused = support::rehearse(&folder.join("plan.toml"), &life.archive());
    assert_eq!(paused.code, 3, "{}", paused.shown());
    assert!(paused.err.contains("TUF snapshot version 1 needs 1"), "{}", paused.shown());
    assert!(paused.err.contains("tuf-online, elsewhere: asked by requests/"), "{}", paused.shown());
    let paused = repository.run(&repository.sign("tuf-online"));
    assert_eq!(paused.code, 3, "{}", paused.shown());
    assert!(paused.err.contains("TUF timestamp version 1 needs 1"), "{}", paused.shown());
    let made = repository.run(&repository.sign("tuf-online"));
    assert_eq!(made.code, 0, "{}", made.shown());
    assert_eq!(life.verify().code, 0, "{}", life.verify().shown());

    // Bob leaves, and three must sign from now on in two of two: Cat, by a file. Then the online roles again.
    let next = Signers { date: "2026-12-02", holders: &[holder("ada"), holder("cat")], ..FIRST };
    write(elsewhere(&next, &cat, &online));
    let paused = repository.run(&[]);
    assert_eq!(paused.code, 3, "{}", paused.shown());
    assert!(paused.err.contains("cat, elsewhere: asked by requests/"), "{}", paused.shown());
    let paused = repository.run(&repository.sign("cat"));
    assert_eq!(paused.code, 3, "{}", paused.shown());
    for role in ["snapshot", "timestamp"] {
        let run = repository.run(&repository.sign("tuf-online"));
        assert_eq!(run.code, if role == "timestamp" { 0 } else { 3 }, "{role}: {}", run.shown());
    }
    let verified = life.verify();
    assert_eq!(verified.code, 0, "{}", verified.shown());
    let record: Value =
        serde_json::from_slice(&fs::read(life.archive().join("keys/cat.json")).unwrap()).unwrap();
    assert_eq!(record["fingerprint"], cat.as_str());
    assert_eq!(record["keyholder"], "cat");
    let server = FileServer::serve(&life.tuf());
    for client in TufClient::one_of_each(&life.tuf().join("1.root.json")) {
        client.fetch(&server).accepted(&client.fetcher);
    }
}
