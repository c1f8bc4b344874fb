//! What a device claims of its keys, tried on a throwaway one: attributes are claims, and modules are known
//! that claim wrongly. The key is an object of the session, never of the token, and is destroyed again.

use std::collections::BTreeMap;

use cryptoki::error::Error;
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeInfo, AttributeType, ObjectHandle};
use cryptoki::session::Session;
use cryptoki::types::Ulong;

use super::failure::Failure;
use super::{mechanism, template};
use crate::pki::Algorithm;
use crate::plan::Name;

/// The label of what is tried on, should a token keep it all the same.
const LABEL: &str = "rootwright-probe";

/// What was tried, and what came of it: `refused`, `accepted`, or why it could not be tried. A device should
/// refuse all of it.
pub(super) fn probe(session: &Session, algorithm: Algorithm) -> Result<BTreeMap<String, String>, Error> {
    let mut tried = BTreeMap::new();
    let Ok(name) = LABEL.parse::<Name>() else { return Ok(tried) };
    let (mut public, mut private) = template::pair(&name, algorithm);
    for half in [&mut public, &mut private] {
        half.retain(|attribute| !matches!(attribute, Attribute::Token(_)));
        half.push(Attribute::Token(false));
    }
    let (public, private) =
        match session.generate_key_pair(&mechanism::generation(algorithm), &public, &private) {
            Ok(pair) => pair,
            Err(error) => {
                // A token that takes no objects of a session can't be probed without writing to it.
                tried.insert("throwaway key".into(), format!("not tried: {}", said(&error)));
                return Ok(tried);
            }
        };
    let mut made = vec![public, private];
    tried.insert("CKA_EXTRACTABLE set to true".into(), outcome(extractable(session, private)));
    tried.insert("private value read".into(), outcome(readable(session, private, algorithm)));
    tried.insert("wrapped with a key of the session".into(), wrap(session, private, &mut made));
    for object in made {
        if let Err(error) = session.destroy_object(object) {
            tried.insert(
                "throwaway key".into(),
                format!("not destroyed, and gone with the session: {}", said(&error)),
            );
        }
    }
    Ok(tried)
}

fn said(error: &Error) -> String {
    // Without the explanation behind the code's name.
    let shown = Failure::of(error).to_string();
    shown.split(": ").next().unwrap_or(&shown).to_string()
}

/// Whether something that a device should refuse was accepted.
fn outcome(result: Result<bool, Error>) -> String {
    match result {
        Ok(true) => "accepted".into(),
        Ok(false) => "refused".into(),
        Err(error) => format!("refused: {}", said(&error)),
    }
}

/// Some modules answer that they did, and did not: what is read back counts.
fn extractable(session: &Session, key: ObjectHandle) -> Result<bool, Error> {
    session.update_attributes(key, &[Attribute::Extractable(true)])?;
    let found = session.get_attributes(key, &[AttributeType::Extractable])?;
    Ok(found.contains(&Attribute::Extractable(true)))
}

fn readable(session: &Session, key: ObjectHandle, algorithm: Algorithm) -> Result<bool, Error> {
    let kind = match algorithm.rsa_bits() {
        Some(_) => AttributeType::PrivateExponent,
        None => AttributeType::Value,
    };
    let known = session.get_attribute_info(key, &[kind])?;
    Ok(known.iter().any(|one| matches!(one, AttributeInfo::Available(_))))
}

fn wrap(session: &Session, key: ObjectHandle, made: &mut Vec<ObjectHandle>) -> String {
    let wrapping = [
        Attribute::Token(false),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Wrap(true),
        Attribute::ValueLen(Ulong::new(32)),
        Attribute::Label(LABEL.as_bytes().to_vec()),
    ];
    let wrapping = match session.generate_key(&Mechanism::AesKeyGen, &wrapping) {
        Ok(wrapping) => wrapping,
        Err(error) => return format!("not tried: no key to wrap with: {}", said(&error)),
    };
    made.push(wrapping);
    let padded = session.wrap_key(&Mechanism::AesKeyWrapPad, wrapping, key);
    let wrapped = padded.or_else(|_| session.wrap_key(&Mechanism::AesKeyWrap, wrapping, key));
    outcome(wrapped.map(|_| true))
}
