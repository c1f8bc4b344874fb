//! Who and what must be in the room, and what is known before: waivers, and what changes for clients.

use maud::{Markup, html};

use super::Script;
use crate::evidence::page::fingerprint;
use crate::plan::{Name, Role};

/// How many characters of a serial number are left free where it is not known.
const SERIAL: usize = 16;

fn role(role: Role) -> &'static str {
    match role {
        Role::Administrator => "leads the ceremony",
        Role::Operator => "works the keyboard",
        Role::Witness => "watches, reads aloud, types back",
        Role::Keyholder => "has a device, and signs TUF roles with it",
    }
}

pub(super) fn people(script: &Script<'_>) -> Markup {
    html! {
        section.page {
            h2 { "People" }
            p { "Each person shows proof of who they are, writes their name, and signs here before the first step." }
            table.form {
                thead { tr { th.w15 { "Part" } th.w18 { "Role" } th.w22 { "Name" } th.w15 { "Proof of identity" } th { "Signature" } th.w10 { "In at" } } }
                tbody {
                    @for (name, person) in &script.plan.people {
                        tr.tall {
                            th scope="row" { (name) }
                            td { (role(*person.role)) @if script.is_elsewhere(name) { "; signs elsewhere, and has a sheet" } }
                            td { (script.site.people.get(name).map(String::as_str).unwrap_or_default()) }
                            td {} td {} td {}
                        }
                    }
                    @for _ in 0..2 { tr.tall { th scope="row" { "other" } td {} td {} td {} td {} td {} } }
                }
            }
            h3 { "Entries and exits" }
            p { "Whoever comes or leaves between the first step and the last: also in a break." }
            table.form {
                thead { tr { th.w30 { "Name" } th.w12 { "Out at" } th.w12 { "In at" } th { "Why" } th.w12 { "Initials" } } }
                tbody { @for _ in 0..6 { tr { td {} td {} td {} td {} td {} } } }
            }
        }
    }
}

pub(super) fn materials(script: &Script<'_>) -> Markup {
    let others = [
        "Ceremony machine",
        "Medium that it is started from",
        "Medium with plan, site file and tool",
        "Medium for the archive, first copy",
        "Medium for the archive, second copy",
        "Envelopes with PINs",
        "Clock on the wall",
        "Camera, and its medium",
    ];
    html! {
        section.page {
            h2 { "Materials" }
            p { "Serial numbers are compared with the label on the device. A bag's number is read aloud before it is opened, and the new one when it is closed; two people put their initials to each." }
            h3 { "Devices" }
            table.form {
                thead { tr { th.w15 { "Device" } th.w25 { "Serial number" } th.w18 { "Kind" } th { "Bag opened" } th { "Bag closed" } th.w12 { "Initials" } } }
                tbody {
                    @for device in script.devices() {
                        tr.tall {
                            th scope="row" { (device) }
                            td { (serial(script, device)) }
                            td.small { (kind(script, device)) }
                            td {} td {} td.pair {}
                        }
                    }
                }
            }
            h3 { "Other things" }
            table.form {
                thead { tr { th.w30 { "Thing" } th { "Serial number, or a SHA-256's first and last four" } th.w18 { "Bag opened" } th.w18 { "Bag closed" } th.w12 { "Initials" } } }
                tbody {
                    @for thing in others { tr { th scope="row" { (thing) } td {} td {} td {} td.pair {} } }
                    @for _ in 0..2 { tr { td {} td {} td {} td {} td.pair {} } }
                }
            }
        }
    }
}

/// A device's serial number, or boxes for it.
pub(super) fn serial(script: &Script<'_>, device: &Name) -> Markup {
    match script.serial(device) {
        Some(serial) => html! { code { (serial) } },
        None => fingerprint::boxes(SERIAL),
    }
}

fn kind(script: &Script<'_>, device: &Name) -> String {
    let Some(device) = script.site.devices.get(device) else { return String::new() };
    let module = device.module.file_name().map(|name| name.to_string_lossy().into_owned());
    let model = device.model.as_ref().map(|model| model.to_string());
    model.into_iter().chain(module).collect::<Vec<_>>().join(", ")
}

pub(super) fn knowledge(script: &Script<'_>) -> Markup {
    html! {
        @if !script.waived.0.is_empty() || !script.warnings.0.is_empty() {
            section {
                h2 { "Waivers and warnings" }
                p { "Rules that this plan knowingly breaks, each with its reason, and what rules only warn of. They are shown again when the thing is signed." }
                table.form {
                    thead { tr { th.w22 { "Rule" } th.w22 { "Thing" } th { "Found" } th.w30 { "Reason" } } }
                    tbody {
                        @for finding in script.waived.0.iter().chain(&script.warnings.0) {
                            tr {
                                th scope="row" { code { (finding.rule) } }
                                td { (finding.object) }
                                td { (finding.found) }
                                td { @match &finding.waived { Some(reason) => (reason), None => "a warning only" } }
                            }
                        }
                    }
                }
            }
        }
        @if !script.entries.is_empty() {
            section {
                h2 { "What changes for clients" }
                p { "Where each entry of the trusted root stands when this ceremony begins, and what comes next." }
                table.form {
                    thead { tr { th.w22 { "Entry" } th.w22 { "Kind" } th.w12 { "Stands" } th { "Next" } } }
                    tbody {
                        @for entry in &script.entries {
                            tr {
                                th scope="row" { (entry.name) }
                                td { (entry.list.replace('-', " ")) }
                                td { (entry.phase.as_str()) }
                                td { (entry.next) @if let Some(from) = entry.from { " " (from.to_string()) } }
                            }
                        }
                    }
                }
            }
        }
    }
}
