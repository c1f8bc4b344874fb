//! Rules for certificates, over the exact bytes that are to be signed.

use der::asn1::{OctetString, PrintableStringRef};
use der::oid::AssociatedOid;
use der::oid::db::rfc4519;
use der::{Decode, Encode, Tagged};
use x509_cert::certificate::{TbsCertificate, Version};
use x509_cert::ext::pkix::{
    AuthorityInfoAccessSyntax, AuthorityKeyIdentifier, BasicConstraints, CertificatePolicies,
    CrlDistributionPoints, ExtendedKeyUsage, KeyUsage, SubjectKeyIdentifier,
};
use x509_cert::time::Time;

use super::{Findings, Lintable, Rule, Severity};
use crate::pki::certificate::{Context, key_identifier, time};
use crate::pki::{Algorithm, Certificate, Draft, PublicKey, name};
use crate::plan::Profile;

/// A certificate's draft as the rules see it.
pub struct Case {
    /// The bytes to be signed.
    pub bytes: Vec<u8>,
    /// What was read from them.
    pub tbs: TbsCertificate,
    /// Profile, issuer, and what the plan says.
    pub context: Context,
}

impl Lintable for Certificate {
    fn lint(draft: &Draft<Self>) -> Findings {
        let mut findings = Findings::default();
        match TbsCertificate::from_der(&draft.bytes) {
            Ok(tbs) => findings.check(
                RULES,
                &draft.object,
                &Case { bytes: draft.bytes.clone(), tbs, context: draft.context.clone() },
            ),
            Err(error) => findings.check(UNREADABLE, &draft.object, &error),
        }
        findings
    }
}

static UNREADABLE: &[Rule<der::Error>] = &[Rule {
    id: "CERT-READABLE",
    severity: Severity::Error,
    says: "A certificate's bytes can be read back.",
    source: "RFC 5280, 4.1",
    check: |error| Some(error.to_string()),
}];

rules! {
    "Every rule for certificates.", Case;
    der_strict, "CERT-DER", Error, "The bytes are DER: read and written again, they are the same.", "RFC 5280, 4.1; X.690, 10";
    version, "CERT-VERSION", Error, "The version is 3.", "RFC 5280, 4.1.2.1";
    serial, "CERT-SERIAL", Error, "The serial number is positive and has 20 octets, the top bits 01.", "RFC 5280, 4.1.2.2; CSBR 7.1";
    algorithm, "CERT-SIGNATURE-ALGORITHM", Error, "The signature algorithm is the one that goes with the issuer's key.", "RFC 5280, 4.1.2.3";
    key_algorithm, "CERT-KEY-ALGORITHM", Error, "The key's algorithm is one that the profile allows and stock clients take.", "CSBR 6.1.5; sigstore's clients";
    issuer_name, "CERT-ISSUER-NAME", Error, "The issuer's name is byte for byte the subject of the issuer's certificate.", "RFC 5280, 4.1.2.4; CSBR 7.1.4.1";
    subject_planned, "CERT-SUBJECT-PLANNED", Error, "The subject is the plan's.", "the plan";
    subject_names, "CERT-SUBJECT-NAMES", Error, "The subject has one common name and one organization, neither empty.", "sigstore-python's trusted root; CSBR 7.1.4.2";
    country, "CERT-COUNTRY", Error, "A country is a PrintableString of two capital letters.", "RFC 5280, appendix A; ISO 3166";
    time_encoding, "CERT-TIME-ENCODING", Error, "Times are UTCTime to 2049 and GeneralizedTime from 2050.", "RFC 5280, 4.1.2.5";
    validity_planned, "CERT-VALIDITY-PLANNED", Error, "The validity is the plan's.", "the plan";
    validity_inside, "CERT-VALIDITY-INSIDE-ISSUER", Error, "The validity lies inside the issuer's.", "CSBR 6.3.2; the shell model of path validation";
    life, "CERT-LIFE", Error, "A root lives at most 10 years, a timestamp signer at most 135 months.", "CSBR 6.3.2; root programmes";
    basic_constraints, "CERT-BASIC-CONSTRAINTS", Error, "Basic constraints are critical and the profile's: CA or not, path length 0 on intermediates, none on a root.", "RFC 5280, 4.2.1.9; CSBR 7.1.2";
    key_usage, "CERT-KEY-USAGE", Error, "Key usage is critical and the profile's, no more and no less.", "RFC 5280, 4.2.1.3; CSBR 7.1.2";
    root_eku, "CERT-ROOT-EKU-ABSENT", Error, "A root has no extended key usage.", "CSBR 7.1.2.1";
    eku, "CERT-EKU", Error, "Extended key usage is exactly the profile's one purpose.", "CSBR 7.1.2; Fulcio's certificate specification";
    eku_criticality, "CERT-EKU-CRITICALITY", Error, "Extended key usage is critical on a timestamp signer, and not on a CA.", "RFC 3161, 2.3; sigstore-python";
    subject_key, "CERT-SKI", Error, "The subject key identifier is there, not critical, and made of the key by RFC 7093, method 1.", "RFC 5280, 4.2.1.2; RFC 7093, 2";
    authority_key, "CERT-AKI", Error, "The authority key identifier is the issuer's subject key identifier, not critical; a root has none.", "RFC 5280, 4.2.1.1; sigstore-python";
    policies, "CERT-ROOT-POLICIES-ABSENT", Error, "A root has no certificate policies.", "CSBR 7.1.2.1";
    unique, "CERT-EXTENSIONS-UNIQUE", Error, "No extension stands twice.", "RFC 5280, 4.2";
    known, "CERT-EXTENSIONS-KNOWN", Error, "There is no extension that the profile does not have.", "CSBR 7.1.2";
    issuer_ca, "CHAIN-ISSUER-IS-CA", Error, "The issuer is a CA that may sign certificates.", "RFC 5280, 6.1.4 (k) and (n)";
    path_length, "CHAIN-PATH-LENGTH", Error, "A CA is not below an issuer of path length 0.", "RFC 5280, 6.1.4 (m)";
    eku_nesting, "CHAIN-EKU-NESTING", Error, "The extended key usage is one that the issuer's allows.", "CSBR 7.1.2; Mozilla policy 5.3";
    distinct_key, "CHAIN-DISTINCT-KEY", Error, "The subject's key is not the issuer's, but for a root.", "RFC 5280, 3.2";
}

