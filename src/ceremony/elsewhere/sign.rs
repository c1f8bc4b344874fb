//! A keyholder signs what a request asks for, on their own machine.

use super::judge::{Judged, Refusal, judge};
use crate::ceremony::clock::Clock;
use crate::ceremony::console::{Fingerprint, Preview};
use crate::ceremony::people::Person;
use crate::ceremony::{CeremonyError, Console, publish};
use crate::evidence::changes::Change;
use crate::lint::{Rules, Signable};
use crate::pki::sha256_hex;
use crate::plan::Name;
use crate::site::{Purpose, Site};
use crate::token::{self, Devices};
use crate::tuf::request::{RESPONSE, Request, Response, Signature};

/// What is signed, with what, and by which rules.
pub struct Signing<'a> {
    /// The request.
    pub request: &'a Request,
    /// SHA-256 of its file, in hex.
    pub sha256: String,
    /// The signer's site.
    pub site: &'a Site,
    /// The device, where it is not the one that the request names, or the site's only one.
    pub device: Option<Name>,
    /// The rules of the plan, or those of everybody.
    pub rules: &'a Rules,
}

impl Signing<'_> {
    /// The clock of the signer; in a rehearsal it stands where the request was written.
    fn clock(&self) -> Result<Clock, CeremonyError> {
        let written = self.request.written;
        let clock = match *self.site.purpose {
            Purpose::Rehearsal => Clock::rehearsal(written.day(), Some(written)),
            Purpose::Production => Clock::system(),
        };
        clock.ok_or_else(|| CeremonyError::Missing("the machine's clock can't be read".into()))
    }

    /// Judges the request, without any device.
    pub fn judge(&self) -> Result<Vec<Judged>, CeremonyError> {
        if self.request.rehearsal != self.site.is_rehearsal() {
            let word = |rehearsal: bool| if rehearsal { "a rehearsal" } else { "production" };
            return Err(CeremonyError::Purpose(format!(
                "the request is of {}, and the site says {}: the two never mix",
                word(self.request.rehearsal),
                word(self.site.is_rehearsal())
            )));
        }
        judge(self.request, self.clock()?.now(), self.rules).map_err(|error| match error {
            Refusal::Findings(findings) => findings.into(),
            other => CeremonyError::Request(other.to_string()),
        })
    }

    /// The device that shall sign.
    fn device(&self) -> Result<Name, CeremonyError> {
        let named = self.device.as_ref().or(self.request.signer.device.as_ref());
        let mut all = self.site.devices.keys();
        match (named, all.next(), all.next()) {
            (Some(named), ..) if self.device.is_some() || self.site.devices.contains_key(named) => {
                Ok(named.clone())
            }
            (_, Some(only), None) => Ok(only.clone()),
            (Some(named), ..) => Ok(named.clone()),
            (None, ..) => Err(CeremonyError::Request(
                "the site has several devices, and the request names none: say which, with --device".into(),
            )),
        }
    }

    /// Shows what changes, asks, signs, verifies.
    pub fn sign(
        &self,
        judged: Vec<Judged>,
        devices: &mut Devices,
        console: &mut dyn Console,
    ) -> Result<Response, CeremonyError> {
        let clock = self.clock()?;
        let name = self.device()?;
        let person = self
            .request
            .signer
            .keyholder
            .as_ref()
            .map(|part| Person { part: part.clone(), called: self.site.people.get(part).cloned() });
        let mut signatures = Vec::new();
        for Judged { draft, changes, warnings } in judged {
            let (key, public) = (draft.key.clone(), draft.public.clone());
            let (role, version) = (draft.context.role(), draft.context.metadata.head().version);
            let mut facts = publish::facts(role, &draft.context.metadata);
            let said = |change: &Change| (change.kind.label(), format!("{}: {}", change.place, change.what));
            facts.extend(changes.iter().map(said));
            let linted = draft.lint(self.rules)?;
            console.warnings(&warnings);
            console.warnings(linted.warnings());
            let token = devices.open(&name, console)?;
            token.holds(&key, &public)?;
            token.fits(&linted)?;
            let serial = token.report().serial.clone();
            let sha256 = sha256_hex(linted.bytes());
            console.approve(&Preview {
                object: linted.object().to_string(),
                facts,
                bytes: Fingerprint::from_hex(&sha256),
                key,
                person: person.clone(),
                device: name.clone(),
                serial,
            })?;
            let signature = token::sign(devices.open(&name, console)?, &linted, console)?;
            let made = linted.attach(signature)?.into_document();
            signatures.push(Signature { role, version, sha256, keyid: made.keyid, sig: made.sig });
        }
        Ok(Response {
            media_type: RESPONSE.into(),
            request: self.sha256.clone(),
            signer: self.request.signer.clone(),
            signed: clock.now(),
            tool: format!("rootwright {}", env!("CARGO_PKG_VERSION")),
            signatures,
        })
    }
}
