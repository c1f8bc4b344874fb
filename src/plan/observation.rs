//! What no program can know of a ceremony, and people record: at any prompt, or because the plan asks for it.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What people record: the word for it, what it is, and the questions that it answers.
macro_rules! observations {
    ($($(#[$says:meta])* $name:ident = $word:literal, $title:literal, [$($question:literal),*];)*) => {
        /// What a person records at a prompt.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum Observation { $($(#[$says])* $name),* }

        impl Observation {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The word for it, which is typed.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word),* }
            }

            /// What it is, as a sentence.
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title),* }
            }

            /// What is asked, one after the other.
            pub fn questions(self) -> &'static [&'static str] {
                match self { $(Self::$name => &[$($question),*]),* }
            }
        }
    };
}

observations! {
    /// Somebody comes in.
    Entry = "entry", "Somebody comes in.", ["Who?", "In which part?", "By which clock, when?"];
    /// Somebody leaves.
    Exit = "exit", "Somebody leaves.", ["Who?", "Why?", "By which clock, when?"];
    /// A tamper-evident bag is opened or closed.
    Bag = "bag", "A tamper-evident bag.", ["Which number?", "What is in it?", "Opened or closed?", "By whom?"];
    /// A recording, and its hash when there is one.
    Video = "video", "A recording.", ["What films?", "Who keeps it?", "Its SHA-256, or later?"];
    /// A medium that something is copied to.
    Media = "media", "A medium with a copy.", ["Which medium?", "What is on it?", "Where is it kept?"];
    /// A thing is handed to somebody who keeps it.
    Custody = "custody", "Something is handed over.",
        ["What?", "Who takes it?", "Where is it kept?", "The initials of two who saw it?"];
    /// What the machine was started from, and its hash.
    Boot = "boot", "What the machine was started from.", ["Which medium?", "Its SHA-256?", "Who checked it?"];
    /// Radios, addresses and cables of the machine.
    Radios = "radios", "Radios, addresses and cables.",
        ["Which radios are there, and how are they off?", "Which addresses does it have?",
         "Which cables are plugged in?", "Who looked?"];
    /// The number of a device's certificate (FIPS 140, Common Criteria).
    Certificate = "certificate", "A device's certificate.",
        ["Which device?", "Which number (FIPS 140, Common Criteria)?", "Where was it looked up?"];
    /// Default PINs and management keys of a device, and that they were changed.
    Defaults = "defaults", "A device's default PINs.",
        ["Which device?", "Which were changed (PIN, officer's PIN, PUK, management key)?", "By whom?"];
    /// What a device's own log says.
    DeviceLog = "device-log", "A device's own log.",
        ["Which device?", "How many uses of keys does it count?", "Where is the log kept?"];
    /// Who holds the shares of a PIN.
    Shares = "shares", "Holders of shares.",
        ["Of which device's PIN?", "Who holds which share?", "Where are they kept?"];
    /// Something is deleted or destroyed.
    Destroyed = "destroyed", "Something is deleted or destroyed.",
        ["What?", "How?", "By whom?", "The initials of two who saw it?"];
    /// Until when something is kept.
    Retention = "retention", "How long things are kept.", ["What?", "Until when?", "By whom?"];
}

impl fmt::Display for Observation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_what_serde_reads() {
        for what in Observation::ALL {
            assert_eq!(serde_json::to_value(what).unwrap(), what.as_str());
            assert!(what.title().ends_with('.') && what.questions().iter().all(|asked| asked.ends_with('?')));
        }
    }
}
