//! Drafts of certificates that break no rule, as the tests of several rooms use them.

use std::sync::LazyLock;

use der::asn1::{Any, BitString, OctetString};
use der::{Decode, Encode};
use sha2::Digest;
use x509_cert::certificate::TbsCertificate;
use x509_cert::ext::pkix::SubjectKeyIdentifier;

use super::change::{replace, swap};
use crate::lint::tests::nothing;
use crate::lint::{Findings, Lintable, Linted, Rules};
use crate::pki::certificate::{Request, draft};
use crate::pki::{Certificate, Draft};
use crate::plan::{Name, Plan, Policy, Profile, tests::example};
use crate::token::Token;
use crate::token::throwaway::Throwaway;

/// A serial number as a random source could give it.
pub(crate) fn serial(last: u8) -> [u8; 20] {
    let mut octets: [u8; 20] = std::array::from_fn(|n| u8::try_from(n * 12 + 7).unwrap());
    octets[19] = last;
    crate::pki::certificate::serial(octets)
}

/// The drafts of the example's root, code-signing intermediate, TSA intermediate and signer.
pub(crate) fn drafts() -> Vec<Draft<Certificate>> {
    static DRAFTS: LazyLock<Vec<Draft<Certificate>>> =
        LazyLock::new(|| drafts_of(&example(), &Rules::default()));
    DRAFTS.clone()
}

/// The drafts of a plan's certificates, each of which breaks no rule.
pub(crate) fn drafts_of(plan: &Plan, rules: &Rules) -> Vec<Draft<Certificate>> {
    let mut token = Throwaway::default();
    let mut issued: Vec<(Name, Certificate)> = Vec::new();
    let mut drafts = Vec::new();
    for (n, (name, planned)) in plan.certificates.iter().enumerate() {
        let Some(crate::plan::Key::Device { algorithm, .. }) = plan.keys.get(&*planned.key) else { panic!() };
        let public = match token.find(&planned.key).unwrap() {
            Some(found) => found.public,
            None => token.generate(&planned.key, **algorithm).unwrap().public,
        };
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
            cross: planned.cross_signs.as_ref().map(|cross| {
                issued.iter().find(|(name, _)| *name == **cross).map(|(_, certificate)| certificate).unwrap()
            }),
            signer: (signer, &signer_public),
            serial: serial(u8::try_from(n).unwrap()),
            rehearsal: false,
        };
        let draft = draft(&request).unwrap().beside(issued.iter().map(|(_, certificate)| certificate));
        drafts.push(draft.clone());
        nothing(&Certificate::lint(&draft, rules), &draft.object);
        let linted = draft.lint(rules).unwrap();
        let signature = token.sign(&linted).unwrap();
        issued.push((name.clone(), linted.attach(signature).unwrap().into_document()));
    }
    drafts
}

/// A draft, signed by a key of its own making; and that key.
pub(crate) fn signed(draft: &Draft<Certificate>) -> (Certificate, crate::pki::PublicKey) {
    let mut token = Throwaway::default();
    let public = token.generate(&draft.key, draft.public.algorithm()).unwrap().public;
    let mut draft = draft.clone();
    draft.public = public.clone();
    let digest = draft.public.algorithm().hash().digest(&draft.bytes);
    let linted = Linted { draft, digest, findings: Findings::default() };
    let signature = token.sign(&linted).unwrap();
    (linted.attach(signature).unwrap().into_document(), public)
}

/// A draft under another serial number, as if it had been signed.
pub(crate) fn with_serial(draft: &Draft<Certificate>, last: u8) -> Certificate {
    let tbs = TbsCertificate::from_der(&draft.bytes).unwrap();
    let mut number = vec![2, 20];
    number.extend_from_slice(&serial(last));
    certificate(&replace(draft, &tbs.serial_number().to_der().unwrap(), &number))
}

