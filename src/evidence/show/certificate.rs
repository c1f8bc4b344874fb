//! Certificates.

use der::{Decode, Encode};
use serde_json::json;
use x509_cert::certificate::{CertificateInner, Profile as Reading, TbsCertificateInner};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage};
use x509_cert::serial_number::SerialNumber;
use x509_cert::time::Time;

use super::extension::{self, find};
use super::key::{self, Verdict};
use super::oid;
use super::sheet::{Cell, Sheet};
use crate::pki::name::readable;
use crate::pki::sha256_hex;
use crate::plan::Profile;

/// Reads what others made too, whatever its serial number: nothing is changed or refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct AsItIs;

impl Reading for AsItIs {
    fn check_serial_number(_: &SerialNumber<Self>) -> der::Result<()> {
        Ok(())
    }
    fn time_encoding(time: Time) -> der::Result<Time> {
        Ok(time)
    }
}

/// A certificate as read.
pub struct Certificate {
    der: Vec<u8>,
    parsed: CertificateInner<AsItIs>,
    spki: Vec<u8>,
}

impl Certificate {
    /// Reads a certificate in DER. Verifies nothing.
    pub fn read(der: &[u8]) -> Result<Self, String> {
        let parsed = CertificateInner::<AsItIs>::from_der(der).map_err(|error| error.to_string())?;
        let spki = parsed.tbs_certificate().subject_public_key_info().to_der();
        Ok(Self { der: der.to_vec(), spki: spki.map_err(|error| error.to_string())?, parsed })
    }

    /// The subject, for people.
    pub fn subject(&self) -> String {
        named(readable(self.tbs().subject()))
    }

    /// SHA-256 of the certificate, in hex.
    pub fn fingerprint(&self) -> String {
        sha256_hex(&self.der)
    }

    /// From when to when it is valid, for people.
    pub fn validity(&self) -> String {
        let validity = self.tbs().validity();
        format!("{} to {}", validity.not_before, validity.not_after)
    }

    /// Whether `issuer` bears the name of this certificate's issuer.
    pub fn names_as_issuer(&self, issuer: &Self) -> bool {
        self.tbs().issuer() == issuer.tbs().subject()
    }

    /// Whether this certificate's signature verifies under `issuer`'s key.
    pub fn signed_by(&self, issuer: &Self) -> Verdict {
        let signature = self.parsed.signature().raw_bytes();
        Verdict::of(&issuer.spki, &self.der, self.parsed.signature_algorithm().oid, signature)
    }

    /// All there is to see of it.
    pub fn sheet(&self) -> Sheet {
        let tbs = self.tbs();
        let mut sheet = Sheet::default();
        profile(&mut sheet, self);
        sheet.text("subject", self.subject());
        sheet.text("issuer", named(readable(tbs.issuer())));
        serial(&mut sheet, tbs.serial_number().as_bytes());
        period(&mut sheet, ("valid from", tbs.validity().not_before), ("valid to", tbs.validity().not_after));
        key::rows(&mut sheet, &self.spki);
        extension::rows(&mut sheet, self.extensions());
        sheet.text("signature algorithm", oid::name(&self.parsed.signature_algorithm().oid));
        if tbs.signature() != self.parsed.signature_algorithm() {
            sheet.find(format!(
                "the signature algorithm inside is {}, the one outside {}",
                oid::name(&tbs.signature().oid),
                oid::name(&self.parsed.signature_algorithm().oid)
            ));
        }
        if self.is_self_issued() {
            self.signed_by(self).row(&mut sheet, "self-signature");
        }
        sheet.row("certificate SHA-256", Cell::hex(&self.fingerprint()));
        sheet
    }

    /// Whether subject and issuer are one.
    pub fn is_self_issued(&self) -> bool {
        self.names_as_issuer(self)
    }

    fn tbs(&self) -> &TbsCertificateInner<AsItIs> {
        self.parsed.tbs_certificate()
    }

    fn extensions(&self) -> &[Extension] {
        self.tbs().extensions().map(Vec::as_slice).unwrap_or_default()
    }
}

