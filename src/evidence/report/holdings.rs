//! Keys, devices and people: what there is, and what devices claim of it.

use std::collections::BTreeSet;

use maud::{Markup, html};
use serde_json::Value;

use super::facts::Facts;
use crate::archive::KeyRecord;
use crate::evidence::page::fingerprint;
use crate::plan::Role;

/// What is read of a key's claims, by PKCS#11 name, and the words for it.
const CLAIMS: [(&str, bool, &str); 6] = [
    ("CKA_SENSITIVE", true, "sensitive"),
    ("CKA_ALWAYS_SENSITIVE", true, "always was"),
    ("CKA_EXTRACTABLE", false, "not extractable"),
    ("CKA_NEVER_EXTRACTABLE", true, "never was"),
    ("CKA_LOCAL", true, "made there"),
    ("CKA_SIGN", true, "signs"),
];

pub(super) fn holdings(facts: &Facts<'_>) -> Markup {
    html! {
        section {
            h2 id="keys" { "Keys" }
            p { "What a device says of its keys is its claim: recorded as such. Uses: how often the journal let the private key sign." }
            table.dense {
                thead { tr { th.w18 { "Key" } th.w12 { "Algorithm" } th.w15 { "Device" } th { "SHA-256 of the public key, and claims" } th.w8 { "Uses" } th.w8 { "Line" } } }
                tbody {
                    @for (name, (line, key)) in &facts.keys {
                        tr id={ "key-" (name) } {
                            th scope="row" { (name) }
                            td { (key.algorithm.as_str()) }
                            td { @match &key.device { Some(device) => (device), None => "elsewhere" } @if let Some((line, copy)) = facts.copies.get(*name) { br; "copy on " (copy.device) " " (to(*line)) } }
                            td { (fingerprint::inline(&key.fingerprint)) @if key.device.is_some() { span.soft { (claims(key)) } } }
                            td { (facts.state.operations.get(*name).copied().unwrap_or_default()) }
                            td { (to(*line)) }
                        }
                    }
                }
            }
        }
        section {
            h2 id="devices" { "Devices" }
            p { "As each said of itself when it was opened last." }
            table.dense {
                thead { tr { th.w18 { "Device" } th.w25 { "Serial number" } th { "Kind" } th.w25 { "Hardware, firmware" } th.w8 { "Line" } } }
                tbody {
                    @for (name, (line, claims)) in &facts.devices {
                        tr {
                            th scope="row" { (name) }
                            td { code { (facts.said(&claims.serial)) } }
                            td { (claims.manufacturer) " " (claims.model) }
                            td { (claims.hardware) ", " (claims.firmware) }
                            td { (to(*line)) }
                        }
                    }
                }
            }
            h3 { "Modules that drove them" }
            table.dense {
                thead { tr { th.w35 { "Module" } th.w25 { "Names itself" } th { "SHA-256" } } }
                tbody {
                    @for (path, library, sha256) in modules(facts) {
                        tr { th scope="row" { code { (path) } } td { (library) } td { (fingerprint::inline(sha256)) } }
                    }
                }
            }
        }
        section {
            h2 id="people" { "People" }
            table.dense {
                thead { tr { th.w18 { "Part" } th.w30 { "Role" } th { "Name" } th.w18 { "Device" } } }
                tbody {
                    @for (name, person) in facts.plan.map(|plan| plan.people.iter()).into_iter().flatten() {
                        tr {
                            th scope="row" { (name) }
                            td { (role(*person.role)) }
                            td { @match facts.people.get(name) { Some((line, called)) => { (facts.said(called)) " " (to(*line)) }, None => span.soft { "not recorded" } } }
                            td { @if let Some(device) = &person.device { (device.as_str()) } }
                        }
                    }
                }
            }
        }
    }
}

/// Each module once: its path, what it says of itself, and its SHA-256.
fn modules<'a>(facts: &Facts<'a>) -> BTreeSet<(&'a str, &'a str, &'a str)> {
    let claims = facts.devices.values().map(|(_, claims)| *claims);
    claims
        .map(|claims| (claims.module.as_str(), claims.library.as_str(), claims.module_sha256.as_str()))
        .collect()
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Administrator => "administrator",
        Role::Operator => "operator",
        Role::Witness => "witness",
        Role::Keyholder => "keyholder",
    }
}

/// The claims that are as they should be; of others, what was said.
fn claims(key: &KeyRecord) -> String {
    let said = CLAIMS.iter().map(|(name, wanted, words)| match key.attributes.get(*name) {
        Some(Value::Bool(found)) if found == wanted => (*words).to_string(),
        Some(found) => format!("{name} {found}"),
        None => format!("{name} not asked"),
    });
    said.collect::<Vec<_>>().join(", ")
}

/// A link to a line of the journal.
pub(super) fn to(line: u64) -> Markup {
    html! { a.line-link href={ "#line-" (line) } { (line) } }
}
