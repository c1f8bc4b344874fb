//! What of a trust root expires, and by when a ceremony is needed: as a table, and as iCalendar.
//!
//! A later plan keeps everything that was made, so the plan alone says it all: what is retired, revoked or
//! followed by a newer one needs no ceremony any more.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;

use crate::plan::{Certificate, Name, Plan, Profile, Time};

/// Days before an expiry by which a ceremony must have been held. Those of the TUF roles are sigstore's
/// own practice: its root is signed again 46 days before, targets 31, timestamp and snapshot 6 and 31.
const TUF_ROOT: i64 = 46;
const TUF_TARGETS: i64 = 31;
const TUF_SNAPSHOT: i64 = 31;
const TUF_TIMESTAMP: i64 = 6;
/// A CRL that is late stops every verifier that looks at it.
const CRL: i64 = 30;
/// A CA or signer needs a successor that every client knows before it ends.
const SIGNER: i64 = 180;
/// A root needs years: every client must learn its successor, cross-signed where old ones stay.
const ROOT: i64 = 730;

/// Something that expires.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Due {
    /// By when a ceremony is needed.
    pub by: Time,
    /// When it expires.
    pub expires: Time,
    /// What expires, such as `tuf.timestamp` or `certificates.fulcio-2026`.
    pub object: String,
    /// What that ceremony does.
    pub action: &'static str,
    /// Whether the day by which it is needed has passed.
    pub overdue: bool,
}

/// Everything of the plan that needs a ceremony some day, the most urgent first.
pub fn calendar(plan: &Plan, now: Time) -> Vec<Due> {
    let due = |object: String, expires: Time, days: i64, action: &'static str| {
        let by = expires.shifted(days.saturating_neg()).unwrap_or(expires);
        Due { by, expires, object, action, overdue: by < now }
    };
    let mut all = Vec::new();
    if let Some(tuf) = &plan.tuf {
        all.extend([
            due("tuf.root".into(), *tuf.root.expires, TUF_ROOT, "keyholders sign a later expiry"),
            due("tuf.targets".into(), *tuf.targets.expires, TUF_TARGETS, "keyholders sign a later expiry"),
            due(
                "tuf.snapshot".into(),
                *tuf.snapshot.expires,
                TUF_SNAPSHOT,
                "the online key signs a later expiry",
            ),
            due(
                "tuf.timestamp".into(),
                *tuf.timestamp.expires,
                TUF_TIMESTAMP,
                "the online key signs a later expiry",
            ),
        ]);
    }
    for (name, certificate) in plan.certificates.iter().filter(|(name, _)| in_use(plan, name, now)) {
        let (days, action) = match *certificate.profile {
            Profile::Root => (ROOT, "a new root is made, cross-signed and published"),
            Profile::CodeSigning | Profile::Timestamping => (SIGNER, "a successor is issued and published"),
            Profile::TimestampSigner => (SIGNER, "a new signer is issued and published"),
            Profile::CrossRoot => (SIGNER, "it is issued anew, if anybody still needs it"),
        };
        all.push(due(format!("certificates.{name}"), certificate.validity.to, days, action));
    }
    let mut newest: BTreeMap<&str, (&Name, u64, Time)> = BTreeMap::new();
    for (name, crl) in &plan.crls {
        let known = newest.entry(crl.issuer.as_str()).or_insert((name, *crl.number, crl.validity.to));
        if known.1 < *crl.number {
            *known = (name, *crl.number, crl.validity.to);
        }
    }
    all.extend(newest.into_values().map(|(name, _, next)| {
        due(format!("crls.{name}"), next, CRL, "a CRL with the next number is signed")
    }));
    all.sort_by(|a, b| (a.by, &a.object).cmp(&(b.by, &b.object)));
    all
}

