//! The exit codes that scripts depend on, each by a run of the binary that ends with it, as people and
//! as programs read it. A pause, a device's failure and a refusal name what to read.

mod support;

use std::fs;
use std::path::PathBuf;

use rootwright::commands::recovery::Section;
use support::site::Site;
use support::{Run, repository, run};

const DEVICES: &[&str] = &["root-hsm", "keyholder-1"];

fn minimal() -> PathBuf {
    repository().join("ceremony/minimal.toml")
}

fn json(site: &Site) -> Run {
    let (plan, archive) = (minimal().display().to_string(), site.archive().display().to_string());
    run(["run", &plan, "--json", "--site", &site.path(), "--archive", &archive])
}

/// The code as the process returns it, as the document has it, and the section that both name.
fn ends(run: &Run, code: i32, section: Option<&str>) {
    assert_eq!(run.code, code, "{}", run.shown());
    let document = run.json();
    assert_eq!(document["exit"], code, "{}", run.shown());
    assert_eq!(document["recovery"].as_str(), section, "{}", run.shown());
    assert!(document["error"].as_str().is_some_and(|error| run.err.contains(error)), "{}", run.shown());
    let word = if code == 3 { "paused:" } else { "error:" };
    assert!(run.err.contains(word), "{}", run.shown());
    if let Some(section) = section {
        assert!(run.err.contains(&format!("`rootwright man --recovery {section}`")), "{}", run.shown());
        assert!(run.err.contains("docs/recovery.md"), "{}", run.shown());
        let read = self::run(["man", "--recovery", section]);
        assert_eq!(read.code, 0, "{}", read.shown());
        assert!(read.out.contains(&format!("*Exit code {code}.*")), "{}", read.shown());
    }
}

#[test]
fn done_is_0() {
    let site = Site::new("rehearsal", DEVICES);
    let done = json(&site);
    assert_eq!(done.code, 0, "{}", done.shown());
    assert_eq!(done.json().get("exit"), None);
}

#[test]
fn findings_are_1() {
    // Production, on another day than the plan's.
    ends(&json(&Site::new("production", DEVICES)), 1, None);
}

#[test]
fn usage_is_2() {
    let site = Site::new("rehearsal", DEVICES);
    fs::write(site.path(), site.text().replace("purpose", "porpoise")).unwrap();
    ends(&json(&site), 2, None);
    assert_eq!(run(["run"]).code, 2);
}

#[test]
fn something_missing_is_3_and_the_command_that_goes_on_is_shown() {
    let site = Site::new("rehearsal", DEVICES);
    fs::write(site.path(), site.text().replace("label = \"keyholder-1\"", "label = \"at-home\"")).unwrap();
    let missing = json(&site);
    ends(&missing, 3, Some("device-missing"));
    let command = missing.err.lines().find(|line| line.contains("rootwright run ")).expect("the command");
    // It is the very command: once the device is there, it goes on.
    fs::write(site.path(), site.text()).unwrap();
    let again =
        std::process::Command::new("sh").args(["-c", command.trim()]).current_dir(repository()).output();
    let again = Run::from(again.unwrap());
    assert_eq!(again.code, 0, "{}", again.shown());
}

#[test]
fn a_device_that_fails_is_4() {
    let site = Site::new("rehearsal", DEVICES);
    site.write_pin("root-hsm", "654321");
    ends(&json(&site), 4, Some("wrong-pin"));
}

#[test]
fn a_refusal_is_5() {
    let site = Site::new("rehearsal", DEVICES);
    fs::create_dir(site.archive()).unwrap();
    fs::write(site.archive().join("letter.txt"), "dear all").unwrap();
    ends(&json(&site), 5, Some("not-an-archive"));
    // A file in the place of the folder is no full disk.
    let file = site.folder.path().join("site.toml").display().to_string();
    let refused = support::run(["report", &file, "-o", "/dev/null"]);
    assert_eq!(refused.code, 5, "{}", refused.shown());
    assert!(refused.err.contains("an archive is a folder"), "{}", refused.shown());
}

#[test]
fn what_to_do_is_in_the_binary() {
    let whole = run(["man", "--recovery"]);
    let document = fs::read_to_string(repository().join("docs/recovery.md")).unwrap();
    assert_eq!(whole.out, document);
    for section in Section::ALL {
        assert!(section.text().starts_with("*Exit code "), "{section}");
    }
    let unknown = run(["man", "--recovery", "no-such"]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.err.contains("wrong-pin"), "{}", unknown.shown());
}
