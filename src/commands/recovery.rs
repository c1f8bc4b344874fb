//! The sections of `docs/recovery.md`: every failure that pauses, that a device caused, or that is a
//! refusal names the one that says what to do next.

use std::fmt;

/// The document itself, which is in the binary: the room of a ceremony has no internet.
pub const TEXT: &str = include_str!("../../docs/recovery.md");

/// Sections, with their headings.
macro_rules! sections {
    ($($(#[$says:meta])* $name:ident = $heading:literal,)*) => {
        /// A section of `docs/recovery.md`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Section { $($(#[$says])* $name),* }

        impl Section {
            /// Every section.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Its heading, by which messages name it.
            pub fn heading(self) -> &'static str {
                match self { $(Self::$name => $heading),* }
            }
        }
    };
}

sections! {
    /// Somebody paused, or did not confirm.
    Paused = "paused",
    /// A device, or its module, is not there.
    DeviceMissing = "device-missing",
    /// A PIN could not be had.
    PinMissing = "pin-missing",
    /// Another process works on the archive.
    ArchiveBusy = "archive-busy",
    /// Too few of those who must sign can, or did.
    KeyholdersMissing = "keyholders-missing",
    /// An answer from elsewhere is not taken.
    ResponseRefused = "response-refused",
    /// Something that an earlier step makes is not there.
    StepMissing = "step-missing",
    /// SoftHSM is not installed.
    SoftHsmMissing = "softhsm-missing",
    /// A PIN was wrong.
    WrongPin = "wrong-pin",
    /// A device, or its module, failed.
    DeviceFailed = "device-failed",
    /// A device can't do what the plan asks of it.
    DeviceUnable = "device-unable",
    /// A key is not where it should be.
    KeyMissing = "key-missing",
    /// A module is not the one that was reviewed.
    ModuleChanged = "module-changed",
    /// A PIN is locked, or about to be.
    PinLocked = "pin-locked",
    /// Others may have read a PIN.
    PinExposed = "pin-exposed",
    /// A device holds a key of that name.
    LabelTaken = "label-taken",
    /// A token is initialised already.
    TokenInUse = "token-in-use",
    /// A device is another than it should be.
    OtherDevice = "other-device",
    /// A key is another than it should be.
    OtherKey = "other-key",
    /// Plan and archive contradict each other.
    PlanAndArchive = "plan-and-archive",
    /// The archive is not the one that the ceremony starts from.
    OtherArchive = "other-archive",
    /// A rehearsal meets production.
    RehearsalAndProduction = "rehearsal-and-production",
    /// The clock is wrong.
    Clock = "clock",
    /// The archive can't be written.
    Disk = "disk",
    /// The archive is not as it was left.
    ArchiveChanged = "archive-changed",
    /// The folder is no archive.
    NotAnArchive = "not-an-archive",
    /// The plan is not approved, or something is wrong with an approval.
    Approvals = "approvals",
    /// The plan names another tool.
    OtherTool = "other-tool",
    /// A seal can't be signed.
    Seal = "seal",
    /// Other bytes would be signed than were begun.
    OtherBytes = "other-bytes",
    /// A canary can't be signed here, or not there.
    Canary = "canary",
    /// The system gives no random numbers.
    Random = "random",
}

impl Section {
    /// What the section says, with its heading.
    pub fn text(self) -> &'static str {
        let begin = format!("\n## {}\n", self.heading());
        let Some((_, rest)) = TEXT.split_once(&begin) else { return "" };
        rest.split("\n## ").next().unwrap_or(rest).trim()
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.heading())
    }
}

impl std::str::FromStr for Section {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.iter().copied().find(|section| section.heading() == text).ok_or_else(|| {
            let all: Vec<&str> = Self::ALL.iter().map(|section| section.heading()).collect();
            format!("no such section; there are {}", all.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_has_these_sections_and_no_others() {
        let headings: Vec<&str> = TEXT.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        let sections: Vec<&str> = Section::ALL.iter().map(|section| section.heading()).collect();
        assert_eq!(headings, sections);
        for section in Section::ALL {
            assert!(section.text().len() > 100, "{section} says what to do");
        }
    }
}
