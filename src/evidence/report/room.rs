//! What a ceremony was held with, and what no program can know: the tool, the machine, what devices held and
//! were tried with, and what people recorded at prompts.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::facts::Facts;
use super::holdings::to;
use crate::archive::Event;
use crate::archive::event::Moment;
use crate::evidence::page::{fingerprint, moment};
use crate::plan::Name;

pub(super) fn room(facts: &Facts<'_>) -> Markup {
    html! { (observations(facts)) (tools(facts)) (devices(facts)) }
}

/// Entries and exits, bags, media, recordings.
fn observations(facts: &Facts<'_>) -> Markup {
    let all: Vec<_> = facts
        .records
        .iter()
        .filter_map(|record| match &record.event {
            Event::ObservationRecorded { what, said } => Some((record, what, said)),
            _ => None,
        })
        .collect();
    html! {
        section {
            h2 id="recorded" { "What people recorded" }
            @if all.is_empty() { p { "Nobody recorded entries, bags, media or a recording." } } @else {
                table.dense {
                    thead { tr { th.w12 { "What" } th { "Said" } th.w20 { "At" } th.w8 { "Line" } } }
                    tbody {
                        @for (record, what, said) in all {
                            tr {
                                th scope="row" { (what.as_str()) }
                                td { @for (question, answer) in said { span.part { span.soft { (question) } " " (facts.said(answer)) } } }
                                td { (moment(record.time)) } td { (to(record.seq)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The tool's files and the machines, each once.
fn tools(facts: &Facts<'_>) -> Markup {
    let mut tools: BTreeMap<(&str, &str, &str, &str), u64> = BTreeMap::new();
    let mut machines: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for record in facts.records {
        match &record.event {
            Event::ToolIdentified { version, sha256, dependencies, build } => {
                let sha256 = sha256.as_deref().unwrap_or_default();
                tools.entry((version, sha256, dependencies, build)).or_insert(record.seq);
            }
            // What is another at each start says nothing of the machine.
            Event::MachineDescribed { facts } => {
                for (what, found) in facts.iter().filter(|(what, _)| *what != "boot") {
                    machines.entry((what, found)).or_insert(record.seq);
                }
            }
            _ => {}
        }
    }
    html! {
        @if !tools.is_empty() {
            section {
                h2 id="tool" { "The tool and the machine" }
                table.dense {
                    thead { tr { th.w18 { "Version, build" } th { "SHA-256 of its file" } th { "SHA-256 of all it was built of" } th.w8 { "Line" } } }
                    tbody {
                        @for ((version, sha256, dependencies, build), line) in &tools {
                            tr {
                                th scope="row" { (version) ", " (build) }
                                td { @if sha256.is_empty() { span.soft { "not shown by the system" } } @else { (fingerprint::inline(sha256)) } }
                                td { (fingerprint::inline(dependencies)) }
                                td { (to(*line)) }
                            }
                        }
                    }
                }
                table.dense {
                    thead { tr { th.w25 { "Of the machine" } th { "Found" } th.w12 { "First in line" } } }
                    tbody { @for ((what, found), line) in &machines { tr { th scope="row" { (what) } td { (found) } td { (to(*line)) } } } }
                }
            }
        }
    }
}

/// What each device held at its first use and holds since its last, and what it was tried with.
fn devices(facts: &Facts<'_>) -> Markup {
    let (mut first, mut last) = (BTreeMap::new(), BTreeMap::new());
    let mut probes: BTreeMap<String, Vec<(&Name, u64)>> = BTreeMap::new();
    for record in facts.records {
        match &record.event {
            Event::DeviceInventoried { device, when, objects, .. } => {
                if *when == Moment::Before {
                    first.entry(device).or_insert((record.seq, objects));
                }
                last.insert(device, (record.seq, objects));
            }
            Event::DeviceProbed { device, tried, .. } => {
                let tried: Vec<String> = tried.iter().map(|(what, came)| format!("{what}: {came}")).collect();
                probes.entry(tried.join("; ")).or_default().push((device, record.seq));
            }
            _ => {}
        }
    }
    html! {
        @if !first.is_empty() {
            section {
                h2 id="held" { "What devices hold" }
                table.dense {
                    thead { tr { th.w15 { "Device" } th { "Before its first use" } th { "When it was listed last" } } }
                    tbody {
                        @for (device, (line, objects)) in &first {
                            tr {
                                th scope="row" { (device) }
                                td { (held(objects)) " " (to(*line)) }
                                td { @if let Some((line, objects)) = last.get(device) { (held(objects)) " " (to(*line)) } }
                            }
                        }
                    }
                }
                @if !probes.is_empty() {
                    h3 { "Tried on a throwaway key" }
                    ul {
                        @for (tried, devices) in &probes {
                            li {
                                (tried) ". On "
                                @for (at, (device, line)) in devices.iter().enumerate() { @if at > 0 { ", " } (device) " " (to(*line)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Objects, by label.
fn held(objects: &[crate::token::ObjectReport]) -> String {
    if objects.is_empty() {
        return "nothing".into();
    }
    let mut labels: BTreeMap<&str, usize> = BTreeMap::new();
    for object in objects {
        let count = labels.entry(&object.label).or_default();
        *count = count.saturating_add(1);
    }
    let each = labels.iter().map(|(label, count)| format!("{label} ({count} objects)"));
    each.collect::<Vec<_>>().join(", ")
}
