//! People sign what happened in a ceremony, or object: with their devices or with SSH, and stock tools and
//! `verify` know it.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use data_encoding::BASE64;
use rootwright::archive::{Event, FileRecord, Journal, Record};
use serde_json::Value;
use support::clients::{cyclonedx, sealed};
use support::site::Site;
use support::ssh::SshKey;
use support::{Run, repository, run};

const DEVICES: &[&str] = &["root-hsm", "keyholder-1", "card"];

/// A rehearsal's site, an archive, and a plan that asks for a seal: a witness with SSH, an administrator and
/// a keyholder with devices.
struct World {
    site: Site,
    ada: SshKey,
}

impl World {
    fn new() -> Self {
        let site = Site::new("rehearsal", DEVICES);
        let folder = site.folder.path().to_path_buf();
        let text = site.text().replacen(
            "[waivers]",
            "[people]\nada = \"Ada Lovelace\"\nboss = \"Grace Hopper\"\n\n[waivers]",
            1,
        );
        fs::write(site.path(), text).unwrap();
        Self { site, ada: SshKey::new(&folder, "ada", "ed25519") }
    }

    /// With an archive of a first ceremony.
    fn held() -> Self {
        let world = Self::new();
        let held = world.site.run(&world.plan("plan.toml", |text| text));
        assert_eq!(held.code, 0, "{}", held.shown());
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.site.folder.path().join(name)
    }

    fn archive(&self, file: &str) -> PathBuf {
        self.site.archive().join(file)
    }

    fn plan(&self, name: &str, change: impl Fn(String) -> String) -> PathBuf {
        let text = fs::read_to_string(repository().join("ceremony/minimal.toml")).unwrap();
        let asks = "[ceremony]\nseal = { witness = 1, administrator = 1, keyholder = 1 }\nprivate = [\"names\", \"serials\"]\n";
        let people = format!(
            "[people]\nada = {{ role = \"witness\", ssh = {:?} }}\nboss = {{ role = \"administrator\", device = \"card\" }}\n",
            self.ada.line()
        );
        let plan = self.path(name);
        fs::write(&plan, change(text.replacen("[ceremony]\n", asks, 1).replacen("[people]\n", &people, 1)))
            .unwrap();
        plan
    }

    fn seal(&self, more: &[&str]) -> Run {
        let (archive, site) = (self.site.archive().display().to_string(), self.site.path());
        let mut arguments = vec!["seal", &archive, "--site", &site];
        arguments.extend(more);
        run(arguments)
    }

    /// A witness signs with SSH, as the tool says.
    fn by_ssh(&self, more: &[&str]) -> Run {
        let mut arguments = vec!["--as", "ada"];
        arguments.extend(more);
        let asked = self.seal(&arguments);
        assert_eq!(asked.code, 3, "{}", asked.shown());
        self.ada.as_printed(&asked.err);
        let line = asked.err.lines().find(|line| line.contains("--signature")).unwrap();
        let signature = line.rsplit_once("--signature ").unwrap().1.trim().to_string();
        arguments.extend(["--signature", &signature]);
        self.seal(&arguments)
    }

    fn verify(&self) -> Run {
        run(["verify", &self.site.archive().display().to_string(), "--details"])
    }

    /// Changes the journal's records, and chains them again.
    fn forge(&self, change: impl FnOnce(&mut Vec<Record>)) {
        let file = self.archive("journal.jsonl");
        let mut records = Journal::parse(&fs::read(&file).unwrap()).unwrap().records;
        change(&mut records);
        let (mut journal, mut bytes) = (Journal::default(), Vec::new());
        for record in records {
            let (line, record, hash) = journal.line(record.time, record.event, record.files).unwrap();
            bytes.extend(line);
            journal.push(record, hash);
        }
        fs::write(file, bytes).unwrap();
    }
}

fn json(file: &Path) -> Value {
    serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
}

/// The statement in an envelope.
fn statement(file: &Path) -> Value {
    let payload = json(file)["payload"].as_str().unwrap().to_string();
    serde_json::from_slice(&BASE64.decode(payload.as_bytes()).unwrap()).unwrap()
}

