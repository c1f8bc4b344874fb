//! What a step waits for. Steps are taken in order; where a device is not there yet, those that do not
//! wait for it can be taken first.

use super::{Action, Step};
use crate::archive::Role;
use crate::plan::{Name, Plan};

/// Whether `step` can't be taken before `other` is done. Only what `other` makes counts: both may well
/// use one device.
pub fn waits_for(plan: &Plan, step: &Step, other: &Step) -> bool {
    match &step.action {
        Action::GenerateKey { .. } | Action::ImportKey { .. } | Action::TakeTarget { .. } => false,
        Action::Issue { certificate, signer } => {
            let planned = plan.certificates.get(certificate);
            let issuer = planned.and_then(|planned| planned.issuer.as_deref());
            let key = planned.map(|planned| &*planned.key);
            let crossed = planned.and_then(|planned| planned.cross_signs.as_deref());
            issuer.is_some_and(|issuer| issues(other, issuer))
                || crossed.is_some_and(|crossed| issues(other, crossed))
                || makes(other, signer)
                || key.is_some_and(|key| makes(other, key))
        }
        Action::BackUp { key, .. } => {
            makes(other, key) || plan.proof_of_copy(key).is_some_and(|proof| issues(other, proof))
        }
        Action::IssueCrl { crl, signer } => {
            let Some(planned) = plan.crls.get(crl) else { return false };
            let revoked = planned.revoked.iter().any(|entry| issues(other, &entry.certificate));
            // Numbers rise: an earlier CRL of the same issuer comes first.
            let earlier = matches!(&other.action, Action::IssueCrl { crl: earlier, .. } if plan
                .crls
                .get(earlier)
                .is_some_and(|earlier| earlier.issuer == planned.issuer && *earlier.number < *planned.number));
            makes(other, signer) || issues(other, &planned.issuer) || revoked || earlier
        }
        Action::SignCsr { csr, signer } => {
            let planned = plan.csrs.get(csr).and_then(|planned| planned.cross_signs.as_deref());
            makes(other, signer) || planned.is_some_and(|crossed| issues(other, crossed))
        }
        // Clients get all of it at once.
        Action::AssembleTrustRoot => matches!(
            other.action,
            Action::GenerateKey { .. }
                | Action::ImportKey { .. }
                | Action::Issue { .. }
                | Action::BackUp { .. }
                | Action::IssueCrl { .. }
        ),
        Action::SignMetadata { role, signer } => makes(other, signer) || rests_on(*role, other),
        // Its signers may all be elsewhere: then there is no step of theirs to wait for.
        Action::Publish { role } => {
            let signs = matches!(&other.action, Action::SignMetadata { role: signed, .. } if signed == role);
            // Clients count its signatures under the newest root.
            signs || rests_on(*role, other) || *role != Role::Root && publishes(other, Role::Root)
        }
    }
}

/// Whether the bytes of a role's metadata follow from what a step makes. Those of targets do not follow from
/// the root: whoever is elsewhere signs both at once.
pub fn rests_on(role: Role, other: &Step) -> bool {
    match role {
        Role::Root => matches!(other.action, Action::GenerateKey { .. } | Action::ImportKey { .. }),
        Role::Targets => matches!(other.action, Action::AssembleTrustRoot | Action::TakeTarget { .. }),
        Role::Snapshot => publishes(other, Role::Targets),
        Role::Timestamp => publishes(other, Role::Snapshot),
    }
}

fn makes(other: &Step, name: &Name) -> bool {
    matches!(&other.action, Action::GenerateKey { key, .. } | Action::ImportKey { key } if key == name)
}

fn issues(other: &Step, name: &Name) -> bool {
    matches!(&other.action, Action::Issue { certificate, .. } if certificate == name)
}

fn publishes(other: &Step, role: Role) -> bool {
    other.action == Action::Publish { role }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::State;
    use crate::difference::between;
    use crate::plan::tests::example;

    fn step<'a>(steps: &'a [Step], id: &str) -> &'a Step {
        steps.iter().find(|step| step.id == id).unwrap_or_else(|| panic!("no step {id}"))
    }

    #[test]
    fn the_order_of_the_steps_is_one_in_which_nothing_waits() {
        let plan = example();
        let steps = between(&plan, &State::default()).unwrap();
        for (n, earlier) in steps.iter().enumerate() {
            assert!(!waits_for(&plan, earlier, earlier), "{} waits for itself", earlier.id);
            for later in &steps[n..] {
                assert!(!waits_for(&plan, earlier, later), "{} waits for {}", earlier.id, later.id);
            }
        }
    }

    #[test]
    fn a_step_waits_for_what_it_needs_and_for_nothing_else() {
        let plan = example();
        let steps = between(&plan, &State::default()).unwrap();
        let waits = |id: &str, other: &str| waits_for(&plan, step(&steps, id), step(&steps, other));
        for (id, other) in [
            ("issue/root", "generate-key/root"),
            ("issue/fulcio-2026", "issue/root"),
            ("issue/fulcio-2026", "generate-key/fulcio-2026"),
            ("issue/tsa-signer-2026", "issue/tsa-2026"),
            ("issue-crl/root-1", "issue/root"),
            ("assemble/trust-root", "issue/tsa-signer-2026"),
            ("sign/tuf-root/keyholder-1", "generate-key/keyholder-5"),
            ("sign/tuf-targets/keyholder-1", "assemble/trust-root"),
            ("publish/tuf-root", "sign/tuf-root/keyholder-5"),
            ("publish/tuf-targets", "publish/tuf-root"),
            ("sign/tuf-snapshot/tuf-online", "publish/tuf-targets"),
            ("sign/tuf-timestamp/tuf-online", "publish/tuf-snapshot"),
        ] {
            assert!(waits(id, other), "{id} does not wait for {other}");
        }
        for (id, other) in [
            ("issue/root", "generate-key/keyholder-1"),
            ("issue/fulcio-2026", "issue/tsa-2026"),
            ("generate-key/keyholder-2", "generate-key/keyholder-1"),
            ("sign/tuf-root/keyholder-2", "sign/tuf-root/keyholder-1"),
            ("issue-crl/root-1", "generate-key/keyholder-1"),
            ("sign/tuf-targets/keyholder-1", "publish/tuf-root"),
        ] {
            assert!(!waits(id, other), "{id} waits for {other}");
        }
    }
}
