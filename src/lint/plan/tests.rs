//! Every rule accepts a plan, and rejects one thing that is wrong in it.

use super::*;
use crate::lint::tests::{Ids, found, ids};
use crate::plan::tests::example;
use crate::plan::{Policy, Source};

const EXAMPLE: &str = include_str!("../../../ceremony/sigstore.toml");

fn with(from: &str, to: &str) -> Plan {
    assert!(EXAMPLE.contains(from));
    Plan::parse(&Source::new("plan.toml", EXAMPLE.replacen(from, to, 1)))
        .unwrap_or_else(|faults| panic!("{faults}"))
}

const CRL_URL: &str = "profile  = \"code-signing\"\ncrl-urls = [\"http://pki.example.org/root.crl\"]";

pub(crate) fn accepted() -> Ids {
    let rules = Rules::default();
    for plan in [example(), with("profile  = \"code-signing\"", CRL_URL)] {
        assert_eq!(lint(&plan, &rules), Findings::default());
    }
    // Under another profile the rule of that one is not asked for: it accepts by not speaking.
    ids(RULES, Policy::Sigstore).into_iter().chain(["PLAN-PQ-NOT-MADE"]).collect()
}

pub(crate) fn rejected() -> Ids {
    let sigstore = Rules::default();
    let no_crl = {
        let mut plan = with("profile  = \"code-signing\"", CRL_URL);
        plan.crls.clear();
        plan
    };
    let early = with("to = \"2027-11-01T00:00:00Z\"", "to = \"2027-05-01T00:00:00Z\"");
    let copied = with(
        "root            = { device = \"root-hsm\",    algorithm = \"ecdsa-p384\" }",
        "root = { device = \"root-hsm\", algorithm = \"ecdsa-p384\", backup = \"vault\" }",
    );
    let pq = Rules::of_policy(Policy::ExperimentalPq);
    [
        ("PLAN-CRL-MADE", no_crl, &sigstore),
        ("PLAN-CRL-IN-TIME", early, &sigstore),
        ("PLAN-KEY-COPIED", copied, &sigstore),
        ("PLAN-PQ-NOT-MADE", example(), &pq),
    ]
    .into_iter()
    .map(|(id, plan, rules)| found(&lint(&plan, rules), id))
    .collect()
}

#[test]
fn every_rule_rejects() {
    assert_eq!(accepted(), rejected());
}
