//! What a certificate says against what the plan said of it, and the profile's extensions.

use serde_json::Value;
use x509_parser::asn1_rs::{Oid, oid};
use x509_parser::extensions::{DistributionPointName, GeneralName, ParsedExtension};
use x509_parser::x509::X509Version;

use super::certificate::{Certificate, extension};
use super::path::names;
use crate::plan::Time;
use crate::site::Purpose;

/// What stands before every common name in a rehearsal.
const REHEARSAL: &str = "REHEARSAL ";

/// keyCertSign and cRLSign, as x509-parser numbers them.
const CA_USAGE: u16 = 1 << 5 | 1 << 6;

/// digitalSignature.
const SIGNER_USAGE: u16 = 1;

/// The extensions that a profile asks for.
struct Profile {
    ca: bool,
    path_length: Option<u32>,
    usage: u16,
    /// The one purpose, and whether it is critical.
    purpose: Option<(&'static str, bool)>,
}

fn profile(name: &str) -> Option<Profile> {
    let ca = |path_length, purpose| Profile { ca: true, path_length, usage: CA_USAGE, purpose };
    Some(match name {
        "root" => ca(None, None),
        "code-signing" => ca(Some(0), Some(("codeSigning", false))),
        "timestamping" => ca(Some(0), Some(("timeStamping", false))),
        "timestamp-signer" => Profile {
            ca: false,
            path_length: None,
            usage: SIGNER_USAGE,
            purpose: Some(("timeStamping", true)),
        },
        _ => return None,
    })
}

/// Checks a certificate against what the plan said of it.
pub fn check(certificate: &Certificate<'_>, purpose: Option<Purpose>) -> Result<String, String> {
    let spec = certificate.claim.spec;
    let name = text(spec, "profile").unwrap_or_default();
    let profile = profile(name).ok_or_else(|| format!("the profile `{name}` is not known here"))?;
    if (text(spec, "issuer"), name == "root")
        != (certificate.claim.issuer, certificate.claim.issuer.is_none())
    {
        return Err("its issuer is not the plan's".into());
    }
    if certificate.x509.version() != X509Version::V3 {
        return Err(format!("version {}, expected 3", certificate.x509.version()));
    }
    extensions(certificate, &profile)?;
    subject(certificate, spec.get("subject").unwrap_or(&Value::Null), purpose)?;
    validity(certificate, spec.get("validity").unwrap_or(&Value::Null))?;
    lists(certificate, spec)?;
    Ok(format!("subject, validity and extensions are the plan's, of profile {name}"))
}

fn text<'v>(value: &'v Value, field: &str) -> Option<&'v str> {
    value.get(field).and_then(Value::as_str)
}

fn extensions(certificate: &Certificate<'_>, profile: &Profile) -> Result<(), String> {
    let x509 = &certificate.x509;
    let unreadable = |what: &str| format!("{what} can't be read, or stands twice");
    let found = x509.basic_constraints().map_err(|_| unreadable("basic constraints"))?;
    let found = found.map(|found| (found.critical, found.value.ca, found.value.path_len_constraint));
    if found != Some((true, profile.ca, profile.path_length)) {
        return Err(format!(
            "basic constraints (critical, CA, path length) are {found:?}, expected {:?}",
            (true, profile.ca, profile.path_length)
        ));
    }
    let found = x509.key_usage().map_err(|_| unreadable("key usage"))?;
    if found.map(|found| (found.critical, found.value.flags)) != Some((true, profile.usage)) {
        return Err("key usage is not critical, or not exactly the profile's".into());
    }
    let found = x509.extended_key_usage().map_err(|_| unreadable("extended key usage"))?;
    let found = found.map(|found| (names(found.value), found.critical));
    let expected = profile.purpose.map(|(name, critical)| (vec![name.to_string()], critical));
    if found != expected {
        return Err(format!("extended key usage (purposes, critical) is {found:?}, expected {expected:?}"));
    }
    Ok(())
}

/// Country, organization and common name, in this order, and nothing else.
fn subject(certificate: &Certificate<'_>, spec: &Value, purpose: Option<Purpose>) -> Result<(), String> {
    let mark = if purpose == Some(Purpose::Rehearsal) { REHEARSAL } else { "" };
    let common_name = format!("{mark}{}", text(spec, "common-name").unwrap_or_default());
    let mut expected: Vec<(Oid<'_>, &str)> = Vec::new();
    expected.extend(text(spec, "country").map(|country| (oid!(2.5.4.6), country)));
    expected.push((oid!(2.5.4.10), text(spec, "organization").unwrap_or_default()));
    expected.push((oid!(2.5.4.3), &common_name));
    let subject = certificate.x509.subject();
    let found: Vec<(Oid<'_>, &str)> = subject
        .iter_attributes()
        .map(|attribute| (attribute.attr_type().clone(), attribute.as_str().unwrap_or_default()))
        .collect();
    if found == expected && subject.iter_rdn().count() == expected.len() {
        return Ok(());
    }
    let list = |list: &[(Oid<'_>, &str)]| list.iter().map(|(_, text)| *text).collect::<Vec<_>>().join(", ");
    Err(format!("the subject is {}, expected {}", list(&found), list(&expected)))
}

fn validity(certificate: &Certificate<'_>, spec: &Value) -> Result<(), String> {
    let planned = |field| text(spec, field).and_then(|text| text.parse::<Time>().ok()).map(Time::unix);
    let (from, to) = certificate.validity();
    if (Some(from), Some(to)) == (planned("from"), planned("to")) {
        return Ok(());
    }
    let shown = |field| text(spec, field).unwrap_or("nothing").to_string();
    Err(format!("the validity is not the plan's, from {} to {}", shown("from"), shown("to")))
}

/// Policies, and the addresses of CRL and issuer.
fn lists(certificate: &Certificate<'_>, spec: &Value) -> Result<(), String> {
    let planned = |field: &str| -> Vec<String> {
        let list = spec.get(field).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).map(ToString::to_string).collect()
    };
    let mut found = [Vec::new(), Vec::new(), Vec::new()];
    let [policies, crl_urls, issuer_urls] = &mut found;
    let extensions = certificate.x509.extensions();
    let parsed = |kind: Oid<'_>| extension(extensions, &kind).map(|found| found.parsed_extension());
    if let Some(ParsedExtension::CertificatePolicies(list)) = parsed(oid!(2.5.29.32)) {
        policies.extend(list.iter().map(|policy| policy.policy_id.to_id_string()));
    }
    if let Some(ParsedExtension::CRLDistributionPoints(list)) = parsed(oid!(2.5.29.31)) {
        for point in list.iter() {
            if let Some(DistributionPointName::FullName(names)) = &point.distribution_point {
                crl_urls.extend(names.iter().filter_map(address));
            }
        }
    }
    if let Some(ParsedExtension::AuthorityInfoAccess(list)) = parsed(oid!(1.3.6.1.5.5.7.1.1)) {
        issuer_urls.extend(list.iter().filter_map(|access| address(&access.access_location)));
    }
    for (found, field) in found.iter().zip(["policies", "crl-urls", "issuer-urls"]) {
        if *found != planned(field) {
            return Err(format!("{field} are {found:?}, expected {:?}", planned(field)));
        }
    }
    Ok(())
}

fn address(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::URI(uri) => Some((*uri).to_string()),
        _ => None,
    }
}
