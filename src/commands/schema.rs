//! `rootwright schema`: JSON Schema for editors.

use super::{Code, Failure, Output};
use crate::evidence::seal::Seal;
use crate::plan::Plan;
use crate::site::Site;

/// Print the JSON Schema of plan or site files, for editors that complete and check as you type; or that of
/// a seal's predicate.
#[derive(Debug, clap::Args)]
pub struct Schema {
    /// Which file.
    file: File,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum File {
    /// The plan: what shall be.
    Plan,
    /// The site: which device plays which part.
    Site,
    /// The predicate of a seal: what it says of a ceremony.
    Seal,
}

impl Schema {
    /// Prints.
    pub fn run(self) -> Result<Code, Failure> {
        let schema = match self.file {
            File::Plan => schemars::schema_for!(Plan),
            File::Site => schemars::schema_for!(Site),
            File::Seal => schemars::schema_for!(Seal),
        };
        // For people and programs it is the same document.
        Output { json: true }.result(&schema, String::new)?;
        Ok(Code::Done)
    }
}
