//! The binary in a pseudo-terminal, as a person sits at it.
#![allow(dead_code)]

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use pty_process::Size;
use pty_process::blocking::{Command, open};
use rootwright::plan::Observation;

/// How long a screen may take to show what is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a person presses to pause.
pub const CTRL_C: &str = "\u{3}";

/// A terminal with the binary in it.
pub struct Terminal {
    keyboard: File,
    shown: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
    child: std::process::Child,
    /// Up to here, what was shown was looked at.
    seen: usize,
}

impl Terminal {
    /// Starts the binary.
    pub fn start(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let (pty, pts) = open().expect("a pseudo-terminal");
        pty.resize(Size::new(60, 120)).expect("its size");
        let mut command =
            Command::new(env!("CARGO_BIN_EXE_rootwright")).args(arguments).env_remove("NO_COLOR");
        command = command
            .current_dir(super::support::repository())
            .env_remove("SOFTHSM2_CONF")
            .env("TERM", "xterm");
        for (name, value) in environment {
            command = command.env(name, value);
        }
        let child = command.spawn(pts).expect("the binary runs in it");
        let keyboard = File::from(OwnedFd::from(pty));
        let mut screen = keyboard.try_clone().expect("its screen");
        let shown = Arc::new(Mutex::new(String::new()));
        let copy = shown.clone();
        let reader = std::thread::spawn(move || {
            let (mut bytes, mut rest) = ([0; 4096], Vec::new());
            // At the end, Linux gives an error.
            while let Ok(length @ 1..) = screen.read(&mut bytes) {
                rest.extend(&bytes[..length]);
                let whole = std::str::from_utf8(&rest).map_or_else(|error| error.valid_up_to(), str::len);
                copy.lock().unwrap().push_str(&plain(&String::from_utf8_lossy(&rest[..whole])));
                rest.drain(..whole);
            }
        });
        Self { keyboard, shown, reader: Some(reader), child, seen: 0 }
    }

    /// A ceremony of this site in a terminal.
    pub fn run(plan: &Path, site: &super::support::site::Site, more: &[&str]) -> Self {
        let (plan, archive) = (plan.display().to_string(), site.archive().display().to_string());
        let mut arguments = vec!["run", &plan, "--site", "", "--archive", &archive];
        let path = site.path();
        arguments[3] = &path;
        arguments.extend(more);
        Self::start(&arguments, &[])
    }

    /// Everything that was shown.
    pub fn shown(&self) -> String {
        self.shown.lock().unwrap().clone()
    }

    /// Waits until a text is shown, and gives what came before it and was not looked at yet.
    pub fn expect(&mut self, text: &str) -> String {
        let start = Instant::now();
        loop {
            let shown = self.shown();
            if let Some(at) = shown[self.seen..].find(text) {
                let before = shown[self.seen..self.seen + at].to_string();
                self.seen += at + text.len();
                return before;
            }
            let gone = self.child.try_wait().expect("its state").is_some() && start.elapsed().as_secs() > 2;
            assert!(!gone && start.elapsed() < PATIENCE, "not shown: {text:?}\n{shown}");
            std::thread::sleep(Duration::from_millis(3));
        }
    }

    /// Waits until a text is shown, or the process has ended: none then.
    pub fn expect_or_end(&mut self, text: &str) -> Option<String> {
        let start = Instant::now();
        loop {
            let ended = self.child.try_wait().expect("its state").is_some();
            if self.shown()[self.seen..].contains(text) {
                return Some(self.expect(text));
            }
            if ended {
                return None;
            }
            assert!(start.elapsed() < PATIENCE, "not shown: {text:?}\n{}", self.shown());
            std::thread::sleep(Duration::from_millis(3));
        }
    }

    /// Waits for a question, and answers it with a line.
    pub fn answer(&mut self, question: &str, line: &str) -> String {
        let before = self.expect(question);
        self.press(&format!("{line}\n"));
        before
    }

