//! Public keys as tokens give them: modules differ in how they wrap a point.

use cryptoki::error::Error;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectHandle};
use cryptoki::session::Session;
use der::Decode;
use der::asn1::OctetStringRef;

use super::attributes;
use super::mechanism::curve;
use crate::pki::{Algorithm, PublicKey};

/// What a token says that makes a key, public or private, one of an algorithm.
#[derive(Clone, Debug, Default)]
pub(super) struct Parts {
    kind: Option<KeyType>,
    params: Vec<u8>,
    point: Vec<u8>,
    modulus: Vec<u8>,
    exponent: Vec<u8>,
}

impl Parts {
    /// Reads what the token answers. A private key has no point, which is then left empty.
    pub(super) fn read(session: &Session, key: ObjectHandle) -> Result<Self, Error> {
        let mut parts = Self::default();
        if let Some(Attribute::KeyType(kind)) = attributes::read(session, key, AttributeType::KeyType)? {
            parts.kind = Some(kind);
        }
        // CKA_PUBLIC_KEY_INFO would be one attribute for all, but SoftHSM leaves it empty.
        let wanted: &[AttributeType] = match parts.kind {
            Some(KeyType::RSA) => &[AttributeType::Modulus, AttributeType::PublicExponent],
            Some(KeyType::EC | KeyType::EC_EDWARDS) => &[AttributeType::EcParams, AttributeType::EcPoint],
            _ => &[],
        };
        for wanted in wanted {
            match attributes::read(session, key, *wanted)? {
                Some(Attribute::EcParams(bytes)) => parts.params = bytes,
                Some(Attribute::EcPoint(bytes)) => parts.point = bytes,
                Some(Attribute::Modulus(bytes)) => parts.modulus = bytes,
                Some(Attribute::PublicExponent(bytes)) => parts.exponent = bytes,
                _ => {}
            }
        }
        Ok(parts)
    }

    /// Whether the token says nothing of a curve or modulus.
    pub(super) fn is_empty(&self) -> bool {
        self.params.is_empty() && self.modulus.is_empty()
    }

    /// What the key is, for messages.
    pub(super) fn describe(&self) -> String {
        match (self.algorithm(), self.kind) {
            (Some(algorithm), _) => algorithm.to_string(),
            (None, Some(kind)) => format!("another {kind} key"),
            (None, None) => "a key without CKA_KEY_TYPE".into(),
        }
    }

    /// The key's algorithm, if it is one of ours.
    pub(super) fn algorithm(&self) -> Option<Algorithm> {
        // A modulus is unsigned, but some modules put a zero before it.
        let modulus = self.modulus.iter().skip_while(|byte| **byte == 0).count();
        match self.kind? {
            KeyType::EC => Algorithm::ALL
                .into_iter()
                .find(|algorithm| algorithm.curve().is_some() && curve(*algorithm) == Some(&*self.params)),
            // The curve is written in three ways; Ed448 has longer points, which are refused below.
            KeyType::EC_EDWARDS => Some(Algorithm::Ed25519),
            KeyType::RSA => {
                Algorithm::ALL.into_iter().find(|algorithm| match algorithm.rsa_bits().map(usize::try_from) {
                    Some(Ok(bits)) => bits == modulus * 8,
                    _ => false,
                })
            }
            _ => None,
        }
    }

