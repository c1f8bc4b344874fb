//! Certificate signing requests (PKCS#10, RFC 2986) of keys that live elsewhere.

use der::{Decode, Encode, Reader, SliceReader};
use x509_cert::request::CertReq;

use super::{PublicKey, Signature};

/// A request whose proof of possession was verified: whoever made it holds the private key.
#[derive(Clone, Debug)]
pub struct VerifiedRequest {
    /// The key that asks.
    pub public: PublicKey,
    /// The request in DER.
    pub der: Vec<u8>,
}

/// Why a request is not taken.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BadRequest {
    /// Neither DER nor PEM of a PKCS#10 request.
    #[error("not a PKCS#10 request in PEM or DER: {0}")]
    Encoding(String),
    /// The key is not one that this tool certifies.
    #[error("the request's key is not usable: {0}")]
    Key(#[from] super::BadKey),
    /// The request is signed by another algorithm than the one that goes with its key.
    #[error("the request is signed with {found}, expected {expected}, which goes with its key")]
    Algorithm {
        /// The object identifier in the request.
        found: String,
        /// The one that goes with the key.
        expected: String,
    },
    /// The signature does not verify: whoever made the request does not hold the key.
    #[error("the request's proof of possession fails: {0}")]
    Possession(#[from] super::BadSignature),
}

/// The DER of a request that may be in PEM.
pub fn unwrap(bytes: &[u8]) -> Result<Vec<u8>, BadRequest> {
    match der::pem::decode_vec(bytes) {
        Ok(("CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST", der)) => Ok(der),
        Ok((label, _)) => {
            Err(BadRequest::Encoding(format!("PEM labelled {label}, expected CERTIFICATE REQUEST")))
        }
        Err(_) => Ok(bytes.to_vec()),
    }
}

/// Reads a request, PEM or DER, and verifies its proof of possession.
pub fn read(bytes: &[u8]) -> Result<VerifiedRequest, BadRequest> {
    let encoding = |error: der::Error| BadRequest::Encoding(error.to_string());
    let der = unwrap(bytes)?;
    let request = CertReq::from_der(&der).map_err(encoding)?;
    let public = PublicKey::from_spki(&request.info.public_key.to_der().map_err(encoding)?)?;
    let expected = public.algorithm().signature_identifier();
    if request.algorithm != expected {
        let (found, expected) = (request.algorithm.oid.to_string(), expected.oid.to_string());
        return Err(BadRequest::Algorithm { found, expected });
    }
    // The bytes as they were signed, not as they would be encoded again.
    let signed = SliceReader::new(&der)
        .and_then(|mut outer| {
            outer.sequence(|inner| {
                let signed = inner.tlv_bytes()?.to_vec();
                inner.drain(inner.remaining_len())?;
                Ok::<_, der::Error>(signed)
            })
        })
        .map_err(encoding)?;
    public.verify(&signed, &Signature(request.signature.raw_bytes().to_vec()))?;
    Ok(VerifiedRequest { public, der })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(pair: &rcgen::KeyPair) -> Vec<u8> {
        let parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
        parameters.serialize_request(pair).unwrap().der().to_vec()
    }

    #[test]
    fn proof_of_possession() {
        let pair = rcgen::KeyPair::generate().unwrap();
        let mut der = request(&pair);
        let read_back = read(&der).unwrap();
        assert_eq!(read_back.public.spki(), rcgen::PublicKeyData::subject_public_key_info(&pair));
        let last = der.len() - 1;
        der[last] ^= 1;
        assert!(matches!(read(&der), Err(BadRequest::Possession(_) | BadRequest::Encoding(_))));
        assert!(matches!(read(b"nothing"), Err(BadRequest::Encoding(_))));
    }
}