/// Whether a certificate still issues or signs: none of what clients trust says that it is retired, no CRL
/// revokes it, and neither is true of what is above it.
fn in_use(plan: &Plan, name: &Name, now: Time) -> bool {
    let revoked = plan.crls.values().any(|crl| crl.revoked.iter().any(|entry| *entry.certificate == *name));
    if revoked {
        return false;
    }
    let entries = plan
        .trust_root
        .iter()
        .flat_map(|root| root.certificate_authorities.iter().chain(&root.timestamp_authorities));
    let mut windows = entries
        .filter(|entry| entry.chain.iter().any(|link| **link == *name))
        .map(|entry| &entry.trust)
        .peekable();
    let retired = windows.peek().is_some() && windows.all(|window| window.to.is_some_and(|to| to < now));
    let issuer = |certificate: &Certificate| certificate.issuer.as_deref().cloned();
    let above = plan.certificates.get(name).and_then(issuer);
    !retired && above.is_none_or(|above| in_use(plan, &above, now))
}

/// The calendar as a table.
pub fn table(all: &[Due]) -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(["ceremony by", "expires", "what", "what is done then"]);
    for due in all {
        let by = format!("{}{}", due.by.day(), if due.overdue { " OVERDUE" } else { "" });
        table.add_row([by, due.expires.to_string(), due.object.clone(), due.action.to_string()]);
    }
    format!("{}\n", table.trim_fmt())
}

/// The calendar as iCalendar (RFC 5545): a whole day for each ceremony, with a reminder 30 days before. The
/// few properties that this needs are written here; a library for them brings its own dates and ids.
pub fn icalendar(plan: &Plan, all: &[Due], now: Time) -> String {
    let mut lines = vec![
        "BEGIN:VCALENDAR".to_string(),
        "VERSION:2.0".into(),
        format!("PRODID:-//rootwright//rootwright {}//EN", env!("CARGO_PKG_VERSION")),
    ];
    for due in all {
        let (stamp, day) = (compact(&now.to_string()), compact(&due.by.day().to_string()));
        let ceremony = &*plan.ceremony.name;
        lines.extend([
            "BEGIN:VEVENT".to_string(),
            // The same event keeps its id when it moves, so that a second import replaces it.
            format!(
                "UID:{}@rootwright",
                crate::pki::sha256_hex(format!("{ceremony}\n{}", due.object).as_bytes())
            ),
            format!("DTSTAMP:{stamp}"),
            format!("DTSTART;VALUE=DATE:{day}"),
            format!("SUMMARY:{}", escaped(&format!("Ceremony needed: {}", due.object))),
            format!(
                "DESCRIPTION:{}",
                escaped(&format!("{ceremony}: {} expires at {}; {}.", due.object, due.expires, due.action))
            ),
            "BEGIN:VALARM".into(),
            "ACTION:DISPLAY".into(),
            "TRIGGER:-P30D".into(),
            format!("DESCRIPTION:{}", escaped(&format!("Ceremony needed: {}", due.object))),
            "END:VALARM".into(),
            "END:VEVENT".into(),
        ]);
    }
    lines.push("END:VCALENDAR".into());
    lines.iter().map(|line| folded(line)).collect()
}

/// A date or time without its separators: `20270401` or `20261201T090000Z`.
fn compact(time: &str) -> String {
    time.chars().filter(|c| !matches!(c, '-' | ':')).collect()
}

/// TEXT of RFC 5545, 3.3.11.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '\n' => escaped.push_str("\\n"),
            '\\' | ';' | ',' => escaped.extend(['\\', c]),
            _ => escaped.push(c),
        }
    }
    escaped
}

