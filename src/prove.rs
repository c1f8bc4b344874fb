//! The canary: something is signed under the new trust root, the way a developer will, and put before the
//! clients that users have, before anyone publishes it.
//!
//! A developer's side ([`subscriber`]) asks for a certificate with an ID token ([`id_token`], or in a
//! rehearsal one of a throwaway [`issuer`]); the archive's keys issue it ([`leaf`], [`sct`]), log the
//! signature ([`log_entry`], [`checkpoint`]) and stamp it ([`timestamp`]); all of it goes into a
//! [`bundle`]. [`examine`] verifies a bundle by other code, and [`replay`] does so with those of earlier
//! years. All but [`canary`], which signs, and [`replay`], which reads folders, works on bytes.
//!
//! What is signed here is a certificate without a log behind its promise, and a checkpoint over a tree that
//! is not the log's: everything says that it is a canary, and none of it belongs outside.

pub mod bundle;
pub mod canary;
pub mod checkpoint;
pub mod clients;
pub mod devices;
pub mod examine;
pub mod id_token;
pub mod identity;
pub mod issuer;
pub mod leaf;
pub mod log_entry;
pub mod merkle;
pub mod replay;
pub mod rules;
pub mod sct;
pub mod services;
pub mod subscriber;
pub mod timestamp;

use std::path::PathBuf;

pub use canary::{Canary, Made};
pub use services::{Missing, Services};

use crate::archive::ArchiveError;
use crate::ceremony::CeremonyError;
use crate::lint::{AttachError, Findings};
use crate::pki::Malformed;
use crate::token::TokenError;

/// Why there is no canary.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    /// Keys or services that are not here.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// The ID token is not taken.
    #[error(transparent)]
    Token(#[from] id_token::BadToken),
    /// The ID token does not say whom it is for.
    #[error(transparent)]
    Claims(#[from] identity::BadClaims),
    /// The throwaway issuer.
    #[error(transparent)]
    Issuer(#[from] issuer::IssueError),
    /// The developer's side.
    #[error(transparent)]
    Subscriber(#[from] subscriber::SubscriberError),
    /// A rule is broken; nothing more was signed.
    #[error("{0}")]
    Findings(#[from] Findings),
    /// A device.
    #[error(transparent)]
    Device(#[from] TokenError),
    /// A device returned something that is not a signature.
    #[error(transparent)]
    Attach(#[from] AttachError),
    /// A document that can't be put together.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// What is wrong with the site, the archive or a device, as for a ceremony.
    #[error(transparent)]
    Ceremony(#[from] CeremonyError),
    /// The archive.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// A log entry that can't be written as JSON.
    #[error("a log entry can't be written: {0}")]
    Json(#[from] serde_json::Error),
    /// The bundle was made, and does not verify.
    #[error("the bundle of {canary} does not verify under the archive's trusted root: {refusal}")]
    Refused {
        /// The canary.
        canary: String,
        /// Why.
        refusal: examine::Refusal,
    },
    /// A file of an earlier canary.
    #[error("{path}: {reason}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}