fn found_expected(
    what: &str,
    found: impl std::fmt::Display,
    expected: impl std::fmt::Display,
) -> Option<String> {
    Some(format!("{what} is {found}, expected {expected}"))
}

fn der_strict(case: &Case) -> Option<String> {
    let again = case.tbs.to_der().ok();
    (again.as_deref() != Some(case.bytes.as_slice()))
        .then(|| "the bytes change when they are read and written again".into())
}

fn version(case: &Case) -> Option<String> {
    (case.tbs.version() != Version::V3).then(|| format!("the version is {:?}", case.tbs.version()))
}

fn serial(case: &Case) -> Option<String> {
    let bytes = case.tbs.serial_number().as_bytes();
    let fine = bytes.len() == 20 && bytes.first().is_some_and(|top| top >> 6 == 1);
    (!fine).then(|| format!("the serial number is {}", data_encoding::HEXLOWER.encode(bytes)))
}

fn algorithm(case: &Case) -> Option<String> {
    let expected = case.context.issuer_key.algorithm().signature_identifier();
    (*case.tbs.signature() != expected).then(|| {
        format!("the signature algorithm is {}, expected {}", case.tbs.signature().oid, expected.oid)
    })
}

/// The subject's key, if it is one that this tool knows.
fn key(case: &Case) -> Option<PublicKey> {
    PublicKey::from_spki(&case.tbs.subject_public_key_info().to_der().ok()?).ok()
}

fn key_algorithm(case: &Case) -> Option<String> {
    use Algorithm::{EcdsaP256, EcdsaP384, Rsa3072, Rsa4096};
    let allowed: &[Algorithm] = match case.context.profile {
        Profile::Root => &[EcdsaP384, Rsa4096],
        Profile::CodeSigning | Profile::Timestamping => &[EcdsaP256, EcdsaP384, Rsa4096],
        Profile::TimestampSigner => &[EcdsaP256, EcdsaP384, Rsa3072, Rsa4096],
    };
    let names = || allowed.iter().map(|algorithm| algorithm.as_str()).collect::<Vec<_>>().join(", ");
    match key(case) {
        Some(key) if allowed.contains(&key.algorithm()) => None,
        Some(key) => Some(format!(
            "the key is {}, and profile {} takes {}",
            key.algorithm(),
            case.context.profile,
            names()
        )),
        None => Some(format!("the key is unusable; the profile takes {}", names())),
    }
}

fn issuer_name(case: &Case) -> Option<String> {
    let expected = case.context.issuer.as_ref().map_or(case.tbs.subject(), |issuer| issuer.tbs().subject());
    if case.tbs.issuer().to_der().ok() == expected.to_der().ok() {
        return None;
    }
    found_expected("the issuer", name::readable(case.tbs.issuer()), name::readable(expected))
}

fn subject_planned(case: &Case) -> Option<String> {
    if case.tbs.subject().to_der().ok() == case.context.subject.to_der().ok() {
        return None;
    }
    found_expected("the subject", name::readable(case.tbs.subject()), name::readable(&case.context.subject))
}

