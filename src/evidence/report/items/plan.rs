//! Plan and people: E-01 to E-07.

use super::{How, Item, Part, Proof, absent, item};
use crate::archive::event::Observation;
use crate::archive::{Confirmation, Event};
use crate::evidence::report::Facts;
use crate::plan::{Plan, Source};
use crate::verify::Area;

pub(super) fn items(facts: &Facts<'_>) -> Vec<Item> {
    let started = |event: &Event| matches!(event, Event::CeremonyStarted { .. });
    let has = |holds: bool| move |event: &Event| holds && started(event);
    let plan = facts.plan;
    let policy = plan.is_some_and(|plan| plan.ceremony.policy.is_some());
    let begun = |event: &Event| matches!(event, Event::Confirmed { what: Confirmation::Begin, .. });
    let pauses = facts.held.iter().flat_map(|held| held.sittings.iter().skip(1));
    let pauses = pauses.filter_map(|sitting| sitting.records.first()).map(|record| Proof::Line(record.seq));
    vec![
        item(
            "E-01",
            "the plan's hash and words, read aloud before any device is touched",
            vec![
                facts.by_lines("the hash is recorded", How::Automated, started),
                Part {
                    proofs: before_devices(facts),
                    ..facts.by_lines(
                        "read aloud, and the date typed, before the first device",
                        How::Captured,
                        begun,
                    )
                },
            ],
        ),
        item(
            "E-02",
            "the plan pins the tool's hash, the policy's section, the rules' version",
            vec![
                Part { proofs: tool(facts), ..absent("the tool's hash, and that it ran", How::Automated) },
                facts.by_lines("the policy", How::Automated, has(policy)),
                facts.by_lines("the profile of rules", How::Automated, has(plan.is_some())),
            ],
        ),
        item(
            "E-03",
            "approvals of the plan",
            vec![facts.by_lines("approvals, each signed", How::Captured, |event| {
                matches!(event, Event::ApprovalRecorded { .. })
            })],
        ),
        item(
            "E-04",
            "named roles, separation, quorum per step",
            vec![
                facts.by_lines(
                    "roles",
                    How::Automated,
                    has(plan.is_some_and(|plan| !plan.people.is_empty())),
                ),
                facts.by_lines(
                    "people's names",
                    How::Captured,
                    |event| matches!(event, Event::CeremonyStarted { people, .. } if !people.is_empty()),
                ),
                facts.by_checks(
                    "each keyholder has a device and a key of their own",
                    Area::Keys,
                    "no other name has this key",
                ),
                facts.by_checks("quorum of signatures", Area::Tuf, "signed by"),
            ],
        ),
        item(
            "E-05",
            "entries, exits, breaks",
            vec![
                facts.by_lines("entries and exits", How::Captured, |event| {
                    matches!(
                        event,
                        Event::ObservationRecorded { what: Observation::Entry | Observation::Exit, .. }
                    )
                }),
                Part { what: "breaks", how: How::Automated, proofs: pauses.collect() },
            ],
        ),
        item(
            "E-06",
            "auditor or video, and the video's later hash",
            vec![
                facts.by_lines("auditor or video", How::Captured, |event| {
                    matches!(event, Event::ObservationRecorded { what: Observation::Video, .. })
                }),
                facts.by_lines("the video's hash", How::Captured, hashed),
            ],
        ),
        item(
            "E-07",
            "materials with serial numbers and bag numbers",
            vec![
                facts.by_lines(
                    "serial numbers of devices",
                    How::Automated,
                    |event| matches!(event, Event::DeviceOpened { claims, .. } if !claims.serial.is_empty()),
                ),
                facts.by_lines("bag numbers", How::Captured, |event| {
                    matches!(event, Event::ObservationRecorded { what: Observation::Bag, .. })
                }),
            ],
        ),
    ]
}

/// Runs by a tool that their plan names, where every run's plan names one.
fn tool(facts: &Facts<'_>) -> Vec<Proof> {
    let checked = facts.by_checks("", Area::Journal, "the tool that ran is one that its plan names");
    let (mut named, mut ran) = (Vec::new(), Vec::new());
    for record in facts.records {
        match &record.event {
            Event::CeremonyStarted { text, .. } => {
                let plan = Plan::parse(&Source::new("a plan of the archive", text.as_str())).ok();
                named = plan.map(|plan| plan.ceremony.tool_sha256).unwrap_or_default();
                if named.is_empty() {
                    return Vec::new();
                }
            }
            Event::ToolIdentified { sha256, .. } => {
                let own = sha256.as_deref();
                if !named.iter().any(|named| Some(named.as_str()) == own) {
                    return Vec::new();
                }
                ran.push(Proof::Line(record.seq));
            }
            _ => {}
        }
    }
    if ran.is_empty() { Vec::new() } else { checked.proofs.into_iter().chain(ran).collect() }
}

/// A recording whose SHA-256 was said.
fn hashed(event: &Event) -> bool {
    let hex =
        |said: &String| said.trim().len() == 64 && said.trim().bytes().all(|byte| byte.is_ascii_hexdigit());
    matches!(event, Event::ObservationRecorded { what: Observation::Video, said } if said.values().any(hex))
}

/// Where people confirmed the plan before any device of that sitting was opened.
fn before_devices(facts: &Facts<'_>) -> Vec<Proof> {
    let sittings = facts.held.iter().flat_map(|held| &held.sittings);
    let before = sittings.filter_map(|sitting| {
        let at = |such: fn(&Event) -> bool| {
            sitting.records.iter().find(|record| such(&record.event)).map(|record| record.seq)
        };
        let begun = at(|event| matches!(event, Event::Confirmed { what: Confirmation::Begin, .. }))?;
        let opened = at(|event| matches!(event, Event::DeviceOpened { .. }));
        opened.is_none_or(|opened| begun < opened).then_some(Proof::Line(begun))
    });
    before.collect()
}
