//! The TUF repository, as a client walks it (specification 1.0.31, 5.3 to 5.7): from the first root to
//! the newest, then timestamp, snapshot, targets and the files; and every version that came before.

pub mod document;
pub mod root;
pub mod rules;

use serde_json::Value;

use self::document::{Document, number};
use self::root::{Owner, Root};
use super::claims::Claims;
use super::files::{Files, JOURNAL};
use super::report::{Area, Entry, Sheet};
use super::signature::{Key, sha256_hex, sha512_hex};
use crate::archive::Role;
use crate::plan::Time;
use crate::site::Purpose;

/// What the walk needs at every step.
struct Walk<'w> {
    claims: &'w Claims<'w>,
    files: &'w Files,
    at: Time,
}

/// Checks the repository.
pub fn check(claims: &Claims<'_>, files: &Files, at: Time, sheet: &mut Sheet) {
    if claims.published.is_empty() && files.get("tuf/1.root.json").is_none() {
        sheet.note("there is no TUF repository in this archive");
        return;
    }
    let walk = Walk { claims, files, at };
    let roots = walk.roots(sheet);
    let Some(newest) = roots.last() else { return };
    walk.earlier(&roots, sheet);
    let listed = walk.role(Role::Timestamp, "tuf/timestamp.json", None, newest, sheet);
    let listed = listed.and_then(|timestamp| walk.next(&timestamp, Role::Snapshot, newest, sheet));
    if let Some(targets) = listed.and_then(|snapshot| walk.next(&snapshot, Role::Targets, newest, sheet)) {
        walk.targets(&targets, sheet);
    }
}

/// The archive's name of a key, by its material, and the keyholder whose key it is.
pub fn owner(claims: &Claims<'_>, key: &Key) -> Option<Owner> {
    let known = claims.keys.iter().find(|known| known.key.as_ref() == Ok(key))?;
    let keyholder = known.record.keyholder.as_ref().map(ToString::to_string);
    Some(Owner { name: known.record.name.to_string(), keyholder })
}

