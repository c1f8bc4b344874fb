//! Rules for a canary's certificate and its precertificate: Fulcio's profile, and RFC 6962.

use der::flagset::FlagSet;
use der::oid::db::rfc5280;
use der::{Decode, Encode};
use x509_cert::certificate::TbsCertificate;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectAltName,
};

use crate::lint::rules;
use crate::pki::{Algorithm, Draft};
use crate::prove::identity::San;
use crate::prove::leaf::{LIFETIME, Leaf, POISON, Part, SCTS};

rules! {
    "Rules for a canary's certificate and precertificate.", Draft<Leaf>;
    readable, "CANARY-CERT-READABLE", Structural, "The bytes are DER: read and written again, they are the same.", "RFC 5280, 4.1";
    issuer, "CANARY-CERT-ISSUER", Structural, "The issuer is a CA below a root, for code signing and nothing else: a root's key issues no developer's certificate.", "Fulcio, certificate-specification.md; CSBR 6.1.7";
    inside, "CANARY-CERT-INSIDE-ISSUER", Structural, "The validity lies inside the issuer's.", "RFC 5280, 6.1.3 (a)";
    lifetime, "CANARY-CERT-LIFETIME", Structural, "It is valid for ten minutes from the moment of signing.", "Fulcio, certificate-specification.md";
    subject, "CANARY-CERT-SUBJECT-EMPTY", Structural, "The subject is empty.", "Fulcio, certificate-specification.md";
    san, "CANARY-CERT-SAN", Structural, "One critical alternative name: the identity that was proved.", "Fulcio, certificate-specification.md; RFC 5280, 4.2.1.6";
    key_usage, "CANARY-CERT-KEY-USAGE", Structural, "Key usage is critical: digitalSignature and nothing else.", "Fulcio, certificate-specification.md";
    purpose, "CANARY-CERT-EKU", Structural, "Extended key usage is codeSigning and nothing else.", "Fulcio, certificate-specification.md";
    no_ca, "CANARY-CERT-NOT-CA", Structural, "It is no CA.", "Fulcio, certificate-specification.md";
    authority_key, "CANARY-CERT-AKI", Structural, "The authority key identifier is the issuer's subject key identifier.", "RFC 5280, 4.2.1.1";
    public_key, "CANARY-CERT-KEY", Structural, "The key is the one that proved to be there: P-256, which every client takes.", "Fulcio, certificate-specification.md";
    both_issuers, "CANARY-CERT-OIDC-ISSUER", Structural, "The identity's issuer stands in .1 as raw text and in .8 as a UTF8String.", "Fulcio, oid-info.md";
    poison, "CANARY-CERT-POISON", Structural, "A precertificate has the critical poison and no promise; a certificate has one promise and no poison.", "RFC 6962, 3.1 and 3.3";
    same, "CANARY-CERT-SAME", Structural, "But for poison and promise, certificate and precertificate are the same.", "RFC 6962, 3.1";
    marked, "CANARY-CERT-MARKED", Structural, "In production, the identity says that it is a canary's.", "this tool";
    marked_in_rehearsal, "CANARY-CERT-MARKED-REHEARSAL", Notice, "In a rehearsal too, the identity says that it is a canary's.", "this tool";
}

fn tbs(case: &Draft<Leaf>) -> Option<TbsCertificate> {
    TbsCertificate::from_der(&case.bytes).ok()
}

/// Runs a rule over what can be read; what can't is one rule's finding.
fn over(case: &Draft<Leaf>, rule: impl Fn(&TbsCertificate) -> Option<String>) -> Option<String> {
    tbs(case).as_ref().and_then(rule)
}

fn readable(case: &Draft<Leaf>) -> Option<String> {
    let again = tbs(case).and_then(|tbs| tbs.to_der().ok());
    (again.as_deref() != Some(case.bytes.as_slice()))
        .then(|| "the bytes change when they are read and written again".into())
}

