//! Rules: one function each, with a stable id. What they pass can be signed; nothing else can.

/// A table of rules: function, id, severity, sentence, source.
macro_rules! rules {
    ($what:literal, $subject:ty; $($check:path, $id:literal, $severity:ident, $says:literal, $source:literal;)*) => {
        #[doc = $what]
        pub static RULES: &[$crate::lint::Rule<$subject>] = &[$($crate::lint::Rule {
            id: $id,
            severity: $crate::lint::Severity::$severity,
            says: $says,
            source: $source,
            check: $check,
        }),*];
    };
}

pub mod certificate;
pub mod crl;
pub mod trust_root;
pub mod tuf;

use std::fmt;

use serde::Serialize;

use crate::pki::{Algorithm, BadSignature, Document, Draft, Malformed, Signature};
use crate::plan::Name;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Shown; does not stop a signature.
    Warning,
    /// Nothing is signed.
    Error,
}

/// A rule over things of kind `S`.
pub struct Rule<S: ?Sized> {
    /// Stable, such as `CERT-ROOT-EKU-ABSENT`.
    pub id: &'static str,
    /// How bad it is when the rule is broken.
    pub severity: Severity,
    /// The rule, in one sentence.
    pub says: &'static str,
    /// Where the rule comes from: RFC and section, CSBR section, sigstore's specification.
    pub source: &'static str,
    /// Says what was found, where the rule is broken; `None` where it holds.
    pub check: fn(&S) -> Option<String>,
}

/// A rule without its function, for lists.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct RuleInfo {
    /// Stable, such as `CERT-ROOT-EKU-ABSENT`.
    pub id: &'static str,
    /// How bad it is when the rule is broken.
    pub severity: Severity,
    /// The rule, in one sentence.
    pub says: &'static str,
    /// Where the rule comes from.
    pub source: &'static str,
}

impl<S: ?Sized> Rule<S> {
    /// The rule without its function.
    pub fn info(&self) -> RuleInfo {
        RuleInfo { id: self.id, severity: self.severity, says: self.says, source: self.source }
    }
}

/// A rule that was broken, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The rule's id.
    pub rule: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The thing that breaks the rule, such as `certificates.root`.
    pub object: String,
    /// What was found.
    pub found: String,
    /// The rule, in one sentence: what was expected.
    pub expected: &'static str,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} [{}]\n  expected: {}", self.object, self.found, self.rule, self.expected)
    }
}

/// What the rules found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(transparent)]
pub struct Findings(pub Vec<Finding>);

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, finding) in self.0.iter().enumerate() {
            let gap = if n == 0 { "" } else { "\n" };
            write!(f, "{gap}{finding}")?;
        }
        Ok(())
    }
}

impl Findings {
    /// Runs every rule over one thing.
    pub fn check<S: ?Sized>(&mut self, rules: &[Rule<S>], object: &str, thing: &S) {
        for rule in rules {
            if let Some(found) = (rule.check)(thing) {
                self.0.push(Finding {
                    rule: rule.id,
                    severity: rule.severity,
                    object: object.to_string(),
                    found,
                    expected: rule.says,
                });
            }
        }
    }

    /// Whether something was found that stops a signature.
    pub fn stop(&self) -> bool {
        self.0.iter().any(|finding| finding.severity == Severity::Error)
    }
}

/// A document that rules know how to judge before it is signed.
pub trait Lintable: Document {
    /// Judges the exact bytes that shall be signed.
    fn lint(draft: &Draft<Self>) -> Findings;
}

impl<T: Lintable> Draft<T> {
    /// Judges the draft. What passes can be signed.
    pub fn lint(self) -> Result<Linted<T>, Findings> {
        let findings = T::lint(&self);
        if findings.stop() { Err(findings) } else { Ok(Linted { draft: self, findings }) }
    }
}

/// A draft that broke no rule: the only thing that a token signs.
#[derive(Clone, Debug)]
pub struct Linted<T: Document> {
    draft: Draft<T>,
    findings: Findings,
}

impl<T: Document> Linted<T> {
    /// The draft as it was judged.
    pub fn draft(&self) -> &Draft<T> {
        &self.draft
    }

    /// What was found that does not stop a signature.
    pub fn warnings(&self) -> &Findings {
        &self.findings
    }

    /// Verifies the signature in software, under the key that the draft names, and gives the signed document: the only door to one.
    pub fn attach(self, signature: Signature) -> Result<Signed<T>, AttachError> {
        self.draft.public.verify(&self.draft.bytes, &signature).map_err(|error| {
            AttachError::BadSignature {
                object: self.draft.object.clone(),
                key: self.draft.key.clone(),
                error,
            }
        })?;
        let document = T::assemble(&self.draft, &signature)?;
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
    fn key(&self) -> &Name {
        &self.draft.key
    }
    fn algorithm(&self) -> Algorithm {
        self.draft.public.algorithm()
    }
}
