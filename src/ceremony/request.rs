//! Steps that sign requests for CAs that are not ours.

use der::Decode;
use x509_cert::request::CertReqInfo;

use super::CeremonyError;
use super::engine::{Again, Engine};
use super::prompt::Facts;
use crate::difference::{self, Step};
use crate::pki::{name, request};
use crate::plan::{self, Name};

impl Engine<'_> {
    pub(super) fn sign_csr(&mut self, step: &Step, name: &Name, signer: &Name) -> Result<(), CeremonyError> {
        let planned = self.plan.csrs.get(name);
        let planned =
            planned.ok_or_else(|| CeremonyError::Missing(format!("the plan has no request `{name}`")))?;
        let cross = planned.cross_signs.as_ref().map(|cross| self.certificate(cross)).transpose()?;
        let public = self.public(signer)?;
        let state = self.archive.state();
        let asked = request::Asked {
            name,
            planned,
            public: &public,
            cross: cross.as_ref(),
            certificates: state.certificates.values().map(|made| &made.certificate).collect(),
            rehearsal: self.rehearsal,
        };
        let linted = request::draft(&asked)?.lint(self.rules)?;
        self.console.warnings(linted.warnings());
        let signed = self.sign(step, linted, Again::SameBytes, |bytes| facts(planned, bytes))?;
        let spec = difference::csr_spec(self.plan, name);
        Ok(self.archive.csr(self.clock.now(), &step.id, name, spec, &signed)?)
    }
}

/// What people look at before a request is signed: read back from the very bytes.
fn facts(planned: &plan::Csr, bytes: &[u8]) -> Facts {
    let mut facts = vec![("asks for a certificate of profile", planned.profile.to_string())];
    facts.extend(planned.cross_signs.as_ref().map(|cross| ("to be a repeat of", cross.to_string())));
    let Ok(info) = CertReqInfo::from_der(bytes) else { return facts };
    facts.push(("subject", name::readable(&info.subject)));
    facts.push(("its key", planned.key.to_string()));
    facts
}
