//! Which exit code each thing that stops a ceremony has, where to read more, and what to do next.

use super::Failure;
use super::recovery::Section;
use crate::archive::ArchiveError;
use crate::ceremony::CeremonyError;
use crate::token::{Class, PinError, TokenError};

impl From<TokenError> for Failure {
    fn from(error: TokenError) -> Self {
        let (section, message) = (section(&error), error.to_string());
        match error.class() {
            Class::Device => Self::device(section, message),
            Class::Refused => Self::refused(section, message),
            Class::Paused => Self::paused(section, message),
        }
    }
}

fn section(error: &TokenError) -> Section {
    match error {
        TokenError::NotInSite { .. }
        | TokenError::ModuleMissing { .. }
        | TokenError::NoSuchToken { .. }
        | TokenError::NoBlankToken { .. }
        | TokenError::NotTouched { .. }
        | TokenError::NoService { .. }
        | TokenError::NotEnrolled { .. }
        | TokenError::Lost { .. } => Section::DeviceMissing,
        TokenError::Call { failure, .. } if failure.is_gone() => Section::DeviceMissing,
        TokenError::Pin { error: PinError::Exposed { .. }, .. } => Section::PinExposed,
        TokenError::Pin { .. } => Section::PinMissing,
        TokenError::ModuleChanged { .. } => Section::ModuleChanged,
        TokenError::AlreadyInitialized { .. }
        | TokenError::Defaults { .. }
        | TokenError::SlotTaken { .. } => Section::TokenInUse,
        TokenError::PinLocked { .. } | TokenError::PinFinalTry { .. } => Section::PinLocked,
        TokenError::LabelTaken { .. } | TokenError::HalfMade { .. } => Section::LabelTaken,
        TokenError::WrongKey { .. } | TokenError::OtherKey { .. } | TokenError::Contradiction { .. } => {
            Section::OtherKey
        }
        TokenError::WrongPin { .. } => Section::WrongPin,
        TokenError::MissingKey { .. } | TokenError::KeyAmbiguous { .. } => Section::KeyMissing,
        TokenError::NoUserPin { .. }
        | TokenError::NoKeypad { .. }
        | TokenError::NoCopies { .. }
        | TokenError::TooLong { .. }
        | TokenError::Unsupported { .. } => Section::DeviceUnable,
        TokenError::Throwaway { .. }
        | TokenError::ModuleFailed { .. }
        | TokenError::Ambiguous { .. }
        | TokenError::Call { .. }
        | TokenError::BadReply { .. } => Section::DeviceFailed,
    }
}

impl From<ArchiveError> for Failure {
    fn from(error: ArchiveError) -> Self {
        let message = error.to_string();
        match error {
            // The lock of a process that is at work.
            ArchiveError::Io { error, .. } if error.kind() == std::io::ErrorKind::WouldBlock => {
                Self::paused(Section::ArchiveBusy, message).help("wait until it is done, and run again")
            }
            ArchiveError::Io { error, .. } if error.kind() == std::io::ErrorKind::NotADirectory => {
                Self::refused(Section::NotAnArchive, message)
                    .help("an archive is a folder: name the one that holds journal.jsonl")
            }
            ArchiveError::Io { error, .. } if error.kind() == std::io::ErrorKind::AlreadyExists => {
                Self::refused(Section::ArchiveChanged, message)
                    .help("nothing was recorded: an archive keeps what it has")
            }
            ArchiveError::Io { .. } => Self::refused(Section::Disk, message).help(
                "nothing that was recorded is lost: make the archive's folder writable, with room on its disk, and run again",
            ),
            ArchiveError::Room { .. } => Self::refused(Section::Disk, message).help(
                "nothing was begun: make room, and run again. If the system counts wrongly, the site file waives it: [waivers] ENV-DISK = \"why\"",
            ),
            ArchiveError::Damaged { .. } => Self::refused(Section::ArchiveChanged, message).help(
                "the journal is written only by appending lines: restore the archive from a copy, and keep this one for the inquiry",
            ),
            ArchiveError::Changed { .. } => Self::refused(Section::ArchiveChanged, message).help(
                "somebody changed the file: restore it from a copy, and find out who; `rootwright verify` looks at all the others",
            ),
            ArchiveError::Gone(_) => Self::refused(Section::ArchiveChanged, message)
                .help("put the file back from a copy of the archive, or from where it is published"),
            ArchiveError::Unrecorded(_) => Self::refused(Section::ArchiveChanged, message).help(
                "if the journal was cut, restore the archive from a copy, and keep this one for the inquiry; if the file is none of a ceremony, move it elsewhere",
            ),
            ArchiveError::NotAnArchive(_) => Self::refused(Section::NotAnArchive, message)
                .help("name an empty folder, or one that does not exist yet"),
            ArchiveError::Json(_) => Self::refused(Section::Disk, message),
        }
    }
}

