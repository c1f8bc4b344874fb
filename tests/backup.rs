//! A key that the plan wants copied stands on a second device, proved, and neither of the two can be
//! copied again; the copy stands in for a lost device; and the second device's PIN is nobody's.

#[path = "support/kill.rs"]
mod kill;
#[path = "support/shape.rs"]
mod shape;
mod support;
#[path = "support/terminal.rs"]
mod terminal;

use std::fs;
use std::path::{Path, PathBuf};

use rootwright::archive::{self, CopyRecord, Event};
use serde_json::Value;

use kill::{Room, each, place};
use support::site::{Site, softhsm};
use support::{Run, folder, rehearse, repository, rootwright, run};
use terminal::Terminal;

const KEY: &str = "root        = { device = \"root-hsm\",    algorithm = \"ecdsa-p384\" }";

/// The plan of a first look, whose root key has a copy.
fn plan(algorithm: &str) -> String {
    let text = fs::read_to_string(repository().join("ceremony/minimal.toml")).unwrap() + kill::CRL;
    let copied =
        format!("root = {{ device = \"root-hsm\", algorithm = \"{algorithm}\", backup = \"vault\" }}");
    let line = text.lines().find(|line| line.starts_with("root ")).unwrap().to_string();
    assert!(line.split_whitespace().eq(KEY.split_whitespace()), "{line}");
    text.replacen(&line, &copied, 1)
}

fn copies(archive: &Path) -> Vec<(bool, CopyRecord)> {
    let records = archive::read(archive).unwrap().0.records;
    let copy = |event| match event {
        Event::CopyMade { adopted, copy, .. } => Some((adopted, *copy)),
        _ => None,
    };
    records.into_iter().filter_map(|record| copy(record.event)).collect()
}

/// The certificate verifies; the copy is recorded once, and neither key can be extracted now.
fn is_copied(archive: &Path, what: &str) {
    let verified = run(["verify".as_ref(), archive.as_os_str()]);
    assert_eq!(verified.code, 0, "{what}: {}", verified.shown());
    let made = copies(archive);
    let [(_, copy)] = made.as_slice() else { panic!("{what}: {} copies", made.len()) };
    for attributes in [&copy.attributes, &copy.attributes_of_the_original] {
        assert_eq!(attributes["CKA_EXTRACTABLE"], false, "{what}");
        assert_eq!(attributes["CKA_SENSITIVE"], true, "{what}");
        assert_eq!(attributes["CKA_NEVER_EXTRACTABLE"], false, "{what}: the cost stands in the record");
    }
    assert_eq!(copy.attributes_of_the_original["CKA_LOCAL"], true);
    assert_eq!(copy.attributes["CKA_LOCAL"], false);
    assert_eq!(copy.attributes["CKA_ID"], copy.attributes_of_the_original["CKA_ID"]);
    assert_eq!(copy.attributes["CKA_LABEL"], "root");
    let file: Value =
        serde_json::from_slice(&fs::read(archive.join("keys/root.backup.json")).unwrap()).unwrap();
    assert_eq!(file, serde_json::to_value(copy).unwrap());
}

/// Labels of the private keys of a device.
fn held(site: &Path, device: &str) -> Vec<String> {
    let site = site.display().to_string();
    let shown = run(["token", "show", "--site", &site, "--json", device]).json();
    let objects = shown[0]["objects"].as_array().unwrap().iter();
    let private = objects.filter(|object| object["class"] == "CKO_PRIVATE_KEY");
    private.map(|object| object["label"].as_str().unwrap().to_string()).collect()
}

