//! TUF metadata, whoever wrote it.

use std::collections::BTreeSet;

use data_encoding::HEXLOWER_PERMISSIVE;
use serde_json::{Map, Value, json};

use super::fields::Fields;
use super::key::Verdict;
use super::sheet::{Cell, Sheet, Table};
use crate::pki::{PublicKey, Signature, sha256_hex};
use crate::tuf::{Key, Role, canonical};

/// All there is to see of a metadata file, and its kind.
pub fn show(value: &Value) -> (&'static str, Sheet) {
    let mut sheet = Sheet::default();
    let mut file = Fields::of(Some(value));
    let signed_value = file.take("signed");
    let mut signed = Fields::of(signed_value);
    let role = signed.text("_type").unwrap_or_default();
    let kind = match role {
        "root" => "TUF root",
        "targets" => "TUF targets",
        "snapshot" => "TUF snapshot",
        "timestamp" => "TUF timestamp",
        _ => "TUF metadata",
    };
    sheet.text("role", role);
    sheet.row("version", signed.cell("version"));
    sheet.row("expires", signed.cell("expires"));
    sheet.row("specification", signed.cell("spec_version"));
    if let Some(purpose) = signed.text("x-rootwright-purpose") {
        sheet.text("purpose", purpose);
    }
    let signatures = file.list("signatures");
    match role {
        "root" => root(&mut sheet, &mut signed, signed_value, signatures),
        "targets" => {
            signed_by(&mut sheet, signatures);
            sheet.row("targets", files(&mut signed, "targets", "target"));
        }
        _ => {
            signed_by(&mut sheet, signatures);
            sheet.row("metadata files", files(&mut signed, "meta", "metadata file"));
        }
    }
    signed.rest(&mut sheet);
    file.rest(&mut sheet);
    (kind, sheet)
}

/// Files that the metadata vouches for, with version, length and hashes.
fn files(signed: &mut Fields, key: &'static str, one: &'static str) -> Cell {
    let sheets = signed.entries(key).map(|(name, value)| {
        let mut sheet = Sheet::named(name);
        let mut fields = Fields::of(Some(value));
        if let Some(version) = fields.take("version") {
            sheet.row("version", Cell::json(version));
        }
        sheet.row("length in bytes", fields.cell("length"));
        for (algorithm, hash) in fields.entries("hashes") {
            let hash = hash.as_str().map_or_else(|| Cell::json(hash), Cell::hex);
            sheet.row(&algorithm.replace("sha", "SHA-"), hash);
        }
        fields.rest(&mut sheet);
        sheet
    });
    Cell::Sheets(one, sheets.collect())
}

/// Whose signatures stand there. Whether they count, only the root's keys can say.
fn signed_by(sheet: &mut Sheet, signatures: &[Value]) {
    let ids = signatures.iter().map(|signature| Fields::of(Some(signature)).hex("keyid"));
    sheet.row("signed by key ids", Cell::List(ids.collect()));
    sheet.text("signatures", "not checked here: `rootwright verify ARCHIVE` does, with the root's keys");
}

fn root(sheet: &mut Sheet, signed: &mut Fields, signed_value: Option<&Value>, signatures: &[Value]) {
    sheet.row("consistent snapshot", signed.cell("consistent_snapshot"));
    let empty = Map::new();
    let keys = signed.take("keys").and_then(Value::as_object).unwrap_or(&empty);
    let bytes = signed_value.and_then(|value| canonical(value).ok());
    let own = signed_value.and_then(|value| value.pointer("/roles/root"));
    root_signatures(sheet, keys, bytes.as_deref(), &mut Fields::of(own), signatures);
    let mut roles: Vec<_> = signed.entries("roles").collect();
    let order = |name: &str| Role::ALL.iter().position(|role| role.as_str() == name).unwrap_or(usize::MAX);
    roles.sort_by_key(|(name, _)| order(name));
    let roles = roles.into_iter().map(|(name, value)| role(name, value, keys));
    sheet.row("roles", Cell::Sheets("role", roles.collect()));
    let mut keys: Vec<_> = keys.iter().collect();
    keys.sort_by_key(|(_, value)| owner(value));
    let keys = keys.into_iter().map(|(keyid, value)| key(keyid, value));
    sheet.row("keys", Cell::Sheets("key", keys.collect()));
}

