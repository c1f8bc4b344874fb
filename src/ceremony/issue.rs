//! Steps that sign certificates and CRLs.

use der::{Decode, Encode};
use x509_cert::certificate::TbsCertificate;

use data_encoding::{BASE64, HEXLOWER};

use super::CeremonyError;
use super::engine::{Again, Engine};
use super::prompt::Facts;
use super::revocations;
use crate::archive::{Event, ToBeSigned};
use crate::difference::{self, Step};
use crate::lint::{Linted, Signable, Signed};
use crate::pki::crl::{Before, Entries, Mark};
use crate::pki::{Certificate, Crl, Draft, certificate, crl};
use crate::plan::{self, Name, Plan};

impl Engine<'_> {
    pub(super) fn issue(&mut self, step: &Step, name: &Name, signer: &Name) -> Result<(), CeremonyError> {
        let planned = planned(self.plan, name)?;
        let serial = self.serial(step)?;
        let draft = self.draft(name, signer, serial)?;
        let facts = |bytes: &[u8]| certificate_facts(planned, bytes);
        let others = self.archive.state().certificates.values().map(|made| &made.certificate);
        let linted = draft.beside(others).lint(self.rules)?;
        self.console.warnings(linted.warnings());
        let signed = self.sign(step, linted, Again::SameBytes, facts)?;
        let spec = difference::certificate_spec(self.plan, name);
        let issuer = planned.issuer.as_deref();
        Ok(self.archive.certificate(self.clock.now(), &step.id, name, issuer, spec, &signed)?)
    }

    fn draft(
        &self,
        name: &Name,
        signer: &Name,
        serial: [u8; 20],
    ) -> Result<Draft<Certificate>, CeremonyError> {
        let planned = planned(self.plan, name)?;
        let issuer = planned.issuer.as_ref().map(|issuer| self.certificate(issuer)).transpose()?;
        let cross = planned.cross_signs.as_ref().map(|cross| self.certificate(cross)).transpose()?;
        let public = self.public(&planned.key)?;
        let signer_public = self.public(signer)?;
        let request = certificate::Request {
            name,
            planned,
            public: &public,
            issuer: issuer.as_ref(),
            cross: cross.as_ref(),
            signer: (signer, &signer_public),
            serial,
            rehearsal: self.rehearsal,
        };
        Ok(certificate::draft(&request)?)
    }

    /// The draft of a certificate that this key signed, to the byte: what a copy of the key signs once
    /// more, so that no key is ever asked to sign anything else.
    pub(super) fn draft_again(
        &self,
        name: &Name,
        signer: &Name,
    ) -> Result<(Linted<Certificate>, Facts), CeremonyError> {
        let made = self.certificate(name)?;
        let other = || CeremonyError::OtherBytes { object: format!("certificates.{name}") };
        let serial = made.tbs().serial_number().as_bytes().try_into().map_err(|_| other())?;
        let others = self.archive.state().certificates.iter();
        let others = others.filter(|(other, _)| *other != name).map(|(_, made)| &made.certificate);
        let linted = self.draft(name, signer, serial)?.beside(others).lint(self.rules)?;
        if made.tbs().to_der().ok().as_deref() != Some(linted.bytes()) {
            return Err(other());
        }
        let facts = certificate_facts(planned(self.plan, name)?, linted.bytes());
        Ok((linted, facts))
    }

    pub(super) fn issue_crl(&mut self, step: &Step, name: &Name, signer: &Name) -> Result<(), CeremonyError> {
        let planned = self.plan.crls.get(name);
        let planned =
            planned.ok_or_else(|| CeremonyError::Missing(format!("the plan has no CRL `{name}`")))?;
        let issuer = self.certificate(&planned.issuer)?;
        let public = self.public(signer)?;
        let before = self.before(&planned.issuer)?;
        let mut revoked = Vec::new();
        for entry in &planned.revoked {
            revoked.push(self.certificate(&entry.certificate)?);
        }
        let listed = match &planned.revoked_from {
            Some(from) => revocations::read(from, self.folder)?,
            None => Entries::default(),
        };
        let count = planned.revoked.len().saturating_add(listed.len());
        let request = crl::Request {
            name,
            planned,
            issuer: &issuer,
            signer: (signer, &public),
            revoked: revoked.iter().collect(),
            listed,
            previous: self.archive.state().crl_number(&planned.issuer),
        };
        let facts = |_: &[u8]| crl_facts(planned, count);
        let linted = crl::draft(request)?.after(before).lint(self.rules)?;
        self.console.warnings(linted.warnings());
        let signed = match self.unrecorded(step, name)? {
            Some(written) => self.take_over(linted, &written)?,
            None => self.sign(step, linted, Again::SameBytes, facts)?,
        };
        let spec = difference::crl_spec(self.plan, name);
        let place = (&*planned.issuer, *planned.number);
        self.archive.crl(self.clock.now(), &step.id, name, place, spec, &signed)?;
        let mut others = self.plan.crls.values();
        if others.any(|other| other.issuer == planned.issuer && *other.number > *planned.number) {
            let listed = Before::of(signed.document(), 0, self.may_go(planned, &planned.issuer));
            let listed = listed.map_err(|error| CeremonyError::Missing(format!("{name}: {error}")))?;
            self.listed.insert((*planned.issuer).clone(), listed);
        }
        Ok(())
    }

    /// A CRL that was signed and written before an interruption, and not recorded.
    fn unrecorded(&self, step: &Step, name: &Name) -> Result<Option<Crl>, CeremonyError> {
        let begun = matches!(self.archive.state().open.get(&step.id), Some(Event::SignatureIntended { .. }));
        let Some(bytes) = begun.then(|| self.archive.unrecorded_crl(name)).transpose()?.flatten() else {
            return Ok(None);
        };
        // The archive was looked at before: it holds what this step was about to sign.
        let unreadable = |error: der::Error| CeremonyError::Missing(format!("the CRL `{name}`: {error}"));
        Crl::read(bytes).map(Some).map_err(unreadable)
    }

    /// Finishes the step from the file: nothing is signed again, and the signature is verified as any.
    fn take_over(&mut self, linted: Linted<Crl>, written: &Crl) -> Result<Signed<Crl>, CeremonyError> {
        let object = linted.object().to_string();
        if written.signed() != linted.bytes() {
            return Err(CeremonyError::OtherBytes { object });
        }
        self.console.note(&format!(
            "{object}: it was signed and written before the interruption, over the same bytes, and is taken over"
        ));
        Ok(linted.attach(written.signature().clone())?)
    }

    /// What the issuer's newest CRL lists, of what must stay listed.
    fn before(&mut self, issuer: &Name) -> Result<Option<Before>, CeremonyError> {
        if let Some(before) = self.listed.remove(issuer) {
            return Ok(Some(before));
        }
        let state = self.archive.state();
        let Some((name, made)) = state.newest_crl(issuer) else { return Ok(None) };
        let crl = self.archive.made_crl(name, &made.sha256)?;
        let Some(planned) = self.plan.crls.get(name) else { return Ok(None) };
        // Drafts list the serial numbers of throwaway certificates; that the plan's own stay listed is
        // known from the plan.
        let named = if self.archive.is_scratch() { planned.revoked.len() } else { 0 };
        let before = Before::of(&crl, named, self.may_go(planned, issuer));
        before.map(Some).map_err(|error| CeremonyError::Missing(format!("the CRL `{name}`: {error}")))
    }

    /// What may go from the list that follows `list`: what had expired when that was issued.
    fn may_go(&self, list: &plan::Crl, issuer: &Name) -> impl Fn(&Mark) -> bool + use<> {
        let issued =
            self.archive.state().certificates.iter().filter(|(_, made)| made.issuer.as_ref() == Some(issuer));
        let expired = issued.filter(|(name, _)| {
            self.plan.certificates.get(*name).is_some_and(|planned| planned.validity.to < list.validity.from)
        });
        let serials: Vec<Mark> = expired
            .map(|(_, made)| {
                let tbs = made.certificate.tbs();
                Mark::new(tbs.serial_number().as_bytes(), 0)
            })
            .collect();
        move |mark| serials.iter().any(|gone| gone.same_serial(mark))
    }

    pub(super) fn certificate(&self, name: &Name) -> Result<Certificate, CeremonyError> {
        let made = self.archive.state().certificates.get(name);
        made.map(|made| made.certificate.clone())
            .ok_or_else(|| CeremonyError::Missing(format!("the certificate `{name}` is not made yet")))
    }

    /// A new serial number; or, after an interruption, the one that was intended, so that no two
    /// certificates can differ under one serial.
    fn serial(&self, step: &Step) -> Result<[u8; 20], CeremonyError> {
        let Some(Event::SignatureIntended { to_be_signed, .. }) = self.archive.state().open.get(&step.id)
        else {
            let mut random = [0; 20];
            getrandom::fill(&mut random).map_err(|error| CeremonyError::Random(error.to_string()))?;
            return Ok(certificate::serial(random));
        };
        let bytes = match to_be_signed {
            ToBeSigned::Bytes(text) => BASE64.decode(text.as_bytes()).ok(),
            ToBeSigned::Digest(_) => None,
        };
        bytes
            .and_then(|bytes| {
                let tbs = TbsCertificate::from_der(&bytes).ok()?;
                tbs.serial_number().as_bytes().try_into().ok()
            })
            .ok_or_else(|| CeremonyError::OtherBytes { object: step.id.clone() })
    }
}

