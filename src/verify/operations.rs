//! What private keys did, by the journal: every use intended before it, over the bytes that came of it,
//! and a CA's key for certificates and CRLs alone.

use std::collections::{BTreeMap, BTreeSet};

use data_encoding::BASE64;

use super::elsewhere::{self, Brought};
use super::files::JOURNAL;
use super::report::{Area, Entry, Sheet};
use super::signature::{sha256_hex, signed_part};
use crate::archive::{Event, Record, ToBeSigned};

/// Checks every generation and every signature against its intent.
pub fn check(records: &[Record], sheet: &mut Sheet) {
    let mut entry = sheet.on(Area::Journal, JOURNAL);
    let mut open = BTreeMap::new();
    entry.judge(generated(records, &mut open));
    for (step, line) in open {
        entry.warning(format!(
            "line {line}: {step} was intended and has no result; the device may hold the key"
        ));
    }
    let uses = Uses::read(records, &mut entry);
    uses.judge(&mut entry);
}

/// Every key that a device generated was intended before, on that device and with that algorithm, and
/// the device was the one that had been opened.
///
/// `open` are the steps that were intended and have no result, and the lines of their intents.
fn generated<'a>(records: &'a [Record], open: &mut BTreeMap<&'a str, u64>) -> Result<String, String> {
    let (mut intended, mut opened, mut copying) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    let mut copied = Vec::new();
    let (mut made, mut adopted, mut discarded) = (0_usize, Vec::new(), Vec::new());
    for record in records {
        match &record.event {
            Event::DeviceOpened { device, claims } => {
                opened.insert(device, claims);
            }
            Event::HalfKeyDiscarded { key, .. } => discarded.push(key.as_str()),
            Event::KeyIntended { step, key, device, algorithm } => {
                open.insert(step, record.seq);
                intended.insert(step, (key, device, *algorithm));
            }
            Event::KeyMade { step, key, adopted: found, .. } => {
                let Some(device) = &key.device else { continue };
                open.remove(step.as_str());
                if intended.remove(step) != Some((&key.name, device, key.algorithm)) {
                    return Err(format!(
                        "line {}: the key {} was made on {device} without such an intent before it",
                        record.seq, key.name
                    ));
                }
                if key.device_claims.as_ref() != opened.get(device).copied() {
                    return Err(format!(
                        "line {}: the key {} was made by another device than the one opened as {device}",
                        record.seq, key.name
                    ));
                }
                made = made.saturating_add(1);
                adopted.extend(found.then_some(key.name.as_str()));
            }
            Event::CopyIntended { step, key, from, to } => {
                open.insert(step, record.seq);
                copying.insert(step, (key, to));
                let held = records.iter().any(|earlier| {
                    matches!(&earlier.event, Event::KeyMade { key: made, .. } if made.name == *key
                        && made.device.as_ref() == Some(from)
                        && made.attributes.get("CKA_EXTRACTABLE") != Some(&false.into()))
                });
                if !held {
                    return Err(format!(
                        "line {}: a copy of {key} was begun, and {from} had made no such key that may be copied",
                        record.seq
                    ));
                }
            }
            Event::CopyMade { step, copy, .. } => {
                open.remove(step.as_str());
                let claims = opened.get(&copy.device).copied();
                if copying.remove(step) != Some((&copy.name, &copy.device))
                    || claims != Some(&copy.device_claims)
                {
                    return Err(format!(
                        "line {}: the copy of {} was made without such an intent before it, or on another device than the one opened as {}",
                        record.seq, copy.name, copy.device
                    ));
                }
                copied.push(copy.name.as_str());
            }
            _ => {}
        }
    }
    let mut said = format!("{made} keys were generated, each intended before");
    for (what, names) in [
        ("taken over after an interruption", adopted),
        ("begun, cut off, discarded and begun again", discarded),
        ("copied to a second device, and proved there", copied),
    ] {
        if !names.is_empty() {
            said.push_str(&format!("; {what}: {}", names.join(", ")));
        }
    }
    Ok(said)
}

/// What a signature is for.
enum Use {
    /// A certificate or a CRL.
    Issues,
    /// A request for a certificate of the key that signs.
    Request,
    /// Anything else.
    Other,
}

/// The uses of private keys.
#[derive(Default)]
struct Uses<'a> {
    /// Intents without a result yet, by step: the line, the key, and SHA-256 of the bytes.
    open: BTreeMap<&'a str, (u64, &'a str, String)>,
    /// Intents that had no result when other bytes were intended for the step: the line, the key, the step.
    abandoned: Vec<(u64, &'a str, &'a str)>,
    /// Keys that signed certificates and CRLs.
    authorities: BTreeSet<&'a str>,
    /// Keys that signed other things: which, and where.
    others: Vec<(&'a str, u64, &'a str)>,
    /// Requests that keys signed for their own certificates.
    requests: usize,
    /// Signatures whose intent is in the journal.
    here: usize,
    /// Signatures that were made again after an interruption: the device may have signed twice.
    repeated: usize,
    /// Signatures that came by request and response from a keyholder who is elsewhere.
    elsewhere: usize,
    /// What answers from elsewhere brought so far.
    brought: BTreeSet<Brought>,
    /// Whether something was wrong.
    wrong: bool,
}

impl<'a> Uses<'a> {
    fn read(records: &'a [Record], entry: &mut Entry<'_>) -> Self {
        let mut uses = Self::default();
        for record in records {
            if let Err(reason) = uses.take(record) {
                uses.wrong = true;
                entry.failed(format!("line {}: {reason}", record.seq));
            }
        }
        uses
    }

