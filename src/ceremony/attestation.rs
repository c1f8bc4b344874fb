//! A device's word on a key that it made: judged before the first write, and again where the key is taken
//! into the archive.

use super::CeremonyError;
use crate::lint::attestation::{Expected, judge as by_rules};
use crate::lint::{Findings, Rules};
use crate::pki::attestation::yubico;
use crate::plan::Name;
use crate::token::{DeviceReport, KeyReport};

/// What a person must know of the key, and what the rules only warn of; none where the device says nothing.
pub(super) fn judge(
    key: &Name,
    report: &KeyReport,
    claims: &DeviceReport,
    rules: &Rules,
) -> Result<Option<(String, Findings)>, CeremonyError> {
    let Some(record) = &report.attestation else { return Ok(None) };
    let Some(attestation) = record.read() else {
        let words = "its device's attestation is kept, and UNVERIFIED: its maker's can't be checked here";
        return Ok(Some((format!("{key}: {words}"), Findings::default())));
    };
    let expected = Expected::of(&report.public, &claims.serial, &report.id);
    let verdict = by_rules(&format!("keys.{key}"), attestation, expected, &yubico::anchors(), rules);
    Ok(Some((format!("{key}: {}", verdict.says), verdict.findings.stopping()?)))
}
