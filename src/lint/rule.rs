//! What a rule is, and the table that rules stand in.

use std::fmt;

use serde::Serialize;

use crate::plan::Policy;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Shown; does not stop a signature.
    Warning,
    /// Nothing is signed.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// A rule over things of kind `S`.
pub struct Rule<S: ?Sized> {
    /// The rule without its function.
    pub info: RuleInfo,
    /// Says what was found, where the rule is broken; `None` where it holds.
    pub check: fn(&S) -> Option<String>,
}

impl<S: ?Sized> Rule<S> {
    /// The rule without its function.
    pub fn info(&self) -> RuleInfo {
        self.info
    }
}

/// A rule without its function, for lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RuleInfo {
    /// Stable, such as `CERT-ROOT-EKU-ABSENT`.
    pub id: &'static str,
    /// How bad it is when the rule is broken.
    pub severity: Severity,
    /// The rule, in one sentence.
    pub says: &'static str,
    /// Where the rule comes from: RFC and section, CSBR section, sigstore's specification.
    pub source: &'static str,
    /// Whether a plan can waive it. What keeps a thing from being what it is called can't be waived: that
    /// it can be read, is DER, verifies, and stays what was published.
    pub waivable: bool,
    /// The profiles of policy that ask for it; none where all do.
    pub profiles: &'static [Policy],
}

impl RuleInfo {
    /// Whether a profile of policy asks for the rule.
    pub fn applies(&self, policy: Policy) -> bool {
        self.profiles.is_empty() || self.profiles.contains(&policy)
    }
}

/// How a table grades a rule.
#[derive(Clone, Copy)]
pub(crate) enum Grade {
    /// Shown; does not stop a signature.
    Warning,
    /// A warning of what only an archive shows: there is nothing to waive before it is reached.
    Notice,
    /// Nothing is signed, unless the plan waives it.
    Error,
    /// Nothing is signed, and no waiver helps.
    Structural,
}

impl Grade {
    pub(crate) const fn severity(self) -> Severity {
        match self {
            Self::Warning | Self::Notice => Severity::Warning,
            Self::Error | Self::Structural => Severity::Error,
        }
    }

    pub(crate) const fn waivable(self) -> bool {
        !matches!(self, Self::Structural | Self::Notice)
    }
}

/// A table of rules: function, id, grade, sentence, source, and the profiles that ask for it, where not
/// all do. A room with one table need not name it: it is `RULES`.
macro_rules! rules {
    ($what:literal, $name:ident, $subject:ty; $($check:path, $id:literal, $grade:ident, $says:literal, $source:literal $(, $profile:ident)*;)*) => {
        #[doc = $what]
        pub static $name: &[$crate::lint::Rule<$subject>] = &[$($crate::lint::Rule {
            info: $crate::lint::RuleInfo {
                id: $id,
                severity: $crate::lint::Grade::$grade.severity(),
                says: $says,
                source: $source,
                waivable: $crate::lint::Grade::$grade.waivable(),
                profiles: &[$($crate::plan::Policy::$profile),*],
            },
            check: $check,
        }),*];
    };
    ($what:literal, $subject:ty; $($rest:tt)*) => {
        $crate::lint::rules! { $what, RULES, $subject; $($rest)* }
    };
}

pub(crate) use rules;
