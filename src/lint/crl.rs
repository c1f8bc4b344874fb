//! Rules for CRLs, over the exact bytes that are to be signed.

use der::oid::AssociatedOid;
use der::{Decode, Encode};
use x509_cert::certificate::Version;
use x509_cert::crl::TbsCertList;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::crl::dp::IssuingDistributionPoint;
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, BasicConstraints, CrlNumber, KeyUsage, KeyUsages};
use x509_cert::time::Time;

use super::{Findings, Lintable, Rule, Severity};
use crate::pki::crl::{Context, ISSUING_DISTRIBUTION_POINT, number};
use crate::pki::{Algorithm, Crl, Draft, name};

/// A CRL's draft as the rules see it.
pub struct Case {
    /// The bytes to be signed.
    pub bytes: Vec<u8>,
    /// What was read from them.
    pub tbs: TbsCertList,
    /// The issuer's key's algorithm.
    pub algorithm: Algorithm,
    /// The issuer, and what it published before.
    pub context: Context,
}

impl Lintable for Crl {
    fn lint(draft: &Draft<Self>) -> Findings {
        let mut findings = Findings::default();
        match TbsCertList::from_der(&draft.bytes) {
            Ok(tbs) => {
                let case = Case {
                    bytes: draft.bytes.clone(),
                    tbs,
                    algorithm: draft.public.algorithm(),
                    context: draft.context.clone(),
                };
                findings.check(RULES, &draft.object, &case);
            }
            Err(error) => findings.check(UNREADABLE, &draft.object, &error),
        }
        findings
    }
}

static UNREADABLE: &[Rule<der::Error>] = &[Rule {
    id: "CRL-READABLE",
    severity: Severity::Error,
    says: "A CRL's bytes can be read back.",
    source: "RFC 5280, 5.1",
    check: |error| Some(error.to_string()),
}];

rules! {
    "Every rule for CRLs.", Case;
    der_strict, "CRL-DER", Error, "The bytes are DER: read and written again, they are the same.", "RFC 5280, 5.1; X.690, 10";
    version, "CRL-VERSION", Error, "The version is 2.", "RFC 5280, 5.1.2.1";
    algorithm, "CRL-SIGNATURE-ALGORITHM", Error, "The signature algorithm is the one that goes with the issuer's key.", "RFC 5280, 5.1.2.2";
    issuer_name, "CRL-ISSUER-NAME", Error, "The issuer is byte for byte the subject of the issuer's certificate.", "RFC 5280, 5.1.2.3";
    issuer_signs, "CRL-ISSUER-MAY-SIGN", Error, "The issuer is a CA that may sign CRLs.", "RFC 5280, 6.3.3 (f)";
    next_update, "CRL-NEXT-UPDATE", Error, "nextUpdate is there, after thisUpdate, and within 12 months of it.", "CSBR 4.9.7";
    inside, "CRL-INSIDE-ISSUER", Error, "thisUpdate lies in the issuer's validity.", "RFC 5280, 6.3.3";
    times, "CRL-TIME-ENCODING", Error, "Times are UTCTime to 2049 and GeneralizedTime from 2050.", "RFC 5280, 5.1.2.4";
    authority_key, "CRL-AKI", Error, "The authority key identifier is the issuer's subject key identifier.", "RFC 5280, 5.2.1";
    crl_number, "CRL-NUMBER", Error, "The CRL number is there, not critical, at least 1, and higher than the one before.", "RFC 5280, 5.2.3";
    distribution, "CRL-IDP", Error, "The issuing distribution point is critical, and says that only CA certificates are listed.", "RFC 5280, 5.2.5; CSBR 7.2.2";
    not_empty, "CRL-REVOKED-NOT-EMPTY", Error, "A list without entries leaves revokedCertificates out.", "RFC 5280, 5.1.2.6";
    unique, "CRL-ENTRIES-UNIQUE", Error, "No serial number is listed twice, no extension stands twice.", "RFC 5280, 5.1.2.6 and 5.2";
}

