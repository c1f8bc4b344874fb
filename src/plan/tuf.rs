//! The four roles of the TUF repository (TUF specification 1.0, 2.1).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::date::Time;
use super::name::Name;
use super::source::At;

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
}

/// A role that one key signs without people.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OnlineRole {
    /// The key's name.
    pub key: At<Name>,
    /// When the role's metadata expires.
    pub expires: At<Time>,
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
