//! Bundles: what was signed, by whom, and who saw it.

use serde_json::Value;

use super::certificate::Certificate;
use super::fields::Fields;
use super::sheet::{Cell, Sheet};

/// All there is to see of a bundle. Nothing is verified: `prove --replay` does that.
pub fn show(value: &Value) -> Sheet {
    let mut sheet = Sheet::default();
    let mut fields = Fields::of(Some(value));
    sheet.row("media type", fields.cell("mediaType"));
    let mut message = fields.inside("messageSignature");
    let mut digest = message.inside("messageDigest");
    sheet.row("digest algorithm", digest.cell("algorithm"));
    match digest.bytes("digest") {
        Ok(bytes) => sheet.hex("digest", bytes),
        Err(reason) => sheet.warn(reason),
    }
    match message.bytes("signature") {
        Ok(bytes) => sheet.hex("signature", bytes),
        Err(reason) => sheet.warn(reason),
    }
    let mut material = fields.inside("verificationMaterial");
    let der = material.inside("certificate").bytes("rawBytes");
    match der.and_then(|der| Certificate::read(&der)) {
        Ok(certificate) => sheet.row("certificate", Cell::Sheet(certificate.sheet())),
        Err(reason) => sheet.warn(format!("certificate: {reason}")),
    }
    let entries = material.list("tlogEntries").iter().map(entry).collect();
    sheet.row("log entries", Cell::Sheets("log entry", entries));
    let mut stamps = material.inside("timestampVerificationData");
    sheet.row("timestamps", Cell::count(stamps.list("rfc3161Timestamps").len()));
    material.rest(&mut sheet);
    fields.rest(&mut sheet);
    sheet
}

fn entry(value: &Value) -> Sheet {
    let mut fields = Fields::of(Some(value));
    let mut kind = fields.inside("kindVersion");
    let (name, version) = (kind.text("kind").unwrap_or("?"), kind.text("version").unwrap_or("?"));
    let mut sheet = Sheet::named(format!("{name} {version}"));
    sheet.row("index", fields.cell("logIndex"));
    match fields.inside("logId").bytes("keyId") {
        Ok(bytes) => sheet.hex("log", bytes),
        Err(reason) => sheet.warn(reason),
    }
    sheet.row("integrated time", fields.cell("integratedTime"));
    let promised = fields.take("inclusionPromise").is_some();
    sheet.text("signed entry timestamp", if promised { "there" } else { "none" });
    let mut proof = fields.inside("inclusionProof");
    sheet.row("index in the tree", proof.cell("logIndex"));
    sheet.row("size of the tree", proof.cell("treeSize"));
    match proof.bytes("rootHash") {
        Ok(bytes) => sheet.hex("root of the tree", bytes),
        Err(reason) => sheet.warn(reason),
    }
    sheet.row("hashes in the proof", Cell::count(proof.list("hashes").len()));
    let mut checkpoint = proof.inside("checkpoint");
    for line in checkpoint.text("envelope").unwrap_or_default().lines().filter(|line| !line.is_empty()) {
        sheet.text("checkpoint", line);
    }
    match fields.bytes("canonicalizedBody") {
        Ok(bytes) => sheet.sha256("entry SHA-256", &bytes),
        Err(reason) => sheet.warn(reason),
    }
    proof.rest(&mut sheet);
    fields.rest(&mut sheet);
    sheet
}

/// Who signed a canary: the file that `prove` writes beside the bundle.
pub fn identity(value: &Value) -> Sheet {
    let mut sheet = Sheet::default();
    let mut fields = Fields::of(Some(value));
    for (label, key) in [("identity", "identity"), ("vouched for by", "issuer"), ("at", "time")] {
        sheet.row(label, fields.cell(key));
    }
    fields.rest(&mut sheet);
    sheet
}
