//! The first page: what is done, when, over which plan, and how the script is used.

use maud::{Markup, html};

use super::{Script, estimate};
use crate::evidence::page::fingerprint;
use crate::plan::Quorum;

pub(super) fn cover(script: &Script<'_>) -> Markup {
    let ceremony = &script.plan.ceremony;
    let steps = script.scenes.len();
    html! {
        section.cover {
            p.kind { "Ceremony script" }
            h1 { (*ceremony.name) }
            p.organization { (*ceremony.organization) }
            dl.facts {
                dt { "Day" } dd { (ceremony.date.to_string()) }
                dt { "Purpose" } dd { @if script.site.is_rehearsal() { "rehearsal, with throwaway keys" } @else { "production" } }
                dt { "Place" } dd { span.line {} }
                dt { "Script of" } dd { span.line {} " (person who holds this copy)" }
                dt { "Steps" }
                dd {
                    (steps) " to be taken"
                    @if script.done > 0 { ", " (script.done) " were taken before" }
                }
                dt { "Time" } dd { "about " (estimate::said(total(script))) ", breaks not counted" }
                dt { "Rules" } dd { "profile " (ceremony.profile.as_str()) }
                @if let Some(policy) = &ceremony.policy { dt { "Policy" } dd { (policy.as_str()) } }
                @if !ceremony.approvals.is_empty() { dt { "Approved by" } dd { (quorum(&ceremony.approvals)) ", before it is run" } }
                @if !ceremony.seal.is_empty() { dt { "Sealed by" } dd { (quorum(&ceremony.seal)) ", when it is done" } }
                @if let Some(head) = &script.head {
                    dt { "Goes on from" } dd { "the archive whose journal ends with " (fingerprint::inline(head)) }
                }
                dt { "Tool" }
                dd {
                    "rootwright " (env!("CARGO_PKG_VERSION"))
                    @if ceremony.tool_sha256.is_empty() { ", any build" } @else { ", a build that the plan names" }
                }
            }
            h2 { "The plan's SHA-256" }
            p { "Everything below follows from one file. Whoever has another hash has another plan." }
            (fingerprint::whole("the plan", &script.fingerprint()))
            h2 { "How this script is used" }
            ol.rules {
                li { "One person reads each step aloud before it is taken. Nobody hurries." }
                li { "What stands here is compared with the screen, letter by letter. Boxes are filled in from the screen." }
                li { "Each step is ticked, timed and initialled when it is done, and not before." }
                li { "What goes otherwise is written on the deviation sheet, and typed: " code { "deviation" } " is taken at every prompt." }
                li { "Who comes or leaves, bags, media, custodians and recordings are typed too: " code { "entry" } ", " code { "exit" } ", " code { "bag" } ", " code { "media" } ", " code { "custody" } ", " code { "video" } "." }
                li { "Anybody may stop the ceremony at any time: " code { "pause" } ", or Ctrl-C. Nothing is lost." }
                li { "Nobody has to sign. A refusal, with its reason, is a result: " code { "refusal" } " is taken at every prompt." }
                li { "No PIN, password or share is ever written on this paper." }
            }
        }
    }
}

/// The first screen.
pub(super) fn large(script: &Script<'_>) -> Markup {
    let ceremony = &script.plan.ceremony;
    html! {
        section.cover {
            p.kind { "Ceremony script" }
            h1 { (*ceremony.name) }
            p { (*ceremony.organization) ", " (ceremony.date.to_string()) }
            h2 { "The plan's SHA-256" }
            (fingerprint::whole("the plan", &script.fingerprint()))
        }
    }
}

fn total(script: &Script<'_>) -> u32 {
    let steps: u32 = script.scenes.iter().map(estimate::minutes).sum();
    steps.saturating_add(estimate::OPENING).saturating_add(estimate::CLOSING)
}

/// How many of whom.
pub(super) fn quorum(quorum: &Quorum) -> String {
    let each = quorum.0.iter().map(|(role, many)| format!("{} of role {role}", **many));
    each.collect::<Vec<_>>().join(", ")
}
