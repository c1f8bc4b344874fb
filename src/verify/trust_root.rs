//! `trusted_root.json` against the plan's entries and the archive's certificates and keys: what must
//! stand in it is worked out anew from those, value by value, and compared.

use data_encoding::BASE64;
use serde_json::{Value, json};

use super::certificate::Certificates;
use super::claims::Claims;
use super::files::Files;
use super::report::{Area, Entry, Sheet};
use super::signature::{Key, Kind, sha256};
use super::{cross, signing_config};
use crate::plan::{Time, Window};

/// Where the trusted root stands in an archive.
pub const TRUSTED_ROOT: &str = "trust-root/trusted_root.json";

/// The one media type that all stock clients take.
const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.trustedroot+json;version=0.1";

/// A kind of log: its list in the file, its list in the plan.
const LOGS: [(&str, &str); 2] = [("tlogs", "transparency-logs"), ("ctlogs", "certificate-logs")];

/// A kind of authority: its list in the file, its list in the plan.
const AUTHORITIES: [(&str, &str); 2] = [
    ("certificateAuthorities", "certificate-authorities"),
    ("timestampAuthorities", "timestamp-authorities"),
];

/// The windows in which clients trust a chain that a certificate is part of.
pub fn windows(claims: &Claims<'_>, certificate: &str) -> Vec<Window> {
    let Some(made) = claims.trust_root else { return Vec::new() };
    let entries = AUTHORITIES.iter().flat_map(|(_, list)| planned(made.spec, list));
    let holds = |entry: &&Value| {
        let chain = entry.get("chain").and_then(Value::as_array);
        chain.is_some_and(|chain| chain.iter().any(|name| name == certificate))
    };
    entries.filter(holds).filter_map(window).collect()
}

/// The entries of a list of the plan.
pub fn planned<'v>(spec: &'v Value, list: &str) -> &'v [Value] {
    spec.get(list).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// An entry's window.
pub fn window(entry: &Value) -> Option<Window> {
    serde_json::from_value(entry.get("trust")?.clone()).ok()
}

/// Checks the trusted root and the signing config, at a moment; the latter says who runs the services.
pub fn check(
    claims: &Claims<'_>,
    certificates: &Certificates<'_>,
    files: &Files,
    (at, operator): (Time, Option<&str>),
    sheet: &mut Sheet,
) {
    let Some(made) = claims.trust_root else {
        sheet.note("there is no trusted root in this archive");
        return;
    };
    let mut entry = sheet.on(Area::TrustRoot, TRUSTED_ROOT);
    match parse(files, TRUSTED_ROOT) {
        Ok(found) => {
            head(&found, &mut entry);
            entries(&found, made.spec, claims, certificates, &mut entry);
            lifetimes(made.spec, certificates, &mut entry);
        }
        Err(reason) => entry.failed(reason),
    }
    signing_config::check(made, files, (at, operator), sheet);
}

/// Every entry of a trusted root against the one that follows from a plan's, with the archive's keys and
/// certificates.
pub fn entries(
    found: &Value,
    spec: &Value,
    claims: &Claims<'_>,
    certificates: &Certificates<'_>,
    entry: &mut Entry<'_>,
) {
    for (list, plan) in AUTHORITIES {
        let planned = oldest_first(spec, plan).into_iter();
        compare(found, list, planned.map(|planned| authority(planned, certificates)).collect(), entry);
    }
    for (list, plan) in LOGS {
        let planned = oldest_first(spec, plan).into_iter();
        compare(found, list, planned.map(|planned| log(planned, claims)).collect(), entry);
    }
}

/// A JSON file of the archive.
pub fn parse(files: &Files, path: &str) -> Result<Value, String> {
    let bytes = files.get(path).ok_or("it could not be read")?;
    serde_json::from_slice(bytes).map_err(|error| format!("not JSON: {error}"))
}

/// Media type, and no field that a client does not know.
fn head(found: &Value, entry: &mut Entry<'_>) {
    let media_type = found.get("mediaType").and_then(Value::as_str);
    if media_type == Some(MEDIA_TYPE) {
        entry.ok(format!("media type {MEDIA_TYPE}"));
    } else {
        entry.failed(format!("media type {media_type:?}, expected {MEDIA_TYPE}"));
    }
    let known =
        AUTHORITIES.iter().chain(&LOGS).map(|(list, _)| *list).chain(["mediaType"]).collect::<Vec<_>>();
    let fields = found.as_object().into_iter().flat_map(|object| object.keys());
    match fields.into_iter().find(|field| !known.contains(&field.as_str())) {
        Some(strange) => entry.failed(format!("the field `{strange}`, which clients refuse")),
        None => entry.ok("no field that clients do not know"),
    }
}

