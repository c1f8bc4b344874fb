//! Certificates, each by itself and under its issuer, read by x509-parser.

use std::collections::BTreeMap;
use std::ops::Deref;

use data_encoding::HEXLOWER;
use serde_json::Value;
use x509_parser::asn1_rs::{Oid, oid};
use x509_parser::extensions::{ParsedExtension, X509Extension};
use x509_parser::time::ASN1Time;

use super::claims::{self, Claims};
use super::parsed::Parsed;
use super::report::{Area, Entry, Sheet};
use super::signature::sha256;
use super::{cross, path, profile, trust_root};
use crate::plan::Time;

/// A certificate of the archive that could be read.
#[derive(Debug)]
pub struct Certificate<'a> {
    /// What the journal says of it.
    pub claim: &'a claims::Certificate<'a>,
    /// What x509-parser reads.
    pub parsed: Parsed<'a>,
}

impl<'a> Deref for Certificate<'a> {
    type Target = Parsed<'a>;

    fn deref(&self) -> &Parsed<'a> {
        &self.parsed
    }
}

/// Certificates by name.
pub type Certificates<'a> = BTreeMap<&'a str, Certificate<'a>>;

/// The one extension of that kind; none where it stands twice.
pub fn extension<'e, 'a>(
    extensions: &'e [X509Extension<'a>],
    kind: &Oid<'_>,
) -> Option<&'e X509Extension<'a>> {
    let mut found = extensions.iter().filter(|extension| extension.oid == *kind);
    let first = found.next();
    if found.next().is_some() { None } else { first }
}

/// The key identifier in an authority key identifier that is not critical and holds nothing else.
pub fn authority_key_identifier<'a>(extensions: &[X509Extension<'a>]) -> Option<&'a [u8]> {
    let found = extension(extensions, &oid!(2.5.29.35)).filter(|found| !found.critical)?;
    match found.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(found)
            if found.authority_cert_issuer.is_none() && found.authority_cert_serial.is_none() =>
        {
            found.key_identifier.as_ref().map(|identifier| identifier.0)
        }
        _ => None,
    }
}

/// A time as people read it.
pub fn shown(time: ASN1Time) -> String {
    Time::from_unix(time.timestamp()).map_or_else(|| time.to_string(), |time| time.to_string())
}

/// Checks every certificate, and gives those that could be read.
pub fn check<'a>(claims: &'a Claims<'a>, at: Time, sheet: &mut Sheet) -> Certificates<'a> {
    let mut certificates = Certificates::new();
    for claim in &claims.certificates {
        match Parsed::read(&claim.der) {
            Ok(parsed) => {
                let parsed = parsed.called(claim.name);
                certificates.insert(claim.name, Certificate { claim, parsed });
            }
            Err(reason) => sheet.on(Area::Certificates, path_of(claim)).failed(reason),
        }
    }
    let mut serials: BTreeMap<(&[u8], &[u8]), &str> = BTreeMap::new();
    for claim in &claims.certificates {
        let Some(certificate) = certificates.get(claim.name) else { continue };
        let mut entry = sheet.on(Area::Certificates, path_of(claim));
        one(certificate, &certificates, claims, at, &mut entry);
        let serial = (certificate.x509.tbs_certificate.issuer.as_raw(), certificate.x509.raw_serial());
        entry.judge(match serials.insert(serial, claim.name) {
            Some(other) => Err(format!("issuer and serial number are those of `{other}`")),
            None => serial_number(certificate),
        });
    }
    certificates
}

fn path_of(claim: &claims::Certificate<'_>) -> String {
    format!("certificates/{}.pem", claim.name)
}

