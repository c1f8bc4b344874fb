//! What went otherwise: deviations, refusals, waivers, and what was repaired.

use maud::{Markup, html};

use super::facts::Facts;
use super::holdings::to;
use crate::archive::Event;
use crate::evidence::page::moment;

pub(super) fn deviations(facts: &Facts<'_>) -> Markup {
    let waivers = facts.plan.map(|plan| plan.waivers.as_slice()).unwrap_or_default();
    let of = |such: fn(&Event) -> bool| facts.records.iter().filter(move |record| such(&record.event));
    let deviations: Vec<_> = of(|event| matches!(event, Event::DeviationRecorded { .. })).collect();
    let refusals: Vec<_> = of(|event| matches!(event, Event::RefusalRecorded { .. })).collect();
    let machine: Vec<_> =
        of(|event| matches!(event, Event::MachineChecked { findings } if !findings.is_empty())).collect();
    let cut: Vec<_> = of(|event| {
        matches!(
            event,
            Event::JournalTorn { .. } | Event::HalfKeyDiscarded { .. } | Event::SignatureRepeated { .. }
        )
    })
    .collect();
    html! {
        section {
            h2 id="deviations" { "What went otherwise" }
            @if deviations.is_empty() { p { "No deviation was recorded." } } @else {
                table.dense {
                    thead { tr { th { "Expected" } th { "Happened" } th { "Decided" } th { "By" } th.w15 { "At" } th.w8 { "Line" } } }
                    tbody {
                        @for record in deviations {
                            @if let Event::DeviationRecorded { expected, happened, decided, by } = &record.event {
                                tr { td { (facts.said(expected)) } td { (facts.said(happened)) } td { (facts.said(decided)) } td { (facts.said(by)) } td { (moment(record.time)) } td { (to(record.seq)) } }
                            }
                        }
                    }
                }
            }
            @if refusals.is_empty() { p { "No refusal was recorded." } } @else {
                h3 { "Who did not sign off" }
                table.dense {
                    thead { tr { th.w22 { "Person" } th.w30 { "What" } th { "Why" } th.w8 { "Line" } } }
                    tbody {
                        @for record in refusals {
                            @if let Event::RefusalRecorded { person, of, reason } = &record.event {
                                tr { th scope="row" { (facts.said(person)) } td { (facts.said(of)) } td { (facts.said(reason)) } td { (to(record.seq)) } }
                            }
                        }
                    }
                }
            }
            @if waivers.is_empty() { p { "The plan waives no rule." } } @else {
                h3 { "Rules that the plan waives" }
                table.dense {
                    thead { tr { th.w25 { "Rule" } th.w25 { "Thing" } th { "Reason" } } }
                    tbody {
                        @for waiver in waivers {
                            tr { th scope="row" { code { (waiver.rule.as_str()) } } td { (waiver.object.as_str()) } td { (facts.said(&waiver.reason)) } }
                        }
                    }
                }
            }
            @if !machine.is_empty() {
                h3 { "The ceremony's machine" }
                table.dense {
                    thead { tr { th.w25 { "Check" } th { "Found" } th { "Reason to go on" } th.w8 { "Line" } } }
                    tbody {
                        @for record in machine {
                            @if let Event::MachineChecked { findings } = &record.event {
                                @for finding in findings {
                                    tr {
                                        th scope="row" { code { (finding.id) } }
                                        td { (finding.found) }
                                        td { @match &finding.waived { Some(reason) => (facts.said(reason)), None => span.soft { "a rehearsal" } } }
                                        td { (to(record.seq)) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
            @if !cut.is_empty() {
                h3 { "Interruptions" }
                ul { @for record in cut { li { (record.event.name().replace('-', " ")) ": " (crate::evidence::show::journal::detail(&record.event, &record.files)) " " (to(record.seq)) } } }
            }
        }
    }
}
