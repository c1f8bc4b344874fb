//! X.509, pure: bytes in, bytes out. Time and randomness are arguments.

pub mod algorithm;
pub mod attestation;
pub mod certificate;
pub mod crl;
pub mod csr;
pub mod draft;
pub mod dsse;
pub mod key;
pub mod known_answers;
pub mod name;
pub(crate) mod profile;
pub mod request;
pub mod signature;
pub mod ssh;

pub use algorithm::{Algorithm, Hash, sha256_hex};
pub use certificate::Certificate;
pub use crl::Crl;
pub use draft::{Document, Draft, Malformed};
pub use key::{BadKey, PublicKey};
pub use request::CertificateRequest;
pub use signature::{BadSignature, Signature};
