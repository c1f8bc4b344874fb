//! References and relations inside a plan. Every fault names its place; none hides another.

mod crl;
mod cross;
mod csr;
mod people;
mod trust_root;

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;

use super::{At, Certificate, Fault, Key, Name, Plan, Profile, Role};

/// All that is wrong with the plan as a whole.
pub fn check(plan: &Plan) -> Vec<Fault> {
    let mut faults = Vec::new();
    ceremony(plan, &mut faults);
    read_back(plan, &mut faults);
    people::backups(plan, &mut faults);
    people::people(plan, &mut faults);
    people::public_keys(plan, &mut faults);
    people::signers(plan, &mut faults);
    for (name, certificate) in &plan.certificates {
        self::certificate(plan, name, certificate, &mut faults);
        cross::cross(plan, name, certificate, &mut faults);
    }
    csr::csrs(plan, &mut faults);
    crl::crls(plan, &mut faults);
    trust_root::trust_root(plan, &mut faults);
    tuf(plan, &mut faults);
    faults.extend(plan.prove.iter().flat_map(|prove| prove.faults(plan.trust_root.is_some())));
    root_keys_only_certify(plan, &mut faults);
    waivers(plan, &mut faults);
    faults
}

/// What a waiver says; which rules there are, the rules themselves know.
fn waivers(plan: &Plan, faults: &mut Vec<Fault>) {
    let mut seen = BTreeSet::new();
    for waiver in &plan.waivers {
        if waiver.reason.trim().is_empty() || waiver.reason.chars().any(char::is_control) {
            let found =
                format!("the waiver of {} has no reason, or one with control characters", *waiver.rule);
            faults.push(
                Fault::at(&waiver.reason, found)
                    .help("say who decided it, when and why: it is shown wherever the rule is broken"),
            );
        }
        if !seen.insert((waiver.rule.as_str(), waiver.object.as_str())) {
            let found = format!("{} is waived twice for {}", *waiver.rule, *waiver.object);
            faults.push(Fault::at(&waiver.rule, found));
        }
    }
}

fn ceremony(plan: &Plan, faults: &mut Vec<Fault>) {
    for asked in [&plan.ceremony.ask_before, &plan.ceremony.ask_after] {
        let mut seen = BTreeSet::new();
        for what in asked.iter().filter(|what| !seen.insert(***what)) {
            faults.push(
                Fault::at(what, format!("`{}` is asked for twice", **what))
                    .help("once is enough: each time that it is answered, another one can be recorded"),
            );
        }
    }
    for (field, text) in [("name", &plan.ceremony.name), ("organization", &plan.ceremony.organization)] {
        if text.trim().is_empty() || text.chars().any(char::is_control) {
            faults
                .push(Fault::at(text, format!("the ceremony's {field} is empty or has control characters")));
        }
    }
}

/// A step that is read back makes something of the plan that has a fingerprint.
fn read_back(plan: &Plan, faults: &mut Vec<Fault>) {
    let names = |of: &[&Name], verb: &str| of.iter().map(|name| format!("{verb}/{name}")).collect::<Vec<_>>();
    let keys: Vec<&Name> = plan.device_keys().map(|(name, ..)| name).collect();
    let mut known = names(&keys, "generate-key");
    known.extend(names(&plan.certificates.keys().collect::<Vec<_>>(), "issue"));
    known.extend(names(&plan.csrs.keys().collect::<Vec<_>>(), "sign-csr"));
    known.extend(names(&plan.crls.keys().collect::<Vec<_>>(), "issue-crl"));
    if plan.trust_root.is_some() {
        known.push("assemble/trust-root".into());
    }
    if plan.tuf.is_some() {
        known.extend(["root", "targets", "snapshot", "timestamp"].map(|role| format!("publish/tuf-{role}")));
    }
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    for step in plan.ceremony.read_back.iter().filter(|step| !known.contains(&step.as_str())) {
        let help = match super::source::nearest(step, &known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => {
                "expected a step such as `generate-key/NAME`, `issue/NAME` or `assemble/trust-root`".into()
            }
        };
        faults.push(Fault::at(step, format!("the plan has no step `{}` to be read back", **step)).help(help));
    }
}

