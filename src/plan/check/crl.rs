//! CRLs of a plan: their issuers, their numbers, and what must stay on them.

use std::collections::BTreeSet;

use super::{known, signs_here};
use crate::plan::{At, Crl, Fault, Name, Plan, Profile};

pub(super) fn crls(plan: &Plan, faults: &mut Vec<Fault>) {
    let mut numbers = BTreeSet::new();
    for (name, crl) in &plan.crls {
        let Some(issuer) = known("certificate", &crl.issuer, &plan.certificates, faults) else { continue };
        signs_here(plan, &issuer.key, faults);
        if !issuer.profile.is_ca() {
            let found = format!("CRL `{name}`: `{}` is not a CA", *crl.issuer);
            faults.push(Fault::at(&crl.issuer, found));
        }
        if let Some(crossed) = &issuer.cross_signs {
            let found = format!("CRL `{name}`: `{}` is a cross-certificate", *crl.issuer);
            faults.push(Fault::at(&crl.issuer, found).help(format!(
                "name `{}`: subject and key are the same, and CRLs are numbered under one name",
                **crossed
            )));
        }
        if !numbers.insert((crl.issuer.as_str(), *crl.number)) {
            let found = format!("CRL `{name}`: `{}` has another CRL number {}", *crl.issuer, *crl.number);
            faults.push(Fault::at(&crl.number, found).help("numbers rise with each CRL (RFC 5280, 5.2.3)"));
        }
        revoked(plan, name, crl, *issuer.profile, faults);
        let same = plan.crls.iter().filter(|(_, other)| other.issuer == crl.issuer);
        let earlier = same.filter(|(_, other)| *other.number < *crl.number);
        if let Some((before, earlier)) = earlier.max_by_key(|(_, other)| *other.number) {
            kept(plan, (name, crl), (before, earlier), faults);
        }
    }
}

/// What a CRL lists was issued by its issuer, is of its kind, and stands there once.
fn revoked(plan: &Plan, name: &Name, crl: &Crl, issuer: Profile, faults: &mut Vec<Fault>) {
    let mut once = BTreeSet::new();
    for revoked in &crl.revoked {
        let certificate = &revoked.certificate;
        let Some(target) = known("certificate", certificate, &plan.certificates, faults) else { continue };
        if target.issuer.as_ref() != Some(&crl.issuer) {
            let found = format!(
                "CRL `{name}` of `{}` revokes `{}`, which it did not issue",
                *crl.issuer, **certificate
            );
            faults.push(Fault::at(certificate, found));
        } else if issuer == Profile::Root && !target.profile.is_ca() {
            let found = format!(
                "CRL `{name}` of the root `{}` revokes `{}`, which is no CA",
                *crl.issuer, **certificate
            );
            faults.push(Fault::at(certificate, found).help(
                "a root's CRLs say onlyContainsCACerts (RFC 5280, 5.2.5), and nobody would look for it there: let a timestamping CA issue the signer",
            ));
        }
        if !once.insert(certificate.as_str()) {
            faults.push(Fault::at(certificate, format!("CRL `{name}` revokes `{}` twice", **certificate)));
        }
    }
}

/// What a CRL revokes stays on those after it, with its date, until one of them was issued after the
/// certificate expired (RFC 5280, 3.3).
fn kept(plan: &Plan, (name, crl): (&Name, &Crl), (before, earlier): (&Name, &Crl), faults: &mut Vec<Fault>) {
    for entry in &earlier.revoked {
        let certificate: &At<Name> = &entry.certificate;
        let Some(target) = plan.certificates.get(&**certificate) else { continue };
        // It was on a list that was issued after it expired.
        if target.validity.to < earlier.validity.from {
            continue;
        }
        let Some(now) = crl.revoked.iter().find(|now| now.certificate == *certificate) else {
            let found = format!("CRL `{name}` leaves out `{}`, which `{before}` revokes", **certificate);
            let help = format!(
                "what is revoked stays listed until a CRL was issued after it expired (RFC 5280, 3.3), and `{}` expires on {}: list it again, with its date of {}",
                **certificate, target.validity.to, entry.date
            );
            faults.push(Fault::at(&crl.number, found).help(help));
            continue;
        };
        if now.date != entry.date {
            let found = format!(
                "CRL `{name}` says that `{}` was revoked on {}, and `{before}` says {}",
                **certificate, now.date, entry.date
            );
            let help = "the date of a revocation stays as it was published; since when the certificate must be taken for invalid is its `invalidity-date`";
            faults.push(Fault::at(&now.certificate, found).help(help));
        }
    }
    if let (Some(from), None) = (&earlier.revoked_from, &crl.revoked_from) {
        let found = format!("CRL `{name}` names no list of revocations, and `{before}` has one");
        let help = format!(
            "what is revoked stays listed (RFC 5280, 3.3): name a file with all that is in {}, and what is new",
            from.file.display()
        );
        faults.push(Fault::at(&crl.number, found).help(help));
    }
}

