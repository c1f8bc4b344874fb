//! Who signs a role's metadata: who is here with a device, and who is missing.

use std::fmt;

use super::CeremonyError;
use super::engine::Engine;
use super::people::People;
use crate::archive::{Role, State};
use crate::difference::{self, Action, Step, handover};
use crate::plan::{self, Name};
use crate::tuf::{self, Progress, RoleSignature};

/// Where the key of a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On a device of the site, or on one that must be there.
    Here,
    /// Elsewhere, as the site says: asked by a file.
    Elsewhere,
    /// On a device that the site does not name, of a keyholder whom the plan does not name: it may be gone.
    Nowhere,
}

/// Where a step's key is. What the plan's own people sign with must be here.
pub fn place(people: People<'_>, state: &State, step: &Step) -> Place {
    let Action::SignMetadata { signer, .. } = &step.action else { return Place::Here };
    let made = state.keys.get(signer);
    let keyholder = made.and_then(|made| made.keyholder.as_ref());
    let says = |name: &Name| people.site.elsewhere.iter().any(|elsewhere| **elsewhere == *name);
    let public = people.plan.public_keys().any(|(key, ..)| key == signer);
    if public || says(signer) || keyholder.is_some_and(says) || made.is_some_and(|made| made.device.is_none())
    {
        return Place::Elsewhere;
    }
    let device = made.and_then(|made| made.device.as_ref());
    let named = device.is_some_and(|device| people.site.devices.contains_key(device));
    let planned = people.plan.keyholder_of(signer).is_some() || people.plan.keys.contains_key(signer);
    if named || planned { Place::Here } else { Place::Nowhere }
}

/// Somebody whose signature is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Absent {
    /// The keyholder.
    pub keyholder: Name,
    /// The key.
    pub key: Name,
    /// The plan's name of the device that holds it.
    pub device: Option<Name>,
    /// The serial number of that device.
    pub serial: Option<String>,
    /// The request that asks them, as a path in the archive; none where nobody can be asked by a file.
    pub request: Option<String>,
}

impl fmt::Display for Absent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.keyholder)?;
        if self.key != self.keyholder {
            write!(f, ", key {}", self.key)?;
        }
        let serial = self.serial.as_ref().map_or_else(String::new, |serial| format!(", serial {serial}"));
        match &self.device {
            _ if self.request.is_some() => {
                write!(f, ", elsewhere: asked by {}", self.request.as_deref().unwrap_or_default())
            }
            Some(device) => write!(f, ": the device `{device}`{serial} is not in the site"),
            None => f.write_str(": the key lives elsewhere"),
        }
    }
}

/// Metadata that too few have signed, or can sign here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.text())]
pub struct TooFew {
    /// The role.
    pub role: Role,
    /// The version that is signed.
    pub version: u64,
    /// The version of the root that asks for more.
    pub root: u64,
    /// How many sign, and must.
    pub progress: Progress,
    /// Whose signatures would help.
    pub absent: Vec<Absent>,
}

impl TooFew {
    fn text(&self) -> String {
        let Self { role, version, root, progress: Progress { signed, threshold }, absent } = self;
        let mut text = format!(
            "TUF {role} version {version} needs {threshold} of those who sign {role} under root version {root}, and {signed} of them sign or signed"
        );
        match absent.as_slice() {
            [] => text.push_str("; nobody else of them has a key that this archive knows"),
            list => {
                text.push_str("; still missing, any ");
                text.push_str(&format!("{} of:", threshold.saturating_sub(*signed)));
                list.iter().for_each(|absent| text.push_str(&format!("\n  {absent}")));
            }
        }
        text
    }
}

/// Somebody who is asked by a file, as the script of a ceremony names them before.
pub fn asked(state: &State, key: &Name, request: String) -> Absent {
    Absent { request: Some(request), ..absent(state, key) }
}

/// Somebody by the name of their key.
fn absent(state: &State, key: &Name) -> Absent {
    let made = state.keys.get(key);
    let device = made.and_then(|made| made.device.clone());
    Absent {
        keyholder: made.and_then(|made| made.keyholder.clone()).unwrap_or_else(|| key.clone()),
        key: key.clone(),
        serial: device.as_ref().and_then(|device| state.devices.get(device).cloned()),
        device,
        request: None,
    }
}