impl Walk<'_> {
    /// Root after root; each must reach the thresholds of the one before it and its own.
    fn roots(&self, sheet: &mut Sheet) -> Vec<Root> {
        let mut roots: Vec<Root> = Vec::new();
        let last = self.claims.version(Role::Root).max(1);
        for version in 1.. {
            let path = format!("tuf/{version}.root.json");
            let Some(bytes) = self.files.get(&path) else {
                if version <= last {
                    sheet.on(Area::Tuf, path).failed("it could not be read: clients can't walk past it");
                }
                break;
            };
            let mut entry = sheet.on(Area::Tuf, path);
            let owner = |key: &Key| owner(self.claims, key);
            let read = Document::read(bytes, Role::Root)
                .and_then(|document| Root::read(&document, owner).map(|root| (document, root)));
            let (document, root) = match read {
                Ok(read) => read,
                Err(reason) => {
                    entry.failed(reason);
                    break;
                }
            };
            entry.ok("key ids are the hashes of their keys, and no key stands in a role twice");
            match root.strangers().as_slice() {
                [] => entry.ok("all its keys are the archive's"),
                list => entry.failed(format!("keys that are not the archive's: {}", list.join(", "))),
            }
            self.head(&document, version, version == last, &mut entry);
            let both: Vec<&Root> = roots.last().into_iter().chain([&root]).collect();
            self.signed(&document, &both, &mut entry);
            roots.push(root);
        }
        roots
    }

    /// Version, mark, and, for what is in force, expiry.
    fn head(&self, document: &Document, version: u64, in_force: bool, entry: &mut Entry<'_>) {
        if document.version == version {
            entry.ok(format!("version {version}"));
        } else {
            entry.failed(format!("version {}, expected {version}", document.version));
        }
        let rehearsal = self.claims.purpose == Some(Purpose::Rehearsal);
        entry.judge(match (document.rehearsal, rehearsal) {
            (true, true) => Ok("marked as a rehearsal's"),
            (false, false) => Ok("not marked as a rehearsal's"),
            (true, false) => Err("marked as a rehearsal's, in production".into()),
            (false, true) => Err("not marked as a rehearsal's, in a rehearsal".into()),
        });
        if !in_force {
            return;
        }
        let expires = document.expires;
        if self.at < expires {
            entry.ok(format!("in force at {}, expires on {expires}", self.at));
        } else {
            entry.failed(format!("expired on {expires}: {} is later", self.at));
        }
    }

    /// Signatures, under every root that has a say, and as they were recorded when they were made.
    fn signed(&self, document: &Document, roots: &[&Root], entry: &mut Entry<'_>) {
        match document.signers(roots) {
            Ok(signers) => roots.iter().for_each(|root| entry.judge(signers.reach(root, document.role))),
            Err(reason) => entry.failed(reason),
        }
        let covered = sha256_hex(&document.canonical);
        let unknown = document.signatures.iter().find(|(keyid, signature)| {
            !self.claims.signatures.iter().any(|made| {
                (made.role, made.version) == (document.role, document.version)
                    && (made.keyid, made.signature, made.signed) == (keyid, signature, &covered)
            })
        });
        match unknown {
            Some((keyid, _)) => entry.failed(format!("the journal knows no such signature by {keyid}")),
            None => entry.ok("every signature is one that the journal recorded when it was made"),
        }
    }

    /// A role's metadata in force; `listed` is what the role before it says of the file.
    fn role(
        &self,
        role: Role,
        path: &str,
        listed: Option<&Value>,
        root: &Root,
        sheet: &mut Sheet,
    ) -> Option<Document> {
        let mut entry = sheet.on(Area::Tuf, path);
        let Some(bytes) = self.files.get(path) else {
            entry.failed("it could not be read: clients can't walk past it");
            return None;
        };
        if let Some(listed) = listed {
            entry.judge(measured(listed, bytes));
        }
        match Document::read(bytes, role) {
            Ok(document) => {
                self.head(&document, self.claims.version(role), true, &mut entry);
                self.signed(&document, &[root], &mut entry);
                Some(document)
            }
            Err(reason) => {
                entry.failed(reason);
                None
            }
        }
    }

    /// From timestamp to snapshot, and from snapshot to targets.
    fn next(&self, from: &Document, role: Role, root: &Root, sheet: &mut Sheet) -> Option<Document> {
        let name = format!("{role}.json");
        let meta = from.signed.get("meta").and_then(Value::as_object);
        let listed = meta.and_then(|meta| meta.get(&name).filter(|_| meta.len() == 1));
        let version = listed.and_then(|listed| number(listed, "version").ok());
        let (Some(listed), Some(version)) = (listed, version) else {
            let path = if from.role == Role::Timestamp {
                "tuf/timestamp.json".into()
            } else {
                format!("tuf/{}.{}.json", from.version, from.role)
            };
            sheet.on(Area::Tuf, path).failed(format!("it does not list {name}, with a version, alone"));
            return None;
        };
        let document = self.role(role, &format!("tuf/{version}.{role}.json"), Some(listed), root, sheet)?;
        (document.version == version).then_some(document)
    }

    /// The files that clients fetch: there, measured, and the same as the trust root of the archive.
    fn targets(&self, document: &Document, sheet: &mut Sheet) {
        let path = format!("tuf/{}.targets.json", document.version);
        let empty = serde_json::Map::new();
        let targets = document.signed.get("targets").and_then(Value::as_object).unwrap_or(&empty);
        let mut expected = vec!["signing_config.v0.2.json", "trusted_root.json"];
        expected.extend(self.claims.targets.keys());
        expected.sort_unstable();
        let mut names: Vec<&str> = targets.keys().map(String::as_str).collect();
        names.sort_unstable();
        let mut entry = sheet.on(Area::Tuf, path);
        if names == expected && document.signed.get("delegations").is_none() {
            entry.ok(match self.claims.targets.len() {
                0 => "lists the trusted root and the signing config, and delegates nothing".to_string(),
                more => format!(
                    "lists the trusted root, the signing config and {more} more, and delegates nothing"
                ),
            });
        } else {
            entry.failed(format!("lists {}, expected {}", names.join(", "), expected.join(", ")));
        }
        for (name, listed) in targets {
            let hash = listed.get("hashes").and_then(|hashes| hashes.get("sha256")).and_then(Value::as_str);
            let path = format!("tuf/targets/{}.{name}", hash.unwrap_or_default());
            let mut entry = sheet.on(Area::Tuf, path.as_str());
            let Some(bytes) = self.files.get(&path) else {
                entry.failed("it could not be read: clients can't fetch it");
                continue;
            };
            entry.judge(measured(listed, bytes));
            if let Some(taken) = self.claims.targets.get(name.as_str()) {
                entry.judge(if *taken == sha256_hex(bytes) {
                    Ok("the content that was taken in last under this name".to_string())
                } else {
                    Err(format!("not the content that was taken in last under this name, SHA-256 {taken}"))
                });
            } else if self.files.get(&format!("trust-root/{name}")) == Some(bytes) {
                entry.ok(format!("the same as trust-root/{name}"));
            } else {
                entry.failed(format!("not the same as trust-root/{name}: clients do not get the newest"));
            }
        }
    }

    /// Versions that are no longer in force, each under the root that was in force when it was published.
    fn earlier(&self, roots: &[Root], sheet: &mut Sheet) {
        for published in &self.claims.published {
            let role = published.role;
            if role == Role::Root || published.version == self.claims.version(role) {
                continue;
            }
            // The timestamp's earlier versions stand in the journal alone.
            let path = match role {
                Role::Timestamp => format!("{JOURNAL}, timestamp {}", published.version),
                _ => format!("tuf/{}.{role}.json", published.version),
            };
            let mut entry = sheet.on(Area::Tuf, path);
            let root = roots.iter().find(|root| root.version == published.root);
            match (Document::read(published.content.as_bytes(), role), root) {
                (Ok(document), Some(root)) => {
                    self.head(&document, published.version, false, &mut entry);
                    self.signed(&document, &[root], &mut entry);
                }
                (Err(reason), _) => entry.failed(reason),
                (_, None) => entry.failed(format!("there is no root {} that it was under", published.root)),
            }
        }
    }
}

/// A file against the length and hashes that another one lists for it.
fn measured(listed: &Value, bytes: &[u8]) -> Result<String, String> {
    let length = number(listed, "length")?;
    if u64::try_from(bytes.len()) != Ok(length) {
        return Err(format!("{} bytes, expected {length}", bytes.len()));
    }
    let hashes = listed.get("hashes").and_then(Value::as_object).ok_or("no hashes are listed for it")?;
    if !hashes.contains_key("sha256") {
        return Err("no SHA-256 is listed for it".into());
    }
    for (name, expected) in hashes {
        let found = match name.as_str() {
            "sha256" => sha256_hex(bytes),
            "sha512" => sha512_hex(bytes),
            other => return Err(format!("the hash {other} is not known here")),
        };
        if expected.as_str() != Some(&found) {
            return Err(format!("{name} is {found}, expected {expected}"));
        }
    }
    Ok(format!(
        "length and hashes ({}) are the listed ones",
        hashes.keys().cloned().collect::<Vec<_>>().join(", ")
    ))
}

#[cfg(test)]
mod tests;
