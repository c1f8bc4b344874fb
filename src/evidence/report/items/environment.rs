//! The environment: E-08 to E-13.

use super::{How, Item, Part, Proof, item, observed};
use crate::archive::event::Observation;
use crate::archive::{Event, Record};
use crate::evidence::report::Facts;
use crate::site::MachineCheck;
use crate::token::random::ANSWERS;
use crate::verify::Area;

pub(super) fn items(facts: &Facts<'_>) -> Vec<Item> {
    // Looked at, and nothing found: or found, and waived with a reason, which the deviations show.
    let looked = |check: MachineCheck| {
        move |event: &Event| match event {
            Event::MachineChecked { findings } => {
                findings.iter().all(|finding| finding.id != check || finding.waived.is_some())
            }
            _ => false,
        }
    };
    let machine = |what: &'static str, such: fn(&str) -> bool| {
        move |event: &Event| match event {
            Event::MachineDescribed { facts } => facts.get(what).is_some_and(|found| such(found)),
            _ => false,
        }
    };
    let first = facts.records.first().filter(|record| matches!(record.event, Event::CeremonyStarted { .. }));
    let empty = first.map(|record: &Record| Proof::Line(record.seq));
    vec![
        item(
            "E-08",
            "the started medium's hash; swap off, core dumps off",
            vec![
                facts.by_lines("the medium's hash", How::Captured, observed(Observation::Boot)),
                facts.by_lines("swap", How::Automated, looked(MachineCheck::Swap)),
                facts.by_lines("core dumps", How::Automated, looked(MachineCheck::CoreDumps)),
            ],
        ),
        item(
            "E-09",
            "air gap: links, addresses, radios",
            vec![
                facts.by_lines("links", How::Automated, looked(MachineCheck::Network)),
                facts.by_lines("addresses", How::Captured, observed(Observation::Radios)),
                facts.by_lines("radios", How::Captured, observed(Observation::Radios)),
            ],
        ),
        item(
            "E-10",
            "the system's clock against one on the wall, read by a witness; the skew kept",
            vec![
                facts.by_lines("read from the wall, with the skew", How::Captured, |event| {
                    matches!(event, Event::ClockRead { .. })
                }),
                facts.by_lines("the day is the plan's", How::Automated, looked(MachineCheck::ClockDay)),
            ],
        ),
        item(
            "E-11",
            "kernel's and devices' random sources answer",
            vec![
                facts.by_lines(
                    "the kernel's",
                    How::Automated,
                    machine("random source", |found| found == "answers"),
                ),
                facts.by_lines("the devices'", How::Automated, |event| {
                    matches!(event, Event::DeviceInventoried { random: Some(random), .. } if random == ANSWERS)
                }),
            ],
        ),
        item(
            "E-12",
            "the tool's version, own hash, dependency list, known-answer tests",
            vec![
                facts.by_lines(
                    "version",
                    How::Automated,
                    |event| matches!(event, Event::CeremonyStarted { tool, .. } if !tool.is_empty()),
                ),
                facts.by_lines("own hash", How::Automated, |event| {
                    matches!(event, Event::ToolIdentified { sha256: Some(_), .. })
                }),
                facts.by_lines("dependency list, by its hash", How::Automated, |event| {
                    matches!(event, Event::ToolIdentified { dependencies, .. } if !dependencies.is_empty())
                }),
                facts.by_lines(
                    "known-answer tests",
                    How::Automated,
                    machine("known-answer tests", |found| found.starts_with("passed: ")),
                ),
            ],
        ),
        item(
            "E-13",
            "outputs empty at the beginning, created exclusively",
            vec![
                Part {
                    what: "empty: its first line is the first ceremony's start",
                    how: How::Automated,
                    proofs: empty.into_iter().collect(),
                },
                facts.by_checks("each file is as a line recorded it", Area::Files, "recorded it"),
            ],
        ),
    ]
}
