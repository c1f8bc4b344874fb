//! What the journal says was made, and which bytes must therefore stand in which file. Read from the
//! events anew, and not by the code that wrote them: what is claimed here is what the checks are of.

use std::borrow::Cow;
use std::collections::BTreeMap;

use data_encoding::BASE64;
use serde_json::{Value, json};

use x509_parser::prelude::{FromDer, X509Certificate};

use super::canary::Canary;
use super::envelope;
use super::report::{Area, Sheet};
use super::signature::{self, sha256_hex, signed_part};
use crate::archive::{CopyRecord, Event, FileRecord, KeyRecord, Record, Role};
use crate::plan::Time;
use crate::site::Purpose;

/// A key that was made.
#[derive(Debug)]
pub struct Key<'a> {
    /// Its record.
    pub record: &'a KeyRecord,
    /// The SubjectPublicKeyInfo in DER.
    pub spki: Vec<u8>,
    /// The key, or what keeps it from being read.
    pub key: Result<signature::Key, String>,
}

/// A certificate that was signed.
#[derive(Debug)]
pub struct Certificate<'a> {
    /// Its name.
    pub name: &'a str,
    /// The issuer's name; none for a root.
    pub issuer: Option<&'a str>,
    /// What the plan said of it.
    pub spec: &'a Value,
    /// When it was signed.
    pub time: Time,
    /// The certificate in DER.
    pub der: Vec<u8>,
}

/// A request that went out.
#[derive(Debug)]
pub struct Csr<'a> {
    /// Its name.
    pub name: &'a str,
    /// What the plan said of it.
    pub spec: &'a Value,
    /// The request in DER.
    pub der: Vec<u8>,
}

/// A CRL that was signed.
#[derive(Debug)]
pub struct Crl<'a> {
    /// Its name.
    pub name: &'a str,
    /// The issuer's name.
    pub issuer: &'a str,
    /// Its number.
    pub number: u64,
    /// What the plan said of it.
    pub spec: &'a Value,
    /// How many certificates it lists.
    pub revoked: u64,
    /// SHA-256 of the signed bytes, in hex.
    pub signed: &'a str,
    /// SHA-256 of the CRL in DER, in hex: the file is the record of it.
    pub sha256: &'a str,
}

impl Crl<'_> {
    /// Where it is kept.
    pub fn path(&self) -> String {
        format!("crls/{}.crl", self.name)
    }
}

/// The trusted root and signing config that are in force.
#[derive(Clone, Copy, Debug)]
pub struct TrustRoot<'a> {
    /// What the plan said of it.
    pub spec: &'a Value,
    /// When it was put together.
    pub time: Time,
    /// `trusted_root.json`.
    pub trusted_root: &'a str,
    /// `signing_config.v0.2.json`.
    pub signing_config: &'a str,
}

/// A version of a role's metadata that was published.
#[derive(Debug)]
pub struct Published<'a> {
    /// The role.
    pub role: Role,
    /// The version.
    pub version: u64,
    /// The version of the root that clients had by then; 0 before the first.
    pub root: u64,
    /// The file's text.
    pub content: &'a str,
}

/// A signature over metadata, as it was recorded when it was made.
#[derive(Debug)]
pub struct RoleSignature<'a> {
    /// The role.
    pub role: Role,
    /// The version.
    pub version: u64,
    /// The key's name.
    pub key: &'a str,
    /// The TUF key id.
    pub keyid: &'a str,
    /// The signature, in hex.
    pub signature: &'a str,
    /// SHA-256 of the signed bytes, in hex.
    pub signed: &'a str,
}

