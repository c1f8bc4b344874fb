//! Rules for a key's second certificate, and above all for a cross-certificate: the subject and key of one
//! certificate under another issuer.

use der::asn1::ObjectIdentifier;
use der::oid::AssociatedOid;
use der::{Encode, Result};
use x509_cert::ext::pkix::{
    BasicConstraints, CertificatePolicies, ExtendedKeyUsage, KeyUsage, SubjectKeyIdentifier,
};

use super::chain::{same_key, same_subject};
use super::{Case, Extensions};
use crate::pki::{Certificate, name};
use crate::plan::Profile;

/// The extensions that belong to subject and key, whoever issues: their values in DER.
fn belonging(of: &Extensions) -> [(ObjectIdentifier, Option<Result<Vec<u8>>>); 5] {
    [
        (SubjectKeyIdentifier::OID, of.subject_key.as_ref().map(|found| found.value.to_der())),
        (KeyUsage::OID, of.key_usage.as_ref().map(|found| found.value.to_der())),
        (BasicConstraints::OID, of.basic_constraints.as_ref().map(|found| found.value.to_der())),
        (ExtendedKeyUsage::OID, of.purposes.as_ref().map(|found| found.value.to_der())),
        (CertificatePolicies::OID, of.policies.as_ref().map(|found| found.value.to_der())),
    ]
}

pub(super) fn mirrors(case: &Case) -> Option<String> {
    case.context.others.iter().filter(|other| same_key(case, other)).find_map(|other| differs(case, other))
}

fn differs(case: &Case, other: &Certificate) -> Option<String> {
    let theirs = Extensions::of(other.tbs());
    // A root that another one cross-signs becomes an intermediate there, with purposes and policies.
    let is_root = other.tbs().issuer() == other.tbs().subject();
    let crossed = case.context.issuer.is_none() != is_root;
    let cross = case.context.cross.as_ref().is_some_and(|cross| cross.der() == other.der());
    let mine = belonging(&case.extensions).into_iter().zip(belonging(&theirs));
    let what = mine.into_iter().find_map(|((oid, own), (_, theirs))| {
        let compared = match oid {
            BasicConstraints::OID | ExtendedKeyUsage::OID => !crossed,
            // Of two certificates under one issuer, the later one may follow another policy.
            CertificatePolicies::OID => cross && !crossed,
            _ => true,
        };
        (compared && own != theirs).then_some(oid)
    })?;
    Some(format!(
        "the extension {what} is not that of the key's other certificate, which {} issued",
        name::readable(other.tbs().issuer())
    ))
}

pub(super) fn same(case: &Case) -> Option<String> {
    let cross = case.context.cross.as_ref()?;
    let what = match (same_subject(case, cross), same_key(case, cross)) {
        (true, true) if (case.context.profile == Profile::CrossRoot) == is_root(cross) => return None,
        (true, true) => "profile, for one of the two is a root's,",
        (false, _) => "subject",
        (true, false) => "key",
    };
    Some(format!("the {what} is not that of {}, which it cross-signs", name::readable(cross.tbs().subject())))
}

fn is_root(certificate: &Certificate) -> bool {
    certificate.tbs().issuer() == certificate.tbs().subject()
}

pub(super) fn other_issuer(case: &Case) -> Option<String> {
    let cross = case.context.cross.as_ref()?;
    (cross.tbs().issuer() == case.tbs.issuer())
        .then(|| format!("{} issued both", name::readable(case.tbs.issuer())))
}

pub(super) fn life(case: &Case) -> Option<String> {
    let cross = case.context.cross.as_ref()?.tbs().validity().not_after;
    let own = case.tbs.validity().not_after;
    (own.to_unix_duration() > cross.to_unix_duration())
        .then(|| format!("it ends at {own}, and what it cross-signs at {cross}"))
}
