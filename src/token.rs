//! Devices that hold private keys. The only room that touches them.
//!
//! [`Token`] speaks in our own types, never in a module's, so that a vendor's module can move into a
//! child process without anyone above noticing. [`Devices`] is the door: it finds a site's devices,
//! logs in once, and keeps the sessions.

mod attributes;
pub mod class;
mod clock;
pub mod copy;
pub mod devices;
pub mod environment;
pub mod error;
pub mod failure;
pub mod guard;
mod init;
mod login;
mod mechanism;
mod module;
mod pair;
pub mod pin;
pub mod pkcs11;
mod probe;
mod public_key;
pub mod random;
mod shares;
pub mod state;
mod template;
pub mod throwaway;
pub mod yubikey;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use class::Class;
pub use copy::{Transport, Wrapped};
pub use devices::{Devices, ModuleTokens, Present};
pub use error::TokenError;
pub use failure::{Failure, Seen, Which};
pub use pin::{AskPin, PinError, PinOwner, PinRequest};
pub use random::RandomSource;
pub use state::{PinState, TokenState};

use crate::lint::Signable;
use crate::pki::{Algorithm, PublicKey, Signature, attestation};
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
    /// The mechanism that generated the key, as the device and PKCS#11 name it.
    pub mechanism: String,
    /// The private key's attributes as the device reads them back, by PKCS#11 name. What a device
    /// does not answer is recorded as "not answered".
    pub attributes: BTreeMap<String, serde_json::Value>,
    /// The device's signed word on the key, where it gives one.
    pub attestation: Option<attestation::Record>,
}

impl KeyReport {
    /// Why this can't be what [`Token::generate`] makes under this name: what differs, what it is, and
    /// what it would be. What a device does not answer speaks against nothing.
    pub fn strange(
        &self,
        key: &Name,
        algorithm: Algorithm,
        copied: bool,
    ) -> Option<(String, String, String)> {
        let id = data_encoding::HEXLOWER.encode(&template::id(key));
        // A YubiKey's key has the number of its slot, and is known by its attestation.
        if self.attestation.is_none() && self.id != id {
            return Some(("its CKA_ID".into(), self.id.clone(), id));
        }
        let found = self.public.algorithm();
        if found != algorithm {
            return Some(("its algorithm".into(), found.to_string(), algorithm.to_string()));
        }
        let (attribute, told) = attributes::contradiction(&self.attributes, copied)?;
        Some((attribute.into(), (!told).to_string(), told.to_string()))
    }
}

/// An object on a device, by PKCS#11 names. Empty where the device says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ObjectReport {
    /// What it is, such as `CKO_PRIVATE_KEY`.
    pub class: String,
    /// Its label.
    pub label: String,
    /// Its id (CKA_ID), in hex.
    pub id: String,
    /// Of a key: its type, such as `CKK_EC`.
    pub key_type: String,
}

/// An open, logged-in session with a device.
pub trait Token {
    /// What the device says of itself.
    fn report(&self) -> &DeviceReport;

    /// The algorithms of keys that the device can generate and sign with.
    fn algorithms(&self) -> &[Algorithm];

    /// Generates a key pair on the device, under this label, for signing only; refuses a label that
    /// is taken. The key is found again before this returns. Of a YubiKey, the key that was enrolled on it
    /// is taken over, by its attestation.
    fn generate(&mut self, key: &Name, algorithm: Algorithm) -> Result<KeyReport, TokenError>;

    /// Refuses a label that is taken, by a whole key or by half of one: no key can be generated under it.
    /// Refuses a YubiKey without an enrolled key.
    fn vacant(&mut self, key: &Name) -> Result<(), TokenError>;

    /// The key under this label, if there is one; more than one is an error.
    fn find(&mut self, key: &Name) -> Result<Option<KeyReport>, TokenError>;

    /// Refuses where the key under this label is not there, or is another than this one.
    fn holds(&mut self, key: &Name, public: &PublicKey) -> Result<(), TokenError>;

