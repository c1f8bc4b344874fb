//! Proofs of transparency logs: each verifies offline, under the keys that were recorded with it, and is of a
//! signature that the archive has (Rekor), or of a statement (Sigsum).

use aws_lc_rs::digest::{SHA256, SHA384, SHA512, digest};
use data_encoding::BASE64;
use serde_json::{Value, json};

use super::claims::Claims;
use super::envelope::{encoded, read_one};
use super::report::{Area, Sheet};
use super::signature::{Key, Kind, sha256, sha256_hex};
use super::ssh;
use crate::archive::event::SigsumTrust;
use crate::archive::{Event, Record};
use crate::plan::Time;
use crate::prove::examine::log;
use crate::prove::examine::sigsum::{self, policy::Policy};
use crate::site::Purpose;

/// Checks every proof.
pub fn check(records: &[Record], claims: &Claims<'_>, sheet: &mut Sheet) {
    for (at, record) in records.iter().enumerate() {
        let Event::ProofRecorded { of, person, host, log, entry, sigsum } = &record.event else { continue };
        // What was logged was there before.
        let before = records.get(..at).unwrap_or_default();
        let said = Said { of, host, log, entry, records: before, claims };
        match (person, sigsum) {
            (Some(person), None) => {
                sheet.on(Area::Evidence, format!("{of}, {person}")).judge(said.by_rekor(person.as_str()));
            }
            (None, Some(trust)) => {
                let judged = said.by_sigsum(trust);
                sheet.on(Area::Evidence, of).judge(judged.map(
                    |(what, seen)| match said.in_time(seen, records) {
                        Some(when) => format!("{what}; {when}"),
                        None => what,
                    },
                ));
            }
            _ => sheet.on(Area::Evidence, of).failed(format!(
                "line {}: a proof is of a person's signature (Rekor), or has a policy (Sigsum)",
                record.seq
            )),
        }
    }
}

/// A proof that was recorded.
struct Said<'a> {
    of: &'a str,
    host: &'a str,
    log: &'a str,
    entry: &'a str,
    records: &'a [Record],
    claims: &'a Claims<'a>,
}

impl Said<'_> {
    fn key(&self) -> Result<Vec<u8>, String> {
        BASE64.decode(self.log.as_bytes()).map_err(|error| format!("the log's key: {error}"))
    }

    /// Of a person's signature.
    fn by_rekor(&self, person: &str) -> Result<String, String> {
        let (Self { of, host, claims, .. }, key) = (self, self.key()?);
        let voices: Vec<(Vec<u8>, String, String)> =
            self.records.iter().filter_map(|record| voice(record, (of, person), claims)).collect();
        let mut why = format!("{person} signed nothing in {of} before");
        for (encoded, keyid, sig) in &voices {
            match expected(encoded, (keyid, sig), claims)
                .and_then(|expected| log::logged(self.entry.as_bytes(), (host, &key), &expected))
            {
                Ok(proved) => {
                    return Ok(format!(
                        "{host} (key SHA-256 {}) has the signature at index {}",
                        sha256_hex(&key),
                        proved.index
                    ));
                }
                Err(reason) => why = reason,
            }
        }
        Err(why)
    }

    /// What the witnesses' time shows of an approval: that the plan was there before its ceremony, or not. A
    /// rehearsal's clock says nothing of theirs.
    fn in_time(&self, seen: Option<Time>, records: &[Record]) -> Option<String> {
        let begun = records.iter().find_map(|record| match &record.event {
            Event::CeremonyStarted { plan, purpose: Purpose::Production, .. }
                if self.of.starts_with(&format!("evidence/approval-{plan}-")) =>
            {
                Some(record.time)
            }
            _ => None,
        })?;
        Some(match seen? {
            seen if seen < begun => format!("before the plan's ceremony began, at {begun}"),
            _ => format!(
                "not before the plan's ceremony began, at {begun}: it does not show that the plan is older"
            ),
        })
    }

    /// Of a statement, by the policy that was recorded with it. Gives by when witnesses had seen it, too.
    fn by_sigsum(&self, trust: &SigsumTrust) -> Result<(String, Option<Time>), String> {
        let policy = Policy::parse(&trust.policy).map_err(|reason| format!("the policy: {reason}"))?;
        let submitter = ssh::Key::of_line(&trust.submitter)?;
        let bits = submitter.ed25519().ok_or("the submitter's key is none of ssh-ed25519")?;
        let proof = sigsum::Proof::parse(self.entry).map_err(|reason| format!("the proof: {reason}"))?;
        let texts = self.records.iter().filter_map(|record| statement(record, self.of));
        let mut why = format!("there was no {} before", self.of);
        for text in texts {
            let mut message = [0; 32];
            message.copy_from_slice(sha256(&encoded(&text)).as_ref());
            match proof.verify(&message, &bits, &policy) {
                Ok(proved) if proved.origin != self.host => {
                    why = format!("it is of the log {}", proved.origin)
                }
                Ok(proved) if Key::read(&self.key()?)? != Key::ed25519(proved.log) => {
                    why = "the log has another key than was recorded".into();
                }
                Ok(proved) => {
                    let said = format!(
                        "{} has it at index {}, submitted with {}; {}",
                        self.host,
                        proved.index,
                        submitter.fingerprint(),
                        proved.cosigned(&policy)
                    );
                    return Ok((said, proved.seen));
                }
                Err(reason) => why = reason,
            }
        }
        Err(why)
    }
}