#[test]
fn every_algorithm_of_a_root_is_copied_and_the_copy_stands_in_for_a_lost_token() {
    for algorithm in ["ecdsa-p384", "rsa-4096"] {
        let folder = folder();
        let (first, archive) = (folder.path().join("plan.toml"), folder.path().join("archive"));
        fs::write(&first, plan(algorithm)).unwrap();
        let made = rehearse(&first, &archive);
        assert_eq!(made.code, 0, "{}", made.shown());
        assert!(made.err.contains("PLAN-KEY-COPIED"), "what it costs is said: {}", made.shown());
        is_copied(&archive, algorithm);
        let site = archive.join("rehearsal/site.toml");
        assert_eq!(held(&site, "vault"), ["root"]);

        // The root's token burns. Its place is taken by the one with the copy, in the site alone.
        let later = folder.path().join("later.toml");
        let crl = kill::CRL.replace("root-1", "root-2").replace("number   = 1", "number   = 2");
        let crl = crl.replace("from = \"2026-12-01", "from = \"2026-12-02");
        fs::write(&later, (plan(algorithm) + &crl).replacen("\"2026-12-01\"", "\"2026-12-02\"", 1)).unwrap();
        let text = fs::read_to_string(&site).unwrap();
        let serial = serial_of(&text, "root-hsm");
        fs::remove_dir_all(tokens_folder(&archive, "root")).unwrap();
        let again = |site: &Path| -> Run {
            let archive = archive.display().to_string();
            let (plan, site) = (later.display().to_string(), site.display().to_string());
            run(["run", &plan, "--site", &site, "--archive", &archive, "--yes"])
        };
        let lost = again(&site);
        assert_eq!(lost.code, 3, "{}", lost.shown());
        let swap = |other: &str| {
            let (serial_of_other, label) = (serial_of(&text, other), format!("label  = \"{other}\""));
            let text = text.replacen(&serial, &serial_of_other, 1);
            let text = text.replacen("label  = \"root-hsm\"", &label, 1);
            text.replacen("tokens/root-hsm.pin", &format!("tokens/{other}.pin"), 1)
        };
        fs::write(&site, swap("keyholder-1")).unwrap();
        let other = again(&site);
        assert_eq!(other.code, 5, "a token without the copy is refused: {}", other.shown());
        fs::write(&site, swap("vault")).unwrap();
        let restored = again(&site);
        assert_eq!(restored.code, 0, "{}", restored.shown());
        let verified = run(["verify".as_ref(), archive.as_os_str()]);
        assert_eq!(verified.code, 0, "{}", verified.shown());
        let crl = archive.join("crls/root-2.crl");
        let checked: Run = std::process::Command::new("openssl")
            .args(["crl", "-noout", "-inform", "DER", "-in"])
            .arg(crl)
            .arg("-CAfile")
            .arg(archive.join("certificates/root.pem"))
            .output()
            .unwrap()
            .into();
        assert!(checked.err.contains("verify OK"), "{}", checked.shown());
    }
}

/// A device's serial in a site's text.
fn serial_of(text: &str, device: &str) -> String {
    let (_, rest) = text.split_once(&format!("[devices.{device}]")).unwrap();
    rest.split_once("serial = \"").unwrap().1.split('"').next().unwrap().to_string()
}

/// The folder of the SoftHSM token that has a key of this label and is not the vault: the one that is older.
fn tokens_folder(archive: &Path, label: &str) -> PathBuf {
    let folders = fs::read_dir(archive.join("rehearsal/tokens")).unwrap().flatten();
    let mut with: Vec<(std::time::SystemTime, PathBuf)> = folders
        .filter(|entry| entry.path().is_dir())
        .flat_map(|entry| fs::read_dir(entry.path()).unwrap().flatten())
        .filter(|file| file.path().extension().is_some_and(|end| end == "object"))
        .filter(|file| {
            let bytes = fs::read(file.path()).unwrap();
            bytes.windows(label.len()).any(|window| window == label.as_bytes())
        })
        .map(|file| {
            let made = file.metadata().unwrap().created().unwrap();
            (made, file.path().parent().unwrap().to_path_buf())
        })
        .collect();
    with.sort();
    with.remove(0).1
}

#[test]
fn killed_at_any_point_of_a_copy_the_ceremony_goes_on() {
    let place = place();
    let before = Room::prepared().copy(&place.path().join("before"));
    fs::write(before.plan(), plan("ecdsa-p384")).unwrap();
    let site = before.path.join("site.toml");
    let mut text = fs::read_to_string(&site).unwrap();
    text.push_str(&format!(
        "\n[devices.vault]\nmodule = {:?}\nlabel = \"vault\"\npin = {{ file = \"pin\" }}\nso-pin = {{ file = \"pin\" }}\n",
        softhsm()
    ));
    fs::write(&site, text).unwrap();
    let init = rootwright()
        .env("SOFTHSM2_CONF", before.path.join("softhsm2.conf"))
        .args(["token", "init", "vault", "--site"])
        .arg(&site)
        .output()
        .unwrap();
    assert!(init.status.success());
    let whole = before.copy(&place.path().join("whole"));
    assert_eq!(whole.run().code, 0);
    is_copied(&whole.archive(), "not killed");
    let points = whole.points();
    let at =
        |name: &str| points.iter().position(|point| point == name).unwrap_or_else(|| panic!("{name}")) + 1;
    let (wrap, unwrap) = (at("device: wrap"), at("device: unwrap"));
    assert!(wrap < unwrap);
    // From the intent's line to what is written after the proof.
    let points: Vec<usize> = (wrap - 4..unwrap + 12).collect();
    each(&points, |point| {
        let room = before.copy(&place.path().join(point.to_string()));
        assert!(room.killed_at(*point), "point {point}");
        let what = format!("killed at {point}");
        let run = room.run();
        assert_eq!(run.code, 0, "{what}: {}", run.shown());
        is_copied(&room.archive(), &what);
        fs::remove_dir_all(&room.path).unwrap();
    });
}

