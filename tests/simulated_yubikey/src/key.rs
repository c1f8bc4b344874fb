//! Keys of the three kinds that the applet makes.

use p256::ecdsa::signature::hazmat::PrehashSigner;
use p256::elliptic_curve::sec1::ToSec1Point;

use crate::der::{oid, sequence, tlv};

pub enum Key {
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
    Ed25519(Box<ed25519_dalek::SigningKey>),
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("random bytes");
    bytes
}

impl Key {
    /// By PIV's number of the algorithm.
    pub fn generate(algorithm: u8) -> Option<Self> {
        Some(match algorithm {
            0x11 => loop {
                if let Ok(key) = p256::ecdsa::SigningKey::from_slice(&random::<32>()) {
                    break Self::P256(key);
                }
            },
            0x14 => loop {
                if let Ok(key) = p384::ecdsa::SigningKey::from_slice(&random::<48>()) {
                    break Self::P384(key);
                }
            },
            0xe0 => Self::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(&random()))),
            _ => return None,
        })
    }

    /// From a private scalar or seed, as IMPORT brings it.
    pub fn import(algorithm: u8, private: &[u8]) -> Option<Self> {
        Some(match algorithm {
            0x11 => Self::P256(p256::ecdsa::SigningKey::from_slice(private).ok()?),
            0x14 => Self::P384(p384::ecdsa::SigningKey::from_slice(private).ok()?),
            0xe0 => Self::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(private.try_into().ok()?))),
            _ => return None,
        })
    }

    pub fn algorithm(&self) -> u8 {
        match self {
            Self::P256(_) => 0x11,
            Self::P384(_) => 0x14,
            Self::Ed25519(_) => 0xe0,
        }
    }

    /// The uncompressed point, or Ed25519's 32 bytes.
    pub fn public(&self) -> Vec<u8> {
        match self {
            Self::P256(key) => key.verifying_key().as_affine().to_sec1_point(false).as_bytes().to_vec(),
            Self::P384(key) => key.verifying_key().as_affine().to_sec1_point(false).as_bytes().to_vec(),
            Self::Ed25519(key) => key.verifying_key().to_bytes().to_vec(),
        }
    }

    pub fn spki(&self) -> Vec<u8> {
        let ec = oid(&[1, 2, 840, 10045, 2, 1]);
        let algorithm = match self {
            Self::P256(_) => sequence(&[ec, oid(&[1, 2, 840, 10045, 3, 1, 7])]),
            Self::P384(_) => sequence(&[ec, oid(&[1, 3, 132, 0, 34])]),
            Self::Ed25519(_) => sequence(&[oid(&[1, 3, 101, 112])]),
        };
        let mut bits = vec![0];
        bits.extend(self.public());
        sequence(&[algorithm, tlv(3, &bits)])
    }

    /// Signs a digest, cut or padded to the curve's length; Ed25519 the message itself.
    pub fn sign(&self, input: &[u8]) -> Option<Vec<u8>> {
        Some(match self {
            Self::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign_prehash(input).ok()?;
                signature.to_der().as_bytes().to_vec()
            }
            Self::P384(key) => {
                let signature: p384::ecdsa::Signature = key.sign_prehash(input).ok()?;
                signature.to_der().as_bytes().to_vec()
            }
            Self::Ed25519(key) => {
                use ed25519_dalek::Signer;
                key.sign(input).to_bytes().to_vec()
            }
        })
    }
}
