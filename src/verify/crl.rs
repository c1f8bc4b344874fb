//! Certificate revocation lists, read by x509-parser.

mod list;

use std::collections::BTreeMap;

use aws_lc_rs::digest;
use data_encoding::HEXLOWER;
use serde_json::Value;
use x509_parser::asn1_rs::oid;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::CertificateRevocationList;

use super::certificate::{Certificates, authority_key_identifier, extension, shown};
use super::claims::{self, Claims};
use super::files::Lists;
use super::parsed::Parsed;
use super::report::{Area, Entry, Sheet};
use super::signature::sha256_hex;
use super::trust_root;
use crate::plan::Time;
use list::{Divided, List, Serial, line, lost, reason, serial};

/// The newest CRL of an issuer so far.
struct Newest<'a> {
    name: &'a str,
    number: u64,
    /// Serial numbers that it lists, sorted.
    revoked: Vec<Serial>,
    /// thisUpdate and nextUpdate.
    update: (i64, Option<i64>),
}

/// Checks every CRL, and whether each issuer's newest is in force.
pub fn check(
    claims: &Claims<'_>,
    certificates: &Certificates<'_>,
    files: &Lists<'_>,
    at: Time,
    sheet: &mut Sheet,
) {
    let mut newest: BTreeMap<&str, Newest<'_>> = BTreeMap::new();
    for claim in &claims.crls {
        let mut entry = sheet.on(Area::Crls, claim.path());
        let checked = files.crl(claim).and_then(|der| {
            let divided = Divided::of(&der)?;
            let crl = divided.read()?;
            let issuer = certificates.get(claim.issuer);
            let issuer = issuer.ok_or_else(|| format!("its issuer `{}` could not be read", claim.issuer))?;
            let before = newest.get(claim.issuer);
            entry.judge(signature(&crl, issuer));
            entry.judge(recorded(&crl, claim));
            entry.judge(names(&crl.head, issuer));
            entry.judge(number(&crl.head, claim, before));
            entry.judge(scope(&crl.head, issuer));
            entry.judge(planned(&crl, claim.spec, certificates, claims.date_shift));
            let (name, number, update) = (claim.name, claim.number, crl.updates());
            let next = Newest { name, number, revoked: crl.serials()?, update };
            if u64::try_from(next.revoked.len()) != Ok(claim.revoked) {
                let (found, told) = (next.revoked.len(), claim.revoked);
                entry.failed(format!("it lists {found} certificates, and the journal says {told}"));
            }
            entry.judge(keeps(&next, before, certificates));
            Ok(next)
        });
        match checked {
            Ok(next) => drop(newest.insert(claim.issuer, next)),
            Err(reason) => entry.failed(reason),
        }
    }
    for (issuer, newest) in &newest {
        let mut entry = sheet.on(Area::Crls, format!("crls/{}.crl", newest.name));
        in_force(issuer, newest, (claims, certificates), at, &mut entry);
        for certificate in certificates.values().filter(|found| found.claim.issuer == Some(issuer)) {
            let listed = serial(certificate.x509.raw_serial())
                .is_ok_and(|serial| newest.revoked.binary_search(&serial).is_ok());
            let open = trust_root::windows(claims, certificate.claim.name)
                .iter()
                .any(|window| window.to.is_none_or(|to| to > at));
            if open && listed {
                entry.warning(format!(
                    "revokes `{}`, which the trusted root still trusts",
                    certificate.claim.name
                ));
            }
        }
    }
}

/// The serial numbers that a CRL of this issuer lists, in force at `at` (seconds since 1970). It must be
/// the issuer's, signed and numbered, and may say nothing critical but where it applies.
pub fn revoked(der: &[u8], issuer: &Parsed<'_>, at: i64) -> Result<Vec<Vec<u8>>, String> {
    let divided = Divided::of(der)?;
    let crl = divided.read()?;
    signature(&crl, issuer)?;
    names(&crl.head, issuer)?;
    numbered(&crl.head)?;
    nothing_strange(&crl.head)?;
    let (this, next) = crl.updates();
    let next = next.ok_or("it has no nextUpdate")?;
    if at < this || at > next {
        return Err("it is not in force".into());
    }
    crl.entries().map(|entry| Ok(entry?.raw_serial().to_vec())).collect()
}

