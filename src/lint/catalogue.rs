//! All rules, by what they judge: for lists, waivers and documentation.

use super::{
    Rule, RuleInfo, attestation, certificate, crl, csr, finished, key, plan, request, statement, trust_root,
    tuf,
};
use crate::plan::Policy;

/// The rules for one kind of thing.
#[derive(Clone, Debug)]
pub struct Chapter {
    /// What is judged.
    pub title: &'static str,
    /// Its rules, in the order in which they run.
    pub rules: Vec<RuleInfo>,
}

fn infos<S: ?Sized>(table: &[Rule<S>]) -> impl Iterator<Item = RuleInfo> {
    table.iter().map(|rule| rule.info)
}

/// Every rule there is, by chapter.
pub fn chapters() -> Vec<Chapter> {
    let chapter = |title, rules| Chapter { title, rules };
    vec![
        chapter("The plan as a whole", infos(plan::RULES).collect()),
        chapter("Public keys", infos(key::RULES).collect()),
        chapter(
            "Attestations of keys",
            infos(attestation::UNREADABLE).chain(infos(attestation::RULES)).collect(),
        ),
        chapter("Certificate signing requests", infos(csr::UNREADABLE).chain(infos(csr::RULES)).collect()),
        chapter(
            "Certificate signing requests that go out",
            infos(request::UNREADABLE).chain(infos(request::RULES)).collect(),
        ),
        chapter("Certificates", infos(certificate::UNREADABLE).chain(infos(certificate::RULES)).collect()),
        chapter("Chains", infos(certificate::CHAIN).collect()),
        chapter("Certificate revocation lists", infos(crl::UNREADABLE).chain(infos(crl::RULES)).collect()),
        chapter("Finished certificates and CRLs", infos(finished::RULES).collect()),
        chapter("Trusted root", {
            let tables = infos(trust_root::UNREADABLE).chain(infos(trust_root::RULES));
            tables.chain(infos(trust_root::HISTORY)).collect()
        }),
        chapter("Signing config", infos(trust_root::signing_config::RULES).collect()),
        chapter("TUF metadata", {
            let tables = infos(tuf::RULES).chain(infos(tuf::FINISHED));
            tables.chain(infos(tuf::signed::RULES)).collect()
        }),
        chapter("Statements that people sign", infos(statement::RULES).collect()),
    ]
}

/// Every rule there is, in the order of the chapters.
pub fn all() -> Vec<RuleInfo> {
    chapters().into_iter().flat_map(|chapter| chapter.rules).collect()
}

/// The rules as Markdown tables, for the documentation.
pub fn markdown() -> String {
    let mut text = String::new();
    for Chapter { title, rules } in chapters() {
        text.push_str(&format!("### {title}\n\n| id | severity | the rule | source |\n|---|---|---|---|\n"));
        for rule in rules {
            let mut severity = rule.severity.to_string();
            if !rule.waivable {
                severity.push_str(", always");
            }
            let mut says = rule.says.replace('|', "\\|");
            if !rule.profiles.is_empty() {
                let list: Vec<&str> = rule.profiles.iter().map(|policy: &Policy| policy.as_str()).collect();
                says.push_str(&format!(" *Profile {}.*", list.join(", ")));
            }
            text.push_str(&format!("| `{}` | {severity} | {says} | {} |\n", rule.id, rule.source));
        }
        text.push('\n');
    }
    text
}
