//! What a seal says of a ceremony: people, devices, checks, deviations. `rootwright schema seal` has its JSON
//! Schema.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Error, Material, Secrets};
use crate::archive::{Confirmation, Event, Record};
use crate::plan::{Name, Private, Role};
use crate::site::{MachineCheck, Purpose};

/// A word that a seal says, or keeps to itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Word {
    /// Said.
    Said(String),
    /// Kept: the plan says that it is private.
    #[serde(rename_all = "kebab-case")]
    Kept {
        /// SHA-256 of a salt of 16 bytes and the value's UTF-8, in hex. Salt and value stand in the journal.
        salted_sha256: String,
    },
}

/// The predicate of a seal, `urn:rootwright:seal:v1`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Seal {
    /// Counts the seals of the archive, from 1.
    pub seal: u64,
    /// The tool that put it into words.
    pub tool: Tool,
    /// Every run since the seal before, oldest first.
    pub ceremonies: Vec<Ceremony>,
    /// The lines of the journal that it covers.
    pub journal: Extent,
    /// Who played the plan's parts.
    pub people: Vec<Participant>,
    /// The devices that were opened.
    pub devices: Vec<Device>,
    /// What was looked at.
    pub checks: Checks,
    /// What went otherwise than expected.
    pub deviations: Vec<Deviation>,
    /// Who did not sign something off.
    pub refusals: Vec<Refusal>,
    /// What people recorded at prompts, where no program can know.
    pub observations: Vec<Observed>,
    /// How many people of each role the plan asks to sign.
    pub asks: BTreeMap<String, u32>,
}

/// The tool.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Tool {
    /// Its version.
    pub version: String,
    /// SHA-256 of its file, in hex, where it could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// A run of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Ceremony {
    /// The line that it began with.
    pub line: u64,
    /// When it began, by its clock.
    pub time: String,
    /// What the plan calls it.
    pub name: String,
    /// SHA-256 of the plan, in hex.
    pub plan: String,
    /// SHA-256 of the site file, in hex.
    pub site: String,
    /// `rehearsal` or `production`.
    pub purpose: Purpose,
    /// Days by which every date of the plan was moved.
    pub date_shift: i64,
    /// Whether all steps were done in the end.
    pub finished: bool,
}

/// Lines of the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Extent {
    /// The first line that no earlier seal covers.
    pub from: u64,
    /// The last line.
    pub lines: u64,
    /// The hash of that line.
    pub head: String,
    /// The root of the Merkle tree over all lines from the first (RFC 6962), in hex.
    pub root: String,
}

/// A person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Participant {
    /// The plan's name of the part.
    pub part: String,
    /// The role.
    pub role: Role,
    /// What the person is called, where the site said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub called: Option<Word>,
}

/// A device, by its own claims.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Device {
    /// The plan's name of it.
    pub device: String,
    /// Its serial number.
    pub serial: Word,
    /// Its manufacturer.
    pub manufacturer: String,
    /// Its model.
    pub model: String,
    /// Its firmware.
    pub firmware: String,
    /// SHA-256 of the module's file, in hex.
    pub module_sha256: String,
    /// How often it was opened and logged in to.
    pub logins: u64,
}

/// What was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Checks {
    /// What was not as it should be on the machine.
    pub machine: Vec<Finding>,
    /// The machine's clock against one on the wall.
    pub clock: Vec<Reading>,
    /// What people confirmed by typing it: how often to begin, generate, sign, read back.
    pub confirmed: BTreeMap<String, u64>,
    /// How often each private key was about to sign.
    pub operations: BTreeMap<String, u64>,
    /// Approvals of the plan, by the plan's names of people.
    pub approvals: Vec<String>,
    /// Rules that the plan waives: the rule, its object, and the reason.
    pub waivers: Vec<(String, String, Word)>,
}

/// A finding about the machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Finding {
    /// Its id.
    pub id: MachineCheck,
    /// What was found.
    pub found: String,
    /// The site's reason to go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waived: Option<Word>,
}

/// A clock on the wall that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Reading {
    /// What it said.
    pub wall: String,
    /// By how many seconds the machine's clock was ahead.
    pub skew: i64,
}

/// Something that went otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Deviation {
    /// The line that recorded it.
    pub line: u64,
    /// What was expected.
    pub expected: Word,
    /// What happened.
    pub happened: Word,
    /// What was decided.
    pub decided: Word,
    /// By whom.
    pub by: Word,
}

/// Somebody who did not sign something off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Refusal {
    /// The line that recorded it.
    pub line: u64,
    /// Who.
    pub person: Word,
    /// What they did not sign off.
    pub of: Word,
    /// Why.
    pub reason: Word,
}

/// What a person recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Observed {
    /// The line that recorded it.
    pub line: u64,
    /// What it is of, such as `entry` or `bag`.
    pub what: String,
    /// What was said, by question.
    pub said: BTreeMap<String, Word>,
}

