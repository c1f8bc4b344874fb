//! Devices that hold private keys. The only room that touches them.
//!
//! [`Token`] speaks in our own types, never in a module's, so that a vendor's module can move into a
//! child process without anyone above noticing.

pub mod throwaway;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::lint::Signable;
use crate::pki::{Algorithm, PublicKey, Signature};
use crate::plan::Name;

/// What a device says of itself. Claims, recorded as such.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DeviceReport {
    /// The module's file, or the driver.
    pub module: String,
    /// SHA-256 of the module's file, in hex.
    pub module_sha256: String,
    /// The module's description and version (CK_INFO).
    pub library: String,
    /// The token's manufacturer.
    pub manufacturer: String,
    /// The token's model.
    pub model: String,
    /// The token's serial number.
    pub serial: String,
    /// The token's label.
    pub label: String,
    /// The token's hardware version.
    pub hardware: String,
    /// The token's firmware version.
    pub firmware: String,
}

/// A key on a device: its public half, and what the device claims of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyReport {
    /// The public key.
    pub public: PublicKey,
    /// The object's id (CKA_ID), in hex.
    pub id: String,
    /// The mechanism that generated the key, as PKCS#11 names it.
    pub mechanism: String,
    /// The private key's attributes as the device reads them back, by PKCS#11 name. What a device
    /// does not answer is recorded as "not answered".
    pub attributes: BTreeMap<String, serde_json::Value>,
}

/// An open, logged-in session with a device.
pub trait Token {
    /// What the device says of itself.
    fn report(&self) -> &DeviceReport;

    /// The algorithms of keys that the device can generate and sign with.
    fn algorithms(&self) -> &[Algorithm];

    /// Generates a key pair on the device, under this label, for signing only; refuses a label that
    /// is taken. The key is found again before this returns.
    fn generate(&mut self, key: &Name, algorithm: Algorithm) -> Result<KeyReport, TokenError>;

    /// The key under this label, if there is one; more than one is an error.
    fn find(&mut self, key: &Name) -> Result<Option<KeyReport>, TokenError>;

    /// Signs. What comes back is not verified yet: that is what `Linted::attach` does.
    fn sign(&mut self, what: &dyn Signable) -> Result<Signature, TokenError>;
}

/// What goes wrong with a device.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TokenError {
    /// A device of the throwaway kind failed.
    #[error("throwaway key `{key}`: {reason}")]
    Throwaway {
        /// The key's name.
        key: Name,
        /// What the software says.
        reason: String,
    },
}
