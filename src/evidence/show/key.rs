//! Public keys, and what they say of a signature.

use der::asn1::ObjectIdentifier;
use der::{Decode, Reader, SliceReader};
use x509_cert::spki::SubjectPublicKeyInfoRef;

use super::oid;
use super::sheet::{Cell, Sheet};
use crate::pki::{PublicKey, Signature};

/// The rows of a public key in DER (SubjectPublicKeyInfo).
pub fn show(spki: &[u8]) -> Result<Sheet, String> {
    let mut sheet = Sheet::default();
    SubjectPublicKeyInfoRef::from_der(spki).map_err(|error| error.to_string())?;
    rows(&mut sheet, spki);
    Ok(sheet)
}

/// Algorithm and fingerprint of a key, as rows of what it is the key of.
pub fn rows(sheet: &mut Sheet, spki: &[u8]) {
    match PublicKey::from_spki(spki) {
        Ok(key) => sheet.text("key", key.algorithm().as_str()),
        Err(error) => {
            let algorithm =
                SubjectPublicKeyInfoRef::from_der(spki).map(|spki| oid::name(&spki.algorithm.oid));
            sheet.text("key", algorithm.unwrap_or_else(|_| "unknown".into()));
            sheet.warn(format!("the key is not one that this tool uses: {error}"));
        }
    }
    sheet.sha256("key SHA-256", spki);
}

/// What a key says of a signature.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// It verifies.
    Verifies,
    /// It does not.
    Fails,
    /// This tool can't say, and why.
    NotChecked(String),
}

impl Verdict {
    /// Verifies the outer signature of a certificate, request or CRL under a key.
    pub fn of(spki: &[u8], der: &[u8], algorithm: ObjectIdentifier, signature: &[u8]) -> Self {
        let Ok(key) = PublicKey::from_spki(spki) else {
            return Self::NotChecked("the key is not one that this tool uses".into());
        };
        let expected = key.algorithm().signature_identifier().oid;
        if algorithm != expected {
            let (found, expected) = (oid::name(&algorithm), oid::name(&expected));
            return Self::NotChecked(format!(
                "signed with {found}, expected {expected}, which goes with the key"
            ));
        }
        let Some(signed) = signed_part(der) else {
            return Self::NotChecked("the bytes that were signed are not found".into());
        };
        match key.verify(signed, &Signature(signature.to_vec())) {
            Ok(()) => Self::Verifies,
            Err(_) => Self::Fails,
        }
    }

    /// The verdict as a value.
    pub fn cell(&self) -> Cell {
        match self {
            Self::Verifies => Cell::Words("verifies".into(), true.into()),
            Self::Fails => Cell::Words("DOES NOT VERIFY".into(), false.into()),
            Self::NotChecked(_) => Cell::none("not checked"),
        }
    }

    /// The verdict as a row; what is not good is said below too.
    pub fn row(&self, sheet: &mut Sheet, label: &str) {
        sheet.row(label, self.cell());
        match self {
            Self::Verifies => {}
            Self::Fails => sheet.find(format!("the {label} does not verify under the key")),
            Self::NotChecked(reason) => sheet.warn(format!("the {label} was not checked: {reason}")),
        }
    }
}

/// The first part of `SEQUENCE { to-be-signed, algorithm, signature }`, as it was signed and not as it
/// would be encoded again.
fn signed_part(der: &[u8]) -> Option<&[u8]> {
    let mut reader = SliceReader::new(der).ok()?;
    let inner = reader.sequence(|inner| {
        let signed = inner.tlv_bytes()?;
        inner.drain(inner.remaining_len())?;
        Ok::<_, der::Error>(signed)
    });
    inner.ok()
}
