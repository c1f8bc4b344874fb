//! Signatures go from tool to tool: what securesystemslib's HSM signer and tuf-on-ci sign over a request's
//! documents is taken as an answer, and what `rootwright sign` signs is taken by them.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use support::Run;
use support::clients::{FileServer, TufClient, python, tuf_on_ci_sign};
use support::keyholders::{Holder, Life, Signers, holder, plan};
use support::site::softhsm;

const THREE: &[Holder] = &[holder("ada"), holder("bob"), holder("cat")];
const FIRST: Signers<'static> =
    Signers { date: "2026-12-01", holders: THREE, threshold: 3, expires: "2027-06-01T00:00:00Z" };
const SECOND: Signers<'static> = Signers { date: "2026-12-02", expires: "2027-07-01T00:00:00Z", ..FIRST };

/// The plan as a repository is that is handed to tuf-on-ci: with the fields that it reads.
fn handed(signers: &Signers<'_>) -> String {
    let text = plan(signers)
        .replace("threshold = 3,", "threshold = 3, periods = { expiry = 197, signing = 46 },")
        .replace(
            "key = \"tuf-online\",",
            "key = \"tuf-online\", uri = \"hsm:2\", periods = { expiry = 30, signing = 10 },",
        );
    assert_eq!(text.matches("periods = {").count(), 4);
    text
}

/// A ceremony for which Bob and Cat are missing, and the requests to them.
struct Waiting {
    life: Life,
    site: PathBuf,
    plan: PathBuf,
}

impl Waiting {
    fn begun() -> Self {
        let life = Life::new();
        let plan = life.folder.path().join("plan.toml");
        fs::write(&plan, handed(&FIRST)).unwrap();
        let archive = life.archive();
        let made = support::rehearse(&plan, &archive);
        assert_eq!(made.code, 0, "{}", made.shown());
        fs::write(&plan, handed(&SECOND)).unwrap();
        let site = life.site_without(&["bob", "cat"], "elsewhere = [\"bob\", \"cat\"]");
        let waiting = Self { life, site, plan };
        let paused = waiting.run(&[]);
        assert_eq!(paused.code, 3, "{}", paused.shown());
        waiting
    }

    fn run(&self, answers: &[&Path]) -> Run {
        let mut arguments: Vec<PathBuf> =
            vec!["run".into(), self.plan.clone(), "--site".into(), self.site.clone()];
        arguments.extend(["--archive".into(), self.life.archive(), "--yes".into()]);
        arguments.extend(answers.iter().flat_map(|answer| ["--response".into(), answer.to_path_buf()]));
        support::run(arguments)
    }

    fn request(&self, keyholder: &str) -> PathBuf {
        let folder =
            fs::read_dir(self.life.archive().join("requests")).unwrap().next().unwrap().unwrap().path();
        folder.join(format!("{keyholder}.json"))
    }

    /// Signs with this tool.
    fn sign(&self, keyholder: &str) -> PathBuf {
        let to = self.life.folder.path().join(format!("{keyholder}.response.json"));
        let signed = support::run([
            "sign".as_ref(),
            self.request(keyholder).as_os_str(),
            "--site".as_ref(),
            self.life.site().as_os_str(),
            "-o".as_ref(),
            to.as_os_str(),
            "--yes".as_ref(),
        ]);
        assert_eq!(signed.code, 0, "{}", signed.shown());
        to
    }

    /// The CKA_ID of a keyholder's key, in hex, and the PIN of the token.
    fn key(&self, keyholder: &str) -> (String, String) {
        let record = read(&self.life.archive().join(format!("keys/{keyholder}.json")));
        let pin = fs::read_to_string(self.life.archive().join(format!("rehearsal/tokens/{keyholder}.pin")))
            .unwrap();
        (record["id"].as_str().unwrap().to_string(), pin.trim().to_string())
    }

