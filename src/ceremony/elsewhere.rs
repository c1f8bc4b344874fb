//! Keyholders who are elsewhere: what `run` asks of them, and how it takes what they answer.
//!
//! One request goes to each key that is missing, with every document that it can sign by now: root and
//! targets together, since neither waits for the other's signatures. Answers are verified as what devices
//! here return is: by the rules, and in software, before anything is written.

pub mod judge;
pub mod sign;

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::engine::Engine;
use super::signers::{self, Place};
use super::{CeremonyError, Status, StepReport};
use crate::archive::{Event, Role, State, layout};
use crate::difference::{self, Action, Step, order};
use crate::pki::{self, PublicKey, sha256_hex};
use crate::plan::Name;
use crate::trust_root::{ClientFile, SigningConfig, TrustedRoot};
use crate::tuf::Metadata;
use crate::tuf::request::{self, Answer, Asked, Document, Published, Request, Signature, Signer};

/// How long a request is good for, in days, unless what it asks for expires before.
pub const DAYS: i64 = 30;

/// An answer that somebody sent, as it was found.
#[derive(Clone, Debug)]
pub struct Received {
    /// The file.
    pub path: PathBuf,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// An answer that is not taken.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct Refused {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}

impl Engine<'_> {
    /// Takes answers, each whole or not at all. One that was taken already is passed over.
    pub fn take_answers(
        &mut self,
        received: &[Received],
        steps: &[Step],
        reports: &mut [StepReport],
    ) -> Result<(), CeremonyError> {
        for Received { path, bytes } in received {
            let refused = |reason: String| Refused { path: path.clone(), reason };
            let answer = Answer::parse(bytes).map_err(|error| refused(error.to_string()))?;
            let signatures = answer.signatures().map_err(|error| refused(error.to_string()))?;
            if signatures.is_empty() {
                return Err(refused("it has no signature".into()).into());
            }
            let known = self.archive.state().answers.contains(&sha256_hex(bytes));
            let mut taken = Vec::new();
            for signature in signatures {
                let found = self.expected(&answer, &signature, steps);
                match found? {
                    Expected::Wanted(step, key) => taken.push((step, key, signature)),
                    Expected::There => {}
                    Expected::Published if known => {}
                    Expected::Published => {
                        return Err(refused(format!(
                            "{} is published already, or was never asked for",
                            signature.asked()
                        ))
                        .into());
                    }
                    Expected::No(reason) => return Err(refused(reason).into()),
                }
            }
            if taken.is_empty() {
                if !known && matches!(answer, Answer::Response(_)) {
                    let reason = "this key has signed already: a signature counts once".to_string();
                    return Err(refused(reason).into());
                }
                self.console.note(&format!("{}: nothing in it is missing here", path.display()));
                continue;
            }
            let ids: Vec<String> = taken.iter().map(|(step, ..)| step.id.clone()).collect();
            self.take_answer((path, bytes), known, taken)?;
            let ours = reports.iter_mut().filter(|report| ids.contains(&report.id));
            ours.for_each(|report| report.status = Status::Made);
        }
        Ok(())
    }

    /// Verifies all signatures of an answer, and only then records it and them.
    fn take_answer(
        &mut self,
        (path, bytes): (&PathBuf, &[u8]),
        known: bool,
        taken: Vec<(Step, Name, Signature)>,
    ) -> Result<(), CeremonyError> {
        let refused = |reason: String| Refused { path: path.clone(), reason };
        let mut signed = Vec::new();
        for (step, key, signature) in taken {
            let draft = self.draft_metadata(signature.role, &key)?;
            let bytes = draft.bytes.clone();
            let linted = draft.lint(self.rules)?;
            self.console.warnings(linted.warnings());
            let raw =
                data_encoding::HEXLOWER_PERMISSIVE.decode(signature.sig.as_bytes()).map_err(|error| {
                    refused(format!("the signature of {} is not hex: {error}", signature.keyid))
                })?;
            let made = linted.attach(pki::Signature(raw)).map_err(|error| {
                refused(format!("the signature of {key} over {} does not verify: {error}", signature.asked()))
            })?;
            signed.push((step, key, signature, bytes, made));
        }
        let Some((_, key, ..)) = signed.first() else { return Ok(()) };
        if !known {
            let content = String::from_utf8(bytes.to_vec()).map_err(|error| refused(error.to_string()))?;
            let (key, ceremony) = (key.clone(), self.ceremony().folder().map_err(unwritable)?);
            self.archive.record(self.clock.now(), Event::ResponseTaken { key, ceremony, content })?;
        }
        for (step, key, signature, bytes, made) in signed {
            let spec = difference::role_spec(self.plan, signature.role).unwrap_or_default();
            let place = (signature.role, signature.version, &key);
            self.archive.role_signature(self.clock.now(), &step.id, place, spec, &bytes, &made)?;
            self.console.note(&format!("{key} signed {}, elsewhere", signature.asked()));
        }
        Ok(())
    }

