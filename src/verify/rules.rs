//! The rules that judged every draft before it was signed, over what was signed: under the profile of
//! policy and the waivers of the archive's last plan, which nothing of it outlives.

mod attestation;

use std::collections::BTreeMap;
use std::sync::Arc;

use data_encoding::BASE64;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::certificate::{Certificate as Parsed, Certificates};
use super::claims::{self, Claims};
use super::files::Lists;
use super::report::{Area, Entry, Sheet};
use super::signature::signed_part;
use crate::difference;
use crate::lint::{self, Findings, Rules, Severity, certificate, crl, trust_root};
use crate::pki::crl::Mark;
use crate::pki::{self, PublicKey, name};
use crate::plan::{Name, Plan, Source};
use crate::site::Purpose;
use crate::trust_root::Material;

/// Runs the rules over the plan, and over every key, request, certificate and CRL that could be read, and
/// over the trusted root.
pub fn check(claims: &Claims<'_>, certificates: &Certificates<'_>, files: &Lists<'_>, sheet: &mut Sheet) {
    let plan = plan(claims);
    let rules = match &plan {
        Ok((plan, rules)) => {
            report(lint::plan::lint(plan, rules), &mut sheet.on(Area::Rules, lint::plan::OBJECT));
            rules.clone()
        }
        Err(reason) => {
            let text = format!("the rules that it asks for can't be known: {reason}");
            sheet.on(Area::Rules, "the archive's last plan").failed(text);
            Rules::default()
        }
    };
    let plan = plan.as_ref().ok().map(|(plan, _)| plan);
    keys(claims, plan, &rules, sheet);
    attestation::check(claims, &rules, sheet);
    let mut above: Vec<pki::Certificate> = Vec::new();
    for claim in &claims.certificates {
        let Some(parsed) = certificates.get(claim.name) else { continue };
        let mut entry = sheet.on(Area::Rules, format!("certificates/{}.pem", claim.name));
        match certificate_case(parsed, certificates, &above, claims.purpose, &rules) {
            Ok(case) => {
                let mut findings = Findings::default();
                let object = format!("certificates.{}", claim.name);
                certificate::check(&case, &object, &rules, &mut findings);
                findings.0.extend(
                    lint::finished::lint(&object, &claim.der, &case.bytes, &case.context.issuer_key).0,
                );
                report(findings, &mut entry);
            }
            Err(reason) => entry.failed(format!("the rules can't be run: {reason}")),
        }
        above.extend(pki::Certificate::from_der(&claim.der));
    }
    for claim in &claims.csrs {
        let mut entry = sheet.on(Area::Rules, format!("csrs/{}.csr", claim.name));
        match request_findings(claim, claims, certificates, &rules) {
            Ok(findings) => report(findings, &mut entry),
            Err(reason) => entry.failed(format!("the rules can't be run: {reason}")),
        }
    }
    for (at, claim) in claims.crls.iter().enumerate() {
        let earlier = claims.crls.iter().take(at).filter(|before| before.issuer == claim.issuer);
        let before = earlier.max_by_key(|before| before.number);
        let mut entry = sheet.on(Area::Rules, format!("crls/{}.crl", claim.name));
        match crl_findings(claim, certificates, (before, files), &rules) {
            Ok(findings) => report(findings, &mut entry),
            Err(reason) => entry.failed(format!("the rules can't be run: {reason}")),
        }
    }
    if let (Some(made), Some(plan)) = (&claims.trust_root, plan) {
        trusted_root(claims, made, plan, &rules, sheet);
    }
}

/// The archive's last plan, with its dates moved as the archive's are, and the rules that it asks for.
pub(super) fn plan(claims: &Claims<'_>) -> Result<(Plan, Rules), String> {
    let text = claims.plan.ok_or("the journal holds no plan")?;
    let source = Source::new("the archive's last plan", text);
    let plan = Plan::parse(&source).map_err(|faults| faults.to_string())?;
    let rules = Rules::of(&plan, &source).map_err(|faults| faults.to_string())?;
    let moved = plan.shifted(claims.date_shift).ok_or("a date leaves the calendar")?;
    Ok((moved, rules))
}

pub(super) fn report(findings: Findings, entry: &mut Entry<'_>) {
    if findings.0.is_empty() {
        return entry.ok("every rule holds");
    }
    for finding in findings.0 {
        let text = format!("{} [{}]; expected: {}", finding.found, finding.rule, finding.expected);
        match (finding.waived, finding.severity) {
            (Some(reason), _) => entry.warning(format!("{text}; waived by the plan: {reason}")),
            (None, Severity::Error) => entry.failed(text),
            (None, Severity::Warning) => entry.warning(text),
        }
    }
}

