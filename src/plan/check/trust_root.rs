//! Entries of the trusted root: chains that lead up to a root, and windows inside their lives.

use std::collections::BTreeSet;

use super::{cross, known};
use crate::plan::trust_root::{Api, Authority};
use crate::plan::{At, Certificate, Fault, Name, Plan, Profile, Window};

pub(super) fn trust_root(plan: &Plan, faults: &mut Vec<Fault>) {
    let Some(root) = &plan.trust_root else { return };
    for authority in &root.certificate_authorities {
        chain(plan, authority, &[Profile::CodeSigning], faults);
    }
    for authority in &root.timestamp_authorities {
        chain(plan, authority, &[Profile::TimestampSigner], faults);
    }
    let mut logs = BTreeSet::new();
    for log in &root.transparency_logs {
        known("key", &log.key, &plan.keys, faults);
        once(&mut logs, &log.key, faults);
        if *log.api == Api::V2 && !log.url.is_bare_host() {
            faults.push(
                Fault::at(&log.url, format!("Rekor v2 log at `{}`", log.url.as_str()))
                    .help("expected https://HOST without path or port: the host is the log's origin, and clients compare it"),
            );
        }
    }
    for log in &root.certificate_logs {
        known("key", &log.key, &plan.keys, faults);
        once(&mut logs, &log.key, faults);
    }
}

fn once<'a>(seen: &mut BTreeSet<&'a str>, key: &'a At<Name>, faults: &mut Vec<Fault>) {
    if !seen.insert(key.as_str()) {
        let found = format!("key `{}` serves two logs", **key);
        faults.push(Fault::at(key, found).help("a log is known by its key: give each its own"));
    }
}

/// A chain runs from issuing CA (or signer) to root, and its window lies in every certificate's life.
fn chain(plan: &Plan, authority: &Authority, first: &[Profile], faults: &mut Vec<Fault>) {
    let names = &authority.chain;
    let mut certificates: Vec<(&At<Name>, &Certificate)> = Vec::new();
    for name in names.iter() {
        match known("certificate", name, &plan.certificates, faults) {
            Some(certificate) => certificates.push((name, certificate)),
            None => return,
        }
    }
    let (Some((head, top)), Some((last, root))) = (certificates.first(), certificates.last()) else {
        faults.push(
            Fault::at(names, "an empty chain").help("expected the issuing certificate first, the root last"),
        );
        return;
    };
    if !first.contains(&top.profile) {
        let found = format!("the chain begins with `{}` of profile {}", ***head, *top.profile);
        let list: Vec<&str> = first.iter().map(|profile| profile.as_str()).collect();
        faults.push(Fault::at(*head, found).help(format!("expected profile {}", list.join(" or "))));
    }
    if root.issuer.is_some() {
        let found = format!("the chain ends with `{}`, which is not a root", ***last);
        faults.push(Fault::at(*last, found).help("clients need the whole chain, the root last"));
    }
    for pair in certificates.windows(2) {
        if let [(lower, certificate), (upper, _)] = pair
            && !cross::follows(plan, certificate, upper)
        {
            let found = format!("`{}` follows `{}` in the chain, but did not issue it", ***upper, ***lower);
            faults.push(Fault::at(*upper, found));
        }
    }
    for (name, certificate) in &certificates {
        inside(&authority.trust, name, certificate, faults);
    }
}

fn inside(trust: &At<Window>, name: &Name, certificate: &Certificate, faults: &mut Vec<Fault>) {
    let life = *certificate.validity;
    let end = trust.to.unwrap_or(life.to);
    if trust.from < life.from || trust.from > life.to || end > life.to {
        let to = trust.to.map_or("open".to_string(), |to| to.to_string());
        faults.push(
            Fault::at(trust, format!("trusted from {} to {to}, outside the life of `{name}`", trust.from))
                .help(format!("`{name}` is valid from {} to {}", life.from, life.to)),
        );
    }
}