/// One certificate, under the issuer that the journal names, and on a path that is built without it.
fn one(
    certificate: &Certificate<'_>,
    all: &Certificates<'_>,
    claims: &Claims<'_>,
    at: Time,
    entry: &mut Entry<'_>,
) {
    let issuer = match certificate.claim.issuer {
        None => certificate,
        Some(name) => match all.get(name) {
            Some(issuer) => issuer,
            None => return entry.failed(format!("its issuer `{name}` could not be read")),
        },
    };
    entry.judge(signature(certificate, issuer));
    entry.judge(names(certificate, issuer));
    entry.judge(planned_key(certificate, claims));
    paths(certificate, all, at, entry);
    cross::repeats(certificate, all, entry);
    let differences = profile::differences(certificate, certificate.claim.spec, claims.purpose);
    if differences.is_empty() {
        let name = certificate.claim.spec.get("profile").and_then(Value::as_str).unwrap_or_default();
        entry.ok(format!("subject, validity and extensions are the plan's, of profile {name}"));
    }
    differences.into_iter().for_each(|difference| entry.failed(difference));
    time(certificate, claims, at, entry);
}

/// The path to a root: built here, compared with what the journal says, and built by rustls-webpki where
/// it can.
fn paths(certificate: &Certificate<'_>, all: &Certificates<'_>, at: Time, entry: &mut Entry<'_>) {
    let mut claimed = vec![certificate.claim.name];
    let mut above = certificate.claim.issuer;
    while let Some(name) = above {
        if claimed.contains(&name) {
            return entry.failed(format!("the issuer `{name}` stands twice in the path"));
        }
        claimed.push(name);
        above = all.get(name).and_then(|issuer| issuer.claim.issuer);
    }
    // Of several ways up the journal's is tried first, so that another one is no false alarm.
    let mut others: Vec<&Parsed<'_>> = all.values().map(|found| &found.parsed).collect();
    others.sort_by_key(|found| !claimed.contains(&found.name.as_str()));
    let roots = all.values().filter(|found| found.claim.issuer.is_none());
    let anchors: Vec<&Parsed<'_>> = roots.map(|found| &found.parsed).collect();
    let question = path::Question { end_issues: true, ..path::Question::default() };
    let built = path::build(certificate, &others, &anchors, &question);
    entry.judge(built.and_then(|path| {
        let names: Vec<&str> = path.iter().map(|found| found.name.as_str()).collect();
        if names != claimed {
            let (found, claimed) = (names.join(" → "), claimed.join(" → "));
            return Err(format!("its path is {found}, the journal says {claimed}"));
        }
        Ok(match names.as_slice() {
            [_] => "its own issuer: a root".into(),
            _ => format!("a path of CAs that may issue it: {}", names.join(" → ")),
        })
    }));
    cross::paths(certificate, &claimed, all, entry);
    let claimed: Vec<&Parsed<'_>> =
        claimed.iter().filter_map(|name| all.get(name)).map(|found| &found.parsed).collect();
    entry.judge(path::inside(&claimed));
    if certificate.claim.spec.get("profile").and_then(Value::as_str) == Some("timestamp-signer") {
        entry.judge(path::webpki(certificate, &others, &anchors, at));
    }
}

/// The signature of a certificate under an issuer's key, by the algorithm that goes with that key.
pub fn signature(certificate: &Parsed<'_>, issuer: &Parsed<'_>) -> Result<String, String> {
    let x509 = &certificate.x509;
    if x509.signature_algorithm != x509.tbs_certificate.signature {
        return Err("the signature's algorithm inside and outside of what is signed are not the same".into());
    }
    if !issuer.key.kind.goes_with(&x509.signature_algorithm) {
        return Err(format!(
            "signed with {}, which does not go with the issuer's {} key",
            x509.signature_algorithm.algorithm,
            issuer.key.kind.as_str()
        ));
    }
    if x509.signature_value.unused_bits != 0 {
        return Err("the signature is not whole bytes".into());
    }
    issuer
        .key
        .verify(x509.tbs_certificate.as_ref(), &x509.signature_value.data)
        .map_err(|reason| format!("{reason} of its issuer `{}`", issuer.name))?;
    Ok(format!("signed by `{}`, {}", issuer.name, issuer.key.kind.as_str()))
}

