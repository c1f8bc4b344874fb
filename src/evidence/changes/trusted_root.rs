//! Changes of a trusted root: whom clients trust, from when, and until when.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Change;
use crate::pki::{Certificate, sha256_hex};

const PLACE: &str = "trusted root";

/// The lists of a trusted root, and what one of their entries is called.
const LISTS: [(&str, &str); 4] = [
    ("certificateAuthorities", "certificate authority"),
    ("tlogs", "transparency log"),
    ("ctlogs", "certificate log"),
    ("timestampAuthorities", "timestamp authority"),
];

/// What changed between two trusted roots (JSON); all of it is new where there was none before. An entry is
/// known by its certificates or its key: all else may be said otherwise. One of the two that can't be read
/// is said to be that.
pub fn changes(before: Option<&[u8]>, after: &[u8]) -> Vec<Change> {
    let parse = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).ok();
    let Some(after) = parse(after) else {
        return vec![Change::changed(PLACE, "the new one can't be read")];
    };
    let before = match before.map(parse) {
        Some(None) => return vec![Change::changed(PLACE, "the old one can't be read")],
        Some(before) => before,
        None => None,
    };
    let mut changes = Vec::new();
    for (list, kind) in LISTS {
        let old = before.as_ref().map(|before| entries(before, list)).unwrap_or_default();
        let new = entries(&after, list);
        for (identity, entry) in &new {
            match old.get(identity) {
                None => changes.push(Change::added(
                    PLACE,
                    format!("{kind} {}, trusted {}", named(entry, identity), window(entry)),
                )),
                Some(known) if known == entry => {}
                Some(known) => changes.extend(altered(kind, identity, known, entry)),
            }
        }
        for (identity, entry) in old.iter().filter(|(identity, _)| !new.contains_key(*identity)) {
            changes.push(Change::removed(PLACE, format!("{kind} {}", named(entry, identity))));
        }
    }
    changes
}

/// The entries of a list, by the SHA-256 of their certificates or key.
fn entries<'a>(root: &'a Value, list: &str) -> BTreeMap<String, &'a Value> {
    let entries = root.get(list).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    entries.iter().map(|entry| (sha256_hex(material(entry).as_bytes()), entry)).collect()
}

/// What an entry is known by, as text.
fn material(entry: &Value) -> String {
    let chain = entry.get("certChain").and_then(|chain| chain.get("certificates"));
    let key = entry.get("publicKey").and_then(|key| key.get("rawBytes"));
    chain.or(key).map(Value::to_string).unwrap_or_else(|| entry.to_string())
}

fn named(entry: &Value, identity: &str) -> String {
    let text = |key: &str| entry.get(key).and_then(Value::as_str);
    let address = text("uri").or_else(|| text("baseUrl")).unwrap_or("without an address");
    // Several entries of one service differ by their certificates alone.
    let short = identity.get(..8).unwrap_or(identity);
    let subject = issuing(entry).unwrap_or_else(|| format!("{short}…"));
    format!("{address} ({subject})")
}

/// The subject of an authority's first certificate: who issues, or signs timestamps.
fn issuing(entry: &Value) -> Option<String> {
    let first = entry.get("certChain")?.get("certificates")?.get(0)?.get("rawBytes")?.as_str()?;
    let der = data_encoding::BASE64.decode(first.as_bytes()).ok()?;
    Some(Certificate::from_der(&der).ok()?.tbs().subject().to_string())
}

fn range(entry: &Value) -> Option<&Value> {
    entry.get("validFor").or_else(|| entry.get("publicKey").and_then(|key| key.get("validFor")))
}

fn moment<'a>(entry: &'a Value, which: &str) -> Option<&'a str> {
    range(entry)?.get(which)?.as_str()
}

fn window(entry: &Value) -> String {
    let from = moment(entry, "start").unwrap_or("ever");
    match moment(entry, "end") {
        Some(to) => format!("from {from} to {to}"),
        None => format!("from {from}"),
    }
}

