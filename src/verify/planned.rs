//! What was made against what a plan says, thing by thing, from the bytes of what was made: not by the
//! comparison that a ceremony starts from.

use super::certificate::Certificates;
use super::claims::Claims;
use super::files::{Files, Lists};
use super::report::{Area, Sheet};
use super::signature::sha256_hex;
use super::tuf::document::Document;
use super::tuf::root::Root;
use super::{crl, profile, request, signing_config, trust_root, tuf};
use crate::archive::Role;
use crate::plan::{self, Name, Plan, Time};

/// A difference: the thing, such as `certificates.root`, and in what it differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The thing, by its place in the plan.
    pub object: String,
    /// What was found, and what the plan says.
    pub what: String,
}

/// What is compared: an archive, and a plan with its dates moved as the archive's are.
pub struct Comparison<'c> {
    /// What the journal says was made.
    pub claims: &'c Claims<'c>,
    /// The certificates that could be read.
    pub certificates: &'c Certificates<'c>,
    /// The archive's files.
    pub files: &'c Files,
    /// Its CRLs.
    pub lists: &'c Lists<'c>,
    /// The plan.
    pub plan: &'c Plan,
}

/// Every difference between an archive and a plan, in the plan's order.
pub fn differences(comparison: &Comparison<'_>) -> Vec<Difference> {
    let mut found = Found(Vec::new());
    comparison.keys(&mut found);
    comparison.certificates(&mut found);
    comparison.csrs(&mut found);
    comparison.crls(&mut found);
    comparison.trust_root(&mut found);
    comparison.tuf(&mut found);
    found.0
}

struct Found(Vec<Difference>);

impl Found {
    fn take(&mut self, object: impl Into<String>, what: impl Into<String>) {
        self.0.push(Difference { object: object.into(), what: what.into() });
    }

    /// Things that the archive holds and the plan does not name.
    fn unplanned<'n>(&mut self, kind: &str, names: impl Iterator<Item = &'n str>) {
        for name in names {
            self.take(format!("{kind}.{name}"), "the archive holds it, and the plan does not mention it");
        }
    }
}

const NOT_MADE: &str = "it is not made";

