//! What a certificate says against what the plan said of it, and the profile's extensions.

use serde_json::Value;
use x509_parser::asn1_rs::{Oid, oid};
use x509_parser::extensions::X509Extension;
use x509_parser::extensions::{DistributionPointName, GeneralName, ParsedExtension};
use x509_parser::x509::{X509Name, X509Version};

use super::certificate::{Certificate, extension, shown};
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
    /// The purposes, and whether they are critical.
    purposes: Option<(&'static [&'static str], bool)>,
}

fn profile(name: &str) -> Option<Profile> {
    let ca = |path_length, purposes| Profile { ca: true, path_length, usage: CA_USAGE, purposes };
    Some(match name {
        "root" => ca(None, None),
        "code-signing" => ca(Some(0), Some((&["codeSigning"], false))),
        "timestamping" => ca(Some(0), Some((&["timeStamping"], false))),
        "cross-root" => ca(None, Some((&["codeSigning", "timeStamping"], false))),
        "timestamp-signer" => Profile {
            ca: false,
            path_length: None,
            usage: SIGNER_USAGE,
            purposes: Some((&["timeStamping"], true)),
        },
        _ => return None,
    })
}

/// Every difference between a certificate and what a plan says of it; none if it is what was planned.
pub fn differences(certificate: &Certificate<'_>, spec: &Value, purpose: Option<Purpose>) -> Vec<String> {
    let name = text(spec, "profile").unwrap_or_default();
    let Some(profile) = profile(name) else { return vec![format!("the profile `{name}` is not known here")] };
    let mut found = Vec::new();
    if (text(spec, "issuer"), name == "root")
        != (certificate.claim.issuer, certificate.claim.issuer.is_none())
    {
        let shown = |issuer: Option<&str>| issuer.map_or("none".into(), |issuer| format!("`{issuer}`"));
        let (issuer, planned) = (shown(certificate.claim.issuer), shown(text(spec, "issuer")));
        found.push(format!("its issuer is not the plan's: {issuer}, expected {planned}"));
    }
    if certificate.x509.version() != X509Version::V3 {
        found.push(format!("version {}, expected 3", certificate.x509.version()));
    }
    let mut take = |result: Result<(), String>| found.extend(result.err());
    take(basic_constraints(certificate, &profile));
    take(key_usage(certificate, &profile));
    take(extended_key_usage(certificate, &profile));
    take(strangers(certificate));
    take(subject(certificate.x509.subject(), spec.get("subject").unwrap_or(&Value::Null), purpose));
    take(validity(certificate, spec.get("validity").unwrap_or(&Value::Null)));
    for result in lists(certificate, spec) {
        take(result);
    }
    found
}

/// Every difference between what a request asks for and what a plan says of it. The key identifier is
/// another check's.
pub fn asked(
    subject: &X509Name<'_>,
    asked: &[X509Extension<'_>],
    spec: &Value,
    purpose: Option<Purpose>,
) -> Vec<String> {
    let name = text(spec, "profile").unwrap_or_default();
    let Some(profile) = profile(name) else { return vec![format!("the profile `{name}` is not known here")] };
    let mut found = Vec::new();
    found.extend(self::subject(subject, spec.get("subject").unwrap_or(&Value::Null), purpose).err());
    let of = |kind: Oid<'_>| extension(asked, &kind).map(|found| (found.critical, found.parsed_extension()));
    let limits = match of(oid!(2.5.29.19)) {
        Some((critical, ParsedExtension::BasicConstraints(found))) => {
            Some((critical, found.ca, found.path_len_constraint))
        }
        _ => None,
    };
    if limits != Some((true, profile.ca, profile.path_length)) {
        found.push(format!("the basic constraints that it asks for are {limits:?}, not the profile's"));
    }
    if !matches!(of(oid!(2.5.29.15)), Some((true, ParsedExtension::KeyUsage(found))) if found.flags == profile.usage)
    {
        found.push("the key usage that it asks for is not critical, or not exactly the profile's".into());
    }
    let purposes = match of(oid!(2.5.29.37)) {
        Some((critical, ParsedExtension::ExtendedKeyUsage(found))) => Some((names(found), critical)),
        _ => None,
    };
    let expected = profile
        .purposes
        .map(|(names, critical)| (names.iter().map(ToString::to_string).collect::<Vec<_>>(), critical));
    if purposes != expected {
        found.push(format!("the purposes that it asks for are {purposes:?}, expected {expected:?}"));
    }
    let policies = match of(oid!(2.5.29.32)) {
        Some((false, policies)) => entries(policies),
        Some((true, _)) => vec!["critical".into()],
        None => Vec::new(),
    };
    let planned = spec.get("policies").and_then(Value::as_array).into_iter().flatten();
    let planned: Vec<&str> = planned.filter_map(Value::as_str).collect();
    if policies != planned {
        found.push(format!("the policies that it asks for are {policies:?}, expected {planned:?}"));
    }
    let known = [oid!(2.5.29.19), oid!(2.5.29.15), oid!(2.5.29.37), oid!(2.5.29.14), oid!(2.5.29.32)];
    let expected = 3 + usize::from(profile.purposes.is_some()) + usize::from(!planned.is_empty());
    if asked.len() != expected || asked.iter().any(|found| !known.contains(&found.oid)) {
        found.push(format!("it asks for {} extensions, expected the profile's {expected}", asked.len()));
    }
    found
}

fn text<'v>(value: &'v Value, field: &str) -> Option<&'v str> {
    value.get(field).and_then(Value::as_str)
}

