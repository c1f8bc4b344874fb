//! Rules for certificate and timestamp authorities.

use std::collections::BTreeMap;

use der::Encode;
use x509_cert::Certificate;

use super::case::{Authority, Case, TIMESTAMP_AUTHORITIES, moment};
use crate::lint::certificate::Extensions;
use crate::lint::policy::MONTHS_15;
use crate::pki::{Algorithm, PublicKey, Signature};
use crate::plan::Profile;
use crate::trust_root::authority::subject;

fn each(case: &Case, check: impl Fn(&Authority) -> Option<String>) -> Option<String> {
    case.authorities.iter().find_map(|entry| check(entry).map(|found| format!("{}: {found}", entry.place)))
}

pub(super) fn readable(case: &Case) -> Option<String> {
    each(case, |entry| match &entry.chain {
        Ok(chain) if chain.is_empty() => Some("there are no certificates".into()),
        Ok(_) => None,
        Err(error) => Some(format!("a certificate that can't be read: {error}")),
    })
}

/// Why `upper` did not issue `lower`, if it did not.
fn not_issued(lower: &Certificate, upper: &Certificate) -> Option<String> {
    let (below, above) = (lower.tbs_certificate(), upper.tbs_certificate());
    if below.issuer().to_der().ok() != above.subject().to_der().ok() {
        return Some(format!("the issuer is {}, and {} follows", below.issuer(), above.subject()));
    }
    let key = above.subject_public_key_info().to_der().map_err(|error| error.to_string());
    let verified =
        key.and_then(|spki| PublicKey::from_spki(&spki).map_err(|error| error.to_string())).and_then(|key| {
            let tbs = below.to_der().map_err(|error| error.to_string())?;
            let signature = Signature(lower.signature().raw_bytes().to_vec());
            key.verify(&tbs, &signature).map_err(|error| error.to_string())
        });
    verified.err().map(|error| format!("{} under {}: {error}", below.subject(), above.subject()))
}

pub(super) fn order(case: &Case) -> Option<String> {
    each(case, |entry| {
        entry.certificates().windows(2).find_map(|pair| match pair {
            [lower, upper] => not_issued(lower, upper),
            _ => None,
        })
    })
}

pub(super) fn root(case: &Case) -> Option<String> {
    each(case, |entry| {
        // Its own signature proves nothing to a client that trusts it: that it names itself is enough.
        let root = entry.certificates().last()?.tbs_certificate();
        (root.issuer().to_der().ok() != root.subject().to_der().ok())
            .then(|| format!("the last certificate, {}, is no root", root.subject()))
    })
}

pub(super) fn root_name(case: &Case) -> Option<String> {
    each(case, |entry| {
        let root = subject(entry.certificates().last()?).unwrap_or_default();
        let found = entry.entry.subject.clone().unwrap_or_default();
        let fine = found == root && !found.organization.is_empty() && !found.common_name.is_empty();
        (!fine).then(|| {
            format!(
                "organization and common name are `{}` and `{}`, the root's `{}` and `{}`",
                found.organization, found.common_name, root.organization, root.common_name
            )
        })
    })
}

pub(super) fn subjects(case: &Case) -> Option<String> {
    let mut seen: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    for entry in &case.authorities {
        for certificate in entry.certificates() {
            let tbs = certificate.tbs_certificate();
            let (Ok(name), Ok(key)) = (tbs.subject().to_der(), tbs.subject_public_key_info().to_der()) else {
                continue;
            };
            if seen.insert(name, key.clone()).is_some_and(|other| other != key) {
                return Some(format!("{}: two keys bear the subject {}", entry.place, tbs.subject()));
            }
        }
    }
    None
}

pub(super) fn timestamp_chain(case: &Case) -> Option<String> {
    each(case, |entry| {
        let length = entry.ders().len();
        (entry.kind == TIMESTAMP_AUTHORITIES && length < 2).then(|| format!("a chain of {length}"))
    })
}

/// The certificate that signs timestamps, where the entry is a timestamp authority.
fn signer(entry: &Authority) -> Option<&Certificate> {
    entry.certificates().first().filter(|_| entry.kind == TIMESTAMP_AUTHORITIES)
}

pub(super) fn timestamp_key(case: &Case) -> Option<String> {
    each(case, |entry| {
        let spki = signer(entry)?.tbs_certificate().subject_public_key_info().to_der().ok()?;
        let found = PublicKey::from_spki(&spki).map(|key| key.algorithm());
        match found {
            Ok(Algorithm::EcdsaP256 | Algorithm::EcdsaP384) => None,
            Ok(other) => Some(format!("the signer's key is {other}")),
            Err(error) => Some(error.to_string()),
        }
    })
}

pub(super) fn timestamp_period(case: &Case) -> Option<String> {
    each(case, |entry| {
        let from = signer(entry)?.tbs_certificate().validity().not_before.to_unix_duration().as_secs();
        let last = i64::try_from(from.saturating_add(MONTHS_15 * 86_400)).ok()?;
        let end = entry.window?.end;
        end.is_none_or(|end| end > last).then(|| {
            let end = end.map_or_else(|| "has no end".into(), |end| format!("ends at {}", moment(end)));
            format!("the window {end}, and the key may sign until {}", moment(last))
        })
    })
}

pub(super) fn purpose(case: &Case) -> Option<String> {
    each(case, |entry| {
        let extensions = Extensions::of(entry.certificates().first()?.tbs_certificate());
        let (expected, ca) = match entry.kind {
            TIMESTAMP_AUTHORITIES => (Profile::TimestampSigner, false),
            _ => (Profile::CodeSigning, true),
        };
        let (purposes, critical) = expected.extended_key_usage()?;
        let found = extensions.purposes.as_ref();
        let fine = extensions.is_ca() == ca
            && found.is_some_and(|found| found.value.0 == purposes && found.critical == critical);
        (!fine).then(|| format!("the first certificate is not one of profile {expected}"))
    })
}

pub(super) fn inside(case: &Case) -> Option<String> {
    each(case, |entry| {
        let window = entry.window?;
        entry.certificates().iter().find_map(|certificate| {
            let tbs = certificate.tbs_certificate();
            let seconds = |time: x509_cert::time::Time| i64::try_from(time.to_unix_duration().as_secs());
            let life = tbs.validity();
            let (from, to) = (seconds(life.not_before).ok()?, seconds(life.not_after).ok()?);
            let fine = window.start >= from && window.end.unwrap_or(window.start) <= to;
            (!fine).then(|| {
                format!("{window}; {} is valid from {} to {}", tbs.subject(), moment(from), moment(to))
            })
        })
    })
}

pub(super) fn uri(case: &Case) -> Option<String> {
    each(case, |entry| {
        let uri = &entry.entry.uri;
        let rest = uri.strip_prefix("https://").or_else(|| uri.strip_prefix("http://")).unwrap_or("");
        (rest.is_empty() || uri.ends_with('/')).then(|| format!("the address is `{uri}`"))
    })
}
