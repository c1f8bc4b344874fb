//! Sheets to write on, one for each thing that people keep: fingerprints, devices, what leaves the room.

use maud::{Markup, html};

use super::Script;
use super::materials::serial;
use crate::evidence::page::fingerprint;

pub(super) fn worksheets(script: &Script<'_>) -> Markup {
    html! {
        @for scene in script.scenes.iter().filter(|scene| scene.reader.is_some()) {
            @if let Some(what) = &scene.made {
                section.page.worksheet {
                    h2 { "Worksheet: fingerprint" }
                    dl.facts {
                        dt { "Of" } dd { (what) }
                        dt { "Step" } dd { code { (scene.step.id) } }
                        dt { "Written by" } dd { span.line {} }
                    }
                    h3 { "SHA-256" }
                    p { (fingerprint::boxes(64)) }
                    h3 { "Words" }
                    (fingerprint::blank_words())
                    p { "Compared with the report, after the ceremony, by " span.line {} " on " span.short {} }
                }
            }
        }
        @for device in script.devices() {
            section.page.worksheet {
                h2 { "Worksheet: device " (device) }
                dl.facts {
                    dt { "Serial number" } dd { (serial(script, device)) }
                    dt { "Works it" } dd { @if let Some(person) = script.people().at(device) { (person) } }
                    dt { "Keys" }
                    dd { @for (name, on, algorithm) in script.plan.device_keys() { @if on == device { (name) " (" (algorithm) ") " } } }
                }
                table.form {
                    thead { tr { th.w30 { "What" } th.w12 { "When" } th { "Found or done" } th.w15 { "Initials" } } }
                    tbody {
                        @for what in [
                            "Bag's number, before it is opened",
                            "Bag is whole",
                            "Certificate of the device's evaluation, number",
                            "Firmware's version",
                            "Default PINs and keys are changed",
                            "Inventory before: what is on it",
                            "Inventory after: the keys above, and nothing else",
                            "Backup made; where it is",
                            "Restoring from the backup was tried",
                            "New bag's number",
                            "Custodian, and place",
                        ] { tr.tall { th scope="row" { (what) } td {} td {} td.pair {} } }
                    }
                }
            }
        }
        (log("what leaves the room", &["Thing", "SHA-256's first and last four", "Bag", "Custodian and place", "Initials"], 14))
        (log("what is destroyed", &["Thing", "Serial number", "How", "First sign-off", "Second sign-off"], 14))
        (log("shares and PINs", &["Of which device", "Share or envelope", "Holder", "Bag", "Initials"], 14))
    }
}

fn log(what: &str, columns: &[&str], rows: usize) -> Markup {
    html! {
        section.page.worksheet {
            h2 { "Worksheet: " (what) }
            table.form {
                thead { tr { @for column in columns { th { (column) } } } }
                tbody { @for _ in 0..rows { tr.tall { @for _ in columns { td {} } } } }
            }
        }
    }
}
