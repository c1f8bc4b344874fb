//! Trusted roots and signing configs, whoever wrote them.

use serde_json::Value;

use super::certificate::Certificate;
use super::fields::Fields;
use super::key;
use super::sheet::{Cell, Sheet};
use crate::pki::PublicKey;
use crate::trust_root::log::{Kind, key_details, log_id};

/// All there is to see of a trusted root.
pub fn trusted_root(value: &Value) -> Sheet {
    let mut sheet = Sheet::default();
    let mut fields = Fields::of(Some(value));
    sheet.row("media type", fields.cell("mediaType"));
    let mut section = |label: &str, one: &'static str, key: &'static str, of: &dyn Fn(&Value) -> Sheet| {
        let entries = fields.list(key).iter().map(of).collect();
        sheet.row(label, Cell::Sheets(one, entries));
    };
    let rekor = |entry: &Value| log(entry, true);
    let ct = |entry: &Value| log(entry, false);
    section("certificate authorities", "certificate authority", "certificateAuthorities", &authority);
    section("transparency logs", "transparency log", "tlogs", &rekor);
    section("certificate logs", "certificate log", "ctlogs", &ct);
    section("timestamp authorities", "timestamp authority", "timestampAuthorities", &authority);
    fields.rest(&mut sheet);
    sheet
}

/// All there is to see of a signing config.
pub fn signing_config(value: &Value) -> Sheet {
    let mut sheet = Sheet::default();
    let mut fields = Fields::of(Some(value));
    sheet.row("media type", fields.cell("mediaType"));
    for (label, key) in [("transparency logs to use", "rekorTlogConfig"), ("timestamps to use", "tsaConfig")]
    {
        let mut config = fields.inside(key);
        let selector = config.text("selector").unwrap_or("not said");
        let count = config.take("count").map(|count| format!(" {count}")).unwrap_or_default();
        sheet.text(label, format!("{selector}{count}"));
    }
    for (label, one, key) in [
        ("certificate authorities", "certificate authority", "caUrls"),
        ("identity providers", "identity provider", "oidcUrls"),
        ("transparency logs", "transparency log", "rekorTlogUrls"),
        ("timestamp authorities", "timestamp authority", "tsaUrls"),
    ] {
        let services = fields.list(key).iter().map(service).collect();
        sheet.row(label, Cell::Sheets(one, services));
    }
    fields.rest(&mut sheet);
    sheet
}

fn service(value: &Value) -> Sheet {
    let mut fields = Fields::of(Some(value));
    let mut sheet = Sheet::named(fields.text("url").unwrap_or("without a url"));
    sheet.row("API version", fields.cell("majorApiVersion"));
    sheet.row("operator", fields.cell("operator"));
    window(&mut sheet, "used", fields.take("validFor"));
    fields.rest(&mut sheet);
    sheet
}

fn authority(value: &Value) -> Sheet {
    let mut fields = Fields::of(Some(value));
    let mut sheet = Sheet::named(fields.text("uri").unwrap_or("without a uri"));
    let mut subject = fields.inside("subject");
    sheet.row("organization", subject.cell("organization"));
    sheet.row("common name", subject.cell("commonName"));
    window(&mut sheet, "trusted", fields.take("validFor"));
    let mut chain: Vec<Sheet> = Vec::new();
    let mut above: Option<Certificate> = None;
    // From the root down, so that each finds its issuer read.
    for entry in fields.inside("certChain").list("certificates").iter().rev() {
        let mut certificate = Sheet::default();
        let read = Fields::of(Some(entry)).bytes("rawBytes").and_then(|der| Certificate::read(&der));
        match read {
            Ok(read) => {
                certificate.text("subject", read.subject());
                certificate.text("valid", read.validity());
                match above.as_ref().or_else(|| read.is_self_issued().then_some(&read)) {
                    Some(issuer) => read.signed_by(issuer).row(&mut certificate, "signature"),
                    None => certificate.warn("it is the last of the chain, but not self-signed"),
                }
                certificate.row("SHA-256", Cell::hex(&read.fingerprint()));
                above = Some(read);
            }
            Err(error) => {
                certificate.find(format!("the certificate can't be read: {error}"));
                above = None;
            }
        }
        chain.push(certificate);
    }
    chain.reverse();
    sheet.row("chain", Cell::Sheets("certificate", chain));
    fields.rest(&mut sheet);
    sheet
}

fn log(value: &Value, rekor: bool) -> Sheet {
    let mut fields = Fields::of(Some(value));
    let url = fields.text("baseUrl");
    let mut sheet = Sheet::named(url.unwrap_or("without a baseUrl"));
    let mut public = fields.inside("publicKey");
    window(&mut sheet, "trusted", public.take("validFor"));
    let details = public.text("keyDetails");
    sheet.text("key details", details.unwrap_or("absent"));
    let id = fields.inside("logId").bytes("keyId");
    match public.bytes("rawBytes") {
        Ok(spki) => {
            key::rows(&mut sheet, &spki);
            if let Ok(key) = PublicKey::from_spki(&spki) {
                // RSA has several names for one key.
                let expected = key_details(key.algorithm()).as_str_name();
                if key.algorithm().rsa_bits().is_none() && details != Some(expected) {
                    sheet.find(format!("the key details don't say {expected}, which is what the key is"));
                }
                let host = url.and_then(|url| url.split('/').nth(2)).unwrap_or_default();
                let id = id.as_deref().unwrap_or_default();
                log_id_row(&mut sheet, id, &key, rekor.then_some(host));
            } else {
                sheet.row("log id", Cell::Hex(id.as_deref().unwrap_or_default().to_vec()));
            }
        }
        Err(error) => sheet.find(format!("the key can't be read: {error}")),
    }
    if let Err(error) = &id {
        sheet.find(format!("the log has no readable id: {error}"));
    }
    sheet.row("hash algorithm", fields.cell("hashAlgorithm"));
    public.rest(&mut sheet);
    fields.rest(&mut sheet);
    sheet
}

/// The log's id, and what it is made of: clients don't find a log under a wrong one.
fn log_id_row(sheet: &mut Sheet, id: &[u8], key: &PublicKey, rekor_host: Option<&str>) {
    sheet.hex("log id", id);
    if id == log_id(Kind::Ct, "", key) {
        sheet.text("log id is", "the SHA-256 of the key");
    } else if rekor_host.is_some_and(|host| id == log_id(Kind::RekorV2, host, key)) {
        sheet.text("log id is", "the key id of Rekor v2's checkpoints, made of host and key");
    } else {
        sheet.warn("the log id is made neither of the key nor of host and key");
    }
}

/// From when to when, as protobuf JSON has it.
fn window(sheet: &mut Sheet, word: &str, value: Option<&Value>) {
    let mut fields = Fields::of(value);
    sheet.row(&format!("{word} from"), fields.cell("start"));
    sheet.row(&format!("{word} to"), fields.take("end").map_or_else(|| Cell::none("no end"), Cell::json));
}
