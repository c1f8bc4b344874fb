//! Devices' attestations of keys: read by another library than the one that the rules use, and judged by
//! the same rules as when the key was made.

use serde_json::Value;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::claims::{Claims, Key};
use super::report::{Area, Sheet};
use super::rules::report;
use crate::lint::Rules;
use crate::lint::attestation::{self, Expected};
use crate::pki::PublicKey;
use crate::pki::attestation::{Record, yubico};

/// Checks every attestation that is recorded.
pub fn check(claims: &Claims<'_>, rules: &Rules, sheet: &mut Sheet) {
    for key in &claims.keys {
        let Some(value) = &key.record.attestation else { continue };
        let mut entry = sheet.on(Area::Keys, format!("keys/{}.json", key.record.name));
        let record = match serde_json::from_value::<Record>(value.clone()) {
            Ok(record) => record,
            Err(error) => {
                entry.failed(format!("its attestation can't be read: {error}"));
                continue;
            }
        };
        let Some(read) = record.read() else {
            entry.warning("its attestation is of a maker that is not known here: it is kept, and UNVERIFIED");
            continue;
        };
        entry.judge(same_key(value, key));
        let public = match PublicKey::from_spki(&key.spki) {
            Ok(public) => public,
            Err(error) => {
                entry.failed(format!("its attestation can't be judged: {error}"));
                continue;
            }
        };
        let serial = key.record.device_claims.as_ref().map_or("", |claims| claims.serial.as_str());
        let expected = Expected::of(&public, serial, &key.record.id);
        let object = format!("keys.{}", key.record.name);
        let verdict = attestation::judge(&object, read, expected, &yubico::anchors(), rules);
        if verdict.stands() {
            entry.ok(verdict.says.clone());
        }
        report(verdict.findings, &mut entry);
    }
}

/// The attested certificate is of the very key that is recorded.
fn same_key(value: &Value, key: &Key<'_>) -> Result<&'static str, String> {
    let text = value.get("certificate").and_then(Value::as_str).unwrap_or_default();
    let der = data_encoding::BASE64.decode(text.as_bytes());
    let der = der.map_err(|error| format!("its attestation is not base64: {error}"))?;
    let (rest, certificate) =
        X509Certificate::from_der(&der).map_err(|error| format!("its attestation: {error}"))?;
    if !rest.is_empty() || certificate.public_key().raw != key.spki {
        return Err("its device attests another key".into());
    }
    Ok("its device attests this very key")
}
