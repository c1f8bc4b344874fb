//! Devices and keys: E-14 to E-26.

use super::{How, Item, Part, Proof, item, observed};
use std::collections::BTreeMap;

use crate::archive::event::{Moment, Observation};
use crate::archive::{Confirmation, Event, KeyRecord};
use crate::evidence::report::Facts;
use crate::plan::Name;
use crate::token::DeviceReport;
use crate::verify::Area;

pub(super) fn items(facts: &Facts<'_>) -> Vec<Item> {
    let opened = |such: fn(&DeviceReport) -> bool| move |event: &Event| matches!(event, Event::DeviceOpened { claims, .. } if such(claims));
    let made = |such: fn(&KeyRecord) -> bool| move |event: &Event| matches!(event, Event::KeyMade { key, .. } if key.device.is_some() && such(key));
    let confirmed = |event: &Event| {
        matches!(
            event,
            Event::Confirmed { what: Confirmation::Generate | Confirmation::Sign, by: Some(_), .. }
        )
    };
    vec![
        item(
            "E-14",
            "module's path, SHA-256, CK_INFO",
            vec![facts.by_lines(
                "as the devices were opened",
                How::Automated,
                opened(|claims| {
                    !claims.module.is_empty()
                        && !claims.module_sha256.is_empty()
                        && !claims.library.is_empty()
                }),
            )],
        ),
        item(
            "E-15",
            "manufacturer, model, serial, firmware; FIPS or CC certificate number",
            vec![
                facts.by_lines(
                    "manufacturer, model, serial, firmware",
                    How::Automated,
                    opened(|claims| !claims.serial.is_empty() && !claims.firmware.is_empty()),
                ),
                facts.by_lines("certificate number", How::Captured, observed(Observation::Certificate)),
            ],
        ),
        item(
            "E-16",
            "all objects before and after: the factory state",
            vec![
                facts.by_lines("before", How::Automated, |event| {
                    matches!(event, Event::DeviceInventoried { when: Moment::Before, .. })
                }),
                Part { what: "every device was empty at first", how: How::Automated, proofs: empty(facts) },
                facts.by_lines("after", How::Automated, |event| {
                    matches!(event, Event::DeviceInventoried { when: Moment::After, .. })
                }),
            ],
        ),
        item(
            "E-17",
            "default PIN, SO PIN, PUK, management key changed",
            vec![facts.by_lines("defaults", How::Captured, observed(Observation::Defaults))],
        ),
        item(
            "E-18",
            "PIN retry flags before each login",
            vec![facts.by_lines(
                "flags, when it was opened",
                How::Automated,
                |event| matches!(event, Event::DeviceInventoried { flags, .. } if !flags.is_empty()),
            )],
        ),
        item(
            "E-19",
            "who logged in, and when",
            vec![
                facts.by_lines("when", How::Automated, opened(|_| true)),
                facts.by_lines("who", How::Captured, confirmed),
            ],
        ),
        item(
            "E-20",
            "mechanism and template",
            vec![
                facts.by_lines("mechanism", How::Automated, made(|key| !key.mechanism.is_empty())),
                facts.by_lines(
                    "template",
                    How::Automated,
                    |event| matches!(event, Event::DeviceProbed { template, .. } if !template.is_empty()),
                ),
            ],
        ),
        item(
            "E-21",
            "attributes read back, as claims, and probed",
            vec![
                facts.by_lines("read back", How::Automated, made(|key| !key.attributes.is_empty())),
                facts.by_checks("judged", Area::Keys, "its device claims"),
                facts.by_lines("probed on a throwaway key", How::Automated, |event| {
                    matches!(event, Event::DeviceProbed { .. })
                }),
            ],
        ),
        item(
            "E-22",
            "attestation verified offline and matched to the key",
            vec![facts.by_lines("attestation", How::Automated, made(|key| key.attestation.is_some()))],
        ),
        item(
            "E-23",
            "the key's quality",
            vec![facts.by_checks("rules for keys", Area::Rules, "every rule holds")],
        ),
        item(
            "E-24",
            "no duplicate key, label, id, SKI",
            vec![
                facts.by_checks("keys", Area::Keys, "no other name has this key"),
                facts.by_checks(
                    "key identifiers",
                    Area::Certificates,
                    "key identifiers are those of the keys",
                ),
            ],
        ),
        item(
            "E-25",
            "fingerprint with words and QR, typed back by a witness",
            vec![
                facts.by_lines("typed back", How::Captured, |event| {
                    matches!(event, Event::Confirmed { what: Confirmation::ReadBack, .. })
                }),
                Part { what: "words and QR", how: How::Automated, proofs: fingerprints(facts) },
            ],
        ),
        item(
            "E-26",
            "a signature checked by an independent implementation",
            vec![
                facts.by_checks("certificates", Area::Certificates, "signed by"),
                facts.by_checks("TUF metadata", Area::Tuf, "signed by"),
            ],
        ),
    ]
}

/// The first list of each device, where every one of them is empty.
fn empty(facts: &Facts<'_>) -> Vec<Proof> {
    let mut first: BTreeMap<&Name, (u64, bool)> = BTreeMap::new();
    for record in facts.records {
        if let Event::DeviceInventoried { device, when: Moment::Before, objects, .. } = &record.event {
            first.entry(device).or_insert((record.seq, objects.is_empty()));
        }
    }
    let opened = facts.devices.keys().all(|device| first.contains_key(*device));
    if !opened || first.values().any(|(_, empty)| !empty) {
        return Vec::new();
    }
    first.values().map(|(line, _)| Proof::Line(*line)).collect()
}

/// The report has fingerprints where the archive has something to print them of.
fn fingerprints(facts: &Facts<'_>) -> Vec<Proof> {
    if facts.state.certificates.is_empty() {
        return Vec::new();
    }
    vec![Proof::Place("fingerprints", "this report's fingerprints")]
}
