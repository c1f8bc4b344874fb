//! Our algorithms as PKCS#11 mechanisms.
//!
//! Hashing is done here and never by the device: SoftHSM has no CKM_ECDSA_SHA384, every module has
//! plain CKM_ECDSA and CKM_RSA_PKCS, and a long CRL need not travel to a slow device.

use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::mechanism::{Mechanism, MechanismInfo, MechanismType};

use crate::pki::{Algorithm, Signature};

/// What CKM_RSA_PKCS pads: DigestInfo of SHA-256 (RFC 8017, 9.2), without the digest.
const DIGEST_INFO: [u8; 19] =
    [0x30, 0x31, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 4, 0x20];

/// The mechanism that generates such keys.
pub(super) fn generation(algorithm: Algorithm) -> Mechanism<'static> {
    match algorithm {
        Algorithm::EcdsaP256 | Algorithm::EcdsaP384 | Algorithm::EcdsaP521 => Mechanism::EccKeyPairGen,
        Algorithm::Ed25519 => Mechanism::EccEdwardsKeyPairGen,
        Algorithm::Rsa3072 | Algorithm::Rsa4096 => Mechanism::RsaPkcsKeyPairGen,
    }
}

/// The mechanism that signs with such keys.
pub(super) fn signing(algorithm: Algorithm) -> Mechanism<'static> {
    match algorithm {
        Algorithm::EcdsaP256 | Algorithm::EcdsaP384 | Algorithm::EcdsaP521 => Mechanism::Ecdsa,
        Algorithm::Ed25519 => Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Pure)),
        // Not CKM_SHA256_RSA_PKCS, though SoftHSM and kryoptic have both: see the top.
        Algorithm::Rsa3072 | Algorithm::Rsa4096 => Mechanism::RsaPkcs,
    }
}

/// CKA_EC_PARAMS of the algorithm's curve: its object identifier in DER.
pub(super) fn curve(algorithm: Algorithm) -> Option<&'static [u8]> {
    match algorithm {
        Algorithm::EcdsaP256 => Some(&[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]),
        Algorithm::EcdsaP384 => Some(&[6, 5, 0x2b, 0x81, 4, 0, 0x22]),
        Algorithm::EcdsaP521 => Some(&[6, 5, 0x2b, 0x81, 4, 0, 0x23]),
        Algorithm::Ed25519 => Some(&[6, 3, 0x2b, 0x65, 0x70]),
        Algorithm::Rsa3072 | Algorithm::Rsa4096 => None,
    }
}

/// What the device is given to sign: the digest by the algorithm's hash, in what the mechanism pads.
pub(super) fn input(algorithm: Algorithm, digest: &[u8]) -> Vec<u8> {
    match algorithm.rsa_bits() {
        Some(_) => [&DIGEST_INFO[..], digest].concat(),
        None => digest.to_vec(),
    }
}

/// How many bytes the device's signature has.
fn length(algorithm: Algorithm) -> usize {
    match algorithm {
        Algorithm::EcdsaP256 | Algorithm::Ed25519 => 64,
        Algorithm::EcdsaP384 => 96,
        Algorithm::EcdsaP521 => 132,
        Algorithm::Rsa3072 => 384,
        Algorithm::Rsa4096 => 512,
    }
}

/// The device's signature as X.509 carries it; or what was found and expected instead.
pub(super) fn output(algorithm: Algorithm, raw: Vec<u8>) -> Result<Signature, (String, String)> {
    let expected = length(algorithm);
    if raw.len() != expected {
        return Err((format!("{} bytes long", raw.len()), format!("{expected} bytes")));
    }
    match algorithm.curve() {
        Some(_) => {
            Signature::from_rs(&raw).map_err(|error| (error.to_string(), "two numbers r and s".into()))
        }
        None => Ok(Signature(raw)),
    }
}

/// The algorithms that a token can generate and sign with, by its list of mechanisms and the key
/// sizes that it gives for each (none given: no limit known).
pub(super) fn supported(
    list: &[MechanismType],
    info: impl Fn(MechanismType) -> Option<MechanismInfo>,
) -> Vec<Algorithm> {
    let can = |kind: MechanismType, bits: usize| {
        list.contains(&kind)
            && info(kind).is_none_or(|info| {
                info.max_key_size() == 0 || (info.min_key_size()..=info.max_key_size()).contains(&bits)
            })
    };
    let bits = |algorithm| match algorithm {
        Algorithm::EcdsaP256 => Some(256),
        Algorithm::EcdsaP384 => Some(384),
        Algorithm::EcdsaP521 => Some(521),
        Algorithm::Rsa3072 => Some(3072),
        Algorithm::Rsa4096 => Some(4096),
        // Modules disagree whether its size is 255 or 256 bits, or 32 bytes.
        Algorithm::Ed25519 => None,
    };
    let both = |algorithm: &Algorithm| {
        let kinds = [generation(*algorithm).mechanism_type(), signing(*algorithm).mechanism_type()];
        kinds.into_iter().all(|kind| match bits(*algorithm) {
            Some(bits) => can(kind, bits),
            None => list.contains(&kind),
        })
    };
    Algorithm::ALL.into_iter().filter(both).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_are_those_of_x509() {
        for algorithm in Algorithm::ALL {
            if let Some(oid) = algorithm.curve() {
                assert_eq!(der::Encode::to_der(&oid).unwrap(), curve(algorithm).unwrap());
            }
        }
        let oid = der::oid::db::rfc8410::ID_ED_25519;
        assert_eq!(der::Encode::to_der(&oid).unwrap(), curve(Algorithm::Ed25519).unwrap());
    }

    #[test]
    fn what_a_device_signs_is_the_digest() {
        for algorithm in Algorithm::ALL {
            let expected = match algorithm {
                Algorithm::EcdsaP256 => 32,
                Algorithm::EcdsaP384 => 48,
                Algorithm::EcdsaP521 => 64,
                Algorithm::Ed25519 => 7,
                Algorithm::Rsa3072 | Algorithm::Rsa4096 => 51,
            };
            let digest = algorithm.hash().digest(b"message");
            assert_eq!(input(algorithm, &digest).len(), expected, "{algorithm}");
        }
    }

    #[test]
    fn a_signature_of_another_length_is_refused() {
        for algorithm in Algorithm::ALL {
            for wrong in [0, 1, length(algorithm) - 1, length(algorithm) + 1] {
                assert!(output(algorithm, vec![1; wrong]).is_err(), "{algorithm} {wrong}");
            }
            assert!(output(algorithm, vec![1; length(algorithm)]).is_ok(), "{algorithm}");
        }
    }

    #[test]
    fn both_mechanisms_must_be_there() {
        let every = [
            MechanismType::ECC_KEY_PAIR_GEN,
            MechanismType::ECDSA,
            MechanismType::ECC_EDWARDS_KEY_PAIR_GEN,
            MechanismType::EDDSA,
            MechanismType::RSA_PKCS_KEY_PAIR_GEN,
            MechanismType::RSA_PKCS,
        ];
        assert_eq!(supported(&every, |_| None), Algorithm::ALL);
        assert_eq!(supported(&every[..3], |_| None), Algorithm::ALL[..3]);
        assert!(supported(&[MechanismType::ECDSA, MechanismType::EDDSA], |_| None).is_empty());
    }
}
