//! What a report says, gathered from the journal once.

use std::collections::BTreeMap;

use super::Report;
use super::public::Copy;
use crate::archive::{Confirmation, CopyRecord, Event, KeyRecord, Record, Role, State};
use crate::difference::Action;
use crate::plan::{Name, Plan, Time};
use crate::token::DeviceReport;
use crate::verify::{self, Check};

/// One sitting of people: from a ceremony's start, or a pause's end, to its end or the next pause.
#[derive(Debug)]
pub struct Sitting<'a> {
    /// Its lines in the journal.
    pub records: &'a [Record],
}

/// A plan that was run, in one sitting or several.
#[derive(Debug)]
pub struct Held<'a> {
    /// What people called it.
    pub name: &'a str,
    /// SHA-256 of the plan, in hex.
    pub plan: &'a str,
    /// Its sittings.
    pub sittings: Vec<Sitting<'a>>,
    /// Whether it came to its end.
    pub finished: bool,
}

impl<'a> Held<'a> {
    /// All its lines.
    pub fn records(&self) -> impl Iterator<Item = &'a Record> + use<'a, '_> {
        self.sittings.iter().flat_map(|sitting| sitting.records)
    }

    /// Its first and its last moment.
    pub fn times(&self) -> Option<(Time, Time)> {
        let first = self.records().next()?.time;
        Some((first, self.records().last().map_or(first, |record| record.time)))
    }
}

/// A step that was taken.
#[derive(Debug)]
pub struct Taken<'a> {
    /// Its id.
    pub id: &'a str,
    /// What it did, in the words of the console.
    pub what: String,
    /// The line of its result.
    pub line: u64,
    /// When it was done.
    pub at: Time,
    /// Seconds since what came before it in the journal.
    pub seconds: i64,
    /// Who approved it.
    pub by: Option<&'a Name>,
}

/// Everything that the sections of a report say.
#[derive(Debug)]
pub struct Facts<'a> {
    /// The journal.
    pub records: &'a [Record],
    /// What it adds up to.
    pub state: &'a State,
    /// The last plan.
    pub plan: Option<&'a Plan>,
    /// What a second implementation found.
    pub verified: &'a verify::Report,
    /// The hash of the journal's last line.
    pub head: &'a str,
    /// What a public copy leaves out; none where this is no public copy.
    pub copy: Option<Copy>,
    /// The plans that were run, oldest first.
    pub held: Vec<Held<'a>>,
    /// Each key as its device reported it, with the line that recorded it.
    pub keys: BTreeMap<&'a Name, (u64, &'a KeyRecord)>,
    /// Copies of keys on second devices, with the line that recorded each.
    pub copies: BTreeMap<&'a Name, (u64, &'a CopyRecord)>,
    /// What each device said of itself when it was opened last, with the line.
    pub devices: BTreeMap<&'a Name, (u64, &'a DeviceReport)>,
    /// What people are called, by part, with the line that says so last.
    pub people: BTreeMap<&'a Name, (u64, &'a str)>,
    /// The line that each certificate and CRL was recorded in.
    pub made: BTreeMap<&'a Name, u64>,
}

impl<'a> Facts<'a> {
    /// Gathers them.
    pub fn of(report: &'a Report<'_>) -> Self {
        let records = report.records;
        let mut facts = Self {
            records,
            state: report.state,
            plan: report.plan,
            verified: report.verified,
            head: &report.head,
            copy: report.public.then(|| Copy::of(report)),
            held: held(records),
            keys: BTreeMap::new(),
            copies: BTreeMap::new(),
            devices: BTreeMap::new(),
            people: BTreeMap::new(),
            made: BTreeMap::new(),
        };
        for Record { seq, event, .. } in records {
            match event {
                Event::KeyMade { key, .. } => drop(facts.keys.insert(&key.name, (*seq, key))),
                Event::CopyMade { copy, .. } => drop(facts.copies.insert(&copy.name, (*seq, copy))),
                Event::DeviceOpened { device, claims } => drop(facts.devices.insert(device, (*seq, claims))),
                Event::CeremonyStarted { people, .. } => {
                    facts.people.extend(people.iter().map(|(part, called)| (part, (*seq, called.as_str()))));
                }
                Event::CertificateSigned { certificate: name, .. } | Event::CrlSigned { crl: name, .. } => {
                    facts.made.insert(name, *seq);
                }
                _ => {}
            }
        }
        facts
    }

    /// What the archive is called: as its first ceremony was.
    pub fn title(&self) -> String {
        let organization = self.plan.map(|plan| (*plan.ceremony.organization).clone());
        organization.or(self.held.first().map(|held| held.name.to_string())).unwrap_or_default()
    }

    /// The moment for which everything is judged.
    pub fn at(&self) -> Time {
        self.verified.at
    }

