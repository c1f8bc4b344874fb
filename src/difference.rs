//! Plan minus archive: the steps of a ceremony, in order. Pure.
//!
//! What was made is compared with what the plan says by its *spec*: the plan's own words, with its
//! dates moved as the archive's are. What is made never changes, so a plan that says otherwise of it
//! is refused, and so is one that no longer mentions it: nothing is ever removed.

pub mod handover;
pub mod order;
pub mod phase;
mod spec;

use std::fmt;

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::Value;

pub use spec::{certificate_spec, crl_spec, csr_spec, key_spec, role_spec, trust_root_spec};

use crate::archive::{Role, State};
use crate::plan::tuf::TargetName;
use crate::plan::{Algorithm, At, Key, Name, Plan, Tuf};

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A device generates a key.
    GenerateKey {
        /// The key's name.
        key: Name,
        /// The device's name.
        device: Name,
        /// What is generated.
        algorithm: Algorithm,
    },
    /// A key that lives elsewhere is taken over from its request.
    ImportKey {
        /// The key's name.
        key: Name,
    },
    /// A key is wrapped for a second device, which takes it in and proves that it has it.
    BackUp {
        /// The key's name.
        key: Name,
        /// The device that holds the key.
        from: Name,
        /// The device that is given the copy.
        to: Name,
    },
    /// A certificate is signed.
    Issue {
        /// The certificate's name.
        certificate: Name,
        /// The key that signs.
        signer: Name,
    },
    /// A request for a CA that is not ours is signed.
    SignCsr {
        /// The request's name.
        csr: Name,
        /// The key that asks, and signs.
        signer: Name,
    },
    /// A CRL is signed.
    IssueCrl {
        /// The CRL's name.
        crl: Name,
        /// The key that signs.
        signer: Name,
    },
    /// The trusted root and the signing config are put together.
    AssembleTrustRoot,
    /// A further target is taken in from its file.
    TakeTarget {
        /// The target's name.
        target: TargetName,
    },
    /// A role's metadata is signed by one key.
    SignMetadata {
        /// The role.
        role: Role,
        /// The key that signs: a keyholder's, which bears the keyholder's name, or the online one.
        signer: Name,
    },
    /// A role's metadata, with its signatures, is published.
    Publish {
        /// The role.
        role: Role,
    },
}

/// One derived action, with a stable id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Such as `issue/fulcio-2027` or `sign/tuf-root/keyholder-2`.
    pub id: String,
    /// What it does.
    pub action: Action,
    /// Whether the archive holds its result.
    pub done: bool,
}

impl Step {
    fn new(id: String, action: Action, done: bool) -> Self {
        Self { id, action, done }
    }

    /// The key that the step uses or makes, if any.
    pub fn key(&self) -> Option<&Name> {
        match &self.action {
            Action::GenerateKey { key, .. } | Action::ImportKey { key } | Action::BackUp { key, .. } => {
                Some(key)
            }
            Action::Issue { signer, .. }
            | Action::SignCsr { signer, .. }
            | Action::IssueCrl { signer, .. }
            | Action::SignMetadata { signer, .. } => Some(signer),
            Action::AssembleTrustRoot | Action::TakeTarget { .. } | Action::Publish { .. } => None,
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GenerateKey { key, device, algorithm } => {
                write!(f, "generate the {algorithm} key {key} on {device}")
            }
            Self::ImportKey { key } => write!(f, "take over the key {key}, which lives elsewhere"),
            Self::BackUp { key, from, to } => write!(f, "copy the key {key} from {from} to {to}, wrapped"),
            Self::Issue { certificate, signer } => {
                write!(f, "sign the certificate {certificate} with {signer}")
            }
            Self::SignCsr { csr, signer } => write!(f, "sign the request {csr} with {signer}"),
            Self::IssueCrl { crl, signer } => write!(f, "sign the CRL {crl} with {signer}"),
            Self::AssembleTrustRoot => f.write_str("put together the trusted root and the signing config"),
            Self::TakeTarget { target } => write!(f, "take in the target {target}"),
            Self::SignMetadata { role, signer } => write!(f, "sign the TUF {role} metadata with {signer}"),
            Self::Publish { role } => write!(f, "publish the TUF {role} metadata"),
        }
    }
}

/// The plan contradicts what the archive holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Conflict {
    /// The thing, such as `certificates.root`.
    pub object: String,
    /// What contradicts what.
    pub reason: String,
    /// What to do next.
    pub help: String,
}

/// All contradictions between a plan and an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(transparent)]
pub struct Conflicts(pub Vec<Conflict>);

