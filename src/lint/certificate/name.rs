//! Rules for issuer and subject.

use der::asn1::PrintableStringRef;
use der::oid::db::rfc4519;
use der::{Encode, Tag, Tagged};

use super::{Case, found_expected};
use crate::pki::name;

pub(super) fn issuer(case: &Case) -> Option<String> {
    let expected = case.context.issuer.as_ref().map_or(case.tbs.subject(), |issuer| issuer.tbs().subject());
    if case.tbs.issuer().to_der().ok() == expected.to_der().ok() {
        return None;
    }
    found_expected("the issuer", name::readable(case.tbs.issuer()), name::readable(expected))
}

pub(super) fn planned(case: &Case) -> Option<String> {
    if case.tbs.subject().to_der().ok() == case.context.subject.to_der().ok() {
        return None;
    }
    found_expected("the subject", name::readable(case.tbs.subject()), name::readable(&case.context.subject))
}

pub(super) fn names(case: &Case) -> Option<String> {
    for (what, oid) in [("common name", rfc4519::CN), ("organization", rfc4519::O)] {
        let values: Vec<_> = case.tbs.subject().iter().filter(|attribute| attribute.oid == oid).collect();
        match values.as_slice() {
            [one] if !one.value.value().is_empty() => {}
            [_] => return Some(format!("the {what} is empty")),
            list => return Some(format!("the subject has {} of {what}", list.len())),
        }
    }
    None
}

pub(super) fn rdn(case: &Case) -> Option<String> {
    case.tbs.subject().iter_rdn().enumerate().find_map(|(n, relative)| match relative.len() {
        1 => {
            let value = relative.iter().next()?;
            value.value.value().is_empty().then(|| format!("the value of {} is empty", value.oid))
        }
        attributes => Some(format!("relative name {n} has {attributes} attributes")),
    })
}

pub(super) fn strings(case: &Case) -> Option<String> {
    case.tbs.subject().iter().filter(|attribute| [rfc4519::CN, rfc4519::O].contains(&attribute.oid)).find_map(
        |attribute| {
            let text = match attribute.value.tag() {
                Tag::Utf8String | Tag::PrintableString => std::str::from_utf8(attribute.value.value()).ok(),
                _ => None,
            };
            match text.map(|text| text.chars().count()) {
                Some(length) if length <= 64 => None,
                Some(length) => Some(format!("{attribute} has {length} characters")),
                None => Some(format!("{} is written as {}", attribute.oid, attribute.value.tag())),
            }
        },
    )
}

pub(super) fn country(case: &Case) -> Option<String> {
    let country = case.tbs.subject().iter().find(|attribute| attribute.oid == rfc4519::C)?;
    let fine = country.value.decode_as::<PrintableStringRef>().is_ok_and(|text| {
        text.as_str().len() == 2 && text.as_str().chars().all(|letter| letter.is_ascii_uppercase())
    });
    (!fine).then(|| format!("the country is {country}, as {}", country.value.tag()))
}
