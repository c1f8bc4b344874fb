//! What an auditor looks for: 44 items, from the Code Signing Baseline Requirements 3.10 (5.2.2, 5.4,
//! 6.1.1.1, 6.2.7), WebTrust for CAs, ETSI EN 319 411-1 (6.5.1), IANA's DPS, and published ceremonies.
//!
//! Each item has parts; each part is proven by lines of the journal, by checks of `verify`, or not at all. An
//! item's status follows from its parts: nothing of it stands in the code.

mod close;
mod device;
mod environment;
mod issuance;
mod plan;

use maud::{Markup, html};

use super::facts::Facts;
use super::holdings::to;
use crate::archive::Event;
use crate::archive::event::Observation;
use crate::verify::{Area, Verdict};

/// Who saw to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// The tool.
    Automated,
    /// A person, at a prompt.
    Captured,
}

/// Where a proof stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A line of the journal.
    Line(u64),
    /// So many checks of an area, all of which hold.
    Checks(Area, usize),
    /// A place of the report: its anchor, and what stands there.
    Place(&'static str, &'static str),
}

/// A part of an item.
#[derive(Clone, Debug)]
pub struct Part {
    /// What is looked for.
    pub what: &'static str,
    /// Who sees to it.
    pub how: How,
    /// What proves it; nothing where there is no proof.
    pub proofs: Vec<Proof>,
}

/// How an item stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// All of it is proven, by the tool.
    Automated,
    /// All of it is proven, by people too.
    Captured,
    /// Some of it is proven.
    Partial,
    /// Nothing of it is proven.
    Absent,
    /// The plan has nothing that it is of.
    NotNeeded,
}

impl Status {
    /// In a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Automated => "automated",
            Self::Captured => "captured",
            Self::Partial => "in part",
            Self::Absent => "absent",
            Self::NotNeeded => "not needed",
        }
    }
}

/// An item of the list.
#[derive(Clone, Debug)]
pub struct Item {
    /// Its number, such as `E-01`.
    pub id: &'static str,
    /// What is looked for.
    pub title: &'static str,
    /// Its parts; none where there is nothing that it is of.
    pub parts: Vec<Part>,
}

impl Item {
    /// How it stands.
    pub fn status(&self) -> Status {
        let proven = || self.parts.iter().filter(|part| !part.proofs.is_empty());
        match proven().count() {
            _ if self.parts.is_empty() => Status::NotNeeded,
            0 => Status::Absent,
            some if some < self.parts.len() => Status::Partial,
            _ if proven().any(|part| part.how == How::Captured) => Status::Captured,
            _ => Status::Automated,
        }
    }
}

/// Every item, in the list's order.
pub fn items(facts: &Facts<'_>) -> Vec<Item> {
    [
        plan::items(facts),
        environment::items(facts),
        device::items(facts),
        issuance::items(facts),
        close::items(facts),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// An item with its parts.
fn item(id: &'static str, title: &'static str, parts: Vec<Part>) -> Item {
    Item { id, title, parts }
}

/// What a person recorded at a prompt.
fn observed(wanted: Observation) -> impl Fn(&Event) -> bool {
    move |event| matches!(event, Event::ObservationRecorded { what, .. } if *what == wanted)
}

/// A part that nothing of an archive proves yet.
fn absent(what: &'static str, how: How) -> Part {
    Part { what, how, proofs: Vec::new() }
}

impl Facts<'_> {
    /// A part that lines of the journal prove, if there are such.
    fn by_lines(&self, what: &'static str, how: How, such: impl Fn(&Event) -> bool) -> Part {
        Part { what, how, proofs: self.lines(such).into_iter().map(Proof::Line).collect() }
    }

    /// A part that checks prove: there are such checks, and all of them hold.
    fn by_checks(&self, what: &'static str, area: Area, says: &str) -> Part {
        let found = self.checks(area, says);
        let hold = !found.is_empty() && found.iter().all(|check| check.verdict != Verdict::Failed);
        // A check that fails says other words than one that holds: nothing of its area may fail.
        let area_holds =
            !self.verified.checks.iter().any(|check| check.area == area && check.verdict == Verdict::Failed);
        let proofs = if hold && area_holds { vec![Proof::Checks(area, found.len())] } else { Vec::new() };
        Part { what, how: How::Automated, proofs }
    }
}

/// The list as a table.
pub(super) fn table(items: &[Item]) -> Markup {
    html! {
        section {
            h2 id="items" { "What an auditor looks for" }
            p { "Automated: the tool did it. Captured: a person was asked, and the answer kept. In part: what is struck out has no proof here. Each proof is a line of the journal, a check, or a place of this report." }
            table.dense.items {
                thead { tr { th.w8 { "Item" } th.w25 { "Looked for" } th.w12 { "Status" } th { "Proof" } } }
                tbody {
                    @for item in items {
                        tr id=(item.id) data-status=(item.status().as_str()) {
                            th scope="row" { (item.id) }
                            td { (item.title) }
                            td.status { (item.status().as_str()) }
                            td {
                                @for part in &item.parts {
                                    @if part.proofs.is_empty() { span.part { s.soft { (part.what) } } }
                                    @else { span.part { (part.what) ": " (proofs(&part.proofs)) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The first few, and how many more.
fn proofs(all: &[Proof]) -> Markup {
    const SHOWN: usize = 3;
    html! {
        @for (at, proof) in all.iter().take(SHOWN).enumerate() {
            @if at > 0 { ", " }
            @match proof {
                Proof::Line(line) => { "line " (to(*line)) },
                Proof::Checks(area, count) => a href={ "#checks-" (area.as_str()) } { (count) " checks" },
                Proof::Place(anchor, words) => a href={ "#" (anchor) } { (words) },
            }
        }
        @if all.len() > SHOWN { ", and " (all.len().saturating_sub(SHOWN)) " more" }
    }
}
