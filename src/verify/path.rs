//! Paths from a certificate up to its root (RFC 5280, 6.1), walked here for CAs, which rustls-webpki
//! refuses as an end of a path, and built by rustls-webpki for timestamp signers.

use std::time::Duration;

use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};
use x509_parser::asn1_rs::oid;
use x509_parser::extensions::ExtendedKeyUsage;

use super::certificate::{Certificate, Certificates};
use crate::plan::Time;

/// id-kp-timeStamping, 1.3.6.1.5.5.7.3.8, as DER has it.
const TIME_STAMPING: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 8];

/// A path that was walked: the certificate first, its root last.
#[derive(Debug)]
pub struct Path<'p, 'a>(Vec<&'p Certificate<'a>>);

/// Walks up from a certificate whose issuers are in `above`, and checks every step.
pub fn walk<'p, 'a>(
    certificate: &'p Certificate<'a>,
    above: &'p Certificates<'a>,
) -> Result<Path<'p, 'a>, String> {
    let mut path = vec![certificate];
    let mut last = certificate;
    while let Some(name) = last.claim.issuer {
        let issuer = above.get(name).ok_or_else(|| format!("the issuer `{name}` could not be read"))?;
        if path.iter().any(|passed| passed.claim.name == name) {
            return Err(format!("the issuer `{name}` stands twice in the path"));
        }
        path.push(issuer);
        last = issuer;
    }
    known_extensions(certificate)?;
    let is_ca = constraints(certificate)?.0;
    // How many CAs stand below an issuer, the certificate itself among them if it is one.
    let mut below: u32 = u32::from(is_ca);
    for (own, issuer) in path.iter().zip(path.iter().skip(1)) {
        may_issue(issuer, below)?;
        inside(own, issuer)?;
        purposes(certificate, issuer)?;
        below = below.saturating_add(1);
    }
    Ok(Path(path))
}

/// Nothing critical that is not understood here (RFC 5280, 4.2).
fn known_extensions(certificate: &Certificate<'_>) -> Result<(), String> {
    let known = [oid!(2.5.29.19), oid!(2.5.29.15), oid!(2.5.29.37)];
    let extensions = certificate.x509.extensions();
    match extensions.iter().find(|found| found.critical && !known.contains(&found.oid)) {
        Some(found) => Err(format!("the extension {} is critical, and not known here", found.oid)),
        None => Ok(()),
    }
}

/// Whether it is a CA, and its path length.
fn constraints(certificate: &Certificate<'_>) -> Result<(bool, Option<u32>), String> {
    let found =
        certificate.x509.basic_constraints().map_err(|error| format!("basic constraints: {error}"))?;
    Ok(found.map_or((false, None), |found| (found.value.ca, found.value.path_len_constraint)))
}

/// RFC 5280, 6.1.4 (k) to (n).
fn may_issue(issuer: &Certificate<'_>, below: u32) -> Result<(), String> {
    let name = issuer.claim.name;
    let (ca, longest) = constraints(issuer)?;
    let usage = issuer.x509.key_usage().map_err(|error| format!("key usage of `{name}`: {error}"))?;
    if !ca || !usage.is_some_and(|usage| usage.value.key_cert_sign()) {
        return Err(format!("its issuer `{name}` is no CA, or may not sign certificates"));
    }
    match longest {
        Some(longest) if below > longest => {
            Err(format!("{below} CAs below `{name}`, whose path length is {longest}"))
        }
        _ => Ok(()),
    }
}

/// The validity lies inside the issuer's.
fn inside(own: &Certificate<'_>, issuer: &Certificate<'_>) -> Result<(), String> {
    let ((from, to), (issuer_from, issuer_to)) = (own.validity(), issuer.validity());
    if from >= issuer_from && to <= issuer_to {
        return Ok(());
    }
    let (own, issuer) = (own.claim.name, issuer.claim.name);
    Err(format!("the validity of `{own}` is not inside that of its issuer `{issuer}`"))
}

/// What the certificate is for, its issuers are for.
fn purposes(certificate: &Certificate<'_>, issuer: &Certificate<'_>) -> Result<(), String> {
    let list = |certificate: &Certificate<'_>| -> Result<Option<Vec<String>>, String> {
        let found = certificate.x509.extended_key_usage();
        let found = found.map_err(|error| format!("extended key usage: {error}"))?;
        Ok(found.map(|found| names(found.value)))
    };
    let (Some(allowed), Some(own)) = (list(issuer)?, list(certificate)?) else { return Ok(()) };
    match own.iter().find(|purpose| !allowed.contains(purpose)) {
        Some(purpose) => {
            Err(format!("it is for {purpose}, which its issuer `{}` is not for", issuer.claim.name))
        }
        None => Ok(()),
    }
}

/// The purposes of an extended key usage, by name or object identifier.
pub fn names(usage: &ExtendedKeyUsage<'_>) -> Vec<String> {
    let known = [
        (usage.any, "any"),
        (usage.server_auth, "serverAuth"),
        (usage.client_auth, "clientAuth"),
        (usage.code_signing, "codeSigning"),
        (usage.email_protection, "emailProtection"),
        (usage.time_stamping, "timeStamping"),
        (usage.ocsp_signing, "ocspSigning"),
    ];
    let known = known.into_iter().filter(|(there, _)| *there).map(|(_, name)| name.to_string());
    known.chain(usage.other.iter().map(|oid| oid.to_id_string())).collect()
}

impl Path<'_, '_> {
    /// The path in words.
    pub fn describe(&self) -> String {
        let names: Vec<&str> = self.0.iter().map(|certificate| certificate.claim.name).collect();
        match names.as_slice() {
            [_] => "its own issuer: a root".into(),
            _ => format!(
                "a path of CAs that may issue it, each validity inside the next: {}",
                names.join(" → ")
            ),
        }
    }

    /// Has rustls-webpki build the path of a timestamp signer. Expiry is judged apart from it, so the
    /// path is built for the moment of its common validity that is nearest to `at`.
    pub fn webpki(&self, at: Time) -> Result<String, String> {
        let from = self.0.iter().map(|certificate| certificate.validity().0).max();
        let to = self.0.iter().map(|certificate| certificate.validity().1).min();
        let (Some(from), Some(to)) = (from, to) else { return Err("an empty path".into()) };
        let moment = at.unix().min(to).max(from);
        let moment = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(moment).unwrap_or(0)));
        let ders: Vec<CertificateDer<'_>> =
            self.0.iter().map(|certificate| CertificateDer::from(certificate.claim.der.as_slice())).collect();
        let [signer, intermediates @ .., root] = ders.as_slice() else {
            return Err("a timestamp signer that is its own root".into());
        };
        let refused = |error: webpki::Error| format!("rustls-webpki builds no path: {error}");
        EndEntityCert::try_from(signer)
            .map_err(refused)?
            .verify_for_usage(
                webpki::ALL_VERIFICATION_ALGS,
                &[anchor_from_trusted_cert(root).map_err(refused)?],
                intermediates,
                moment,
                KeyUsage::required(TIME_STAMPING),
                None,
                None,
            )
            .map_err(refused)?;
        Ok("rustls-webpki builds the path to its root, for timestamps".into())
    }
}
