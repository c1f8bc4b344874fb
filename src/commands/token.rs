//! `rootwright token`: devices, what they are and hold.
#![allow(missing_docs)]
use super::{Code, Failure, Output};

/// Look at and prepare the devices of a site.
#[derive(Debug, clap::Args)]
pub struct Token {}

impl Token {
    pub fn run(self, _output: &Output) -> Result<Code, Failure> {
        Ok(Code::Done)
    }
}
