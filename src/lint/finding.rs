//! What the rules found.

use std::fmt;

use serde::Serialize;

use super::{Rule, Rules, Severity};

/// A rule that was broken, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The rule's id.
    pub rule: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The thing that breaks the rule, such as `certificates.root`.
    pub object: String,
    /// What was found.
    pub found: String,
    /// The rule, in one sentence: what was expected.
    pub expected: &'static str,
    /// The plan's reason, where it waives the rule for this thing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waived: Option<String>,
}

impl Finding {
    /// The document that the finding is of: one that several keys sign is judged for each of them, and
    /// `tuf-root/keyholder-1` is `tuf-root`.
    pub fn document(&self) -> &str {
        document(&self.object)
    }

    /// Whether it stops a signature.
    pub fn stops(&self) -> bool {
        self.severity == Severity::Error && self.waived.is_none()
    }
}

/// The document of an object's name.
pub(super) fn document(object: &str) -> &str {
    object.split('/').next().unwrap_or(object)
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} [{}]\n  expected: {}", self.object, self.found, self.rule, self.expected)?;
        match &self.waived {
            Some(reason) => write!(f, "\n  waived:   {reason}"),
            None => Ok(()),
        }
    }
}

/// All that the rules found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(transparent)]
pub struct Findings(pub Vec<Finding>);

impl fmt::Display for Findings {
    /// What stops a signature, where something does; or else all of it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stop = self.stop();
        for (n, finding) in self.0.iter().filter(|finding| !stop || finding.stops()).enumerate() {
            let gap = if n == 0 { "" } else { "\n" };
            write!(f, "{gap}{finding}")?;
        }
        Ok(())
    }
}

impl Findings {
    /// Runs the rules of a table that the policy asks for over one thing.
    pub fn check<S: ?Sized>(&mut self, rules: &Rules, table: &[Rule<S>], object: &str, thing: &S) {
        for Rule { info, check } in table.iter().filter(|rule| rule.info.applies(rules.policy())) {
            if let Some(found) = check(thing) {
                self.0.push(Finding {
                    rule: info.id,
                    severity: info.severity,
                    object: object.to_string(),
                    found,
                    expected: info.says,
                    waived: rules.waived(info, object).map(ToString::to_string),
                });
            }
        }
    }

    /// Whether something was found that stops a signature.
    pub fn stop(&self) -> bool {
        self.0.iter().any(Finding::stops)
    }

    /// All that was found: an error where something of it stops a signature.
    pub fn stopping(self) -> Result<Self, Self> {
        if self.stop() { Err(self) } else { Ok(self) }
    }

    /// What the plan does not waive, and what it does.
    pub fn by_waiver(self) -> (Self, Self) {
        let (waived, open) = self.0.into_iter().partition(|finding| finding.waived.is_some());
        (Self(open), Self(waived))
    }

    /// Takes findings in, each once for a document: five keyholders who sign one would each bring the same.
    pub fn merge(&mut self, more: &Self) {
        for finding in &more.0 {
            let same = |known: &Finding| known.rule == finding.rule && known.document() == finding.document();
            if !self.0.iter().any(same) {
                self.0.push(finding.clone());
            }
        }
    }
}
