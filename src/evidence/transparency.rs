//! Transparency, prepared offline: what somebody with a network submits to public logs, so that a statement
//! can't have been written later than they say. Pure.
//!
//! A signature by a device goes to Rekor v2 as a `hashedrekord`, over the digest of DSSE's encoding that goes
//! with its key. Rekor takes neither SSH's signatures nor plain Ed25519. For Sigsum, any statement is a
//! message of 32 bytes: the submitter signs the leaf with a key of their own.

use serde_json::{Value, json};
use sha2::Digest;

use crate::pki::dsse;
use crate::pki::{Algorithm, Hash, PublicKey};
use crate::trust_root::log::key_details;

/// A signature by a device over a statement.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    /// The statement's text.
    pub payload: &'a [u8],
    /// The signature, as base64.
    pub signature: &'a str,
    /// The key.
    pub public: &'a PublicKey,
}

/// The `hash` and the name that Rekor has for it; none for a key whose signatures it does not take.
fn digest(algorithm: Algorithm) -> Option<&'static str> {
    match (algorithm, algorithm.hash()) {
        (Algorithm::Ed25519, _) | (_, Hash::None) => None,
        (_, Hash::Sha256) => Some("SHA2_256"),
        (_, Hash::Sha384) => Some("SHA2_384"),
        (_, Hash::Sha512) => Some("SHA2_512"),
    }
}

impl Signed<'_> {
    fn hashed(&self) -> String {
        let digest = self.public.algorithm().hash().digest(&dsse::pae(self.payload));
        data_encoding::BASE64.encode(&digest)
    }

    fn signature(&self) -> Value {
        json!({
            "content": self.signature,
            "verifier": {
                "publicKey": {"rawBytes": data_encoding::BASE64.encode(self.public.spki())},
                "keyDetails": key_details(self.public.algorithm()).as_str_name(),
            },
        })
    }

    /// The body of a request to `/api/v2/log/entries` (rekor-tiles, `CreateEntryRequest`).
    pub fn rekor_request(&self) -> Option<Vec<u8>> {
        digest(self.public.algorithm())?;
        let body =
            json!({"hashedRekordRequestV002": {"digest": self.hashed(), "signature": self.signature()}});
        let mut bytes = serde_json::to_vec_pretty(&body).ok()?;
        bytes.push(b'\n');
        Some(bytes)
    }

    /// What the log then has as its entry: RFC 8785 JSON.
    pub fn rekor_entry(&self) -> Option<Value> {
        let algorithm = digest(self.public.algorithm())?;
        let spec = json!({"hashedRekordV002": {
            "data": {"algorithm": algorithm, "digest": self.hashed()},
            "signature": self.signature(),
        }});
        Some(json!({"apiVersion": "0.0.2", "kind": "hashedrekord", "spec": spec}))
    }
}

/// The message of a Sigsum leaf: SHA-256 of DSSE's encoding.
pub fn sigsum_hash(payload: &[u8]) -> [u8; 32] {
    sha2::Sha256::digest(dsse::pae(payload)).into()
}

/// The message of a Sigsum leaf, in hex with a newline: SHA-256 of DSSE's encoding. For
/// `sigsum-submit --raw-hash -k KEY -p POLICY FILE`, whose leaf then has the SHA-256 of these 32 bytes.
pub fn sigsum_message(payload: &[u8]) -> Vec<u8> {
    format!("{}\n", data_encoding::HEXLOWER.encode(&sigsum_hash(payload))).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{KeyPair, PublicKeyData};
    use sigstore_protobuf_specs::dev::sigstore::rekor::v2::CreateEntryRequest;

    fn signed(algorithm: &'static rcgen::SignatureAlgorithm, check: impl FnOnce(Signed<'_>)) {
        let pair = KeyPair::generate_for(algorithm).unwrap();
        let public = PublicKey::from_spki(&pair.subject_public_key_info()).unwrap();
        check(Signed { payload: b"{}", signature: "c2ln", public: &public });
    }

    #[test]
    fn a_request_is_what_the_log_reads() {
        signed(&rcgen::PKCS_ECDSA_P256_SHA256, |signed| {
            let request: CreateEntryRequest =
                serde_json::from_slice(&signed.rekor_request().unwrap()).unwrap();
            let text = format!("{request:?}");
            assert!(text.contains("HashedRekordRequestV002"), "{text}");
            let digest = crate::pki::sha256_hex(&dsse::pae(b"{}"));
            let hex = |base64: &str| {
                data_encoding::HEXLOWER.encode(&data_encoding::BASE64.decode(base64.as_bytes()).unwrap())
            };
            let entry = signed.rekor_entry().unwrap();
            let data = &entry["spec"]["hashedRekordV002"]["data"];
            assert_eq!(hex(data["digest"].as_str().unwrap()), digest);
            assert_eq!(sigsum_message(b"{}"), format!("{digest}\n").into_bytes());
        });
        signed(&rcgen::PKCS_ECDSA_P384_SHA384, |signed| {
            let entry = signed.rekor_entry().unwrap().to_string();
            assert!(entry.contains("SHA2_384") && entry.contains("PKIX_ECDSA_P384_SHA_384"), "{entry}");
        });
        signed(&rcgen::PKCS_ED25519, |signed| assert!(signed.rekor_request().is_none()));
    }
}