impl Comparison<'_> {
    fn keys(&self, found: &mut Found) {
        let Self { claims, plan, .. } = self;
        for (name, device, algorithm) in plan.device_keys() {
            let object = format!("keys.{name}");
            let Some(made) = claims.key(name.as_str()) else {
                found.take(object, NOT_MADE);
                continue;
            };
            match &made.key {
                Ok(key) if key.kind.as_str() != algorithm.as_str() => {
                    found.take(&object, format!("it is {}, expected {algorithm}", key.kind.as_str()));
                }
                Ok(_) => {}
                Err(reason) => found.take(&object, reason.as_str()),
            }
            if made.record.keyholder.as_ref() != plan.keyholder_of(name) {
                let holder = |name: Option<&Name>| name.map_or("nobody".to_string(), Name::to_string);
                let (made, planned) = (made.record.keyholder.as_ref(), plan.keyholder_of(name));
                found.take(
                    &object,
                    format!("its keyholder is {}, expected {}", holder(made), holder(planned)),
                );
            }
            if made.record.device.as_ref() != Some(device) {
                let place = made.record.device.as_ref().map_or("elsewhere", Name::as_str);
                found.take(object, format!("it was made on {place}, expected {device}"));
            }
        }
        for (name, _, to) in plan.backups() {
            let object = format!("keys.{name}.backup");
            match claims.copies.iter().find(|copy| copy.name == *name) {
                None => found.take(object, NOT_MADE),
                Some(copy) if copy.device != *to => {
                    found.take(object, format!("it is on {}, expected {to}", copy.device));
                }
                Some(_) => {}
            }
        }
        let copies = claims.copies.iter().map(|copy| &copy.name);
        found.unplanned("backups", copies.filter(|name| plan.backup_of(name).is_none()).map(Name::as_str));
        for (name, key) in &plan.keys {
            let plan::Key::Csr { .. } = key else { continue };
            match claims.key(name.as_str()) {
                None => found.take(format!("keys.{name}"), "it is not taken over from its request"),
                Some(made) if made.record.request.is_none() => {
                    found.take(format!("keys.{name}"), "it was made on a device, expected its request");
                }
                Some(_) => {}
            }
        }
        for (name, _, hash) in plan.public_keys() {
            match claims.key(name.as_str()) {
                None => found.take(format!("keys.{name}"), "it is not taken over"),
                Some(made) if sha256_hex(&made.spki) != hash.as_str() => {
                    let what = format!("it has SHA-256 {}, expected {}", sha256_hex(&made.spki), **hash);
                    found.take(format!("keys.{name}"), what);
                }
                Some(made) if made.record.device.is_some() => {
                    found.take(format!("keys.{name}"), "it was made on a device, expected a key elsewhere");
                }
                Some(_) => {}
            }
        }
        // Keyholders may have gone since.
        let strange = claims.keys.iter().map(|made| made.record).filter(|made| made.keyholder.is_none());
        let strange = strange.map(|made| &made.name).filter(|name| !plan.keys.contains_key(*name));
        found.unplanned("keys", strange.map(Name::as_str));
    }

    fn certificates(&self, found: &mut Found) {
        let Self { claims, certificates, plan, .. } = self;
        for (name, planned) in &plan.certificates {
            let object = format!("certificates.{name}");
            let Some(made) = certificates.get(name.as_str()) else {
                found.take(object, NOT_MADE);
                continue;
            };
            let spec = serde_json::to_value(planned).unwrap_or_default();
            for what in profile::differences(made, &spec, claims.purpose) {
                found.take(&object, what);
            }
            match claims.owner(made.x509.public_key().raw) {
                Some(key) if key == planned.key.as_str() => {}
                Some(key) => {
                    found.take(object, format!("certifies the key `{key}`, expected `{}`", *planned.key))
                }
                None => found.take(object, "certifies a key that is not in the archive"),
            }
        }
        let strange = claims.certificates.iter().map(|made| made.name);
        found.unplanned("certificates", strange.filter(|name| !holds(&plan.certificates, name)));
    }

    fn csrs(&self, found: &mut Found) {
        let Self { claims, plan, .. } = self;
        for (name, planned) in &plan.csrs {
            let object = format!("csrs.{name}");
            let Some(made) = claims.csrs.iter().find(|made| made.name == name.as_str()) else {
                found.take(object, NOT_MADE);
                continue;
            };
            let spec = serde_json::to_value(planned).unwrap_or_default();
            for what in request::differences(made, claims, &spec) {
                found.take(&object, what);
            }
        }
        let strange = claims.csrs.iter().map(|made| made.name);
        found.unplanned("csrs", strange.filter(|name| !holds(&plan.csrs, name)));
    }

    fn crls(&self, found: &mut Found) {
        let Self { claims, certificates, plan, .. } = self;
        for (name, planned) in &plan.crls {
            let object = format!("crls.{name}");
            let Some(made) = claims.crls.iter().find(|made| made.name == name.as_str()) else {
                found.take(object, NOT_MADE);
                continue;
            };
            let spec = serde_json::to_value(planned).unwrap_or_default();
            for what in crl::differences(made, &spec, certificates, (self.lists, claims.date_shift)) {
                found.take(&object, what);
            }
        }
        let strange = claims.crls.iter().map(|made| made.name);
        found.unplanned("crls", strange.filter(|name| !holds(&plan.crls, name)));
    }

    fn trust_root(&self, found: &mut Found) {
        let Some(planned) = &self.plan.trust_root else {
            if self.claims.trust_root.is_some() {
                found.unplanned("trust-root", ["trusted_root.json"].into_iter());
            }
            return;
        };
        if self.claims.trust_root.is_none() {
            return found.take("trust-root", "it is not put together");
        }
        let spec = serde_json::to_value(planned).unwrap_or_default();
        let operator = operator(self.plan).unwrap_or_default();
        for path in [trust_root::TRUSTED_ROOT, signing_config::SIGNING_CONFIG] {
            let mut sheet = Sheet::default();
            let mut entry = sheet.on(Area::Plan, path);
            match trust_root::parse(self.files, path) {
                Ok(made) if path == trust_root::TRUSTED_ROOT => {
                    trust_root::entries(&made, &spec, self.claims, self.certificates, &mut entry);
                }
                Ok(made) => signing_config::entries(&made, &spec, operator, &mut entry),
                Err(reason) => entry.failed(reason),
            }
            for check in sheet.failures() {
                found.take("trust-root", check.detail.clone());
            }
        }
    }

    fn tuf(&self, found: &mut Found) {
        let Some(planned) = &self.plan.tuf else {
            return found.unplanned("tuf", self.claims.published.iter().map(|made| made.role.as_str()));
        };
        self.targets(planned, found);
        let root = self.document(Role::Root, found);
        let root = root.and_then(|document| {
            let root = Root::read(&document, |key| tuf::owner(self.claims, key));
            root.map_err(|reason| found.take("tuf.root", reason)).ok().map(|root| (document, root))
        });
        let people = |names: &[plan::At<Name>]| {
            names.iter().map(|name| planned_key(self.plan, name).to_string()).collect()
        };
        let roles: [(Role, Vec<String>, u64, Time); 4] = [
            (
                Role::Root,
                people(&planned.root.keyholders),
                (*planned.root.threshold).into(),
                *planned.root.expires,
            ),
            (
                Role::Targets,
                people(&planned.targets.keyholders),
                (*planned.targets.threshold).into(),
                *planned.targets.expires,
            ),
            (Role::Snapshot, vec![planned.snapshot.key.to_string()], 1, *planned.snapshot.expires),
            (Role::Timestamp, vec![planned.timestamp.key.to_string()], 1, *planned.timestamp.expires),
        ];
        for (role, mut signers, threshold, expires) in roles {
            let object = format!("tuf.{role}");
            if let Some((_, root)) = &root {
                signers.sort_unstable();
                let made = root.owners(role);
                if made != signers {
                    let (made, signers) = (made.join(", "), signers.join(", "));
                    found.take(&object, format!("signed by {made}, expected {signers}"));
                }
                if root.threshold(role) != Some(threshold) {
                    let made = root.threshold(role).unwrap_or_default();
                    found.take(&object, format!("the threshold is {made}, expected {threshold}"));
                }
            }
            let made = match (role, &root) {
                (Role::Root, Some((document, _))) => Some(document.expires),
                (Role::Root, None) => None,
                _ => self.document(role, found).map(|document| document.expires),
            };
            if let Some(made) = made.filter(|made| *made != expires) {
                found.take(object, format!("it expires on {made}, expected {expires}"));
            }
        }
    }

    /// Further targets, by the hashes that the newest metadata lists.
    fn targets(&self, planned: &plan::Tuf, found: &mut Found) {
        let Some(document) = self.document(Role::Targets, found) else { return };
        let listed = document.signed.get("targets").and_then(serde_json::Value::as_object);
        let hash = |name: &str| {
            let file = listed?.get(name)?;
            file.get("hashes")?.get("sha256")?.as_str()
        };
        for (name, target) in &planned.targets_files {
            let object = format!("tuf.targets-files.{name}");
            match hash(name.as_str()) {
                None => found.take(object, "clients can't fetch it"),
                Some(made) if made != target.sha256.as_str() => {
                    found.take(object, format!("it has SHA-256 {made}, expected {}", *target.sha256));
                }
                Some(_) => {}
            }
        }
    }

    /// The newest metadata of a role, as the journal has it.
    fn document(&self, role: Role, found: &mut Found) -> Option<Document> {
        let published = self.claims.published.iter().filter(|published| published.role == role);
        let Some(newest) = published.max_by_key(|published| published.version) else {
            found.take(format!("tuf.{role}"), "it is not published");
            return None;
        };
        Document::read(newest.content.as_bytes(), role)
            .map_err(|reason| found.take(format!("tuf.{role}"), reason))
            .ok()
    }
}

/// The name of a keyholder's key, as the plan has it.
fn planned_key<'p>(plan: &'p Plan, keyholder: &'p Name) -> &'p Name {
    plan.people.get(keyholder).and_then(|person| person.key.as_deref()).unwrap_or(keyholder)
}

/// Who runs the services, as the signing config must say it: the plan's operator, or its organization.
pub fn operator(plan: &Plan) -> Option<&str> {
    let root = plan.trust_root.as_ref()?;
    Some(root.operator.as_deref().unwrap_or(&plan.ceremony.organization))
}

fn holds<T>(map: &indexmap::IndexMap<Name, T>, name: &str) -> bool {
    map.keys().any(|known| known.as_str() == name)
}
