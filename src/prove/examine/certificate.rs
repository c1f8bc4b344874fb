//! The developer's certificate: its chain to an authority of the trusted root, its profile, the promise
//! of a certificate log, and whom it names.

use data_encoding::HEXLOWER;
use x509_parser::asn1_rs::oid;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::FromDer;

use super::tlv::{self, CONTEXT_3, INTEGER, OCTETS, OID, SEQUENCE};
use super::{Judged, within};
use crate::plan::Time;
use crate::trust_root::TrustedRoot;
use crate::verify::signature::{Key, sha256};

/// The list of promises, 1.3.6.1.4.1.11129.2.4.2, as DER has its identifier.
const SCTS: &[u8] = &[0x2b, 6, 1, 4, 1, 0xd6, 0x79, 2, 4, 2];

/// The developer's certificate as it was read.
pub(in crate::prove) struct Leaf<'a> {
    x509: X509Certificate<'a>,
    /// The developer's key.
    pub key: Key,
    /// The serial number, in hex.
    pub serial: String,
}

impl<'a> Leaf<'a> {
    /// Reads it, and holds it to Fulcio's profile.
    pub fn read(der: &'a [u8]) -> Judged<Self> {
        let x509 = parse(der)?;
        let key = Key::of(x509.public_key())?;
        let serial = HEXLOWER.encode(x509.raw_serial());
        let leaf = Self { x509, key, serial };
        leaf.profile()?;
        Ok(leaf)
    }

    fn profile(&self) -> Judged<()> {
        let x509 = &self.x509;
        let known = [oid!(2.5.29.15), oid!(2.5.29.17), oid!(2.5.29.19), oid!(2.5.29.37)];
        if let Some(other) = x509.extensions().iter().find(|one| one.critical && !known.contains(&one.oid)) {
            return Err(format!("the extension {} is critical, and not known here", other.oid));
        }
        let usage = x509.key_usage().map_err(|error| error.to_string())?;
        if !usage.is_some_and(|usage| usage.value.digital_signature()) {
            return Err("its key usage lacks digitalSignature".into());
        }
        let purpose = x509.extended_key_usage().map_err(|error| error.to_string())?;
        if !purpose.is_some_and(|purpose| purpose.value.code_signing) {
            return Err("it is not for code signing".into());
        }
        if x509.is_ca() {
            return Err("it is a CA".into());
        }
        Ok(())
    }

    /// Whether it names whom it should.
    pub fn names(&self, (identity, issuer): (&str, &str)) -> Judged<()> {
        let names = self.x509.subject_alternative_name().map_err(|error| error.to_string())?;
        let found: Vec<String> = names
            .iter()
            .flat_map(|names| &names.value.general_names)
            .map(|name| match name {
                GeneralName::RFC822Name(text) | GeneralName::URI(text) => (*text).to_string(),
                other => format!("{other:?}"),
            })
            .collect();
        if found != [identity] {
            return Err(format!("the certificate is for {}, expected {identity}", found.join(", ")));
        }
        let value = |oid: &str| {
            self.x509.extensions().iter().find(|one| one.oid.to_id_string() == oid).map(|one| one.value)
        };
        let raw = value("1.3.6.1.4.1.57264.1.1").map(|value| String::from_utf8_lossy(value).into_owned());
        // A UTF8String.
        let text = value("1.3.6.1.4.1.57264.1.8")
            .and_then(|value| tlv::only(value, 0x0c))
            .map(|text| String::from_utf8_lossy(text.content).into_owned());
        let issuers = [raw, text].map(Option::unwrap_or_default);
        match issuers.iter().find(|found| *found != issuer) {
            Some(other) => Err(format!("it was vouched for by `{other}`, expected {issuer}")),
            None => Ok(()),
        }
    }
}

