//! Takes the steps: intent, device, result, one after the other. The same engine runs on real devices
//! and, before the first write, on throwaway keys.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::clock::Clock;
use super::people::People;
use super::prompt::{self, Facts};
use super::{CeremonyError, Console, Ring};
use crate::archive::{Archive, Event, Role, ToBeSigned};
use crate::difference::{Action, Step, order};
use crate::lint::{Lintable, Linted, Rules, Signable, Signed};
use crate::pki::crl::Before;
use crate::pki::{Document, PublicKey};
use crate::plan::{Name, Plan};
use crate::token::{self, DeviceReport, Token};
use crate::tuf::Metadata;

/// What happened to a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// The archive held its result already.
    Done,
    /// Taken now.
    Made,
    /// Not taken: something or someone is still missing.
    Pending,
}

/// A step and what it took.
#[derive(Clone, Debug, Serialize)]
pub struct StepReport {
    /// The step's id.
    pub id: String,
    /// What happened to it.
    pub status: Status,
    /// All of it.
    pub elapsed_ms: f64,
    /// Inside the devices.
    pub device_ms: f64,
    /// Waiting for the disk.
    pub disk_ms: f64,
}

impl StepReport {
    /// A step that nothing happened to yet.
    pub fn of(step: &Step) -> Self {
        let status = if step.done { Status::Done } else { Status::Pending };
        Self { id: step.id.clone(), status, elapsed_ms: 0.0, device_ms: 0.0, disk_ms: 0.0 }
    }
}

/// Milliseconds, with microseconds behind the point.
pub fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

/// What an interrupted signature may become when the run goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    /// Only the same bytes: two certificates under one serial number must never differ.
    SameBytes,
    /// Other bytes too: nothing of a role's metadata is published before all of it is signed.
    OtherBytes,
}

/// Everything that a ceremony works with.
pub struct Engine<'a> {
    /// What shall be, with its dates moved where the site moves them.
    pub plan: &'a Plan,
    /// Who acts.
    pub people: People<'a>,
    /// The rules that the plan asks for.
    pub rules: &'a Rules,
    /// The folder that the plan's relative paths start from.
    pub folder: &'a Path,
    /// What is.
    pub archive: &'a mut Archive,
    /// The devices.
    pub ring: &'a mut dyn Ring,
    /// The person.
    pub console: &'a mut dyn Console,
    /// The time.
    pub clock: Clock,
    /// Whether subjects and documents are marked as a rehearsal's.
    pub rehearsal: bool,
    /// TUF metadata that was put together or read in this run: the same for each of its signers.
    pub metadata: BTreeMap<(Role, u64), Metadata>,
    /// Devices that were put off until other steps are taken.
    pub later: BTreeSet<Name>,
    /// The logins that the journal knows of.
    logins: BTreeMap<Name, u32>,
    /// Devices whose claims were tried.
    pub(super) probed: BTreeSet<Name>,
    /// What the newest CRLs of this run list, by issuer, where another one follows.
    pub(super) listed: BTreeMap<Name, Before>,
    /// Requests to keys elsewhere that wait for an answer, as paths in the archive.
    pub requests: Vec<String>,
    /// Steps that a person agreed to as a device's turn.
    pub(super) agreed: BTreeSet<String>,
}

impl<'a> Engine<'a> {
    /// An engine that has done nothing yet.
    pub fn new(
        people: People<'a>,
        rules: &'a Rules,
        folder: &'a Path,
        clock: Clock,
        archive: &'a mut Archive,
        ring: &'a mut dyn Ring,
        console: &'a mut dyn Console,
    ) -> Self {
        Self {
            plan: people.plan,
            people,
            rules,
            folder,
            archive,
            ring,
            console,
            clock,
            rehearsal: people.site.is_rehearsal(),
            metadata: BTreeMap::new(),
            later: BTreeSet::new(),
            logins: BTreeMap::new(),
            probed: BTreeSet::new(),
            listed: BTreeMap::new(),
            requests: Vec::new(),
            agreed: BTreeSet::new(),
        }
    }
}

