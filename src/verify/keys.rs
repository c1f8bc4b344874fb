//! Keys: what is public of them, that each is its own, and what their devices claim.

use std::collections::BTreeMap;

use data_encoding::BASE64;
use serde_json::Value;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer;

use super::attestation;
use super::claims::{Claims, Key as Claimed};
use super::report::{Area, Sheet};
use super::signature::{Key, sha256_hex};
use crate::archive::CopyRecord;

/// What a device must claim of a private key that it generated.
const MUST: [(&str, bool); 2] = [("CKA_SENSITIVE", true), ("CKA_EXTRACTABLE", false)];

/// What it should claim. There are modules that are known to answer these wrongly for good keys.
const SHOULD: [(&str, bool); 7] = [
    ("CKA_ALWAYS_SENSITIVE", true),
    ("CKA_NEVER_EXTRACTABLE", true),
    ("CKA_LOCAL", true),
    ("CKA_PRIVATE", true),
    ("CKA_SIGN", true),
    ("CKA_UNWRAP", false),
    ("CKA_DERIVE", false),
];

/// Checks every key.
pub fn check(claims: &Claims<'_>, sheet: &mut Sheet) {
    let mut material: BTreeMap<&[u8], &str> = BTreeMap::new();
    for claimed in &claims.keys {
        let record = claimed.record;
        let name = record.name.as_str();
        let mut entry = sheet.on(Area::Keys, format!("keys/{name}.json"));
        entry.judge(public(claimed));
        entry.judge(match material.insert(&claimed.spki, name) {
            Some(other) => Err(format!("it is the same key as `{other}`: every key must be its own")),
            None => Ok("no other name has this key"),
        });
        if let Some(judged) =
            record.attestation.as_ref().and_then(|kept| attestation::check(kept, &claimed.spki))
        {
            entry.judge(judged);
        }
        if let Some(request) = &record.request {
            entry.judge(possession(request, &claimed.spki));
        }
        let copy = claims.copies.iter().find(|copy| copy.name == record.name);
        if let Some(copy) = copy {
            entry.judge(copied(copy));
        } else if record.device.is_some() && record.attributes.keys().any(|name| name.starts_with("CKA_")) {
            let strange = unclaimed(&record.attributes, &MUST);
            if strange.is_empty() {
                entry.ok("its device claims that it is sensitive and can't be extracted");
            } else {
                entry.failed(format!("its device claims {strange}"));
            }
            let strange = unclaimed(&record.attributes, &SHOULD);
            if strange.is_empty() {
                entry.ok("its device claims that it made the key itself, for signing alone");
            } else {
                entry.warning(format!("its device claims {strange}"));
            }
        }
    }
}

/// A key that has a copy could be extracted until the copy was made, and neither of the two can be now.
fn copied(copy: &CopyRecord) -> Result<String, String> {
    for (whose, attributes) in
        [("the original", &copy.attributes_of_the_original), ("the copy", &copy.attributes)]
    {
        let strange = unclaimed(attributes, &MUST);
        if !strange.is_empty() {
            return Err(format!("the device of {whose} claims {strange}"));
        }
    }
    Ok(format!(
        "it was extractable until it was copied to {}; both devices claim that it is sensitive and can't be extracted now",
        copy.device
    ))
}

/// The record against the key itself.
fn public(claimed: &Claimed<'_>) -> Result<String, String> {
    let record = claimed.record;
    let key = claimed.key.as_ref().map_err(String::clone)?;
    let found = sha256_hex(&claimed.spki);
    if found != record.fingerprint {
        return Err(format!("the key has SHA-256 {found}, the record says {}", record.fingerprint));
    }
    if key.kind.as_str() != record.algorithm.as_str() {
        return Err(format!("it is an {} key, the record says {}", key.kind.as_str(), record.algorithm));
    }
    Ok(format!("{}, SHA-256 {found}", record.algorithm))
}

/// Whoever made the request of a key that lives elsewhere holds its private half.
fn possession(request: &str, spki: &[u8]) -> Result<&'static str, String> {
    let der = BASE64.decode(request.as_bytes()).map_err(|error| format!("its request: {error}"))?;
    let (rest, request) =
        X509CertificationRequest::from_der(&der).map_err(|error| format!("its request: {error}"))?;
    let info = &request.certification_request_info;
    if !rest.is_empty() || info.subject_pki.raw != spki {
        return Err("its request is for another key".into());
    }
    let key = Key::of(&info.subject_pki)?;
    if !key.kind.goes_with(&request.signature_algorithm) {
        return Err("its request is signed with another algorithm than the key's".into());
    }
    key.verify(info.raw, &request.signature_value.data)
        .map_err(|reason| format!("its request's proof of possession: {reason}"))?;
    Ok("its request proves that whoever made it holds the private key")
}

/// Claims that are other than they should be, in words. What a device does not answer is no claim.
fn unclaimed(attributes: &BTreeMap<String, Value>, expected: &[(&str, bool)]) -> String {
    let strange = expected.iter().filter_map(|(name, expected)| match attributes.get(*name) {
        Some(Value::Bool(found)) if found != expected => {
            Some(format!("{name} is {found}, expected {expected}"))
        }
        _ => None,
    });
    strange.collect::<Vec<_>>().join("; ")
}
