//! A key pair as a token gives it back: whole, half, or no pair at all.
//!
//! A process can be killed while the device generates. Killed at each of SoftHSM's writes in turn, it
//! left a public key alone at nearly half of them, and at a few a private key without a value.

use std::collections::BTreeMap;

use cryptoki::error::Error;
use cryptoki::object::{AttributeType, ObjectHandle};
use cryptoki::session::Session;
use serde_json::{Value, json};

use super::attributes::{self, NOT_ANSWERED};
use super::public_key::Parts;
use super::{KeyReport, template};
use crate::plan::Name;

/// What a token says of a private key.
pub(super) struct Private {
    claims: BTreeMap<String, Value>,
    parts: Parts,
}

impl Private {
    pub(super) fn read(session: &Session, key: ObjectHandle) -> Result<Self, Error> {
        Ok(Self { claims: attributes::claims(session, key)?, parts: Parts::read(session, key)? })
    }

    fn claim(&self, name: &str) -> String {
        self.claims.get(name).and_then(Value::as_str).unwrap_or(NOT_ANSWERED).to_string()
    }

    /// Whether the device began to make this key and never finished: it was always inside, but not
    /// made there, and has no curve or modulus. An imported key was outside once, and has them.
    fn is_hollow(&self) -> bool {
        let says = |name: &str, value: bool| self.claims.get(name) == Some(&json!(value));
        says("CKA_LOCAL", false)
            && says("CKA_ALWAYS_SENSITIVE", true)
            && self.claim("CKA_KEY_GEN_MECHANISM") == NOT_ANSWERED
            && self.parts.is_empty()
    }
}

/// What a token says of a public key.
pub(super) struct Public {
    id: String,
    parts: Parts,
}

impl Public {
    pub(super) fn read(session: &Session, key: ObjectHandle) -> Result<Self, Error> {
        Ok(Self { id: attributes::text(session, key, AttributeType::Id)?, parts: Parts::read(session, key)? })
    }
}

