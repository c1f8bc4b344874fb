//! What can be known before the first write to any device: the whole hierarchy is drafted with
//! throwaway keys and linted, and the devices of the remaining steps are there and able.

pub mod devices;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use secrecy::SecretString;
use serde::Serialize;

use super::clock::Clock;
use super::engine::{Engine, StepReport};
use super::people::People;
use super::{CeremonyError, Console, Ring};
use crate::archive::{Archive, Role, Size, State};
use crate::difference::{self, Action, Step};
use crate::lint::{self, Findings, Rules};
use crate::pki::PublicKey;
use crate::plan::{Name, Plan, Time};
use crate::site::{MachineFinding, Site};
use crate::token::throwaway::Throwaway;
use crate::token::{AskPin, PinError, PinRequest, Token, TokenError};
use crate::trust_root::{self, ClientFile, Material};

/// What was found before the first write.
#[derive(Clone, Debug, Serialize)]
pub struct Preflight {
    /// Whether this is a rehearsal, whose machine need not be as production wants it.
    pub rehearsal: bool,
    /// The ceremony's clock.
    pub clock: Time,
    /// At most so much is written into the archive.
    pub needed: Size,
    /// What is not as it should be on this machine.
    pub machine: Vec<MachineFinding>,
    /// The devices of the remaining steps.
    pub devices: Vec<DeviceFound>,
}

/// A device that is there and able.
#[derive(Clone, Debug, Serialize)]
pub struct DeviceFound {
    /// The plan's name of it.
    pub name: Name,
    /// Its serial number.
    pub serial: String,
    /// Its label.
    pub label: String,
    /// Its model.
    pub model: String,
    /// What it says of its PIN.
    pub pin: String,
    /// What it shall do.
    pub state: String,
}

/// What comes of drafting everything.
#[derive(Debug, Default)]
pub struct Drafted {
    /// What rules only warn of.
    pub warnings: Findings,
    /// How much the steps write.
    pub size: Size,
    /// Bytes of the metadata, and of the targets that clients of sigstore fetch: what requests carry.
    pub documents: u64,
}

/// One throwaway device in the place of all of them.
#[derive(Default)]
pub(super) struct ThrowawayRing(Throwaway);

impl Ring for ThrowawayRing {
    fn open(&mut self, _: &Name, _: &mut dyn AskPin) -> Result<&mut dyn Token, TokenError> {
        Ok(&mut self.0)
    }
    fn logins(&self, _: &Name) -> u32 {
        0
    }
    fn look_again(&mut self, _: &Name) -> Result<(), TokenError> {
        Ok(())
    }
    fn restart(&mut self, _: &Name) -> Result<(), TokenError> {
        Ok(())
    }
    fn device_time(&self) -> Duration {
        Duration::ZERO
    }
}

/// Takes every step of the plan in memory, with throwaway keys: everything is drafted, linted, signed
/// and verified, and nothing of it is kept. What a rule would stop on the day stops here; what rules
/// only warn of, and what the plan waives, is given back. A waiver that nothing needs stops too.
///
/// `state` is what the archive, at `path`, holds: what clients have of the trust root is judged against it.
/// CRLs that it holds are not drafted again, since the lists that they were made of may be large, or gone.
pub fn draft_everything(
    plan: &Plan,
    rules: &Rules,
    (path, state): (&Path, &State),
    folder: &Path,
    clock: Clock,
    rehearsal: bool,
) -> Result<Drafted, CeremonyError> {
    let draft = |clock| draft_as_of(plan, rules, (path, state), folder, clock, rehearsal);
    let drafted = match draft(clock) {
        Err(CeremonyError::Findings(first)) => {
            let next = |rules: &Rules| draft_as_of(plan, rules, (path, state), folder, clock, rehearsal);
            return Err(everything_wrong(first, rules, next).into());
        }
        drafted => drafted?,
    };
    // What the archive holds was judged when it was made.
    let mut made: Vec<String> = state.crls.keys().map(|name| format!("crls.{name}")).collect();
    // So was the trusted root that the plan asks for, against the one that clients had before it: a ceremony
    // that goes on after that step finds nothing to compare it with.
    let planned = difference::trust_root_spec(plan);
    if planned.is_some() && state.trust_root.as_ref().map(|made| &made.spec) == planned.as_ref() {
        made.push(trust_root::TrustedRoot::FILE.to_string());
    }
    let Some(unneeded) = rules.unneeded(&drafted.warnings, &made) else { return Ok(drafted) };
    // A waiver that was needed on the plan's own day is not wrong on a later one.
    let day = Clock::rehearsal(plan.ceremony.date, None);
    match day.and_then(|day| draft(day).ok()).map(|then| rules.unneeded(&then.warnings, &made)) {
        Some(None) => Ok(drafted),
        _ => Err(unneeded.into()),
    }
}

