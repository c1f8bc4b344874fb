//! What is submitted to transparency logs, and the proofs that come back.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::super::recovery::Section;
use super::super::{Code, Failure, Output, signer};
use super::told;
use crate::archive::{Archive, Event, State, layout};
use crate::ceremony::clock::Clock;
use crate::evidence::signer::Signers;
use crate::evidence::transparency::Signed;
use crate::pki::PublicKey;
use crate::pki::dsse::{Envelope, EnvelopeSignature};
use crate::plan::{Name, Plan};
use crate::prove::examine::log;

/// A signature by a person under a statement.
struct Voice {
    /// The file in `evidence/` that has it.
    of: String,
    person: Name,
    payload: Vec<u8>,
    signature: EnvelopeSignature,
    /// The key on the person's device; none where they signed with SSH.
    public: Option<PublicKey>,
}

impl Voice {
    fn signed(&self) -> Option<Signed<'_>> {
        let public = self.public.as_ref()?;
        Some(Signed { payload: &self.payload, signature: &self.signature.sig, public })
    }
}

/// Every signature under an approval or a seal.
fn voices(state: &State, plan: &Plan) -> Vec<Voice> {
    let signers = Signers { plan, state };
    let public = |person: &Name, signature: &EnvelopeSignature| {
        signers.device(person).filter(|key| key.fingerprint() == signature.keyid).cloned()
    };
    let mut voices = Vec::new();
    for ((hash, person), text) in &state.approvals {
        let Ok(envelope) = Envelope::parse(text.as_bytes()) else { continue };
        let Some(signature) = envelope.signatures.into_iter().next() else { continue };
        let public = public(person, &signature);
        let (of, person) = (layout::approval(hash, person), person.clone());
        voices.push(Voice { of, person, payload: envelope.payload, signature, public });
    }
    for seal in &state.seals {
        for signature in &seal.signatures {
            let keys = plan.people.keys().find_map(|person| {
                let key = public(person, signature)?;
                seal.signed.contains_key(person).then_some((person.clone(), key))
            });
            let Some((person, key)) = keys else { continue };
            voices.push(Voice {
                of: layout::seal(seal.number),
                person,
                payload: seal.statement.clone().into_bytes(),
                signature: signature.clone(),
                public: Some(key),
            });
        }
    }
    voices
}

/// Writes a request for each signature that Rekor takes, and a message for Sigsum for each statement.
pub(super) fn write_requests(
    output: &Output,
    state: &State,
    plan: &Plan,
    folder: &Path,
) -> Result<Code, Failure> {
    let (mut files, mut left_out) = (Vec::new(), Vec::new());
    for voice in voices(state, plan) {
        let stem = voice.of.trim_start_matches("evidence/").trim_end_matches(".dsse.json");
        let signed = voice.signed();
        let (message, body) = signer::log_requests(folder, stem, &voice.person, &voice.payload, signed)?;
        if !files.contains(&message) {
            files.push(message);
        }
        match body {
            Some(name) => files.push(name),
            None => left_out.push(format!("{} under {}", voice.person, voice.of)),
        }
    }
    let document = json!({"folder": folder.display().to_string(), "files": files, "left-out": left_out});
    output.result(&document, || {
        let mut text = format!("{} files are in {}.\n", files.len(), folder.display());
        for voice in &left_out {
            text.push_str(&format!("Rekor takes no signature of this kind: {voice}.\n"));
        }
        text.push_str(signer::HOW_TO_LOG);
        text.push_str("Bring the log's answers back: rootwright seal ARCHIVE --site SITE --proof ANSWER --trusted-root trusted_root.json\n");
        text
    })?;
    Ok(Code::Done)
}

/// Whether the archive has a proof in this place.
fn has_proof(archive: &Archive, place: &str) -> bool {
    let mut files = archive.records().iter().flat_map(|record| &record.files);
    files.any(|file| file.path == place)
}

/// Takes in what logs answered: each is of a signature that the archive has, and verifies.
pub(super) fn take_proofs(
    output: &Output,
    (archive, clock): (&mut Archive, Clock),
    plan: &Plan,
    (files, root): (&[PathBuf], &Path),
) -> Result<Code, Failure> {
    let read = |path: &Path| {
        std::fs::read(path).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
    };
    let root = read(root)?;
    let voices = voices(archive.state(), plan);
    let mut taken = Vec::new();
    for file in files {
        let entry = read(file)?;
        let refused = |reason: String| {
            Failure::refused(Section::Seal, format!("{}: {reason}", file.display()))
                .help("nothing of it was written")
        };
        let (host, key) = log::log_of(&entry, &root).map_err(refused)?;
        let mut why = "it is of no signature of this archive".to_string();
        let found = voices.iter().find(|voice| {
            let expected = voice.signed().and_then(|signed| signed.rekor_entry());
            match expected.map(|expected| log::logged(&entry, (&host, &key), &expected)) {
                Some(Ok(_)) => true,
                Some(Err(reason)) => {
                    why = reason;
                    false
                }
                None => false,
            }
        });
        let Some(voice) = found else { return Err(refused(why)) };
        let event = Event::ProofRecorded {
            of: voice.of.clone(),
            person: voice.person.clone(),
            host: host.clone(),
            log: data_encoding::BASE64.encode(&key),
            entry: String::from_utf8_lossy(&entry).into_owned(),
        };
        let place = layout::proof(&voice.of, &voice.person, &host);
        // Brought again, after an interruption say, or a later proof of the same entry: one is enough.
        if has_proof(archive, &place) {
            told::note(&format!("{place} is there already, and stays as it is"));
        } else {
            archive.record(clock.now(), event)?;
        }
        taken.push((place, host, voice.person.clone()));
    }
    let document: Vec<_> = taken
        .iter()
        .map(|(file, host, person)| json!({"file": file, "log": host, "person": person}))
        .collect();
    output.result(&json!({"proofs": document, "head": archive.head()}), || {
        let lines = taken
            .iter()
            .map(|(file, host, person)| format!("{host} has the signature of {person}: {file}\n"));
        lines.collect()
    })?;
    Ok(Code::Done)
}
