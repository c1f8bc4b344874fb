//! Requests that go out: whose key asks, and for what.

use super::{known, signs_here};
use crate::plan::{Fault, Plan, Profile};

pub(super) fn csrs(plan: &Plan, faults: &mut Vec<Fault>) {
    for (name, csr) in &plan.csrs {
        known("key", &csr.key, &plan.keys, faults);
        signs_here(plan, &csr.key, faults);
        if *csr.profile == Profile::Root {
            faults.push(
                Fault::at(&csr.profile, format!("the request `{name}` is for a root"))
                    .help("a root certifies itself; under another one it is of profile cross-root"),
            );
        }
        let target = csr.cross_signs.as_ref();
        if let Some(target) =
            target.and_then(|target| known("certificate", target, &plan.certificates, faults))
            && (target.cross_signs.is_some()
                || (*target.profile == Profile::Root) != (*csr.profile == Profile::CrossRoot))
        {
            let found = format!(
                "the request `{name}` of profile {} asks for a repeat of one of profile {}",
                *csr.profile, *target.profile
            );
            faults.push(
                Fault::at(&csr.profile, found).help("a root is repeated as cross-root, and nothing else is"),
            );
        }
    }
}