fn certificate(plan: &Plan, name: &Name, certificate: &Certificate, faults: &mut Vec<Fault>) {
    known("key", &certificate.key, &plan.keys, faults);
    let profile = *certificate.profile;
    let Some(issuer_name) = &certificate.issuer else {
        if profile != Profile::Root {
            faults.push(
                Fault::at(&certificate.profile, format!("certificate `{name}` has no issuer"))
                    .help("add issuer = \"…\", the name of the certificate whose key signs it"),
            );
        }
        signs_here(plan, &certificate.key, faults);
        return;
    };
    let Some(issuer) = known("certificate", issuer_name, &plan.certificates, faults) else { return };
    signs_here(plan, &issuer.key, faults);
    if let Some(path) = cycle(plan, name) {
        faults.push(Fault::at(issuer_name, format!("certificates issue each other in a circle: {path}")));
        return;
    }
    if !profile.issuers().contains(&issuer.profile) {
        let expected = match profile.issuers() {
            [] => "a root issues itself: leave `issuer` out; below another root it is of profile cross-root"
                .to_string(),
            list => {
                let list: Vec<&str> = list.iter().map(|profile| profile.as_str()).collect();
                format!("expected an issuer of profile {}", list.join(" or "))
            }
        };
        let found = format!(
            "certificate `{name}` of profile {profile} can't be issued by `{}` of profile {}",
            **issuer_name, *issuer.profile
        );
        faults.push(Fault::at(issuer_name, found).help(expected));
    }
    let (mine, whole) = (*certificate.validity, *issuer.validity);
    if mine.from < whole.from || mine.to > whole.to {
        faults.push(
            Fault::at(
                &certificate.validity,
                format!(
                    "certificate `{name}` is valid from {} to {}, outside its issuer's life",
                    mine.from, mine.to
                ),
            )
            .help(format!("issuer `{}` is valid from {} to {}", **issuer_name, whole.from, whole.to)),
        );
    }
}

/// The circle that following the issuers of `name` runs into, if it does.
fn cycle(plan: &Plan, name: &Name) -> Option<String> {
    let mut seen = vec![name];
    let mut at = name;
    while let Some(issuer) = plan.certificates.get(at).and_then(|certificate| certificate.issuer.as_deref()) {
        let again = seen.contains(&issuer);
        seen.push(issuer);
        if again {
            return Some(seen.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(" → "));
        }
        at = issuer;
    }
    None
}

fn tuf(plan: &Plan, faults: &mut Vec<Fault>) {
    let Some(tuf) = &plan.tuf else { return };
    if plan.trust_root.is_none() {
        faults.push(
            Fault::whole("[tuf] without [trust-root]").help(
                "the repository carries the trusted root to clients: say what it is, under [trust-root]",
            ),
        );
    }
    for role in [&tuf.root, &tuf.targets] {
        let mut seen = BTreeSet::new();
        for keyholder in role.keyholders.iter() {
            let Some(person) = known("person", keyholder, &plan.people, faults) else { continue };
            if *person.role != Role::Keyholder {
                faults.push(
                    Fault::at(keyholder, format!("`{}` is not a keyholder", **keyholder))
                        .help("only a person with role = \"keyholder\" and a device signs TUF roles"),
                );
            }
            if !seen.insert(keyholder.as_str()) {
                faults.push(Fault::at(keyholder, format!("`{}` stands twice in one role", **keyholder)));
            }
        }
        let (threshold, holders) = (*role.threshold, role.keyholders.len());
        if threshold == 0 || usize::try_from(threshold).map_or(true, |threshold| threshold > holders) {
            faults.push(
                Fault::at(&role.threshold, format!("threshold {threshold} of {holders} keyholders"))
                    .help("expected at least 1, and no more than there are keyholders"),
            );
        }
    }
    for role in [&tuf.snapshot, &tuf.timestamp] {
        known("key", &role.key, &plan.keys, faults);
        signs_here(plan, &role.key, faults);
        if let Some(uri) =
            role.uri.as_ref().filter(|uri| !uri.contains(':') || uri.chars().any(char::is_whitespace))
        {
            faults
                .push(Fault::at(uri, format!("`{}` is no address of a key", **uri)).help(
                    "expected what securesystemslib takes, such as gcpkms:projects/… or hsm:2?label=…",
                ));
        }
    }
    if *tuf.snapshot.key == *tuf.timestamp.key && tuf.snapshot.uri.as_deref() != tuf.timestamp.uri.as_deref()
    {
        let place = tuf.timestamp.uri.as_ref().or(tuf.snapshot.uri.as_ref());
        faults.extend(place.map(|uri| {
            Fault::at(uri, "snapshot and timestamp have one key, and two addresses of it")
                .help("a key is found in one place: say the same for both roles")
        }));
    }
    for periods in [&tuf.root.periods, &tuf.targets.periods, &tuf.snapshot.periods, &tuf.timestamp.periods] {
        if let Some(periods) = periods
            && (periods.signing == 0 || periods.signing >= periods.expiry)
        {
            faults.push(
                Fault::at(
                    periods,
                    format!("signed anew {} days before an end after {}", periods.signing, periods.expiry),
                )
                .help("expected a signing period of at least a day, and shorter than the expiry period"),
            );
        }
    }
}

