//! Every rule accepts the example's CRL, and rejects one thing that is wrong in it.

use der::asn1::{Null, OctetString, Uint};
use x509_cert::crl::RevokedCert;
use x509_cert::ext::pkix::crl::CrlReason;
use x509_cert::serial_number::SerialNumber;

use super::*;
use crate::lint::tests::{Ids, found, ids, nothing};
use crate::pki::crl::entry::INVALIDITY_DATE;
use crate::pki::crl::{Before, Request, draft};
use crate::plan::tests::example;
use crate::plan::{Policy, Reason};
use crate::token::Token;
use crate::token::throwaway::Throwaway;

fn good() -> Draft<Crl> {
    listing(&[])
}

/// The example's CRL, revoking as many certificates as there are reasons.
fn listing(reasons: &[Reason]) -> Draft<Crl> {
    let mut plan = example();
    let root_name = plan.certificates.first().unwrap().0.clone();
    let planned = &mut plan.crls[0];
    for reason in reasons {
        planned.revoked.push(crate::plan::crl::Revoked {
            certificate: crate::plan::At::absent(root_name.clone()),
            date: planned.validity.from,
            reason: *reason,
            invalidity_date: None,
        });
    }
    let (name, planned) = plan.crls.first().unwrap();
    let root = super::super::certificate::tests::drafts().remove(0);
    let mut token = Throwaway::default();
    let public = token.generate(&root.key, Algorithm::EcdsaP384).unwrap().public;
    let issuer = super::super::certificate::tests::certificate(&root);
    // Other certificates than this one are what a CRL lists; their serial numbers are what counts here.
    let listed: Vec<crate::pki::Certificate> = super::super::certificate::tests::drafts()
        .iter()
        .enumerate()
        .map(|(n, draft)| super::super::certificate::tests::with_serial(draft, u8::try_from(n).unwrap()))
        .collect();
    let request = Request {
        name,
        planned,
        issuer: &issuer,
        signer: (&root.key, &public),
        revoked: listed.iter().take(reasons.len()).collect(),
        listed: crate::pki::crl::Entries::default(),
        previous: None,
    };
    draft(request).unwrap()
}

fn change(draft: &Draft<Crl>, change: impl Fn(&mut TbsCertList)) -> Draft<Crl> {
    let mut tbs = TbsCertList::from_der(&draft.bytes).unwrap();
    change(&mut tbs);
    Draft { bytes: tbs.to_der().unwrap(), ..draft.clone() }
}

fn without(draft: &Draft<Crl>, oid: der::asn1::ObjectIdentifier) -> Draft<Crl> {
    change(draft, |tbs| tbs.crl_extensions.as_mut().unwrap().retain(|found| found.extn_id != oid))
}

/// What the draft lists, as the CRL before another.
fn before(draft: &Draft<Crl>) -> Before {
    let mut body = draft.bytes.clone();
    draft.public.algorithm().signature_identifier().encode_to_vec(&mut body).unwrap();
    der::asn1::BitString::from_bytes(&[0; 8]).unwrap().encode_to_vec(&mut body).unwrap();
    let crl = Crl::read(der::Any::new(der::Tag::Sequence, body).unwrap().to_der().unwrap()).unwrap();
    Before::of(&crl, 0, |_| false).unwrap()
}

pub(crate) fn accepted() -> Ids {
    let rules = Rules::default();
    let one = listing(&[Reason::Superseded]);
    let more = listing(&[Reason::Superseded, Reason::CaCompromise]);
    let later = more.clone().after(Some(before(&one)));
    let invalid = with_invalidity(&one, "2026-01-01T00:00:00Z", false);
    // What had expired when the list before was issued may go.
    let gone = good().after(Some(Before { marks: Vec::new(), ..before(&one) }));
    for (what, draft) in [
        ("empty", good()),
        ("one", one),
        ("two", more),
        ("two after one", later),
        ("one since another date", invalid),
        ("none after one that expired", gone),
    ] {
        nothing(&Crl::lint(&draft, &rules), what);
    }
    ids(RULES, Policy::Sigstore).into_iter().chain(ids(UNREADABLE, Policy::Sigstore)).collect()
}

/// An entry that says since when its certificate must be taken for invalid.
fn with_invalidity(draft: &Draft<Crl>, date: &str, critical: bool) -> Draft<Crl> {
    let date = date.parse::<crate::plan::Time>().unwrap().unix();
    let date = std::time::Duration::from_secs(u64::try_from(date).unwrap());
    let date = der::asn1::GeneralizedTime::from_unix_duration(date).unwrap().to_der().unwrap();
    change(draft, |tbs| {
        for entry in tbs.revoked_certificates.as_mut().unwrap() {
            let extn_value = OctetString::new(date.clone()).unwrap();
            let more = Extension { extn_id: INVALIDITY_DATE, critical, extn_value };
            entry.crl_entry_extensions.as_mut().unwrap().push(more);
        }
    })
}

