//! `rootwright script`: the printed script.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::recovery::Section;
use super::{Code, Failure, Output, load};
use crate::archive::{self, State};
use crate::ceremony::{CeremonyError, conduct, preflight, walkthrough};
use crate::difference::phase;
use crate::evidence::script::{Recovery, Script};
use crate::pki::sha256_hex;
use crate::site::{Purpose, Site};

/// Print the script of a ceremony: every step, what must be seen, boxes and blanks; touches no device.
///
/// One HTML page, for A4 or Letter: people, materials, each step with who does what on which device, sheets
/// for deviations and sign-offs, one for each person who signs elsewhere, and what to do when it stops. It comes from the same steps as the ceremony
/// itself, in the same order and the same words. What is not known before the day is a blank.
#[derive(Debug, clap::Args)]
pub struct Print {
    /// The plan.
    plan: PathBuf,

    /// Which device plays which part on the day: for serial numbers, names and waivers.
    #[arg(long)]
    site: Option<PathBuf>,

    /// The archive that the ceremony extends: only the steps that are left are printed.
    #[arg(long, value_name = "DIR")]
    archive: Option<PathBuf>,

    /// The file to write.
    #[arg(short, long, value_name = "FILE.html")]
    output: PathBuf,

    /// Add sheets to write on: fingerprints, devices, what leaves the room.
    #[arg(long)]
    worksheets: bool,

    /// For a projector: one step a screen, in large letters.
    #[arg(long, conflicts_with = "worksheets")]
    large: bool,
}

#[derive(Serialize)]
struct Printed {
    file: String,
    sha256: String,
    plan: String,
    steps: Vec<String>,
}

impl Print {
    /// Prints.
    pub fn run(self, output: &Output) -> Result<Code, Failure> {
        let loaded = load::plan(&self.plan)?;
        let site = self.site.as_deref().map(load::site).transpose()?;
        let (head, state) = match self.archive.as_deref() {
            Some(path) => archive::read(path).map(|(journal, state)| (journal.head, state))?,
            None => (None, State::default()),
        };
        if let Some(site) = &site {
            conduct::refuse_other_purpose(&site.site, &state)?;
        }
        let nowhere = Site::nowhere(state.purpose == Some(Purpose::Rehearsal));
        let shift = site.as_ref().map_or(state.date_shift, |site| site.site.shift());
        let site = site.as_ref().map_or(&nowhere, |site| &site.site);
        let plan = conduct::moved(&loaded.plan, shift)?;
        let clock = walkthrough::clock(&plan, state.last)?;
        let made = (self.archive.as_deref().unwrap_or(Path::new("")), &state);
        let (rules, folder) = (&loaded.rules, loaded.folder.as_path());
        let drafted = preflight::draft_everything(&plan, rules, made, folder, clock, site.is_rehearsal())?;
        let scenes = walkthrough::walk(&plan, rules, made, folder, clock, site)?;
        let done = crate::difference::between(&plan, &state)
            .map_err(CeremonyError::from)?
            .iter()
            .filter(|step| step.done)
            .count();
        let (warnings, waived) = drafted.warnings.by_waiver();
        let sha256 = sha256_hex(loaded.source.text.as_bytes());
        let script = Script {
            plan: &plan,
            sha256: sha256.clone(),
            site,
            state: &state,
            done,
            head,
            scenes: &scenes,
            entries: phase::entries(&plan, &state, clock.now()),
            warnings,
            waived,
            recovery: Section::ALL
                .iter()
                .map(|section| Recovery { heading: section.heading(), text: section.text() })
                .collect(),
            worksheets: self.worksheets,
            large: self.large,
        };
        let page = script.render();
        load::write(&self.output, page.as_bytes())?;
        let printed = Printed {
            file: self.output.display().to_string(),
            sha256: sha256_hex(page.as_bytes()),
            plan: sha256,
            steps: scenes.iter().map(|scene| scene.step.id.clone()).collect(),
        };
        output.result(&printed, || {
            format!(
                "{}: the script of {} steps. Its SHA-256 is {}.\n",
                printed.file,
                printed.steps.len(),
                printed.sha256
            )
        })?;
        Ok(Code::Done)
    }
}
