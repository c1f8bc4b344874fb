//! Changes of TUF root metadata: who signs what.

use std::collections::BTreeMap;

use super::Change;
use crate::tuf::{Key, Role, Root};

const PLACE: &str = "TUF root";

/// What changed between two versions; all of it is new where there was none before. Keys are told apart by
/// their material: a key under another id is the same key, and one person with another key has another.
pub fn changes(before: Option<&Root>, after: &Root) -> Vec<Change> {
    let mut changes = Vec::new();
    let version = before.map_or("none".to_string(), |before| before.head.version.to_string());
    if before.map(|before| before.head.version) != Some(after.head.version) {
        changes.push(Change::changed(PLACE, format!("version {version} → {}", after.head.version)));
    }
    match before {
        Some(before) if before.head.expires == after.head.expires => {}
        Some(before) => {
            let what = format!("expires {} → {}", before.head.expires, after.head.expires);
            changes.push(Change::changed(PLACE, what));
        }
        None => changes.push(Change::added(PLACE, format!("expires {}", after.head.expires))),
    }
    for role in Role::ALL {
        roles(before, after, role, &mut changes);
    }
    changes
}

fn roles(before: Option<&Root>, after: &Root, role: Role, changes: &mut Vec<Change>) {
    let threshold = |root: &Root| root.roles.get(&role).map(|keys| keys.threshold);
    let (old, new) = (before.and_then(threshold), threshold(after));
    let shown = |threshold: Option<u32>| threshold.map_or("none".into(), |threshold| threshold.to_string());
    if old != new {
        changes.push(Change::changed(PLACE, format!("{role}: threshold {} → {}", shown(old), shown(new))));
    }
    let old = before.map(|before| signers(before, role)).unwrap_or_default();
    let new = signers(after, role);
    for (material, who) in &new {
        if old.contains_key(material) {
            continue;
        }
        // The same person, with another key.
        let replaced = old
            .iter()
            .find(|(material, other)| who.named && other.name == who.name && !new.contains_key(*material));
        changes.push(match replaced {
            Some((_, _)) => {
                Change::changed(PLACE, format!("{role}: {} has another key, {}", who.name, who.key))
            }
            None => Change::added(PLACE, format!("{role}: {} signs, with {}", who.name, who.key)),
        });
    }
    for (material, who) in &old {
        let stays = new.values().any(|other| who.named && other.name == who.name);
        if !new.contains_key(material) && !stays {
            changes.push(Change::removed(PLACE, format!("{role}: {} signs no more", who.name)));
        }
    }
}

/// Somebody who signs a role.
struct Signer {
    name: String,
    /// Whether the metadata names a person, and not a key alone.
    named: bool,
    key: String,
}

/// The signers of a role, by the material of their keys.
fn signers(root: &Root, role: Role) -> BTreeMap<Vec<u8>, Signer> {
    let signer = |(id, key): (&str, &Key)| {
        let short = id.get(..8).unwrap_or(id);
        let (material, key_shown) = match key.public() {
            Ok(public) => {
                let shown = format!("{} SHA-256 {}", public.algorithm(), public.fingerprint());
                (public.spki().to_vec(), shown)
            }
            Err(error) => (id.as_bytes().to_vec(), error.to_string()),
        };
        let name = key.owner().map_or_else(|| format!("the key {short}…"), str::to_string);
        (material, Signer { named: key.owner().is_some(), name, key: key_shown })
    };
    root.signers(role).map(signer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Algorithm, Name};
    use crate::token::Token;
    use crate::token::throwaway::Throwaway;
    use crate::tuf::Signers;

    fn key(owner: Option<&str>) -> Key {
        let name: Name = "k".parse().unwrap();
        let public = Throwaway::default().generate(&name, Algorithm::EcdsaP256).unwrap().public;
        Key::new(&public, owner.map(|owner| owner.parse().unwrap()).as_ref()).unwrap()
    }

    fn root(version: u64, keys: &[&Key], threshold: u32) -> Root {
        let signers = |keys: &[&Key], threshold| Signers {
            keys: keys.iter().map(|key| (*key).clone()).collect(),
            threshold,
        };
        let roles = BTreeMap::from([
            (Role::Root, signers(keys, threshold)),
            (Role::Targets, signers(keys, threshold)),
        ]);
        Root::new(version, "2027-06-01T00:00:00Z".parse().unwrap(), &roles)
    }

    fn words(before: &Root, after: &Root) -> Vec<String> {
        changes(Some(before), after).into_iter().map(|change| change.what).collect()
    }

    #[test]
    fn who_comes_goes_or_has_another_key_is_said() {
        let (ada, bob, eve, ada_again) =
            (key(Some("ada")), key(Some("bob")), key(Some("eve")), key(Some("ada")));
        let before = root(1, &[&ada, &bob], 2);
        assert!(words(&before, &root(1, &[&ada, &bob], 2)).is_empty());
        let said = words(&before, &root(2, &[&ada_again, &eve], 1));
        for (expected, times) in [
            ("version 1 → 2", 1),
            ("root: threshold 2 → 1", 1),
            ("targets: threshold 2 → 1", 1),
            ("root: ada has another key, ecdsa-p256", 1),
            ("root: eve signs, with ecdsa-p256", 1),
            ("root: bob signs no more", 1),
        ] {
            assert_eq!(
                said.iter().filter(|text| text.starts_with(expected)).count(),
                times,
                "{expected}: {said:?}"
            );
        }
        assert_eq!(said.len(), 1 + 2 * 4, "{said:?}");
    }

    #[test]
    fn keys_without_an_owner_are_told_apart_too() {
        let (one, other) = (key(None), key(None));
        let said = words(&root(1, &[&one], 1), &root(1, &[&other], 1));
        assert!(said.iter().any(|text| text.contains("signs, with")), "{said:?}");
        assert!(said.iter().any(|text| text.contains("signs no more")), "{said:?}");
    }
}
