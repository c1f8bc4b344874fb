//! Envelopes of DSSE and the statements of in-toto in them, read anew: the text, what was signed of it, and
//! whose signatures there are.

use data_encoding::BASE64;
use serde_json::Value;

use super::canonical::rfc8785;
use super::claims::Claims;
use super::{signature, ssh};
use crate::plan::{Name, Plan};

/// The type of what is in an envelope.
const TYPE: &str = "application/vnd.in-toto+json";

/// A statement that was read.
#[derive(Debug)]
pub struct Statement {
    /// What is signed of it.
    pub encoded: Vec<u8>,
    /// The statement.
    pub value: Value,
}

impl Statement {
    /// Reads a statement's text, which must be canonical and of this predicate type.
    pub fn read(text: &[u8], predicate: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_slice(text).map_err(|error| format!("no JSON: {error}"))?;
        if rfc8785(&value)?.as_bytes() != text {
            return Err("the statement is not RFC 8785 canonical JSON".into());
        }
        for (field, expected) in [("_type", "https://in-toto.io/Statement/v1"), ("predicateType", predicate)]
        {
            let found = value.get(field).and_then(Value::as_str).unwrap_or("nothing");
            if found != expected {
                return Err(format!("its {field} is {found}, expected {expected}"));
            }
        }
        Ok(Self { encoded: encoded(text), value })
    }

    /// The digest of a subject, by name and algorithm.
    pub fn digest(&self, name: &str, algorithm: &str) -> Option<&str> {
        let subjects = self.value.get("subject")?.as_array()?;
        let subject =
            subjects.iter().find(|subject| subject.get("name").is_some_and(|found| found == name))?;
        subject.get("digest")?.get(algorithm)?.as_str()
    }

    /// What it says.
    pub fn says(&self, field: &str) -> &Value {
        self.value.get("predicate").and_then(|predicate| predicate.get(field)).unwrap_or(&Value::Null)
    }
}

/// What is signed of a statement's text.
pub fn encoded(text: &[u8]) -> Vec<u8> {
    let mut encoded = format!("DSSEv1 {} {TYPE} {} ", TYPE.len(), text.len()).into_bytes();
    encoded.extend(text);
    encoded
}

/// The JSON of an envelope with these signatures: key id, and base64.
pub fn json(text: &str, signatures: &[(&str, &str)]) -> Value {
    let signatures: Vec<Value> =
        signatures.iter().map(|(keyid, sig)| serde_json::json!({"keyid": keyid, "sig": sig})).collect();
    serde_json::json!({"payload": BASE64.encode(text.as_bytes()), "payloadType": TYPE, "signatures": signatures})
}

/// Reads an envelope with one signature: the text, the key id, and the signature.
pub fn read_one(file: &str) -> Result<(Vec<u8>, String, String), String> {
    let value: Value = serde_json::from_str(file).map_err(|error| format!("no JSON: {error}"))?;
    let text = |value: &Value, field: &str| value.get(field).and_then(Value::as_str).map(str::to_string);
    let signatures = value.get("signatures").and_then(Value::as_array).map(Vec::as_slice);
    let (Some(payload), Some(kind), Some([only])) =
        (text(&value, "payload"), text(&value, "payloadType"), signatures)
    else {
        return Err("it is no DSSE envelope with one signature".into());
    };
    if kind != TYPE {
        return Err(format!("it holds {kind}, expected {TYPE}"));
    }
    let payload = BASE64.decode(payload.as_bytes()).map_err(|error| format!("its payload: {error}"))?;
    match (text(only, "keyid"), text(only, "sig")) {
        (Some(keyid), Some(sig)) => Ok((payload, keyid, sig)),
        _ => Err("its signature has no key id, or is none".into()),
    }
}

