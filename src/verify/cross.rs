//! Cross-certificates: that each repeats what it cross-signs, and that paths lead up through it.

use super::certificate::{Certificate, Certificates};
use super::claims::{self, Claims};
use super::parsed::Parsed;
use super::path;
use super::report::Entry;
use x509_parser::asn1_rs::{Oid, oid};

/// The certificate that one repeats, as the plan said.
pub fn crossed<'c>(claim: &claims::Certificate<'c>) -> Option<&'c str> {
    claim.spec.get("cross-signs").and_then(serde_json::Value::as_str)
}

/// What a certificate repeats of the one that it cross-signs, from the bytes of both.
pub fn repeats(certificate: &Certificate<'_>, all: &Certificates<'_>, entry: &mut Entry<'_>) {
    let Some(name) = crossed(certificate.claim) else { return };
    let Some(other) = all.get(name) else {
        return entry.failed(format!("`{name}`, which it cross-signs, could not be read"));
    };
    let (own, theirs) = (&certificate.x509, &other.x509);
    let is_root = other.claim.issuer.is_none();
    let mut kinds: Vec<(Oid<'_>, &str)> =
        vec![(oid!(2.5.29.14), "subject key identifier"), (oid!(2.5.29.15), "key usage")];
    // Below another root, a root is an intermediate, with purposes and policies.
    if !is_root {
        kinds.extend([
            (oid!(2.5.29.19), "basic constraints"),
            (oid!(2.5.29.37), "extended key usage"),
            (oid!(2.5.29.32), "policies"),
        ]);
    }
    let value = |found: &Parsed<'_>, kind: &Oid<'_>| {
        let mut all = found.x509.extensions().iter().filter(|extension| extension.oid == *kind);
        all.next().map(|extension| (extension.critical, extension.value.to_vec()))
    };
    let mut wrong = Vec::new();
    if own.subject().as_raw() != theirs.subject().as_raw() {
        wrong.push("subject");
    }
    if own.public_key().raw != theirs.public_key().raw {
        wrong.push("key");
    }
    let differs = |kind: &Oid<'_>| value(certificate, kind) != value(other, kind);
    wrong.extend(kinds.iter().filter(|(kind, _)| differs(kind)).map(|(_, what)| *what));
    if own.issuer().as_raw() == theirs.issuer().as_raw() {
        wrong.push("another issuer");
    }
    if certificate.validity().1 > other.validity().1 {
        wrong.push("an end that is no later");
    }
    entry.judge(match wrong.as_slice() {
        [] => Ok(format!("repeats `{name}`: subject, key, and the extensions that belong to them")),
        list => Err(format!("it cross-signs `{name}`, and has not its {}", list.join(", "))),
    });
}

/// The paths that cross-certificates above a certificate open. `claimed` is its own path.
pub fn paths(certificate: &Certificate<'_>, claimed: &[&str], all: &Certificates<'_>, entry: &mut Entry<'_>) {
    // A cross-certificate is itself the other way up.
    if self::crossed(certificate.claim).is_some() {
        return;
    }
    for (name, cross) in all {
        let above = claimed.iter().skip(1);
        let Some(crossed) = crossed(cross.claim).filter(|crossed| above.clone().any(|name| name == crossed))
        else {
            continue;
        };
        // Without the certificate that it repeats, and without every other way past it.
        let others: Vec<&Parsed<'_>> = all
            .values()
            .filter(|found| found.claim.name != crossed)
            .filter(|found| found.claim.name == *name || self::crossed(found.claim).is_none())
            .map(|found| &found.parsed)
            .collect();
        let roots = all.values().filter(|found| found.claim.issuer.is_none() && found.claim.name != crossed);
        let anchors: Vec<&Parsed<'_>> = roots.map(|found| &found.parsed).collect();
        let question = path::Question { end_issues: true, ..path::Question::default() };
        let built = path::build(certificate, &others, &anchors, &question);
        entry.judge(match built {
            Ok(path) if path.iter().any(|found| found.name == *name) => {
                let names: Vec<&str> = path.iter().map(|found| found.name.as_str()).collect();
                Ok(format!("another path, by a cross-certificate: {}", names.join(" → ")))
            }
            Ok(_) => Err(format!("a path past `{crossed}` that does not lead through `{name}`")),
            Err(reason) => Err(format!("no path leads up through the cross-certificate `{name}`: {reason}")),
        });
    }
}

impl Claims<'_> {
    /// The names from a certificate's issuer up to the one below `crossed`; none if it is not above.
    fn below(&self, issuer: Option<&str>, crossed: &str) -> Option<Vec<&claims::Certificate<'_>>> {
        let mut below = Vec::new();
        let mut next = issuer;
        while let Some(name) = next.filter(|name| *name != crossed) {
            let found = self.certificate(name)?;
            below.push(found);
            next = found.issuer;
        }
        next.map(|_| below)
    }

    /// The chain files that a certificate, the last of those that were signed, adds by way of
    /// cross-certificates: their paths, and what stands in them.
    pub(super) fn chains_by_cross(&self) -> Vec<(String, Vec<&[u8]>)> {
        let Some((new, before)) = self.certificates.split_last() else { return Vec::new() };
        let up = |from: &claims::Certificate<'_>| {
            let mut chain = Vec::new();
            let mut next = from.issuer.and_then(|name| self.certificate(name));
            while let Some(found) = next {
                chain.push(found.der.as_slice());
                next = found.issuer.and_then(|name| self.certificate(name));
            }
            chain
        };
        let new_is_cross = crossed(new).is_some();
        let pairs = before.iter().filter_map(|other| {
            let (low, cross) = if new_is_cross { (other, new) } else { (new, other) };
            let target = crossed(cross).filter(|_| crossed(low).is_none())?;
            let below = self.below(low.issuer, target)?;
            let ders = std::iter::once(low).chain(below).chain(std::iter::once(cross));
            let ders = ders.map(|found| found.der.as_slice()).chain(up(cross)).collect();
            Some((format!("certificates/{}.via-{}.chain.pem", low.name, cross.name), ders))
        });
        pairs.collect()
    }
}
