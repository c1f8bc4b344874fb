//! Seals: each covers what the journal and its files were, is signed by people's own keys, and says whom it
//! is of; and which lines no seal covers yet.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{Context, SHA256};
use data_encoding::HEXLOWER;
use serde_json::Value;

use super::claims::Claims;
use super::envelope::{Statement, signed};
use super::files::JOURNAL;
use super::report::{Area, Sheet};
use super::signature::sha256_hex;
use crate::archive::{Event, Opening, Record};
use crate::plan::{Plan, Source};

const PREDICATE: &str = "urn:rootwright:seal:v1";
const OBJECTION: &str = "urn:rootwright:objection:v1";

/// A seal that was begun, and who spoke.
struct Seal<'a> {
    number: u64,
    /// The line that begins it.
    line: u64,
    text: &'a str,
    openings: &'a [Opening],
    voices: Vec<Voice<'a>>,
}

/// A person who signed, or objects.
struct Voice<'a> {
    person: &'a str,
    key: &'a str,
    keyid: &'a str,
    sig: &'a str,
    signed: &'a str,
    objection: Option<&'a str>,
}

/// Checks every seal. `leaves` are the hashes of the journal's lines as leaves of a tree.
pub fn check(records: &[Record], leaves: &[[u8; 32]], claims: &Claims<'_>, sheet: &mut Sheet) {
    let mut seals: Vec<Seal<'_>> = Vec::new();
    let mut plan: Option<(&str, u64)> = None;
    let mut plans: BTreeMap<u64, &str> = BTreeMap::new();
    for record in records {
        match &record.event {
            Event::CeremonyStarted { text, .. } => plan = Some((text, record.seq)),
            Event::SealStarted { seal, statement, openings } => {
                plans.extend(plan.map(|(text, _)| (*seal, text)));
                let (number, line, text) = (*seal, record.seq, statement.as_str());
                seals.push(Seal { number, line, text, openings, voices: Vec::new() });
            }
            Event::SealSigned { seal, person, key, keyid, signature, signed, objection, .. } => {
                let objection = objection.as_deref();
                let voice = Voice { person: person.as_str(), key, keyid, sig: signature, signed, objection };
                match seals.iter_mut().find(|found| found.number == *seal) {
                    Some(found) => found.voices.push(voice),
                    None => sheet
                        .on(Area::Evidence, JOURNAL)
                        .failed(format!("line {}: there is no seal {seal} before it", record.seq)),
                }
            }
            _ => {}
        }
    }
    let mut covered = 0;
    for seal in &seals {
        let object = format!("evidence/statement-{}.dsse.json", seal.number);
        let plan = plans.get(&seal.number).ok_or("no plan was run before it".to_string());
        let plan = plan.and_then(|text| {
            Plan::parse(&Source::new("its plan", *text)).map_err(|faults| format!("its plan: {faults}"))
        });
        let statement = Statement::read(seal.text.as_bytes(), PREDICATE);
        let mut entry = sheet.on(Area::Evidence, object);
        match (statement, plan) {
            (Ok(statement), Ok(plan)) => {
                entry.judge(seal.covers(&statement, records, leaves, covered));
                entry.judge(seal.said(&statement, records, covered));
                let (agree, object) = seal.voices(&statement, &plan, claims, &mut entry);
                if agree + object == 0 {
                    entry.warning("nobody has signed it");
                } else {
                    seal.quorum(&plan, &mut entry);
                }
            }
            (Err(reason), _) | (_, Err(reason)) => entry.failed(reason),
        }
        covered = seal.line.saturating_sub(1);
    }
    open(records, &seals, covered, plan.map(|(text, _)| text), sheet);
}

