//! Devices' attestations of keys, judged by the rules that judged them when the keys were made.

use super::{Claims, report};
use crate::lint::Rules;
use crate::lint::attestation::{Expected, judge};
use crate::pki::PublicKey;
use crate::pki::attestation::{Record, yubico};
use crate::verify::report::{Area, Sheet};

/// Judges every attestation that is recorded; of another maker's it says that nobody verified it.
pub(super) fn check(claims: &Claims<'_>, rules: &Rules, sheet: &mut Sheet) {
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
        let verdict = judge(&object, read, expected, &yubico::anchors(), rules);
        if verdict.stands() {
            entry.ok(verdict.says.clone());
        }
        report(verdict.findings, &mut entry);
    }
}
