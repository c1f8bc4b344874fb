//! Goes through a ceremony before the day, and keeps what its console would show and ask: for the printed
//! script, which says the same words in the same order.
//!
//! The engine takes every step in memory, with throwaway keys, twice. What the two have in common is known
//! in advance; what differs is not, and is a blank on paper.

use std::path::Path;
use std::time::Duration;

use secrecy::SecretString;

use super::clock::Clock;
use super::console::{Fingerprint, Paused, Preview, Turn};
use super::engine::{Engine, StepReport};
use super::people::{People, Person};
use super::preflight::ThrowawayRing;
use super::signers::{self, Place};
use super::{CeremonyError, Console};
use crate::archive::{Archive, Role, State};
use crate::difference::{self, Action, Step};
use crate::lint::Rules;
use crate::plan::{Name, Plan, Time};
use crate::site::Site;
use crate::token::{AskPin, PinError, PinRequest};

/// A piece of a text that people compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Known in advance.
    Known(String),
    /// So many characters that nobody can know before.
    Blank(usize),
}

/// What a step shows and asks, and of whom.
#[derive(Clone, Debug)]
pub struct Scene {
    /// The step.
    pub step: Step,
    /// Who works the device, where the step needs one.
    pub person: Option<Person>,
    /// The device, where the step needs one.
    pub device: Option<Name>,
    /// The keys that are agreed to before this step: a device's turn begins.
    pub turn: Vec<String>,
    /// The document that is signed, and the key that signs it.
    pub signs: Option<(String, Name)>,
    /// What the document says, by label.
    pub facts: Vec<(&'static str, Vec<Piece>)>,
    /// What the step makes, of which the fingerprint is read aloud.
    pub made: Option<String>,
    /// Who types words of that fingerprint back, where the plan asks for it.
    pub reader: Option<Option<Person>>,
    /// Whether somebody who is elsewhere is asked by a file, and answers by one.
    pub elsewhere: bool,
}

/// What the rest of a ceremony shows and asks, step by step: those that the archive does not hold yet.
///
/// Before, [`super::preflight::draft_everything`] has judged it all.
pub fn walk(
    plan: &Plan,
    rules: &Rules,
    (path, state): (&Path, &State),
    folder: &Path,
    clock: Clock,
    site: &Site,
) -> Result<Vec<Scene>, CeremonyError> {
    let people = People { plan, site, state };
    signers::known(people, state)?;
    let once = || {
        // Documents are drafted from the beginning: a throwaway key can't sign for one that is made.
        let made = State { crls: state.crls.clone(), ..State::default() };
        let mut archive = Archive::scratch(path, made);
        let steps = difference::between(plan, archive.state())?;
        let mut reports: Vec<StepReport> = steps.iter().map(StepReport::of).collect();
        let (mut ring, mut witness) = (ThrowawayRing::default(), Witness::default());
        Engine::new(people, rules, folder, clock, &mut archive, &mut ring, &mut witness)
            .run(&steps, &mut reports)?;
        Ok::<_, CeremonyError>(witness.seen)
    };
    let (first, second) = (once()?, once()?);
    let left: Vec<Step> = difference::between(plan, state)?.into_iter().filter(|step| !step.done).collect();
    let published: Vec<Role> = left
        .iter()
        .filter_map(|step| match step.action {
            Action::Publish { role } => Some(role),
            _ => None,
        })
        .collect();
    let mut scenes: Vec<Scene> = Vec::new();
    for step in left {
        let (a, b) = (seen(&first, &step), seen(&second, &step));
        let device = device(plan, state, &step);
        let mut scene = Scene {
            person: device.as_ref().and_then(|device| people.at(device)),
            device,
            turn: Vec::new(),
            signs: None,
            facts: Vec::new(),
            made: a.and_then(|seen| seen.made.clone()),
            reader: None,
            elsewhere: signers::place(people, state, &step) == Place::Elsewhere,
            step,
        };
        if let (Some(a), Some(b)) = (a, b) {
            scene.reader = a.read_back.then(|| people.witness());
            if let (Some(one), Some(other)) = (&a.preview, &b.preview) {
                let key = scene.step.key().unwrap_or(&one.key).clone();
                let object = match one.object.rsplit_once('/') {
                    Some((document, _)) => format!("{document}/{key}"),
                    None => one.object.clone(),
                };
                scene.signs = Some((object, key));
                scene.facts = facts(one, other);
            }
        }
        versions(&mut scene, state, &published);
        scenes.push(scene);
    }
    turns(&mut scenes);
    Ok(scenes)
}

/// What a step showed.
#[derive(Default)]
struct Seen {
    step: String,
    preview: Option<Preview>,
    made: Option<String>,
    read_back: bool,
}

/// What a step showed. Keyholders who leave sign the same document as those who stay, whom drafts know.
fn seen<'a>(all: &'a [Seen], step: &Step) -> Option<&'a Seen> {
    let own = all.iter().find(|seen| seen.step == step.id);
    own.or_else(|| match &step.action {
        Action::SignMetadata { role, .. } => {
            let document = format!("sign/tuf-{role}/");
            all.iter().find(|seen| seen.step.starts_with(&document))
        }
        _ => None,
    })
}

/// The device that a step works with, in the end.
fn device(plan: &Plan, state: &State, step: &Step) -> Option<Name> {
    match &step.action {
        Action::GenerateKey { device, .. } | Action::BackUp { to: device, .. } => Some(device.clone()),
        _ => {
            let key = step.key()?;
            let planned = plan.device_keys().find(|(name, ..)| *name == key).map(|(_, device, _)| device);
            planned.or_else(|| state.keys.get(key)?.device.as_ref()).cloned()
        }
    }
}