    /// What a signature of an answer is to this ceremony.
    fn expected(
        &mut self,
        answer: &Answer,
        signature: &Signature,
        steps: &[Step],
    ) -> Result<Expected, CeremonyError> {
        let role = signature.role;
        let pending: Vec<&Step> = steps.iter().filter(|step| !step.done).collect();
        let publishes = Action::Publish { role };
        if !pending.iter().any(|step| step.action == publishes) {
            return Ok(Expected::Published);
        }
        let Some(asked) = self.asked(role, &pending)? else {
            return Ok(Expected::No(format!("nobody is asked to sign {role} yet")));
        };
        if asked != signature.asked() {
            return Ok(Expected::No(format!(
                "it signs {}, and what is asked for now is {asked}: was the plan changed since?",
                signature.asked()
            )));
        }
        let metadata = self.next_metadata(role)?;
        let root = self.root_over(role)?;
        let listed = crate::tuf::may_sign(&metadata, root.as_ref());
        let Some(public) = listed.get(signature.keyid.as_str()).and_then(|key| key.public().ok()) else {
            return Ok(Expected::No(format!("the key {} has no part in {role}", signature.keyid)));
        };
        let state = self.archive.state();
        let Some((name, _)) = state.keys.iter().find(|(_, made)| made.public == public) else {
            return Ok(Expected::No(format!("the key {} is not the archive's", signature.keyid)));
        };
        if let Answer::Response(response) = answer
            && (response.signer.key != *name || response.signer.fingerprint != public.fingerprint())
        {
            return Ok(Expected::No(format!(
                "it says that it is of the key {}, and is signed under the id of {name}",
                response.signer.key
            )));
        }
        let name = name.clone();
        let made = state.signatures.get(&(role, signature.version, name.clone()));
        if let Some(made) = made.filter(|made| made.signed == signature.sha256) {
            return Ok(if made.signature.eq_ignore_ascii_case(&signature.sig) {
                Expected::There
            } else {
                Expected::No(format!("{name} has signed {asked} already: a signature counts once"))
            });
        }
        let wanted = pending.into_iter().find(|step| {
            matches!(&step.action, Action::SignMetadata { role: signed, signer } if *signed == role && *signer == name)
        });
        Ok(match wanted {
            None => Expected::No(format!("{name} is not asked to sign {role}")),
            Some(step) if signers::place(self.people, self.archive.state(), step) == Place::Here => {
                Expected::No(format!("{name} signs here: the site does not say that the key is elsewhere"))
            }
            Some(step) => Expected::Wanted(step.clone(), name),
        })
    }

    /// The document of a role that is asked for now; none where it is not known yet what it will say.
    fn asked(&mut self, role: Role, pending: &[&Step]) -> Result<Option<Asked>, CeremonyError> {
        Ok(self.document(role, pending)?.map(|document| document.asked()))
    }

    /// The document of a role that shall be signed now; none where it rests on a step that is left.
    fn document(&mut self, role: Role, pending: &[&Step]) -> Result<Option<Document>, CeremonyError> {
        let publishes = Action::Publish { role };
        let open = pending.iter().any(|step| step.action == publishes);
        if !open || pending.iter().any(|other| order::rests_on(role, other)) {
            return Ok(None);
        }
        let metadata = self.next_metadata(role)?;
        let targets = match (&metadata, &self.archive.state().trust_root) {
            (Metadata::Targets(_), Some(made)) => BTreeMap::from([
                (TrustedRoot::FILE.to_string(), made.trusted_root.clone()),
                (SigningConfig::FILE.to_string(), made.signing_config.clone()),
            ]),
            _ => BTreeMap::new(),
        };
        Ok(Some(Document::of(&metadata, targets).map_err(unwritable)?))
    }