pub(super) fn parse(der: &[u8]) -> Judged<X509Certificate<'_>> {
    let (rest, x509) =
        X509Certificate::from_der(der).map_err(|error| format!("not a certificate: {error}"))?;
    if rest.is_empty() { Ok(x509) } else { Err("bytes behind the certificate".into()) }
}

/// One certificate was issued by the other: names, key, and the right to issue.
pub(super) fn issued(own: &X509Certificate<'_>, issuer: &X509Certificate<'_>, below: u32) -> Judged<()> {
    let name = issuer.subject();
    if own.issuer().as_raw() != name.as_raw() {
        return Err(format!("its issuer is {}, not {name}", own.issuer()));
    }
    let constraints = issuer.basic_constraints().map_err(|error| error.to_string())?;
    let usage = issuer.key_usage().map_err(|error| error.to_string())?;
    let length = constraints.as_ref().and_then(|found| found.value.path_len_constraint);
    if !constraints.is_some_and(|found| found.value.ca)
        || !usage.is_some_and(|usage| usage.value.key_cert_sign())
        || length.is_some_and(|length| length < below)
    {
        return Err(format!("{name} may not issue it"));
    }
    let key = Key::of(issuer.public_key())?;
    if !key.kind.goes_with(&own.signature_algorithm)
        || own.signature_algorithm != own.tbs_certificate.signature
    {
        return Err("its signature algorithm is not that of its issuer's key".into());
    }
    key.verify(own.tbs_certificate.as_ref(), &own.signature_value.data)
        .map_err(|error| format!("{error} of {name}"))
}

