//! Every rule accepts the example hierarchy and its like, and rejects one thing that is wrong in it.

mod change;
mod cross;
mod drafts;

use der::asn1::{Any, Null, OctetString, Utf8StringRef};
use der::oid::AssociatedOid;
use der::{Decode, Encode};
use x509_cert::certificate::TbsCertificate;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, CertificatePolicies, ExtendedKeyUsage, KeyUsage,
    SubjectKeyIdentifier,
};

use change::*;
pub(crate) use drafts::{certificate, drafts, signed, with_serial};
use drafts::{cross_signed, for_programme, ml_dsa};

use super::*;
use crate::lint::Finding;
use crate::lint::tests::{Ids, found, ids};
use crate::pki::certificate::Context;
use crate::pki::{Algorithm, PublicKey};
use crate::plan::{Policy, Profile};
use crate::token::Token;
use crate::token::throwaway::Throwaway;

pub(crate) fn accepted() -> Ids {
    assert_eq!(drafts().len(), 4);
    let crossed = cross_signed();
    let others = |draft: &Draft<Certificate>| draft.context.others.len();
    assert_eq!(crossed.iter().map(others).collect::<Vec<_>>(), [0, 0, 0, 0, 0, 1, 1, 1]);
    assert!(crossed.iter().skip(5).all(|draft| draft.context.cross.is_some()));
    for_programme(Policy::CodeSigningBr, "ecdsa-p384");
    for_programme(Policy::Microsoft, "rsa-4096");
    let pq = Certificate::lint(&ml_dsa(&drafts()[1]), &Rules::of_policy(Policy::ExperimentalPq));
    assert_eq!(pq.0.len(), 1, "{pq}");
    found(&pq, "KEY-EXPERIMENTAL");
    let policies = [Policy::CodeSigningBr, Policy::Microsoft];
    let tables = policies.into_iter().flat_map(|policy| [ids(RULES, policy), ids(CHAIN, policy)]);
    tables.flatten().chain(ids(UNREADABLE, Policy::Sigstore)).collect()
}

#[test]
fn ml_dsa_passes_in_the_experimental_profile_alone() {
    let draft = ml_dsa(&drafts()[1]);
    for policy in Policy::ALL {
        let findings = Certificate::lint(&draft, &Rules::of_policy(policy));
        let refused = findings.0.iter().any(|finding| finding.rule == "CERT-KEY-ALGORITHM");
        assert_eq!(refused, policy != Policy::ExperimentalPq, "{policy}");
    }
    // A signer's key is no CA's, and every client refuses it.
    let signer = ml_dsa(&drafts()[3]);
    found(&Certificate::lint(&signer, &Rules::of_policy(Policy::ExperimentalPq)), "CERT-KEY-ALGORITHM");
}

