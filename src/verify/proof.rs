//! Proofs of transparency logs: each verifies offline, under the key that was recorded with it, and is of a
//! signature that the archive has.

use aws_lc_rs::digest::{SHA256, SHA384, SHA512, digest};
use data_encoding::BASE64;
use serde_json::{Value, json};

use super::claims::Claims;
use super::envelope::{encoded, read_one};
use super::report::{Area, Sheet};
use super::signature::{Kind, sha256_hex};
use crate::archive::{Event, Record};
use crate::prove::examine::log;

/// Checks every proof.
pub fn check(records: &[Record], claims: &Claims<'_>, sheet: &mut Sheet) {
    for record in records {
        let Event::ProofRecorded { of, person, host, log, entry } = &record.event else { continue };
        let object = format!("{of}, {person}");
        sheet.on(Area::Evidence, object).judge(one(
            (of, person.as_str()),
            (host, log, entry),
            records,
            claims,
        ));
    }
}

fn one(
    (of, person): (&str, &str),
    (host, log_key, entry): (&str, &str, &str),
    records: &[Record],
    claims: &Claims<'_>,
) -> Result<String, String> {
    let key = BASE64.decode(log_key.as_bytes()).map_err(|error| format!("the log's key: {error}"))?;
    let voices: Vec<(Vec<u8>, String, String)> =
        records.iter().filter_map(|record| voice(record, (of, person), claims)).collect();
    let mut why = format!("{person} signed nothing in {of}");
    for (encoded, keyid, sig) in &voices {
        match expected(encoded, (keyid, sig), claims)
            .and_then(|expected| log::logged(entry.as_bytes(), (host, &key), &expected))
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
