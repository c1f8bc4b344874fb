//! Who must be there, and in which role.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::key::Algorithm;
use super::name::Name;
use super::source::At;

/// What a person does in a ceremony.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Leads the ceremony.
    Administrator,
    /// Works the keyboard.
    Operator,
    /// Watches, reads aloud, types back.
    Witness,
    /// Has a device and signs TUF roles with it.
    Keyholder,
}

/// A person, by name, as the plan knows them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Person {
    /// What this person does.
    pub role: At<Role>,
    /// A keyholder's device. The key on it bears the keyholder's name, unless `key` names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<At<Name>>,
    /// The name of a keyholder's key, where it is not the keyholder's own: who changes the device gets a
    /// new key, and a key keeps its name for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<At<Name>>,
    /// Instead of a device: the public key of a keyholder whose device is never here. A file, relative to the
    /// plan: PEM (`PUBLIC KEY`) or DER.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_key: Option<At<PathBuf>>,
    /// And SHA-256 of its SubjectPublicKeyInfo, in hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_key_sha256: Option<At<String>>,
    /// The algorithm of a keyholder's key; ecdsa-p256 unless said otherwise, which every TUF client takes.
    #[serde(default = "p256", skip_serializing_if = "is_p256")]
    pub algorithm: At<Algorithm>,
}

fn p256() -> At<Algorithm> {
    At::absent(Algorithm::EcdsaP256)
}

fn is_p256(algorithm: &At<Algorithm>) -> bool {
    **algorithm == Algorithm::EcdsaP256
}