/// A name that may be empty.
pub fn named(name: String) -> String {
    if name.is_empty() { "empty".into() } else { name }
}

/// A serial number as a row: big-endian, without the zero that keeps it positive.
pub fn serial(sheet: &mut Sheet, bytes: &[u8]) {
    sheet.hex("serial number", magnitude(bytes));
    match bytes {
        [] | [0] => sheet.warn("the serial number is zero"),
        [top, ..] if top & 0x80 != 0 => sheet.warn("the serial number is negative: its bytes are shown"),
        _ if bytes.len() > 20 => sheet.warn("the serial number is longer than 20 octets"),
        _ => {}
    }
}

/// A number's bytes without the zero that keeps it positive.
pub fn magnitude(bytes: &[u8]) -> &[u8] {
    match bytes {
        [0, rest @ ..] if !rest.is_empty() => rest,
        _ => bytes,
    }
}

/// Two moments as rows, and the days between them.
pub fn period(sheet: &mut Sheet, (from, start): (&str, Time), (to, end): (&str, Time)) {
    sheet.text(from, start.to_string());
    sheet.text(to, end.to_string());
    let seconds = |time: Time| time.to_unix_duration().as_secs();
    match seconds(end).checked_sub(seconds(start)) {
        Some(length) => {
            let (days, rest) = (length / 86_400, length % 86_400);
            let rest = match (rest / 3600, rest / 60 % 60, rest % 60) {
                (0, 0, 0) => String::new(),
                (hours, minutes, seconds) => format!(" and {hours:02}:{minutes:02}:{seconds:02} hours"),
            };
            let unit = if days == 1 { "day" } else { "days" };
            sheet.row(
                "length",
                Cell::Words(format!("{days} {unit}{rest}"), json!({"days": days, "seconds": length})),
            );
        }
        None => sheet.warn("it ends before it begins"),
    }
}

/// The profile whose extensions the certificate has; or the one it resembles, and in what it differs.
fn profile(sheet: &mut Sheet, certificate: &Certificate) {
    let extensions = certificate.extensions();
    let basic = find::<BasicConstraints>(extensions).map(|(_, basic)| basic);
    let basic = basic.unwrap_or(BasicConstraints { ca: false, path_len_constraint: None });
    let usage = find::<KeyUsage>(extensions).map(|(_, usage)| usage.0);
    let purposes = find::<ExtendedKeyUsage>(extensions).map(|(critical, usage)| (usage.0, critical));
    let purpose = purposes.as_ref().and_then(|(purposes, _)| purposes.first().copied());
    let exactly = purposes.as_ref().map_or(&[][..], |(purposes, _)| purposes);
    let alike = Profile::ALL.into_iter().rev().find(|profile| {
        let wanted = profile.extended_key_usage().map_or(&[][..], |(purposes, _)| purposes);
        let root = *profile == Profile::Root;
        // One that has several purposes is known by all of them, the others by their first.
        let purposes = if wanted.len() > 1 { wanted == exactly } else { wanted.first().copied() == purpose };
        purposes && profile.is_ca() == basic.ca && (!root || certificate.is_self_issued())
    });
    let Some(profile) = alike else { return sheet.text("profile", "other") };
    let mut differences = Vec::new();
    let expected = profile.basic_constraints();
    // A root above one level of intermediates may say so.
    let root_of_one = profile == Profile::Root && basic.path_len_constraint == Some(1);
    if basic != expected && !root_of_one {
        differences.push("basic constraints");
    }
    if usage != Some(profile.key_usage()) {
        differences.push("key usage");
    }
    if purposes != profile.extended_key_usage().map(|(purposes, critical)| (purposes.to_vec(), critical)) {
        differences.push("extended key usage");
    }
    if differences.is_empty() {
        return sheet.text("profile", profile.as_str());
    }
    sheet.text("profile", "other");
    let words = format!("{profile}, but for {}", differences.join(", "));
    sheet.row("resembles", Cell::Words(words, json!({"profile": profile, "differs": differences})));
}