/// A chain as the trusted root lists it: each issued by the next, the last by itself, all valid at a time.
pub(super) fn listed(chain: &[X509Certificate<'_>], time: Time) -> Judged<()> {
    let mut below = 0;
    for (at, own) in chain.iter().enumerate() {
        valid(own, time)?;
        let issuer = chain.get(at.saturating_add(1)).unwrap_or(own);
        issued(own, issuer, if std::ptr::eq(own, issuer) { 0 } else { below })?;
        below = below.saturating_add(u32::from(own.is_ca()));
    }
    Ok(())
}

pub(super) fn valid(own: &X509Certificate<'_>, time: Time) -> Judged<()> {
    let (from, to) = (own.validity().not_before, own.validity().not_after);
    if (from.timestamp()..=to.timestamp()).contains(&time.unix()) {
        return Ok(());
    }
    let name = match own.subject().to_string() {
        name if name.is_empty() => "it".to_string(),
        name => name,
    };
    Err(format!("{name} is valid from {from} to {to}, and it is used at {time}"))
}

/// Finds the authority that issued a certificate at a time. What is given back is the issuer's certificate.
pub(in crate::prove) fn chain(root: &TrustedRoot, leaf: &Leaf<'_>, time: Time) -> Judged<Vec<u8>> {
    valid(&leaf.x509, time)?;
    let mut why = "no authority of the trusted root issued it".to_string();
    for authority in &root.certificate_authorities {
        let ders: Vec<&[u8]> = authority
            .cert_chain
            .iter()
            .flat_map(|chain| &chain.certificates)
            .map(|one| one.raw_bytes.as_slice())
            .collect();
        let chain = ders.iter().map(|der| parse(der)).collect::<Judged<Vec<_>>>()?;
        let Some(issuer) = chain.first() else { continue };
        if issued(&leaf.x509, issuer, 0).is_err() {
            continue;
        }
        let judged = within(authority.valid_for.as_ref(), time)
            .map_err(|reason| format!("{}: {reason}", issuer.subject()))
            .and_then(|()| purposes(issuer))
            .and_then(|()| listed(&chain, time));
        match judged {
            Ok(()) => return Ok(ders.first().map(|der| der.to_vec()).unwrap_or_default()),
            Err(reason) => why = reason,
        }
    }
    Err(why)
}

fn purposes(issuer: &X509Certificate<'_>) -> Judged<()> {
    let purpose = issuer.extended_key_usage().map_err(|error| error.to_string())?;
    match purpose {
        Some(purpose) if !purpose.value.code_signing => {
            Err(format!("{} is not for code signing", issuer.subject()))
        }
        _ => Ok(()),
    }
}

/// The one promise in a certificate, by a log of the trusted root.
pub(in crate::prove) fn promise(
    root: &TrustedRoot,
    leaf: &Leaf<'_>,
    issuer: &[u8],
    time: Time,
) -> Judged<()> {
    let lists: Vec<_> = leaf
        .x509
        .extensions()
        .iter()
        .filter(|one| matches!(one.parsed_extension(), ParsedExtension::SCT(_)))
        .collect();
    let [list] = lists.as_slice() else {
        return Err(format!("{} lists of promises, expected one", lists.len()));
    };
    let ParsedExtension::SCT(promises) = list.parsed_extension() else { return Err("no promise".into()) };
    let [promise] = promises.as_slice() else {
        return Err(format!("{} promises, expected one", promises.len()));
    };
    let id = promise.id.key_id;
    let found = root.ctlogs.iter().find(|log| log.log_id.as_ref().is_some_and(|known| known.key_id == id));
    let found = found
        .ok_or_else(|| format!("it is of the log {}, which the trusted root lacks", HEXLOWER.encode(id)))?;
    let public = found.public_key.as_ref().ok_or("the log has no key")?;
    let seconds = i64::try_from(promise.timestamp / 1000).ok().and_then(Time::from_unix);
    let promised = seconds.ok_or("its time is outside of the calendar")?;
    within(public.valid_for.as_ref(), promised)?;
    if promised > time {
        return Err(format!("it is of {promised}, later than the signature of {time}"));
    }
    let issuer = parse(issuer)?;
    let covered = without_promises(leaf.x509.tbs_certificate.as_ref()).ok_or("the certificate is no DER")?;
    let length = u32::try_from(covered.len()).map_err(|_| "a long certificate")?.to_be_bytes();
    let key_hash = sha256(issuer.public_key().raw);
    let extensions = u16::try_from(promise.extensions.0.len()).map_err(|_| "long extensions")?.to_be_bytes();
    let said = [
        &[0, 0][..],
        &promise.timestamp.to_be_bytes(),
        &[0, 1],
        key_hash.as_ref(),
        length.get(1..).unwrap_or_default(),
        &covered,
        &extensions,
        promise.extensions.0,
    ]
    .concat();
    let key = Key::read(public.raw_bytes.as_deref().unwrap_or_default())?;
    key.verify(&said, promise.signature.data)
}

/// A TBSCertificate without the list of promises, which is what the log saw.
fn without_promises(tbs: &[u8]) -> Option<Vec<u8>> {
    let outer = tlv::only(tbs, SEQUENCE)?;
    let mut parts = Vec::new();
    for part in tlv::all(outer.content)? {
        if part.tag != CONTEXT_3 {
            parts.extend(part.whole);
            continue;
        }
        let list = tlv::only(part.content, SEQUENCE)?;
        let mut kept = Vec::new();
        for extension in tlv::all(list.content)? {
            let (id, _) = tlv::first(extension.content)?;
            if !(id.tag == OID && id.content == SCTS) {
                kept.extend(extension.whole);
            }
        }
        parts.extend(tlv::wrap(CONTEXT_3, &tlv::wrap(SEQUENCE, &kept)));
    }
    Some(tlv::wrap(SEQUENCE, &parts))
}

/// The serial number and issuer of a certificate, as CMS names a signer by them.
pub(super) fn named(certificate: &X509Certificate<'_>) -> Vec<u8> {
    let serial = tlv::wrap(INTEGER, certificate.raw_serial());
    [certificate.issuer().as_raw(), &serial].concat()
}

/// The content of an OCTET STRING.
pub(super) fn octets(bytes: &[u8]) -> Option<&[u8]> {
    tlv::only(bytes, OCTETS).map(|found| found.content)
}
