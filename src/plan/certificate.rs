//! Certificates: profile, subject, issuer, validity.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::date::Validity;
use super::name::{Name, Oid, Url};
use super::source::At;

/// What a certificate is for; fixes its extensions (facts: CSBR 7.1.2, Fulcio's certificate specification).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// A self-signed trust anchor: signs certificates and CRLs, and nothing else.
    Root,
    /// A CA for code-signing leaves: Fulcio's intermediate.
    CodeSigning,
    /// A CA for timestamp signers.
    Timestamping,
    /// The certificate that signs RFC 3161 timestamps.
    TimestampSigner,
    /// A root's subject and key under another root: a cross-certificate.
    CrossRoot,
}

impl Profile {
    /// All profiles.
    pub const ALL: [Self; 5] =
        [Self::Root, Self::CodeSigning, Self::Timestamping, Self::TimestampSigner, Self::CrossRoot];

    /// The name that the plan uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::CodeSigning => "code-signing",
            Self::Timestamping => "timestamping",
            Self::TimestampSigner => "timestamp-signer",
            Self::CrossRoot => "cross-root",
        }
    }

    /// The profiles whose holders may issue this one; empty for a root, which issues itself.
    pub fn issuers(self) -> &'static [Profile] {
        match self {
            Self::Root => &[],
            Self::CodeSigning | Self::Timestamping | Self::CrossRoot => &[Self::Root],
            Self::TimestampSigner => &[Self::Timestamping, Self::Root],
        }
    }

    /// Whether the holder may issue certificates.
    pub fn is_ca(self) -> bool {
        self != Self::TimestampSigner
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A certificate's subject, in the order in which it is encoded: country, organization, common name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", try_from = "WrittenSubject")]
pub struct Subject {
    /// Common name, up to 54 characters, so that a rehearsal's mark fits into X.520's 64.
    pub common_name: String,
    /// Organization, up to 64 characters. Stock clients refuse a root without one.
    pub organization: String,
    /// ISO 3166 country code of two capital letters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
}

/// A subject as a plan writes it.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "Subject")]
struct WrittenSubject {
    /// Common name, up to 54 characters, so that a rehearsal's mark fits into X.520's 64.
    common_name: String,
    /// Organization, up to 64 characters. Stock clients refuse a root without one.
    organization: String,
    /// ISO 3166 country code of two capital letters.
    country: Option<String>,
}

impl TryFrom<WrittenSubject> for Subject {
    type Error = String;
    fn try_from(written: WrittenSubject) -> Result<Self, String> {
        let WrittenSubject { common_name, organization, country } = written;
        for (what, text, most) in [("common-name", &common_name, 54), ("organization", &organization, 64)] {
            let length = text.chars().count();
            if text.trim() != text || !(1..=most).contains(&length) || text.chars().any(char::is_control) {
                return Err(format!(
                    "{what} `{text}` has {length} characters: expected 1 to {most}, without control characters or spaces around it"
                ));
            }
        }
        if let Some(country) = &country
            && !(country.len() == 2 && country.chars().all(|c| c.is_ascii_uppercase()))
        {
            return Err(format!("country `{country}`: expected two capital letters, such as DE"));
        }
        Ok(Self { common_name, organization, country })
    }
}

/// A certificate that shall be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Certificate {
    /// What it is for.
    pub profile: At<Profile>,
    /// The subject's key.
    pub key: At<Name>,
    /// The certificate whose key signs this one; absent for a root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<At<Name>>,
    /// The certificate that this one repeats under another issuer: a cross-certificate has the same subject
    /// and key, and what belongs to them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cross_signs: Option<At<Name>>,
    /// Whom it names.
    pub subject: Subject,
    /// From when to when.
    pub validity: At<Validity>,
    /// Certificate policies, as object identifiers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<Oid>,
    /// Where the issuer's CRL is found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub crl_urls: Vec<Url>,
    /// Where the issuer's certificate is found (authority information access).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub issuer_urls: Vec<Url>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_agree_with_what_serde_reads() {
        for profile in Profile::ALL {
            assert_eq!(serde_json::to_value(profile).unwrap(), profile.as_str());
        }
    }

    #[test]
    fn a_subject_leaves_room_for_the_rehearsals_mark() {
        let subject = |name: &str, country: Option<&str>| {
            Subject::try_from(WrittenSubject {
                common_name: name.into(),
                organization: "Example".into(),
                country: country.map(Into::into),
            })
        };
        assert!(subject(&"x".repeat(54), Some("DE")).is_ok());
        assert!(subject(&"x".repeat(55), None).is_err());
        assert!(subject("", None).is_err());
        assert!(subject(" x", None).is_err());
        assert!(subject("x", Some("de")).is_err());
    }
}