/// Keys that one device makes one after the other are agreed to at once, as the engine asks it.
fn turns(scenes: &mut [Scene]) {
    let generates = |scene: &Scene| match &scene.step.action {
        Action::GenerateKey { device, .. } => Some(device.clone()),
        _ => None,
    };
    let devices: Vec<Option<Name>> = scenes.iter().map(generates).collect();
    let words: Vec<String> = scenes.iter().map(|scene| scene.step.action.to_string()).collect();
    let mut before: Option<&Name> = None;
    for ((at, device), scene) in devices.iter().enumerate().zip(scenes) {
        if let Some(device) = device
            && before != Some(device)
        {
            let next = devices.iter().zip(&words).skip(at);
            let run = next.take_while(|(other, _)| other.as_ref() == Some(device));
            scene.turn = run.map(|(_, words)| words.clone()).collect();
        }
        before = device.as_ref();
    }
}

/// What two drafts say alike, and what not.
fn facts(one: &Preview, other: &Preview) -> Vec<(&'static str, Vec<Piece>)> {
    let pairs = one.facts.iter().zip(&other.facts);
    let mut facts: Vec<_> = pairs.map(|((label, one), (_, other))| (*label, pieces(one, other))).collect();
    facts.push(("SHA-256", pieces(one.bytes.hex(), other.bytes.hex())));
    facts
}

/// Word by word. Where one word is unknown, so are numbers: a length may be the same by chance.
fn pieces(one: &str, other: &str) -> Vec<Piece> {
    if one == other {
        return vec![Piece::Known(one.to_string())];
    }
    let mut pieces: Vec<Piece> = Vec::new();
    let mut others = other.split(' ');
    for word in one.split(' ') {
        let number = !word.is_empty() && word.chars().all(|c| c.is_ascii_digit());
        if others.next() != Some(word) || number {
            pieces.push(Piece::Blank(word.chars().count()));
        } else if let Some(Piece::Known(text)) = pieces.last_mut() {
            text.push(' ');
            text.push_str(word);
        } else {
            pieces.push(Piece::Known(word.to_string()));
        }
    }
    pieces
}

/// Drafts begin with version 1; the ceremony goes on from what the archive has. `published` are the roles
/// that this ceremony publishes.
fn versions(scene: &mut Scene, state: &State, published: &[Role]) {
    let role = match &scene.step.action {
        Action::SignMetadata { role, .. } | Action::Publish { role } => *role,
        _ => return,
    };
    if let (Action::Publish { .. }, Some(made)) = (&scene.step.action, &mut scene.made) {
        *made = format!("the TUF {role} metadata, version {}", state.next_version(role));
    }
    for (label, pieces) in &mut scene.facts {
        let [Piece::Known(text)] = pieces.as_mut_slice() else { continue };
        match *label {
            "version" => *text = state.next_version(role).to_string(),
            "file" => {
                let name = text.split_once(".json, version ").map(|(name, _)| name.to_string());
                let below = Role::ALL.into_iter().find(|role| Some(role.to_string()) == name);
                let (Some(name), Some(below)) = (name, below) else { continue };
                let next = state.next_version(below);
                let version = if published.contains(&below) { next } else { next.saturating_sub(1) };
                *text = format!("{name}.json, version {version}");
            }
            _ => {}
        }
    }
}

/// Watches a draft, and keeps what is shown.
#[derive(Default)]
struct Witness {
    seen: Vec<Seen>,
}

impl Witness {
    fn last(&mut self) -> Option<&mut Seen> {
        self.seen.last_mut()
    }
}

impl AskPin for Witness {
    fn ask(&mut self, _: &PinRequest) -> Result<SecretString, PinError> {
        Err(PinError::NotTyped { reason: "throwaway keys have no PIN".into() })
    }
}

impl Console for Witness {
    fn asks(&self) -> bool {
        true
    }

    fn turn(&mut self, _: &Turn) -> Result<(), Paused> {
        Ok(())
    }

    fn start(&mut self, step: &Step) {
        self.seen.push(Seen { step: step.id.clone(), ..Seen::default() });
    }

    fn approve(&mut self, preview: &Preview) -> Result<(), Paused> {
        if let Some(seen) = self.last() {
            seen.preview = Some(preview.clone());
        }
        Ok(())
    }

    fn fingerprint(&mut self, what: &str, _: &Fingerprint) {
        if let Some(seen) = self.last() {
            seen.made = Some(what.to_string());
        }
    }

    fn read_back(&mut self, _: &str, _: &Fingerprint, _: Option<&Person>) -> Result<(), CeremonyError> {
        if let Some(seen) = self.last() {
            seen.read_back = true;
        }
        Ok(())
    }

    fn waited(&self) -> Duration {
        Duration::ZERO
    }
}

/// The moment that a script is printed for: the ceremony's day, or what happened last.
pub fn clock(plan: &Plan, last: Option<Time>) -> Result<Clock, CeremonyError> {
    Clock::rehearsal(plan.ceremony.date, last)
        .ok_or_else(|| CeremonyError::Missing("the machine's clock can't be read".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_drafts_have_in_common_is_known() {
        let known = |text: &str| Piece::Known(text.into());
        assert_eq!(pieces("CN=Root,O=Example", "CN=Root,O=Example"), [known("CN=Root,O=Example")]);
        assert_eq!(pieces("00ff", "11ee"), [Piece::Blank(4)]);
        let (one, other) = ("a.json, 34 bytes, SHA-256 00ff", "a.json, 34 bytes, SHA-256 11ee");
        let expected = [known("a.json,"), Piece::Blank(2), known("bytes, SHA-256"), Piece::Blank(4)];
        assert_eq!(pieces(one, other), expected, "a length that is the same by chance is not known");
    }
}