fn issuer(case: &Draft<Leaf>) -> Option<String> {
    let issuer = case.context.issuer.tbs();
    let ca = issuer.get_extension::<BasicConstraints>().ok().flatten().is_some_and(|(_, found)| found.ca);
    let purposes = issuer.get_extension::<ExtendedKeyUsage>().ok().flatten();
    let purpose = purposes.is_some_and(|(_, found)| found.0 == [rfc5280::ID_KP_CODE_SIGNING]);
    let own = issuer.issuer().to_der().ok() == issuer.subject().to_der().ok();
    let spki = issuer.subject_public_key_info().to_der().ok();
    let name = crate::pki::name::readable(issuer.subject());
    if own {
        return Some(format!("{name} is a root"));
    }
    if !(ca && purpose) {
        return Some(format!("{name} is no CA for code signing"));
    }
    if spki.as_deref() != Some(case.public.spki()) {
        return Some(format!("the key that signs is not that of {name}"));
    }
    over(case, |tbs| {
        (tbs.issuer().to_der().ok() != issuer.subject().to_der().ok())
            .then(|| format!("the issuer is {}", crate::pki::name::readable(tbs.issuer())))
    })
}

pub(super) fn seconds(time: &x509_cert::time::Time) -> Option<i64> {
    i64::try_from(time.to_unix_duration().as_secs()).ok()
}

fn inside(case: &Draft<Leaf>) -> Option<String> {
    let outer = case.context.issuer.tbs().validity();
    over(case, |tbs| {
        let inner = tbs.validity();
        let ok = seconds(&inner.not_before) >= seconds(&outer.not_before)
            && seconds(&inner.not_after) <= seconds(&outer.not_after);
        (!ok).then(|| {
            format!(
                "{} to {}, and the issuer from {} to {}",
                inner.not_before, inner.not_after, outer.not_before, outer.not_after
            )
        })
    })
}

fn lifetime(case: &Draft<Leaf>) -> Option<String> {
    let from = case.context.from.unix();
    over(case, |tbs| {
        let validity = tbs.validity();
        let ok = seconds(&validity.not_before) == Some(from)
            && seconds(&validity.not_after) == Some(from.saturating_add(LIFETIME));
        (!ok).then(|| format!("{} to {}", validity.not_before, validity.not_after))
    })
}

fn subject(case: &Draft<Leaf>) -> Option<String> {
    over(case, |tbs| (!tbs.subject().is_empty()).then(|| crate::pki::name::readable(tbs.subject())))
}

fn san(case: &Draft<Leaf>) -> Option<String> {
    over(case, |tbs| {
        let found = tbs.get_extension::<SubjectAltName>().ok().flatten();
        let ok = found.as_ref().is_some_and(|(critical, names)| {
            *critical
                && match (names.0.as_slice(), &case.context.identity.san) {
                    ([GeneralName::Rfc822Name(name)], San::Email(text)) => name.as_str() == text,
                    ([GeneralName::UniformResourceIdentifier(name)], San::Uri(text)) => name.as_str() == text,
                    _ => false,
                }
        });
        (!ok).then(|| format!("the alternative name is {:?}", found.map(|(_, names)| names.0)))
    })
}

fn key_usage(case: &Draft<Leaf>) -> Option<String> {
    over(case, |tbs| {
        let found = tbs.get_extension::<KeyUsage>().ok().flatten();
        let ok = found.as_ref().is_some_and(|(critical, usage)| {
            *critical && usage.0.bits() == FlagSet::from(KeyUsages::DigitalSignature).bits()
        });
        (!ok).then(|| format!("the key usage is {found:?}"))
    })
}

fn purpose(case: &Draft<Leaf>) -> Option<String> {
    over(case, |tbs| {
        let found = tbs.get_extension::<ExtendedKeyUsage>().ok().flatten();
        let ok = found.as_ref().is_some_and(|(_, found)| found.0 == [rfc5280::ID_KP_CODE_SIGNING]);
        (!ok).then(|| format!("the extended key usage is {found:?}"))
    })
}

fn no_ca(case: &Draft<Leaf>) -> Option<String> {
    over(case, |tbs| {
        let found = tbs.get_extension::<BasicConstraints>().ok().flatten();
        found.is_some_and(|(_, found)| found.ca).then(|| "it says that it is a CA".into())
    })
}

