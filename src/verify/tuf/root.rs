//! Root metadata: which keys sign which role.

use std::collections::BTreeMap;

use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};
use serde_json::Value;

use super::document::{Document, number, text};
use crate::archive::Role;
use crate::verify::canonical::olpc;
use crate::verify::signature::{Key, Kind, sha256_hex};

/// Whose a key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The archive's name of the key.
    pub name: String,
    /// The keyholder whose key it is; none for online keys.
    pub keyholder: Option<String>,
}

/// A key that signs roles.
#[derive(Debug)]
pub struct Signer {
    /// The key.
    pub key: Key,
    /// The archive's name of it.
    pub owner: Option<String>,
}

/// What root metadata says.
#[derive(Debug)]
pub struct Root {
    /// Its version.
    pub version: u64,
    keys: BTreeMap<String, Signer>,
    roles: BTreeMap<Role, (Vec<String>, u64)>,
}

impl Root {
    /// Reads root metadata. Key ids are worked out anew; `owner` names the archive's key that has this
    /// material.
    pub fn read(document: &Document, owner: impl Fn(&Key) -> Option<Owner>) -> Result<Self, String> {
        let signed = &document.signed;
        if signed.get("consistent_snapshot") != Some(&Value::Bool(true)) {
            return Err("consistent_snapshot is not true".into());
        }
        let mut keys = BTreeMap::new();
        for (id, value) in object(signed, "keys")? {
            let expected = sha256_hex(&olpc(value)?);
            if *id != expected {
                return Err(format!("the key id {id} is not the hash of its key, {expected}"));
            }
            let key = key(value).map_err(|reason| format!("the key {id}: {reason}"))?;
            let owner = owner(&key);
            let named = value.get("x-tuf-on-ci-keyowner").and_then(Value::as_str);
            let holder = owner.as_ref().and_then(|owner| owner.keyholder.as_deref());
            if named.is_some_and(|named| named.strip_prefix('@') != holder) {
                return Err(format!(
                    "the key {id} is said to be {}'s, and is not",
                    named.unwrap_or_default()
                ));
            }
            keys.insert(id.clone(), Signer { key, owner: owner.map(|owner| owner.name) });
        }
        let mut roles = BTreeMap::new();
        let written = object(signed, "roles")?;
        for role in Role::ALL {
            let value = written.get(role.as_str()).ok_or_else(|| format!("it has no role {role}"))?;
            let ids = value.get("keyids").and_then(Value::as_array).ok_or("a role without key ids")?;
            let ids: Vec<String> = ids.iter().filter_map(Value::as_str).map(ToString::to_string).collect();
            roles.insert(role, (ids, number(value, "threshold")?));
        }
        if written.len() != Role::ALL.len() {
            return Err("it has a role that clients do not know".into());
        }
        let root = Self { version: document.version, keys, roles };
        Role::ALL.into_iter().try_for_each(|role| root.enough(role))?;
        Ok(root)
    }

    /// A key that may sign a role, by its id.
    pub fn signer(&self, role: Role, id: &str) -> Option<(&str, &Signer)> {
        let (ids, _) = self.roles.get(&role)?;
        let id = ids.iter().find(|known| *known == id)?;
        self.keys.get_key_value(id).map(|(id, signer)| (id.as_str(), signer))
    }

    /// How many keys must sign a role.
    pub fn threshold(&self, role: Role) -> Option<u64> {
        self.roles.get(&role).map(|(_, threshold)| (*threshold).max(1))
    }

    /// The names of the keys that may sign a role, sorted; strangers have none.
    pub fn owners(&self, role: Role) -> Vec<&str> {
        let ids = self.roles.get(&role).into_iter().flat_map(|(ids, _)| ids);
        let mut names: Vec<&str> = ids
            .filter_map(|id| self.keys.get(id))
            .map(|signer| signer.owner.as_deref().unwrap_or("an unknown key"))
            .collect();
        names.sort_unstable();
        names
    }

    /// Keys of the root that are not the archive's.
    pub fn strangers(&self) -> Vec<&str> {
        self.keys.iter().filter(|(_, signer)| signer.owner.is_none()).map(|(id, _)| id.as_str()).collect()
    }

    /// A role has as many different keys as it has ids, and at least as many as its threshold.
    fn enough(&self, role: Role) -> Result<(), String> {
        let Some((ids, threshold)) = self.roles.get(&role) else { return Ok(()) };
        let mut material: Vec<&Key> = Vec::new();
        for id in ids {
            let (_, signer) =
                self.signer(role, id).ok_or_else(|| format!("{role}: no key has the id {id}"))?;
            if material.contains(&&signer.key) {
                return Err(format!("{role}: the key {id} stands there twice: it would count as two"));
            }
            material.push(&signer.key);
        }
        if *threshold < 1 || u64::try_from(material.len()).is_ok_and(|count| count < *threshold) {
            return Err(format!("{role}: a threshold of {threshold} for {} keys", material.len()));
        }
        Ok(())
    }
}

fn object<'v>(value: &'v Value, field: &str) -> Result<&'v serde_json::Map<String, Value>, String> {
    value.get(field).and_then(Value::as_object).ok_or_else(|| format!("`{field}` is missing"))
}

/// A key: ECDSA in PEM, Ed25519 in hex.
fn key(value: &Value) -> Result<Key, String> {
    let (kind, scheme) = (text(value, "keytype")?, text(value, "scheme")?);
    let public = text(value.get("keyval").unwrap_or(&Value::Null), "public")?;
    let key = if kind == "ed25519" {
        let bits = HEXLOWER_PERMISSIVE.decode(public.as_bytes()).map_err(|error| error.to_string())?;
        if bits.len() != 32 {
            return Err(format!("an Ed25519 key of {} bytes", bits.len()));
        }
        Key { kind: Kind::Ed25519, bits }
    } else {
        let body: String = public.lines().filter(|line| !line.starts_with("-----")).collect();
        Key::read(&BASE64.decode(body.as_bytes()).map_err(|error| error.to_string())?)?
    };
    let expected = match key.kind {
        Kind::P256 => ("ecdsa", "ecdsa-sha2-nistp256"),
        Kind::P384 => ("ecdsa", "ecdsa-sha2-nistp384"),
        Kind::P521 => ("ecdsa", "ecdsa-sha2-nistp521"),
        Kind::Ed25519 => ("ed25519", "ed25519"),
        Kind::Rsa3072 | Kind::Rsa4096 => {
            return Err("an RSA key, which signs here by no scheme of TUF".into());
        }
    };
    if (kind, scheme) == expected {
        Ok(key)
    } else {
        Err(format!("type {kind} and scheme {scheme}, expected {} and {}", expected.0, expected.1))
    }
}
