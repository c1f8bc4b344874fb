//! Key records: where a key is, and what its device claims of it.

use data_encoding::BASE64;
use serde_json::Value;

use super::sheet::{Cell, Sheet};
use super::{key, request};
use crate::archive::KeyRecord;
use crate::lint::attestation::{Expected, judge};
use crate::lint::{Rules, Severity};
use crate::pki::attestation::{Record, yubico};
use crate::pki::{PublicKey, sha256_hex};
use crate::plan::Name;

/// All there is to see of a key record.
pub fn show(value: &Value) -> Result<Sheet, String> {
    let record: KeyRecord = serde_json::from_value(value.clone()).map_err(|error| error.to_string())?;
    let mut sheet = Sheet::default();
    sheet.text("name", record.name.as_str());
    sheet.row(
        "device",
        record.device.as_ref().map_or_else(|| Cell::none("elsewhere"), |name| Cell::text(name.as_str())),
    );
    if let Some(keyholder) = &record.keyholder {
        sheet.text("keyholder", keyholder.as_str());
    }
    match BASE64.decode(record.public.as_bytes()) {
        Ok(spki) => {
            key::rows(&mut sheet, &spki);
            if sha256_hex(&spki) != record.fingerprint {
                sheet.find(format!("the record names another key SHA-256: {}", record.fingerprint));
            }
        }
        Err(error) => sheet.find(format!("the public key is not base64: {error}")),
    }
    sheet.text("recorded algorithm", record.algorithm.as_str());
    if !record.id.is_empty() {
        sheet.row("id on the device", Cell::hex(&record.id));
    }
    if !record.mechanism.is_empty() {
        sheet.text("mechanism", record.mechanism.clone());
    }
    // A device's own words are claims, and called so.
    let claims = record.device_claims.as_ref().map(serde_json::to_value).transpose();
    match claims.map_err(|error| error.to_string())? {
        Some(claims) => sheet.row("device claims", Cell::json(&claims)),
        None => sheet.row("device claims", Cell::none("none")),
    }
    sheet.row("key claims", Cell::json(&record.attributes.clone().into_iter().collect::<Value>()));
    attestation(&mut sheet, &record);
    if let Some(text) = &record.request {
        let der = BASE64.decode(text.as_bytes()).map_err(|error| format!("request: {error}"))?;
        sheet.row("request", Cell::Sheet(request::show(&der).map_err(|error| format!("request: {error}"))?));
    }
    Ok(sheet)
}

/// What a person must know of the key, in one line, and what the rules find; of another maker's attestation
/// that nobody verified it.
fn attestation(sheet: &mut Sheet, record: &KeyRecord) {
    let Some(value) = &record.attestation else {
        return sheet.row("attestation", Cell::none("none"));
    };
    let kept = match serde_json::from_value::<Record>(value.clone()) {
        Ok(kept) => kept,
        Err(error) => return sheet.find(format!("the attestation can't be read: {error}")),
    };
    let Some(read) = kept.read() else {
        sheet.text("attestation", "kept, and UNVERIFIED: its maker's attestations can't be checked here");
        return sheet.row("attestation's bytes", Cell::json(value));
    };
    let spki = BASE64.decode(record.public.as_bytes()).unwrap_or_default();
    let expected = PublicKey::from_spki(&spki).map(|key| {
        let serial = record.device_claims.as_ref().map_or("", |claims| claims.serial.as_str());
        Expected::of(&key, serial, &record.id)
    });
    let (anchors, rules) = (yubico::anchors(), Rules::default());
    let verdict =
        judge(&format!("keys.{}", record.name), read, expected.unwrap_or_default(), &anchors, &rules);
    sheet.text("attestation", verdict.says);
    for finding in verdict.findings.0 {
        let text = format!("{} [{}]", finding.found, finding.rule);
        match finding.severity {
            // The plan may waive it: that is for `verify` to know.
            Severity::Error => sheet.find(text),
            Severity::Warning => sheet.text("attestation, warning", text),
        }
    }
}

/// Whether a JSON object looks like one.
pub fn resembles(value: &Value) -> bool {
    ["name", "algorithm", "fingerprint", "public"].iter().all(|key| value.get(key).is_some())
        && value.get("name").and_then(Value::as_str).is_some_and(|name| name.parse::<Name>().is_ok())
}
