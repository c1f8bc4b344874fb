//! Statements of in-toto (Statement v1), in envelopes of DSSE (v1): one text, signed by several people.
//!
//! The text is RFC 8785 JSON, so that who makes it again has the same bytes. What is signed is DSSE's
//! pre-authentication encoding of it. A signature by a device is as its algorithm has it (ECDSA in DER);
//! its key id is the SHA-256 of the SubjectPublicKeyInfo, in hex. One by SSH is the binary form of
//! `PROTOCOL.sshsig`, over the same bytes; its key id is the key's fingerprint as `ssh-keygen` shows it.

use std::collections::{BTreeMap, BTreeSet};

use data_encoding::BASE64;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Document, Draft, Malformed, PublicKey, Signature};
use crate::plan::Name;

/// What a statement's `_type` is.
pub const STATEMENT: &str = "https://in-toto.io/Statement/v1";

/// What is in an envelope.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// A thing that a statement is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// Its name.
    pub name: String,
    /// Its digests in hex, by algorithm.
    pub digest: BTreeMap<String, String>,
}

impl Subject {
    /// Something by its SHA-256, in hex.
    pub fn sha256(name: impl Into<String>, sha256: impl Into<String>) -> Self {
        Self { name: name.into(), digest: BTreeMap::from([("sha256".into(), sha256.into())]) }
    }
}

/// A statement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Statement {
    /// That it is one.
    #[serde(rename = "_type")]
    pub kind: String,
    /// What it is about.
    pub subject: Vec<Subject>,
    /// What kind of thing it says.
    pub predicate_type: String,
    /// What it says.
    pub predicate: Value,
}

impl Statement {
    /// A statement of this kind.
    pub fn new(predicate_type: &str, subject: Vec<Subject>, predicate: Value) -> Self {
        Self { kind: STATEMENT.into(), subject, predicate_type: predicate_type.into(), predicate }
    }

    /// Its text: RFC 8785 JSON.
    pub fn payload(&self) -> Result<Vec<u8>, Malformed> {
        serde_json_canonicalizer::to_vec(self)
            .map_err(|error| Malformed { object: self.predicate_type.clone(), reason: error.to_string() })
    }

    /// Reads a text, which must be canonical.
    pub fn parse(payload: &[u8]) -> Result<Self, Malformed> {
        let wrong = |reason: String| Malformed { object: "the statement".into(), reason };
        let statement: Self = serde_json::from_slice(payload).map_err(|error| wrong(error.to_string()))?;
        if statement.kind != STATEMENT {
            return Err(wrong(format!("its type is {}, expected {STATEMENT}", statement.kind)));
        }
        if statement.payload()? != payload {
            return Err(wrong("it is not RFC 8785 canonical JSON".into()));
        }
        Ok(statement)
    }
}

/// What is signed of a text: DSSE's pre-authentication encoding.
pub fn pae(payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {PAYLOAD_TYPE} {} ", PAYLOAD_TYPE.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

/// One signature of an envelope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnvelopeSignature {
    /// Which key made it.
    pub keyid: String,
    /// The signature, as base64.
    pub sig: String,
}

/// What the rules must know beside the bytes.
#[derive(Clone, Debug)]
pub struct Context {
    /// The statement's text.
    pub payload: Vec<u8>,
    /// The predicate type that it must have.
    pub predicate_type: &'static str,
    /// Keys that may sign for this person, by SHA-256 of their SubjectPublicKeyInfo.
    pub own: BTreeSet<String>,
    /// Keys that are no person's, by SHA-256 of their SubjectPublicKeyInfo: CAs', logs', online ones.
    pub services: BTreeMap<String, Name>,
}

impl Document for EnvelopeSignature {
    type Context = Context;
    const KIND: &'static str = "statement";

    fn assemble(draft: &Draft<Self>, signature: &Signature) -> Result<Self, Malformed> {
        Ok(Self { keyid: draft.public.fingerprint(), sig: BASE64.encode(signature.as_bytes()) })
    }
}

/// A statement that a person's key shall sign, ready for the rules.
pub fn draft(
    object: String,
    (person, public): (&Name, &PublicKey),
    context: Context,
) -> Draft<EnvelopeSignature> {
    Draft { object, bytes: pae(&context.payload), key: person.clone(), public: public.clone(), context }
}

/// An envelope: a text and the signatures over it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The statement's text.
    pub payload: Vec<u8>,
    /// The signatures.
    pub signatures: Vec<EnvelopeSignature>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Written {
    payload: String,
    payload_type: String,
    signatures: Vec<EnvelopeSignature>,
}

impl Envelope {
    /// The file: JSON with a newline at its end.
    pub fn file(&self) -> Vec<u8> {
        let written = Written {
            payload: BASE64.encode(&self.payload),
            payload_type: PAYLOAD_TYPE.into(),
            signatures: self.signatures.clone(),
        };
        // Texts alone: nothing in it can fail.
        let mut bytes = serde_json::to_vec_pretty(&written).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// Reads a file. Verifies nothing.
    pub fn parse(file: &[u8]) -> Result<Self, Malformed> {
        let wrong = |reason: String| Malformed { object: "the envelope".into(), reason };
        let Written { payload, payload_type, signatures } =
            serde_json::from_slice(file).map_err(|error| wrong(error.to_string()))?;
        if payload_type != PAYLOAD_TYPE {
            return Err(wrong(format!("it holds {payload_type}, expected {PAYLOAD_TYPE}")));
        }
        let payload = BASE64.decode(payload.as_bytes()).map_err(|error| wrong(error.to_string()))?;
        Ok(Self { payload, signatures })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The specification's own example, with our type of payload.
    #[test]
    fn the_encoding_has_both_lengths() {
        assert_eq!(pae(b"hello"), b"DSSEv1 28 application/vnd.in-toto+json 5 hello");
        assert_eq!(pae(b""), b"DSSEv1 28 application/vnd.in-toto+json 0 ");
    }

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        let subject = Subject::sha256("a file", "00".repeat(32));
        let statement = Statement::new("urn:test", vec![subject], serde_json::json!({"b": 1, "a": "x"}));
        let payload = statement.payload().unwrap();
        assert_eq!(Statement::parse(&payload).unwrap(), statement);
        let spaced = [b" ", payload.as_slice()].concat();
        assert!(Statement::parse(&spaced).unwrap_err().reason.contains("canonical"));
        let signatures = vec![EnvelopeSignature { keyid: "k".into(), sig: "c2ln".into() }];
        let envelope = Envelope { payload, signatures };
        assert_eq!(Envelope::parse(&envelope.file()).unwrap(), envelope);
        let other = String::from_utf8(envelope.file()).unwrap().replace("in-toto", "other");
        assert!(Envelope::parse(other.as_bytes()).is_err());
    }
}