#[test]
fn people_sign_and_stock_tools_know_it() {
    let world = World::held();
    let open = world.verify();
    assert_eq!(open.code, 0, "{}", open.shown());
    assert!(open.out.contains("of the journal are not sealed yet"), "{}", open.shown());

    let film = world.path("film.mkv");
    fs::write(&film, b"a film of the ceremony").unwrap();
    let signed = world.seal(&["--json", "--record", film.to_str().unwrap()]);
    assert_eq!(signed.code, 0, "{}", signed.shown());
    let document = signed.json();
    assert_eq!(document["now"]["signed"], serde_json::json!(["boss", "keyholder-1"]), "{}", signed.shown());
    assert_eq!(document["missing"], serde_json::json!([{"role": "witness", "have": 0, "must": 1}]));
    let partly = world.verify();
    assert!(
        partly.out.contains("signed by 0 of role witness, and the plan asks for 1"),
        "{}",
        partly.shown()
    );

    let by_ssh = world.by_ssh(&[]);
    assert_eq!(by_ssh.code, 0, "{}", by_ssh.shown());
    let verified = world.verify();
    assert_eq!(verified.code, 0, "{}", verified.shown());
    for words in [
        "signed by boss, with card",
        "signed by keyholder-1, with keyholder-1",
        "signed by ada, with SSH",
        "signed by 1 of role witness, as the plan asks for 1",
        "words are kept, and can be opened",
    ] {
        assert!(verified.out.contains(words), "{words}\n{}", verified.shown());
    }
    assert!(!verified.out.contains("not sealed yet"), "{}", verified.shown());

    // Nobody signs twice, whoever asks again; and nobody takes back what they said.
    let before = fs::read(world.archive("journal.jsonl")).unwrap();
    let again = world.seal(&["--as", "boss", "--json"]);
    assert_eq!(again.code, 0, "{}", again.shown());
    assert!(again.err.contains("boss has said so already, of seal 1"), "{}", again.shown());
    assert_eq!(again.json()["now"], serde_json::json!({"signed": [], "objected": []}));
    let other = world.seal(&["--as", "boss", "--object", "on second thoughts"]);
    assert_eq!(other.code, 5, "{}", other.shown());
    assert!(other.err.contains("boss has signed seal 1 already"), "{}", other.shown());
    let nobody = world.seal(&["--record", film.to_str().unwrap(), "--json"]);
    assert_eq!((nobody.code, &nobody.json()["missing"]), (0, &serde_json::json!([])), "{}", nobody.shown());
    assert_eq!(fs::read(world.archive("journal.jsonl")).unwrap(), before);

    // Logs take the statement, and those signatures under it that they know.
    let requests = world.path("requests");
    let written = world.seal(&["--requests", requests.to_str().unwrap(), "--json"]);
    assert_eq!(written.code, 0, "{}", written.shown());
    assert_eq!(
        written.json()["left-out"],
        serde_json::json!(["ada under evidence/statement-1.dsse.json"]),
        "{}",
        written.shown()
    );

    let envelope = world.archive("evidence/statement.dsse.json");
    assert_eq!(
        fs::read(&envelope).unwrap(),
        fs::read(world.archive("evidence/statement-1.dsse.json")).unwrap()
    );
    let schema = world.path("seal.schema.json");
    fs::write(&schema, run(["schema", "seal"]).out).unwrap();
    let key = |name: &str| {
        let fingerprint =
            json(&world.archive(&format!("keys/{name}.json")))["fingerprint"].as_str().unwrap().to_string();
        (fingerprint, world.archive(&format!("keys/{name}.pem")))
    };
    let keys = [key("boss"), key("keyholder-1")];
    sealed(&envelope, 2, &schema, &keys).accepted(&"securesystemslib and in-toto");
    sealed(&envelope, 2, &schema, &keys[..1]).refused(&"securesystemslib", &["signatures", "threshold"]);
    sealed(&envelope, 1, &schema, &[key("root")]).refused(&"securesystemslib", &["signatures", "threshold"]);
    ssh_keygen_knows(&world, &envelope);

    // What the plan calls private is not in it, nor what people typed, such as a file's name; a film's hash is.
    let text = statement(&envelope).to_string();
    let hash = rootwright::pki::sha256_hex(b"a film of the ceremony");
    assert!(text.contains(&hash) && !text.contains("film.mkv"), "{text}");
    assert!(!text.contains("Lovelace") && !text.contains("Hopper"), "{text}");
    let serial =
        json(&world.archive("keys/boss.json"))["device-claims"]["serial"].as_str().unwrap().to_string();
    assert!(!text.contains(&serial), "{serial} in {text}");
    cyclonedx(&world.archive("evidence/cbom.json")).accepted(&"CycloneDX 1.6");
}

