//! Certificate signing requests (PKCS#10, RFC 2986).

use der::oid::AssociatedOid;
use der::{Decode, Encode};
use x509_cert::ext::Extensions;
use x509_cert::request::{CertReq, ExtensionReq};

use super::certificate::named;
use super::key::{self, Verdict};
use super::sheet::{Cell, Sheet};
use super::{extension, oid};
use crate::pki::name::readable;

/// All there is to see of a request.
pub fn show(der: &[u8]) -> Result<Sheet, String> {
    let request = CertReq::from_der(der).map_err(|error| error.to_string())?;
    let spki = request.info.public_key.to_der().map_err(|error| error.to_string())?;
    let mut sheet = Sheet::default();
    sheet.text("subject", named(readable(&request.info.subject)));
    key::rows(&mut sheet, &spki);
    sheet.text("signature algorithm", oid::name(&request.algorithm.oid));
    let verdict = Verdict::of(&spki, der, request.algorithm.oid, request.signature.raw_bytes());
    verdict.row(&mut sheet, "proof of possession");
    let mut requested = Sheet::default();
    let mut others = Vec::new();
    for attribute in request.info.attributes.iter() {
        if attribute.oid != ExtensionReq::OID {
            // Only that it is there: a challenge password is a secret.
            others.push(oid::full(&attribute.oid));
            continue;
        }
        for value in attribute.values.iter() {
            match value.to_der().and_then(|der| Extensions::from_der(&der)) {
                Ok(extensions) => extension::rows(&mut requested, &extensions),
                Err(error) => sheet.warn(format!("the requested extensions can't be read: {error}")),
            }
        }
    }
    sheet.row("requested extensions", Cell::Sheet(requested));
    if !others.is_empty() {
        sheet.row("other attributes", Cell::texts(others));
    }
    sheet.sha256("request SHA-256", der);
    Ok(sheet)
}
