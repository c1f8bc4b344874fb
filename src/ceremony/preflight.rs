//! What can be known before the first write to any device: the whole hierarchy is drafted with
//! throwaway keys and linted, and the devices of the remaining steps are there and able.

pub mod devices;

use std::path::Path;
use std::time::Duration;

use secrecy::SecretString;
use serde::Serialize;

use super::clock::Clock;
use super::engine::{Engine, StepReport};
use super::people::People;
use super::{CeremonyError, Console, Ring};
use crate::archive::{Archive, Size, State};
use crate::difference;
use crate::lint::Findings;
use crate::plan::{Name, Plan, Time};
use crate::site::{MachineFinding, Site};
use crate::token::throwaway::Throwaway;
use crate::token::{AskPin, PinError, PinRequest, Token, TokenError};

/// What was found before the first write.
#[derive(Clone, Debug, Serialize)]
pub struct Preflight {
    /// Whether this is a rehearsal, whose machine need not be as production wants it.
    pub rehearsal: bool,
    /// The ceremony's clock.
    pub clock: Time,
    /// At most so much is written into the archive.
    pub needed: Size,
    /// What is not as it should be on this machine.
    pub machine: Vec<MachineFinding>,
    /// The devices of the remaining steps.
    pub devices: Vec<DeviceFound>,
}

/// A device that is there and able.
#[derive(Clone, Debug, Serialize)]
pub struct DeviceFound {
    /// The plan's name of it.
    pub name: Name,
    /// Its serial number.
    pub serial: String,
    /// Its label.
    pub label: String,
    /// Its model.
    pub model: String,
    /// What it says of its PIN.
    pub pin: String,
    /// What it shall do.
    pub state: String,
}

/// What comes of drafting everything.
#[derive(Debug, Default)]
pub struct Drafted {
    /// What rules only warn of.
    pub warnings: Findings,
    /// How much the whole ceremony writes.
    pub size: Size,
}

/// One throwaway device in the place of all of them.
#[derive(Default)]
struct ThrowawayRing(Throwaway);

impl Ring for ThrowawayRing {
    fn open(&mut self, _: &Name, _: &mut dyn AskPin) -> Result<&mut dyn Token, TokenError> {
        Ok(&mut self.0)
    }
    fn logins(&self, _: &Name) -> u32 {
        0
    }
    fn look_again(&mut self, _: &Name) -> Result<(), TokenError> {
        Ok(())
    }
    fn restart(&mut self, _: &Name) -> Result<(), TokenError> {
        Ok(())
    }
    fn device_time(&self) -> Duration {
        Duration::ZERO
    }
}

/// Takes every step of the plan in memory, with throwaway keys: everything is drafted, linted, signed
/// and verified, and nothing of it is kept. What a rule would stop on the day stops here; what rules
/// only warn of is given back.
pub fn draft_everything(
    plan: &Plan,
    folder: &Path,
    clock: Clock,
    rehearsal: bool,
) -> Result<Drafted, CeremonyError> {
    let mut archive = Archive::scratch(State::default());
    let steps = difference::between(plan, archive.state())?;
    let mut reports: Vec<StepReport> = steps.iter().map(StepReport::of).collect();
    let mut ring = ThrowawayRing::default();
    let mut listener = Listener::default();
    let site = Site::nowhere(rehearsal);
    let people = People { plan, site: &site };
    let mut engine = Engine::new(people, folder, clock, &mut archive, &mut ring, &mut listener);
    engine.run(&steps, &mut reports)?;
    Ok(Drafted { warnings: listener.warnings, size: archive.size() })
}

/// Keeps the warnings of a ceremony that nobody watches, each once: five keyholders who sign one
/// document would get each five times.
#[derive(Default)]
struct Listener {
    warnings: Findings,
}

impl AskPin for Listener {
    fn ask(&mut self, _: &PinRequest) -> Result<SecretString, PinError> {
        Err(PinError::NotTyped { reason: "throwaway keys have no PIN".into() })
    }
}

impl Console for Listener {
    fn warnings(&mut self, findings: &Findings) {
        for finding in &findings.0 {
            let document = |object: &str| object.split('/').next().unwrap_or_default().to_string();
            let known = self.warnings.0.iter().any(|known| {
                known.rule == finding.rule && document(&known.object) == document(&finding.object)
            });
            if !known {
                self.warnings.0.push(finding.clone());
            }
        }
    }
}
