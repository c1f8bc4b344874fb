//! The four roles of the TUF repository (TUF specification 1.0, 2.1).

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::crl::Sha256;
use super::date::Time;
use super::name::Name;
use super::source::At;

/// How long metadata is good for, and how long before its end it is signed anew, in days: for tuf-on-ci, which
/// reads them from the metadata. Dates of ceremonies are the plan's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Periods {
    /// For how many days new metadata is good (`x-tuf-on-ci-expiry-period`).
    pub expiry: u32,
    /// How many days before its end it is signed anew (`x-tuf-on-ci-signing-period`).
    pub signing: u32,
}

/// A role that people sign, together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct KeyholderRole {
    /// The people who may sign.
    pub keyholders: At<Vec<At<Name>>>,
    /// How many of them must.
    pub threshold: At<u32>,
    /// When the role's metadata expires.
    pub expires: At<Time>,
    /// For tuf-on-ci, where the repository is handed to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub periods: Option<At<Periods>>,
}

/// A role that one key signs without people.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OnlineRole {
    /// The key's name.
    pub key: At<Name>,
    /// When the role's metadata expires.
    pub expires: At<Time>,
    /// For tuf-on-ci, where the role is handed to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub periods: Option<At<Periods>>,
    /// Where tuf-on-ci finds the key (`x-tuf-on-ci-online-uri`), such as `gcpkms:projects/…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<At<String>>,
}

/// The name of a further target: a flat file's name of 1 to 100 letters, digits, `.`, `_` and `-`, a letter or
/// digit first (tough puts folders in the wrong place), and none that is put together from the plan.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TargetName(String);

impl TargetName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for TargetName {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let first = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        if !first || !text.chars().all(plain) || text.len() > 100 {
            return Err(format!(
                "`{text}` is no name of a target: expected up to 100 of letters, digits, `.`, `_` and `-`, a letter or digit first"
            ));
        }
        if ["trusted_root.json", "signing_config.v0.2.json"].contains(&text.as_str()) {
            return Err(format!("`{text}` is put together from [trust-root]: give the file another name"));
        }
        Ok(Self(text))
    }
}

impl From<TargetName> for String {
    fn from(name: TargetName) -> Self {
        name.0
    }
}

impl fmt::Display for TargetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl JsonSchema for TargetName {
    fn schema_name() -> Cow<'static, str> {
        "TargetName".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"})
    }
}

/// A file that clients can fetch beside the trusted root and the signing config.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TargetsFile {
    /// The file, relative to the plan.
    pub file: At<PathBuf>,
    /// SHA-256 of the file, in lower-case hex: the plan names the content, and the file only brings it.
    pub sha256: At<Sha256>,
}

/// The TUF repository that shall be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Tuf {
    /// Says which keys sign the four roles.
    pub root: KeyholderRole,
    /// Lists the files that clients fetch.
    pub targets: KeyholderRole,
    /// Fixes the version of `targets`.
    pub snapshot: OnlineRole,
    /// Says which snapshot is the newest.
    pub timestamp: OnlineRole,
    /// Further files that clients can fetch, by the name of the target. One is replaced by another content
    /// under its name; none is taken away.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub targets_files: IndexMap<TargetName, TargetsFile>,
}
