//! The archive against a plan: nothing that contradicts it, nothing that is missing. Twice: as the
//! ceremony itself would see it, and thing by thing by [`planned`](super::planned).

use std::collections::{BTreeMap, BTreeSet};

use super::claims::Claims;
use super::planned::Difference;
use super::report::{Area, Sheet};
use crate::archive::{Event, Record, State};
use crate::difference::{self, Step};
use crate::plan::{Plan, Source};

/// What a plan and an archive have to do with each other, as a ceremony sees it.
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
pub fn state(records: &[Record]) -> Result<State, String> {
    let mut state = State::default();
    for record in records {
        state.apply(record).map_err(|damage| damage.to_string())?;
    }
    Ok(state)
}

/// The plans that were run, by their SHA-256, as they were written; each is read once. Of one that can't be read
/// it is said that nothing of what it asks for is judged.
pub fn ran<'a>(records: &'a [Record], sheet: &mut Sheet) -> BTreeMap<&'a str, Plan> {
    let (mut plans, mut seen) = (BTreeMap::new(), BTreeSet::new());
    for record in records {
        let Event::CeremonyStarted { plan, text, .. } = &record.event else { continue };
        if !seen.insert(plan.as_str()) {
            continue;
        }
        match Plan::parse(&Source::new("a plan of the archive", text.as_str())) {
            Ok(parsed) => _ = plans.insert(plan.as_str(), parsed),
            Err(faults) => sheet.on(Area::Plan, format!("plans/{plan}.toml")).warning(format!(
                "line {}: the plan can't be read, and what it asks of its day is not judged: {faults}",
                record.seq
            )),
        }
    }
    plans
}

/// A plan with its dates moved as the archive's are.
pub fn moved(plan: &Plan, claims: &Claims<'_>) -> Result<Plan, String> {
    let days = claims.date_shift;
    plan.clone().shifted(days).ok_or_else(|| format!("a date leaves the calendar when moved by {days} days"))
}

/// The last plan that the archive ran, by the text that it kept of it, with its dates moved.
pub fn own(claims: &Claims<'_>) -> Result<Plan, String> {
    let text = claims.plan.ok_or("the journal holds no plan")?;
    let plan =
        Plan::parse(&Source::new("the archive's last plan", text)).map_err(|faults| faults.to_string())?;
    moved(&plan, claims)
}

/// Compares a plan, with its dates moved, with what an archive holds, as a ceremony would.
pub fn compare(plan: &Plan, state: &State) -> Match {
    match difference::between(plan, state) {
        Ok(steps) => {
            Match::Open(steps.iter().filter(|step| !step.done).map(|step: &Step| step.id.clone()).collect())
        }
        Err(conflicts) => Match::Conflicts(
            conflicts.0.into_iter().map(|conflict| (conflict.object, conflict.reason)).collect(),
        ),
    }
}

/// Reports how a plan and the archive go together. `found` are the differences that were looked for
/// independently; the ceremony's own view adds the steps that are left, and speaks up where it alone sees
/// something.
pub fn check(seen: &Match, found: &[Difference], object: &str, sheet: &mut Sheet) {
    for difference in found {
        sheet.on(Area::Plan, difference.object.as_str()).failed(difference.what.as_str());
    }
    match seen {
        Match::Open(open) if open.is_empty() && found.is_empty() => {
            sheet.on(Area::Plan, object).ok("the archive holds all that the plan says, and nothing else");
        }
        Match::Open(open) => {
            let mut entry = sheet.on(Area::Plan, object);
            for step in open {
                entry.failed(format!("not done: {step}"));
            }
        }
        Match::Conflicts(conflicts) => {
            for (object, reason) in conflicts {
                // Said better already where the bytes differ.
                if !found.iter().any(|difference| covers(&difference.object, object)) {
                    sheet.on(Area::Plan, object.as_str()).failed(reason.as_str());
                }
            }
        }
        Match::Unknown(reason) => {
            sheet.on(Area::Plan, object).failed(format!("it can't be compared: {reason}"))
        }
    }
}

/// Whether a difference is about the object of a conflict, such as `trust-root.transparency-logs rekor`.
fn covers(difference: &str, conflict: &str) -> bool {
    conflict.strip_prefix(difference).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::Purpose;
    use crate::verify::report::Verdict;

    fn begun(seq: u64, plan: &str, text: &str) -> Record {
        let event = Event::CeremonyStarted {
            name: "A".into(),
            plan: plan.into(),
            text: text.into(),
            site: String::new(),
            purpose: Purpose::Production,
            date_shift: 0,
            tool: String::new(),
            people: BTreeMap::new(),
        };
        let time = "2026-12-01T09:00:00Z".parse().unwrap();
        Record { seq, time, previous: String::new(), event, files: Vec::new() }
    }

    #[test]
    fn a_plan_that_can_not_be_read_is_told_of_once() {
        let text = include_str!("../../ceremony/minimal.toml");
        let records = [begun(1, "aa", text), begun(2, "bb", "[ceremony"), begun(3, "bb", "[ceremony")];
        let mut sheet = Sheet::default();
        let plans = ran(&records, &mut sheet);
        assert!(plans.keys().eq(&["aa"]), "{plans:?}");
        let time = "2026-12-01T09:00:00Z".parse().unwrap();
        let checks = sheet.report(String::new(), None, time, None).checks;
        let [check] = checks.as_slice() else { panic!("{checks:?}") };
        assert!(check.verdict == Verdict::Warning && check.detail.starts_with("line 2: "), "{check:?}");
    }
}
