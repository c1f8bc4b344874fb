//! Every rule accepts a request that only proves possession, and rejects one thing that is wrong in it.

use rcgen::{CertificateParams, CustomExtension, DnType, KeyPair, PublicKeyData, SigningKey};

use super::*;
use crate::lint::tests::{Ids, found, ids};
use crate::plan::tests::example;
use crate::plan::{Policy, Profile};

fn name() -> Name {
    "partner".parse().unwrap()
}

fn fulcio() -> Name {
    "fulcio-2026".parse().unwrap()
}

/// The example, with the code-signing intermediate's key brought by a request.
fn plan() -> Plan {
    let mut plan = example();
    let csr = crate::plan::At::absent("inputs/partner.csr".into());
    plan.keys.insert(name(), crate::plan::Key::Csr { csr, fingerprint: None });
    *plan.certificates[&fulcio()].key.value_mut() = name();
    plan
}

/// A request that names nobody and asks for some extensions.
fn request(pair: &KeyPair, extensions: Vec<CustomExtension>) -> Vec<u8> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.custom_extensions = extensions;
    params.serialize_request(pair).unwrap().der().to_vec()
}

fn extension(oid: &[u64], value: &impl Encode, critical: bool) -> CustomExtension {
    let mut extension = CustomExtension::from_oid_content(oid, value.to_der().unwrap());
    extension.set_criticality(critical);
    extension
}

const KEY_USAGE: [u64; 4] = [2, 5, 29, 15];
const BASIC_CONSTRAINTS: [u64; 4] = [2, 5, 29, 19];

/// The request changed and signed again.
fn change(pair: &KeyPair, change: impl Fn(&mut CertReq)) -> Vec<u8> {
    let mut request = CertReq::from_der(&request(pair, Vec::new())).unwrap();
    change(&mut request);
    let signature = pair.sign(&request.info.to_der().unwrap()).unwrap();
    request.signature = der::asn1::BitString::from_bytes(&signature).unwrap();
    request.to_der().unwrap()
}

fn findings(bytes: &[u8]) -> Findings {
    match lint(&name(), bytes, &plan(), &Rules::default()) {
        Ok((verified, findings)) => {
            assert!(!verified.der.is_empty());
            findings
        }
        Err(findings) => findings,
    }
}

pub(crate) fn accepted() -> Ids {
    let pair = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    let profile = Profile::CodeSigning;
    let given = vec![
        extension(&KEY_USAGE, &KeyUsage(profile.key_usage()), true),
        extension(&BASIC_CONSTRAINTS, &profile.basic_constraints(), true),
    ];
    let subject = change(&pair, |request| {
        request.info.subject = name::encode(&plan().certificates[&fulcio()].subject, false).unwrap();
    });
    let der = request(&pair, Vec::new());
    let pem = crate::pki::key::pem("CERTIFICATE REQUEST", &der).into_bytes();
    for bytes in [der, pem, request(&pair, given), subject] {
        assert_eq!(findings(&bytes), Findings::default());
    }
    let verified = lint(&name(), &request(&pair, Vec::new()), &plan(), &Rules::default()).unwrap().0;
    assert_eq!(verified.public.spki(), pair.subject_public_key_info());
    ids(UNREADABLE, Policy::Sigstore).into_iter().chain(ids(RULES, Policy::Sigstore)).collect()
}

