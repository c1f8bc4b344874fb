//! Rules for requests that go out: what one of our keys asks a CA that is not ours for. What is asked for is
//! what such a CA often grants, so that it is held to the profile as a certificate of ours is.

use der::oid::AssociatedOid;
use der::oid::db::rfc5912::ID_EXTENSION_REQ;
use der::{Decode, Encode};
use x509_cert::ext::pkix::{
    BasicConstraints, CertificatePolicies, ExtendedKeyUsage, KeyUsage, SubjectKeyIdentifier,
};
use x509_cert::ext::{Extension, Extensions};
use x509_cert::request::CertReqInfo;

use super::{Findings, Lintable, Rules, finished, key, rules};
use crate::pki::request::{CertificateRequest, Context};
use crate::pki::{Certificate, Draft, PublicKey, certificate, name, profile};
use crate::plan::Policy;

/// A request's draft as the rules see it.
pub struct Case {
    bytes: Vec<u8>,
    info: CertReqInfo,
    key: key::Case,
    signer: PublicKey,
    asked: Result<Extensions, String>,
    context: Context,
    policy: Policy,
}

impl Lintable for CertificateRequest {
    fn lint(draft: &Draft<Self>, rules: &Rules) -> Findings {
        let mut findings = Findings::default();
        match Case::read(draft.bytes.clone(), &draft.public, draft.context.clone(), rules.policy()) {
            Ok(case) => check(&case, &draft.object, rules, &mut findings),
            Err(error) => findings.check(rules, UNREADABLE, &draft.object, &error),
        }
        findings
    }

    fn finished(&self, draft: &Draft<Self>) -> Findings {
        finished::request(&draft.object, self.der(), &draft.bytes, &draft.public)
    }
}

/// Runs every rule for requests that go out, those for their keys included.
pub fn check(case: &Case, object: &str, rules: &Rules, findings: &mut Findings) {
    findings.check(rules, RULES, object, case);
    findings.check(rules, key::RULES, object, &case.key);
}

impl Case {
    /// Reads what shall be signed. `signer` is the key that signs.
    pub fn read(
        bytes: Vec<u8>,
        signer: &PublicKey,
        context: Context,
        policy: Policy,
    ) -> Result<Self, der::Error> {
        let info = CertReqInfo::from_der(&bytes)?;
        let key = key::Case::new(&info.public_key);
        Ok(Self { asked: asked(&info), bytes, info, key, signer: signer.clone(), context, policy })
    }
}

/// The extensions that are asked for, by the one attribute that asks for any.
fn asked(info: &CertReqInfo) -> Result<Extensions, String> {
    let all: Vec<_> = info.attributes.iter().collect();
    let values: Vec<_> = match all.as_slice() {
        [attribute] if attribute.oid == ID_EXTENSION_REQ => attribute.values.iter().collect(),
        list => return Err(format!("{} attributes, expected one extension request", list.len())),
    };
    match values.as_slice() {
        [value] => value.decode_as::<Extensions>().map_err(|error| error.to_string()),
        list => Err(format!("an extension request of {} values, expected one", list.len())),
    }
}

rules! {
    "The rule for requests that can't be judged.", UNREADABLE, der::Error;
    unreadable, "REQ-READABLE", Structural, "A request's bytes can be read back, and are of version 1.", "RFC 2986, 4.1";
}

rules! {
    "Every rule for requests that go out.", RULES, Case;
    der_strict, "REQ-DER", Structural, "The bytes are DER: read and written again, they are the same.", "RFC 2986, 4; X.690, 10";
    own_key, "REQ-KEY", Structural, "The request asks for the key that signs it.", "RFC 2986, 3: that is the proof of possession";
    subject, "REQ-SUBJECT-PLANNED", Structural, "The subject is the plan's.", "the plan";
    attributes, "REQ-ATTRIBUTES", Structural, "There is one attribute, an extension request with one value.", "RFC 2985, 5.4.2";
    extensions, "REQ-EXTENSIONS", Error, "It asks for the extensions of its profile that go with subject and key, and the plan's policies: all of them, each with the profile's value and criticality, and for nothing else.", "CSBR 7.1.2; a large CA's cross-sign of May 2026 that lacked a purpose";
    key_algorithm, "REQ-KEY-ALGORITHM", Error, "The key's algorithm is one that the profiles of certificate and policy allow and stock clients take.", "CSBR 6.1.5; Microsoft's programme, 3.B; sigstore's clients";
    cross_same, "REQ-CROSS-SAME", Structural, "A request to be cross-signed has the subject and the key of the certificate that shall be repeated, byte for byte.", "RFC 5280, 3.2; RFC 4158, 1.5";
    cross_mirrors, "REQ-CROSS-MIRRORS", Error, "A request to be cross-signed asks for the key identifier, constraints, usages and policies of the certificate that shall be repeated; for a root, for those of an intermediate.", "RFC 5280, 4.2.1.2; a large CA's cross-sign of May 2026 that lacked a purpose";
    one_subject, "REQ-ONE-SUBJECT-PER-KEY", Error, "No certificate of the key has another subject.", "Microsoft's programme, 3.A.7; sigstore's clients";
    root_key, "REQ-ROOT-KEY", Error, "A root's key signs no request: it signs certificates and CRLs, and nothing else.", "CSBR 6.1.7; practice";
}

