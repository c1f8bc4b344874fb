//! Rules for statements that people sign: approvals, seals, objections. And the only door to a signature
//! that an archive takes: it was verified, and the key is a person's own.

use std::collections::BTreeSet;

use super::{AttachError, Findings, Lintable, Linted, Rules, rules};
use crate::pki::dsse::{self, EnvelopeSignature, Statement};
use crate::pki::ssh::{BadSsh, SshKey, SshSignature};
use crate::pki::{Draft, Signature};

rules! {
    "Every rule for statements that people sign.", Draft<EnvelopeSignature>;
    canonical, "STATEMENT-CANONICAL", Structural, "What is signed is DSSE's encoding of an in-toto Statement v1 in RFC 8785 JSON.", "DSSE 1.0, protocol; in-toto Attestation Framework, Statement v1; RFC 8785";
    predicate, "STATEMENT-PREDICATE", Structural, "The statement says the kind of thing that the person was asked to sign.", "in-toto Attestation Framework, predicate";
    subjects, "STATEMENT-SUBJECTS", Structural, "It is about something, and every subject has a name of its own and a digest in lower-case hex.", "in-toto Attestation Framework, ResourceDescriptor";
    no_ca_key, "STATEMENT-NO-CA-KEY", Structural, "No CA's key signs a statement, nor any other key that is no person's: the root key signs certificates and CRLs and nothing else.", "CSBR 6.1.7; practice: never the transcript";
    own_key, "STATEMENT-OWN-KEY", Structural, "The key is the person's who signs, as the plan or the archive knows it.", "this tool";
}

impl Lintable for EnvelopeSignature {
    fn lint(draft: &Draft<Self>, _: &Rules) -> Findings {
        // No plan waives one: what people sign of a ceremony does not depend on its policy.
        let mut findings = Findings::default();
        findings.check(&Rules::default(), RULES, &draft.object, draft);
        findings
    }
}

/// The statement as it reads; whether it is canonical, one rule says, and no other has to find out again.
fn read(draft: &Draft<EnvelopeSignature>) -> Option<Statement> {
    serde_json::from_slice(&draft.context.payload).ok()
}

fn canonical(draft: &Draft<EnvelopeSignature>) -> Option<String> {
    if draft.bytes != dsse::pae(&draft.context.payload) {
        return Some("the bytes are others than the statement's".into());
    }
    Statement::parse(&draft.context.payload).err().map(|error| error.reason)
}

fn predicate(draft: &Draft<EnvelopeSignature>) -> Option<String> {
    let (found, expected) = (read(draft)?.predicate_type, draft.context.predicate_type);
    (found != expected).then(|| format!("the predicate is {found}, expected {expected}"))
}

fn subjects(draft: &Draft<EnvelopeSignature>) -> Option<String> {
    let statement = read(draft)?;
    if statement.subject.is_empty() {
        return Some("it has no subject".into());
    }
    let mut names = BTreeSet::new();
    statement.subject.iter().find_map(|subject| {
        let hex =
            |text: &String| text.len() == 64 && text.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
        let digests = !subject.digest.is_empty() && subject.digest.values().all(hex);
        if subject.name.is_empty() || !names.insert(subject.name.clone()) {
            Some(format!("the name `{}` is empty, or stands there twice", subject.name))
        } else {
            (!digests).then(|| format!("`{}` has no digest of 64 hex digits", subject.name))
        }
    })
}

fn no_ca_key(draft: &Draft<EnvelopeSignature>) -> Option<String> {
    let key = draft.context.services.get(&draft.public.fingerprint())?;
    Some(format!("it would be signed with the key `{key}`"))
}

fn own_key(draft: &Draft<EnvelopeSignature>) -> Option<String> {
    let found = draft.public.fingerprint();
    let own = &draft.context.own;
    (!own.contains(&found)).then(|| match own.iter().next() {
        None => format!("neither plan nor archive knows a key of {}", draft.key),
        Some(expected) => format!("the key is {found}, and that of {} is {expected}", draft.key),
    })
}

/// A statement with a person's signature that was verified. An archive takes nothing else.
#[derive(Clone, Debug)]
pub struct Endorsed {
    payload: Vec<u8>,
    signature: EnvelopeSignature,
    key: String,
}

/// Why a signature was not taken.
#[derive(Clone, Debug, thiserror::Error)]
pub enum EndorseError {
    /// A device's.
    #[error(transparent)]
    Device(#[from] AttachError),
    /// One of SSH.
    #[error(transparent)]
    Ssh(#[from] BadSsh),
    /// A rule is broken.
    #[error("{0}")]
    Findings(#[from] Findings),
}

impl Endorsed {
    /// Takes a device's signature, which is verified here.
    pub fn by_device(linted: Linted<EnvelopeSignature>, signature: Signature) -> Result<Self, EndorseError> {
        let (payload, key) = (linted.draft().context.payload.clone(), linted.draft().public.fingerprint());
        let signature = linted.attach(signature)?.into_document();
        Ok(Self { payload, signature, key })
    }

    /// Takes a signature of SSH, which is verified here. The draft's key is the SSH key's.
    pub fn by_ssh(
        linted: &Linted<EnvelopeSignature>,
        key: &SshKey,
        signature: &SshSignature,
    ) -> Result<Self, EndorseError> {
        let draft = linted.draft();
        if *key.public() != draft.public {
            let (found, expected) = (key.fingerprint(), draft.public.fingerprint());
            return Err(BadSsh::OtherKey { found, expected }.into());
        }
        signature.verify(&draft.bytes, key)?;
        let sig = data_encoding::BASE64.encode(signature.blob());
        let signature = EnvelopeSignature { keyid: key.fingerprint(), sig };
        Ok(Self { payload: draft.context.payload.clone(), signature, key: draft.public.fingerprint() })
    }

    /// The statement's text.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The signature, as the envelope has it.
    pub fn signature(&self) -> &EnvelopeSignature {
        &self.signature
    }

    /// SHA-256 of the key's SubjectPublicKeyInfo, in hex: what a threshold counts.
    pub fn key(&self) -> &str {
        &self.key
    }
}

#[cfg(test)]
pub(crate) mod tests;
