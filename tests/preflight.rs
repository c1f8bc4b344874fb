//! What a ceremony looks at before its first write, and what it refuses there.

mod support;
#[path = "support/terminal.rs"]
mod terminal;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use rootwright::archive::{self, Event};
use rootwright::pki::sha256_hex;
use support::site::{Site, softhsm};
use support::{Run, files, program_folder, repository, run};
use terminal::Terminal;

const DEVICES: &[&str] = &["root-hsm", "keyholder-1"];

/// What the machine of a test may be like.
const MACHINE: &[&str] = &["ENV-NETWORK", "ENV-SWAP", "ENV-CORE-DUMPS", "ENV-MEMORY"];

/// The minimal plan on the machine's day.
fn today(site: &Site) -> PathBuf {
    let date = Command::new("date").args(["-u", "+%Y-%m-%d"]).output().unwrap();
    let date = String::from_utf8(date.stdout).unwrap().trim().to_string();
    let text = fs::read_to_string(minimal()).unwrap();
    // An hour earlier: a CA is valid when its ceremony is held.
    let text =
        text.replace("\"2026-12-01\"", &format!("\"{date}\"")).replace("2026-12-01T", &format!("{date}T"));
    let path = site.folder.path().join("today.toml");
    fs::write(&path, text).unwrap();
    path
}

fn minimal() -> PathBuf {
    repository().join("ceremony/minimal.toml")
}

fn dry(plan: &Path, site: &Site, more: &[&str]) -> Run {
    let (plan, archive) = (plan.display().to_string(), site.archive().display().to_string());
    let path = site.path();
    let mut arguments = vec!["run", &plan, "--site", &path, "--archive", &archive, "--dry-run"];
    arguments.extend(more);
    run(arguments)
}

#[test]
fn a_dry_run_lists_the_steps_and_writes_nothing() {
    let site = Site::new("rehearsal", DEVICES);
    let shown = dry(&minimal(), &site, &[]);
    assert_eq!(shown.code, 0, "{}", shown.shown());
    assert!(shown.out.contains("15 of 15 steps are to be taken. Nothing was written."), "{}", shown.shown());
    assert!(shown.out.contains("· issue/root\n"), "{}", shown.shown());
    for text in ["root-hsm", "keyholder-1", "PIN ok", "3 keys to make", "clock", "can be written"] {
        assert!(shown.err.contains(text), "{text}: {}", shown.shown());
    }
    let json = dry(&minimal(), &site, &["--json"]).json();
    assert_eq!(json["dry_run"], true);
    assert!(json["steps"].as_array().unwrap().iter().all(|step| step["status"] == "pending"));
    assert_eq!(json["preflight"]["devices"].as_array().unwrap().len(), 2);
    assert!(!site.archive().exists());
    let tokens = run(["token", "show", "--json", "--site", &site.path()]).json();
    assert!(tokens.as_array().unwrap().iter().all(|token| token["objects"] == serde_json::json!([])));
    // Half-way, it says what is left; at the end, that nothing is.
    assert_eq!(site.run(&minimal()).code, 0);
    assert!(dry(&minimal(), &site, &[]).out.contains("Nothing is missing"));
}

#[test]
fn every_device_that_stands_in_the_way_is_named_at_once() {
    let site = Site::new("rehearsal", DEVICES);
    let text = site.text();
    fs::write(
        site.path(),
        text.replace("label = \"root-hsm\"", "label = \"gone\"")
            .replace("label = \"keyholder-1\"", "serial = \"77\""),
    )
    .unwrap();
    let missing = site.run(&minimal());
    assert_eq!(missing.code, 3, "{}", missing.shown());
    assert!(missing.err.contains("label `gone`") && missing.err.contains("serial 77"), "{}", missing.shown());
    // One that is of another model than the site names.
    fs::write(site.path(), text.replace("label = \"root-hsm\"", "label = \"root-hsm\"\nmodel = \"Luna K7\""))
        .unwrap();
    let other = site.run(&minimal());
    assert_eq!(other.code, 5, "{}", other.shown());
    assert!(other.err.contains("`SoftHSM v2`, expected `Luna K7`"), "{}", other.shown());
    // Two names for one token.
    fs::write(site.path(), text.replace("label = \"keyholder-1\"", "label = \"root-hsm\"")).unwrap();
    let same = site.run(&minimal());
    assert_eq!(same.code, 5, "{}", same.shown());
    assert!(same.err.contains("are the same token"), "{}", same.shown());
    assert!(!site.archive().exists());
}

