//! Rules for extensions.

use std::collections::BTreeSet;

use der::asn1::{ObjectIdentifier, OctetString};
use der::oid::AssociatedOid;
use der::oid::db::rfc5912::ID_AD_CA_ISSUERS;
use sha2::{Digest, Sha256};
use x509_cert::ext::pkix::crl::dp::DistributionPoint;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};
use x509_cert::ext::pkix::{
    AuthorityInfoAccessSyntax, AuthorityKeyIdentifier, BasicConstraints, CertificatePolicies,
    CrlDistributionPoints, ExtendedKeyUsage, KeyUsage, NameConstraints, SubjectKeyIdentifier,
};

use super::{CODE_SIGNING, Case, Extensions, Found, TIMESTAMPS};
use crate::plan::{Profile, Url};

pub(super) fn basic_constraints(case: &Case) -> Option<String> {
    let expected = case.context.profile.basic_constraints();
    match &case.extensions.basic_constraints {
        Some(Found { critical: true, value }) if *value == expected => None,
        Some(Found { critical, value }) => Some(format!(
            "found CA {}, path length {:?}, critical {critical}; expected CA {}, path length {:?}, critical true",
            value.ca, value.path_len_constraint, expected.ca, expected.path_len_constraint
        )),
        None => Some("basic constraints are missing or unreadable".into()),
    }
}

pub(super) fn key_usage(case: &Case) -> Option<String> {
    let expected = case.context.profile.key_usage();
    match &case.extensions.key_usage {
        Some(Found { critical: true, value }) if value.0 == expected => None,
        Some(Found { critical, value }) => {
            Some(format!("found {:?}, critical {critical}; expected {expected:?}, critical true", value.0))
        }
        None => Some("key usage is missing or unreadable".into()),
    }
}

fn is_root(case: &Case) -> bool {
    case.context.profile == Profile::Root
}

pub(super) fn root_eku(case: &Case) -> Option<String> {
    (is_root(case) && case.extensions.has(ExtendedKeyUsage::OID)).then(|| "an extended key usage".into())
}

pub(super) fn eku(case: &Case) -> Option<String> {
    let (expected, _) = case.context.profile.extended_key_usage()?;
    match &case.extensions.purposes {
        Some(found) if found.value.0 == expected => None,
        Some(found) => Some(format!("found {}, expected {} alone", list(&found.value.0), list(expected))),
        None => Some(format!("none found, expected {}", list(expected))),
    }
}

