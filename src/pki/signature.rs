//! Signatures, and their verification by RustCrypto: the signing path's own second look at a device.

use p256::ecdsa::signature::hazmat::PrehashVerifier;
use x509_cert::spki::DecodePublicKey;

use super::algorithm::Algorithm;
use super::key::PublicKey;

/// A signature as X.509 carries it: ECDSA as a DER sequence of r and s, Ed25519 as 64 bytes, RSA as an
/// octet string as long as the modulus. Nothing is known of it yet: devices return broken ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature(pub Vec<u8>);

/// A signature that does not verify.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the signature of {length} bytes does not verify under the {algorithm} key {fingerprint}")]
pub struct BadSignature {
    /// Length of the signature, in bytes.
    pub length: usize,
    /// The key's algorithm.
    pub algorithm: Algorithm,
    /// The key's SHA-256 fingerprint, in hex.
    pub fingerprint: String,
}

impl Signature {
    /// From the `r ‖ s` of PKCS#11 and others, to DER (RFC 3279, 2.2.3).
    pub fn from_rs(rs: &[u8]) -> Result<Self, der::Error> {
        use der::{Encode, asn1::UintRef};
        let half = rs.len() / 2;
        let (r, s) = rs
            .split_at_checked(half)
            .filter(|(r, s)| r.len() == s.len())
            .ok_or_else(|| der::Error::from(der::ErrorKind::Length { tag: der::Tag::Integer }))?;
        let (r, s) = (UintRef::new(r)?, UintRef::new(s)?);
        let mut body = r.to_der()?;
        s.encode_to_vec(&mut body)?;
        let header = der::Header::new(der::Tag::Sequence, body.len().try_into()?);
        let mut out = header.to_der()?;
        out.extend_from_slice(&body);
        Ok(Self(out))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl PublicKey {
    /// Verifies `signature` over `message` in software.
    pub fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), BadSignature> {
        self.verify_digest(&self.algorithm().hash().digest(message), signature)
    }

    /// The same, of a message's digest by the algorithm's hash; the message itself where there is none.
    pub fn verify_digest(&self, digest: &[u8], signature: &Signature) -> Result<(), BadSignature> {
        if self.verifies(digest, signature.as_bytes()) {
            return Ok(());
        }
        Err(BadSignature {
            length: signature.0.len(),
            algorithm: self.algorithm(),
            fingerprint: self.fingerprint(),
        })
    }

    fn verifies(&self, digest: &[u8], signature: &[u8]) -> bool {
        macro_rules! ecdsa {
            ($curve:ident) => {{
                let key = $curve::ecdsa::VerifyingKey::from_sec1_bytes(self.bits());
                let signature = $curve::ecdsa::Signature::from_der(signature);
                matches!((key, signature), (Ok(key), Ok(signature)) if key.verify_prehash(digest, &signature).is_ok())
            }};
        }
        match self.algorithm() {
            Algorithm::EcdsaP256 => ecdsa!(p256),
            Algorithm::EcdsaP384 => ecdsa!(p384),
            Algorithm::EcdsaP521 => ecdsa!(p521),
            Algorithm::Ed25519 => {
                let key = self.bits().try_into().ok().map(ed25519_dalek::VerifyingKey::from_bytes);
                let signature = ed25519_dalek::Signature::from_slice(signature);
                matches!((key, signature), (Some(Ok(key)), Ok(signature)) if key.verify_strict(digest, &signature).is_ok())
            }
            Algorithm::Rsa3072 | Algorithm::Rsa4096 => {
                let key = rsa::RsaPublicKey::from_public_key_der(self.spki());
                let scheme = rsa::Pkcs1v15Sign::new::<sha2::Sha256>();
                key.is_ok_and(|key| key.verify(scheme, digest, signature).is_ok())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::SigningKey as _;

    #[test]
    fn every_algorithm_verifies_what_another_implementation_signed() {
        for (algorithm, pair) in [
            (Algorithm::EcdsaP256, rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)),
            (Algorithm::EcdsaP384, rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384)),
            (Algorithm::EcdsaP521, rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P521_SHA512)),
            (Algorithm::Ed25519, rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519)),
            (
                Algorithm::Rsa3072,
                rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_3072),
            ),
        ] {
            let pair = pair.unwrap();
            let key = PublicKey::from_spki(&rcgen::PublicKeyData::subject_public_key_info(&pair)).unwrap();
            assert_eq!(key.algorithm(), algorithm);
            let good = Signature(pair.sign(b"message").unwrap());
            assert!(key.verify(b"message", &good).is_ok(), "{algorithm}");
            assert!(key.verify(b"massage", &good).is_err(), "{algorithm}");
            for bad in [Vec::new(), vec![0; good.0.len()], good.0.iter().map(|byte| byte ^ 1).collect()] {
                assert!(key.verify(b"message", &Signature(bad)).is_err(), "{algorithm}");
            }
        }
    }

    #[test]
    fn r_and_s_become_der() {
        assert_eq!(Signature::from_rs(&[0x80, 0x01]).unwrap().0, [0x30, 7, 2, 2, 0, 0x80, 2, 1, 1]);
        assert!(Signature::from_rs(&[1, 2, 3]).is_err());
    }
}
