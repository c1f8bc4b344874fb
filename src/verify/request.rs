//! Requests that went out: the key that signed, and what each asks for, read by x509-parser.

use serde_json::Value;
use x509_parser::asn1_rs::{Oid, oid};
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::cri_attributes::ParsedCriAttribute;
use x509_parser::extensions::{ParsedExtension, X509Extension};
use x509_parser::prelude::FromDer;

use super::certificate::Certificates;
use super::claims::{Claims, Csr};
use super::der::strict;
use super::profile;
use super::report::{Area, Sheet};
use super::signature::{Key, sha256, signed_part};

/// Checks every request.
pub fn check(claims: &Claims<'_>, certificates: &Certificates<'_>, sheet: &mut Sheet) {
    for claim in &claims.csrs {
        let mut entry = sheet.on(Area::Certificates, format!("csrs/{}.csr", claim.name));
        let (_, request) = match X509CertificationRequest::from_der(&claim.der) {
            Ok(found) => found,
            Err(error) => {
                entry.failed(format!("not a request: {error}"));
                continue;
            }
        };
        entry.judge(possession(claim, &request, claims));
        for difference in differences(claim, claims, claim.spec) {
            entry.failed(difference);
        }
        entry.judge(repeats(claim, &request, certificates));
    }
}

/// Signed by the key that it asks for, which is the one that the plan names.
fn possession(
    claim: &Csr<'_>,
    request: &X509CertificationRequest<'_>,
    claims: &Claims<'_>,
) -> Result<String, String> {
    let info = &request.certification_request_info;
    strict(&claim.der)?;
    if signed_part(&claim.der) != Some(info.raw) {
        return Err("it can be read in two ways".into());
    }
    let planned = claim.spec.get("key").and_then(Value::as_str).unwrap_or_default();
    if claims.owner(info.subject_pki.raw) != Some(planned) {
        return Err(format!("it asks for another key than `{planned}`"));
    }
    let key = Key::of(&info.subject_pki)?;
    if !key.kind.goes_with(&request.signature_algorithm) || request.signature_value.unused_bits != 0 {
        return Err("it is signed with another algorithm than the key's".into());
    }
    key.verify(info.raw, &request.signature_value.data)?;
    // RFC 7093, 2, method 1: the leftmost 160 bits of the SHA-256 of the key's bits.
    let digest = sha256(&key.bits);
    let identifier = wanted(request).into_iter().find(|found| found.oid == oid!(2.5.29.14));
    let identifier = identifier.filter(|found| !found.critical);
    match identifier.as_ref().map(|found| found.parsed_extension()) {
        Some(ParsedExtension::SubjectKeyIdentifier(found)) if Some(found.0) == digest.as_ref().get(..20) => {}
        _ => return Err("the key identifier that it asks for is not the key's (RFC 7093, method 1)".into()),
    }
    Ok(format!("signed by `{planned}`, the key that it asks for"))
}

/// The extensions that are asked for.
fn wanted<'r>(request: &'r X509CertificationRequest<'_>) -> Vec<X509Extension<'r>> {
    let attributes = request.certification_request_info.attributes().iter();
    let asked = attributes.flat_map(|attribute| match attribute.parsed_attribute() {
        ParsedCriAttribute::ExtensionRequest(asked) => asked.extensions.clone(),
        _ => Vec::new(),
    });
    asked.collect()
}

/// Every difference between a request and what a plan says of it.
pub fn differences(claim: &Csr<'_>, claims: &Claims<'_>, spec: &Value) -> Vec<String> {
    let Ok((rest, request)) = X509CertificationRequest::from_der(&claim.der) else {
        return vec!["it could not be read".into()];
    };
    let info = &request.certification_request_info;
    let mut found = Vec::new();
    if !rest.is_empty() {
        found.push(format!("{} bytes behind the request", rest.len()));
    }
    let asked = wanted(&request);
    if info.attributes().len() != 1 {
        found.push(format!("{} attributes, expected one extension request", info.attributes().len()));
    }
    found.extend(profile::asked(&info.subject, &asked, spec, claims.purpose));
    let planned = spec.get("key").and_then(Value::as_str).unwrap_or_default();
    if claims.owner(info.subject_pki.raw) != Some(planned) {
        found.push(format!("it asks for another key than `{planned}`"));
    }
    found
}

/// What a request to be cross-signed repeats of our certificate, from the bytes of both.
fn repeats(
    claim: &Csr<'_>,
    request: &X509CertificationRequest<'_>,
    certificates: &Certificates<'_>,
) -> Result<String, String> {
    let Some(name) = claim.spec.get("cross-signs").and_then(Value::as_str) else {
        return Ok("subject and extensions are the plan's".into());
    };
    let other = certificates.get(name).ok_or_else(|| format!("`{name}` could not be read"))?;
    let info = &request.certification_request_info;
    let mut wrong = Vec::new();
    if info.subject.as_raw() != other.x509.subject().as_raw() {
        wrong.push("subject");
    }
    if info.subject_pki.raw != other.x509.public_key().raw {
        wrong.push("key");
    }
    let value = |list: &[X509Extension<'_>], kind: &Oid<'_>| {
        let found = list.iter().find(|found| found.oid == *kind);
        found.map(|found| (found.critical, found.value.to_vec()))
    };
    let mut kinds = vec![(oid!(2.5.29.14), "subject key identifier"), (oid!(2.5.29.15), "key usage")];
    if other.claim.issuer.is_some() {
        kinds.push((oid!(2.5.29.19), "basic constraints"));
        kinds.push((oid!(2.5.29.37), "extended key usage"));
        kinds.push((oid!(2.5.29.32), "policies"));
    }
    let asked = wanted(request);
    let differs = |kind: &Oid<'_>| value(&asked, kind) != value(other.x509.extensions(), kind);
    wrong.extend(kinds.iter().filter(|(kind, _)| differs(kind)).map(|(_, what)| *what));
    if wrong.is_empty() {
        return Ok(format!("asks for a repeat of `{name}`: subject, key, and what belongs to them"));
    }
    Err(format!("it asks for a repeat of `{name}`, and has not its {}", wrong.join(", ")))
}
