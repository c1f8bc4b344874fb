//! The close: E-35 to E-44.

use super::{How, Item, Part, Proof, absent, item, observed};
use crate::archive::event::Observation;
use crate::archive::{Confirmation, Event};
use crate::evidence::report::{Facts, seals};
use crate::plan::Name;
use crate::verify::Area;

pub(super) fn items(facts: &Facts<'_>) -> Vec<Item> {
    let asked = |event: &Event| matches!(event, Event::Confirmed { what: Confirmation::Begin, .. });
    let deviations =
        facts.by_lines("recorded", How::Captured, |event| matches!(event, Event::DeviationRecorded { .. }));
    // People who were asked at every prompt, and recorded none, had none to record.
    let deviations = if deviations.proofs.is_empty() {
        facts.by_lines("none was recorded by people who were asked", How::Captured, asked)
    } else {
        deviations
    };
    vec![
        item(
            "E-35",
            "backup, share holders, restore test",
            vec![
                facts.by_lines("backup", How::Automated, |event| matches!(event, Event::CopyMade { .. })),
                facts.by_lines("share holders", How::Captured, observed(Observation::Shares)),
                facts.by_lines("the copy signed", How::Automated, |event| {
                    matches!(event, Event::CopyMade { .. })
                }),
            ],
        ),
        item(
            "E-36",
            "exports: path, size, SHA-256, purpose; searched for secrets",
            vec![
                Part {
                    what: "path, size, SHA-256",
                    how: How::Automated,
                    proofs: facts
                        .records
                        .iter()
                        .filter(|record| !record.files.is_empty())
                        .map(|record| Proof::Line(record.seq))
                        .collect(),
                },
                facts.by_checks("nothing else is there", Area::Files, "recorded it"),
                facts.by_checks("searched for private keys", Area::Files, "searched for private keys"),
            ],
        ),
        item(
            "E-37",
            "media and bag numbers, custodian, place, two initials",
            vec![
                facts.by_lines("media and their place", How::Captured, |event| {
                    matches!(event, Event::ObservationRecorded { what: Observation::Media, .. })
                }),
                facts.by_lines("bag numbers", How::Captured, |event| {
                    matches!(event, Event::ObservationRecorded { what: Observation::Bag, .. })
                }),
                facts.by_lines("custodian", How::Captured, |event| {
                    matches!(event, Event::ObservationRecorded { what: Observation::Custody, .. })
                }),
                facts.by_lines("two initials", How::Captured, initialled(Observation::Custody)),
            ],
        ),
        item(
            "E-38",
            "deletion or destruction, two sign-offs",
            vec![facts.by_lines("destruction", How::Captured, initialled(Observation::Destroyed))],
        ),
        item("E-39", "deviations: expected, happened, decided, by whom", vec![deviations]),
        item(
            "E-40",
            "each person's sign-off, or recorded refusal",
            vec![
                facts.by_lines("somebody's", How::Captured, spoke),
                Part { proofs: everybody(facts, spoke), ..absent("everybody's", How::Captured) },
            ],
        ),
        item(
            "E-41",
            "transcript sealed; its fingerprint on paper",
            vec![
                Part { proofs: sealed(facts), ..absent("sealed, all of it", How::Captured) },
                Part {
                    what: "fingerprint",
                    how: How::Automated,
                    proofs: vec![Proof::Place("fingerprints", "for paper")],
                },
            ],
        ),
        item(
            "E-42",
            "each requirement mapped to its evidence",
            vec![Part {
                what: "this list",
                how: How::Automated,
                proofs: if facts.records.is_empty() {
                    Vec::new()
                } else {
                    vec![Proof::Place("items", "this one")]
                },
            }],
        ),
        item(
            "E-43",
            "retention date",
            vec![facts.by_lines("retention", How::Captured, observed(Observation::Retention))],
        ),
        item(
            "E-44",
            "publication and log proofs",
            vec![
                facts.by_lines("published", How::Automated, |event| {
                    matches!(event, Event::MetadataPublished { .. })
                }),
                facts.by_lines("proofs of logs", How::Automated, |event| {
                    matches!(event, Event::ProofRecorded { .. })
                }),
            ],
        ),
    ]
}

/// What was recorded with the initials of two people.
fn initialled(wanted: Observation) -> impl Fn(&Event) -> bool {
    move |event| match event {
        Event::ObservationRecorded { what, said } if *what == wanted => {
            said.iter().any(|(question, answer)| question.contains("initials") && !answer.trim().is_empty())
        }
        _ => false,
    }
}

/// A sign-off, an objection or a refusal.
fn spoke(event: &Event) -> bool {
    matches!(event, Event::RefusalRecorded { .. } | Event::SealSigned { .. })
}

/// What people of the plan said, where each of them said something.
fn everybody(facts: &Facts<'_>, spoke: fn(&Event) -> bool) -> Vec<Proof> {
    let said = |person: &Name| {
        let sealed = facts.state.seals.iter();
        let sealed =
            sealed.flat_map(|seal| seal.signed.keys().chain(seal.objected.keys())).any(|who| who == person);
        let refused = facts.lines(|event| match event {
            Event::RefusalRecorded { person: who, .. } => {
                who == person.as_str() || *who == facts.called(person)
            }
            _ => false,
        });
        sealed || !refused.is_empty()
    };
    let people = facts.plan.map(|plan| &plan.people);
    if people.is_none_or(|people| people.is_empty() || !people.keys().all(said)) {
        return Vec::new();
    }
    facts.lines(spoke).into_iter().map(Proof::Line).collect()
}

/// Signatures of seals that stand, where no line but a seal's own is left open.
fn sealed(facts: &Facts<'_>) -> Vec<Proof> {
    let checked = facts.by_checks("", Area::Evidence, "sign");
    if seals::open(facts).is_some() || checked.proofs.is_empty() {
        return Vec::new();
    }
    let signed = |event: &Event| matches!(event, Event::SealSigned { objection: None, .. });
    facts.lines(signed).into_iter().map(Proof::Line).collect()
}
