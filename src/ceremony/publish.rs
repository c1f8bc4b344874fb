//! Steps that put the trust root together, sign the TUF metadata over it, and publish it.

use std::collections::BTreeMap;

use super::CeremonyError;
use super::engine::{Again, Engine};
use super::prompt::Facts;
use crate::archive::{Event, Role};
use crate::difference::{self, Step};
use crate::lint::tuf::signed;
use crate::lint::{self, Lintable};
use crate::pki::{Draft, PublicKey, sha256_hex};
use crate::plan::tuf::{Periods, TargetName};
use crate::plan::{At, Name, Tuf};
use crate::trust_root::{self, Material};
use crate::tuf::{self, Envelope, Key, Metadata, RoleSignature, Root, Signers};

/// The largest target, in bytes: the journal keeps its content.
const LARGEST_TARGET: u64 = 4 << 20;

impl Engine<'_> {
    pub(super) fn assemble(&mut self, step: &Step) -> Result<(), CeremonyError> {
        let (Some(planned), Some(spec)) = (&self.plan.trust_root, difference::trust_root_spec(self.plan))
        else {
            return Err(CeremonyError::Missing("the plan has no [trust-root]".into()));
        };
        let state = self.archive.state();
        let certificates = state
            .certificates
            .iter()
            .map(|(name, made)| (name.clone(), made.certificate.der().to_vec()))
            .collect();
        let keys = state.keys.iter().map(|(name, made)| (name.clone(), made.public.clone())).collect();
        let material = Material { certificates: &certificates, keys: &keys };
        let trusted_root = trust_root::to_json(&trust_root::trusted_root(planned, &material)?);
        let (organization, date) = (&self.plan.ceremony.organization, self.plan.ceremony.date);
        let signing_config = trust_root::to_json(&trust_root::signing_config(planned, organization, date));
        let files = lint::trust_root::Files {
            trusted_root: &trusted_root,
            signing_config: &signing_config,
            previous: state.trust_root.as_ref().map(|made| made.trusted_root.as_bytes()),
            plan: Some(planned),
            material: Some(&material),
            reach: difference::phase::reach(self.plan, state),
            now: self.clock.now(),
        };
        let passed = lint::trust_root::lint(&files, self.rules)?;
        self.console.warnings(&passed.warnings);
        Ok(self.archive.trust_root(self.clock.now(), &step.id, spec, &passed)?)
    }

    /// Takes a further target in from its file, which must be the one that the plan names.
    pub(super) fn take_target(&mut self, step: &Step, target: &TargetName) -> Result<(), CeremonyError> {
        let planned = self.plan.tuf.as_ref().and_then(|tuf| tuf.targets_files.get(target));
        let planned =
            planned.ok_or_else(|| CeremonyError::Missing(format!("the plan has no target {target}")))?;
        let path = self.folder.join(&*planned.file);
        let wrong = |reason: String| CeremonyError::Input { path: path.clone(), reason };
        let size = std::fs::metadata(&path).map_err(|error| wrong(error.to_string()))?.len();
        if size > LARGEST_TARGET {
            return Err(wrong(format!("{size} bytes, and a target has at most {LARGEST_TARGET}")));
        }
        let bytes = std::fs::read(&path).map_err(|error| wrong(error.to_string()))?;
        let (found, expected) = (sha256_hex(&bytes), planned.sha256.as_str());
        if found != expected {
            return Err(wrong(format!(
                "found SHA-256 {found}, expected {expected}, which the plan has: it is another file than the one that was reviewed"
            )));
        }
        let content = data_encoding::BASE64.encode(&bytes);
        let (step, target) = (step.id.clone(), target.clone());
        Ok(self.archive.record(self.clock.now(), Event::TargetTaken { step, target, content })?)
    }

    pub(super) fn sign_metadata(
        &mut self,
        step: &Step,
        role: Role,
        signer: &Name,
    ) -> Result<(), CeremonyError> {
        let spec = difference::role_spec(self.plan, role).unwrap_or_default();
        let draft = self.draft_metadata(role, signer)?;
        let version = draft.context.metadata.head().version;
        let facts = facts(role, &draft.context.metadata);
        let linted = draft.lint(self.rules)?;
        self.console.warnings(linted.warnings());
        let bytes = linted.draft().bytes.clone();
        let signed = self.sign(step, linted, Again::OtherBytes, |_| facts)?;
        let place = (role, version, signer);
        Ok(self.archive.role_signature(self.clock.now(), &step.id, place, spec, &bytes, &signed)?)
    }

    /// What a key shall sign.
    pub(super) fn draft_metadata(
        &mut self,
        role: Role,
        signer: &Name,
    ) -> Result<Draft<RoleSignature>, CeremonyError> {
        let metadata = self.next_metadata(role)?;
        let public = self.public(signer)?;
        let root = self.root_over(role)?;
        let context = tuf::Context {
            key: listed(&metadata, root.as_ref(), &public, signer)?,
            root,
            previous: self.newest(role)?,
            now: self.clock.now(),
            metadata,
        };
        Ok(tuf::draft(signer, &public, context)?)
    }

    /// Judges the next root against the one that clients have, before anything is made.
    pub(super) fn judge_next_root(&mut self) -> Result<(), CeremonyError> {
        let Some(planned) = &self.plan.tuf else { return Ok(()) };
        let Some(first) = planned.root.keyholders.first() else { return Ok(()) };
        let draft = self.draft_metadata(Role::Root, self.plan.key_of(first))?;
        let findings = RoleSignature::lint(&draft, self.rules).stopping()?;
        self.console.warnings(&findings);
        Ok(())
    }

    pub(super) fn publish(&mut self, step: &Step, role: Role) -> Result<(), CeremonyError> {
        let metadata = self.next_metadata(role)?;
        let spec = difference::role_spec(self.plan, role).unwrap_or_default();
        let version = metadata.head().version;
        let signatures = self.signatures(role, version);
        let file = signed::File { metadata, signatures, in_force: self.root_in_force()? };
        let warnings = signed::lint(&format!("tuf-{role}"), &file, self.rules)?;
        self.console.warnings(&warnings);
        let file = tuf::envelope(&file.metadata, &file.signatures, file.in_force.as_ref())?;
        Ok(self.archive.publish(self.clock.now(), &step.id, (role, version), spec, &file)?)
    }

    /// What a role's next version says. It follows from plan and archive alone, so that every
    /// keyholder, and a run that goes on, signs the same bytes.
    pub(super) fn next_metadata(&mut self, role: Role) -> Result<Metadata, CeremonyError> {
        let place = (role, self.archive.state().next_version(role));
        if let Some(known) = self.metadata.get(&place) {
            return Ok(known.clone());
        }
        let metadata = self.put_together(role)?;
        self.metadata.insert(place, metadata.clone());
        Ok(metadata)
    }

    fn put_together(&self, role: Role) -> Result<Metadata, CeremonyError> {
        let planned = self.plan.tuf.as_ref();
        let planned = planned.ok_or_else(|| CeremonyError::Missing("the plan has no [tuf]".into()))?;
        let state = self.archive.state();
        let version = state.next_version(role);
        let below = |role: Role| {
            let published = state.newest(role);
            published.map(|published| (published.version, published.content.as_bytes())).ok_or_else(|| {
                CeremonyError::Missing(format!("the TUF {role} metadata is not published yet"))
            })
        };
        let metadata: Metadata = match role {
            Role::Root => {
                let mut root = Root::new(version, *planned.root.expires, &self.signers(planned)?);
                root.extra.extend(periods(planned.root.periods.as_ref()));
                for (role, planned) in
                    [(Role::Snapshot, &planned.snapshot), (Role::Timestamp, &planned.timestamp)]
                {
                    let keys = root.roles.get_mut(&role).map(|keys| &mut keys.extra);
                    keys.into_iter().for_each(|extra| extra.extend(periods(planned.periods.as_ref())));
                }
                root.into()
            }
            Role::Targets => {
                let made = state.trust_root.as_ref();
                let made = made
                    .ok_or_else(|| CeremonyError::Missing("the trust root is not put together yet".into()))?;
                let mut files = vec![
                    ("trusted_root.json", made.trusted_root.as_bytes()),
                    ("signing_config.v0.2.json", made.signing_config.as_bytes()),
                ];
                for (name, planned) in &planned.targets_files {
                    let taken =
                        state.targets.get(name).filter(|taken| taken.sha256 == planned.sha256.as_str());
                    let taken = taken.ok_or_else(|| {
                        CeremonyError::Missing(format!("the target {name} is not taken in yet"))
                    })?;
                    files.push((name.as_str(), taken.bytes.as_slice()));
                }
                let mut targets = tuf::Targets::new(version, *planned.targets.expires, &files);
                targets.extra.extend(periods(planned.targets.periods.as_ref()));
                targets.into()
            }
            Role::Snapshot => {
                tuf::Snapshot::new(version, *planned.snapshot.expires, below(Role::Targets)?).into()
            }
            Role::Timestamp => {
                tuf::Timestamp::new(version, *planned.timestamp.expires, below(Role::Snapshot)?).into()
            }
        };
        Ok(if self.rehearsal { metadata.rehearsal() } else { metadata })
    }

    fn signers(&self, planned: &Tuf) -> Result<BTreeMap<Role, Signers>, CeremonyError> {
        let people = |role: &crate::plan::tuf::KeyholderRole| {
            let keys = role
                .keyholders
                .iter()
                .map(|name| self.tuf_key(self.plan.key_of(name)))
                .collect::<Result<_, _>>()?;
            Ok::<_, CeremonyError>(Signers { keys, threshold: *role.threshold })
        };
        let online = |role: &crate::plan::tuf::OnlineRole| {
            Ok::<_, CeremonyError>(Signers { keys: vec![self.tuf_key(&role.key)?], threshold: 1 })
        };
        Ok(BTreeMap::from([
            (Role::Root, people(&planned.root)?),
            (Role::Targets, people(&planned.targets)?),
            (Role::Snapshot, online(&planned.snapshot)?),
            (Role::Timestamp, online(&planned.timestamp)?),
        ]))
    }

    /// A key as TUF lists it; a keyholder's names its owner.
    fn tuf_key(&self, name: &Name) -> Result<Key, CeremonyError> {
        let key = Key::new(&self.public(name)?, self.plan.keyholder_of(name))?;
        let online = self.plan.tuf.iter().flat_map(|tuf| [&tuf.snapshot, &tuf.timestamp]);
        let uri = online.filter(|role| *role.key == *name).find_map(|role| role.uri.as_deref());
        Ok(match uri {
            Some(uri) => key.found_at(uri),
            None => key,
        })
    }

    /// The root that clients trust now.
    pub(super) fn root_in_force(&mut self) -> Result<Option<Root>, CeremonyError> {
        match self.newest(Role::Root)? {
            Some(Metadata::Root(root)) => Ok(Some(root)),
            _ => Ok(None),
        }
    }

    /// The root under which a role's next version is signed: the one in force, or the one that is about to
    /// follow it. Nothing is published before that root is.
    pub(super) fn root_over(&mut self, role: Role) -> Result<Option<Root>, CeremonyError> {
        let newest = self.archive.state().newest(Role::Root).map(|published| &published.spec);
        if role == Role::Root || newest == difference::role_spec(self.plan, Role::Root).as_ref() {
            return self.root_in_force();
        }
        match self.next_metadata(Role::Root)? {
            Metadata::Root(root) => Ok(Some(root)),
            _ => Ok(None),
        }
    }

    /// What a role says now.
    fn newest(&mut self, role: Role) -> Result<Option<Metadata>, CeremonyError> {
        let Some(published) = self.archive.state().newest(role) else { return Ok(None) };
        let place = (role, published.version);
        if let Some(known) = self.metadata.get(&place) {
            return Ok(Some(known.clone()));
        }
        let metadata = Envelope::parse(published.content.as_bytes())?.signed;
        self.metadata.insert(place, metadata.clone());
        Ok(Some(metadata))
    }
}

