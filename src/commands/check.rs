//! `rootwright check`: plan, site and archive against each other.

use std::path::PathBuf;

use serde::Serialize;

use super::recovery::Section;
use super::{Code, Failure, Output, load};
use crate::ceremony::{conduct, preflight};
use crate::difference::{self, Step};
use crate::lint::Findings;
use crate::plan::{Key, Plan};
use crate::site::Purpose;

/// Check a plan, and a site and an archive against it; touches no device.
///
/// Everything that the plan makes is drafted with throwaway keys and judged by every rule, so that what
/// would stop the ceremony stops here. With --archive, also says which steps are left.
#[derive(Debug, clap::Args)]
pub struct Check {
    /// The plan to check.
    plan: PathBuf,

    /// A site, which must name every device of the plan.
    #[arg(long)]
    site: Option<PathBuf>,

    /// The archive that the plan is for; one that does not exist yet is empty.
    #[arg(long, value_name = "DIR")]
    archive: Option<PathBuf>,
}

#[derive(Serialize)]
struct Checked {
    plan: String,
    name: String,
    date: String,
    date_shift: i64,
    keys: usize,
    certificates: usize,
    crls: usize,
    warnings: Findings,
    steps: Vec<CheckedStep>,
}

#[derive(Serialize)]
struct CheckedStep {
    id: String,
    status: &'static str,
    what: String,
}

impl Check {
    /// Checks.
    pub fn run(self, output: &Output) -> Result<Code, Failure> {
        let loaded = load::plan(&self.plan)?;
        let site = self.site.as_deref().map(load::site).transpose()?;
        let state = self.archive.as_deref().map(load::state).transpose()?.unwrap_or_default();
        if let Some(site) = &site {
            conduct::refuse_other_purpose(&site.site, &state)?;
        }
        let shift = site.as_ref().map_or(state.date_shift, |site| site.site.shift());
        let purpose = site.as_ref().map(|site| *site.site.purpose).or(state.purpose);
        let rehearsal = purpose == Some(Purpose::Rehearsal);
        let plan = conduct::moved(&loaded.plan, shift)?;
        let steps = difference::between(&plan, &state)
            .map_err(|error| Failure::refused(Section::PlanAndArchive, error.to_string()))?;
        if let Some(site) = &site {
            devices(&plan, site)?;
        }
        let clock = crate::ceremony::clock::Clock::rehearsal(plan.ceremony.date, state.last)
            .ok_or_else(|| Failure::usage("the machine's clock can't be read"))?;
        let warnings = preflight::draft_everything(&plan, &loaded.folder, clock, rehearsal)?.warnings;
        let document = Checked {
            plan: crate::pki::sha256_hex(loaded.source.text.as_bytes()),
            name: (*plan.ceremony.name).clone(),
            date: plan.ceremony.date.to_string(),
            date_shift: shift,
            keys: plan
                .device_keys()
                .count()
                .saturating_add(plan.keys.values().filter(|key| matches!(key, Key::Csr { .. })).count()),
            certificates: plan.certificates.len(),
            crls: plan.crls.len(),
            warnings,
            steps: steps.iter().map(describe).collect(),
        };
        output.result(&document, || text(&document))?;
        Ok(Code::Done)
    }
}

fn describe(step: &Step) -> CheckedStep {
    let status = if step.done { "done" } else { "pending" };
    CheckedStep { id: step.id.clone(), status, what: step.action.to_string() }
}

fn devices(plan: &Plan, site: &load::LoadedSite) -> Result<(), Failure> {
    let missing: Vec<&str> = plan
        .devices()
        .into_iter()
        .filter(|name| !site.site.devices.contains_key(*name))
        .map(|name| name.as_str())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let found = format!("the site names no device {}, which the plan needs", missing.join(", "));
    Err(Failure::findings(found).help("add [devices.NAME] with module and serial to the site"))
}

fn text(checked: &Checked) -> String {
    let pending = checked.steps.iter().filter(|step| step.status == "pending").count();
    let mut text = format!(
        "{}\n  plan       SHA-256 {}\n  date       {}\n  makes      {} keys, {} certificates, {} CRLs\n  rules      no error, {} warnings\n  steps      {} of {} to be taken\n",
        checked.name,
        checked.plan,
        checked.date,
        checked.keys,
        checked.certificates,
        checked.crls,
        checked.warnings.0.len(),
        pending,
        checked.steps.len(),
    );
    for warning in &checked.warnings.0 {
        text.push_str(&format!("  warning    {}\n", warning.to_string().replace('\n', "\n           ")));
    }
    let width = checked.steps.iter().map(|step| step.id.len()).max().unwrap_or(0);
    for step in &checked.steps {
        let mark = if step.status == "done" { "✓" } else { "·" };
        text.push_str(&format!("    {mark} {:<width$}  {}\n", step.id, step.what));
    }
    text
}