    /// Whether each signature waits for a touch of the device, and what whoever touches it must know.
    /// [`sign`] tells a person before.
    fn touch(&self) -> Option<PinRequest> {
        None
    }

    /// Refuses what the device could never sign, before anybody touches it.
    fn fits(&self, _: &dyn Signable) -> Result<(), TokenError> {
        Ok(())
    }

    /// Signs. What comes back is not verified yet: that is what `Linted::attach` does.
    fn sign(&mut self, what: &dyn Signable) -> Result<Signature, TokenError>;

    /// Removes what is left under this label of a generation that was cut off, so that it can be done
    /// again: a public key alone, or with a private key that the device did not finish. Says whether
    /// there was such a half; refuses to remove anything that could sign, or that another tool made.
    /// For a caller whose journal knows of the intent to generate this key here, and of no result.
    fn discard_half(&mut self, key: &Name) -> Result<bool, TokenError>;

    /// Generates as [`generate`](Self::generate) does, a key that may leave the device wrapped, until
    /// [`close`](Self::close).
    fn generate_for_copy(&mut self, key: &Name, _: Algorithm) -> Result<KeyReport, TokenError> {
        Err(self.makes_no_copies(key))
    }

    /// Makes ready to take a copy in: the key that the copy shall be wrapped under.
    fn transport(&mut self, key: &Name) -> Result<Transport, TokenError> {
        Err(self.makes_no_copies(key))
    }

    /// Wraps a key for the device that the transport key is of.
    fn wrap(&mut self, key: &Name, _: &Transport) -> Result<Wrapped, TokenError> {
        Err(self.makes_no_copies(key))
    }

    /// Takes a wrapped key in, under the same label and id; refuses a label that is taken. The copy can't
    /// leave again. It is not proved yet: that is what a signature by it does.
    fn unwrap(&mut self, key: &Name, _: &PublicKey, _: &Wrapped) -> Result<KeyReport, TokenError> {
        Err(self.makes_no_copies(key))
    }

    /// Takes from a key, for good, that it may leave the device.
    fn close(&mut self, key: &Name) -> Result<KeyReport, TokenError> {
        Err(self.makes_no_copies(key))
    }

    /// What a device answers that has no copies.
    fn makes_no_copies(&self, key: &Name) -> TokenError {
        let DeviceReport { model, serial, .. } = self.report();
        TokenError::NoCopies {
            device: format!("{model}, serial {serial}"),
            key: key.clone(),
            lacking: "any mechanism for it".into(),
        }
    }

    /// What the device says of itself beside its report, by PKCS#11 names; empty where it says nothing.
    fn flags(&self) -> Vec<String> {
        Vec::new()
    }

    /// The template by which a key of this algorithm is generated, by PKCS#11 names, public half and private;
    /// empty where the device has none.
    fn template(&self, _: &Name, _: Algorithm) -> Vec<String> {
        Vec::new()
    }

    /// Tries on a throwaway key, which is never the token's and is destroyed again, what the device claims of
    /// its keys: what was tried, and what came of it. Empty where nothing can be tried.
    fn probe(&mut self, _: Algorithm) -> Result<BTreeMap<String, String>, TokenError> {
        Ok(BTreeMap::new())
    }

    /// Asks the device's random source twice: what it answered is thrown away, and is an error where it is
    /// one byte over and over, or twice the same. None where the device has no way to be asked.
    fn random(&mut self) -> Result<Option<RandomSource>, TokenError> {
        Ok(None)
    }

    /// Every object that the session sees, sorted.
    fn inventory(&mut self) -> Result<Vec<ObjectReport>, TokenError>;
}

/// Signs, after a person was told that the device will wait for a touch, where it will.
pub fn sign(
    token: &mut dyn Token,
    what: &dyn Signable,
    person: &mut dyn AskPin,
) -> Result<Signature, TokenError> {
    let Some(touch) = token.touch() else { return token.sign(what) };
    person.touch(&touch);
    let signature = token.sign(what);
    person.touched();
    signature
}
