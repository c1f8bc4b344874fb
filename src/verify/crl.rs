//! Certificate revocation lists, read by x509-parser.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use serde_json::Value;
use x509_parser::asn1_rs::oid;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::{CertificateRevocationList, FromDer};
use x509_parser::revocation_list::RevokedCertificate;

use super::certificate::{Certificates, authority_key_identifier, extension, shown};
use super::claims::{self, Claims};
use super::der::{frame, strict};
use super::parsed::Parsed;
use super::report::{Area, Entry, Sheet};
use super::trust_root;
use crate::plan::Time;

/// The newest CRL of an issuer so far.
struct Newest<'a> {
    name: &'a str,
    number: u64,
    /// Serial numbers that it lists.
    revoked: Vec<Vec<u8>>,
    /// thisUpdate and nextUpdate.
    update: (i64, Option<i64>),
}

/// Checks every CRL, and whether each issuer's newest is in force.
pub fn check(claims: &Claims<'_>, certificates: &Certificates<'_>, at: Time, sheet: &mut Sheet) {
    let mut newest: BTreeMap<&str, Newest<'_>> = BTreeMap::new();
    for claim in &claims.crls {
        let mut entry = sheet.on(Area::Crls, format!("crls/{}.crl", claim.name));
        let crl = match read(&claim.der) {
            Ok(crl) => crl,
            Err(reason) => {
                entry.failed(reason);
                continue;
            }
        };
        let Some(issuer) = certificates.get(claim.issuer) else {
            entry.failed(format!("its issuer `{}` could not be read", claim.issuer));
            continue;
        };
        entry.judge(signature(&crl, issuer));
        entry.judge(names(&crl, issuer));
        entry.judge(number(&crl, claim, newest.get(claim.issuer)));
        entry.judge(scope(&crl));
        entry.judge(planned(&crl, claim.spec, certificates));
        let next = Newest {
            name: claim.name,
            number: claim.number,
            revoked: crl.iter_revoked_certificates().map(|entry| entry.raw_serial().to_vec()).collect(),
            update: (crl.last_update().timestamp(), crl.next_update().map(|next| next.timestamp())),
        };
        entry.judge(keeps(&next, newest.get(claim.issuer), certificates));
        newest.insert(claim.issuer, next);
    }
    for (issuer, newest) in &newest {
        let mut entry = sheet.on(Area::Crls, format!("crls/{}.crl", newest.name));
        in_force(issuer, newest, (claims, certificates), at, &mut entry);
        for certificate in certificates.values().filter(|found| found.claim.issuer == Some(issuer)) {
            let serial = certificate.x509.raw_serial();
            let open = trust_root::windows(claims, certificate.claim.name)
                .iter()
                .any(|window| window.to.is_none_or(|to| to > at));
            if open && newest.revoked.iter().any(|revoked| revoked == serial) {
                entry.warning(format!(
                    "revokes `{}`, which the trusted root still trusts",
                    certificate.claim.name
                ));
            }
        }
    }
}

/// Reads a CRL: DER, and nothing behind it.
fn read(der: &[u8]) -> Result<CertificateRevocationList<'_>, String> {
    let (rest, crl) =
        CertificateRevocationList::from_der(der).map_err(|error| format!("not a CRL: {error}"))?;
    if !rest.is_empty() {
        return Err(format!("{} bytes behind the CRL", rest.len()));
    }
    let frame = frame(der)?;
    if frame.signed != crl.tbs_cert_list.as_ref() || frame.signature != &*crl.signature_value.data {
        return Err("it can be read in two ways".into());
    }
    strict(der)?;
    Ok(crl)
}

/// The serial numbers that a CRL of this issuer lists, in force at `at` (seconds since 1970). It must be
/// the issuer's, signed and numbered, and may say nothing critical but where it applies.
pub fn revoked(der: &[u8], issuer: &Parsed<'_>, at: i64) -> Result<Vec<Vec<u8>>, String> {
    let crl = read(der)?;
    signature(&crl, issuer)?;
    names(&crl, issuer)?;
    numbered(&crl)?;
    nothing_strange(&crl)?;
    let next = crl.next_update().ok_or("it has no nextUpdate")?.timestamp();
    if at < crl.last_update().timestamp() || at > next {
        return Err("it is not in force".into());
    }
    Ok(crl.iter_revoked_certificates().map(|entry| entry.raw_serial().to_vec()).collect())
}