fn unreadable(error: &der::Error) -> Option<String> {
    Some(error.to_string())
}

fn der_strict(case: &Case) -> Option<String> {
    (case.info.to_der().ok().as_ref() != Some(&case.bytes))
        .then(|| "the bytes change when they are read and written again".into())
}

fn own_key(case: &Case) -> Option<String> {
    (case.key.public() != Some(&case.signer))
        .then(|| "it asks for another key than the one that signs".into())
}

fn subject(case: &Case) -> Option<String> {
    let (found, expected) = (&case.info.subject, &case.context.subject);
    (found.to_der().ok() != expected.to_der().ok())
        .then(|| format!("the subject is {}, expected {}", name::readable(found), name::readable(expected)))
}

fn attributes(case: &Case) -> Option<String> {
    case.asked.as_ref().err().cloned()
}

fn extensions(case: &Case) -> Option<String> {
    let asked = case.asked.as_ref().ok()?;
    let mut expected =
        profile::of_key(case.context.profile, certificate::key_identifier(&case.signer)).ok()?;
    expected.extend(profile::policies(&case.context.policies).ok()?);
    let same = |one: &Extension, other: &Extension| one == other;
    let missing = expected.iter().find(|wanted| !asked.iter().any(|found| same(found, wanted)));
    let more = asked.iter().find(|found| !expected.iter().any(|wanted| same(found, wanted)));
    match (missing, more) {
        (None, None) if asked.len() == expected.len() => None,
        (None, None) => Some("an extension is asked for twice".into()),
        (Some(missing), _) => Some(format!("it does not ask for {}, as the profile has it", missing.extn_id)),
        (None, Some(more)) => Some(format!("it asks for {}, which the profile does not have", more.extn_id)),
    }
}

fn key_algorithm(case: &Case) -> Option<String> {
    let (found, allowed) = (case.signer.algorithm(), case.policy.algorithms(case.context.profile));
    (!allowed.contains(&found)).then(|| {
        let names: Vec<&str> = allowed.iter().map(|algorithm| algorithm.as_str()).collect();
        format!("the key is {found}, and profile {} takes {}", case.context.profile, names.join(", "))
    })
}

fn is_root(certificate: &Certificate) -> bool {
    certificate.tbs().issuer() == certificate.tbs().subject()
}

fn cross_same(case: &Case) -> Option<String> {
    let cross = case.context.cross.as_ref()?.tbs();
    let what = if cross.subject() != &case.info.subject {
        "subject"
    } else if cross.subject_public_key_info() != &case.info.public_key {
        "key"
    } else {
        return None;
    };
    Some(format!("the {what} is not that of {}, which shall be repeated", name::readable(cross.subject())))
}

fn cross_mirrors(case: &Case) -> Option<String> {
    let cross = case.context.cross.as_ref()?;
    let asked = case.asked.as_ref().ok()?;
    let theirs = cross.tbs().extensions().map(Vec::as_slice).unwrap_or_default();
    let of = |list: &[Extension], oid| {
        let found = list.iter().find(|found| found.extn_id == oid);
        found.map(|found| (found.critical, found.extn_value.as_bytes().to_vec()))
    };
    let mut kinds = vec![SubjectKeyIdentifier::OID, KeyUsage::OID];
    // Below another CA a root is an intermediate, with purposes and policies.
    if !is_root(cross) {
        kinds.extend([BasicConstraints::OID, ExtendedKeyUsage::OID, CertificatePolicies::OID]);
    }
    let differs = kinds.into_iter().find(|oid| of(asked, *oid) != of(theirs, *oid))?;
    Some(format!("the extension {differs} is not that of the certificate that shall be repeated"))
}

fn one_subject(case: &Case) -> Option<String> {
    let other = case.context.own.iter().find(|own| own.tbs().subject() != &case.info.subject)?;
    Some(format!("the key is that of {} already", name::readable(other.tbs().subject())))
}

fn root_key(case: &Case) -> Option<String> {
    let root = case.context.own.iter().find(|own| is_root(own))?;
    Some(format!("the key is that of the root {}", name::readable(root.tbs().subject())))
}

#[cfg(test)]
pub(crate) mod tests;
