//! Every rule accepts what goes out as planned, and rejects one thing that is wrong in it.

use der::Any;
use der::asn1::{ObjectIdentifier, SetOfVec};
use der::oid::AssociatedOid;
use x509_cert::attr::Attribute;
use x509_cert::spki::SubjectPublicKeyInfoOwned;

use super::*;
use crate::lint::certificate::tests::{certificate as made, drafts};
use crate::lint::tests::{Ids, found, ids, nothing};
use crate::pki::request::{Asked, draft};
use crate::pki::{Algorithm, Signature};
use crate::plan::{At, Csr, Name, Profile, tests::example};
use crate::token::Token;
use crate::token::throwaway::Throwaway;

/// The code-signing intermediate asks another CA to repeat its certificate.
fn cross() -> Draft<CertificateRequest> {
    let [_, inter, ..] = <[_; 4]>::try_from(drafts()).unwrap();
    asked("fulcio-2026", Profile::CodeSigning, &inter)
}

/// A request of the key of a draft, to be cross-signed.
fn asked(name: &str, profile: Profile, of: &Draft<Certificate>) -> Draft<CertificateRequest> {
    let (plan, name) = (example(), name.parse::<Name>().unwrap());
    let certificate = made(of);
    let public = PublicKey::from_spki(&certificate.tbs().subject_public_key_info().to_der().unwrap());
    let planned = Csr {
        profile: At::absent(profile),
        key: At::absent(name.clone()),
        cross_signs: Some(At::absent(name.clone())),
        subject: plan.certificates[&name].subject.clone(),
        policies: Vec::new(),
    };
    draft(&Asked {
        name: &name,
        planned: &planned,
        public: &public.unwrap(),
        cross: Some(&certificate),
        certificates: vec![&certificate],
        rehearsal: false,
    })
    .unwrap()
}

fn lint(draft: &Draft<CertificateRequest>) -> Findings {
    CertificateRequest::lint(draft, &Rules::default())
}

/// The draft with something else in what is signed.
fn changed(
    draft: &Draft<CertificateRequest>,
    change: impl Fn(&mut CertReqInfo),
) -> Draft<CertificateRequest> {
    let mut info = CertReqInfo::from_der(&draft.bytes).unwrap();
    change(&mut info);
    Draft { bytes: info.to_der().unwrap(), ..draft.clone() }
}

/// The draft with other extensions asked for.
fn asks(
    draft: &Draft<CertificateRequest>,
    change: impl Fn(&mut Vec<Extension>),
) -> Draft<CertificateRequest> {
    changed(draft, |info| {
        let mut wanted = asked_for(info);
        change(&mut wanted);
        let values = SetOfVec::try_from(vec![Any::encode_from(&wanted).unwrap()]).unwrap();
        let attribute = Attribute { oid: ID_EXTENSION_REQ, values };
        info.attributes = SetOfVec::try_from(vec![attribute]).unwrap();
    })
}

fn asked_for(info: &CertReqInfo) -> Vec<Extension> {
    super::asked(info).unwrap()
}

pub(crate) fn accepted() -> Ids {
    let draft = cross();
    nothing(&lint(&draft), &draft.object);
    // Of a root whose key may not ask, everything but that.
    let [root, ..] = <[_; 4]>::try_from(drafts()).unwrap();
    let root = asked("root", Profile::CrossRoot, &root);
    let findings = lint(&root);
    assert_eq!(findings.0.len(), 1, "{findings}");
    found(&findings, "REQ-ROOT-KEY");
    ids(UNREADABLE, Policy::Sigstore).into_iter().chain(ids(RULES, Policy::Sigstore)).collect()
}