impl From<CeremonyError> for Failure {
    fn from(error: CeremonyError) -> Self {
        let message = error.to_string();
        match error {
            CeremonyError::Token(error) => error.into(),
            CeremonyError::Devices(errors) => devices(errors),
            CeremonyError::Archive(error) => error.into(),
            CeremonyError::Plan(_) => Self::findings(message),
            CeremonyError::BadApproval(_) => Self::refused(Section::Approvals, message)
                .help("nothing was begun: leave the file out, or ask for another one"),
            CeremonyError::NotApproved(_) => Self::paused(Section::Approvals, message)
                .help("nothing was begun: bring the files of `rootwright approve` along, each with --approval FILE"),
            CeremonyError::OtherTool(_) => Self::refused(Section::OtherTool, message)
                .help("nothing was begun: bring the tool that the plan names; `sha256sum` on its file shows which one it is"),
            CeremonyError::Conflicts(_) => Self::refused(Section::PlanAndArchive, message),
            CeremonyError::Findings(_) => Self::findings(message)
                .help("nothing was signed: change the plan, and `rootwright check` it again"),
            CeremonyError::Machine(_) => Self::findings(message).help(
                "nothing was begun: put the machine right, or waive the finding in the site file, by its id and with a reason:\n\n  [waivers]\n  ENV-… = \"why this is right here\"",
            ),
            CeremonyError::Attach(_) => Self::device(Section::DeviceFailed, message).help(
                "nothing of it was written: run again; a device that does this twice is broken",
            ),
            CeremonyError::NoMechanism { .. } => Self::device(Section::DeviceUnable, message)
                .help("choose another algorithm in the plan, or another device in the site"),
            CeremonyError::SameToken { .. }
            | CeremonyError::OtherToken { .. }
            | CeremonyError::OtherModel { .. } => Self::refused(Section::OtherDevice, message).help(
                "look at the serial on each device, and name it in the site; `rootwright token list --site SITE` shows what is plugged in",
            ),
            CeremonyError::Purpose(_) => Self::refused(Section::RehearsalAndProduction, message)
                .help("name another archive, or the site that belongs to this one"),
            CeremonyError::OtherHead { .. } => Self::refused(Section::OtherArchive, message).help(
                "is it the newest copy of the right archive? `rootwright show ARCHIVE/journal.jsonl` shows its head hash",
            ),
            CeremonyError::Clock { .. } | CeremonyError::Skew { .. } => {
                Self::refused(Section::Clock, message)
                    .help("set the clock against one on the wall, and run again")
            }
            CeremonyError::Paused => Self::paused(Section::Paused, message),
            CeremonyError::StrangeOrphan { .. } => Self::refused(Section::OtherKey, message).help(
                "`rootwright token show --site SITE` lists what the device holds; nothing is overwritten or removed",
            ),
            CeremonyError::OtherBytes { .. } => Self::refused(Section::OtherBytes, message).help(
                "a signature over the first bytes may exist: run the plan that the ceremony began with (it is in the archive's plans/), and make the change in a later one",
            ),
            CeremonyError::SameKey { .. } => Self::refused(Section::OtherKey, message),
            CeremonyError::Input { .. } | CeremonyError::Shift(_) => Self::usage(message),
            CeremonyError::Malformed(_)
            | CeremonyError::TrustRoot(_)
            | CeremonyError::TufKey(_)
            | CeremonyError::TufMetadata(_)
            | CeremonyError::TufEnvelope(_) => Self::findings(message),
            CeremonyError::TooFew(_) => Self::paused(Section::KeyholdersMissing, message).help(
                "what was signed stands: bring those who are missing, with their devices in the site file, and run again",
            ),
            CeremonyError::Answer(_) => Self::refused(Section::ResponseRefused, message)
                .help("nothing of this file was taken: leave it out, or ask whoever sent it to sign the newest request"),
            CeremonyError::Request(_) => Self::findings(message)
                .help("nothing was signed: tell the ceremony's administrator what stands here"),
            CeremonyError::NoSuchSigner { .. } => Self::usage(message),
            CeremonyError::Missing(_) => Self::paused(Section::StepMissing, message),
            CeremonyError::Random(_) => Self::refused(Section::Random, message),
        }
    }
}

/// Several devices that stand in the way are told of together: people fetch them together. The gravest
/// gives the exit code, and the section.
fn devices(errors: Vec<CeremonyError>) -> Failure {
    let failures: Vec<Failure> = errors.into_iter().map(Failure::from).collect();
    let message = failures.iter().map(|failure| failure.message.as_str()).collect::<Vec<_>>().join("\n");
    match failures.into_iter().max_by_key(|failure| failure.code.number()) {
        Some(worst) => Failure { message, ..worst },
        None => Failure::paused(Section::DeviceMissing, "a device is missing"),
    }
}
