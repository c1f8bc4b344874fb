//! `rootwright seal`: a person signs what happened, or objects.

mod logs;
mod room;
mod sigsum;
mod told;

use std::path::{Path, PathBuf};
use std::time::Instant;

use super::prove::clock;
use super::recovery::Section;
use super::{Code, Failure, Output, load, signer};
use crate::archive::event::Observation;
use crate::archive::{self, Archive, Event, Inspection, Record, State};
use crate::ceremony::clock::Clock;
use crate::ceremony::{CeremonyError, conduct};
use crate::evidence::seal::{self, Material, Tool};
use crate::plan::{Name, Plan, Source};
use crate::site::Site;
use crate::token::environment;
use room::{Room, Said};
use told::Sealed;

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
    /// every signature under approvals, seals and objections.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["people", "signature", "object", "proof"])]
    requests: Option<PathBuf>,

    /// Sign nothing: take in what logs answered: Rekor, with --trusted-root, or Sigsum, with --sigsum-policy and
    /// --submitter. Once for each.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["people", "signature", "object"])]
    proof: Vec<PathBuf>,

    /// The trusted root that has the Rekor log of the proofs.
    #[arg(long, value_name = "FILE", requires = "proof", conflicts_with = "sigsum_policy")]
    trusted_root: Option<PathBuf>,

    /// The policy that has the Sigsum log of the proofs, its witnesses, and how many of them must have cosigned.
    #[arg(long, value_name = "FILE", requires_all = ["proof", "submitter"])]
    sigsum_policy: Option<PathBuf>,

    /// The public key, in OpenSSH's format, of whoever had them logged by Sigsum: one of ssh-ed25519.
    #[arg(long, value_name = "FILE", requires = "sigsum_policy")]
    submitter: Option<PathBuf>,
}

/// What whoever brings proofs trusts.
enum Trusted {
    /// A trusted root, with Rekor logs.
    Rekor(Vec<u8>),
    /// A policy, with Sigsum logs and witnesses.
    Sigsum(Box<sigsum::Trust>),
}

impl Trusted {
    fn judge(&self, held: (&State, &[Record]), bytes: &[u8]) -> Result<logs::Proof, String> {
        match self {
            Self::Rekor(root) => logs::of_rekor(held, root, bytes),
            Self::Sigsum(trust) => trust.judge(held, bytes),
        }
    }
}

impl Seal {
    /// Runs.
    pub fn run(self, output: &Output, start: Instant) -> Result<Code, Failure> {
        if self.object.as_deref().is_some_and(|reason| reason.trim().is_empty()) {
            return Err(Failure::usage("an objection has a reason: --object REASON"));
        }
        let site = load::site(&self.site)?.site;
        environment::ensure(&site.environment).map_err(|error| Failure::usage(error.to_string()))?;
        if let Some(folder) = &self.requests {
            let found = archive::inspect(&self.archive)?;
            self.judge(&site, &found)?;
            return logs::write_requests(output, (&found.state, &found.journal.records), folder);
        }
        let trusted = self.trusted()?;
        if trusted.is_none() && self.signature.is_none() {
            // Whoever begins a seal says what runs.
            crate::ceremony::build::read_ahead();
        }
        let (mut archive, (plan, clock)) = Archive::open_if(&self.archive, |found| {
            let (plan, clock) = self.judge(&site, found)?;
            Ok::<_, Failure>((clock.now(), (plan, clock)))
        })?;
        archive.repaired().iter().for_each(|text| told::note(text));
        if let Some(judge) = trusted {
            return logs::take_proofs(output, (&mut archive, clock), &self.proof, |held, bytes| {
                judge.judge(held, bytes)
            });
        }
        if !archive.state().finished {
            told::note("the ceremony is not finished, and the seal says so");
        }
        for file in &self.recorded {
            record(&mut archive, clock, file)?;
        }
        let people = self.people(&plan, &site, archive.state())?;
        let number = self.begin(&mut archive, &plan, clock)?;
        let state = archive.state().clone();
        let mut room = Room::new(&self, (&site, &plan, &state), clock, number);
        let mut sealed = Sealed { seal: number, ..Sealed::default() };
        for person in people {
            match room.sign(&mut archive, &person)? {
                Said::Agreed => sealed.signed.push(person),
                Said::Objected => sealed.objected.push(person),
                Said::Before => told::note(&format!("{person} has said so already, of seal {number}")),
            }
        }
        sealed.elapsed = start.elapsed();
        sealed.device = room.device_time();
        let document = told::document(&archive, &plan, &sealed);
        output.result(&document, || told::text(&document))?;
        Ok(Code::Done)
    }

