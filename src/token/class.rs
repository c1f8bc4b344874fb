//! What an error means for the ceremony, which a program's exit code tells.

use super::TokenError;

/// What an error means for the ceremony.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A device failed, or can't do what is asked.
    Device,
    /// Refused: going on could lose or expose something.
    Refused,
    /// Something or someone is not there yet: run again.
    Paused,
}

impl TokenError {
    /// What the error means for the ceremony.
    pub fn class(&self) -> Class {
        match self {
            Self::NotInSite { .. }
            | Self::ModuleMissing { .. }
            | Self::NoSuchToken { .. }
            | Self::NoBlankToken { .. }
            | Self::NotTouched { .. }
            | Self::NoService { .. }
            | Self::NotEnrolled { .. }
            | Self::Lost { .. } => Class::Paused,
            Self::Call { failure, .. } if failure.is_gone() => Class::Paused,
            Self::Pin { error, .. } => error.class(),
            Self::ModuleChanged { .. }
            | Self::AlreadyInitialized { .. }
            | Self::Defaults { .. }
            | Self::SlotTaken { .. }
            | Self::PinLocked { .. }
            | Self::PinFinalTry { .. }
            | Self::LabelTaken { .. }
            | Self::HalfMade { .. }
            | Self::WrongKey { .. }
            | Self::OtherKey { .. }
            | Self::Contradiction { .. } => Class::Refused,
            Self::Throwaway { .. }
            | Self::ModuleFailed { .. }
            | Self::Ambiguous { .. }
            | Self::WrongPin { .. }
            | Self::NoUserPin { .. }
            | Self::NoKeypad { .. }
            | Self::NoCopies { .. }
            | Self::Call { .. }
            | Self::Unsupported { .. }
            | Self::TooLong { .. }
            | Self::MissingKey { .. }
            | Self::KeyAmbiguous { .. }
            | Self::BadReply { .. } => Class::Device,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::failure::{Failure, Which};
    use super::*;

    fn call(code: &str) -> TokenError {
        let token = Which { device: "a".parse().unwrap(), label: "a".into(), serial: "1".into() };
        let failure = Failure { function: "C_Sign".into(), code: code.into(), reason: "…".into() };
        TokenError::Call { token: Box::new(token), doing: "signing".into(), failure: Box::new(failure) }
    }

    #[test]
    fn a_device_that_is_unplugged_is_waited_for() {
        for gone in ["CKR_DEVICE_REMOVED", "CKR_TOKEN_NOT_PRESENT", "CKR_SESSION_HANDLE_INVALID"] {
            assert_eq!(call(gone).class(), Class::Paused);
            assert!(call(gone).to_string().contains("plugged in"));
        }
        assert_eq!(call("CKR_DEVICE_ERROR").class(), Class::Device);
        assert_eq!(
            call("CKR_DEVICE_ERROR").to_string(),
            "device `a` (token `a`, serial 1): signing failed: C_Sign answered CKR_DEVICE_ERROR: …"
        );
    }
}