/// What is otherwise about an entry that both have.
fn altered(kind: &str, identity: &str, old: &Value, new: &Value) -> Vec<Change> {
    let name = named(new, identity);
    let mut changes = Vec::new();
    match (moment(old, "end"), moment(new, "end")) {
        (old, new) if old == new => {}
        (None, Some(end)) => {
            changes.push(Change::changed(PLACE, format!("{kind} {name} is retired: trusted to {end}")))
        }
        (Some(end), None) => changes
            .push(Change::changed(PLACE, format!("{kind} {name} is no longer retired: it ended at {end}"))),
        (Some(from), Some(to)) => {
            changes.push(Change::changed(PLACE, format!("{kind} {name}: its end moves from {from} to {to}")))
        }
        (None, None) => {}
    }
    if moment(old, "start") != moment(new, "start") {
        let (from, to) = (moment(old, "start").unwrap_or("none"), moment(new, "start").unwrap_or("none"));
        changes.push(Change::changed(PLACE, format!("{kind} {name}: its start moves from {from} to {to}")));
    }
    for field in ["uri", "baseUrl", "subject", "logId", "hashAlgorithm"] {
        if old.get(field) != new.get(field) {
            changes.push(Change::changed(PLACE, format!("{kind} {name}: its {field} is another one")));
        }
    }
    if changes.is_empty() {
        changes.push(Change::changed(PLACE, format!("{kind} {name} is described otherwise")));
    }
    changes
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Kind;
    use super::*;

    fn authority(der: &str, end: Option<&str>) -> Value {
        let mut range = json!({"start": "2026-12-01T00:00:00Z"});
        if let Some(end) = end {
            range["end"] = json!(end);
        }
        json!({"uri": "https://fulcio.example.org", "certChain": {"certificates": [{"rawBytes": der}]}, "validFor": range})
    }

    fn root(authorities: &[Value], log: &str) -> Vec<u8> {
        let log = json!({"baseUrl": "https://rekor.example.org", "publicKey": {"rawBytes": log, "validFor": {"start": "2026-12-01T00:00:00Z"}}});
        serde_json::to_vec(&json!({"certificateAuthorities": authorities, "tlogs": [log]})).unwrap()
    }

    #[test]
    fn a_new_authority_an_end_and_a_loss_are_said() {
        let before = root(&[authority("AA==", None)], "AQ==");
        assert!(changes(Some(&before), &before).is_empty());
        let after = root(&[authority("AA==", Some("2027-12-01T00:00:00Z")), authority("BB==", None)], "Ag==");
        let said = changes(Some(&before), &after);
        let kinds: Vec<Kind> = said.iter().map(|change| change.kind).collect();
        let words: Vec<&str> = said.iter().map(|change| change.what.as_str()).collect();
        assert_eq!(kinds.iter().filter(|kind| **kind == Kind::Added).count(), 2, "{words:?}");
        assert!(words.iter().any(|text| text.contains("is retired: trusted to 2027-12-01")), "{words:?}");
        assert!(
            said.iter()
                .any(|change| change.kind == Kind::Removed && change.what.starts_with("transparency log")),
            "{words:?}"
        );
        assert_eq!(changes(None, &after).len(), 3);
    }

    #[test]
    fn what_only_this_entry_says_otherwise_is_said() {
        let before = root(&[authority("AA==", Some("2027-12-01T00:00:00Z"))], "AQ==");
        for (change, expected) in [
            (authority("AA==", None), "is no longer retired"),
            (authority("AA==", Some("2027-11-01T00:00:00Z")), "its end moves from 2027-12-01"),
        ] {
            let said = changes(Some(&before), &root(&[change], "AQ=="));
            assert!(said.len() == 1 && said[0].what.contains(expected), "{said:?}");
        }
        let mut moved = authority("AA==", Some("2027-12-01T00:00:00Z"));
        moved["uri"] = json!("https://elsewhere.example.org");
        moved["validFor"]["start"] = json!("2026-11-01T00:00:00Z");
        let said = changes(Some(&before), &root(&[moved], "AQ=="));
        assert_eq!(said.len(), 2, "{said:?}");
        assert_eq!(changes(Some(b"{"), &before)[0].what, "the old one can't be read");
        assert_eq!(changes(Some(&before), b"{")[0].what, "the new one can't be read");
    }
}