    /// Writes a request for each key elsewhere whose signature is missing, and says where. A request that
    /// asks for the same, and is still good, stays as it is.
    pub(super) fn ask_elsewhere(
        &mut self,
        away: &[&Step],
        rest: &[&Step],
    ) -> Result<BTreeMap<Name, String>, CeremonyError> {
        let mut asked: BTreeMap<Name, Vec<Document>> = BTreeMap::new();
        let pending: Vec<&Step> = away.iter().chain(rest).copied().collect();
        for step in away {
            let Action::SignMetadata { role, signer } = &step.action else { continue };
            // What is published by now needs nobody any more.
            let open = rest.iter().any(|step| step.action == Action::Publish { role: *role });
            if !open || signers::place(self.people, self.archive.state(), step) != Place::Elsewhere {
                continue;
            }
            let Some(document) = self.document(*role, &pending)? else { continue };
            let made = self.archive.state().signatures.get(&(*role, document.version, signer.clone()));
            if made.is_none_or(|made| made.signed != document.sha256) {
                asked.entry(signer.clone()).or_default().push(document);
            }
        }
        let mut written = BTreeMap::new();
        for (key, documents) in asked {
            let ceremony = self.ceremony();
            let folder = ceremony.folder().map_err(unwritable)?;
            let path = layout::request(&folder, &key);
            let known = self.archive.state().requested.get(&key);
            let same = known.is_some_and(|known| {
                known.ceremony == folder
                    && known.documents == documents.iter().map(Document::asked).collect::<Vec<_>>()
                    && known.expires.is_some_and(|expires| self.clock.now() < expires)
            });
            if !same {
                self.write_request(&key, ceremony, documents)?;
            }
            written.insert(key, path);
        }
        Ok(written)
    }

    fn write_request(
        &mut self,
        key: &Name,
        ceremony: request::Ceremony,
        documents: Vec<Document>,
    ) -> Result<(), CeremonyError> {
        let now = self.clock.now();
        let first = documents.iter().filter_map(|document| document.metadata().ok());
        let first = first.map(|metadata| metadata.head().expires).min();
        let most = now.shifted(DAYS).unwrap_or(now);
        let folder = ceremony.folder().map_err(unwritable)?;
        let mut request = Request {
            media_type: request::REQUEST.into(),
            ceremony,
            rehearsal: self.rehearsal,
            written: now,
            expires: first.map_or(most, |first| first.min(most)),
            signer: self.signer(key)?,
            published: self.published()?,
            documents,
            changes: Vec::new(),
        };
        // The words are those that whoever signs will see.
        let judged = judge::judge(&request, now, self.rules).map_err(|error| {
            CeremonyError::Missing(format!("the request to {key} would not be signed: {error}"))
        })?;
        request.changes = words(&judged);
        let documents = request.documents.iter().map(Document::asked).collect();
        let mut content = serde_json::to_string_pretty(&request)
            .map_err(|error| unwritable(request::Unreadable(error.to_string())))?;
        content.push('\n');
        let event = Event::SignatureRequested { key: key.clone(), ceremony: folder, documents, content };
        Ok(self.archive.record(now, event)?)
    }

    fn signer(&self, key: &Name) -> Result<Signer, CeremonyError> {
        let public: PublicKey = self.public(key)?;
        let state = self.archive.state();
        let made = state.keys.get(key);
        let device = made.and_then(|made| made.device.clone());
        Ok(Signer {
            keyholder: made.and_then(|made| made.keyholder.clone()),
            key: key.clone(),
            fingerprint: public.fingerprint(),
            serial: device.as_ref().and_then(|device| state.devices.get(device).cloned()),
            device,
        })
    }

    /// What clients have now.
    fn published(&self) -> Result<Published, CeremonyError> {
        let state = self.archive.state();
        let mut published = Published::default();
        for role in Role::ALL {
            if let Some(newest) = state.newest(role) {
                let value = serde_json::from_str(&newest.content)
                    .map_err(|error| unwritable(request::Unreadable(error.to_string())))?;
                published.metadata.insert(role, value);
            }
        }
        published.targets = state.published_targets.clone();
        Ok(published)
    }

    fn ceremony(&self) -> request::Ceremony {
        let state = self.archive.state();
        request::Ceremony {
            name: (*self.plan.ceremony.name).clone(),
            date: self.plan.ceremony.date,
            plan: state.plans.last().cloned().unwrap_or_default(),
        }
    }
}

/// Refuses answers where nothing is missing, but for those that were taken already.
pub fn nothing_asked(received: &[Received], state: &State) -> Result<(), Refused> {
    let strange = received.iter().find(|answer| !state.answers.contains(&sha256_hex(&answer.bytes)));
    match strange {
        None => Ok(()),
        Some(Received { path, .. }) => {
            let reason = "nobody is asked for anything: all that the plan says is made".into();
            Err(Refused { path: path.clone(), reason })
        }
    }
}

/// What a signature of an answer is to a ceremony.
enum Expected {
    /// It is missing, for this step, by this key.
    Wanted(Step, Name),
    /// It is there already.
    There,
    /// Nobody is asked for the role any more.
    Published,
    /// It is refused, for this reason.
    No(String),
}

/// What judged documents change, in words.
pub fn words(judged: &[judge::Judged]) -> Vec<String> {
    let changes = judged.iter().flat_map(|judged| &judged.changes);
    changes.map(|change| format!("{}: {}", change.place, change.what)).collect()
}

fn unwritable(error: request::Unreadable) -> CeremonyError {
    CeremonyError::Missing(format!("a request can't be written: {error}"))
}
