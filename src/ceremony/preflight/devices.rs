//! The devices of the remaining steps, before the first write: there, the right ones, able, logged in to,
//! with room for the keys that they shall make and with the keys that they shall sign with.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;

use super::DeviceFound;
use crate::archive::{Event, State};
use crate::ceremony::people::People;
use crate::ceremony::signers::{self, Place};
use crate::ceremony::{CeremonyError, Console, attestation, prompt};
use crate::difference::{Action, Step};
use crate::lint::Rules;
use crate::plan::{Algorithm, Name, Plan};
use crate::token::{Devices, PinOwner, PinState, Token, TokenError, TokenState};

/// What the remaining steps want of a device.
#[derive(Default)]
struct Need<'a> {
    algorithms: BTreeSet<Algorithm>,
    /// Keys that it shall make, and those of them whose generation was begun before an interruption.
    make: BTreeSet<&'a Name>,
    begun: BTreeSet<&'a Name>,
    /// Keys that it holds, and shall sign with.
    sign: BTreeSet<&'a Name>,
    /// Keys that it shall wrap, or be given.
    copy: BTreeSet<&'a Name>,
}

/// What is looked at, and with whom.
pub struct Look<'a> {
    /// What shall be.
    pub plan: &'a Plan,
    /// What is.
    pub state: &'a State,
    /// The steps.
    pub steps: &'a [Step],
    /// Who acts.
    pub people: People<'a>,
    /// The rules that the plan asks for.
    pub rules: &'a Rules,
}

/// What was found, in the order in which the devices are needed.
#[derive(Default)]
pub struct Found {
    /// Devices that are ready.
    pub devices: Vec<DeviceFound>,
    /// Devices that somebody put off until other steps are taken.
    pub later: BTreeSet<Name>,
}

/// Looks at every device first, then logs in to one after the other. Where nobody can be asked, all that
/// stand in the way are told of together.
pub fn devices(
    look: &Look<'_>,
    devices: &mut Devices,
    console: &mut dyn Console,
) -> Result<Found, CeremonyError> {
    let needs = look.needs();
    let mut found = Found::default();
    let mut serials: BTreeMap<(String, String), Name> = BTreeMap::new();
    let mut states: Vec<(&Name, TokenState)> = Vec::new();
    let mut errors = Vec::new();
    for (device, need) in &needs {
        let seen = look.until(device, console, devices, |devices, console| {
            look.examine(device, need, devices, console, &serials)
        });
        match seen {
            Ok(Some(state)) => {
                serials.insert(identity(&state), (*device).clone());
                states.push((device, state));
            }
            Ok(None) => drop(found.later.insert((*device).clone())),
            Err(error) if console.asks() => return Err(error),
            Err(error) => errors.push(error),
        }
    }
    match errors.pop() {
        Some(only) if errors.is_empty() => return Err(only),
        Some(last) => {
            errors.push(last);
            return Err(CeremonyError::Devices(errors));
        }
        None => {}
    }
    for (device, state) in states {
        let Some(need) = needs.get(device) else { continue };
        let ready = look.until(device, console, devices, |devices, console| {
            look.keys(need, devices.open(device, console)?)
        })?;
        match ready {
            Some(()) => found.devices.push(described(device, need, state)),
            None => drop(found.later.insert(device.clone())),
        }
    }
    Ok(found)
}

impl<'a> Look<'a> {
    fn needs(&self) -> IndexMap<&'a Name, Need<'a>> {
        let planned: BTreeMap<&Name, (&Name, Algorithm)> =
            self.plan.device_keys().map(|(key, device, algorithm)| (key, (device, algorithm))).collect();
        let mut needs: IndexMap<&Name, Need> = IndexMap::new();
        for step in self.steps.iter().filter(|step| !step.done) {
            let Some(key) = step.key() else { continue };
            if signers::place(self.people, self.state, step) != Place::Here {
                continue;
            }
            // A keyholder who leaves has a key that the plan names no more.
            let former = || {
                let made = self.state.keys.get(key)?;
                Some((made.device.as_ref()?, made.public.algorithm()))
            };
            let Some((device, algorithm)) = planned.get(key).copied().or_else(former) else { continue };
            let need = needs.entry(device).or_default();
            need.algorithms.insert(algorithm);
            match &step.action {
                Action::BackUp { to, .. } => {
                    need.copy.insert(key);
                    let other = needs.entry(to).or_default();
                    other.algorithms.insert(algorithm);
                    other.copy.insert(key);
                    other.make.insert(key);
                    if let Some(Event::CopyIntended { .. }) = self.state.open.get(&step.id) {
                        other.begun.insert(key);
                    }
                }
                Action::GenerateKey { .. } => {
                    need.make.insert(key);
                    if let Some(Event::KeyIntended { .. }) = self.state.open.get(&step.id) {
                        need.begun.insert(key);
                    }
                }
                _ if self.state.keys.contains_key(key) => drop(need.sign.insert(key)),
                _ => {}
            }
        }
        needs
    }

