//! What a YubiKey says in its attestation, from extensions under 1.3.6.1.4.1.41482.3.

use std::fmt;

use der::Decode;
use der::asn1::{ObjectIdentifier, UintRef};
use serde::Serialize;

use super::Attestation;
use crate::pki::Certificate;

const FIRMWARE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.41482.3.3");
const SERIAL: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.41482.3.7");
const POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.41482.3.8");
const FORM_FACTOR: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.41482.3.9");
const FIPS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.41482.3.10");

/// One thing that a device says: nothing, what can't be read (in hex), or a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim<T> {
    /// The extension is not there.
    Absent,
    /// It is not one of the encodings that devices write.
    Unreadable,
    /// What it says.
    Said(T),
}

impl<T> Claim<T> {
    /// What it says, if it says something.
    pub fn said(self) -> Option<T> {
        match self {
            Self::Said(value) => Some(value),
            Self::Absent | Self::Unreadable => None,
        }
    }

    fn and_then<U>(self, read: impl FnOnce(T) -> Option<U>) -> Claim<U> {
        match self {
            Self::Absent => Claim::Absent,
            Self::Unreadable => Claim::Unreadable,
            Self::Said(value) => read(value).map_or(Claim::Unreadable, Claim::Said),
        }
    }
}

/// A firmware's version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Firmware(pub [u8; 3]);

impl fmt::Display for Firmware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.0;
        write!(f, "{major}.{minor}.{patch}")
    }
}

/// When a key wants the PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PinPolicy {
    /// Never (1).
    Never,
    /// Once in a session (2).
    Once,
    /// Before each signature (3).
    Always,
}

/// When a key wants a touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TouchPolicy {
    /// Never (1).
    Never,
    /// For each signature (2).
    Always,
    /// For each signature, unless one was touched for in the last 15 seconds (3).
    Cached,
}

macro_rules! word {
    ($type:ident; $($variant:ident $word:literal),*) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(match self { $(Self::$variant => $word),* })
            }
        }
    };
}
word!(PinPolicy; Never "never", Once "once", Always "always");
word!(TouchPolicy; Never "never", Always "always", Cached "cached");

/// What a device looks like; its high bit says that the device is of a FIPS series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FormFactor(pub u8);

impl FormFactor {
    /// Whether the device is of a FIPS series.
    pub fn is_fips(self) -> bool {
        self.0 & 0x80 != 0
    }

    /// In words; none where the number is not one that Yubico gave a meaning.
    pub fn words(self) -> Option<&'static str> {
        Some(match self.0 & 0x7f {
            0 => "unspecified",
            1 => "USB-A keychain",
            2 => "USB-A nano",
            3 => "USB-C keychain",
            4 => "USB-C nano",
            5 => "USB-C and Lightning",
            6 => "USB-A with fingerprint",
            7 => "USB-C with fingerprint",
            _ => return None,
        })
    }
}

/// Everything that a YubiKey says in an attestation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claims {
    /// The firmware.
    pub firmware: Claim<Firmware>,
    /// The device's serial number, as it is printed on it.
    pub serial: Claim<u32>,
    /// When the key wants PIN and touch.
    pub policy: Claim<(PinPolicy, TouchPolicy)>,
    /// What the device looks like. Firmware 4 does not say it.
    pub form_factor: Claim<FormFactor>,
    /// The FIPS 140 level that the f9 certificate names.
    pub fips_level: Claim<u8>,
}

impl Claims {
    pub(super) fn of(attestation: &Attestation) -> Self {
        let leaf = |oid| value(attestation.leaf(), oid);
        Self {
            firmware: leaf(FIRMWARE).and_then(bytes::<3>).and_then(|bytes| Some(Firmware(bytes))),
            serial: leaf(SERIAL).and_then(integer::<4>).and_then(|bytes| Some(u32::from_be_bytes(bytes))),
            policy: leaf(POLICY).and_then(bytes::<2>).and_then(policy),
            form_factor: leaf(FORM_FACTOR).and_then(bytes::<1>).and_then(|[byte]| Some(FormFactor(byte))),
            fips_level: value(attestation.issuer(), FIPS)
                .and_then(integer::<1>)
                .and_then(|[byte]| Some(byte)),
        }
    }
}

fn value(certificate: &Certificate, oid: ObjectIdentifier) -> Claim<&[u8]> {
    let mut all = certificate.tbs().extensions().into_iter().flatten();
    let found = all.find(|extension| extension.extn_id == oid);
    found.map_or(Claim::Absent, |extension| Claim::Said(extension.extn_value.as_bytes()))
}

/// Bytes as they are, or wrapped once more in an OCTET STRING: the two ways that devices write them.
fn bytes<const N: usize>(value: &[u8]) -> Option<[u8; N]> {
    let bare: Result<[u8; N], _> = value.try_into();
    bare.ok().or_else(|| match value {
        [4, length, inner @ ..] if usize::from(*length) == N => inner.try_into().ok(),
        _ => None,
    })
}

/// An unsigned INTEGER in DER of at most N bytes, big-endian, with zeros before it.
fn integer<const N: usize>(value: &[u8]) -> Option<[u8; N]> {
    let number = UintRef::from_der(value).ok()?;
    let mut padded = [0; N];
    let start = N.checked_sub(number.as_bytes().len())?;
    padded.get_mut(start..)?.copy_from_slice(number.as_bytes());
    Some(padded)
}

fn policy([pin, touch]: [u8; 2]) -> Option<(PinPolicy, TouchPolicy)> {
    let pin = match pin {
        1 => PinPolicy::Never,
        2 => PinPolicy::Once,
        3 => PinPolicy::Always,
        _ => return None,
    };
    let touch = match touch {
        1 => TouchPolicy::Never,
        2 => TouchPolicy::Always,
        3 => TouchPolicy::Cached,
        _ => return None,
    };
    Some((pin, touch))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_encodings_of_the_policy_and_no_third() {
        let read = |value: &[u8]| bytes::<2>(value).and_then(policy);
        let always = Some((PinPolicy::Always, TouchPolicy::Always));
        assert_eq!(read(&[3, 2]), always);
        assert_eq!(read(&[4, 2, 3, 2]), always);
        // A third wrapping, other tags, lengths that do not fit, values that mean nothing.
        for wrong in [
            &[][..],
            &[3],
            &[3, 2, 0],
            &[4, 2, 3],
            &[4, 2, 3, 2, 0],
            &[4, 3, 3, 2],
            &[4, 4, 4, 2, 3, 2],
            &[3, 2, 3, 2],
            &[0x24, 2, 3, 2],
            &[4, 0x81, 2, 3, 2],
            &[0, 2],
            &[3, 0],
            &[4, 2],
            &[3, 4],
        ] {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn numbers_are_strict_der() {
        assert_eq!(integer::<4>(&[2, 4, 0, 0xC7, 0x90, 0xFA]), Some([0, 0xC7, 0x90, 0xFA]));
        assert_eq!(integer::<1>(&[2, 1, 3]), Some([3]));
        // Negative, padded, too long, cut off, followed by more, wrapped.
        for wrong in [
            &[2, 1, 0x80][..],
            &[2, 2, 0, 1],
            &[2, 5, 1, 0, 0, 0, 0],
            &[2, 4, 1, 2],
            &[2, 1, 1, 0],
            &[4, 3, 2, 1, 1],
            &[],
        ] {
            assert_eq!(integer::<4>(wrong), None, "{wrong:?}");
        }
    }
}
