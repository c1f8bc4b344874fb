//! The files by which a keyholder who is elsewhere signs: a request, and the response to it. Pure.
//!
//! A request carries the documents themselves and the published state that they follow, so that whoever
//! signs can work out what changes. Its words are for reading: nothing rests on them. Nobody signs a request.
//! `docs/formats.md` describes both.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Envelope, Metadata, Role, canonical};
use crate::pki::sha256_hex;
use crate::plan::{Day, Name, Time};

/// The media type of a request.
pub const REQUEST: &str = "application/vnd.rootwright.signature-request+json;version=1";

/// The media type of a response.
pub const RESPONSE: &str = "application/vnd.rootwright.signature-response+json;version=1";

/// What somebody is asked to sign.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Request {
    /// [`REQUEST`].
    pub media_type: String,
    /// The ceremony that asks.
    pub ceremony: Ceremony,
    /// Whether it is a rehearsal.
    pub rehearsal: bool,
    /// The ceremony's clock when the request was written.
    pub written: Time,
    /// From then on it is not signed any more.
    pub expires: Time,
    /// Who is asked.
    pub signer: Signer,
    /// What clients have now.
    pub published: Published,
    /// What shall be signed, root first.
    pub documents: Vec<Document>,
    /// What changes, in words. They are worked out anew by whoever signs.
    pub changes: Vec<String>,
}

/// A ceremony, as a request names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Ceremony {
    /// Its name.
    pub name: String,
    /// Its day.
    pub date: Day,
    /// SHA-256 of the plan, in hex.
    pub plan: String,
}

impl std::fmt::Display for Ceremony {
    /// What whoever signs is told first, and compares with what they were told by another way.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, {}: the request of plan {}", self.name, self.date, self.plan)
    }
}

impl Ceremony {
    /// The folder of its requests and responses: the day, and the beginning of the plan's SHA-256.
    pub fn folder(&self) -> Result<Name, Unreadable> {
        let folder = format!("{}-{}", self.date, self.plan.get(..8).unwrap_or(&self.plan));
        folder.parse().map_err(Unreadable)
    }
}

/// Who signs, and with which key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Signer {
    /// The keyholder; none for an online key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keyholder: Option<Name>,
    /// The key's name, which is its label on the device.
    pub key: Name,
    /// SHA-256 of its SubjectPublicKeyInfo, in hex.
    pub fingerprint: String,
    /// The plan's name of the device; none where the archive knows the public key alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<Name>,
    /// The device's serial number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
}

/// What clients have: metadata files, and the content of targets by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Published {
    /// The newest metadata file of each role that is published.
    #[serde(default)]
    pub metadata: BTreeMap<Role, Value>,
    /// The texts of the targets that clients of sigstore fetch.
    #[serde(default)]
    pub targets: BTreeMap<String, String>,
}

impl Published {
    /// A role's newest metadata file; none where none is published, or it can't be read.
    pub fn envelope(&self, role: Role) -> Option<Envelope> {
        let value = self.metadata.get(&role)?;
        Envelope::parse(value.to_string().as_bytes()).ok().filter(|file| file.signed.role() == role)
    }
}

/// A document that shall be signed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Document {
    /// The role.
    pub role: Role,
    /// Its version.
    pub version: u64,
    /// SHA-256 of the bytes that are signed, in hex: the canonical JSON (OLPC) of `signed`.
    pub sha256: String,
    /// The metadata, as TUF files have it under `signed`.
    pub signed: Value,
    /// Of targets: the texts of those that clients of sigstore fetch, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub targets: BTreeMap<String, String>,
}

/// Which document is meant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Asked {
    /// The role.
    pub role: Role,
    /// The version.
    pub version: u64,
    /// SHA-256 of the bytes that are signed, in hex.
    pub sha256: String,
}

/// A request, response or metadata file that can't be read, or contradicts itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub String);

impl Document {
    /// The document that metadata makes.
    pub fn of(metadata: &Metadata, targets: BTreeMap<String, String>) -> Result<Self, Unreadable> {
        let wrong = |error: serde_json::Error| Unreadable(format!("no canonical form: {error}"));
        Ok(Self {
            role: metadata.role(),
            version: metadata.head().version,
            sha256: sha256_hex(&canonical(metadata).map_err(wrong)?),
            signed: serde_json::to_value(metadata).map_err(wrong)?,
            targets,
        })
    }

    /// The metadata; refused where role, version or hash are not those that the document claims.
    pub fn metadata(&self) -> Result<Metadata, Unreadable> {
        let metadata = Metadata::parse(self.signed.to_string().as_bytes())
            .map_err(|error| Unreadable(format!("the {} document is {error}", self.role)))?;
        let found = Self::of(&metadata, BTreeMap::new())?.asked();
        if found != self.asked() {
            return Err(Unreadable(format!("the document is said to be {}, and is {found}", self.asked())));
        }
        Ok(metadata)
    }

    /// Which document it is.
    pub fn asked(&self) -> Asked {
        Asked { role: self.role, version: self.version, sha256: self.sha256.clone() }
    }
}