/// The signed bytes are those that the journal says were signed.
fn recorded(crl: &List<'_>, claim: &claims::Crl<'_>) -> Result<&'static str, String> {
    let found = sha256_hex(crl.signed);
    if found != claim.signed {
        return Err(format!("the signed bytes have SHA-256 {found}, and the journal says {}", claim.signed));
    }
    Ok("the signed bytes are those that the journal recorded")
}

fn signature(list: &List<'_>, issuer: &Parsed<'_>) -> Result<String, String> {
    let crl = &list.head;
    if crl.signature_algorithm != crl.tbs_cert_list.signature
        || !issuer.key.kind.goes_with(&crl.signature_algorithm)
        || crl.signature_value.unused_bits != 0
    {
        return Err("the signature's algorithm is not the one that goes with the issuer's key".into());
    }
    let usage = issuer.x509.key_usage().ok().flatten();
    if !issuer.x509.is_ca() || !usage.is_some_and(|usage| usage.value.crl_sign()) {
        return Err(format!("its issuer `{}` is no CA, or may not sign CRLs", issuer.name));
    }
    issuer.key.verify(list.signed, &crl.signature_value.data)?;
    Ok(format!("signed by `{}`, {}", issuer.name, issuer.key.kind.as_str()))
}

fn names(crl: &CertificateRevocationList<'_>, issuer: &Parsed<'_>) -> Result<&'static str, String> {
    if crl.issuer().as_raw() != issuer.x509.subject().as_raw() {
        return Err(format!("the issuer is {}, expected {}", crl.issuer(), issuer.x509.subject()));
    }
    let found = authority_key_identifier(crl.extensions());
    if found.is_none() || found != issuer.subject_key_identifier() {
        return Err("the authority key identifier is missing, or another key's".into());
    }
    Ok("the issuer's name byte for byte, and its key's identifier")
}

fn number(
    crl: &CertificateRevocationList<'_>,
    claim: &claims::Crl<'_>,
    before: Option<&Newest<'_>>,
) -> Result<String, String> {
    let number = numbered(crl).ok();
    let planned = claim.spec.get("number").and_then(Value::as_u64);
    if number != Some(claim.number) || planned != number {
        return Err(format!("the number is {number:?}, expected {}", claim.number));
    }
    match before {
        Some(before) if claim.number <= before.number => Err(format!(
            "the number is {}, and that of `{}` before it {}",
            claim.number, before.name, before.number
        )),
        _ => Ok(format!("number {}, higher than all before it", claim.number)),
    }
}

/// The CRL's number, which is not critical (RFC 5280, 5.2.3).
fn numbered(crl: &CertificateRevocationList<'_>) -> Result<u64, String> {
    let found = extension(crl.extensions(), &oid!(2.5.29.20)).filter(|found| !found.critical);
    let number = match found.map(|found| found.parsed_extension()) {
        Some(ParsedExtension::CRLNumber(number)) => u64::try_from(number).ok(),
        _ => None,
    };
    number.ok_or("the number is missing, critical, or beyond 64 bits".into())
}

/// Nothing critical but the issuing distribution point.
fn nothing_strange(crl: &CertificateRevocationList<'_>) -> Result<(), String> {
    let kind = oid!(2.5.29.28);
    match crl.extensions().iter().find(|found| found.critical && found.oid != kind) {
        Some(strange) => Err(format!("the extension {} is critical, and not known here", strange.oid)),
        None => Ok(()),
    }
}

