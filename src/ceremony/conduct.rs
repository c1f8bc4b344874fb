//! A ceremony from its beginning to its end, or the rest of one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use secrecy::SecretString;
use serde::Serialize;

use super::clock::Clock;
use super::engine::{Engine, Status, StepReport, millis};
use super::{CeremonyError, Console, Ring, preflight};
use crate::archive::{self, Archive, Event, FileRecord, State};
use crate::difference::{self, Step};
use crate::pki::sha256_hex;
use crate::plan::{Name, Plan, Source};
use crate::site::{Purpose, Site};
use crate::token::{AskPin, Devices, PinError, PinRequest, Token, TokenError};

/// What a ceremony is held with.
pub struct Ceremony<'a> {
    /// The plan as it was written.
    pub plan: &'a Plan,
    /// The plan's text.
    pub source: &'a Source,
    /// The folder that the plan's relative paths start from.
    pub folder: &'a Path,
    /// The site.
    pub site: &'a Site,
    /// SHA-256 of the site file, in hex.
    pub site_sha256: String,
    /// Files inside the archive that others wrote, such as a rehearsal's site.
    pub others: Vec<FileRecord>,
    /// The archive's folder.
    pub archive: &'a Path,
}

/// What a ceremony did.
#[derive(Clone, Debug, Serialize)]
pub struct RunReport {
    /// The archive's folder.
    pub archive: String,
    /// SHA-256 of the plan, in hex.
    pub plan: String,
    /// Rehearsal or production.
    pub purpose: Purpose,
    /// Days by which every date of the plan is moved.
    pub date_shift: i64,
    /// Every step of the plan.
    pub steps: Vec<StepReport>,
    /// What had to be finished or put right after an interruption.
    pub repaired: Vec<String>,
    /// All of it, in milliseconds.
    pub elapsed_ms: f64,
    /// Inside the devices.
    pub device_ms: f64,
    /// Waiting for the disk.
    pub disk_ms: f64,
    /// Waiting for people.
    pub people_ms: f64,
}

impl RunReport {
    /// How many steps have this status.
    pub fn count(&self, status: Status) -> usize {
        self.steps.iter().filter(|step| step.status == status).count()
    }
}

/// The plan with its dates moved by the site.
pub fn moved(plan: &Plan, days: i64) -> Result<Plan, CeremonyError> {
    plan.clone().shifted(days).ok_or(CeremonyError::Shift(days))
}

/// The ceremony's clock; in production it must not stand before what already happened.
pub fn clock(plan: &Plan, state: &State, rehearsal: bool) -> Result<Clock, CeremonyError> {
    let clock = if rehearsal { Clock::rehearsal(plan.ceremony.date, state.last) } else { Clock::system() };
    let clock = clock.ok_or_else(|| CeremonyError::Missing("the machine's clock can't be read".into()))?;
    match state.last {
        Some(last) if clock.now() < last => Err(CeremonyError::Clock { now: clock.now(), last }),
        _ => Ok(clock),
    }
}

