//! Who signs, and with which keys: each can, with a key and a device of their own.

use std::collections::BTreeMap;

use crate::plan::people::Person;
use crate::plan::{Fault, Key, Name, Plan, Role};

/// A key that is known by its public half alone signs TUF metadata, and nothing else: nobody proved to hold it.
pub(super) fn public_keys(plan: &Plan, faults: &mut Vec<Fault>) {
    for certificate in plan.certificates.values() {
        if let Some(Key::Public { .. }) = plan.keys.get(&*certificate.key) {
            let found = format!("key `{}` is known by its public half alone", *certificate.key);
            faults.push(
                Fault::at(&certificate.key, found).help(
                    "a certificate needs a proof of possession: name the key by its request, `csr = …`",
                ),
            );
        }
    }
}

/// Whoever must sign can; and each with a key of their own.
pub(super) fn signers(plan: &Plan, faults: &mut Vec<Fault>) {
    let mut seen: BTreeMap<&str, &Name> = BTreeMap::new();
    for (name, person) in &plan.people {
        if let Some(line) = &person.ssh
            && let Some(other) = seen.insert(line.base64(), name)
        {
            faults.push(Fault::at(line, format!("`{name}` and `{other}` have the same SSH key")));
        }
    }
    for (role, must) in plan.ceremony.approvals.0.iter().chain(&plan.ceremony.seal.0) {
        let able =
            |person: &&Person| *person.role == *role && (person.device.is_some() || person.ssh.is_some());
        let have = plan.people.values().filter(able).count();
        if **must == 0 || usize::try_from(**must).is_ok_and(|must| must > have) {
            let found = format!("{} of role {role} must sign, and the plan has {have} who can", **must);
            faults.push(Fault::at(must, found).help(
                "ask for at least 1, and give each of them a device, or ssh = \"…\", the line of their id_….pub file",
            ));
        }
    }
}

/// A copy is on another device, and can be proved: by a certificate that the key signs.
pub(super) fn backups(plan: &Plan, faults: &mut Vec<Fault>) {
    for (name, key) in &plan.keys {
        let Key::Device { device, backup: Some(backup), .. } = key else { continue };
        if **device == **backup {
            faults.push(
                Fault::at(backup, format!("the copy of `{name}` would be on the device that holds the key"))
                    .help("name a second device, kept in another place"),
            );
        }
        if plan.proof_of_copy(name).is_none() {
            faults.push(
                Fault::at(backup, format!("no certificate of the plan is signed by `{name}`, so that nothing would prove its copy"))
                    .help("a copy is for keys that can't be replaced in a day; for this one, generate a second key on the second device"),
            );
        }
    }
}

pub(super) fn people(plan: &Plan, faults: &mut Vec<Fault>) {
    let mut devices: BTreeMap<&str, &Name> = BTreeMap::new();
    let mut keys: BTreeMap<&str, &Name> = BTreeMap::new();
    for (name, person) in &plan.people {
        let keyholder = *person.role == Role::Keyholder;
        if person.device.is_none() && !keyholder {
            if let Some(key) = &person.key {
                let found = format!("`{name}` has a `key`, and no device that holds it");
                faults.push(Fault::at(key, found).help("add device = \"…\", or leave the key out"));
            }
            continue;
        }
        let (key, role) = (plan.key_of(name), *person.role);
        if plan.keys.contains_key(key) {
            let found = match &person.key {
                Some(own) => {
                    Fault::at(own, format!("the key `{key}` of `{name}` has the name of another key"))
                }
                None => Fault::at(&person.role, format!("{role} `{name}` has the name of a key")),
            };
            faults.push(found.help(format!("a {role}'s key bears the {role}'s name: rename one of the two")));
        }
        if let Some(other) = keys.insert(key.as_str(), name) {
            let found = format!("`{name}` and `{other}` share the key `{key}`");
            let fault = match &person.key {
                Some(own) => Fault::at(own, found),
                None => Fault::at(&person.role, found),
            };
            faults.push(fault.help("keyholders sign independently: give each a key of their own"));
        }
        let elsewhere = person.public_key.as_ref().zip(person.fingerprint.as_ref());
        match &person.device {
            None if elsewhere.is_some() => {}
            Some(device) if person.public_key.is_some() || person.fingerprint.is_some() => faults.push(
                Fault::at(device, format!("keyholder `{name}` has a device and a public key")).help(
                    "a key is made on a device here, or lives elsewhere and is known by its public key",
                ),
            ),
            None => {
                faults.push(Fault::at(&person.role, format!("keyholder `{name}` has no device")).help(
                    format!("add device = \"{name}\", or public-key and fingerprint of a key elsewhere"),
                ))
            }
            Some(device) => {
                if let Some(other) = devices.insert(device.as_str(), name) {
                    faults.push(
                        Fault::at(device, format!("`{name}` and `{other}` share the device `{}`", **device))
                            .help("keyholders sign independently: give each a device of their own"),
                    );
                }
            }
        }
    }
}
