//! At a terminal, people are led, asked, waited for, and can pause; nothing that they type is lost.

mod support;
#[path = "support/terminal.rs"]
mod terminal;

use std::fs;
use std::path::{Path, PathBuf};

use rootwright::archive::{self, Confirmation, Event};
use support::site::Site;
use support::{repository, run};
use terminal::{CTRL_C, Terminal};

const DEVICES: &[&str] = &["root-hsm", "keyholder-1"];

/// The minimal plan with a day, people, and fingerprints that are read back.
fn plan(site: &Site) -> PathBuf {
    let text = fs::read_to_string(repository().join("ceremony/minimal.toml")).unwrap();
    let back = "read-back = [\"issue/root\"]\n";
    let (head, rest) = text.split_once("[ceremony]\n").unwrap();
    let text = format!("{head}[ceremony]\n{back}{rest}");
    let text = text.replace(
        "[people]\n",
        "[people]\noperator = { role = \"operator\" }\nwitness-1 = { role = \"witness\" }\n",
    );
    let path = site.folder.path().join("plan.toml");
    fs::write(&path, text).unwrap();
    path
}

/// The machine's clock, in UTC.
fn clock() -> String {
    let output = std::process::Command::new("date").args(["-u", "+%Y-%m-%dT%H:%M"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_string()
}

/// A rehearsal's site on today's date, with somebody's name and a typed PIN.
fn site() -> Site {
    let site = Site::new("rehearsal", DEVICES);
    let text =
        site.text().replace("[environment]", "[people]\nkeyholder-1 = \"Ada Example\"\n\n[environment]");
    let typed = text.replacen("pin = { file = \"root-hsm.pin\" }", "pin = \"prompt\"", 1);
    assert_ne!(typed, text);
    fs::write(site.path(), typed).unwrap();
    site
}

const DATE: &str = "Type the ceremony's date, 2026-12-01, to begin";
const WALL: &str = "What does a clock on the wall say?";

fn opened(terminal: &mut Terminal) {
    terminal.answer(DATE, "2026-12-01");
    terminal.answer(WALL, &clock()[11..]);
}

/// Answers a fingerprint's question for a word, from what stands on the screen.
fn read_back(terminal: &mut Terminal, first_wrong: bool) {
    for n in 0..3 {
        terminal.expect("Word ");
        let place = terminal.expect(":");
        let place: usize = place.trim().parse().unwrap();
        let shown = terminal.shown();
        if n == 0 && first_wrong {
            terminal.press("aardvark-not\n");
            terminal.expect(&format!("that is not word {place}"));
            terminal.expect(&format!("Word {place}:"));
        }
        terminal.press(&format!("{}\n", word(&shown, place)));
    }
    terminal.expect("read back");
}

/// A word of the fingerprint that was shown last: eight numbered rows of four.
fn word(shown: &str, place: usize) -> String {
    let first = (place - 1) / 4 * 4 + 1;
    let row = shown.lines().rfind(|line| line.trim_start().starts_with(&format!("{first}  "))).unwrap();
    row.split_whitespace().nth(1 + (place - 1) % 4).unwrap().to_lowercase()
}

fn events(archive: &Path) -> Vec<Event> {
    archive::read(archive).unwrap().0.records.into_iter().map(|record| record.event).collect()
}

#[test]
fn the_operator_is_led_through_a_whole_ceremony() {
    let site = site();
    let plan = plan(&site);
    let mut terminal = Terminal::run(&plan, &site, &[]);
    // A wrong answer asks again. The plan's hash stands there to be read aloud.
    let opening = terminal.answer(DATE, "2026-12-02");
    assert!(opening.contains("A rehearsal of A first look"), "{opening}");
    assert!(opening.contains("Read aloud the plan's SHA-256"), "{opening}");
    let hash = rootwright::pki::sha256_hex(&fs::read(&plan).unwrap());
    assert!(opening.contains(&format!("{} {}", &hash[..8], &hash[8..16])), "{opening}");
    terminal.expect("that is not the date");
    // What goes wrong is recorded at any prompt; an answer that is left out leaves it all out.
    terminal.answer(DATE, "deviation");
    terminal.answer("What was expected?", "nine o'clock");
    terminal.answer("What happened?", "ten o'clock");
    terminal.answer("What was decided?", "begin at ten");
    terminal.answer("By whom?", "the administrator");
    terminal.expect("noted");
    terminal.answer(DATE, "destroyed");
    terminal.answer("What?", "the medium of the rehearsal");
    terminal.answer("How?", "shredded");
    terminal.answer("By whom?", "the administrator");
    terminal.answer("The initials of two who saw it?", "AE, BF");
    terminal.expect("noted");
    terminal.answer(DATE, "refusal");
    terminal.expect("Who does not sign off?");
    terminal.press(CTRL_C);
    terminal.expect("left out");
    terminal.answer(DATE, "?");
    terminal.expect("records that a person does not sign off");
    terminal.answer(DATE, "2026-12-01");
    terminal.answer(WALL, "noon");
    terminal.expect("expected hours and minutes");
    let wall = terminal.answer(WALL, &clock()[11..]);
    assert!(wall.contains("witness-1:"), "{wall}");
    // One typed PIN is one attempt; after a wrong one a person decides.
    terminal.answer("user PIN of root-hsm:", "not-the-pin-77");
    let wrong = terminal.expect("root-hsm stands in the way");
    assert!(!wrong.contains("not-the-pin-77"), "a PIN is shown: {wrong}");
    let wrong = terminal.answer("What now?", "");
    assert!(
        wrong.contains("wrong PIN of the user") && wrong.contains("the count of tries is low"),
        "{wrong}"
    );
    let again = terminal.answer("user PIN of root-hsm:", "123456");
    assert!(again.contains("A wrong PIN was typed at this token"), "{again}");
    let table = terminal.expect("steps are to be taken");
    assert!(table.contains("3 keys to make"), "{table}");
    // A device's turn wants its name or serial, and no yes.
    let turn = terminal.answer("Type root-hsm, or its serial, to make what can't be unmade", "y");
    assert!(turn.contains("operator, on root-hsm, serial"), "{turn}");
    assert!(turn.contains("will generate the ecdsa-p384 key root on root-hsm"), "{turn}");
    terminal.expect("that is neither root-hsm nor its serial");
    terminal.answer("Type root-hsm", "root-hsm");
    let aloud = terminal.expect("Read aloud the SHA-256 of the public key root:");
    assert!(aloud.contains("✓  generate the ecdsa-p384 key root"), "{aloud}");
    // By its serial too, and the person by their name.
    let turn = terminal.expect("Type keyholder-1, or its serial");
    let serial = turn.split("serial ").nth(1).unwrap().split_whitespace().next().unwrap().to_string();
    assert!(turn.contains("Ada Example (keyholder-1), on keyholder-1"), "{turn}");
    terminal.press(&format!("{serial}\n"));
    // What is signed is shown before it is.
    let preview = terminal.answer("Type root-hsm, or its serial, to sign", "root-hsm");
    for fact in ["will sign certificates.root with the key root", "subject", "valid to", "SHA-256"] {
        assert!(preview.contains(fact), "{fact}: {preview}");
    }
    terminal.expect("Read aloud the SHA-256 of the certificate root:");
    let asked = terminal.expect("Type back words of the fingerprint of");
    assert!(asked.contains("witness-1:"), "{asked}");
    read_back(&mut terminal, true);
    terminal.answer("to sign", "root-hsm");
    // Root and targets by the keyholder, snapshot and timestamp by the online key.
    let root = terminal.answer("to sign", "keyholder-1");
    assert!(root.contains("tuf-root") && root.contains("root: 1 of 1 keys"), "{root}");
    let targets = terminal.answer("to sign", "keyholder-1");
    assert!(targets.contains("trusted_root.json"), "{targets}");
    terminal.answer("to sign", "root-hsm");
    terminal.answer("to sign", "refusal");
    terminal.answer("Who does not sign off?", "witness-1");
    terminal.answer("On what?", "the snapshot");
    terminal.answer("Why not?", "I was out of the room");
    terminal.answer("to sign", "root-hsm");
    assert_eq!(terminal.end(), 0, "{}", terminal.shown());
    assert!(!terminal.shown().contains("123456"), "a PIN is shown");
    let verified = run(["verify", &site.archive().display().to_string()]);
    assert_eq!(verified.code, 0, "{}", verified.shown());
    recorded(&site.archive());
}

/// What people said and did stands in the journal, and in what `show` makes of it.
fn recorded(archive: &Path) {
    let events = events(archive);
    let confirmed = |wanted: Confirmation| {
        let of = |event: &&Event| matches!(event, Event::Confirmed { what, .. } if *what == wanted);
        events.iter().filter(of).count()
    };
    assert_eq!(
        [Confirmation::Begin, Confirmation::Generate, Confirmation::Sign, Confirmation::ReadBack]
            .map(confirmed),
        [1, 2, 6, 1]
    );
    assert!(events.iter().any(|event| matches!(event, Event::ClockRead { by: Some(by), skew, .. }
        if by.as_str() == "witness-1" && skew.abs() <= 120)));
    let shown = run(["show", &archive.join("journal.jsonl").display().to_string()]);
    for text in
        ["nine o'clock", "begin at ten, by the administrator", "witness-1 does not sign off the snapshot"]
    {
        assert!(shown.out.contains(text), "{text}: {}", shown.shown());
    }
    // What no program can know is captured for the report, under its number.
    let page = archive.with_file_name("report.html").display().to_string();
    let report = run(["report", &archive.display().to_string(), "-o", &page, "--json"]).json();
    let status = |id: &str| {
        let item = report["items"].as_array().unwrap().iter().find(|item| item["id"] == id).unwrap();
        item["status"].as_str().unwrap().to_string()
    };
    assert_eq!([status("E-38"), status("E-43")], ["captured", "absent"]);
    let people = events.iter().find_map(|event| match event {
        Event::CeremonyStarted { people, .. } => Some(people.clone()),
        _ => None,
    });
    assert_eq!(people.unwrap().values().next().unwrap(), "Ada Example");
}

#[test]
fn ctrl_c_pauses_between_steps_and_the_same_command_goes_on() {
    let site = site();
    let plan = plan(&site);
    // At a prompt before anything was written.
    let mut terminal = Terminal::run(&plan, &site, &[]);
    terminal.expect(DATE);
    terminal.press(CTRL_C);
    assert_eq!(terminal.end(), 3, "{}", terminal.shown());
    assert!(!site.archive().exists());
    // At a PIN, which is no attempt.
    let mut terminal = Terminal::run(&plan, &site, &[]);
    opened(&mut terminal);
    terminal.expect("user PIN of root-hsm:");
    terminal.press(CTRL_C);
    assert_eq!(terminal.end(), 3, "{}", terminal.shown());
    assert!(!site.archive().exists());
    // Between steps: what was made stands, and the message has the command.
    let mut terminal = Terminal::run(&plan, &site, &[]);
    opened(&mut terminal);
    let pin = terminal.answer("user PIN of root-hsm:", "123456");
    assert!(!pin.contains("wrong PIN was typed"), "{pin}");
    terminal.answer("Type root-hsm", "root-hsm");
    terminal.expect("Type keyholder-1");
    terminal.press("pause\n");
    assert_eq!(terminal.end(), 3, "{}", terminal.shown());
    let shown = terminal.shown();
    assert!(shown.contains("to go on:") && shown.contains("--site"), "{shown}");
    assert!(shown.contains("man --recovery paused"), "{shown}");
    let made = |event: &&Event| matches!(event, Event::KeyMade { .. });
    assert_eq!(events(&site.archive()).iter().filter(made).count(), 3);
    let mut terminal = Terminal::run(&plan, &site, &[]);
    opened(&mut terminal);
    terminal.answer("user PIN of root-hsm:", "123456");
    let next = terminal.answer("or its serial", "keyholder-1");
    assert!(next.contains("will generate the ecdsa-p256 key keyholder-1"), "{next}");
    terminal.answer("to sign", "root-hsm");
    // A read-back that a pause left open is asked for when the ceremony goes on.
    terminal.expect("Word ");
    terminal.press(CTRL_C);
    assert_eq!(terminal.end(), 3, "{}", terminal.shown());
    let mut terminal = Terminal::run(&plan, &site, &[]);
    opened(&mut terminal);
    terminal.answer("user PIN of root-hsm:", "123456");
    read_back(&mut terminal, false);
    terminal.answer("to sign", "pause");
    assert_eq!(terminal.end(), 3, "{}", terminal.shown());
}

#[test]
fn a_signal_in_the_middle_of_a_step_pauses_after_it() {
    let site = Site::new("rehearsal", DEVICES);
    let plan = plan(&site);
    let go = site.folder.path().join("go");
    let (plan, archive) = (plan.display().to_string(), site.archive().display().to_string());
    // Held inside the first generation.
    let log = site.folder.path().join("points");
    let probe = support::rootwright()
        .args(["run", &plan, "--site", &site.path(), "--archive", &archive, "--dry-run"])
        .env("ROOTWRIGHT_FAULT_LOG", &log)
        .output()
        .unwrap();
    assert!(probe.status.success());
    let before = fs::read_to_string(&log).unwrap().lines().count();
    for (number, code) in [(before, 3), (before + 60, 3)] {
        let pause = format!("{number}:{}", go.display());
        let arguments = ["run", &plan, "--site", &site.path(), "--archive", &archive, "--yes"];
        let mut terminal = Terminal::start(&arguments, &[("ROOTWRIGHT_FAULT_PAUSE", &pause)]);
        let reached = site.folder.path().join("go.reached");
        let start = std::time::Instant::now();
        while !reached.exists() {
            assert!(start.elapsed().as_secs() < 60, "{}", terminal.shown());
            std::thread::sleep(std::time::Duration::from_millis(3));
        }
        terminal.press(CTRL_C);
        terminal.expect("Pausing when this step is done");
        fs::write(&go, "").unwrap();
        assert_eq!(terminal.end(), code, "{}", terminal.shown());
        fs::remove_file(&go).unwrap();
        fs::remove_file(&reached).unwrap();
    }
    let open = archive::read(&site.archive()).unwrap().1.open;
    assert!(open.is_empty(), "a step was cut off: {open:?}");
    assert_eq!(site.run(Path::new(&plan)).code, 0);
}

#[test]
fn a_device_that_is_not_there_is_waited_for_or_put_off() {
    let site = Site::new("rehearsal", DEVICES);
    let plan = plan(&site);
    let (tokens, away) = (site.folder.path().join("tokens"), site.folder.path().join("away"));
    fs::rename(&tokens, &away).unwrap();
    fs::create_dir(&tokens).unwrap();
    let mut terminal = Terminal::run(&plan, &site, &[]);
    opened(&mut terminal);
    let missing = terminal.answer("What now?", "what?");
    assert!(
        missing.contains("root-hsm stands in the way") && missing.contains("label `root-hsm`"),
        "{missing}"
    );
    terminal.expect("that is none of these");
    // Looked for again: still not there, then there.
    terminal.answer("What now?", "");
    terminal.expect("stands in the way");
    fs::remove_dir_all(&tokens).unwrap();
    fs::rename(&away, &tokens).unwrap();
    terminal.answer("What now?", "");
    terminal.expect("15 steps are to be taken");
    terminal.press(CTRL_C);
    terminal.expect("Type root-hsm");
    drop(terminal);

    // Put off: the keyholder's steps come after all that does not wait for them.
    let site = Site::new("rehearsal", DEVICES);
    let plan = self::plan(&site);
    let tokens = site.folder.path().join("tokens");
    let away = site.hide("keyholder-1");
    let mut terminal = Terminal::run(&plan, &site, &[]);
    opened(&mut terminal);
    let missing = terminal.answer("What now?", "later");
    assert!(missing.contains("keyholder-1 stands in the way"), "{missing}");
    terminal.answer("Type root-hsm", "root-hsm");
    terminal.answer("to sign", "root-hsm");
    read_back(&mut terminal, false);
    terminal.answer("to sign", "root-hsm");
    let asked = terminal.expect("keyholder-1 stands in the way");
    assert!(asked.contains("✓  sign the certificate fulcio"), "{asked}");
    // SoftHSM sees a token that came back only when it starts.
    fs::rename(&away.0, &away.1).unwrap();
    terminal.answer("What now?", "");
    terminal.answer("What now?", "restart");
    // One that is pulled away while it is used.
    terminal.expect("Type keyholder-1");
    let tokens_away = tokens.with_file_name("pulled");
    fs::rename(&tokens, &tokens_away).unwrap();
    terminal.press("keyholder-1\n");
    let failed = terminal.expect("What now?");
    assert!(failed.contains("✗  generate the ecdsa-p256 key keyholder-1"), "{failed}");
    if tokens.exists() {
        fs::remove_dir_all(&tokens).unwrap();
    }
    fs::rename(&tokens_away, &tokens).unwrap();
    terminal.press("restart\n");
    terminal.answer("to sign", "keyholder-1");
    terminal.answer("to sign", "keyholder-1");
    terminal.answer("to sign", "root-hsm");
    terminal.answer("to sign", "root-hsm");
    assert_eq!(terminal.end(), 0, "{}", terminal.shown());
    let verified = run(["verify", &site.archive().display().to_string()]);
    assert_eq!(verified.code, 0, "{}", verified.shown());
}

#[test]
fn nobody_is_asked_with_yes_or_without_a_terminal() {
    let site = Site::new("rehearsal", DEVICES);
    let plan = plan(&site);
    let mut terminal = Terminal::run(&plan, &site, &["--yes"]);
    assert_eq!(terminal.end(), 0, "{}", terminal.shown());
    assert!(!terminal.shown().contains("Type "), "{}", terminal.shown());
    // A PIN that must be typed, and nobody is asked.
    let site = self::site();
    let plan = self::plan(&site);
    let without = site.run(&plan);
    assert_eq!(without.code, 3, "{}", without.shown());
    let mut terminal = Terminal::run(&plan, &site, &["--yes"]);
    assert_eq!(terminal.end(), 3, "{}", terminal.shown());
    for shown in [terminal.shown(), without.err] {
        assert!(shown.contains("no PIN was typed") && shown.contains("without --yes"), "{shown}");
    }
    assert!(!site.archive().exists());
}

#[test]
fn a_long_call_shows_that_it_is_alive() {
    let site = Site::new("rehearsal", DEVICES);
    let text = fs::read_to_string(plan(&site)).unwrap();
    let (key, slow) = ("algorithm = \"ecdsa-p384\"", "algorithm = \"rsa-4096\"");
    assert!(text.contains(key));
    let slow_plan = site.folder.path().join("slow.toml");
    fs::write(&slow_plan, text.replacen(key, slow, 1)).unwrap();
    let mut terminal = Terminal::run(&slow_plan, &site, &["--yes"]);
    let running = terminal.expect("✓  generate the rsa-4096 key root");
    let frames = running.matches("generate the rsa-4096 key root on root-hsm").count();
    assert!(frames >= 2, "{frames} frames: {running}");
    assert_eq!(terminal.end(), 0, "{}", terminal.shown());
}