/// A person's signature over a statement, by a key that is theirs: of the device that the archive knows, or
/// of SSH as the plan has it. Gives how, in words. A key of a certificate is nobody's.
pub fn signed(
    encoded: &[u8],
    (person, keyid, sig): (&str, &str, &str),
    plan: &Plan,
    claims: &Claims<'_>,
) -> Result<String, String> {
    let name: Name = person.parse().map_err(|_| format!("`{person}` is no name"))?;
    let planned = plan.people.get(&name).ok_or_else(|| format!("{person} is nobody in the plan"))?;
    let bytes =
        BASE64.decode(sig.as_bytes()).map_err(|error| format!("the signature of {person}: {error}"))?;
    let line = planned.ssh.as_ref().map(|line| ssh::Key::of_line(line.as_str())).transpose()?;
    let wrong = |reason: String| format!("the signature of {person}: {reason}");
    if bytes.starts_with(ssh::MAGIC) {
        let key = line.ok_or_else(|| wrong("by SSH, and the plan has no SSH key of theirs".into()))?;
        if key.fingerprint() != keyid {
            return Err(wrong(format!("it names the key {keyid}, expected {}", key.fingerprint())));
        }
        ssh::verify(&key, &bytes, encoded).map_err(wrong)?;
        return Ok(format!("{person}, with SSH"));
    }
    let key = claims
        .key(plan.key_of(&name).as_str())
        .ok_or_else(|| wrong("the archive has no key of theirs".into()))?;
    let found = signature::sha256_hex(&key.spki);
    if found != keyid {
        return Err(wrong(format!("it names the key {keyid}, and theirs is {found}")));
    }
    if claims.certifies(&key.spki) {
        return Err(wrong(
            "it is by the key of a certificate, which signs certificates and CRLs and nothing else".into(),
        ));
    }
    key.key.as_ref().map_err(String::clone)?.verify(encoded, &bytes).map_err(wrong)?;
    Ok(format!("{person}, with {}", key.record.device.as_ref().map_or("a device", |device| device.as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::event::KeyRecord;
    use crate::archive::{Event, Record};
    use crate::plan::tests::example;
    use crate::verify::report::Sheet;
    use rcgen::{CertificateParams, KeyPair, PublicKeyData, SigningKey};

    /// The journal's line of an event; nothing looks at its hashes here.
    fn record(seq: u64, event: Event) -> Record {
        let time = "2026-12-01T00:00:00Z".parse().unwrap();
        Record { seq, time, previous: String::new(), event, files: Vec::new() }
    }

    /// A key that the archive has under a person's name, and the lines that say so.
    fn archive(certified: bool) -> (KeyPair, Vec<Record>) {
        let pair = KeyPair::generate().unwrap();
        let spki = pair.subject_public_key_info();
        let key = KeyRecord {
            name: "keyholder-1".parse().unwrap(),
            algorithm: crate::plan::Algorithm::EcdsaP256,
            fingerprint: signature::sha256_hex(&spki),
            public: BASE64.encode(&spki),
            device: None,
            keyholder: Some("keyholder-1".parse().unwrap()),
            device_claims: None,
            id: String::new(),
            mechanism: String::new(),
            attributes: Default::default(),
            attestation: None,
            request: None,
        };
        let step = String::new();
        let made =
            Event::KeyMade { step: step.clone(), spec: Value::Null, adopted: false, key: Box::new(key) };
        let mut records = vec![record(1, made)];
        if certified {
            let der = CertificateParams::default().self_signed(&pair).unwrap().der().to_vec();
            let certificate = "root".parse().unwrap();
            let (spec, der) = (Value::Null, BASE64.encode(&der));
            records.push(record(2, Event::CertificateSigned { step, certificate, spec, issuer: None, der }));
        }
        (pair, records)
    }

    fn judged(certified: bool, signed_bytes: &[u8]) -> Result<String, String> {
        let (pair, records) = archive(certified);
        let claims = Claims::of(&records, &mut Sheet::default());
        let sig = BASE64.encode(&pair.sign(b"a statement").unwrap());
        let keyid = signature::sha256_hex(&pair.subject_public_key_info());
        signed(signed_bytes, ("keyholder-1", &keyid, &sig), &example(), &claims)
    }

    #[test]
    fn a_certificates_key_is_nobodys() {
        assert!(judged(false, b"a statement").unwrap().starts_with("keyholder-1"));
        let refused = judged(true, b"a statement").unwrap_err();
        assert!(refused.contains("the key of a certificate"), "{refused}");
        assert!(judged(false, b"another").unwrap_err().contains("does not verify"));
    }
}
