//! What the journal tells beside the steps: what ran, on which machine; what devices held before and after,
//! and what they allow; how often keys were used.

use std::collections::BTreeMap;

use super::CeremonyError;
use super::engine::Engine;
use crate::archive::Event;
use crate::archive::event::{Moment, Operations};
use crate::difference::{Action, Step};
use crate::plan::{Algorithm, Name, Observation, Plan};
use crate::token::random::ANSWERS;

/// How often the steps that are left have each key sign.
pub(super) fn planned(steps: &[Step]) -> BTreeMap<Name, u64> {
    let mut keys = BTreeMap::new();
    for step in steps.iter().filter(|step| !step.done) {
        let signer = match &step.action {
            Action::Issue { signer, .. }
            | Action::SignCsr { signer, .. }
            | Action::IssueCrl { signer, .. }
            | Action::SignMetadata { signer, .. } => signer,
            // The copy signs once, to prove itself.
            Action::BackUp { key, .. } => key,
            Action::GenerateKey { .. }
            | Action::ImportKey { .. }
            | Action::AssembleTrustRoot
            | Action::TakeTarget { .. }
            | Action::Publish { .. } => continue,
        };
        let count: &mut u64 = keys.entry(signer.clone()).or_default();
        *count = count.saturating_add(1);
    }
    keys
}

/// Uses of keys in a run, against what its steps needed.
pub(super) fn operations(
    planned: &BTreeMap<Name, u64>,
    before: &BTreeMap<Name, u64>,
    after: &BTreeMap<Name, u64>,
) -> Event {
    let mut keys: BTreeMap<Name, Operations> = BTreeMap::new();
    for (key, count) in planned {
        keys.entry(key.clone()).or_default().planned = *count;
    }
    for (key, count) in after {
        let made = count.saturating_sub(before.get(key).copied().unwrap_or_default());
        if made > 0 {
            keys.entry(key.clone()).or_default().made = made;
        }
    }
    Event::OperationsCounted { keys }
}

/// Whether a step needs a device.
fn uses(plan: &Plan, step: &Step, device: &Name) -> bool {
    match &step.action {
        Action::GenerateKey { device: own, .. } => own == device,
        Action::BackUp { from, to, .. } => from == device || to == device,
        _ => step.key().is_some_and(|key| {
            plan.device_keys().any(|(name, own, _)| name == key && own == device)
                || plan.backup_of(key) == Some(device)
        }),
    }
}

impl Engine<'_> {
    /// What the plan asks people to record before the first step. The archive is open: what was typed is
    /// written before the next question, and no pause loses it.
    pub(super) fn ask_before(&mut self) -> Result<(), CeremonyError> {
        let plan = self.plan;
        plan.ceremony.ask_before.iter().try_for_each(|what| self.ask_for(**what, 0))
    }

    /// What it asks for after the last step. Where it asks for the same before the first, once is not enough.
    pub(super) fn ask_after(&mut self) -> Result<(), CeremonyError> {
        let ceremony = &self.plan.ceremony;
        let before = |what: Observation| ceremony.ask_before.iter().filter(|asked| ***asked == what).count();
        ceremony.ask_after.iter().try_for_each(|what| self.ask_for(**what, before(**what)))
    }

    fn ask_for(&mut self, what: Observation, before: usize) -> Result<(), CeremonyError> {
        let recorded = self.archive.state().observed.get(&what).is_some_and(|count| *count > before);
        let answered = self.console.observe(what, recorded);
        self.remarks()?;
        answered?;
        if self.console.pause_asked() { Err(CeremonyError::Paused) } else { Ok(()) }
    }

    /// The objects of a device that was logged in to just now.
    pub(super) fn inventory_before(&mut self, device: &Name) -> Result<(), CeremonyError> {
        let event = self.inventory(device, Moment::Before)?;
        Ok(self.archive.record(self.clock.now(), event)?)
    }

    /// The objects of a device whose last step of this run was taken. That it can't say stops nothing: it may
    /// have gone back into its safe.
    pub(super) fn inventory_after<'s>(
        &mut self,
        device: Option<&Name>,
        mut left: impl Iterator<Item = &'s &'s Step>,
    ) -> Result<(), CeremonyError> {
        let Some(device) = device.filter(|device| self.is_logged_in(device)) else { return Ok(()) };
        if left.any(|step| uses(self.plan, step, device)) {
            return Ok(());
        }
        match self.inventory(device, Moment::After) {
            Ok(event) => Ok(self.archive.record(self.clock.now(), event)?),
            Err(error) => {
                self.console.note(&format!("what {device} holds now could not be listed: {error}"));
                Ok(())
            }
        }
    }

    fn inventory(&mut self, device: &Name, when: Moment) -> Result<Event, CeremonyError> {
        let token = self.token(device)?;
        let (flags, objects) = (token.flags(), token.inventory()?);
        let random = match when {
            Moment::Before => token.random()?.map(|answer| answer.to_string()),
            Moment::After => None,
        };
        if let Some(answer) = random.as_ref().filter(|answer| *answer != ANSWERS) {
            self.console.note(&format!("the random source of {device}: {answer}"));
        }
        Ok(Event::DeviceInventoried { device: device.clone(), when, flags, objects, random })
    }

    /// Tries once in a run, on a throwaway key, what a device claims of the keys that it makes.
    pub(super) fn probe(
        &mut self,
        device: &Name,
        key: &Name,
        algorithm: Algorithm,
    ) -> Result<(), CeremonyError> {
        if !self.is_logged_in(device) || !self.probed.insert(device.clone()) {
            return Ok(());
        }
        let token = self.token(device)?;
        let tried = token.probe(algorithm)?;
        if tried.is_empty() {
            return Ok(());
        }
        let template = token.template(key, algorithm);
        for (what, _) in tried.iter().filter(|(_, came)| *came == "accepted") {
            self.console
                .note(&format!("{device} accepted for a throwaway key what it should refuse: {what}"));
        }
        let event = Event::DeviceProbed { device: device.clone(), algorithm, template, tried };
        Ok(self.archive.record(self.clock.now(), event)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uses_of_keys_are_those_of_this_run() {
        let count = |pairs: &[(&str, u64)]| -> BTreeMap<Name, u64> {
            pairs.iter().map(|(name, count)| (name.parse().unwrap(), *count)).collect()
        };
        let event = operations(
            &count(&[("root", 2), ("elsewhere", 1)]),
            &count(&[("root", 5), ("old", 3)]),
            &count(&[("root", 8), ("old", 3)]),
        );
        let Event::OperationsCounted { keys } = event else { panic!() };
        let root = keys[&"root".parse::<Name>().unwrap()];
        assert_eq!((root.planned, root.made), (2, 3));
        assert_eq!(keys[&"elsewhere".parse::<Name>().unwrap()].made, 0);
        assert_eq!(keys.len(), 2);
    }
}
