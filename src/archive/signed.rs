//! The doors for what was signed: an archive takes documents whose signature was verified, and no others.

use std::io;

use data_encoding::BASE64;
use serde_json::Value;

use super::layout;
use super::{Archive, ArchiveError, CanaryPart, Event, FileRecord, Role};
use crate::lint::Signed;
use crate::lint::statement::Endorsed;
use crate::lint::trust_root::Passed;
use crate::pki::dsse::{self, Envelope};
use crate::pki::{Certificate, CertificateRequest, Crl, sha256_hex};
use crate::plan::{Name, Time};
use crate::tuf::RoleSignature;

impl Archive {
    /// Takes a certificate in. Only what was signed and verified can come here.
    pub fn certificate(
        &mut self,
        time: Time,
        step: &str,
        name: &Name,
        issuer: Option<&Name>,
        spec: Value,
        signed: &Signed<Certificate>,
    ) -> Result<(), ArchiveError> {
        let event = Event::CertificateSigned {
            step: step.to_string(),
            certificate: name.clone(),
            spec,
            issuer: issuer.cloned(),
            der: BASE64.encode(signed.document().der()),
        };
        self.commit(time, event, Vec::new())
    }

    /// Takes a request in that goes out. Only what was signed and verified can come here.
    pub fn csr(
        &mut self,
        time: Time,
        step: &str,
        name: &Name,
        spec: Value,
        signed: &Signed<CertificateRequest>,
    ) -> Result<(), ArchiveError> {
        let der = BASE64.encode(signed.document().der());
        let event = Event::CsrSigned { step: step.to_string(), csr: name.clone(), spec, der };
        self.commit(time, event, Vec::new())
    }

    /// Takes a CRL in. Only what was signed and verified can come here.
    pub fn crl(
        &mut self,
        time: Time,
        step: &str,
        name: &Name,
        (issuer, number): (&Name, u64),
        spec: Value,
        signed: &Signed<Crl>,
    ) -> Result<(), ArchiveError> {
        let (path, der) = (layout::crl(name), signed.document().der());
        self.size.add(der.len(), 1);
        // The file first: it is the record.
        if let Some(store) = &mut self.store {
            let written = store.write_once(&path, der);
            written.map_err(|error| ArchiveError::Io { path: self.path.join(&path), error })?;
        }
        let record = if self.is_scratch() {
            // Nobody reads of a scratch archive what a CRL's hash is.
            FileRecord { path, size: 0, sha256: String::new() }
        } else {
            FileRecord::of(path, der)
        };
        let hash = |bytes: &[u8]| if self.is_scratch() { String::new() } else { sha256_hex(bytes) };
        let event = Event::CrlSigned {
            step: step.to_string(),
            crl: name.clone(),
            spec,
            issuer: issuer.clone(),
            number,
            revoked: signed.document().count(),
            signed: hash(signed.document().signed()),
            sha256: record.sha256.clone(),
        };
        self.commit(time, event, vec![record])
    }

    /// A CRL that was made, read from the file that is the record of it.
    pub fn made_crl(&self, name: &Name, sha256: &str) -> Result<Crl, ArchiveError> {
        let path = self.path.join(layout::crl(name));
        let bytes = std::fs::read(&path).map_err(|error| ArchiveError::Io { path: path.clone(), error })?;
        let found = sha256_hex(&bytes);
        if found != sha256 {
            return Err(ArchiveError::Changed { path, found, expected: sha256.to_string() });
        }
        // It was made by this tool, and has the hash that it had then.
        Crl::read(bytes)
            .map_err(|error| ArchiveError::Io { path, error: io::Error::other(error.to_string()) })
    }

