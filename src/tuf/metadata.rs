//! What the four roles say: the part of a file that is signed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Extra, Key, Role, RoleKeys, Signers, canonical, hashes, length};
use crate::plan::Time;

/// The version of the TUF specification that metadata follows.
pub const SPEC_VERSION: &str = "1.0.31";

/// What every role says first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The version of the specification.
    pub spec_version: String,
    /// The metadata's own version, from 1 upwards.
    pub version: u64,
    /// When it expires, in whole seconds: two clients refuse fractions.
    pub expires: Time,
    /// `rehearsal` in a rehearsal; absent in production.
    #[serde(rename = "x-rootwright-purpose", default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
}

impl Head {
    fn new(version: u64, expires: Time) -> Self {
        Self { spec_version: SPEC_VERSION.into(), version, expires, purpose: None }
    }
}

/// Root: which keys sign the roles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Root {
    /// Version, expiry and the like.
    #[serde(flatten)]
    pub head: Head,
    /// Whether files are named by version and hash.
    pub consistent_snapshot: bool,
    /// All keys, by id.
    pub keys: BTreeMap<String, Key>,
    /// Who signs what.
    pub roles: BTreeMap<Role, RoleKeys>,
    /// Fields of others.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Targets: the files that clients fetch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Targets {
    /// Version, expiry and the like.
    #[serde(flatten)]
    pub head: Head,
    /// Files by name.
    pub targets: BTreeMap<String, TargetFile>,
    /// Fields of others.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A file that clients fetch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetFile {
    /// Its length in bytes.
    pub length: u64,
    /// Its hashes in hex, by algorithm.
    pub hashes: BTreeMap<String, String>,
    /// Fields of others.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Snapshot: which version of `targets` belongs to this state of the repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Version, expiry and the like.
    #[serde(flatten)]
    pub head: Head,
    /// Metadata files by name, without their version.
    pub meta: BTreeMap<String, MetaFile>,
    /// Fields of others.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Timestamp: which snapshot is the newest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timestamp {
    /// Version, expiry and the like.
    #[serde(flatten)]
    pub head: Head,
    /// The snapshot's file, by name without its version.
    pub meta: BTreeMap<String, MetaFile>,
    /// Fields of others.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A metadata file that another role vouches for. The specification lets length and hashes be absent;
/// what this tool writes has both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetaFile {
    /// The metadata's version.
    pub version: u64,
    /// The file's length in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
    /// Its hashes in hex, by algorithm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hashes: Option<BTreeMap<String, String>>,
    /// Fields of others.
    #[serde(flatten)]
    pub extra: Extra,
}

impl MetaFile {
    fn of(version: u64, file: &[u8]) -> Self {
        Self { version, length: Some(length(file)), hashes: Some(hashes(file)), extra: Extra::new() }
    }
}

impl Root {
    /// Root metadata with consistent snapshots. A key that signs several roles is listed once.
    pub fn new(version: u64, expires: Time, signers: &BTreeMap<Role, Signers>) -> Self {
        let all = signers.values().flat_map(|signers| &signers.keys);
        Self {
            head: Head::new(version, expires),
            consistent_snapshot: true,
            keys: all.map(|key| (key.id(), key.clone())).collect(),
            roles: signers
                .iter()
                .map(|(role, signers)| {
                    let keyids = signers.keys.iter().map(Key::id).collect();
                    (*role, RoleKeys { keyids, threshold: signers.threshold, extra: Extra::new() })
                })
                .collect(),
            extra: Extra::new(),
        }
    }

    /// The keys that may sign a role: those that the role names and the root has.
    pub fn signers(&self, role: Role) -> impl Iterator<Item = (&str, &Key)> {
        let keyids = self.roles.get(&role).into_iter().flat_map(|role| &role.keyids);
        keyids.filter_map(|keyid| self.keys.get_key_value(keyid)).map(|(keyid, key)| (keyid.as_str(), key))
    }
}

impl Targets {
    /// Targets metadata over files, by name, with length and hashes.
    pub fn new(version: u64, expires: Time, files: &[(&str, &[u8])]) -> Self {
        let target =
            |bytes: &[u8]| TargetFile { length: length(bytes), hashes: hashes(bytes), extra: Extra::new() };
        Self {
            head: Head::new(version, expires),
            targets: files.iter().map(|(name, bytes)| ((*name).to_string(), target(bytes))).collect(),
            extra: Extra::new(),
        }
    }
}

