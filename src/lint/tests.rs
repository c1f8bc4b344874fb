//! Every rule in every table has a case that it accepts and one that it rejects.

use std::collections::BTreeSet;

use super::*;
use crate::plan::Policy;

/// The ids of rules.
pub(crate) type Ids = BTreeSet<&'static str>;

/// The rules of a table that a profile of policy asks for.
pub(crate) fn ids<S: ?Sized>(table: &[Rule<S>], policy: Policy) -> Ids {
    table.iter().map(|rule| rule.info).filter(|info| info.applies(policy)).map(|info| info.id).collect()
}

/// The rule must be among what was found.
pub(crate) fn found(findings: &Findings, id: &'static str) -> &'static str {
    let there = findings.0.iter().any(|finding| finding.rule == id);
    assert!(there, "{id} did not reject; found: {findings}");
    id
}

/// All rules that ran accepted: nothing was found.
pub(crate) fn nothing(findings: &Findings, what: &str) {
    assert_eq!(*findings, Findings::default(), "{what}:\n{findings}");
}

/// What each room's tests accept and reject.
fn shown() -> [(Ids, Ids); 10] {
    [
        (plan::tests::accepted(), plan::tests::rejected()),
        (key::tests::accepted(), key::tests::rejected()),
        (attestation::tests::accepted(), attestation::tests::rejected()),
        (csr::tests::accepted(), csr::tests::rejected()),
        (request::tests::accepted(), request::tests::rejected()),
        (certificate::tests::accepted(), certificate::tests::rejected()),
        (crl::tests::accepted(), crl::tests::rejected()),
        (finished::tests::accepted(), finished::tests::rejected()),
        (trust_root::tests::accepted(), trust_root::tests::rejected()),
        (statement::tests::accepted(), statement::tests::rejected()),
    ]
}

#[test]
fn every_rule_of_the_catalogue_is_accepted_and_rejected() {
    let (mut accepted, mut rejected) = (tuf::tests::accepted(), tuf::tests::rejected());
    accepted.extend(tuf::signed::tests::accepted());
    rejected.extend(tuf::signed::tests::rejected());
    for (more, less) in shown() {
        accepted.extend(more);
        rejected.extend(less);
    }
    let all: Ids = catalogue::all().iter().map(|rule| rule.id).collect();
    assert_eq!(accepted, all, "every rule has a test that it accepts");
    assert_eq!(rejected, all, "every rule has a test that it rejects");
}

#[test]
fn ids_are_unique_and_said_in_one_sentence() {
    let all = catalogue::all();
    let ids: Ids = all.iter().map(|rule| rule.id).collect();
    assert_eq!(ids.len(), all.len(), "an id stands twice");
    for rule in &all {
        let id = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-';
        assert!(rule.id.chars().all(id) && rule.id.contains('-'), "{}", rule.id);
        assert!(rule.says.ends_with('.'), "{}", rule.id);
        assert!(!rule.says.trim_end_matches('.').contains(". "), "{} has two sentences", rule.id);
        assert!(!rule.source.is_empty(), "{}", rule.id);
    }
}

/// A stale list would describe other rules than those that judge. Written anew with
/// `ROOTWRIGHT_UPDATE=1 cargo test --lib rules_md`.
#[test]
fn rules_md_is_fresh() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/rules.md");
    let (begin, end) = ("<!-- the rules: generated, do not edit -->\n", "<!-- end of the rules -->");
    let text = std::fs::read_to_string(path).unwrap();
    let (before, rest) = text.split_once(begin).expect("where the rules begin");
    let (listed, after) = rest.split_once(end).expect("where the rules end");
    let expected = format!("\n{}", catalogue::markdown());
    if std::env::var_os("ROOTWRIGHT_UPDATE").is_some() {
        std::fs::write(path, format!("{before}{begin}{expected}{end}{after}")).unwrap();
    } else {
        assert!(
            listed == expected,
            "docs/rules.md is stale: run ROOTWRIGHT_UPDATE=1 cargo test --lib rules_md"
        );
    }
}