pub(crate) fn rejected() -> Ids {
    let pair = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    let other = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    let more = |extensions| request(&pair, extensions);
    let leaf = KeyUsage(Profile::TimestampSigner.key_usage());
    let constraints = crate::plan::Profile::Root.basic_constraints();
    let challenge = der::asn1::ObjectIdentifier::new("1.2.840.113549.1.9.7").unwrap();
    let mut foreign = request(&pair, Vec::new());
    let with_key = change(&pair, |request| {
        request.info.public_key =
            x509_cert::spki::SubjectPublicKeyInfoOwned::from_der(&other.subject_public_key_info()).unwrap();
    });
    let named = {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::OrganizationName, "Somebody Else");
        params.serialize_request(&pair).unwrap().der().to_vec()
    };
    let last = foreign.len() - 1;
    foreign[last] ^= 1;
    // The outer length in its long form, where the short one would do, is BER.
    let ber = change(&pair, |_| {});
    let ber = {
        let body = der::Any::from_der(&ber).unwrap().value().to_vec();
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        [&[0x30, 0x83, 0][..], &length, &body].concat()
    };
    [
        ("CSR-READABLE", b"nothing".to_vec()),
        ("CSR-READABLE", ber),
        ("CSR-DER", {
            // Two attributes in the order that DER does not have.
            let two = change(&pair, |request| {
                let null = || der::asn1::SetOfVec::try_from(vec![der::Any::from(der::asn1::AnyRef::NULL)]);
                let attribute = |oid: &str| x509_cert::attr::Attribute {
                    oid: der::asn1::ObjectIdentifier::new_unwrap(oid),
                    values: null().unwrap(),
                };
                let both = vec![attribute("1.2.3"), attribute("1.2.4")];
                request.info.attributes = der::asn1::SetOfVec::try_from(both).unwrap();
            });
            let at = |last: u8| two.windows(4).position(|found| found == [6, 2, 0x2a, last]).unwrap() + 3;
            let (first, second) = (at(3), at(4));
            let mut two = two;
            two.swap(first, second);
            two
        }),
        ("CSR-READABLE", {
            let der = change(&pair, |_| {});
            let at = der.windows(3).position(|window| window == [2, 1, 0]).unwrap();
            let mut der = der;
            der[at + 2] = 1;
            der
        }),
        (
            "CSR-SIGNATURE-ALGORITHM",
            change(&pair, |request| {
                request.algorithm = crate::pki::Algorithm::EcdsaP256.signature_identifier()
            }),
        ),
        ("CSR-POSSESSION", with_key),
        (
            "CSR-ATTRIBUTES",
            change(&pair, |request| {
                let value = der::Any::from(der::asn1::AnyRef::NULL);
                let values = der::asn1::SetOfVec::try_from(vec![value]).unwrap();
                let attribute = x509_cert::attr::Attribute { oid: challenge, values };
                request.info.attributes = der::asn1::SetOfVec::try_from(vec![attribute]).unwrap();
            }),
        ),
        ("CSR-EXTENSIONS", more(vec![extension(&KEY_USAGE, &leaf, true)])),
        ("CSR-EXTENSIONS", more(vec![extension(&BASIC_CONSTRAINTS, &constraints, true)])),
        ("CSR-EXTENSIONS", more(vec![extension(&[1, 2, 3, 4], &leaf, false)])),
        ("CSR-SUBJECT", named),
    ]
    .into_iter()
    .map(|(id, bytes)| found(&findings(&bytes), id))
    .chain([another_key()])
    .collect()
}

/// A request for another key than the plan's, and one for that very key.
fn another_key() -> &'static str {
    let pair = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    let with = |fingerprint: String| {
        let mut plan = plan();
        let fingerprint = crate::plan::crl::Sha256::try_from(fingerprint).unwrap();
        let csr = crate::plan::At::absent("inputs/partner.csr".into());
        let fingerprint = Some(crate::plan::At::absent(fingerprint));
        plan.keys.insert(name(), crate::plan::Key::Csr { csr, fingerprint });
        lint(&name(), &request(&pair, Vec::new()), &plan, &Rules::default())
    };
    let own = crate::pki::sha256_hex(&pair.subject_public_key_info());
    assert!(with(own).is_ok());
    found(&with("00".repeat(32)).unwrap_err(), "CSR-KEY-PLANNED")
}

#[test]
fn every_rule_rejects() {
    assert_eq!(accepted(), rejected());
}
