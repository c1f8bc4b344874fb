//! Rules for the plan as a whole: what no single document shows.

use super::{Findings, Rules, rules};
use crate::plan::{Name, Plan};

/// What findings of the plan as a whole are of.
pub const OBJECT: &str = "ceremony";

rules! {
    "Every rule for the plan as a whole.", RULES, Plan;
    crl_made, "PLAN-CRL-MADE", Warning, "A CA whose certificates say where its CRL is has a CRL in the plan.", "RFC 5280, 4.2.1.13; CSBR 4.9.7";
    crl_follows, "PLAN-CRL-IN-TIME", Warning, "No CA's last CRL ends before the metadata of the TUF root: the next ceremony would come too late for it.", "CSBR 4.9.7";
    copied, "PLAN-KEY-COPIED", Warning, "No key is copied to a second device: a copied key was extractable once, and no device can claim of it that it never was (CKA_NEVER_EXTRACTABLE).", "CSBR 6.2.4, 6.2.6; PKCS#11 2.40, 2.7";
    post_quantum, "PLAN-PQ-NOT-MADE", Warning, "The profile lets certificates of ML-DSA keys pass, but no device or request of this version brings such a key: what is made is what profile sigstore makes.", "RFC 9881; the algorithms of this version", ExperimentalPq;
}

/// Judges a plan as a whole.
pub fn lint(plan: &Plan, rules: &Rules) -> Findings {
    let mut findings = Findings::default();
    findings.check(rules, RULES, OBJECT, plan);
    findings
}

fn crl_made(plan: &Plan) -> Option<String> {
    let has_crl = |issuer: &Name| plan.crls.values().any(|crl| *crl.issuer == *issuer);
    plan.certificates.iter().find_map(|(name, certificate)| {
        let issuer = certificate.issuer.as_deref().filter(|_| !certificate.crl_urls.is_empty())?;
        (!has_crl(issuer))
            .then(|| format!("certificates.{name} points to a CRL of `{issuer}`, and the plan has none"))
    })
}

fn crl_follows(plan: &Plan) -> Option<String> {
    let expires = *plan.tuf.as_ref()?.root.expires;
    plan.crls.values().find_map(|crl| {
        let all = plan.crls.values().filter(|other| other.issuer == crl.issuer);
        let last = all.map(|other| other.validity.to).max()?;
        (last < expires)
            .then(|| format!("the last CRL of `{}` ends at {last}, the TUF root at {expires}", *crl.issuer))
    })
}

fn copied(plan: &Plan) -> Option<String> {
    let copies: Vec<String> =
        plan.backups().map(|(key, from, to)| format!("`{key}` from {from} to {to}")).collect();
    (!copies.is_empty()).then(|| {
        format!(
            "copied, and extractable until then: {}; the copy's device never says that it made the key",
            copies.join(", ")
        )
    })
}

fn post_quantum(_: &Plan) -> Option<String> {
    Some("no ML-DSA key can be made".into())
}

#[cfg(test)]
pub(crate) mod tests;