/// A key that is known by its request lives elsewhere, and can't sign in a ceremony.
fn signs_here(plan: &Plan, key: &At<Name>, faults: &mut Vec<Fault>) {
    if let Some(Key::Csr { .. }) = plan.keys.get(&**key) {
        let found =
            format!("key `{}` lives elsewhere: it is known by its request, and can't sign here", **key);
        faults.push(Fault::at(key, found).help("name a key that a device of the plan generates"));
    }
}

/// CSBR 6.1.7: a root's key signs certificates and CRLs, nothing else.
fn root_keys_only_certify(plan: &Plan, faults: &mut Vec<Fault>) {
    let cas: BTreeMap<&str, &Name> = plan
        .certificates
        .iter()
        .filter(|(_, certificate)| certificate.profile.is_ca())
        .map(|(name, certificate)| (certificate.key.as_str(), name))
        .collect();
    let logs = plan.trust_root.iter().flat_map(|root| {
        let rekor = root.transparency_logs.iter().map(|log| &log.key);
        rekor.chain(root.certificate_logs.iter().map(|log| &log.key))
    });
    let roles = plan.tuf.iter().flat_map(|tuf| [&tuf.snapshot.key, &tuf.timestamp.key]);
    for key in logs.chain(roles) {
        if let Some(certificate) = cas.get(key.as_str()) {
            faults
                .push(Fault::at(key, format!("key `{}` is the key of the CA `{certificate}`", **key)).help(
                "a CA's key signs certificates and CRLs, nothing else (CSBR 6.1.7): give this its own key",
            ));
        }
    }
}

/// Looks a reference up; a fault names the nearest known name.
fn known<'a, T>(
    what: &str,
    name: &At<Name>,
    among: &'a IndexMap<Name, T>,
    faults: &mut Vec<Fault>,
) -> Option<&'a T> {
    let found = among.get(&**name);
    if found.is_none() {
        let names: Vec<&str> = among.keys().map(Name::as_str).collect();
        let help = match super::source::nearest(name.as_str(), &names) {
            Some(near) => format!("did you mean `{near}`?"),
            None if names.is_empty() => format!("the plan has no {what} at all"),
            None => format!("known here: {}", names.join(", ")),
        };
        faults.push(Fault::at(name, format!("there is no {what} `{}` in the plan", **name)).help(help));
    }
    found
}

#[cfg(test)]
mod tests {
    use crate::plan::{Plan, Source};

    const EXAMPLE: &str = include_str!("../../ceremony/sigstore.toml");

    fn faults_of(from: &str, to: &str) -> String {
        assert!(EXAMPLE.contains(from), "the example has no {from}");
        match Plan::parse(&Source::new("plan.toml", EXAMPLE.replacen(from, to, 1))) {
            Ok(_) => String::new(),
            Err(faults) => faults.to_string(),
        }
    }

    #[test]
    fn the_example_is_accepted() {
        assert_eq!(faults_of("[ceremony]", "[ceremony]"), "");
    }

