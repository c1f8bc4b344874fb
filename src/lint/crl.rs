//! Rules for CRLs, over the exact bytes that are to be signed.

mod entries;

use der::asn1::ObjectIdentifier;
use der::oid::AssociatedOid;
use der::{Decode, Encode};
use x509_cert::certificate::Version;
use x509_cert::crl::TbsCertList;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::crl::dp::IssuingDistributionPoint;
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, BasicConstraints, CrlNumber, KeyUsage, KeyUsages};
use x509_cert::time::Time;

use super::{Findings, Lintable, Rules, finished, rules};
use crate::pki::crl::{Context, ISSUING_DISTRIBUTION_POINT, Parts, lists_cas, number};
use crate::pki::{Algorithm, Crl, Draft, name};
use entries::Listed;

/// A CRL's draft as the rules see it.
pub struct Case {
    /// What was read from the bytes to be signed, without the entries.
    pub tbs: TbsCertList,
    /// The same part of the bytes.
    head: Vec<u8>,
    /// What there is to say of the entries: they are gone through once.
    listed: Listed,
    /// The issuer's key's algorithm.
    pub algorithm: Algorithm,
    /// The issuer, and what it published before.
    pub context: Context,
}

impl Case {
    /// Reads what shall be signed by a key of that algorithm.
    pub fn read(bytes: &[u8], algorithm: Algorithm, context: Context) -> der::Result<Self> {
        let parts = <Parts>::read(bytes)?;
        let listed = Listed::of(&parts);
        Ok(Self { tbs: parts.head, head: parts.head_der, listed, algorithm, context })
    }
}

impl Lintable for Crl {
    fn lint(draft: &Draft<Self>, rules: &Rules) -> Findings {
        let mut findings = Findings::default();
        match Case::read(&draft.bytes, draft.public.algorithm(), draft.context.clone()) {
            Ok(case) => findings.check(rules, RULES, &draft.object, &case),
            Err(error) => findings.check(rules, UNREADABLE, &draft.object, &error),
        }
        findings
    }

    fn finished(&self, draft: &Draft<Self>) -> Findings {
        finished::lint(&draft.object, self.der(), &draft.bytes, &draft.public)
    }

    fn judged(draft: &mut Draft<Self>) {
        draft.context.before = None;
    }
}

rules! {
    "The rule for CRLs that can't be judged.", UNREADABLE, der::Error;
    unreadable, "CRL-READABLE", Structural, "A CRL's bytes can be read back.", "RFC 5280, 5.1";
}

fn unreadable(error: &der::Error) -> Option<String> {
    Some(error.to_string())
}

rules! {
    "Every rule for CRLs.", RULES, Case;
    der_strict, "CRL-DER", Structural, "The bytes are DER: read and written again, they are the same.", "RFC 5280, 5.1; X.690, 10";
    version, "CRL-VERSION", Structural, "The version is 2.", "RFC 5280, 5.1.2.1";
    algorithm, "CRL-SIGNATURE-ALGORITHM", Structural, "The signature algorithm is the one that goes with the issuer's key.", "RFC 5280, 5.1.2.2";
    issuer_name, "CRL-ISSUER-NAME", Structural, "The issuer is byte for byte the subject of the issuer's certificate.", "RFC 5280, 5.1.2.3";
    issuer_signs, "CRL-ISSUER-MAY-SIGN", Structural, "The issuer is a CA that may sign CRLs.", "RFC 5280, 6.3.3 (f)";
    next_update, "CRL-NEXT-UPDATE", Error, "nextUpdate is there, after thisUpdate, and within 12 months of it.", "CSBR 4.9.7";
    inside, "CRL-INSIDE-ISSUER", Error, "thisUpdate lies in the issuer's validity.", "RFC 5280, 6.3.3";
    times, "CRL-TIME-ENCODING", Structural, "Times are UTCTime to 2049 and GeneralizedTime from 2050.", "RFC 5280, 5.1.2.4";
    authority_key, "CRL-AKI", Error, "The authority key identifier is the issuer's subject key identifier.", "RFC 5280, 5.2.1";
    crl_number, "CRL-NUMBER", Structural, "The CRL number is there, not critical, at least 1, and higher than the one before.", "RFC 5280, 5.2.3";
    distribution, "CRL-IDP", Error, "The issuing distribution point is critical, and says that only CA certificates are listed; or only others, where the issuer can't issue those of CAs.", "RFC 5280, 5.2.5; BR 7.2.2.1";
    not_empty, "CRL-REVOKED-NOT-EMPTY", Structural, "A list without entries leaves revokedCertificates out.", "RFC 5280, 5.1.2.6";
    unique, "CRL-ENTRIES-UNIQUE", Structural, "No serial number is listed twice, no extension stands twice.", "RFC 5280, 5.1.2.6 and 5.2";
    known, "CRL-EXTENSIONS-KNOWN", Error, "The list's extensions are authority key identifier, number and issuing distribution point; an entry's are its reason and its invalidity date.", "RFC 5280, 5.2 and 5.3";
    encoding, "CRL-EXTENSIONS-DER", Structural, "The value of each extension can be read, and is DER: written again, it is the same.", "RFC 5280, 5.2; X.690, 10";
    reasons, "CRL-REASON", Error, "Each entry has a reason that is not critical and fits a CA's certificate: neither unspecified nor a hold.", "RFC 5280, 5.3.1; Microsoft's programme, 2.7";
    revocation_dates, "CRL-REVOCATION-DATE", Error, "Nothing is revoked later than thisUpdate.", "RFC 5280, 5.1.2.6";
    rises, "CRL-THIS-UPDATE-RISES", Error, "thisUpdate is not before that of the issuer's CRL before.", "RFC 5280, 5.1.2.4";
    kept, "CRL-ENTRIES-KEPT", Structural, "What the issuer's CRL before lists stays listed, with its date, until a CRL was issued after the certificate expired.", "RFC 5280, 3.3; CSBR 7.2";
    serials, "CRL-SERIAL", Structural, "The serial numbers that are listed are positive, and have at most 20 octets.", "RFC 5280, 4.1.2.2 and 5.1.2.6";
    invalidity_dates, "CRL-INVALIDITY-DATE", Error, "An invalidity date is not critical, a GeneralizedTime in whole seconds, and not after the revocation.", "RFC 5280, 5.3.2";
}

