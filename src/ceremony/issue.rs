//! Steps that sign certificates and CRLs.

use der::Decode;
use x509_cert::certificate::TbsCertificate;

use data_encoding::{BASE64, HEXLOWER};

use super::CeremonyError;
use super::engine::{Again, Engine};
use super::prompt::Facts;
use crate::archive::Event;
use crate::difference::{self, Step};
use crate::pki::{Certificate, certificate, crl};
use crate::plan::{self, Name};

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
        let facts = |bytes: &[u8]| certificate_facts(planned, bytes);
        let others = self.archive.state().certificates.values().map(|made| &made.certificate);
        let linted = certificate::draft(&request)?.beside(others).lint(self.rules)?;
        self.console.warnings(linted.warnings());
        let signed = self.sign(step, linted, Again::SameBytes, facts)?;
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
        let facts = |_: &[u8]| crl_facts(planned);
        let before = self.archive.state().newest_crl(&planned.issuer);
        let linted = crl::draft(&request)?.after(before).lint(self.rules)?;
        self.console.warnings(linted.warnings());
        let signed = self.sign(step, linted, Again::SameBytes, facts)?;
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

/// What people look at before a certificate is signed: read back from the very bytes.
fn certificate_facts(planned: &plan::Certificate, bytes: &[u8]) -> Facts {
    let mut facts = vec![("profile", planned.profile.to_string())];
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

/// What people look at before a CRL is signed.
fn crl_facts(planned: &plan::Crl) -> Facts {
    let revoked: Vec<String> = planned.revoked.iter().map(|entry| entry.certificate.to_string()).collect();
    vec![
        ("issuer", planned.issuer.to_string()),
        ("number", planned.number.to_string()),
        ("this update", planned.validity.from.to_string()),
        ("next update", planned.validity.to.to_string()),
        ("revokes", if revoked.is_empty() { "nothing".into() } else { revoked.join(", ") }),
    ]
}
