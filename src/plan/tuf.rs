//! The four roles of the TUF repository (TUF specification 1.0, 2.1).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
}
