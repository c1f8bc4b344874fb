//! One signature under a role's metadata, from draft to document.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Key, Metadata, Role, Root, canonical};
use crate::pki::{Document, Draft, Malformed, PublicKey, Signature};
use crate::plan::{Name, Time};

/// A signature as TUF files list it. There are two doors to one: [`crate::lint::Linted::attach`], which
/// verifies it, and reading a file, after which [`super::progress`] does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleSignature {
    /// The key's id.
    pub keyid: String,
    /// The signature in hex: ECDSA as DER, Ed25519 as 64 bytes.
    pub sig: String,
}

/// What the rules must know beside the bytes.
#[derive(Clone, Debug)]
pub struct Context {
    /// What is signed.
    pub metadata: Metadata,
    /// The key under whose id the signature counts, as the root lists it.
    pub key: Key,
    /// The root in force: for root metadata the version before, none for the first.
    pub root: Option<Root>,
    /// The same role's version before, none for the first.
    pub previous: Option<Metadata>,
    /// The moment of the ceremony.
    pub now: Time,
}

impl Context {
    /// The roots that say who may sign: the one in force; for root metadata itself too, since clients
    /// demand the threshold of both (specification 1.0.31, 5.3.4).
    pub fn roots(&self) -> impl Iterator<Item = &Root> {
        roots(&self.metadata, self.root.as_ref())
    }

    /// The role whose metadata is signed.
    pub fn role(&self) -> Role {
        self.metadata.role()
    }
}

/// The roots whose thresholds metadata must reach.
pub fn roots<'a>(metadata: &'a Metadata, in_force: Option<&'a Root>) -> impl Iterator<Item = &'a Root> {
    let itself = match metadata {
        Metadata::Root(root) => Some(root),
        _ => None,
    };
    in_force.into_iter().chain(itself)
}

/// The keys that may sign metadata, by id. A key whose entry changed is there under either id.
pub fn may_sign<'a>(metadata: &'a Metadata, in_force: Option<&'a Root>) -> BTreeMap<&'a str, &'a Key> {
    roots(metadata, in_force).flat_map(|root| root.signers(metadata.role())).collect()
}

/// The bytes that a key shall sign: the metadata's canonical JSON.
///
/// `key` is the name of the key that signs, `public` its public half, which must be that of
/// `context.key`. A key whose entry changed (another owner or type, and so another id) signs twice, under
/// either id.
pub fn draft(key: &Name, public: &PublicKey, context: Context) -> Result<Draft<RoleSignature>, Malformed> {
    let object = format!("tuf-{}/{key}", context.role());
    let malformed = |reason: String| Malformed { object: object.clone(), reason };
    let listed = context.key.public().map_err(|error| malformed(error.to_string()))?;
    if listed != *public {
        return Err(malformed(format!(
            "the key {} of the root is not the key `{key}`: expected SHA-256 {}, found {}",
            context.key.id(),
            public.fingerprint(),
            listed.fingerprint()
        )));
    }
    let bytes = canonical(&context.metadata).map_err(|error| malformed(error.to_string()))?;
    Ok(Draft { object, bytes, key: key.clone(), public: public.clone(), context })
}

impl Document for RoleSignature {
    type Context = Context;

    const KIND: &'static str = "TUF signature";

    fn assemble(draft: &Draft<Self>, signature: &Signature) -> Result<Self, Malformed> {
        // The id is claimed here: it must be that of the key under which the signature was verified.
        match draft.context.key.public() {
            Ok(listed) if listed == draft.public => {}
            _ => {
                let reason = "the key that signed is not the one that the root lists".into();
                return Err(Malformed { object: draft.object.clone(), reason });
            }
        }
        Ok(Self { keyid: draft.context.key.id(), sig: data_encoding::HEXLOWER.encode(signature.as_bytes()) })
    }
}
