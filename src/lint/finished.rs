//! Rules for what a signature made of a draft: a certificate or CRL as it will be published. The signed
//! part is the draft byte for byte, so that every rule that the draft kept holds here too.

use der::asn1::{BitString, UintRef};
use der::{Decode, Reader, SliceReader};
use x509_cert::spki::AlgorithmIdentifierOwned;

use super::{Findings, Rules, rules};
use crate::pki::{Algorithm, PublicKey};

/// What there is to say of a finished object and what it should be made of. A CRL may be large: nothing of
/// it is kept.
pub struct Case {
    parts: Result<Parts, der::Error>,
    /// The algorithm inside of what was signed.
    within: Result<AlgorithmIdentifierOwned, der::Error>,
    algorithm: Algorithm,
}

/// `SEQUENCE { to be signed, AlgorithmIdentifier, BIT STRING }` (RFC 5280, 4.1 and 5.1).
struct Parts {
    /// Whether what was signed stands in it.
    same: bool,
    algorithm: AlgorithmIdentifierOwned,
    signature: BitString,
}

impl Case {
    /// Reads a finished object. `signed` are the bytes that the key of that algorithm signed.
    pub fn new(whole: &[u8], signed: &[u8], algorithm: Algorithm) -> Self {
        Self { parts: parts(whole, signed), within: within(signed), algorithm }
    }
}

fn parts(whole: &[u8], signed: &[u8]) -> der::Result<Parts> {
    let mut outer = SliceReader::new(whole)?;
    let (same, algorithm, signature) = outer.sequence(|inner| {
        let same = inner.tlv_bytes()? == signed;
        let rest = (AlgorithmIdentifierOwned::decode(inner)?, BitString::decode(inner)?);
        Ok::<_, der::Error>((same, rest.0, rest.1))
    })?;
    outer.finish()?;
    Ok(Parts { same, algorithm, signature })
}

/// The first AlgorithmIdentifier of what was signed, after version and serial number or version alone.
fn within(signed: &[u8]) -> der::Result<AlgorithmIdentifierOwned> {
    SliceReader::new(signed)?.sequence(|inner| {
        loop {
            let part = inner.tlv_bytes()?;
            if part.first() == Some(&0x30) {
                let rest = inner.remaining_len();
                inner.drain(rest)?;
                return AlgorithmIdentifierOwned::from_der(part);
            }
        }
    })
}

rules! {
    "Every rule for what is finished.", RULES, Case;
    readable, "FINISHED-READABLE", Structural, "The object is a sequence, in DER, of what was signed, the algorithm and the signature, with nothing behind it.", "RFC 5280, 4.1 and 5.1; X.690, 10";
    same_bytes, "FINISHED-SAME-BYTES", Structural, "What was signed stands in the object byte for byte, as it was judged and approved.", "practice: what was approved is what was signed; WebTrust for CAs, certificate issuance";
    same_algorithm, "FINISHED-SIGNATURE-ALGORITHM", Structural, "The algorithm beside the signature is the one that goes with the key, and stands in what was signed.", "RFC 5280, 4.1.1.2 and 5.1.1.2";
    signature_form, "FINISHED-SIGNATURE-FORM", Structural, "The signature has the form of its algorithm: two positive integers in DER for ECDSA, 64 bytes for Ed25519, as many bytes as the modulus for RSA.", "RFC 5480; RFC 8410, 6; RFC 8017, 8.2";
}

/// Judges a finished object. None of these rules can be waived, and all profiles ask for them.
pub fn lint(object: &str, whole: &[u8], signed: &[u8], key: &PublicKey) -> Findings {
    let mut findings = Findings::default();
    findings.check(&Rules::default(), RULES, object, &Case::new(whole, signed, key.algorithm()));
    findings
}

/// Judges a finished request. What is signed of one does not name the algorithm (RFC 2986, 4.1).
pub fn request(object: &str, whole: &[u8], signed: &[u8], key: &PublicKey) -> Findings {
    let mut findings = Findings::default();
    let mut case = Case::new(whole, signed, key.algorithm());
    case.within = Ok(key.algorithm().signature_identifier());
    findings.check(&Rules::default(), RULES, object, &case);
    findings
}

fn readable(case: &Case) -> Option<String> {
    case.parts.as_ref().err().map(ToString::to_string)
}

fn same_bytes(case: &Case) -> Option<String> {
    let parts = case.parts.as_ref().ok()?;
    (!parts.same).then(|| "other bytes than those that were judged".into())
}

fn same_algorithm(case: &Case) -> Option<String> {
    let found = &case.parts.as_ref().ok()?.algorithm;
    let expected = case.algorithm.signature_identifier();
    let within = &case.within;
    let same = *found == expected && within.as_ref().is_ok_and(|within| within == found);
    (!same).then(|| format!("the algorithm is {}, expected {}, inside as outside", found.oid, expected.oid))
}

fn signature_form(case: &Case) -> Option<String> {
    let signature = &case.parts.as_ref().ok()?.signature;
    let Some(bytes) = signature.as_bytes() else {
        return Some(format!("{} bits of the last byte are left out", signature.unused_bits()));
    };
    let fine = match case.algorithm {
        Algorithm::EcdsaP256 => ecdsa(bytes, 32),
        Algorithm::EcdsaP384 => ecdsa(bytes, 48),
        Algorithm::EcdsaP521 => ecdsa(bytes, 66),
        Algorithm::Ed25519 => bytes.len() == 64,
        Algorithm::Rsa3072 => bytes.len() == 384,
        Algorithm::Rsa4096 => bytes.len() == 512,
    };
    (!fine).then(|| format!("{} bytes that are no signature of {}", bytes.len(), case.algorithm))
}

/// `SEQUENCE { r INTEGER, s INTEGER }`, both above zero and no longer than the curve's order.
fn ecdsa(bytes: &[u8], most: usize) -> bool {
    let read = || {
        let mut reader = SliceReader::new(bytes)?;
        let fine = reader.sequence(|inner| {
            let (r, s) = (UintRef::decode(inner)?, UintRef::decode(inner)?);
            let fits = |number: UintRef<'_>| {
                let bytes = number.as_bytes();
                bytes.len() <= most && bytes.iter().any(|byte| *byte != 0)
            };
            Ok::<_, der::Error>(fits(r) && fits(s))
        })?;
        reader.finish()?;
        Ok::<_, der::Error>(fine)
    };
    read().unwrap_or(false)
}

#[cfg(test)]
pub(crate) mod tests;
