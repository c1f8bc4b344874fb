//! What people did, by the journal: what they approved is what was signed, what they read back is what
//! was made, and what they recorded against the ceremony is shown.

use std::collections::{BTreeMap, BTreeSet};

use data_encoding::BASE64;

use super::claims::Claims;
use super::files::JOURNAL;
use super::report::{Area, Entry, Sheet};
use super::signature::{sha256_hex, signed_part};
use crate::archive::event::Confirmation;
use crate::archive::{Event, Record};
use crate::site::Purpose;

/// Checks what people confirmed, and reports what they recorded.
pub fn check(records: &[Record], claims: &Claims<'_>, sheet: &mut Sheet) {
    let mut entry = sheet.on(Area::Journal, JOURNAL);
    approved(records, &mut entry);
    read_back(records, claims, &mut entry);
    for record in records {
        said(record, claims.purpose, &mut entry);
    }
}

/// Whoever approved a signature approved the very bytes that were signed.
fn approved(records: &[Record], entry: &mut Entry<'_>) {
    let mut approvals: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let (mut held, mut wrong) = (0_usize, false);
    for record in records {
        let (step, signed) = match &record.event {
            Event::Confirmed { step: Some(step), what: Confirmation::Sign, of, .. } => {
                approvals.entry(step).or_default().insert(of);
                continue;
            }
            Event::CertificateSigned { step, der, .. } | Event::CsrSigned { step, der, .. } => {
                (step, covered(der).unwrap_or_default())
            }
            Event::MetadataSigned { step, signed, .. } | Event::CrlSigned { step, signed, .. } => {
                (step, signed.clone())
            }
            _ => continue,
        };
        let Some(approved) = approvals.remove(step.as_str()) else { continue };
        if approved.contains(signed.as_str()) {
            held = held.saturating_add(1);
        } else {
            wrong = true;
            let approved = approved.into_iter().collect::<Vec<_>>().join(", ");
            entry.failed(format!(
                "line {}: {step} is over bytes with SHA-256 {signed}, and what was approved has {approved}",
                record.seq
            ));
        }
    }
    if held > 0 && !wrong {
        entry
            .ok(format!("{held} signatures were approved by a person, each over the bytes that were signed"));
    }
}

/// Whoever read a fingerprint back read that of something that was made.
fn read_back(records: &[Record], claims: &Claims<'_>, entry: &mut Entry<'_>) {
    let mut made: BTreeSet<String> = BTreeSet::new();
    made.extend(claims.keys.iter().map(|key| sha256_hex(&key.spki)));
    made.extend(claims.certificates.iter().map(|certificate| sha256_hex(&certificate.der)));
    made.extend(claims.csrs.iter().map(|csr| sha256_hex(&csr.der)));
    made.extend(claims.crls.iter().map(|crl| crl.sha256.to_string()));
    made.extend(claims.published.iter().map(|published| sha256_hex(published.content.as_bytes())));
    for record in records {
        match &record.event {
            Event::TrustRootAssembled { trusted_root, signing_config, .. } => {
                made.extend([trusted_root, signing_config].map(|text| sha256_hex(text.as_bytes())));
            }
            Event::Confirmed { step, what: Confirmation::ReadBack, of, .. } => {
                let step = step.as_deref().unwrap_or("something");
                entry.judge(if made.contains(of) {
                    Ok(format!("line {}: the fingerprint of {step} was read back", record.seq))
                } else {
                    Err(format!(
                        "line {}: what was read back for {step} is the fingerprint of nothing that was made: {of}",
                        record.seq
                    ))
                });
            }
            _ => {}
        }
    }
}

/// What somebody must look at, since a person or the machine said so.
fn said(record: &Record, purpose: Option<Purpose>, entry: &mut Entry<'_>) {
    let line = record.seq;
    match &record.event {
        Event::RefusalRecorded { person, of, reason, .. } => {
            entry.warning(format!("line {line}: {person} does not sign off {of}: {reason}"));
        }
        Event::DeviationRecorded { expected, happened, decided, by, .. } => entry.warning(format!(
            "line {line}: expected {expected}; happened: {happened}; decided by {by}: {decided}"
        )),
        Event::MachineChecked { findings } if purpose == Some(Purpose::Production) => {
            for finding in findings {
                let reason = finding.waived.as_deref().unwrap_or("without a reason to go on");
                entry.warning(format!("line {line}: on the machine: {} ({reason})", finding.found));
            }
        }
        _ => {}
    }
}

/// SHA-256 of what the signature of a certificate or CRL covers.
fn covered(der: &str) -> Option<String> {
    signed_part(&BASE64.decode(der.as_bytes()).ok()?).map(sha256_hex)
}
