//! Log entries: the log that the trusted root knows, its promise, its checkpoint, and what was logged.

use data_encoding::{BASE64, HEXLOWER};
use serde::Deserialize;
use serde_json::{Value, json};
use sigstore_protobuf_specs::dev::sigstore::common::v1::TimeRange;

use super::{Bytes, Judged, Number, within};
use crate::plan::Time;
use crate::trust_root::TrustedRoot;
use crate::verify::signature::{Key, sha256};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::prove) struct Entry {
    log_index: Number,
    log_id: LogId,
    kind_version: KindVersion,
    integrated_time: Option<Number>,
    inclusion_promise: Option<Promise>,
    inclusion_proof: Proof,
    canonicalized_body: Bytes,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogId {
    key_id: Bytes,
}

#[derive(Deserialize)]
struct KindVersion {
    kind: String,
    version: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Promise {
    signed_entry_timestamp: Bytes,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Proof {
    log_index: Number,
    root_hash: Bytes,
    tree_size: Number,
    hashes: Vec<Bytes>,
    checkpoint: Envelope,
}

#[derive(Deserialize)]
struct Envelope {
    envelope: String,
}

/// A log of the trusted root.
pub(in crate::prove) struct Log<'a> {
    id: &'a [u8],
    host: &'a str,
    key: Key,
    window: Option<&'a TimeRange>,
}

/// The log that an entry says it is in.
pub(in crate::prove) fn find<'a>(root: &'a TrustedRoot, entry: &Entry) -> Judged<Log<'a>> {
    let wanted = entry.log_id.key_id.0.as_slice();
    let found = root.tlogs.iter().find(|log| log.log_id.as_ref().is_some_and(|id| id.key_id == wanted));
    let found = found.ok_or_else(|| format!("the trusted root has no log {}", HEXLOWER.encode(wanted)))?;
    let public = found.public_key.as_ref().ok_or("the log has no key")?;
    let url = found.base_url.as_str();
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    Ok(Log {
        id: found.log_id.as_ref().map(|id| id.key_id.as_slice()).unwrap_or_default(),
        host: host.split('/').next().unwrap_or(host),
        key: Key::read(public.raw_bytes.as_deref().unwrap_or_default())?,
        window: public.valid_for.as_ref(),
    })
}

/// A log entry beside what it was made for: proofs of statements that people signed.
pub struct Proved {
    /// The log's host: its origin.
    pub host: String,
    /// The log's key: a SubjectPublicKeyInfo in DER.
    pub key: Vec<u8>,
    /// The entry's place in the log.
    pub index: u64,
}

/// The log of a trusted root that a `TransparencyLogEntry` says it is in: its host and its key.
pub fn log_of(entry: &[u8], root: &[u8]) -> Judged<(String, Vec<u8>)> {
    use crate::trust_root::ClientFile;
    let entry: Entry =
        serde_json::from_slice(entry).map_err(|error| format!("it is no log entry: {error}"))?;
    let root = TrustedRoot::from_json(root).map_err(|error| format!("the trusted root: {error}"))?;
    let found = find(&root, &entry)?;
    let key = root.tlogs.iter().find(|log| log.log_id.as_ref().is_some_and(|id| id.key_id == found.id));
    let key = key.and_then(|log| log.public_key.as_ref()).and_then(|key| key.raw_bytes.clone());
    Ok((found.host.to_string(), key.unwrap_or_default()))
}

/// Verifies, offline, a `TransparencyLogEntry` of Rekor v2: its proof leads to a checkpoint that the log of
/// this host and key signed, and what was logged is this entry.
pub fn logged(entry: &[u8], (host, key): (&str, &[u8]), expected: &Value) -> Judged<Proved> {
    let entry: Entry =
        serde_json::from_slice(entry).map_err(|error| format!("it is no log entry: {error}"))?;
    if entry.kind_version.kind != "hashedrekord" || entry.kind_version.version != "0.0.2" {
        let KindVersion { kind, version } = &entry.kind_version;
        return Err(format!("it is a {kind} of version {version}, expected a hashedrekord of 0.0.2"));
    }
    let id = entry.log_id.key_id.0.clone();
    let log = Log { id: &id, host, key: Key::read(key)?, window: None };
    log.proved(&entry)?;
    let body: Value = serde_json::from_slice(&entry.canonicalized_body.0)
        .map_err(|error| format!("what was logged is no JSON: {error}"))?;
    if body != *expected {
        return Err("what was logged is another signature, statement or key".into());
    }
    Ok(Proved { host: host.to_string(), key: key.to_vec(), index: entry.log_index.0 })
}

