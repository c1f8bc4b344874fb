//! `rootwright run`: the ceremony, or the rest of it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Code, Failure, Output, load};
use crate::archive::rehearsal;
use crate::ceremony::console::{PinPrompt, Terminal};
use crate::ceremony::engine::millis;
use crate::ceremony::{Ceremony, RunReport, Status};
use crate::token::environment;

/// Hold the ceremony, or the rest of it: what the plan says and the archive does not hold yet.
///
/// Everything is drafted with throwaway keys and judged by every rule, and every device is looked for,
/// before the first write. A run that was interrupted goes on where it was. Where nothing is missing,
/// nothing is done and no device is opened.
#[derive(Debug, clap::Args)]
pub struct Run {
    /// What shall be.
    plan: PathBuf,

    /// Which device plays which part today.
    #[arg(long)]
    site: PathBuf,

    /// The archive to begin or extend.
    #[arg(long, value_name = "DIR")]
    archive: PathBuf,

    /// Ask nothing. Only where the site says rehearsal.
    #[arg(long)]
    yes: bool,
}

impl Run {
    /// Runs.
    pub fn run(self, output: &Output, start: Instant) -> Result<Code, Failure> {
        let plan = load::plan(&self.plan)?;
        let site = load::site(&self.site)?;
        if self.yes && !site.site.is_rehearsal() {
            return Err(Failure::new(Code::Refused, "--yes, and the site says production")
                .help("a production ceremony is confirmed by a person: run without --yes"));
        }
        environment::ensure(&site.site.environment)
            .map_err(|error| Failure::new(Code::Usage, error.to_string()))?;
        hold(output, (start, Duration::ZERO), &plan, &site, &self.archive, self.yes)
    }
}

/// Holds a ceremony and shows what came of it. It began at `start`, and spent `before` inside devices.
pub fn hold(
    output: &Output,
    (start, before): (Instant, Duration),
    plan: &load::LoadedPlan,
    site: &load::LoadedSite,
    archive: &Path,
    yes: bool,
) -> Result<Code, Failure> {
    let unreadable =
        |error: std::io::Error| Failure::new(Code::Usage, format!("{}: {error}", archive.display()));
    let ceremony = Ceremony {
        plan: &plan.plan,
        source: &plan.source,
        folder: &plan.folder,
        site: &site.site,
        site_sha256: site.sha256.clone(),
        others: rehearsal::records(archive).map_err(unreadable)?,
        archive,
    };
    let (mut report, result) = ceremony.run(start, &mut Terminal::new(yes), &mut PinPrompt);
    report.device_ms += millis(before);
    let document = serde_json::to_value(&report).unwrap_or(Value::Null);
    match result {
        Ok(()) => {
            output.result(&document, || text(&report))?;
            Ok(Code::Done)
        }
        Err(error) => {
            let mut failure = Failure::from(error);
            failure.document = Some(document);
            let (made, left) = (report.count(Status::Made), report.count(Status::Pending));
            if made > 0 {
                let kept = format!(
                    "{made} steps were taken and stand in the archive; {left} are left: run again to go on"
                );
                failure.help = Some(failure.help.map_or(kept.clone(), |help| format!("{help}\n{kept}")));
            }
            Err(failure)
        }
    }
}

fn text(report: &RunReport) -> String {
    let (made, done) = (report.count(Status::Made), report.count(Status::Done));
    if made == 0 {
        return format!(
            "Nothing is missing: {} holds all that the plan says ({done} steps).\n",
            report.archive
        );
    }
    let own = report.elapsed_ms - report.device_ms - report.disk_ms - report.people_ms;
    format!(
        "{made} steps were taken{}, in {:.0} ms: {:.0} ms inside the devices, {:.0} ms for the disk, {own:.0} ms our own.\nThe archive is {}.\n",
        if done > 0 { format!(", {done} were done before") } else { String::new() },
        report.elapsed_ms,
        report.device_ms,
        report.disk_ms,
        report.archive
    )
}