fn subject_names(case: &Case) -> Option<String> {
    for (what, oid) in [("common name", rfc4519::CN), ("organization", rfc4519::O)] {
        let values: Vec<_> = case.tbs.subject().iter().filter(|attribute| attribute.oid == oid).collect();
        match values.as_slice() {
            [one] if !one.value.value().is_empty() => {}
            [_] => return Some(format!("the {what} is empty")),
            list => return Some(format!("the subject has {} of {what}", list.len())),
        }
    }
    None
}

fn country(case: &Case) -> Option<String> {
    let country = case.tbs.subject().iter().find(|attribute| attribute.oid == rfc4519::C)?;
    let fine = country.value.decode_as::<PrintableStringRef>().is_ok_and(|text| {
        text.as_str().len() == 2 && text.as_str().chars().all(|letter| letter.is_ascii_uppercase())
    });
    (!fine).then(|| format!("the country is {country}, as {}", country.value.tag()))
}

fn time_encoding(case: &Case) -> Option<String> {
    let validity = case.tbs.validity();
    for (what, moment) in [("notBefore", &validity.not_before), ("notAfter", &validity.not_after)] {
        let early = moment.to_date_time().year() < 2050;
        if matches!(moment, Time::UtcTime(_)) != early {
            return Some(format!("{what} {moment} is written as {}", moment.tag()));
        }
    }
    None
}

fn validity_planned(case: &Case) -> Option<String> {
    let planned = case.context.validity;
    let found = case.tbs.validity();
    let same = |moment: &Time, planned| time(planned).is_ok_and(|planned| planned == *moment);
    if same(&found.not_before, planned.from) && same(&found.not_after, planned.to) {
        return None;
    }
    Some(format!(
        "valid from {} to {}, expected {} to {}",
        found.not_before, found.not_after, planned.from, planned.to
    ))
}

fn validity_inside(case: &Case) -> Option<String> {
    let issuer = case.context.issuer.as_ref()?.tbs().validity();
    let own = case.tbs.validity();
    let seconds = |time: &Time| time.to_unix_duration().as_secs();
    let inside = seconds(&own.not_before) >= seconds(&issuer.not_before)
        && seconds(&own.not_after) <= seconds(&issuer.not_after);
    (!inside).then(|| {
        format!(
            "valid from {} to {}, while the issuer is valid from {} to {}",
            own.not_before, own.not_after, issuer.not_before, issuer.not_after
        )
    })
}

fn life(case: &Case) -> Option<String> {
    // Ten years hold at most three leap days, 135 months at most 4109 days.
    let days = match case.context.profile {
        Profile::Root => 3653,
        Profile::TimestampSigner => 4109,
        Profile::CodeSigning | Profile::Timestamping => return None,
    };
    let validity = case.tbs.validity();
    let seconds =
        validity.not_after.to_unix_duration().saturating_sub(validity.not_before.to_unix_duration());
    let found = seconds.as_secs() / 86_400;
    (found > days).then(|| format!("a life of {found} days, where {days} are allowed"))
}

/// An extension, if it stands there once and can be read.
fn get<'a, T: Decode<'a> + AssociatedOid>(tbs: &'a TbsCertificate) -> Option<(bool, T)> {
    tbs.get_extension::<T>().ok().flatten()
}

fn basic_constraints(case: &Case) -> Option<String> {
    let expected = case.context.profile.basic_constraints();
    match get::<BasicConstraints>(&case.tbs) {
        Some((true, found)) if found == expected => None,
        Some((critical, found)) => Some(format!(
            "found CA {}, path length {:?}, critical {critical}; expected CA {}, path length {:?}, critical true",
            found.ca, found.path_len_constraint, expected.ca, expected.path_len_constraint
        )),
        None => Some("basic constraints are missing or unreadable".into()),
    }
}

fn key_usage(case: &Case) -> Option<String> {
    let expected = case.context.profile.key_usage();
    match get::<KeyUsage>(&case.tbs) {
        Some((true, found)) if found.0 == expected => None,
        Some((critical, found)) => {
            Some(format!("found {:?}, critical {critical}; expected {expected:?}, critical true", found.0))
        }
        None => Some("key usage is missing or unreadable".into()),
    }
}

fn root_eku(case: &Case) -> Option<String> {
    let there = case.tbs.filter_extensions::<ExtendedKeyUsage>().next().is_some();
    (case.context.profile == Profile::Root && there).then(|| "an extended key usage".into())
}

fn eku(case: &Case) -> Option<String> {
    let (expected, _) = case.context.profile.extended_key_usage()?;
    match get::<ExtendedKeyUsage>(&case.tbs) {
        Some((_, found)) if found.0 == [expected] => None,
        Some((_, found)) => {
            let list: Vec<String> = found.0.iter().map(ToString::to_string).collect();
            Some(format!("found {}, expected {expected} alone", list.join(", ")))
        }
        None => Some(format!("none found, expected {expected}")),
    }
}

