//! Rules for logs.

use std::collections::BTreeMap;

use sigstore_protobuf_specs::dev::sigstore::common::v1::{HashAlgorithm, PublicKeyDetails};

use super::case::{CTLOGS, Case, Log};
use crate::pki::Algorithm;
use crate::trust_root::log::{Kind, key_details, log_id};

fn each(case: &Case, check: impl Fn(&Log) -> Option<String>) -> Option<String> {
    case.logs.iter().find_map(|log| check(log).map(|found| format!("{}: {found}", log.place)))
}

pub(super) fn key(case: &Case) -> Option<String> {
    each(case, |log| {
        let key = match &log.key {
            Ok(key) => key,
            Err(error) => return Some(error.to_string()),
        };
        let found = log.entry.public_key.as_ref().map_or(0, |key| key.key_details);
        let expected = key_details(key.algorithm());
        (found != i32::from(expected)).then(|| {
            let found = PublicKeyDetails::try_from(found).map_or("unknown", |found| found.as_str_name());
            format!("keyDetails is {found}, for a key of {}", key.algorithm())
        })
    })
}

pub(super) fn key_breaks(case: &Case) -> Option<String> {
    each(case, |log| match (Case::algorithm(log)?, log.kind) {
        (algorithm @ (Algorithm::Rsa3072 | Algorithm::Rsa4096), _) => {
            Some(format!("a key of {algorithm} makes sigstore-js refuse the whole root"))
        }
        (Algorithm::Ed25519, CTLOGS) => Some("no client takes an Ed25519 key of a CT log".into()),
        _ => None,
    })
}

pub(super) fn key_type(case: &Case) -> Option<String> {
    each(case, |log| match (Case::algorithm(log)?, log.kind) {
        (Algorithm::EcdsaP384, CTLOGS) => Some("sigstore-python refuses a P-384 key of a CT log".into()),
        (Algorithm::EcdsaP384, _) => Some("sigstore-js refuses a P-384 key of a Rekor log".into()),
        (Algorithm::EcdsaP521, _) => Some("not every client takes a P-521 key".into()),
        _ => None,
    })
}

pub(super) fn hash(case: &Case) -> Option<String> {
    each(case, |log| {
        (log.entry.hash_algorithm != i32::from(HashAlgorithm::Sha2256))
            .then(|| "the hash algorithm is not SHA2_256".into())
    })
}

pub(super) fn url(case: &Case) -> Option<String> {
    each(case, |log| {
        let url = &log.entry.base_url;
        let https = url.starts_with("https://");
        let bare = !log.host().contains(['/', ':', '?', '#', '@']);
        let fine = match case.kind_of(log) {
            Kind::RekorV2 => https && bare,
            Kind::RekorV1 | Kind::Ct => https || url.starts_with("http://"),
        };
        (!fine || log.host().is_empty() || url.ends_with('/')).then(|| format!("the URL is `{url}`"))
    })
}

pub(super) fn id(case: &Case) -> Option<String> {
    each(case, |log| {
        let key = log.key.as_ref().ok()?;
        let expected = log_id(case.kind_of(log), log.host(), key);
        let base64 = |bytes: &[u8]| data_encoding::BASE64.encode(bytes);
        (log.id() != expected)
            .then(|| format!("the id is `{}`, clients derive `{}`", base64(log.id()), base64(&expected)))
    })
}

pub(super) fn duplicate(case: &Case) -> Option<String> {
    let mut seen: BTreeMap<&[u8], &str> = BTreeMap::new();
    for log in &case.logs {
        let key = log.key.as_ref().map(|key| key.spki()).unwrap_or_default();
        for what in [key, log.id()] {
            if let Some(other) = seen.insert(what, &log.place)
                && other != log.place
                && !what.is_empty()
            {
                return Some(format!("{other} and {} have one key or id", log.place));
            }
        }
    }
    None
}
