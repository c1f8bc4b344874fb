//! Which exit code each thing that stops a ceremony has, and what to do next.

use super::{Code, Failure};
use crate::ceremony::CeremonyError;
use crate::token::{Class, TokenError};

impl From<TokenError> for Failure {
    fn from(error: TokenError) -> Self {
        let code = match error.class() {
            Class::Device => Code::Device,
            Class::Refused => Code::Refused,
            Class::Paused => Code::Paused,
        };
        Self::new(code, error.to_string())
    }
}

impl From<CeremonyError> for Failure {
    fn from(error: CeremonyError) -> Self {
        let message = error.to_string();
        match error {
            CeremonyError::Token(error) => error.into(),
            CeremonyError::Archive(error) => error.into(),
            CeremonyError::Conflicts(_) => Self::new(Code::Refused, message),
            CeremonyError::Findings(_) => {
                Self::new(Code::Findings, message).help("nothing was signed: change the plan, and `rootwright check` it again")
            }
            CeremonyError::Attach(_) => Self::new(Code::Device, message).help(
                "nothing of it was written: run again; a device that does this twice is broken",
            ),
            CeremonyError::NoMechanism { .. } => Self::new(Code::Device, message)
                .help("choose another algorithm in the plan, or another device in the site"),
            CeremonyError::SameToken { .. } | CeremonyError::OtherToken { .. } => Self::new(Code::Refused, message)
                .help("look at the serial on each device, and name it in the site; `rootwright token list --site SITE` shows what is plugged in"),
            CeremonyError::Purpose(_) => {
                Self::new(Code::Refused, message).help("name another archive, or the site that belongs to this one")
            }
            CeremonyError::Clock { .. } => {
                Self::new(Code::Refused, message).help("set the clock against one on the wall, and run again")
            }
            CeremonyError::NotConfirmed => Self::new(Code::Paused, message).help("run again to begin"),
            CeremonyError::StrangeOrphan { .. } => Self::new(Code::Refused, message).help(
                "`rootwright token show --site SITE` lists what the device holds; nothing is overwritten or removed",
            ),
            CeremonyError::OtherBytes { .. } => Self::new(Code::Refused, message).help(
                "a signature over the first bytes may exist: run the plan that the ceremony began with (it is in the archive's plans/), and make the change in a later one",
            ),
            CeremonyError::SameKey { .. } => Self::new(Code::Refused, message),
            CeremonyError::Input { .. } | CeremonyError::Shift(_) => Self::new(Code::Usage, message),
            CeremonyError::Malformed(_)
            | CeremonyError::TrustRoot(_)
            | CeremonyError::TufKey(_)
            | CeremonyError::TufMetadata(_)
            | CeremonyError::TufEnvelope(_) => Self::new(Code::Findings, message),
            CeremonyError::Missing(_) => Self::new(Code::Paused, message),
            CeremonyError::Random(_) => Self::new(Code::Refused, message),
        }
    }
}
