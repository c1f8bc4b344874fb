//! `rootwright seal`: a person signs what happened, or objects.

mod logs;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::prove::clock;
use super::recovery::Section;
use super::{Code, Failure, Output, load, signer};
use crate::archive::event::Observation;
use crate::archive::{self, Archive, Event, State, ToBeSigned, layout, state::SEAL_STEP};
use crate::ceremony::clock::Clock;
use crate::ceremony::console::{Fingerprint, Terminal};
use crate::ceremony::endorse::{AtDevice, SigningError};
use crate::ceremony::{CeremonyError, conduct};
use crate::evidence::seal::{self, Material, Tool};
use crate::evidence::signer::{Asked, Signers};
use crate::lint::Signable;
use crate::lint::statement::Endorsed;
use crate::pki::dsse;
use crate::plan::{Name, Plan, Source};
use crate::site::Site;
use crate::token::{Devices, environment};

/// Sign what happened in a ceremony, or object to it.
///
/// A statement names every file of the archive by its hash, the journal by the root of a Merkle tree, and says
/// who was there, with which devices, what was checked and what went otherwise. Each person signs it with their
/// own device; without one of the site's, with SSH: the command then says what to sign, and takes the signature
/// back with --signature. No CA's key signs a seal. Whoever does not agree signs an objection, with a reason.
///
/// The archive keeps each seal as evidence/statement-N.dsse.json, and the newest as
/// evidence/statement.dsse.json.
#[derive(Debug, clap::Args)]
pub struct Seal {
    /// The archive's directory.
    archive: PathBuf,

    /// The people's devices.
    #[arg(long)]
    site: PathBuf,

    /// Who signs, by the plan's name; everybody whose device the site has, unless said. Once for each.
    #[arg(long = "as", value_name = "PERSON")]
    people: Vec<Name>,

    /// Object instead of agreeing, and say why.
    #[arg(long, value_name = "REASON")]
    object: Option<String>,

    /// Sign with SSH, though the site has a device of the person.
    #[arg(long)]
    ssh: bool,

    /// Where to write what a person shall sign with SSH; beside the archive, unless said.
    #[arg(short = 'o', long = "out", value_name = "FILE")]
    out: Option<PathBuf>,

    /// What `ssh-keygen -Y sign` made of the file that this command wrote.
    #[arg(long, value_name = "FILE")]
    signature: Option<PathBuf>,

    /// A recording, or another file that stays outside of the archive: its size and hash go into the journal
    /// before the seal is begun. Once for each.
    #[arg(long = "record", value_name = "FILE", conflicts_with_all = ["signature", "requests", "proof"])]
    recorded: Vec<PathBuf>,

    /// Sign nothing: write into this folder what somebody with a network submits to transparency logs, of
    /// every signature under approvals and seals.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["people", "signature", "object", "proof"])]
    requests: Option<PathBuf>,

    /// Sign nothing: take in what a Rekor log answered to such a request.
    #[arg(long, value_name = "FILE", requires = "trusted_root", conflicts_with_all = ["people", "signature", "object"])]
    proof: Vec<PathBuf>,

    /// The trusted root that has the log of the proofs.
    #[arg(long, value_name = "FILE", requires = "proof")]
    trusted_root: Option<PathBuf>,
}

/// What was signed in this run, and who is missing.
struct Sealed {
    seal: u64,
    signed: Vec<Name>,
    objected: Vec<Name>,
}

