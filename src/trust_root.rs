//! The trusted root and the signing config that stock clients load. Pure.
//!
//! A plan's entries and the keys and certificates made so far become protobuf messages, and those the
//! JSON that each client takes: the oldest media type, no newer fields, every list written out. What
//! the clients disagree about is not decided here: keys are described as they are, and
//! [`lint::trust_root`](crate::lint::trust_root) says who refuses them.

pub mod authority;
pub mod json;
pub mod log;
pub mod signing_config;

use std::collections::BTreeMap;

use sigstore_protobuf_specs::dev::sigstore::common::v1::TimeRange;
pub use sigstore_protobuf_specs::dev::sigstore::trustroot::v1::{SigningConfig, TrustedRoot};

pub use json::{ClientFile, client_trust_config, to_json};
pub use signing_config::signing_config;

use crate::pki::PublicKey;
use crate::plan::{self, Name, Window};

/// The media type of a trusted root. Two clients refuse the newer form
/// (`application/vnd.dev.sigstore.trustedroot.v0.2+json`), although the protobuf definition asks for it.
pub const TRUSTED_ROOT: &str = "application/vnd.dev.sigstore.trustedroot+json;version=0.1";

/// The media type of a signing config.
pub const SIGNING_CONFIG: &str = "application/vnd.dev.sigstore.signingconfig.v0.2+json";

/// What was made so far, by the plan's names.
#[derive(Clone, Copy, Debug)]
pub struct Material<'a> {
    /// Certificates in DER.
    pub certificates: &'a BTreeMap<Name, Vec<u8>>,
    /// Public keys.
    pub keys: &'a BTreeMap<Name, PublicKey>,
}

/// Why a trusted root could not be put together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustRootError {
    /// A log's key was not made yet.
    #[error("the trusted root needs the key `{0}`, which does not exist yet")]
    NoKey(Name),
    /// A certificate of a chain was not made yet.
    #[error("the trusted root needs the certificate `{0}`, which does not exist yet")]
    NoCertificate(Name),
    /// A certificate that can't be read.
    #[error("certificate `{name}`: {reason}")]
    BadCertificate {
        /// Which certificate.
        name: Name,
        /// What is wrong with it.
        reason: String,
    },
    /// A chain without a certificate.
    #[error("the chain of the authority at {0} is empty")]
    EmptyChain(String),
}

/// The trusted root: every entry of the plan, the oldest first; entries that begin on the same moment
/// in the plan's order.
pub fn trusted_root(plan: &plan::TrustRoot, material: &Material<'_>) -> Result<TrustedRoot, TrustRootError> {
    let authorities = |entries: &[plan::trust_root::Authority]| {
        oldest_first(entries, |entry| &entry.trust)
            .into_iter()
            .map(|entry| authority::instance(entry, material))
            .collect::<Result<Vec<_>, _>>()
    };
    let key = |name: &Name| material.keys.get(name).ok_or_else(|| TrustRootError::NoKey(name.clone()));
    Ok(TrustedRoot {
        media_type: TRUSTED_ROOT.into(),
        tlogs: oldest_first(&plan.transparency_logs, |entry| &entry.trust)
            .into_iter()
            .map(|entry| {
                Ok(log::instance(&entry.url, &entry.trust, key(&entry.key)?, log::Kind::from(*entry.api)))
            })
            .collect::<Result<_, _>>()?,
        certificate_authorities: authorities(&plan.certificate_authorities)?,
        ctlogs: oldest_first(&plan.certificate_logs, |entry| &entry.trust)
            .into_iter()
            .map(|entry| Ok(log::instance(&entry.url, &entry.trust, key(&entry.key)?, log::Kind::Ct)))
            .collect::<Result<_, _>>()?,
        timestamp_authorities: authorities(&plan.timestamp_authorities)?,
    })
}

fn oldest_first<T>(entries: &[T], window: impl Fn(&T) -> &Window) -> Vec<&T> {
    let mut entries: Vec<&T> = entries.iter().collect();
    entries.sort_by_key(|entry| window(entry).from);
    entries
}

/// A window as clients read it: both ends belong to it, `end` is left out while it is open.
fn range(window: &Window) -> TimeRange {
    let mut range = TimeRange::default();
    range.start.get_or_insert_default().seconds = window.from.unix();
    if let Some(end) = window.to {
        range.end.get_or_insert_default().seconds = end.unix();
    }
    range
}

#[cfg(test)]
pub(crate) mod tests;
