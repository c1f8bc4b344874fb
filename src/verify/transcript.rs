//! What the journal tells beside the steps, against the steps: uses of keys are as many as were counted,
//! devices hold what they held and what was made, and refuse what they claim to refuse.

use std::collections::{BTreeMap, BTreeSet};

use super::files::JOURNAL;
use super::report::{Area, Entry, Sheet};
use crate::archive::event::Moment;
use crate::archive::{Event, Record};

/// What the journal has of a random source that works.
const ANSWERS: &str = "answers";

/// An object on a device, as it is listed.
type Object<'a> = (&'a str, &'a str, &'a str, &'a str);

/// What a run has shown so far.
#[derive(Default)]
struct Run<'a> {
    uses: BTreeMap<&'a str, u64>,
    /// Keys that were made, or copied.
    made: BTreeSet<&'a str>,
    /// What devices held before, by device.
    before: BTreeMap<&'a str, Vec<Object<'a>>>,
}

/// Checks every run.
pub fn check(records: &[Record], sheet: &mut Sheet) {
    let mut entry = sheet.on(Area::Journal, JOURNAL);
    let mut run = Run::default();
    let (mut counted, mut wrong, mut listed, mut answers) = (0_usize, false, 0_usize, 0_usize);
    for record in records {
        let line = record.seq;
        match &record.event {
            Event::CeremonyStarted { .. } => run = Run::default(),
            Event::SignatureIntended { key, .. } | Event::SignatureRepeated { key, .. } => {
                let count = run.uses.entry(key.as_str()).or_default();
                *count = count.saturating_add(1);
            }
            // What is made on a device has its key's name.
            Event::KeyIntended { key, .. } => _ = run.made.insert(key.as_str()),
            // A copy signs once, to prove itself.
            Event::CopyIntended { key, .. } => {
                run.made.insert(key.as_str());
                let count = run.uses.entry(key.as_str()).or_default();
                *count = count.saturating_add(1);
            }
            Event::DeviceInventoried { device, when, objects, random, .. } => {
                match random.as_deref() {
                    Some(ANSWERS) => answers = answers.saturating_add(1),
                    Some(other) => {
                        entry.warning(format!("line {line}: the random source of {device}: {other}"))
                    }
                    None => {}
                }
                let now: Vec<Object<'_>> = objects
                    .iter()
                    .map(|one| {
                        (one.class.as_str(), one.label.as_str(), one.id.as_str(), one.key_type.as_str())
                    })
                    .collect();
                match when {
                    Moment::Before => _ = run.before.insert(device.as_str(), now),
                    Moment::After => {
                        listed = listed.saturating_add(1);
                        run.compare((line, device.as_str()), &now, &mut entry);
                    }
                }
            }
            Event::DeviceProbed { device, tried, .. } => {
                for (what, _) in tried.iter().filter(|(_, came)| *came == "accepted") {
                    entry.warning(format!(
                        "line {line}: {device} accepted for a throwaway key what it should refuse: {what}"
                    ));
                }
            }
            Event::OperationsCounted { keys } => {
                counted = counted.saturating_add(1);
                let said = keys.iter().filter(|(_, uses)| uses.made > 0);
                let said: BTreeMap<&str, u64> = said.map(|(key, uses)| (key.as_str(), uses.made)).collect();
                if said != run.uses {
                    wrong = true;
                    entry.failed(format!(
                        "line {line}: uses of keys are counted as {said:?}, and the lines before have {:?}",
                        run.uses
                    ));
                }
                for (key, uses) in keys.iter().filter(|(_, uses)| uses.made > uses.planned) {
                    entry.warning(format!(
                        "line {line}: {key} was used {} times, and the steps needed {}",
                        uses.made, uses.planned
                    ));
                }
            }
            _ => {}
        }
    }
    if counted > 0 && !wrong {
        entry.ok(format!("uses of private keys are as many as were counted, in {counted} runs"));
    }
    if answers > 0 {
        entry.ok(format!("{answers} times a device's random source answered before it was used"));
    }
    if listed > 0 {
        entry.ok(format!("{listed} times a device was listed after its last step, and before its first"));
    }
}

impl Run<'_> {
    /// What a device holds after its last step: what it held, and keys that were made.
    fn compare(&self, (line, device): (u64, &str), now: &[Object<'_>], entry: &mut Entry<'_>) {
        let none = Vec::new();
        let before = self.before.get(device).unwrap_or(&none);
        for (class, label, ..) in now.iter().filter(|object| !before.contains(object)) {
            if !self.made.contains(label) {
                entry.warning(format!(
                    "line {line}: {device} holds a {class} labelled `{label}` that no step made"
                ));
            }
        }
        for (class, label, ..) in before.iter().filter(|object| !now.contains(object)) {
            if !self.made.contains(label) {
                entry.warning(format!(
                    "line {line}: {device} does not hold a {class} labelled `{label}` any more"
                ));
            }
        }
    }
}
