//! Steps that sign certificates and CRLs.

use der::Decode;
use x509_cert::certificate::TbsCertificate;

use data_encoding::BASE64;

use super::CeremonyError;
use super::engine::{Again, Engine};
use crate::archive::Event;
use crate::difference::{self, Step};
use crate::pki::{Certificate, certificate, crl};
use crate::plan::Name;

impl Engine<'_> {
    pub(super) fn issue(&mut self, step: &Step, name: &Name, signer: &Name) -> Result<(), CeremonyError> {
        let planned = self.plan.certificates.get(name);
        let planned =
            planned.ok_or_else(|| CeremonyError::Missing(format!("the plan has no certificate `{name}`")))?;
        let issuer = planned.issuer.as_ref().map(|issuer| self.certificate(issuer)).transpose()?;
        let public = self.public(&planned.key)?;
        let signer_public = self.public(signer)?;
        let request = certificate::Request {
            name,
            planned,
            public: &public,
            issuer: issuer.as_ref(),
            signer: (signer, &signer_public),
            serial: self.serial(step)?,
            rehearsal: self.rehearsal,
        };
        let linted = certificate::draft(&request)?.lint()?;
        self.console.warnings(linted.warnings());
        let signed = self.sign(step, linted, Again::SameBytes)?;
        let spec = difference::certificate_spec(self.plan, name);
        let issuer = planned.issuer.as_deref();
        Ok(self.archive.certificate(self.clock.now(), &step.id, name, issuer, spec, &signed)?)
    }

    pub(super) fn issue_crl(&mut self, step: &Step, name: &Name, signer: &Name) -> Result<(), CeremonyError> {
        let planned = self.plan.crls.get(name);
        let planned =
            planned.ok_or_else(|| CeremonyError::Missing(format!("the plan has no CRL `{name}`")))?;
        let issuer = self.certificate(&planned.issuer)?;
        let public = self.public(signer)?;
        let mut revoked = Vec::new();
        for entry in &planned.revoked {
            revoked.push(self.certificate(&entry.certificate)?);
        }
        let request = crl::Request {
            name,
            planned,
            issuer: &issuer,
            signer: (signer, &public),
            revoked: revoked.iter().collect(),
            previous: self.archive.state().crl_number(&planned.issuer),
        };
        let linted = crl::draft(&request)?.lint()?;
        self.console.warnings(linted.warnings());
        let signed = self.sign(step, linted, Again::SameBytes)?;
        let spec = difference::crl_spec(self.plan, name);
        let place = (&*planned.issuer, *planned.number);
        Ok(self.archive.crl(self.clock.now(), &step.id, name, place, spec, &signed)?)
    }

    fn certificate(&self, name: &Name) -> Result<Certificate, CeremonyError> {
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
        let bytes = BASE64.decode(to_be_signed.as_bytes()).ok();
        bytes
            .and_then(|bytes| {
                let tbs = TbsCertificate::from_der(&bytes).ok()?;
                tbs.serial_number().as_bytes().try_into().ok()
            })
            .ok_or_else(|| CeremonyError::OtherBytes { object: step.id.clone() })
    }
}