fn planned<'p>(plan: &'p Plan, name: &Name) -> Result<&'p plan::Certificate, CeremonyError> {
    let planned = plan.certificates.get(name);
    planned.ok_or_else(|| CeremonyError::Missing(format!("the plan has no certificate `{name}`")))
}

/// What people look at before a certificate is signed: read back from the very bytes.
fn certificate_facts(planned: &plan::Certificate, bytes: &[u8]) -> Facts {
    let mut facts = vec![("profile", planned.profile.to_string())];
    facts.extend(planned.cross_signs.as_ref().map(|cross| ("cross-signs", cross.to_string())));
    let Ok(tbs) = TbsCertificate::from_der(bytes) else { return facts };
    let time = |time: x509_cert::time::Time| time.to_date_time().to_string();
    facts.extend([
        ("subject", tbs.subject().to_string()),
        ("issuer", tbs.issuer().to_string()),
        ("valid from", time(tbs.validity().not_before)),
        ("valid to", time(tbs.validity().not_after)),
        ("serial number", HEXLOWER.encode(tbs.serial_number().as_bytes())),
        ("its key", planned.key.to_string()),
    ]);
    facts
}

/// What people look at before a CRL is signed. `count` is how many entries it has.
fn crl_facts(planned: &plan::Crl, count: usize) -> Facts {
    let mut revoked: Vec<String> =
        planned.revoked.iter().map(|entry| entry.certificate.to_string()).collect();
    if let Some(from) = &planned.revoked_from {
        revoked.push(format!("{} of {}", count.saturating_sub(revoked.len()), from.file.display()));
    }
    vec![
        ("entries", count.to_string()),
        ("issuer", planned.issuer.to_string()),
        ("number", planned.number.to_string()),
        ("this update", planned.validity.from.to_string()),
        ("next update", planned.validity.to.to_string()),
        ("revokes", if revoked.is_empty() { "nothing".into() } else { revoked.join(", ") }),
    ]
}
