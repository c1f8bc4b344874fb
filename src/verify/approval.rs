//! Approvals: each is of the plan that it is said to be of, by a person's own key; and where a plan asks for
//! them, there were enough before its first step.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::claims::Claims;
use super::envelope::{Statement, read_one, signed};
use super::report::{Area, Sheet};
use crate::archive::{Event, Record};
use crate::plan::Plan;
use crate::site::Purpose;

const PREDICATE: &str = "urn:rootwright:approval:v1";

/// Checks every approval, and whether there were enough.
pub fn check(records: &[Record], ran: &BTreeMap<&str, Plan>, claims: &Claims<'_>, sheet: &mut Sheet) {
    // Plans by their hash, as they were written; who approved them, and with which key.
    let mut plans: BTreeMap<&str, (&Plan, Purpose)> = BTreeMap::new();
    let mut approved: BTreeMap<&str, BTreeMap<&str, &str>> = BTreeMap::new();
    let mut running: Option<(&str, u64)> = None;
    for record in records {
        match &record.event {
            Event::CeremonyStarted { plan, purpose, .. } => {
                if let Some(parsed) = ran.get(plan.as_str()) {
                    plans.insert(plan, (parsed, *purpose));
                    running = Some((plan, record.seq));
                }
            }
            Event::ApprovalRecorded { plan, person, key, envelope } => {
                let path = format!("evidence/approval-{plan}-{person}.dsse.json");
                let judged = match plans.get(plan.as_str()) {
                    Some((parsed, purpose)) => {
                        one((plan, parsed, *purpose), person.as_str(), envelope, claims)
                    }
                    None => {
                        Err(format!("line {}: no plan with SHA-256 {plan} was begun before it", record.seq))
                    }
                };
                if judged.is_ok() {
                    approved.entry(plan).or_default().insert(person.as_str(), key);
                }
                sheet.on(Area::Evidence, path).judge(judged);
            }
            Event::KeyIntended { .. } | Event::SignatureIntended { .. } | Event::CanaryStarted { .. } => {
                if let Some((plan, line)) = running.take()
                    && let Some((parsed, Purpose::Production)) = plans.get(plan)
                    && !parsed.ceremony.approvals.is_empty()
                {
                    let enough = enough(parsed, approved.get(plan));
                    sheet.on(Area::Evidence, format!("plans/{plan}.toml")).judge(enough.map_err(|missing| {
                        format!("line {line}: the plan was run without its approvals: {missing}")
                    }));
                }
            }
            _ => {}
        }
    }
}

/// One approval: whose, of what, and by which key.
fn one(
    (hash, plan, purpose): (&str, &Plan, Purpose),
    person: &str,
    envelope: &str,
    claims: &Claims<'_>,
) -> Result<String, String> {
    let (text, keyid, sig) = read_one(envelope)?;
    let statement = Statement::read(&text, PREDICATE)?;
    if statement.digest("plan", "sha256") != Some(hash) {
        return Err("it approves another plan".into());
    }
    let word = match purpose {
        Purpose::Rehearsal => "rehearsal",
        Purpose::Production => "production",
    };
    for (field, expected) in [("person", person), ("purpose", word)] {
        if statement.says(field).as_str() != Some(expected) {
            return Err(format!("its {field} is {}, expected {expected}", statement.says(field)));
        }
    }
    let how = signed(&statement.encoded, (person, &keyid, &sig), plan, claims)?;
    Ok(format!("the plan was approved by {how}"))
}

/// Whether as many people approved as the plan asks for: people, and keys.
fn enough(plan: &Plan, approved: Option<&BTreeMap<&str, &str>>) -> Result<String, String> {
    let none = BTreeMap::new();
    let approved = approved.unwrap_or(&none);
    for (role, must) in &plan.ceremony.approvals.0 {
        let of_role = |name: &&str| {
            plan.people.iter().any(|(found, person)| found.as_str() == *name && *person.role == *role)
        };
        let keys: BTreeSet<&str> =
            approved.iter().filter(|(name, _)| of_role(name)).map(|(_, key)| *key).collect();
        if usize::try_from(**must).is_ok_and(|must| keys.len() < must) {
            return Err(format!("{} of {} of role {role}", keys.len(), **must));
        }
    }
    let said: Vec<String> = plan
        .ceremony
        .approvals
        .0
        .iter()
        .map(|(role, must)| format!("{} of role {role}", Value::from(**must)))
        .collect();
    Ok(format!("approved before its first step by as many as it asks for: {}", said.join(", ")))
}