impl Seal {
    /// Runs.
    pub fn run(self, output: &Output) -> Result<Code, Failure> {
        if self.object.as_deref().is_some_and(|reason| reason.trim().is_empty()) {
            return Err(Failure::usage("an objection has a reason: --object REASON"));
        }
        let site = load::site(&self.site)?.site;
        environment::ensure(&site.environment).map_err(|error| Failure::usage(error.to_string()))?;
        let found = archive::inspect(&self.archive)?;
        conduct::refuse_other_purpose(&site, &found.state)?;
        let plan = plan(&found.journal.records)?;
        if let Some(folder) = &self.requests {
            return logs::write_requests(output, &found.state, &plan, folder);
        }
        if let Some(root) = &self.trusted_root {
            let clock = clock(&found.state, site.is_rehearsal())?;
            let mut archive = Archive::open(&self.archive, clock.now())?;
            return logs::take_proofs(output, (&mut archive, clock), &plan, (&self.proof, root));
        }
        let people = self.people(&plan, &site, &found.state)?;
        let clock = clock(&found.state, site.is_rehearsal())?;
        let mut archive = Archive::open(&self.archive, clock.now())?;
        if !archive.state().finished {
            let style = anstyle::Style::new().fg_color(Some(anstyle::AnsiColor::Yellow.into()));
            anstream::eprintln!("{style}note:{style:#} the ceremony is not finished, and the seal says so");
        }
        for file in &self.recorded {
            let observed = recording(file)?;
            archive.record(clock.now(), observed)?;
        }
        let number = begin(&mut archive, &plan, clock)?;
        let mut room = Room { seal: &self, site: &site, plan: &plan, clock, number };
        let mut sealed = Sealed { seal: number, signed: Vec::new(), objected: Vec::new() };
        for person in people {
            let objects = room.sign(&mut archive, &person)?;
            if objects { &mut sealed.objected } else { &mut sealed.signed }.push(person);
        }
        let document = document(&archive, &plan, &sealed);
        output.result(&document, || text(&document))?;
        Ok(Code::Done)
    }

    /// Who signs: those who were named, or else everybody who is at hand and has not spoken.
    fn people(&self, plan: &Plan, site: &Site, state: &State) -> Result<Vec<Name>, Failure> {
        for part in &self.people {
            signer::person(plan, site, part)?;
        }
        if self.signature.is_some() && self.people.len() != 1 {
            return Err(Failure::usage("whose signature is it? Say --as PERSON"));
        }
        if !self.people.is_empty() {
            return Ok(self.people.clone());
        }
        if self.object.is_some() {
            return Err(Failure::usage("who objects? Say --as PERSON"));
        }
        let current = current(state);
        let spoken = |part: &Name| {
            current.is_some_and(|seal| seal.signed.contains_key(part) || seal.objected.contains_key(part))
        };
        let here: Vec<Name> = signer::at_hand(plan, site).into_iter().filter(|part| !spoken(part)).collect();
        if here.is_empty() {
            return Err(Failure::paused(
                Section::Seal,
                "the site has no device of somebody who has not signed yet",
            )
            .help("say who signs, with SSH: --as PERSON"));
        }
        Ok(here)
    }
}

/// The seal that people are signing: nothing came after it but what belongs to it.
fn current(state: &State) -> Option<&archive::made::MadeSeal> {
    state.seals.last().filter(|seal| state.last_unsealed <= seal.lines)
}

/// The last plan that was run, with its dates as they are written.
fn plan(records: &[archive::Record]) -> Result<Plan, Failure> {
    let text = seal::last_plan(records).ok_or_else(|| {
        Failure::paused(Section::Seal, "the archive is of no ceremony yet: there is nothing to seal")
    })?;
    Plan::parse(&Source::new("the archive's last plan", text))
        .map_err(|faults| Failure::usage(faults.to_string()))
}

/// What the journal tells of a file that stays outside.
fn recording(file: &Path) -> Result<Event, Failure> {
    let wrong = |error: std::io::Error| Failure::usage(format!("{}: {error}", file.display()));
    let (size, sha256) = crate::ceremony::build::hashed(file).map_err(wrong)?;
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let said = [("Which file?", name), ("Its size in bytes?", size.to_string()), ("Its SHA-256?", sha256)];
    let said = said.into_iter().map(|(question, answer)| (question.to_string(), answer)).collect();
    Ok(Event::ObservationRecorded { what: Observation::Video, said })
}

