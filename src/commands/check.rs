//! `rootwright check`: plan, site and archive against each other; and the list of all rules.

use std::path::{Path, PathBuf};

use comfy_table::{ContentArrangement, Table};
use serde::Serialize;

use super::recovery::Section;
use super::{Code, Failure, Output, load};
use crate::ceremony::{build, conduct, preflight};
use crate::difference::phase::{self, Entry};
use crate::difference::{self, Step};
use crate::evidence::calendar;
use crate::lint::{Findings, RuleInfo, catalogue};
use crate::plan::{Key, Name, Plan, Policy, Time};
use crate::site::{Purpose, Site};

/// Check a plan, and a site and an archive against it; touches no device.
///
/// Everything that the plan makes is drafted with throwaway keys and judged by every rule, so that what
/// would stop the ceremony stops here. With --archive, also says which steps are left.
///
/// The plan's `[ceremony] profile` selects rules and limits: sigstore (unless said otherwise),
/// code-signing-br, microsoft or experimental-pq. Its `[[waivers]]`, each with `rule`, `object` and
/// `reason`, name what it knowingly breaks; they are shown here and at signing.
#[derive(Debug, clap::Args)]
pub struct Check {
    /// The plan to check.
    #[arg(required_unless_present = "rules")]
    plan: Option<PathBuf>,

    /// List every rule: id, severity, what it says, and where it comes from. Needs no plan; with one,
    /// those that its profile asks for.
    #[arg(long, conflicts_with_all = ["site", "archive"])]
    rules: bool,

    /// List what expires, and by when a ceremony is needed, instead of the steps: as a table, or as
    /// iCalendar for people's own calendars.
    #[arg(long, value_name = "FORMAT", num_args = 0..=1, default_missing_value = "table")]
    calendar: Option<Format>,

    /// A site, which must name every device of the plan.
    #[arg(long)]
    site: Option<PathBuf>,

    /// The archive that the plan is for; one that does not exist yet is empty.
    #[arg(long, value_name = "DIR")]
    archive: Option<PathBuf>,
}

/// How a calendar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people, or with --json for programs.
    Table,
    /// iCalendar (RFC 5545).
    Ics,
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
    profile: Policy,
    warnings: Findings,
    waived: Findings,
    /// Where the plan names builds of the tool, and this is none of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    other_tool: Option<String>,
    entries: Vec<Entry>,
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
        let loaded = self.plan.as_deref().map(load::plan).transpose()?;
        if self.rules {
            return list(loaded.map(|loaded| loaded.rules.policy()), output);
        }
        let loaded = loaded.ok_or_else(|| Failure::usage("no plan was named"))?;
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
        let made = (self.archive.as_deref().unwrap_or(Path::new("")), &state);
        let drafted =
            preflight::draft_everything(&plan, &loaded.rules, made, &loaded.folder, clock, rehearsal)?;
        if let Some(format) = self.calendar {
            return calendar(&plan, clock.now(), format, output);
        }
        let (warnings, waived) = drafted.warnings.by_waiver();
        let document = Checked {
            plan: crate::pki::sha256_hex(loaded.source.text.as_bytes()),
            name: (*plan.ceremony.name).clone(),
            date: plan.ceremony.date.to_string(),
            date_shift: shift,
            keys: plan
                .device_keys()
                .count()
                .saturating_add(plan.keys.values().filter(|key| matches!(key, Key::Csr { .. })).count())
                .saturating_add(plan.public_keys().count()),
            certificates: plan.certificates.len(),
            crls: plan.crls.len(),
            profile: loaded.rules.policy(),
            warnings,
            waived,
            other_tool: build::planned(&plan).err().map(|other| other.to_string()),
            entries: phase::entries(&plan, &state, clock.now()),
            steps: steps.iter().map(describe).collect(),
        };
        output.result(&document, || text(&document))?;
        Ok(Code::Done)
    }
}

fn calendar(plan: &Plan, now: Time, format: Format, output: &Output) -> Result<Code, Failure> {
    let all = calendar::calendar(plan, now);
    if format == Format::Ics {
        // A calendar's own format: --json has nothing to add to it.
        Output { json: false }.result(&all, || calendar::icalendar(plan, &all, now))?;
    } else {
        output.result(&all, || calendar::table(&all))?;
    }
    Ok(Code::Done)
}

