//! What changed between two states of a trust root, in words: what a keyholder reads before signing, and
//! anybody who compares two archives. Drawn from the documents themselves, never from what somebody says
//! of them.

pub mod root;
pub mod trusted_root;

use serde::Serialize;

use crate::archive::{Journal, Role, State};
use crate::pki::sha256_hex;
use crate::tuf::{Envelope, Metadata, Root};

/// What kind of change it is, for those who look before they read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Something is new.
    Added,
    /// Something is otherwise.
    Changed,
    /// Something is gone. In a trusted root nothing may ever be.
    Removed,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Added, Self::Changed, Self::Removed];

    /// What stands before a change of this kind, for whoever signs it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Added => "+ new",
            Self::Changed => "~ changed",
            Self::Removed => "- gone",
        }
    }
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Its kind.
    pub kind: Kind,
    /// Where, such as `trusted root` or `TUF root`.
    pub place: &'static str,
    /// What, in words.
    pub what: String,
}

impl Change {
    pub(crate) fn added(place: &'static str, what: impl Into<String>) -> Self {
        Self { kind: Kind::Added, place, what: what.into() }
    }
    pub(crate) fn changed(place: &'static str, what: impl Into<String>) -> Self {
        Self { kind: Kind::Changed, place, what: what.into() }
    }
    pub(crate) fn removed(place: &'static str, what: impl Into<String>) -> Self {
        Self { kind: Kind::Removed, place, what: what.into() }
    }
}

/// How the journals of two archives lie to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "past")]
pub enum Past {
    /// They are the same to the last line.
    Same,
    /// The second goes on from the first, by so many lines.
    Continued {
        /// Lines that the second has more.
        lines: usize,
    },
    /// The first goes on from the second: they were named the wrong way round.
    Reversed {
        /// Lines that the first has more.
        lines: usize,
    },
    /// They part after a line that both have: two ceremonies were held from one state.
    Parted {
        /// The last line that both have.
        after: usize,
    },
    /// They have no line in common: they are of two trust roots.
    Unrelated,
}

/// How two journals lie to each other. Each line is bound to the one before, so the last common line
/// stands for all before it.
pub fn past(before: &Journal, after: &Journal) -> Past {
    let lines = before.records.iter().zip(&after.records);
    let common = lines.take_while(|(one, other)| one == other).count();
    let (first, second) = (before.records.len(), after.records.len());
    match (common == first, common == second) {
        (true, true) => Past::Same,
        (true, false) if first > 0 => Past::Continued { lines: second.saturating_sub(common) },
        (false, true) if second > 0 => Past::Reversed { lines: first.saturating_sub(common) },
        _ if common > 0 => Past::Parted { after: common },
        _ => Past::Unrelated,
    }
}

/// Everything that changed between two archives.
pub fn archives(before: &State, after: &State) -> Vec<Change> {
    let mut changes = Vec::new();
    for (name, key) in &after.keys {
        let place = key.device.as_ref().map_or("elsewhere".into(), |device| format!("on {device}"));
        match before.keys.get(name) {
            None => changes.push(Change::added(
                "keys",
                format!("{name}: {} {place}, SHA-256 {}", key.public.algorithm(), key.public.fingerprint()),
            )),
            Some(old) if old.public != key.public => {
                changes.push(Change::changed("keys", format!("{name} is another key")));
            }
            Some(_) => {}
        }
    }
    let gone = before.keys.keys().filter(|name| !after.keys.contains_key(*name));
    changes.extend(gone.map(|name| Change::removed("keys", name.to_string())));
    for (name, made) in &after.certificates {
        let of = |der: &[u8]| sha256_hex(der);
        match before.certificates.get(name) {
            None => {
                let tbs = made.certificate.tbs();
                let end = tbs.validity().not_after.to_date_time();
                changes.push(Change::added(
                    "certificates",
                    format!(
                        "{name}: {}, valid to {end}, SHA-256 {}",
                        tbs.subject(),
                        of(made.certificate.der())
                    ),
                ));
            }
            Some(old) if old.certificate.der() != made.certificate.der() => {
                changes.push(Change::changed("certificates", format!("{name} is another certificate")));
            }
            Some(_) => {}
        }
    }
    let gone = before.certificates.keys().filter(|name| !after.certificates.contains_key(*name));
    changes.extend(gone.map(|name| Change::removed("certificates", name.to_string())));
    for (name, made) in after.csrs.iter().filter(|(name, _)| !before.csrs.contains_key(*name)) {
        let subject = crate::pki::name::readable(&made.request.info().subject);
        changes
            .push(Change::added("requests", format!("{name}: a CA elsewhere is asked to certify {subject}")));
    }
    for (name, made) in after.crls.iter().filter(|(name, _)| !before.crls.contains_key(*name)) {
        let what = format!("{name}: number {} of {}, {} revoked", made.number, made.issuer, made.revoked);
        changes.push(Change::added("CRLs", what));
    }
    let file = |state: &State| state.trust_root.as_ref().map(|made| made.trusted_root.clone());
    if let Some(new) = file(after) {
        changes.extend(trusted_root::changes(file(before).as_deref().map(str::as_bytes), new.as_bytes()));
    }
    if let Some(new) = tuf_root(after) {
        changes.extend(root::changes(tuf_root(before).as_ref(), &new));
    }
    for role in [Role::Targets, Role::Snapshot, Role::Timestamp] {
        let head = |state: &State| Some(metadata(state, role)?.head().clone());
        let Some(new) = head(after) else { continue };
        let old = head(before);
        if old.as_ref() != Some(&new) {
            let from = old.map_or("none".into(), |old| old.version.to_string());
            let what = format!("{role}: version {from} → {}, expires {}", new.version, new.expires);
            changes.push(Change::changed("TUF", what));
        }
    }
    changes
}

fn metadata(state: &State, role: Role) -> Option<Metadata> {
    Some(Envelope::parse(state.newest(role)?.content.as_bytes()).ok()?.signed)
}

fn tuf_root(state: &State) -> Option<Root> {
    match metadata(state, Role::Root)? {
        Metadata::Root(root) => Some(root),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::Event;

    fn journal(words: &[&str]) -> Journal {
        let mut bytes = Vec::new();
        let mut journal = Journal::default();
        for word in words {
            let time = "2026-12-01T00:00:00Z".parse().unwrap();
            let event = Event::CeremonyFinished { plan: word.to_string() };
            let (line, record, hash) = journal.line(time, event, Vec::new()).unwrap();
            bytes.extend(line);
            journal.push(record, hash);
        }
        Journal::parse(&bytes).unwrap()
    }

    #[test]
    fn two_journals_have_one_past_or_they_do_not() {
        let one = journal(&["a", "b"]);
        for (other, expected) in [
            (journal(&["a", "b"]), Past::Same),
            (journal(&["a", "b", "c"]), Past::Continued { lines: 1 }),
            (journal(&["a"]), Past::Reversed { lines: 1 }),
            (journal(&["a", "c"]), Past::Parted { after: 1 }),
            (journal(&["c", "b"]), Past::Unrelated),
        ] {
            assert_eq!(past(&one, &other), expected);
        }
    }
}
