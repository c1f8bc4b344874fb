//! The report of an archive: for whoever decides by its first five lines, and for whoever follows every
//! line of it to its proof. Everything in it is worked out from the journal and from what `verify` found.

mod again;
mod ceremonies;
mod deviations;
mod facts;
mod hierarchy;
mod holdings;
pub mod items;
pub mod pack;
pub mod public;
mod room;
mod seals;
mod summary;
mod timeline;

use maud::html;

use super::page::{Frame, moment};
use crate::archive::{Record, State};
use crate::plan::{Plan, Time};
use crate::site::Purpose;
use crate::verify;

pub use facts::Facts;

/// What a report is made of.
#[derive(Clone, Debug)]
pub struct Report<'a> {
    /// The journal.
    pub records: &'a [Record],
    /// The hash of its last line.
    pub head: String,
    /// What it adds up to.
    pub state: &'a State,
    /// The last plan that was run, with its dates as the archive moved them; none where it can't be read.
    pub plan: Option<&'a Plan>,
    /// What a second implementation found.
    pub verified: &'a verify::Report,
    /// Whether it leaves out what the plans call private.
    pub public: bool,
}

impl Report<'_> {
    /// The report as one HTML page.
    pub fn render(&self) -> String {
        let facts = Facts::of(self);
        let items = items::items(&facts);
        let frame = Frame {
            kind: "Ceremony report",
            title: facts.copy.as_ref().map_or_else(|| facts.title(), |copy| copy.marked(&facts.title())),
            foot: ("journal", self.head.clone()),
            rehearsal: self.state.purpose == Some(Purpose::Rehearsal),
            large: false,
        };
        let page = frame.around(&html! {
            (summary::summary(&facts, &items))
            (hierarchy::hierarchy(&facts))
            (timeline::timeline(&facts))
            (holdings::holdings(&facts))
            (deviations::deviations(&facts))
            (room::room(&facts))
            (seals::seals(&facts))
            (items::table(&items))
            (ceremonies::ceremonies(&facts))
            (again::again(&facts))
            (again::fingerprints(&facts))
            @if let Some(copy) = &facts.copy { (public::section(&facts, copy)) }
            (ceremonies::journal(&facts))
            (again::checks(&facts))
            p.soft { "Times are in UTC. Judged as of " (moment(self.at())) " by rootwright " (env!("CARGO_PKG_VERSION")) "." }
        });
        match &facts.copy {
            Some(copy) => copy.page(&page),
            None => page,
        }
    }

    fn at(&self) -> Time {
        self.verified.at
    }
}
