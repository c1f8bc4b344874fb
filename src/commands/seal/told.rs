//! What `seal` says of a seal: what was signed in this run, and who is missing.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::archive::{Archive, layout};
use crate::ceremony::engine::millis;
use crate::pki::dsse;
use crate::plan::{Name, Plan};

/// What was signed in this run.
#[derive(Default)]
pub(super) struct Sealed {
    pub(super) seal: u64,
    pub(super) signed: Vec<Name>,
    pub(super) objected: Vec<Name>,
    /// From the process's start.
    pub(super) elapsed: Duration,
    /// Inside the devices.
    pub(super) device: Duration,
}

/// Says something on the way.
pub(super) fn note(text: &str) {
    let style = anstyle::Style::new().fg_color(Some(anstyle::AnsiColor::Yellow.into()));
    anstream::eprintln!("{style}note:{style:#} {text}");
}

pub(super) fn document(archive: &Archive, plan: &Plan, sealed: &Sealed) -> Value {
    let state = archive.state();
    let Some(seal) = state.seals.iter().find(|seal| seal.number == sealed.seal) else { return json!({}) };
    let missing = plan.ceremony.seal.missing(&plan.people, seal.signed.keys());
    let missing: Vec<Value> =
        missing.iter().map(|(role, have, must)| json!({"role": role, "have": have, "must": must})).collect();
    json!({
        "seal": seal.number,
        "lines": seal.lines,
        "statement": crate::pki::sha256_hex(seal.statement.as_bytes()),
        "signed": crate::pki::sha256_hex(&dsse::pae(seal.statement.as_bytes())),
        "file": shown(archive.path(), &layout::seal(seal.number)),
        "now": {"signed": sealed.signed, "objected": sealed.objected},
        "by": seal.signed.keys().collect::<Vec<_>>(),
        "objections": seal.objected.keys().collect::<Vec<_>>(),
        "missing": missing,
        "head": archive.head(),
        "elapsed_ms": millis(sealed.elapsed),
        "device_ms": millis(sealed.device),
        "disk_ms": millis(archive.disk_time()),
    })
}

fn shown(archive: &Path, file: &str) -> String {
    archive.join(file).display().to_string()
}

pub(super) fn text(document: &Value) -> String {
    let names = |list: &Value| {
        let names = list.as_array().into_iter().flatten().filter_map(Value::as_str);
        names.collect::<Vec<_>>().join(", ")
    };
    let mut text = format!(
        "Seal {} covers the journal's first {} lines. Its statement has the SHA-256 {}.\nSigned by: {}.\n",
        document["seal"],
        document["lines"],
        document["statement"].as_str().unwrap_or_default(),
        match names(&document["by"]) {
            names if names.is_empty() => "nobody yet".to_string(),
            names => names,
        },
    );
    if document["objections"].as_array().is_some_and(|list| !list.is_empty()) {
        text.push_str(&format!("Objected to by: {}.\n", names(&document["objections"])));
    }
    for missing in document["missing"].as_array().into_iter().flatten() {
        text.push_str(&format!(
            "Still missing: {} of {} of role {}.\n",
            missing["have"],
            missing["must"],
            missing["role"].as_str().unwrap_or_default()
        ));
    }
    text.push_str(&format!(
        "The journal ends with the hash {}.\n",
        document["head"].as_str().unwrap_or("none")
    ));
    text
}
