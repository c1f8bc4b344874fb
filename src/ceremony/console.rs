//! What people see, are asked and type while a ceremony runs. The only room that talks to a person.

pub mod fingerprint;
mod interrupt;
mod line;
mod pin;
mod remark;
mod table;
pub mod terminal;

use std::time::Duration;

pub use fingerprint::Fingerprint;
pub use terminal::Terminal;

use super::people::Person;
use super::preflight::Preflight;
use super::{CeremonyError, StepReport};
use crate::archive::Event;
use crate::difference::Step;
use crate::lint::Findings;
use crate::plan::{Name, Observation, Time};
use crate::site::Purpose;
use crate::token::AskPin;

/// What the ceremony is, before anything is done that can't be taken back.
#[derive(Clone, Debug)]
pub struct Opening {
    /// The ceremony's name.
    pub name: String,
    /// Rehearsal or production.
    pub purpose: Purpose,
    /// The plan's SHA-256.
    pub plan: Fingerprint,
    /// The ceremony's day, which is typed.
    pub day: String,
}

/// A device's turn: one person, one device, and what it does next that can't be taken back.
#[derive(Clone, Debug)]
pub struct Turn {
    /// Who acts.
    pub person: Option<Person>,
    /// On which device.
    pub device: Name,
    /// Its serial number.
    pub serial: String,
    /// The keys that it generates now, in words. Signatures are approved one by one.
    pub keys: Vec<String>,
}

/// What is about to be signed.
#[derive(Clone, Debug)]
pub struct Preview {
    /// The document, such as `certificates.root`.
    pub object: String,
    /// What it says, by label.
    pub facts: Vec<(&'static str, String)>,
    /// SHA-256 of the very bytes that are signed.
    pub bytes: Fingerprint,
    /// The key that signs.
    pub key: Name,
    /// Who acts.
    pub person: Option<Person>,
    /// On which device.
    pub device: Name,
    /// Its serial number.
    pub serial: String,
}

/// A device that stands in the way.
#[derive(Clone, Debug)]
pub struct Trouble {
    /// Who works the device.
    pub person: Option<Person>,
    /// The device.
    pub device: Name,
    /// What is wrong, and what to do.
    pub error: String,
}

/// What a person decides about a device that stands in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Look again.
    Again,
    /// Start the device's module again, and look.
    Restart,
    /// Other steps first.
    Later,
    /// Pause here.
    Pause,
}

/// The time that a person read from a clock on the wall.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WallClock {
    /// As it was typed.
    pub typed: String,
    /// By how many seconds the machine's clock is ahead.
    pub skew: i64,
}

/// Somebody pauses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paused;

impl From<Paused> for CeremonyError {
    fn from(_: Paused) -> Self {
        Self::Paused
    }
}

/// The people of a ceremony. Where nobody can be asked, or need not be, every answer is to go on, and
/// what stands in the way ends the run.
pub trait Console: AskPin {
    /// Whether a person can be asked.
    fn asks(&self) -> bool {
        false
    }

    /// Everything was looked at before the first write.
    fn preflight(&mut self, _preflight: &Preflight) {}

    /// So many steps are to be taken.
    fn begin(&mut self, _missing: usize) {}

    /// The plan's hash is read aloud, and the ceremony's date typed.
    fn opening(&mut self, _opening: &Opening) -> Result<(), Paused> {
        Ok(())
    }

    /// The machine's clock is read against one on the wall. None where nobody was asked.
    fn wall_clock(
        &mut self,
        _now: &dyn Fn() -> Option<Time>,
        _reader: Option<&Person>,
    ) -> Result<Option<WallClock>, CeremonyError> {
        Ok(None)
    }

    /// What the plan asks people to record. Where it is `recorded` already, nothing more need be.
    fn observe(&mut self, _what: Observation, _recorded: bool) -> Result<(), Paused> {
        Ok(())
    }

    /// A device is about to do what can't be taken back: its name or serial is typed.
    fn turn(&mut self, _turn: &Turn) -> Result<(), Paused> {
        Ok(())
    }

    /// Something is about to be signed: the device's name or serial is typed.
    fn approve(&mut self, _preview: &Preview) -> Result<(), Paused> {
        Ok(())
    }

    /// Something was made, and its fingerprint is read aloud.
    fn fingerprint(&mut self, _what: &str, _fingerprint: &Fingerprint) {}

    /// A person types some of a fingerprint's words back.
    fn read_back(
        &mut self,
        _what: &str,
        _fingerprint: &Fingerprint,
        _reader: Option<&Person>,
    ) -> Result<(), CeremonyError> {
        Ok(())
    }

    /// A device stands in the way. Asked only where [`Console::asks`].
    fn trouble(&mut self, _trouble: &Trouble) -> Answer {
        Answer::Pause
    }

    /// Deviations and refusals that were recorded at a prompt since this was asked last.
    fn remarks(&mut self) -> Vec<Event> {
        Vec::new()
    }

    /// Whether somebody asked for a pause.
    fn pause_asked(&self) -> bool {
        false
    }

    /// How long people were waited for.
    fn waited(&self) -> Duration {
        Duration::ZERO
    }

    /// A step begins.
    fn start(&mut self, _step: &Step) {}

    /// A step was taken.
    fn made(&mut self, _step: &Step, _report: &StepReport) {}

    /// A step failed.
    fn failed(&mut self, _step: &Step) {}

    /// Something that people should know.
    fn note(&mut self, _text: &str) {}

    /// Rules that are broken, but do not stop a signature: warnings, and what the plan waives.
    fn warnings(&mut self, _findings: &Findings) {}

    /// All steps were taken, or no more will be.
    fn end(&mut self) {}
}