#[test]
fn a_key_that_is_missing_or_another_is_found_before_the_first_write() {
    let site = Site::new("rehearsal", DEVICES);
    assert_eq!(site.run(&minimal()).code, 0);
    let later = site.folder.path().join("later.toml");
    let text = fs::read_to_string(minimal()).unwrap();
    fs::write(&later, text.replace("2027-06-01", "2027-07-01")).unwrap();
    let journal = fs::read(site.archive().join("journal.jsonl")).unwrap();
    // The keyholder's key is gone from its token: of its folder, the token itself is left.
    let tokens = site.folder.path().join("tokens");
    let (mut removed, label) = (0, b"keyholder-1");
    for file in files(&tokens).into_iter().filter(|file| file.extension().is_some_and(|end| end == "object"))
    {
        let own = file.file_name().is_some_and(|name| name == "token.object");
        let bytes = fs::read(tokens.join(&file)).unwrap();
        if !own && bytes.windows(label.len()).any(|window| window == label) {
            fs::remove_file(tokens.join(&file)).unwrap();
            removed += 1;
        }
    }
    assert!(removed > 0, "the key was found in the token's folder");
    let refused = site.run(&later);
    assert!([4, 5].contains(&refused.code), "{}", refused.shown());
    assert!(refused.err.contains("labelled `keyholder-1`"), "{}", refused.shown());
    assert_eq!(fs::read(site.archive().join("journal.jsonl")).unwrap(), journal);
}

#[test]
fn production_wants_a_quiet_machine_or_waivers_that_are_recorded() {
    let site = Site::new("production", DEVICES);
    // The plan's day is not today, whatever else this machine is like.
    let findings = site.run(&minimal());
    assert_eq!(findings.code, 1, "{}", findings.shown());
    assert!(
        findings.err.contains("[ENV-CLOCK-DAY]") && findings.err.contains("[waivers]"),
        "{}",
        findings.shown()
    );
    assert!(!site.archive().exists());
    let links = fs::read_dir("/sys/class/net").into_iter().flatten().flatten();
    let up = links.filter(|link| {
        fs::read_to_string(link.path().join("operstate")).is_ok_and(|state| state.trim() == "up")
    });
    for link in up {
        let name = link.file_name().to_string_lossy().into_owned();
        assert!(
            findings.err.contains("[ENV-NETWORK]") && findings.err.contains(&name),
            "{}",
            findings.shown()
        );
    }
    // Every other finding waived, on the right day.
    let plan = today(&site);
    let site = site.waive(MACHINE);
    let held = site.run(&plan);
    assert_eq!(held.code, 0, "{}", held.shown());
    let (journal, _) = archive::read(&site.archive()).unwrap();
    let checked = journal.records.iter().find_map(|record| match &record.event {
        Event::MachineChecked { findings } => Some(findings.clone()),
        _ => None,
    });
    for finding in checked.expect("the machine was checked") {
        assert_eq!(finding.waived.as_deref(), Some("a test"), "{finding:?}");
    }
    // A waiver that has no such check, or no reason.
    let site = Site::new("production", DEVICES);
    for (waiver, expected) in
        [("ENV-NETWORKS = \"x\"", "did you mean `ENV-NETWORK`"), ("ENV-SWAP = \" \"", "has no reason")]
    {
        let text = site.text().replace("[waivers]\n", &format!("[waivers]\n{waiver}\n"));
        fs::write(site.path(), text).unwrap();
        let wrong = site.run(&plan);
        assert_eq!(wrong.code, 2, "{}", wrong.shown());
        assert!(wrong.err.contains(expected), "{}", wrong.shown());
    }
}

