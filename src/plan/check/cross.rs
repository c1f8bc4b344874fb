//! Cross-certificates: what they repeat, and under whom.

use super::known;
use crate::plan::{At, Certificate, Fault, Name, Plan, Profile};

/// A cross-certificate repeats a certificate that is none, and nothing hangs on it alone. Whether it repeats
/// it faithfully, rules judge.
pub(super) fn cross(plan: &Plan, name: &Name, certificate: &Certificate, faults: &mut Vec<Fault>) {
    if let Some(issuer) = &certificate.issuer
        && let Some(other) = plan.certificates.get(&**issuer).and_then(|found| found.cross_signs.as_ref())
    {
        let found = format!("certificate `{name}` is issued by the cross-certificate `{}`", **issuer);
        faults.push(Fault::at(issuer, found).help(format!(
            "the key that signs is the same: name `{}`, and a chain can lead up through either",
            **other
        )));
    }
    let Some(target_name) = &certificate.cross_signs else {
        if *certificate.profile == Profile::CrossRoot {
            faults.push(
                Fault::at(&certificate.profile, format!("certificate `{name}` cross-signs no root"))
                    .help("add cross-signs = \"…\", the name of the root whose subject and key it has"),
            );
        }
        return;
    };
    let Some(target) = known("certificate", target_name, &plan.certificates, faults) else { return };
    if target.cross_signs.is_some() || **target_name == *name {
        let found = format!("`{name}` cross-signs `{}`, which is a cross-certificate itself", **target_name);
        faults.push(Fault::at(target_name, found).help("name the certificate that all of them repeat"));
    }
    if certificate.issuer.is_none() {
        faults.push(
            Fault::at(target_name, format!("the cross-certificate `{name}` has no issuer"))
                .help("add issuer = \"…\", another one than that of the certificate that it cross-signs"),
        );
    }
}

/// Whether `upper` may follow `lower` in a chain: it issued it, or it repeats the certificate that did.
pub(super) fn follows(plan: &Plan, lower: &Certificate, upper: &At<Name>) -> bool {
    let Some(issuer) = &lower.issuer else { return false };
    let repeats = plan.certificates.get(&**upper).and_then(|found| found.cross_signs.as_ref());
    issuer == upper || repeats == Some(issuer)
}