impl Snapshot {
    /// Snapshot metadata over the signed file of `targets` of that version.
    pub fn new(version: u64, expires: Time, (targets, file): (u64, &[u8])) -> Self {
        let meta = BTreeMap::from([(Role::Targets.listed(), MetaFile::of(targets, file))]);
        Self { head: Head::new(version, expires), meta, extra: Extra::new() }
    }
}

impl Timestamp {
    /// Timestamp metadata over the signed file of `snapshot` of that version.
    pub fn new(version: u64, expires: Time, (snapshot, file): (u64, &[u8])) -> Self {
        let meta = BTreeMap::from([(Role::Snapshot.listed(), MetaFile::of(snapshot, file))]);
        Self { head: Head::new(version, expires), meta, extra: Extra::new() }
    }
}

/// What a role says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "_type", rename_all = "lowercase")]
pub enum Metadata {
    /// Which keys sign the roles.
    Root(Root),
    /// Which files clients fetch.
    Targets(Targets),
    /// Which version of targets belongs to this state.
    Snapshot(Snapshot),
    /// Which snapshot is the newest.
    Timestamp(Timestamp),
}

/// Bytes that are not TUF metadata.
#[derive(Clone, Debug, thiserror::Error)]
#[error("not TUF metadata: {0}")]
pub struct BadMetadata(pub String);

impl Metadata {
    /// The purpose that a rehearsal's metadata states.
    pub const REHEARSAL: &'static str = "rehearsal";

    /// Reads the `signed` part of a file. Fields that this tool does not know are kept: what was read has
    /// the canonical form of what was written, and so verifies under the same signatures.
    pub fn parse(signed: &[u8]) -> Result<Self, BadMetadata> {
        let value = serde_json::from_slice(signed).map_err(|error| BadMetadata(error.to_string()))?;
        Self::from_value(value)
    }

    pub(super) fn from_value(value: serde_json::Value) -> Result<Self, BadMetadata> {
        let wrong = |error: serde_json::Error| BadMetadata(error.to_string());
        let written = canonical(&value).map_err(wrong)?;
        let read: Self = serde_json::from_value(value).map_err(wrong)?;
        if canonical(&read).map_err(wrong)? != written {
            return Err(BadMetadata("it changes when it is read and written again".into()));
        }
        Ok(read)
    }

    /// The same metadata, marked as a rehearsal's.
    pub fn rehearsal(mut self) -> Self {
        let head = match &mut self {
            Self::Root(root) => &mut root.head,
            Self::Targets(targets) => &mut targets.head,
            Self::Snapshot(snapshot) => &mut snapshot.head,
            Self::Timestamp(timestamp) => &mut timestamp.head,
        };
        head.purpose = Some(Self::REHEARSAL.into());
        self
    }

    /// Whose metadata it is.
    pub fn role(&self) -> Role {
        match self {
            Self::Root(_) => Role::Root,
            Self::Targets(_) => Role::Targets,
            Self::Snapshot(_) => Role::Snapshot,
            Self::Timestamp(_) => Role::Timestamp,
        }
    }

    /// Version, expiry and the like.
    pub fn head(&self) -> &Head {
        match self {
            Self::Root(root) => &root.head,
            Self::Targets(targets) => &targets.head,
            Self::Snapshot(snapshot) => &snapshot.head,
            Self::Timestamp(timestamp) => &timestamp.head,
        }
    }

    /// The metadata files that a snapshot or timestamp vouches for; none for other roles.
    pub fn meta(&self) -> Option<&BTreeMap<String, MetaFile>> {
        match self {
            Self::Snapshot(snapshot) => Some(&snapshot.meta),
            Self::Timestamp(timestamp) => Some(&timestamp.meta),
            Self::Root(_) | Self::Targets(_) => None,
        }
    }

    /// The file's name in a repository with consistent snapshots, such as `2.root.json`.
    pub fn file(&self) -> String {
        self.role().file(self.head().version)
    }
}

impl From<Root> for Metadata {
    fn from(root: Root) -> Self {
        Self::Root(root)
    }
}

impl From<Targets> for Metadata {
    fn from(targets: Targets) -> Self {
        Self::Targets(targets)
    }
}

impl From<Snapshot> for Metadata {
    fn from(snapshot: Snapshot) -> Self {
        Self::Snapshot(snapshot)
    }
}

impl From<Timestamp> for Metadata {
    fn from(timestamp: Timestamp) -> Self {
        Self::Timestamp(timestamp)
    }
}
