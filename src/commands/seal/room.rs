//! Where people sign a seal, or object to it: intent, device, verification in software, one after the other.

use std::path::PathBuf;
use std::time::Duration;

use super::super::recovery::Section;
use super::super::{Failure, signer};
use super::Seal;
use crate::archive::made::MadeSeal;
use crate::archive::state::SEAL_STEP;
use crate::archive::{Archive, Event, State, ToBeSigned};
use crate::ceremony::CeremonyError;
use crate::ceremony::clock::Clock;
use crate::ceremony::console::{Fingerprint, Terminal};
use crate::ceremony::endorse::{AtDevice, SigningError};
use crate::evidence::seal;
use crate::evidence::signer::{Asked, Signers};
use crate::lint::Signable;
use crate::lint::statement::Endorsed;
use crate::plan::{Name, Plan, Role};
use crate::site::Site;
use crate::token::Devices;

/// What came of asking a person.
pub(super) enum Said {
    /// They signed.
    Agreed,
    /// They signed an objection.
    Objected,
    /// They had said the same before: a run that was interrupted, say, had taken it.
    Before,
}

/// Where people sign.
pub(super) struct Room<'a> {
    seal: &'a Seal,
    site: &'a Site,
    plan: &'a Plan,
    clock: Clock,
    number: u64,
    /// As it was when the room was opened: keys and certificates stay what they are while people sign.
    state: &'a State,
    devices: Devices,
}

impl<'a> Room<'a> {
    /// For the people of a plan, and their devices of a site, at the seal of this number.
    pub(super) fn new(
        seal: &'a Seal,
        (site, plan, state): (&'a Site, &'a Plan, &'a State),
        clock: Clock,
        number: u64,
    ) -> Self {
        Self { seal, site, plan, clock, number, state, devices: Devices::new(site) }
    }

    /// Time spent inside the devices.
    pub(super) fn device_time(&self) -> Duration {
        self.devices.device_time()
    }

    /// One person signs.
    pub(super) fn sign(&mut self, archive: &mut Archive, part: &Name) -> Result<Said, Failure> {
        let (step, objects) = (format!("{SEAL_STEP}{}/{part}", self.number), self.seal.object.is_some());
        let found = archive.state().seals.iter().find(|seal| seal.number == self.number);
        let found = found.ok_or_else(|| Failure::paused(Section::Seal, "the seal was not begun"))?;
        let person = signer::person(self.plan, self.site, part)?;
        let role = self.plan.people.get(part).map(|person| *person.role).unwrap_or(Role::Witness);
        let payload = match &self.seal.object {
            None => found.statement.clone().into_bytes(),
            Some(reason) => seal::objection(self.number, &found.statement, (part, role), reason.trim())
                .map_err(CeremonyError::Malformed)?,
        };
        if self.has_said(archive, found, part, &payload)? {
            return Ok(Said::Before);
        }
        let predicate_type = if objects { seal::OBJECTION } else { seal::PREDICATE };
        let object = format!("{}-{}", if objects { "objection" } else { "seal" }, self.number);
        let asked = Asked { object: &object, payload: &payload, predicate_type };
        let signers = Signers { plan: self.plan, state: self.state };
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
                let endorsed = self.at_device(archive, (&at, asked, &step));
                self.devices.close();
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
        Ok(if objects { Said::Objected } else { Said::Agreed })
    }

    /// Whether the person has said just this of the seal. Whoever said otherwise can't take it back.
    fn has_said(
        &self,
        archive: &Archive,
        seal: &MadeSeal,
        part: &Name,
        payload: &[u8],
    ) -> Result<bool, Failure> {
        let word = match (seal.signed.contains_key(part), seal.objected.contains_key(part)) {
            (false, false) => return Ok(false),
            (_, false) => "signed",
            (_, true) => "objected to",
        };
        let agreed = seal.statement.as_str();
        let same = archive.records().iter().any(|record| match &record.event {
            Event::SealSigned { seal, person, objection, .. } if *seal == self.number && person == part => {
                objection.as_deref().unwrap_or(agreed).as_bytes() == payload
            }
            _ => false,
        });
        if same {
            return Ok(true);
        }
        Err(Failure::refused(Section::Seal, format!("{part} has {word} seal {} already", self.number)))
    }

    /// Intent, device, verification in software.
    fn at_device(
        &mut self,
        archive: &mut Archive,
        (at, asked, step): (&AtDevice<'_>, Asked<'_>, &str),
    ) -> Result<Endorsed, SigningError> {
        let mut console = Terminal::new(self.site.is_rehearsal());
        let hash = Fingerprint::of(asked.payload);
        let mut facts = vec![("statement", format!("{}, SHA-256 {}", asked.object, hash.hex()))];
        if let Some(reason) = &self.seal.object {
            facts.push(("objects", reason.clone()));
        }
        let logins = self.devices.logins(&at.device);
        let ready = at.ready(asked, facts, &mut self.devices, &mut console)?;
        let opened = self.devices.logins(&at.device) > logins;
        let record = |archive: &mut Archive, event| {
            archive.record(self.clock.now(), event).map_err(CeremonyError::from)
        };
        if opened {
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
        at.sign(ready, &mut self.devices, &mut console)
    }
}
