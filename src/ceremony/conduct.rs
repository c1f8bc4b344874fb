//! A ceremony from its beginning to its end, or the rest of one.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Serialize;

use super::approvals::{self, Approvals};
use super::clock::Clock;
use super::console::{Fingerprint, Opening, WallClock};
use super::elsewhere::Received;
use super::engine::{Engine, Status, StepReport, millis};
use super::needed::Run;
use super::people::People;
use super::preflight::devices::{Found, Look, devices};
use super::preflight::{Drafted, Preflight, draft_everything};
use super::signers::Place;
use super::{CeremonyError, Console, build, elsewhere, machine, signers, transcript};
use crate::archive::{self, Archive, ArchiveError, Confirmation, Event, FileRecord, State, room};
use crate::difference::{self, Step};
use crate::lint::Rules;
use crate::pki::{known_answers, sha256_hex};
use crate::plan::{Name, Plan, Source};
use crate::site::{MachineCheck, MachineFinding, Purpose, Site};
use crate::token::Devices;
use crate::token::guard::Guard;

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
    /// What protects this process's memory.
    pub guard: Guard,
    /// Whether it ends before the first write.
    pub dry_run: bool,
    /// Files with people's approvals of the plan.
    pub approvals: &'a [PathBuf],
    /// What people elsewhere answered.
    pub answers: Vec<Received>,
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
    /// Whether nothing was meant to be written.
    pub dry_run: bool,
    /// Days by which every date of the plan is moved.
    pub date_shift: i64,
    /// What was found before the first write; none where nothing was to do.
    pub preflight: Option<Preflight>,
    /// The hash of the journal's last line: the state that the next ceremony starts from.
    pub head: Option<String>,
    /// Every step of the plan.
    pub steps: Vec<StepReport>,
    /// Requests to people elsewhere that wait for an answer, as paths in the archive.
    pub requests: Vec<String>,
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

/// What a run goes through the ceremony with.
struct Day<'a> {
    ceremony: &'a Ceremony<'a>,
    /// The plan, with its dates moved.
    plan: &'a Plan,
    rules: &'a Rules,
    state: &'a State,
    steps: &'a [Step],
    clock: Clock,
    console: &'a mut dyn Console,
    approvals: Approvals,
}

/// What people said before the journal was open.
struct Opened {
    by: Option<Name>,
    asked: bool,
    wall: Option<(WallClock, Option<Name>)>,
}

impl Ceremony<'_> {
    /// Takes the steps that are missing. The report says of every step what happened to it, also where
    /// an error ended the run.
    pub fn run(&self, start: Instant, console: &mut dyn Console) -> (RunReport, Result<(), CeremonyError>) {
        let mut report = RunReport {
            archive: self.archive.display().to_string(),
            plan: sha256_hex(self.source.text.as_bytes()),
            purpose: *self.site.purpose,
            dry_run: self.dry_run,
            date_shift: self.site.shift(),
            preflight: None,
            head: None,
            steps: Vec::new(),
            requests: Vec::new(),
            repaired: Vec::new(),
            elapsed_ms: 0.0,
            device_ms: 0.0,
            disk_ms: 0.0,
            people_ms: 0.0,
        };
        let result = self.hold(&mut report, console);
        console.end();
        report.people_ms = millis(console.waited());
        report.elapsed_ms = millis(start.elapsed());
        (report, result)
    }

    fn hold(&self, report: &mut RunReport, console: &mut dyn Console) -> Result<(), CeremonyError> {
        let plan = moved(self.plan, self.site.shift())?;
        let found = archive::inspect(self.archive)?;
        let state = &found.state;
        refuse_other_purpose(self.site, state)?;
        let head = found.journal.head.clone();
        report.head = head.clone();
        if let Some(expected) = &self.site.archive_head
            && !found.journal.starts_from(expected, &report.plan)
        {
            return Err(CeremonyError::OtherHead { found: head, expected: (**expected).clone() });
        }
        let steps = difference::between(&plan, state)?;
        report.steps = steps.iter().map(StepReport::of).collect();
        let missing = steps.iter().filter(|step| !step.done).count();
        if missing == 0 && state.finished && found.is_whole() {
            elsewhere::nothing_asked(&self.answers, state)?;
            return Ok(());
        }
        // Beside all that comes before the journal's first line.
        build::read_ahead();
        let clock = clock(&plan, state, self.site.is_rehearsal())?;
        // As people approved it: with its dates as they are written.
        let approvals =
            approvals::gather((self.plan, &report.plan), state, *self.site.purpose, self.approvals)?;
        match &approvals.missing {
            // A rehearsal comes before the approvals: it is what they are given for.
            Some(missing) if self.site.is_rehearsal() => {
                console.note(&format!("{missing}; production would stop here"))
            }
            Some(missing) => return Err(missing.clone().into()),
            None => {}
        }
        match build::planned(self.plan) {
            Err(other) if self.site.is_rehearsal() => {
                console.note(&format!("{other}; production would stop here"))
            }
            judged => judged?,
        }
        let rules = Rules::of(&plan, self.source)?;
        let (steps, rules) = (steps.as_slice(), &rules);
        let mut day = Day { ceremony: self, plan: &plan, rules, state, steps, clock, console, approvals };
        let mut tokens = Devices::new(self.site);
        let result = day.hold(&mut tokens, report);
        // What was said at a prompt before the archive was open, or after it was closed.
        if let Err(error) = day.late_remarks() {
            day.console.note(&format!("what was said at the last prompt could not be written: {error}"));
        }
        tokens.close();
        report.device_ms = millis(tokens.device_time());
        result
    }
}

