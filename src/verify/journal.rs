//! The journal's own order: whole, chained, in time, begun and ended.

use data_encoding::BASE64;

use super::files::JOURNAL;
use super::lines::Lines;
use super::report::{Area, Sheet};
use super::signature::sha256_hex;
use crate::archive::{Event, Record};
use crate::plan::Time;
use crate::site::Purpose;

/// Checks the journal, whose hashes hold already: [`Lines::read`] gave it.
pub fn check(journal: &Lines, open: Option<&[String]>, at: Time, sheet: &mut Sheet) {
    let mut entry = sheet.on(Area::Journal, JOURNAL);
    let records = journal.records.as_slice();
    entry.ok(format!("{} lines, each with its hash and that of the line before", records.len()));
    if journal.torn == 0 {
        entry.ok("the last line is whole");
    } else {
        entry.failed(format!(
            "the last line is cut off after {} bytes; the next `rootwright run` or `seal` puts what is left aside",
            journal.torn
        ));
    }
    // A first line that was cut off is kept aside before the ceremony begins anew.
    let torn = |record: &&Record| matches!(record.event, Event::JournalTorn { .. });
    match records.iter().find(|record| !torn(record)).map(|record| &record.event) {
        Some(Event::CeremonyStarted { .. }) => entry.ok("it begins with a ceremony's start"),
        Some(event) => entry.failed(format!("it begins with {}, expected ceremony-started", event.name())),
        None => entry.failed("it holds no event"),
    }
    entry.judge(times(records));
    if let Some(last) = records.last().filter(|last| last.time > at) {
        entry.warning(format!("its last event, of {}, is later than {at}", last.time));
    }
    entry.judge(purposes(records));
    entry.judge(finished(records, open));
    for record in records {
        if let Event::JournalTorn { rest } = &record.event {
            let file = BASE64.decode(rest.as_bytes()).map(|rest| sha256_hex(&rest)).unwrap_or_default();
            entry.ok(format!(
                "line {}: a line was cut off before it; its rest is kept as evidence/journal-torn-{file}",
                record.seq
            ));
        }
    }
}

fn times(records: &[Record]) -> Result<&'static str, String> {
    for (before, after) in records.iter().zip(records.iter().skip(1)) {
        if after.time < before.time {
            return Err(format!("line {}: time goes back from {} to {}", after.seq, before.time, after.time));
        }
    }
    Ok("times never go back")
}

/// An archive is a rehearsal's or production's for good, and production moves no dates.
fn purposes(records: &[Record]) -> Result<String, String> {
    let mut first = None;
    for record in records {
        let Event::CeremonyStarted { purpose, date_shift, .. } = &record.event else { continue };
        if *purpose == Purpose::Production && *date_shift != 0 {
            return Err(format!("line {}: production, with dates moved by {date_shift} days", record.seq));
        }
        let (before, _) = *first.get_or_insert(((*purpose, *date_shift), record.seq));
        if before != (*purpose, *date_shift) {
            return Err(format!("line {}: another purpose or date shift than before", record.seq));
        }
    }
    Ok("purpose and date shift never change".into())
}

/// Whether the last ceremony came to its end; `open` are the steps that its own plan still misses.
fn finished(records: &[Record], open: Option<&[String]>) -> Result<String, String> {
    let started = records.iter().rev().find_map(|record| match &record.event {
        Event::CeremonyStarted { plan, name, .. } => Some((record.seq, plan, name)),
        _ => None,
    });
    let ended = records.iter().rev().find_map(|record| match &record.event {
        Event::CeremonyFinished { plan } => Some((record.seq, plan)),
        _ => None,
    });
    let steps = open.filter(|open| !open.is_empty()).map(listed);
    match (started, ended, steps) {
        (Some((start, plan, name)), Some((end, finished)), steps) if start < end => match steps {
            _ if plan != finished => {
                Err(format!("line {end}: plan {finished} is finished, but plan {plan} was begun"))
            }
            Some(steps) => {
                Err(format!("line {end} says that the ceremony is finished, but it is not: {steps}"))
            }
            None => Ok(format!("the ceremony `{name}` is finished")),
        },
        (_, _, Some(steps)) => Err(format!("the ceremony is not finished: {steps}")),
        _ => Err("the ceremony is not finished".into()),
    }
}

/// Steps that are open: how many, and the first of them.
fn listed(open: &[String]) -> String {
    const SHOWN: usize = 6;
    let plural = if open.len() == 1 { "" } else { "s" };
    let first = open.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = match open.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{} step{plural} open: {first}{more}", open.len())
}
