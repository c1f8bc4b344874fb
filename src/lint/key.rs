//! Rules for public keys: right where a device makes one or a request brings one, and again in every
//! certificate. They read the SubjectPublicKeyInfo themselves, so that a bad key is named, not only refused.

mod rsa;

use der::asn1::{ObjectIdentifier, UintRef};
use der::oid::db::{rfc5912, rfc8410};
use der::{Decode, Encode, Reader, SliceReader, Tag, Tagged};
use x509_cert::spki::SubjectPublicKeyInfoOwned;

use super::{Findings, Rules, rules};
use crate::pki::{Algorithm, BadKey, PublicKey};
use crate::plan::Name;

/// ML-DSA's object identifiers and key lengths in bytes (RFC 9881, 2 and 4; FIPS 204, table 2).
const ML_DSA: [(&str, ObjectIdentifier, usize); 3] = [
    ("ml-dsa-44", ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.17"), 1312),
    ("ml-dsa-65", ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.18"), 1952),
    ("ml-dsa-87", ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.19"), 2592),
];

/// A key's family, by its object identifier alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Ecdsa,
    Ed25519,
    Rsa,
    MlDsa(&'static str, usize),
    Other,
}

/// A key as the rules see it.
#[derive(Clone, Debug)]
pub struct Case {
    spki: SubjectPublicKeyInfoOwned,
    family: Family,
    public: Result<PublicKey, BadKey>,
    rsa: Option<rsa::Numbers>,
}

impl Case {
    /// What stands in a SubjectPublicKeyInfo, read once.
    pub fn new(spki: &SubjectPublicKeyInfoOwned) -> Self {
        let oid = spki.algorithm.oid;
        let family = if oid == rfc5912::ID_EC_PUBLIC_KEY {
            Family::Ecdsa
        } else if oid == rfc8410::ID_ED_25519 {
            Family::Ed25519
        } else if oid == rfc5912::RSA_ENCRYPTION {
            Family::Rsa
        } else {
            let known = ML_DSA.iter().find(|(_, known, _)| *known == oid);
            known.map_or(Family::Other, |(name, _, length)| Family::MlDsa(name, *length))
        };
        let public = spki
            .to_der()
            .map_err(|error| BadKey::Encoding(error.to_string()))
            .and_then(|der| PublicKey::from_spki(&der));
        let rsa = (family == Family::Rsa).then(|| numbers(spki.subject_public_key.raw_bytes())).flatten();
        Self { spki: spki.clone(), family, public, rsa }
    }

    /// The key, if it is one that this tool works with.
    pub fn public(&self) -> Option<&PublicKey> {
        self.public.as_ref().ok()
    }

    /// The key's algorithm, if it is one that this tool works with.
    pub fn algorithm(&self) -> Option<Algorithm> {
        self.public().map(PublicKey::algorithm)
    }

    /// The name of the ML-DSA parameter set, if the key is of one.
    pub fn ml_dsa(&self) -> Option<&'static str> {
        match self.family {
            Family::MlDsa(name, _) => Some(name),
            _ => None,
        }
    }

    /// The key's bits: what its identifier is made of.
    pub fn bits(&self) -> &[u8] {
        self.spki.subject_public_key.raw_bytes()
    }
}

/// Modulus and exponent of an RSAPublicKey (RFC 8017, A.1.1).
fn numbers(bits: &[u8]) -> Option<rsa::Numbers> {
    let mut reader = SliceReader::new(bits).ok()?;
    let read = reader.sequence(|inner| {
        let (modulus, exponent) = (UintRef::decode(inner)?, UintRef::decode(inner)?);
        Ok::<_, der::Error>((modulus.as_bytes().to_vec(), exponent.as_bytes().to_vec()))
    });
    let (modulus, exponent) = read.ok()?;
    reader.finish().ok()?;
    Some(rsa::Numbers::new(modulus, exponent))
}

rules! {
    "Every rule for public keys.", RULES, Case;
    known, "KEY-KNOWN", Structural, "The key is of a known algorithm: ECDSA, Ed25519, RSA, or ML-DSA.", "RFC 5480; RFC 8410; RFC 4055; RFC 9881";
    encoding, "KEY-ENCODING", Structural, "The key's parameters are those of its algorithm: a named curve, NULL for RSA, none for Ed25519 and ML-DSA; its bits are whole bytes.", "RFC 5480, 2.1.1; RFC 3279, 2.3.1; RFC 8410, 3; RFC 9881, 4";
    point, "KEY-POINT", Structural, "The point is on its curve, not compressed, and not of small order; an ML-DSA key has its length.", "CSBR 6.1.6; NIST SP 800-56A, 5.6.2.3; RFC 9881, 4";
    rsa_size, "KEY-RSA-SIZE", Structural, "An RSA modulus has 3072 or 4096 bits.", "CSBR 6.1.5";
    rsa_exponent, "KEY-RSA-EXPONENT", Error, "An RSA exponent is odd and from 65537 to 2^256 - 1.", "CSBR 6.1.6; NIST SP 800-89, 5.3.3";
    rsa_factors, "KEY-RSA-SMALL-FACTORS", Structural, "An RSA modulus has no factor below 752.", "CSBR 6.1.6; NIST SP 800-89, 5.3.3";
    rsa_roca, "KEY-RSA-ROCA", Structural, "An RSA modulus does not have the form that Infineon's chips gave it.", "CVE-2017-15361";
    rsa_fermat, "KEY-RSA-FERMAT", Structural, "An RSA modulus is not the product of two primes close to each other.", "CVE-2022-26320; BR 6.1.1.3";
    experimental, "KEY-EXPERIMENTAL", Warning, "An ML-DSA key is experimental: sigstore-python refuses an intermediate of one, sigstore-js takes it on node 24 alone.", "RFC 9881; sigstore's clients, measured", ExperimentalPq;
}

/// Judges a key that a device made or a request brought.
pub fn lint(name: &Name, public: &PublicKey, rules: &Rules) -> Result<Findings, Findings> {
    let mut findings = Findings::default();
    // A PublicKey holds DER that was read before.
    if let Ok(spki) = SubjectPublicKeyInfoOwned::from_der(public.spki()) {
        findings.check(rules, RULES, &format!("keys.{name}"), &Case::new(&spki));
    }
    findings.stopping()
}

fn known(case: &Case) -> Option<String> {
    (case.family == Family::Other).then(|| format!("a key of algorithm {}", case.spki.algorithm.oid))
}

fn encoding(case: &Case) -> Option<String> {
    let parameters = case.spki.algorithm.parameters.as_ref();
    let fine = match case.family {
        Family::Ecdsa => parameters.is_some_and(|found| found.tag() == Tag::ObjectIdentifier),
        Family::Rsa => parameters.is_some_and(der::asn1::Any::is_null),
        Family::Ed25519 | Family::MlDsa(..) => parameters.is_none(),
        Family::Other => true,
    };
    if !fine {
        let found = parameters.map_or_else(|| "none".into(), |found| found.tag().to_string());
        return Some(format!("the parameters of {} are {found}", case.spki.algorithm.oid));
    }
    let unused = case.spki.subject_public_key.unused_bits();
    (unused != 0).then(|| format!("the key leaves {unused} bits of its last byte out"))
}

fn point(case: &Case) -> Option<String> {
    match (case.family, &case.public) {
        (Family::Ecdsa | Family::Ed25519, Err(error)) => Some(error.to_string()),
        (Family::MlDsa(name, expected), _) => {
            let found = case.bits().len();
            (found != expected).then(|| format!("a key of {name} with {found} bytes, expected {expected}"))
        }
        _ => None,
    }
}

fn rsa_size(case: &Case) -> Option<String> {
    if case.family != Family::Rsa {
        return None;
    }
    let Some(numbers) = &case.rsa else { return Some("modulus and exponent can't be read".into()) };
    let bits = numbers.bits();
    (!rsa::SIZES.contains(&bits)).then(|| format!("the modulus has {bits} bits"))
}

fn rsa_exponent(case: &Case) -> Option<String> {
    let exponent = &case.rsa.as_ref()?.exponent;
    let odd = exponent.last().is_some_and(|last| last & 1 == 1);
    let above = exponent.len() > 3 || exponent.as_slice() >= [1, 0, 1].as_slice() && exponent.len() == 3;
    (!(odd && above && exponent.len() <= 32))
        .then(|| format!("the exponent is {}", data_encoding::HEXLOWER.encode(exponent)))
}

fn rsa_factors(case: &Case) -> Option<String> {
    let factor = case.rsa.as_ref()?.small_factor()?;
    Some(format!("{factor} divides the modulus"))
}

fn rsa_roca(case: &Case) -> Option<String> {
    case.rsa.as_ref()?.is_roca().then(|| "the modulus has the fingerprint of CVE-2017-15361".into())
}

fn rsa_fermat(case: &Case) -> Option<String> {
    let numbers = case.rsa.as_ref()?;
    let rounds = numbers.close_factors()?;
    Some(format!("the modulus falls to Fermat's method in {rounds} rounds"))
}

fn experimental(case: &Case) -> Option<String> {
    case.ml_dsa().map(|name| format!("a key of {name}"))
}

#[cfg(test)]
pub(crate) mod tests;