    /// Whether an archive can be sealed as this command asks; its last plan, and the time.
    fn judge(&self, site: &Site, found: &Inspection) -> Result<(Plan, Clock), Failure> {
        conduct::refuse_other_purpose(site, &found.state)?;
        let plan = plan(&found.journal.records)?;
        self.usage(&plan, site)?;
        Ok((plan, clock(&found.state, site.is_rehearsal())?))
    }

    /// How proofs are judged; none where there are none.
    fn trusted(&self) -> Result<Option<Trusted>, Failure> {
        match (&self.trusted_root, &self.sigsum_policy, &self.submitter) {
            _ if self.proof.is_empty() => Ok(None),
            (Some(root), ..) => Ok(Some(Trusted::Rekor(logs::read(root)?))),
            (None, Some(policy), Some(submitter)) => {
                Ok(Some(Trusted::Sigsum(Box::new(sigsum::Trust::read(policy, submitter)?))))
            }
            _ => Err(Failure::usage(
                "whose proof is it? Say --trusted-root FILE (Rekor), or --sigsum-policy FILE and --submitter FILE (Sigsum)",
            )),
        }
    }

    /// What can't be meant, whatever the archive holds.
    fn usage(&self, plan: &Plan, site: &Site) -> Result<(), Failure> {
        for part in &self.people {
            signer::person(plan, site, part)?;
        }
        if self.signature.is_some() && self.people.len() != 1 {
            return Err(Failure::usage("whose signature is it? Say --as PERSON"));
        }
        if self.people.is_empty() && self.object.is_some() {
            return Err(Failure::usage("who objects? Say --as PERSON"));
        }
        Ok(())
    }

    /// Who signs: those who were named, or else everybody who is at hand and has not spoken. Nobody, where
    /// all of them have: the same command may be run again.
    fn people(&self, plan: &Plan, site: &Site, state: &State) -> Result<Vec<Name>, Failure> {
        if !self.people.is_empty() {
            return Ok(self.people.clone());
        }
        let current = current(state);
        let spoken = |part: &Name| {
            current.is_some_and(|seal| seal.signed.contains_key(part) || seal.objected.contains_key(part))
        };
        let here: Vec<Name> = signer::at_hand(plan, site).into_iter().filter(|part| !spoken(part)).collect();
        let heard = current.is_some_and(|seal| !(seal.signed.is_empty() && seal.objected.is_empty()));
        if here.is_empty() && !heard {
            return Err(Failure::paused(Section::Seal, "the site has no device of anybody who could sign")
                .help("say who signs, with SSH: --as PERSON"));
        }
        Ok(here)
    }

    /// Begins a seal, unless one is being signed. Gives its number.
    fn begin(&self, archive: &mut Archive, plan: &Plan, clock: Clock) -> Result<u64, Failure> {
        if let Some(seal) = current(archive.state()) {
            return Ok(seal.number);
        }
        if self.signature.is_some() {
            return Err(Failure::refused(
                Section::Seal,
                "no seal is being signed: something was added to the archive since the file was written that the signature is over",
            )
            .help("nothing was written: run it without --signature, and have the new file signed"));
        }
        if let Some(last) = archive.state().seals.last()
            && !plan.ceremony.seal.missing(&plan.people, last.signed.keys()).is_empty()
        {
            told::note(&format!(
                "seal {} has not all the signatures that the plan asks for, and something came after it: a new one begins",
                last.number
            ));
        }
        begin(archive, plan, clock)
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

/// Records a file that stays outside, unless a run that was interrupted has done so for the same seal.
fn record(archive: &mut Archive, clock: Clock, file: &Path) -> Result<(), Failure> {
    let observed = recording(file)?;
    // Seals that came before the one that is being signed cover what was recorded for them.
    let state = archive.state();
    let last = state.seals.len().saturating_sub(usize::from(current(state).is_some()));
    let covered = last.checked_sub(1).and_then(|at| state.seals.get(at)).map_or(0, |seal| seal.lines);
    let known = archive.records().iter().find(|line| line.seq > covered && line.event == observed);
    match known {
        Some(line) => told::note(&format!("line {} of the journal has {} already", line.seq, file.display())),
        None => archive.record(clock.now(), observed)?,
    }
    Ok(())
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

/// Puts what happened into words, and begins the seal. Gives its number.
fn begin(archive: &mut Archive, plan: &Plan, clock: Clock) -> Result<u64, Failure> {
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
