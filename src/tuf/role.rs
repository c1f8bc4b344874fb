//! The four top-level roles, and which keys sign them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Extra, Key};

/// A top-level role (TUF specification 1.0.31, 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Says which keys sign the roles.
    Root,
    /// Lists the files that clients fetch.
    Targets,
    /// Fixes the version of `targets`.
    Snapshot,
    /// Says which snapshot is the newest.
    Timestamp,
}

impl Role {
    /// All roles, in the order in which they are signed.
    pub const ALL: [Self; 4] = [Self::Root, Self::Targets, Self::Snapshot, Self::Timestamp];

    /// The role's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Targets => "targets",
            Self::Snapshot => "snapshot",
            Self::Timestamp => "timestamp",
        }
    }

    /// Whether people sign it, with keys that are offline.
    pub fn is_offline(self) -> bool {
        matches!(self, Self::Root | Self::Targets)
    }

    /// The role's file of that version, in a repository with consistent snapshots: `2.root.json`, but
    /// `timestamp.json`, which clients must find without knowing its version.
    pub fn file(self, version: u64) -> String {
        match self {
            Self::Timestamp => "timestamp.json".into(),
            _ => format!("{version}.{self}.json"),
        }
    }

    /// The name under which other roles list this one: without the version.
    pub fn listed(self) -> String {
        format!("{self}.json")
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Who signs a role: the keys themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signers {
    /// The keys that may sign.
    pub keys: Vec<Key>,
    /// How many of them must.
    pub threshold: u32,
}

/// Who signs a role, as root metadata says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleKeys {
    /// The ids of the keys that may sign.
    pub keyids: Vec<String>,
    /// How many of them must.
    pub threshold: u32,
    /// Fields of others, such as tuf-on-ci's periods.
    #[serde(flatten)]
    pub extra: Extra,
}
