//! `rootwright run`: the ceremony, or the rest of it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::recovery::Section;
use super::{Code, Failure, Output, load};
use crate::archive::rehearsal;
use crate::ceremony::console::Terminal;
use crate::ceremony::elsewhere::Received;
use crate::ceremony::engine::millis;
use crate::ceremony::{Ceremony, RunReport, Status};
use crate::token::{environment, guard};

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

    /// The answer of a keyholder who is elsewhere to a request of this ceremony, or a TUF metadata file that
    /// they signed with another tool. May be given several times; of a folder, every .json file in it.
    #[arg(long = "response", value_name = "FILE")]
    responses: Vec<PathBuf>,

    /// Ask nothing. Only where the site says rehearsal.
    #[arg(long)]
    yes: bool,

    /// A person's approval of the plan, as `rootwright approve` writes it. Once for each file.
    #[arg(long = "approval", value_name = "FILE")]
    approvals: Vec<PathBuf>,

    /// Look at everything, log in to every device, list the steps, and end before the first write.
    #[arg(long)]
    dry_run: bool,
}

impl Run {
    /// Runs.
    pub fn run(self, output: &Output, start: Instant) -> Result<Code, Failure> {
        let plan = load::plan(&self.plan)?;
        let site = load::site(&self.site)?;
        if self.yes && !site.site.is_rehearsal() {
            return Err(Failure::refused(
                Section::RehearsalAndProduction,
                "--yes, and the site says production",
            )
            .help("a production ceremony is confirmed by a person: run without --yes"));
        }
        environment::ensure(&site.site.environment).map_err(|error| Failure::usage(error.to_string()))?;
        let answers = received(&self.responses)?;
        let how = How { yes: self.yes, dry_run: self.dry_run, answers, approvals: &self.approvals };
        hold(output, (start, Duration::ZERO), &plan, &site, &self.archive, how)
    }
}

/// Answers from elsewhere, as the command line names them.
fn received(paths: &[PathBuf]) -> Result<Vec<Received>, Failure> {
    let wrong = |path: &Path, error: std::io::Error| {
        Failure::usage(format!("the response {} can't be read: {error}", path.display()))
    };
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let entries = std::fs::read_dir(path).map_err(|error| wrong(path, error))?;
        let mut found = Vec::new();
        for entry in entries {
            let file = entry.map_err(|error| wrong(path, error))?.path();
            found.extend(Some(file).filter(|file| file.extension().is_some_and(|end| end == "json")));
        }
        found.sort();
        files.extend(found);
    }
    let read = |path: PathBuf| match std::fs::read(&path) {
        Ok(bytes) => Ok(Received { path, bytes }),
        Err(error) => Err(wrong(&path, error)),
    };
    files.into_iter().map(read).collect()
}

/// How a ceremony is held.
#[derive(Clone, Debug)]
pub struct How<'a> {
    /// Nothing is asked.
    pub yes: bool,
    /// Nothing is written.
    pub dry_run: bool,
    /// What people elsewhere answered.
    pub answers: Vec<Received>,
    /// Files with people's approvals of the plan.
    pub approvals: &'a [PathBuf],
}

/// Holds a ceremony and shows what came of it. It began at `start`, and spent `before` inside devices.
pub fn hold(
    output: &Output,
    times: (Instant, Duration),
    plan: &load::LoadedPlan,
    site: &load::LoadedSite,
    archive: &Path,
    how: How<'_>,
) -> Result<Code, Failure> {
    let (document, text) = held(times, plan, site, archive, how)?;
    output.result(&document, || text)?;
    Ok(Code::Done)
}

/// Holds a ceremony, and gives what came of it: as a document, and in words.
pub fn held(
    (start, before): (Instant, Duration),
    plan: &load::LoadedPlan,
    site: &load::LoadedSite,
    archive: &Path,
    how: How<'_>,
) -> Result<(Value, String), Failure> {
    let guard = guard::guard();
    let unreadable = |error: std::io::Error| Failure::usage(format!("{}: {error}", archive.display()));
    let ceremony = Ceremony {
        plan: &plan.plan,
        source: &plan.source,
        folder: &plan.folder,
        site: &site.site,
        site_sha256: site.sha256.clone(),
        others: rehearsal::records(archive).map_err(unreadable)?,
        archive,
        guard,
        dry_run: how.dry_run,
        answers: how.answers,
        approvals: how.approvals,
    };
    let (mut report, result) = ceremony.run(start, &mut Terminal::of_ceremony(how.yes));
    report.device_ms += millis(before);
    let document = serde_json::to_value(&report).unwrap_or(Value::Null);
    match result {
        Ok(()) => Ok((document, text(&report))),
        Err(error) => {
            let mut failure = Failure::from(error);
            failure.document = Some(document);
            let (made, left) = (report.count(Status::Made), report.count(Status::Pending));
            let mut more = Vec::new();
            if made > 0 {
                more.push(format!("{made} steps were taken and stand in the archive; {left} are left"));
            }
            if matches!(failure.code, Code::Paused | Code::Device) {
                more.push(format!("to go on:\n\n  {}", again()));
            }
            let lines = failure.help.into_iter().chain(more).collect::<Vec<_>>();
            failure.help = Some(lines.join("\n")).filter(|help| !help.is_empty());
            Err(failure)
        }
    }
}

/// The command that goes on: this one, as a shell takes it.
fn again() -> String {
    std::env::args().map(|word| load::quoted(&word)).collect::<Vec<_>>().join(" ")
}

fn text(report: &RunReport) -> String {
    if report.dry_run {
        return steps(report);
    }
    let (made, done) = (report.count(Status::Made), report.count(Status::Done));
    if made == 0 {
        return format!(
            "Nothing is missing: {} holds all that the plan says ({done} steps).\n",
            report.archive
        );
    }
    let own = report.elapsed_ms - report.device_ms - report.disk_ms - report.people_ms;
    format!(
        "{made} steps were taken{}, in {:.0} ms: {:.0} ms inside the devices, {:.0} ms for the disk, {own:.0} ms our own.\nThe archive is {}. Its journal ends with the hash {}.\n",
        if done > 0 { format!(", {done} were done before") } else { String::new() },
        report.elapsed_ms,
        report.device_ms,
        report.disk_ms,
        report.archive,
        report.head.as_deref().unwrap_or("none"),
    )
}

/// The steps of a dry run, done and to be taken.
fn steps(report: &RunReport) -> String {
    let (left, all) = (report.count(Status::Pending), report.steps.len());
    if left == 0 {
        return format!(
            "Nothing is missing: {} holds all that the plan says ({all} steps).\n",
            report.archive
        );
    }
    let mut text = format!("{left} of {all} steps are to be taken. Nothing was written.\n");
    for step in &report.steps {
        let mark = if step.status == Status::Pending { "·" } else { "✓" };
        text.push_str(&format!("  {mark} {}\n", step.id));
    }
    text
}