#[test]
fn production_is_held_by_a_tool_that_the_plan_names() {
    let site = Site::new("production", DEVICES).waive(MACHINE);
    let plan = today(&site);
    let text = fs::read_to_string(&plan).unwrap();
    let naming = |hash: &str| {
        let policy = "policy = \"https://pki.example.org/cps/1.0\"";
        let line = format!("[ceremony]\n{policy}\ntool-sha256 = [\"{hash}\"]\n");
        fs::write(&plan, text.replacen("[ceremony]\n", &line, 1)).unwrap();
        site.run(&plan)
    };
    let (own, other) = (sha256_hex(&fs::read(env!("CARGO_BIN_EXE_rootwright")).unwrap()), "0".repeat(64));
    let refused = naming(&other);
    assert_eq!(refused.code, 5, "{}", refused.shown());
    for said in [own.as_str(), &format!("expected {other}"), "recovery other-tool"] {
        assert!(refused.err.contains(said), "{said}: {}", refused.shown());
    }
    assert!(!site.archive().exists());
    let checked = run(["check", plan.to_str().unwrap()]);
    assert!(checked.code == 0 && checked.out.contains(&format!("expected {other}")), "{}", checked.shown());
    let held = naming(&own);
    assert_eq!(held.code, 0, "{}", held.shown());
    let archive = site.archive().display().to_string();
    let verified = run(["verify", &archive, "--details"]);
    assert_eq!(verified.code, 0, "{}", verified.shown());
    assert!(verified.out.contains("the tool that ran is one that its plan names"), "{}", verified.shown());
    let page = site.folder.path().join("report.html").display().to_string();
    let report = run(["report", &archive, "-o", &page, "--json"]);
    let item = report.json()["items"].as_array().unwrap().iter().find(|item| item["id"] == "E-02").cloned();
    assert_eq!(item.unwrap()["status"], "automated", "{}", report.shown());
    // A rehearsal only says so.
    let site = Site::new("rehearsal", DEVICES);
    let line = format!("[ceremony]\ntool-sha256 = [\"{other}\"]\n");
    fs::write(&plan, text.replacen("[ceremony]\n", &line, 1)).unwrap();
    let rehearsed = site.run(&plan);
    assert_eq!(rehearsed.code, 0, "{}", rehearsed.shown());
    assert!(rehearsed.err.contains("production would stop here"), "{}", rehearsed.shown());
}

#[test]
fn production_asks_people_or_is_not_begun() {
    let site = Site::new("production", DEVICES).waive(MACHINE);
    let plan = today(&site);
    let line = "[ceremony]\nask-before = [\"boot\"]\nask-after = [\"media\"]\n";
    fs::write(&plan, fs::read_to_string(&plan).unwrap().replacen("[ceremony]\n", line, 1)).unwrap();
    let refused = site.run(&plan);
    assert_eq!(refused.code, 3, "{}", refused.shown());
    assert!(refused.err.contains("asks people to record boot, media"), "{}", refused.shown());
    assert!(!site.archive().exists());
    assert_eq!(dry(&plan, &site, &[]).code, 0);
}

#[test]
fn a_clock_that_stands_before_the_last_event_is_refused() {
    let site = Site::new("production", DEVICES).waive(MACHINE).waive(&["ENV-CLOCK-DAY"]);
    let plan = today(&site);
    assert_eq!(site.run(&plan).code, 0);
    let archive = site.archive();
    let (journal, _) = archive::read(&archive).unwrap();
    let last = journal.records.last().unwrap().time;
    // A deviation of next week, as a clock that ran ahead would have recorded it.
    let ahead = last.shifted(7).unwrap();
    let mut opened = archive::Archive::open(&archive, ahead).unwrap();
    let text = || "x".to_string();
    let event = Event::DeviationRecorded { expected: text(), happened: text(), decided: text(), by: text() };
    opened.record(ahead, event).unwrap();
    drop(opened);
    let later = site.folder.path().join("later.toml");
    fs::write(&later, fs::read_to_string(&plan).unwrap().replace("2027-06-01", "2027-07-01")).unwrap();
    let refused = site.run(&later);
    assert_eq!(refused.code, 5, "{}", refused.shown());
    assert!(
        refused.err.contains("the archive's last event was at") && refused.err.contains("recovery clock"),
        "{}",
        refused.shown()
    );
}

