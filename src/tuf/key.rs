//! Public keys as TUF metadata carries them.

use serde::{Deserialize, Serialize};

use super::{Extra, canonical};
use crate::pki::{Algorithm, PublicKey, sha256_hex};
use crate::plan::Name;

/// A key in root metadata. Its id covers all of it, the owner included.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    keytype: String,
    scheme: String,
    keyval: KeyValue,
    /// Whose key it is, as tuf-on-ci writes it: `@name`.
    #[serde(rename = "x-tuf-on-ci-keyowner", default, skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    #[serde(flatten)]
    extra: Extra,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct KeyValue {
    public: String,
    #[serde(flatten)]
    extra: Extra,
}

/// A key that TUF metadata can't carry, or that this tool can't read there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found}: expected ecdsa (P-256, P-384 or P-521, in PEM) or ed25519 (in hex)")]
pub struct UnsupportedKey {
    /// What was found.
    pub found: String,
}

impl Key {
    /// A key as clients take it: `ecdsa` with `ecdsa-sha2-nistp256` and the like in PEM, or `ed25519` in
    /// hex. RSA keys are refused: TUF signs with PSS there, this tool's keys by PKCS#1 v1.5.
    pub fn new(public: &PublicKey, owner: Option<&Name>) -> Result<Self, UnsupportedKey> {
        let (keytype, scheme) = names(public.algorithm())
            .ok_or_else(|| UnsupportedKey { found: format!("a key of {}", public.algorithm()) })?;
        let value = match public.algorithm() {
            Algorithm::Ed25519 => data_encoding::HEXLOWER.encode(public.bits()),
            _ => public.pem(),
        };
        Ok(Self {
            keytype: keytype.into(),
            scheme: scheme.into(),
            keyval: KeyValue { public: value, extra: Extra::new() },
            owner: owner.map(|name| format!("@{name}")),
            extra: Extra::new(),
        })
    }

    /// The same key with the address at which tuf-on-ci finds it (`x-tuf-on-ci-online-uri`).
    pub fn found_at(mut self, uri: &str) -> Self {
        self.extra.insert("x-tuf-on-ci-online-uri".into(), uri.into());
        self
    }

    /// SHA-256, in hex, of the canonical JSON of the whole key object (specification 1.0.31, 4.2.1). One
    /// client (tough) enforces it.
    pub fn id(&self) -> String {
        // Fails only for fractions in fields of others; no key id is the hash of nothing then.
        canonical(self).map(|bytes| sha256_hex(&bytes)).unwrap_or_default()
    }

    /// The key's material: what a threshold counts.
    pub fn public(&self) -> Result<PublicKey, UnsupportedKey> {
        let unsupported = |reason: &str| UnsupportedKey {
            found: format!("a key of type {} and scheme {}: {reason}", self.keytype, self.scheme),
        };
        let value = &self.keyval.public;
        let key = match self.keytype.as_str() {
            "ed25519" => data_encoding::HEXLOWER_PERMISSIVE
                .decode(value.as_bytes())
                .map_err(|error| unsupported(&error.to_string()))
                .and_then(|raw| {
                    PublicKey::from_ed25519(&raw).map_err(|error| unsupported(&error.to_string()))
                }),
            _ => PublicKey::from_pem(value).map_err(|error| unsupported(&error.to_string())),
        }?;
        // The key types of older metadata are read, but never written: tough takes one of them alone.
        let fits = names(key.algorithm()).is_some_and(|(keytype, scheme)| {
            self.scheme == scheme && (self.keytype == keytype || self.keytype == scheme)
        });
        if fits { Ok(key) } else { Err(unsupported(&format!("holds a key of {}", key.algorithm()))) }
    }

    /// The key's type, such as `ecdsa`.
    pub fn keytype(&self) -> &str {
        &self.keytype
    }

    /// The signature scheme, such as `ecdsa-sha2-nistp256`.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// Whose key it is: the keyholder's name, without tuf-on-ci's `@`.
    pub fn owner(&self) -> Option<&str> {
        self.owner.as_deref().map(|owner| owner.strip_prefix('@').unwrap_or(owner))
    }
}

/// Key type and scheme of an algorithm; none for what TUF metadata can't carry.
fn names(algorithm: Algorithm) -> Option<(&'static str, &'static str)> {
    match algorithm {
        Algorithm::EcdsaP256 => Some(("ecdsa", "ecdsa-sha2-nistp256")),
        Algorithm::EcdsaP384 => Some(("ecdsa", "ecdsa-sha2-nistp384")),
        Algorithm::EcdsaP521 => Some(("ecdsa", "ecdsa-sha2-nistp521")),
        Algorithm::Ed25519 => Some(("ed25519", "ed25519")),
        Algorithm::Rsa3072 | Algorithm::Rsa4096 => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust_root::tests::public;

    #[test]
    fn what_is_written_can_be_read() {
        let owner: Name = "keyholder-1".parse().unwrap();
        for algorithm in
            [Algorithm::EcdsaP256, Algorithm::EcdsaP384, Algorithm::EcdsaP521, Algorithm::Ed25519]
        {
            let public = public(algorithm);
            let key = Key::new(&public, Some(&owner)).unwrap();
            assert_eq!(key.public().unwrap(), public);
            let read: Key = serde_json::from_str(&serde_json::to_string(&key).unwrap()).unwrap();
            assert_eq!((read.id(), &read), (key.id(), &key));
            assert_eq!(key.owner(), Some("keyholder-1"));
            assert_ne!(Key::new(&public, None).unwrap().id(), key.id(), "the id covers the owner");
        }
        assert!(Key::new(&public(Algorithm::Rsa3072), None).is_err());
    }

    /// A keyholder's key of sigstore's root 15, and its online key, with their ids there.
    #[test]
    fn ids_are_those_that_sigstore_publishes() {
        let online = r#"{"keyid_hash_algorithms": ["sha256", "sha512"], "keytype": "ecdsa",
            "keyval": {"public": "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEWRiGr5+j+3J5SsH+Ztr5nE2H2wO7\nBV+nO3s93gLca18qTOzHY1oWyAGDykMSsGTUBSt9D+An0KfKsD2mfSM42Q==\n-----END PUBLIC KEY-----\n"},
            "scheme": "ecdsa-sha2-nistp256",
            "x-tuf-on-ci-online-uri": "gcpkms:projects/sigstore-root-signing/locations/global/keyRings/root/cryptoKeys/timestamp/cryptoKeyVersions/1"}"#;
        let key: Key = serde_json::from_str(online).unwrap();
        assert_eq!(key.id(), "0c87432c3bf09fd99189fdc32fa5eaedf4e4a5fac7bab73fa04a2e0fc64af6f5");
        assert_eq!(key.public().unwrap().algorithm(), Algorithm::EcdsaP256);
    }

    #[test]
    fn a_key_under_another_name_is_refused() {
        let mut key = Key::new(&public(Algorithm::EcdsaP256), None).unwrap();
        key.keytype = "ecdsa-sha2-nistp256".into();
        assert!(key.public().is_ok());
        for (keytype, scheme) in
            [("ecdsa", "ecdsa-sha2-nistp384"), ("rsa", "rsassa-pss-sha256"), ("ed25519", "ed25519")]
        {
            (key.keytype, key.scheme) = (keytype.into(), scheme.into());
            assert!(key.public().is_err(), "{keytype}");
        }
    }
}
