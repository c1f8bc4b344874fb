//! Runs the steps: preflight, engine, console.

pub mod approvals;
mod attestation;
mod backup;
pub mod build;
pub mod clock;
pub mod conduct;
pub mod console;
pub mod elsewhere;
pub mod endorse;
pub mod engine;
mod issue;
mod keys;
pub mod machine;
mod needed;
pub mod people;
pub mod preflight;
mod prompt;
mod publish;
mod request;
mod revocations;
pub mod signers;
mod transcript;
pub mod walkthrough;

use std::path::PathBuf;
use std::time::Duration;

use crate::archive::ArchiveError;
use crate::difference::Conflicts;
use crate::lint::{AttachError, Findings};
use crate::pki::{Algorithm, Malformed};
use crate::plan::Name;
use crate::token::{AskPin, Devices, Token, TokenError};

pub use conduct::{Ceremony, RunReport};
pub use console::Console;
pub use engine::{Engine, Status, StepReport};

/// The devices of a ceremony, by the plan's names.
pub trait Ring {
    /// The device, opened and logged in to where it is not.
    fn open(&mut self, device: &Name, ask: &mut dyn AskPin) -> Result<&mut dyn Token, TokenError>;

    /// How often it was logged in to.
    fn logins(&self, device: &Name) -> u32;

    /// Looks for it again, if it was plugged in since.
    fn look_again(&mut self, device: &Name) -> Result<(), TokenError>;

    /// Starts the device's module again, which ends every session of it.
    fn restart(&mut self, device: &Name) -> Result<(), TokenError>;

    /// Time spent inside devices so far.
    fn device_time(&self) -> Duration;
}

impl Ring for Devices {
    fn open(&mut self, device: &Name, ask: &mut dyn AskPin) -> Result<&mut dyn Token, TokenError> {
        self.open(device, ask)
    }
    fn logins(&self, device: &Name) -> u32 {
        self.logins(device)
    }
    fn look_again(&mut self, device: &Name) -> Result<(), TokenError> {
        self.look_again(device)
    }
    fn restart(&mut self, device: &Name) -> Result<(), TokenError> {
        self.restart(device)
    }
    fn device_time(&self) -> Duration {
        self.device_time()
    }
}

