//! Paths from a certificate up to a root (RFC 5280, 6.1), built here from names, keys and signatures
//! alone. rustls-webpki refuses a CA as the end of a path, so it is asked about timestamp signers only.

use std::time::Duration;

use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};
use x509_parser::asn1_rs::oid;
use x509_parser::extensions::ExtendedKeyUsage;

use super::parsed::Parsed;
use crate::plan::Time;

/// id-kp-timeStamping, 1.3.6.1.5.5.7.3.8, as DER has it.
const TIME_STAMPING: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 8];

/// How many signatures are verified for one path: certificates that issue each other in circles must
/// not keep anyone waiting.
const SIGNATURES: usize = 64;

/// What a path is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Question<'q> {
    /// Seconds since 1970 at which every certificate must be valid; none to leave time out of it.
    pub at: Option<i64>,
    /// A purpose, such as `timeStamping`, that no extended key usage of the path may leave out.
    pub purpose: Option<&'q str>,
    /// Whether a CA at the end counts against path lengths above it: it does where it shall issue.
    pub end_issues: bool,
    /// How many CAs may stand between the end and its root; those that issued themselves don't count.
    pub longest: usize,
}

impl Default for Question<'_> {
    fn default() -> Self {
        Self { at: None, purpose: None, end_issues: false, longest: 8 }
    }
}

/// Builds a path from `end` to one of the `anchors`, by way of any of `others`: `end` first, the anchor
/// last. The error says of each certificate that was tried why it does not go.
pub fn build<'p, 'a>(
    end: &'p Parsed<'a>,
    others: &[&'p Parsed<'a>],
    anchors: &[&'p Parsed<'a>],
    question: &Question<'_>,
) -> Result<Vec<&'p Parsed<'a>>, String> {
    let mut search =
        Search { others, anchors, question, path: vec![end], left: SIGNATURES, refused: Vec::new() };
    search.fits(end)?;
    if search.extend(false)? {
        return Ok(search.path);
    }
    search.refused.dedup();
    match search.refused.as_slice() {
        [] => Err(format!("no certificate here has the name of its issuer, {}", end.x509.issuer())),
        reasons => Err(reasons.join("; ")),
    }
}

struct Search<'s, 'p, 'a> {
    others: &'s [&'p Parsed<'a>],
    anchors: &'s [&'p Parsed<'a>],
    question: &'s Question<'s>,
    path: Vec<&'p Parsed<'a>>,
    /// Signatures that may still be verified.
    left: usize,
    /// Why certificates that bear the issuer's name were refused.
    refused: Vec<String>,
}

impl<'p, 'a> Search<'_, 'p, 'a> {
    /// Extends the path by every certificate that could have issued its last one, until an anchor ends
    /// it. An error ends the search.
    fn extend(&mut self, last_is_anchor: bool) -> Result<bool, String> {
        let Some(own) = self.path.last().copied() else { return Ok(false) };
        if last_is_anchor || self.path.len() == 1 && self.is_anchor(own) {
            return self.anchored(own);
        }
        let (anchors, others) = (self.anchors, self.others);
        let named = |found: &&&'p Parsed<'a>| found.x509.subject().as_raw() == own.x509.issuer().as_raw();
        let anchors = anchors.iter().filter(named).map(|found| (*found, true));
        let others = others.iter().filter(named).map(|found| (*found, false));
        for (issuer, anchor) in anchors.chain(others) {
            // No certificate, and no name with the same key, twice (RFC 5280, 6.1, and RFC 4158, 2.4.1).
            let passed = |known: &&Parsed<'_>| {
                known.key == issuer.key && known.x509.subject().as_raw() == issuer.x509.subject().as_raw()
            };
            if self.path.iter().any(passed) {
                continue;
            }
            if let Err(reason) = self.issued(own, issuer) {
                self.refused.push(reason);
                continue;
            }
            self.left = self.left.checked_sub(1).ok_or("too many ways up: the search was given up")?;
            if let Err(reason) = signed(own, issuer) {
                self.refused.push(reason);
                continue;
            }
            self.path.push(issuer);
            if self.extend(anchor)? {
                return Ok(true);
            }
            self.path.pop();
        }
        Ok(false)
    }

    fn is_anchor(&self, found: &Parsed<'_>) -> bool {
        self.anchors.iter().any(|anchor| anchor.der == found.der)
    }

    /// The end of a path: an anchor, whose own signature holds where it issued itself.
    fn anchored(&mut self, anchor: &Parsed<'_>) -> Result<bool, String> {
        if anchor.is_self_issued()
            && let Err(reason) = signed(anchor, anchor).and_then(|()| root_alone(anchor))
        {
            self.refused.push(reason);
            return Ok(false);
        }
        Ok(true)
    }

    /// What holds for every certificate of a path.
    fn fits(&self, found: &Parsed<'_>) -> Result<(), String> {
        let name = &found.name;
        found.sound().map_err(|reason| format!("`{name}`: {reason}"))?;
        if let Some(at) = self.question.at {
            let (from, to) = found.validity();
            if at < from || at > to {
                return Err(format!("`{name}` is not valid at that moment"));
            }
        }
        if let Some(purpose) = self.question.purpose
            && purposes(found)?.is_some_and(|purposes| !purposes.iter().any(|found| found == purpose))
        {
            return Err(format!("`{name}` is not for {purpose}"));
        }
        Ok(())
    }

    /// Everything about a certificate and its issuer but the signature.
    fn issued(&self, own: &Parsed<'_>, issuer: &Parsed<'_>) -> Result<(), String> {
        self.fits(issuer)?;
        identifiers(own, issuer)?;
        let mut below: usize = 0;
        for (at, found) in self.path.iter().enumerate() {
            let counts = if at == 0 {
                self.question.end_issues && found.constraints()?.0
            } else {
                !found.is_self_issued()
            };
            below = below.saturating_add(usize::from(counts));
        }
        if below > self.question.longest {
            return Err(format!("more than {} CAs below `{}`", self.question.longest, issuer.name));
        }
        may_issue(issuer, below)?;
        match self.path.first() {
            Some(end) => nested(end, issuer),
            None => Ok(()),
        }
    }
}