impl fmt::Display for Conflicts {
    /// Things that contradict alike stand together: another plan's archive contradicts in every point.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the plan does not go with this archive")?;
        let mut groups: IndexMap<(&str, &str), Vec<&str>> = IndexMap::new();
        for Conflict { object, reason, help } in &self.0 {
            groups.entry((reason, help)).or_default().push(object);
        }
        for ((reason, help), objects) in groups {
            write!(f, "\n  {}\n    {reason}\n    {help}", objects.join(", "))?;
        }
        Ok(())
    }
}

/// The steps of a plan, done and not done, in the order in which they are taken.
///
/// `plan` has its dates already moved as the archive's are.
pub fn between(plan: &Plan, state: &State) -> Result<Vec<Step>, Conflicts> {
    let mut conflicts = Vec::new();
    gone(plan, state, &mut conflicts);
    let mut steps = Vec::new();
    keys(plan, state, &mut steps, &mut conflicts);
    certificates(plan, state, &mut steps, &mut conflicts);
    for (key, from, to) in plan.backups() {
        let action = Action::BackUp { key: key.clone(), from: from.clone(), to: to.clone() };
        steps.push(Step::new(format!("back-up/{key}"), action, state.copies.contains_key(key)));
    }
    for (name, csr) in &plan.csrs {
        let made = state.csrs.get(name).map(|made| &made.spec);
        let done = agrees("csrs", name, &csr_spec(plan, name), made, &mut conflicts);
        let action = Action::SignCsr { csr: name.clone(), signer: (*csr.key).clone() };
        steps.push(Step::new(format!("sign-csr/{name}"), action, done));
    }
    for (name, crl) in &plan.crls {
        let made = state.crls.get(name).map(|made| &made.spec);
        let done = agrees("crls", name, &crl_spec(plan, name), made, &mut conflicts);
        let signer = plan.certificates.get(&*crl.issuer).map(|issuer| (*issuer.key).clone());
        let Some(signer) = signer else { continue };
        steps.push(Step::new(
            format!("issue-crl/{name}"),
            Action::IssueCrl { crl: name.clone(), signer },
            done,
        ));
    }
    metadata(plan, state, &mut steps, &mut conflicts);
    if conflicts.is_empty() { Ok(steps) } else { Err(Conflicts(conflicts)) }
}

fn keys(plan: &Plan, state: &State, steps: &mut Vec<Step>, conflicts: &mut Vec<Conflict>) {
    for (name, key) in &plan.keys {
        if let Key::Csr { .. } = key {
            let made = state.keys.get(name).map(|made| &made.spec);
            let done = agrees("keys", name, &key_spec(plan, name), made, conflicts);
            steps.push(Step::new(
                format!("import-key/{name}"),
                Action::ImportKey { key: name.clone() },
                done,
            ));
        }
    }
    for (name, ..) in plan.public_keys() {
        let made = state.keys.get(name).map(|made| &made.spec);
        let done = agrees("keys", name, &key_spec(plan, name), made, conflicts);
        steps.push(Step::new(format!("import-key/{name}"), Action::ImportKey { key: name.clone() }, done));
    }
    for (name, device, algorithm) in plan.device_keys() {
        let made = state.keys.get(name).map(|made| &made.spec);
        let done = agrees("keys", name, &key_spec(plan, name), made, conflicts);
        let action = Action::GenerateKey { key: name.clone(), device: device.clone(), algorithm };
        steps.push(Step::new(format!("generate-key/{name}"), action, done));
    }
}

fn certificates(plan: &Plan, state: &State, steps: &mut Vec<Step>, conflicts: &mut Vec<Conflict>) {
    // Issuers before what they issue, and what is cross-signed before what repeats it; the plan's order
    // otherwise. The plan has no circles.
    let mut names: Vec<&Name> = plan.certificates.keys().collect();
    names.sort_by_key(|name| depth(plan, name));
    for name in names {
        let Some(certificate) = plan.certificates.get(name) else { continue };
        let made = state.certificates.get(name).map(|made| &made.spec);
        let done = agrees("certificates", name, &certificate_spec(plan, name), made, conflicts);
        let signer = match &certificate.issuer {
            None => Some((*certificate.key).clone()),
            Some(issuer) => plan.certificates.get(&**issuer).map(|issuer| (*issuer.key).clone()),
        };
        let Some(signer) = signer else { continue };
        let action = Action::Issue { certificate: name.clone(), signer };
        steps.push(Step::new(format!("issue/{name}"), action, done));
    }
}

