//! Rules for version, serial number, algorithms and key.

use std::collections::BTreeSet;

use der::Encode;
use der::asn1::ObjectIdentifier;
use der::oid::db::rfc5912;
use x509_cert::certificate::Version;

use super::Case;

pub(super) fn der_strict(case: &Case) -> Option<String> {
    let again = case.tbs.to_der().ok();
    (again.as_deref() != Some(case.bytes.as_slice()))
        .then(|| "the bytes change when they are read and written again".into())
}

pub(super) fn version(case: &Case) -> Option<String> {
    (case.tbs.version() != Version::V3).then(|| format!("the version is {:?}", case.tbs.version()))
}

fn serial_number(case: &Case) -> String {
    format!("the serial number is {}", data_encoding::HEXLOWER.encode(case.tbs.serial_number().as_bytes()))
}

pub(super) fn serial(case: &Case) -> Option<String> {
    let bytes = case.tbs.serial_number().as_bytes();
    let fine = bytes.len() == 20 && bytes.first().is_some_and(|top| top >> 6 == 1);
    (!fine).then(|| serial_number(case))
}

/// Twenty random octets have fewer than ten different ones once in 10^13.
pub(super) fn serial_entropy(case: &Case) -> Option<String> {
    let different: BTreeSet<&u8> = case.tbs.serial_number().as_bytes().iter().collect();
    (different.len() < 10).then(|| format!("{}: {} different octets", serial_number(case), different.len()))
}

pub(super) fn algorithm(case: &Case) -> Option<String> {
    let expected = case.context.issuer_key.algorithm().signature_identifier();
    (*case.tbs.signature() != expected).then(|| {
        format!("the signature algorithm is {}, expected {}", case.tbs.signature().oid, expected.oid)
    })
}

/// ecdsa-with-SHA1 (RFC 3279, 2.2.3).
const ECDSA_WITH_SHA_1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.1");

/// Signatures over MD2, MD5 and SHA-1.
pub(super) const WEAK: [ObjectIdentifier; 5] = [
    rfc5912::MD_2_WITH_RSA_ENCRYPTION,
    rfc5912::MD_5_WITH_RSA_ENCRYPTION,
    rfc5912::SHA_1_WITH_RSA_ENCRYPTION,
    ECDSA_WITH_SHA_1,
    rfc5912::DSA_WITH_SHA_1,
];

pub(super) fn weak_hash(case: &Case) -> Option<String> {
    let oid = case.tbs.signature().oid;
    super::weak(oid).then(|| format!("the signature algorithm is {oid}"))
}

pub(super) fn unique_ids(case: &Case) -> Option<String> {
    let there = case.tbs.issuer_unique_id().is_some() || case.tbs.subject_unique_id().is_some();
    there.then(|| "a unique identifier".into())
}

pub(super) fn key_algorithm(case: &Case) -> Option<String> {
    let profile = case.context.profile;
    let allowed = case.policy.algorithms(profile);
    let names = || allowed.iter().map(|algorithm| algorithm.as_str()).collect::<Vec<_>>().join(", ");
    let found = match (case.key.algorithm(), case.key.ml_dsa()) {
        (Some(found), _) if allowed.contains(&found) => return None,
        (Some(found), _) => found.as_str(),
        (None, Some(_)) if case.policy.takes_ml_dsa(profile) => return None,
        (None, Some(name)) => name,
        (None, None) => return Some(format!("the key is unusable; the profile takes {}", names())),
    };
    Some(format!("the key is {found}, and profile {profile} takes {} under {}", names(), case.policy))
}
