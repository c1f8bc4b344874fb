//! What an archive holds, as the journal's events add up.

use std::collections::{BTreeMap, BTreeSet};

use data_encoding::BASE64;

use super::event::{Confirmation, Event, Observation, Role};
use super::journal::{Damage, Record};
use super::made::{
    MadeCanary, MadeCertificate, MadeCopy, MadeCrl, MadeCsr, MadeKey, MadeSeal, MadeTrustRoot, Published,
    Requested, RoleSignature, TakenTarget,
};
use crate::pki::dsse::EnvelopeSignature;
use crate::pki::{Certificate, CertificateRequest, PublicKey, sha256_hex};
use crate::plan::tuf::TargetName;
use crate::plan::{Name, Time};
use crate::site::Purpose;
use crate::tuf::request::Request;

/// What an archive holds.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Rehearsal or production; none in an empty archive.
    pub purpose: Option<Purpose>,
    /// Days by which plans' dates are moved.
    pub date_shift: i64,
    /// SHA-256 of the plans that were run, oldest first.
    pub plans: Vec<String>,
    /// Serials of the devices that were asked to make keys, by the plan's names.
    pub devices: BTreeMap<Name, String>,
    /// Serials of the devices that were opened last, by the plan's names.
    pub opened: BTreeMap<Name, String>,
    /// How often each key was about to sign: no private key was used more often.
    pub operations: BTreeMap<Name, u64>,
    /// Keys, by name.
    pub keys: BTreeMap<Name, MadeKey>,
    /// Copies of keys on second devices, by the key's name.
    pub copies: BTreeMap<Name, MadeCopy>,
    /// Certificates, by name.
    pub certificates: BTreeMap<Name, MadeCertificate>,
    /// Requests that went out, by name.
    pub csrs: BTreeMap<Name, MadeCsr>,
    /// CRLs, by name.
    pub crls: BTreeMap<Name, MadeCrl>,
    /// The trust root in force.
    pub trust_root: Option<MadeTrustRoot>,
    /// Further targets as they were taken in last, by name.
    pub targets: BTreeMap<TargetName, TakenTarget>,
    /// Published metadata of each role, oldest first.
    pub tuf: BTreeMap<Role, Vec<Published>>,
    /// The texts of the targets that clients of sigstore have, by name.
    pub published_targets: BTreeMap<String, String>,
    /// What keys elsewhere were asked last, by key.
    pub requested: BTreeMap<Name, Requested>,
    /// SHA-256 of the answers that were taken, in hex.
    pub answers: BTreeSet<String>,
    /// The folders of the ceremonies that asked.
    pub asked_from: BTreeSet<Name>,
    /// Signatures over the version that comes next, by role and key.
    pub signatures: BTreeMap<(Role, u64, Name), RoleSignature>,
    /// How many canaries were begun.
    pub canaries_begun: u64,
    /// Canaries that are whole, oldest first.
    pub canaries: Vec<MadeCanary>,
    /// Approvals: the plan's SHA-256, the person, and the envelope.
    pub approvals: BTreeMap<(String, Name), String>,
    /// Seals, oldest first.
    pub seals: Vec<MadeSeal>,
    /// The last line that is no seal's own.
    pub last_unsealed: u64,
    /// What was intended and has no result yet, by step.
    pub open: BTreeMap<String, Event>,
    /// Steps whose fingerprint was typed back.
    pub read_back: BTreeSet<String>,
    /// How often people recorded what no program can know, since the plan that was run last was begun.
    pub observed: BTreeMap<Observation, usize>,
    /// The time of the last event.
    pub last: Option<Time>,
    /// Whether the last ceremony came to its end.
    pub finished: bool,
}

/// How the steps of a seal begin.
pub const SEAL_STEP: &str = "seal/";

/// Whether a line belongs to a seal alone: it tells of nothing that a seal would have to cover.
fn is_seals_own(event: &Event) -> bool {
    match event {
        Event::InventoryMade { .. }
        | Event::SealStarted { .. }
        | Event::SealSigned { .. }
        | Event::ProofRecorded { .. } => true,
        Event::SignatureIntended { step, .. } | Event::SignatureRepeated { step, .. } => {
            step.starts_with(SEAL_STEP)
        }
        Event::Confirmed { step: Some(step), .. } => step.starts_with(SEAL_STEP),
        _ => false,
    }
}

