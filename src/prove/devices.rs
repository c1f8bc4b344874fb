//! The devices of a canary, looked at before the first of them is opened.

use std::collections::{BTreeMap, BTreeSet};

use super::ProveError;
use super::services::Services;
use crate::archive::State;
use crate::ceremony::CeremonyError;
use crate::plan::{Algorithm, Name};
use crate::token::{Devices, PinOwner};

/// Looks at every device that signs, without a login: it is there, it is the one that made the keys, and
/// it can sign with them. Those that stand in the way are told of together.
pub fn look(services: &Services, state: &State, devices: &mut Devices) -> Result<(), ProveError> {
    let mut needed: BTreeMap<&Name, BTreeSet<Algorithm>> = BTreeMap::new();
    for signer in services.signers() {
        needed.entry(&signer.device).or_default().insert(signer.public.algorithm());
    }
    let look = |(device, algorithms)| one(device, algorithms, state, devices).err();
    let mut errors: Vec<CeremonyError> = needed.into_iter().filter_map(look).collect();
    match errors.pop() {
        None => Ok(()),
        Some(error) if errors.is_empty() => Err(error.into()),
        Some(error) => {
            errors.push(error);
            Err(CeremonyError::Devices(errors).into())
        }
    }
}

fn one(
    device: &Name,
    algorithms: BTreeSet<Algorithm>,
    state: &State,
    devices: &mut Devices,
) -> Result<(), CeremonyError> {
    let token = devices.peek(device)?;
    token.allows_login(device, PinOwner::User)?;
    let unable = algorithms.into_iter().find(|algorithm| !token.algorithms.contains(algorithm));
    if let Some(algorithm) = unable {
        return Err(CeremonyError::NoMechanism { device: device.clone(), algorithm });
    }
    match state.devices.get(device) {
        Some(known) if *known != token.report.serial => {
            let (found, expected) = (token.report.serial, known.clone());
            Err(CeremonyError::OtherToken { device: device.clone(), found, expected })
        }
        _ => Ok(()),
    }
}
