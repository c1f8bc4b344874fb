//! What a plan asks people to record is asked until it is there, once, and over a pause.

mod support;
#[path = "support/terminal.rs"]
mod terminal;

use std::fs;
use std::path::PathBuf;

use rootwright::archive::{self, Event};
use rootwright::plan::Observation;
use support::repository;
use support::site::Site;
use terminal::{Terminal, said};

/// A single key, and what is recorded around it.
fn plan(site: &Site) -> PathBuf {
    let text = fs::read_to_string(repository().join("ceremony/minimal.toml")).unwrap();
    let asks = "[ceremony]\nask-before = [\"bag\"]\nask-after = [\"media\", \"bag\"]\n";
    let path = site.folder.path().join("plan.toml");
    fs::write(&path, text.replacen("[ceremony]\n", asks, 1)).unwrap();
    path
}

fn begin(terminal: &mut Terminal) {
    terminal.answer("Type the ceremony's date, 2026-12-01, to begin", "2026-12-01");
    let clock = std::process::Command::new("date").args(["-u", "+%H:%M"]).output().unwrap();
    terminal.answer("What does a clock on the wall say?", String::from_utf8(clock.stdout).unwrap().trim());
}

fn answer(terminal: &mut Terminal, what: Observation) {
    for question in what.questions() {
        terminal.answer(question, &said(what, question));
    }
    terminal.expect("noted");
}

#[test]
fn a_pause_among_the_questions_loses_nothing_and_asks_nothing_twice() {
    let site = Site::new("rehearsal", &["root-hsm", "keyholder-1"]);
    let plan = plan(&site);
    let mut first = Terminal::run(&plan, &site, &[]);
    begin(&mut first);
    first.expect("A tamper-evident bag. The plan asks for it.");
    answer(&mut first, Observation::Bag);
    // No step was taken, and what was typed stands: nobody types it again.
    first.expect("or Enter to go on:");
    first.press(terminal::CTRL_C);
    assert_eq!(first.end(), 3, "{}", first.shown());
    let mut first = Terminal::run(&plan, &site, &[]);
    begin(&mut first);
    // Another one of the same, and something else in between.
    first.answer("Type bag to record a further one, or Enter to go on:", "bag");
    answer(&mut first, Observation::Bag);
    first.answer("or Enter to go on:", "entry");
    answer(&mut first, Observation::Entry);
    first.answer("or Enter to go on:", "crate");
    first.expect("that is neither bag nor Enter");
    first.answer("or Enter to go on:", "");
    let devices = [
        "root-hsm",
        "keyholder-1",
        "root-hsm",
        "root-hsm",
        "keyholder-1",
        "keyholder-1",
        "root-hsm",
        "root-hsm",
    ];
    for device in devices {
        first.answer(&format!("Type {device}, or its serial"), device);
    }
    first.expect("A medium with a copy. The plan asks for it.");
    first.answer("Which medium?", "the first");
    first.expect("What is on it?");
    first.press(terminal::CTRL_C);
    assert_eq!(first.end(), 3, "{}", first.shown());
    // All steps were taken; what is left is to record.
    let mut second = Terminal::run(&plan, &site, &[]);
    begin(&mut second);
    second.expect("A tamper-evident bag. The plan asks for it.");
    second.answer("Type bag to record a further one, or Enter to go on:", "");
    second.expect("A medium with a copy. The plan asks for it.");
    answer(&mut second, Observation::Media);
    second.answer("or Enter to go on:", "");
    // Two bags were opened before; the plan asks for one before and one after.
    second.expect("A tamper-evident bag. The plan asks for it.");
    second.answer("Type bag to record a further one, or Enter to go on:", "bag");
    answer(&mut second, Observation::Bag);
    second.answer("or Enter to go on:", "");
    assert_eq!(second.end(), 0, "{}", second.shown());
    let records = archive::read(&site.archive()).unwrap().0.records;
    let mut recorded = Vec::new();
    for record in records {
        if let Event::ObservationRecorded { what, said: found } = record.event {
            for question in what.questions() {
                assert_eq!(found[*question], said(what, question));
            }
            recorded.push(what);
        }
    }
    use Observation::{Bag, Entry, Media};
    assert_eq!(recorded, [Bag, Bag, Entry, Media, Bag]);
    // Done is done: nothing is asked.
    let mut third = Terminal::run(&plan, &site, &[]);
    assert_eq!(third.end(), 0, "{}", third.shown());
    assert!(!third.shown().contains("The plan asks for it"), "{}", third.shown());
}