/// The plan's entries by their start; those that begin together in the plan's order.
fn oldest_first<'v>(spec: &'v Value, list: &str) -> Vec<&'v Value> {
    let mut entries: Vec<&Value> = planned(spec, list).iter().collect();
    entries.sort_by_key(|entry| window(entry).map(|window| window.from));
    entries
}

fn valid_for(entry: &Value) -> Result<Value, String> {
    let window = window(entry).ok_or("the plan gives it no window")?;
    Ok(match window.to {
        Some(to) => json!({"start": window.from, "end": to}),
        None => json!({"start": window.from}),
    })
}

fn text<'v>(entry: &'v Value, field: &str) -> &'v str {
    entry.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// What an authority's entry must be.
fn authority(entry: &Value, certificates: &Certificates<'_>) -> Result<Value, String> {
    let mut chain = Vec::new();
    for name in entry.get("chain").and_then(Value::as_array).into_iter().flatten() {
        let name = name.as_str().unwrap_or_default();
        let found = certificates.get(name).ok_or_else(|| format!("there is no certificate `{name}`"))?;
        chain.push(found);
    }
    for (own, issuer) in chain.iter().zip(chain.iter().skip(1)) {
        let crossed = cross::crossed(issuer.claim);
        if own.claim.issuer != Some(issuer.claim.name) && (crossed.is_none() || own.claim.issuer != crossed) {
            return Err(format!(
                "`{}` is not issued by `{}`, which follows it",
                own.claim.name, issuer.claim.name
            ));
        }
    }
    let root = chain.last().ok_or("the chain is empty")?;
    if root.claim.issuer.is_some() {
        return Err(format!("the chain ends with `{}`, which is no root", root.claim.name));
    }
    let subject = root.x509.subject();
    let organization = subject.iter_organization().find_map(|found| found.as_str().ok());
    let common_name = subject.iter_common_name().find_map(|found| found.as_str().ok());
    let raw: Vec<Value> =
        chain.iter().map(|found| json!({"rawBytes": BASE64.encode(&found.claim.der)})).collect();
    Ok(json!({
        "subject": {"organization": organization, "commonName": common_name},
        "uri": text(entry, "uri"),
        "certChain": {"certificates": raw},
        "validFor": valid_for(entry)?,
    }))
}

/// What a log's entry must be.
fn log(entry: &Value, claims: &Claims<'_>) -> Result<Value, String> {
    let name = text(entry, "key");
    let claimed = claims.key(name).ok_or_else(|| format!("there is no key `{name}`"))?;
    let key = claimed.key.as_ref().map_err(String::clone)?;
    let url = text(entry, "url");
    let api = entry.get("api").and_then(Value::as_u64);
    Ok(json!({
        "baseUrl": url,
        "hashAlgorithm": "SHA2_256",
        "publicKey": {
            "rawBytes": BASE64.encode(&claimed.spki),
            "keyDetails": details(key.kind),
            "validFor": valid_for(entry)?,
        },
        "logId": {"keyId": BASE64.encode(&log_id(key, &claimed.spki, api == Some(2), url))},
    }))
}

/// The 32 bytes that name a log: SHA-256 of the SubjectPublicKeyInfo (RFC 6962, 3.2); for an Ed25519
/// key of a Rekor v2 log SHA-256(origin ‖ 0x0A ‖ 0x01 ‖ key), as C2SP's signed notes have it.
fn log_id(key: &Key, spki: &[u8], rekor_v2: bool, url: &str) -> Vec<u8> {
    if rekor_v2 && key.kind == Kind::Ed25519 {
        let origin =
            url.split_once("://").map_or(url, |(_, rest)| rest).split('/').next().unwrap_or_default();
        let note = [origin.as_bytes(), &[b'\n', 1], &key.bits].concat();
        sha256(&note).as_ref().to_vec()
    } else {
        sha256(spki).as_ref().to_vec()
    }
}

fn details(kind: Kind) -> &'static str {
    match kind {
        Kind::P256 => "PKIX_ECDSA_P256_SHA_256",
        Kind::P384 => "PKIX_ECDSA_P384_SHA_384",
        Kind::P521 => "PKIX_ECDSA_P521_SHA_512",
        Kind::Ed25519 => "PKIX_ED25519",
        Kind::Rsa3072 => "PKIX_RSA_PKCS1V15_3072_SHA256",
        Kind::Rsa4096 => "PKIX_RSA_PKCS1V15_4096_SHA256",
    }
}