/// What must stand in a file.
#[derive(Clone, Debug, PartialEq)]
pub enum Content<'a> {
    /// These bytes.
    Bytes(Cow<'a, [u8]>),
    /// This JSON, however it is spaced.
    Json(Value),
    /// Bytes with this SHA-256: the file itself is the record of them.
    Record(&'a str),
}

/// All that the journal says was made.
#[derive(Debug, Default)]
pub struct Claims<'a> {
    /// Rehearsal or production.
    pub purpose: Option<Purpose>,
    /// Days by which the plans' dates were moved.
    pub date_shift: i64,
    /// The text of the last plan that was run.
    pub plan: Option<&'a str>,
    /// Keys, in the order in which they were made.
    pub keys: Vec<Key<'a>>,
    /// Copies of keys on second devices, in the order in which they were made.
    pub copies: Vec<&'a CopyRecord>,
    /// Certificates, in the order in which they were signed.
    pub certificates: Vec<Certificate<'a>>,
    /// Requests that went out, in the order in which they were signed.
    pub csrs: Vec<Csr<'a>>,
    /// CRLs, in the order in which they were signed.
    pub crls: Vec<Crl<'a>>,
    /// The trust root in force.
    pub trust_root: Option<TrustRoot<'a>>,
    /// SHA-256 of further targets as they were taken in last, by name.
    pub targets: BTreeMap<&'a str, String>,
    /// Metadata, in the order in which it was published.
    pub published: Vec<Published<'a>>,
    /// Signatures over metadata.
    pub signatures: Vec<RoleSignature<'a>>,
    /// Canaries, in the order in which they were made.
    pub canaries: Vec<Canary<'a>>,
    /// Seals: their texts, and the key ids and signatures under each.
    pub seals: Vec<(&'a str, Vec<(&'a str, &'a str)>)>,
    /// What must stand in which file, by path, as events say it.
    pub contents: BTreeMap<String, Content<'a>>,
    /// Size and hash of each file as they were recorded last, and the line that says so.
    pub recorded: BTreeMap<&'a str, (u64, &'a FileRecord)>,
    /// The lines that recorded a file that was replaced since, by its path and its SHA-256.
    pub replaced: BTreeMap<(&'a str, &'a str), u64>,
}

impl<'a> Claims<'a> {
    /// Reads the events. What can't be read is a failed check.
    pub fn of(records: &'a [Record], sheet: &mut Sheet) -> Self {
        let mut claims = Self::default();
        for record in records {
            if let Err(reason) = claims.take(record) {
                sheet.on(Area::Journal, "journal.jsonl").failed(format!(
                    "line {}, {}: {reason}",
                    record.seq,
                    record.event.name()
                ));
            }
            for file in &record.files {
                let before = claims.recorded.insert(file.path.as_str(), (record.seq, file));
                let before =
                    before.map(|(line, before)| ((before.path.as_str(), before.sha256.as_str()), line));
                claims.replaced.extend(before);
            }
        }
        claims
    }