/// An entry whose extension has a NULL in the place of its value.
fn broken_extension(draft: &Draft<Crl>) -> Draft<Crl> {
    let reason = [0x30, 10, 6, 3, 0x55, 0x1d, 0x15, 4, 3, 0x0a, 1];
    let mut bytes = draft.bytes.clone();
    let at = bytes.windows(reason.len()).position(|found| found == reason).unwrap();
    bytes[at + 7] = 5;
    Draft { bytes, ..draft.clone() }
}

/// An entry's reason replaced.
fn with_reason(draft: &Draft<Crl>, reason: Option<CrlReason>, critical: bool) -> Draft<Crl> {
    change(draft, |tbs| {
        for entry in tbs.revoked_certificates.as_mut().unwrap() {
            entry.crl_entry_extensions = reason.map(|reason| {
                let extn_value = OctetString::new(reason.to_der().unwrap()).unwrap();
                vec![Extension { extn_id: CrlReason::OID, critical, extn_value }]
            });
        }
    })
}

pub(crate) fn rejected() -> Ids {
    let (good, one) = (good(), listing(&[Reason::KeyCompromise]));
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
    let cases: Vec<(&'static str, Draft<Crl>)> = vec![
        ("CRL-READABLE", Draft { bytes: vec![0x30, 1, 0], ..good.clone() }),
        ("CRL-DER", {
            // The first extension's DEFAULT FALSE written out: BER, not DER.
            let sequence = |body: Vec<u8>| der::Any::new(der::Tag::Sequence, body).unwrap().to_der().unwrap();
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
                    before: None,
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
        (
            "CRL-EXTENSIONS-KNOWN",
            change(&good, |tbs| {
                let extn_value = OctetString::new(Null.to_der().unwrap()).unwrap();
                let extn_id = ObjectIdentifier::new_unwrap("2.5.29.27");
                tbs.crl_extensions.as_mut().unwrap().push(Extension { extn_id, critical: true, extn_value });
            }),
        ),
        (
            "CRL-EXTENSIONS-DER",
            change(&good, |tbs| {
                let point = tbs.crl_extensions.as_mut().unwrap().last_mut().unwrap();
                // onlyContainsUserCerts FALSE, which DER leaves out.
                let mut value = vec![0x30, 6, 0x81, 1, 0];
                value.extend_from_slice(&point.extn_value.as_bytes()[2..]);
                point.extn_value = OctetString::new(value).unwrap();
            }),
        ),
        ("CRL-REASON", with_reason(&one, None, false)),
        ("CRL-REASON", with_reason(&one, Some(CrlReason::CertificateHold), false)),
        ("CRL-REASON", with_reason(&one, Some(CrlReason::Superseded), true)),
        (
            "CRL-REVOCATION-DATE",
            change(&one, |tbs| {
                let late = crate::pki::certificate::time("2027-01-01T00:00:00Z".parse().unwrap()).unwrap();
                tbs.revoked_certificates.as_mut().unwrap()[0].revocation_date = late;
            }),
        ),
        ("CRL-THIS-UPDATE-RISES", {
            let late = change(&good, |tbs| {
                tbs.this_update =
                    crate::pki::certificate::time("2027-01-01T00:00:00Z".parse().unwrap()).unwrap();
            });
            good.clone().after(Some(before(&late)))
        }),
        ("CRL-ENTRIES-KEPT", good.clone().after(Some(before(&one)))),
        ("CRL-ENTRIES-KEPT", {
            let later = change(&one, |tbs| {
                let date = crate::pki::certificate::time("2026-11-01T00:00:00Z".parse().unwrap()).unwrap();
                tbs.revoked_certificates.as_mut().unwrap()[0].revocation_date = date;
            });
            later.after(Some(before(&one)))
        }),
        (
            "CRL-SERIAL",
            change(&one, |tbs| {
                tbs.revoked_certificates.as_mut().unwrap()[0].serial_number =
                    SerialNumber::new(&[0]).unwrap();
            }),
        ),
        ("CRL-DER", broken_extension(&one)),
        ("CRL-INVALIDITY-DATE", with_invalidity(&one, "2027-01-01T00:00:00Z", false)),
        ("CRL-INVALIDITY-DATE", with_invalidity(&one, "2026-01-01T00:00:00Z", true)),
    ];
    let rejects = |(id, draft): &(&'static str, Draft<Crl>)| found(&Crl::lint(draft, &Rules::default()), id);
    cases.iter().map(rejects).collect()
}

#[test]
fn every_rule_rejects() {
    assert_eq!(accepted(), rejected());
}
