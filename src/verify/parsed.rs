//! A certificate as x509-parser reads it, by itself: DER, nothing behind it, and in the form that
//! RFC 5280 asks of everyone who issues.

use x509_parser::asn1_rs::oid;
use x509_parser::extensions::{ParsedExtension, X509Extension};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::x509::X509Version;

use super::certificate::extension;
use super::der::{frame, strict};
use super::path::names;
use super::signature::Key;

/// A certificate that could be read.
#[derive(Debug)]
pub struct Parsed<'a> {
    /// What messages call it: its name in the archive, or its subject.
    pub name: String,
    /// The certificate in DER.
    pub der: &'a [u8],
    /// What x509-parser reads.
    pub x509: X509Certificate<'a>,
    /// The subject's key.
    pub key: Key,
}

impl<'a> Parsed<'a> {
    /// Reads a certificate. Its subject becomes its name.
    pub fn read(der: &'a [u8]) -> Result<Self, String> {
        let (rest, x509) =
            X509Certificate::from_der(der).map_err(|error| format!("not a certificate: {error}"))?;
        if !rest.is_empty() {
            return Err(format!("{} bytes behind the certificate", rest.len()));
        }
        let frame = frame(der)?;
        if frame.signed != x509.tbs_certificate.as_ref() || frame.signature != &*x509.signature_value.data {
            return Err("it can be read in two ways".into());
        }
        let key = Key::of(x509.public_key())?;
        Ok(Self { name: x509.subject().to_string(), der, x509, key })
    }

    /// The same certificate under the name that an archive gives it.
    pub fn called(self, name: &str) -> Self {
        Self { name: name.into(), ..self }
    }

    /// The subject's key identifier, where there is one.
    pub fn subject_key_identifier(&self) -> Option<&[u8]> {
        match extension(self.x509.extensions(), &oid!(2.5.29.14))?.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(found) => Some(found.0),
            _ => None,
        }
    }

    /// The key identifier of its authority, where it names one.
    pub fn authority(&self) -> Option<&[u8]> {
        match extension(self.x509.extensions(), &oid!(2.5.29.35))?.parsed_extension() {
            ParsedExtension::AuthorityKeyIdentifier(found) => {
                found.key_identifier.as_ref().map(|identifier| identifier.0)
            }
            _ => None,
        }
    }

    /// First and last valid second, as seconds since 1970.
    pub fn validity(&self) -> (i64, i64) {
        let validity = self.x509.validity();
        (validity.not_before.timestamp(), validity.not_after.timestamp())
    }

    /// Whether issuer and subject are the same name, byte for byte.
    pub fn is_self_issued(&self) -> bool {
        self.x509.issuer().as_raw() == self.x509.subject().as_raw()
    }

    /// Whether it says that it is a CA, and the path length that it allows.
    pub fn constraints(&self) -> Result<(bool, Option<u32>), String> {
        let found = self.x509.basic_constraints().map_err(|error| format!("basic constraints: {error}"))?;
        Ok(found.map_or((false, None), |found| (found.value.ca, found.value.path_len_constraint)))
    }

    /// The form that RFC 5280, 4.1 and 4.2, asks of every certificate, wherever it stands in a path.
    pub fn sound(&self) -> Result<(), String> {
        let x509 = &self.x509;
        if x509.version() != X509Version::V3 {
            return Err(format!("version {}, expected 3", x509.version()));
        }
        let serial = x509.raw_serial();
        // Positive, not zero, and at most 20 octets (4.1.2.2).
        if serial.len() > 20
            || serial.first().is_none_or(|top| top >> 7 == 1)
            || serial.iter().all(|b| *b == 0)
        {
            return Err("the serial number is not positive, or has more than 20 octets".into());
        }
        if x509.issuer().iter_rdn().next().is_none() {
            return Err("the issuer's name is empty".into());
        }
        extensions(x509.extensions())?;
        let (ca, _) = self.constraints()?;
        let usage = x509.key_usage().map_err(|error| format!("key usage: {error}"))?;
        if !ca && usage.is_some_and(|usage| usage.value.key_cert_sign()) {
            return Err("it may sign certificates, and is no CA".into());
        }
        if ca && x509.subject().iter_rdn().next().is_none() {
            return Err("a CA with an empty name".into());
        }
        if ca && self.subject_key_identifier().is_none() {
            return Err("a CA without a subject key identifier".into());
        }
        if !self.is_self_issued() && self.authority().is_none() {
            return Err("it has no authority key identifier".into());
        }
        let purposes = x509.extended_key_usage().map_err(|error| format!("extended key usage: {error}"))?;
        if purposes.is_some_and(|purposes| names(purposes.value).is_empty()) {
            return Err("its extended key usage is empty".into());
        }
        strict(self.der)
    }
}

/// Each once and readable, nothing critical that is not understood here, and the key identifiers not
/// critical (RFC 5280, 4.2).
fn extensions(list: &[X509Extension<'_>]) -> Result<(), String> {
    let understood = [oid!(2.5.29.19), oid!(2.5.29.15), oid!(2.5.29.37)];
    let identifiers = [oid!(2.5.29.14), oid!(2.5.29.35)];
    // Constraints of names and policies must be critical (4.2.1.10, 4.2.1.11, 4.2.1.14); where they are
    // not, they were meant all the same, and what is not worked out here can't be said to hold.
    let constraints = [oid!(2.5.29.30), oid!(2.5.29.36), oid!(2.5.29.54)];
    for (at, found) in list.iter().enumerate() {
        if list.iter().skip(at.saturating_add(1)).any(|other| other.oid == found.oid) {
            return Err(format!("the extension {} stands twice", found.oid));
        }
        if let ParsedExtension::ParseError { error } = found.parsed_extension() {
            return Err(format!("the extension {} can't be read: {error}", found.oid));
        }
        if found.critical && identifiers.contains(&found.oid) {
            return Err(format!("the key identifier {} is critical", found.oid));
        }
        if constraints.contains(&found.oid) {
            return Err(format!(
                "the extension {} constrains names or policies, which no profile does",
                found.oid
            ));
        }
        if found.critical && !understood.contains(&found.oid) {
            return Err(format!("the extension {} is critical, and not known here", found.oid));
        }
    }
    Ok(())
}
