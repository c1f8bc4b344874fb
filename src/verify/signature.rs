//! Hashes and signatures by aws-lc: another implementation than the one that looked at each signature
//! when it was made.

use aws_lc_rs::digest;
use aws_lc_rs::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use data_encoding::HEXLOWER;
use x509_parser::asn1_rs::{Any, FromDer, Oid, Tag, oid};
use x509_parser::public_key::PublicKey as Parsed;
use x509_parser::x509::{AlgorithmIdentifier, SubjectPublicKeyInfo};

/// SHA-256.
pub fn sha256(bytes: &[u8]) -> digest::Digest {
    digest::digest(&digest::SHA256, bytes)
}

/// SHA-256 in lower-case hex.
pub fn sha256_hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(sha256(bytes).as_ref())
}

/// SHA-512 in lower-case hex.
pub fn sha512_hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(digest::digest(&digest::SHA512, bytes).as_ref())
}

/// What the signature of a certificate or CRL covers: the first element of the outer sequence.
pub fn signed_part(der: &[u8]) -> Option<&[u8]> {
    let (_, outer) = Any::from_der(der).ok()?;
    let (rest, _) = Any::from_der(outer.data).ok()?;
    outer.data.get(..outer.data.len().checked_sub(rest.len())?)
}

/// What kind of key it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// ECDSA on P-256, with SHA-256.
    P256,
    /// ECDSA on P-384, with SHA-384.
    P384,
    /// ECDSA on P-521, with SHA-512.
    P521,
    /// Ed25519.
    Ed25519,
    /// RSA of 3072 bits, PKCS#1 v1.5 with SHA-256.
    Rsa3072,
    /// RSA of 4096 bits, PKCS#1 v1.5 with SHA-256.
    Rsa4096,
}

impl Kind {
    /// The name that plans and records use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::P256 => "ecdsa-p256",
            Self::P384 => "ecdsa-p384",
            Self::P521 => "ecdsa-p521",
            Self::Ed25519 => "ed25519",
            Self::Rsa3072 => "rsa-3072",
            Self::Rsa4096 => "rsa-4096",
        }
    }

    fn verifier(self) -> &'static dyn VerificationAlgorithm {
        match self {
            Self::P256 => &signature::ECDSA_P256_SHA256_ASN1,
            Self::P384 => &signature::ECDSA_P384_SHA384_ASN1,
            Self::P521 => &signature::ECDSA_P521_SHA512_ASN1,
            Self::Ed25519 => &signature::ED25519,
            Self::Rsa3072 | Self::Rsa4096 => &signature::RSA_PKCS1_2048_8192_SHA256,
        }
    }

    /// The signature algorithm's object identifier in certificates, and whether its parameters are NULL
    /// (RFC 4055) or absent (RFC 5758, RFC 8410).
    fn identifier(self) -> (Oid<'static>, bool) {
        match self {
            Self::P256 => (oid!(1.2.840.10045.4.3.2), false),
            Self::P384 => (oid!(1.2.840.10045.4.3.3), false),
            Self::P521 => (oid!(1.2.840.10045.4.3.4), false),
            Self::Ed25519 => (oid!(1.3.101.112), false),
            Self::Rsa3072 | Self::Rsa4096 => (oid!(1.2.840.113549.1.1.11), true),
        }
    }

    /// Whether a signature algorithm is the one that goes with such a key.
    pub fn goes_with(self, found: &AlgorithmIdentifier<'_>) -> bool {
        let (oid, null) = self.identifier();
        let parameters = match &found.parameters {
            None => !null,
            Some(any) => null && *any == Any::from_tag_and_data(Tag::Null, &[]),
        };
        found.algorithm == oid && parameters
    }
}

/// A public key, read from its SubjectPublicKeyInfo by x509-parser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// What kind of key it is.
    pub kind: Kind,
    /// The bits of the key: the point, the 32 bytes of Ed25519, or an RSAPublicKey.
    pub bits: Vec<u8>,
}

