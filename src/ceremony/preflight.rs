//! What can be known before the first write to any device: the whole hierarchy is drafted with
//! throwaway keys and linted, and the devices of the remaining steps are there and able.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use super::clock::Clock;
use super::engine::{Engine, StepReport};
use super::{CeremonyError, Console, Ring};
use crate::archive::{Archive, State};
use crate::difference::{self, Action, Step};
use crate::lint::Findings;
use crate::plan::{Algorithm, Name, Plan};
use crate::token::throwaway::Throwaway;
use crate::token::{Devices, Token, TokenError, TokenState};

/// One throwaway device in the place of all of them.
#[derive(Default)]
struct ThrowawayRing(Throwaway);

impl Ring for ThrowawayRing {
    fn token(&mut self, _: &Name) -> Result<&mut dyn Token, TokenError> {
        Ok(&mut self.0)
    }
    fn is_open(&self, _: &Name) -> bool {
        true
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
) -> Result<Findings, CeremonyError> {
    let mut archive = Archive::scratch(State::default());
    let steps = difference::between(plan, archive.state())?;
    let mut reports: Vec<StepReport> = steps.iter().map(StepReport::of).collect();
    let mut ring = ThrowawayRing::default();
    let mut listener = Listener::default();
    let mut engine = Engine {
        plan,
        folder,
        archive: &mut archive,
        ring: &mut ring,
        console: &mut listener,
        clock,
        rehearsal,
        metadata: BTreeMap::new(),
    };
    engine.run(&steps, &mut reports)?;
    Ok(listener.warnings)
}

/// Keeps the warnings of a ceremony that nobody watches, each once: five keyholders who sign one
/// document would get each five times.
#[derive(Default)]
struct Listener {
    warnings: Findings,
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

/// Looks at every device that the remaining steps need, without a login.
pub fn devices(
    plan: &Plan,
    state: &State,
    steps: &[Step],
    devices: &mut Devices,
) -> Result<BTreeMap<Name, TokenState>, CeremonyError> {
    let mut needed: BTreeMap<Name, BTreeSet<Algorithm>> = BTreeMap::new();
    let planned: BTreeMap<&Name, (&Name, Algorithm)> =
        plan.device_keys().map(|(key, device, algorithm)| (key, (device, algorithm))).collect();
    for step in steps.iter().filter(|step| !step.done) {
        if matches!(step.action, Action::ImportKey { .. }) {
            continue;
        }
        let Some((device, algorithm)) = step.key().and_then(|key| planned.get(key)) else { continue };
        needed.entry((*device).clone()).or_default().insert(*algorithm);
    }
    let mut found = BTreeMap::new();
    let mut serials: BTreeMap<(String, String), Name> = BTreeMap::new();
    for (device, algorithms) in needed {
        let token = devices.peek(&device)?;
        token.allows_login(&device, crate::token::PinOwner::User)?;
        if let Some(missing) = algorithms.iter().find(|algorithm| !token.algorithms.contains(algorithm)) {
            return Err(CeremonyError::NoMechanism { device, algorithm: *missing });
        }
        let identity = (token.report.module.clone(), token.report.serial.clone());
        if let Some(other) = serials.insert(identity, device.clone()) {
            return Err(CeremonyError::SameToken { device, other, serial: token.report.serial });
        }
        refuse_other_device(state, &device, &token)?;
        found.insert(device, token);
    }
    Ok(found)
}

/// A device that made keys before is known by its serial.
fn refuse_other_device(state: &State, device: &Name, token: &TokenState) -> Result<(), CeremonyError> {
    match state.devices.get(device) {
        Some(known) if *known != token.report.serial => Err(CeremonyError::OtherToken {
            device: device.clone(),
            found: token.report.serial.clone(),
            expected: known.clone(),
        }),
        _ => Ok(()),
    }
}
