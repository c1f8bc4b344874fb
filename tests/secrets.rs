//! A PIN is where it must be, for as long as it must be, and nowhere else.

mod support;
#[path = "support/terminal.rs"]
mod terminal;

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use support::site::Site;
use support::{files, repository, rootwright};
use terminal::Terminal;

const DEVICES: &[&str] = &["root-hsm", "keyholder-1"];

/// Found by chance nowhere.
const PIN: &str = "zQ7-pin-of-the-test-4f1D";

/// A site whose root HSM has that PIN, typed or from a file.
fn site(typed: bool) -> Site {
    let site = Site::new("rehearsal", &[]);
    let text = |pin: &str| {
        let device = |name: &str, pin: &str| {
            format!(
                "\n[devices.{name}]\nmodule = {:?}\nlabel = {name:?}\npin = {pin}\nso-pin = {{ file = \"{name}.so.pin\" }}\n",
                support::site::softhsm().display().to_string()
            )
        };
        let keyholder = device("keyholder-1", "{ file = \"keyholder-1.pin\" }");
        format!("{}{}{keyholder}", site.text(), device("root-hsm", pin))
    };
    for device in DEVICES {
        site.write_pin(device, PIN);
        site.write_pin(&format!("{device}.so"), "87654321");
    }
    fs::write(site.path(), text("{ file = \"root-hsm.pin\" }")).unwrap();
    for device in DEVICES {
        let made = support::run(["token", "init", device, "--site", &site.path()]);
        assert_eq!(made.code, 0, "{}", made.shown());
    }
    if typed {
        fs::write(site.path(), text("\"prompt\"")).unwrap();
    }
    site
}

/// The number of the point at which every device is closed.
fn closed(site: &Site) -> usize {
    let log = site.folder.path().join("points");
    let ran = rootwright()
        .args(["run", &plan(), "--site", &site.path(), "--archive", &site.archive().display().to_string()])
        .env("ROOTWRIGHT_FAULT_LOG", &log)
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let points = fs::read_to_string(&log).unwrap();
    1 + points.lines().position(|name| name == "devices: closed").expect("it ends with closing the devices")
}

fn plan() -> String {
    repository().join("ceremony/minimal.toml").display().to_string()
}

/// Whether the memory of a process holds some bytes; none where the system does not let us look.
fn holds(process: u32, wanted: &[u8]) -> Option<bool> {
    let maps = fs::read_to_string(format!("/proc/{process}/maps")).ok()?;
    let mut memory = File::open(format!("/proc/{process}/mem")).ok()?;
    let mut looked = 0;
    for line in maps.lines() {
        let mut fields = line.split_whitespace();
        let (range, mode) = (fields.next()?, fields.next()?);
        if !mode.starts_with("rw") {
            continue;
        }
        let (from, to) = range.split_once('-')?;
        let (from, to) = (u64::from_str_radix(from, 16).ok()?, u64::from_str_radix(to, 16).ok()?);
        let mut bytes = vec![0; (to - from) as usize];
        if memory.seek(SeekFrom::Start(from)).is_err() || memory.read_exact(&mut bytes).is_err() {
            continue;
        }
        looked += bytes.len();
        if bytes.windows(wanted.len()).any(|window| window == wanted) {
            return Some(true);
        }
    }
    // Less than this is not the whole process.
    (looked > 100_000).then_some(false)
}

/// Holds a ceremony up to the point where the devices are closed, looks into its memory, and ends it.
fn held(site: &Site, terminal: &mut Terminal, go: &Path) {
    let reached = go.with_extension("reached");
    let start = std::time::Instant::now();
    while !reached.exists() {
        assert!(start.elapsed().as_secs() < 60, "{}", terminal.shown());
        std::thread::sleep(std::time::Duration::from_millis(3));
    }
    // What is certainly there is found: the archive's name.
    let name = site.archive().display().to_string();
    match holds(terminal.id(), name.as_bytes()) {
        None => eprintln!("NOT RUN: the memory of another process can't be read here."),
        Some(found) => {
            assert!(found, "the search finds nothing at all");
            assert_eq!(
                holds(terminal.id(), PIN.as_bytes()),
                Some(false),
                "the PIN is in memory after the logout"
            );
        }
    }
    fs::write(go, "").unwrap();
    assert_eq!(terminal.end(), 0, "{}", terminal.shown());
}

#[test]
fn a_pin_is_nowhere_after_the_logout() {
    let probe = site(false);
    let point = closed(&probe);
    for typed in [false, true] {
        let site = site(typed);
        let go = site.folder.path().join("go");
        let pause = format!("{point}:{}", go.display());
        let (archive, path) = (site.archive().display().to_string(), site.path());
        let plan = plan();
        let mut arguments = vec!["run", &plan, "--site", &path, "--archive", &archive];
        if !typed {
            arguments.push("--yes");
        }
        let mut terminal = Terminal::start(&arguments, &[("ROOTWRIGHT_FAULT_PAUSE", &pause)]);
        if typed {
            answers(&mut terminal);
        }
        held(&site, &mut terminal, &go);
        assert!(!terminal.shown().contains(PIN), "the PIN is shown");
        for file in files(site.folder.path()) {
            let bytes = fs::read(site.folder.path().join(&file)).unwrap();
            let own = file.extension().is_some_and(|end| end == "pin");
            let found = bytes.windows(PIN.len()).any(|window| window == PIN.as_bytes());
            assert!(own || !found, "the PIN is in {}", file.display());
        }
    }
}

/// Sits through the ceremony.
fn answers(terminal: &mut Terminal) {
    terminal.answer("Type the ceremony's date, 2026-12-01, to begin", "2026-12-01");
    let now = std::process::Command::new("date").args(["-u", "+%H:%M"]).output().unwrap();
    terminal.answer("What does a clock on the wall say?", String::from_utf8_lossy(&now.stdout).trim());
    terminal.answer("user PIN of root-hsm:", PIN);
    for device in ["root-hsm", "keyholder-1"] {
        terminal.answer("to make what can't be unmade", device);
    }
    for device in ["root-hsm", "root-hsm", "keyholder-1", "keyholder-1", "root-hsm", "root-hsm"] {
        terminal.answer("to sign", device);
    }
}

#[test]
fn the_process_is_guarded() {
    let site = site(false);
    let go = site.folder.path().join("go");
    // Held while the devices are looked at, before any PIN is read.
    let early = format!("5:{}", go.display());
    let (archive, path) = (site.archive().display().to_string(), site.path());
    let arguments = ["run", &plan(), "--site", &path, "--archive", &archive, "--yes"];
    let mut terminal = Terminal::start(&arguments, &[("ROOTWRIGHT_FAULT_PAUSE", &early)]);
    let reached = go.with_extension("reached");
    let start = std::time::Instant::now();
    while !reached.exists() {
        assert!(start.elapsed().as_secs() < 60, "{}", terminal.shown());
        std::thread::sleep(std::time::Duration::from_millis(3));
    }
    let limits = fs::read_to_string(format!("/proc/{}/limits", terminal.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert!(core.split_whitespace().skip(4).take(2).all(|limit| limit == "0"), "{core}");
    let status = fs::read_to_string(format!("/proc/{}/status", terminal.id())).unwrap();
    let locked = status.lines().find(|line| line.starts_with("VmLck:")).unwrap();
    if rustix::process::geteuid().is_root() {
        assert!(!locked.ends_with(" 0 kB"), "{locked}");
    }
    fs::write(&go, "").unwrap();
    terminal.end();
}
