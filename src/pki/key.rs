//! Public keys, as SubjectPublicKeyInfo (RFC 5280, 4.1.2.7).

use der::asn1::{Any, BitString, ObjectIdentifier};
use der::oid::db::{rfc5912, rfc8410};
use der::pem::LineEnding;
use der::{Decode, Encode};
use rsa::traits::PublicKeyParts;
use x509_cert::spki::{
    AlgorithmIdentifierOwned, DecodePublicKey, EncodePublicKey, SubjectPublicKeyInfoOwned,
    SubjectPublicKeyInfoRef,
};

use super::algorithm::{Algorithm, sha256_hex};

/// A public key that was checked: a point on its curve, or an RSA modulus of 3072 or 4096 bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    algorithm: Algorithm,
    spki: Vec<u8>,
}

/// Why bytes are not a public key that this tool uses.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BadKey {
    /// Not DER, or not a SubjectPublicKeyInfo.
    #[error("not a SubjectPublicKeyInfo in DER: {0}")]
    Encoding(String),
    /// An algorithm, curve or length that is not one of [`Algorithm`].
    #[error("{0}: expected P-256, P-384, P-521, Ed25519, RSA-3072 or RSA-4096")]
    Unknown(String),
    /// The point is not on the curve, or the modulus and exponent can't be an RSA key's.
    #[error("not a valid {0} key: {1}")]
    Invalid(Algorithm, String),
}

impl PublicKey {
    /// Reads a SubjectPublicKeyInfo in DER, strictly.
    pub fn from_spki(der: &[u8]) -> Result<Self, BadKey> {
        let spki =
            SubjectPublicKeyInfoRef::from_der(der).map_err(|error| BadKey::Encoding(error.to_string()))?;
        let oid = spki.algorithm.oid;
        let algorithm = if oid == rfc5912::ID_EC_PUBLIC_KEY {
            let curve: ObjectIdentifier = spki
                .algorithm
                .parameters_oid()
                .map_err(|_| BadKey::Unknown("an EC key without a named curve".into()))?;
            Algorithm::ALL
                .into_iter()
                .find(|algorithm| algorithm.curve() == Some(curve))
                .ok_or_else(|| BadKey::Unknown(format!("an EC key on curve {curve}")))?
        } else if oid == rfc8410::ID_ED_25519 {
            Algorithm::Ed25519
        } else if oid == rfc5912::RSA_ENCRYPTION {
            let key = rsa::RsaPublicKey::from_public_key_der(der)
                .map_err(|error| BadKey::Encoding(error.to_string()))?;
            let full = key.n_bytes().first().is_some_and(|top| top & 0x80 != 0);
            match key.n_bytes().len() {
                384 if full => Algorithm::Rsa3072,
                512 if full => Algorithm::Rsa4096,
                bytes => return Err(BadKey::Unknown(format!("an RSA key with a modulus of {bytes} bytes"))),
            }
        } else {
            return Err(BadKey::Unknown(format!("a key of algorithm {oid}")));
        };
        let invalid = |error: String| BadKey::Invalid(algorithm, error);
        let uncompressed = || match spki.subject_public_key.as_bytes() {
            Some(point @ [4, ..]) => Ok(point),
            _ => Err(invalid("expected an uncompressed point".into())),
        };
        match algorithm {
            Algorithm::EcdsaP256 => {
                p256::PublicKey::from_sec1_bytes(uncompressed()?)
                    .map_err(|error| invalid(error.to_string()))?;
            }
            Algorithm::EcdsaP384 => {
                p384::PublicKey::from_sec1_bytes(uncompressed()?)
                    .map_err(|error| invalid(error.to_string()))?;
            }
            Algorithm::EcdsaP521 => {
                p521::PublicKey::from_sec1_bytes(uncompressed()?)
                    .map_err(|error| invalid(error.to_string()))?;
            }
            Algorithm::Ed25519 => {
                let raw: [u8; 32] = spki
                    .subject_public_key
                    .as_bytes()
                    .and_then(|raw| raw.try_into().ok())
                    .ok_or_else(|| invalid("expected 32 bytes".into()))?;
                let point = ed25519_dalek::VerifyingKey::from_bytes(&raw)
                    .map_err(|error| invalid(error.to_string()))?;
                if point.is_weak() {
                    return Err(invalid("a point of small order".into()));
                }
            }
            Algorithm::Rsa3072 | Algorithm::Rsa4096 => {}
        }
        Ok(Self { algorithm, spki: der.to_vec() })
    }

