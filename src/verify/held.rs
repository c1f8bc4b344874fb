//! How a plan shall be held, beside what it makes: by which builds of the tool, and with what recorded by
//! people. Of productions: a rehearsal may be held by any tool, and ask nobody.

use std::collections::BTreeMap;

use super::files::JOURNAL;
use super::report::{Area, Sheet};
use crate::archive::{Event, Record};
use crate::plan::{Observation, Plan};
use crate::site::Purpose;

/// A run of a plan.
struct Run<'a> {
    line: u64,
    plan: &'a Plan,
    /// SHA-256 of the tool's file, as the journal has it.
    tool: Option<&'a str>,
    /// Whether a key was used, or made.
    begun: bool,
}

/// Checks every run whose plan says how it shall be held.
pub fn check(records: &[Record], plans: &BTreeMap<&str, Plan>, sheet: &mut Sheet) {
    let mut run: Option<Run<'_>> = None;
    // Since the plan was begun, over all its runs.
    let mut recorded: BTreeMap<Observation, usize> = BTreeMap::new();
    let (mut last, mut finished) = ("", false);
    for record in records {
        match &record.event {
            Event::CeremonyStarted { plan, purpose, .. } => {
                if finished || last != plan {
                    recorded.clear();
                }
                (last, finished) = (plan, false);
                run = plans.get(plan.as_str()).filter(|_| *purpose == Purpose::Production).map(|plan| Run {
                    line: record.seq,
                    plan,
                    tool: None,
                    begun: false,
                });
            }
            Event::ToolIdentified { sha256, .. } => {
                if let Some(run) = &mut run {
                    run.tool = sha256.as_deref();
                }
            }
            Event::ObservationRecorded { what, .. } => {
                let count = recorded.entry(*what).or_default();
                *count = count.saturating_add(1);
            }
            Event::KeyIntended { .. } | Event::CopyIntended { .. } | Event::SignatureIntended { .. } => {
                if let Some(run) = run.as_mut().filter(|run| !run.begun) {
                    run.begun = true;
                    tool(run, sheet);
                }
            }
            Event::CeremonyFinished { .. } => {
                finished = true;
                if let Some(run) = run.take() {
                    asked(&run, &recorded, sheet);
                }
            }
            _ => {}
        }
    }
}

/// The tool is one that the plan names.
fn tool(run: &Run<'_>, sheet: &mut Sheet) {
    let named = &run.plan.ceremony.tool_sha256;
    if named.is_empty() {
        return;
    }
    let judged = match run.tool {
        Some(tool) if named.iter().any(|named| named.as_str() == tool) => {
            Ok(format!("line {}: the tool that ran is one that its plan names", run.line))
        }
        found => Err(format!(
            "line {}: the tool that ran has SHA-256 {}, and its plan names {}",
            run.line,
            found.unwrap_or("that is not recorded"),
            named.iter().map(|named| named.to_string()).collect::<Vec<_>>().join(" or ")
        )),
    };
    sheet.on(Area::Journal, JOURNAL).judge(judged);
}

/// What the plan asks people to record, they recorded.
fn asked(run: &Run<'_>, recorded: &BTreeMap<Observation, usize>, sheet: &mut Sheet) {
    let ceremony = &run.plan.ceremony;
    let mut wanted: BTreeMap<Observation, usize> = BTreeMap::new();
    for what in ceremony.ask_before.iter().chain(&ceremony.ask_after) {
        let count = wanted.entry(**what).or_default();
        *count = count.saturating_add(1);
    }
    if wanted.is_empty() {
        return;
    }
    let mut entry = sheet.on(Area::Journal, JOURNAL);
    let missing: Vec<&str> = wanted
        .iter()
        .filter(|(what, count)| recorded.get(what).copied().unwrap_or_default() < **count)
        .map(|(what, _)| what.as_str())
        .collect();
    if missing.is_empty() {
        entry.ok(format!("line {}: what the plan asks people to record was recorded", run.line));
    } else {
        entry.failed(format!(
            "line {}: the plan asks people to record what they did not: {}",
            run.line,
            missing.join(", ")
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::report::Verdict;

    /// A run of a plan that names these tools and asks for these things, by this tool, with these recorded.
    fn run(named: &[&str], tool: Option<&str>, recorded: &[Observation]) -> Vec<(Verdict, String)> {
        run_as(Purpose::Production, named, tool, recorded)
    }

    fn run_as(
        purpose: Purpose,
        named: &[&str],
        tool: Option<&str>,
        recorded: &[Observation],
    ) -> Vec<(Verdict, String)> {
        let asks = "ask-before = [\"boot\", \"video\"]\nask-after = [\"video\"]\n";
        let lines = format!("[ceremony]\n{asks}tool-sha256 = {named:?}\n");
        let text = include_str!("../../ceremony/minimal.toml").replacen("[ceremony]\n", &lines, 1);
        let mut events = vec![
            Event::CeremonyStarted {
                name: "A".into(),
                plan: "0".repeat(64),
                text,
                site: String::new(),
                purpose,
                date_shift: 0,
                tool: String::new(),
                people: BTreeMap::new(),
            },
            Event::ToolIdentified {
                version: String::new(),
                sha256: tool.map(str::to_string),
                dependencies: String::new(),
                build: String::new(),
            },
        ];
        let said = BTreeMap::new();
        events.extend(
            recorded.iter().map(|what| Event::ObservationRecorded { what: *what, said: said.clone() }),
        );
        events.push(Event::KeyIntended {
            step: "generate-key/root".into(),
            key: "root".parse().unwrap(),
            device: "root-hsm".parse().unwrap(),
            algorithm: crate::plan::Algorithm::EcdsaP384,
        });
        events.push(Event::CeremonyFinished { plan: "0".repeat(64) });
        let time = "2026-12-01T09:00:00Z".parse().unwrap();
        let records: Vec<Record> = (1..)
            .zip(events)
            .map(|(seq, event)| Record { seq, time, previous: String::new(), event, files: Vec::new() })
            .collect();
        let mut sheet = Sheet::default();
        let plans = crate::verify::plan::ran(&records, &mut sheet);
        check(&records, &plans, &mut sheet);
        let report = sheet.report(String::new(), None, time, None);
        report.checks.into_iter().map(|check| (check.verdict, check.detail)).collect()
    }

    #[test]
    fn a_tool_that_the_plan_names_and_all_that_it_asks_for() {
        use Observation::{Boot, Video};
        let (own, other) = ("1".repeat(64), "2".repeat(64));
        let good = run(&[&other, &own], Some(&own), &[Boot, Video, Video]);
        assert!(good.len() == 2 && good.iter().all(|(verdict, _)| *verdict == Verdict::Ok), "{good:?}");
        assert!(run_as(Purpose::Rehearsal, &[&other], Some(&own), &[]).is_empty());
    }

    #[test]
    fn another_tool_and_what_was_not_recorded() {
        use Observation::{Boot, Video};
        let (own, other) = ("1".repeat(64), "2".repeat(64));
        for tool in [Some(own.as_str()), None] {
            let bad = run(&[&other], tool, &[Boot, Video, Video]);
            assert!(bad[0].0 == Verdict::Failed && bad[0].1.contains("its plan names 2222"), "{bad:?}");
        }
        // Once is not enough for what is asked for before and after.
        let bad = run(&[], None, &[Boot, Video]);
        assert!(bad.len() == 1 && bad[0].0 == Verdict::Failed, "{bad:?}");
        assert!(bad[0].1.ends_with("what they did not: video"), "{bad:?}");
    }
}