/// The issuing distribution point, and nothing critical beside it. A CA that can't issue the certificates
/// of CAs lists others.
fn scope(crl: &CertificateRevocationList<'_>, issuer: &Parsed<'_>) -> Result<String, String> {
    nothing_strange(crl)?;
    let (_, path_length) = issuer.constraints()?;
    let cas = path_length != Some(0);
    let what = if cas { "CA certificates" } else { "certificates of others than CAs" };
    let found = extension(crl.extensions(), &oid!(2.5.29.28)).filter(|found| found.critical);
    match found.map(|found| found.parsed_extension()) {
        Some(ParsedExtension::IssuingDistributionPoint(point))
            if point.only_contains_ca_certs == cas
                && point.only_contains_user_certs != cas
                && !point.only_contains_attribute_certs
                && !point.indirect_crl
                && point.only_some_reasons.is_none() =>
        {
            Ok(format!("a critical issuing distribution point: for {what}, for all reasons"))
        }
        _ => Err(format!("the issuing distribution point is missing, not critical, or not for {what} alone")),
    }
}

/// Every difference between a CRL and what a plan says of it; none if it is what was planned.
pub fn differences(
    claim: &claims::Crl<'_>,
    spec: &Value,
    certificates: &Certificates<'_>,
    (files, days): (&Lists<'_>, i64),
) -> Vec<String> {
    let mut found = Vec::new();
    let issuer = spec.get("issuer").and_then(Value::as_str).unwrap_or_default();
    if issuer != claim.issuer {
        found.push(format!("its issuer is `{}`, expected `{issuer}`", claim.issuer));
    }
    let number = spec.get("number").and_then(Value::as_u64);
    if number != Some(claim.number) {
        found.push(format!("the number is {}, expected {}", claim.number, number.unwrap_or_default()));
    }
    // What is the plan's as it was recorded, was compared with it already.
    if spec != claim.spec {
        let compared = files.crl(claim).and_then(|der| {
            let divided = Divided::of(&der)?;
            planned(&divided.read()?, spec, certificates, days)
        });
        found.extend(compared.err());
    }
    found
}

/// thisUpdate, nextUpdate and the list, as the plan had them. `days` is by how many the archive's dates
/// are moved.
fn planned(
    list: &List<'_>,
    spec: &Value,
    certificates: &Certificates<'_>,
    days: i64,
) -> Result<String, String> {
    let time = |value: &Value, field: &str| {
        let text = value.get(field).and_then(Value::as_str);
        text.and_then(|text| text.parse::<Time>().ok()).map(Time::unix)
    };
    let validity = spec.get("validity").unwrap_or(&Value::Null);
    let (this, next) = list.updates();
    if (Some(this), next) != (time(validity, "from"), time(validity, "to")) {
        let planned = |field| validity.get(field).and_then(Value::as_str).unwrap_or("nothing");
        return Err(format!(
            "thisUpdate or nextUpdate is not the plan's: {} and {}, expected {} and {}",
            shown(list.head.last_update()),
            list.head.next_update().map_or("none".into(), shown),
            planned("from"),
            planned("to")
        ));
    }
    let mut entries = list.entries();
    let mut count = 0_usize;
    let named = spec.get("revoked").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for expected in named {
        let name = expected.get("certificate").and_then(Value::as_str).unwrap_or_default();
        let certificate = certificates
            .get(name)
            .ok_or_else(|| format!("the plan revokes `{name}`, which is not in the archive"))?;
        let wrong = || format!("entry {} is not the plan's revocation of `{name}`", count.saturating_add(1));
        let entry = entries.next().ok_or_else(wrong)??;
        let found = line(&entry, 0)?;
        let word = |field| expected.get(field).and_then(Value::as_str);
        let serial = certificate.x509.raw_serial();
        let mut fields = vec![HEXLOWER.encode(serial.strip_prefix(&[0]).unwrap_or(serial))];
        fields.extend(["date", "reason", "invalidity-date"].into_iter().filter_map(word).map(str::to_string));
        if found.trim_end() != fields.join(",") || word("reason").and_then(reason).is_none() {
            return Err(wrong());
        }
        count = count.saturating_add(1);
    }
    // The file that the plan names is written again from the entries that follow.
    let mut file = digest::Context::new(&digest::SHA256);
    let mut more = 0_usize;
    for entry in entries {
        let entry = entry?;
        file.update(line(&entry, days)?.as_bytes());
        more = more.saturating_add(1);
    }
    let all = count.saturating_add(more);
    let Some(from) = spec.get("revoked-from") else {
        return match more {
            0 => Ok(format!("updates and list are the plan's; revoked: {all}")),
            _ => Err(format!("it lists {all} certificates, and the plan {count}")),
        };
    };
    let found = HEXLOWER.encode(file.finish().as_ref());
    let expected = from.get("sha256").and_then(Value::as_str).unwrap_or_default();
    if found != expected {
        return Err(format!(
            "{more} of the {all} certificates that it lists make a list with SHA-256 {found}, and the plan's has {expected}"
        ));
    }
    Ok(format!(
        "updates and list are the plan's; revoked: {all}, of which {more} make the list with SHA-256 {found}"
    ))
}

/// What was revoked stays on the list until one was issued after it had expired (RFC 5280, 3.3).
fn keeps(
    crl: &Newest<'_>,
    before: Option<&Newest<'_>>,
    certificates: &Certificates<'_>,
) -> Result<&'static str, String> {
    let Some(before) = before else { return Ok("what was revoked stays revoked") };
    let expired: Vec<Serial> = certificates
        .values()
        .filter(|found| found.validity().1 < before.update.0)
        .filter_map(|found| serial(found.x509.raw_serial()).ok())
        .collect();
    match lost(&before.revoked, &crl.revoked, |serial| expired.contains(serial)) {
        None => Ok("what was revoked stays revoked"),
        Some(lost) => Err(format!(
            "serial number {} was revoked before, and is not on this list",
            HEXLOWER.encode(lost).trim_start_matches("00")
        )),
    }
}