/// The statement that a file has.
fn statement(record: &Record, of: &str) -> Option<Vec<u8>> {
    match &record.event {
        Event::ApprovalRecorded { plan, person, envelope, .. }
            if of == format!("evidence/approval-{plan}-{person}.dsse.json") =>
        {
            read_one(envelope).ok().map(|(text, ..)| text)
        }
        Event::SealStarted { seal, statement, .. }
            if of == format!("evidence/statement-{seal}.dsse.json") =>
        {
            Some(statement.as_bytes().to_vec())
        }
        Event::SealSigned { seal, person, objection: Some(text), .. }
            if of == format!("evidence/objection-{seal}-{person}.dsse.json") =>
        {
            Some(text.as_bytes().to_vec())
        }
        _ => None,
    }
}

/// A signature of a person in a file: what it is over, the key id, and the signature.
fn voice(
    record: &Record,
    (of, person): (&str, &str),
    claims: &Claims<'_>,
) -> Option<(Vec<u8>, String, String)> {
    match &record.event {
        Event::ApprovalRecorded { plan, person: by, envelope, .. }
            if by.as_str() == person && of == format!("evidence/approval-{plan}-{by}.dsse.json") =>
        {
            let (text, keyid, sig) = read_one(envelope).ok()?;
            Some((encoded(&text), keyid, sig))
        }
        Event::SealSigned { seal, person: by, keyid, signature, objection: None, .. }
            if by.as_str() == person && of == format!("evidence/statement-{seal}.dsse.json") =>
        {
            let at = usize::try_from(*seal).ok()?.checked_sub(1)?;
            let (text, _) = claims.seals.get(at)?;
            Some((encoded(text.as_bytes()), keyid.clone(), signature.clone()))
        }
        Event::SealSigned { seal, person: by, keyid, signature, objection: Some(text), .. }
            if by.as_str() == person && of == format!("evidence/objection-{seal}-{by}.dsse.json") =>
        {
            Some((encoded(text.as_bytes()), keyid.clone(), signature.clone()))
        }
        _ => None,
    }
}

/// What the log must have: the digest that goes with the key, the signature and the key.
fn expected(encoded: &[u8], (keyid, sig): (&str, &str), claims: &Claims<'_>) -> Result<Value, String> {
    let key = claims.keys.iter().find(|key| sha256_hex(&key.spki) == keyid);
    let key = key.ok_or("the archive has no key of theirs, and Rekor takes no signature of SSH")?;
    let (algorithm, digest, details) = match key.key.as_ref().map_err(String::clone)?.kind {
        Kind::P256 => ("SHA2_256", digest(&SHA256, encoded), "PKIX_ECDSA_P256_SHA_256"),
        Kind::P384 => ("SHA2_384", digest(&SHA384, encoded), "PKIX_ECDSA_P384_SHA_384"),
        Kind::P521 => ("SHA2_512", digest(&SHA512, encoded), "PKIX_ECDSA_P521_SHA_512"),
        Kind::Rsa3072 => ("SHA2_256", digest(&SHA256, encoded), "PKIX_RSA_PKCS1V15_3072_SHA256"),
        Kind::Rsa4096 => ("SHA2_256", digest(&SHA256, encoded), "PKIX_RSA_PKCS1V15_4096_SHA256"),
        Kind::Ed25519 => return Err("Rekor takes no signature of plain Ed25519".into()),
    };
    Ok(json!({
        "apiVersion": "0.0.2",
        "kind": "hashedrekord",
        "spec": {"hashedRekordV002": {
            "data": {"algorithm": algorithm, "digest": BASE64.encode(digest.as_ref())},
            "signature": {
                "content": sig,
                "verifier": {"keyDetails": details, "publicKey": {"rawBytes": BASE64.encode(&key.spki)}},
            },
        }},
    }))
}
