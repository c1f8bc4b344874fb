//! What a YubiKey answers, in types of this house: the crate's own end in `card.rs`.

use secrecy::SecretString;

use crate::pki::Algorithm;

/// What goes wrong with a YubiKey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The smart card service does not answer.
    NoService(String),
    /// No YubiKey of this serial number is there.
    NotFound,
    /// It was pulled, or reset by another program.
    Gone(String),
    /// The PIN or PUK was wrong; so many tries are left.
    Wrong(u8),
    /// The PIN or PUK is blocked.
    Blocked,
    /// It wants a PIN, a touch or the management key first.
    Unauthenticated,
    /// Another program holds it for itself.
    Busy,
    /// Its firmware can't do this.
    Unsupported,
    /// It answered with something that can't be.
    Malformed(String),
    /// Anything else.
    Other(String),
}

/// A PIN's or PUK's state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Secret {
    /// How many tries are left.
    pub tries: Option<u8>,
    /// How many there are after a right one.
    pub total: Option<u8>,
    /// Whether it is the one that every new YubiKey has. Firmware before 5.3 does not say.
    pub default: Option<bool>,
}

/// A YubiKey, as it describes itself without a PIN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Look {
    pub serial: u32,
    pub firmware: [u8; 3],
    pub pin: Secret,
    pub puk: Secret,
    /// Whether the management key is the one that every new YubiKey has.
    pub default_management: Option<bool>,
}

/// An attested certificate, and that of slot f9, in DER.
pub(super) type Attested = (Vec<u8>, Vec<u8>);

/// What a slot holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    Nothing,
    Generated(Option<Algorithm>),
    Imported,
    /// The firmware does not say.
    Unknown,
}

/// Who may administer the device.
pub(super) enum Management<'a> {
    /// The key that the device keeps for whoever has the PIN.
    Protected,
    /// One that was typed, in hex.
    Typed(&'a SecretString),
}
