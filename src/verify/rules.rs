//! The profiles' rules, which judged every draft before it was signed, over what was signed.

use der::Decode;
use serde::de::DeserializeOwned;
use serde_json::Value;
use x509_cert::certificate::TbsCertificate;
use x509_cert::crl::TbsCertList;

use super::certificate::{Certificate as Parsed, Certificates};
use super::claims::{self, Claims};
use super::report::{Area, Entry, Sheet};
use super::signature::signed_part;
use crate::lint::certificate::{self, RULES};
use crate::lint::{Findings, Severity, crl};
use crate::pki::{self, PublicKey, name};
use crate::plan::{Profile, Subject, Validity};
use crate::site::Purpose;

/// Runs the rules over every certificate and CRL that could be read.
pub fn check(claims: &Claims<'_>, certificates: &Certificates<'_>, sheet: &mut Sheet) {
    let rehearsal = claims.purpose == Some(Purpose::Rehearsal);
    for claim in &claims.certificates {
        let Some(parsed) = certificates.get(claim.name) else { continue };
        let object = format!("certificates/{}.pem", claim.name);
        let mut findings = Findings::default();
        let case = case(parsed, certificates, rehearsal);
        let mut entry = sheet.on(Area::Rules, object.clone());
        match case {
            Ok(case) => {
                findings.check(RULES, &object, &case);
                report(&findings, RULES.len(), &mut entry);
            }
            Err(reason) => entry.failed(format!("the rules can't be run: {reason}")),
        }
    }
    for (at, claim) in claims.crls.iter().enumerate() {
        let before = claims.crls.iter().take(at).filter(|before| before.issuer == claim.issuer);
        let previous = before.map(|before| before.number).max();
        let object = format!("crls/{}.crl", claim.name);
        let mut findings = Findings::default();
        let mut entry = sheet.on(Area::Rules, object.clone());
        match crl_case(claim, certificates, previous) {
            Ok(case) => {
                findings.check(crl::RULES, &object, &case);
                report(&findings, crl::RULES.len(), &mut entry);
            }
            Err(reason) => entry.failed(format!("the rules can't be run: {reason}")),
        }
    }
}

fn report(findings: &Findings, rules: usize, entry: &mut Entry<'_>) {
    for finding in &findings.0 {
        let text = format!("{} [{}]; expected: {}", finding.found, finding.rule, finding.expected);
        match finding.severity {
            Severity::Error => entry.failed(text),
            Severity::Warning => entry.warning(text),
        }
    }
    if findings.0.is_empty() {
        entry.ok(format!("{rules} rules hold"));
    }
}

fn planned<T: DeserializeOwned>(spec: &Value, field: &str) -> Result<T, String> {
    let value = spec.get(field).cloned().unwrap_or_default();
    serde_json::from_value(value).map_err(|error| format!("the plan's {field}: {error}"))
}

fn case(
    parsed: &Parsed<'_>,
    certificates: &Certificates<'_>,
    rehearsal: bool,
) -> Result<certificate::Case, String> {
    let text = |error: der::Error| error.to_string();
    let issuer = parsed.claim.issuer.map(|issuer| read(issuer, certificates)).transpose()?;
    let issuer_key = parsed.claim.issuer.map_or(Some(parsed), |issuer| certificates.get(issuer));
    let issuer_key = issuer_key.ok_or("its issuer could not be read")?.x509.public_key().raw;
    let subject: Subject = planned(parsed.claim.spec, "subject")?;
    let bytes = parsed.x509.tbs_certificate.as_ref().to_vec();
    Ok(certificate::Case {
        tbs: TbsCertificate::from_der(&bytes).map_err(text)?,
        bytes,
        context: pki::certificate::Context {
            profile: planned::<Profile>(parsed.claim.spec, "profile")?,
            issuer,
            issuer_key: PublicKey::from_spki(issuer_key).map_err(|error| error.to_string())?,
            subject: name::encode(&subject, rehearsal).map_err(text)?,
            validity: planned::<Validity>(parsed.claim.spec, "validity")?,
        },
    })
}

fn crl_case(
    claim: &claims::Crl<'_>,
    certificates: &Certificates<'_>,
    previous: Option<u64>,
) -> Result<crl::Case, String> {
    let issuer = read(claim.issuer, certificates)?;
    let parsed = certificates.get(claim.issuer).ok_or("its issuer could not be read")?;
    let key = PublicKey::from_spki(parsed.x509.public_key().raw).map_err(|error| error.to_string())?;
    let bytes = signed_part(&claim.der).ok_or("not DER")?.to_vec();
    Ok(crl::Case {
        tbs: TbsCertList::from_der(&bytes).map_err(|error| error.to_string())?,
        bytes,
        algorithm: key.algorithm(),
        context: pki::crl::Context { issuer, previous },
    })
}

fn read(name: &str, certificates: &Certificates<'_>) -> Result<pki::Certificate, String> {
    let found = certificates.get(name).ok_or_else(|| format!("`{name}` could not be read"))?;
    pki::Certificate::from_der(&found.claim.der).map_err(|error| error.to_string())
}
