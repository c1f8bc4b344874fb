//! `rootwright rehearse`: the same engine on throwaway SoftHSM tokens, which it makes itself.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::{Duration, Instant};

use indexmap::IndexMap;

use super::recovery::Section;
use super::{Code, Failure, Output, load, prove, run};
use crate::archive::State;
use crate::archive::rehearsal::Rehearsal;
use crate::ceremony::clock::Clock;
use crate::ceremony::{conduct, preflight};
use crate::plan::{At, Day, Name, Plan};
use crate::site::{Device, Pin, Purpose, Site};
use crate::token::{AskPin, Devices, PinError, PinRequest, TokenError, environment};

/// Rehearse a plan on throwaway SoftHSM tokens, by the same engine that holds the ceremony.
///
/// Every date of the plan is moved by one number of days, so that the ceremony's date becomes today.
/// Subject names and documents say REHEARSAL. The tokens and a site file for them stay in
/// DIR/rehearsal, so that `run`, `prove` and `sign` can go on with them; a later plan over the same
/// archive keeps the archive's dates.
#[derive(Debug, clap::Args)]
pub struct Rehearse {
    /// The plan to rehearse.
    plan: PathBuf,

    /// The archive to begin or extend.
    #[arg(long, value_name = "DIR")]
    archive: PathBuf,

    /// Ask nothing.
    #[arg(long)]
    yes: bool,

    /// The day on which it is held: a day such as 2027-03-01, or `plan` for the plan's own.
    #[arg(long, value_name = "DAY")]
    date: Option<When>,

    /// SoftHSM's PKCS#11 module, where it is not in one of the usual places.
    #[arg(long, value_name = "FILE")]
    module: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug)]
enum When {
    Plan,
    Day(Day),
}

impl FromStr for When {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "plan" { Ok(Self::Plan) } else { text.parse().map(Self::Day) }
    }
}

/// Where distributions put SoftHSM's module.
const MODULES: &[&str] = &[
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/lib/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
];

impl Rehearse {
    /// Rehearses.
    pub fn run(self, output: &Output, start: Instant) -> Result<Code, Failure> {
        let plan = load::plan(&self.plan)?;
        let state = load::state(&self.archive)?;
        if state.purpose == Some(Purpose::Production) {
            return Err(Failure::refused(
                Section::RehearsalAndProduction,
                format!("{} is a production archive", self.archive.display()),
            )
            .help("a rehearsal never touches one: name another folder"));
        }
        let written = self.archive.join("rehearsal").join("site.toml");
        let before = if written.exists() { Some(load::site(&written)?.site) } else { None };
        let shift = self.shift(&plan.plan, &state, before.as_ref())?;
        // What a rule would stop, stops before a folder or token is made.
        let moved = conduct::moved(&plan.plan, shift)?;
        crate::difference::between(&moved, &state)
            .map_err(|error| Failure::refused(Section::PlanAndArchive, error.to_string()))?;
        let module = self.module(before.as_ref())?;
        if before.is_none() && std::env::var_os("SOFTHSM2_CONF").is_none() {
            let clock = conduct::clock(&moved, &state, true)?;
            preflight::draft_everything(
                &moved,
                &plan.rules,
                (&self.archive, &state),
                &plan.folder,
                clock,
                true,
            )?;
        }
        let mut rehearsal = prepare(&self.archive)?;
        let configuration = rehearsal.configuration().display().to_string();
        let environment = IndexMap::from([("SOFTHSM2_CONF".to_string(), configuration)]);
        environment::ensure(&environment).map_err(|error| Failure::usage(error.to_string()))?;
        let site = Site {
            purpose: At::absent(Purpose::Rehearsal),
            date_shift: Some(At::absent(shift)),
            archive_head: None,
            environment,
            people: before.as_ref().map(|site| site.people.clone()).unwrap_or_default(),
            waivers: before.as_ref().map(|site| site.waivers.clone()).unwrap_or_default(),
            elsewhere: before.as_ref().map(|site| site.elsewhere.clone()).unwrap_or_default(),
            devices: before.map(|site| site.devices).unwrap_or_default(),
        };
        let spent = tokens(&plan.plan, &state, site, &module, &mut rehearsal)?;
        let site = load::site(&rehearsal.site())?;
        let how = run::How { yes: self.yes, dry_run: false, answers: Vec::new(), approvals: &[] };
        let (mut document, mut text) = run::held((start, spent), &plan, &site, &self.archive, how)?;
        let mut code = Code::Done;
        if plan.plan.prove.is_some() {
            let ended = prove::rehearsed(&self.archive, &site, &mut document, &mut text);
            code = ended.map_err(|mut failure| {
                failure.document = Some(document.clone());
                failure
            })?;
        }
        output.result(&document, || text)?;
        Ok(code)
    }