    #[test]
    fn each_relation_is_checked() {
        for (from, to, expected) in [
            ("issuer   = \"root\"", "issuer   = \"rot\"", "did you mean `root`?"),
            ("issuer   = \"root\"", "issuer   = \"fulcio-2026\"", "in a circle: fulcio-2026 → fulcio-2026"),
            ("key      = \"fulcio-2026\"", "key      = \"fulcio-2036\"", "there is no key `fulcio-2036`"),
            ("threshold = 3", "threshold = 6", "threshold 6 of 5 keyholders"),
            ("threshold = 3", "threshold = 0", "threshold 0 of 5 keyholders"),
            ("\"keyholder-2\", \"keyholder-3\"", "\"keyholder-1\", \"keyholder-3\"", "stands twice"),
            ("device = \"keyholder-2\"", "device = \"keyholder-1\"", "share the device"),
            (", device = \"keyholder-2\"", "", "has no device"),
            ("device = \"keyholder-2\"", "device = \"keyholder-2\", key = \"keyholder-1\"", "share the key"),
            (
                "device = \"keyholder-2\"",
                "device = \"keyholder-2\", key = \"root\"",
                "has the name of another key",
            ),
            ("{ role = \"operator\" }", "{ role = \"operator\", key = \"x\" }", "no device that holds it"),
            ("\"keyholder-2\", \"keyholder-3\"", "\"administrator\", \"keyholder-3\"", "is not a keyholder"),
            ("[\"fulcio-2026\", \"root\"]", "[\"root\", \"fulcio-2026\"]", "which is not a root"),
            ("[\"fulcio-2026\", \"root\"]", "[\"fulcio-2026\"]", "which is not a root"),
            ("[\"fulcio-2026\", \"root\"]", "[]", "an empty chain"),
            ("key   = \"rekor-2026\"", "key   = \"root\"", "key of the CA `root`"),
            ("key   = \"rekor-2026\"", "key   = \"ctlog-2026\"", "serves two logs"),
            (
                "https://rekor2026.example.org",
                "https://rekor.example.org/2026",
                "the host is the log's origin",
            ),
            (
                "tuf-online      = { device = \"issuing-hsm\", algorithm = \"ecdsa-p256\" }",
                "tuf-online = { csr = \"x\" }",
                "can't sign here",
            ),
            (
                "root            = { device = \"root-hsm\",    algorithm = \"ecdsa-p384\" }",
                "root = { csr = \"x\" }",
                "can't sign here",
            ),
            ("key = \"tuf-online\", ", "key = \"tuf-online\", uri = \"nowhere\", ", "is no address of a key"),
            ("key = \"tuf-online\", ", "key = \"tuf-online\", uri = \"hsm:2\", ", "two addresses of it"),
            (
                "threshold = 3, ",
                "threshold = 3, periods = { expiry = 5, signing = 5 }, ",
                "shorter than the expiry",
            ),
            (
                "device = \"keyholder-2\"",
                "device = \"keyholder-2\", public-key = \"x\", fingerprint = \"0000000000000000000000000000000000000000000000000000000000000000\"",
                "has a device and a public key",
            ),
            ("device = \"keyholder-2\"", "public-key = \"x\", fingerprint = \"y\"", "is not a SHA-256"),
            (
                "tuf-online      = { device = \"issuing-hsm\", algorithm = \"ecdsa-p256\" }",
                "tuf-online = { public-key = \"x\" }",
                "needs its `fingerprint`",
            ),
            (
                "fulcio-2026     = { device = \"issuing-hsm\", algorithm = \"ecdsa-p384\" }",
                "fulcio-2026 = { public-key = \"x\", fingerprint = \"0000000000000000000000000000000000000000000000000000000000000000\" }",
                "needs a proof of possession",
            ),
            ("\"issue/root\"", "\"issue/rot\"", "did you mean `issue/root`?"),
            ("\"issue/root\"", "\"verify/root\"", "no step `verify/root` to be read back"),
            ("issuer   = \"root\"\nnumber", "issuer   = \"tsa-signer-2026\"\nnumber", "is not a CA"),
        ] {
            let shown = faults_of(from, to);
            assert!(shown.contains(expected), "{to}: expected {expected:?} in:\n{shown}");
            assert!(shown.starts_with("plan.toml:"), "{shown}");
        }
    }

    #[test]
    fn a_certificate_does_not_outlive_its_issuer() {
        let shown = faults_of("for = \"3 years\"", "for = \"30 years\"");
        assert!(shown.contains("outside its issuer's life"), "{shown}");
    }
}