/// The newest CRL of an issuer must be in force, as long as the issuer is.
fn in_force(
    issuer: &str,
    newest: &Newest<'_>,
    (claims, certificates): (&Claims<'_>, &Certificates<'_>),
    at: Time,
    entry: &mut Entry<'_>,
) {
    let day = |seconds: i64| Time::from_unix(seconds).map(|time| time.to_string()).unwrap_or_default();
    let (this, next) = newest.update;
    let Some(next) = next else { return entry.failed("it has no nextUpdate") };
    if at.unix() > next {
        let retired = certificates.get(issuer).is_some_and(|issuer| issuer.validity().1 < at.unix())
            && trust_root::windows(claims, issuer).iter().all(|window| window.to.is_some_and(|to| to < at));
        if retired {
            return entry.ok(format!("expired on {}, and so has its issuer, which is retired", day(next)));
        }
        // One that nobody can sign with any more: nothing below it is trusted since, and nothing can be revoked.
        let mut windows = trust_root::windows(claims, issuer).into_iter().peekable();
        if windows.peek().is_some() && windows.all(|window| window.to.is_some_and(|to| to < at)) {
            let next = day(next);
            return entry.warning(format!(
                "expired on {next}: the trusted root trusts nothing below `{issuer}` any more, but others may, and learn of no revocation"
            ));
        }
        entry.failed(format!("expired on {}: {at} is later; a newer CRL of `{issuer}` is due", day(next)));
    } else if at.unix() < this {
        entry.failed(format!("not in force before {}: {at} is earlier", day(this)));
    } else {
        entry.ok(format!("the newest of `{issuer}`, in force at {at}, until {}", day(next)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_revoked_stays_revoked() {
        let crl = |revoked: &[u8]| Newest {
            name: "x",
            number: 1,
            revoked: revoked.iter().map(|number| serial(&[*number]).unwrap()).collect(),
            update: (0, None),
        };
        let certificates = Certificates::new();
        assert!(keeps(&crl(&[1, 2]), Some(&crl(&[1])), &certificates).is_ok());
        assert!(keeps(&crl(&[1]), None, &certificates).is_ok());
        assert!(keeps(&crl(&[2]), Some(&crl(&[1])), &certificates).is_err());
    }
}
