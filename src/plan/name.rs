//! Names of keys, certificates, devices and people; addresses; object identifiers.

use std::borrow::Cow;
use std::fmt;

use der::oid::ObjectIdentifier;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A name in the plan: of a key, certificate, CRL, device or person.
///
/// It becomes a file's name and a label on a device, so it is 1 to 32 of a-z, 0-9 and `-`, and
/// starts and ends with a letter or digit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

impl Name {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Name {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let good = (1..=32).contains(&text.len())
            && text.chars().all(|c| plain(c) || c == '-')
            && text.starts_with(plain)
            && text.ends_with(plain);
        if good {
            Ok(Self(text))
        } else {
            Err(format!(
                "`{text}` is not a name: expected 1 to 32 of a-z, 0-9 and '-', starting and ending with a letter or digit"
            ))
        }
    }
}

impl std::str::FromStr for Name {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::try_from(text.to_string())
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl JsonSchema for Name {
    fn schema_name() -> Cow<'static, str> {
        "Name".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$"})
    }
}

/// An `https` or `http` address without a slash at its end, as sigstore's clients compare them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct Url(String);

impl Url {
    /// The whole address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host, with its port if it has one.
    pub fn host(&self) -> &str {
        let rest = self.0.split_once("://").map_or("", |(_, rest)| rest);
        rest.split('/').next().unwrap_or("")
    }

    /// Whether the address is a scheme and a host name and nothing else.
    pub fn is_bare_host(&self) -> bool {
        let rest = self.0.split_once("://").map_or("", |(_, rest)| rest);
        rest == self.host() && !rest.contains(':')
    }
}

impl TryFrom<String> for Url {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let host = rest.and_then(|rest| rest.split('/').next()).unwrap_or("");
        let good = !host.is_empty()
            && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':'))
            && text.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '"' | '<' | '>' | '#' | '?'))
            && !text.ends_with('/');
        if good {
            Ok(Self(text))
        } else {
            Err(format!(
                "`{text}` is not an address: expected https://HOST/PATH, without query or slash at the end"
            ))
        }
    }
}

impl From<Url> for String {
    fn from(url: Url) -> Self {
        url.0
    }
}

/// An object identifier in dotted form, such as a certificate policy's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Oid(pub ObjectIdentifier);

impl TryFrom<String> for Oid {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        ObjectIdentifier::new(&text).map(Self).map_err(|_| {
            format!(
                "`{text}` is not an object identifier: expected dotted numbers, such as 1.3.6.1.4.1.57264.2"
            )
        })
    }
}

impl From<Oid> for String {
    fn from(oid: Oid) -> Self {
        oid.0.to_string()
    }
}

impl JsonSchema for Oid {
    fn schema_name() -> Cow<'static, str> {
        "Oid".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^[0-2](\\.[0-9]+)+$"})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_as_files_and_labels() {
        for good in ["a", "root", "fulcio-2026", "0x"] {
            assert!(Name::try_from(good.to_string()).is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a/b", "..", "a b", "é", &"a".repeat(33)] {
            assert!(Name::try_from(bad.to_string()).is_err(), "{bad}");
        }
    }

    #[test]
    fn addresses() {
        let url = |text: &str| Url::try_from(text.to_string());
        assert!(url("https://rekor.example.org").unwrap().is_bare_host());
        assert!(!url("https://rekor.example.org:8443").unwrap().is_bare_host());
        assert!(!url("https://a.example/2026").unwrap().is_bare_host());
        assert_eq!(url("https://a.example/2026").unwrap().host(), "a.example");
        for bad in ["", "a.example", "https://", "https://a/", "ftp://a", "https://a b", "https:///x"] {
            assert!(url(bad).is_err(), "{bad}");
        }
    }
}