    fn take(&mut self, record: &'a Record) -> Result<(), String> {
        let (step, found, signer, what) = match &record.event {
            Event::SignatureIntended { step, key, to_be_signed, .. } => {
                let hash = intended(to_be_signed).map_err(|error| format!("{step}: {error}"))?;
                let before = self.open.insert(step, (record.seq, key.as_str(), hash.clone()));
                if let Some((line, key, _)) = before.filter(|(_, _, before)| *before != hash) {
                    self.abandoned.push((line, key, step));
                }
                return Ok(());
            }
            Event::SignatureRepeated { step, .. } => {
                self.repeated = self.repeated.saturating_add(1);
                let open = self.open.contains_key(step.as_str());
                return if open { Ok(()) } else { Err(format!("{step} was repeated without an intent")) };
            }
            Event::CertificateSigned { step, der, .. } => {
                (step, covered(der).ok_or_else(|| format!("{step}: not DER"))?, None, Use::Issues)
            }
            Event::CsrSigned { step, der, .. } => {
                (step, covered(der).ok_or_else(|| format!("{step}: not DER"))?, None, Use::Request)
            }
            // That these are the signed bytes of the file, the check of the CRL finds.
            Event::CrlSigned { step, signed, .. } => (step, signed.clone(), None, Use::Issues),
            Event::ResponseTaken { content, .. } => {
                // One that can't be read is said to be that where answers are checked.
                self.brought.extend(elsewhere::answered(content).unwrap_or_default());
                return Ok(());
            }
            Event::MetadataSigned { step, signed, key, keyid, signature, .. } => {
                let brought = (keyid.clone(), signature.clone(), signed.clone());
                if !self.open.contains_key(step.as_str()) && !self.brought.contains(&brought) {
                    return Err(format!(
                        "{step} was signed without an intent before it, and no answer from elsewhere brought it"
                    ));
                }
                (step, signed.clone(), Some(key.as_str()), Use::Other)
            }
            Event::CanarySigned { step, signed, key, part, .. } => {
                if !self.open.contains_key(step.as_str()) {
                    return Err(format!("{step} was signed without an intent before it"));
                }
                {
                    let what = if part.is_certificate() { Use::Issues } else { Use::Other };
                    (step, signed.clone(), Some(key.as_str()), what)
                }
            }
            // No device of the ceremony made one of SSH.
            Event::SealSigned { signature, .. } if is_ssh(signature) => return Ok(()),
            Event::SealSigned { step, signed, .. } => {
                if !self.open.contains_key(step.as_str()) {
                    return Err(format!("{step} was signed without an intent before it"));
                }
                (step, signed.clone(), None, Use::Other)
            }
            _ => return Ok(()),
        };
        match (self.open.remove(step.as_str()), signer) {
            (None, Some(_)) => self.elsewhere = self.elsewhere.saturating_add(1),
            (None, None) => return Err(format!("{step} was signed without an intent before it")),
            (Some((line, _, expected)), _) if found != expected => {
                return Err(format!("{step} is over other bytes than line {line} intended"));
            }
            (Some((line, key, _)), Some(signer)) if signer != key => {
                return Err(format!("{step} was signed by {signer}, but line {line} intended {key}"));
            }
            (Some((_, key, _)), _) => {
                self.here = self.here.saturating_add(1);
                match what {
                    Use::Issues => _ = self.authorities.insert(key),
                    Use::Other => self.others.push((key, record.seq, step)),
                    // Whoever is to be certified shows that it holds its key.
                    Use::Request => self.requests = self.requests.saturating_add(1),
                }
            }
        }
        Ok(())
    }

    fn judge(self, entry: &mut Entry<'_>) {
        let mut wrong = self.wrong;
        for (key, line, step) in self.others.iter().filter(|(key, _, _)| self.authorities.contains(key)) {
            wrong = true;
            entry.failed(format!(
                "line {line}: {key}, whose key signs certificates and CRLs and nothing else, signed {step}"
            ));
        }
        if !wrong {
            let elsewhere = match self.elsewhere {
                0 => String::new(),
                count => format!("; {count} more came from keyholders elsewhere"),
            };
            let repeated = match self.repeated {
                0 => String::new(),
                count => format!("; {count} were made again after an interruption, over the same bytes"),
            };
            entry.ok(format!(
                "{} signatures were made, each intended before, over the same bytes{repeated}{elsewhere}",
                self.here
            ));
            entry.ok(match self.requests {
                0 => "keys that sign certificates and CRLs sign nothing else".into(),
                count => format!(
                    "keys that sign certificates and CRLs sign nothing else, but {count} requests for certificates of their own"
                ),
            });
        }
        for (line, key, step) in self.abandoned {
            entry.warning(format!(
                "line {line}: {step} was intended with {key}, over other bytes than afterwards, and has no result; the device may have signed"
            ));
        }
        for (step, (line, key, _)) in self.open {
            entry.warning(format!(
                "line {line}: {step} was intended with {key} and has no result; the device may have signed"
            ));
        }
    }
}

fn is_ssh(signature: &str) -> bool {
    BASE64.decode(signature.as_bytes()).is_ok_and(|signature| signature.starts_with(super::ssh::MAGIC))
}

/// SHA-256 of what was about to be signed.
fn intended(to_be_signed: &ToBeSigned) -> Result<String, String> {
    match to_be_signed {
        ToBeSigned::Bytes(text) => {
            let bytes = BASE64.decode(text.as_bytes()).map_err(|error| format!("not base64: {error}"))?;
            Ok(sha256_hex(&bytes))
        }
        ToBeSigned::Digest(digest) => Ok(digest.sha256.clone()),
    }
}

/// SHA-256 of what the signature of a certificate covers.
fn covered(der: &str) -> Option<String> {
    signed_part(&BASE64.decode(der.as_bytes()).ok()?).map(sha256_hex)
}