impl Log<'_> {
    /// Whether the trusted root trusts the log at a time.
    pub fn in_use(&self, time: Time) -> Judged<()> {
        within(self.window, time)
    }

    /// The time that a Rekor v1 log promised, if there is such a promise.
    pub fn promised(&self, entry: &Entry) -> Judged<Option<Time>> {
        let (Some(promise), Some(Number(time))) = (&entry.inclusion_promise, entry.integrated_time) else {
            // A time without a promise is nobody's word.
            return Ok(None);
        };
        let said = json!({
            "body": BASE64.encode(&entry.canonicalized_body.0),
            "integratedTime": time,
            "logID": HEXLOWER.encode(self.id),
            "logIndex": entry.log_index.0,
        });
        // Keys in order, no spaces: for these few fields serde_json's own form is that of RFC 8785.
        let said = serde_json::to_vec(&said).map_err(|error| error.to_string())?;
        self.key
            .verify(&said, &promise.signed_entry_timestamp.0)
            .map_err(|error| format!("its signed entry timestamp: {error}"))?;
        let time = i64::try_from(time).ok().and_then(Time::from_unix);
        time.map(Some).ok_or_else(|| "its integrated time is outside of the calendar".into())
    }

    /// The proof leads to the root that the log signed.
    pub fn proved(&self, entry: &Entry) -> Judged<()> {
        let proof = &entry.inclusion_proof;
        let (note, signatures) =
            proof.checkpoint.envelope.split_once("\n\n").ok_or("its checkpoint has no signature")?;
        let lines: Vec<&str> = note.split('\n').collect();
        let [origin, size, root, ..] = lines.as_slice() else {
            return Err("its checkpoint has fewer than three lines".into());
        };
        let numbered = origin.rsplit_once(" - ").is_some_and(|(host, number)| {
            host == self.host && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
        });
        let second = entry.kind_version.version == "0.0.2";
        if second && *origin != self.host || !second && !numbered {
            return Err(format!("its checkpoint is of `{origin}`, the log is {}", self.host));
        }
        let text = format!("{note}\n");
        let hint = self.id.get(..4).unwrap_or_default();
        let signed = signatures.split('\n').any(|line| {
            let signature = line
                .strip_prefix("\u{2014} ")
                .and_then(|line| line.split_once(' '))
                .filter(|(name, _)| *name == self.host)
                .and_then(|(_, signature)| BASE64.decode(signature.as_bytes()).ok());
            signature
                .and_then(|bytes| bytes.strip_prefix(hint).map(<[u8]>::to_vec))
                .is_some_and(|signature| self.key.verify(text.as_bytes(), &signature).is_ok())
        });
        if !signed {
            return Err("its checkpoint is not signed by the log".into());
        }
        let checked = (size.parse() == Ok(proof.tree_size.0))
            .then(|| BASE64.decode(root.as_bytes()).ok())
            .flatten()
            .filter(|root| *root == proof.root_hash.0);
        if checked.is_none() {
            return Err("its checkpoint has another size or root than the proof".into());
        }
        if second && entry.log_index != proof.log_index {
            return Err("the entry has another index than its proof".into());
        }
        let leaf = leaf(&entry.canonicalized_body.0);
        let hashes: Vec<Vec<u8>> = proof.hashes.iter().map(|hash| hash.0.clone()).collect();
        let found = self::root((proof.log_index.0, proof.tree_size.0), leaf, &hashes);
        if found.is_some_and(|found| found.as_slice() == proof.root_hash.0) {
            Ok(())
        } else {
            Err("the proof does not lead to the tree's root".into())
        }
    }
}

fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(sha256(&parts.concat()).as_ref());
    out
}

fn leaf(entry: &[u8]) -> [u8; 32] {
    hash(&[&[0], entry])
}

/// The root that a proof leads to (RFC 9162, 2.1.3.2); none where the proof is too long or too short.
pub(in crate::prove) fn root(
    (index, size): (u64, u64),
    leaf: [u8; 32],
    proof: &[Vec<u8>],
) -> Option<[u8; 32]> {
    let (mut number, mut last) = (index, size.checked_sub(1)?);
    if number > last {
        return None;
    }
    let mut found = leaf;
    for sibling in proof {
        if last == 0 {
            return None;
        }
        if number & 1 == 1 || number == last {
            found = hash(&[&[1], sibling, &found]);
            while number & 1 == 0 && number != 0 {
                number >>= 1;
                last >>= 1;
            }
        } else {
            found = hash(&[&[1], &found, sibling]);
        }
        number >>= 1;
        last >>= 1;
    }
    (last == 0).then_some(found)
}

/// What was logged is this signature, of this artifact, under this certificate.
pub(in crate::prove) fn says(
    entry: &Entry,
    artifact: &[u8],
    signature: &[u8],
    certificate: &[u8],
) -> Judged<()> {
    let body: Value = serde_json::from_slice(&entry.canonicalized_body.0)
        .map_err(|error| format!("what was logged is no JSON: {error}"))?;
    let digest = sha256(artifact);
    let signature = BASE64.encode(signature);
    let expected = match entry.kind_version.version.as_str() {
        "0.0.1" => {
            let pem = crate::pki::key::pem("CERTIFICATE", certificate);
            json!({
                "data": {"hash": {"algorithm": "sha256", "value": HEXLOWER.encode(digest.as_ref())}},
                "signature": {"content": signature, "publicKey": {"content": BASE64.encode(pem.as_bytes())}},
            })
        }
        "0.0.2" => json!({"hashedRekordV002": {
            "data": {"algorithm": "SHA2_256", "digest": BASE64.encode(digest.as_ref())},
            "signature": {"content": signature, "verifier": {
                "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                "x509Certificate": {"rawBytes": BASE64.encode(certificate)},
            }},
        }}),
        other => return Err(format!("it is a {} of version {other}", entry.kind_version.kind)),
    };
    let version = &entry.kind_version;
    let expected = json!({"apiVersion": version.version, "kind": version.kind, "spec": expected});
    if version.kind == "hashedrekord" && body == expected {
        Ok(())
    } else {
        Err("what was logged is another signature, artifact or certificate".into())
    }
}
