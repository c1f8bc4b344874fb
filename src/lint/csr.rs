//! Rules for certificate signing requests (PKCS#10, RFC 2986) of keys that live elsewhere.
//!
//! A request proves possession of its key, and that is all that is taken from it: name and extensions
//! are the plan's. One that asks for more than the plan gives shows that somebody expects another
//! certificate, and stops.

use der::asn1::ObjectIdentifier;
use der::oid::AssociatedOid;
use der::oid::db::rfc5912::ID_EXTENSION_REQ;
use der::{Decode, Encode};
use x509_cert::ext::Extensions;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectKeyIdentifier};
use x509_cert::request::CertReq;

use super::certificate::weak;
use super::{Findings, Rules, key, rules};
use crate::pki::csr::{BadRequest, VerifiedRequest, read, unwrap};
use crate::pki::{PublicKey, name};
use crate::plan::{Certificate, Key, Name, Plan};

/// A request as the rules see it.
pub struct Case {
    der: Vec<u8>,
    request: CertReq,
    key: key::Case,
    verified: Result<VerifiedRequest, BadRequest>,
    planned: Vec<Certificate>,
    /// The key that the plan says, by its fingerprint.
    fingerprint: Option<String>,
    asked: Result<Extensions, String>,
}

rules! {
    "The rule for requests that can't be judged.", UNREADABLE, str;
    unreadable, "CSR-READABLE", Structural, "The file is a PKCS#10 request of version 1, in PEM or DER.", "RFC 2986, 4.1; RFC 7468, 7";
}

rules! {
    "Every rule for requests.", RULES, Case;
    der_strict, "CSR-DER", Structural, "The request is DER: read and written again, it is the same.", "RFC 2986, 4; X.690, 10";
    algorithm, "CSR-SIGNATURE-ALGORITHM", Structural, "The signature algorithm is the one that goes with the request's key, and does not rest on MD2, MD5 or SHA-1.", "RFC 2986, 4.2; CSBR 7.1.3.2";
    possession, "CSR-POSSESSION", Structural, "The request is signed with the key that it asks for: whoever made it holds the key.", "RFC 2986, 3; CSBR 3.2.1";
    attributes, "CSR-ATTRIBUTES", Warning, "The request has no attribute but an extension request: others, such as a challenge password, are not looked at.", "RFC 2985, 5.4";
    extensions, "CSR-EXTENSIONS", Error, "The request asks for no extension that the plan's certificates of the key do not have, nor for another value.", "CSBR 7.1.2.4; practice: subject and key as planned, nothing more";
    subject, "CSR-SUBJECT", Error, "The request names nobody, or the plan's subject.", "RFC 2986, 4.1; practice: subject and key as planned";
    planned_key, "CSR-KEY-PLANNED", Structural, "The request is for the key whose fingerprint the plan has, where it has one.", "the plan; practice: subject and key as planned";
}

/// Judges a request for the key of that name, and verifies its proof of possession.
pub fn lint(
    key: &Name,
    bytes: &[u8],
    plan: &Plan,
    rules: &Rules,
) -> Result<(VerifiedRequest, Findings), Findings> {
    let object = format!("keys.{key}");
    let mut findings = Findings::default();
    let case = match Case::read(key, bytes, plan) {
        Ok(case) => case,
        Err(reason) => {
            findings.check(rules, UNREADABLE, &object, reason.as_str());
            return Err(findings);
        }
    };
    findings.check(rules, RULES, &object, &case);
    findings.check(rules, key::RULES, &object, &case.key);
    let mut findings = findings.stopping()?;
    case.verified.map(|verified| (verified, findings.clone())).map_err(|error| {
        // What no rule names is not taken either.
        findings.check(rules, UNREADABLE, &object, error.to_string().as_str());
        findings
    })
}

impl Case {
    /// Reads a request, PEM or DER, for the key of that name.
    fn read(key: &Name, bytes: &[u8], plan: &Plan) -> Result<Self, String> {
        let der = unwrap(bytes).map_err(|error| error.to_string())?;
        let request = CertReq::from_der(&der).map_err(|error| error.to_string())?;
        let planned = plan.certificates.values().filter(|certificate| *certificate.key == *key);
        Ok(Self {
            verified: read(bytes),
            key: key::Case::new(&request.info.public_key),
            planned: planned.cloned().collect(),
            fingerprint: match plan.keys.get(key) {
                Some(Key::Csr { fingerprint: Some(fingerprint), .. }) => {
                    Some(fingerprint.as_str().to_string())
                }
                _ => None,
            },
            asked: asked(&request),
            der,
            request,
        })
    }

