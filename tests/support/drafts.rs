//! Certificates as the rules see them before they are signed.

use std::path::Path;

use der::Encode;
use rootwright::archive::{Event, Journal};
use rootwright::lint::{Findings, Lintable, Rules};
use rootwright::pki::certificate::Context;
use rootwright::pki::{Certificate, Draft, PublicKey, name};
use rootwright::plan::{Oid, Profile, Subject, Url, Validity};
use rootwright::site::Purpose;
use rootwright::verify::signature::signed_part;
use x509_cert::name::Name as X509Name;

/// What a plan asks of a certificate.
pub struct Asked {
    pub profile: Profile,
    pub subject: X509Name,
    pub validity: Validity,
    pub policies: Vec<Oid>,
    pub crl_urls: Vec<Url>,
    pub issuer_urls: Vec<Url>,
}

/// A certificate's draft under its issuer (none: itself); none where the issuer's key is not one of ours.
pub fn draft(
    certificate: &Certificate,
    issuer: Option<&Certificate>,
    asked: Asked,
) -> Option<Draft<Certificate>> {
    let above = issuer.unwrap_or(certificate);
    let key = PublicKey::from_spki(&above.tbs().subject_public_key_info().to_der().unwrap()).ok()?;
    Some(Draft {
        object: certificate.tbs().subject().to_string(),
        bytes: signed_part(certificate.der()).unwrap().to_vec(),
        key: "issuer".parse().unwrap(),
        public: key.clone(),
        context: Context {
            profile: asked.profile,
            issuer: issuer.cloned(),
            issuer_key: key,
            subject: asked.subject,
            validity: asked.validity,
            policies: asked.policies,
            crl_urls: asked.crl_urls,
            issuer_urls: asked.issuer_urls,
            cross: None,
            others: Vec::new(),
        },
    })
}

/// What the rules find in a draft.
pub fn lint(draft: &Draft<Certificate>) -> Findings {
    Certificate::lint(draft, &Rules::default())
}

/// A certificate of an archive, and the draft that it was.
pub struct Made {
    pub name: String,
    pub der: Vec<u8>,
    pub draft: Draft<Certificate>,
}

/// Every certificate of an archive, issuers before what they issued.
pub fn made(archive: &Path) -> Vec<Made> {
    let journal = Journal::parse(&std::fs::read(archive.join("journal.jsonl")).unwrap()).unwrap();
    let (mut made, mut rehearsal): (Vec<Made>, bool) = (Vec::new(), false);
    for record in &journal.records {
        match &record.event {
            Event::CeremonyStarted { purpose, .. } => rehearsal = *purpose == Purpose::Rehearsal,
            Event::CertificateSigned { certificate, spec, issuer, der, .. } => {
                let der = data_encoding::BASE64.decode(der.as_bytes()).unwrap();
                let parsed = Certificate::from_der(&der).unwrap();
                let issuer = issuer.as_ref().map(|issuer| {
                    let found = made.iter().find(|made| made.name == issuer.as_str()).unwrap();
                    Certificate::from_der(&found.der).unwrap()
                });
                let field = |field: &str| spec[field].clone();
                let list = |field: &str| spec.get(field).cloned().unwrap_or_else(|| serde_json::json!([]));
                let subject: Subject = serde_json::from_value(field("subject")).unwrap();
                let asked = Asked {
                    profile: serde_json::from_value(field("profile")).unwrap(),
                    subject: name::encode(&subject, rehearsal).unwrap(),
                    validity: serde_json::from_value(field("validity")).unwrap(),
                    policies: serde_json::from_value(list("policies")).unwrap(),
                    crl_urls: serde_json::from_value(list("crl-urls")).unwrap(),
                    issuer_urls: serde_json::from_value(list("issuer-urls")).unwrap(),
                };
                let draft = draft(&parsed, issuer.as_ref(), asked).unwrap();
                assert_eq!(lint(&draft), Findings::default(), "{certificate}");
                made.push(Made { name: certificate.to_string(), der, draft });
            }
            _ => {}
        }
    }
    made
}