    /// A command that finds the rehearsal's tokens.
    fn with_tokens(&self, mut command: Command) -> Command {
        command.env("SOFTHSM2_CONF", self.life.archive().join("rehearsal/softhsm2.conf"));
        command.env("PYKCS11LIB", softhsm());
        command
    }
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn succeed(command: Command) -> String {
    let (code, out, err) = support::clients::run(command, Duration::from_secs(60));
    assert_eq!(code, Some(0), "{out}{err}");
    out
}

#[test]
fn securesystemslib_signs_for_us_and_takes_what_we_sign() {
    let waiting = Waiting::begun();
    // Ours, judged by python-tuf.
    let ours = waiting.sign("bob");
    let judge = |response: &Path| {
        let mut command = python("tuf_sign.py");
        command.arg("judge").arg(waiting.request("bob")).arg(response);
        support::clients::run(command, Duration::from_secs(60)).0
    };
    assert_eq!(judge(&ours), Some(0));
    let mut swapped = read(&ours);
    let sig = swapped["signatures"][0]["sig"].take();
    swapped["signatures"][0]["sig"] = std::mem::replace(&mut swapped["signatures"][1]["sig"], sig);
    let other = waiting.life.folder.path().join("swapped.json");
    fs::write(&other, swapped.to_string()).unwrap();
    assert_eq!(judge(&other), Some(1));
    // Theirs, on Cat's token.
    let theirs = waiting.life.folder.path().join("theirs");
    fs::create_dir(&theirs).unwrap();
    let (id, pin) = waiting.key("cat");
    let mut command = waiting.with_tokens(python("tuf_sign.py"));
    command.arg("sign").arg(waiting.request("cat")).arg(&theirs).args(["@cat", &id, "cat", &pin]);
    succeed(command);
    let made = waiting.run(&[&ours, &theirs.join("root.json"), &theirs.join("targets.json")]);
    assert_eq!(made.code, 0, "{}", made.shown());
    let verified = waiting.life.verify();
    assert_eq!(verified.code, 0, "{}", verified.shown());
    // Another document in a TUF file is another document.
    let server = FileServer::serve(&waiting.life.tuf());
    for client in TufClient::one_of_each(&waiting.life.tuf().join("1.root.json")) {
        client.fetch(&server).accepted(&client.fetcher);
    }
}

/// A repository of tuf-on-ci: a remote, and a keyholder's working copy with a signing event.
struct Event {
    folder: tempfile::TempDir,
}

impl Event {
    fn git(&self, at: &str, arguments: &[&str]) -> String {
        let mut command = Command::new("git");
        command.args(arguments).current_dir(self.folder.path().join(at));
        succeed(self.clean(command))
    }

