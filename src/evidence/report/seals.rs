//! Who approved the plans, and who signed what happened, or objects.

use maud::{Markup, html};

use super::facts::Facts;
use super::holdings::to;
use crate::archive::Event;
use crate::evidence::page::{fingerprint, moment};
use crate::pki::sha256_hex;

pub(super) fn seals(facts: &Facts<'_>) -> Markup {
    let approvals: Vec<_> = facts
        .records
        .iter()
        .filter_map(|record| match &record.event {
            Event::ApprovalRecorded { plan, person, key, .. } => Some((record, plan, person, key)),
            _ => None,
        })
        .collect();
    html! {
        section {
            h2 id="seals" { "Approvals and seals" }
            @if approvals.is_empty() { p { "No approval of a plan was recorded." } } @else {
                h3 { "Approved before it was run" }
                table.dense {
                    thead { tr { th.w22 { "Person" } th { "Plan, SHA-256" } th { "Key, SHA-256" } th.w8 { "Line" } } }
                    tbody {
                        @for (record, plan, person, key) in approvals {
                            tr {
                                th scope="row" { (facts.called(person)) }
                                td { (fingerprint::inline(plan)) } td { (fingerprint::inline(key)) } td { (to(record.seq)) }
                            }
                        }
                    }
                }
            }
            @if facts.state.seals.is_empty() { p { "Nobody has sealed what happened." } }
            @for seal in &facts.state.seals {
                article.print id={ "seal-" (seal.number) } {
                    h3 { "Seal " (seal.number) ": lines 1 to " (seal.lines) }
                    p { code { "evidence/statement-" (seal.number) ".dsse.json" } ", an in-toto statement in a DSSE envelope. SHA-256 of the statement: " (fingerprint::inline(&sha256_hex(seal.statement.as_bytes()))) }
                    table.dense {
                        thead { tr { th.w22 { "Person" } th.w12 { "Says" } th { "Key, SHA-256" } th.w18 { "At" } th.w8 { "Line" } } }
                        tbody {
                            @for record in facts.records {
                                @if let Event::SealSigned { seal: number, person, key, objection, .. } = &record.event {
                                    @if *number == seal.number {
                                        tr {
                                            th scope="row" { (facts.called(person)) }
                                            td { @match objection { None => "signs", Some(text) => strong.failed { "objects: " (facts.said(&reason(text))) } } }
                                            td { (fingerprint::inline(key)) } td { (moment(record.time)) } td { (to(record.seq)) }
                                        }
                                    }
                                }
                            }
                            @if seal.signed.is_empty() && seal.objected.is_empty() { tr { td colspan="5" { "nobody yet" } } }
                        }
                    }
                }
            }
            @if let Some((first, last)) = open(facts) { p { strong { "Not sealed yet: " } "lines " (first) " to " (last) "." } }
        }
    }
}

/// The lines after the last seal that are none of a seal's own.
pub(super) fn open(facts: &Facts<'_>) -> Option<(u64, u64)> {
    let covered =
        facts.state.seals.iter().filter(|seal| !seal.signed.is_empty()).map(|seal| seal.lines).max();
    let (covered, last) = (covered.unwrap_or(0), facts.state.last_unsealed);
    (last > covered).then(|| (covered.saturating_add(1), last))
}

/// Why somebody objects, in the objection's own words.
pub(super) fn reason(statement: &str) -> String {
    let read: Option<serde_json::Value> = serde_json::from_str(statement).ok();
    let reason = read.as_ref().and_then(|read| read.get("predicate")?.get("reason")?.as_str());
    reason.unwrap_or("a reason that can't be read").to_string()
}
