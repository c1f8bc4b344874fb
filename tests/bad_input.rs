//! Bad input gets a clear error, and leaves the archive as it was.
//!
//! The texts are held by snapshots: an error is part of what this tool is.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use support::site::Site;
use support::{Run, copy, files, folder, rehearsed, repository, run};

/// The minimal plan with one thing changed.
fn plan(place: &Path, from: &str, to: &str) -> PathBuf {
    let text = fs::read_to_string(repository().join("ceremony/minimal.toml")).unwrap();
    assert!(text.contains(from), "the plan has no {from}");
    let path = place.join("plan.toml");
    fs::write(&path, text.replacen(from, to, 1)).unwrap();
    path
}

/// The error as people see it, with what differs from machine to machine taken out.
fn shown(run: &Run, place: &Path) -> String {
    let mut text = run.err.replace(&place.display().to_string(), "DIR");
    text = text.replace(&repository().display().to_string(), "REPOSITORY");
    text = text.replace(&support::site::softhsm().display().to_string(), "SOFTHSM");
    let serials = text
        .split(|c: char| !c.is_ascii_hexdigit())
        .filter(|word| word.len() == 16)
        .map(str::to_string)
        .collect::<Vec<_>>();
    for serial in serials {
        text = text.replace(&serial, "SERIAL");
    }
    let hashes = text
        .split(|c: char| !c.is_ascii_hexdigit())
        .filter(|word| word.len() == 64)
        .map(str::to_string)
        .collect::<Vec<_>>();
    for hash in hashes {
        text = text.replace(&hash, "SHA256");
    }
    // Warnings come before the error, and name the time.
    let mut warning = false;
    let lines = text.lines().filter(|line| {
        let more = warning && line.starts_with("  expected:");
        warning = line.starts_with("  warning:");
        !warning && !more
    });
    // What a step took differs from run to run.
    let lines = lines.map(|line| match line.split_once('✓') {
        Some((before, after)) => format!(
            "{before}✓{}",
            after
                .trim_end_matches("ms")
                .trim_end_matches([' ', '.', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])
        ),
        None => line.to_string(),
    });
    format!("exit {}\n{}", run.code, lines.collect::<Vec<_>>().join("\n"))
}

fn check(from: &str, to: &str) -> String {
    let place = folder();
    let plan = plan(place.path(), from, to);
    let run = run(["check", &plan.display().to_string()]);
    assert_ne!(run.code, 0, "accepted: {to}");
    shown(&run, place.path())
}

#[test]
fn plans() {
    for (name, from, to) in [
        ("misspelt_field", "algorithm = \"ecdsa-p384\"", "algoritm = \"ecdsa-p384\""),
        ("misspelt_table", "[certificates.fulcio]", "[certificate.fulcio]"),
        ("unknown_field", "profile  = \"root\"", "profile  = \"root\"\nslot = 3"),
        ("unknown_algorithm", "ecdsa-p256", "ecdsa-p265"),
        ("wrong_type", "threshold = 1", "threshold = \"one\""),
        ("impossible_date", "2026-12-01T00:00:00Z", "2026-02-30T00:00:00Z"),
        ("date_without_zone", "2026-12-01T00:00:00Z", "2026-12-01T00:00:00"),
        ("no_such_issuer", "issuer   = \"root\"", "issuer   = \"roof\""),
        ("a_cycle", "issuer   = \"root\"", "issuer   = \"fulcio\""),
        ("a_leaf_outliving_its_issuer", "for = \"3 years\"", "for = \"13 years\""),
        ("an_end_before_the_beginning", "for = \"3 years\"", "to = \"2025-01-01T00:00:00Z\""),
        ("not_toml", "[keys]", "[keys"),
        ("a_name_that_is_a_path", "[certificates.root]", "[certificates.\"../root\"]"),
        (
            "an_algorithm_that_the_profile_forbids",
            "root   = { device = \"root-hsm\", algorithm = \"ecdsa-p384\" }",
            "root   = { device = \"root-hsm\", algorithm = \"ed25519\" }",
        ),
        ("a_root_that_lives_too_long", "for = \"10 years\"", "for = \"11 years\""),
    ] {
        insta::assert_snapshot!(format!("plan_{name}"), check(from, to));
    }
}

