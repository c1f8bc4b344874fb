//! Paths that `verify` builds, where CAs certify each other in circles.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rootwright::verify::parsed::Parsed;
use rootwright::verify::path::{self, Question};

/// A CA, or one that shall be certified, by its name and key.
struct Party {
    params: CertificateParams,
    key: KeyPair,
}

impl Party {
    fn new(name: &str, is_ca: IsCa) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.key_usages = match is_ca {
            IsCa::Ca(_) => vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign],
            _ => vec![KeyUsagePurpose::DigitalSignature],
        };
        params.is_ca = is_ca;
        params.use_authority_key_identifier_extension = true;
        Self { params, key: KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap() }
    }

    fn ca(name: &str) -> Self {
        Self::new(name, IsCa::Ca(BasicConstraints::Unconstrained))
    }

    fn root(&self) -> Vec<u8> {
        self.params.self_signed(&self.key).unwrap().der().to_vec()
    }

    fn under(&self, issuer: &Self) -> Vec<u8> {
        let above = Issuer::from_params(&issuer.params, &issuer.key);
        self.params.signed_by(&self.key, &above).unwrap().der().to_vec()
    }
}

/// The names of a path from `end` to `anchor`.
fn built(
    end: &[u8],
    others: &[Vec<u8>],
    anchor: &[u8],
    question: &Question<'_>,
) -> Result<Vec<String>, String> {
    let (end, anchor) = (Parsed::read(end).unwrap(), Parsed::read(anchor).unwrap());
    let others: Vec<Parsed<'_>> = others.iter().map(|der| Parsed::read(der).unwrap()).collect();
    let others: Vec<&Parsed<'_>> = others.iter().collect();
    let path = path::build(&end, &others, &[&anchor], question)?;
    Ok(path.iter().map(|found| found.x509.subject().to_string()).collect())
}

/// CAs of which each certifies all the others.
fn mesh(count: usize) -> (Vec<Party>, Vec<Vec<u8>>) {
    let parties: Vec<Party> = (0..count).map(|n| Party::ca(&format!("CA {n}"))).collect();
    let mut certificates = Vec::new();
    for own in &parties {
        for issuer in &parties {
            if !std::ptr::eq(own, issuer) {
                certificates.push(own.under(issuer));
            }
        }
    }
    (parties, certificates)
}

#[test]
fn circles_of_cas_are_left_by_the_way_that_leads_to_a_root() {
    let (parties, mut certificates) = mesh(4);
    let root = Party::ca("Root");
    let end = Party::new("End", IsCa::ExplicitNoCa).under(&parties[0]);
    let question = Question::default();
    assert!(built(&end, &certificates, &root.root(), &question).is_err(), "no one is below the root yet");
    certificates.push(parties[3].under(&root));
    let path = built(&end, &certificates, &root.root(), &question).unwrap();
    assert_eq!(path.first().map(String::as_str), Some("CN=End"));
    assert_eq!(path[path.len() - 2..], ["CN=CA 3", "CN=Root"]);
}

#[test]
fn a_search_without_an_end_is_given_up() {
    // 12 CAs: some 40 million ways of up to eight of them, none of which leads to the root.
    let (parties, certificates) = mesh(12);
    let end = Party::new("End", IsCa::ExplicitNoCa).under(&parties[0]);
    let question = Question { longest: usize::MAX, ..Question::default() };
    let error = built(&end, &certificates, &Party::ca("Root").root(), &question).unwrap_err();
    assert!(error.contains("too many ways up"), "{error}");
}

#[test]
fn every_step_of_a_path_is_held_to_its_rule() {
    let (root, inter) = (Party::ca("Root"), Party::ca("CA"));
    let end = Party::new("End", IsCa::ExplicitNoCa);
    let refused = |end: Vec<u8>, above: &[Vec<u8>], anchor: Vec<u8>, question: &Question<'_>, words: &str| {
        let error = built(&end, above, &anchor, question).expect_err(words);
        assert!(error.contains(words), "{words}: {error}");
    };
    let plain = Question::default();
    let good = [inter.under(&root)];
    assert_eq!(built(&end.under(&inter), &good, &root.root(), &plain).unwrap().len(), 3);
    // Of the same name, with another key.
    let other = Party::ca("Root");
    refused(end.under(&inter), &good, other.root(), &plain, "is not that of `CN=Root`");
    let mut thief = Party::ca("Root");
    thief.params.key_identifier_method = rcgen::KeyIdMethod::PreSpecified(identifier(&root.root()));
    refused(end.under(&inter), &good, thief.root(), &plain, "does not verify");
    // No CA, and a CA that may not sign.
    let leaf = Party::new("Leaf", IsCa::ExplicitNoCa);
    refused(end.under(&leaf), &[leaf.under(&root)], root.root(), &plain, "is no CA");
    let mut mute = Party::ca("Mute");
    mute.params.key_usages = vec![KeyUsagePurpose::CrlSign];
    refused(end.under(&mute), &[mute.under(&root)], root.root(), &plain, "may not sign certificates");
    // Lengths: what counts is what stands below, the end only where it shall issue.
    let short = Party::new("Short", IsCa::Ca(BasicConstraints::Constrained(0)));
    let below = inter.under(&short);
    let path = built(&below, &[short.under(&root)], &root.root(), &plain).unwrap();
    assert_eq!(path.len(), 3, "a CA at the end is no step");
    let issues = Question { end_issues: true, ..plain };
    refused(below.clone(), &[short.under(&root)], root.root(), &issues, "whose path length is 0");
    refused(end.under(&inter), &[below, short.under(&root)], root.root(), &plain, "whose path length is 0");
    let none = Question { longest: 0, ..plain };
    refused(end.under(&inter), &good, root.root(), &none, "more than 0 CAs");
    // Purposes.
    let mut signing = Party::ca("Signing");
    signing.params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
    let mut timestamps = Party::new("End", IsCa::ExplicitNoCa);
    timestamps.params.extended_key_usages = vec![ExtendedKeyUsagePurpose::TimeStamping];
    let above = [signing.under(&root)];
    refused(
        timestamps.under(&signing),
        &above,
        root.root(),
        &plain,
        "it is for timeStamping, which its issuer",
    );
    let purpose = Question { purpose: Some("codeSigning"), ..plain };
    refused(timestamps.under(&inter), &good, root.root(), &purpose, "is not for codeSigning");
    // Time.
    let late = Question { at: Some(i64::MAX), ..plain };
    refused(end.under(&inter), &good, root.root(), &late, "is not valid at that moment");
    // A root with a purpose.
    let mut root = Party::ca("Root");
    root.params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
    refused(end.under(&root), &[], root.root(), &plain, "has an extended key usage");
}

/// The subject key identifier of a certificate.
fn identifier(der: &[u8]) -> Vec<u8> {
    Parsed::read(der).unwrap().subject_key_identifier().unwrap().to_vec()
}