    /// The days by which the dates move: what the archive or its site have, or else what --date says.
    fn shift(&self, plan: &Plan, state: &State, before: Option<&Site>) -> Result<i64, Failure> {
        let kept = state.purpose.map(|_| state.date_shift).or(before.map(Site::shift));
        let wanted = match self.date {
            Some(When::Plan) => Some(0),
            Some(When::Day(day)) => Some(day.since(plan.ceremony.date)),
            None => None,
        };
        match (kept, wanted) {
            (Some(kept), Some(wanted)) if kept != wanted => {
                let day = plan
                    .ceremony
                    .date
                    .shifted(kept)
                    .map_or_else(String::new, |day| format!(", which holds this ceremony on {day}"));
                Err(Failure::usage(format!("--date moves the dates by {wanted} days, but those of this archive are moved by {kept}{day}"))
                    .help("every plan over one archive is moved alike: leave --date out, or name another archive"))
            }
            (Some(days), _) | (None, Some(days)) => Ok(days),
            (None, None) => {
                let clock =
                    Clock::system().ok_or_else(|| Failure::usage("the machine's clock can't be read"))?;
                Ok(clock.now().day().since(plan.ceremony.date))
            }
        }
    }

    fn module(&self, before: Option<&Site>) -> Result<PathBuf, Failure> {
        if let Some(module) = &self.module {
            return Ok(module.clone());
        }
        if let Some(device) = before.and_then(|site| site.devices.values().next()) {
            return Ok((*device.module).clone());
        }
        MODULES.iter().map(PathBuf::from).find(|path| path.exists()).ok_or_else(|| {
            Failure::paused(Section::SoftHsmMissing, "SoftHSM is not installed: no libsofthsm2.so in the usual places")
                .help("install it (Debian, Ubuntu: apt-get install softhsm2; Fedora: dnf install softhsm; macOS: brew install softhsm), or name its module with --module FILE")
        })
    }
}

fn prepare(archive: &Path) -> Result<Rehearsal, Failure> {
    let mut rehearsal = Rehearsal::open(archive).map_err(|error| unwritable(archive, &error))?;
    rehearsal.write_configuration().map_err(|error| unwritable(archive, &error))?;
    Ok(rehearsal)
}

fn unwritable(archive: &Path, error: &std::io::Error) -> Failure {
    Failure::refused(Section::Disk, format!("{}/rehearsal can't be written: {error}", archive.display()))
        .help("name a folder that can be written to")
}

/// Makes the tokens that are not there yet, and writes the site that names them all. Gives back the
/// time that was spent inside them.
fn tokens(
    plan: &Plan,
    state: &State,
    mut site: Site,
    module: &Path,
    rehearsal: &mut Rehearsal,
) -> Result<Duration, Failure> {
    let path = rehearsal.site();
    let io = |error: std::io::Error| unwritable(&path, &error);
    drop_lost(state, &mut site)?;
    let missing: Vec<Name> =
        plan.devices().into_iter().filter(|name| !site.devices.contains_key(*name)).cloned().collect();
    for name in &missing {
        for officer in [false, true] {
            rehearsal.write_pin(name.as_str(), officer, &pin()?).map_err(io)?;
        }
        let file = |officer| {
            let file = rehearsal.site().with_file_name(Rehearsal::pin_file(name.as_str(), officer));
            At::absent(Pin::File(file))
        };
        let device = Device {
            module: At::absent(module.to_path_buf()),
            yubikey: None,
            piv_slot: None,
            module_sha256: None,
            serial: None,
            model: None,
            label: Some(At::absent(name.to_string())),
            pin: file(false),
            so_pin: file(true),
        };
        site.devices.insert(name.clone(), device);
    }
    let mut spent = Duration::ZERO;
    for name in &missing {
        spent += make(name, &mut site)?;
    }
    rehearsal.write_site(&written(&site)).map_err(io)?;
    Ok(spent)
}