fn der_strict(case: &Case) -> Option<String> {
    let again = case.tbs.to_der().ok();
    (again.as_deref() != Some(case.head.as_slice()))
        .then(|| "the bytes change when they are read and written again".into())
        .or_else(|| case.listed.not_der.clone())
}

fn version(case: &Case) -> Option<String> {
    (case.tbs.version != Version::V2).then(|| format!("the version is {:?}", case.tbs.version))
}

fn algorithm(case: &Case) -> Option<String> {
    let expected = case.algorithm.signature_identifier();
    (case.tbs.signature != expected)
        .then(|| format!("the signature algorithm is {}, expected {}", case.tbs.signature.oid, expected.oid))
}

fn issuer_name(case: &Case) -> Option<String> {
    let expected = case.context.issuer.tbs().subject();
    (case.tbs.issuer.to_der().ok() != expected.to_der().ok()).then(|| {
        format!("the issuer is {}, expected {}", name::readable(&case.tbs.issuer), name::readable(expected))
    })
}

fn issuer_signs(case: &Case) -> Option<String> {
    let issuer = case.context.issuer.tbs();
    let ca = issuer.get_extension::<BasicConstraints>().ok().flatten().is_some_and(|(_, found)| found.ca);
    let usage = issuer.get_extension::<KeyUsage>().ok().flatten();
    let signs = usage.is_some_and(|(_, found)| found.0.contains(KeyUsages::CRLSign));
    (!(ca && signs)).then(|| format!("{} is no CA, or may not sign CRLs", name::readable(issuer.subject())))
}

fn seconds(time: &Time) -> u64 {
    time.to_unix_duration().as_secs()
}

fn next_update(case: &Case) -> Option<String> {
    const LONGEST: u64 = 366 * 86_400;
    let this = &case.tbs.this_update;
    match &case.tbs.next_update {
        Some(next) if seconds(next) > seconds(this) && seconds(next) - seconds(this) <= LONGEST => None,
        Some(next) => Some(format!("thisUpdate is {this}, nextUpdate {next}")),
        None => Some("nextUpdate is missing".into()),
    }
}

fn inside(case: &Case) -> Option<String> {
    let life = case.context.issuer.tbs().validity();
    let this = &case.tbs.this_update;
    let inside = seconds(this) >= seconds(&life.not_before) && seconds(this) <= seconds(&life.not_after);
    (!inside).then(|| {
        format!(
            "thisUpdate is {this}, while the issuer is valid from {} to {}",
            life.not_before, life.not_after
        )
    })
}

fn times(case: &Case) -> Option<String> {
    let mut all = [&case.tbs.this_update].into_iter().chain(&case.tbs.next_update);
    let wrong =
        all.find(|time| other_form(time)).map(|wrong| format!("{wrong} is written in the other form"));
    wrong.or_else(|| case.listed.other_form.clone())
}

/// Whether a time is not written as a CRL writes it (RFC 5280, 5.1.2.4 to 5.1.2.6).
fn other_form(time: &Time) -> bool {
    matches!(time, Time::UtcTime(_)) != (time.to_date_time().year() < 2050)
}

fn extensions(case: &Case) -> impl Iterator<Item = &Extension> {
    case.tbs.crl_extensions.iter().flatten()
}