/// Puts into words what happened since the seal before.
pub(super) fn describe<E, R: FnMut() -> Result<[u8; 16], E>>(
    material: &Material<'_>,
    (lines, root): (u64, String),
    secrets: &mut Secrets<'_, R>,
) -> Result<Seal, Error<E>> {
    let new: Vec<&Record> = material.records.iter().filter(|record| record.seq > material.sealed).collect();
    let plan = material.plan;
    let mut seal = Seal {
        seal: material.number,
        tool: material.tool.clone(),
        ceremonies: Vec::new(),
        journal: Extent { from: material.sealed.saturating_add(1), lines, head: material.head.into(), root },
        people: Vec::new(),
        devices: Vec::new(),
        checks: Checks::default(),
        deviations: Vec::new(),
        refusals: Vec::new(),
        observations: Vec::new(),
        asks: plan.ceremony.seal.0.iter().map(|(role, must)| (role.to_string(), **must)).collect(),
    };
    for waiver in &plan.waivers {
        let reason = secrets.typed(&waiver.reason)?;
        seal.checks.waivers.push(((*waiver.rule).clone(), (*waiver.object).clone(), reason));
    }
    let mut called: BTreeMap<&Name, &str> = BTreeMap::new();
    for record in new {
        if let Event::CeremonyStarted { people, .. } = &record.event {
            called.extend(people.iter().map(|(part, called)| (part, called.as_str())));
        }
        take(&mut seal, record, secrets)?;
    }
    for (part, person) in &plan.people {
        let called = called.get(part).map(|called| secrets.word(Private::Names, called)).transpose()?;
        seal.people.push(Participant { part: part.to_string(), role: *person.role, called });
    }
    Ok(seal)
}

fn take<E, R: FnMut() -> Result<[u8; 16], E>>(
    seal: &mut Seal,
    record: &Record,
    secrets: &mut Secrets<'_, R>,
) -> Result<(), Error<E>> {
    let line = record.seq;
    let count = |counts: &mut BTreeMap<String, u64>, what: &str| {
        let count = counts.entry(what.to_string()).or_default();
        *count = count.saturating_add(1);
    };
    match &record.event {
        Event::CeremonyStarted { name, plan, site, purpose, date_shift, .. } => {
            seal.ceremonies.push(Ceremony {
                line,
                time: record.time.to_string(),
                name: name.clone(),
                plan: plan.clone(),
                site: site.clone(),
                purpose: *purpose,
                date_shift: *date_shift,
                finished: false,
            });
        }
        Event::CeremonyFinished { plan } => {
            if let Some(last) = seal.ceremonies.last_mut().filter(|last| last.plan == *plan) {
                last.finished = true;
            }
        }
        Event::MachineChecked { findings, .. } => {
            for finding in findings {
                let waived = finding.waived.as_deref().map(|reason| secrets.typed(reason)).transpose()?;
                seal.checks.machine.push(Finding { id: finding.id, found: finding.found.clone(), waived });
            }
        }
        Event::ClockRead { wall, skew, .. } => {
            seal.checks.clock.push(Reading { wall: wall.clone(), skew: *skew });
        }
        Event::Confirmed { what, .. } => {
            let what = match what {
                Confirmation::Begin => "begin",
                Confirmation::Generate => "generate",
                Confirmation::Sign => "sign",
                Confirmation::ReadBack => "read-back",
            };
            count(&mut seal.checks.confirmed, what);
        }
        Event::ApprovalRecorded { person, .. } => seal.checks.approvals.push(person.to_string()),
        Event::SignatureIntended { key, .. } | Event::SignatureRepeated { key, .. } => {
            count(&mut seal.checks.operations, key.as_str());
        }
        Event::DeviationRecorded { expected, happened, decided, by } => {
            let [expected, happened, decided] = [expected, happened, decided].map(|text| secrets.typed(text));
            let (expected, happened, decided) = (expected?, happened?, decided?);
            let by = secrets.word(Private::Names, by)?;
            seal.deviations.push(Deviation { line, expected, happened, decided, by });
        }
        Event::RefusalRecorded { person, of, reason } => {
            let person = secrets.word(Private::Names, person)?;
            let (of, reason) = (secrets.typed(of)?, secrets.typed(reason)?);
            seal.refusals.push(Refusal { line, person, of, reason });
        }
        Event::DeviceOpened { device, claims } => {
            let known = seal.devices.iter_mut().find(|known| known.device == device.as_str());
            if let Some(known) = known {
                known.logins = known.logins.saturating_add(1);
            } else {
                seal.devices.push(Device {
                    device: device.to_string(),
                    serial: secrets.word(Private::Serials, &claims.serial)?,
                    manufacturer: claims.manufacturer.clone(),
                    model: claims.model.clone(),
                    firmware: claims.firmware.clone(),
                    module_sha256: claims.module_sha256.clone(),
                    logins: 1,
                });
            }
        }
        Event::ObservationRecorded { what, said } => {
            let mut words = BTreeMap::new();
            for (question, answer) in said {
                let word = match Answer::of(question, answer) {
                    Answer::Value(kind) => secrets.word(kind, answer)?,
                    Answer::Typed => secrets.typed(answer)?,
                    Answer::Plain => Word::Said(answer.clone()),
                };
                words.insert(question.clone(), word);
            }
            seal.observations.push(Observed { line, what: what.as_str().into(), said: words });
        }
        _ => {}
    }
    Ok(())
}

/// What an answer at a prompt may say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A value of a kind that a plan can call private.
    Value(Private),
    /// A hash or a file's size: whatever it is of, it says nothing of anybody.
    Plain,
    /// Anything.
    Typed,
}

impl Answer {
    /// What this answer to this question may say.
    pub fn of(question: &str, answer: &str) -> Self {
        let hash = answer.len() == 64 && answer.bytes().all(|byte| byte.is_ascii_hexdigit());
        let size = question == "Its size in bytes?" && answer.bytes().all(|byte| byte.is_ascii_digit());
        match question.split([' ', '?']).next() {
            _ if hash || size => Self::Plain,
            Some("Where") => Self::Value(Private::Places),
            // Who comes, keeps or takes something.
            Some("Who") => Self::Value(Private::Names),
            _ if question == "By whom?" => Self::Value(Private::Names),
            _ => Self::Typed,
        }
    }
}