    /// The lines of the journal whose event is such a one.
    pub fn lines(&self, such: impl Fn(&Event) -> bool) -> Vec<u64> {
        self.records.iter().filter(|record| such(&record.event)).map(|record| record.seq).collect()
    }

    /// Checks of an area that say this, if there are any, and whether all of them hold.
    pub fn checks(&self, area: verify::Area, says: &str) -> Vec<&'a Check> {
        self.verified
            .checks
            .iter()
            .filter(|check| check.area == area && check.detail.contains(says))
            .collect()
    }

    /// A person as people say it.
    pub fn called(&self, part: &Name) -> String {
        match self.people.get(part) {
            Some((_, called)) => format!("{} ({part})", self.said(called)),
            None => part.to_string(),
        }
    }

    /// What somebody is called or typed, or what a device says of itself: its mark in a public copy that keeps
    /// it.
    pub fn said(&self, text: &str) -> String {
        self.copy.as_ref().map_or_else(|| text.to_string(), |copy| copy.text(text))
    }
}

/// Plans and sittings. A run of the same plan goes on with what was not finished.
fn held(records: &[Record]) -> Vec<Held<'_>> {
    let mut all: Vec<Held> = Vec::new();
    let starts: Vec<usize> = records
        .iter()
        .enumerate()
        .filter(|(_, record)| matches!(record.event, Event::CeremonyStarted { .. }))
        .map(|(at, _)| at)
        .collect();
    for (n, start) in starts.iter().enumerate() {
        let end = starts.get(n.saturating_add(1)).copied().unwrap_or(records.len());
        let own = records.get(*start..end).unwrap_or_default();
        let Some(Event::CeremonyStarted { name, plan, .. }) = own.first().map(|record| &record.event) else {
            continue;
        };
        let finished = own.iter().any(|record| matches!(record.event, Event::CeremonyFinished { .. }));
        let sitting = Sitting { records: own };
        match all.last_mut().filter(|last| last.plan == plan && !last.finished) {
            Some(last) => {
                last.sittings.push(sitting);
                last.finished = finished;
            }
            None => all.push(Held { name, plan, sittings: vec![sitting], finished }),
        }
    }
    all
}

/// The steps that a plan's lines took, in the order in which they were.
pub fn taken<'a>(held: &Held<'a>) -> Vec<Taken<'a>> {
    let mut taken = Vec::new();
    let mut signers: BTreeMap<&str, &Name> = BTreeMap::new();
    let mut origins: BTreeMap<&str, &Name> = BTreeMap::new();
    let mut approved: BTreeMap<&str, Option<&Name>> = BTreeMap::new();
    let mut before: Option<Time> = None;
    for record in held.records() {
        match &record.event {
            Event::SignatureIntended { step, key, .. } => drop(signers.insert(step, key)),
            Event::CopyIntended { step, from, .. } => drop(origins.insert(step, from)),
            Event::Confirmed { step: Some(step), what: Confirmation::Sign, by, .. } => {
                approved.insert(step, by.as_ref());
            }
            _ => {}
        }
        let step = record.event.step().unwrap_or_default();
        if let Some(what) = action(&record.event, signers.get(step).copied(), origins.get(step).copied()) {
            let seconds = before.map_or(0, |before| record.time.since(before));
            let by = approved.get(step).copied().flatten();
            taken.push(Taken { id: step, what, line: record.seq, at: record.time, seconds, by });
        }
        before = Some(record.time);
    }
    taken
}

/// What a result was of, in the words of the console.
fn action(event: &Event, signer: Option<&Name>, origin: Option<&Name>) -> Option<String> {
    let signer = || signer.cloned();
    let action = match event {
        Event::KeyMade { key, .. } => match &key.device {
            Some(device) => Action::GenerateKey {
                key: key.name.clone(),
                device: device.clone(),
                algorithm: key.algorithm,
            },
            None => Action::ImportKey { key: key.name.clone() },
        },
        Event::CopyMade { copy, .. } => {
            let (key, to) = (copy.name.clone(), copy.device.clone());
            Action::BackUp { key, from: origin?.clone(), to }
        }
        Event::CertificateSigned { certificate, .. } => {
            Action::Issue { certificate: certificate.clone(), signer: signer()? }
        }
        Event::CsrSigned { csr, .. } => Action::SignCsr { csr: csr.clone(), signer: signer()? },
        Event::CrlSigned { crl, .. } => Action::IssueCrl { crl: crl.clone(), signer: signer()? },
        Event::TrustRootAssembled { .. } => Action::AssembleTrustRoot,
        Event::TargetTaken { target, .. } => Action::TakeTarget { target: target.clone() },
        Event::MetadataSigned { role, key, .. } => Action::SignMetadata { role: *role, signer: key.clone() },
        Event::MetadataPublished { role, .. } => Action::Publish { role: *role },
        _ => return None,
    };
    Some(action.to_string())
}

/// Roles in the order in which they are read.
pub const ROLES: [Role; 4] = Role::ALL;
