//! Rules that compare a trusted root with the one that clients have now.

use sigstore_protobuf_specs::dev::sigstore::common::v1::TimeRange;

use super::case::{Authority, Case, Log, Span, moment};

/// An entry that clients have, and what has become of it.
struct Change<'a> {
    /// Its place in the trusted root that clients have.
    place: &'a str,
    /// Its window there.
    before: Option<Span>,
    /// Its window now, and whether anything but the window's end changed; none if it was dropped.
    now: Option<(Option<Span>, bool)>,
}

fn changes(case: &Case) -> Vec<Change<'_>> {
    let Some((logs, authorities)) = &case.previous else { return Vec::new() };
    let logs = logs.iter().map(|old| Change {
        place: &old.place,
        before: old.window,
        now: case
            .logs
            .iter()
            .find(|new| new.kind == old.kind && key(new) == key(old))
            .map(|new| (new.window, open_log(new) != open_log(old))),
    });
    let authorities = authorities.iter().map(|old| {
        let same = |new: &&Authority| new.kind == old.kind && new.ders() == old.ders();
        let same_start = |new: &&Authority| {
            same(new) && new.window.map(|window| window.start) == old.window.map(|window| window.start)
        };
        let now = case.authorities.iter().find(same_start).or_else(|| case.authorities.iter().find(same));
        Change {
            place: &old.place,
            before: old.window,
            now: now.map(|new| (new.window, open_authority(new) != open_authority(old))),
        }
    });
    logs.chain(authorities).collect()
}

/// What a log is known by.
fn key(log: &Log) -> Option<&[u8]> {
    log.entry.public_key.as_ref()?.raw_bytes.as_deref()
}

fn without_end(range: &mut Option<TimeRange>) {
    if let Some(range) = range {
        range.end = None;
    }
}

/// The entry without the end of its window, the one thing that may change.
fn open_log(log: &Log) -> impl PartialEq {
    let mut entry = log.entry.clone();
    if let Some(key) = &mut entry.public_key {
        without_end(&mut key.valid_for);
    }
    entry
}

fn open_authority(authority: &Authority) -> impl PartialEq {
    let mut entry = authority.entry.clone();
    without_end(&mut entry.valid_for);
    entry
}

pub(super) fn kept(case: &Case) -> Option<String> {
    let changes = changes(case);
    let dropped = changes.iter().find(|change| change.now.is_none())?;
    Some(format!("{} of the root that clients have is gone", dropped.place))
}

pub(super) fn unaltered(case: &Case) -> Option<String> {
    let changes = changes(case);
    let altered = changes.iter().find(|change| change.now.is_some_and(|(_, altered)| altered))?;
    Some(format!("{} of the root that clients have changed in more than its end", altered.place))
}

pub(super) fn end_past(case: &Case) -> Option<String> {
    changes(case).iter().find_map(|change| {
        let (now, _) = change.now?;
        let end = now?.end?;
        let before = change.before.and_then(|window| window.end);
        // An end that passed stays as it is.
        (before != Some(end) && end < case.now.unix()).then(|| {
            format!("{} now ends at {}, before the ceremony at {}", change.place, moment(end), case.now)
        })
    })
}

pub(super) fn switch_early(case: &Case) -> Option<String> {
    let (logs, authorities) = case.previous.as_ref()?;
    let reach = case.reach?;
    let known_log = |new: &&Log| logs.iter().any(|old| old.kind == new.kind && key(old) == key(new));
    let known =
        |new: &&Authority| authorities.iter().any(|old| old.kind == new.kind && old.ders() == new.ders());
    let new_logs = case.logs.iter().filter(|log| !known_log(log)).map(|log| (&log.place, log.window));
    let new = case.authorities.iter().filter(|entry| !known(entry)).map(|entry| (&entry.place, entry.window));
    new_logs.chain(new).find_map(|(place, window)| {
        let start = window?.start;
        (start < reach.unix()).then(|| {
            format!(
                "{place}, which clients do not have yet, begins at {}, and some may not have fetched it before {reach}",
                moment(start)
            )
        })
    })
}
