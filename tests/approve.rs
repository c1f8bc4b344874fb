//! A plan that asks for approvals is not run without them: by whom, of which plan, by which key.

#[path = "support/sigsum.rs"]
mod log;
mod support;

use std::fs;
use std::path::{Path, PathBuf};

use rootwright::pki::sha256_hex;
use serde_json::Value;
use support::site::Site;
use support::ssh::SshKey;
use support::{Run, repository, run};

const DEVICES: &[&str] = &["root-hsm", "keyholder-1"];

/// What stands between this machine and a production ceremony.
const MACHINE: &[&str] =
    &["ENV-NETWORK", "ENV-SWAP", "ENV-CORE-DUMPS", "ENV-MEMORY", "ENV-CLOCK-DAY", "ENV-DISK"];

/// A production site with SSH keys of two witnesses, and a plan that asks for approvals.
struct World {
    site: Site,
    ada: SshKey,
    ben: SshKey,
}

impl World {
    fn new() -> Self {
        let site = Site::new("production", DEVICES).waive(MACHINE);
        let folder = site.folder.path().to_path_buf();
        Self { site, ada: SshKey::new(&folder, "ada", "ed25519"), ben: SshKey::new(&folder, "ben", "ecdsa") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.site.folder.path().join(name)
    }

    /// Writes a plan that asks for these approvals.
    fn plan(&self, name: &str, approvals: &str, change: impl Fn(String) -> String) -> PathBuf {
        let text = fs::read_to_string(repository().join("ceremony/minimal.toml")).unwrap();
        let people = format!(
            "[people]\nada = {{ role = \"witness\", ssh = {:?} }}\nben = {{ role = \"witness\", ssh = {:?} }}\n",
            self.ada.line(),
            self.ben.line()
        );
        let text = text
            .replacen("[ceremony]\n", &format!("[ceremony]\napprovals = {approvals}\n"), 1)
            .replacen("[people]\n", &people, 1);
        let plan = self.path(name);
        fs::write(&plan, change(text)).unwrap();
        plan
    }

    fn approve(&self, plan: &Path, person: &str, out: &str, more: &[&str]) -> Run {
        let (site, out) = (self.site.path(), self.path(out).display().to_string());
        let plan = plan.display().to_string();
        let mut arguments = vec!["approve", &plan, "--site", &site, "--as", person, "-o", &out];
        arguments.extend(more);
        run(arguments)
    }

    /// An approval by SSH, as the tool says how to make one.
    fn by_ssh(&self, plan: &Path, person: &str, key: &SshKey, out: &str) -> Run {
        let asked = self.approve(plan, person, out, &[]);
        assert_eq!(asked.code, 3, "{}", asked.shown());
        key.as_printed(&asked.err);
        let signature = self.path(&format!("{out}.to-sign.sig")).display().to_string();
        assert!(asked.err.contains(&format!("--signature {signature}")), "{}", asked.shown());
        self.approve(plan, person, out, &["--signature", &signature])
    }

    fn run(&self, plan: &Path, approvals: &[&str]) -> Run {
        let archive = self.site.archive().display().to_string();
        let (plan, site) = (plan.display().to_string(), self.site.path());
        let mut arguments =
            ["run", &plan, "--site", &site, "--archive", &archive].map(str::to_string).to_vec();
        for approval in approvals {
            arguments.extend(["--approval".into(), self.path(approval).display().to_string()]);
        }
        run(arguments)
    }
}

fn json(file: &Path) -> Value {
    serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
}

#[test]
fn a_plan_is_not_run_without_its_approvals() {
    let world = World::new();
    let plan = world.plan("plan.toml", "{ witness = 2 }", |text| text);
    let refused = world.run(&plan, &[]);
    assert_eq!(refused.code, 3, "{}", refused.shown());
    assert!(refused.err.contains("0 of 2 of role witness; who could: ada, ben"), "{}", refused.shown());
    assert!(refused.err.contains("man --recovery approvals"), "{}", refused.shown());
    assert!(!world.site.archive().exists(), "nothing was begun");

    let made = world.by_ssh(&plan, "ada", &world.ada, "ada.json");
    assert_eq!(made.code, 0, "{}", made.shown());
    // Twice the same person is one person.
    let refused = world.run(&plan, &["ada.json", "ada.json"]);
    assert_eq!(refused.code, 3, "{}", refused.shown());
    assert!(refused.err.contains("1 of 2 of role witness; who could: ben"), "{}", refused.shown());
    // A key that is not the person's.
    let refused = world.by_ssh(&plan, "ben", &world.ada, "wrong.json");
    assert_eq!(refused.code, 5, "{}", refused.shown());
    assert!(!world.path("wrong.json").exists());
    // For another purpose than this tool's.
    let signature = world.ben.sign(&world.path("wrong.json.to-sign"), "file");
    assert!(signature.exists());

    assert_eq!(world.by_ssh(&plan, "ben", &world.ben, "ben.json").code, 0);
    let held = world.run(&plan, &["ada.json", "ben.json"]);
    assert_eq!(held.code, 0, "{}", held.shown());
    let verified = run(["verify", world.site.archive().to_str().unwrap(), "--details"]);
    assert_eq!(verified.code, 0, "{}", verified.shown());
    for person in ["ada", "ben"] {
        assert!(verified.out.contains(&format!("approved by {person}")), "{}", verified.shown());
    }
    // Nothing is missing: nobody is asked.
    assert_eq!(world.run(&plan, &[]).code, 0);
}

#[test]
fn an_approval_counts_for_its_plan_alone_and_is_kept() {
    let world = World::new();
    let first = world.plan("first.toml", "{ witness = 1 }", |text| text);
    assert_eq!(world.by_ssh(&first, "ada", &world.ada, "ada.json").code, 0);
    assert_eq!(world.run(&first, &["ada.json"]).code, 0);
    let later = |text: String| text.replace("2027-06-01T00:00:00Z", "2027-07-01T00:00:00Z");
    let second = world.plan("second.toml", "{ witness = 1, keyholder = 1 }", later);
    let refused = world.run(&second, &["ada.json"]);
    assert_eq!(refused.code, 5, "{}", refused.shown());
    assert!(refused.err.contains("approves the plan with SHA-256"), "{}", refused.shown());

    // By now the keyholder has a key, and signs with the device.
    let unknown = world.approve(&second, "keyholder-1", "keyholder.json", &[]);
    assert_eq!(unknown.code, 5, "{}", unknown.shown());
    assert!(unknown.err.contains("STATEMENT-OWN-KEY"), "{}", unknown.shown());
    let archive = world.site.archive().display().to_string();
    let logs = world.path("logs").display().to_string();
    let more = ["--archive", &archive, "--requests", &logs];
    let made = world.approve(&second, "keyholder-1", "keyholder.json", &more);
    assert_eq!(made.code, 0, "{}", made.shown());
    // What somebody with a network submits before the day: it is of this very signature.
    let stem = format!("approval-{}", &sha256_hex(&fs::read(&second).unwrap())[..8]);
    let request = json(&world.path(&format!("logs/{stem}.keyholder-1.rekor.json")));
    let signed = json(&world.path("keyholder.json"))["signatures"][0]["sig"].clone();
    assert_eq!(request["hashedRekordRequestV002"]["signature"]["content"], signed);
    let message = fs::read_to_string(world.path(&format!("logs/{stem}.keyholder-1.sigsum"))).unwrap();
    let payload = json(&world.path("keyholder.json"))["payload"].as_str().unwrap().to_string();
    let payload = data_encoding::BASE64.decode(payload.as_bytes()).unwrap();
    assert_eq!(message.trim(), sha256_hex(&rootwright::pki::dsse::pae(&payload)));
    assert_eq!(world.by_ssh(&second, "ben", &world.ben, "ben.json").code, 0);
    // Another's goes into the same folder: each person's statement is their own.
    let signature = world.path("ben.json.to-sign.sig").display().to_string();
    let again =
        world.approve(&second, "ben", "ben-again.json", &["--requests", &logs, "--signature", &signature]);
    assert_eq!(again.code, 0, "{}", again.shown());
    assert!(world.path(&format!("logs/{stem}.ben.sigsum")).exists());

    // A changed signature.
    let mut bad = json(&world.path("keyholder.json"));
    let sig = bad["signatures"][0]["sig"].as_str().unwrap().to_string();
    let middle = sig.len() / 2;
    let letter = if &sig[middle..=middle] == "A" { "B" } else { "A" };
    bad["signatures"][0]["sig"] = format!("{}{letter}{}", &sig[..middle], &sig[middle + 1..]).into();
    fs::write(world.path("bad.json"), bad.to_string()).unwrap();
    let refused = world.run(&second, &["ben.json", "bad.json"]);
    assert_eq!(refused.code, 5, "{}", refused.shown());
    assert!(refused.err.contains("bad.json: the signature of keyholder-1"), "{}", refused.shown());

    // A dry run asks for them too, and keeps nothing.
    let held = world.run(&second, &["ben.json", "keyholder.json"]);
    assert_eq!(held.code, 0, "{}", held.shown());
    // The log's word on it came back in the meantime.
    let file = |name: &str, text: &str| {
        fs::write(world.path(name), text).unwrap();
        world.path(name).display().to_string()
    };
    let mut log = log::World::new();
    for (person, seen, when) in [
        ("keyholder-1", 1_000_000_000, "by 2001-09-09T01:46:40Z; before the plan's ceremony began, at 2"),
        ("ben", 4_000_000_000, "by 2096-10-02T07:06:40Z; not before the plan's ceremony began, at 2"),
    ] {
        log.seen = seen;
        let message = fs::read_to_string(world.path(&format!("logs/{stem}.{person}.sigsum"))).unwrap();
        let hash = data_encoding::HEXLOWER.decode(message.trim().as_bytes()).unwrap();
        let proof = file("a.proof", &log.proof(&hash.try_into().unwrap(), (2, 5)));
        let (policy, key) = (file("policy", &log.policy("both")), file("key.pub", &log.submitter.line()));
        let trusted = ["--proof", &proof, "--sigsum-policy", &policy, "--submitter", &key];
        let taken = run([&["seal", &archive, "--site", &world.site.path()][..], &trusted].concat());
        assert_eq!(taken.code, 0, "{}", taken.shown());
        assert!(
            taken.out.contains(&format!("{person}.dsse.json at index 2; cosigned by 2")),
            "{}",
            taken.shown()
        );
        let verified = run(["verify", &archive, "--details"]);
        assert!(verified.out.contains(when), "{when}: {}", verified.shown());
    }
    let evidence = world.site.archive().join("evidence");
    let kept = fs::read_dir(&evidence).unwrap().flatten().map(|entry| entry.file_name()).collect::<Vec<_>>();
    assert_eq!(kept.len(), 4, "{kept:?}");
    let verified = run(["verify", &archive, "--json"]);
    assert_eq!(verified.code, 0, "{}", verified.shown());

    // What is kept is checked.
    let file = evidence.join(kept.iter().find(|name| name.to_string_lossy().contains("keyholder")).unwrap());
    fs::remove_file(&file).unwrap();
    let refused = run(["verify", &archive]);
    assert_eq!(refused.code, 1, "{}", refused.shown());
    assert!(refused.out.contains("evidence/approval-"), "{}", refused.shown());
}
