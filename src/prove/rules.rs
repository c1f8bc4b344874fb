//! Rules for what a canary's keys sign: Fulcio's profile, RFC 6962, RFC 3161, and the formats of Rekor.

use der::flagset::FlagSet;
use der::oid::db::rfc5280;
use der::{Decode, Encode};
use x509_cert::certificate::TbsCertificate;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectAltName,
};

use super::checkpoint::{self, Checkpoint};
use super::identity::San;
use super::leaf::{self, LIFETIME, Leaf, POISON, Part, SCTS};
use super::log_entry::{self, EntryTimestamp};
use super::sct::{self, Sct};
use super::timestamp::{self, Timestamp};
use crate::lint::{Findings, Lintable, RuleInfo, rules};
use crate::pki::{Algorithm, Document, Draft};
use crate::trust_root::log::Kind;

fn judge<T: Document>(draft: &Draft<T>, rules: &[crate::lint::Rule<Draft<T>>]) -> Findings {
    let mut findings = Findings::default();
    findings.check(rules, &draft.object, draft);
    findings
}

macro_rules! lintable {
    ($($document:ty, $room:ident;)*) => {
        $(impl Lintable for $document {
            fn lint(draft: &Draft<Self>) -> Findings {
                judge(draft, $room::RULES)
            }
        })*

        /// Every rule for what a canary's keys sign.
        pub fn all() -> impl Iterator<Item = RuleInfo> {
            std::iter::empty()$(.chain($room::RULES.iter().map(crate::lint::Rule::info)))*
        }
    };
}

lintable! {
    Leaf, certificate;
    Sct, promise;
    Checkpoint, note;
    EntryTimestamp, entry;
    Timestamp, token;
}

/// Certificates and precertificates.
pub mod certificate {
    use super::*;
    rules! {
        "Rules for a canary's certificate and precertificate.", Draft<Leaf>;
        super::readable, "CANARY-CERT-READABLE", Error, "The bytes are DER: read and written again, they are the same.", "RFC 5280, 4.1";
        super::issuer, "CANARY-CERT-ISSUER", Error, "The issuer is a CA below a root, for code signing and nothing else: a root's key issues no developer's certificate.", "Fulcio, certificate-specification.md; CSBR 6.1.7";
        super::inside, "CANARY-CERT-INSIDE-ISSUER", Error, "The validity lies inside the issuer's.", "RFC 5280, 6.1.3 (a)";
        super::lifetime, "CANARY-CERT-LIFETIME", Error, "It is valid for ten minutes from the moment of signing.", "Fulcio, certificate-specification.md";
        super::subject, "CANARY-CERT-SUBJECT-EMPTY", Error, "The subject is empty.", "Fulcio, certificate-specification.md";
        super::san, "CANARY-CERT-SAN", Error, "One critical alternative name: the identity that was proved.", "Fulcio, certificate-specification.md; RFC 5280, 4.2.1.6";
        super::key_usage, "CANARY-CERT-KEY-USAGE", Error, "Key usage is critical: digitalSignature and nothing else.", "Fulcio, certificate-specification.md";
        super::purpose, "CANARY-CERT-EKU", Error, "Extended key usage is codeSigning and nothing else.", "Fulcio, certificate-specification.md";
        super::no_ca, "CANARY-CERT-NOT-CA", Error, "It is no CA.", "Fulcio, certificate-specification.md";
        super::authority_key, "CANARY-CERT-AKI", Error, "The authority key identifier is the issuer's subject key identifier.", "RFC 5280, 4.2.1.1";
        super::public_key, "CANARY-CERT-KEY", Error, "The key is the one that proved to be there: P-256, which every client takes.", "Fulcio, certificate-specification.md";
        super::both_issuers, "CANARY-CERT-OIDC-ISSUER", Error, "The identity's issuer stands in .1 as raw text and in .8 as a UTF8String.", "Fulcio, oid-info.md";
        super::poison, "CANARY-CERT-POISON", Error, "A precertificate has the critical poison and no promise; a certificate has one promise and no poison.", "RFC 6962, 3.1 and 3.3";
        super::same, "CANARY-CERT-SAME", Error, "But for poison and promise, certificate and precertificate are the same.", "RFC 6962, 3.1";
        super::marked, "CANARY-CERT-MARKED", Error, "In production, the identity says that it is a canary's.", "this tool";
        super::marked_in_rehearsal, "CANARY-CERT-MARKED-REHEARSAL", Warning, "In a rehearsal too, the identity says that it is a canary's.", "this tool";
    }
}