/// What else is wrong, beside what was found first: everything is drafted again as if the plan waived
/// that, so that one look shows it all. What no waiver helps against ends it.
fn everything_wrong(
    first: Findings,
    rules: &Rules,
    next: impl Fn(&Rules) -> Result<Drafted, CeremonyError>,
) -> Findings {
    let (mut all, mut rules) = (first, rules.clone());
    while let Some(more) = rules.waiving(&all) {
        rules = more;
        match next(&rules) {
            Err(CeremonyError::Findings(found)) => all.merge(&found),
            _ => break,
        }
    }
    all
}

fn draft_as_of(
    plan: &Plan,
    rules: &Rules,
    (path, state): (&Path, &State),
    folder: &Path,
    clock: Clock,
    rehearsal: bool,
) -> Result<Drafted, CeremonyError> {
    let made = State { crls: state.crls.clone(), ..State::default() };
    let mut archive = Archive::scratch(path, made);
    let steps = difference::between(plan, archive.state())?;
    let mut reports: Vec<StepReport> = steps.iter().map(StepReport::of).collect();
    let mut ring = ThrowawayRing(Throwaway::knowing(that_sign_nothing(&steps, state)));
    let mut listener = Listener::default();
    listener.0.merge(&lint::plan::lint(plan, rules));
    let site = Site::nowhere(rehearsal);
    let people = People { plan, site: &site, state };
    let mut engine = Engine::new(people, rules, folder, clock, &mut archive, &mut ring, &mut listener);
    engine.run(&steps, &mut reports)?;
    let (size, documents) = (archive.size(), documents(archive.state()));
    listener.0.merge(&history(plan, rules, (state, archive.state()), clock)?);
    let root = Action::Publish { role: Role::Root };
    let follows = difference::between(plan, state)?.iter().any(|step| step.action == root && !step.done);
    if follows && state.newest(Role::Root).is_some() {
        // The keys that there are, and throwaway ones in place of those that are still to be made.
        let mut mixed = state.clone();
        for (name, made) in &archive.state().keys {
            mixed.keys.entry(name.clone()).or_insert_with(|| made.clone());
        }
        let mut archive = Archive::scratch(path, mixed);
        let mut engine = Engine::new(people, rules, folder, clock, &mut archive, &mut ring, &mut listener);
        engine.judge_next_root()?;
    }
    Ok(Drafted { warnings: listener.0, size, documents })
}

/// Bytes of what was drafted for clients.
fn documents(drafted: &State) -> u64 {
    let metadata =
        Role::ALL.into_iter().filter_map(|role| drafted.newest(role)).map(|made| made.content.len());
    let targets =
        drafted.trust_root.iter().flat_map(|made| [made.trusted_root.len(), made.signing_config.len()]);
    metadata
        .chain(targets)
        .map(|length| u64::try_from(length).unwrap_or(u64::MAX))
        .fold(0, u64::saturating_add)
}

/// Keys of the archive that none of the steps signs with.
fn that_sign_nothing(steps: &[Step], state: &State) -> BTreeMap<Name, PublicKey> {
    let uses = steps.iter().filter(|step| !matches!(step.action, Action::GenerateKey { .. }));
    let used: BTreeSet<&Name> = uses.filter_map(Step::key).collect();
    let known = state.keys.iter().filter(|(name, _)| !used.contains(name));
    known.map(|(name, made)| (name.clone(), made.public.clone())).collect()
}

/// What clients have of the trust root stays: judged with the keys and certificates that the archive
/// holds, and throwaway ones in place of those that are still to be made.
fn history(
    plan: &Plan,
    rules: &Rules,
    (state, scratch): (&State, &State),
    clock: Clock,
) -> Result<Findings, CeremonyError> {
    let (Some(planned), Some(made)) = (&plan.trust_root, &state.trust_root) else {
        return Ok(Findings::default());
    };
    let certificates = scratch.certificates.iter().chain(&state.certificates);
    let certificates =
        certificates.map(|(name, made)| (name.clone(), made.certificate.der().to_vec())).collect();
    let keys = scratch.keys.iter().chain(&state.keys);
    let keys = keys.map(|(name, made)| (name.clone(), made.public.clone())).collect();
    let material = Material { certificates: &certificates, keys: &keys };
    let now = trust_root::to_json(&trust_root::trusted_root(planned, &material)?);
    let times = (clock.now(), difference::phase::reach(plan, state));
    Ok(lint::trust_root::history(&now, made.trusted_root.as_bytes(), times, rules)?)
}

/// Keeps the findings of a ceremony that nobody watches.
#[derive(Default)]
struct Listener(Findings);

impl AskPin for Listener {
    fn ask(&mut self, _: &PinRequest) -> Result<SecretString, PinError> {
        Err(PinError::NotTyped { reason: "throwaway keys have no PIN".into() })
    }
}

impl Console for Listener {
    fn warnings(&mut self, findings: &Findings) {
        self.0.merge(findings);
    }
}