fn signature(crl: &CertificateRevocationList<'_>, issuer: &Parsed<'_>) -> Result<String, String> {
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
    issuer.key.verify(crl.tbs_cert_list.as_ref(), &crl.signature_value.data)?;
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

/// The issuing distribution point, and nothing critical beside it.
fn scope(crl: &CertificateRevocationList<'_>) -> Result<&'static str, String> {
    nothing_strange(crl)?;
    let found = extension(crl.extensions(), &oid!(2.5.29.28)).filter(|found| found.critical);
    match found.map(|found| found.parsed_extension()) {
        Some(ParsedExtension::IssuingDistributionPoint(point))
            if point.only_contains_ca_certs
                && !point.only_contains_user_certs
                && !point.only_contains_attribute_certs
                && !point.indirect_crl
                && point.only_some_reasons.is_none() =>
        {
            Ok("a critical issuing distribution point: for CA certificates, for all reasons")
        }
        _ => Err("the issuing distribution point is missing, not critical, or not for CAs alone".into()),
    }
}

/// Every difference between a CRL and what a plan says of it; none if it is what was planned.
pub fn differences(claim: &claims::Crl<'_>, spec: &Value, certificates: &Certificates<'_>) -> Vec<String> {
    let crl = match read(&claim.der) {
        Ok(crl) => crl,
        Err(reason) => return vec![reason],
    };
    let mut found = Vec::new();
    let issuer = spec.get("issuer").and_then(Value::as_str).unwrap_or_default();
    if issuer != claim.issuer {
        found.push(format!("its issuer is `{}`, expected `{issuer}`", claim.issuer));
    }
    let number = spec.get("number").and_then(Value::as_u64);
    if number != Some(claim.number) {
        found.push(format!("the number is {}, expected {}", claim.number, number.unwrap_or_default()));
    }
    found.extend(planned(&crl, spec, certificates).err());
    found
}

/// thisUpdate, nextUpdate and the list, as the plan had them.
fn planned(
    crl: &CertificateRevocationList<'_>,
    spec: &Value,
    certificates: &Certificates<'_>,
) -> Result<String, String> {
    let time = |value: &Value, field: &str| {
        let text = value.get(field).and_then(Value::as_str);
        text.and_then(|text| text.parse::<Time>().ok()).map(Time::unix)
    };
    let validity = spec.get("validity").unwrap_or(&Value::Null);
    let found = (Some(crl.last_update().timestamp()), crl.next_update().map(|next| next.timestamp()));
    if found != (time(validity, "from"), time(validity, "to")) {
        let planned = |field| validity.get(field).and_then(Value::as_str).unwrap_or("nothing");
        return Err(format!(
            "thisUpdate or nextUpdate is not the plan's: {} and {}, expected {} and {}",
            shown(crl.last_update()),
            crl.next_update().map_or("none".into(), shown),
            planned("from"),
            planned("to")
        ));
    }
    let listed = spec.get("revoked").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut expected = Vec::new();
    for entry in listed {
        let name = entry.get("certificate").and_then(Value::as_str).unwrap_or_default();
        let certificate = certificates
            .get(name)
            .ok_or_else(|| format!("the plan revokes `{name}`, which is not in the archive"))?;
        let reason = entry.get("reason").and_then(Value::as_str).and_then(reason);
        expected.push((certificate.x509.raw_serial(), time(entry, "date"), reason));
    }
    let found: Vec<_> = crl
        .iter_revoked_certificates()
        .map(|entry: &RevokedCertificate<'_>| {
            let reason = entry.reason_code().map(|(_, reason)| reason.0);
            (entry.raw_serial(), Some(entry.revocation_date.timestamp()), reason)
        })
        .collect();
    if found != expected {
        return Err(format!("it lists {} certificates, and not those of the plan", found.len()));
    }
    Ok(format!("updates and list are the plan's; revoked: {}", found.len()))
}

/// RFC 5280, 5.3.1.
fn reason(name: &str) -> Option<u8> {
    Some(match name {
        "key-compromise" => 1,
        "ca-compromise" => 2,
        "affiliation-changed" => 3,
        "superseded" => 4,
        "cessation-of-operation" => 5,
        "privilege-withdrawn" => 9,
        _ => return None,
    })
}

/// What was revoked stays on the list until it has expired (RFC 5280, 3.3).
fn keeps(
    crl: &Newest<'_>,
    before: Option<&Newest<'_>>,
    certificates: &Certificates<'_>,
) -> Result<&'static str, String> {
    for serial in before.into_iter().flat_map(|before| &before.revoked) {
        let expired = certificates
            .values()
            .any(|found| found.x509.raw_serial() == serial && found.validity().1 < crl.update.0);
        if !expired && !crl.revoked.contains(serial) {
            return Err(format!(
                "serial number {} was revoked before, and is not on this list",
                HEXLOWER.encode(serial)
            ));
        }
    }
    Ok("what was revoked stays revoked")
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
            revoked: revoked.iter().map(|serial| vec![*serial]).collect(),
            update: (0, None),
        };
        let certificates = Certificates::new();
        assert!(keeps(&crl(&[1, 2]), Some(&crl(&[1])), &certificates).is_ok());
        assert!(keeps(&crl(&[1]), None, &certificates).is_ok());
        assert!(keeps(&crl(&[2]), Some(&crl(&[1])), &certificates).is_err());
    }

    #[test]
    fn every_reason_of_a_plan_is_known() {
        use crate::plan::Reason;
        for (name, code) in [
            (Reason::KeyCompromise, 1),
            (Reason::CaCompromise, 2),
            (Reason::AffiliationChanged, 3),
            (Reason::Superseded, 4),
            (Reason::CessationOfOperation, 5),
            (Reason::PrivilegeWithdrawn, 9),
        ] {
            let name = serde_json::to_value(name).unwrap();
            assert_eq!(reason(name.as_str().unwrap()), Some(code));
        }
    }
}