/// How many certificates stand above one.
fn depth(plan: &Plan, name: &Name) -> usize {
    let mut depth = 0usize;
    let mut next = plan.certificates.get(name);
    // What is cross-signed is no cross-certificate itself.
    let crossed = next.and_then(|found| found.cross_signs.as_deref());
    while let Some(issuer) = next.and_then(|found| found.issuer.as_deref()) {
        depth = depth.saturating_add(1);
        next = plan.certificates.get(issuer);
    }
    depth.max(crossed.map_or(0, |crossed| self::depth(plan, crossed).saturating_add(1)))
}

fn metadata(plan: &Plan, state: &State, steps: &mut Vec<Step>, conflicts: &mut Vec<Conflict>) {
    let Some(wanted) = trust_root_spec(plan) else { return };
    let made = state.trust_root.as_ref().map(|made| &made.spec);
    if let Some(made) = made {
        entries_stay(made, &wanted, conflicts);
    }
    let done = made == Some(&wanted);
    steps.push(Step::new("assemble/trust-root".into(), Action::AssembleTrustRoot, done));
    let Some(tuf) = &plan.tuf else { return };
    for (target, planned) in &tuf.targets_files {
        let done = state.targets.get(target).is_some_and(|taken| taken.sha256 == planned.sha256.as_str());
        steps.push(Step::new(
            format!("take-target/{target}"),
            Action::TakeTarget { target: target.clone() },
            done,
        ));
    }
    for target in state.targets.keys().filter(|target| !tuf.targets_files.contains_key(*target)) {
        conflicts.push(Conflict {
            object: format!("tuf.targets-files.{target}"),
            reason: "clients can fetch it, and the plan does not mention it".into(),
            help: "nothing is taken away from clients: keep it, or replace its content under the same name"
                .into(),
        });
    }
    for role in Role::ALL {
        let Some(spec) = role_spec(plan, role) else { continue };
        let done = state.newest(role).is_some_and(|published| published.spec == spec);
        let version = state.next_version(role);
        let mut signers = signers(plan, tuf, role);
        if role == Role::Root && !done {
            signers.extend(handover::of(plan, state).map(|handover| handover.leaving).unwrap_or_default());
        }
        for signer in signers {
            let id = format!("sign/tuf-{role}/{signer}");
            let made = state.signatures.get(&(role, version, signer.clone()));
            let signed = done || made.is_some_and(|made| made.spec == spec);
            steps.push(Step::new(id, Action::SignMetadata { role, signer }, signed));
        }
        steps.push(Step::new(format!("publish/tuf-{role}"), Action::Publish { role }, done));
    }
}

/// The names of the keys that sign a role, as the plan has it.
fn signers(plan: &Plan, tuf: &Tuf, role: Role) -> Vec<Name> {
    let people = |names: &[At<Name>]| names.iter().map(|name| plan.key_of(name).clone()).collect();
    match role {
        Role::Root => people(&tuf.root.keyholders),
        Role::Targets => people(&tuf.targets.keyholders),
        Role::Snapshot => vec![(*tuf.snapshot.key).clone()],
        Role::Timestamp => vec![(*tuf.timestamp.key).clone()],
    }
}

/// Whether a made thing is the planned one; one that is another is a conflict.
fn agrees(
    kind: &str,
    name: &Name,
    planned: &Value,
    made: Option<&Value>,
    conflicts: &mut Vec<Conflict>,
) -> bool {
    let Some(made) = made else { return false };
    if made != planned {
        let fields = differing(made, planned);
        let help = match made.get("keyholder").and_then(Value::as_str) {
            Some(keyholder) => format!(
                "a key never changes: whoever gets another device gets a new key on it. Give the device and the key names of their own: {keyholder} = {{ role = \"keyholder\", device = \"…\", key = \"…\" }}"
            ),
            None => {
                "what is made does not change: put the plan back as it was, and give the new one a new name"
                    .into()
            }
        };
        let reason = format!("this was made with another {fields}");
        conflicts.push(Conflict { object: format!("{kind}.{name}"), reason, help });
    }
    true
}

/// The names of the fields in which two specs differ.
fn differing(a: &Value, b: &Value) -> String {
    let (Some(a), Some(b)) = (a.as_object(), b.as_object()) else { return "kind".into() };
    let mut names: Vec<&str> = a.keys().chain(b.keys()).map(String::as_str).collect();
    names.sort_unstable();
    names.dedup();
    names.retain(|name| a.get(*name) != b.get(*name));
    names.join(", ")
}

