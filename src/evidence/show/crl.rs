//! Certificate revocation lists.

use der::Decode;
use x509_cert::crl::{CertificateList, RevokedCert};
use x509_cert::ext::pkix::{CrlNumber, CrlReason};

use super::certificate::{AsItIs, magnitude, named, period};
use super::extension::{self, find};
use super::oid;
use super::sheet::{Cell, Sheet, Table};
use crate::pki::name::readable;

/// So many entries are shown; the others are counted.
const SHOWN: usize = 20;

/// All there is to see of a CRL.
pub fn show(der: &[u8]) -> Result<Sheet, String> {
    let list = CertificateList::<AsItIs>::from_der(der).map_err(|error| error.to_string())?;
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
    let revoked = tbs.revoked_certificates.as_deref().unwrap_or_default();
    sheet.row("revoked", Cell::count(revoked.len()));
    if !revoked.is_empty() {
        sheet.row("entries", Cell::Table(entries(revoked)));
        if let Some(more @ 1..) = revoked.len().checked_sub(SHOWN) {
            sheet.row("entries not shown", Cell::count(more));
        }
    }
    sheet.text("signature algorithm", oid::name(&list.signature_algorithm.oid));
    sheet.sha256("CRL SHA-256", der);
    Ok(sheet)
}

fn entries(revoked: &[RevokedCert<AsItIs>]) -> Table {
    let mut table = Table::new(&["serial number", "revoked on", "reason"]);
    for entry in revoked.iter().take(SHOWN) {
        let extensions = entry.crl_entry_extensions.as_deref().unwrap_or_default();
        let reason = find::<CrlReason>(extensions).map(|(_, reason)| reason);
        table.line(vec![
            Cell::Hex(magnitude(entry.serial_number.as_bytes()).to_vec()),
            Cell::text(entry.revocation_date.to_string()),
            reason.map_or_else(|| Cell::none("none"), |reason| Cell::text(word(reason))),
        ]);
    }
    table
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