/// A list of the file against what must stand in it, entry by entry, the oldest first.
fn compare(found: &Value, list: &str, expected: Vec<Result<Value, String>>, entry: &mut Entry<'_>) {
    let Some(found) = found.get(list).and_then(Value::as_array) else {
        return entry.failed(format!("{list} is not a list"));
    };
    if found.len() == expected.len() {
        entry.ok(format!("{list}: {}, as many as the plan has, the oldest first", found.len()));
    } else {
        entry.failed(format!("{list} has {} entries, the plan has {}", found.len(), expected.len()));
    }
    for (n, (found, expected)) in found.iter().zip(expected).enumerate() {
        let place = format!("{list}[{n}]");
        entry.judge(expected.and_then(|expected| match difference(&place, found, &expected) {
            Some(difference) => Err(difference),
            None => Ok(format!("{place}: keys, certificates, ids and windows are those of the archive")),
        }));
    }
}

/// A value as people read it: of what is longer than a line, its beginning and end.
fn short(value: &Value) -> String {
    let text = value.to_string();
    let length = text.chars().count();
    if length <= 80 {
        return text;
    }
    let first: String = text.chars().take(32).collect();
    let last: String = text.chars().skip(length.saturating_sub(32)).collect();
    format!("{first} … {last} ({length} characters)")
}

/// The first place in which two values differ, and how.
fn difference(place: &str, found: &Value, expected: &Value) -> Option<String> {
    match (found, expected) {
        (Value::Object(a), Value::Object(b)) => {
            let mut fields: Vec<&String> = a.keys().chain(b.keys()).collect();
            fields.sort_unstable();
            fields.dedup();
            fields.into_iter().find_map(|field| {
                let (a, b) = (a.get(field).unwrap_or(&Value::Null), b.get(field).unwrap_or(&Value::Null));
                difference(&format!("{place}.{field}"), a, b)
            })
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).enumerate().find_map(|(n, (a, b))| difference(&format!("{place}[{n}]"), a, b))
        }
        _ if found == expected => None,
        _ => Some(format!("{place} is {}, expected {}", short(found), short(expected))),
    }
}

/// Every window lies inside the lifetimes of all certificates of its chain.
fn lifetimes(spec: &Value, certificates: &Certificates<'_>, entry: &mut Entry<'_>) {
    let mut fine = true;
    for (list, plan) in AUTHORITIES {
        for authority in planned(spec, plan) {
            let Some(window) = window(authority) else { continue };
            let names = authority.get("chain").and_then(Value::as_array).into_iter().flatten();
            for certificate in names.filter_map(Value::as_str).filter_map(|name| certificates.get(name)) {
                let (from, to) = certificate.validity();
                if window.from.unix() < from || window.to.is_some_and(|end| end.unix() > to) {
                    fine = false;
                    entry.failed(format!(
                        "{list}: the window of {} is not inside the validity of `{}`",
                        text(authority, "uri"),
                        certificate.claim.name
                    ));
                }
            }
        }
    }
    if fine {
        entry.ok("every window lies inside the validity of all certificates of its chain");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sigstore's own logs, as its trusted root publishes them.
    #[test]
    fn log_ids_are_those_that_sigstore_publishes() {
        let base64 = |text: &str| BASE64.decode(text.as_bytes()).unwrap();
        let spki = base64("MCowBQYDK2VwAyEAt8rlp1knGwjfbcXAYPYAkn0XiLz1x8O4t0YkEhie244=");
        let id = |v2, url| log_id(&Key::read(&spki).unwrap(), &spki, v2, url);
        let expected = base64("zxGZFVvd0FEmjR8WrFwMdcAJ9vtaY/QXf44Y1wUeP6A=");
        assert_eq!(id(true, "https://log2025-1.rekor.sigstore.dev"), expected);
        assert_eq!(id(false, "https://log2025-1.rekor.sigstore.dev"), sha256(&spki).as_ref());
        let spki = base64(
            "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE2G2Y+2tabdTV5BcGiBIx0a9fAFwrkBbmLSGtks4L3qX6yYY0zufBnhC8Ur/iy55GhWP/9A/bY2LhC30M9+RYtw==",
        );
        let expected = base64("wNI9atQGlz+VWfO6LRygH4QUfY/8W4RFwiT5i5WRgB0=");
        assert_eq!(log_id(&Key::read(&spki).unwrap(), &spki, true, "https://rekor.sigstore.dev"), expected);
    }

    #[test]
    fn the_first_difference_is_named() {
        let (a, b) = (json!({"a": [1, {"b": 2}]}), json!({"a": [1, {"b": 3}]}));
        assert_eq!(difference("x", &a, &b).unwrap(), "x.a[1].b is 2, expected 3");
        assert_eq!(difference("x", &a, &json!({"a": [1]})).unwrap(), "x.a is [1,{\"b\":2}], expected [1]");
        assert_eq!(difference("x", &a, &a), None);
    }
}