/// Lists the rules: all of them, or those of one profile.
fn list(policy: Option<Policy>, output: &Output) -> Result<Code, Failure> {
    let rules: Vec<RuleInfo> = catalogue::all()
        .into_iter()
        .chain(crate::prove::rules::all())
        .filter(|rule| policy.is_none_or(|policy| rule.applies(policy)))
        .collect();
    output.result(&rules, || table(&rules))?;
    Ok(Code::Done)
}

/// One line a rule: id, severity, sentence, source. `always` stands where a plan can't waive it.
fn table(rules: &[RuleInfo]) -> String {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["id", "severity", "says", "source"]);
    for rule in rules {
        let always = if rule.waivable { "" } else { ", always" };
        let mut says = rule.says.to_string();
        if !rule.profiles.is_empty() {
            let list: Vec<&str> = rule.profiles.iter().map(|policy| policy.as_str()).collect();
            says.push_str(&format!(" (profile {})", list.join(", ")));
        }
        table.add_row([rule.id.to_string(), format!("{}{always}", rule.severity), says, rule.source.into()]);
    }
    format!("{table}\n\n{} rules; those marked `always` can't be waived\n", rules.len())
}

fn describe(step: &Step) -> CheckedStep {
    let status = if step.done { "done" } else { "pending" };
    CheckedStep { id: step.id.clone(), status, what: step.action.to_string() }
}

fn devices(plan: &Plan, site: &load::LoadedSite) -> Result<(), Failure> {
    let missing: Vec<&str> = plan
        .devices()
        .into_iter()
        .filter(|name| !site.site.devices.contains_key(*name) && !elsewhere(plan, &site.site, name))
        .map(|name| name.as_str())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let found = format!("the site names no device {}, which the plan needs", missing.join(", "));
    Err(Failure::findings(found).help("add [devices.NAME] with module and serial to the site"))
}

/// Whether all that a device holds is elsewhere, as the site says.
fn elsewhere(plan: &Plan, site: &Site, device: &Name) -> bool {
    let says = |name: &Name| site.elsewhere.iter().any(|elsewhere| **elsewhere == *name);
    let mut keys = plan.device_keys().filter(|(_, at, _)| *at == device);
    keys.all(|(key, ..)| says(key) || plan.keyholder_of(key).is_some_and(says))
}

fn text(checked: &Checked) -> String {
    let pending = checked.steps.iter().filter(|step| step.status == "pending").count();
    let mut text = format!(
        "{}\n  plan       SHA-256 {}\n  date       {}\n  makes      {} keys, {} certificates, {} CRLs\n  rules      profile {}: no error, {} warnings, {} waived\n  steps      {} of {} to be taken\n",
        checked.name,
        checked.plan,
        checked.date,
        checked.keys,
        checked.certificates,
        checked.crls,
        checked.profile,
        checked.warnings.0.len(),
        checked.waived.0.len(),
        pending,
        checked.steps.len(),
    );
    if let Some(other) = &checked.other_tool {
        text.push_str(&format!("  tool       {other}\n"));
    }
    for (word, findings) in [("warning", &checked.warnings), ("waived", &checked.waived)] {
        for finding in &findings.0 {
            let shown = finding.to_string().replace('\n', "\n           ");
            text.push_str(&format!("  {word:<9}  {shown}\n"));
        }
    }
    let name = checked.entries.iter().map(|entry| entry.name.len()).max().unwrap_or(0);
    for entry in &checked.entries {
        let from = entry.from.map_or_else(String::new, |from| format!(" {from}"));
        text.push_str(&format!("  trusted    {:<name$}  {}{from}\n", entry.name, entry.next));
    }
    let width = checked.steps.iter().map(|step| step.id.len()).max().unwrap_or(0);
    for step in &checked.steps {
        let mark = if step.status == "done" { "✓" } else { "·" };
        text.push_str(&format!("    {mark} {:<width$}  {}\n", step.id, step.what));
    }
    text
}
