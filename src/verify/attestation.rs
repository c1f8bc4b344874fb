//! A YubiKey's attestation, read and verified by other libraries than the rules use: it is of the very key
//! that is recorded, and signed by the key of the certificate beside it.

use aws_lc_rs::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use data_encoding::BASE64;
use serde_json::Value;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::signature::signed_part;

/// Checks what a key's record keeps of a YubiKey; none where it keeps nothing, or another maker's.
pub fn check(record: &Value, spki: &[u8]) -> Option<Result<&'static str, String>> {
    (record.get("type").and_then(Value::as_str) == Some("yubico-piv")).then(|| verify(record, spki))
}

fn verify(record: &Value, spki: &[u8]) -> Result<&'static str, String> {
    let (leaf, issuer) = (der(record, "certificate")?, der(record, "issuer")?);
    let (attested, f9) = (read(&leaf)?, read(&issuer)?);
    if attested.public_key().raw != spki {
        return Err("its device attests another key".into());
    }
    let algorithm = verifier(&attested, &f9)?;
    let key = UnparsedPublicKey::new(algorithm, &f9.public_key().subject_public_key.data);
    let signed = signed_part(&leaf).ok_or("its attestation is no certificate")?;
    key.verify(signed, &attested.signature_value.data)
        .map_err(|_| "its attestation is not signed by the key of slot f9 that is recorded beside it")?;
    Ok("its device attests this very key")
}

fn der(record: &Value, part: &str) -> Result<Vec<u8>, String> {
    let text = record.get(part).and_then(Value::as_str).unwrap_or_default();
    BASE64.decode(text.as_bytes()).map_err(|error| format!("its attestation's {part}: {error}"))
}

fn read(der: &[u8]) -> Result<X509Certificate<'_>, String> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        Ok(_) => Err("its attestation has something after a certificate".into()),
        Err(error) => Err(format!("its attestation: {error}")),
    }
}

/// Slot f9 has an RSA key of 2048 bits on Yubico's devices, or an EC key.
fn verifier(
    attested: &X509Certificate<'_>,
    f9: &X509Certificate<'_>,
) -> Result<&'static dyn VerificationAlgorithm, String> {
    let oid = attested.signature_algorithm.algorithm.to_id_string();
    let bits = f9.public_key().subject_public_key.data.len();
    Ok(match (oid.as_str(), bits) {
        ("1.2.840.113549.1.1.11", _) => &signature::RSA_PKCS1_2048_8192_SHA256,
        ("1.2.840.10045.4.3.2", 65) => &signature::ECDSA_P256_SHA256_ASN1,
        ("1.2.840.10045.4.3.2", 97) => &signature::ECDSA_P384_SHA256_ASN1,
        ("1.2.840.10045.4.3.3", 97) => &signature::ECDSA_P384_SHA384_ASN1,
        _ => return Err(format!("its attestation is signed with {oid}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pem(name: &str) -> Vec<u8> {
        let path = format!("{}/tests/attestations/{name}.pem", env!("CARGO_MANIFEST_DIR"));
        x509_parser::pem::parse_x509_pem(&std::fs::read(path).unwrap()).unwrap().1.contents
    }

    fn record(leaf: &[u8], f9: &[u8]) -> Value {
        serde_json::json!({"type": "yubico-piv", "certificate": BASE64.encode(leaf), "issuer": BASE64.encode(f9)})
    }

    #[test]
    fn real_attestations_and_ones_that_were_tampered_with() {
        for firmware in ["5.2.4", "5.4.3", "5.4.3-fips", "5.7.1", "5.7.4"] {
            let (leaf, f9) = (pem(&format!("{firmware}-leaf")), pem(&format!("{firmware}-f9")));
            let spki = read(&leaf).unwrap().public_key().raw.to_vec();
            assert!(check(&record(&leaf, &f9), &spki).unwrap().is_ok(), "{firmware}");
            let mut broken = leaf.clone();
            *broken.last_mut().unwrap() ^= 1;
            let words = |result: Option<Result<_, String>>| result.unwrap().unwrap_err();
            assert!(words(check(&record(&broken, &f9), &spki)).contains("not signed"));
            assert!(words(check(&record(&leaf, &pem("5.7.1-leaf")), &spki)).contains("signed"));
            assert!(words(check(&record(&leaf, &f9), b"another")).contains("another key"));
            assert!(words(check(&record(&[], &f9), &spki)).contains("its attestation"));
        }
        assert_eq!(check(&serde_json::json!({"type": "unverified"}), b""), None);
    }
}
