//! Issuance: E-27 to E-34.

use std::collections::BTreeMap;

use super::{How, Item, Part, Proof, item, observed};
use crate::archive::event::Observation;
use crate::archive::{Confirmation, Event};
use crate::evidence::report::Facts;
use crate::plan::{Key, Name};
use crate::verify::Area;

pub(super) fn items(facts: &Facts<'_>) -> Vec<Item> {
    let plan = facts.plan;
    let requests = plan.is_some_and(|plan| plan.keys.values().any(|key| matches!(key, Key::Csr { .. })));
    let waivers = plan.is_some_and(|plan| !plan.waivers.is_empty());
    let crls = !facts.state.crls.is_empty();
    let only = |needed: bool, parts: Vec<Part>| if needed { parts } else { Vec::new() };
    vec![
        item(
            "E-27",
            "CSR: proof of possession, subject and key as planned",
            only(
                requests,
                vec![
                    facts.by_lines(
                        "taken over from its request",
                        How::Automated,
                        |event| matches!(event, Event::KeyMade { key, .. } if key.request.is_some()),
                    ),
                    facts.by_checks("judged by its rules", Area::Rules, "every rule holds"),
                ],
            ),
        ),
        item(
            "E-28",
            "the serial number's entropy and length",
            vec![
                facts.by_checks("each its issuer's only one", Area::Certificates, "serial number"),
                facts.by_checks("rules for its length and bits", Area::Rules, "every rule holds"),
            ],
        ),
        item(
            "E-29",
            "lint before issuance; waivers named, with reasons",
            vec![
                facts.by_checks("the rules that judged the drafts", Area::Rules, "every rule holds"),
                Part {
                    what: "waivers",
                    how: How::Automated,
                    proofs: vec![Proof::Place(
                        "deviations",
                        if waivers { "each with its reason" } else { "none" },
                    )],
                },
            ],
        ),
        item(
            "E-30",
            "the bytes approved are the bytes signed",
            vec![
                Part {
                    what: "the SHA-256 that was approved is that of what was signed",
                    how: How::Captured,
                    proofs: approved(facts),
                },
                facts.by_checks("what was signed is what was intended", Area::Journal, "over the same bytes"),
            ],
        ),
        item(
            "E-31",
            "lint after issuance; paths built by two verifiers",
            vec![
                facts.by_checks("rules", Area::Rules, "every rule holds"),
                facts.by_checks("paths", Area::Certificates, "path"),
            ],
        ),
        item(
            "E-32",
            "cross-signing rules",
            only(crossed(facts), vec![facts.by_checks("rules", Area::Rules, "every rule holds")]),
        ),
        item(
            "E-33",
            "CRL: number, bounds",
            only(
                crls,
                vec![
                    facts.by_checks("numbers rise", Area::Crls, "number"),
                    facts.by_checks("times and list", Area::Crls, "updates and list are the plan's"),
                ],
            ),
        ),
        item(
            "E-34",
            "private-key operations against the plan; the device's own log",
            vec![
                facts.by_checks("counted, each intended before", Area::Journal, "each intended before"),
                facts.by_lines("as many as the steps needed", How::Automated, |event| matches!(event, Event::OperationsCounted { keys } if keys.values().all(|key| key.made == key.planned))),
                facts.by_lines("the device's own log", How::Captured, observed(Observation::DeviceLog)),
            ],
        ),
    ]
}

/// Whether one key has certificates under several names.
fn crossed(facts: &Facts<'_>) -> bool {
    let mut keys: BTreeMap<&Name, usize> = BTreeMap::new();
    for planned in facts.plan.iter().flat_map(|plan| plan.certificates.values()) {
        let count = keys.entry(&planned.key).or_default();
        *count = count.saturating_add(1);
    }
    keys.values().any(|count| *count > 1)
}

/// The approvals, where every one is of the bytes that its step signed next, and every signature has one.
fn approved(facts: &Facts<'_>) -> Vec<Proof> {
    let (mut proofs, mut heard) = (Vec::new(), BTreeMap::new());
    for record in facts.records {
        match &record.event {
            Event::Confirmed { step: Some(step), what: Confirmation::Sign, of, .. } => {
                heard.insert(step.as_str(), of.as_str());
                proofs.push(Proof::Line(record.seq));
            }
            Event::SignatureIntended { step, to_be_signed, .. }
                if heard.get(step.as_str()).copied() != to_be_signed.sha256().as_deref() =>
            {
                return Vec::new();
            }
            _ => {}
        }
    }
    proofs
}