/// A key as the root lists it that has it sign: the one that is signed, or else the one in force.
fn listed(
    metadata: &Metadata,
    in_force: Option<&Root>,
    public: &PublicKey,
    signer: &Name,
) -> Result<Key, CeremonyError> {
    let new = match metadata {
        Metadata::Root(root) => Some(root),
        _ => None,
    };
    let role = metadata.role();
    let keys = new.into_iter().chain(in_force).flat_map(|root| root.signers(role));
    let mut ours = keys.filter(|(_, key)| key.public().as_ref() == Ok(public)).map(|(_, key)| key.clone());
    ours.next().ok_or_else(|| {
        CeremonyError::Missing(format!("the key `{signer}` does not sign {role}, by any root there is"))
    })
}

/// The fields by which tuf-on-ci knows when to sign again.
fn periods(periods: Option<&At<Periods>>) -> tuf::Extra {
    let fields = periods.iter().flat_map(|periods| {
        [("x-tuf-on-ci-expiry-period", periods.expiry), ("x-tuf-on-ci-signing-period", periods.signing)]
    });
    fields.map(|(name, days)| (name.to_string(), days.into())).collect()
}

/// What a keyholder looks at before signing a role's metadata.
pub(super) fn facts(role: Role, metadata: &Metadata) -> Facts {
    let head = metadata.head();
    let mut facts = vec![
        ("role", role.to_string()),
        ("version", head.version.to_string()),
        ("expires", head.expires.to_string()),
    ];
    match metadata {
        Metadata::Root(root) => {
            for (role, keys) in &root.roles {
                let (threshold, all) = (keys.threshold, keys.keyids.len());
                facts.push(("signed by", format!("{role}: {threshold} of {all} keys")));
            }
        }
        Metadata::Targets(targets) => {
            for (name, file) in &targets.targets {
                let hash = file.hashes.get("sha256").map(String::as_str).unwrap_or_default();
                facts.push(("file", format!("{name}, {} bytes, SHA-256 {hash}", file.length)));
            }
        }
        Metadata::Snapshot(tuf::Snapshot { meta, .. }) | Metadata::Timestamp(tuf::Timestamp { meta, .. }) => {
            for (name, file) in meta {
                facts.push(("file", format!("{name}, version {}", file.version)));
            }
        }
    }
    facts
}
