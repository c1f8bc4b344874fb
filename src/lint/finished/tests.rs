//! Every rule accepts what was signed, and rejects one thing that is wrong in it.

use der::Encode;

use super::super::certificate::tests::{drafts, signed};
use super::*;
use crate::lint::tests::{Ids, found, ids};
use crate::plan::Policy;
use crate::trust_root::tests::public;

/// A finished root, its signed part, and its key.
fn root() -> (Vec<u8>, Vec<u8>, PublicKey) {
    let root = drafts().remove(0);
    let (certificate, public) = signed(&root);
    (certificate.der().to_vec(), root.bytes, public)
}

pub(crate) fn accepted() -> Ids {
    let (whole, bytes, key) = root();
    assert_eq!(lint("certificates.root", &whole, &bytes, &key), Findings::default());
    ids(RULES, Policy::Sigstore)
}

/// The object with another signature.
fn with_signature(whole: &[u8], signature: &BitString) -> Vec<u8> {
    let (signed, _) = crate::pki::crl::parts::signed(whole).unwrap();
    let parts = parts(whole, signed).unwrap();
    let mut body = signed.to_vec();
    parts.algorithm.encode_to_vec(&mut body).unwrap();
    signature.encode_to_vec(&mut body).unwrap();
    der::Any::new(der::Tag::Sequence, body).unwrap().to_der().unwrap()
}

pub(crate) fn rejected() -> Ids {
    let (whole, bytes, key) = root();
    let p256 = public(Algorithm::EcdsaP256);
    let trailing = [whole.as_slice(), &[0]].concat();
    let mut other = bytes.clone();
    *other.last_mut().unwrap() ^= 1;
    // The outer length in more bytes than it needs is BER.
    let long = [&[0x30, 0x83, 0][..], &whole[2..]].concat();
    let unused = with_signature(&whole, &BitString::new(3, vec![0xf8; 96]).unwrap());
    let zero = with_signature(&whole, &BitString::from_bytes(&[0x30, 6, 2, 1, 0, 2, 1, 1]).unwrap());
    let raw = with_signature(&whole, &BitString::from_bytes(&[1; 96]).unwrap());
    let cases: Vec<(&str, Vec<u8>, &[u8], &PublicKey)> = vec![
        ("FINISHED-READABLE", trailing, &bytes, &key),
        ("FINISHED-READABLE", long, &bytes, &key),
        ("FINISHED-SAME-BYTES", whole.clone(), &other, &key),
        ("FINISHED-SIGNATURE-ALGORITHM", whole.clone(), &bytes, &p256),
        ("FINISHED-SIGNATURE-FORM", unused, &bytes, &key),
        ("FINISHED-SIGNATURE-FORM", zero, &bytes, &key),
        ("FINISHED-SIGNATURE-FORM", raw, &bytes, &key),
    ];
    let found_in = |(id, whole, signed, key): (&'static str, Vec<u8>, &[u8], &PublicKey)| {
        found(&lint("certificates.root", &whole, signed, key), id)
    };
    cases.into_iter().map(found_in).collect()
}

#[test]
fn every_rule_rejects() {
    assert_eq!(accepted(), rejected());
}