impl Engine<'_> {
    /// Takes every step that is not done, in order, and says of each what happened to it. Steps whose
    /// device was put off are taken when all others are.
    pub fn run(&mut self, steps: &[Step], reports: &mut [StepReport]) -> Result<(), CeremonyError> {
        let (away, mut pending): (Vec<&Step>, Vec<&Step>) =
            steps.iter().filter(|step| !step.done).partition(|step| self.is_away(step));
        loop {
            let (before, mut rest, mut short) = (pending.len(), Vec::<&Step>::new(), None);
            for (at, step) in pending.iter().enumerate() {
                if self.console.pause_asked() {
                    return Err(CeremonyError::Paused);
                }
                let device = self.device_of(step);
                let off = device.as_ref().is_some_and(|device| self.later.contains(device));
                if off || rest.iter().any(|other| order::waits_for(self.plan, step, other)) {
                    rest.push(step);
                    continue;
                }
                if let Action::Publish { role } = step.action
                    && let Some(few) = self.too_few(role, &away)?
                {
                    short = short.or(Some(few));
                    rest.push(step);
                    continue;
                }
                let report = reports.iter_mut().find(|report| report.id == step.id);
                let next = pending.get(at..).unwrap_or_default();
                if self.attempt(step, device.as_ref(), next, report)? {
                    self.announce(step)?;
                    self.inventory_after(device.as_ref(), next.iter().skip(1).chain(&rest))?;
                } else {
                    self.later.extend(device);
                    rest.push(step);
                }
            }
            if rest.is_empty() {
                // All is published: nobody's signature is missing any more.
                for step in &away {
                    let report = reports.iter_mut().find(|report| report.id == step.id);
                    let left = report.filter(|report| report.status == Status::Pending);
                    left.into_iter().for_each(|report| report.status = Status::Done);
                }
                return self.remarks();
            }
            // Nothing is left to take first: now those devices are asked for again.
            if rest.len() == before && self.later.is_empty() {
                if let Some(mut few) = short {
                    let requests = self.ask_elsewhere(&away, &rest)?;
                    for absent in &mut few.absent {
                        absent.request = requests.get(&absent.key).cloned();
                    }
                    self.requests = requests.into_values().collect();
                    return Err(few.into());
                }
                let step = rest.first().map_or("", |step| step.id.as_str());
                return Err(CeremonyError::Missing(format!("{step} waits for a step that is not there")));
            }
            self.later.clear();
            pending = rest;
        }
    }

    /// Takes a step, the first of those that come next. False where a person put its device off.
    fn attempt(
        &mut self,
        step: &Step,
        device: Option<&Name>,
        next: &[&Step],
        report: Option<&mut StepReport>,
    ) -> Result<bool, CeremonyError> {
        let mut scratch = StepReport::of(step);
        let report = report.unwrap_or(&mut scratch);
        loop {
            let error = match self.once(step, device, next, report) {
                Ok(()) => return Ok(true),
                Err(error) => error,
            };
            self.remarks()?;
            let decided = prompt::decide(self.console, self.ring, self.people, device, error);
            self.remarks()?;
            if !decided? {
                return Ok(false);
            }
        }
    }

    fn once(
        &mut self,
        step: &Step,
        device: Option<&Name>,
        next: &[&Step],
        report: &mut StepReport,
    ) -> Result<(), CeremonyError> {
        // A person may be asked for a PIN: before the step is shown as running, and timed.
        if let Some(device) = device {
            let claims = self.open(device)?;
            self.turn(device, &claims.serial, next)?;
        }
        let (start, waited) = (Instant::now(), self.console.waited());
        let (device, disk) = (self.ring.device_time(), self.archive.disk_time());
        self.console.start(step);
        let taken = self.take(step);
        let people = self.console.waited().saturating_sub(waited);
        report.elapsed_ms = millis(start.elapsed().saturating_sub(people));
        report.device_ms = millis(self.ring.device_time().saturating_sub(device));
        report.disk_ms = millis(self.archive.disk_time().saturating_sub(disk));
        match taken {
            Ok(()) => {
                report.status = Status::Made;
                self.console.made(step, report);
                Ok(())
            }
            Err(CeremonyError::Paused) => Err(CeremonyError::Paused),
            Err(error) => {
                self.console.failed(step);
                Err(error)
            }
        }
    }

    /// The device that a step needs, if it needs one.
    fn device_of(&self, step: &Step) -> Option<Name> {
        match &step.action {
            Action::GenerateKey { device, .. } | Action::BackUp { to: device, .. } => Some(device.clone()),
            Action::Issue { signer, .. }
            | Action::SignCsr { signer, .. }
            | Action::IssueCrl { signer, .. }
            | Action::SignMetadata { signer, .. } => self.archive.state().keys.get(signer)?.device.clone(),
            Action::ImportKey { .. }
            | Action::AssembleTrustRoot
            | Action::TakeTarget { .. }
            | Action::Publish { .. } => None,
        }
    }

    fn take(&mut self, step: &Step) -> Result<(), CeremonyError> {
        match &step.action {
            Action::GenerateKey { key, device, algorithm } => self.generate(step, key, device, *algorithm),
            Action::ImportKey { key } => self.import(step, key),
            Action::BackUp { key, from, to } => self.back_up(step, key, from, to),
            Action::Issue { certificate, signer } => self.issue(step, certificate, signer),
            Action::SignCsr { csr, signer } => self.sign_csr(step, csr, signer),
            Action::IssueCrl { crl, signer } => self.issue_crl(step, crl, signer),
            Action::AssembleTrustRoot => self.assemble(step),
            Action::TakeTarget { target } => self.take_target(step, target),
            Action::SignMetadata { role, signer } => self.sign_metadata(step, *role, signer),
            Action::Publish { role } => self.publish(step, *role),
        }
    }

    /// Opens a device where it is not open, and records each login.
    pub(super) fn open(&mut self, device: &Name) -> Result<DeviceReport, CeremonyError> {
        let claims = self.token(device)?.report().clone();
        let logins = self.ring.logins(device);
        if self.logins.get(device).copied().unwrap_or_default() < logins {
            let event = Event::DeviceOpened { device: device.clone(), claims: claims.clone() };
            self.archive.record(self.clock.now(), event)?;
            if self.logins.insert(device.clone(), logins).is_none() {
                self.inventory_before(device)?;
            }
        }
        Ok(claims)
    }

    /// Whether a device was logged in to in this run.
    pub(super) fn is_logged_in(&self, device: &Name) -> bool {
        self.logins.contains_key(device)
    }

    pub(super) fn token(&mut self, device: &Name) -> Result<&mut dyn Token, CeremonyError> {
        Ok(self.ring.open(device, self.console)?)
    }

    /// Intent, device, verification in software. What comes back is the only thing an archive takes.
    pub(super) fn sign<T: Lintable>(
        &mut self,
        step: &Step,
        linted: Linted<T>,
        again: Again,
        facts: impl FnOnce(&[u8]) -> Facts,
    ) -> Result<Signed<T>, CeremonyError> {
        let device = self.device(linted.key())?;
        let claims = self.open(&device)?;
        // Before anybody approves it, and before the journal says that it is about to be signed.
        self.token(&device)?.fits(&linted)?;
        self.approve(step, &linted, (&device, claims), facts)?;
        let intended = Event::SignatureIntended {
            step: step.id.clone(),
            object: linted.object().to_string(),
            key: linted.key().clone(),
            to_be_signed: to_be_signed(&linted),
        };
        match self.archive.state().open.get(&step.id) {
            Some(open) if *open == intended => {
                let (object, key) = (linted.object().to_string(), linted.key().clone());
                self.console.note(&format!(
                    "{object}: the interrupted signature is made again, over the same bytes, and counted"
                ));
                let event = Event::SignatureRepeated { step: step.id.clone(), object, key };
                self.archive.record(self.clock.now(), event)?;
            }
            Some(_) if again == Again::SameBytes => {
                return Err(CeremonyError::OtherBytes { object: linted.object().to_string() });
            }
            open => {
                if open.is_some() {
                    self.console.note(&format!(
                        "{}: a signature over other bytes was begun before the interruption; this version was never published, and is signed as the plan says now",
                        linted.object()
                    ));
                }
                self.archive.record(self.clock.now(), intended)?;
            }
        }
        let signature = token::sign(self.ring.open(&device, self.console)?, &linted, self.console)?;
        Ok(linted.attach(signature)?)
    }

    /// The device that holds a key.
    fn device(&self, key: &Name) -> Result<Name, CeremonyError> {
        let made = self.archive.state().keys.get(key);
        let made = made.ok_or_else(|| CeremonyError::Missing(format!("the key `{key}` is not made yet")))?;
        made.device.clone().ok_or_else(|| {
            CeremonyError::Missing(format!("the key `{key}` lives elsewhere and can't sign here"))
        })
    }

    /// A key's public half.
    pub(super) fn public(&self, key: &Name) -> Result<PublicKey, CeremonyError> {
        let made = self.archive.state().keys.get(key);
        made.map(|made| made.public.clone())
            .ok_or_else(|| CeremonyError::Missing(format!("the key `{key}` is not made yet")))
    }
}

/// What the journal tells of the bytes that are about to be signed.
pub(super) fn to_be_signed<T: Document>(linted: &Linted<T>) -> ToBeSigned {
    let bytes = linted.bytes();
    if T::LARGE { ToBeSigned::digest(bytes) } else { ToBeSigned::bytes(bytes) }
}
