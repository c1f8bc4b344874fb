//! Steps that make keys, and those that take over keys from elsewhere.

use std::path::Path;

use data_encoding::BASE64;

use super::CeremonyError;
use super::attestation;
use super::engine::Engine;
use crate::archive::{Event, KeyRecord};
use crate::difference::{self, Step};
use crate::lint;
use crate::pki::PublicKey;
use crate::plan::{Algorithm, Key, Name};
use crate::token::{DeviceReport, KeyReport, TokenError};

impl Engine<'_> {
    /// Intent, device, result. After an interruption the key may be there already.
    pub(super) fn generate(
        &mut self,
        step: &Step,
        key: &Name,
        device: &Name,
        algorithm: Algorithm,
    ) -> Result<(), CeremonyError> {
        let claims = self.open(device)?;
        let copied = self.plan.backup_of(key).is_some();
        let intended =
            Event::KeyIntended { step: step.id.clone(), key: key.clone(), device: device.clone(), algorithm };
        let interrupted = self.archive.state().open.get(&step.id) == Some(&intended);
        let orphan = if interrupted { self.orphan(key, device)? } else { None };
        let (report, adopted) = match orphan {
            Some(report) => {
                if let Some((what, found, expected)) = report.strange(key, algorithm, copied) {
                    let (key, device) = (key.clone(), device.clone());
                    return Err(CeremonyError::StrangeOrphan { key, device, what, found, expected });
                }
                self.console.note(&format!(
                    "{key} was generated on {device} before the interruption, and is taken over: label, id, algorithm, attributes and the journal's intent agree"
                ));
                (report, true)
            }
            None => {
                self.probe(device, key, algorithm)?;
                // Also when it was intended before: the journal counts what devices are asked to do.
                self.archive.record(self.clock.now(), intended)?;
                let token = self.token(device)?;
                let made = if copied {
                    token.generate_for_copy(key, algorithm)
                } else {
                    token.generate(key, algorithm)
                };
                (made?, false)
            }
        };
        self.refuse_known_key(key, &report.public)?;
        self.console.warnings(&lint::key::lint(key, &report.public, self.rules)?);
        if let Some((words, warnings)) = attestation::judge(key, &report, &claims, self.rules)? {
            self.console.note(&words);
            self.console.warnings(&warnings);
        }
        let mut record = key_record(key, Some((device, claims)), report, None);
        record.keyholder = self.plan.keyholder_of(key).cloned();
        let spec = difference::key_spec(self.plan, key);
        let event = Event::KeyMade { step: step.id.clone(), spec, adopted, key: Box::new(record) };
        Ok(self.archive.record(self.clock.now(), event)?)
    }

    /// What an interrupted generation left on the device: nothing, the key, or half of the pair, which
    /// can't sign, was never used, and is removed.
    fn orphan(&mut self, key: &Name, device: &Name) -> Result<Option<KeyReport>, CeremonyError> {
        match self.token(device)?.find(key) {
            Err(TokenError::HalfMade { discardable: true, .. }) => {
                let event = Event::HalfKeyDiscarded { key: key.clone(), device: device.clone() };
                self.archive.record(self.clock.now(), event)?;
                self.token(device)?.discard_half(key)?;
                self.console.note(&format!(
                    "the generation of {key} on {device} was cut off: the half that was there, which can't sign, is removed, and the key is generated anew"
                ));
                Ok(None)
            }
            found => Ok(found?),
        }
    }

    pub(super) fn import(&mut self, step: &Step, key: &Name) -> Result<(), CeremonyError> {
        let public = self.plan.public_keys().find(|(name, ..)| *name == key);
        if let Some((_, path, hash)) = public {
            return self.import_public(step, key, path, hash.as_str());
        }
        let Some(Key::Csr { csr, .. }) = self.plan.keys.get(key) else {
            return Err(CeremonyError::Missing(format!("the plan has no request for the key `{key}`")));
        };
        let path = self.folder.join(&**csr);
        let bytes =
            std::fs::read(&path).map_err(|error| CeremonyError::Input { path, reason: error.to_string() })?;
        let (request, findings) = lint::csr::lint(key, &bytes, self.plan, self.rules)?;
        self.console.warnings(&findings);
        self.refuse_known_key(key, &request.public)?;
        let report = KeyReport {
            public: request.public,
            id: String::new(),
            mechanism: "elsewhere".into(),
            attributes: Default::default(),
            attestation: None,
        };
        let record = key_record(key, None, report, Some(BASE64.encode(&request.der)));
        let spec = difference::key_spec(self.plan, key);
        let event = Event::KeyMade { step: step.id.clone(), spec, adopted: false, key: Box::new(record) };
        Ok(self.archive.record(self.clock.now(), event)?)
    }

    /// A key of which only the public half is known. A throwaway one stands in for it where all are drafted.
    fn import_public(
        &mut self,
        step: &Step,
        key: &Name,
        path: &Path,
        hash: &str,
    ) -> Result<(), CeremonyError> {
        let path = self.folder.join(path);
        let wrong = |reason: String| CeremonyError::Input { path: path.clone(), reason };
        let bytes = std::fs::read(&path).map_err(|error| wrong(error.to_string()))?;
        let read = match std::str::from_utf8(&bytes) {
            Ok(text) if text.contains("-----BEGIN") => PublicKey::from_pem(text),
            _ => PublicKey::from_spki(&bytes),
        };
        let public = read.map_err(|error| wrong(error.to_string()))?;
        if public.fingerprint() != hash {
            let found = public.fingerprint();
            return Err(wrong(format!("the key has SHA-256 {found}, and the plan names {hash}")));
        }
        self.console.warnings(&lint::key::lint(key, &public, self.rules)?);
        self.refuse_known_key(key, &public)?;
        let (report, device) = if self.archive.is_scratch() {
            (self.token(key)?.generate(key, public.algorithm())?, Some(key.clone()))
        } else {
            let (id, mechanism) = (String::new(), "elsewhere".to_string());
            (KeyReport { public, id, mechanism, attributes: Default::default(), attestation: None }, None)
        };
        let mut record = key_record(key, None, report, None);
        (record.device, record.keyholder) = (device, self.plan.keyholder_of(key).cloned());
        let spec = difference::key_spec(self.plan, key);
        let event = Event::KeyMade { step: step.id.clone(), spec, adopted: false, key: Box::new(record) };
        Ok(self.archive.record(self.clock.now(), event)?)
    }

    /// One key under two names would defeat every rule that counts keys.
    fn refuse_known_key(&self, key: &Name, public: &PublicKey) -> Result<(), CeremonyError> {
        let known =
            self.archive.state().keys.iter().find(|(name, made)| *name != key && made.public == *public);
        match known {
            Some((other, _)) => Err(CeremonyError::SameKey { key: key.clone(), other: other.clone() }),
            None => Ok(()),
        }
    }
}

fn key_record(
    name: &Name,
    device: Option<(&Name, DeviceReport)>,
    report: KeyReport,
    request: Option<String>,
) -> KeyRecord {
    let (device, claims) = device.map_or((None, None), |(name, claims)| (Some(name.clone()), Some(claims)));
    KeyRecord {
        name: name.clone(),
        algorithm: report.public.algorithm(),
        fingerprint: report.public.fingerprint(),
        public: BASE64.encode(report.public.spki()),
        device,
        keyholder: None,
        device_claims: claims,
        id: report.id,
        mechanism: report.mechanism,
        attributes: report.attributes,
        attestation: report.attestation.and_then(|record| serde_json::to_value(record).ok()),
        request,
    }
}