/// What stops a ceremony. What was made until then stands, and `run` goes on from it.
#[derive(Debug, thiserror::Error)]
pub enum CeremonyError {
    /// A device.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// Several devices that stand in the way.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Devices(Vec<CeremonyError>),
    /// The machine is not as a production ceremony wants it.
    #[error(transparent)]
    Machine(#[from] machine::MachineFindings),
    /// Somebody pauses.
    #[error("paused")]
    Paused,
    /// The archive.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// An approval of the plan that can't be taken.
    #[error(transparent)]
    BadApproval(#[from] Box<approvals::Refused>),
    /// Approvals of the plan that are missing.
    #[error(transparent)]
    NotApproved(#[from] approvals::Missing),
    /// A tool that the plan does not name.
    #[error(transparent)]
    OtherTool(#[from] build::OtherTool),
    /// The plan contradicts the archive.
    #[error(transparent)]
    Conflicts(#[from] Conflicts),
    /// The plan's waivers.
    #[error("{0}")]
    Plan(#[from] crate::plan::Faults),
    /// A rule is broken; nothing was signed.
    #[error("{0}")]
    Findings(#[from] Findings),
    /// A device returned something that is not a signature.
    #[error(transparent)]
    Attach(#[from] AttachError),
    /// A document that can't be put together.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// A trust root that can't be put together.
    #[error(transparent)]
    TrustRoot(#[from] crate::trust_root::TrustRootError),
    /// A key that TUF can't carry.
    #[error(transparent)]
    TufKey(#[from] crate::tuf::UnsupportedKey),
    /// Metadata of the archive that can't be read.
    #[error(transparent)]
    TufMetadata(#[from] crate::tuf::BadMetadata),
    /// Signatures that do not make a metadata file.
    #[error(transparent)]
    TufEnvelope(#[from] crate::tuf::EnvelopeError),
    /// A date of the plan that leaves the calendar when it is moved.
    #[error("moving the plan's dates by {0} days takes one of them out of the years 1950 to 9999")]
    Shift(i64),
    /// The site and the archive are not of one kind.
    #[error("{0}")]
    Purpose(String),
    /// The archive is not the one that today's ceremony starts from.
    #[error(
        "the archive's last line is {}, and the site says that the ceremony starts from {expected}",
        found.as_deref().unwrap_or("not there")
    )]
    OtherHead {
        /// The hash of the journal's last line.
        found: Option<String>,
        /// The hash that the site names.
        expected: String,
    },
    /// The clock stands before what already happened.
    #[error(
        "the clock says {now}, but the archive's last event was at {last}: one of the two clocks was wrong"
    )]
    Clock {
        /// The clock of this machine.
        now: crate::plan::Time,
        /// The archive's last event.
        last: crate::plan::Time,
    },
    /// The machine's clock and one on the wall differ.
    #[error("the machine's clock says {now}, and the clock on the wall {typed}: they differ by {} minutes", skew.abs().div_euclid(60))]
    Skew {
        /// The machine's clock.
        now: crate::plan::Time,
        /// What was read from the wall.
        typed: String,
        /// By how many seconds the machine's clock is ahead.
        skew: i64,
    },
    /// A device that can't do what a step needs.
    #[error("{device} can't generate or sign with {algorithm} keys: its module lists no mechanism for them")]
    NoMechanism {
        /// The device.
        device: Name,
        /// What is needed.
        algorithm: Algorithm,
    },
    /// Two names of the site mean one token.
    #[error("{device} and {other} are the same token, serial {serial}: each device must be its own")]
    SameToken {
        /// One name.
        device: Name,
        /// The other name.
        other: Name,
        /// The token's serial.
        serial: String,
    },
    /// A device is another than the one that made keys before.
    #[error("{device} is a token of serial {found}, but the archive's keys were made on serial {expected}")]
    OtherToken {
        /// The device's name.
        device: Name,
        /// The serial that is there.
        found: String,
        /// The serial that the archive has.
        expected: String,
    },
    /// A device is of another model than the site names.
    #[error(
        "{device} (serial {serial}) is of the model `{found}`, expected `{expected}`, as the site names it"
    )]
    OtherModel {
        /// The device's name.
        device: Name,
        /// Its serial.
        serial: String,
        /// Its model.
        found: String,
        /// The model that the site names.
        expected: String,
    },
    /// A file that the plan names.
    #[error("{path}: {reason}")]
    Input {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Metadata that too few of those who must sign it have signed, or can sign here.
    #[error(transparent)]
    TooFew(#[from] signers::TooFew),
    /// An answer from elsewhere that is not taken.
    #[error(transparent)]
    Answer(#[from] elsewhere::Refused),
    /// A request that is not signed.
    #[error("the request is not signed: {0}")]
    Request(String),
    /// The site says that somebody is elsewhere whom nobody knows.
    #[error("the site says that `{name}` is elsewhere: neither the plan nor the archive knows such a keyholder or key{}", listed(.known))]
    NoSuchSigner {
        /// The name.
        name: Name,
        /// The names that there are.
        known: Vec<Name>,
    },
    /// Something that an earlier step should have made.
    #[error("{0}")]
    Missing(String),
    /// After an interruption the device holds another key than was intended.
    #[error(
        "{device} holds a key under the label `{key}`, but it is not the key of the interrupted step: {what} is {found}, and the step makes it {expected}"
    )]
    StrangeOrphan {
        /// The key.
        key: Name,
        /// The device.
        device: Name,
        /// What is strange about it.
        what: String,
        /// What it is.
        found: String,
        /// What the step would have made of it.
        expected: String,
    },
    /// After an interruption, other bytes would be signed than were intended.
    #[error(
        "{object}: a signature was begun over other bytes than the plan now makes; it is not begun again"
    )]
    OtherBytes {
        /// The document.
        object: String,
    },
    /// One key under two names.
    #[error("`{key}` is the same key as `{other}`: every key must be its own")]
    SameKey {
        /// The new name.
        key: Name,
        /// The name that the archive knows it by.
        other: Name,
    },
    /// The system's random source failed.
    #[error("the system's random source failed: {0}")]
    Random(String),
}

fn listed(names: &[Name]) -> String {
    let names: Vec<&str> = names.iter().map(Name::as_str).collect();
    if names.is_empty() { String::new() } else { format!("; known are {}", names.join(", ")) }
}

impl CeremonyError {
    /// The device that it is about, where it is about one alone.
    pub fn device(&self) -> Option<&Name> {
        match self {
            Self::Token(error) => error.device(),
            _ => None,
        }
    }

    /// Whether a person in the room can put it right while the ceremony waits: plug in another device,
    /// type the PIN again.
    pub fn can_be_mended(&self) -> bool {
        match self {
            Self::SameToken { .. } | Self::OtherToken { .. } | Self::OtherModel { .. } => true,
            Self::Token(error) => matches!(
                error,
                TokenError::ModuleMissing { .. }
                    | TokenError::NoSuchToken { .. }
                    | TokenError::Ambiguous { .. }
                    | TokenError::Pin { .. }
                    | TokenError::WrongPin { .. }
                    | TokenError::PinLocked { .. }
                    | TokenError::PinFinalTry { .. }
                    | TokenError::NoUserPin { .. }
                    | TokenError::NotTouched { .. }
                    | TokenError::NoService { .. }
                    | TokenError::NotEnrolled { .. }
                    | TokenError::Lost { .. }
                    | TokenError::Call { .. }
                    | TokenError::ModuleFailed { .. }
            ),
            _ => false,
        }
    }
}
