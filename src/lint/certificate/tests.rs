//! Every rule accepts the example hierarchy, and rejects one thing that is wrong in it.

use std::collections::BTreeSet;

use der::asn1::{Any, BitString, Null, OctetString, Utf8StringRef};
use der::{Decode, Encode};
use x509_cert::ext::Extension;

use super::*;
use crate::pki::certificate::{Request, draft};
use crate::plan::{Name, Plan, tests::example};
use crate::token::Token;
use crate::token::throwaway::Throwaway;

/// The drafts of the example's root, code-signing intermediate, TSA intermediate and signer.
pub(crate) fn drafts() -> Vec<Draft<Certificate>> {
    let plan: Plan = example();
    let mut token = Throwaway::default();
    let mut issued: Vec<(Name, Certificate)> = Vec::new();
    let mut drafts = Vec::new();
    for (name, planned) in &plan.certificates {
        let Some(crate::plan::Key::Device { algorithm, .. }) = plan.keys.get(&*planned.key) else { panic!() };
        let public = token.generate(&planned.key, **algorithm).unwrap().public;
        let issuer = planned.issuer.as_ref().map(|issuer| {
            issued.iter().find(|(name, _)| *name == **issuer).map(|(_, certificate)| certificate).unwrap()
        });
        let signer = planned.issuer.as_ref().map_or(&planned.key, |issuer| &plan.certificates[&**issuer].key);
        let signer_public = token.find(signer).unwrap().unwrap().public;
        let request = Request {
            name,
            planned,
            public: &public,
            issuer,
            signer: (signer, &signer_public),
            serial: crate::pki::certificate::serial([7; 20]),
            rehearsal: false,
        };
        let draft = draft(&request).unwrap();
        drafts.push(draft.clone());
        let linted = draft.lint().unwrap_or_else(|findings| panic!("{findings}"));
        let signature = token.sign(&linted).unwrap();
        issued.push((name.clone(), linted.attach(signature).unwrap().into_document()));
    }
    drafts
}

/// The bytes of a draft with the extensions changed.
fn with_extensions(draft: &Draft<Certificate>, change: impl Fn(&mut Vec<Extension>)) -> Draft<Certificate> {
    let tbs = TbsCertificate::from_der(&draft.bytes).unwrap();
    let mut extensions = tbs.extensions().cloned().unwrap();
    let old = extensions.to_der().unwrap();
    change(&mut extensions);
    let new = extensions.to_der().unwrap();
    let wrap = |body: &[u8]| {
        Any::new(der::Tag::ContextSpecific { constructed: true, number: der::TagNumber(3) }, body)
            .unwrap()
            .to_der()
            .unwrap()
    };
    replace(draft, &wrap(&old), &wrap(&new))
}

/// The bytes of a draft with one part of its content replaced, and the outer length put right.
fn replace(draft: &Draft<Certificate>, from: &[u8], to: &[u8]) -> Draft<Certificate> {
    let body = Any::from_der(&draft.bytes).unwrap().value().to_vec();
    let at = body.windows(from.len()).position(|window| window == from).expect("the part to replace");
    let mut changed = body[..at].to_vec();
    changed.extend_from_slice(to);
    changed.extend_from_slice(&body[at + from.len()..]);
    let bytes = Any::new(der::Tag::Sequence, changed).unwrap().to_der().unwrap();
    Draft { bytes, ..draft.clone() }
}

fn extension<T: AssociatedOid + Encode>(critical: bool, value: &T) -> Extension {
    Extension { extn_id: T::OID, critical, extn_value: OctetString::new(value.to_der().unwrap()).unwrap() }
}

fn swap<T: AssociatedOid + Encode>(
    draft: &Draft<Certificate>,
    critical: bool,
    value: &T,
) -> Draft<Certificate> {
    with_extensions(draft, |extensions| {
        extensions.retain(|found| found.extn_id != T::OID);
        extensions.push(extension(critical, value));
    })
}

#[test]
fn every_rule_accepts_the_example() {
    assert_eq!(drafts().len(), 4);
}

