//! The printed script of a ceremony: what its console will show and ask, in the same words and order, with
//! room to write down what nobody can know before.

mod closing;
mod cover;
mod elsewhere;
mod estimate;
mod materials;
mod steps;
mod worksheets;

use maud::html;

use super::page::Frame;
use crate::archive::State;
use crate::ceremony::console::Fingerprint;
use crate::ceremony::people::{People, Person};
use crate::ceremony::walkthrough::Scene;
use crate::difference::phase::Entry;
use crate::lint::Findings;
use crate::plan::{Name, Plan};
use crate::site::Site;

/// A section of the document that says what to do when a ceremony stops.
#[derive(Clone, Copy, Debug)]
pub struct Recovery {
    /// Its heading, by which messages name it.
    pub heading: &'static str,
    /// Its text, in Markdown.
    pub text: &'static str,
}

/// What a script is made of.
#[derive(Clone, Debug)]
pub struct Script<'a> {
    /// What shall be, with its dates moved where the site moves them.
    pub plan: &'a Plan,
    /// SHA-256 of the plan as it was written, in hex.
    pub sha256: String,
    /// Which device plays which part; one that names none where no site was given.
    pub site: &'a Site,
    /// What the archive holds.
    pub state: &'a State,
    /// How many steps the archive holds already.
    pub done: usize,
    /// The hash of the archive's last line, where there is one.
    pub head: Option<String>,
    /// The steps that are left, with what each shows.
    pub scenes: &'a [Scene],
    /// Where each entry of the trusted root stands.
    pub entries: Vec<Entry>,
    /// What rules warn of.
    pub warnings: Findings,
    /// What the plan waives.
    pub waived: Findings,
    /// What to do when it stops: every section.
    pub recovery: Vec<Recovery>,
    /// Whether sheets to write on are added: fingerprints, devices, entries, media.
    pub worksheets: bool,
    /// Whether it is for a projector.
    pub large: bool,
}

impl Script<'_> {
    /// The script as one HTML page.
    pub fn render(&self) -> String {
        let frame = Frame {
            kind: "Ceremony script",
            title: (*self.plan.ceremony.name).clone(),
            foot: ("plan SHA-256", self.sha256.clone()),
            rehearsal: self.site.is_rehearsal(),
            large: self.large,
        };
        let body = if self.large {
            html! { (cover::large(self)) (steps::opening(self)) (steps::steps(self)) (closing::large(self)) }
        } else {
            html! {
                (cover::cover(self))
                (materials::knowledge(self))
                (materials::people(self))
                (materials::materials(self))
                (steps::opening(self))
                (steps::steps(self))
                (closing::closing(self))
                (elsewhere::sheets(self))
                @if self.worksheets { (worksheets::worksheets(self)) }
                (closing::recovery(self))
            }
        };
        frame.around(&body)
    }

    fn people(&self) -> People<'_> {
        People { plan: self.plan, site: self.site, state: self.state }
    }

    /// Whether a person signs elsewhere, and does not come.
    fn is_elsewhere(&self, part: &Name) -> bool {
        let key = self.plan.key_of(part);
        let says = self.site.elsewhere.iter().any(|name| **name == *part || **name == *key);
        says || self.plan.people.get(part).is_some_and(|person| person.public_key.is_some())
    }

    /// The devices that come into the room.
    fn devices(&self) -> Vec<&Name> {
        let away = self.plan.people_keys().filter(|(part, ..)| self.is_elsewhere(part));
        let away: Vec<&Name> = away.map(|(_, device, _)| device).collect();
        self.plan.devices().into_iter().filter(|device| !away.contains(device)).collect()
    }

    /// The plan's fingerprint, as the console shows it.
    fn fingerprint(&self) -> Fingerprint {
        Fingerprint::from_hex(&self.sha256)
    }

    /// A device's serial number, where the site or the archive knows it.
    fn serial(&self, device: &Name) -> Option<&str> {
        let site = self.site.devices.get(device).and_then(|device| device.serial.as_ref());
        let known = self.state.opened.get(device);
        site.map(|serial| serial.as_str()).or(known.map(String::as_str))
    }

    /// The number of a section of the recovery document, as this script prints it.
    fn turn_to(&self, heading: &str) -> Option<usize> {
        let at = self.recovery.iter().position(|section| section.heading == heading)?;
        Some(at.saturating_add(1))
    }
}

/// `NAME (part): `, as the console addresses people.
fn addressed(person: Option<&Person>) -> String {
    person.map(|person| format!("{person}: ")).unwrap_or_default()
}