    /// Presses keys.
    pub fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("the keyboard");
    }

    /// The process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the end, and gives the exit code.
    pub fn end(&mut self) -> i32 {
        let start = Instant::now();
        while self.child.try_wait().expect("its state").is_none() {
            assert!(start.elapsed() < PATIENCE, "it does not end\n{}", self.shown());
            std::thread::sleep(Duration::from_millis(3));
        }
        if let Some(reader) = self.reader.take() {
            reader.join().expect("its screen");
        }
        self.child.wait().expect("its end").code().unwrap_or(-1)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

/// What the plan of [`minimal`] asks people to record before the first step, and after the last.
pub const ASKED: (&[Observation], &[Observation]) = {
    use Observation::*;
    (
        &[Boot, Radios, Entry, Video, Certificate, Defaults, Shares],
        &[DeviceLog, Video, Media, Custody, Destroyed, Retention, Exit],
    )
};

/// What is answered to a question that the plan asks.
pub fn said(what: Observation, question: &str) -> String {
    format!("{what}: {}", question.trim_end_matches('?').to_lowercase())
}

/// Answers what the plan asks for, each once.
fn recorded(terminal: &mut Terminal, asked: &[Observation]) {
    for what in asked {
        terminal.expect(&format!("{} The plan asks for it.", what.title()));
        for question in what.questions() {
            terminal.answer(question, &said(*what, question));
        }
        terminal.answer(&format!("Type {what} to record another one, or Enter to go on:"), "");
    }
}

/// The minimal plan with people, a fingerprint that is read back, and all that a plan can ask for.
pub fn minimal(site: &super::support::site::Site) -> PathBuf {
    let text = std::fs::read_to_string(super::support::repository().join("ceremony/minimal.toml"));
    let words = |asked: &[Observation]| asked.iter().map(|what| what.as_str()).collect::<Vec<_>>();
    let lines = format!(
        "[ceremony]\nread-back = [\"issue/root\"]\nask-before = {:?}\nask-after = {:?}\n",
        words(ASKED.0),
        words(ASKED.1)
    );
    let text = text.expect("the plan").replacen("[ceremony]\n", &lines, 1);
    let people = "[people]\noperator = { role = \"operator\" }\nwitness-1 = { role = \"witness\" }\n";
    let path = site.folder.path().join("plan.toml");
    std::fs::write(&path, text.replace("[people]\n", people)).expect("the plan with people");
    path
}

/// A whole ceremony of [`minimal`], as people take it; gives what was shown.
pub fn led_through(plan: &Path, site: &super::support::site::Site) -> String {
    let mut terminal = Terminal::run(plan, site, &[]);
    terminal.answer("Type the ceremony's date, 2026-12-01, to begin", "bag");
    for (question, answer) in [
        ("Which number?", "B-1047"),
        ("What is in it?", "root-hsm"),
        ("Opened or closed?", "opened"),
        ("By whom?", "witness-1"),
    ] {
        terminal.answer(question, answer);
    }
    led(terminal, ASKED)
}

/// A whole ceremony of [`minimal`] from its first question on, as people take it, with what its plan asks for
/// before and after; gives what was shown.
pub fn led(mut terminal: Terminal, asked: (&[Observation], &[Observation])) -> String {
    terminal.answer("Type the ceremony's date, 2026-12-01, to begin", "2026-12-01");
    let clock = std::process::Command::new("date").args(["-u", "+%H:%M"]).output().expect("a clock");
    let clock = String::from_utf8_lossy(&clock.stdout).trim().to_string();
    terminal.answer("What does a clock on the wall say?", &clock);
    recorded(&mut terminal, asked.0);
    for device in ["root-hsm", "keyholder-1", "root-hsm"] {
        terminal.answer(&format!("Type {device}, or its serial"), device);
    }
    for _ in 0..3 {
        terminal.expect("Word ");
        let place: usize = terminal.expect(":").trim().parse().expect("a place");
        // Eight numbered rows of four words.
        let (row, column) = ((place - 1) / 4 * 4 + 1, (place - 1) % 4);
        let shown = terminal.shown();
        let row = shown.lines().rfind(|line| line.trim_start().starts_with(&format!("{row}  ")));
        let word = row.and_then(|row| row.split_whitespace().nth(1 + column)).expect("the word");
        terminal.press(&format!("{word}\n"));
    }
    for device in ["root-hsm", "keyholder-1", "keyholder-1", "root-hsm", "root-hsm"] {
        terminal.answer(&format!("Type {device}, or its serial"), device);
    }
    recorded(&mut terminal, asked.1);
    assert_eq!(terminal.end(), 0, "{}", terminal.shown());
    terminal.shown()
}

/// Without colours and what else steers a terminal.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        let end = after.find(|c: char| c.is_ascii_alphabetic()).map_or(after.len(), |at| at + 1);
        rest = &after[end..];
    }
    plain.push_str(rest);
    plain.replace('\r', "")
}