#[test]
fn a_plan_that_can_not_be_copied_is_refused_before_anything_is_made() {
    let folder = folder();
    let path = folder.path().join("plan.toml");
    for (backup, says) in [
        ("backup = \"root-hsm\"", "on the device that holds the key"),
        ("backup = \"vault\", csr = \"a.csr\"", "csr"),
    ] {
        fs::write(&path, plan("ecdsa-p384").replacen("backup = \"vault\"", backup, 1)).unwrap();
        let checked = run(["check".as_ref(), path.as_os_str()]);
        assert!(checked.code != 0 && checked.err.contains(says), "{}", checked.shown());
    }
    let text = fs::read_to_string(repository().join("ceremony/minimal.toml")).unwrap();
    let line = text.lines().find(|line| line.starts_with("fulcio ")).unwrap();
    fs::write(&path, text.replacen(line, &line.replacen(" }", ", backup = \"vault\" }", 1), 1)).unwrap();
    let checked = run(["check".as_ref(), path.as_os_str()]);
    assert_eq!(checked.code, 2, "{}", checked.shown());
    assert!(checked.err.contains("nothing would prove its copy"), "{}", checked.shown());
    assert!(checked.err.contains("generate a second key on the second device"), "{}", checked.shown());
}

#[test]
fn the_second_devices_pin_is_dealt_out_and_restored_by_enough_holders() {
    let site = Site::new("rehearsal", &["root-hsm", "keyholder-1"]);
    let vault = format!(
        "\n[devices.vault]\nmodule = {:?}\nlabel = \"vault\"\npin = {{ shares = 3, threshold = 2 }}\nso-pin = {{ file = \"root-hsm.so.pin\" }}\n",
        softhsm()
    );
    fs::write(site.path(), site.text() + &vault).unwrap();
    // Without people there is nobody to deal it out to, and nothing is changed.
    let alone = run(["token", "init", "vault", "--site", &site.path()]);
    assert_eq!(alone.code, 3, "{}", alone.shown());
    let mut terminal = Terminal::start(&["token", "init", "vault", "--site", &site.path()], &[]);
    let mut cards: Vec<String> = Vec::new();
    for number in 1..=3 {
        terminal.answer(
            &format!("Share {number} of 3: only its holder looks at the screen. Enter shows it:"),
            "",
        );
        let shown = terminal.answer("Written down on paper?", "");
        let card = shown.split_whitespace().find(|word| word.len() == 29 && word.contains('-')).unwrap();
        if number == 2 {
            terminal.answer("Share 2, from the paper:", &cards[0]);
            terminal.expect("That is not what was shown.");
            terminal.answer("Share 2 of 3: only", "");
            terminal.answer("Written down on paper?", "");
        }
        terminal.answer(&format!("Share {number}, from the paper:"), card);
        cards.push(card.to_string());
    }
    assert_eq!(terminal.end(), 0, "{}", terminal.shown());
    // What a holder typed is not on the screen.
    assert_eq!(terminal.shown().matches(cards[0].as_str()).count(), 1);

    let path = site.folder.path().join("plan.toml");
    fs::write(&path, plan("ecdsa-p384")).unwrap();
    let alone = site.run(&path);
    assert_eq!(alone.code, 3, "{}", alone.shown());
    let mut terminal = Terminal::run(&path, &site, &["--dry-run"]);
    terminal.expect("2 holders type their shares of its user PIN");
    terminal.answer("Share 1 of the 2 that are needed:", &cards[2].to_lowercase());
    terminal.answer("Share 2 of the 2 that are needed:", &cards[2]);
    terminal.expect("this share was typed already");
    terminal.answer("Share 2 of the 2 that are needed:", &cards[0].replacen('-', "", 9));
    assert_eq!(terminal.end(), 0, "{}", terminal.shown());
    assert!(terminal.shown().contains("1 key to copy"), "{}", terminal.shown());
}
