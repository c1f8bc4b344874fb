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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::made::{MadeKey, Published};
    use crate::plan::tests::example;
    use crate::tuf::tests::Repository;

    /// The example's archive after its first root, which five keyholders sign, three of them needed.
    fn made() -> State {
        let mut repository = Repository::new();
        let mut state = State::default();
        for name in (1..=5).map(|n| format!("keyholder-{n}")) {
            let key: Name = name.parse().unwrap();
            let public = repository.public(&name);
            let (device, keyholder) = (Some(key.clone()), Some(key.clone()));
            state.keys.insert(key, MadeKey { spec: Default::default(), public, device, keyholder });
        }
        let root: Metadata = repository.root.clone().into();
        let signatures = repository.sign(&root, &["keyholder-1", "keyholder-2", "keyholder-3"]);
        let file = crate::tuf::envelope(&root, &signatures, None).unwrap();
        let content = String::from_utf8(file).unwrap();
        state.tuf.insert(Role::Root, vec![Published { version: 1, spec: Default::default(), content }]);
        state
    }

    /// The example with other keyholders of the root.
    fn with(keyholders: &[&str]) -> Plan {
        let mut plan = example();
        let names = &mut plan.tuf.as_mut().unwrap().root.keyholders;
        *names.value_mut() =
            keyholders.iter().map(|name| crate::plan::At::absent(name.parse().unwrap())).collect();
        plan
    }

    #[test]
    fn those_who_leave_sign_only_where_they_are_needed() {
        let state = made();
        let of = |plan: &Plan| of(plan, &state).unwrap();
        for (keyholders, staying, leaving, needed) in [
            (&["keyholder-1", "keyholder-2", "keyholder-3", "keyholder-6"][..], 3, 0, 0),
            (&["keyholder-1", "keyholder-2", "keyholder-6"], 2, 3, 1),
            (&["keyholder-6"], 0, 5, 3),
        ] {
            let handover = of(&with(keyholders));
            assert_eq!((handover.version, handover.threshold), (1, 3));
            assert_eq!(
                (handover.staying.len(), handover.leaving.len(), handover.needed()),
                (staying, leaving, needed)
            );
        }
        assert_eq!(super::of(&example(), &State::default()), None);
    }

    #[test]
    fn an_old_key_of_somebody_who_stays_leaves() {
        let state = made();
        let mut plan = with(&["keyholder-1", "keyholder-2", "keyholder-3"]);
        for name in ["keyholder-1", "keyholder-2"] {
            let person = plan.people.get_mut(&name.parse::<Name>().unwrap()).unwrap();
            person.key = Some(crate::plan::At::absent(format!("{name}-2027").parse().unwrap()));
        }
        let handover = of(&plan, &state).unwrap();
        assert_eq!(handover.staying, ["keyholder-3".parse().unwrap()]);
        assert_eq!((handover.leaving.len(), handover.needed()), (4, 2));
    }
}
