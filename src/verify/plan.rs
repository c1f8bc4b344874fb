//! The archive against a plan: nothing that contradicts it, nothing that is missing.

use super::claims::Claims;
use super::report::{Area, Sheet};
use crate::archive::{Journal, State};
use crate::difference::{self, Step};
use crate::plan::{Plan, Source};

/// What a plan and an archive have to do with each other.
#[derive(Debug)]
pub enum Match {
    /// The steps that are not done, by their ids; none if the archive holds all that the plan says.
    Open(Vec<String>),
    /// What contradicts what.
    Conflicts(Vec<(String, String)>),
    /// They can't be compared.
    Unknown(String),
}

/// What the journal's events add up to, as a plan is compared with it.
pub fn state(journal: &Journal) -> Result<State, String> {
    let mut state = State::default();
    for record in &journal.records {
        state.apply(record).map_err(|damage| damage.to_string())?;
    }
    Ok(state)
}

/// Compares a plan, with its dates as they are written, with what an archive holds.
pub fn compare(plan: &Plan, state: &State) -> Match {
    let Some(shifted) = plan.clone().shifted(state.date_shift) else {
        return Match::Unknown(format!("a date leaves the calendar when moved by {} days", state.date_shift));
    };
    match difference::between(&shifted, state) {
        Ok(steps) => {
            Match::Open(steps.iter().filter(|step| !step.done).map(|step: &Step| step.id.clone()).collect())
        }
        Err(conflicts) => Match::Conflicts(
            conflicts.0.into_iter().map(|conflict| (conflict.object, conflict.reason)).collect(),
        ),
    }
}

/// Compares the archive with the last plan that it ran, by the text that it kept of it.
pub fn own(claims: &Claims<'_>, state: &State) -> Match {
    let Some(text) = claims.plan else { return Match::Unknown("the journal holds no plan".into()) };
    match Plan::parse(&Source::new("the archive's last plan", text)) {
        Ok(plan) => compare(&plan, state),
        Err(faults) => Match::Unknown(faults.to_string()),
    }
}

/// Reports how a plan and the archive go together.
pub fn check(found: &Match, object: &str, sheet: &mut Sheet) {
    let mut entry = sheet.on(Area::Plan, object);
    match found {
        Match::Open(open) if open.is_empty() => entry.ok("the archive holds all that the plan says"),
        Match::Open(open) => {
            for step in open {
                entry.failed(format!("not done: {step}"));
            }
        }
        Match::Conflicts(conflicts) => {
            for (object, reason) in conflicts {
                entry.failed(format!("{object}: {reason}"));
            }
        }
        Match::Unknown(reason) => entry.failed(format!("it can't be compared: {reason}")),
    }
}
