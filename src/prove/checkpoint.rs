//! A log's signed checkpoint (C2SP `tlog-checkpoint`, a `signed-note`).

use data_encoding::BASE64;

use super::merkle::Hash;
use crate::pki::{Document, Draft, Malformed, PublicKey, Signature};
use crate::plan::Name;
use crate::trust_root::log::{self, Kind};

/// The line that marks a canary's checkpoint. Clients do not read what follows the root's hash.
pub const MARK: &str = "canary: no entry of the log, by rootwright prove";

/// A checkpoint with its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint(pub String);

/// A log as its checkpoints name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Rekor v1 or v2.
    pub kind: Kind,
    /// The log's host: who signs.
    pub host: String,
    /// The log's id.
    pub log_id: [u8; 32],
}

impl Origin {
    /// The log at this address.
    pub fn new(kind: Kind, host: &str, public: &PublicKey) -> Self {
        Self { kind, host: host.to_string(), log_id: log::log_id(kind, host, public) }
    }

    /// The note's first line: the host. Rekor v1 puts its tree's number behind it, and go tells the two
    /// apart by that.
    pub fn line(&self) -> String {
        match self.kind {
            Kind::RekorV1 => format!("{} - {}", self.host, self.tree()),
            Kind::RekorV2 | Kind::Ct => self.host.clone(),
        }
    }

    /// A tree's number that does not change: of the log's id.
    fn tree(&self) -> u64 {
        self.log_id.iter().take(7).fold(0, |sum: u64, byte| (sum << 8) | u64::from(*byte))
    }
}

/// What the rules must know beside the bytes.
#[derive(Clone, Debug)]
pub struct Context {
    /// Whose checkpoint it is.
    pub origin: Origin,
    /// The entry that it stands for.
    pub index: u64,
    /// How many entries the tree has.
    pub size: u64,
    /// The tree's root.
    pub root: Hash,
}

impl Document for Checkpoint {
    type Context = Context;
    const KIND: &'static str = "checkpoint";

    fn assemble(draft: &Draft<Self>, signature: &Signature) -> Result<Self, Malformed> {
        let text = String::from_utf8(draft.bytes.clone())
            .map_err(|error| Malformed { object: draft.object.clone(), reason: error.to_string() })?;
        let origin = &draft.context.origin;
        // The first four bytes of the log's id, then the signature.
        let mut signed: Vec<u8> = origin.log_id.iter().take(4).copied().collect();
        signed.extend(signature.as_bytes());
        Ok(Self(format!("{text}\n\u{2014} {} {}\n", origin.host, BASE64.encode(&signed))))
    }
}

/// The checkpoint over a tree, ready for the rules.
pub fn draft(
    canary: &str,
    origin: &Origin,
    (index, size): (u64, u64),
    root: Hash,
    (name, public): (&Name, &PublicKey),
) -> Draft<Checkpoint> {
    let text = format!("{}\n{size}\n{}\n{MARK}\n", origin.line(), BASE64.encode(&root));
    Draft {
        object: format!("{canary}/checkpoint-{name}"),
        bytes: text.into_bytes(),
        key: name.clone(),
        public: public.clone(),
        context: Context { origin: origin.clone(), index, size, root },
    }
}
