//! The canary: what a rehearsal signs at its end, and whom `prove` names where nobody says otherwise.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::name::Url;
use super::source::{At, Fault};

/// Who vouches for a developer, and so what the certificate says of them (Fulcio's `oid-info.md`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Provider {
    /// A person who logged in by mail address.
    #[default]
    Email,
    /// A workflow of GitHub Actions.
    GithubActions,
    /// A job of GitLab CI.
    GitlabCi,
    /// Whatever the token's subject names by a URI.
    Uri,
}

impl Provider {
    /// All providers.
    pub const ALL: [Self; 4] = [Self::Email, Self::GithubActions, Self::GitlabCi, Self::Uri];

    /// The name that plans and options use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::GithubActions => "github-actions",
            Self::GitlabCi => "gitlab-ci",
            Self::Uri => "uri",
        }
    }
}

impl std::fmt::Display for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

impl std::str::FromStr for Provider {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.map(Self::as_str);
        Self::ALL
            .into_iter()
            .find(|provider| provider.as_str() == text)
            .ok_or_else(|| format!("`{text}` is no provider: expected one of {}", known.join(", ")))
    }
}

/// With this table, a rehearsal ends with a canary: a throwaway keyless signature under the new trust root.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Prove {
    /// Whose signature it is: a mail address or a URI, with the word canary in it. Made up unless said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<At<String>>,
    /// Who vouches for the identity: an address of an OpenID Connect issuer. The first identity provider
    /// of the trust root unless said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<Url>,
    /// What kind of provider the issuer is.
    #[serde(default)]
    pub provider: Provider,
}

impl Prove {
    /// What is wrong with the table.
    pub(super) fn faults(&self, has_trust_root: bool) -> Vec<Fault> {
        let mut faults = Vec::new();
        if !has_trust_root {
            faults.push(
                Fault::whole("the plan has [prove] and no [trust-root]: there is nothing to prove")
                    .help("add the trust root, or remove [prove]"),
            );
        }
        let Some(identity) = &self.identity else { return faults };
        let (right, expected) = match self.provider {
            Provider::Email => {
                (identity.split('@').count() == 2, "a mail address, such as canary@example.org")
            }
            Provider::Uri | Provider::GithubActions | Provider::GitlabCi => {
                (identity.starts_with("https://"), "a URI, such as https://example.org/canary")
            }
        };
        if !right {
            let found =
                format!("`{}` is not the identity of a provider of kind {}", **identity, self.provider);
            faults.push(Fault::at(identity, found).help(format!("expected {expected}")));
        }
        if !identity.to_ascii_lowercase().contains("canary") {
            let found = format!("the identity `{}` does not have the word canary in it", **identity);
            faults.push(
                Fault::at(identity, found).help(
                    "nobody should take for a release what a canary signed: name it canary@… or …/canary",
                ),
            );
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_said() {
        let faults = |provider: Provider, identity: &str, trust_root: bool| {
            let identity = Some(At::absent(identity.to_string()));
            Prove { identity, issuer: None, provider }.faults(trust_root).len()
        };
        assert_eq!(faults(Provider::Email, "canary@example.org", true), 0);
        assert_eq!(faults(Provider::Uri, "https://example.org/canary", true), 0);
        assert_eq!(faults(Provider::Email, "canary@example.org", false), 1);
        assert_eq!(faults(Provider::Email, "canary", true), 1);
        assert_eq!(faults(Provider::GitlabCi, "canary@example.org", true), 1);
        assert_eq!(faults(Provider::Email, "release@example.org", true), 1);
        assert_eq!(Prove::default().faults(true).len(), 0);
    }

    #[test]
    fn names_agree_with_what_serde_reads() {
        for provider in Provider::ALL {
            assert_eq!(serde_json::to_value(provider).unwrap(), provider.as_str());
            assert_eq!(provider.as_str().parse(), Ok(provider));
        }
        assert!("mail".parse::<Provider>().unwrap_err().contains("gitlab-ci"));
    }
}
