//! Keys: which device makes each, and its algorithm.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use super::crl::Sha256;
use super::name::Name;
use super::source::At;

/// A key's algorithm.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    /// ECDSA on NIST P-256, with SHA-256.
    #[default]
    EcdsaP256,
    /// ECDSA on NIST P-384, with SHA-384.
    EcdsaP384,
    /// ECDSA on NIST P-521, with SHA-512.
    EcdsaP521,
    /// Pure Ed25519 (RFC 8032).
    Ed25519,
    /// RSA of 3072 bits, PKCS#1 v1.5 with SHA-256.
    #[serde(rename = "rsa-3072")]
    Rsa3072,
    /// RSA of 4096 bits, PKCS#1 v1.5 with SHA-256.
    #[serde(rename = "rsa-4096")]
    Rsa4096,
}

impl Algorithm {
    /// All algorithms, in the order of the documentation.
    pub const ALL: [Self; 6] =
        [Self::EcdsaP256, Self::EcdsaP384, Self::EcdsaP521, Self::Ed25519, Self::Rsa3072, Self::Rsa4096];

    /// The name that the plan uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EcdsaP256 => "ecdsa-p256",
            Self::EcdsaP384 => "ecdsa-p384",
            Self::EcdsaP521 => "ecdsa-p521",
            Self::Ed25519 => "ed25519",
            Self::Rsa3072 => "rsa-3072",
            Self::Rsa4096 => "rsa-4096",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Where a key comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "WrittenKey", untagged, rename_all_fields = "kebab-case")]
pub enum Key {
    /// Generated inside a device of the site, and used there.
    Device {
        /// The device's name; the site says which device that is today.
        device: At<Name>,
        /// What is generated.
        algorithm: At<Algorithm>,
        /// A second device that is given a wrapped copy. Without one, the key can never leave its device.
        #[serde(skip_serializing_if = "Option::is_none")]
        backup: Option<At<Name>>,
    },
    /// Lives elsewhere; known by its certificate signing request (PKCS#10).
    Csr {
        /// The request's file, relative to the plan.
        csr: At<PathBuf>,
        /// SHA-256 of the key's SubjectPublicKeyInfo, in lower-case hex: the request must be for this key.
        #[serde(skip_serializing_if = "Option::is_none")]
        fingerprint: Option<At<Sha256>>,
    },
    /// Lives elsewhere, and signs TUF metadata there; known by its public key.
    Public {
        /// The public key's file, relative to the plan: PEM (`PUBLIC KEY`) or DER.
        public_key: At<PathBuf>,
        /// SHA-256 of its SubjectPublicKeyInfo, in lower-case hex: the plan names the key, and the file only
        /// brings it.
        fingerprint: At<Sha256>,
    },
}

/// A key as a plan writes it: `device` and `algorithm`, or `csr`, or `public-key` and `fingerprint`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "Key")]
struct WrittenKey {
    /// The device that generates and holds the key.
    device: Option<At<Name>>,
    /// The key's algorithm.
    algorithm: Option<At<Algorithm>>,
    /// A second device that is given a wrapped copy of the key. It costs the key's guarantee that it was
    /// never extractable, and is off unless it is said.
    backup: Option<At<Name>>,
    /// Instead of all that: the PKCS#10 request of a key that lives elsewhere.
    csr: Option<At<PathBuf>>,
    /// Or the public key of one that signs TUF metadata elsewhere: a file, PEM (`PUBLIC KEY`) or DER.
    public_key: Option<At<PathBuf>>,
    /// SHA-256 of the key in the request, or of the public key (its SubjectPublicKeyInfo), in lower-case hex,
    /// as `rootwright show` prints it: another key is then refused.
    fingerprint: Option<At<Sha256>>,
}

impl TryFrom<WrittenKey> for Key {
    type Error = String;
    fn try_from(written: WrittenKey) -> Result<Self, String> {
        let backup = written.backup;
        if let Some(public_key) = written.public_key {
            let alone = written.device.is_none() && written.algorithm.is_none() && written.csr.is_none();
            return match written.fingerprint {
                Some(fingerprint) if alone && backup.is_none() => Ok(Self::Public { public_key, fingerprint }),
                Some(_) => Err("a key that lives elsewhere has only `public-key` and `fingerprint`".into()),
                None => Err("a `public-key` needs its `fingerprint`: the plan names the key, and the file only brings it".into()),
            };
        }
        if written.fingerprint.is_some() && written.csr.is_none() {
            return Err("a `fingerprint` is that of a key that its `csr` brings: what a device generates has none before".into());
        }
        match (written.device, written.algorithm, written.csr) {
            (Some(device), Some(algorithm), None) => Ok(Self::Device { device, algorithm, backup }),
            (None, None, Some(_)) if backup.is_some() => {
                Err("a key that lives elsewhere has its `backup` there".into())
            }
            (None, None, Some(csr)) => Ok(Self::Csr { csr, fingerprint: written.fingerprint }),
            (Some(_), None, None) => Err("the key has a `device` but no `algorithm`".into()),
            (None, Some(_), None) => Err("the key has an `algorithm` but no `device`".into()),
            _ => {
                Err("a key has `device` and `algorithm`, or only `csr`, or `public-key` and `fingerprint`"
                    .into())
            }
        }
    }
}

impl JsonSchema for Key {
    fn schema_name() -> Cow<'static, str> {
        "Key".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        WrittenKey::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_agree_with_what_serde_reads() {
        for algorithm in Algorithm::ALL {
            assert_eq!(serde_json::to_value(algorithm).unwrap(), algorithm.as_str());
        }
    }
}