pub(crate) fn rejected() -> Ids {
    let draft = cross();
    let [root, _, tsa, _] = <[_; 4]>::try_from(drafts()).unwrap();
    let other = Throwaway::default().generate(&draft.key, Algorithm::EcdsaP384).unwrap().public;
    let p521 = Throwaway::default().generate(&draft.key, Algorithm::EcdsaP521).unwrap().public;
    let spki = |public: &PublicKey| SubjectPublicKeyInfoOwned::from_der(public.spki()).unwrap();
    let with_context = |change: &dyn Fn(&mut Context)| {
        let mut draft = draft.clone();
        change(&mut draft.context);
        draft
    };
    let challenge = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.7");
    let without_purpose =
        asks(&draft, |wanted| wanted.retain(|found| found.extn_id != ExtendedKeyUsage::OID));
    [
        ("REQ-READABLE", Draft { bytes: vec![0x30, 1, 0], ..draft.clone() }),
        ("REQ-DER", {
            // Two attributes in the order that DER does not have.
            let mut draft = two_attributes(&draft);
            let at = |last: u8| draft.bytes.windows(4).position(|found| found == [6, 2, 0x2a, last]).unwrap();
            let (first, second) = (at(3) + 3, at(4) + 3);
            draft.bytes.swap(first, second);
            draft
        }),
        ("REQ-KEY", changed(&draft, |info| info.public_key = spki(&other))),
        ("REQ-SUBJECT-PLANNED", changed(&draft, |info| info.subject = made(&root).tbs().subject().clone())),
        ("REQ-ATTRIBUTES", changed(&draft, |info| info.attributes = SetOfVec::new())),
        ("REQ-ATTRIBUTES", {
            changed(&draft, |info| {
                let values = SetOfVec::try_from(vec![Any::null()]).unwrap();
                info.attributes.insert(Attribute { oid: challenge, values }).unwrap();
            })
        }),
        ("REQ-EXTENSIONS", without_purpose.clone()),
        ("REQ-EXTENSIONS", asks(&draft, |wanted| wanted.iter_mut().for_each(|found| found.critical = true))),
        ("REQ-EXTENSIONS", asks(&draft, |wanted| wanted.extend(wanted.clone()))),
        ("REQ-EXTENSIONS", asks(&draft, |wanted| wanted[0].extn_id = CertificatePolicies::OID)),
        ("REQ-KEY-ALGORITHM", Draft { public: p521.clone(), ..draft.clone() }),
        ("REQ-CROSS-SAME", with_context(&|context| context.cross = Some(made(&tsa)))),
        ("REQ-CROSS-SAME", changed(&draft, |info| info.public_key = spki(&other))),
        ("REQ-CROSS-MIRRORS", without_purpose),
        ("REQ-CROSS-MIRRORS", with_context(&|context| context.cross = Some(made(&tsa)))),
        ("REQ-ONE-SUBJECT-PER-KEY", with_context(&|context| context.own = vec![made(&tsa)])),
        ("REQ-ROOT-KEY", with_context(&|context| context.own = vec![made(&root)])),
    ]
    .into_iter()
    .map(|(id, draft)| found(&lint(&draft), id))
    .collect()
}

/// Two attributes, whose order DER fixes.
fn two_attributes(draft: &Draft<CertificateRequest>) -> Draft<CertificateRequest> {
    changed(draft, |info| {
        let attribute = |oid: &str| Attribute {
            oid: ObjectIdentifier::new_unwrap(oid),
            values: SetOfVec::try_from(vec![Any::null()]).unwrap(),
        };
        info.attributes = SetOfVec::try_from(vec![attribute("1.2.3"), attribute("1.2.4")]).unwrap();
    })
}

#[test]
fn every_rule_rejects() {
    assert_eq!(accepted(), rejected());
}

#[test]
fn what_is_finished_is_what_was_signed() {
    let mut token = Throwaway::default();
    let name: Name = "fulcio-2026".parse().unwrap();
    let public = token.generate(&name, Algorithm::EcdsaP384).unwrap().public;
    let plan = example();
    let planned = Csr {
        profile: At::absent(Profile::CodeSigning),
        key: At::absent(name.clone()),
        cross_signs: None,
        subject: plan.certificates[&name].subject.clone(),
        policies: Vec::new(),
    };
    let asked = Asked {
        name: &name,
        planned: &planned,
        public: &public,
        cross: None,
        certificates: Vec::new(),
        rehearsal: true,
    };
    let linted = draft(&asked).unwrap().lint(&Rules::default()).unwrap();
    let signature = token.sign(&linted).unwrap();
    assert!(linted.clone().attach(Signature(vec![0; 70])).is_err());
    let signed = linted.attach(signature).unwrap().into_document();
    // Read as one that comes in, it proves possession of its key.
    let read = crate::pki::csr::read(signed.pem().as_bytes()).unwrap();
    assert_eq!(read.public, public);
    let other = Draft { bytes: vec![0x30, 0], ..draft(&asked).unwrap() };
    found(&signed.finished(&other), "FINISHED-SAME-BYTES");
}
