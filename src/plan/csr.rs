//! Certificate signing requests for CAs that are not ours.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::certificate::{Profile, Subject};
use super::name::{Name, Oid};
use super::source::At;

/// A request (PKCS#10) that shall be: what a CA that is not ours is asked to certify.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Csr {
    /// What the certificate shall be for.
    pub profile: At<Profile>,
    /// The key that asks; it signs the request.
    pub key: At<Name>,
    /// The certificate of ours that the other CA shall repeat, where it is to be cross-signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cross_signs: Option<At<Name>>,
    /// Whom it shall name.
    pub subject: Subject,
    /// Certificate policies that are asked for, as object identifiers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<Oid>,
}
