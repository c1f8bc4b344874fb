//! What a token says of itself without a login.

use cryptoki::slot::TokenInfo;
use serde::Serialize;

use super::DeviceReport;
use super::failure::{Seen, clean};
use crate::pki::Algorithm;
use crate::site::Device;

/// What a token says of one of its PINs. Tokens may keep all of this to themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PinState {
    /// A wrong PIN was tried since the last right one.
    pub count_low: bool,
    /// One more wrong PIN locks it.
    pub final_try: bool,
    /// It is locked.
    pub locked: bool,
    /// It is the default, or expired.
    pub to_be_changed: bool,
    /// How many tries are left, where the token says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tries: Option<u8>,
}

/// A token that is there, as it describes itself without a login.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TokenState {
    /// What it is.
    pub report: DeviceReport,
    /// Whether it is initialised.
    pub initialized: bool,
    /// Whether its user has a PIN.
    pub user_pin_set: bool,
    /// Whether it can't be written to.
    pub write_protected: bool,
    /// Whether its PIN is typed on its own keypad.
    pub keypad: bool,
    /// The user's PIN.
    pub user_pin: PinState,
    /// The security officer's PIN.
    pub so_pin: PinState,
    /// How many bytes a PIN may have, where it says so.
    pub pin_length: Option<(usize, usize)>,
    /// The algorithms of keys that it can generate and sign with.
    pub algorithms: Vec<Algorithm>,
    /// The mechanisms that it lacks for copies of keys, by PKCS#11 name.
    pub lacks_for_copies: Vec<&'static str>,
}

impl TokenState {
    /// Its flags, by PKCS#11 names (CK_TOKEN_INFO).
    pub(super) fn flags(&self) -> Vec<String> {
        let (user, officer) = (&self.user_pin, &self.so_pin);
        let flags = [
            (self.initialized, "CKF_TOKEN_INITIALIZED"),
            (self.write_protected, "CKF_WRITE_PROTECTED"),
            (self.keypad, "CKF_PROTECTED_AUTHENTICATION_PATH"),
            (self.user_pin_set, "CKF_USER_PIN_INITIALIZED"),
            (user.count_low, "CKF_USER_PIN_COUNT_LOW"),
            (user.final_try, "CKF_USER_PIN_FINAL_TRY"),
            (user.locked, "CKF_USER_PIN_LOCKED"),
            (user.to_be_changed, "CKF_USER_PIN_TO_BE_CHANGED"),
            (officer.count_low, "CKF_SO_PIN_COUNT_LOW"),
            (officer.final_try, "CKF_SO_PIN_FINAL_TRY"),
            (officer.locked, "CKF_SO_PIN_LOCKED"),
            (officer.to_be_changed, "CKF_SO_PIN_TO_BE_CHANGED"),
        ];
        flags.into_iter().filter(|(set, _)| *set).map(|(_, name)| name.to_string()).collect()
    }

    /// From a module's answer. `report` says which module.
    pub(super) fn new(
        module: DeviceReport,
        info: &TokenInfo,
        (algorithms, lacks_for_copies): (Vec<Algorithm>, Vec<&'static str>),
    ) -> Self {
        let (shortest, longest) = (info.min_pin_length(), info.max_pin_length());
        Self {
            report: DeviceReport {
                manufacturer: clean(info.manufacturer_id()),
                model: clean(info.model()),
                serial: clean(info.serial_number()),
                label: clean(info.label()),
                hardware: info.hardware_version().to_string(),
                firmware: info.firmware_version().to_string(),
                ..module
            },
            initialized: info.token_initialized(),
            user_pin_set: info.user_pin_initialized(),
            write_protected: info.write_protected(),
            keypad: info.protected_authentication_path(),
            user_pin: PinState {
                count_low: info.user_pin_count_low(),
                final_try: info.user_pin_final_try(),
                locked: info.user_pin_locked(),
                to_be_changed: info.user_pin_to_be_changed(),
                tries: None,
            },
            so_pin: PinState {
                count_low: info.so_pin_count_low(),
                final_try: info.so_pin_final_try(),
                locked: info.so_pin_locked(),
                to_be_changed: info.so_pin_to_be_changed(),
                tries: None,
            },
            // Zero, or the largest number there is, is how tokens say nothing.
            pin_length: (longest > 0 && longest < 4096 && shortest <= longest).then_some((shortest, longest)),
            algorithms,
            lacks_for_copies,
        }
    }
}

/// What the site names a token by. Both must fit where both are given.
pub(super) struct Wanted<'a> {
    pub(super) serial: Option<&'a str>,
    pub(super) label: Option<&'a str>,
}

impl<'a> Wanted<'a> {
    pub(super) fn of(device: &'a Device) -> Self {
        Self {
            serial: device.serial.as_ref().map(|serial| serial.as_str()),
            label: device.label.as_ref().map(|label| label.as_str()),
        }
    }

    /// Whether a token is an initialised one that fits. A site without either fits nothing.
    pub(super) fn fits(&self, seen: &Seen) -> bool {
        let serial = self.serial.is_none_or(|serial| serial == seen.serial);
        let label = self.label.is_none_or(|label| label == seen.label);
        let named = self.serial.is_some() || self.label.is_some();
        named && serial && label && seen.initialized && seen.unreadable.is_none()
    }
}

impl std::fmt::Display for Wanted<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.serial, self.label) {
            (Some(serial), Some(label)) => write!(f, "serial {serial} and label `{label}`"),
            (Some(serial), None) => write!(f, "serial {serial}"),
            (None, Some(label)) => write!(f, "label `{label}`"),
            (None, None) => f.write_str("the serial or label that the site file does not name"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(label: &str, serial: &str, initialized: bool) -> Seen {
        Seen {
            label: label.into(),
            serial: serial.into(),
            model: String::new(),
            initialized,
            unreadable: None,
        }
    }

    #[test]
    fn a_token_fits_by_all_that_is_named() {
        let both = Wanted { serial: Some("1"), label: Some("a") };
        assert!(both.fits(&seen("a", "1", true)));
        for other in [seen("a", "2", true), seen("b", "1", true), seen("a", "1", false)] {
            assert!(!both.fits(&other), "{other}");
        }
        assert!(Wanted { serial: Some("1"), label: None }.fits(&seen("b", "1", true)));
        assert!(Wanted { serial: None, label: Some("a") }.fits(&seen("a", "", true)));
        assert!(!Wanted { serial: None, label: None }.fits(&seen("a", "1", true)));
    }
}