    /// A key by its name.
    pub fn key(&self, name: &str) -> Option<&Key<'a>> {
        self.keys.iter().find(|key| key.record.name.as_str() == name)
    }

    /// The name of the key that has this SubjectPublicKeyInfo.
    pub fn owner(&self, spki: &[u8]) -> Option<&'a str> {
        self.keys.iter().find(|key| key.spki == spki).map(|key| key.record.name.as_str())
    }

    /// Whether a certificate is of this key.
    pub fn certifies(&self, spki: &[u8]) -> bool {
        let of = |made: &Certificate<'_>| {
            X509Certificate::from_der(&made.der).is_ok_and(|(_, read)| read.public_key().raw == spki)
        };
        self.certificates.iter().any(of)
    }

    /// A certificate by its name.
    pub fn certificate(&self, name: &str) -> Option<&Certificate<'a>> {
        self.certificates.iter().find(|certificate| certificate.name == name)
    }

    /// Whether a CRL lists the certificate, as the plan said; the CRLs themselves are held to that.
    pub fn revokes(&self, certificate: &str) -> bool {
        let lists = self.crls.iter().filter_map(|crl| crl.spec.get("revoked").and_then(Value::as_array));
        lists.flatten().any(|entry| entry.get("certificate").is_some_and(|name| name == certificate))
    }

    fn take(&mut self, record: &'a Record) -> Result<(), String> {
        match &record.event {
            Event::CeremonyStarted { plan, text, purpose, date_shift, .. } => {
                self.purpose = Some(*purpose);
                self.date_shift = *date_shift;
                self.plan = Some(text);
                self.file(format!("plans/{plan}.toml"), text.as_bytes())?;
                let found = sha256_hex(text.as_bytes());
                if found != *plan {
                    return Err(format!("the plan has SHA-256 {found}, and is called {plan}"));
                }
            }
            Event::KeyMade { key, .. } => self.key_made(key)?,
            Event::CopyMade { copy, .. } => {
                let key = copy.name.as_str();
                let known = self.key(key).map(|made| made.record.fingerprint.as_str());
                if known != Some(copy.fingerprint.as_str()) {
                    return Err(format!("the copy of `{key}` is of another key"));
                }
                let proof = self.certificate(copy.proof.as_str()).and_then(|made| signed_part(&made.der));
                if proof.map(sha256_hex).as_ref() != Some(&copy.signed) {
                    return Err(format!("the copy of `{key}` signed something else than {}", copy.proof));
                }
                let json = serde_json::to_value(copy).map_err(|error| error.to_string())?;
                self.contents.insert(format!("keys/{key}.backup.json"), Content::Json(json));
                self.copies.push(copy);
            }
            Event::CertificateSigned { certificate, spec, issuer, der, .. } => {
                let der = decode(der)?;
                let own = pem("CERTIFICATE", &der);
                let mut chain = own.clone();
                let mut next = issuer.as_ref().map(|issuer| issuer.as_str());
                while let Some(name) = next {
                    let above =
                        self.certificate(name).ok_or_else(|| format!("no issuer `{name}` before it"))?;
                    chain.push_str(&pem("CERTIFICATE", &above.der));
                    next = above.issuer;
                }
                self.once(self.certificate(certificate.as_str()).is_none(), certificate.as_str())?;
                self.file(format!("certificates/{certificate}.pem"), own.into_bytes())?;
                self.file(format!("certificates/{certificate}.chain.pem"), chain.into_bytes())?;
                let issuer = issuer.as_ref().map(|issuer| issuer.as_str());
                let (name, time) = (certificate.as_str(), record.time);
                self.certificates.push(Certificate { name, issuer, spec, time, der });
                let others = self.chains_by_cross().into_iter().map(|(path, ders)| {
                    (path, ders.into_iter().map(|der| pem("CERTIFICATE", der)).collect::<String>())
                });
                for (path, chain) in others.collect::<Vec<_>>() {
                    self.file(path, chain.into_bytes())?;
                }
            }
            Event::CsrSigned { csr, spec, der, .. } => {
                let der = decode(der)?;
                self.once(self.csrs.iter().all(|made| made.name != csr.as_str()), csr.as_str())?;
                self.file(format!("csrs/{csr}.csr"), pem("CERTIFICATE REQUEST", &der).into_bytes())?;
                self.csrs.push(Csr { name: csr.as_str(), spec, der });
            }
            Event::CrlSigned { crl, spec, issuer, number, revoked, signed, sha256, .. } => {
                self.once(self.crls.iter().all(|made| made.name != crl.as_str()), crl.as_str())?;
                self.contents.insert(format!("crls/{crl}.crl"), Content::Record(sha256));
                let (name, issuer) = (crl.as_str(), issuer.as_str());
                let (number, revoked) = (*number, *revoked);
                self.crls.push(Crl { name, issuer, number, spec, revoked, signed, sha256 });
            }
            Event::TrustRootAssembled { spec, trusted_root, signing_config, .. } => {
                self.newest("trust-root/trusted_root.json", trusted_root);
                self.newest("trust-root/signing_config.v0.2.json", signing_config);
                self.trust_root = Some(TrustRoot { spec, time: record.time, trusted_root, signing_config });
            }
            Event::TargetTaken { target, content, .. } => {
                let bytes = decode(content)?;
                let hash = sha256_hex(&bytes);
                self.file(format!("tuf/targets/{hash}.{target}"), bytes)?;
                self.targets.insert(target.as_str(), hash);
            }
            Event::MetadataSigned { role, version, key, keyid, signature, signed, .. } => {
                let (role, version, key) = (*role, *version, key.as_str());
                self.signatures.push(RoleSignature { role, version, key, keyid, signature, signed });
            }
            Event::MetadataPublished { role, version, content, .. } => {
                self.metadata_published(*role, *version, content)?;
            }
            Event::SignatureRequested { key, ceremony, content, .. } => {
                self.newest(&format!("requests/{ceremony}/{key}.json"), content);
            }
            Event::ResponseTaken { key, ceremony, content } => {
                self.newest(&format!("responses/{ceremony}/{key}.json"), content);
            }
            Event::CanaryFinished { canary, identity, issuer, time, artifact, bundle, bundle_rekor_v1 } => {
                let made = self.trust_root.ok_or("there was no trust root to prove")?;
                let name = canary.as_str();
                let mut bundles = vec![("bundle.sigstore.json", bundle.as_str())];
                bundles
                    .extend(bundle_rekor_v1.as_deref().map(|text| ("bundle.rekor-v1.sigstore.json", text)));
                let texts = [
                    ("artifact", artifact.as_str()),
                    ("trusted_root.json", made.trusted_root),
                    ("signing_config.json", made.signing_config),
                ];
                for (file, text) in bundles.iter().chain(&texts) {
                    self.file(format!("canaries/{name}/{file}"), text.as_bytes())?;
                }
                let who = json!({"identity": identity, "issuer": issuer, "time": time});
                let read =
                    |text: &str| serde_json::from_str::<Value>(text).map_err(|error| error.to_string());
                let config = json!({
                    "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
                    "trustedRoot": read(made.trusted_root)?,
                    "signingConfig": read(made.signing_config)?,
                });
                for (file, value) in [("identity.json", who), ("client_trust_config.json", config)] {
                    self.contents.insert(format!("canaries/{name}/{file}"), Content::Json(value));
                }
                let trusted_root = made.trusted_root;
                self.canaries.push(Canary { name, identity, issuer, artifact, bundles, trusted_root });
            }
            Event::ApprovalRecorded { plan, person, envelope, .. } => {
                self.file(format!("evidence/approval-{plan}-{person}.dsse.json"), envelope.as_bytes())?;
            }
            Event::ProofRecorded { of, person, host, entry, .. } => {
                let of = of.trim_start_matches("evidence/").trim_end_matches(".dsse.json");
                let plain = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
                let host: String = host.chars().map(|c| if plain(c) { c } else { '_' }).collect();
                let name = match person {
                    Some(person) => format!("{of}.{person}.{host}.json"),
                    None => format!("{of}.{host}.proof"),
                };
                self.file(format!("evidence/proofs/{name}"), entry.as_bytes())?;
            }
            Event::InventoryMade { cbom } => self.newest("evidence/cbom.json", cbom),
            Event::SealStarted { seal, statement, .. } => {
                if *seal != u64::try_from(self.seals.len()).unwrap_or(u64::MAX).saturating_add(1) {
                    return Err(format!("it counts as seal {seal}"));
                }
                self.seals.push((statement, Vec::new()));
            }
            Event::SealSigned { seal, person, keyid, signature, objection: Some(text), .. } => {
                let json = envelope::json(text, &[(keyid, signature)]);
                self.contents
                    .insert(format!("evidence/objection-{seal}-{person}.dsse.json"), Content::Json(json));
            }
            Event::SealSigned { seal, keyid, signature, .. } => {
                let at = usize::try_from(*seal).ok().and_then(|seal| seal.checked_sub(1));
                let last = u64::try_from(self.seals.len()) == Ok(*seal);
                let (text, signatures) = at
                    .and_then(|at| self.seals.get_mut(at))
                    .ok_or_else(|| format!("there is no seal {seal} before it"))?;
                signatures.push((keyid, signature));
                let json = envelope::json(text, signatures);
                if last {
                    self.contents.insert("evidence/statement.dsse.json".into(), Content::Json(json.clone()));
                }
                self.contents.insert(format!("evidence/statement-{seal}.dsse.json"), Content::Json(json));
            }
            Event::JournalTorn { rest } => {
                let rest = decode(rest)?;
                self.file(format!("evidence/journal-torn-{}", sha256_hex(&rest)), rest)?;
            }
            // The others make no file of their own; those that they record are held to size and hash.
            _ => {}
        }
        Ok(())
    }

    fn key_made(&mut self, key: &'a KeyRecord) -> Result<(), String> {
        let spki = decode(&key.public)?;
        let name = key.name.as_str();
        self.once(self.key(name).is_none(), name)?;
        self.file(format!("keys/{name}.pem"), pem("PUBLIC KEY", &spki).into_bytes())?;
        let json = serde_json::to_value(key).map_err(|error| error.to_string())?;
        self.contents.insert(format!("keys/{name}.json"), Content::Json(json));
        let read = signature::Key::read(&spki);
        self.keys.push(Key { record: key, spki, key: read });
        Ok(())
    }

    fn metadata_published(&mut self, role: Role, version: u64, content: &'a str) -> Result<(), String> {
        let expected = self.version(role).saturating_add(1);
        let root = self.version(Role::Root);
        match role {
            Role::Timestamp => self.newest("tuf/timestamp.json", content),
            Role::Root | Role::Snapshot | Role::Targets => {
                self.file(format!("tuf/{version}.{role}.json"), content.as_bytes())?;
            }
        }
        if let (Role::Targets, Some(made)) = (role, self.trust_root) {
            for (name, text) in
                [("trusted_root.json", made.trusted_root), ("signing_config.v0.2.json", made.signing_config)]
            {
                let hash = sha256_hex(text.as_bytes());
                self.file(format!("tuf/targets/{hash}.{name}"), text.as_bytes())?;
            }
        }
        self.published.push(Published { role, version, root, content });
        if version == expected {
            Ok(())
        } else {
            Err(format!("{role} was published as version {version}, expected {expected}"))
        }
    }

    /// The newest version of a role; 0 before the first.
    pub fn version(&self, role: Role) -> u64 {
        let versions = self.published.iter().filter(|published| published.role == role);
        versions.map(|published| published.version).max().unwrap_or(0)
    }

    fn once(&self, new: bool, name: &str) -> Result<(), String> {
        if new { Ok(()) } else { Err(format!("`{name}` was made before: nothing is made twice")) }
    }

    /// A file that never changes: said twice, it is said alike.
    fn file(&mut self, path: String, bytes: impl Into<Cow<'a, [u8]>>) -> Result<(), String> {
        let content = Content::Bytes(bytes.into());
        match self.contents.get(&path) {
            Some(before) if *before != content => {
                Err(format!("{path} was written before, with other content"))
            }
            Some(_) => Ok(()),
            None => {
                self.contents.insert(path, content);
                Ok(())
            }
        }
    }

    /// A file that is replaced by its newest content.
    fn newest(&mut self, path: &str, content: &'a str) {
        self.contents.insert(path.to_string(), Content::Bytes(content.as_bytes().into()));
    }
}

fn decode(text: &str) -> Result<Vec<u8>, String> {
    BASE64.decode(text.as_bytes()).map_err(|error| format!("not base64: {error}"))
}

/// A PEM file with lines of 64 characters (RFC 7468).
fn pem(label: &str, der: &[u8]) -> String {
    let text = BASE64.encode(der);
    let mut pem = format!("-----BEGIN {label}-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at_checked(64).unwrap_or((rest, ""));
        pem.push_str(line);
        pem.push('\n');
        rest = after;
    }
    pem.push_str(&format!("-----END {label}-----\n"));
    pem
}