fn list<T: ToString>(list: &[T]) -> String {
    if list.is_empty() {
        return "none".into();
    }
    list.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

pub(super) fn eku_criticality(case: &Case) -> Option<String> {
    let (_, expected) = case.context.profile.extended_key_usage()?;
    let found = case.extensions.purposes.as_ref()?.critical;
    (found != expected).then(|| format!("critical is {found}, expected {expected}"))
}

fn hex(identifier: &OctetString) -> String {
    data_encoding::HEXLOWER.encode(identifier.as_bytes())
}

pub(super) fn subject_key(case: &Case) -> Option<String> {
    let digest = Sha256::digest(case.key.bits());
    match &case.extensions.subject_key {
        Some(Found { critical: true, .. }) => Some("the subject key identifier is critical".into()),
        Some(found) if Some(found.value.0.as_bytes()) == digest.get(..20) => None,
        Some(found) => Some(format!("found {}", hex(&found.value.0))),
        None => Some("the subject key identifier is missing".into()),
    }
}

pub(super) fn authority_key(case: &Case) -> Option<String> {
    let Some(issuer) = &case.issuer else {
        return case
            .extensions
            .has(AuthorityKeyIdentifier::OID)
            .then(|| "a root with an authority key identifier".into());
    };
    let expected = issuer.subject_key.as_ref().map(|found| &found.value.0);
    let Some(Found { critical, value: found }) = &case.extensions.authority_key else {
        return Some("the authority key identifier is missing".into());
    };
    let alone = found.authority_cert_issuer.is_none() && found.authority_cert_serial_number.is_none();
    let identifier = found.key_identifier.as_ref();
    (*critical || !alone || identifier.is_none() || identifier != expected).then(|| {
        format!(
            "found {}, critical {critical}; expected {} alone, critical false",
            identifier.map_or("none".into(), hex),
            expected.map_or("none".into(), hex)
        )
    })
}

pub(super) fn root_policies(case: &Case) -> Option<String> {
    (is_root(case) && case.extensions.has(CertificatePolicies::OID)).then(|| "certificate policies".into())
}

fn policy_ids(extensions: &Extensions) -> Vec<ObjectIdentifier> {
    let found = extensions.policies.iter().flat_map(|found| &found.value.0);
    found.map(|policy| policy.policy_identifier).collect()
}

pub(super) fn policies(case: &Case) -> Option<String> {
    let found = policy_ids(&case.extensions);
    let expected: Vec<ObjectIdentifier> = case.context.policies.iter().map(|policy| policy.0).collect();
    let once = found.iter().collect::<BTreeSet<_>>().len() == found.len();
    (found != expected || !once).then(|| format!("found {}, the plan says {}", list(&found), list(&expected)))
}

pub(super) fn policies_present(case: &Case) -> Option<String> {
    (!is_root(case) && policy_ids(&case.extensions).is_empty())
        .then(|| "there are none: add `policies` to the plan".into())
}

pub(super) fn policies_reserved(case: &Case) -> Option<String> {
    let reserved: &[ObjectIdentifier] = match case.context.profile {
        Profile::CodeSigning => &CODE_SIGNING,
        Profile::Timestamping => &TIMESTAMPS,
        Profile::Root | Profile::TimestampSigner | Profile::CrossRoot => return None,
    };
    let found = policy_ids(&case.extensions);
    (!found.iter().any(|policy| reserved.contains(policy)))
        .then(|| format!("found {}, expected one of {}", list(&found), list(reserved)))
}

/// The address of a distribution point that is a full name of one address and nothing else.
fn address_of(point: &DistributionPoint) -> Option<&str> {
    if point.reasons.is_some() || point.crl_issuer.is_some() {
        return None;
    }
    match &point.distribution_point {
        Some(DistributionPointName::FullName(names)) => match names.as_slice() {
            [name] => address(name),
            _ => None,
        },
        _ => None,
    }
}

fn address(name: &GeneralName) -> Option<&str> {
    match name {
        GeneralName::UniformResourceIdentifier(uri) => Some(uri.as_str()),
        _ => None,
    }
}

fn crl_addresses(case: &Case) -> Vec<Option<&str>> {
    case.extensions.crl_points.iter().flat_map(|found| &found.value.0).map(address_of).collect()
}

fn issuer_addresses(case: &Case) -> Vec<Option<&str>> {
    let found = case.extensions.issuer_access.iter().flat_map(|found| &found.value.0);
    found
        .map(|access| {
            (access.access_method == ID_AD_CA_ISSUERS).then(|| address(&access.access_location)).flatten()
        })
        .collect()
}

fn as_planned(found: &[Option<&str>], planned: &[Url]) -> Option<String> {
    let planned: Vec<Option<&str>> = planned.iter().map(|url| Some(url.as_str())).collect();
    let shown = |list: &[Option<&str>]| {
        self::list(&list.iter().map(|address| address.unwrap_or("something else")).collect::<Vec<_>>())
    };
    (found != planned).then(|| format!("found {}, the plan says {}", shown(found), shown(&planned)))
}

pub(super) fn crl_points(case: &Case) -> Option<String> {
    as_planned(&crl_addresses(case), &case.context.crl_urls)
}

pub(super) fn crl_points_present(case: &Case) -> Option<String> {
    (!is_root(case) && crl_addresses(case).is_empty())
        .then(|| "there are none: add `crl-urls` to the plan".into())
}

pub(super) fn issuer_access(case: &Case) -> Option<String> {
    as_planned(&issuer_addresses(case), &case.context.issuer_urls)
}

pub(super) fn issuer_access_present(case: &Case) -> Option<String> {
    (!is_root(case) && issuer_addresses(case).is_empty())
        .then(|| "there is none: add `issuer-urls` to the plan".into())
}

pub(super) fn addresses_http(case: &Case) -> Option<String> {
    let mut all = crl_addresses(case).into_iter().chain(issuer_addresses(case)).flatten();
    let other = all.find(|address| !address.starts_with("http://"))?;
    Some(format!("the address {other}"))
}

pub(super) fn root_addresses(case: &Case) -> Option<String> {
    let there = [CrlDistributionPoints::OID, AuthorityInfoAccessSyntax::OID];
    (is_root(case) && there.iter().any(|oid| case.extensions.has(*oid)))
        .then(|| "an address of a CRL or an issuer".into())
}

pub(super) fn name_constraints(case: &Case) -> Option<String> {
    case.extensions.has(NameConstraints::OID).then(|| "name constraints".into())
}

pub(super) fn unique(case: &Case) -> Option<String> {
    let mut seen = BTreeSet::new();
    let (twice, _) = case.extensions.all.iter().find(|(oid, _)| !seen.insert(*oid))?;
    Some(format!("the extension {twice} stands twice"))
}

const KNOWN: [ObjectIdentifier; 8] = [
    BasicConstraints::OID,
    KeyUsage::OID,
    ExtendedKeyUsage::OID,
    SubjectKeyIdentifier::OID,
    AuthorityKeyIdentifier::OID,
    CertificatePolicies::OID,
    CrlDistributionPoints::OID,
    AuthorityInfoAccessSyntax::OID,
];

pub(super) fn known(case: &Case) -> Option<String> {
    let (strange, _) = case.extensions.all.iter().find(|(oid, _)| !KNOWN.contains(oid))?;
    Some(format!("the extension {strange}"))
}

pub(super) fn unknown_critical(case: &Case) -> Option<String> {
    let strange = |(oid, critical): &&(ObjectIdentifier, bool)| *critical && !KNOWN.contains(oid);
    let (strange, _) = case.extensions.all.iter().find(strange)?;
    Some(format!("the critical extension {strange}"))
}

pub(super) fn criticality(case: &Case) -> Option<String> {
    let never = [CertificatePolicies::OID, CrlDistributionPoints::OID, AuthorityInfoAccessSyntax::OID];
    let (wrong, _) = case.extensions.all.iter().find(|(oid, critical)| *critical && never.contains(oid))?;
    Some(format!("the extension {wrong} is critical"))
}

pub(super) fn encoding(case: &Case) -> Option<String> {
    let broken = case.extensions.broken.first()?;
    Some(format!("the value of the extension {broken} can't be read, or is not DER"))
}

pub(super) fn not_empty(case: &Case) -> Option<String> {
    let extensions = &case.extensions;
    let empty = |found: Option<bool>| found == Some(true);
    let lists = [
        ("extensions", extensions.empty),
        ("purposes", empty(extensions.purposes.as_ref().map(|found| found.value.0.is_empty()))),
        ("policies", empty(extensions.policies.as_ref().map(|found| found.value.0.is_empty()))),
        ("CRL addresses", empty(extensions.crl_points.as_ref().map(|found| found.value.0.is_empty()))),
        ("issuer addresses", empty(extensions.issuer_access.as_ref().map(|found| found.value.0.is_empty()))),
    ];
    let (what, _) = lists.into_iter().find(|(_, empty)| *empty)?;
    Some(format!("an empty list of {what}"))
}
