//! Certificate revocation lists.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::date::{Time, Validity};
use super::name::Name;
use super::source::At;

/// Why a certificate is revoked (RFC 5280, 5.3.1), as far as it fits a CA's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The subject's key is known to others. (1)
    KeyCompromise,
    /// The CA's key is known to others. (2)
    CaCompromise,
    /// The subject's name or other data changed. (3)
    AffiliationChanged,
    /// Replaced by another certificate. (4)
    Superseded,
    /// No longer needed. (5)
    CessationOfOperation,
    /// The right to the certificate was withdrawn. (9)
    PrivilegeWithdrawn,
}

/// One revoked certificate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Revoked {
    /// The certificate's name in this plan.
    pub certificate: At<Name>,
    /// Since when.
    pub date: Time,
    /// Why.
    pub reason: Reason,
}

/// A CRL that shall be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Crl {
    /// The certificate whose key signs the list.
    pub issuer: At<Name>,
    /// Its number, which only ever rises (RFC 5280, 5.2.3).
    pub number: At<u64>,
    /// thisUpdate and nextUpdate.
    pub validity: At<Validity>,
    /// What it revokes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revoked: Vec<Revoked>,
}
