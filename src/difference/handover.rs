//! From one root to the next: whose signatures the keyholders of the root in force still owe. Pure.
//!
//! Clients take a new root only with the thresholds of both, the one that they have and the new one
//! (TUF 1.0.31, 5.3.4). Keyholders who stay sign once, and count under both. Where they are too few for
//! the root in force, those who leave sign a last time, and so does the old key of somebody who changes
//! the device.

use crate::archive::{Role, State};
use crate::plan::{Name, Plan};
use crate::tuf::{Envelope, Metadata, Root};

/// What a new root needs of the one in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handover {
    /// The version of the root in force.
    pub version: u64,
    /// How many of its keys must sign the next one.
    pub threshold: usize,
    /// The names of its keys that sign the next one as the plan's, too.
    pub staying: Vec<Name>,
    /// The names of its other keys, where those that stay are too few.
    pub leaving: Vec<Name>,
}

impl Handover {
    /// How many of those that leave must sign.
    pub fn needed(&self) -> usize {
        self.threshold.saturating_sub(self.staying.len())
    }
}

/// The root in force, if one is published.
pub fn root_in_force(state: &State) -> Option<Root> {
    let published = state.newest(Role::Root)?;
    match Envelope::parse(published.content.as_bytes()).ok()?.signed {
        Metadata::Root(root) => Some(root),
        _ => None,
    }
}

/// What the plan's next root needs of the one in force; none where there is none yet. Keys are told apart by
/// their material, never by their ids.
pub fn of(plan: &Plan, state: &State) -> Option<Handover> {
    let root = root_in_force(state)?;
    let planned: Vec<&Name> =
        plan.tuf.iter().flat_map(|tuf| tuf.root.keyholders.iter()).map(|name| plan.key_of(name)).collect();
    let threshold = root.roles.get(&Role::Root).map_or(1, |keys| keys.threshold.max(1));
    let threshold = usize::try_from(threshold).unwrap_or(usize::MAX);
    let mut known: Vec<&Name> = Vec::new();
    for (_, key) in root.signers(Role::Root) {
        let Ok(public) = key.public() else { continue };
        let name = state.keys.iter().find(|(_, made)| made.public == public).map(|(name, _)| name);
        known.extend(name.filter(|name| !known.contains(name)));
    }
    let (staying, leaving): (Vec<&Name>, Vec<&Name>) =
        known.into_iter().partition(|name| planned.contains(name));
    let enough = staying.len() >= threshold;
    Some(Handover {
        version: root.head.version,
        threshold,
        staying: staying.into_iter().cloned().collect(),
        leaving: if enough { Vec::new() } else { leaving.into_iter().cloned().collect() },
    })
}
