//! Where each entry of the trusted root stands: clients learn of it, it is used, it is retired. And from
//! when an entry that is new may be used: when every client can have learnt of it.

use serde::Serialize;
use serde_json::Value;

use super::trust_root_spec;
use crate::archive::{Role, State};
use crate::plan::{Plan, Time, Window};
use crate::tuf::Envelope;

/// Where an entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// No client has it: this ceremony publishes it.
    New,
    /// Clients have it, and it is not used yet.
    Published,
    /// It is used.
    InUse,
    /// It is used, and has an end.
    Ending,
    /// Its end has come. It stays for ever: what it signed within its window still verifies.
    Retired,
}

impl Phase {
    /// In words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Published => "published",
            Self::InUse => "in use",
            Self::Ending => "ending",
            Self::Retired => "retired",
        }
    }
}

/// An entry of the trusted root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// The plan's list, such as `certificate-authorities`.
    pub list: &'static str,
    /// What it is known by: its first certificate, or its key.
    pub name: String,
    /// Where it stands.
    pub phase: Phase,
    /// What comes next.
    pub next: String,
    /// From when.
    pub from: Option<Time>,
}

/// The moment by which every client can have fetched what is published in this ceremony: the ceremony's day
/// and the plan's propagation time, and no earlier than the timestamp expires that clients have now. A
/// client that is kept from the newest state notices that then, and not before. None where clients have
/// nothing yet: nothing that they trust can be waited for.
pub fn reach(plan: &Plan, state: &State) -> Option<Time> {
    state.trust_root.as_ref()?;
    let day = plan.ceremony.date.start()?;
    let wait = plan.trust_root.as_ref().and_then(|root| root.propagation.as_ref());
    let own = wait.map_or(Some(day), |wait| day.after(wait.span()))?;
    let known = state.newest(Role::Timestamp);
    let expires = known.and_then(|known| Envelope::parse(known.content.as_bytes()).ok());
    Some(expires.map_or(own, |envelope| own.max(envelope.signed.head().expires)))
}

/// Every entry of the plan's trusted root, in the plan's order.
pub fn entries(plan: &Plan, state: &State, now: Time) -> Vec<Entry> {
    let Some(root) = &plan.trust_root else { return Vec::new() };
    let made = state.trust_root.as_ref().map(|made| &made.spec);
    let planned = trust_root_spec(plan).unwrap_or_default();
    let chain = |chain: &[crate::plan::At<crate::plan::Name>]| {
        chain.first().map(|name| name.to_string()).unwrap_or_default()
    };
    let mut lists: Vec<(&'static str, Vec<(String, Window)>)> = Vec::new();
    for (list, authorities) in [
        ("certificate-authorities", &root.certificate_authorities),
        ("timestamp-authorities", &root.timestamp_authorities),
    ] {
        lists.push((list, authorities.iter().map(|entry| (chain(&entry.chain), *entry.trust)).collect()));
    }
    let rekor = root.transparency_logs.iter().map(|entry| (entry.key.to_string(), *entry.trust));
    lists.push(("transparency-logs", rekor.collect()));
    let ct = root.certificate_logs.iter().map(|entry| (entry.key.to_string(), *entry.trust));
    lists.push(("certificate-logs", ct.collect()));
    let reach = reach(plan, state);
    let mut entries = Vec::new();
    for (list, all) in lists {
        let published = |at: usize| {
            made.is_some_and(|made| has(made, list, planned.get(list).and_then(|list| list.get(at))))
        };
        for (at, (name, window)) in all.iter().enumerate() {
            let later = all
                .iter()
                .filter(|(_, other)| other.from > window.from)
                .map(|(name, other)| (name, other.from));
            let successor = later.min_by_key(|(_, from)| *from);
            let phase = phase(window, published(at), now);
            let (next, from) = next(phase, window, successor, reach);
            entries.push(Entry { list, name: name.clone(), phase, next, from });
        }
    }
    entries
}

/// Whether the archive's trusted root has a plan's entry: by its chain or key, and its start.
fn has(made: &Value, list: &str, planned: Option<&Value>) -> bool {
    let identity = |entry: &Value| {
        let id = entry.get("chain").or_else(|| entry.get("key")).cloned();
        (id, entry.get("trust").and_then(|trust| trust.get("from")).cloned())
    };
    let made = made.get(list).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    planned.is_some_and(|planned| made.iter().any(|entry| identity(entry) == identity(planned)))
}

fn phase(window: &Window, published: bool, now: Time) -> Phase {
    match (published, window.to) {
        (_, Some(to)) if to < now => Phase::Retired,
        (false, _) => Phase::New,
        (true, _) if now < window.from => Phase::Published,
        (true, Some(_)) => Phase::Ending,
        (true, None) => Phase::InUse,
    }
}

fn next(
    phase: Phase,
    window: &Window,
    successor: Option<(&String, Time)>,
    reach: Option<Time>,
) -> (String, Option<Time>) {
    match phase {
        Phase::New => match reach {
            Some(reach) if window.from < reach => (
                format!("is published now; some clients have it by {reach} only, and it begins at"),
                Some(window.from),
            ),
            _ => ("is published now, and used from".into(), Some(window.from)),
        },
        Phase::Published => ("is used from".into(), Some(window.from)),
        Phase::InUse => match successor {
            Some((name, from)) => {
                (format!("a later ceremony gives it an end: {name} is used from"), Some(from))
            }
            None => ("stays".into(), None),
        },
        Phase::Ending => ("is retired at".into(), window.to),
        Phase::Retired => ("stays for ever; it ended at".into(), window.to),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::example;

    fn time(text: &str) -> Time {
        text.parse().unwrap()
    }

    #[test]
    fn an_entry_is_learnt_of_used_and_retired() {
        let window = |to: Option<&str>| Window { from: time("2027-06-01T00:00:00Z"), to: to.map(time) };
        let (early, late) = (time("2027-05-01T00:00:00Z"), time("2027-07-01T00:00:00Z"));
        for (to, published, now, expected) in [
            (None, false, early, Phase::New),
            (None, false, late, Phase::New),
            (None, true, early, Phase::Published),
            (None, true, late, Phase::InUse),
            (Some("2028-01-01T00:00:00Z"), true, late, Phase::Ending),
            (Some("2027-06-15T00:00:00Z"), true, late, Phase::Retired),
        ] {
            assert_eq!(phase(&window(to), published, now), expected);
        }
    }

    #[test]
    fn nothing_is_waited_for_where_clients_have_nothing() {
        let plan = example();
        assert_eq!(reach(&plan, &State::default()), None);
        let all = entries(&plan, &State::default(), plan.ceremony.date.start().unwrap());
        assert_eq!(all.len(), 4);
        assert!(all.iter().all(|entry| entry.phase == Phase::New), "{all:?}");
        assert_eq!(all[0].name, "fulcio-2026");
    }
}