/// What there is under a label.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pair {
    /// A private and a public key that belong together.
    Whole(Box<KeyReport>),
    /// Half of a pair; `ours` if its id is the one that we give, and it has no private key that
    /// could sign, so that nothing is lost without it.
    Half { found: &'static str, ours: bool },
    /// Something that can't be: what, what was found, what was expected.
    Wrong { what: &'static str, found: String, expected: String },
}

/// Judges what was found under a key's label.
pub(super) fn judge(key: &Name, private: Option<Private>, public: Option<Public>) -> Option<Pair> {
    let id = data_encoding::HEXLOWER.encode(&template::id(key));
    Some(match (private, public) {
        (None, None) => return None,
        (None, Some(public)) => Pair::Half { found: "a public key alone", ours: public.id == id },
        (Some(_), None) => Pair::Half { found: "a private key alone", ours: false },
        (Some(private), Some(public)) if private.is_hollow() => Pair::Half {
            found: "a private key that the device did not finish, and a public key",
            ours: private.claim("CKA_ID") == id && public.id == id,
        },
        (Some(private), Some(public)) => whole(private, &public),
    })
}

fn whole(private: Private, public: &Public) -> Pair {
    let (id, mechanism) = (private.claim("CKA_ID"), private.claim("CKA_KEY_GEN_MECHANISM"));
    if id != public.id {
        let expected = format!("{id}, as the private key has");
        return Pair::Wrong { what: "the CKA_ID of the public key", found: public.id.clone(), expected };
    }
    match public.parts.public() {
        Ok(public) => Pair::Whole(Box::new(KeyReport {
            public,
            id,
            mechanism,
            attributes: private.claims,
            attestation: None,
        })),
        Err((found, expected)) => Pair::Wrong { what: "the public key", found, expected },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::Algorithm;

    fn name() -> Name {
        "root".parse().unwrap()
    }

    fn id() -> String {
        data_encoding::HEXLOWER.encode(&template::id(&name()))
    }

    fn public(id: &str) -> Option<Public> {
        Some(Public { id: id.into(), parts: Parts::example() })
    }

    /// As SoftHSM leaves it when it is killed before it writes the value.
    fn hollow(id: &str) -> Private {
        let flags = [("CKA_LOCAL", false), ("CKA_SENSITIVE", true), ("CKA_ALWAYS_SENSITIVE", true)];
        let mut claims: BTreeMap<String, Value> =
            flags.into_iter().map(|(name, value)| (name.to_string(), json!(value))).collect();
        claims.insert("CKA_ID".into(), json!(id));
        claims.insert("CKA_KEY_GEN_MECHANISM".into(), json!(NOT_ANSWERED));
        Private { claims, parts: Parts::default() }
    }

    fn generated(id: &str) -> Private {
        let mut key = hollow(id);
        key.claims.insert("CKA_LOCAL".into(), json!(true));
        key.claims.insert("CKA_KEY_GEN_MECHANISM".into(), json!("CKM_EC_KEY_PAIR_GEN"));
        key.parts = Parts::example();
        key
    }

    fn half(private: Option<Private>, public: Option<Public>) -> bool {
        match judge(&name(), private, public) {
            Some(Pair::Half { ours, .. }) => ours,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_whole_pair_is_reported() {
        assert_eq!(judge(&name(), None, None), None);
        let Some(Pair::Whole(report)) = judge(&name(), Some(generated(&id())), public(&id())) else {
            panic!()
        };
        assert_eq!((&report.id, report.mechanism.as_str()), (&id(), "CKM_EC_KEY_PAIR_GEN"));
    }

    #[test]
    fn a_key_is_strange_that_generate_would_not_have_made() {
        let Some(Pair::Whole(mut report)) = judge(&name(), Some(generated(&id())), public(&id())) else {
            panic!()
        };
        let strange = |report: &KeyReport, key: &Name, algorithm| {
            report.strange(key, algorithm, false).map(|(what, _, _)| what).unwrap_or_default()
        };
        let p256 = Algorithm::EcdsaP256;
        assert_eq!(strange(&report, &name(), p256), "");
        assert_eq!(strange(&report, &"other".parse().unwrap(), p256), "its CKA_ID");
        assert_eq!(strange(&report, &name(), Algorithm::EcdsaP384), "its algorithm");
        report.attributes.insert("CKA_EXTRACTABLE".into(), json!(true));
        assert_eq!(strange(&report, &name(), p256), "CKA_EXTRACTABLE");
    }

    #[test]
    fn only_our_own_halves_without_a_usable_private_key_may_go() {
        assert!(half(None, public(&id())));
        assert!(half(Some(hollow(&id())), public(&id())));
        assert!(!half(None, public("00")));
        assert!(!half(Some(hollow("00")), public("00")));
        assert!(!half(Some(hollow("00")), public(&id())));
        assert!(!half(Some(generated(&id())), None));
        assert!(!half(Some(hollow(&id())), None));
    }

    #[test]
    fn an_imported_key_is_no_half() {
        let known = Private { parts: Parts::example(), ..hollow(&id()) };
        assert!(matches!(judge(&name(), Some(known), public(&id())), Some(Pair::Whole(_))));
        let mut outside = hollow(&id());
        outside.claims.insert("CKA_ALWAYS_SENSITIVE".into(), json!(false));
        assert!(matches!(judge(&name(), Some(outside), public(&id())), Some(Pair::Whole(_))));
        // One that says nothing of its curve, on a device that says nothing of origins.
        let mut silent = hollow(&id());
        silent.claims.insert("CKA_LOCAL".into(), json!(NOT_ANSWERED));
        assert!(matches!(judge(&name(), Some(silent), public(&id())), Some(Pair::Whole(_))));
    }

    #[test]
    fn keys_with_different_ids_are_no_pair() {
        let Some(Pair::Wrong { what, found, .. }) = judge(&name(), Some(generated(&id())), public("00"))
        else {
            panic!()
        };
        assert_eq!((what, found.as_str()), ("the CKA_ID of the public key", "00"));
    }
}