    /// Tries until it works or a person decides otherwise: none where they put it off.
    fn until<T>(
        &self,
        device: &Name,
        console: &mut dyn Console,
        devices: &mut Devices,
        mut attempt: impl FnMut(&mut Devices, &mut dyn Console) -> Result<T, CeremonyError>,
    ) -> Result<Option<T>, CeremonyError> {
        loop {
            let error = match attempt(devices, console) {
                Ok(done) => return Ok(Some(done)),
                Err(error) => error,
            };
            if !prompt::decide(console, devices, self.people, Some(device), error)? {
                return Ok(None);
            }
        }
    }

    /// Without a login: is it there, the right one, and able?
    fn examine(
        &self,
        device: &Name,
        need: &Need<'_>,
        devices: &mut Devices,
        console: &dyn Console,
        serials: &BTreeMap<(String, String), Name>,
    ) -> Result<TokenState, CeremonyError> {
        let token = devices.peek(device)?;
        match token.allows_login(device, PinOwner::User) {
            // A person may use the last try, at the login.
            Err(TokenError::PinFinalTry { .. }) if console.asks() => {}
            allowed => allowed?,
        }
        if let Some(missing) = need.algorithms.iter().find(|algorithm| !token.algorithms.contains(algorithm))
        {
            return Err(CeremonyError::NoMechanism { device: device.clone(), algorithm: *missing });
        }
        if let (Some(key), false) = (need.copy.first(), token.lacks_for_copies.is_empty()) {
            let TokenState { report, lacks_for_copies, .. } = token;
            let device = format!("{device}: {}, serial {}", report.model, report.serial);
            let (key, lacking) = ((*key).clone(), lacks_for_copies.join(", "));
            return Err(TokenError::NoCopies { device, key, lacking }.into());
        }
        if let Some(other) = serials.get(&identity(&token)) {
            let (device, other, serial) = (device.clone(), other.clone(), token.report.serial);
            return Err(CeremonyError::SameToken { device, other, serial });
        }
        self.refuse_other_device(device, need, &token)?;
        Ok(token)
    }

    /// A device that made keys before is known by its serial; a site may know its model.
    /// In its place may stand the one that holds copies of all the keys that it shall sign with.
    fn refuse_other_device(
        &self,
        device: &Name,
        need: &Need<'_>,
        token: &TokenState,
    ) -> Result<(), CeremonyError> {
        let site = self.people.site.devices.get(device);
        if let Some(expected) = site.and_then(|site| site.model.as_ref())
            && **expected != token.report.model
        {
            return Err(CeremonyError::OtherModel {
                device: device.clone(),
                serial: token.report.serial.clone(),
                found: token.report.model.clone(),
                expected: (**expected).clone(),
            });
        }
        let copied =
            |key: &Name| self.state.copies.get(key).is_some_and(|copy| copy.serial == token.report.serial);
        if !need.sign.is_empty() && need.sign.iter().all(|key| copied(key)) {
            return Ok(());
        }
        match self.state.devices.get(device) {
            Some(known) if *known != token.report.serial => Err(CeremonyError::OtherToken {
                device: device.clone(),
                found: token.report.serial.clone(),
                expected: known.clone(),
            }),
            _ => Ok(()),
        }
    }

    /// With a login: is there room for the labels, and are the keys there that shall sign?
    fn keys(&self, need: &Need<'_>, token: &mut dyn Token) -> Result<(), CeremonyError> {
        // One whose generation was begun may be there: that is found out when its step is taken.
        for key in need.make.difference(&need.begun) {
            token.vacant(key)?;
            // A YubiKey brings its key: what the device says of it is judged before anything is made.
            if let Some(report) = token.find(key)? {
                attestation::judge(key, &report, token.report(), self.rules)?;
            }
        }
        for key in &need.sign {
            let Some(made) = self.state.keys.get(*key) else { continue };
            token.holds(key, &made.public)?;
        }
        Ok(())
    }
}

fn identity(token: &TokenState) -> (String, String) {
    (token.report.module.clone(), token.report.serial.clone())
}

fn described(device: &Name, need: &Need<'_>, state: TokenState) -> DeviceFound {
    let PinState { count_low, final_try, to_be_changed, .. } = state.user_pin;
    let pin = match (final_try, count_low, to_be_changed) {
        (true, ..) => "PIN: the last try was left",
        (_, true, _) => "PIN: a wrong one was typed before",
        (_, _, true) => "PIN: to be changed",
        _ => "PIN ok",
    };
    let pin = match state.user_pin.tries {
        Some(1) => format!("{pin}, 1 try"),
        Some(tries) => format!("{pin}, {tries} tries"),
        None => pin.into(),
    };
    let count = |keys: &BTreeSet<&Name>, what: &str| match keys.len() {
        0 => None,
        1 => Some(format!("1 key {what}")),
        many => Some(format!("{many} keys {what}")),
    };
    let made: BTreeSet<&Name> = need.make.difference(&need.copy).copied().collect();
    let work = [count(&made, "to make"), count(&need.copy, "to copy"), count(&need.sign, "to sign with")];
    DeviceFound {
        name: device.clone(),
        serial: state.report.serial,
        label: state.report.label,
        model: state.report.model,
        pin,
        state: work.into_iter().flatten().collect::<Vec<_>>().join(", "),
    }
}
