//! The developer's side: a key that lives as long as one signature, a request for a certificate, and the
//! signature over the artifact. By rcgen over aws-lc: another implementation than the CA's side.

use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PublicKeyData, SigningKey};

use super::identity::Identity;
use crate::pki::csr::{self, BadRequest, VerifiedRequest};
use crate::pki::{BadKey, BadSignature, PublicKey, Signature};

/// A developer's ephemeral P-256 key. Never written anywhere.
pub struct Subscriber {
    pair: KeyPair,
    public: PublicKey,
}

/// What a developer sends to the certificate authority beside the ID token.
#[derive(Clone, Debug)]
pub struct Request {
    /// The PKCS#10 request (RFC 2986) in DER; Fulcio reads nothing of it but the key.
    pub csr: Vec<u8>,
    /// The token's subject, signed: the proof of possession where a client sends no request.
    pub possession: Vec<u8>,
}

/// Why a developer's side failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SubscriberError {
    /// The ephemeral key could not be made, or did not sign.
    #[error("the ephemeral key failed: {0}")]
    Key(#[from] rcgen::Error),
    /// The ephemeral key can't be read back.
    #[error("the ephemeral key failed: {0}")]
    Public(#[from] BadKey),
    /// The request is not one.
    #[error("the developer's request: {0}")]
    Request(#[from] BadRequest),
    /// The proof of possession does not verify.
    #[error("the proof of possession over the token's subject: {0}")]
    Possession(#[from] BadSignature),
    /// The two proofs are by two keys.
    #[error("the request and the proof of possession are by different keys")]
    OtherKey,
}

impl Subscriber {
    /// Makes a key.
    pub fn new() -> Result<Self, SubscriberError> {
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let public = PublicKey::from_spki(&pair.subject_public_key_info())?;
        Ok(Self { pair, public })
    }

    /// The key's public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Asks for a certificate.
    pub fn request(&self, identity: &Identity) -> Result<Request, SubscriberError> {
        let parameters = CertificateParams::new(Vec::new())?;
        let csr = parameters.serialize_request(&self.pair)?.der().to_vec();
        Ok(Request { csr, possession: self.pair.sign(identity.subject.as_bytes())? })
    }

    /// Signs an artifact: ECDSA over its SHA-256, in DER.
    pub fn sign(&self, artifact: &[u8]) -> Result<Vec<u8>, SubscriberError> {
        Ok(self.pair.sign(artifact)?)
    }
}

/// The certificate authority's side: whoever asks holds the key, by either proof that Fulcio takes.
pub fn possession(request: &Request, identity: &Identity) -> Result<PublicKey, SubscriberError> {
    let VerifiedRequest { public, .. } = csr::read(&request.csr)?;
    public.verify(identity.subject.as_bytes(), &Signature(request.possession.clone()))?;
    Ok(public)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prove::identity::San;

    #[test]
    fn whoever_asks_holds_the_key() {
        let identity = |subject: &str| Identity {
            san: San::Email("canary@example.org".into()),
            issuer: "https://issuer.example".into(),
            subject: subject.into(),
            values: Vec::new(),
        };
        let (one, other) = (Subscriber::new().unwrap(), Subscriber::new().unwrap());
        let request = one.request(&identity("canary")).unwrap();
        assert_eq!(possession(&request, &identity("canary")).unwrap(), *one.public());
        let refused = |request: &Request, subject: &str| possession(request, &identity(subject)).unwrap_err();
        assert!(matches!(refused(&request, "somebody"), SubscriberError::Possession(_)));
        let theirs = other.request(&identity("canary")).unwrap();
        let stolen = Request { csr: request.csr.clone(), possession: theirs.possession };
        assert!(matches!(refused(&stolen, "canary"), SubscriberError::Possession(_)));
        let nothing = Request { csr: Vec::new(), possession: request.possession };
        assert!(matches!(refused(&nothing, "canary"), SubscriberError::Request(_)));
    }
}