fn der_strict(case: &Case) -> Option<String> {
    let again = case.tbs.to_der().ok();
    (again.as_deref() != Some(case.bytes.as_slice()))
        .then(|| "the bytes change when they are read and written again".into())
}

fn version(case: &Case) -> Option<String> {
    (case.tbs.version != Version::V2).then(|| format!("the version is {:?}", case.tbs.version))
}

fn algorithm(case: &Case) -> Option<String> {
    let expected = case.algorithm.signature_identifier();
    (case.tbs.signature != expected)
        .then(|| format!("the signature algorithm is {}, expected {}", case.tbs.signature.oid, expected.oid))
}

fn issuer_name(case: &Case) -> Option<String> {
    let expected = case.context.issuer.tbs().subject();
    (case.tbs.issuer.to_der().ok() != expected.to_der().ok()).then(|| {
        format!("the issuer is {}, expected {}", name::readable(&case.tbs.issuer), name::readable(expected))
    })
}

fn issuer_signs(case: &Case) -> Option<String> {
    let issuer = case.context.issuer.tbs();
    let ca = issuer.get_extension::<BasicConstraints>().ok().flatten().is_some_and(|(_, found)| found.ca);
    let usage = issuer.get_extension::<KeyUsage>().ok().flatten();
    let signs = usage.is_some_and(|(_, found)| found.0.contains(KeyUsages::CRLSign));
    (!(ca && signs)).then(|| format!("{} is no CA, or may not sign CRLs", name::readable(issuer.subject())))
}

fn seconds(time: &Time) -> u64 {
    time.to_unix_duration().as_secs()
}

fn next_update(case: &Case) -> Option<String> {
    const LONGEST: u64 = 366 * 86_400;
    let this = &case.tbs.this_update;
    match &case.tbs.next_update {
        Some(next) if seconds(next) > seconds(this) && seconds(next) - seconds(this) <= LONGEST => None,
        Some(next) => Some(format!("thisUpdate is {this}, nextUpdate {next}")),
        None => Some("nextUpdate is missing".into()),
    }
}

fn inside(case: &Case) -> Option<String> {
    let life = case.context.issuer.tbs().validity();
    let this = &case.tbs.this_update;
    let inside = seconds(this) >= seconds(&life.not_before) && seconds(this) <= seconds(&life.not_after);
    (!inside).then(|| {
        format!(
            "thisUpdate is {this}, while the issuer is valid from {} to {}",
            life.not_before, life.not_after
        )
    })
}

fn times(case: &Case) -> Option<String> {
    let revoked = case.tbs.revoked_certificates.iter().flatten().map(|entry| &entry.revocation_date);
    let mut all = [&case.tbs.this_update].into_iter().chain(&case.tbs.next_update).chain(revoked);
    let wrong = all.find(|time| matches!(time, Time::UtcTime(_)) != (time.to_date_time().year() < 2050))?;
    Some(format!("{wrong} is written in the other form"))
}

fn extensions(case: &Case) -> impl Iterator<Item = &Extension> {
    case.tbs.crl_extensions.iter().flatten()
}

fn authority_key(case: &Case) -> Option<String> {
    let expected = case.context.issuer.subject_key_identifier();
    let found = extensions(case)
        .find(|extension| extension.extn_id == AuthorityKeyIdentifier::OID)
        .and_then(|extension| AuthorityKeyIdentifier::from_der(extension.extn_value.as_bytes()).ok())
        .and_then(|identifier| identifier.key_identifier);
    (found.is_none() || found != expected).then(|| "the identifier is missing, or another key's".into())
}

fn crl_number(case: &Case) -> Option<String> {
    let critical =
        extensions(case).any(|extension| extension.extn_id == CrlNumber::OID && extension.critical);
    match number(&case.tbs) {
        Some(number) if number > case.context.previous.unwrap_or(0) && !critical => None,
        Some(number) => Some(format!(
            "the number is {number}, critical {critical}, and the one before {}",
            case.context.previous.unwrap_or(0)
        )),
        None => Some("the number is missing".into()),
    }
}