/// Whether everybody whom the site says to be elsewhere is somebody.
pub fn known(people: People<'_>, state: &State) -> Result<(), CeremonyError> {
    let holders = people.plan.people.iter().filter(|(_, person)| *person.role == plan::Role::Keyholder);
    let mut names: Vec<Name> = holders.map(|(name, _)| name.clone()).collect();
    names.extend(people.plan.device_keys().map(|(key, ..)| key.clone()));
    names.extend(people.plan.keys.keys().cloned());
    names.extend(state.keys.iter().flat_map(|(key, made)| made.keyholder.iter().chain([key]).cloned()));
    let strange = people.site.elsewhere.iter().find(|name| !names.contains(name));
    match strange {
        None => Ok(()),
        Some(name) => {
            names.sort_unstable();
            names.dedup();
            Err(CeremonyError::NoSuchSigner { name: (**name).clone(), known: names })
        }
    }
}

/// Whether the keyholders of the root in force who can sign here are enough for the next one: found out
/// before anything is written.
pub fn enough(people: People<'_>, state: &State, steps: &[Step]) -> Result<(), TooFew> {
    let publishes = Action::Publish { role: Role::Root };
    if !steps.iter().any(|step| step.action == publishes && !step.done) {
        return Ok(());
    }
    let Some(handover) = handover::of(people.plan, state) else { return Ok(()) };
    let signs = |name: &Name| {
        steps.iter().any(|step| match &step.action {
            Action::SignMetadata { role: Role::Root, signer } => {
                signer == name && (step.done || place(people, state, step) != Place::Nowhere)
            }
            _ => false,
        })
    };
    let here = handover.leaving.iter().filter(|name| signs(name)).count();
    if here >= handover.needed() {
        return Ok(());
    }
    let missing = handover.leaving.iter().filter(|name| !signs(name));
    Err(TooFew {
        role: Role::Root,
        version: state.next_version(Role::Root),
        root: handover.version,
        progress: Progress {
            signed: handover.staying.len().saturating_add(here),
            threshold: handover.threshold,
        },
        absent: missing.map(|key| absent(state, key)).collect(),
    })
}

impl Engine<'_> {
    /// Whether a step's signature is not made here. Throwaway keys are all here.
    pub(super) fn is_away(&self, step: &Step) -> bool {
        !self.archive.is_scratch() && place(self.people, self.archive.state(), step) != Place::Here
    }

    /// What a role still lacks, where some of its signers are away.
    pub(super) fn too_few(&mut self, role: Role, away: &[&Step]) -> Result<Option<TooFew>, CeremonyError> {
        let absentees = away.iter().filter_map(|step| match &step.action {
            Action::SignMetadata { role: signed, signer } if *signed == role => Some(signer),
            _ => None,
        });
        let absentees: Vec<&Name> = absentees.collect();
        if absentees.is_empty() {
            return Ok(None);
        }
        let metadata = self.next_metadata(role)?;
        let signatures = self.signatures(role, metadata.head().version);
        let state = self.archive.state();
        let spec = difference::role_spec(self.plan, role).unwrap_or_default();
        let signed = |key: &Name| {
            let made = state.signatures.get(&(role, metadata.head().version, key.clone()));
            made.is_some_and(|made| made.spec == spec)
        };
        let absentees = absentees.into_iter().filter(|key| !signed(key));
        let absentees: Vec<Absent> = absentees.map(|key| absent(state, key)).collect();
        let in_force = self.root_in_force()?;
        for root in tuf::roots(&metadata, in_force.as_ref()) {
            let progress = tuf::progress(&metadata, &signatures, root)?;
            if !progress.is_enough() {
                let (version, root) = (metadata.head().version, root.head.version);
                return Ok(Some(TooFew { role, version, root, progress, absent: absentees }));
            }
        }
        Ok(None)
    }

    /// The signatures over a role's version that was put together from this plan.
    pub(super) fn signatures(&self, role: Role, version: u64) -> Vec<RoleSignature> {
        let spec = difference::role_spec(self.plan, role).unwrap_or_default();
        let all = self.archive.state().signatures.iter();
        let ours = all
            .filter(|((found, number, _), made)| *found == role && *number == version && made.spec == spec);
        ours.map(|(_, made)| RoleSignature { keyid: made.keyid.clone(), sig: made.signature.clone() })
            .collect()
    }
}
