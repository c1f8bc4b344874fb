//! Every rule accepts keys of every algorithm, and rejects one thing that is wrong in one.

use ::rsa::BoxedUint;
use der::Any;
use der::asn1::{AnyRef, BitString};
use x509_cert::spki::AlgorithmIdentifierOwned;

use super::*;
use crate::lint::tests::{Ids, found, ids};
use crate::plan::Policy;
use crate::trust_root::tests::public;

fn spki_of(key: &PublicKey) -> SubjectPublicKeyInfoOwned {
    SubjectPublicKeyInfoOwned::from_der(key.spki()).unwrap()
}

/// A SubjectPublicKeyInfo of an ML-DSA parameter set, with a key of that length.
pub(crate) fn ml_dsa(n: usize, length: usize) -> SubjectPublicKeyInfoOwned {
    SubjectPublicKeyInfoOwned {
        algorithm: AlgorithmIdentifierOwned { oid: ML_DSA[n].1, parameters: None },
        subject_public_key: BitString::from_bytes(&vec![7; length]).unwrap(),
    }
}

/// An RSA key of any modulus and exponent.
fn rsa(modulus: &[u8], exponent: &[u8]) -> SubjectPublicKeyInfoOwned {
    let mut body = UintRef::new(modulus).unwrap().to_der().unwrap();
    UintRef::new(exponent).unwrap().encode_to_vec(&mut body).unwrap();
    let bits = Any::new(Tag::Sequence, body).unwrap().to_der().unwrap();
    SubjectPublicKeyInfoOwned {
        algorithm: AlgorithmIdentifierOwned {
            oid: rfc5912::RSA_ENCRYPTION,
            parameters: Some(Any::from(AnyRef::NULL)),
        },
        subject_public_key: BitString::from_bytes(&bits).unwrap(),
    }
}

const F4: [u8; 3] = [1, 0, 1];

/// A number of so many bytes, the top bit set, odd.
fn odd(bytes: usize) -> BoxedUint {
    let mut digits = vec![0u8; bytes];
    digits[0] = 0xc3;
    digits[bytes / 2] = 0x5a;
    digits[bytes - 1] = 0x35;
    BoxedUint::from_be_slice_vartime(&digits)
}

fn product(a: &BoxedUint, b: &BoxedUint) -> Vec<u8> {
    let bits = a.bits_precision() + b.bits_precision();
    let wide = |n: &BoxedUint| BoxedUint::from_be_slice(&n.to_be_bytes_trimmed_vartime(), bits).unwrap();
    wide(a).wrapping_mul(wide(b)).to_be_bytes_trimmed_vartime().to_vec()
}

fn findings(spki: &SubjectPublicKeyInfoOwned) -> Findings {
    let mut findings = Findings::default();
    findings.check(&Rules::of_policy(Policy::ExperimentalPq), RULES, "keys.any", &Case::new(spki));
    findings
}

pub(crate) fn accepted() -> Ids {
    for algorithm in Algorithm::ALL {
        let findings = findings(&spki_of(&public(algorithm)));
        assert_eq!(findings, Findings::default(), "{algorithm}");
    }
    for (n, (name, _, length)) in ML_DSA.iter().enumerate() {
        let findings = findings(&ml_dsa(n, *length));
        assert_eq!(findings.0.len(), 1, "{name}: {findings}");
        found(&findings, "KEY-EXPERIMENTAL");
    }
    ids(RULES, Policy::ExperimentalPq)
}

pub(crate) fn rejected() -> Ids {
    let p256 = spki_of(&public(Algorithm::EcdsaP256));
    let with = |change: &dyn Fn(&mut SubjectPublicKeyInfoOwned)| {
        let mut spki = p256.clone();
        change(&mut spki);
        spki
    };
    let bits = |spki: &mut SubjectPublicKeyInfoOwned, change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = spki.subject_public_key.raw_bytes().to_vec();
        change(&mut bytes);
        spki.subject_public_key = BitString::from_bytes(&bytes).unwrap();
    };
    let good = case_of(Algorithm::Rsa3072).rsa.unwrap();
    // Powers of 65537 are what CVE-2017-15361 looks for, whatever else they are.
    let power = (0..8).fold(BoxedUint::from_be_slice_vartime(&F4), |power, _| {
        BoxedUint::from_be_slice_vartime(&product(&power, &power))
    });
    let (p, q) = (odd(192), odd(192).wrapping_add(BoxedUint::from(2048u32)));
    [
        ("KEY-KNOWN", with(&|spki| spki.algorithm.oid = rfc5912::ID_DSA)),
        ("KEY-ENCODING", with(&|spki| spki.algorithm.parameters = None)),
        ("KEY-ENCODING", {
            let mut spki = ml_dsa(0, 1312);
            spki.algorithm.parameters = Some(Any::from(AnyRef::NULL));
            spki
        }),
        ("KEY-POINT", with(&|spki| bits(spki, &|bytes| *bytes.last_mut().unwrap() ^= 1))),
        ("KEY-POINT", with(&|spki| bits(spki, &|bytes| bytes[0] = 2))),
        ("KEY-POINT", ml_dsa(1, 1312)),
        ("KEY-RSA-SIZE", rsa(&product(&odd(128), &odd(128)), &F4)),
        ("KEY-RSA-SIZE", {
            let mut spki = rsa(&good.modulus, &F4);
            bits(&mut spki, &|bytes| bytes.truncate(9));
            spki
        }),
        ("KEY-RSA-EXPONENT", rsa(&good.modulus, &[3])),
        ("KEY-RSA-EXPONENT", rsa(&good.modulus, &[1, 0, 2])),
        ("KEY-RSA-EXPONENT", rsa(&good.modulus, &[1; 33])),
        ("KEY-RSA-SMALL-FACTORS", rsa(&product(&odd(382), &BoxedUint::from(751u32)), &F4)),
        ("KEY-RSA-ROCA", rsa(&power.to_be_bytes_trimmed_vartime(), &F4)),
        ("KEY-RSA-FERMAT", rsa(&product(&p, &q), &F4)),
        ("KEY-RSA-FERMAT", rsa(&product(&p, &p), &F4)),
        ("KEY-EXPERIMENTAL", ml_dsa(2, 2592)),
    ]
    .into_iter()
    .map(|(id, spki)| found(&findings(&spki), id))
    .collect()
}

fn case_of(algorithm: Algorithm) -> Case {
    Case::new(&spki_of(&public(algorithm)))
}

#[test]
fn every_rule_rejects() {
    assert_eq!(accepted(), rejected());
}

#[test]
fn a_bad_key_stops() {
    let name = "any".parse().unwrap();
    assert!(lint(&name, &public(Algorithm::EcdsaP384), &Rules::default()).unwrap().0.is_empty());
    let fermat = rsa(&product(&odd(192), &odd(192)), &F4);
    let key = PublicKey::from_spki(&fermat.to_der().unwrap()).unwrap();
    let findings = lint(&name, &key, &Rules::default()).unwrap_err();
    assert_eq!(findings.0[0].object, "keys.any");
}