#[cfg(test)]
mod tests {
    use crate::plan::{Plan, Source};

    const EXAMPLE: &str = include_str!("../../../ceremony/sigstore.toml");

    /// The faults of the example with more CRLs.
    fn faults(crls: &str) -> String {
        let text = EXAMPLE.replacen("[trust-root]", &format!("{crls}\n[trust-root]"), 1);
        Plan::parse(&Source::new("plan.toml", text))
            .map_or_else(|faults| faults.to_string(), |_| String::new())
    }

    fn crl(number: u64, from: &str, more: &str) -> String {
        let validity = format!("validity = {{ from = \"{from}\", for = \"10 months\" }}");
        format!("[crls.root-{number}]\nissuer = \"root\"\nnumber = {number}\n{validity}\n{more}\n")
    }

    const REVOKED: &str = "revoked = [{ certificate = \"fulcio-2026\", date = \"2027-05-01T00:00:00Z\", reason = \"superseded\" }]";

    #[test]
    fn what_is_revoked_stays_until_it_expired() {
        let second = crl(2, "2027-06-01T00:00:00Z", REVOKED);
        assert_eq!(faults(&second), "");
        let kept = crl(3, "2028-01-01T00:00:00Z", REVOKED);
        assert_eq!(faults(&format!("{second}{kept}")), "");
        let dropped = crl(3, "2028-01-01T00:00:00Z", "");
        let shown = faults(&format!("{second}{dropped}"));
        assert!(shown.contains("CRL `root-3` leaves out `fulcio-2026`, which `root-2` revokes"), "{shown}");
        assert!(shown.contains("list it again, with its date of 2027-05-01T00:00:00Z"), "{shown}");
        // fulcio-2026 expires on 2029-12-01: the list that was issued before keeps it on the next one,
        // and the list that was issued after it lets it go.
        let after = crl(3, "2030-01-01T00:00:00Z", "");
        assert!(faults(&format!("{second}{after}")).contains("leaves out"));
        let (after, gone) = (crl(3, "2030-01-01T00:00:00Z", REVOKED), crl(4, "2030-06-01T00:00:00Z", ""));
        assert_eq!(faults(&format!("{second}{after}{gone}")), "");
    }

    #[test]
    fn the_date_of_a_revocation_stays() {
        let second = crl(2, "2027-06-01T00:00:00Z", REVOKED);
        let moved = crl(3, "2028-01-01T00:00:00Z", &REVOKED.replace("2027-05-01", "2027-05-02"));
        let shown = faults(&format!("{second}{moved}"));
        assert!(shown.contains("was revoked on 2027-05-02T00:00:00Z, and `root-2` says"), "{shown}");
    }

    #[test]
    fn a_list_of_revocations_stays() {
        let listed = format!("revoked-from = {{ file = \"a.csv\", sha256 = \"{}\" }}", "0".repeat(64));
        let second = crl(2, "2027-06-01T00:00:00Z", &listed);
        let shown = faults(&format!("{second}{}", crl(3, "2028-01-01T00:00:00Z", "")));
        assert!(shown.contains("names no list of revocations, and `root-2` has one"), "{shown}");
        assert!(
            faults(&crl(2, "2027-06-01T00:00:00Z", &listed.replace('0', "A"))).contains("is not a SHA-256")
        );
    }

    #[test]
    fn a_certificate_is_revoked_once_by_its_issuer() {
        let twice = REVOKED.replace(
            "}]",
            "}, { certificate = \"fulcio-2026\", date = \"2027-05-01T00:00:00Z\", reason = \"superseded\" }]",
        );
        assert!(faults(&crl(2, "2027-06-01T00:00:00Z", &twice)).contains("revokes `fulcio-2026` twice"));
        let other = REVOKED.replace("fulcio-2026", "tsa-signer-2026");
        assert!(faults(&crl(2, "2027-06-01T00:00:00Z", &other)).contains("which it did not issue"));
    }
}
