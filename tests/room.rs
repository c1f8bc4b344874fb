//! What a ceremony says before its first write that it will write at most is more than what it writes, and not
//! many times as much.

mod support;
#[path = "support/terminal.rs"]
mod terminal;

use std::fs;
use std::path::{Path, PathBuf};

use support::keyholders::{Holder, Life, Signers, holder};
use support::site::Site;
use support::{Run, folder, repository, run};

/// What an archive holds, but for a rehearsal's tokens: bytes and files.
fn held(archive: &Path) -> (u64, u64) {
    if !archive.exists() {
        return (0, 0);
    }
    let files: Vec<PathBuf> =
        support::files(archive).into_iter().filter(|path| !path.starts_with("rehearsal")).collect();
    let bytes = files.iter().map(|path| fs::metadata(archive.join(path)).unwrap().len()).sum();
    (bytes, u64::try_from(files.len()).unwrap())
}

/// What a run said that it needs.
fn needed(said: &Run) -> (u64, u64) {
    let needed = &said.json()["preflight"]["needed"];
    (needed["bytes"].as_u64().unwrap(), needed["files"].as_u64().unwrap())
}

/// What was said is enough for what came, and no more than so many times as much.
fn is_enough(said: (u64, u64), before: (u64, u64), after: (u64, u64), most: u64) {
    let (bytes, files) = (after.0 - before.0, after.1 - before.1);
    assert!(
        said.0 >= bytes && said.1 >= files,
        "{said:?} were said, {bytes} bytes and {files} files written"
    );
    assert!(said.0 <= bytes * most, "{said:?} were said, {bytes} bytes written");
}

#[test]
fn a_rehearsal_writes_no_more_than_it_says() {
    for plan in ["ceremony/sigstore.toml", "ceremony/minimal.toml"] {
        let own = folder();
        let archive = own.path().join("archive");
        let plan = repository().join(plan).display().to_string();
        let made = run(["rehearse", &plan, "--archive", archive.to_str().unwrap(), "--yes", "--json"]);
        assert_eq!(made.code, 0, "{}", made.shown());
        is_enough(needed(&made), (0, 0), held(&archive), 4);
    }
}

#[test]
fn people_at_a_terminal_record_no_more_than_was_said() {
    let site = Site::new("rehearsal", &["root-hsm", "keyholder-1"]);
    let plan = terminal::minimal(&site);
    let archive = site.archive();
    let (file, folder) = (plan.display().to_string(), archive.display().to_string());
    let dry = run(["run", &file, "--site", &site.path(), "--archive", &folder, "--dry-run", "--json"]);
    assert_eq!(dry.code, 0, "{}", dry.shown());
    terminal::led_through(&plan, &site);
    is_enough(needed(&dry), (0, 0), held(&archive), 5);
}

#[test]
fn requests_and_answers_are_counted() {
    const HOLDERS: &[Holder] =
        &[holder("ada"), holder("bob"), holder("cat"), holder("dan"), holder("eve"), holder("fay")];
    let first =
        Signers { date: "2026-12-01", holders: HOLDERS, threshold: 6, expires: "2027-06-01T00:00:00Z" };
    let second = Signers { date: "2026-12-02", expires: "2027-07-01T00:00:00Z", ..first };
    let life = Life::new();
    let made = life.rehearse(&first, &[]);
    assert_eq!(made.code, 0, "{}", made.shown());
    let away = ["bob", "cat", "dan", "eve", "fay"];
    let names = away.map(|name| format!("{name:?}")).join(", ");
    let site = life.site_without(&away, &format!("elsewhere = [{names}]")).display().to_string();
    let (plan, archive) = (life.write(&second).display().to_string(), life.archive());
    let folder = archive.display().to_string();
    let ceremony = |more: &[&str]| {
        let own = ["run", &plan, "--site", &site, "--archive", &folder, "--yes", "--json"];
        run(own.iter().chain(more))
    };
    // It asks, and waits.
    let before = held(&archive);
    let paused = ceremony(&[]);
    assert_eq!(paused.code, 3, "{}", paused.shown());
    let asked = held(&archive);
    assert!(asked.1 >= before.1 + 5, "five requests");
    is_enough(needed(&paused), before, asked, 8);
    // It takes the answers, and goes on to the end.
    let requests: Vec<String> = serde_json::from_value(paused.json()["requests"].clone()).unwrap_or_default();
    assert_eq!(requests.len(), 5, "{}", paused.shown());
    let mut answers = Vec::new();
    for (number, request) in requests.iter().enumerate() {
        let answer = life.folder.path().join(format!("answer-{number}.json")).display().to_string();
        let request = archive.join(request).display().to_string();
        let own = life.site().display().to_string();
        let signed = run(["sign", &request, "--site", &own, "-o", &answer, "--yes"]);
        assert_eq!(signed.code, 0, "{}", signed.shown());
        answers.extend(["--response".to_string(), answer]);
    }
    let done = ceremony(&answers.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(done.code, 0, "{}", done.shown());
    is_enough(needed(&done), asked, held(&archive), 12);
}