    /// Without anything that this machine's user configured.
    fn clean(&self, mut command: Command) -> Command {
        for (name, value) in [
            ("GIT_AUTHOR_NAME", "keyholder"),
            ("GIT_AUTHOR_EMAIL", "keyholder@example.org"),
            ("GIT_COMMITTER_NAME", "keyholder"),
            ("GIT_COMMITTER_EMAIL", "keyholder@example.org"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_CONFIG_SYSTEM", "/dev/null"),
        ] {
            command.env(name, value);
        }
        for name in ["HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"] {
            command.env(name, self.folder.path().join(name));
        }
        command
    }

    /// The published state on main, and a request's documents, unsigned, on the branch `sign/next`.
    fn of(waiting: &Waiting) -> Self {
        let event = Self { folder: support::folder() };
        let request = read(&waiting.request("cat"));
        let metadata = event.folder.path().join("work/metadata");
        fs::create_dir_all(&metadata).unwrap();
        // It asks a registry once a day whether it is the newest: not here.
        let cache = event.folder.path().join("XDG_CACHE_HOME/tuf-on-ci-sign");
        fs::create_dir_all(&cache).unwrap();
        fs::write(cache.join("pypi_release_version"), "0").unwrap();
        event.git(".", &["init", "-q", "--bare", "-b", "main", "remote.git"]);
        event.git("work", &["init", "-q", "-b", "main"]);
        event.git("work", &["remote", "add", "origin", "../remote.git"]);
        for (role, file) in request["published"]["metadata"].as_object().unwrap() {
            fs::write(metadata.join(format!("{role}.json")), file.to_string()).unwrap();
        }
        event.git("work", &["add", "metadata"]);
        event.git("work", &["commit", "-q", "-m", "what is published"]);
        event.git("work", &["push", "-q", "origin", "main"]);
        event.git("work", &["checkout", "-q", "-b", "sign/next"]);
        for document in request["documents"].as_array().unwrap() {
            let file = json!({"signatures": [], "signed": document["signed"]});
            let role = document["role"].as_str().unwrap();
            fs::write(metadata.join(format!("{role}.json")), file.to_string()).unwrap();
        }
        event.git("work", &["add", "metadata"]);
        event.git("work", &["commit", "-q", "-m", "what is asked for"]);
        event.git("work", &["push", "-q", "origin", "sign/next"]);
        event.git("work", &["checkout", "-q", "main"]);
        // What the keyholder signs is on a branch that the tool makes.
        event.git("work", &["branch", "-q", "-D", "sign/next"]);
        event
    }

    /// `tuf-on-ci-sign` for a keyholder, with this PIN; what it said.
    fn sign(&self, waiting: &Waiting, keyholder: &str) -> String {
        let (id, pin) = waiting.key(keyholder);
        let root = &read(&waiting.request("cat"))["documents"][0]["signed"];
        let owner = format!("@{keyholder}");
        let mut keys = root["keys"].as_object().unwrap().iter();
        let (keyid, _) = keys.find(|(_, key)| key["x-tuf-on-ci-keyowner"] == owner.as_str()).unwrap();
        let config = format!(
            "[settings]\nuser-name = {owner}\npush-remote = origin\npull-remote = origin\npykcs11lib = {}\n\n[signing-keys]\n{keyid} = hsm:{}?label={keyholder}\n",
            softhsm().display(),
            decimal(&id)
        );
        let work = self.folder.path().join("work");
        fs::write(work.join(".tuf-on-ci-sign.ini"), config).unwrap();
        let input = self.folder.path().join("pins");
        fs::write(&input, format!("{pin}\n").repeat(8)).unwrap();
        let mut command = waiting.with_tokens(self.clean(tuf_on_ci_sign()));
        command.args(["--no-push", "sign/next"]).current_dir(&work);
        let output = command.stdin(Stdio::from(fs::File::open(&input).unwrap())).output().unwrap();
        let said =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{said}");
        said
    }
}

/// A hexadecimal number in decimal: a CKA_ID as tuf-on-ci writes it.
fn decimal(hex: &str) -> String {
    let mut digits = vec![0u32];
    for digit in hex.chars().map(|digit| digit.to_digit(16).unwrap()) {
        let mut carry = digit;
        for place in &mut digits {
            let value = *place * 16 + carry;
            (*place, carry) = (value % 10, value / 10);
        }
        while carry > 0 {
            digits.push(carry % 10);
            carry /= 10;
        }
    }
    digits.iter().rev().map(|digit| char::from_digit(*digit, 10).unwrap()).collect()
}

#[test]
fn tuf_on_ci_signs_for_us_and_takes_what_we_sign() {
    assert_eq!(decimal("0102ff"), "66303");
    let waiting = Waiting::begun();
    let event = Event::of(&waiting);
    // A keyholder who uses tuf-on-ci signs the same documents in a signing event of its own.
    let said = event.sign(&waiting, "cat");
    for words in
        ["Your signature is requested for role(s)", "root v2", "targets v2", "Expiry period: 197 days"]
    {
        assert!(said.contains(words) || words.starts_with("Expiry"), "{words}: {said}");
    }
    let files = ["root", "targets"].map(|role| {
        let text = event.git("work", &["show", &format!("sign/next:metadata/{role}.json")]);
        let path = waiting.life.folder.path().join(format!("{role}.json"));
        fs::write(&path, text).unwrap();
        path
    });
    let paused = waiting.run(&[&files[0], &files[1]]);
    assert_eq!(paused.code, 3, "{}", paused.shown());
    assert!(paused.err.contains("cat signed root version 2"), "{}", paused.shown());
    // Bob signs with this tool, and tuf-on-ci has nothing more to ask of him.
    let response = waiting.sign("bob");
    event.git("work", &["checkout", "-q", "sign/next"]);
    for made in read(&response)["signatures"].as_array().unwrap() {
        let path = event
            .folder
            .path()
            .join("work/metadata")
            .join(format!("{}.json", made["role"].as_str().unwrap()));
        let mut file = read(&path);
        let signature = json!({"keyid": made["keyid"], "sig": made["sig"]});
        file["signatures"].as_array_mut().unwrap().push(signature);
        fs::write(&path, file.to_string()).unwrap();
    }
    event.git("work", &["commit", "-q", "-a", "-m", "bob's signatures"]);
    event.git("work", &["push", "-q", "origin", "sign/next"]);
    event.git("work", &["checkout", "-q", "main"]);
    event.git("work", &["branch", "-q", "-D", "sign/next"]);
    let said = event.sign(&waiting, "bob");
    assert!(said.contains("Nothing to do"), "{said}");
    let made = waiting.run(&[&response]);
    assert_eq!(made.code, 0, "{}", made.shown());
    assert_eq!(waiting.life.verify().code, 0, "{}", waiting.life.verify().shown());
}