fn authority_key(case: &Case) -> Option<String> {
    let expected = case.context.issuer.subject_key_identifier();
    let found = extensions(case)
        .find(|extension| extension.extn_id == AuthorityKeyIdentifier::OID)
        .and_then(|extension| AuthorityKeyIdentifier::from_der(extension.extn_value.as_bytes()).ok())
        .and_then(|identifier| identifier.key_identifier);
    (found.is_none() || found != expected).then(|| "the identifier is missing, or another key's".into())
}

fn crl_number(case: &Case) -> Option<String> {
    let critical =
        extensions(case).any(|extension| extension.extn_id == CrlNumber::OID && extension.critical);
    match number(&case.tbs) {
        Some(number) if number > case.context.previous.unwrap_or(0) && !critical => None,
        Some(number) => Some(format!(
            "the number is {number}, critical {critical}, and the one before {}",
            case.context.previous.unwrap_or(0)
        )),
        None => Some("the number is missing".into()),
    }
}

fn distribution(case: &Case) -> Option<String> {
    let Some(found) = extensions(case).find(|extension| extension.extn_id == ISSUING_DISTRIBUTION_POINT)
    else {
        return Some("the issuing distribution point is missing".into());
    };
    let cas = lists_cas(&case.context.issuer);
    let point = IssuingDistributionPoint::from_der(found.extn_value.as_bytes()).ok();
    let fine = found.critical
        && point.is_some_and(|point| {
            point.only_contains_ca_certs == cas
                && point.only_contains_user_certs != cas
                && !point.indirect_crl
        });
    let word = if cas { "onlyContainsCACerts" } else { "onlyContainsUserCerts" };
    (!fine).then(|| format!("it is not critical, or does not say {word}, and that alone"))
}

fn not_empty(case: &Case) -> Option<String> {
    case.listed.is_empty.then(|| "an empty revokedCertificates".into())
}

fn unique(case: &Case) -> Option<String> {
    let mut ids: Vec<_> = extensions(case).map(|extension| extension.extn_id).collect();
    ids.sort_unstable();
    if !ids.is_sorted_by(|a, b| a < b) {
        return Some("an extension stands twice".into());
    }
    let marks = &case.listed.marks;
    let twice = marks.iter().zip(marks.iter().skip(1)).find(|(a, b)| a.same_serial(b));
    twice.map(|(mark, _)| format!("the serial number {} stands twice", mark.shown()))
}

fn known(case: &Case) -> Option<String> {
    let list: [ObjectIdentifier; 3] =
        [AuthorityKeyIdentifier::OID, CrlNumber::OID, ISSUING_DISTRIBUTION_POINT];
    let strange = extensions(case).find(|found| !list.contains(&found.extn_id));
    let strange = strange.map(|strange| format!("the extension {}", strange.extn_id));
    strange.or_else(|| case.listed.unknown.clone())
}

fn encoding(case: &Case) -> Option<String> {
    let broken = extensions(case).find(|found| {
        let der = found.extn_value.as_bytes();
        !match found.extn_id {
            AuthorityKeyIdentifier::OID => again::<AuthorityKeyIdentifier>(der),
            CrlNumber::OID => again::<CrlNumber>(der),
            ISSUING_DISTRIBUTION_POINT => again::<IssuingDistributionPoint>(der),
            _ => true,
        }
    });
    broken.map(unreadable_value).or_else(|| case.listed.unreadable.clone())
}

/// Whether a value is DER: written again, it is the same.
fn again<'a, T: Decode<'a, Error = der::Error> + Encode>(der: &'a [u8]) -> bool {
    T::from_der(der).and_then(|value| value.to_der()).is_ok_and(|again| again == der)
}

fn unreadable_value(extension: &Extension) -> String {
    format!("the value of the extension {} can't be read, or is not DER", extension.extn_id)
}

fn reasons(case: &Case) -> Option<String> {
    case.listed.reason.clone()
}

fn revocation_dates(case: &Case) -> Option<String> {
    case.listed.late.clone()
}

fn serials(case: &Case) -> Option<String> {
    case.listed.serial.clone()
}

fn invalidity_dates(case: &Case) -> Option<String> {
    case.listed.invalidity.clone()
}

fn rises(case: &Case) -> Option<String> {
    let (this, before) = (&case.tbs.this_update, &case.context.before.as_ref()?.this_update);
    (seconds(this) < seconds(before)).then(|| format!("thisUpdate is {this}, and was {before} before"))
}

/// Both lists are sorted: one pass over both.
fn kept(case: &Case) -> Option<String> {
    let mut now = case.listed.marks.iter();
    let lost = case.context.before.as_ref()?.marks.iter().find(|wanted| {
        // What is skipped is smaller than this one, and than all that follow.
        now.by_ref().find(|mark| mark >= wanted) != Some(wanted)
    });
    lost.map(|lost| format!("{} was listed, and is no more, or with another date", lost.shown()))
}

#[cfg(test)]
pub(crate) mod tests;
