//! What an archive keeps of an attestation: `attestation` in `keys/NAME.json`.

use data_encoding::BASE64;
use serde::{Deserialize, Serialize};

use super::{Attestation, Unreadable};

/// An attestation as it is kept: the maker's bytes, and what they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "type", deny_unknown_fields)]
pub enum Record {
    /// A YubiKey's, by its PIV application.
    YubicoPiv {
        /// The certificate of the attested key in DER, as base64.
        certificate: String,
        /// The certificate of slot f9 in DER, as base64.
        issuer: String,
    },
    /// Another maker's: kept, and verified by nobody here.
    Unverified {
        /// Who made it, and what it is, such as a file format of a vendor.
        format: String,
        /// The bytes, as base64.
        bytes: String,
    },
}

impl Record {
    /// Keeps a YubiKey's attestation.
    pub fn yubico(leaf: &[u8], issuer: &[u8]) -> Self {
        Self::YubicoPiv { certificate: BASE64.encode(leaf), issuer: BASE64.encode(issuer) }
    }

    /// Keeps what another maker's device gave.
    pub fn unverified(format: &str, bytes: &[u8]) -> Self {
        Self::Unverified { format: format.into(), bytes: BASE64.encode(bytes) }
    }

    /// The attestation, if it is of a kind that can be verified.
    pub fn read(&self) -> Option<Result<Attestation, Unreadable>> {
        let Self::YubicoPiv { certificate, issuer } = self else { return None };
        let decode = |part: &'static str, text: &str| {
            let bytes = BASE64.decode(text.as_bytes());
            bytes.map_err(|error| Unreadable { part, reason: format!("not base64: {error}") })
        };
        let read = || {
            let leaf = decode("the attested certificate", certificate)?;
            Attestation::read(&leaf, &decode("the issuer (f9)", issuer)?)
        };
        Some(read())
    }
}
