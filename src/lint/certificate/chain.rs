//! Rules for a certificate among the others: its issuer's, and those of the same key or subject.

use der::Encode;
use x509_cert::ext::pkix::KeyUsages;

use super::Case;
use crate::pki::{Algorithm, Certificate, name};

fn issuer_name(case: &Case) -> String {
    case.context.issuer.as_ref().map_or_else(String::new, |issuer| name::readable(issuer.tbs().subject()))
}

pub(super) fn issuer_ca(case: &Case) -> Option<String> {
    let issuer = case.issuer.as_ref()?;
    let signs = issuer.key_usage.as_ref().is_some_and(|found| found.value.0.contains(KeyUsages::KeyCertSign));
    (!(issuer.is_ca() && signs))
        .then(|| format!("the issuer {} is no CA, or may not sign certificates", issuer_name(case)))
}

pub(super) fn path_length(case: &Case) -> Option<String> {
    let above = case.issuer.as_ref()?.basic_constraints.as_ref()?.value.path_len_constraint?;
    if !case.extensions.is_ca() {
        return None;
    }
    let own = case.extensions.basic_constraints.as_ref().and_then(|found| found.value.path_len_constraint);
    match own {
        _ if above == 0 => {}
        Some(own) if own < above => return None,
        _ => {}
    }
    Some(format!("a CA of path length {own:?} below {}, whose path length is {above}", issuer_name(case)))
}

pub(super) fn eku_nesting(case: &Case) -> Option<String> {
    let above = case.issuer.as_ref()?.purposes.as_ref()?;
    let own = case.extensions.purposes.as_ref()?;
    let strange = own.value.0.iter().find(|purpose| !above.value.0.contains(purpose))?;
    Some(format!("the purpose {strange}, which the issuer {} does not have", issuer_name(case)))
}

pub(super) fn distinct_key(case: &Case) -> Option<String> {
    let issuer = case.context.issuer.as_ref()?.tbs();
    (issuer.subject_public_key_info() == case.tbs.subject_public_key_info())
        .then(|| "the subject's key is its issuer's".into())
}

pub(super) fn root_own_key(case: &Case) -> Option<String> {
    let signs_itself = case.key.public() == Some(&case.context.issuer_key);
    match (case.context.issuer.is_some(), signs_itself) {
        (false, false) => Some("the key that signs is not the root's own".into()),
        (true, true) => Some("the key that signs is the subject's own".into()),
        _ => None,
    }
}

pub(super) fn root_issues_cas(case: &Case) -> Option<String> {
    let issuer = case.context.issuer.as_ref()?.tbs();
    let root = issuer.issuer().to_der().ok() == issuer.subject().to_der().ok();
    (root && !case.extensions.is_ca())
        .then(|| format!("{} would issue a certificate that is no CA's", issuer_name(case)))
}

/// Security strength in bits, in the steps of NIST SP 800-57.
fn strength(algorithm: Algorithm) -> u32 {
    match algorithm {
        Algorithm::EcdsaP256 | Algorithm::Ed25519 | Algorithm::Rsa3072 | Algorithm::Rsa4096 => 128,
        Algorithm::EcdsaP384 => 192,
        Algorithm::EcdsaP521 => 256,
    }
}

pub(super) fn strength_rises(case: &Case) -> Option<String> {
    case.context.issuer.as_ref()?;
    let (own, above) = (case.key.algorithm()?, case.context.issuer_key.algorithm());
    (strength(own) > strength(above))
        .then(|| format!("{own} ({} bits) below {above} ({} bits)", strength(own), strength(above)))
}

pub(super) fn same_subject(case: &Case, other: &Certificate) -> bool {
    other.tbs().subject() == case.tbs.subject()
}

pub(super) fn same_key(case: &Case, other: &Certificate) -> bool {
    other.tbs().subject_public_key_info() == case.tbs.subject_public_key_info()
}

pub(super) fn one_key(case: &Case) -> Option<String> {
    let other =
        case.context.others.iter().find(|other| same_subject(case, other) && !same_key(case, other))?;
    Some(format!("{} bears another key already", name::readable(other.tbs().subject())))
}

pub(super) fn one_subject(case: &Case) -> Option<String> {
    let other =
        case.context.others.iter().find(|other| same_key(case, other) && !same_subject(case, other))?;
    Some(format!("the key is that of {} already", name::readable(other.tbs().subject())))
}

pub(super) fn serial_unique(case: &Case) -> Option<String> {
    let same = |other: &&Certificate| {
        other.tbs().serial_number() == case.tbs.serial_number() && other.tbs().issuer() == case.tbs.issuer()
    };
    let other = case.context.others.iter().find(same)?;
    Some(format!("{} has it already", name::readable(other.tbs().subject())))
}
