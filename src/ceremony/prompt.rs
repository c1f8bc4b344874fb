//! Where the engine asks people, and what of it stands in the journal.

use super::console::{Answer, Fingerprint, Preview, Trouble, Turn};
use super::engine::Engine;
use super::people::People;
use super::{CeremonyError, Console, Ring};
use crate::archive::{Confirmation, Event};
use crate::difference::{Action, Step};
use crate::lint::{Linted, Signable};
use crate::pki::Document;
use crate::plan::Name;
use crate::token::DeviceReport;

/// What a document says, by label, as people approve it.
pub(super) type Facts = Vec<(&'static str, String)>;

/// What is done about a device that stands in the way: true to try again, false where a person puts it
/// off. The error stays one where nobody can be asked, or nobody in the room can put it right.
pub(super) fn decide(
    console: &mut dyn Console,
    ring: &mut dyn Ring,
    people: People<'_>,
    device: Option<&Name>,
    error: CeremonyError,
) -> Result<bool, CeremonyError> {
    if matches!(error, CeremonyError::Paused) || console.pause_asked() {
        return Err(CeremonyError::Paused);
    }
    // A copy works with two devices: the one that failed is asked for, where the error knows it.
    let Some(device) = error.device().cloned().or(device.cloned()) else { return Err(error) };
    if !console.asks() || !error.can_be_mended() {
        return Err(error);
    }
    let trouble = Trouble { person: people.at(&device), device: device.clone(), error: error.to_string() };
    match console.trouble(&trouble) {
        // What fails here fails again at the next attempt, which tells of it.
        Answer::Again => drop(ring.look_again(&device)),
        Answer::Restart => drop(ring.restart(&device)),
        Answer::Later => return Ok(false),
        Answer::Pause => return Err(CeremonyError::Paused),
    }
    Ok(true)
}

impl Engine<'_> {
    /// A device's turn begins: what it generates now is agreed to at once, before its first key.
    pub(super) fn turn(&mut self, device: &Name, serial: &str, next: &[&Step]) -> Result<(), CeremonyError> {
        let agreed = next.first().is_none_or(|step| self.agreed.contains(&step.id));
        if !self.console.asks() || agreed {
            return Ok(());
        }
        let generates = |step: &&&Step| matches!(&step.action, Action::GenerateKey { device: other, .. } if other == device);
        let run: Vec<&&Step> = next.iter().take_while(generates).collect();
        if run.is_empty() {
            return Ok(());
        }
        let keys = run.iter().map(|step| step.action.to_string()).collect();
        let person = self.people.at(device);
        let by = person.as_ref().map(|person| person.part.clone());
        let agreed =
            self.console.turn(&Turn { person, device: device.clone(), serial: serial.to_string(), keys });
        self.remarks()?;
        agreed?;
        self.agreed.extend(run.iter().map(|step| step.id.clone()));
        let of = format!("{device}, serial {serial}");
        self.confirmed(None, Confirmation::Generate, of, by)
    }

    /// Somebody approves the very bytes that are signed.
    pub(super) fn approve<T: Document>(
        &mut self,
        step: &Step,
        linted: &Linted<T>,
        (device, claims): (&Name, DeviceReport),
        facts: impl FnOnce(&[u8]) -> Facts,
    ) -> Result<(), CeremonyError> {
        if !self.console.asks() {
            return Ok(());
        }
        let person = self.people.at(device);
        let by = person.as_ref().map(|person| person.part.clone());
        let bytes = Fingerprint::of(linted.bytes());
        let mut facts = facts(linted.bytes());
        // What the plan waives is said again to whoever signs it.
        facts.extend(linted.warnings().0.iter().filter_map(|finding| {
            let reason = finding.waived.as_ref()?;
            Some(("waived", format!("{}, {}: {reason}", finding.rule, finding.found)))
        }));
        let preview = Preview {
            object: linted.object().to_string(),
            facts,
            bytes: bytes.clone(),
            key: linted.key().clone(),
            person,
            device: device.clone(),
            serial: claims.serial,
        };
        let approved = self.console.approve(&preview);
        self.remarks()?;
        approved?;
        self.confirmed(Some(step), Confirmation::Sign, bytes.hex().to_string(), by)
    }

    /// What a step made is read aloud, and read back where the plan asks for it.
    pub(super) fn announce(&mut self, step: &Step) -> Result<(), CeremonyError> {
        if !self.console.asks() {
            return self.remarks();
        }
        if let Some((what, fingerprint)) = self.fingerprint(&step.action) {
            self.console.fingerprint(&what, &fingerprint);
            self.read_back(step, &what, &fingerprint)?;
        }
        self.remarks()
    }

    /// What should have been read back before an interruption is read back now.
    pub(super) fn read_back_what_is_open(&mut self, steps: &[Step]) -> Result<(), CeremonyError> {
        if !self.console.asks() {
            return Ok(());
        }
        for step in steps.iter().filter(|step| step.done) {
            if let Some((what, fingerprint)) = self.fingerprint(&step.action)
                && self.wants_reading_back(step)
            {
                self.console.fingerprint(&what, &fingerprint);
                self.read_back(step, &what, &fingerprint)?;
            }
        }
        Ok(())
    }

    fn wants_reading_back(&self, step: &Step) -> bool {
        let planned = self.plan.ceremony.read_back.iter().any(|id| **id == step.id);
        planned && !self.archive.state().read_back.contains(&step.id)
    }

    fn read_back(&mut self, step: &Step, what: &str, fingerprint: &Fingerprint) -> Result<(), CeremonyError> {
        if !self.wants_reading_back(step) {
            return Ok(());
        }
        let reader = self.people.witness();
        let read = self.console.read_back(what, fingerprint, reader.as_ref());
        self.remarks()?;
        read?;
        let by = reader.map(|person| person.part);
        self.confirmed(Some(step), Confirmation::ReadBack, fingerprint.hex().to_string(), by)
    }

    fn confirmed(
        &mut self,
        step: Option<&Step>,
        what: Confirmation,
        of: String,
        by: Option<Name>,
    ) -> Result<(), CeremonyError> {
        let event = Event::Confirmed { step: step.map(|step| step.id.clone()), what, of, by };
        Ok(self.archive.record(self.clock.now(), event)?)
    }

    /// Writes down what people said at the last prompts.
    pub(super) fn remarks(&mut self) -> Result<(), CeremonyError> {
        for event in self.console.remarks() {
            self.archive.record(self.clock.now(), event)?;
        }
        Ok(())
    }

    /// What a step made, in words, and the fingerprint by which it is known.
    fn fingerprint(&self, action: &Action) -> Option<(String, Fingerprint)> {
        let state = self.archive.state();
        Some(match action {
            Action::GenerateKey { key, .. } | Action::ImportKey { key } => {
                let made = state.keys.get(key)?;
                (format!("the public key {key}"), Fingerprint::from_hex(&made.public.fingerprint()))
            }
            Action::Issue { certificate, .. } => {
                let made = state.certificates.get(certificate)?;
                (format!("the certificate {certificate}"), Fingerprint::of(made.certificate.der()))
            }
            Action::SignCsr { csr, .. } => {
                let made = state.csrs.get(csr)?;
                (format!("the request {csr}"), Fingerprint::of(made.request.der()))
            }
            Action::IssueCrl { crl, .. } => {
                (format!("the CRL {crl}"), Fingerprint::from_hex(&state.crls.get(crl)?.sha256))
            }
            Action::AssembleTrustRoot => {
                let made = state.trust_root.as_ref()?;
                ("trusted_root.json".into(), Fingerprint::of(made.trusted_root.as_bytes()))
            }
            Action::Publish { role } => {
                let published = state.newest(*role)?;
                let what = format!("the TUF {role} metadata, version {}", published.version);
                (what, Fingerprint::of(published.content.as_bytes()))
            }
            Action::TakeTarget { target } => {
                let taken = state.targets.get(target)?;
                (format!("the target {target}"), Fingerprint::from_hex(&taken.sha256))
            }
            Action::BackUp { .. } | Action::SignMetadata { .. } => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use secrecy::SecretString;

    use super::*;
    use crate::archive::State;
    use crate::ceremony::preflight::ThrowawayRing;
    use crate::plan::{Plan, Source};
    use crate::site::Site;
    use crate::token::{AskPin, PinError, PinRequest, TokenError, Which};

    /// Sits there, and keeps which device it was asked about.
    #[derive(Default)]
    struct Asked(Vec<String>);

    impl AskPin for Asked {
        fn ask(&mut self, _: &PinRequest) -> Result<SecretString, PinError> {
            Err(PinError::NotTyped { reason: "nobody types".into() })
        }
    }

    impl Console for Asked {
        fn asks(&self) -> bool {
            true
        }
        fn trouble(&mut self, trouble: &Trouble) -> Answer {
            self.0.push(trouble.device.to_string());
            Answer::Later
        }
    }

    #[test]
    fn whichever_device_failed_is_asked_for() {
        let text = include_str!("../../ceremony/minimal.toml");
        let plan = Plan::parse(&Source::new("plan.toml", text)).unwrap();
        let site = Source::new("site.toml", "purpose = \"rehearsal\"\n[devices]\n");
        let site = Site::parse(&site, Path::new("/")).unwrap();
        let state = State::default();
        let people = People { plan: &plan, site: &site, state: &state };
        let name = |name: &str| name.parse::<Name>().unwrap();
        let lost = |device: &str| {
            let (label, serial) = (String::new(), String::new());
            let token = Box::new(Which { device: name(device), label, serial });
            CeremonyError::from(TokenError::Lost { token })
        };
        let vault = name("vault");
        let mut console = Asked::default();
        for (device, error) in [(Some(&vault), "root-hsm"), (Some(&vault), "vault"), (None, "root-hsm")] {
            let mut ring = ThrowawayRing::default();
            let goes_on = decide(&mut console, &mut ring, people, device, lost(error));
            assert!(matches!(goes_on, Ok(false)), "put off");
        }
        assert_eq!(console.0, ["root-hsm", "vault", "root-hsm"]);
        // What nobody in the room can mend stays an error.
        let other = CeremonyError::Missing("the key `root` is not made yet".into());
        assert!(decide(&mut console, &mut ThrowawayRing::default(), people, Some(&vault), other).is_err());
    }
}