/// Begins a seal, unless one is being signed. Gives its number.
fn begin(archive: &mut Archive, plan: &Plan, clock: Clock) -> Result<u64, Failure> {
    if let Some(seal) = current(archive.state()) {
        return Ok(seal.number);
    }
    let number = archive.state().seals.last().map_or(1, |seal| seal.number.saturating_add(1));
    let cbom = crate::evidence::inventory::cbom(archive.state());
    archive.record(clock.now(), Event::InventoryMade { cbom })?;
    let file = archive.path().join("journal.jsonl");
    let journal = std::fs::read(&file).map_err(|error| archive::ArchiveError::Io { path: file, error })?;
    let material = Material {
        number,
        journal: &journal,
        records: archive.records(),
        head: archive.head().unwrap_or_default(),
        sealed: archive.state().seals.last().map_or(0, |seal| seal.lines),
        plan,
        tool: &Tool {
            version: env!("CARGO_PKG_VERSION").into(),
            sha256: crate::ceremony::build::own_sha256(),
        },
    };
    let random = || {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map(|()| random)
    };
    let words = seal::words(&material, random).map_err(|error| match error {
        seal::Error::Malformed(error) => Failure::from(CeremonyError::Malformed(error)),
        seal::Error::Random(error) => CeremonyError::Random(error.to_string()).into(),
    })?;
    let (statement, openings) = (words.statement, words.openings);
    archive.record(clock.now(), Event::SealStarted { seal: number, statement, openings })?;
    Ok(number)
}

/// Where people sign.
struct Room<'a> {
    seal: &'a Seal,
    site: &'a Site,
    plan: &'a Plan,
    clock: Clock,
    number: u64,
}

impl Room<'_> {
    /// One person signs. Gives whether it is an objection.
    fn sign(&mut self, archive: &mut Archive, part: &Name) -> Result<bool, Failure> {
        let (step, objects) = (format!("{SEAL_STEP}{}/{part}", self.number), self.seal.object.is_some());
        let found = archive.state().seals.iter().find(|seal| seal.number == self.number);
        let found = found.ok_or_else(|| Failure::paused(Section::Seal, "the seal was not begun"))?;
        if found.signed.contains_key(part) || found.objected.contains_key(part) {
            let word = if found.objected.contains_key(part) { "objected to" } else { "signed" };
            return Err(Failure::refused(
                Section::Seal,
                format!("{part} has {word} seal {} already", self.number),
            ));
        }
        let person = signer::person(self.plan, self.site, part)?;
        let role =
            self.plan.people.get(part).map(|person| *person.role).unwrap_or(crate::plan::Role::Witness);
        let payload = match &self.seal.object {
            None => found.statement.clone().into_bytes(),
            Some(reason) => seal::objection(self.number, &found.statement, (part, role), reason.trim())
                .map_err(CeremonyError::Malformed)?,
        };
        let predicate_type = if objects { seal::OBJECTION } else { seal::PREDICATE };
        let object = format!("{}-{}", if objects { "objection" } else { "seal" }, self.number);
        let asked = Asked { object: &object, payload: &payload, predicate_type };
        let state = archive.state().clone();
        let signers = Signers { plan: self.plan, state: &state };
        let failed = |error: SigningError| signer::failure(error, Section::Seal);
        let endorsed = match (&self.seal.signature, signer::device(self.plan, self.site, part)) {
            (Some(file), _) => {
                let signature = signer::signature(file)?;
                signers
                    .by_ssh(asked, part, &signature)
                    .map_err(|error| failed(SigningError::Endorse { person: part.clone(), error }))?
            }
            (None, Some(device)) if !self.seal.ssh => {
                let at = AtDevice { signers, person, device };
                let mut devices = Devices::new(self.site);
                let endorsed = self.at_device(archive, (&at, asked, &step), &mut devices);
                devices.close();
                endorsed.map_err(failed)?
            }
            _ => {
                let beside = || {
                    let mut name = self.seal.archive.clone().into_os_string();
                    name.push(format!(".{object}-{part}.to-sign"));
                    PathBuf::from(name)
                };
                let to_sign = self.seal.out.clone().unwrap_or_else(beside);
                return Err(signer::ask_ssh(part, &payload, to_sign, Section::Seal)?);
            }
        };
        // Two people, two keys: one that has spoken speaks for nobody else.
        let found = archive.state().seals.iter().find(|seal| seal.number == self.number);
        let spoken = found.into_iter().flat_map(|seal| seal.signed.iter().chain(&seal.objected));
        if let Some((other, _)) = spoken.clone().find(|(_, key)| *key == endorsed.key()) {
            return Err(Failure::refused(
                Section::Seal,
                format!("the key of {part} is the one that {other} signed with"),
            ));
        }
        archive.seal_signature(self.clock.now(), (self.number, &step, part), &endorsed, objects)?;
        Ok(objects)
    }

    /// Intent, device, verification in software.
    fn at_device(
        &self,
        archive: &mut Archive,
        (at, asked, step): (&AtDevice<'_>, Asked<'_>, &str),
        devices: &mut Devices,
    ) -> Result<Endorsed, SigningError> {
        let mut console = Terminal::new(self.site.is_rehearsal());
        let hash = Fingerprint::of(asked.payload);
        let mut facts = vec![("statement", format!("{}, SHA-256 {}", asked.object, hash.hex()))];
        if let Some(reason) = &self.seal.object {
            facts.push(("objects", reason.clone()));
        }
        let ready = at.ready(asked, facts, devices, &mut console)?;
        let record = |archive: &mut Archive, event| {
            archive.record(self.clock.now(), event).map_err(CeremonyError::from)
        };
        if devices.logins(&at.device) > 0 {
            record(archive, Event::DeviceOpened { device: at.device.clone(), claims: ready.claims.clone() })?;
        }
        let (object, key) = (ready.linted.object().to_string(), ready.linted.key().clone());
        let step = step.to_string();
        let to_be_signed = ToBeSigned::bytes(ready.linted.bytes());
        let intended = Event::SignatureIntended {
            step: step.clone(),
            object: object.clone(),
            key: key.clone(),
            to_be_signed,
        };
        if archive.state().open.get(&step) == Some(&intended) {
            record(archive, Event::SignatureRepeated { step, object, key })?;
        } else {
            record(archive, intended)?;
        }
        at.sign(ready, devices, &mut console)
    }
}