/// Each signature of a root under its own root keys: those of the version before, only that one knows.
fn root_signatures(
    sheet: &mut Sheet,
    keys: &Map<String, Value>,
    bytes: Option<&[u8]>,
    own: &mut Fields,
    signatures: &[Value],
) {
    let own_ids = own.list("keyids");
    let mut material = BTreeSet::new();
    let mut table = Table::new(&["owner", "signature", "key id"]);
    for signature in signatures {
        let mut fields = Fields::of(Some(signature));
        let keyid = fields.text("keyid").unwrap_or_default();
        let sig = fields.text("sig").unwrap_or_default();
        let key = keys.get(keyid).filter(|_| own_ids.iter().any(|own| own == keyid));
        let cell = match (key.map(public), bytes) {
            // As it stands in a file before its owner has signed.
            _ if sig.is_empty() => Cell::none("empty"),
            (None, _) => Cell::none("by no root key of this version; of the one before?"),
            (Some(Err(_)), _) => Cell::none("not checked: the key can't be read"),
            (Some(Ok(_)), None) => Cell::none("not checked: the metadata has no canonical form"),
            (Some(Ok(key)), Some(bytes)) => {
                let verdict = verify(&key, bytes, sig);
                if verdict == Verdict::Verifies {
                    material.insert(key.spki().to_vec());
                } else {
                    sheet.find(format!("the signature of {keyid} does not verify"));
                }
                verdict.cell()
            }
        };
        table.line(vec![Cell::text(keys.get(keyid).map_or("unknown", owner)), cell, Cell::hex(keyid)]);
    }
    let threshold = own.take("threshold").and_then(Value::as_u64);
    let must = threshold.map_or_else(|| "an unknown number".into(), |threshold| threshold.to_string());
    let words = format!("{} different keys of its own; {must} must", material.len());
    sheet.row("signed by", Cell::Words(words, json!({"keys": material.len(), "threshold": threshold})));
    let enough = threshold.and_then(|threshold| usize::try_from(threshold).ok()).unwrap_or(usize::MAX);
    if material.len() < enough.max(1) {
        sheet.warn("fewer keys than the threshold have signed");
    }
    sheet.row("signatures", Cell::Table(table));
}

fn role(name: &str, value: &Value, keys: &Map<String, Value>) -> Sheet {
    let mut sheet = Sheet::named(name);
    let mut fields = Fields::of(Some(value));
    let keyids = fields.list("keyids");
    let threshold = fields.cell("threshold");
    sheet.row("threshold", threshold);
    let mut table = Table::new(&["owner", "key id"]);
    let mut material = BTreeSet::new();
    for keyid in keyids {
        let keyid = keyid.as_str().unwrap_or_default();
        let entry = keys.get(keyid);
        match entry.map(public) {
            None => sheet.warn(format!("the root does not have the key {keyid}")),
            Some(Ok(key)) if !material.insert(key.spki().to_vec()) => {
                // Every client counts one key under two ids as two signers.
                sheet.warn(format!("the key {keyid} stands here twice, under different ids"));
            }
            Some(_) => {}
        }
        table.line(vec![Cell::text(entry.map_or("unknown", owner)), Cell::hex(keyid)]);
    }
    sheet.row("keys", Cell::Table(table));
    fields.rest(&mut sheet);
    sheet
}

fn key(keyid: &str, value: &Value) -> Sheet {
    let mut sheet = Sheet::named(owner(value));
    sheet.row("key id", Cell::hex(keyid));
    if canonical(value).ok().is_none_or(|bytes| sha256_hex(&bytes) != keyid) {
        // One client (tough) refuses such a root.
        sheet.warn("the key id is not the SHA-256 of the key object");
    }
    let mut fields = Fields::of(Some(value));
    fields.take("x-tuf-on-ci-keyowner");
    sheet.row("key type", fields.cell("keytype"));
    sheet.row("scheme", fields.cell("scheme"));
    match public(value) {
        Ok(key) => super::key::rows(&mut sheet, key.spki()),
        Err(error) => sheet.warn(format!("the key can't be read: {error}")),
    }
    fields.take("keyval");
    fields.rest(&mut sheet);
    sheet
}

/// Whose key it is, as tuf-on-ci writes it: a person, or the address of an online key.
fn owner(key: &Value) -> &str {
    let field = |name| key.get(name).and_then(Value::as_str);
    field("x-tuf-on-ci-keyowner").or_else(|| field("x-tuf-on-ci-online-uri")).unwrap_or("no owner named")
}

fn public(key: &Value) -> Result<PublicKey, String> {
    let key: Key = serde_json::from_value(key.clone()).map_err(|error| error.to_string())?;
    key.public().map_err(|error| error.to_string())
}

fn verify(key: &PublicKey, bytes: &[u8], sig: &str) -> Verdict {
    let sig = HEXLOWER_PERMISSIVE.decode(sig.as_bytes());
    let good = sig.is_ok_and(|sig| key.verify(bytes, &Signature(sig)).is_ok());
    if good { Verdict::Verifies } else { Verdict::Fails }
}
