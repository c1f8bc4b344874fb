//! What is kept: values that a plan calls private, and what people typed.

use std::collections::BTreeSet;

use crate::archive::{Event, Record};
use crate::evidence::report::seals::reason;
use crate::evidence::seal::Answer;
use crate::plan::{Plan, Private, Source};

/// What is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// A value of a kind that the plan calls private.
    Value(Private),
    /// A text that somebody typed.
    Typed,
}

impl What {
    /// In words.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Value(Private::Names) => "a name",
            Self::Value(Private::Serials) => "a serial number",
            Self::Value(Private::Places) => "a place",
            Self::Typed => "a text that somebody typed",
        }
    }
}

/// A value that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// What stands in its place, such as `kept-3`.
    pub mark: String,
    /// What it is.
    pub what: What,
    /// The value.
    pub(super) value: String,
    /// The seals that cover it: the seal's number, and the salted hash in its statement.
    pub salted: Vec<(u64, String)>,
}

/// Every value of the journal that one of its plans calls private, and then what people typed, each once.
/// Nothing where no plan calls anything private.
pub fn kept(records: &[Record]) -> Vec<Kept> {
    let mut kinds = BTreeSet::new();
    let mut values: Vec<(What, String)> = Vec::new();
    for Record { event, .. } in records {
        // A plan that was run could be read then.
        if let Event::CeremonyStarted { text, .. } = event
            && let Ok(plan) = Plan::parse(&Source::new("a plan of the archive", text.as_str()))
        {
            kinds.extend(plan.ceremony.private.iter().map(|kind| **kind));
            values.extend(plan.waivers.iter().map(|waiver| (What::Typed, (*waiver.reason).clone())));
        }
        values.extend(said(event));
    }
    // A value that was typed elsewhere, too, is what it is.
    values.sort_by_key(|(what, _)| *what == What::Typed);
    let mut kept: Vec<Kept> = Vec::new();
    for (what, value) in values {
        let keeps = match what {
            What::Value(kind) => kinds.contains(&kind),
            What::Typed => !kinds.is_empty(),
        };
        if keeps && !value.trim().is_empty() && !kept.iter().any(|kept| kept.value == value) {
            let mark = format!("kept-{}", kept.len().saturating_add(1));
            let salted = salted(records, &value);
            kept.push(Kept { mark, what, value, salted });
        }
    }
    kept
}

/// What an event has of people and devices, and what was typed.
fn said(event: &Event) -> Vec<(What, String)> {
    let name = |text: &str| (What::Value(Private::Names), text.to_string());
    let serial = |text: &str| (What::Value(Private::Serials), text.to_string());
    let typed = |text: &str| (What::Typed, text.to_string());
    match event {
        Event::CeremonyStarted { people, .. } => people.values().map(|called| name(called)).collect(),
        Event::DeviationRecorded { expected, happened, decided, by } => {
            vec![name(by), typed(expected), typed(happened), typed(decided)]
        }
        Event::RefusalRecorded { person, of, reason } => vec![name(person), typed(of), typed(reason)],
        Event::ObservationRecorded { said, .. } => said
            .iter()
            .filter_map(|(question, answer)| match Answer::of(question, answer) {
                Answer::Value(kind) => Some((What::Value(kind), answer.clone())),
                Answer::Typed => Some(typed(answer)),
                Answer::Plain => None,
            })
            .collect(),
        Event::MachineChecked { findings } => {
            findings.iter().filter_map(|finding| finding.waived.as_deref()).map(typed).collect()
        }
        Event::SealSigned { objection: Some(text), .. } => vec![typed(&reason(text))],
        Event::DeviceOpened { claims, .. } => vec![serial(&claims.serial)],
        Event::KeyMade { key, .. } => key.device_claims.iter().map(|claims| serial(&claims.serial)).collect(),
        Event::CopyMade { copy, .. } => vec![serial(&copy.device_claims.serial)],
        _ => Vec::new(),
    }
}

/// The salted hashes of a value in the seals.
fn salted(records: &[Record], value: &str) -> Vec<(u64, String)> {
    let seals = records.iter().filter_map(|record| match &record.event {
        Event::SealStarted { seal, openings, .. } => Some((*seal, openings)),
        _ => None,
    });
    let mut salted = Vec::new();
    for (seal, openings) in seals {
        for opening in openings.iter().filter(|opening| opening.value == value) {
            salted.push((seal, opening.hash()));
        }
    }
    salted
}
