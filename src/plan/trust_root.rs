//! What clients shall trust: the entries of `trusted_root.json` and of the signing config.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::date::{Length, Window};
use super::name::{Name, Url};
use super::source::At;

/// A certificate authority or timestamp authority: a chain and where it answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Authority {
    /// Names of certificates, issuing CA or timestamp signer first, root last.
    pub chain: At<Vec<At<Name>>>,
    /// Where it answers. For a timestamp authority the whole address (`…/api/v1/timestamp`).
    pub uri: Url,
    /// From when to when clients trust it.
    pub trust: At<Window>,
}

/// A transparency log (Rekor) or certificate transparency log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Log {
    /// The log's key.
    pub key: At<Name>,
    /// Where it answers. The host of a Rekor v2 log is its origin.
    pub url: At<Url>,
    /// From when to when clients trust it.
    pub trust: At<Window>,
}

/// A Rekor log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TransparencyLog {
    /// The log's key.
    pub key: At<Name>,
    /// Where it answers. The host of a Rekor v2 log is its origin.
    pub url: At<Url>,
    /// The major version of Rekor's API: 1 or 2.
    #[serde(default = "rekor_v2")]
    pub api: At<Api>,
    /// From when to when clients trust it.
    pub trust: At<Window>,
}

/// The major version of Rekor's API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u32", into = "u32")]
pub enum Api {
    /// Rekor v1: signed entry timestamps.
    V1,
    /// Rekor v2: tiles and checkpoints.
    #[default]
    V2,
}

impl TryFrom<u32> for Api {
    type Error = String;
    fn try_from(version: u32) -> Result<Self, String> {
        match version {
            1 => Ok(Self::V1),
            2 => Ok(Self::V2),
            _ => {
                Err(format!("api {version}: expected 1 or 2, the versions of Rekor's API that clients know"))
            }
        }
    }
}

impl From<Api> for u32 {
    fn from(api: Api) -> Self {
        match api {
            Api::V1 => 1,
            Api::V2 => 2,
        }
    }
}

fn rekor_v2() -> At<Api> {
    At::absent(Api::V2)
}

/// An OpenID Connect provider whose logins the certificate authority takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct IdentityProvider {
    /// The provider's issuer address.
    pub url: Url,
    /// From when to when clients use it.
    pub trust: At<Window>,
}

/// The trust root that shall be. Entries are retired by an end of their window, never removed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TrustRoot {
    /// Who runs the services, for the signing config: a name without a scheme, such as example.org.
    /// The ceremony's organization unless said otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// How long clients may take to fetch a new trusted root, such as "7 days". An entry that is added later
    /// is used no earlier than that, and than the timestamp expires that clients have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub propagation: Option<At<Length>>,
    /// Fulcio instances.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub certificate_authorities: Vec<Authority>,
    /// Rekor logs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transparency_logs: Vec<TransparencyLog>,
    /// RFC 3161 timestamp authorities.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub timestamp_authorities: Vec<Authority>,
    /// Certificate transparency logs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub certificate_logs: Vec<Log>,
    /// OpenID Connect providers, for the signing config.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub identity_providers: Vec<IdentityProvider>,
}