/// The example with what code-signing programmes ask for, under a profile of policy.
pub(crate) fn for_programme(policy: Policy, algorithm: &str) -> Vec<Draft<Certificate>> {
    let text = include_str!("../../../../ceremony/sigstore.toml").replace("ecdsa-p384", algorithm).replace(
        "tsa-signer-2026 = { device = \"issuing-hsm\", algorithm = \"ecdsa-p256\" }",
        &format!(
            "tsa-signer-2026 = {{ device = \"issuing-hsm\", algorithm = \"{}\" }}",
            if policy == Policy::Microsoft { "rsa-3072" } else { "ecdsa-p256" }
        ),
    );
    let mut plan = Plan::parse(&crate::plan::Source::new("plan.toml", text)).unwrap();
    for (profile, policy) in [
        (Profile::CodeSigning, "2.23.140.1.4.1"),
        (Profile::Timestamping, "2.23.140.1.4.2"),
        (Profile::TimestampSigner, "1.3.6.1.4.1.57264.2"),
    ] {
        let of = |certificate: &&mut crate::plan::Certificate| *certificate.profile == profile;
        let found = plan.certificates.values_mut().find(of).unwrap();
        found.policies = vec![policy.to_string().try_into().unwrap()];
        found.crl_urls = vec!["http://pki.example.org/issuer.crl".to_string().try_into().unwrap()];
        found.issuer_urls = vec!["http://pki.example.org/issuer.cer".to_string().try_into().unwrap()];
    }
    drafts_of(&plan, &Rules::of_policy(policy))
}

/// The example with its code-signing intermediate cross-signed by a second root, and both roots by each other.
pub(crate) fn cross_signed() -> Vec<Draft<Certificate>> {
    let mut plan = example();
    let certificate = |name: &str| plan.certificates[&name.parse::<Name>().unwrap()].clone();
    let (mut second, mut cross) = (certificate("root"), certificate("fulcio-2026"));
    let name = |text: &str| text.parse::<Name>().unwrap();
    second.subject.common_name = "Example Sigstore Root 2".into();
    *second.key.value_mut() = name("rekor-2026");
    *cross.issuer.as_mut().unwrap().value_mut() = name("root-2");
    cross.cross_signs = Some(crate::plan::At::absent(name("fulcio-2026")));
    let key = plan.keys[&name("root")].clone();
    plan.keys.insert(name("rekor-2026"), key);
    // The first root under the second, and the second under the first.
    let under = |root: &crate::plan::Certificate, of: &str, issuer: &str| {
        let mut cross = root.clone();
        *cross.profile.value_mut() = Profile::CrossRoot;
        cross.issuer = Some(crate::plan::At::absent(name(issuer)));
        cross.cross_signs = Some(crate::plan::At::absent(name(of)));
        cross
    };
    let both = [
        ("root-by-root-2", under(&certificate("root"), "root", "root-2")),
        ("root-2-by-root", under(&second, "root-2", "root")),
    ];
    plan.certificates.insert(name("root-2"), second);
    plan.certificates.insert(name("fulcio-2026-2"), cross);
    plan.certificates.extend(both.map(|(cross, planned)| (name(cross), planned)));
    drafts_of(&plan, &Rules::default())
}

/// The code-signing intermediate with an ML-DSA key.
pub(crate) fn ml_dsa(draft: &Draft<Certificate>) -> Draft<Certificate> {
    let spki = super::super::key::tests::ml_dsa(1, 1952);
    let tbs = TbsCertificate::from_der(&draft.bytes).unwrap();
    let own = tbs.subject_public_key_info().to_der().unwrap();
    let changed = replace(draft, &own, &spki.to_der().unwrap());
    let identifier = sha2::Sha256::digest(spki.subject_public_key.raw_bytes());
    swap(&changed, false, &SubjectKeyIdentifier(OctetString::new(&identifier[..20]).unwrap()))
}

/// A draft as if it had been signed, for use as an issuer.
pub(crate) fn certificate(draft: &Draft<Certificate>) -> Certificate {
    let mut body = draft.bytes.clone();
    draft.public.algorithm().signature_identifier().encode_to_vec(&mut body).unwrap();
    BitString::from_bytes(&[0; 8]).unwrap().encode_to_vec(&mut body).unwrap();
    Certificate::from_der(&Any::new(der::Tag::Sequence, body).unwrap().to_der().unwrap()).unwrap()
}