/// Names byte for byte, identifiers as the keys make them.
fn names(certificate: &Certificate<'_>, issuer: &Certificate<'_>) -> Result<&'static str, String> {
    let x509 = &certificate.x509;
    if x509.issuer().as_raw() != issuer.x509.subject().as_raw() {
        return Err(format!(
            "the issuer is {}, expected {}, byte for byte",
            x509.issuer(),
            issuer.x509.subject()
        ));
    }
    // RFC 7093, 2, method 1: the leftmost 160 bits of the SHA-256 of the key's bits.
    let digest = sha256(&certificate.key.bits);
    let expected = digest.as_ref().get(..20);
    let found = certificate.subject_key_identifier();
    if found.is_none() || found != expected {
        return Err("the subject key identifier is missing, or not the key's (RFC 7093, method 1)".into());
    }
    let found = authority_key_identifier(x509.extensions());
    let expected = certificate.claim.issuer.and_then(|_| issuer.subject_key_identifier());
    if found != expected {
        let hex = |identifier: Option<&[u8]>| identifier.map_or("none".into(), |id| HEXLOWER.encode(id));
        return Err(format!("the authority key identifier is {}, expected {}", hex(found), hex(expected)));
    }
    Ok("the issuer's name byte for byte; key identifiers are those of the keys")
}

/// The subject's key is the archive's key of the name that the plan gives it.
fn planned_key(certificate: &Certificate<'_>, claims: &Claims<'_>) -> Result<String, String> {
    let planned = certificate.claim.spec.get("key").and_then(serde_json::Value::as_str);
    let found = claims.owner(certificate.x509.public_key().raw);
    match (planned, found) {
        (Some(planned), Some(found)) if planned == found => Ok(format!("certifies the key `{found}`")),
        (Some(planned), Some(found)) => Err(format!("certifies the key `{found}`, expected `{planned}`")),
        _ => Err("certifies a key that is not in the archive".into()),
    }
}

fn serial_number(certificate: &Certificate<'_>) -> Result<String, String> {
    let serial = certificate.x509.raw_serial();
    match serial {
        [top, ..] if serial.len() == 20 && top >> 6 == 1 => {
            Ok(format!("serial number {}, its issuer's only one", HEXLOWER.encode(serial)))
        }
        _ => Err(format!("serial number {}: expected 20 octets, the top bits 01", HEXLOWER.encode(serial))),
    }
}

/// Whether the certificate is in its validity. One that is retired or revoked may be past it, and one
/// that was made ahead may be before it.
fn time(certificate: &Certificate<'_>, claims: &Claims<'_>, at: Time, entry: &mut Entry<'_>) {
    let (from, to) = certificate.validity();
    let validity = certificate.x509.validity();
    let windows = trust_root::windows(claims, certificate.claim.name);
    if at.unix() > to {
        let end = shown(validity.not_after);
        if claims.revokes(certificate.claim.name) {
            entry.ok(format!("expired on {end}, and revoked before"));
        } else if windows.is_empty() && claims.trust_root.is_some() {
            entry.warning(format!("expired on {end}; the trusted root does not hold it"));
        } else if windows.iter().all(|window| window.to.is_some_and(|to| to < at)) && !windows.is_empty() {
            entry.ok(format!("expired on {end}, and retired before {at}"));
        } else {
            entry.failed(format!("expired on {end}: {at} is later"));
        }
    } else if at.unix() < from {
        let start = shown(validity.not_before);
        let ahead = at >= certificate.claim.time && windows.iter().all(|window| window.from > at);
        if ahead {
            entry.warning(format!("made ahead: not valid before {start}"));
        } else {
            entry.failed(format!("not valid before {start}: {at} is earlier"));
        }
    } else {
        entry.ok(format!("valid at {at}, until {}", shown(validity.not_after)));
    }
}