#[test]
fn files_that_can_not_be_read() {
    let place = folder();
    let path = |name: &str| place.path().join(name).display().to_string();
    fs::write(path("binary.toml"), [0x66, 0x6f, 0xff, 0xfe]).unwrap();
    insta::assert_snapshot!("no_such_plan", shown(&run(["check", &path("no-such.toml")]), place.path()));
    insta::assert_snapshot!("a_binary_plan", shown(&run(["check", &path("binary.toml")]), place.path()));
    fs::create_dir(path("full")).unwrap();
    fs::write(path("full/letter.txt"), "dear all").unwrap();
    let foreign = run(["rehearse", "ceremony/minimal.toml", "--yes", "--archive", &path("full")]);
    insta::assert_snapshot!("a_folder_with_other_things", shown(&foreign, place.path()));
    assert_eq!(files(Path::new(&path("full"))), [PathBuf::from("letter.txt")]);
}

/// Everything in an archive but its tokens, which are devices.
fn content(archive: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let all = files(archive).into_iter().filter(|path| !path.starts_with("rehearsal/tokens"));
    all.map(|path| (path.clone(), fs::read(archive.join(path)).unwrap())).collect()
}

#[test]
fn another_plans_archive() {
    let place = folder();
    let archive = place.path().join("archive");
    copy(rehearsed("ceremony/sigstore.toml"), &archive);
    let before = content(&archive);
    let run =
        run(["rehearse", "ceremony/minimal.toml", "--yes", "--archive", &archive.display().to_string()]);
    insta::assert_snapshot!(shown(&run, place.path()));
    assert!(before == content(&archive), "the archive changed");
}

#[test]
fn a_made_thing_does_not_change() {
    let place = folder();
    let archive = place.path().join("archive");
    copy(rehearsed("ceremony/minimal.toml"), &archive);
    let before = content(&archive);
    let plan = plan(place.path(), "for = \"3 years\"", "for = \"2 years\"");
    let run =
        run(["rehearse", &plan.display().to_string(), "--yes", "--archive", &archive.display().to_string()]);
    insta::assert_snapshot!(shown(&run, place.path()));
    assert!(before == content(&archive), "the archive changed");
}

#[test]
fn a_damaged_journal() {
    let place = folder();
    let archive = place.path().join("archive");
    copy(rehearsed("ceremony/minimal.toml"), &archive);
    let journal = archive.join("journal.jsonl");
    let text = fs::read_to_string(&journal).unwrap();
    fs::write(&journal, text.replacen("\"adopted\":false", "\"adopted\":true", 1)).unwrap();
    let run =
        run(["rehearse", "ceremony/minimal.toml", "--yes", "--archive", &archive.display().to_string()]);
    insta::assert_snapshot!(shown(&run, place.path()));
}

const MINIMAL: &[&str] = &["root-hsm", "keyholder-1"];

fn minimal() -> PathBuf {
    repository().join("ceremony/minimal.toml")
}

#[test]
fn a_missing_token() {
    let site = Site::new("rehearsal", MINIMAL);
    let text = site.text().replace("label = \"keyholder-1\"", "serial = \"0123456789abcdef\"");
    fs::write(site.path(), text).unwrap();
    insta::assert_snapshot!(shown(&site.run(&minimal()), site.folder.path()));
    assert!(!site.archive().exists(), "something was written before all devices were there");
}

#[test]
fn a_device_that_the_site_does_not_name() {
    let site = Site::new("rehearsal", &["root-hsm"]);
    insta::assert_snapshot!(shown(&site.run(&minimal()), site.folder.path()));
    assert!(!site.archive().exists());
}

#[test]
fn a_missing_module() {
    let site = Site::new("rehearsal", MINIMAL).module("/usr/lib/softhsm/no-such-module.so");
    insta::assert_snapshot!(shown(&site.run(&minimal()), site.folder.path()));
    assert!(!site.archive().exists());
}

#[test]
fn another_module_than_the_pinned_one() {
    let site = Site::new("rehearsal", MINIMAL);
    let pinned = format!("\nmodule-sha256 = \"{}\"\nlabel = \"root-hsm\"", "0".repeat(64));
    fs::write(site.path(), site.text().replace("\nlabel = \"root-hsm\"", &pinned)).unwrap();
    insta::assert_snapshot!(shown(&site.run(&minimal()), site.folder.path()));
    assert!(!site.archive().exists());
}

/// OpenSC's spy writes down every call into a module.
const SPY: &[&str] = &[
    "/usr/lib/x86_64-linux-gnu/pkcs11-spy.so",
    "/usr/lib/aarch64-linux-gnu/pkcs11-spy.so",
    "/usr/lib64/pkcs11-spy.so",
];

