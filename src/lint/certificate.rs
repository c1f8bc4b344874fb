//! Rules for certificates, over the exact bytes that are to be signed.

mod case;
mod chain;
mod cross;
mod extension;
mod field;
mod life;
mod name;

use der::asn1::ObjectIdentifier;

pub use case::{Case, Extensions, Found};

use super::{Findings, Lintable, Rules, finished, key, rules};
use crate::pki::{Certificate, Draft};

impl Lintable for Certificate {
    fn lint(draft: &Draft<Self>, rules: &Rules) -> Findings {
        let mut findings = Findings::default();
        match Case::read(draft.bytes.clone(), draft.context.clone(), rules.policy()) {
            Ok(case) => check(&case, &draft.object, rules, &mut findings),
            Err(error) => findings.check(rules, UNREADABLE, &draft.object, &error),
        }
        findings
    }

    fn finished(&self, draft: &Draft<Self>) -> Findings {
        finished::lint(&draft.object, self.der(), &draft.bytes, &draft.public)
    }
}

/// Runs every rule for certificates, those for their keys included.
pub fn check(case: &Case, object: &str, rules: &Rules, findings: &mut Findings) {
    findings.check(rules, RULES, object, case);
    findings.check(rules, CHAIN, object, case);
    findings.check(rules, key::RULES, object, &case.key);
}

rules! {
    "The rule for certificates that can't be judged.", UNREADABLE, der::Error;
    unreadable, "CERT-READABLE", Structural, "A certificate's bytes can be read back.", "RFC 5280, 4.1";
}

fn unreadable(error: &der::Error) -> Option<String> {
    Some(error.to_string())
}