/// RFC 5280, 6.1.4 (k) to (n).
fn may_issue(issuer: &Parsed<'_>, below: usize) -> Result<(), String> {
    let name = &issuer.name;
    let (ca, longest) = issuer.constraints()?;
    let critical = issuer.x509.basic_constraints().ok().flatten().is_some_and(|found| found.critical);
    let usage = issuer.x509.key_usage().map_err(|error| format!("key usage of `{name}`: {error}"))?;
    if !ca || !critical || !usage.is_some_and(|usage| usage.value.key_cert_sign()) {
        return Err(format!("its issuer `{name}` is no CA, or may not sign certificates"));
    }
    match longest {
        Some(longest) if usize::try_from(longest).is_ok_and(|longest| below > longest) => {
            Err(format!("{below} CAs below `{name}`, whose path length is {longest}"))
        }
        _ => Ok(()),
    }
}

/// The key identifier that a certificate names is its issuer's (RFC 5280, 4.2.1.1).
fn identifiers(own: &Parsed<'_>, issuer: &Parsed<'_>) -> Result<(), String> {
    let found = own.authority();
    if found.is_none() || found == issuer.subject_key_identifier() {
        return Ok(());
    }
    Err(format!("the authority key identifier of `{}` is not that of `{}`", own.name, issuer.name))
}

/// A root names no purpose, and at most its own key as its authority (CSBR 7.1.2.1).
fn root_alone(root: &Parsed<'_>) -> Result<(), String> {
    let list = root.x509.extensions();
    if purposes(root)?.is_some() {
        return Err(format!("the root `{}` has an extended key usage", root.name));
    }
    if !list.iter().any(|found| found.oid == oid!(2.5.29.35)) {
        return Ok(());
    }
    let alone = super::certificate::authority_key_identifier(list);
    if alone.is_some() && alone == root.subject_key_identifier() {
        return Ok(());
    }
    Err(format!("the authority key identifier of the root `{}` is not its own key's alone", root.name))
}

/// The signature, under the issuer's key and the algorithm that goes with it.
fn signed(own: &Parsed<'_>, issuer: &Parsed<'_>) -> Result<(), String> {
    super::certificate::signature(own, issuer).map(|_| ())
}

/// What the end is for, its issuers are for.
fn nested(end: &Parsed<'_>, issuer: &Parsed<'_>) -> Result<(), String> {
    let (Some(allowed), Some(own)) = (purposes(issuer)?, purposes(end)?) else { return Ok(()) };
    match own.iter().find(|purpose| !allowed.contains(purpose)) {
        Some(purpose) => Err(format!("it is for {purpose}, which its issuer `{}` is not for", issuer.name)),
        None => Ok(()),
    }
}

fn purposes(found: &Parsed<'_>) -> Result<Option<Vec<String>>, String> {
    let list = found.x509.extended_key_usage();
    let list = list.map_err(|error| format!("extended key usage of `{}`: {error}", found.name))?;
    Ok(list.map(|list| names(list.value)))
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

/// The validity of each certificate lies inside its issuer's: what an archive's paths must also keep.
pub fn inside(path: &[&Parsed<'_>]) -> Result<&'static str, String> {
    for (own, issuer) in path.iter().zip(path.iter().skip(1)) {
        let ((from, to), (issuer_from, issuer_to)) = (own.validity(), issuer.validity());
        if from < issuer_from || to > issuer_to {
            let (own, issuer) = (&own.name, &issuer.name);
            return Err(format!("the validity of `{own}` is not inside that of its issuer `{issuer}`"));
        }
    }
    Ok("the validity lies inside that of every issuer")
}

/// Has rustls-webpki build the path of a timestamp signer from all that there is. Expiry is judged apart
/// from it, so the path is built for the moment of the signer's validity that is nearest to `at`.
pub fn webpki(
    signer: &Parsed<'_>,
    others: &[&Parsed<'_>],
    anchors: &[&Parsed<'_>],
    at: Time,
) -> Result<String, String> {
    let (from, to) = signer.validity();
    let moment = u64::try_from(at.unix().min(to).max(from)).unwrap_or(0);
    let refused = |error: webpki::Error| format!("rustls-webpki builds no path: {error}");
    let ders = |list: &[&Parsed<'_>]| -> Vec<CertificateDer<'static>> {
        list.iter().map(|found| CertificateDer::from(found.der.to_vec())).collect()
    };
    let (signer, intermediates, roots) = (CertificateDer::from(signer.der), ders(others), ders(anchors));
    let anchors: Vec<_> = roots.iter().filter_map(|root| anchor_from_trusted_cert(root).ok()).collect();
    EndEntityCert::try_from(&signer)
        .map_err(refused)?
        .verify_for_usage(
            webpki::ALL_VERIFICATION_ALGS,
            &anchors,
            &intermediates,
            UnixTime::since_unix_epoch(Duration::from_secs(moment)),
            KeyUsage::required(TIME_STAMPING),
            None,
            None,
        )
        .map_err(refused)?;
    Ok("rustls-webpki builds the path to its root, for timestamps".into())
}
