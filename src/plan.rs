//! The plan: what shall be. Typed, checked, free of devices and secrets.
//!
//! [`Plan::parse`] is the only door: a `Plan` that exists refers to nothing that it does not hold.

pub mod certificate;
mod check;
pub mod crl;
pub mod csr;
pub mod date;
pub mod key;
pub mod name;
pub mod observation;
pub mod people;
pub mod policy;
pub mod prove;
pub mod quorum;
pub mod source;
pub mod trust_root;
pub mod tuf;

use std::path::PathBuf;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crl::Sha256;

pub use certificate::{Certificate, Profile, Subject};
pub use crl::{Crl, Reason, RevokedFrom};
pub use csr::Csr;
pub use date::{Day, Time, Validity, Window};
pub use key::{Algorithm, Key};
pub use name::{Name, Oid, Url};
pub use observation::Observation;
pub use people::{Person, Role, SshLine};
pub use policy::{Policy, Waiver};
pub use prove::Prove;
pub use quorum::{Private, Quorum};
pub use source::{At, Fault, Faults, Source};
pub use trust_root::TrustRoot;
pub use tuf::Tuf;

/// The ceremony itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Ceremony {
    /// What people call it.
    pub name: At<String>,
    /// The day on which it is held. A rehearsal moves every date of the plan along with it.
    pub date: Day,
    /// Who holds it.
    pub organization: At<String>,
    /// Steps whose fingerprint a witness types back, such as `generate-key/root` or `issue/root`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub read_back: Vec<At<String>>,
    /// Which rules and limits apply; `sigstore` unless said otherwise.
    #[serde(default = "policy::sigstore", skip_serializing_if = "policy::is_sigstore")]
    pub profile: At<Policy>,
    /// The document that the profiles follow, such as a certification practice statement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<Url>,
    /// SHA-256 of each build of this tool that may hold the ceremony, as `sha256sum` prints it; any where none
    /// is named. With the tool, its rules are named, and all that it was built of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_sha256: Vec<At<Sha256>>,
    /// What people are asked to record before the first step, such as `boot` and `entry`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ask_before: Vec<At<Observation>>,
    /// What people are asked to record after the last step, such as `media` and `custody`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ask_after: Vec<At<Observation>>,
    /// How many people of each role must approve the plan, by its hash, before it may be run.
    #[serde(default, skip_serializing_if = "Quorum::is_empty")]
    pub approvals: Quorum,
    /// How many people of each role must sign what happened, when it has.
    #[serde(default, skip_serializing_if = "Quorum::is_empty")]
    pub seal: Quorum,
    /// What stays out of the public report, but for a salted hash in the seal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub private: Vec<At<Private>>,
}

/// The plan of a trust root: what shall be, on whichever devices.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Plan {
    /// The ceremony.
    pub ceremony: Ceremony,
    /// Who must be there, by name.
    #[serde(default)]
    pub people: IndexMap<Name, Person>,
    /// Keys, by name.
    pub keys: IndexMap<Name, Key>,
    /// Certificates, by name.
    #[serde(default)]
    pub certificates: IndexMap<Name, Certificate>,
    /// Certificate signing requests for CAs that are not ours, by name.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub csrs: IndexMap<Name, Csr>,
    /// Certificate revocation lists, by name.
    #[serde(default)]
    pub crls: IndexMap<Name, Crl>,
    /// What clients shall trust.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trust_root: Option<TrustRoot>,
    /// The repository that carries the trust root to clients.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tuf: Option<Tuf>,
    /// Rules that are knowingly broken, each with its object and the reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waivers: Vec<Waiver>,
    /// The canary with which a rehearsal ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prove: Option<Prove>,
}

impl Plan {
    /// Reads and checks a plan. Faults carry their line and column; all of the plan's
    /// references are checked, so one run shows all that is wrong.
    pub fn parse(source: &Source) -> Result<Self, Faults> {
        let plan: Self = source.parse()?;
        let faults = check::check(&plan);
        if faults.is_empty() { Ok(plan) } else { Err(source.faults(faults)) }
    }