fn distribution(case: &Case) -> Option<String> {
    let Some(found) = extensions(case).find(|extension| extension.extn_id == ISSUING_DISTRIBUTION_POINT)
    else {
        return Some("the issuing distribution point is missing".into());
    };
    let point = IssuingDistributionPoint::from_der(found.extn_value.as_bytes()).ok();
    let fine =
        found.critical && point.is_some_and(|point| point.only_contains_ca_certs && !point.indirect_crl);
    (!fine).then(|| "it is not critical, or does not say onlyContainsCACerts".into())
}

fn not_empty(case: &Case) -> Option<String> {
    let empty = case.tbs.revoked_certificates.as_ref().is_some_and(Vec::is_empty);
    empty.then(|| "an empty revokedCertificates".into())
}

fn unique(case: &Case) -> Option<String> {
    let entries = case.tbs.revoked_certificates.iter().flatten();
    let mut serials: Vec<&[u8]> = entries.map(|entry| entry.serial_number.as_bytes()).collect();
    let mut ids: Vec<_> = extensions(case).map(|extension| extension.extn_id).collect();
    serials.sort_unstable();
    ids.sort_unstable();
    let twice = serials.is_sorted_by(|a, b| a < b) && ids.is_sorted_by(|a, b| a < b);
    (!twice).then(|| "a serial number or an extension stands twice".into())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use der::asn1::{Null, OctetString, Uint};
    use x509_cert::crl::RevokedCert;
    use x509_cert::serial_number::SerialNumber;

    use super::*;
    use crate::pki::crl::{Request, draft};
    use crate::plan::tests::example;
    use crate::token::Token;
    use crate::token::throwaway::Throwaway;

    fn good() -> Draft<Crl> {
        let plan = example();
        let (name, planned) = plan.crls.first().unwrap();
        let root = super::super::certificate::tests::drafts().remove(0);
        let mut token = Throwaway::default();
        let public = token.generate(&root.key, Algorithm::EcdsaP384).unwrap().public;
        let issuer = super::super::certificate::tests::certificate(&root);
        let request = Request {
            name,
            planned,
            issuer: &issuer,
            signer: (&root.key, &public),
            revoked: Vec::new(),
            previous: None,
        };
        draft(&request).unwrap()
    }

    fn change(draft: &Draft<Crl>, change: impl Fn(&mut TbsCertList)) -> Draft<Crl> {
        let mut tbs = TbsCertList::from_der(&draft.bytes).unwrap();
        change(&mut tbs);
        Draft { bytes: tbs.to_der().unwrap(), ..draft.clone() }
    }

    fn without(draft: &Draft<Crl>, oid: der::asn1::ObjectIdentifier) -> Draft<Crl> {
        change(draft, |tbs| tbs.crl_extensions.as_mut().unwrap().retain(|found| found.extn_id != oid))
    }

    #[test]
    fn every_rule_accepts_the_example() {
        assert_eq!(Crl::lint(&good()), Findings::default());
    }

    #[test]
    fn every_rule_rejects() {
        let good = good();
        let tbs: TbsCertList = TbsCertList::from_der(&good.bytes).unwrap();
        let signer = super::super::certificate::tests::drafts().remove(3);
        let p256 = Throwaway::default().generate(&good.key, Algorithm::EcdsaP256).unwrap().public;
        let late = x509_cert::time::Time::GeneralTime(
            der::asn1::GeneralizedTime::from_unix_duration(tbs.this_update.to_unix_duration()).unwrap(),
        );
        let entry = |serial: u8| RevokedCert {
            serial_number: SerialNumber::new(&[serial]).unwrap(),
            revocation_date: tbs.this_update,
            crl_entry_extensions: None,
        };
        let cases: Vec<(&str, Draft<Crl>)> = vec![
            ("CRL-READABLE", Draft { bytes: vec![0x30, 1, 0], ..good.clone() }),
            ("CRL-DER", {
                // The first extension's DEFAULT FALSE written out: BER, not DER.
                let sequence =
                    |body: Vec<u8>| der::Any::new(der::Tag::Sequence, body).unwrap().to_der().unwrap();
                let mut without = tbs.clone();
                let list = without.crl_extensions.take().unwrap();
                let mut first = der::Any::from_der(&list[0].to_der().unwrap()).unwrap().value().to_vec();
                first.splice(5..5, [1, 1, 0]);
                let mut body = der::Any::from_der(&without.to_der().unwrap()).unwrap().value().to_vec();
                let rest = list[1..].iter().flat_map(|extension| extension.to_der().unwrap());
                let extensions = sequence(sequence(first).into_iter().chain(rest).collect());
                let tag = der::Tag::ContextSpecific { constructed: true, number: der::TagNumber(0) };
                body.extend(der::Any::new(tag, extensions).unwrap().to_der().unwrap());
                let body = sequence(body);
                Draft { bytes: body, ..good.clone() }
            }),
            ("CRL-VERSION", change(&good, |tbs| tbs.version = Version::V1)),
            ("CRL-SIGNATURE-ALGORITHM", Draft { public: p256, ..good.clone() }),
            ("CRL-ISSUER-NAME", change(&good, |tbs| tbs.issuer = x509_cert::name::Name::default())),
            (
                "CRL-ISSUER-MAY-SIGN",
                Draft {
                    context: Context {
                        issuer: super::super::certificate::tests::certificate(&signer),
                        previous: None,
                    },
                    ..good.clone()
                },
            ),
            ("CRL-NEXT-UPDATE", change(&good, |tbs| tbs.next_update = None)),
            ("CRL-NEXT-UPDATE", change(&good, |tbs| tbs.next_update = Some(tbs.this_update))),
            (
                "CRL-INSIDE-ISSUER",
                change(&good, |tbs| {
                    tbs.this_update =
                        crate::pki::certificate::time("2020-01-01T00:00:00Z".parse().unwrap()).unwrap();
                }),
            ),
            ("CRL-TIME-ENCODING", change(&good, |tbs| tbs.this_update = late)),
            ("CRL-AKI", without(&good, AuthorityKeyIdentifier::OID)),
            ("CRL-NUMBER", without(&good, CrlNumber::OID)),
            (
                "CRL-NUMBER",
                Draft { context: Context { previous: Some(1), ..good.context.clone() }, ..good.clone() },
            ),
            (
                "CRL-NUMBER",
                change(&without(&good, CrlNumber::OID), |tbs| {
                    let number = CrlNumber(Uint::new(&[0]).unwrap()).to_der().unwrap();
                    let extn_value = OctetString::new(number).unwrap();
                    let list = tbs.crl_extensions.as_mut().unwrap();
                    list.push(Extension { extn_id: CrlNumber::OID, critical: false, extn_value });
                }),
            ),
            ("CRL-IDP", without(&good, ISSUING_DISTRIBUTION_POINT)),
            (
                "CRL-IDP",
                change(&good, |tbs| {
                    tbs.crl_extensions.as_mut().unwrap().iter_mut().for_each(|found| found.critical = false);
                }),
            ),
            ("CRL-REVOKED-NOT-EMPTY", change(&good, |tbs| tbs.revoked_certificates = Some(Vec::new()))),
            (
                "CRL-ENTRIES-UNIQUE",
                change(&good, |tbs| {
                    tbs.revoked_certificates = Some(vec![entry(5), entry(5)]);
                }),
            ),
            (
                "CRL-ENTRIES-UNIQUE",
                change(&good, |tbs| {
                    let extn_value = OctetString::new(Null.to_der().unwrap()).unwrap();
                    let list = tbs.crl_extensions.as_mut().unwrap();
                    list.push(Extension { extn_id: CrlNumber::OID, critical: false, extn_value });
                }),
            ),
        ];
        for (id, draft) in &cases {
            let findings = Crl::lint(draft);
            assert!(
                findings.0.iter().any(|finding| finding.rule == *id),
                "{id} did not reject; found: {findings}"
            );
        }
        let tested: BTreeSet<&str> = cases.iter().map(|(id, _)| *id).collect();
        let all: BTreeSet<&str> =
            RULES.iter().map(|rule| rule.id).chain(UNREADABLE.iter().map(|rule| rule.id)).collect();
        assert_eq!(tested, all, "every rule has a test that it rejects");
    }
}