/// What no seal covers: a note, or a warning where the plan asks for a seal.
fn open(records: &[Record], seals: &[Seal<'_>], covered: u64, plan: Option<&str>, sheet: &mut Sheet) {
    let own = |record: &Record| match &record.event {
        Event::InventoryMade { .. }
        | Event::SealStarted { .. }
        | Event::SealSigned { .. }
        | Event::ProofRecorded { .. } => true,
        Event::SignatureIntended { step, .. } | Event::SignatureRepeated { step, .. } => {
            step.starts_with("seal/")
        }
        Event::Confirmed { step: Some(step), .. } => step.starts_with("seal/"),
        // Opened to sign the seal.
        Event::DeviceOpened { .. } | Event::JournalTorn { .. } => record.seq > covered && !seals.is_empty(),
        _ => false,
    };
    let rest: Vec<u64> = records
        .iter()
        .filter(|record| record.seq > covered)
        .skip_while(|record| own(record))
        .map(|record| record.seq)
        .collect();
    let (Some(first), Some(last)) = (rest.first(), rest.last()) else { return };
    let said = format!("lines {first} to {last} of the journal are not sealed yet");
    let asked = plan
        .and_then(|text| Plan::parse(&Source::new("the last plan", text)).ok())
        .is_some_and(|plan| !plan.ceremony.seal.is_empty());
    if asked {
        sheet.on(Area::Evidence, JOURNAL).warning(format!("{said}: `rootwright seal` has people sign them"));
    } else {
        sheet.note(said);
    }
}

impl Seal<'_> {
    /// The files and the journal's tree, as they were when it was begun.
    fn covers(
        &self,
        statement: &Statement,
        records: &[Record],
        leaves: &[[u8; 32]],
        before: u64,
    ) -> Result<String, String> {
        let lines = self.line.saturating_sub(1);
        let upto = usize::try_from(lines).map_err(|error| error.to_string())?;
        let held = records.get(..upto).unwrap_or_default();
        let root = HEXLOWER.encode(&root(leaves.get(..upto).unwrap_or_default()));
        let mut expected: BTreeMap<String, (&str, String)> = BTreeMap::new();
        for file in held.iter().flat_map(|record| &record.files) {
            expected.insert(file.path.clone(), ("sha256", file.sha256.clone()));
        }
        expected.insert(format!("journal.jsonl, lines 1 to {lines}"), ("rfc6962-sha256", root.clone()));
        let subjects = statement.value.get("subject").and_then(Value::as_array).map_or(0, Vec::len);
        if subjects != expected.len() {
            return Err(format!(
                "it has {subjects} subjects, expected {}: every file, and the journal",
                expected.len()
            ));
        }
        for (name, (algorithm, digest)) in &expected {
            let found = statement.digest(name, algorithm).unwrap_or("nothing");
            if found != digest {
                return Err(format!("its {algorithm} of {name} is {found}, expected {digest}"));
            }
        }
        let journal = statement.says("journal");
        let head = records.get(upto).map_or("", |record| record.previous.as_str());
        for (field, expected) in [
            ("from", Value::from(before.saturating_add(1))),
            ("lines", Value::from(lines)),
            ("head", Value::from(head)),
            ("root", Value::from(root)),
        ] {
            let found = journal.get(field).unwrap_or(&Value::Null);
            if *found != expected {
                return Err(format!("its journal's {field} is {found}, expected {expected}"));
            }
        }
        if *statement.says("seal") != self.number {
            return Err(format!(
                "it says that it is seal {}, expected {}",
                statement.says("seal"),
                self.number
            ));
        }
        Ok(format!("covers lines 1 to {lines} of the journal, and {} files", subjects.saturating_sub(1)))
    }

    /// What it says against the journal: plans, deviations, refusals, uses of keys; and what it keeps to itself
    /// is what the journal opens.
    fn said(&self, statement: &Statement, records: &[Record], before: u64) -> Result<String, String> {
        let mut plans = Vec::new();
        let (mut deviations, mut refusals, mut observations) = (Vec::new(), Vec::new(), Vec::new());
        let mut operations: BTreeMap<&str, u64> = BTreeMap::new();
        for record in
            records.iter().filter(|record| (before.saturating_add(1)..self.line).contains(&record.seq))
        {
            match &record.event {
                Event::CeremonyStarted { plan, .. } => plans.push(plan.as_str()),
                Event::DeviationRecorded { .. } => deviations.push(record.seq),
                Event::RefusalRecorded { .. } => refusals.push(record.seq),
                Event::ObservationRecorded { .. } => observations.push(record.seq),
                Event::SignatureIntended { key, .. } | Event::SignatureRepeated { key, .. } => {
                    let count = operations.entry(key.as_str()).or_default();
                    *count = count.saturating_add(1);
                }
                _ => {}
            }
        }
        let listed = |field: &str, inner: &str| -> Vec<Value> {
            let list = statement.says(field).as_array().into_iter().flatten();
            list.map(|one| one.get(inner).cloned().unwrap_or_default()).collect()
        };
        let values = |numbers: &[u64]| numbers.iter().map(|number| Value::from(*number)).collect::<Vec<_>>();
        let plans: Vec<Value> = plans.into_iter().map(Value::from).collect();
        for (what, found, expected) in [
            ("plans", listed("ceremonies", "plan"), plans),
            ("deviations", listed("deviations", "line"), values(&deviations)),
            ("refusals", listed("refusals", "line"), values(&refusals)),
            ("observations", listed("observations", "line"), values(&observations)),
        ] {
            if found != expected {
                return Err(format!("its {what} are not those of the journal"));
            }
        }
        let found = statement.says("checks").get("operations").cloned().unwrap_or_default();
        if found != serde_json::json!(operations) {
            return Err(format!(
                "it counts uses of keys as {found}, expected {}",
                serde_json::json!(operations)
            ));
        }
        let text = self.text;
        for opening in self.openings {
            let mut bytes =
                HEXLOWER.decode(opening.salt.as_bytes()).map_err(|error| format!("a salt: {error}"))?;
            bytes.extend(opening.value.as_bytes());
            let hash = sha256_hex(&bytes);
            if opening.salt.len() != 32 || !text.contains(&format!("{{\"salted-sha256\":\"{hash}\"}}")) {
                return Err("the journal opens a hash that the seal does not have".into());
            }
        }
        let kept = text.matches("{\"salted-sha256\":\"").count();
        if kept != self.openings.len() {
            return Err(format!(
                "it keeps {kept} words to itself, and the journal opens {}",
                self.openings.len()
            ));
        }
        Ok(format!(
            "says what the journal says{}",
            if kept > 0 { format!("; {kept} words are kept, and can be opened") } else { String::new() }
        ))
    }

    /// Who signed, and who objects. Gives how many of each.
    fn voices(
        &self,
        statement: &Statement,
        plan: &Plan,
        claims: &Claims<'_>,
        entry: &mut super::report::Entry<'_>,
    ) -> (usize, usize) {
        let (mut agree, mut object) = (0, 0);
        let mut keys: BTreeMap<&str, &str> = BTreeMap::new();
        for voice in &self.voices {
            if let Some(other) = keys.insert(voice.key, voice.person) {
                entry.failed(format!("{} and {other} signed with the same key", voice.person));
            }
            match self.voice(voice, statement, plan, claims) {
                Ok((how, None)) => {
                    agree += 1;
                    entry.ok(format!("signed by {how}"));
                }
                Ok((how, Some(reason))) => {
                    object += 1;
                    entry.warning(format!("objected to by {how}: {reason}"));
                }
                Err(reason) => entry.failed(reason),
            }
        }
        (agree, object)
    }

    fn voice(
        &self,
        voice: &Voice<'_>,
        statement: &Statement,
        plan: &Plan,
        claims: &Claims<'_>,
    ) -> Result<(String, Option<String>), String> {
        let Voice { person, keyid, sig, signed: hash, objection, .. } = *voice;
        let other;
        let (encoded, reason) = match objection {
            None => (&statement.encoded, None),
            Some(text) => {
                other = Statement::read(text.as_bytes(), OBJECTION)
                    .map_err(|error| format!("the objection of {person}: {error}"))?;
                let name = format!("seal {}", self.number);
                if other.digest(&name, "sha256") != Some(sha256_hex(self.text.as_bytes()).as_str()) {
                    return Err(format!("the objection of {person} is to another text"));
                }
                if other.says("person").as_str() != Some(person) || *other.says("seal") != self.number {
                    return Err(format!("the objection of {person} names another person, or seal"));
                }
                (
                    &other.encoded,
                    Some(other.says("reason").as_str().unwrap_or("without a reason").to_string()),
                )
            }
        };
        if sha256_hex(encoded) != hash {
            return Err(format!(
                "the signature of {person} was recorded over bytes with SHA-256 {hash}, and these have {}",
                sha256_hex(encoded)
            ));
        }
        Ok((signed(encoded, (person, keyid, sig), plan, claims)?, reason))
    }

    /// Whether as many signed as the plan asks for.
    fn quorum(&self, plan: &Plan, entry: &mut super::report::Entry<'_>) {
        for (role, must) in &plan.ceremony.seal.0 {
            let role_of = |name: &str| {
                plan.people.iter().find(|(found, _)| found.as_str() == name).map(|(_, person)| *person.role)
            };
            let agreed = self
                .voices
                .iter()
                .filter(|voice| voice.objection.is_none() && role_of(voice.person) == Some(*role));
            let have = agreed.count();
            if usize::try_from(**must).is_ok_and(|must| have < must) {
                entry.warning(format!("signed by {have} of role {role}, and the plan asks for {}", **must));
            } else {
                entry.ok(format!("signed by {have} of role {role}, as the plan asks for {}", **must));
            }
        }
    }
}