impl Ceremony<'_> {
    /// Takes the steps that are missing. The report says of every step what happened to it, also where
    /// an error ended the run.
    pub fn run(
        &self,
        start: Instant,
        console: &mut dyn Console,
        ask: &mut dyn AskPin,
    ) -> (RunReport, Result<(), CeremonyError>) {
        let mut report = RunReport {
            archive: self.archive.display().to_string(),
            plan: sha256_hex(self.source.text.as_bytes()),
            purpose: *self.site.purpose,
            date_shift: self.site.shift(),
            steps: Vec::new(),
            repaired: Vec::new(),
            elapsed_ms: 0.0,
            device_ms: 0.0,
            disk_ms: 0.0,
            people_ms: 0.0,
        };
        let result = self.hold(&mut report, console, ask);
        report.elapsed_ms = millis(start.elapsed());
        (report, result)
    }

    fn hold(
        &self,
        report: &mut RunReport,
        console: &mut dyn Console,
        ask: &mut dyn AskPin,
    ) -> Result<(), CeremonyError> {
        let plan = moved(self.plan, self.site.shift())?;
        let found = archive::inspect(self.archive)?;
        let state = &found.state;
        refuse_other_purpose(self.site, state)?;
        let steps = difference::between(&plan, state)?;
        report.steps = steps.iter().map(StepReport::of).collect();
        let missing = steps.iter().filter(|step| !step.done).count();
        if missing == 0 && state.finished && found.is_whole() {
            return Ok(());
        }
        let rehearsal = self.site.is_rehearsal();
        let clock = clock(&plan, state, rehearsal)?;
        // Before anything is written, people know what the rules warn of.
        console.warnings(&preflight::draft_everything(&plan, self.folder, clock, rehearsal)?);
        let mut devices = Devices::new(self.site);
        let result = self.hold_with(&mut devices, (&plan, clock), (state, &steps), report, console, ask);
        report.device_ms = millis(devices.device_time());
        result
    }

    fn hold_with(
        &self,
        devices: &mut Devices,
        (plan, clock): (&Plan, Clock),
        (state, steps): (&State, &[Step]),
        report: &mut RunReport,
        console: &mut dyn Console,
        ask: &mut dyn AskPin,
    ) -> Result<(), CeremonyError> {
        preflight::devices(plan, state, steps, devices)?;
        console.begin(steps.iter().filter(|step| !step.done).count());
        let question = format!(
            "This is {}: the plan `{}`, SHA-256 {}.",
            if self.site.is_rehearsal() { "a rehearsal" } else { "PRODUCTION" },
            *plan.ceremony.name,
            report.plan
        );
        let asked = Instant::now();
        let confirmed = console.confirm(&question, &plan.ceremony.date.to_string());
        report.people_ms = millis(asked.elapsed());
        if !confirmed {
            return Err(CeremonyError::NotConfirmed);
        }
        // From here on things are written.
        let mut archive = Archive::open(self.archive, clock.now())?;
        report.repaired = archive.repaired().to_vec();
        for text in &report.repaired {
            console.note(text);
        }
        let result = self.take_steps(&mut archive, devices, (plan, clock), steps, report, console, ask);
        report.disk_ms = millis(archive.disk_time());
        console.end();
        result
    }

    #[allow(clippy::too_many_arguments)]
    fn take_steps(
        &self,
        archive: &mut Archive,
        devices: &mut Devices,
        (plan, clock): (&Plan, Clock),
        steps: &[Step],
        report: &mut RunReport,
        console: &mut dyn Console,
        ask: &mut dyn AskPin,
    ) -> Result<(), CeremonyError> {
        let event = Event::CeremonyStarted {
            name: (*plan.ceremony.name).clone(),
            plan: report.plan.clone(),
            text: self.source.text.clone(),
            site: self.site_sha256.clone(),
            purpose: *self.site.purpose,
            date_shift: self.site.shift(),
            tool: env!("CARGO_PKG_VERSION").into(),
        };
        archive.begin(clock.now(), event, self.others.clone())?;
        let mut ask = Timed { ask, spent: Duration::ZERO };
        let mut ring = Live { devices, ask: &mut ask, open: BTreeSet::new() };
        let mut engine = Engine {
            plan,
            folder: self.folder,
            archive,
            ring: &mut ring,
            console,
            clock,
            rehearsal: self.site.is_rehearsal(),
            metadata: BTreeMap::new(),
        };
        let taken = engine.run(steps, &mut report.steps);
        report.people_ms += millis(ask.spent);
        taken?;
        archive.record(clock.now(), Event::CeremonyFinished { plan: report.plan.clone() })?;
        Ok(())
    }
}

/// A rehearsal's archive holds throwaway keys; a production one must never meet them.
pub fn refuse_other_purpose(site: &Site, state: &State) -> Result<(), CeremonyError> {
    let word = |purpose: Purpose| match purpose {
        Purpose::Rehearsal => "rehearsal",
        Purpose::Production => "production",
    };
    match state.purpose {
        Some(purpose) if purpose != *site.purpose => Err(CeremonyError::Purpose(format!(
            "the archive is of a {}, and the site says {}: the two never mix",
            word(purpose),
            word(*site.purpose)
        ))),
        Some(_) if state.date_shift != site.shift() => Err(CeremonyError::Purpose(format!(
            "the archive's dates are moved by {} days, and the site says {}: every plan of one archive is moved alike",
            state.date_shift,
            site.shift()
        ))),
        _ => Ok(()),
    }
}

/// The site's devices, and the person who knows the PINs.
struct Live<'a> {
    devices: &'a mut Devices,
    ask: &'a mut dyn AskPin,
    open: BTreeSet<Name>,
}

/// Who is asked for PINs, and how long that takes.
struct Timed<'a> {
    ask: &'a mut dyn AskPin,
    spent: Duration,
}

impl AskPin for Timed<'_> {
    fn ask(&mut self, request: &PinRequest) -> Result<SecretString, PinError> {
        let start = Instant::now();
        let pin = self.ask.ask(request);
        self.spent += start.elapsed();
        pin
    }

    fn keypad(&mut self, request: &PinRequest) {
        self.ask.keypad(request);
    }
}

impl Ring for Live<'_> {
    fn token(&mut self, device: &Name) -> Result<&mut dyn Token, TokenError> {
        let token = self.devices.open(device, self.ask)?;
        self.open.insert(device.clone());
        Ok(token)
    }

    fn is_open(&self, device: &Name) -> bool {
        self.open.contains(device)
    }

    fn device_time(&self) -> Duration {
        self.devices.device_time()
    }
}
