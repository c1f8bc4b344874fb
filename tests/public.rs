//! What leaves the house: a report without what the plan calls private, which still goes with the seals; and
//! a pack of all that an auditor takes home, the same bytes each time.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rootwright::archive::{self, Event};
use support::clients::sealed;
use support::site::Site;
use support::{folder, rehearsed, repository, run};

/// A sealed archive of a plan that calls names and serial numbers private.
fn sealed_archive() -> (Site, PathBuf) {
    let site = Site::new("rehearsal", &["root-hsm", "keyholder-1"]);
    let people = "[people]\nkeyholder-1 = \"Ada Lovelace\"\n\n[waivers]";
    fs::write(site.path(), site.text().replacen("[waivers]", people, 1)).unwrap();
    let text = fs::read_to_string(repository().join("ceremony/minimal.toml")).unwrap();
    let plan = site.folder.path().join("plan.toml");
    let asks = "[ceremony]\nseal = { keyholder = 1 }\nprivate = [\"names\", \"serials\"]\n";
    fs::write(&plan, text.replacen("[ceremony]\n", asks, 1)).unwrap();
    assert_eq!(site.run(&plan).code, 0);
    let archive = site.archive();
    let seal = run(["seal", archive.to_str().unwrap(), "--site", &site.path()]);
    assert_eq!(seal.code, 0, "{}", seal.shown());
    (site, archive)
}

fn report(archive: &Path, out: &Path, more: &[&str]) -> String {
    let mut arguments = vec!["report", archive.to_str().unwrap(), "-o", out.to_str().unwrap()];
    arguments.extend(more);
    let written = run(&arguments);
    assert_eq!(written.code, 0, "{}", written.shown());
    fs::read_to_string(out).unwrap()
}

#[test]
fn a_public_copy_keeps_what_is_private_and_goes_with_the_seal() {
    let (site, archive) = sealed_archive();
    let out = folder();
    let open = report(&archive, &out.path().join("open.html"), &[]);
    let public = report(&archive, &out.path().join("public.html"), &["--public"]);
    let (journal, _) = archive::read(&archive).unwrap();
    let serials: Vec<String> = journal
        .records
        .iter()
        .filter_map(|record| match &record.event {
            Event::DeviceOpened { claims, .. } => Some(claims.serial.clone()),
            _ => None,
        })
        .collect();
    assert!(serials.len() >= 2);
    for value in serials.iter().map(String::as_str).chain(["Ada", "Lovelace"]) {
        assert!(open.contains(value), "{value} is not in the report for those who may see it");
        assert!(!public.contains(value), "{value} is in the public copy");
    }
    // Each mark's salted hash is one of the statement's.
    let statement = journal.records.iter().find_map(|record| match &record.event {
        Event::SealStarted { statement, openings, .. } => Some((statement.clone(), openings.clone())),
        _ => None,
    });
    let (statement, openings) = statement.unwrap();
    assert!(openings.len() >= 3, "a name and two serial numbers");
    let plain: String = public.replace("</span>", "").replace("<span>", "").replace(' ', "");
    for opening in &openings {
        assert!(statement.contains(&opening.hash()));
        let [one, other] = [&opening.hash()[..32], &opening.hash()[32..]];
        assert!(plain.contains(one) && plain.contains(other), "{} is not shown", opening.hash());
        assert!(!public.contains(&opening.salt), "a salt is in the public copy");
    }
    // The envelope is whole: a stock verifier takes it from the public copy alone, with the key.
    let envelope = public.split("<pre class=\"envelope\"").nth(1).unwrap().split_once('>').unwrap().1;
    let envelope = envelope.split("</pre>").next().unwrap().replace("&quot;", "\"").replace("&amp;", "&");
    let file = out.path().join("seal.dsse.json");
    fs::write(&file, &envelope).unwrap();
    assert_eq!(fs::read_to_string(archive.join("evidence/statement-1.dsse.json")).unwrap(), envelope);
    let schema = out.path().join("seal.schema.json");
    fs::write(&schema, run(["schema", "seal"]).out).unwrap();
    let key: serde_json::Value =
        serde_json::from_slice(&fs::read(archive.join("keys/keyholder-1.json")).unwrap()).unwrap();
    let keyid = key["fingerprint"].as_str().unwrap().to_string();
    let keys = [(keyid, archive.join("keys/keyholder-1.pem"))];
    sealed(&file, 1, &schema, &keys).accepted(&"securesystemslib and in-toto");
    // Sealed, and by whom, stands on the first page.
    let (first, _) = open.split_once("The hierarchy").unwrap();
    assert!(first.contains("1 person sealed it"), "{first}");
    for status in ["E-40\" data-status=\"captured", "E-41\" data-status=\"captured"] {
        assert!(open.contains(status), "{status}");
    }
    drop(site);
}

#[test]
fn a_pack_is_whole_and_the_same_bytes_each_time() {
    let archive = rehearsed("ceremony/minimal.toml");
    let own = folder();
    let pack = |name: &str| {
        let tar = own.path().join(name);
        report(archive, &own.path().join("report.html"), &["--pack", tar.to_str().unwrap()]);
        fs::read(tar).unwrap()
    };
    let first = pack("one.tar");
    std::thread::sleep(std::time::Duration::from_millis(1100));
    assert!(first == pack("two.tar"), "the same archive, another pack");
    let home = own.path().join("home");
    fs::create_dir(&home).unwrap();
    let sh = |command: &str| {
        let done = Command::new("sh").args(["-e", "-c", command]).current_dir(&home).output().unwrap();
        assert!(done.status.success(), "{command}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    };
    sh("tar --extract --file ../one.tar");
    let sums = sh("sha256sum --check SHA256SUMS");
    assert!(sums.contains("archive/journal.jsonl: OK") && sums.contains("report.html: OK"), "{sums}");
    // Secrets of the rehearsal stay at home, and the archive is whole without them.
    let names = sh("tar --list --verbose --file ../one.tar");
    assert!(!names.contains("rehearsal/") && !names.contains(".pin"), "{names}");
    assert!(names.lines().all(|line| line.starts_with("-rw-r--r-- 0/0")), "{names}");
    let packed = support::files(&home.join("archive"));
    let there: Vec<PathBuf> =
        support::files(archive).into_iter().filter(|path| !path.starts_with("rehearsal")).collect();
    assert_eq!(packed, there);
    assert_eq!(
        fs::read(home.join("report.html")).unwrap(),
        fs::read(own.path().join("report.html")).unwrap()
    );
    let verified = run(["verify", home.join("archive").to_str().unwrap(), "--json"]);
    assert!(verified.json()["checks"].as_array().unwrap().len() > 50, "{}", verified.shown());
}
