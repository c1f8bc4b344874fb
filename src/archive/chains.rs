//! The ways up from a certificate where one above it is cross-signed: each has a file of its own, beside
//! that of the issuers that the plan names.

use serde_json::Value;

use super::state::State;
use crate::pki::key::pem;
use crate::plan::Name;

/// Where the chain of a certificate is kept that leads up through a cross-certificate.
pub fn path(certificate: &Name, cross: &Name) -> String {
    format!("certificates/{certificate}.via-{cross}.chain.pem")
}

/// A certificate that was signed just now.
#[derive(Clone, Copy, Debug)]
pub struct New<'a> {
    /// Its name.
    pub name: &'a Name,
    /// The issuer's name; none for a root.
    pub issuer: Option<&'a Name>,
    /// What the plan said of it.
    pub spec: &'a Value,
    /// The certificate in DER.
    pub der: &'a [u8],
}

/// The certificate that a cross-certificate repeats, by what the plan said of it.
pub fn cross_signed(spec: &Value) -> Option<&str> {
    spec.get("cross-signs").and_then(Value::as_str)
}

/// The chains through cross-certificates that a new certificate makes possible: its own, and, where it is a
/// cross-certificate, those of all that stands below the certificate that it repeats. Each with its path.
pub fn others(new: New<'_>, before: &State) -> Vec<(String, String)> {
    let text = |der: &[u8]| pem("CERTIFICATE", der);
    if let Some(crossed) = cross_signed(new.spec) {
        let above = std::iter::once(text(new.der)).chain(
            new.issuer.iter().flat_map(|issuer| before.chain(issuer)).map(|certificate| certificate.pem()),
        );
        let above: String = above.collect();
        let plain = before.certificates.iter().filter(|(_, made)| cross_signed(&made.spec).is_none());
        return plain
            .filter_map(|(name, _)| {
                let below: String = below(before, Some(name), crossed)?;
                (!below.is_empty()).then(|| (path(name, new.name), below + &above))
            })
            .collect();
    }
    let crosses = before.certificates.iter().filter_map(|(name, made)| {
        let below = below(before, new.issuer, cross_signed(&made.spec)?)?;
        let above: String = before.chain(name).into_iter().map(|certificate| certificate.pem()).collect();
        Some((path(new.name, name), text(new.der) + &below + &above))
    });
    crosses.collect()
}

/// The certificates from one up to the one below `crossed`; none if `crossed` does not stand above it.
fn below(state: &State, from: Option<&Name>, crossed: &str) -> Option<String> {
    let mut found = String::new();
    let mut next = from;
    // A journal from elsewhere may say that certificates issue each other.
    for _ in 0..=state.certificates.len() {
        let name = next?;
        if name.as_str() == crossed {
            return Some(found);
        }
        let made = state.certificates.get(name)?;
        found.push_str(&made.certificate.pem());
        next = made.issuer.as_ref();
    }
    None
}