#[test]
fn a_disk_without_room_is_refused_before_the_first_write() {
    let site = Site::new("rehearsal", DEVICES);
    fs::create_dir(site.archive()).unwrap();
    let script = "mount -t tmpfs -o size=16k none \"$0\" && \"$@\"; code=$?; ls -A \"$0\"; exit $code";
    let privileges = if rustix::process::geteuid().is_root() { "-m" } else { "-rm" };
    let refused: Run = support_unshare(privileges, script, &site).into();
    if refused.err.contains("unshare") || refused.err.contains("mount:") {
        return eprintln!("NOT RUN: a full disk. Mount namespaces are not allowed here.");
    }
    assert_eq!(refused.code, 5, "{}", refused.shown());
    assert!(
        refused.err.contains("[ENV-DISK]") && refused.err.contains("recovery disk"),
        "{}",
        refused.shown()
    );
    assert_eq!(refused.out, "", "something was written");
}

fn support_unshare(privileges: &str, script: &str, site: &Site) -> std::process::Output {
    let archive = site.archive().display().to_string();
    Command::new("unshare")
        .args([privileges, "--propagation", "private", "sh", "-c", script, &archive])
        .args([env!("CARGO_BIN_EXE_rootwright"), "run", &minimal().display().to_string()])
        .args(["--site", &site.path(), "--archive", &archive])
        .current_dir(repository())
        .output()
        .unwrap()
}

/// The module that says of its tokens' PINs what a test wants.
fn flagging() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let module = program_folder().join("flags.so");
        let source = repository().join("tests/support/flags.c");
        let built: Run = Command::new("cc")
            .args(["-shared", "-fPIC", "-o"])
            .args([&module, &source])
            .output()
            .unwrap()
            .into();
        assert_eq!(built.code, 0, "{}", built.shown());
        module
    })
}

/// A site whose tokens have these flags.
fn flagged(flags: u64, wait: u64) -> Site {
    let site = Site::new("rehearsal", DEVICES);
    let file = site.folder.path().join("flags");
    fs::write(&file, format!("{flags} {wait}")).unwrap();
    let (softhsm, file) = (softhsm().display().to_string(), file.display().to_string());
    site.module(&flagging().display().to_string())
        .environment("FLAGS_MODULE", &softhsm)
        .environment("FLAGS_FILE", &file)
}

const COUNT_LOW: u64 = 0x10000;
const FINAL_TRY: u64 = 0x20000;
const LOCKED: u64 = 0x40000;

#[test]
fn pins_that_are_locked_or_at_their_last_try_are_shown_and_not_tried() {
    let locked = flagged(LOCKED, 0).run(&minimal());
    assert_eq!(locked.code, 5, "{}", locked.shown());
    assert!(locked.err.contains("is locked; no attempt was made"), "{}", locked.shown());
    let last = flagged(COUNT_LOW | FINAL_TRY, 0);
    let refused = last.run(&minimal());
    assert_eq!(refused.code, 5, "{}", refused.shown());
    assert!(
        refused.err.contains("one try is left") && refused.err.contains("recovery pin-locked"),
        "{}",
        refused.shown()
    );
    assert!(!last.archive().exists());
    let low = dry(&minimal(), &flagged(COUNT_LOW, 0), &[]);
    assert_eq!(low.code, 0, "{}", low.shown());
    assert!(low.err.contains("PIN: a wrong one was typed before"), "{}", low.shown());
    // In a terminal, who types the serial may use the last try.
    let mut terminal = Terminal::run(&minimal(), &last, &["--dry-run"]);
    let asked = terminal.answer("to use the last try", "yes");
    assert!(asked.contains("ONE TRY IS LEFT before the user PIN is locked"), "{asked}");
    terminal.answer("What now?", "");
    let asked = terminal.expect("to use the last try");
    let serial = asked.split("Type the serial, ").nth(1).unwrap().trim_end_matches(", ").to_string();
    terminal.press(&format!("{serial}\n"));
    let asked = terminal.expect("to use the last try");
    let serial = asked.split("Type the serial, ").nth(1).unwrap().trim_end_matches(", ").to_string();
    terminal.press(&format!("{serial}\n"));
    assert_eq!(terminal.end(), 0, "{}", terminal.shown());
}