#[test]
fn a_wrong_pin_is_one_attempt() {
    let spy = SPY.iter().find(|path| Path::new(path).exists());
    let spy = spy.expect("pkcs11-spy is not installed: run ./softhsm-setup/test.sh");
    let log = folder();
    let log = log.path().join("spy.log").display().to_string();
    let softhsm = support::site::softhsm().display().to_string();
    let site = Site::new("rehearsal", MINIMAL)
        .module(spy)
        .environment("PKCS11SPY", &softhsm)
        .environment("PKCS11SPY_OUTPUT", &log);
    site.write_pin("root-hsm", "654321");
    let run = site.run(&minimal());
    let text = shown(&run, site.folder.path()).replace(spy, "SPY");
    insta::assert_snapshot!(text);
    let calls = fs::read_to_string(&log).unwrap();
    assert_eq!(
        calls.lines().filter(|line| line.contains(": C_Login")).count(),
        1,
        "one typed PIN is one attempt"
    );
    assert!(!run.err.contains("654321") && !run.out.contains("654321"));
    // With the right PIN it goes on, and the archive is whole.
    site.write_pin("root-hsm", "123456");
    assert_eq!(site.run(&minimal()).code, 0);
}

#[test]
fn a_pin_that_others_can_read() {
    use std::os::unix::fs::PermissionsExt;
    let site = Site::new("rehearsal", MINIMAL);
    let file = site.folder.path().join("root-hsm.pin");
    fs::set_permissions(file, fs::Permissions::from_mode(0o644)).unwrap();
    let text = shown(&site.run(&minimal()), site.folder.path());
    insta::assert_snapshot!(text.replace(&format!("user {}", rustix_uid()), "user UID"));
}

fn rustix_uid() -> u32 {
    rustix::process::getuid().as_raw()
}

#[test]
fn a_label_that_is_taken() {
    let site = Site::new("rehearsal", MINIMAL);
    assert_eq!(site.run(&minimal()).code, 0);
    // Another archive, the same tokens.
    fs::rename(site.archive(), site.folder.path().join("other")).unwrap();
    let run = site.run(&minimal());
    insta::assert_snapshot!(shown(&run, site.folder.path()));
    assert!(!site.archive().exists(), "something was written before every label was looked for");
}

#[test]
fn production_and_rehearsal_do_not_mix() {
    let site = Site::new("production", MINIMAL);
    copy(rehearsed("ceremony/minimal.toml"), &site.archive());
    let before = content(&site.archive());
    insta::assert_snapshot!("production_site", shown(&site.run(&minimal()), site.folder.path()));
    assert!(before == content(&site.archive()));
    let yes = run(["run", "ceremony/minimal.toml", "--yes", "--site", &site.path(), "--archive", "/nowhere"]);
    insta::assert_snapshot!("yes_in_production", shown(&yes, site.folder.path()));
}

#[test]
fn an_archive_that_can_not_be_written() {
    let site = Site::new("rehearsal", MINIMAL);
    // A file where the folder should be: fails for root too, who may write anywhere.
    fs::write(site.archive(), "not a folder").unwrap();
    insta::assert_snapshot!("a_file_in_its_place", shown(&site.run(&minimal()), site.folder.path()));
    fs::remove_file(site.archive()).unwrap();
    fs::create_dir(site.archive()).unwrap();
    let Some(read_only) = read_only(&site) else { return };
    insta::assert_snapshot!("read_only_archive", shown(&read_only, site.folder.path()));
    assert!(files(&site.archive()).is_empty());
}

/// The run with the archive mounted read-only, in a mount namespace of its own.
fn read_only(site: &Site) -> Option<Run> {
    let archive = site.archive();
    let script = "mount --bind \"$1\" \"$1\" && mount -o remount,bind,ro \"$1\" && shift && exec \"$@\"";
    let unshare = if rustix_uid() == 0 { "-m" } else { "-rm" };
    let probe = std::process::Command::new("unshare").args([unshare, "true"]).output();
    if !probe.is_ok_and(|probe| probe.status.success()) {
        eprintln!("not run: a read-only archive (this machine refuses mount namespaces)");
        return None;
    }
    let output = std::process::Command::new("unshare")
        .args([unshare, "sh", "-c", script, "sh"])
        .arg(&archive)
        .arg(env!("CARGO_BIN_EXE_rootwright"))
        .args(["run", &minimal().display().to_string(), "--site", &site.path(), "--archive"])
        .arg(&archive)
        .stdin(std::process::Stdio::null())
        .output();
    Some(output.ok()?.into())
}
