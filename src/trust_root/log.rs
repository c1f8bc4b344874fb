//! Logs: Rekor's and those of certificate transparency.

use sha2::{Digest, Sha256};
use sigstore_protobuf_specs::dev::sigstore::common::v1::{
    HashAlgorithm, LogId, PublicKey as WrittenKey, PublicKeyDetails,
};
use sigstore_protobuf_specs::dev::sigstore::trustroot::v1::TransparencyLogInstance;

use super::range;
use crate::pki::{Algorithm, PublicKey};
use crate::plan::trust_root::Api;
use crate::plan::{Url, Window};

/// What kind of log a key signs for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Rekor v1: signed entry timestamps.
    RekorV1,
    /// Rekor v2: tiles, and checkpoints under the log's host name.
    RekorV2,
    /// Certificate transparency (RFC 6962).
    Ct,
}

impl From<Api> for Kind {
    fn from(api: Api) -> Self {
        match api {
            Api::V1 => Self::RekorV1,
            Api::V2 => Self::RekorV2,
        }
    }
}

/// The name of a key's algorithm in protobuf-specs' `PublicKeyDetails`. RSA signs by PKCS#1 v1.5.
pub fn key_details(algorithm: Algorithm) -> PublicKeyDetails {
    match algorithm {
        Algorithm::EcdsaP256 => PublicKeyDetails::PkixEcdsaP256Sha256,
        Algorithm::EcdsaP384 => PublicKeyDetails::PkixEcdsaP384Sha384,
        Algorithm::EcdsaP521 => PublicKeyDetails::PkixEcdsaP521Sha512,
        Algorithm::Ed25519 => PublicKeyDetails::PkixEd25519,
        Algorithm::Rsa3072 => PublicKeyDetails::PkixRsaPkcs1v153072Sha256,
        Algorithm::Rsa4096 => PublicKeyDetails::PkixRsaPkcs1v154096Sha256,
    }
}

/// The 32 bytes that name a log.
///
/// SHA-256 of the SubjectPublicKeyInfo (RFC 6962, 3.2); but for an Ed25519 key of a Rekor v2 log, the
/// key id of C2SP's signed notes over `origin`: SHA-256(origin ‖ 0x0A ‖ 0x01 ‖ key), whose first four
/// bytes stand in each checkpoint.
pub fn log_id(kind: Kind, origin: &str, key: &PublicKey) -> [u8; 32] {
    match (kind, key.algorithm()) {
        (Kind::RekorV2, Algorithm::Ed25519) => {
            Sha256::new().chain_update(origin).chain_update([b'\n', 1]).chain_update(key.bits()).finalize()
        }
        _ => Sha256::digest(key.spki()),
    }
    .into()
}

/// A log as the trusted root lists it.
pub fn instance(url: &Url, trust: &Window, key: &PublicKey, kind: Kind) -> TransparencyLogInstance {
    TransparencyLogInstance {
        base_url: url.as_str().into(),
        hash_algorithm: HashAlgorithm::Sha2256.into(),
        public_key: Some(WrittenKey {
            raw_bytes: Some(key.spki().to_vec()),
            key_details: key_details(key.algorithm()).into(),
            valid_for: Some(range(trust)),
        }),
        log_id: Some(LogId { key_id: log_id(kind, url.host(), key).to_vec() }),
        // Fields of version 0.2: one client refuses them, another loses the log.
        checkpoint_key_id: None,
        operator: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust_root::tests::public;

    /// Sigstore's own log of 2025, as its trusted root publishes it.
    #[test]
    fn the_id_of_a_rekor_v2_log_is_that_of_its_notes() {
        let base64 = |text: &str| data_encoding::BASE64.decode(text.as_bytes()).unwrap();
        let spki = base64("MCowBQYDK2VwAyEAt8rlp1knGwjfbcXAYPYAkn0XiLz1x8O4t0YkEhie244=");
        let key = PublicKey::from_spki(&spki).unwrap();
        let id = log_id(Kind::RekorV2, "log2025-1.rekor.sigstore.dev", &key);
        assert_eq!(id.to_vec(), base64("zxGZFVvd0FEmjR8WrFwMdcAJ9vtaY/QXf44Y1wUeP6A="));
    }

    /// Sigstore's first log, likewise.
    #[test]
    fn other_ids_are_the_hash_of_the_key() {
        let base64 = |text: &str| data_encoding::BASE64.decode(text.as_bytes()).unwrap();
        let spki = base64(
            "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE2G2Y+2tabdTV5BcGiBIx0a9fAFwrkBbmLSGtks4L3qX6yYY0zufBnhC8Ur/iy55GhWP/9A/bY2LhC30M9+RYtw==",
        );
        let expected = base64("wNI9atQGlz+VWfO6LRygH4QUfY/8W4RFwiT5i5WRgB0=");
        let key = PublicKey::from_spki(&spki).unwrap();
        for kind in [Kind::RekorV1, Kind::RekorV2, Kind::Ct] {
            assert_eq!(log_id(kind, "rekor.sigstore.dev", &key).to_vec(), expected);
        }
        let ed25519 = public(Algorithm::Ed25519);
        let hash: [u8; 32] = Sha256::digest(ed25519.spki()).into();
        assert_eq!(log_id(Kind::Ct, "ct.example", &ed25519), hash);
        assert_ne!(log_id(Kind::RekorV2, "ct.example", &ed25519), hash);
    }

    #[test]
    fn every_algorithm_is_described_as_it_is() {
        let names = Algorithm::ALL.map(|algorithm| key_details(algorithm).as_str_name());
        assert_eq!(
            names,
            [
                "PKIX_ECDSA_P256_SHA_256",
                "PKIX_ECDSA_P384_SHA_384",
                "PKIX_ECDSA_P521_SHA_512",
                "PKIX_ED25519",
                "PKIX_RSA_PKCS1V15_3072_SHA256",
                "PKIX_RSA_PKCS1V15_4096_SHA256"
            ]
        );
    }
}