impl std::fmt::Display for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} version {}, SHA-256 {}", self.role, self.version, self.sha256)
    }
}

impl Request {
    /// Reads a request. Its documents are what they are said to be; nothing else is judged.
    pub fn parse(bytes: &[u8]) -> Result<Self, Unreadable> {
        let request: Self = serde_json::from_slice(bytes)
            .map_err(|error| Unreadable(format!("not a request for a signature: {error}")))?;
        if request.media_type != REQUEST {
            let found = &request.media_type;
            return Err(Unreadable(format!("its media type is `{found}`, expected `{REQUEST}`")));
        }
        Ok(request)
    }
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Response {
    /// [`RESPONSE`].
    pub media_type: String,
    /// SHA-256 of the request's file, in hex.
    pub request: String,
    /// Who signed.
    pub signer: Signer,
    /// When, by the clock there.
    pub signed: Time,
    /// The tool that signed, and its version.
    pub tool: String,
    /// A signature for each document.
    pub signatures: Vec<Signature>,
}

/// A signature over one document, as TUF files list it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Signature {
    /// The role.
    pub role: Role,
    /// The version that was signed.
    pub version: u64,
    /// SHA-256 of the bytes that were signed, in hex.
    pub sha256: String,
    /// The TUF key id.
    pub keyid: String,
    /// The signature in hex: ECDSA as DER, Ed25519 as 64 bytes.
    pub sig: String,
}

impl Signature {
    /// Which document was signed.
    pub fn asked(&self) -> Asked {
        Asked { role: self.role, version: self.version, sha256: self.sha256.clone() }
    }
}

/// What somebody elsewhere sent: a response, or a TUF metadata file that other tools signed.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// A response of this tool.
    Response(Response),
    /// Metadata with signatures, as TUF's own tools write it.
    Metadata(Envelope),
}

impl Answer {
    /// Reads either. Verifies nothing.
    pub fn parse(bytes: &[u8]) -> Result<Self, Unreadable> {
        let value: Value =
            serde_json::from_slice(bytes).map_err(|error| Unreadable(format!("not JSON: {error}")))?;
        if value.get("signed").is_some_and(Value::is_object) {
            let file = Envelope::parse(bytes).map_err(|error| Unreadable(error.to_string()))?;
            return Ok(Self::Metadata(file));
        }
        let response: Response = serde_json::from_value(value).map_err(|error| {
            Unreadable(format!("neither a response nor a TUF metadata file with signatures: {error}"))
        })?;
        if response.media_type != RESPONSE {
            let found = &response.media_type;
            return Err(Unreadable(format!("its media type is `{found}`, expected `{RESPONSE}`")));
        }
        Ok(Self::Response(response))
    }

    /// Its signatures, each with the document that it is of. Empty ones, with which tuf-on-ci holds a
    /// place, are passed over.
    pub fn signatures(&self) -> Result<Vec<Signature>, Unreadable> {
        match self {
            Self::Response(response) => Ok(response.signatures.clone()),
            Self::Metadata(file) => {
                let Asked { role, version, sha256 } = Document::of(&file.signed, BTreeMap::new())?.asked();
                let made = file.signatures.iter().filter(|made| !made.sig.is_empty());
                let signature = |made: &super::RoleSignature| Signature {
                    role,
                    version,
                    sha256: sha256.clone(),
                    keyid: made.keyid.clone(),
                    sig: made.sig.clone(),
                };
                Ok(made.map(signature).collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tuf::tests::Repository;

    #[test]
    fn a_document_is_what_it_is_said_to_be() {
        let repository = Repository::new();
        let metadata: Metadata = repository.root.clone().into();
        let good = Document::of(&metadata, BTreeMap::new()).unwrap();
        assert_eq!(good.metadata().unwrap(), metadata);
        for change in [
            (|document: &mut Document| document.version = 2) as fn(&mut Document),
            |document| document.role = Role::Targets,
            |document| document.sha256 = "0".repeat(64),
            |document| document.signed["expires"] = "2099-01-01T00:00:00Z".into(),
        ] {
            let mut bad = good.clone();
            change(&mut bad);
            let error = bad.metadata().unwrap_err().to_string();
            assert!(error.contains("is said to be"), "{error}");
        }
        let mut bad = good;
        bad.signed = Value::Null;
        assert!(bad.metadata().unwrap_err().to_string().contains("not TUF metadata"));
    }

    #[test]
    fn metadata_with_signatures_is_an_answer_too() {
        let mut repository = Repository::new();
        let metadata: Metadata = repository.root.clone().into();
        let mut signatures = repository.sign(&metadata, &["keyholder-1", "keyholder-2"]);
        signatures[1].sig.clear();
        let file = serde_json::json!({"signed": metadata, "signatures": signatures}).to_string();
        let answer = Answer::parse(file.as_bytes()).unwrap();
        let found = answer.signatures().unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].keyid, signatures[0].keyid);
        assert_eq!(found[0].asked(), Document::of(&metadata, BTreeMap::new()).unwrap().asked());
        assert!(Answer::parse(b"{}").is_err() && Answer::parse(b"x").is_err());
    }
}