/// The hash of a line as a leaf of the tree (RFC 6962, 2.1).
pub fn leaf(line: &[u8]) -> [u8; 32] {
    hash(&[&[0], line])
}

/// The root of a tree: subtrees of equal size are joined as they fill up, then the rest from the right.
fn root(leaves: &[[u8; 32]]) -> [u8; 32] {
    let mut full: Vec<(usize, [u8; 32])> = Vec::new();
    for leaf in leaves {
        let mut new = (1_usize, *leaf);
        while let Some((size, left)) = full.last().copied().filter(|(size, _)| *size == new.0) {
            full.pop();
            new = (size.saturating_mul(2), hash(&[&[1], &left, &new.1]));
        }
        full.push(new);
    }
    let mut rest = full.into_iter().rev().map(|(_, hash)| hash);
    match rest.next() {
        None => hash(&[]),
        Some(last) => rest.fold(last, |right, left| hash(&[&[1], &left, &right])),
    }
}

fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    parts.iter().for_each(|part| context.update(part));
    let mut out = [0; 32];
    out.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prove::merkle;

    #[test]
    fn both_trees_have_the_same_root() {
        for count in 0_u8..40 {
            let mine: Vec<_> = (0..count).map(|number| leaf(&[number])).collect();
            let others: Vec<_> = (0..count).map(|number| merkle::leaf(&[number])).collect();
            assert_eq!(root(&mine), merkle::root(&others), "{count} leaves");
        }
    }
}