/// Signed certificate timestamps.
pub mod promise {
    use super::*;
    rules! {
        "Rules for a certificate log's promise.", Draft<Sct>;
        super::sct_bytes, "CANARY-SCT-STRUCTURE", Error, "The bytes are those of RFC 6962's structure, over the precertificate without its poison.", "RFC 6962, 3.2";
        super::sct_time, "CANARY-SCT-TIME", Error, "The promise is made while the certificate is valid.", "RFC 6962, 3.2";
        super::sct_key, "CANARY-SCT-KEY", Error, "The log's key is P-256: a stock client refuses any other.", "sigstore-python";
    }
}

/// Checkpoints.
pub mod note {
    use super::*;
    rules! {
        "Rules for a log's checkpoint.", Draft<Checkpoint>;
        super::note_text, "CANARY-CHECKPOINT-TEXT", Error, "Origin, size and root, each on its line, then the canary's mark.", "C2SP, tlog-checkpoint";
        super::note_origin, "CANARY-CHECKPOINT-ORIGIN", Error, "The origin is the log's host, for Rekor v1 with its tree's number behind it.", "C2SP, tlog-checkpoint; sigstore-go";
        super::note_index, "CANARY-CHECKPOINT-INDEX", Error, "The entry's index is not 0, and below the size.", "sigstore-python";
    }
}

/// Signed entry timestamps.
pub mod entry {
    use super::*;
    rules! {
        "Rules for the promise of a Rekor v1 log.", Draft<EntryTimestamp>;
        super::entry_bytes, "CANARY-SET-CANONICAL", Error, "The bytes are RFC 8785 JSON of entry, time, log and an index above 0.", "Rekor v1; RFC 8785";
        super::entry_time, "CANARY-SET-TIME", Error, "The entry was taken in while the certificate is valid.", "Rekor v1";
    }
}

/// Timestamps.
pub mod token {
    use super::*;
    rules! {
        "Rules for a timestamp.", Draft<Timestamp>;
        super::token_attributes, "CANARY-TST-ATTRIBUTES", Error, "The signed attributes are a DER SET with the digest of the TSTInfo in it, and the TSTInfo has the digest of what is stamped.", "RFC 5652, 5.3; RFC 3161, 2.4.2";
        super::token_signer, "CANARY-TST-SIGNER", Error, "The signer's certificate is for timestamps and nothing else, critically, and has the key that signs.", "RFC 3161, 2.3";
        super::token_time, "CANARY-TST-TIME", Error, "The moment lies in the validity of the signer and of those above it.", "RFC 3161, 4";
        super::token_key, "CANARY-TST-KEY", Error, "The signer's key is P-256 or P-384: stock clients refuse others.", "sigstore-python, sigstore-js";
    }
}

// ---- certificates

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