fn document(archive: &Archive, plan: &Plan, sealed: &Sealed) -> Value {
    let state = archive.state();
    let Some(seal) = state.seals.iter().find(|seal| seal.number == sealed.seal) else { return json!({}) };
    let missing = plan.ceremony.seal.missing(&plan.people, seal.signed.keys());
    let missing: Vec<Value> =
        missing.iter().map(|(role, have, must)| json!({"role": role, "have": have, "must": must})).collect();
    json!({
        "seal": seal.number,
        "lines": seal.lines,
        "statement": crate::pki::sha256_hex(seal.statement.as_bytes()),
        "signed": crate::pki::sha256_hex(&dsse::pae(seal.statement.as_bytes())),
        "file": shown(archive.path(), &layout::seal(seal.number)),
        "now": {"signed": sealed.signed, "objected": sealed.objected},
        "by": seal.signed.keys().collect::<Vec<_>>(),
        "objections": seal.objected.keys().collect::<Vec<_>>(),
        "missing": missing,
        "head": archive.head(),
    })
}

fn shown(archive: &Path, file: &str) -> String {
    archive.join(file).display().to_string()
}

fn text(document: &Value) -> String {
    let names = |list: &Value| {
        let names = list.as_array().into_iter().flatten().filter_map(Value::as_str);
        names.collect::<Vec<_>>().join(", ")
    };
    let mut text = format!(
        "Seal {} covers the journal's first {} lines. Its statement has the SHA-256 {}.\nSigned by: {}.\n",
        document["seal"],
        document["lines"],
        document["statement"].as_str().unwrap_or_default(),
        match names(&document["by"]) {
            names if names.is_empty() => "nobody yet".to_string(),
            names => names,
        },
    );
    if document["objections"].as_array().is_some_and(|list| !list.is_empty()) {
        text.push_str(&format!("Objected to by: {}.\n", names(&document["objections"])));
    }
    for missing in document["missing"].as_array().into_iter().flatten() {
        text.push_str(&format!(
            "Still missing: {} of {} of role {}.\n",
            missing["have"],
            missing["must"],
            missing["role"].as_str().unwrap_or_default()
        ));
    }
    text.push_str(&format!(
        "The journal ends with the hash {}.\n",
        document["head"].as_str().unwrap_or("none")
    ));
    text
}
