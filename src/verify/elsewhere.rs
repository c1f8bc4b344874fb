//! Signatures that came from elsewhere: what was asked, what was answered, and that each signature which no
//! device here made stands in an answer that was taken before it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::canonical::olpc;
use super::report::{Area, Sheet};
use super::signature::sha256_hex;
use crate::archive::{Event, Record};

/// Checks requests and answers.
pub fn check(records: &[Record], sheet: &mut Sheet) {
    for record in records {
        match &record.event {
            Event::SignatureRequested { key, ceremony, content, .. } => {
                let path = format!("requests/{ceremony}/{key}.json");
                let judged = asked(&record.event, content);
                sheet.on(Area::Tuf, path).judge(
                    judged
                        .map(|what| format!("line {}: asks {key} for {what}", record.seq))
                        .map_err(|reason| format!("line {}: {reason}", record.seq)),
                );
            }
            Event::ResponseTaken { key, ceremony, content } => {
                let path = format!("responses/{ceremony}/{key}.json");
                sheet.on(Area::Tuf, path).judge(match answered(content) {
                    Ok(signatures) => {
                        Ok(format!("line {}: brings {} signatures by {key}", record.seq, signatures.len()))
                    }
                    Err(reason) => Err(format!("line {}: {reason}", record.seq)),
                });
            }
            _ => {}
        }
    }
}

/// What a request asks for, in words: the documents in it have the hashes that it and the journal name.
fn asked(event: &Event, content: &str) -> Result<String, String> {
    let Event::SignatureRequested { documents, .. } = event else { return Err("no request".into()) };
    let request: Value = serde_json::from_str(content).map_err(|error| format!("not JSON: {error}"))?;
    let listed = request.get("documents").and_then(Value::as_array).ok_or("it has no documents")?;
    if listed.len() != documents.len() {
        return Err(format!("it has {} documents, and the journal names {}", listed.len(), documents.len()));
    }
    let mut words = Vec::new();
    for (document, named) in listed.iter().zip(documents) {
        let signed = document.get("signed").ok_or("a document without `signed`")?;
        let found = sha256_hex(&olpc(signed)?);
        let text = |value: &Value, field: &str| value.get(field).and_then(Value::as_str).map(str::to_string);
        if text(document, "sha256") != Some(found.clone()) || named.sha256 != found {
            return Err(format!(
                "the {} document has SHA-256 {found}, and is said to have another",
                named.role
            ));
        }
        let version = signed.get("version").and_then(Value::as_u64);
        if text(signed, "_type").as_deref() != Some(named.role.as_str()) || version != Some(named.version) {
            return Err(format!("the document is not {} version {}", named.role, named.version));
        }
        words.push(format!("{} version {}", named.role, named.version));
    }
    Ok(words.join(" and "))
}

/// A signature of an answer: key id, signature, and SHA-256 of what it is said to be over.
pub type Brought = (String, String, String);

/// The signatures that an answer brings: a response, or a TUF metadata file.
pub fn answered(content: &str) -> Result<BTreeSet<Brought>, String> {
    let answer: Value = serde_json::from_str(content).map_err(|error| format!("not JSON: {error}"))?;
    let list = answer.get("signatures").and_then(Value::as_array).ok_or("it has no signatures")?;
    let covered = match answer.get("signed").filter(|signed| signed.is_object()) {
        Some(signed) => Some(sha256_hex(&olpc(signed)?)),
        None => None,
    };
    let mut brought = BTreeSet::new();
    for signature in list {
        let text = |field: &str| {
            let found = signature.get(field).and_then(Value::as_str);
            found.map(str::to_string).ok_or_else(|| format!("a signature without `{field}`"))
        };
        let over = covered.clone().map_or_else(|| text("sha256"), Ok)?;
        brought.insert((text("keyid")?, text("sig")?.to_ascii_lowercase(), over));
    }
    Ok(brought)
}