impl State {
    /// Adds one record.
    pub fn apply(&mut self, record: &Record) -> Result<(), Damage> {
        let damage = |reason: String| Damage { line: record.seq, reason };
        let decode = |text: &str| BASE64.decode(text.as_bytes()).map_err(|error| damage(error.to_string()));
        self.last = Some(record.time);
        match &record.event {
            Event::CeremonyStarted { plan, purpose, date_shift, .. } => {
                self.purpose = Some(*purpose);
                self.date_shift = *date_shift;
                if self.finished || self.plans.last() != Some(plan) {
                    self.observed.clear();
                }
                if self.plans.last() != Some(plan) {
                    self.plans.push(plan.clone());
                }
                self.finished = false;
            }
            Event::CeremonyFinished { .. } => self.finished = true,
            Event::CanaryStarted { .. } => self.canaries_begun = self.canaries_begun.saturating_add(1),
            Event::CanaryFinished { canary, identity, issuer, time, artifact, bundle, bundle_rekor_v1 } => {
                self.canaries.push(MadeCanary {
                    name: canary.clone(),
                    identity: identity.clone(),
                    issuer: issuer.clone(),
                    time: *time,
                    artifact: artifact.clone(),
                    bundle: bundle.clone(),
                    bundle_rekor_v1: bundle_rekor_v1.clone(),
                    trust_root: self.trust_root.clone(),
                });
            }
            Event::ApprovalRecorded { plan, person, envelope, .. } => {
                self.approvals.insert((plan.clone(), person.clone()), envelope.clone());
            }
            Event::SealStarted { seal, statement, .. } => self.seals.push(MadeSeal {
                number: *seal,
                lines: record.seq.saturating_sub(1),
                statement: statement.clone(),
                signatures: Vec::new(),
                signed: BTreeMap::new(),
                objected: BTreeMap::new(),
            }),
            Event::SealSigned { seal, person, key, keyid, signature, objection, .. } => {
                let found = self.seals.iter_mut().find(|found| found.number == *seal);
                let found = found.ok_or_else(|| damage(format!("there is no seal {seal} before it")))?;
                if objection.is_some() {
                    found.objected.insert(person.clone(), key.clone());
                } else {
                    found.signed.insert(person.clone(), key.clone());
                    found.signatures.push(EnvelopeSignature { keyid: keyid.clone(), sig: signature.clone() });
                }
            }
            Event::ObservationRecorded { what, .. } => {
                let count = self.observed.entry(*what).or_default();
                *count = count.saturating_add(1);
            }
            Event::InventoryMade { .. }
            | Event::ProofRecorded { .. }
            | Event::ToolIdentified { .. }
            | Event::MachineDescribed { .. }
            | Event::DeviceInventoried { .. }
            | Event::DeviceProbed { .. }
            | Event::OperationsCounted { .. }
            | Event::HalfKeyDiscarded { .. }
            | Event::CanarySigned { .. }
            | Event::JournalTorn { .. }
            | Event::MachineChecked { .. }
            | Event::ClockRead { .. }
            | Event::DeviationRecorded { .. }
            | Event::RefusalRecorded { .. } => {}
            Event::Confirmed { step, what, .. } => {
                if let (Some(step), Confirmation::ReadBack) = (step, what) {
                    self.read_back.insert(step.clone());
                }
            }
            Event::DeviceOpened { device, claims } => {
                self.opened.insert(device.clone(), claims.serial.clone());
            }
            Event::KeyIntended { step, device, .. } => {
                self.open.insert(step.clone(), record.event.clone());
                // The key may be on this one, whatever becomes of the result.
                if let Some(serial) = self.opened.get(device) {
                    self.devices.insert(device.clone(), serial.clone());
                }
            }
            Event::CopyIntended { step, key, .. } => {
                self.open.insert(step.clone(), record.event.clone());
                // The copy signs once, to prove itself.
                self.count(key);
            }
            Event::CopyMade { copy, .. } => {
                let made =
                    MadeCopy { device: copy.device.clone(), serial: copy.device_claims.serial.clone() };
                self.devices.insert(made.device.clone(), made.serial.clone());
                self.copies.insert(copy.name.clone(), made);
            }
            Event::SignatureIntended { step, key, .. } => {
                self.open.insert(step.clone(), record.event.clone());
                self.count(key);
            }
            Event::SignatureRepeated { key, .. } => self.count(key),
            Event::KeyMade { key, spec, .. } => {
                let public =
                    PublicKey::from_spki(&decode(&key.public)?).map_err(|error| damage(error.to_string()))?;
                let (device, keyholder) = (key.device.clone(), key.keyholder.clone());
                let made = MadeKey { spec: spec.clone(), public, device, keyholder };
                if let (Some(device), Some(claims)) = (&key.device, &key.device_claims) {
                    self.devices.insert(device.clone(), claims.serial.clone());
                }
                self.keys.insert(key.name.clone(), made);
            }
            Event::CertificateSigned { certificate, spec, issuer, der, .. } => {
                let made = MadeCertificate {
                    spec: spec.clone(),
                    issuer: issuer.clone(),
                    certificate: Certificate::from_der(&decode(der)?)
                        .map_err(|error| damage(error.to_string()))?,
                };
                self.certificates.insert(certificate.clone(), made);
            }
            Event::CsrSigned { csr, spec, der, .. } => {
                let request =
                    CertificateRequest::from_der(&decode(der)?).map_err(|error| damage(error.to_string()))?;
                self.csrs.insert(csr.clone(), MadeCsr { spec: spec.clone(), request });
            }
            Event::CrlSigned { crl, spec, issuer, number, revoked, sha256, .. } => {
                let made = MadeCrl {
                    spec: spec.clone(),
                    issuer: issuer.clone(),
                    number: *number,
                    revoked: *revoked,
                    sha256: sha256.clone(),
                };
                self.crls.insert(crl.clone(), made);
            }
            Event::TrustRootAssembled { spec, trusted_root, signing_config, .. } => {
                self.trust_root = Some(MadeTrustRoot {
                    spec: spec.clone(),
                    trusted_root: trusted_root.clone(),
                    signing_config: signing_config.clone(),
                });
            }
            Event::TargetTaken { target, content, .. } => {
                let bytes = decode(content)?;
                self.targets.insert(target.clone(), TakenTarget { sha256: sha256_hex(&bytes), bytes });
            }
            Event::MetadataSigned { role, version, key, spec, keyid, signature, signed, .. } => {
                let made = RoleSignature {
                    spec: spec.clone(),
                    keyid: keyid.clone(),
                    signature: signature.clone(),
                    signed: signed.clone(),
                };
                self.signatures.insert((*role, *version, key.clone()), made);
            }
            Event::SignatureRequested { key, ceremony, documents, content } => {
                let requested = Requested {
                    ceremony: ceremony.clone(),
                    documents: documents.clone(),
                    sha256: sha256_hex(content.as_bytes()),
                    expires: Request::parse(content.as_bytes()).ok().map(|request| request.expires),
                };
                self.requested.insert(key.clone(), requested);
                self.asked_from.insert(ceremony.clone());
            }
            Event::ResponseTaken { ceremony, content, .. } => {
                self.answers.insert(sha256_hex(content.as_bytes()));
                self.asked_from.insert(ceremony.clone());
            }
            Event::MetadataPublished { role, version, spec, content, .. } => {
                let made = Published { version: *version, spec: spec.clone(), content: content.clone() };
                self.tuf.entry(*role).or_default().push(made);
                if let (Role::Targets, Some(made)) = (role, &self.trust_root) {
                    self.published_targets = BTreeMap::from([
                        ("trusted_root.json".to_string(), made.trusted_root.clone()),
                        ("signing_config.v0.2.json".to_string(), made.signing_config.clone()),
                    ]);
                }
            }
        }
        // A device that is opened, or a line that was cut off, belongs to a seal when it is being signed.
        let sealing = self.seals.last().is_some_and(|seal| self.last_unsealed <= seal.lines);
        let opened = matches!(record.event, Event::DeviceOpened { .. } | Event::JournalTorn { .. });
        if !(is_seals_own(&record.event) || sealing && opened) {
            self.last_unsealed = record.seq;
        }
        let begins = matches!(
            record.event,
            Event::KeyIntended { .. }
                | Event::CopyIntended { .. }
                | Event::SignatureIntended { .. }
                | Event::SignatureRepeated { .. }
        );
        if let Some(step) = record.event.step().filter(|_| !begins) {
            self.open.remove(step);
        }
        Ok(())
    }