#[test]
fn every_rule_rejects() {
    use der::oid::db::rfc5280::{ID_KP_CODE_SIGNING, ID_KP_SERVER_AUTH};
    let [root, inter, tsa, signer] = <[_; 4]>::try_from(drafts()).unwrap();
    let other = |draft: &Draft<Certificate>, change: &dyn Fn(&mut Context)| {
        let mut draft = draft.clone();
        change(&mut draft.context);
        draft
    };
    let p521 = Throwaway::default().generate(&inter.key, Algorithm::EcdsaP521).unwrap().public;
    let root_tbs = TbsCertificate::from_der(&root.bytes).unwrap();
    let inter_tbs = TbsCertificate::from_der(&inter.bytes).unwrap();
    let organization =
        |text: &str| Any::encode_from(&Utf8StringRef::new(text).unwrap()).unwrap().to_der().unwrap();
    // Organizational unit in place of organization, in issuer and subject.
    let unit = |draft: &Draft<Certificate>| replace(draft, &[6, 3, 0x55, 4, 10], &[6, 3, 0x55, 4, 11]);
    let country = [b"\x30\x09\x06\x03\x55\x04\x06".as_slice(), &organization("de")].concat();
    let with_country = {
        let name = inter_tbs.subject().to_der().unwrap();
        let mut body = Any::from_der(&name).unwrap().value().to_vec();
        let set = Any::new(der::Tag::Set, country).unwrap().to_der().unwrap();
        body.splice(0..0, set);
        replace(&inter, &name, &Any::new(der::Tag::Sequence, body).unwrap().to_der().unwrap())
    };
    let not_before = inter_tbs.validity().not_before.to_der().unwrap();
    let cases: Vec<(&str, Draft<Certificate>)> = vec![
        ("CERT-READABLE", Draft { bytes: vec![0x30, 1, 0], ..root.clone() }),
        ("CERT-DER", {
            let mut extension = extension(false, &CertificatePolicies(Vec::new())).to_der().unwrap();
            // DEFAULT FALSE written out: BER, not DER.
            extension.splice(7..7, [1, 1, 0]);
            extension[1] += 3;
            let list = inter_tbs.extensions().unwrap().to_der().unwrap();
            let mut longer = Any::from_der(&list).unwrap().value().to_vec();
            longer.extend_from_slice(&extension);
            let sequence = Any::new(der::Tag::Sequence, longer).unwrap().to_der().unwrap();
            let wrap = |body: &[u8]| {
                Any::new(der::Tag::ContextSpecific { constructed: true, number: der::TagNumber(3) }, body)
                    .unwrap()
                    .to_der()
                    .unwrap()
            };
            replace(&inter, &wrap(&list), &wrap(&sequence))
        }),
        ("CERT-VERSION", replace(&root, &[0xa0, 3, 2, 1, 2], &[0xa0, 3, 2, 1, 1])),
        ("CERT-SERIAL", replace(&root, &root_tbs.serial_number().to_der().unwrap(), &[2, 1, 5])),
        ("CERT-SIGNATURE-ALGORITHM", other(&root, &|context| context.issuer_key = p521.clone())),
        (
            "CERT-KEY-ALGORITHM",
            replace(&inter, &inter_tbs.subject_public_key_info().to_der().unwrap(), p521.spki()),
        ),
        (
            "CERT-ISSUER-NAME",
            replace(&inter, &organization("Example Sigstore Root"), &organization("Exemplo Sigstore Root")),
        ),
        ("CERT-SUBJECT-PLANNED", other(&root, &|context| context.subject = inter_tbs.subject().clone())),
        ("CERT-SUBJECT-NAMES", unit(&unit(&root))),
        ("CERT-COUNTRY", with_country),
        ("CERT-TIME-ENCODING", {
            let validity = inter_tbs.validity();
            let body = [b"\x18\x0f20261201000000Z", validity.not_after.to_der().unwrap().as_slice()].concat();
            let changed = Any::new(der::Tag::Sequence, body).unwrap().to_der().unwrap();
            replace(&inter, &validity.to_der().unwrap(), &changed)
        }),
        ("CERT-VALIDITY-PLANNED", other(&inter, &|context| context.validity.to = context.validity.from)),
        ("CERT-VALIDITY-INSIDE-ISSUER", replace(&inter, &not_before, b"\x17\x0d250101000000Z")),
        (
            "CERT-LIFE",
            replace(&root, &root_tbs.validity().not_before.to_der().unwrap(), b"\x17\x0d250101000000Z"),
        ),
        (
            "CERT-BASIC-CONSTRAINTS",
            swap(&root, true, &BasicConstraints { ca: true, path_len_constraint: Some(0) }),
        ),
        (
            "CERT-BASIC-CONSTRAINTS",
            swap(&inter, false, &BasicConstraints { ca: true, path_len_constraint: Some(0) }),
        ),
        ("CERT-KEY-USAGE", swap(&signer, true, &KeyUsage(Profile::Root.key_usage()))),
        ("CERT-ROOT-EKU-ABSENT", swap(&root, false, &ExtendedKeyUsage(vec![ID_KP_CODE_SIGNING]))),
        ("CERT-EKU", swap(&inter, false, &ExtendedKeyUsage(vec![ID_KP_CODE_SIGNING, ID_KP_SERVER_AUTH]))),
        (
            "CERT-EKU",
            with_extensions(&inter, |list| list.retain(|found| found.extn_id != ExtendedKeyUsage::OID)),
        ),
        ("CERT-EKU-CRITICALITY", swap(&inter, true, &ExtendedKeyUsage(vec![ID_KP_CODE_SIGNING]))),
        ("CERT-SKI", swap(&inter, false, &SubjectKeyIdentifier(OctetString::new([1; 20]).unwrap()))),
        (
            "CERT-AKI",
            with_extensions(&inter, |list| list.retain(|found| found.extn_id != AuthorityKeyIdentifier::OID)),
        ),
        ("CERT-ROOT-POLICIES-ABSENT", swap(&root, false, &CertificatePolicies(Vec::new()))),
        ("CERT-EXTENSIONS-UNIQUE", with_extensions(&inter, |list| list.extend(list.clone()))),
        (
            "CERT-EXTENSIONS-KNOWN",
            with_extensions(&inter, |list| {
                let extn_id = der::asn1::ObjectIdentifier::new("1.2.3").unwrap();
                list.push(Extension {
                    extn_id,
                    critical: true,
                    extn_value: OctetString::new(Null.to_der().unwrap()).unwrap(),
                });
            }),
        ),
        ("CHAIN-ISSUER-IS-CA", other(&inter, &|context| context.issuer = Some(certificate(&signer)))),
        ("CHAIN-PATH-LENGTH", other(&inter, &|context| context.issuer = Some(certificate(&tsa)))),
        ("CHAIN-EKU-NESTING", other(&inter, &|context| context.issuer = Some(certificate(&tsa)))),
        ("CHAIN-DISTINCT-KEY", other(&root, &|context| context.issuer = Some(certificate(&root)))),
    ];
    for (id, draft) in &cases {
        let findings = Certificate::lint(draft);
        assert!(
            findings.0.iter().any(|finding| finding.rule == *id),
            "{id} did not reject; found: {findings}"
        );
        assert!(draft.clone().lint().is_err());
    }
    let tested: BTreeSet<&str> = cases.iter().map(|(id, _)| *id).collect();
    let all: BTreeSet<&str> =
        RULES.iter().map(|rule| rule.id).chain(UNREADABLE.iter().map(|rule| rule.id)).collect();
    assert_eq!(tested, all, "every rule has a test that it rejects, and no test is for a rule that is gone");
}

/// A draft as if it had been signed, for use as an issuer.
pub(crate) fn certificate(draft: &Draft<Certificate>) -> Certificate {
    let mut body = draft.bytes.clone();
    draft.public.algorithm().signature_identifier().encode_to_vec(&mut body).unwrap();
    BitString::from_bytes(&[0; 8]).unwrap().encode_to_vec(&mut body).unwrap();
    Certificate::from_der(&Any::new(der::Tag::Sequence, body).unwrap().to_der().unwrap()).unwrap()
}
