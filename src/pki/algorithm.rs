//! What each key algorithm is in X.509, and which hash goes with it.

use der::asn1::{Any, AnyRef, ObjectIdentifier};
use der::oid::db::{rfc5912, rfc8410};
use sha2::{Digest, Sha256, Sha384, Sha512};
use x509_cert::spki::AlgorithmIdentifierOwned;

pub use crate::plan::Algorithm;

/// The hash that is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
    /// The algorithm takes the message whole (Ed25519).
    None,
}

impl Hash {
    /// The digest of `message`, or the message itself where the algorithm takes it whole.
    pub fn digest(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(message).to_vec(),
            Self::Sha384 => Sha384::digest(message).to_vec(),
            Self::Sha512 => Sha512::digest(message).to_vec(),
            Self::None => message.to_vec(),
        }
    }
}

impl Algorithm {
    /// The hash that signatures by such a key are made over.
    pub fn hash(self) -> Hash {
        match self {
            Self::EcdsaP256 | Self::Rsa3072 | Self::Rsa4096 => Hash::Sha256,
            Self::EcdsaP384 => Hash::Sha384,
            Self::EcdsaP521 => Hash::Sha512,
            Self::Ed25519 => Hash::None,
        }
    }

    /// The signature's AlgorithmIdentifier: RFC 5758 (ECDSA, no parameters), RFC 8410 (Ed25519, no
    /// parameters), RFC 4055 (RSA, NULL parameters).
    pub fn signature_identifier(self) -> AlgorithmIdentifierOwned {
        let (oid, parameters) = match self {
            Self::EcdsaP256 => (rfc5912::ECDSA_WITH_SHA_256, None),
            Self::EcdsaP384 => (rfc5912::ECDSA_WITH_SHA_384, None),
            Self::EcdsaP521 => (rfc5912::ECDSA_WITH_SHA_512, None),
            Self::Ed25519 => (rfc8410::ID_ED_25519, None),
            Self::Rsa3072 | Self::Rsa4096 => {
                (rfc5912::SHA_256_WITH_RSA_ENCRYPTION, Some(Any::from(AnyRef::NULL)))
            }
        };
        AlgorithmIdentifierOwned { oid, parameters }
    }

    /// The named curve of an ECDSA key (RFC 5480, 2.1.1.1).
    pub fn curve(self) -> Option<ObjectIdentifier> {
        match self {
            Self::EcdsaP256 => Some(rfc5912::SECP_256_R_1),
            Self::EcdsaP384 => Some(rfc5912::SECP_384_R_1),
            Self::EcdsaP521 => Some(rfc5912::SECP_521_R_1),
            Self::Ed25519 | Self::Rsa3072 | Self::Rsa4096 => None,
        }
    }

    /// The length of an RSA key in bits.
    pub fn rsa_bits(self) -> Option<u32> {
        match self {
            Self::Rsa3072 => Some(3072),
            Self::Rsa4096 => Some(4096),
            _ => None,
        }
    }
}

/// SHA-256 in lower-case hex, the fingerprint that documents use.
pub fn sha256_hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(bytes))
}
