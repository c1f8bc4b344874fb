//! Certificate revocation lists.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
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

impl Reason {
    /// All reasons.
    pub const ALL: [Self; 6] = [
        Self::KeyCompromise,
        Self::CaCompromise,
        Self::AffiliationChanged,
        Self::Superseded,
        Self::CessationOfOperation,
        Self::PrivilegeWithdrawn,
    ];

    /// The name that plans and lists of revocations use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::KeyCompromise => "key-compromise",
            Self::CaCompromise => "ca-compromise",
            Self::AffiliationChanged => "affiliation-changed",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessation-of-operation",
            Self::PrivilegeWithdrawn => "privilege-withdrawn",
        }
    }
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
    /// Since when it must be taken for invalid, where that is earlier (RFC 5280, 5.3.2): when the key was
    /// lost, say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invalidity_date: Option<At<Time>>,
}

/// A file that lists revoked certificates which the issuer issued elsewhere.
///
/// A line is `SERIAL,DATE,REASON` or `SERIAL,DATE,REASON,INVALIDITY-DATE` and a newline, such as
/// `4f1d09aa,2026-12-01T08:30:00Z,superseded`: the serial number in lower-case hex, whole bytes without
/// leading zeros; dates in UTC and whole seconds; a reason as plans write it. There is one way to write
/// each list, so that its SHA-256 can be worked out from the CRL alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RevokedFrom {
    /// The file, relative to the plan.
    pub file: At<PathBuf>,
    /// SHA-256 of the file, in lower-case hex. It makes the list a part of what the plan's own hash covers.
    pub sha256: At<Sha256>,
    /// Days by which the file's dates are moved: as many as the plan's.
    #[serde(skip)]
    pub days: i64,
}

/// A SHA-256 in lower-case hex.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha256(String);

impl Sha256 {
    /// The 64 hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Sha256 {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() == 64 && text.bytes().all(digit) {
            return Ok(Self(text));
        }
        Err(format!(
            "`{text}` is not a SHA-256: expected 64 hex digits in lower case, as `sha256sum` prints them"
        ))
    }
}

impl From<Sha256> for String {
    fn from(digest: Sha256) -> Self {
        digest.0
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl JsonSchema for Sha256 {
    fn schema_name() -> Cow<'static, str> {
        "Sha256".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^[0-9a-f]{64}$"})
    }
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
    /// What it revokes of this plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revoked: Vec<Revoked>,
    /// What it revokes of certificates that the issuer issued elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_from: Option<RevokedFrom>,
}

impl Crl {
    /// Whether it revokes nothing.
    pub fn is_empty(&self) -> bool {
        self.revoked.is_empty() && self.revoked_from.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_agree_with_what_serde_reads() {
        for reason in Reason::ALL {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.as_str());
        }
    }

    #[test]
    fn a_digest_is_64_digits_in_lower_case() {
        let good = "0123456789abcdef".repeat(4);
        assert!(Sha256::try_from(good.clone()).is_ok());
        for bad in [good.to_uppercase(), good[1..].to_string(), format!("{}g", &good[1..])] {
            assert!(Sha256::try_from(bad).is_err());
        }
    }
}