    fn public(&self) -> Option<&PublicKey> {
        self.key.public()
    }
}

/// The extensions that a request asks for.
fn asked(request: &CertReq) -> Result<Extensions, String> {
    let mut asked = Extensions::new();
    for attribute in request.info.attributes.iter().filter(|attribute| attribute.oid == ID_EXTENSION_REQ) {
        for value in attribute.values.iter() {
            asked.extend(value.decode_as::<Extensions>().map_err(|error| error.to_string())?);
        }
    }
    Ok(asked)
}

fn unreadable(reason: &str) -> Option<String> {
    Some(reason.to_string())
}

fn der_strict(case: &Case) -> Option<String> {
    (case.request.to_der().ok().as_ref() != Some(&case.der))
        .then(|| "the bytes change when they are read and written again".into())
}

fn algorithm(case: &Case) -> Option<String> {
    let found = &case.request.algorithm;
    let expected = case.public().map(|key| key.algorithm().signature_identifier());
    let fine = expected.as_ref().is_none_or(|expected| expected == found) && !weak(found.oid);
    (!fine).then(|| format!("signed with {}", found.oid))
}

fn possession(case: &Case) -> Option<String> {
    match &case.verified {
        Err(error @ BadRequest::Possession(_)) => Some(error.to_string()),
        _ => None,
    }
}

fn attributes(case: &Case) -> Option<String> {
    let other = case.request.info.attributes.iter().find(|attribute| attribute.oid != ID_EXTENSION_REQ)?;
    Some(format!("the attribute {}", other.oid))
}

/// The value that the plan's certificate has of an extension, and its criticality.
fn given(planned: &Certificate, oid: ObjectIdentifier) -> Option<(bool, Option<Vec<u8>>)> {
    let profile = *planned.profile;
    match oid {
        BasicConstraints::OID => Some((true, profile.basic_constraints().to_der().ok())),
        KeyUsage::OID => Some((true, KeyUsage(profile.key_usage()).to_der().ok())),
        ExtendedKeyUsage::OID => {
            let (purposes, critical) = profile.extended_key_usage()?;
            Some((critical, ExtendedKeyUsage(purposes.to_vec()).to_der().ok()))
        }
        _ => None,
    }
}

fn extensions(case: &Case) -> Option<String> {
    let asked = match &case.asked {
        Ok(asked) => asked,
        Err(error) => return Some(format!("an extension request that can't be read: {error}")),
    };
    asked.iter().find_map(|extension| {
        // A key has one identifier, whoever works it out.
        let of_the_key = extension.extn_id == SubjectKeyIdentifier::OID && !extension.critical;
        let value = extension.extn_value.as_bytes();
        let gives = |planned: &Certificate| {
            // Requests leave criticality to the CA often: only one that the plan does not give is more.
            given(planned, extension.extn_id).is_some_and(|(critical, given)| {
                given.as_deref() == Some(value) && (critical || !extension.critical)
            })
        };
        let fine = of_the_key || !case.planned.is_empty() && case.planned.iter().all(gives);
        (!fine).then(|| match case.planned.as_slice() {
            [] => {
                format!("it asks for the extension {}, and the plan certifies no such key", extension.extn_id)
            }
            _ => format!(
                "it asks for the extension {}, or a value, that the plan does not give",
                extension.extn_id
            ),
        })
    })
}

fn subject(case: &Case) -> Option<String> {
    let found = &case.request.info.subject;
    let planned = |certificate: &Certificate| {
        [false, true].into_iter().any(|rehearsal| {
            name::encode(&certificate.subject, rehearsal).is_ok_and(|expected| expected == *found)
        })
    };
    let fine = found.iter_rdn().next().is_none() || case.planned.iter().any(planned);
    (!fine).then(|| format!("the request is for {}", name::readable(found)))
}

fn planned_key(case: &Case) -> Option<String> {
    let expected = case.fingerprint.as_ref()?;
    let found = case.public().map(PublicKey::fingerprint).unwrap_or_default();
    (found != *expected).then(|| format!("the key has SHA-256 {found}, the plan says {expected}"))
}

#[cfg(test)]
pub(crate) mod tests;
