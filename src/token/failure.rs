//! The parts of a device's errors: which token, which call, and what was there instead.

use std::fmt;

use cryptoki::error::{Error, RvError};
use serde::Serialize;

use super::TokenError;
use crate::plan::Name;

/// Which token an error is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Which {
    /// The device's name in plan and site.
    pub device: Name,
    /// The token's label.
    pub label: String,
    /// The token's serial number.
    pub serial: String,
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let serial = known(&self.serial);
        match self.label.as_str() {
            "" => write!(f, "device `{}` (a token without label, serial {serial})", self.device),
            label => write!(f, "device `{}` (token `{label}`, serial {serial})", self.device),
        }
    }
}

impl TokenError {
    /// The device that it is about, by its name in plan and site.
    pub fn device(&self) -> Option<&Name> {
        match self {
            Self::NotInSite { device, .. }
            | Self::ModuleMissing { device, .. }
            | Self::ModuleChanged { device, .. }
            | Self::ModuleFailed { device, .. }
            | Self::NoSuchToken { device, .. }
            | Self::Ambiguous { device, .. }
            | Self::NoBlankToken { device, .. }
            | Self::AlreadyInitialized { device, .. }
            | Self::Pin { device, .. }
            | Self::NoService { device, .. } => Some(device),
            Self::WrongPin { token, .. }
            | Self::PinLocked { token, .. }
            | Self::PinFinalTry { token, .. }
            | Self::NoUserPin { token, .. }
            | Self::NoKeypad { token, .. }
            | Self::Lost { token, .. }
            | Self::NotTouched { token, .. }
            | Self::NotEnrolled { token, .. }
            | Self::Defaults { token, .. }
            | Self::SlotTaken { token, .. }
            | Self::Call { token, .. }
            | Self::Unsupported { token, .. }
            | Self::TooLong { token, .. }
            | Self::LabelTaken { token, .. }
            | Self::MissingKey { token, .. }
            | Self::KeyAmbiguous { token, .. }
            | Self::HalfMade { token, .. }
            | Self::WrongKey { token, .. }
            | Self::OtherKey { token, .. }
            | Self::BadReply { token, .. }
            | Self::Contradiction { token, .. } => Some(&token.device),
            Self::Throwaway { .. } | Self::NoCopies { .. } => None,
        }
    }
}

/// A token that was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Seen {
    /// The token's label.
    pub label: String,
    /// The token's serial number.
    pub serial: String,
    /// The token's model.
    pub model: String,
    /// Whether the token is initialised.
    pub initialized: bool,
    /// Why nothing else is known of it, where that is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<String>,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(reason) = &self.unreadable {
            return write!(f, "a token that can't be read ({reason})");
        }
        let (serial, model) = (known(&self.serial), known(&self.model));
        if self.initialized {
            write!(f, "token `{}` (serial {serial}, model {model})", self.label)
        } else {
            write!(f, "a blank token (serial {serial}, model {model})")
        }
    }
}

fn known(text: &str) -> &str {
    if text.is_empty() { "unknown" } else { text }
}

/// A call that did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The PKCS#11 function, such as `C_Sign`; empty where none was reached.
    pub function: String,
    /// The return value, such as `CKR_DEVICE_ERROR`; empty where there was none.
    pub code: String,
    /// What that means.
    pub reason: String,
}

impl Failure {
    /// From cryptoki's error, which stays in this room.
    pub(super) fn of(error: &Error) -> Box<Self> {
        let (function, code, reason) = match error {
            Error::Pkcs11(value, function) => (format!("C_{function:?}"), code(value), value.to_string()),
            Error::LibraryLoading(error) => (String::new(), String::new(), error.to_string()),
            other => (String::new(), String::new(), other.to_string()),
        };
        Box::new(Self { function, code, reason: reason.trim().to_string() })
    }

    /// Whether the token is not there any more: unplugged, or so shortly that its sessions ended.
    pub fn is_gone(&self) -> bool {
        matches!(
            self.code.as_str(),
            "CKR_DEVICE_REMOVED"
                | "CKR_TOKEN_NOT_PRESENT"
                | "CKR_SESSION_CLOSED"
                | "CKR_SESSION_HANDLE_INVALID"
                | super::yubikey::REMOVED
        )
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.function.is_empty() {
            return f.write_str(&self.reason);
        }
        // PKCS#11 explains at length; its first sentence says what happened.
        let reason = self.reason.split_once(".  ").map_or(self.reason.as_str(), |(first, _)| first);
        write!(f, "{} answered {}: {}", self.function, self.code, reason.trim_end_matches('.'))
    }
}

/// The name that PKCS#11 gives a return value: `PinIncorrect` is `CKR_PIN_INCORRECT`.
pub(super) fn code(value: &RvError) -> String {
    match value {
        RvError::VendorDefined(number) => return format!("vendor's code {number:#x}"),
        RvError::UnknownErrorCode(number) => return format!("unknown code {number:#x}"),
        _ => {}
    }
    let mut name = String::from("CKR");
    for letter in format!("{value:?}").chars() {
        if letter.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

/// Things as one text, or "none".
pub(super) fn list<T: fmt::Display>(things: &[T]) -> String {
    if things.is_empty() {
        return "none".into();
    }
    things.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Things as a list, each on a line of its own.
pub(super) fn lines<T: fmt::Display>(things: &[T]) -> String {
    if things.is_empty() {
        return " nothing".into();
    }
    things.iter().map(|thing| format!("\n    {thing}")).collect()
}

/// A device's text without padding and without what a terminal would obey.
pub(super) fn clean(text: &str) -> String {
    let text = text.trim_end_matches([' ', '\0']);
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use cryptoki::context::Function;

    use super::*;

    #[test]
    fn return_values_have_their_names() {
        for (value, name) in [
            (RvError::PinIncorrect, "CKR_PIN_INCORRECT"),
            (RvError::SessionReadWriteSoExists, "CKR_SESSION_READ_WRITE_SO_EXISTS"),
            (RvError::RandomNoRng, "CKR_RANDOM_NO_RNG"),
            (RvError::VendorDefined(0x8000_0001), "vendor's code 0x80000001"),
        ] {
            assert_eq!(code(&value), name);
        }
        let failure = Failure::of(&Error::Pkcs11(RvError::DeviceRemoved, Function::Sign));
        assert!(failure.to_string().starts_with("C_Sign answered CKR_DEVICE_REMOVED: The token was removed"));
        assert!(failure.is_gone());
    }

    #[test]
    fn what_a_device_says_is_not_obeyed_by_a_terminal() {
        assert_eq!(clean("SW   TPM\0\0\0"), "SW   TPM");
        assert_eq!(clean("root\u{1b}[2J"), "root\u{fffd}[2J");
    }
}
