//! What is looked at on the ceremony's machine, by ids that a site's `[waivers]` may name.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A check of the machine that a production ceremony runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum MachineCheck {
    /// The clock stands on the plan's day.
    #[serde(rename = "ENV-CLOCK-DAY")]
    ClockDay,
    /// No network link is up.
    #[serde(rename = "ENV-NETWORK")]
    Network,
    /// Nothing in memory is written to a swap device.
    #[serde(rename = "ENV-SWAP")]
    Swap,
    /// No core dump of this process is written.
    #[serde(rename = "ENV-CORE-DUMPS")]
    CoreDumps,
    /// This process's memory is locked.
    #[serde(rename = "ENV-MEMORY")]
    Memory,
    /// The archive's disk has room for all that the ceremony writes.
    #[serde(rename = "ENV-DISK")]
    Disk,
}

impl MachineCheck {
    /// The id.
    pub fn id(self) -> &'static str {
        match self {
            Self::ClockDay => "ENV-CLOCK-DAY",
            Self::Network => "ENV-NETWORK",
            Self::Swap => "ENV-SWAP",
            Self::CoreDumps => "ENV-CORE-DUMPS",
            Self::Memory => "ENV-MEMORY",
            Self::Disk => "ENV-DISK",
        }
    }

    /// What is expected, in one sentence.
    pub fn says(self) -> &'static str {
        match self {
            Self::ClockDay => "The machine's clock stands on the plan's day.",
            Self::Network => "No network link is up.",
            Self::Swap => "No swap device is in use: memory with a PIN in it never reaches a disk.",
            Self::CoreDumps => "Core dumps of this process are off.",
            Self::Memory => "This process's memory is locked.",
            Self::Disk => "The archive's disk has room for all that the ceremony writes.",
        }
    }
}

impl fmt::Display for MachineCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

/// A check that found something, and what the site says of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct MachineFinding {
    /// The check.
    pub id: MachineCheck,
    /// What was found.
    pub found: String,
    /// The site's reason to go on all the same.
    pub waived: Option<String>,
}