    /// A CRL that was written by a process that was killed before it could record it.
    pub fn unrecorded_crl(&self, name: &Name) -> Result<Option<Vec<u8>>, ArchiveError> {
        if self.is_scratch() {
            return Ok(None);
        }
        let path = self.path.join(layout::crl(name));
        match std::fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(ArchiveError::Io { path, error }),
        }
    }

    /// Takes the trusted root and the signing config in. Only what broke no rule can come here.
    pub fn trust_root(
        &mut self,
        time: Time,
        step: &str,
        spec: Value,
        passed: &Passed,
    ) -> Result<(), ArchiveError> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let event = Event::TrustRootAssembled {
            step: step.to_string(),
            spec,
            trusted_root: text(passed.trusted_root.bytes()),
            signing_config: text(passed.signing_config.bytes()),
        };
        self.commit(time, event, Vec::new())
    }

    /// Takes a signature over a role's metadata in. Only one that was verified can come here.
    pub fn role_signature(
        &mut self,
        time: Time,
        step: &str,
        (role, version, key): (Role, u64, &Name),
        spec: Value,
        bytes: &[u8],
        signed: &Signed<RoleSignature>,
    ) -> Result<(), ArchiveError> {
        let event = Event::MetadataSigned {
            step: step.to_string(),
            role,
            version,
            key: key.clone(),
            spec,
            keyid: signed.document().keyid.clone(),
            signature: signed.document().sig.clone(),
            signed: crate::pki::sha256_hex(bytes),
        };
        self.commit(time, event, Vec::new())
    }

    /// Publishes a role's metadata: the file that [`crate::tuf::envelope()`] made, whose signatures
    /// reach the threshold.
    pub fn publish(
        &mut self,
        time: Time,
        step: &str,
        (role, version): (Role, u64),
        spec: Value,
        file: &[u8],
    ) -> Result<(), ArchiveError> {
        let content = String::from_utf8_lossy(file).into_owned();
        let event = Event::MetadataPublished { step: step.to_string(), role, version, spec, content };
        self.commit(time, event, Vec::new())
    }

    /// Records a canary's signature. Only one that was verified can come here.
    pub fn canary_signature<T>(
        &mut self,
        time: Time,
        (canary, step, part): (&Name, &str, CanaryPart),
        key: &Name,
        bytes: &[u8],
        signed: &Signed<T>,
    ) -> Result<(), ArchiveError> {
        let event = Event::CanarySigned {
            step: step.to_string(),
            canary: canary.clone(),
            part,
            key: key.clone(),
            signed: crate::pki::sha256_hex(bytes),
            signature: BASE64.encode(signed.signature().as_bytes()),
        };
        self.commit(time, event, Vec::new())
    }

    /// Takes a person's approval of a plan in. Only one that was verified can come here.
    pub fn approval(
        &mut self,
        time: Time,
        (plan, person): (&str, &Name),
        endorsed: &Endorsed,
    ) -> Result<(), ArchiveError> {
        let signatures = vec![endorsed.signature().clone()];
        let file = Envelope { payload: endorsed.payload().to_vec(), signatures }.file();
        let event = Event::ApprovalRecorded {
            plan: plan.to_string(),
            person: person.clone(),
            key: endorsed.key().to_string(),
            envelope: String::from_utf8_lossy(&file).into_owned(),
        };
        self.commit(time, event, Vec::new())
    }

    /// Takes a person's signature under a seal in, or under an objection to it. Only one that was verified
    /// can come here.
    pub fn seal_signature(
        &mut self,
        time: Time,
        (seal, step, person): (u64, &str, &Name),
        endorsed: &Endorsed,
        objects: bool,
    ) -> Result<(), ArchiveError> {
        let text = || String::from_utf8_lossy(endorsed.payload()).into_owned();
        let event = Event::SealSigned {
            step: step.to_string(),
            seal,
            person: person.clone(),
            key: endorsed.key().to_string(),
            keyid: endorsed.signature().keyid.clone(),
            signature: endorsed.signature().sig.clone(),
            signed: sha256_hex(&dsse::pae(endorsed.payload())),
            objection: objects.then(text),
        };
        self.commit(time, event, Vec::new())
    }
}