rules! {
    "Every rule for a certificate by itself.", RULES, Case;
    field::der_strict, "CERT-DER", Structural, "The bytes are DER: read and written again, they are the same.", "RFC 5280, 4.1; X.690, 10";
    field::version, "CERT-VERSION", Structural, "The version is 3.", "RFC 5280, 4.1.2.1";
    field::serial, "CERT-SERIAL", Structural, "The serial number is positive and has 20 octets, the top bits 01.", "RFC 5280, 4.1.2.2; CSBR 7.1";
    field::serial_entropy, "CERT-SERIAL-ENTROPY", Structural, "The serial number is random: among its octets there are at least 10 different ones.", "CSBR 7.1: 64 bits from a CSPRNG";
    field::algorithm, "CERT-SIGNATURE-ALGORITHM", Structural, "The signature algorithm is the one that goes with the issuer's key.", "RFC 5280, 4.1.2.3; RFC 5758; RFC 8410; RFC 4055";
    field::weak_hash, "CERT-WEAK-HASH", Structural, "The signature does not rest on MD2, MD5 or SHA-1.", "CSBR 7.1.3.2; RFC 6194";
    field::unique_ids, "CERT-UNIQUE-IDS-ABSENT", Error, "There is no issuerUniqueID and no subjectUniqueID.", "RFC 5280, 4.1.2.8";
    field::key_algorithm, "CERT-KEY-ALGORITHM", Error, "The key's algorithm is one that the profiles of certificate and policy allow and stock clients take.", "CSBR 6.1.5; Microsoft's programme, 3.B; sigstore's clients";
    name::issuer, "CERT-ISSUER-NAME", Structural, "The issuer's name is byte for byte the subject of the issuer's certificate.", "RFC 5280, 4.1.2.4; CSBR 7.1.4.1";
    name::planned, "CERT-SUBJECT-PLANNED", Structural, "The subject is the plan's.", "the plan";
    name::names, "CERT-SUBJECT-NAMES", Error, "The subject has one common name and one organization, neither empty.", "sigstore-python's trusted root; CSBR 7.1.4.2";
    name::rdn, "CERT-SUBJECT-RDN", Structural, "Each relative name of the subject has one attribute, and no value is empty.", "RFC 5280, 4.1.2.4; X.501, 9.3";
    name::strings, "CERT-SUBJECT-STRINGS", Error, "Organization and common name are UTF8String or PrintableString, of at most 64 characters.", "RFC 5280, 4.1.2.4 and appendix A.1";
    name::country, "CERT-COUNTRY", Error, "A country is a PrintableString of two capital letters.", "RFC 5280, appendix A; ISO 3166";
    life::encoding, "CERT-TIME-ENCODING", Structural, "Times are UTCTime to 2049 and GeneralizedTime from 2050.", "RFC 5280, 4.1.2.5";
    life::order, "CERT-VALIDITY-ORDER", Structural, "The validity ends after it begins.", "RFC 5280, 4.1.2.5";
    life::planned, "CERT-VALIDITY-PLANNED", Structural, "The validity is the plan's.", "the plan";
    life::inside, "CERT-VALIDITY-INSIDE-ISSUER", Error, "The validity lies inside the issuer's.", "CSBR 6.3.2; the shell model of path validation";
    life::most, "CERT-LIFE", Error, "A root lives at most 10 years (profile microsoft: 25), a timestamp signer at most 135 months.", "CSBR 6.3.2; root programmes";
    life::least, "CERT-LIFE-LEAST", Error, "A root lives at least 8 years.", "Microsoft's programme, 3.A.3", Microsoft;
    extension::basic_constraints, "CERT-BASIC-CONSTRAINTS", Error, "Basic constraints are critical and the profile's: CA or not, path length 0 on intermediates, none on a root.", "RFC 5280, 4.2.1.9; CSBR 7.1.2";
    extension::key_usage, "CERT-KEY-USAGE", Error, "Key usage is critical and the profile's, no more and no less.", "RFC 5280, 4.2.1.3; CSBR 7.1.2";
    extension::root_eku, "CERT-ROOT-EKU-ABSENT", Error, "A root has no extended key usage.", "CSBR 7.1.2.1";
    extension::eku, "CERT-EKU", Error, "Extended key usage is exactly the profile's one purpose, and both for a cross-signed root.", "CSBR 7.1.2; Fulcio's certificate specification";
    extension::eku_criticality, "CERT-EKU-CRITICALITY", Error, "Extended key usage is critical on a timestamp signer, and not on a CA.", "RFC 3161, 2.3; sigstore-python";
    extension::subject_key, "CERT-SKI", Error, "The subject key identifier is there, not critical, and made of the key by RFC 7093, method 1.", "RFC 5280, 4.2.1.2; RFC 7093, 2";
    extension::authority_key, "CERT-AKI", Error, "The authority key identifier is the issuer's subject key identifier, not critical; a root has none.", "RFC 5280, 4.2.1.1; sigstore-python";
    extension::root_policies, "CERT-ROOT-POLICIES-ABSENT", Error, "A root has no certificate policies.", "CSBR 7.1.2.1";
    extension::policies, "CERT-POLICIES", Structural, "Certificate policies are the plan's, each once.", "the plan; RFC 5280, 4.2.1.4";
    extension::policies_present, "CERT-POLICIES-PRESENT", Error, "What is no root has certificate policies.", "CSBR 7.1.2.2 and 7.1.2.3", CodeSigningBr;
    extension::policies_reserved, "CERT-POLICIES-RESERVED", Error, "An intermediate asserts the reserved policy of what it issues, or anyPolicy: 2.23.140.1.4.1 or 2.23.140.1.3 for code signing, 2.23.140.1.4.2 for timestamps.", "CSBR 7.1.6.3", CodeSigningBr;
    extension::crl_points, "CERT-CDP", Structural, "CRL distribution points are the plan's addresses: full names, without reasons or another issuer.", "the plan; RFC 5280, 4.2.1.13";
    extension::crl_points_present, "CERT-CDP-PRESENT", Error, "What is no root says where its issuer's CRL is.", "CSBR 7.1.2.2; Microsoft's programme, 3.A.6", CodeSigningBr, Microsoft;
    extension::issuer_access, "CERT-AIA", Structural, "Authority information access gives the plan's addresses of the issuer's certificate, and no others.", "the plan; RFC 5280, 4.2.2.1";
    extension::issuer_access_present, "CERT-AIA-PRESENT", Error, "What is no root says where its issuer's certificate is.", "CSBR 7.1.2.2", CodeSigningBr;
    extension::addresses_http, "CERT-ADDRESSES-HTTP", Warning, "CRL and issuer are fetched over http: checking https would ask for them again.", "RFC 5280, 8; CSBR 7.1.2.2";
    extension::root_addresses, "CERT-ROOT-ADDRESSES-ABSENT", Warning, "A root says nothing of CRLs or issuers: nobody but itself could revoke it.", "RFC 5280, 4.2.2.1";
    extension::name_constraints, "CERT-NAME-CONSTRAINTS-ABSENT", Error, "There are no name constraints: a code-signing hierarchy names no hosts, and clients differ in what they make of them.", "RFC 5280, 4.2.1.10; CSBR 7.1.2.4";
    extension::unique, "CERT-EXTENSIONS-UNIQUE", Structural, "No extension stands twice.", "RFC 5280, 4.2";
    extension::known, "CERT-EXTENSIONS-KNOWN", Error, "There is no extension that the profile does not have.", "CSBR 7.1.2";
    extension::unknown_critical, "CERT-EXTENSIONS-CRITICAL-UNKNOWN", Structural, "No extension is critical that clients do not know.", "RFC 5280, 4.2: they must refuse the certificate";
    extension::criticality, "CERT-EXTENSIONS-CRITICALITY", Error, "Policies, and the addresses of CRL and issuer, are not critical.", "CSBR 7.1.2.2; RFC 5280, 4.2.1.13 and 4.2.2.1";
    extension::encoding, "CERT-EXTENSIONS-DER", Structural, "The value of each extension can be read, and is DER: written again, it is the same.", "RFC 5280, 4.2; X.690, 10";
    extension::not_empty, "CERT-EXTENSIONS-NOT-EMPTY", Structural, "No list of extensions, purposes, policies or addresses is empty.", "RFC 5280, 4.1 and 4.2.1: SIZE (1..MAX)";
}