    /// From an uncompressed point (`04 ‖ x ‖ y`) on the algorithm's curve.
    pub fn from_point(algorithm: Algorithm, point: &[u8]) -> Result<Self, BadKey> {
        let curve = algorithm
            .curve()
            .ok_or_else(|| BadKey::Invalid(algorithm, "not an elliptic-curve algorithm".into()))?;
        Self::assemble(rfc5912::ID_EC_PUBLIC_KEY, Some(Any::from(&curve)), point)
    }

    /// From the 32 bytes of an Ed25519 key (RFC 8032, 5.1.5).
    pub fn from_ed25519(raw: &[u8]) -> Result<Self, BadKey> {
        Self::assemble(rfc8410::ID_ED_25519, None, raw)
    }

    /// From an RSA modulus and exponent, big-endian.
    pub fn from_rsa(modulus: &[u8], exponent: &[u8]) -> Result<Self, BadKey> {
        let wrong = |error: String| BadKey::Encoding(format!("RSA modulus and exponent: {error}"));
        let key = rsa::RsaPublicKey::new(
            rsa::BoxedUint::from_be_slice_vartime(modulus),
            rsa::BoxedUint::from_be_slice_vartime(exponent),
        )
        .map_err(|error| wrong(error.to_string()))?;
        let der = key.to_public_key_der().map_err(|error| wrong(error.to_string()))?;
        Self::from_spki(der.as_bytes())
    }

    fn assemble(oid: ObjectIdentifier, parameters: Option<Any>, bits: &[u8]) -> Result<Self, BadKey> {
        let encoding = |error: der::Error| BadKey::Encoding(error.to_string());
        let spki = SubjectPublicKeyInfoOwned {
            algorithm: AlgorithmIdentifierOwned { oid, parameters },
            subject_public_key: BitString::from_bytes(bits).map_err(encoding)?,
        };
        Self::from_spki(&spki.to_der().map_err(encoding)?)
    }

    /// Reads a PEM file labelled `PUBLIC KEY`.
    pub fn from_pem(pem: &str) -> Result<Self, BadKey> {
        let (label, der) =
            der::pem::decode_vec(pem.as_bytes()).map_err(|error| BadKey::Encoding(error.to_string()))?;
        if label != "PUBLIC KEY" {
            return Err(BadKey::Encoding(format!("PEM labelled {label}, expected PUBLIC KEY")));
        }
        Self::from_spki(&der)
    }

    /// The key's algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The SubjectPublicKeyInfo in DER.
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// The SubjectPublicKeyInfo as a PEM file, with a newline at its end.
    pub fn pem(&self) -> String {
        pem("PUBLIC KEY", &self.spki)
    }

    /// The bits of the key: the point, the 32 bytes of Ed25519, or an RSAPublicKey.
    pub fn bits(&self) -> &[u8] {
        SubjectPublicKeyInfoRef::from_der(&self.spki)
            .ok()
            .and_then(|spki| spki.subject_public_key.as_bytes())
            .unwrap_or_default()
    }

    /// SHA-256 of the SubjectPublicKeyInfo, in hex.
    pub fn fingerprint(&self) -> String {
        sha256_hex(&self.spki)
    }
}

/// A PEM file with lines of 64 characters (RFC 7468).
pub fn pem(label: &'static str, der: &[u8]) -> String {
    // Fails only for a label outside of RFC 7468; ours are literals.
    der::pem::encode_string(label, LineEnding::LF, der).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_off_the_curve_is_refused() {
        let key = rcgen::KeyPair::generate().unwrap();
        let good = PublicKey::from_spki(&rcgen::PublicKeyData::subject_public_key_info(&key)).unwrap();
        assert_eq!(good.algorithm(), Algorithm::EcdsaP256);
        let mut point = good.bits().to_vec();
        assert_eq!(PublicKey::from_point(Algorithm::EcdsaP256, &point).unwrap(), good);
        *point.last_mut().unwrap() ^= 1;
        assert!(matches!(PublicKey::from_point(Algorithm::EcdsaP256, &point), Err(BadKey::Invalid(..))));
        assert!(matches!(PublicKey::from_point(Algorithm::EcdsaP384, &point), Err(BadKey::Invalid(..))));
        assert_eq!(PublicKey::from_pem(&good.pem()).unwrap(), good);
    }

    #[test]
    fn short_rsa_keys_and_weak_points_are_refused() {
        assert!(matches!(PublicKey::from_rsa(&[0xff; 256], &[1, 0, 1]), Err(BadKey::Unknown(_))));
        assert!(matches!(PublicKey::from_ed25519(&[0; 32]), Err(BadKey::Invalid(..))));
        assert!(PublicKey::from_ed25519(&[1; 31]).is_err());
        assert!(matches!(PublicKey::from_spki(b"x"), Err(BadKey::Encoding(_))));
    }
}
