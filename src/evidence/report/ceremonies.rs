//! What happened, ceremony by ceremony and step by step; and the journal, line by line.

use maud::{Markup, html};

use super::facts::{Facts, Held, taken};
use super::holdings::to;
use crate::evidence::page::{fingerprint, moment};
use crate::evidence::show::journal::detail;

pub(super) fn ceremonies(facts: &Facts<'_>) -> Markup {
    let last = facts.held.len().saturating_sub(1);
    html! {
        section.page {
            h2 id="ceremonies" { "Ceremonies" }
            @for (at, held) in facts.held.iter().enumerate() {
                article.ceremony {
                    h3 { (held.name) }
                    dl.facts {
                        dt { "Plan, SHA-256" } dd { (fingerprint::inline(held.plan)) }
                        dt { "Sittings" }
                        dd {
                            @for sitting in &held.sittings {
                                @if let (Some(first), Some(last)) = (sitting.records.first(), sitting.records.last()) {
                                    (moment(first.time)) " to " (moment(last.time)) ", lines " (to(first.seq)) " to " (to(last.seq)) br;
                                }
                            }
                        }
                        dt { "Ended" } dd { @if held.finished { "all steps were taken" } @else { strong.failed { "not all steps were taken" } } }
                    }
                    // Of earlier years, what is asked for is unfolded; paper has the last one.
                    details open[at == last] {
                        summary { "Steps" }
                        (steps(held, facts))
                    }
                }
            }
        }
    }
}

fn steps(held: &Held<'_>, facts: &Facts<'_>) -> Markup {
    html! {
        table.dense {
            thead { tr { th.w5 { "No." } th { "Step" } th.w20 { "Done at" } th.w8 { "Took" } th.w18 { "Approved by" } th.w8 { "Line" } } }
            tbody {
                @for (at, step) in taken(held).iter().enumerate() {
                    tr {
                        td { (at.saturating_add(1)) }
                        th scope="row" { (step.what) br; code.soft { (step.id) } }
                        td { (moment(step.at)) }
                        td { (step.seconds) " s" }
                        td { @if let Some(by) = step.by { (facts.called(by)) } @else { span.soft { "–" } } }
                        td { (to(step.line)) }
                    }
                }
            }
        }
    }
}

/// Every line of the journal, for links to lead to.
pub(super) fn journal(facts: &Facts<'_>) -> Markup {
    html! {
        section.page {
            h2 id="journal" { "The journal, line by line" }
            @if facts.copy.is_some() { p { "Numbers, times and kinds of lines; what they say is not in this copy." } }
            @else { p { "Shortened: " code { "rootwright show ARCHIVE/journal.jsonl" } " shows it from the archive itself." } }
            @for held in &facts.held {
                details open[facts.held.len() == 1] {
                    summary { (held.name) }
                    table.lines.journal {
                        thead { tr { th { "Line" } th { "Time" } th { "Event" } th { "Detail" } } }
                        tbody {
                            @for record in held.records() {
                                tr id={ "line-" (record.seq) } {
                                    td { (record.seq) }
                                    td { (moment(record.time)) }
                                    td { (record.event.name()) }
                                    td { @if facts.copy.is_none() { (detail(&record.event, &record.files)) } @if let Some(step) = record.event.step() { " " code.soft { (step) } } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
