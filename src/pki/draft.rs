//! The first state of anything that a key signs.
//!
//! draft → linted → signed: a [`Draft`] can only be linted; what was linted
//! ([`Linted`](crate::lint::Linted)) can be signed; and only a signature that verifies turns it into
//! the [`Signed`](crate::lint::Signed) document that an archive takes.

use super::key::PublicKey;
use super::signature::Signature;
use crate::plan::Name;

/// Something that a key signs: a certificate, a CRL, a role's metadata.
pub trait Document: Clone + std::fmt::Debug {
    /// What the rules must know beside the bytes: the profile, the issuer, …
    type Context: Clone + std::fmt::Debug;

    /// What this kind of document is called in messages.
    const KIND: &'static str;

    /// Whether there may be so much of it that a journal has its hash alone.
    const LARGE: bool = false;

    /// Puts the document together from the bytes that were signed and the signature over them.
    fn assemble(draft: &Draft<Self>, signature: &Signature) -> Result<Self, Malformed>;
}

/// Bytes that can't be put together into the document that they should be.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{object}: {reason}")]
pub struct Malformed {
    /// Which document.
    pub object: String,
    /// What is wrong with it.
    pub reason: String,
}

/// The exact bytes that shall be signed, by which key, with what its rules must know.
#[derive(Clone, Debug)]
pub struct Draft<T: Document> {
    /// The document's name, as steps and findings use it.
    pub object: String,
    /// The bytes to be signed.
    pub bytes: Vec<u8>,
    /// The signing key's name.
    pub key: Name,
    /// The signing key's public half: what the signature must verify under.
    pub public: PublicKey,
    /// What the rules must know beside the bytes.
    pub context: T::Context,
}
