//! Rules: one function each, with a stable id. What they pass can be signed; nothing else can.
//!
//! A plan's profile of policy selects rules and limits, and its waivers name what it knowingly breaks:
//! together they are the [`Rules`]. They judge drafts of throwaway keys before the first write, the exact
//! bytes before each signature, the finished object after it, and an archive when it is verified.
//! [`catalogue`] lists all of them.

mod rule;

pub mod attestation;
pub mod catalogue;
pub mod certificate;
pub mod crl;
pub mod csr;
mod finding;
pub mod finished;
pub mod key;
pub mod plan;
pub mod policy;
pub mod request;
pub mod statement;
pub mod trust_root;
pub mod tuf;
mod waiver;

pub use finding::{Finding, Findings};
pub(crate) use rule::{Grade, rules};
pub use rule::{Rule, RuleInfo, Severity};
pub use waiver::Rules;

use crate::pki::{Algorithm, BadSignature, Document, Draft, Hash, Malformed, Signature};
use crate::plan::Name;

/// A document that rules know how to judge before it is signed.
pub trait Lintable: Document {
    /// Judges the exact bytes that shall be signed.
    fn lint(draft: &Draft<Self>, rules: &Rules) -> Findings;

    /// Judges the document that a signature made of the draft. What was signed stands in it byte for
    /// byte, so that what holds of the draft holds of it; a kind of document that is nothing more has no
    /// rules of its own here.
    fn finished(&self, _draft: &Draft<Self>) -> Findings {
        Findings::default()
    }

    /// Forgets what only the rules needed of a draft that they passed.
    fn judged(_draft: &mut Draft<Self>) {}
}

/// From so many bytes on a document is long.
const LONG: usize = 1 << 20;

impl<T: Lintable> Draft<T> {
    /// Judges the draft. What passes can be signed.
    pub fn lint(mut self, rules: &Rules) -> Result<Linted<T>, Findings> {
        let hash = self.public.algorithm().hash();
        let hash = |bytes: &[u8]| if hash == Hash::None { Vec::new() } else { hash.digest(bytes) };
        // Of a long document the digest is made beside the rules: both go through all of it.
        let (findings, digest) = if self.bytes.len() < LONG {
            (T::lint(&self, rules), hash(&self.bytes))
        } else {
            std::thread::scope(|scope| {
                let bytes = self.bytes.as_slice();
                let digest = scope.spawn(move || hash(bytes));
                let findings = T::lint(&self, rules);
                (findings, digest.join().unwrap_or_else(|_| hash(bytes)))
            })
        };
        let findings = findings.stopping()?;
        T::judged(&mut self);
        Ok(Linted { draft: self, digest, findings })
    }
}

/// A draft that broke no rule, or only what the plan waives: the only thing that a token signs.
#[derive(Clone, Debug)]
pub struct Linted<T: Document> {
    draft: Draft<T>,
    /// The bytes' digest; empty where the key's algorithm takes them whole.
    digest: Vec<u8>,
    findings: Findings,
}

impl<T: Document> Linted<T> {
    /// The draft as it was judged.
    pub fn draft(&self) -> &Draft<T> {
        &self.draft
    }

    /// What was found that does not stop a signature: warnings, and what the plan waives.
    pub fn warnings(&self) -> &Findings {
        &self.findings
    }
}

impl<T: Lintable> Linted<T> {
    /// Verifies the signature in software, under the key that the draft names, judges what is finished, and gives the signed document: the only door to one.
    pub fn attach(self, signature: Signature) -> Result<Signed<T>, AttachError> {
        self.draft.public.verify_digest(self.digest(), &signature).map_err(|error| {
            AttachError::BadSignature {
                object: self.draft.object.clone(),
                key: self.draft.key.clone(),
                error,
            }
        })?;
        let document = T::assemble(&self.draft, &signature)?;
        document.finished(&self.draft).stopping()?;
        Ok(Signed { document, signature })
    }
}

/// Why a signature did not turn a linted draft into a signed document.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AttachError {
    /// The device returned a signature that is not one.
    #[error("{object}: the device that holds `{key}` returned a bad signature: {error}")]
    BadSignature {
        /// Which document.
        object: String,
        /// The key that should have signed.
        key: Name,
        /// What software verification says.
        error: BadSignature,
    },
    /// The parts do not make a document.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The finished document breaks a rule.
    #[error(transparent)]
    Findings(#[from] Findings),
}

/// A document with a signature that was verified in software. An archive takes nothing else.
#[derive(Clone, Debug)]
pub struct Signed<T> {
    document: T,
    signature: Signature,
}

impl<T> Signed<T> {
    /// The document.
    pub fn document(&self) -> &T {
        &self.document
    }

    /// The signature, as X.509 carries it.
    pub fn signature(&self) -> &Signature {
        &self.signature
    }

    /// The document, and the signature no more.
    pub fn into_document(self) -> T {
        self.document
    }
}

mod sealed {
    pub trait Sealed {}
    impl<T: crate::pki::Document> Sealed for super::Linted<T> {}
}

/// What a token signs: any [`Linted`] draft, and nothing else can implement this.
pub trait Signable: sealed::Sealed {
    /// The document's name, for messages.
    fn object(&self) -> &str;
    /// The bytes to be signed.
    fn bytes(&self) -> &[u8];
    /// Their digest, by the hash that goes with the key; the bytes themselves where it takes them whole.
    fn digest(&self) -> &[u8];
    /// The key that shall sign them.
    fn key(&self) -> &Name;
    /// That key's algorithm.
    fn algorithm(&self) -> Algorithm;
}

impl<T: Document> Signable for Linted<T> {
    fn object(&self) -> &str {
        &self.draft.object
    }
    fn bytes(&self) -> &[u8] {
        &self.draft.bytes
    }
    fn digest(&self) -> &[u8] {
        if self.digest.is_empty() { &self.draft.bytes } else { &self.digest }
    }
    fn key(&self) -> &Name {
        &self.draft.key
    }
    fn algorithm(&self) -> Algorithm {
        self.draft.public.algorithm()
    }
}

#[cfg(test)]
pub(crate) mod tests;