fn eku_criticality(case: &Case) -> Option<String> {
    let (_, expected) = case.context.profile.extended_key_usage()?;
    let (found, _) = get::<ExtendedKeyUsage>(&case.tbs)?;
    (found != expected).then(|| format!("critical is {found}, expected {expected}"))
}

fn subject_key(case: &Case) -> Option<String> {
    let expected = key(case).map(|key| key_identifier(&key));
    match get::<SubjectKeyIdentifier>(&case.tbs) {
        Some((false, found)) if Some(found.0.as_bytes()) == expected.as_deref() => None,
        Some((true, _)) => Some("the subject key identifier is critical".into()),
        Some((false, found)) => Some(format!("found {}", data_encoding::HEXLOWER.encode(found.0.as_bytes()))),
        None => Some("the subject key identifier is missing".into()),
    }
}

fn authority_key(case: &Case) -> Option<String> {
    let found = get::<AuthorityKeyIdentifier>(&case.tbs);
    let Some(issuer) = &case.context.issuer else {
        let there = case.tbs.filter_extensions::<AuthorityKeyIdentifier>().next().is_some();
        return there.then(|| "a root with an authority key identifier".into());
    };
    let expected = issuer.subject_key_identifier();
    let hex = |identifier: &OctetString| data_encoding::HEXLOWER.encode(identifier.as_bytes());
    match found {
        Some((
            false,
            AuthorityKeyIdentifier {
                key_identifier,
                authority_cert_issuer: None,
                authority_cert_serial_number: None,
            },
        )) if key_identifier.is_some() && key_identifier == expected => None,
        Some((critical, found)) => Some(format!(
            "found {}, critical {critical}; expected {} alone, critical false",
            found.key_identifier.as_ref().map_or("none".into(), hex),
            expected.as_ref().map_or("none".into(), hex)
        )),
        None => Some("the authority key identifier is missing".into()),
    }
}

fn policies(case: &Case) -> Option<String> {
    let there = case.tbs.filter_extensions::<CertificatePolicies>().next().is_some();
    (case.context.profile == Profile::Root && there).then(|| "certificate policies".into())
}

fn unique(case: &Case) -> Option<String> {
    let mut seen = Vec::new();
    for extension in case.tbs.extensions().into_iter().flatten() {
        if seen.contains(&extension.extn_id) {
            return Some(format!("the extension {} stands twice", extension.extn_id));
        }
        seen.push(extension.extn_id);
    }
    None
}

fn known(case: &Case) -> Option<String> {
    let known = [
        BasicConstraints::OID,
        KeyUsage::OID,
        ExtendedKeyUsage::OID,
        SubjectKeyIdentifier::OID,
        AuthorityKeyIdentifier::OID,
        CertificatePolicies::OID,
        CrlDistributionPoints::OID,
        AuthorityInfoAccessSyntax::OID,
    ];
    let strange =
        case.tbs.extensions().into_iter().flatten().find(|extension| !known.contains(&extension.extn_id))?;
    Some(format!("the extension {}", strange.extn_id))
}

fn issuer_ca(case: &Case) -> Option<String> {
    use x509_cert::ext::pkix::KeyUsages;
    let issuer = case.context.issuer.as_ref()?.tbs();
    let ca = get::<BasicConstraints>(issuer).is_some_and(|(_, found)| found.ca);
    let signs = get::<KeyUsage>(issuer).is_some_and(|(_, found)| found.0.contains(KeyUsages::KeyCertSign));
    (!(ca && signs)).then(|| {
        format!("the issuer {} is no CA, or may not sign certificates", name::readable(issuer.subject()))
    })
}

fn path_length(case: &Case) -> Option<String> {
    let issuer = case.context.issuer.as_ref()?.tbs();
    let (_, above) = get::<BasicConstraints>(issuer)?;
    let ca = get::<BasicConstraints>(&case.tbs).is_some_and(|(_, found)| found.ca);
    (ca && above.path_len_constraint == Some(0))
        .then(|| format!("a CA below {}, whose path length is 0", name::readable(issuer.subject())))
}

fn eku_nesting(case: &Case) -> Option<String> {
    let issuer = case.context.issuer.as_ref()?.tbs();
    let (_, above) = get::<ExtendedKeyUsage>(issuer)?;
    let (_, own) = get::<ExtendedKeyUsage>(&case.tbs)?;
    let strange = own.0.iter().find(|purpose| !above.0.contains(purpose))?;
    Some(format!(
        "the purpose {strange}, which the issuer {} does not have",
        name::readable(issuer.subject())
    ))
}

fn distinct_key(case: &Case) -> Option<String> {
    let issuer = case.context.issuer.as_ref()?.tbs();
    (issuer.subject_public_key_info() == case.tbs.subject_public_key_info())
        .then(|| "the subject's key is its issuer's".into())
}

#[cfg(test)]
pub(crate) mod tests;
