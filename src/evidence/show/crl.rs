//! Certificate revocation lists. One may list a million certificates: it is summed up, for people and in
//! the JSON document alike, and only its first entries are shown.

use std::collections::BTreeMap;

use der::Decode;
use x509_cert::crl::{CertificateList, RevokedCert};
use x509_cert::ext::pkix::{CrlNumber, CrlReason};
use x509_cert::time::Time;

use super::certificate::{AsItIs, magnitude, named, period};
use super::extension::{self, find};
use super::oid;
use super::sheet::{Cell, Sheet, Table};
use crate::pki::crl::entry::{INVALIDITY_DATE, Reader};
use crate::pki::crl::parts::{self, Parts};
use crate::pki::name::readable;

/// So many entries are shown; the others are counted.
const SHOWN: usize = 20;

/// All there is to see of a CRL.
pub fn show(der: &[u8]) -> Result<Sheet, String> {
    let unreadable = |error: der::Error| error.to_string();
    let (signed, behind) = parts::signed(der).ok_or("not a sequence of what is signed and a signature")?;
    let divided = Parts::<AsItIs>::read(signed).map_err(unreadable)?;
    let entries = divided.entries.unwrap_or_default();
    // The list without its entries, which are read one by one.
    let whole = [divided.head_der.as_slice(), behind].concat();
    let length = der::Length::try_from(whole.len()).map_err(unreadable)?;
    let header = der::Header::new(der::Tag::Sequence, length);
    let whole = [der::Encode::to_der(&header).map_err(unreadable)?, whole].concat();
    let list = CertificateList::<AsItIs>::from_der(&whole).map_err(unreadable)?;
    let tbs = &list.tbs_cert_list;
    let mut sheet = Sheet::default();
    sheet.text("issuer", named(readable(&tbs.issuer)));
    match tbs.next_update {
        Some(next) => period(&mut sheet, ("this update", tbs.this_update), ("next update", next)),
        None => {
            sheet.text("this update", tbs.this_update.to_string());
            sheet.row("next update", Cell::none("none"));
            sheet.warn("there is no next update: clients can't know when the list is old");
        }
    }
    let extensions = tbs.crl_extensions.as_deref().unwrap_or_default();
    extension::rows(&mut sheet, extensions);
    if find::<CrlNumber>(extensions).is_none() {
        sheet.warn("there is no CRL number");
    }
    revoked(&mut sheet, entries)?;
    sheet.text("signature algorithm", oid::name(&list.signature_algorithm.oid));
    sheet.sha256("CRL SHA-256", der);
    Ok(sheet)
}

/// How many entries, why and since when; and the first of them.
fn revoked(sheet: &mut Sheet, entries: &[u8]) -> Result<(), String> {
    let mut table = Table::new(&["serial number", "revoked on", "reason", "invalid since"]);
    let (mut count, mut reasons) = (0_usize, BTreeMap::new());
    let mut dates: Option<(Time, Time)> = None;
    let mut bytes = der::SliceReader::new(entries).map_err(|error| error.to_string())?;
    // What is not as it should be is shown as it is, where it can be read at all.
    while !der::Reader::is_finished(&bytes) {
        let entry = RevokedCert::<AsItIs>::decode(&mut bytes).map_err(|error| error.to_string())?;
        let date = entry.revocation_date;
        let extensions = entry.crl_entry_extensions.as_deref().unwrap_or_default();
        let reason = find::<CrlReason>(extensions).map_or("none", |(_, reason)| word(reason));
        count = count.saturating_add(1);
        let known = reasons.entry(reason).or_insert(0_usize);
        *known = known.saturating_add(1);
        let seconds = |time: &Time| time.to_unix_duration();
        dates = Some(match dates {
            None => (date, date),
            Some((first, last)) => (
                if seconds(&date) < seconds(&first) { date } else { first },
                if seconds(&date) > seconds(&last) { date } else { last },
            ),
        });
        if count <= SHOWN {
            let invalid = extensions.iter().find(|found| found.extn_id == INVALIDITY_DATE);
            let invalid = invalid
                .and_then(|found| der::asn1::GeneralizedTime::from_der(found.extn_value.as_bytes()).ok());
            table.line(vec![
                Cell::Hex(magnitude(entry.serial_number.as_bytes()).to_vec()),
                Cell::text(date.to_string()),
                if reason == "none" { Cell::none("none") } else { Cell::text(reason) },
                invalid
                    .map_or_else(|| Cell::none("-"), |date| Cell::text(Time::GeneralTime(date).to_string())),
            ]);
        }
    }
    sheet.row("revoked", Cell::count(count));
    let Some((first, last)) = dates else { return Ok(()) };
    if let Some(more @ 1..) = count.checked_sub(SHOWN) {
        sheet.text("first revocation", first.to_string());
        sheet.text("last revocation", last.to_string());
        for (reason, count) in &reasons {
            sheet.row(&format!("for {reason}"), Cell::count(*count));
        }
        sheet.row("entries", Cell::Table(table));
        sheet.row("entries not shown", Cell::count(more));
    } else {
        sheet.row("entries", Cell::Table(table));
    }
    if Reader::new(entries).any(|entry| entry.is_none()) {
        sheet.warn("an entry is not DER");
    }
    Ok(())
}

/// Reasons as the plan writes them.
fn word(reason: CrlReason) -> &'static str {
    match reason {
        CrlReason::Unspecified => "unspecified",
        CrlReason::KeyCompromise => "key-compromise",
        CrlReason::CaCompromise => "ca-compromise",
        CrlReason::AffiliationChanged => "affiliation-changed",
        CrlReason::Superseded => "superseded",
        CrlReason::CessationOfOperation => "cessation-of-operation",
        CrlReason::CertificateHold => "certificate-hold",
        CrlReason::RemoveFromCRL => "remove-from-crl",
        CrlReason::PrivilegeWithdrawn => "privilege-withdrawn",
        CrlReason::AaCompromise => "aa-compromise",
    }
}