impl Key {
    /// Reads a SubjectPublicKeyInfo in DER.
    pub fn read(der: &[u8]) -> Result<Self, String> {
        let (rest, info) = SubjectPublicKeyInfo::from_der(der)
            .map_err(|error| format!("not a SubjectPublicKeyInfo: {error}"))?;
        if !rest.is_empty() {
            return Err(format!("{} bytes behind the SubjectPublicKeyInfo", rest.len()));
        }
        Self::of(&info)
    }

    /// Takes over what x509-parser has read.
    pub fn of(info: &SubjectPublicKeyInfo<'_>) -> Result<Self, String> {
        let id = &info.algorithm.algorithm;
        let kind = if *id == oid!(1.2.840.10045.2.1) {
            let curve = info.algorithm.parameters.as_ref().and_then(|any| any.as_oid().ok());
            match curve {
                Some(curve) if curve == oid!(1.2.840.10045.3.1.7) => Kind::P256,
                Some(curve) if curve == oid!(1.3.132.0.34) => Kind::P384,
                Some(curve) if curve == oid!(1.3.132.0.35) => Kind::P521,
                _ => return Err("an EC key on a curve that is not known here".into()),
            }
        } else if *id == oid!(1.3.101.112) {
            Kind::Ed25519
        } else if let Ok(Parsed::RSA(key)) = info.parsed() {
            match key.key_size() {
                3072 => Kind::Rsa3072,
                4096 => Kind::Rsa4096,
                bits => return Err(format!("an RSA key of {bits} bits")),
            }
        } else {
            return Err(format!("a key of algorithm {id}"));
        };
        if info.subject_public_key.unused_bits != 0 {
            return Err("a key that is not whole bytes".into());
        }
        Ok(Self { kind, bits: info.subject_public_key.data.to_vec() })
    }

    /// A key of Ed25519, by its 32 bytes.
    pub fn ed25519(bits: [u8; 32]) -> Self {
        Self { kind: Kind::Ed25519, bits: bits.to_vec() }
    }

    /// Verifies a signature: ECDSA in DER, Ed25519 as 64 bytes, RSA as long as the modulus.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), String> {
        UnparsedPublicKey::new(self.kind.verifier(), &self.bits)
            .verify(message, signature)
            .map_err(|_| format!("the signature does not verify under the {} key", self.kind.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{KeyPair, PublicKeyData, SigningKey};

    #[test]
    fn every_kind_of_key_verifies_and_refuses() {
        for (kind, pair) in [
            (Kind::P256, KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)),
            (Kind::P384, KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384)),
            (Kind::P521, KeyPair::generate_for(&rcgen::PKCS_ECDSA_P521_SHA512)),
            (Kind::Ed25519, KeyPair::generate_for(&rcgen::PKCS_ED25519)),
            (Kind::Rsa3072, KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_3072)),
            (Kind::Rsa4096, KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_4096)),
        ] {
            let pair = pair.unwrap();
            let spki = pair.subject_public_key_info();
            let key = Key::read(&spki).unwrap();
            assert_eq!(key.kind, kind);
            let good = pair.sign(b"message").unwrap();
            assert!(key.verify(b"message", &good).is_ok(), "{kind:?}");
            assert!(key.verify(b"massage", &good).is_err(), "{kind:?}");
            for at in [0, good.len() / 2, good.len() - 1] {
                let mut bad = good.clone();
                bad[at] ^= 1;
                assert!(key.verify(b"message", &bad).is_err(), "{kind:?}");
            }
            assert!(key.verify(b"message", &[]).is_err(), "{kind:?}");
            assert!(Key::read(&[&spki[..], &[0]].concat()).is_err(), "{kind:?}");
        }
    }

    #[test]
    fn short_rsa_keys_are_refused() {
        let pair = KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).unwrap();
        assert!(Key::read(&pair.subject_public_key_info()).is_err());
    }
}
