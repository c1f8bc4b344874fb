//! Runs the steps: preflight, engine, console.

pub mod clock;
pub mod conduct;
pub mod console;
pub mod engine;
mod issue;
pub mod preflight;
mod publish;

use std::path::PathBuf;
use std::time::Duration;

use crate::archive::ArchiveError;
use crate::difference::{Conflicts, Step};
use crate::lint::{AttachError, Findings};
use crate::pki::{Algorithm, Malformed};
use crate::plan::Name;
use crate::token::{Token, TokenError};

pub use conduct::{Ceremony, RunReport};
pub use engine::{Engine, Status, StepReport};

/// The devices of a ceremony, by the plan's names.
pub trait Ring {
    /// The device, opened and logged in to on first use.
    fn token(&mut self, device: &Name) -> Result<&mut dyn Token, TokenError>;

    /// Whether it was opened already.
    fn is_open(&self, device: &Name) -> bool;

    /// Time spent inside devices so far.
    fn device_time(&self) -> Duration;
}

/// The people of a ceremony. Only this talks to a person.
pub trait Console {
    /// So many steps are to be taken.
    fn begin(&mut self, _missing: usize) {}

    /// Asks a person to type a word before anything is done that can't be taken back. True at once
    /// where nobody can be asked, or need not be.
    fn confirm(&mut self, _question: &str, _word: &str) -> bool {
        true
    }

    /// A step begins.
    fn start(&mut self, _step: &Step) {}

    /// A step was taken.
    fn made(&mut self, _step: &Step, _report: &StepReport) {}

    /// A step failed.
    fn failed(&mut self, _step: &Step) {}

    /// Something that people should know.
    fn note(&mut self, _text: &str) {}

    /// Rules that are broken, but do not stop a signature.
    fn warnings(&mut self, _findings: &Findings) {}

    /// All steps were taken.
    fn end(&mut self) {}
}

/// What stops a ceremony. What was made until then stands, and `run` goes on from it.
#[derive(Debug, thiserror::Error)]
pub enum CeremonyError {
    /// A device.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The archive.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The plan contradicts the archive.
    #[error(transparent)]
    Conflicts(#[from] Conflicts),
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
    /// A person did not confirm.
    #[error("not confirmed; nothing was done")]
    NotConfirmed,
    /// A file that the plan names.
    #[error("{path}: {reason}")]
    Input {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
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