fn authority_key(case: &Draft<Leaf>) -> Option<String> {
    let expected = case.context.issuer.subject_key_identifier();
    over(case, |tbs| {
        let found = tbs.get_extension::<AuthorityKeyIdentifier>().ok().flatten();
        let found = found.and_then(|(_, found)| found.key_identifier);
        (found.is_none() || found != expected).then(|| format!("it is {found:?}, expected {expected:?}"))
    })
}

fn public_key(case: &Draft<Leaf>) -> Option<String> {
    over(case, |tbs| {
        let found = tbs.subject_public_key_info().to_der().ok();
        let ok = found.as_deref() == Some(case.context.public.spki())
            && case.context.public.algorithm() == Algorithm::EcdsaP256;
        (!ok).then(|| "it is another key, or none on P-256".into())
    })
}

fn both_issuers(case: &Draft<Leaf>) -> Option<String> {
    let expected: Vec<Extension> = case.context.identity.extensions().unwrap_or_default();
    over(case, |tbs| {
        let found = |oid: &str| {
            let all = tbs.extensions().into_iter().flatten();
            all.filter(|one| one.extn_id.to_string() == oid)
                .map(|one| one.extn_value.clone())
                .collect::<Vec<_>>()
        };
        for number in ["1.3.6.1.4.1.57264.1.1", "1.3.6.1.4.1.57264.1.8"] {
            let wanted: Vec<_> = expected
                .iter()
                .filter(|one| one.extn_id.to_string() == number)
                .map(|one| one.extn_value.clone())
                .collect();
            if wanted.len() != 1 || found(number) != wanted {
                return Some(format!("{number} is not the identity's issuer"));
            }
        }
        None
    })
}

fn poison(case: &Draft<Leaf>) -> Option<String> {
    over(case, |tbs| {
        let of = |oid| tbs.extensions().into_iter().flatten().filter(move |one| one.extn_id == oid);
        let poisons = of(POISON).count();
        let critical = of(POISON).all(|one| one.critical);
        let promises = of(SCTS).count();
        let ok = match case.context.part {
            Part::Precertificate => poisons == 1 && critical && promises == 0,
            Part::Final(_) => poisons == 0 && promises == 1 && of(SCTS).all(one_promise),
        };
        (!ok).then(|| format!("{poisons} poisons and {promises} lists of promises"))
    })
}

/// Whether a list holds exactly one promise, by its lengths (RFC 6962, 3.3).
fn one_promise(extension: &Extension) -> bool {
    let Ok(list) = der::asn1::OctetString::from_der(extension.extn_value.as_bytes()) else { return false };
    let length = |bytes: &[u8]| match bytes {
        [high, low, rest @ ..] => {
            usize::from(u16::from_be_bytes([*high, *low])) == rest.len() && !rest.is_empty()
        }
        _ => false,
    };
    length(list.as_bytes()) && list.as_bytes().get(2..).is_some_and(length)
}

fn same(case: &Draft<Leaf>) -> Option<String> {
    let Part::Final(covered) = &case.context.part else { return None };
    over(case, |tbs| {
        let without = |tbs: &TbsCertificate| {
            let all = tbs.extensions().into_iter().flatten();
            let rest: Vec<Extension> =
                all.filter(|one| one.extn_id != POISON && one.extn_id != SCTS).cloned().collect();
            let parts: [Option<Vec<u8>>; 6] = [
                tbs.serial_number().to_der().ok(),
                tbs.issuer().to_der().ok(),
                tbs.validity().to_der().ok(),
                tbs.subject().to_der().ok(),
                tbs.subject_public_key_info().to_der().ok(),
                tbs.signature().to_der().ok(),
            ];
            (parts, rest)
        };
        let before = TbsCertificate::from_der(covered).ok();
        (before.as_ref().map(&without) != Some(without(tbs)))
            .then(|| "the log promised another certificate".into())
    })
}

fn marked(case: &Draft<Leaf>) -> Option<String> {
    (!case.context.rehearsal).then(|| unmarked(case)).flatten()
}

fn marked_in_rehearsal(case: &Draft<Leaf>) -> Option<String> {
    case.context.rehearsal.then(|| unmarked(case)).flatten()
}

fn unmarked(case: &Draft<Leaf>) -> Option<String> {
    let identity = &case.context.identity;
    (!identity.is_marked())
        .then(|| format!("the identity `{}` does not have the word canary in it", identity.san.as_str()))
}
