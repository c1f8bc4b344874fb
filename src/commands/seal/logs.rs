//! What is submitted to transparency logs, and the proofs that come back.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::super::recovery::Section;
use super::super::{Code, Failure, Output, signer};
use super::told;
use crate::archive::{Archive, Event, Record, State, layout};
use crate::ceremony::clock::Clock;
use crate::evidence::transparency::Signed;
use crate::pki::PublicKey;
use crate::pki::dsse::{Envelope, EnvelopeSignature};
use crate::plan::Name;
use crate::prove::examine::log;

/// How what logs answer comes back.
const HOW_TO_BRING: &str = "\
Bring the answers back:
  rootwright seal ARCHIVE --site SITE --proof ANSWER --trusted-root trusted_root.json          (Rekor)
  rootwright seal ARCHIVE --site SITE --proof FILE.proof --sigsum-policy POLICY --submitter KEY.pub   (Sigsum)
";

/// A signature by a person under a statement.
pub(super) struct Voice {
    /// The file in `evidence/` that has it.
    pub(super) of: String,
    person: Name,
    /// The statement's text.
    pub(super) payload: Vec<u8>,
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

/// Every signature under an approval, a seal or an objection, as the journal has it: who signed may be in no plan any more.
pub(super) fn voices(state: &State, records: &[Record]) -> Vec<Voice> {
    let public = |signature: &EnvelopeSignature| {
        let mut keys = state.keys.values().map(|made| &made.public);
        keys.find(|key| key.fingerprint() == signature.keyid).cloned()
    };
    let voice = |record: &Record| {
        let (of, person, payload, signature) = match &record.event {
            Event::ApprovalRecorded { plan, person, envelope, .. } => {
                let envelope = Envelope::parse(envelope.as_bytes()).ok()?;
                let signature = envelope.signatures.into_iter().next()?;
                (layout::approval(plan, person), person, envelope.payload, signature)
            }
            Event::SealSigned { seal, person, keyid, signature, objection, .. } => {
                let (of, statement) = match objection {
                    Some(text) => (layout::objection(*seal, person), text),
                    None => {
                        let signed = state.seals.iter().find(|found| found.number == *seal)?;
                        (layout::seal(*seal), &signed.statement)
                    }
                };
                let signature = EnvelopeSignature { keyid: keyid.clone(), sig: signature.clone() };
                (of, person, statement.clone().into_bytes(), signature)
            }
            _ => return None,
        };
        let public = public(&signature);
        Some(Voice { of, person: person.clone(), payload, signature, public })
    };
    records.iter().filter_map(voice).collect()
}

/// Writes a request for each signature that Rekor takes, and a message for Sigsum for each statement.
pub(super) fn write_requests(
    output: &Output,
    (state, records): (&State, &[Record]),
    folder: &Path,
) -> Result<Code, Failure> {
    let (mut files, mut left_out) = (Vec::new(), Vec::new());
    for voice in voices(state, records) {
        let stem = voice.of.trim_start_matches("evidence/").trim_end_matches(".dsse.json");
        let signed = voice.signed();
        let signature = format!("{stem}.{}", voice.person);
        let (message, body) = signer::log_requests(folder, (stem, &signature), &voice.payload, signed)?;
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
        text.push_str(HOW_TO_BRING);
        text
    })?;
    Ok(Code::Done)
}

/// What came back, once it is verified.
pub(super) struct Proof {
    /// What it is of, whose, and by which log; and the proof itself.
    pub(super) event: Event,
    /// Where it is kept.
    pub(super) place: String,
    /// What it proves, in words.
    pub(super) said: String,
}

/// Takes in what logs answered: each is of something that the archive has, and verifies.
pub(super) fn take_proofs(
    output: &Output,
    (archive, clock): (&mut Archive, Clock),
    files: &[PathBuf],
    judge: impl Fn((&State, &[Record]), &[u8]) -> Result<Proof, String>,
) -> Result<Code, Failure> {
    let mut taken = Vec::new();
    for file in files {
        let bytes = read(file)?;
        let proof = judge((archive.state(), archive.records()), &bytes).map_err(|reason| {
            Failure::refused(Section::Seal, format!("{}: {reason}", file.display()))
                .help("nothing of it was written")
        })?;
        // Brought again, after an interruption say, or a later proof of the same: one is enough.
        if archive.records().iter().flat_map(|record| &record.files).any(|file| file.path == proof.place) {
            told::note(&format!("{} is there already, and stays as it is", proof.place));
        } else {
            archive.record(clock.now(), proof.event.clone())?;
        }
        taken.push(proof);
    }
    let document: Vec<Value> = taken.iter().map(Proof::document).collect();
    output.result(&json!({"proofs": document, "head": archive.head()}), || {
        taken.iter().map(|proof| format!("{}: {}\n", proof.said, proof.place)).collect()
    })?;
    Ok(Code::Done)
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
}

impl Proof {
    fn document(&self) -> Value {
        match &self.event {
            Event::ProofRecorded { host, person, .. } => {
                json!({"file": self.place, "log": host, "person": person, "said": self.said})
            }
            _ => Value::Null,
        }
    }
}

/// A proof of Rekor: of a signature that the archive has, in a log that the trusted root has.
pub(super) fn of_rekor(
    (state, records): (&State, &[Record]),
    root: &[u8],
    entry: &[u8],
) -> Result<Proof, String> {
    let (host, key) = log::log_of(entry, root)?;
    let mut why = "it is of no signature of this archive".to_string();
    for voice in voices(state, records) {
        let Some(expected) = voice.signed().and_then(|signed| signed.rekor_entry()) else { continue };
        match log::logged(entry, (&host, &key), &expected) {
            Ok(_) => {
                let place = layout::proof(&voice.of, Some(&voice.person), &host);
                let said = format!("{host} has the signature of {}", voice.person);
                let event = Event::ProofRecorded {
                    of: voice.of,
                    person: Some(voice.person),
                    host,
                    log: data_encoding::BASE64.encode(&key),
                    entry: String::from_utf8_lossy(entry).into_owned(),
                    sigsum: None,
                };
                return Ok(Proof { event, place, said });
            }
            Err(reason) => why = reason,
        }
    }
    Err(why)
}
