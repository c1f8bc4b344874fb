//! The first page: the result in five lines.

use maud::{Markup, html};

use super::facts::Facts;
use super::items::{Item, Status};
use super::seals;
use crate::archive::{Event, Role};
use crate::ceremony::console::Fingerprint;
use crate::evidence::calendar;
use crate::evidence::page::{day, fingerprint, moment};
use crate::site::Purpose;
use crate::tuf::Envelope;
use crate::verify::Verdict;

pub(super) fn summary(facts: &Facts<'_>, items: &[Item]) -> Markup {
    html! {
        section.cover {
            p.kind { "Ceremony report" }
            h1 { (facts.title()) }
            p.organization {
                (facts.held.last().map_or("", |held| held.name))
                @if let Some((first, _)) = facts.held.first().and_then(|held| held.times()) {
                    ", " (day(first))
                    @if let Some((_, last)) = facts.held.last().and_then(|held| held.times()) {
                        @if last.day() != first.day() { " to " (day(last)) }
                    }
                }
            }
            h2 { "The result" }
            ol.result {
                li { (verified(facts)) }
                li { (holds(facts)) }
                li { (ceremonies(facts)) }
                li { (otherwise(facts)) }
                li { (evidence(facts, items)) }
            }
            h2 { "The journal's last line" }
            p { "This one value stands for the whole archive. It is the same on the paper that people signed, in every copy, and in what " code { "rootwright verify" } " says." }
            (fingerprint::whole("the journal's last line", &Fingerprint::from_hex(facts.head)))
        }
    }
}

fn verified(facts: &Facts<'_>) -> Markup {
    let checks = &facts.verified.checks;
    let count = |verdict| checks.iter().filter(|check| check.verdict == verdict).count();
    let (failed, warnings) = (count(Verdict::Failed), count(Verdict::Warning));
    html! {
        @if failed == 0 {
            strong.ok { "Nothing is wrong." } " A second implementation made " (checks.len()) " checks of this archive as of " (moment(facts.at()))
            @if warnings == 1 { ", with 1 warning" } @else if warnings > 1 { ", with " (warnings) " warnings" } "."
        } @else {
            strong.failed { (failed) " of " (checks.len()) " checks failed" } " as of " (moment(facts.at())) ". " a href="#checks" { "What failed." }
        }
    }
}

fn holds(facts: &Facts<'_>) -> Markup {
    let purpose = match facts.state.purpose {
        Some(Purpose::Rehearsal) => "A rehearsal",
        Some(Purpose::Production) => "A production trust root",
        None => "An archive without a beginning",
    };
    let devices = facts.devices.len();
    let root =
        facts.state.newest(Role::Root).and_then(|root| Some((root.version, threshold(&root.content)?)));
    html! {
        strong { (purpose) } " of " (facts.keys.len()) " keys on " (devices) " devices, " (facts.state.certificates.len()) " certificates and "
        (facts.state.crls.len()) @if facts.state.crls.len() == 1 { " list" } @else { " lists" } " of revoked ones"
        @if let Some((version, (threshold, keys))) = root {
            "; what clients trust can be changed by " strong { (threshold) " of " (keys) } " keyholders (TUF root " (version) ")"
        }
        "."
    }
}

/// How many of how many keys change the root.
fn threshold(content: &str) -> Option<(u32, usize)> {
    let envelope = Envelope::parse(content.as_bytes()).ok()?;
    let crate::tuf::Metadata::Root(root) = envelope.signed else { return None };
    root.roles.get(&Role::Root).map(|role| (role.threshold, role.keyids.len()))
}

fn ceremonies(facts: &Facts<'_>) -> Markup {
    let sittings: usize = facts.held.iter().map(|held| held.sittings.len()).sum();
    let open: Vec<&str> = facts.held.iter().filter(|held| !held.finished).map(|held| held.name).collect();
    html! {
        strong { (facts.held.len()) @if facts.held.len() == 1 { " ceremony" } @else { " ceremonies" } }
        " in " (sittings) @if sittings == 1 { " sitting; " } @else { " sittings; " }
        @if open.is_empty() { "each came to its end." } @else { strong.failed { "not finished: " (open.join(", ")) "." } }
    }
}

fn otherwise(facts: &Facts<'_>) -> Markup {
    let deviations = facts.lines(|event| matches!(event, Event::DeviationRecorded { .. })).len();
    let refusals = facts.lines(|event| matches!(event, Event::RefusalRecorded { .. })).len();
    let waivers = facts.plan.map_or(0, |plan| plan.waivers.len());
    html! {
        @if deviations == 0 && refusals == 0 { strong { "No deviation and no refusal" } " was recorded" }
        @else { strong { (deviations) " deviations and " (refusals) " refusals" } " were recorded" }
        "; the plan waives " (waivers) @if waivers == 1 { " rule. " } @else { " rules. " }
        (sealed(facts)) " All that went otherwise stands " a href="#deviations" { "further below" } "."
    }
}

/// Who stands for it.
fn sealed(facts: &Facts<'_>) -> Markup {
    let objections: usize = facts.state.seals.iter().map(|seal| seal.objected.len()).sum();
    let last = facts.state.seals.iter().rev().find(|seal| !seal.signed.is_empty());
    html! {
        @match last {
            None => { strong { "Nobody has sealed it." } },
            Some(seal) => {
                strong { (seal.signed.len()) @if seal.signed.len() == 1 { " person" } @else { " people" } " sealed it" }
                @if let Some((first, last)) = seals::open(facts) { ", but for lines " (first) " to " (last) }
                "."
            },
        }
        @if objections > 0 { " " strong.failed { (objections) " objected." } }
    }
}

fn evidence(facts: &Facts<'_>, items: &[Item]) -> Markup {
    let count = |wanted: Status| items.iter().filter(|item| item.status() == wanted).count();
    let next = facts.plan.and_then(|plan| calendar::calendar(plan, facts.at()).into_iter().next());
    html! {
        "Of the " strong { (items.len()) " items" } " that an auditor looks for, " (count(Status::Automated)) " are automated, "
        (count(Status::Captured)) " captured, " (count(Status::Partial)) " there in part, " (count(Status::Absent)) " absent, "
        (count(Status::NotNeeded)) " not needed. " a href="#items" { "Each with its proof." }
        @if let Some(due) = next {
            " The next ceremony is due "
            @if due.overdue { strong.failed { "since " (day(due.by)) } } @else { "by " strong { (day(due.by)) } }
            " (" (due.object) ")."
        }
    }
}