#[test]
fn the_tool_says_what_it_was_built_of() {
    let folder = support::folder();
    let (sbom, spoilt) = (folder.path().join("sbom.json"), folder.path().join("spoilt.json"));
    let printed = run(["man", "--sbom"]);
    assert_eq!(printed.code, 0, "{}", printed.shown());
    fs::write(&sbom, &printed.out).unwrap();
    cyclonedx(&sbom).accepted(&"CycloneDX 1.6");
    fs::write(&spoilt, printed.out.replacen("\"library\"", "\"a library\"", 1)).unwrap();
    cyclonedx(&spoilt).refused(&"CycloneDX 1.6", &["a library"]);
}

/// OpenSSH's own verification of the signature in the envelope.
fn ssh_keygen_knows(world: &World, envelope: &Path) {
    let document = json(envelope);
    let signatures = document["signatures"].as_array().unwrap();
    let blob = signatures.iter().find(|one| one["keyid"].as_str().unwrap().starts_with("SHA256:")).unwrap();
    let armored = format!(
        "-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----\n",
        blob["sig"].as_str().unwrap()
    );
    let (signature, allowed) = (world.path("out.sig"), world.path("allowed"));
    fs::write(&signature, armored).unwrap();
    fs::write(&allowed, format!("ada {}\n", world.ada.line())).unwrap();
    let payload = BASE64.decode(document["payload"].as_str().unwrap().as_bytes()).unwrap();
    let encoded = world.path("encoded");
    fs::write(&encoded, rootwright::pki::dsse::pae(&payload)).unwrap();
    let mut command = Command::new("ssh-keygen");
    command
        .args(["-Y", "verify", "-I", "ada", "-n", "rootwright", "-f"])
        .arg(&allowed)
        .arg("-s")
        .arg(&signature);
    command.stdin(Stdio::from(fs::File::open(&encoded).unwrap()));
    let verified = command.output().unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
}

#[test]
fn each_ceremony_has_its_seal_and_objections_are_heard() {
    let world = World::held();
    assert_eq!(world.seal(&[]).code, 0);
    let asked = world.seal(&["--as", "ada"]);
    assert_eq!(asked.code, 3, "{}", asked.shown());
    world.ada.as_printed(&asked.err);
    let later = |text: String| text.replace("2027-06-01T00:00:00Z", "2027-07-01T00:00:00Z");
    let held = world.site.run(&world.plan("later.toml", later));
    assert_eq!(held.code, 0, "{}", held.shown());
    // What a signature is over that comes back now is no seal that is being signed; and none is begun for it.
    let before = fs::read(world.archive("journal.jsonl")).unwrap();
    let signature = asked.err.rsplit_once("--signature ").unwrap().1.lines().next().unwrap().trim();
    let late = world.seal(&["--as", "ada", "--signature", signature]);
    assert_eq!(late.code, 5, "{}", late.shown());
    assert!(late.err.contains("no seal is being signed"), "{}", late.shown());
    assert_eq!(fs::read(world.archive("journal.jsonl")).unwrap(), before);
    let open = world.verify();
    assert_eq!(open.code, 0, "{}", open.shown());
    assert!(open.out.contains("of the journal are not sealed yet"), "{}", open.shown());
    assert!(open.out.contains("evidence/statement-1.dsse.json"), "{}", open.shown());

    let nameless = world.seal(&["--object", "the door was open"]);
    assert_eq!(nameless.code, 2, "{}", nameless.shown());
    let begun = world.seal(&["--as", "ada", "--object", "the door was open"]);
    assert!(begun.err.contains("seal 1 has not all the signatures"), "{}", begun.shown());
    let objected = world.by_ssh(&["--object", "the door was open"]);
    assert_eq!(objected.code, 0, "{}", objected.shown());
    assert!(objected.out.contains("Objected to by: ada"), "{}", objected.shown());
    let signed = world.seal(&["--as", "boss", "--as", "keyholder-1"]);
    assert_eq!(signed.code, 0, "{}", signed.shown());
    let verified = world.verify();
    assert_eq!(verified.code, 0, "{}", verified.shown());
    for words in [
        "evidence/statement-2.dsse.json",
        "objected to by ada, with SSH: the door was open",
        "signed by 0 of role witness, and the plan asks for 1",
    ] {
        assert!(verified.out.contains(words), "{words}\n{}", verified.shown());
    }
    let first = statement(&world.archive("evidence/statement-1.dsse.json"));
    let second = statement(&world.archive("evidence/statement.dsse.json"));
    assert_eq!((&first["predicate"]["seal"], &second["predicate"]["seal"]), (&1.into(), &2.into()));
    let lines = |statement: &Value, end: &str| statement["predicate"]["journal"][end].as_u64().unwrap();
    assert_eq!(lines(&second, "from"), lines(&first, "lines") + 1);
    let objection = statement(&world.archive("evidence/objection-2-ada.dsse.json"));
    assert_eq!(objection["predicate"]["reason"], "the door was open");
    // Who objected has spoken: the same again changes nothing, and nothing else is taken.
    for (more, code) in [
        (&["--as", "ada", "--object", "the door was open"][..], 0),
        (&["--as", "ada", "--object", "the window, too"], 5),
        (&["--as", "ada"], 5),
    ] {
        let again = world.seal(more);
        assert_eq!(again.code, code, "{more:?}: {}", again.shown());
    }
    // Whoever has left the plan has signed all the same.
    let left = |text: String| {
        let gone = |line: &&str| !line.starts_with("boss = ");
        let text = text.replace("administrator = 1, ", "").replace("2027-06-01T00", "2027-08-01T00");
        text.split_inclusive('\n').filter(gone).collect()
    };
    let held = world.site.run(&world.plan("left.toml", left));
    assert_eq!(held.code, 0, "{}", held.shown());
    let requests = world.path("requests");
    let written = world.seal(&["--requests", requests.to_str().unwrap()]);
    assert_eq!(written.code, 0, "{}", written.shown());
    assert!(requests.join("statement-1.boss.rekor.json").exists(), "{}", written.shown());
}