rules! {
    "Every rule for a certificate among the others.", CHAIN, Case;
    chain::issuer_ca, "CHAIN-ISSUER-IS-CA", Structural, "The issuer is a CA that may sign certificates.", "RFC 5280, 6.1.4 (k) and (n)";
    chain::path_length, "CHAIN-PATH-LENGTH", Structural, "A CA is below an issuer whose path length leaves room for it, and takes no more of it than is left.", "RFC 5280, 6.1.4 (l) and (m)";
    chain::eku_nesting, "CHAIN-EKU-NESTING", Error, "The extended key usage is one that the issuer's allows.", "CSBR 7.1.2; Mozilla policy 5.3";
    chain::distinct_key, "CHAIN-DISTINCT-KEY", Structural, "The subject's key is not the issuer's, but for a root.", "RFC 5280, 3.2";
    chain::root_own_key, "CHAIN-ROOT-OWN-KEY", Structural, "A root is signed with the key that it certifies, anything else with another's.", "RFC 5280, 3.2";
    chain::root_issues_cas, "CHAIN-ROOT-ISSUES-CAS", Error, "A root issues CAs only.", "CSBR 6.1.7; Microsoft's programme, 3.C.4", CodeSigningBr, Microsoft;
    chain::strength_rises, "CHAIN-STRENGTH", Warning, "The key is no stronger than its issuer's: a chain holds what its weakest key holds.", "NIST SP 800-57, part 1, 5.6.1";
    chain::one_key, "CHAIN-ONE-KEY-PER-SUBJECT", Error, "No other certificate has this subject and another key.", "sigstore-rs takes the first of two for both; Microsoft's programme, 3.A.7";
    chain::one_subject, "CHAIN-ONE-SUBJECT-PER-KEY", Error, "No other certificate has this key and another subject.", "Microsoft's programme, 3.A.7; sigstore's clients";
    cross::mirrors, "CHAIN-CROSS-MIRRORS", Error, "A certificate of a key that has one already repeats its key identifier, constraints and usages, and a cross-certificate its policies too; a root's becomes that of an intermediate.", "RFC 5280, 4.2.1.2; a large CA's cross-sign of May 2026 that lacked a purpose";
    cross::same, "CHAIN-CROSS-SAME", Structural, "A cross-certificate has the subject and the key of the certificate that it cross-signs, byte for byte.", "RFC 5280, 3.2; RFC 4158, 1.5";
    cross::other_issuer, "CHAIN-CROSS-OTHER-ISSUER", Structural, "A cross-certificate has another issuer than the certificate that it cross-signs.", "RFC 5280, 3.2";
    cross::life, "CHAIN-CROSS-LIFE", Error, "A cross-certificate ends no later than the certificate that it cross-signs: trust in a CA is not prolonged by another one's.", "practice: cross-signs of retired roots outlived them";
    chain::serial_unique, "CHAIN-SERIAL-UNIQUE", Structural, "No other certificate of the issuer has this serial number.", "RFC 5280, 4.1.2.2";
}

/// Policy identifiers that CSBR reserves (7.1.6.1), and anyPolicy.
const CODE_SIGNING: [ObjectIdentifier; 3] = [
    ObjectIdentifier::new_unwrap("2.23.140.1.4.1"),
    ObjectIdentifier::new_unwrap("2.23.140.1.3"),
    ANY_POLICY,
];
const TIMESTAMPS: [ObjectIdentifier; 2] = [ObjectIdentifier::new_unwrap("2.23.140.1.4.2"), ANY_POLICY];
const ANY_POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.32.0");

/// Whether a signature algorithm rests on a hash that is broken.
pub(super) fn weak(algorithm: ObjectIdentifier) -> bool {
    field::WEAK.contains(&algorithm)
}

fn found_expected(
    what: &str,
    found: impl std::fmt::Display,
    expected: impl std::fmt::Display,
) -> Option<String> {
    Some(format!("{what} is {found}, expected {expected}"))
}

#[cfg(test)]
pub(crate) mod tests;
