//! An archive without what differs from one ceremony to the next: keys, serial numbers, signatures, and
//! the hashes over them. What is left of two ceremonies of one plan is equal.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;
use x509_parser::prelude::{
    CertificateRevocationList, FromDer, ParsedExtension, X509Certificate, X509Extension,
};

use super::support::files;

/// What every file says, by its path.
pub fn of(archive: &Path) -> BTreeMap<String, String> {
    let mut shape = BTreeMap::new();
    for path in files(archive) {
        let name = path.display().to_string();
        // What tells of an interruption is not in an uninterrupted archive.
        if name == "journal.jsonl" || name.starts_with("rehearsal/") || name.starts_with("evidence/") {
            continue;
        }
        let bytes = fs::read(archive.join(&path)).unwrap();
        let text = match name.rsplit('.').next().unwrap_or_default() {
            "json" => json(&serde_json::from_slice(&bytes).unwrap()),
            "pem" if name.starts_with("certificates/") => certificates(&bytes),
            "pem" => String::from_utf8(bytes).unwrap().lines().next().unwrap().to_string(),
            "crl" => crl(&bytes),
            _ => String::from_utf8(bytes).unwrap(),
        };
        let name = match name.strip_prefix("tuf/targets/") {
            Some(target) => format!("tuf/targets/#.{}", target.split_once('.').unwrap().1),
            None => name,
        };
        shape.insert(name, text);
    }
    shape
}

/// A value whose hashes, keys and signatures say `#`.
fn json(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{:?}", masked(text)),
        Value::Array(values) => format!("[{}]", values.iter().map(json).collect::<Vec<_>>().join(",")),
        Value::Object(map) => {
            let entry = |(name, value): (&String, &Value)| match name.as_str() {
                // Lengths of documents with signatures in them.
                "length" | "size" => format!("{name}:#"),
                _ => format!("{}:{}", masked(name), json(value)),
            };
            let mut entries: Vec<String> = map.iter().map(entry).collect();
            entries.sort();
            format!("{{{}}}", entries.join(","))
        }
        other => other.to_string(),
    }
}

fn masked(text: &str) -> String {
    let random = |text: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte);
        text.len() >= 40 && text.bytes().all(plain)
    };
    if text.starts_with("-----BEGIN") || random(text) { "#".into() } else { text.into() }
}

fn certificates(pem: &[u8]) -> String {
    let mut text = String::new();
    for block in x509_parser::pem::Pem::iter_from_buffer(pem) {
        let block = block.unwrap();
        let (_, certificate) = X509Certificate::from_der(&block.contents).unwrap();
        let key = &certificate.tbs_certificate.subject_pki;
        text.push_str(&format!(
            "{} by {}, {} to {}, serial of {} bytes, key {:?}, signature {:?}\n",
            certificate.subject(),
            certificate.issuer(),
            certificate.validity().not_before,
            certificate.validity().not_after,
            certificate.raw_serial().len(),
            key.algorithm,
            certificate.signature_algorithm
        ));
        text.extend(certificate.extensions().iter().map(extension));
    }
    text
}

fn crl(der: &[u8]) -> String {
    let (_, crl) = CertificateRevocationList::from_der(der).unwrap();
    let mut text = format!(
        "{}, {} to {:?}, {:?}, {} revoked\n",
        crl.issuer(),
        crl.last_update(),
        crl.next_update(),
        crl.crl_number(),
        crl.iter_revoked_certificates().count()
    );
    text.extend(crl.extensions().iter().map(extension));
    text
}

fn extension(extension: &X509Extension) -> String {
    let value = match extension.parsed_extension() {
        ParsedExtension::SubjectKeyIdentifier(id) => format!("{} bytes", id.0.len()),
        ParsedExtension::AuthorityKeyIdentifier(_) => format!("{} bytes", extension.value.len()),
        _ => format!("{:02x?}", extension.value),
    };
    format!("  {} {} {value}\n", extension.oid, extension.critical)
}
