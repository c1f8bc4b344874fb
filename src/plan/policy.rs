//! Which rules a plan is held to, and which of them it knowingly breaks.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::source::At;

/// A profile of policy: selects rules and limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// What stock sigstore clients take, within what is good practice for code signing.
    #[default]
    Sigstore,
    /// The Baseline Requirements for Code-Signing Certificates (CSBR 3.10), and sigstore's clients.
    CodeSigningBr,
    /// Microsoft's Trusted Root Program for public code signing, and sigstore's clients.
    Microsoft,
    /// As `sigstore`, and certificates of ML-DSA keys (RFC 9881) pass, labelled as experimental. No
    /// device of this version makes such a key.
    ExperimentalPq,
}

impl Policy {
    /// All profiles of policy.
    pub const ALL: [Self; 4] = [Self::Sigstore, Self::CodeSigningBr, Self::Microsoft, Self::ExperimentalPq];

    /// The name that the plan uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sigstore => "sigstore",
            Self::CodeSigningBr => "code-signing-br",
            Self::Microsoft => "microsoft",
            Self::ExperimentalPq => "experimental-pq",
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A rule that is knowingly broken by one thing. It is shown wherever the rule is; one that nothing
/// needs is an error, and so is one of a rule that can't be waived.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Waiver {
    /// The rule's id, such as `CERT-LIFE`.
    pub rule: At<String>,
    /// What breaks it, as findings name it: `certificates.root`, `crls.root-1`, `keys.partner`,
    /// `trusted_root.json`, `signing_config.v0.2.json`, `tuf-root`, `ceremony`.
    pub object: At<String>,
    /// Why: who decided it, when, on what grounds.
    pub reason: At<String>,
}

pub(super) fn sigstore() -> At<Policy> {
    At::absent(Policy::Sigstore)
}

pub(super) fn is_sigstore(policy: &At<Policy>) -> bool {
    **policy == Policy::Sigstore
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_agree_with_what_serde_reads() {
        for policy in Policy::ALL {
            assert_eq!(serde_json::to_value(policy).unwrap(), policy.as_str());
        }
    }
}