    /// The same plan with every date moved by a number of days; none if a date leaves the calendar.
    pub fn shifted(mut self, days: i64) -> Option<Self> {
        let time = |time: &mut Time| time.shifted(days).map(|to| *time = to);
        let window = |window: &mut At<Window>| {
            let window = window.value_mut();
            time(&mut window.from)?;
            window.to.as_mut().map_or(Some(()), time)
        };
        let validity = |validity: &mut At<Validity>| {
            time(&mut validity.value_mut().from)?;
            time(&mut validity.value_mut().to)
        };
        self.ceremony.date = self.ceremony.date.shifted(days)?;
        for certificate in self.certificates.values_mut() {
            validity(&mut certificate.validity)?;
        }
        for crl in self.crls.values_mut() {
            validity(&mut crl.validity)?;
            for revoked in &mut crl.revoked {
                time(&mut revoked.date)?;
                revoked.invalidity_date.as_mut().map_or(Some(()), |date| time(date.value_mut()))?;
            }
            if let Some(from) = &mut crl.revoked_from {
                from.days = from.days.checked_add(days)?;
            }
        }
        if let Some(root) = &mut self.trust_root {
            let authorities = root.certificate_authorities.iter_mut().chain(&mut root.timestamp_authorities);
            authorities.map(|entry| &mut entry.trust).try_for_each(window)?;
            root.transparency_logs.iter_mut().map(|entry| &mut entry.trust).try_for_each(window)?;
            root.certificate_logs.iter_mut().map(|entry| &mut entry.trust).try_for_each(window)?;
            root.identity_providers.iter_mut().map(|entry| &mut entry.trust).try_for_each(window)?;
        }
        if let Some(tuf) = &mut self.tuf {
            for expires in [
                &mut tuf.root.expires,
                &mut tuf.targets.expires,
                &mut tuf.snapshot.expires,
                &mut tuf.timestamp.expires,
            ] {
                time(expires.value_mut())?;
            }
        }
        Some(self)
    }

    /// Keyholders and their devices and algorithms, in the plan's order.
    pub fn keyholders(&self) -> impl Iterator<Item = (&Name, &Name, Algorithm)> {
        self.people.iter().filter_map(|(name, person)| {
            let device = person.device.as_ref()?;
            (*person.role == Role::Keyholder).then_some((name, &**device, *person.algorithm))
        })
    }

    /// People with a device of their own and its key's algorithm, in the plan's order: keyholders, and others
    /// who sign approvals and seals with one.
    pub fn people_keys(&self) -> impl Iterator<Item = (&Name, &Name, Algorithm)> {
        self.people
            .iter()
            .filter_map(|(name, person)| Some((name, &**person.device.as_ref()?, *person.algorithm)))
    }

    /// The name of a person's key: the person's own, unless the plan names it.
    pub fn key_of<'a>(&'a self, person: &'a Name) -> &'a Name {
        self.people.get(person).and_then(|found| found.key.as_deref()).unwrap_or(person)
    }

    /// The person whose key has this name: a keyholder, or another one with a device.
    pub fn keyholder_of(&self, key: &Name) -> Option<&Name> {
        let has_key = |person: &Person| person.device.is_some() || person.public_key.is_some();
        let people = self.people.iter().filter(|(_, person)| has_key(person)).map(|(name, _)| name);
        people.into_iter().find(|name| self.key_of(name) == key)
    }

    /// Keys that are known by their public half alone, and sign TUF metadata elsewhere: name, file, and
    /// SHA-256 of the SubjectPublicKeyInfo in hex.
    pub fn public_keys(&self) -> impl Iterator<Item = (&Name, &At<PathBuf>, &At<Sha256>)> {
        let keys = self.keys.iter().filter_map(|(name, key)| match key {
            Key::Public { public_key, fingerprint } => Some((name, public_key, fingerprint)),
            Key::Device { .. } | Key::Csr { .. } => None,
        });
        let people = self.people.iter().filter(|(_, person)| *person.role == Role::Keyholder);
        let people = people.filter_map(|(name, person)| {
            Some((self.key_of(name), person.public_key.as_ref()?, person.fingerprint.as_ref()?))
        });
        keys.chain(people)
    }