pub(crate) fn rejected() -> Ids {
    use der::oid::db::rfc5280::{ID_KP_CODE_SIGNING, ID_KP_SERVER_AUTH};
    let [root, inter, tsa, signer] = <[_; 4]>::try_from(drafts()).unwrap();
    let other = |draft: &Draft<Certificate>, change: &dyn Fn(&mut Context)| {
        let mut draft = draft.clone();
        change(&mut draft.context);
        draft
    };
    let p521 = Throwaway::default().generate(&inter.key, Algorithm::EcdsaP521).unwrap().public;
    let p256 = Throwaway::default().generate(&inter.key, Algorithm::EcdsaP256).unwrap().public;
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
    let cases: Vec<(&'static str, Draft<Certificate>)> = vec![
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
        ("CERT-SERIAL-ENTROPY", {
            let number = [&[2, 20][..], &crate::pki::certificate::serial([7; 20])].concat();
            replace(&root, &root_tbs.serial_number().to_der().unwrap(), &number)
        }),
        ("CERT-WEAK-HASH", {
            let sha1 = [0x30, 9, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1];
            replace(&root, &root_tbs.signature().to_der().unwrap(), &sha1)
        }),
        ("CERT-UNIQUE-IDS-ABSENT", {
            let spki = root_tbs.subject_public_key_info().to_der().unwrap();
            replace(&root, &spki, &[spki.as_slice(), &[0x82, 2, 0, 1]].concat())
        }),
        ("CERT-SUBJECT-RDN", with_relative(&inter, &[0x31, 0])),
        (
            "CERT-SUBJECT-RDN",
            with_relative(
                &inter,
                &Any::new(der::Tag::Set, [attribute(7, b"a"), attribute(8, b"b")].concat())
                    .unwrap()
                    .to_der()
                    .unwrap(),
            ),
        ),
        (
            "CERT-SUBJECT-RDN",
            with_relative(&inter, &Any::new(der::Tag::Set, attribute(7, b"")).unwrap().to_der().unwrap()),
        ),
        ("CERT-SUBJECT-STRINGS", {
            // BMPString, as old Windows CAs write names.
            let name = organization("Example Sigstore Intermediate 2026");
            let mut bmp = name.clone();
            bmp[0] = 0x1e;
            replace(&inter, &name, &bmp)
        }),
        ("CERT-SUBJECT-STRINGS", {
            let name = organization("Example Sigstore Intermediate 2026");
            relative_value(&inter, &name, &organization(&"x".repeat(65)))
        }),
        ("CERT-VALIDITY-ORDER", {
            let not_after = inter_tbs.validity().not_after.to_der().unwrap();
            replace(&inter, &not_after, b"\x17\x0d260101000000Z")
        }),
        ("CERT-POLICIES", swap(&inter, false, &policies(&["1.2.3"]))),
        ("CERT-POLICIES", {
            let twice = swap(&inter, false, &policies(&["1.2.3", "1.2.3"]));
            let policy: crate::plan::Oid = "1.2.3".to_string().try_into().unwrap();
            other(&twice, &|context| context.policies = vec![policy, policy])
        }),
        ("CERT-POLICIES", {
            let policy: crate::plan::Oid = "1.2.3".to_string().try_into().unwrap();
            other(&inter, &|context| context.policies = vec![policy])
        }),
        ("CERT-CDP", swap(&inter, false, &points("http://strange.example.org/a.crl"))),
        ("CERT-CDP", {
            // A part of a list, with reasons, is not the list.
            let mut list = points(HERE);
            list.0[0].reasons = Some(x509_cert::ext::pkix::crl::dp::Reasons::KeyCompromise.into());
            other(&swap(&inter, false, &list), &|context| context.crl_urls = vec![here()])
        }),
        ("CERT-AIA", swap(&inter, false, &access(der::oid::db::rfc5912::ID_AD_CA_ISSUERS, HERE))),
        ("CERT-AIA", {
            let ocsp = swap(&inter, false, &access(der::oid::db::rfc5912::ID_AD_OCSP, HERE));
            other(&ocsp, &|context| context.issuer_urls = vec![here()])
        }),
        ("CERT-ADDRESSES-HTTP", swap(&inter, false, &points("https://pki.example.org/a.crl"))),
        ("CERT-ROOT-ADDRESSES-ABSENT", swap(&root, false, &points(HERE))),
        (
            "CERT-NAME-CONSTRAINTS-ABSENT",
            swap(
                &inter,
                true,
                &x509_cert::ext::pkix::NameConstraints { permitted_subtrees: None, excluded_subtrees: None },
            ),
        ),
        ("CERT-EXTENSIONS-CRITICAL-UNKNOWN", {
            let extn_id = der::asn1::ObjectIdentifier::new("1.2.3").unwrap();
            with_extensions(&inter, |list| {
                let extn_value = OctetString::new(Null.to_der().unwrap()).unwrap();
                list.push(Extension { extn_id, critical: true, extn_value });
            })
        }),
        ("CERT-EXTENSIONS-CRITICALITY", swap(&inter, true, &policies(&["1.2.3"]))),
        ("CERT-EXTENSIONS-CRITICALITY", swap(&inter, true, &points(HERE))),
        ("CERT-EXTENSIONS-DER", raw(&signer, BasicConstraints::OID, true, &[0x30, 3, 1, 1, 0])),
        ("CERT-EXTENSIONS-DER", raw(&inter, KeyUsage::OID, true, &[3, 2, 0, 6])),
        ("CERT-EXTENSIONS-DER", raw(&inter, SubjectKeyIdentifier::OID, false, &[4, 1])),
        ("CERT-EXTENSIONS-NOT-EMPTY", with_extensions(&root, Vec::clear)),
        ("CERT-EXTENSIONS-NOT-EMPTY", swap(&inter, false, &ExtendedKeyUsage(Vec::new()))),
        ("CERT-EXTENSIONS-NOT-EMPTY", swap(&inter, false, &CertificatePolicies(Vec::new()))),
        ("CHAIN-PATH-LENGTH", {
            // Two levels below an issuer that allows one more than none.
            let one = BasicConstraints { ca: true, path_len_constraint: Some(1) };
            let issuer = certificate(&swap(&root, true, &one));
            let deep = swap(&inter, true, &one);
            other(&deep, &|context| context.issuer = Some(issuer.clone()))
        }),
        ("CHAIN-ROOT-OWN-KEY", other(&root, &|context| context.issuer_key = p521.clone())),
        ("CHAIN-ROOT-OWN-KEY", {
            let own = PublicKey::from_spki(&inter_tbs.subject_public_key_info().to_der().unwrap()).unwrap();
            other(&inter, &|context| context.issuer_key = own.clone())
        }),
        ("CHAIN-STRENGTH", other(&inter, &|context| context.issuer_key = p256.clone())),
        ("CHAIN-ONE-KEY-PER-SUBJECT", {
            let spki = inter_tbs.subject_public_key_info().to_der().unwrap();
            inter.clone().beside([&certificate(&replace(&inter, &spki, p521.spki()))])
        }),
        ("CHAIN-ONE-SUBJECT-PER-KEY", {
            let name = organization("Example Sigstore Intermediate 2026");
            let renamed = replace(&inter, &name, &organization("Example Sigstore Intermediate 2027"));
            inter.clone().beside([&certificate(&renamed)])
        }),
        // The cross-sign of May 2026: the purpose was forgotten.
        ("CHAIN-CROSS-MIRRORS", {
            let without =
                with_extensions(&inter, |list| list.retain(|found| found.extn_id != ExtendedKeyUsage::OID));
            without.beside([&certificate(&inter)])
        }),
        (
            "CHAIN-CROSS-MIRRORS",
            swap(&inter, false, &SubjectKeyIdentifier(OctetString::new([1; 20]).unwrap()))
                .beside([&certificate(&inter)]),
        ),
        ("CHAIN-SERIAL-UNIQUE", inter.clone().beside([&certificate(&inter)])),
    ];
    let cases = cases.into_iter().chain(cross::rejected());
    let rules = Rules::default();
    let mut rejected: Ids = cases.map(|(id, draft)| found(&Certificate::lint(&draft, &rules), id)).collect();
    for (id, policy, draft) in [
        ("CERT-POLICIES-PRESENT", Policy::CodeSigningBr, &inter),
        ("CERT-POLICIES-RESERVED", Policy::CodeSigningBr, &tsa),
        ("CERT-CDP-PRESENT", Policy::Microsoft, &inter),
        ("CERT-CDP-PRESENT", Policy::CodeSigningBr, &signer),
        ("CERT-AIA-PRESENT", Policy::CodeSigningBr, &inter),
        ("CERT-KEY-ALGORITHM", Policy::Microsoft, &root),
        (
            "CERT-LIFE-LEAST",
            Policy::Microsoft,
            &replace(&root, &root_tbs.validity().not_after.to_der().unwrap(), b"\x17\x0d341130000000Z"),
        ),
        (
            "CHAIN-ROOT-ISSUES-CAS",
            Policy::CodeSigningBr,
            &other(&signer, &|context| context.issuer = Some(certificate(&root))),
        ),
    ] {
        rejected.insert(found(&Certificate::lint(draft, &Rules::of_policy(policy)), id));
    }
    rejected
}

#[test]
fn every_rule_rejects() {
    assert_eq!(accepted(), rejected());
}

#[test]
fn what_breaks_an_error_is_not_signed() {
    let draft = swap(&drafts()[1], true, &ExtendedKeyUsage(vec![der::oid::db::rfc5280::ID_KP_CODE_SIGNING]));
    let stopping = draft.lint(&Rules::default()).unwrap_err();
    assert!(stopping.0.iter().all(Finding::stops));
}