    /// The public key; or what was found where something else was expected.
    pub(super) fn public(&self) -> Result<PublicKey, (String, String)> {
        let unknown = || (self.describe(), "P-256, P-384, P-521, Ed25519, RSA-3072 or RSA-4096".into());
        let algorithm = self.algorithm().ok_or_else(unknown)?;
        let point = |length: usize| {
            unwrap(&self.point, length).ok_or_else(|| {
                let found = format!("a CKA_EC_POINT of {} bytes", self.point.len());
                (found, format!("{length} bytes, as they are or in an OCTET STRING"))
            })
        };
        let key = match algorithm {
            Algorithm::EcdsaP256 => PublicKey::from_point(algorithm, point(65)?),
            Algorithm::EcdsaP384 => PublicKey::from_point(algorithm, point(97)?),
            Algorithm::EcdsaP521 => PublicKey::from_point(algorithm, point(133)?),
            Algorithm::Ed25519 => PublicKey::from_ed25519(point(32)?),
            Algorithm::Rsa3072 | Algorithm::Rsa4096 => PublicKey::from_rsa(&self.modulus, &self.exponent),
        };
        key.map_err(|error| (error.to_string(), format!("a valid {algorithm} key")))
    }
}

/// A point of `length` bytes, raw (kryoptic's Ed25519) or in an OCTET STRING (SoftHSM). Only the
/// length tells the two apart: an uncompressed point begins with 04, the tag of an OCTET STRING.
fn unwrap(bytes: &[u8], length: usize) -> Option<&[u8]> {
    if bytes.len() == length {
        return Some(bytes);
    }
    let inner = <&OctetStringRef>::from_der(bytes).ok()?.as_bytes();
    (inner.len() == length).then_some(inner)
}

#[cfg(test)]
impl Parts {
    /// Those of some key on P-256.
    pub(super) fn example() -> Self {
        let pair = rcgen::KeyPair::generate().unwrap();
        Self {
            kind: Some(KeyType::EC),
            params: curve(Algorithm::EcdsaP256).unwrap().to_vec(),
            point: rcgen::PublicKeyData::der_bytes(&pair).to_vec(),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use rcgen::PublicKeyData;

    use super::*;

    fn wrapped(raw: &[u8]) -> Vec<u8> {
        der::Encode::to_der(&OctetStringRef::new(raw).unwrap()).unwrap()
    }

    #[test]
    fn points_are_read_raw_and_wrapped() {
        for (algorithm, kind, signature) in [
            (Algorithm::EcdsaP256, KeyType::EC, &rcgen::PKCS_ECDSA_P256_SHA256),
            (Algorithm::EcdsaP384, KeyType::EC, &rcgen::PKCS_ECDSA_P384_SHA384),
            (Algorithm::EcdsaP521, KeyType::EC, &rcgen::PKCS_ECDSA_P521_SHA512),
            (Algorithm::Ed25519, KeyType::EC_EDWARDS, &rcgen::PKCS_ED25519),
        ] {
            let pair = rcgen::KeyPair::generate_for(signature).unwrap();
            let key = PublicKey::from_spki(&pair.subject_public_key_info()).unwrap();
            let params = curve(algorithm).unwrap().to_vec();
            let parts = |point: Vec<u8>| Parts {
                kind: Some(kind),
                params: params.clone(),
                point,
                ..Parts::default()
            };
            assert_eq!(parts(key.bits().to_vec()).public().unwrap(), key, "{algorithm}");
            assert_eq!(parts(wrapped(key.bits())).public().unwrap(), key, "{algorithm}");
            let mut longer = wrapped(key.bits());
            longer.push(0);
            for bad in [vec![], wrapped(&[]), longer, wrapped(&wrapped(key.bits())), key.bits()[1..].to_vec()]
            {
                let (found, _) = parts(bad).public().unwrap_err();
                assert!(found.contains("CKA_EC_POINT of"), "{algorithm}: {found}");
            }
        }
    }

    #[test]
    fn other_keys_are_refused() {
        let parts =
            |kind| Parts { kind, params: vec![6, 1, 0], modulus: vec![0xff; 256], ..Parts::default() };
        for (kind, found) in [
            (None, "a key without CKA_KEY_TYPE"),
            (Some(KeyType::EC), "another CKK_EC key"),
            (Some(KeyType::RSA), "another CKK_RSA key"),
            (Some(KeyType::AES), "another CKK_AES key"),
        ] {
            assert_eq!(parts(kind).public().unwrap_err().0, found);
        }
    }
}