fn keys(claims: &Claims<'_>, plan: Option<&Plan>, rules: &Rules, sheet: &mut Sheet) {
    for key in &claims.keys {
        let name = &key.record.name;
        let mut entry = sheet.on(Area::Rules, format!("keys/{name}.pem"));
        let request = key.record.request.as_deref().map(|text| BASE64.decode(text.as_bytes()));
        let findings = match (request, plan) {
            (Some(Ok(request)), Some(plan)) => {
                lint::csr::lint(name, &request, plan, rules).map(|(_, findings)| findings)
            }
            (Some(Err(error)), _) => {
                entry.failed(format!("its request is not base64: {error}"));
                continue;
            }
            _ => match PublicKey::from_spki(&key.spki) {
                Ok(public) => lint::key::lint(name, &public, rules),
                Err(error) => {
                    entry.failed(format!("the rules can't be run: {error}"));
                    continue;
                }
            },
        };
        report(findings.unwrap_or_else(|findings| findings), &mut entry);
    }
}

/// The trusted root in force, judged as of the moment when it was put together.
fn trusted_root(
    claims: &Claims<'_>,
    made: &claims::TrustRoot<'_>,
    plan: &Plan,
    rules: &Rules,
    sheet: &mut Sheet,
) {
    let name = |text: &str| text.parse::<Name>().ok();
    let certificates: BTreeMap<Name, Vec<u8>> =
        claims.certificates.iter().filter_map(|made| Some((name(made.name)?, made.der.clone()))).collect();
    let keys: BTreeMap<Name, PublicKey> = claims
        .keys
        .iter()
        .filter_map(|key| Some((key.record.name.clone(), PublicKey::from_spki(&key.spki).ok()?)))
        .collect();
    // The plan of an interrupted ceremony may be of a trust root that is not put together yet.
    let current = difference::trust_root_spec(plan).as_ref() == Some(made.spec);
    let material = Material { certificates: &certificates, keys: &keys };
    let files = trust_root::Files {
        trusted_root: made.trusted_root.as_bytes(),
        signing_config: made.signing_config.as_bytes(),
        previous: None,
        plan: plan.trust_root.as_ref().filter(|_| current),
        material: Some(&material),
        // Nothing is compared with what clients had before.
        reach: None,
        now: made.time,
    };
    let findings = trust_root::lint(&files, rules).map_or_else(|findings| findings, |passed| passed.warnings);
    report(findings, &mut sheet.on(Area::Rules, "trust-root/trusted_root.json"));
}

fn planned<T: DeserializeOwned>(spec: &Value, field: &str, absent: Value) -> Result<T, String> {
    let value = spec.get(field).cloned().unwrap_or(absent);
    serde_json::from_value(value).map_err(|error| format!("the plan's {field}: {error}"))
}

fn certificate_case(
    parsed: &Parsed<'_>,
    certificates: &Certificates<'_>,
    above: &[pki::Certificate],
    purpose: Option<Purpose>,
    rules: &Rules,
) -> Result<certificate::Case, String> {
    let text = |error: der::Error| error.to_string();
    let issuer = parsed.claim.issuer.map(|issuer| read(issuer, certificates)).transpose()?;
    let issuer_key = parsed.claim.issuer.map_or(Some(parsed), |issuer| certificates.get(issuer));
    let issuer_key = issuer_key.ok_or("its issuer could not be read")?.x509.public_key().raw;
    let spec = parsed.claim.spec;
    let subject: crate::plan::Subject = planned(spec, "subject", Value::Null)?;
    let context = pki::certificate::Context {
        profile: planned(spec, "profile", Value::Null)?,
        issuer,
        issuer_key: PublicKey::from_spki(issuer_key).map_err(|error| error.to_string())?,
        subject: name::encode(&subject, purpose == Some(Purpose::Rehearsal)).map_err(text)?,
        validity: planned(spec, "validity", Value::Null)?,
        policies: planned(spec, "policies", json!([]))?,
        crl_urls: planned(spec, "crl-urls", json!([]))?,
        issuer_urls: planned(spec, "issuer-urls", json!([]))?,
        cross: spec
            .get("cross-signs")
            .and_then(Value::as_str)
            .map(|name| read(name, certificates))
            .transpose()?,
        others: Vec::new(),
    };
    let bytes = parsed.x509.tbs_certificate.as_ref().to_vec();
    let mut case = certificate::Case::read(bytes, context, rules.policy()).map_err(text)?;
    let related = above.iter().filter(|other| pki::certificate::related(&case.tbs, other));
    case.context.others = related.cloned().collect();
    Ok(case)
}

