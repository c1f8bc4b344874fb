//! Every rule accepts a statement, and rejects one thing that is wrong in it.

use std::collections::{BTreeMap, BTreeSet};

use rcgen::{KeyPair, PublicKeyData, SigningKey};
use serde_json::json;

use super::*;
use crate::lint::tests::{Ids, found, ids, nothing};
use crate::pki::PublicKey;
use crate::pki::dsse::{Context, Subject};
use crate::plan::{Name, Policy};

const KIND: &str = "urn:test:statement";

fn person() -> Name {
    "witness-1".parse().unwrap()
}

fn key() -> (KeyPair, PublicKey) {
    let pair = KeyPair::generate().unwrap();
    let public = PublicKey::from_spki(&pair.subject_public_key_info()).unwrap();
    (pair, public)
}

fn statement(subjects: Vec<Subject>) -> Vec<u8> {
    Statement::new(KIND, subjects, json!({"person": "witness-1"})).payload().unwrap()
}

fn good(public: &PublicKey) -> Draft<EnvelopeSignature> {
    let context = Context {
        payload: statement(vec![Subject::sha256("plan", "0a".repeat(32))]),
        predicate_type: KIND,
        own: BTreeSet::from([public.fingerprint()]),
        services: BTreeMap::from([("00".repeat(32), "root".parse().unwrap())]),
    };
    dsse::draft("approval".into(), (&person(), public), context)
}

fn with(public: &PublicKey, change: impl FnOnce(&mut Draft<EnvelopeSignature>)) -> Findings {
    let mut draft = good(public);
    change(&mut draft);
    EnvelopeSignature::lint(&draft, &Rules::default())
}

pub(crate) fn accepted() -> Ids {
    let (_, public) = key();
    nothing(&with(&public, |_| {}), "a statement");
    ids(RULES, Policy::Sigstore)
}

pub(crate) fn rejected() -> Ids {
    let (_, public) = key();
    let payload = |draft: &mut Draft<EnvelopeSignature>, payload: Vec<u8>| {
        draft.bytes = dsse::pae(&payload);
        draft.context.payload = payload;
    };
    let upper = Subject::sha256("plan", "0A".repeat(32));
    let twice = vec![Subject::sha256("plan", "0a".repeat(32)); 2];
    found(&with(&public, |draft| payload(draft, statement(Vec::new()))), "STATEMENT-SUBJECTS");
    found(&with(&public, |draft| payload(draft, statement(twice))), "STATEMENT-SUBJECTS");
    found(&with(&public, |draft| draft.bytes.push(b' ')), "STATEMENT-CANONICAL");
    let fingerprint = public.fingerprint();
    BTreeSet::from([
        found(&with(&public, |draft| payload(draft, b"{}".to_vec())), "STATEMENT-CANONICAL"),
        found(&with(&public, |draft| draft.context.predicate_type = "urn:other"), "STATEMENT-PREDICATE"),
        found(&with(&public, |draft| payload(draft, statement(vec![upper]))), "STATEMENT-SUBJECTS"),
        found(
            &with(&public, |draft| {
                draft.context.services.insert(fingerprint, "fulcio".parse().unwrap());
            }),
            "STATEMENT-NO-CA-KEY",
        ),
        found(&with(&public, |draft| draft.context.own.clear()), "STATEMENT-OWN-KEY"),
    ])
}

#[test]
fn every_rule_rejects() {
    assert_eq!(accepted(), rejected());
}

#[test]
fn only_a_signature_that_verifies_endorses() {
    let (pair, public) = key();
    let linted = || good(&public).lint(&Rules::default()).unwrap();
    let signature = Signature(pair.sign(&linted().draft().bytes).unwrap());
    let endorsed = Endorsed::by_device(linted(), signature.clone()).unwrap();
    assert_eq!(endorsed.signature().keyid, public.fingerprint());
    assert_eq!(endorsed.key(), public.fingerprint());
    let broken = Signature(signature.0.iter().map(|byte| byte ^ 1).collect());
    assert!(matches!(Endorsed::by_device(linted(), broken), Err(EndorseError::Device(_))));
}
