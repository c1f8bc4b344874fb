//! The rules that a plan is held to: a profile of policy, and what the plan waives.

use super::finding::document;
use super::{Findings, Rule, RuleInfo, attestation, catalogue};
use crate::plan::source::nearest;
use crate::plan::{At, Fault, Faults, Plan, Policy, Source, Waiver};
use crate::trust_root::{ClientFile, SigningConfig, TrustedRoot};
use crate::tuf::Role;

/// What judges a draft: the profile of policy that selects rules and limits, and the plan's waivers.
#[derive(Clone, Debug)]
pub struct Rules {
    policy: Policy,
    waivers: Vec<Waiver>,
    source: Source,
}

impl Default for Rules {
    fn default() -> Self {
        Self::of_policy(Policy::default())
    }
}

impl Rules {
    /// The rules of a profile, with nothing waived.
    pub fn of_policy(policy: Policy) -> Self {
        Self { policy, waivers: Vec::new(), source: Source::new("", "") }
    }

    /// The rules that a plan asks for. A waiver of an unknown rule, of one that can't be waived, or for
    /// something that the plan does not make, is a fault of the plan, with its place in `source`.
    pub fn of(plan: &Plan, source: &Source) -> Result<Self, Faults> {
        let faults: Vec<Fault> = plan.waivers.iter().filter_map(|waiver| fault(waiver, plan)).collect();
        if faults.is_empty() {
            let (policy, waivers) = (*plan.ceremony.profile, plan.waivers.clone());
            Ok(Self { policy, waivers, source: source.clone() })
        } else {
            Err(source.faults(faults))
        }
    }

    /// The profile of policy.
    pub fn policy(&self) -> Policy {
        self.policy
    }

    /// The plan's reason for breaking a rule with this thing, if it has one.
    pub(super) fn waived(&self, rule: &RuleInfo, object: &str) -> Option<&str> {
        let mut waivers = self.waivers.iter();
        let found = waivers.find(|waiver| *waiver.rule == rule.id && *waiver.object == document(object))?;
        rule.waivable.then_some(&**found.reason)
    }

    /// These rules, as if the plan waived too what stops among the findings; none where no waiver helps, or
    /// none is new. For drafts of throwaway keys, so that one look shows all that is wrong.
    pub(crate) fn waiving(&self, findings: &Findings) -> Option<Self> {
        let known = catalogue::all();
        let mut more = self.clone();
        for finding in findings.0.iter().filter(|finding| finding.stops()) {
            let rule = known.iter().find(|rule| rule.id == finding.rule).filter(|rule| rule.waivable)?;
            if more.waived(rule, &finding.object).is_none() {
                more.waivers.push(Waiver {
                    rule: At::absent(rule.id.into()),
                    object: At::absent(finding.document().into()),
                    reason: At::absent("drafted to see what else is wrong".into()),
                });
            }
        }
        (more.waivers.len() > self.waivers.len()).then_some(more)
    }

    /// The waivers that nothing among the findings needed: of the whole hierarchy, but for what was `made`
    /// and is not judged again, each must be needed.
    pub fn unneeded(&self, findings: &Findings, made: &[String]) -> Option<Faults> {
        let needed = |waiver: &Waiver| {
            // An attestation is judged where a device gives one: no throwaway key has any.
            let attests = |rule: &Rule<attestation::Case>| rule.info.id == *waiver.rule;
            if made.contains(&waiver.object) || attestation::RULES.iter().any(attests) {
                return true;
            }
            let of = |finding: &super::Finding| {
                finding.waived.is_some()
                    && finding.rule == *waiver.rule
                    && finding.document() == *waiver.object
            };
            findings.0.iter().any(of)
        };
        let faults: Vec<Fault> = self
            .waivers
            .iter()
            .filter(|waiver| !needed(waiver))
            .map(|waiver| {
                let found =
                    format!("nothing needs this waiver: {} does not break {}", *waiver.object, *waiver.rule);
                Fault::at(&waiver.rule, found)
                    .help("remove it: a waiver that stands unused would cover what comes later unseen")
            })
            .collect();
        if faults.is_empty() { None } else { Some(self.source.faults(faults)) }
    }
}

fn fault(waiver: &Waiver, plan: &Plan) -> Option<Fault> {
    let rules = catalogue::all();
    let Some(rule) = rules.iter().find(|rule| rule.id == *waiver.rule) else {
        let ids: Vec<&str> = rules.iter().map(|rule| rule.id).collect();
        let help = nearest(&waiver.rule, &ids)
            .map_or_else(String::new, |near| format!("did you mean `{near}`? "))
            + "`rootwright check --rules` lists them all";
        return Some(Fault::at(&waiver.rule, format!("there is no rule `{}`", *waiver.rule)).help(help));
    };
    if !rule.waivable {
        let found = format!("{} can't be waived", rule.id);
        return Some(Fault::at(&waiver.rule, found).help(format!("it holds always: {}", rule.says)));
    }
    if !rule.applies(*plan.ceremony.profile) {
        let found = format!("the profile {} does not ask for {}", *plan.ceremony.profile, rule.id);
        return Some(Fault::at(&waiver.rule, found).help("remove the waiver"));
    }
    let objects = objects(plan);
    if objects.iter().any(|object| *object == **waiver.object) {
        return None;
    }
    let known: Vec<&str> = objects.iter().map(String::as_str).collect();
    let help = match nearest(&waiver.object, &known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known here: {}", known.join(", ")),
    };
    Some(Fault::at(&waiver.object, format!("the plan makes no `{}`", *waiver.object)).help(help))
}

/// What findings of a plan can be of.
fn objects(plan: &Plan) -> Vec<String> {
    let mut objects = vec![super::plan::OBJECT.to_string()];
    objects.extend(plan.keys.keys().map(|name| format!("keys.{name}")));
    objects.extend(plan.people_keys().map(|(name, ..)| format!("keys.{}", plan.key_of(name))));
    objects.extend(plan.public_keys().map(|(name, ..)| format!("keys.{name}")));
    objects.extend(plan.certificates.keys().map(|name| format!("certificates.{name}")));
    objects.extend(plan.csrs.keys().map(|name| format!("csrs.{name}")));
    objects.extend(plan.crls.keys().map(|name| format!("crls.{name}")));
    if plan.trust_root.is_some() {
        objects.extend([TrustedRoot::FILE, SigningConfig::FILE].map(ToString::to_string));
    }
    if plan.tuf.is_some() {
        objects.extend(Role::ALL.map(|role| format!("tuf-{role}")));
    }
    objects
}