/// A content line: at most 75 octets, the rest on lines that begin with a space (RFC 5545, 3.1).
fn folded(line: &str) -> String {
    let mut folded = String::new();
    let mut octets = 0usize;
    for c in line.chars() {
        if octets.saturating_add(c.len_utf8()) > 75 {
            folded.push_str("\r\n ");
            octets = 1;
        }
        octets = octets.saturating_add(c.len_utf8());
        let _ = write!(folded, "{c}");
    }
    folded.push_str("\r\n");
    folded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Source, tests::example};

    fn now() -> Time {
        "2026-12-01T00:00:00Z".parse().unwrap()
    }

    #[test]
    fn the_most_urgent_comes_first_and_nothing_is_forgotten() {
        let all = calendar(&example(), now());
        let objects: Vec<&str> = all.iter().map(|due| due.object.as_str()).collect();
        assert_eq!(
            objects,
            [
                "tuf.root",
                "tuf.snapshot",
                "tuf.targets",
                "tuf.timestamp",
                "crls.root-1",
                "certificates.fulcio-2026",
                "certificates.tsa-signer-2026",
                "certificates.root",
                "certificates.tsa-2026"
            ]
        );
        assert!(all.windows(2).all(|pair| pair[0].by <= pair[1].by));
        assert!(all.iter().all(|due| due.by < due.expires && !due.overdue));
        let late = calendar(&example(), "2027-05-01T00:00:00Z".parse().unwrap());
        assert!(late.iter().find(|due| due.object == "tuf.root").unwrap().overdue);
        assert!(!late.iter().find(|due| due.object == "tuf.timestamp").unwrap().overdue);
    }

    #[test]
    fn what_is_retired_revoked_or_followed_needs_no_ceremony() {
        let text = include_str!("../../ceremony/sigstore.toml");
        let has = |text: &str, object: &str, now: &str| {
            let plan = Plan::parse(&Source::new("plan.toml", text)).unwrap();
            calendar(&plan, now.parse().unwrap()).iter().any(|due| due.object == object)
        };
        let trust = "uri   = \"https://fulcio.example.org\"\ntrust = { from = \"2026-12-01T00:00:00Z\" }";
        let retired = text.replace(trust, &trust.replace("Z\" }", "Z\", to = \"2027-12-01T00:00:00Z\" }"));
        assert_ne!(retired, text);
        assert!(has(&retired, "certificates.fulcio-2026", "2027-11-01T00:00:00Z"));
        assert!(!has(&retired, "certificates.fulcio-2026", "2028-01-01T00:00:00Z"));
        assert!(has(&retired, "certificates.root", "2028-01-01T00:00:00Z"), "the TSA's chain ends there");
        let second = "[crls.root-2]\nissuer = \"root\"\nnumber = 2\nvalidity = { from = \"2027-10-01T00:00:00Z\", to = \"2028-09-01T00:00:00Z\" }\nrevoked = [{ certificate = \"tsa-2026\", date = \"2027-09-01T00:00:00Z\", reason = \"superseded\" }]\n\n[trust-root]";
        let renewed = text.replacen("[trust-root]", second, 1);
        assert!(!has(&renewed, "crls.root-1", "2027-10-02T00:00:00Z"));
        assert!(has(&renewed, "crls.root-2", "2027-10-02T00:00:00Z"));
        for gone in ["certificates.tsa-2026", "certificates.tsa-signer-2026"] {
            assert!(!has(&renewed, gone, "2027-10-02T00:00:00Z"), "{gone}");
        }
    }

    #[test]
    fn lines_are_those_of_rfc_5545() {
        let text = icalendar(&example(), &calendar(&example(), now()), now());
        assert!(
            text.starts_with("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n") && text.ends_with("END:VCALENDAR\r\n")
        );
        assert!(text.split("\r\n").all(|line| line.len() <= 75 && !line.contains('\n')));
        assert_eq!(text.matches("BEGIN:VEVENT").count(), 9);
        let unfolded = text.replace("\r\n ", "");
        assert!(unfolded.contains("DTSTART;VALUE=DATE:20270416\r\n"), "46 days before June");
        assert!(unfolded.contains("DESCRIPTION:Example Sigstore\\, first trust root: tuf.root expires at"));
        assert_eq!(folded(&"é".repeat(50)).split("\r\n ").count(), 2);
        assert_eq!(escaped("a;b\\c\nd"), "a\\;b\\\\c\\nd");
    }
}