    /// Every key that a device generates: name, device, algorithm. CA and log keys first, then people's.
    pub fn device_keys(&self) -> impl Iterator<Item = (&Name, &Name, Algorithm)> {
        let keys = self.keys.iter().filter_map(|(name, key)| match key {
            Key::Device { device, algorithm, .. } => Some((name, &**device, **algorithm)),
            Key::Csr { .. } | Key::Public { .. } => None,
        });
        let people =
            self.people_keys().map(|(person, device, algorithm)| (self.key_of(person), device, algorithm));
        keys.chain(people)
    }

    /// Keys of which a second device is given a copy: the key, its device, and the copy's.
    pub fn backups(&self) -> impl Iterator<Item = (&Name, &Name, &Name)> {
        self.keys.iter().filter_map(|(name, key)| match key {
            Key::Device { device, backup: Some(backup), .. } => Some((name, &**device, &**backup)),
            _ => None,
        })
    }

    /// The device that is given a copy of this key, if one is.
    pub fn backup_of(&self, key: &Name) -> Option<&Name> {
        self.backups().find(|(name, ..)| *name == key).map(|(.., backup)| backup)
    }

    /// A certificate that this key signs: signed once more by the copy, over the same bytes, it proves the
    /// copy, and the key signs nothing but certificates for it (CSBR 6.1.7).
    pub fn proof_of_copy(&self, key: &Name) -> Option<&Name> {
        let signed = self.certificates.iter().find(|(_, certificate)| {
            let issuer = certificate.issuer.as_ref();
            let signer = match issuer {
                Some(issuer) => self.certificates.get(&**issuer),
                None => Some(*certificate),
            };
            signer.is_some_and(|signer| *signer.key == *key)
        });
        signed.map(|(name, _)| name)
    }

    /// The names of all devices, each once, in the order in which the plan names them.
    pub fn devices(&self) -> Vec<&Name> {
        let mut devices: Vec<&Name> = Vec::new();
        let copies = self.backups().map(|(.., backup)| backup);
        for device in self.device_keys().map(|(_, device, _)| device).chain(copies) {
            if !devices.contains(&device) {
                devices.push(device);
            }
        }
        devices
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The example plan of the repository, as the tests of every room use it.
    pub(crate) fn example() -> Plan {
        Plan::parse(&Source::new("sigstore.toml", include_str!("../ceremony/sigstore.toml"))).unwrap()
    }

    #[test]
    fn shifting_moves_every_date() {
        let dates = |plan: &Plan| {
            let text = serde_json::to_string(plan).unwrap();
            let strings = text.split('"').map(str::to_string).collect::<Vec<_>>();
            strings
                .into_iter()
                .filter(|text| text.parse::<Time>().is_ok() || text.parse::<Day>().is_ok())
                .collect::<Vec<_>>()
        };
        let before = dates(&example());
        let after = dates(&example().shifted(1000).unwrap());
        assert!(before.len() >= 20);
        assert_eq!(before.len(), after.len());
        for (before, after) in before.iter().zip(&after) {
            assert_ne!(before, after, "a date that does not move");
        }
        assert_eq!(example().shifted(1000).unwrap().shifted(-1000).unwrap(), example());
        assert!(example().shifted(10_000_000).is_none());
    }

    #[test]
    fn devices_are_named_once() {
        let plan = example();
        let devices: Vec<&str> = plan.devices().into_iter().map(Name::as_str).collect();
        assert_eq!(
            devices,
            [
                "root-hsm",
                "issuing-hsm",
                "keyholder-1",
                "keyholder-2",
                "keyholder-3",
                "keyholder-4",
                "keyholder-5"
            ]
        );
    }
}