#[test]
fn a_seal_that_is_not_what_it_says_is_refused() {
    let sealed = || {
        let world = World::held();
        assert_eq!(world.seal(&[]).code, 0);
        world
    };
    let refused = |world: &World, words: &str| {
        let run = world.verify();
        assert_eq!(run.code, 1, "{words}\n{}", run.shown());
        assert!(run.out.contains(words), "{words}\n{}", run.shown());
    };
    let world = sealed();
    let good = fs::read(world.archive("journal.jsonl")).unwrap();
    let again = |change: fn(&mut Record), words: &str| {
        fs::write(world.archive("journal.jsonl"), &good).unwrap();
        world.forge(|records| records.iter_mut().for_each(change));
        refused(&world, words);
    };
    // A signature of another person, a changed one, and a key that is nobody's.
    again(
        |record| {
            if let Event::SealSigned { person, .. } = &mut record.event {
                *person = "ada".parse().unwrap();
            }
        },
        "the signature of ada: the archive has no key of theirs",
    );
    again(
        |record| {
            if let Event::SealSigned { signature, .. } = &mut record.event {
                let at = signature.len() / 2;
                let letter = if &signature[at..=at] == "A" { "B" } else { "A" };
                signature.replace_range(at..=at, letter);
            }
        },
        "does not verify under the ecdsa-p256 key",
    );
    // Other words than what happened.
    again(
        |record| {
            if let Event::SealStarted { statement, .. } = &mut record.event {
                *statement = statement.replacen("\"seal\":1", "\"seal\":2", 1);
            }
        },
        "it says that it is seal 2, expected 1",
    );
    // A line before the seal that was changed since: the tree has another root.
    again(
        |record| {
            if let Event::CeremonyStarted { site, .. } = &mut record.event {
                *site = "0".repeat(64);
            }
        },
        "its rfc6962-sha256 of journal.jsonl",
    );
    // A file that the seal does not have.
    again(
        |record| {
            if matches!(record.event, Event::CeremonyFinished { .. }) {
                record.files.push(FileRecord::of("evidence/other", b"other"));
            }
        },
        "subjects, expected",
    );
    // What opens a private word opens nothing.
    again(
        |record| {
            if let Event::SealStarted { openings, .. } = &mut record.event {
                openings[0].value.push('x');
            }
        },
        "the journal opens a hash that the seal does not have",
    );
    fs::write(world.archive("journal.jsonl"), &good).unwrap();
    let file = world.archive("evidence/statement-1.dsse.json");
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, [&bytes[..bytes.len() - 1], b" "].concat()).unwrap();
    refused(&world, "evidence/statement-1.dsse.json");
}