fn seconds(time: &x509_cert::time::Time) -> Option<i64> {
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

// ---- signed certificate timestamps

fn sct_bytes(case: &Draft<Sct>) -> Option<String> {
    let expected = sct::signed_bytes(&case.context);
    let poisoned = leaf::read(&case.context.tbs).map_or(true, |tbs| {
        tbs.extensions().into_iter().flatten().any(|one| one.extn_id == POISON || one.extn_id == SCTS)
    });
    (expected.as_deref() != Some(case.bytes.as_slice()) || poisoned)
        .then(|| "the bytes are others, or the certificate in them is none or has a poison or promise".into())
}

fn sct_time(case: &Draft<Sct>) -> Option<String> {
    (!case.context.in_time()).then(|| {
        format!("the promise is of {}, the certificate from {}", case.context.time, case.context.from)
    })
}

fn sct_key(case: &Draft<Sct>) -> Option<String> {
    let found = case.public.algorithm();
    (found != Algorithm::EcdsaP256).then(|| format!("the log's key is {found}"))
}

// ---- checkpoints

fn note_text(case: &Draft<Checkpoint>) -> Option<String> {
    let checkpoint::Context { origin, size, root, .. } = &case.context;
    let root = data_encoding::BASE64.encode(root);
    let expected = format!("{}\n{size}\n{root}\n{}\n", origin.line(), checkpoint::MARK);
    (case.bytes != expected.as_bytes())
        .then(|| format!("the note is {:?}", String::from_utf8_lossy(&case.bytes)))
}

fn note_origin(case: &Draft<Checkpoint>) -> Option<String> {
    let checkpoint::Context { origin, .. } = &case.context;
    let line = origin.line();
    let numbered = line.rsplit_once(" - ").is_some_and(|(host, number)| {
        host == origin.host && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    });
    let plain =
        !origin.host.is_empty() && !origin.host.chars().any(|c| c.is_whitespace() || "+/:".contains(c));
    let ok = plain
        && match origin.kind {
            Kind::RekorV1 => numbered,
            Kind::RekorV2 => line == origin.host,
            Kind::Ct => false,
        };
    (!ok).then(|| format!("the origin is `{line}`"))
}

fn note_index(case: &Draft<Checkpoint>) -> Option<String> {
    let checkpoint::Context { index, size, .. } = &case.context;
    (*index == 0 || index >= size).then(|| format!("index {index} in a tree of {size}"))
}

// ---- signed entry timestamps

fn entry_bytes(case: &Draft<EntryTimestamp>) -> Option<String> {
    let expected = log_entry::promised(&case.context, log_entry::INDEX).ok();
    (expected.as_deref() != Some(case.bytes.as_slice())).then(|| "the bytes are others".into())
}

fn entry_time(case: &Draft<EntryTimestamp>) -> Option<String> {
    let log_entry::Context { time, from, .. } = &case.context;
    (!(0..=LIFETIME).contains(&time.since(*from)))
        .then(|| format!("taken in at {time}, the certificate is from {from}"))
}

// ---- timestamps

fn token_attributes(case: &Draft<Timestamp>) -> Option<String> {
    use sha2::{Digest, Sha256, Sha384, Sha512};
    let timestamp::Context { info, stamped, .. } = &case.context;
    let holds = |whole: &[u8], part: &[u8]| whole.windows(part.len()).any(|window| window == part);
    let is_set = der::AnyRef::from_der(&case.bytes).is_ok_and(|any| der::Tagged::tag(&any) == der::Tag::Set);
    let digest = match case.public.algorithm() {
        Algorithm::EcdsaP384 => Sha384::digest(info).to_vec(),
        Algorithm::EcdsaP521 | Algorithm::Ed25519 => Sha512::digest(info).to_vec(),
        _ => Sha256::digest(info).to_vec(),
    };
    (!(is_set && holds(&case.bytes, &digest) && holds(info, &Sha256::digest(stamped))))
        .then(|| "no SET, or other digests".into())
}

fn token_signer(case: &Draft<Timestamp>) -> Option<String> {
    let signer = case.context.chain.first().map(|signer| signer.tbs());
    let purpose = signer.and_then(|signer| signer.get_extension::<ExtendedKeyUsage>().ok().flatten());
    let for_it =
        purpose.is_some_and(|(critical, found)| critical && found.0 == [rfc5280::ID_KP_TIME_STAMPING]);
    let spki = signer.and_then(|signer| signer.subject_public_key_info().to_der().ok());
    let own = spki.as_deref() == Some(case.public.spki());
    (!(for_it && own)).then(|| "another key, or a certificate that is not for timestamps alone".into())
}

fn token_time(case: &Draft<Timestamp>) -> Option<String> {
    let time = Some(case.context.time.unix());
    case.context.chain.iter().map(|one| one.tbs()).find_map(|one| {
        let validity = one.validity();
        let inside = seconds(&validity.not_before) <= time && time <= seconds(&validity.not_after);
        (!inside).then(|| {
            let (from, to) = (validity.not_before, validity.not_after);
            let name = crate::pki::name::readable(one.subject());
            format!("{} is outside of {from} to {to} of {name}", case.context.time)
        })
    })
}

fn token_key(case: &Draft<Timestamp>) -> Option<String> {
    let found = case.public.algorithm();
    (!matches!(found, Algorithm::EcdsaP256 | Algorithm::EcdsaP384))
        .then(|| format!("the signer's key is {found}"))
}

#[cfg(test)]
mod tests;
