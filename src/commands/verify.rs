//! `rootwright verify`: everything, from the archive alone, with a second implementation.

use std::path::PathBuf;

use super::{Code, Failure, Output, load};
use crate::ceremony::clock::Clock;
use crate::plan::Time;
use crate::verify::{self, Options, VerifyError};

/// Check an archive from its directory alone, with a second implementation; touches no device.
///
/// Every line of the journal, every file against it, and every signature, chain, list, id and window
/// that follows is worked out anew, by other code and another cryptographic library than those that
/// made them. Nothing is written. Exits with 1 if any check fails.
#[derive(Debug, clap::Args)]
pub struct Verify {
    /// The archive's directory.
    archive: PathBuf,

    /// A plan that the archive must hold all of.
    #[arg(long)]
    plan: Option<PathBuf>,

    /// Judge validity and expiry as of this moment, such as 2027-01-31T00:00:00Z, or as of the beginning
    /// of this day, such as 2027-01-31. Otherwise now; in a rehearsal the time of its last event.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    at: Option<Time>,

    /// Show every check, not only those that someone must look at.
    #[arg(long)]
    details: bool,
}

/// A moment, or a day's beginning.
pub(super) fn moment(text: &str) -> Result<Time, String> {
    text.parse().or_else(|error| {
        format!("{text}T00:00:00Z").parse().map_err(|_| format!("{error}; or a day, such as 2026-12-01"))
    })
}

impl Verify {
    /// Verifies.
    pub fn run(self, output: &Output) -> Result<Code, Failure> {
        let plan = self.plan.as_deref().map(load::plan).transpose()?;
        let now = self.at.or_else(|| Clock::system().map(|clock| clock.now())).ok_or_else(|| {
            Failure::usage("the machine's clock can't be read").help("say the time with --at")
        })?;
        let options = Options { at: self.at, now, plan: plan.as_ref().map(|loaded| &loaded.plan) };
        let report = verify::verify(&self.archive, &options)?;
        let columns = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        output.result(&report, || report.text_within(self.details, columns))?;
        Ok(if report.ok { Code::Done } else { Code::Findings })
    }
}

impl From<VerifyError> for Failure {
    fn from(error: VerifyError) -> Self {
        Self::usage(error.to_string()).help("name an archive's directory: the one that holds journal.jsonl")
    }
}