/// Forgets tokens that are gone, where no key was asked of them yet. SoftHSM truncates a token's file at
/// each login before it writes it again: killed between the two, it has lost the token.
fn drop_lost(state: &State, site: &mut Site) -> Result<(), Failure> {
    let mut lost = Vec::new();
    let mut devices = Devices::new(site);
    for name in site.devices.keys().filter(|name| !state.devices.contains_key(*name)) {
        match devices.peek(name) {
            Err(TokenError::NoSuchToken { .. }) => lost.push(name.clone()),
            found => drop(found?),
        }
    }
    site.devices.retain(|name, _| !lost.contains(name));
    Ok(())
}

/// How many tokens a device is tried on: each kill while one was made leaves one behind.
const TOKENS: u32 = 1000;

/// Makes a device's token, or takes the one over that an interrupted rehearsal made. One that is half
/// made stays as it is and where it is: the next one has another label. Gives back the time that was
/// spent inside the tokens.
fn make(name: &Name, site: &mut Site) -> Result<Duration, Failure> {
    let mut spent = Duration::ZERO;
    for number in 1..=TOKENS {
        let label = if number == 1 { name.to_string() } else { format!("{name}-{number}") };
        if let Some(device) = site.devices.get_mut(name) {
            device.label = Some(At::absent(label));
        }
        let mut devices = Devices::new(site);
        let serial = match devices.peek(name) {
            Ok(state) if state.user_pin_set => state.report.serial,
            Ok(_) => {
                spent += devices.device_time();
                continue;
            }
            Err(TokenError::NoSuchToken { .. }) => devices.init(name, &mut Nobody)?.serial,
            Err(error) => return Err(error.into()),
        };
        if let Some(device) = site.devices.get_mut(name) {
            device.serial = Some(At::absent(serial));
        }
        return Ok(spent + devices.device_time());
    }
    Err(Failure::device(
        Section::DeviceFailed,
        format!("{name}: {TOKENS} tokens were begun, and none was finished"),
    )
    .help("remove the rehearsal's folder, and rehearse again"))
}

/// The site file's text. Paths of PINs are relative to it.
fn written(site: &Site) -> String {
    let quoted = |text: &str| serde_json::Value::String(text.to_string()).to_string();
    let mut text = String::from(
        "# The site of a rehearsal: throwaway SoftHSM tokens, made by `rootwright rehearse`.\n\npurpose = \"rehearsal\"\n",
    );
    text.push_str(&format!(
        "date-shift = {}   # days by which every date of a plan is moved\n",
        site.shift()
    ));
    if !site.elsewhere.is_empty() {
        let names: Vec<String> = site.elsewhere.iter().map(|name| quoted(name.as_str())).collect();
        text.push_str(&format!("elsewhere = [{}]\n", names.join(", ")));
    }
    text.push_str("\n[environment]\n");
    for (name, value) in &site.environment {
        text.push_str(&format!("{name} = {}\n", quoted(value)));
    }
    for (name, device) in &site.devices {
        text.push_str(&format!(
            "\n[devices.{name}]\nmodule = {}\n",
            quoted(&device.module.display().to_string())
        ));
        if let Some(serial) = &device.serial {
            text.push_str(&format!("serial = {}\n", quoted(serial)));
        }
        if let Some(label) = &device.label {
            text.push_str(&format!("label  = {}\n", quoted(label)));
        }
        text.push_str(&format!(
            "pin    = {{ file = {} }}\n",
            quoted(&Rehearsal::pin_file(name.as_str(), false))
        ));
        text.push_str(&format!(
            "so-pin = {{ file = {} }}\n",
            quoted(&Rehearsal::pin_file(name.as_str(), true))
        ));
    }
    text
}

/// Twelve random digits.
fn pin() -> Result<String, Failure> {
    let mut random = [0u8; 12];
    getrandom::fill(&mut random).map_err(|error| {
        Failure::refused(Section::Random, format!("the system's random source failed: {error}"))
    })?;
    Ok(random.iter().map(|byte| char::from(b'0' + byte % 10)).collect())
}

/// A rehearsal's PINs are in files: nobody is asked.
struct Nobody;

impl AskPin for Nobody {
    fn ask(&mut self, _: &PinRequest) -> Result<secrecy::SecretString, PinError> {
        Err(PinError::NotTyped { reason: "a rehearsal's PINs are in files".into() })
    }
}
