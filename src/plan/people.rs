//! Who must be there, and in which role.

use std::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::crl::Sha256;
use super::key::Algorithm;
use super::name::Name;
use super::source::At;

/// What a person does in a ceremony.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
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
    /// A person's device. The key on it bears the person's name, unless `key` names it: a keyholder signs TUF
    /// roles with it, and whoever has one signs approvals and seals with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<At<Name>>,
    /// The name of the person's key, where it is not the person's own: who changes the device gets a new key,
    /// and a key keeps its name for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<At<Name>>,
    /// Instead of a device: the public key of a keyholder whose device is never here. A file, relative to the
    /// plan: PEM (`PUBLIC KEY`) or DER.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_key: Option<At<PathBuf>>,
    /// And SHA-256 of its SubjectPublicKeyInfo, in lower-case hex: the plan names the key, and the file only
    /// brings it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<At<Sha256>>,
    /// The person's SSH public key, as a line of an `id_….pub` file: for approvals and seals by people
    /// without a device of the ceremony, or before they have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssh: Option<At<SshLine>>,
    /// The algorithm of the key on the device; ecdsa-p256 unless said otherwise, which every TUF client takes.
    #[serde(default = "p256", skip_serializing_if = "is_p256")]
    pub algorithm: At<Algorithm>,
}

impl Role {
    /// The role's name, as plans write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Operator => "operator",
            Self::Witness => "witness",
            Self::Keyholder => "keyholder",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// An SSH public key as its file has it: the kind, base64, and a comment. What is inside is read where the
/// key is used ([`crate::pki::ssh::SshKey`]); the kinds are those that can be verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
pub struct SshLine(String);

/// Kinds of SSH keys that can be verified.
const KINDS: [&str; 7] = [
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "ssh-rsa",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
];

impl TryFrom<String> for SshLine {
    type Error = String;
    fn try_from(line: String) -> Result<Self, String> {
        let mut words = line.split_whitespace();
        let (Some(kind), Some(base64)) = (words.next(), words.next()) else {
            return Err(
                "expected a line as it stands in an id_….pub file: a kind, base64, and a comment".into()
            );
        };
        if !KINDS.contains(&kind) {
            return Err(format!("an SSH key of the kind `{kind}`: expected one of {}", KINDS.join(", ")));
        }
        match data_encoding::BASE64.decode(base64.as_bytes()) {
            Ok(_) => Ok(Self(line)),
            Err(error) => Err(format!("an SSH key that is not base64: {error}")),
        }
    }
}

impl SshLine {
    /// The line.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key without its comment: what makes it the same as another.
    pub fn base64(&self) -> &str {
        self.0.split_whitespace().nth(1).unwrap_or_default()
    }
}

fn p256() -> At<Algorithm> {
    At::absent(Algorithm::EcdsaP256)
}

fn is_p256(algorithm: &At<Algorithm>) -> bool {
    **algorithm == Algorithm::EcdsaP256
}