fn basic_constraints(certificate: &Certificate<'_>, profile: &Profile) -> Result<(), String> {
    let found = certificate.x509.basic_constraints().map_err(|_| unreadable("basic constraints"))?;
    let found = found.map(|found| (found.critical, found.value.ca, found.value.path_len_constraint));
    let expected = (true, profile.ca, profile.path_length);
    if found == Some(expected) {
        return Ok(());
    }
    Err(format!("basic constraints (critical, CA, path length) are {found:?}, expected {expected:?}"))
}

fn key_usage(certificate: &Certificate<'_>, profile: &Profile) -> Result<(), String> {
    let found = certificate.x509.key_usage().map_err(|_| unreadable("key usage"))?;
    if found.map(|found| (found.critical, found.value.flags)) == Some((true, profile.usage)) {
        return Ok(());
    }
    Err("key usage is not critical, or not exactly the profile's".into())
}

fn extended_key_usage(certificate: &Certificate<'_>, profile: &Profile) -> Result<(), String> {
    let found = certificate.x509.extended_key_usage().map_err(|_| unreadable("extended key usage"))?;
    let found = found.map(|found| (names(found.value), found.critical));
    let expected =
        profile.purposes.map(|(names, critical)| (names.iter().map(ToString::to_string).collect(), critical));
    if found == expected {
        return Ok(());
    }
    Err(format!("extended key usage (purposes, critical) is {found:?}, expected {expected:?}"))
}

fn unreadable(what: &str) -> String {
    format!("{what} can't be read, or stands twice")
}

/// No extension that no profile has.
fn strangers(certificate: &Certificate<'_>) -> Result<(), String> {
    let known = [
        oid!(2.5.29.19),
        oid!(2.5.29.15),
        oid!(2.5.29.37),
        oid!(2.5.29.14),
        oid!(2.5.29.35),
        oid!(2.5.29.32),
        oid!(2.5.29.31),
        oid!(1.3.6.1.5.5.7.1.1),
    ];
    match certificate.x509.extensions().iter().find(|found| !known.contains(&found.oid)) {
        Some(found) => Err(format!("the extension {}, which no profile has", found.oid)),
        None => Ok(()),
    }
}

/// Country, organization and common name, in this order, and nothing else.
fn subject(subject: &X509Name<'_>, spec: &Value, purpose: Option<Purpose>) -> Result<(), String> {
    let mark = if purpose == Some(Purpose::Rehearsal) { REHEARSAL } else { "" };
    let common_name = format!("{mark}{}", text(spec, "common-name").unwrap_or_default());
    let mut expected: Vec<(Oid<'_>, &str)> = Vec::new();
    expected.extend(text(spec, "country").map(|country| (oid!(2.5.4.6), country)));
    expected.push((oid!(2.5.4.10), text(spec, "organization").unwrap_or_default()));
    expected.push((oid!(2.5.4.3), &common_name));
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
    let planned = |field| text(spec, field).unwrap_or("nothing");
    let validity = certificate.x509.validity();
    Err(format!(
        "the validity is not the plan's: from {} to {}, expected from {} to {}",
        shown(validity.not_before),
        shown(validity.not_after),
        planned("from"),
        planned("to")
    ))
}

/// Policies, and the addresses of CRL and issuer.
fn lists(certificate: &Certificate<'_>, spec: &Value) -> Vec<Result<(), String>> {
    let planned = |field: &str| -> Vec<String> {
        let list = spec.get(field).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).map(ToString::to_string).collect()
    };
    let extensions = certificate.x509.extensions();
    let one = |field: &str, kind: Oid<'_>| {
        let (found, expected) = (extension(extensions, &kind), planned(field));
        if found.is_some_and(|found| found.critical) {
            return Err(format!("the extension {kind}, for {field}, is critical"));
        }
        let found = found.map(|found| entries(found.parsed_extension())).unwrap_or_default();
        if found == expected {
            return Ok(());
        }
        Err(format!("{field} are {found:?}, expected {expected:?}"))
    };
    vec![
        one("policies", oid!(2.5.29.32)),
        one("crl-urls", oid!(2.5.29.31)),
        one("issuer-urls", oid!(1.3.6.1.5.5.7.1.1)),
    ]
}

/// What stands in such a list: policies, or addresses.
fn entries(found: &ParsedExtension<'_>) -> Vec<String> {
    match found {
        ParsedExtension::CertificatePolicies(list) => {
            list.iter().map(|policy| policy.policy_id.to_id_string()).collect()
        }
        ParsedExtension::CRLDistributionPoints(list) => {
            let names = list.iter().filter_map(|point| match &point.distribution_point {
                Some(DistributionPointName::FullName(names)) => Some(names),
                _ => None,
            });
            names.flatten().filter_map(address).collect()
        }
        ParsedExtension::AuthorityInfoAccess(list) => {
            list.iter().filter_map(|access| address(&access.access_location)).collect()
        }
        _ => Vec::new(),
    }
}

fn address(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::URI(uri) => Some((*uri).to_string()),
        _ => None,
    }
}