/// What the archive holds and the plan does not mention. Keyholders may go: their keys stay in the archive
/// and in the roots that listed them, and a plan need not name them any more.
fn gone(plan: &Plan, state: &State, conflicts: &mut Vec<Conflict>) {
    let planned_key = |name: &Name| plan.keys.contains_key(name) || plan.keyholder_of(name).is_some();
    let keys = state.keys.iter().filter(|(name, made)| made.keyholder.is_none() && !planned_key(name));
    let keys = keys.map(|(name, _)| ("keys", name));
    let certificates = state
        .certificates
        .keys()
        .filter(|name| !plan.certificates.contains_key(*name))
        .map(|name| ("certificates", name));
    let crls = state.crls.keys().filter(|name| !plan.crls.contains_key(*name)).map(|name| ("crls", name));
    let csrs = state.csrs.keys().filter(|name| !plan.csrs.contains_key(*name)).map(|name| ("csrs", name));
    for (kind, name) in keys.chain(certificates).chain(csrs).chain(crls) {
        conflicts.push(Conflict {
            object: format!("{kind}.{name}"),
            reason: "the archive holds this, and the plan does not mention it".into(),
            help: "is this another plan's archive? nothing is ever removed: a later plan keeps what was made"
                .into(),
        });
    }
}

/// Entries of the trusted root are retired by an end of their window, never removed, and their start
/// never moves.
fn entries_stay(made: &Value, planned: &Value, conflicts: &mut Vec<Conflict>) {
    for list in ["certificate-authorities", "transparency-logs", "timestamp-authorities", "certificate-logs"]
    {
        let entries = |spec: &Value| spec.get(list).and_then(Value::as_array).cloned().unwrap_or_default();
        let identity = |entry: &Value| {
            let id = entry.get("chain").or_else(|| entry.get("key")).cloned();
            let from = entry.get("trust").and_then(|trust| trust.get("from")).cloned();
            (id, entry.get("uri").or_else(|| entry.get("url")).cloned(), from)
        };
        let now: Vec<_> = entries(planned).iter().map(identity).collect();
        for entry in entries(made) {
            let (id, address, from) = identity(&entry);
            if !now.contains(&(id.clone(), address, from)) {
                conflicts.push(Conflict {
                    object: format!("trust-root.{list} {}", id.unwrap_or_default()),
                    reason: "it was published, and the plan has it no more, or with another address or start [TRUST-KEPT]"
                        .into(),
                    help: "give its window an end instead: what it signed must go on verifying".into(),
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::Role;
    use crate::plan::tests::example;

    #[test]
    fn an_empty_archive_misses_everything_in_order() {
        let steps = between(&example(), &State::default()).unwrap();
        let ids: Vec<&str> = steps.iter().map(|step| step.id.as_str()).collect();
        assert!(steps.iter().all(|step| !step.done));
        let at =
            |id: &str| ids.iter().position(|found| *found == id).unwrap_or_else(|| panic!("no step {id}"));
        assert!(at("generate-key/root") < at("issue/root"));
        assert!(at("generate-key/keyholder-5") < at("sign/tuf-root/keyholder-1"));
        assert!(at("issue/tsa-2026") < at("issue/tsa-signer-2026"));
        assert!(at("issue/tsa-signer-2026") < at("assemble/trust-root"));
        assert!(at("issue-crl/root-1") < at("assemble/trust-root"));
        assert!(at("sign/tuf-root/keyholder-5") < at("publish/tuf-root"));
        assert_eq!(*ids.last().unwrap(), "publish/tuf-timestamp");
        assert_eq!(ids.len(), 12 + 4 + 1 + 1 + 6 + 6 + 2 + 2);
    }

    #[test]
    fn roles_depend_on_what_is_below_them() {
        let plan = example();
        let mut later = plan.clone();
        let tuf = later.tuf.as_mut().unwrap();
        *tuf.targets.expires.value_mut() = tuf.targets.expires.shifted(30).unwrap();
        let changed = |role| role_spec(&plan, role) != role_spec(&later, role);
        assert_eq!(Role::ALL.map(changed), [false, true, true, true]);
    }

    #[test]
    fn entries_of_the_trusted_root_stay() {
        let plan = example();
        let mut later = plan.clone();
        later.trust_root.as_mut().unwrap().certificate_logs.clear();
        let mut conflicts = Vec::new();
        let (made, planned) = (trust_root_spec(&plan).unwrap(), trust_root_spec(&later).unwrap());
        entries_stay(&made, &planned, &mut conflicts);
        assert_eq!(conflicts.len(), 1);
        conflicts.clear();
        entries_stay(&made, &made, &mut conflicts);
        assert!(conflicts.is_empty());
    }
}
