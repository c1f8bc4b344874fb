//! TUF metadata (TUF specification 1.0): the four roles that carry the trust root to clients. Pure.
//!
//! [`Metadata`] is what a role says; [`signature::draft`] makes of it the bytes that each keyholder
//! signs; [`envelope()`] joins the signatures to a file, and refuses fewer than the threshold. A
//! threshold counts key material, not key ids: every client there is takes one key under two ids for
//! two signers.
//!
//! Files lie flat, as sigstore's clients fetch them: `N.root.json`, `N.targets.json`,
//! `N.snapshot.json`, `timestamp.json`, `targets/<sha256>.<name>`.

pub mod canonical;
pub mod envelope;
pub mod key;
pub mod metadata;
pub mod request;
pub mod role;
pub mod signature;

pub use canonical::canonical;
pub use envelope::{Envelope, EnvelopeError, Progress, envelope, progress};
pub use key::{Key, UnsupportedKey};
pub use metadata::{BadMetadata, Head, MetaFile, Metadata, Root, Snapshot, TargetFile, Targets, Timestamp};
pub use role::{Role, RoleKeys, Signers};
pub use signature::{Context, RoleSignature, draft, may_sign, roots};

use std::collections::BTreeMap;

use sha2::{Digest, Sha256, Sha512};

use crate::pki::sha256_hex;

/// Fields that this version of the tool does not know, kept as they are.
///
/// TUF allows them everywhere (specification 1.0.31, 4), and what is signed covers them.
pub type Extra = BTreeMap<String, serde_json::Value>;

/// Where a target lies, below the repository: `targets/<sha256>.<name>`. Names are flat.
pub fn target_path(name: &str, bytes: &[u8]) -> String {
    format!("targets/{}.{name}", sha256_hex(bytes))
}

/// SHA-256 and SHA-512 of a file, in lower-case hex, by TUF's names for them.
pub fn hashes(bytes: &[u8]) -> BTreeMap<String, String> {
    let hex = |digest: &[u8]| data_encoding::HEXLOWER.encode(digest);
    BTreeMap::from([
        ("sha256".to_string(), hex(&Sha256::digest(bytes))),
        ("sha512".to_string(), hex(&Sha512::digest(bytes))),
    ])
}

/// The length of a file in bytes.
fn length(bytes: &[u8]) -> u64 {
    // A usize fits into 64 bits on every platform that Rust has.
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
pub(crate) mod tests;
