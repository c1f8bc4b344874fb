//! X.509, pure: bytes in, bytes out. Time and randomness are arguments.

pub mod algorithm;
pub mod draft;
pub mod key;
pub mod signature;

pub use algorithm::{Algorithm, Hash, sha256_hex};
pub use draft::{Document, Draft, Malformed};
pub use key::{BadKey, PublicKey};
pub use signature::{BadSignature, Signature};