    fn count(&mut self, key: &Name) {
        let count = self.operations.entry(key.clone()).or_default();
        *count = count.saturating_add(1);
    }

    /// The keyholder whose key a device holds, also where the plan names neither any more.
    pub fn keyholder_at(&self, device: &Name) -> Option<&Name> {
        let keys = self.keys.values().filter(|made| made.device.as_ref() == Some(device));
        keys.filter_map(|made| made.keyholder.as_ref()).next()
    }

    /// The newest published metadata of a role.
    pub fn newest(&self, role: Role) -> Option<&Published> {
        self.tuf.get(&role).and_then(|versions| versions.last())
    }

    /// The version that a role's next metadata has.
    pub fn next_version(&self, role: Role) -> u64 {
        self.newest(role).map_or(1, |published| published.version.saturating_add(1))
    }

    /// The highest CRL number of an issuer.
    pub fn crl_number(&self, issuer: &Name) -> Option<u64> {
        self.crls.values().filter(|made| made.issuer == *issuer).map(|made| made.number).max()
    }

    /// The CRL of an issuer that has the highest number.
    pub fn newest_crl(&self, issuer: &Name) -> Option<(&Name, &MadeCrl)> {
        let crls = self.crls.iter().filter(|(_, made)| made.issuer == *issuer);
        crls.max_by_key(|(_, made)| made.number)
    }

    /// A certificate's chain, itself first, the root last.
    pub fn chain(&self, name: &Name) -> Vec<&Certificate> {
        let mut chain = Vec::new();
        let mut next = Some(name);
        // A journal from elsewhere may say that certificates issue each other.
        while let Some(made) = next.and_then(|name| self.certificates.get(name))
            && chain.len() < self.certificates.len()
        {
            chain.push(&made.certificate);
            next = made.issuer.as_ref();
        }
        chain
    }
}