impl Day<'_> {
    fn hold(&mut self, tokens: &mut Devices, report: &mut RunReport) -> Result<(), CeremonyError> {
        let ceremony = self.ceremony;
        known_answers::check().map_err(|reason| {
            CeremonyError::Missing(format!("this tool fails its known-answer tests: {reason}"))
        })?;
        // Before anything is written, people know what the rules warn of.
        let rehearsal = ceremony.site.is_rehearsal();
        let made = (ceremony.archive, self.state);
        let drafted = draft_everything(self.plan, self.rules, made, ceremony.folder, self.clock, rehearsal)?;
        self.console.warnings(&drafted.warnings);
        signers::known(self.people(), self.state)?;
        signers::enough(self.people(), self.state, self.steps)?;
        room::writable(ceremony.archive)?;
        let mut machine =
            machine::look(ceremony.site, ceremony.guard, self.clock.now(), self.plan.ceremony.date);
        let needed = self.needs(&drafted);
        machine.extend(self.disk(needed)?);
        machine::judge(ceremony.site, &machine)?;
        if !rehearsal && !ceremony.dry_run && !self.console.asks() {
            self.nobody_to_ask()?;
        }
        // The plan is read aloud before any device is touched.
        let opened = if ceremony.dry_run { None } else { Some(self.opening(&report.plan)?) };
        let people = People { plan: self.plan, site: ceremony.site, state: self.state };
        let look = Look { plan: self.plan, state: self.state, steps: self.steps, people, rules: self.rules };
        let Found { devices, later } = devices(&look, tokens, self.console)?;
        let preflight = Preflight {
            rehearsal: ceremony.site.is_rehearsal(),
            clock: self.clock.now(),
            needed,
            machine,
            devices,
        };
        self.console.preflight(&preflight);
        let machine = preflight.machine.clone();
        report.preflight = Some(preflight);
        let Some(opened) = opened else { return Ok(()) };
        // From here on things are written.
        let mut archive = Archive::open(ceremony.archive, self.clock.now())?;
        report.repaired = archive.repaired().to_vec();
        for text in &report.repaired {
            self.console.note(text);
        }
        let result = self.take_steps(&mut archive, tokens, (opened, machine, later), report);
        report.disk_ms = millis(archive.disk_time());
        report.head = archive.head().map(str::to_string);
        result
    }

    /// Refuses a production whose plan asks people for something, where nobody sits at a terminal.
    fn nobody_to_ask(&self) -> Result<(), CeremonyError> {
        let asked = self.plan.ceremony.ask_before.iter().chain(&self.plan.ceremony.ask_after);
        let asked: Vec<&str> = asked.map(|what| what.as_str()).collect();
        if asked.is_empty() {
            return Ok(());
        }
        Err(CeremonyError::Missing(format!(
            "the plan asks people to record {}, and nobody can be asked: run this at a terminal",
            asked.join(", ")
        )))
    }

    fn people(&self) -> People<'_> {
        People { plan: self.plan, site: self.ceremony.site, state: self.state }
    }

    /// How much this run writes at most.
    fn needs(&self, drafted: &Drafted) -> archive::Size {
        let (rehearsal, canary) = (self.ceremony.site.is_rehearsal(), self.plan.prove.is_some());
        Run {
            people: self.people(),
            text: &self.ceremony.source.text,
            steps: self.steps,
            approvals: self.approvals.new.len(),
            canary: rehearsal && canary,
        }
        .needs(drafted)
    }

    /// A disk that is too full, unless the site waives it.
    fn disk(&self, needed: archive::Size) -> Result<Option<MachineFinding>, ArchiveError> {
        let Err(full) = room::enough(self.ceremony.archive, needed) else { return Ok(None) };
        let waiver = self.ceremony.site.waivers.get(&MachineCheck::Disk);
        let Some(reason) = waiver else { return Err(full) };
        let (id, found) = (MachineCheck::Disk, full.to_string());
        Ok(Some(MachineFinding { id, found, waived: Some((**reason).clone()) }))
    }

    /// The plan's hash, its date, and the clock on the wall.
    fn opening(&mut self, plan: &str) -> Result<Opened, CeremonyError> {
        let opening = Opening {
            name: (*self.plan.ceremony.name).clone(),
            purpose: *self.ceremony.site.purpose,
            plan: Fingerprint::from_hex(plan),
            day: self.plan.ceremony.date.to_string(),
        };
        self.console.opening(&opening)?;
        let (by, reader) = (self.people().leader(), self.people().witness());
        // A rehearsal's clock stands on another day, and may stand on a later time of the day.
        let now = || Clock::system().map(|clock| clock.now());
        let wall = self.console.wall_clock(&now, reader.as_ref())?;
        let part = |person: Option<super::people::Person>| person.map(|person| person.part);
        let wall = wall.map(|wall| (wall, part(reader)));
        Ok(Opened { by: part(by), asked: self.console.asks(), wall })
    }

    fn take_steps(
        &mut self,
        archive: &mut Archive,
        tokens: &mut Devices,
        (opened, findings, later): (Opened, Vec<MachineFinding>, BTreeSet<Name>),
        report: &mut RunReport,
    ) -> Result<(), CeremonyError> {
        let (ceremony, clock) = (self.ceremony, self.clock);
        let event = Event::CeremonyStarted {
            name: (*self.plan.ceremony.name).clone(),
            plan: report.plan.clone(),
            text: ceremony.source.text.clone(),
            site: ceremony.site_sha256.clone(),
            purpose: *ceremony.site.purpose,
            date_shift: ceremony.site.shift(),
            tool: env!("CARGO_PKG_VERSION").into(),
            people: ceremony.site.people.clone().into_iter().collect(),
        };
        archive.begin(clock.now(), event, ceremony.others.clone())?;
        for (person, endorsed) in &self.approvals.new {
            archive.approval(clock.now(), (&report.plan, person), endorsed)?;
        }
        archive.record(clock.now(), build::identified())?;
        archive.record(clock.now(), Event::MachineChecked { findings })?;
        archive.record(clock.now(), Event::MachineDescribed { facts: machine::facts(ceremony.guard) })?;
        if opened.asked {
            let (what, of) = (Confirmation::Begin, report.plan.clone());
            archive.record(clock.now(), Event::Confirmed { step: None, what, of, by: opened.by })?;
        }
        if let Some((WallClock { typed, skew }, by)) = opened.wall {
            archive.record(clock.now(), Event::ClockRead { wall: typed, skew, by })?;
        }
        let missing = self.steps.iter().filter(|step| !step.done).count();
        // What is signed elsewhere uses no key here.
        let place = |step: &&Step| signers::place(self.people(), self.state, step);
        let here: Vec<Step> = self.steps.iter().filter(|step| place(step) == Place::Here).cloned().collect();
        let planned = transcript::planned(&here);
        let people = People { plan: self.plan, site: ceremony.site, state: self.state };
        let mut engine =
            Engine::new(people, self.rules, ceremony.folder, clock, archive, tokens, self.console);
        engine.later = later;
        engine.remarks()?;
        engine.ask_before()?;
        engine.console.begin(missing);
        engine.read_back_what_is_open(self.steps)?;
        engine.take_answers(&ceremony.answers, self.steps, &mut report.steps)?;
        let taken = engine.run(self.steps, &mut report.steps);
        report.requests = std::mem::take(&mut engine.requests);
        taken?;
        engine.ask_after()?;
        let uses = transcript::operations(&planned, &self.state.operations, &archive.state().operations);
        archive.record(clock.now(), uses)?;
        Ok(archive.record(clock.now(), Event::CeremonyFinished { plan: report.plan.clone() })?)
    }

    /// Remarks that came when no archive was open are written where there is one already.
    fn late_remarks(&mut self) -> Result<(), CeremonyError> {
        let remarks = self.console.remarks();
        if remarks.is_empty() {
            return Ok(());
        }
        if self.state.purpose.is_none() {
            self.console.note("the ceremony did not begin, so there is no journal yet: note down by hand what was said at the prompts");
            return Ok(());
        }
        let mut archive = Archive::open(self.ceremony.archive, self.clock.now())?;
        for event in remarks {
            archive.record(self.clock.now(), event)?;
        }
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