fn request_findings(
    claim: &claims::Csr<'_>,
    claims: &Claims<'_>,
    certificates: &Certificates<'_>,
    rules: &Rules,
) -> Result<Findings, String> {
    let text = |error: der::Error| error.to_string();
    let spec = claim.spec;
    let key = spec.get("key").and_then(Value::as_str).and_then(|name| claims.key(name));
    let key = PublicKey::from_spki(&key.ok_or("its key is not in the archive")?.spki);
    let key = key.map_err(|error| error.to_string())?;
    let subject: crate::plan::Subject = planned(spec, "subject", Value::Null)?;
    let cross = spec.get("cross-signs").and_then(Value::as_str);
    let own = certificates.values().filter(|found| found.x509.public_key().raw == key.spki());
    let own = own.map(|found| pki::Certificate::from_der(&found.claim.der).map_err(text));
    let context = pki::request::Context {
        profile: planned(spec, "profile", Value::Null)?,
        subject: name::encode(&subject, claims.purpose == Some(Purpose::Rehearsal)).map_err(text)?,
        policies: planned(spec, "policies", json!([]))?,
        cross: cross.map(|name| read(name, certificates)).transpose()?,
        own: own.collect::<Result<_, _>>()?,
    };
    let bytes = signed_part(&claim.der).ok_or("not DER")?;
    let case = lint::request::Case::read(bytes.to_vec(), &key, context, rules.policy()).map_err(text)?;
    let mut findings = Findings::default();
    let object = format!("csrs.{}", claim.name);
    lint::request::check(&case, &object, rules, &mut findings);
    findings.0.extend(lint::finished::request(&object, &claim.der, bytes, &key).0);
    Ok(findings)
}

fn crl_findings(
    claim: &claims::Crl<'_>,
    certificates: &Certificates<'_>,
    (before, files): (Option<&claims::Crl<'_>>, &Lists<'_>),
    rules: &Rules,
) -> Result<Findings, String> {
    let text = |error: der::Error| error.to_string();
    let issuer = read(claim.issuer, certificates)?;
    let parsed = certificates.get(claim.issuer).ok_or("its issuer could not be read")?;
    let key = PublicKey::from_spki(parsed.x509.public_key().raw).map_err(|error| error.to_string())?;
    let previous = before.map(|before| before.number);
    // Lists may be large: no two of them are in memory.
    let before = before.map(|before| listed(before, certificates, files)).transpose()?.map(Arc::new);
    let der = files.crl(claim)?;
    let bytes = signed_part(&der).ok_or("not DER")?;
    let context = pki::crl::Context { issuer, previous, before };
    let case = crl::Case::read(bytes, key.algorithm(), context).map_err(text)?;
    let mut findings = Findings::default();
    let object = format!("crls.{}", claim.name);
    findings.check(rules, crl::RULES, &object, &case);
    findings.0.extend(lint::finished::lint(&object, &der, bytes, &key).0);
    Ok(findings)
}

/// What a CRL listed, but for certificates that had expired when it was issued.
fn listed(
    before: &claims::Crl<'_>,
    certificates: &Certificates<'_>,
    files: &Lists<'_>,
) -> Result<pki::crl::Before, String> {
    let text = |error: der::Error| error.to_string();
    let der = files.crl(before)?;
    let signed = signed_part(&der).ok_or("not DER")?;
    let issued = <pki::crl::Parts>::read(signed).map_err(text)?.head.this_update.to_unix_duration().as_secs();
    let own = certificates.values().filter(|found| found.claim.issuer == Some(before.issuer));
    let expired = own.filter(|found| u64::try_from(found.validity().1).is_ok_and(|end| end < issued));
    let gone: Vec<Mark> = expired.map(|found| Mark::new(found.x509.raw_serial(), 0)).collect();
    pki::crl::Before::read(signed, 0, |mark| gone.iter().any(|gone| gone.same_serial(mark))).map_err(text)
}

fn read(name: &str, certificates: &Certificates<'_>) -> Result<pki::Certificate, String> {
    let found = certificates.get(name).ok_or_else(|| format!("`{name}` could not be read"))?;
    pki::Certificate::from_der(&found.claim.der).map_err(|error| error.to_string())
}
