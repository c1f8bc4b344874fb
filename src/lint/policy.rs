//! The limits that a profile of policy sets.

use crate::plan::{Algorithm, Policy, Profile};

/// A life in days, at least and at most; zero and none where nothing is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// At least so many days.
    pub least: u64,
    /// At most so many days.
    pub most: Option<u64>,
}

/// Ten years hold at most three leap days.
const TEN_YEARS: u64 = 3653;

/// 135 months hold at most so many days.
const MONTHS_135: u64 = 4109;

/// Fifteen months hold at most so many days.
pub const MONTHS_15: u64 = 458;

impl Policy {
    /// How long a certificate of a profile may live, beside being inside its issuer's life.
    ///
    /// Ten years for a root of public trust, 135 months for a timestamp signer (CSBR 6.3.2); Microsoft's
    /// programme takes roots of 8 to 25 years (3.A.3).
    pub fn life(self, profile: Profile) -> Life {
        match (profile, self) {
            (Profile::Root, Self::Microsoft) => Life { least: 2922, most: Some(9132) },
            (Profile::Root, _) => Life { least: 0, most: Some(TEN_YEARS) },
            (Profile::TimestampSigner, _) => Life { least: 0, most: Some(MONTHS_135) },
            (Profile::CodeSigning | Profile::Timestamping | Profile::CrossRoot, _) => {
                Life { least: 0, most: None }
            }
        }
    }

    /// The algorithms of the keys that a profile certifies: those that the programme takes and that every
    /// stock sigstore client takes.
    pub fn algorithms(self, profile: Profile) -> &'static [Algorithm] {
        use Algorithm::{EcdsaP256, EcdsaP384, Rsa3072, Rsa4096};
        match (profile, self) {
            (Profile::TimestampSigner, Self::Microsoft) => &[Rsa3072, Rsa4096],
            (_, Self::Microsoft) => &[Rsa4096],
            (Profile::Root | Profile::CrossRoot, _) => &[EcdsaP384, Rsa4096],
            (Profile::CodeSigning | Profile::Timestamping, _) => &[EcdsaP256, EcdsaP384, Rsa4096],
            (Profile::TimestampSigner, _) => &[EcdsaP256, EcdsaP384, Rsa3072, Rsa4096],
        }
    }

    /// Whether CAs may have ML-DSA keys (RFC 9881).
    pub fn takes_ml_dsa(self, profile: Profile) -> bool {
        self == Self::ExperimentalPq && profile.is_ca()
    }
}
