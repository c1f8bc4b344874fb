//! What a certificate says of a developer: the name and the extensions that Fulcio makes of an ID token's
//! claims (Fulcio's `certificate-specification.md` and `oid-info.md`). Pure.

use der::Encode;
use der::asn1::{Ia5String, ObjectIdentifier, OctetString, Utf8StringRef};
use serde_json::{Map, Value};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use crate::pki::profile::extension;
use crate::plan::prove::Provider;

/// The word that marks what a canary makes.
pub const MARK: &str = "canary";

/// The claims of an ID token that was verified.
pub type Claims = Map<String, Value>;

/// The name that a certificate is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum San {
    /// A mail address (rfc822Name).
    Email(String),
    /// A URI (uniformResourceIdentifier).
    Uri(String),
}

impl San {
    /// The name's text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Email(text) | Self::Uri(text) => text,
        }
    }
}

/// Whom an ID token vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The certificate's name.
    pub san: San,
    /// The issuer's address.
    pub issuer: String,
    /// The token's subject, which a requester signs as proof of possession where there is no CSR.
    pub subject: String,
    /// Fulcio's extensions by their last number, below 1.3.6.1.4.1.57264.1, in ascending order.
    pub values: Vec<(u32, String)>,
}

/// Claims that do not say whom they are for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadClaims {
    /// A claim that the provider's tokens always have.
    #[error("the ID token has no claim `{claim}`, which tokens of kind {provider} have")]
    Missing {
        /// The claim.
        claim: &'static str,
        /// The kind of provider.
        provider: Provider,
    },
    /// A mail address that the issuer did not verify.
    #[error("the issuer did not verify the mail address {0}: `email_verified` is not true")]
    Unverified(String),
    /// A name that is not of the kind that the provider gives.
    #[error("`{name}` is not {expected}")]
    Name {
        /// The name.
        name: String,
        /// What it should be.
        expected: &'static str,
    },
}

/// The object identifiers of Fulcio's extensions.
const FULCIO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1");

impl Identity {
    /// Reads the claims as Fulcio does for this kind of provider.
    pub fn of(provider: Provider, claims: &Claims) -> Result<Self, BadClaims> {
        let reader = Reader { provider, claims };
        let (issuer, subject) = (reader.text("iss")?, reader.text("sub")?);
        let mut values = vec![(1, issuer.clone()), (8, issuer.clone())];
        let san = match provider {
            Provider::Email => reader.email()?,
            Provider::Uri => San::Uri(uri(subject.clone())?),
            Provider::GithubActions => reader.github(&mut values)?,
            Provider::GitlabCi => reader.gitlab(&mut values)?,
        };
        if matches!(provider, Provider::GithubActions | Provider::GitlabCi) {
            values.push((24, subject.clone()));
        }
        values.retain(|(_, value)| !value.is_empty());
        values.sort_by_key(|(number, _)| *number);
        Ok(Self { san, issuer, subject, values })
    }

    /// Whether the name says that it is a canary's.
    pub fn is_marked(&self) -> bool {
        self.san.as_str().to_ascii_lowercase().contains(MARK)
    }

    /// The critical subject alternative name, since the subject is empty (RFC 5280, 4.2.1.6).
    pub fn subject_alt_name(&self) -> der::Result<Extension> {
        let name = match &self.san {
            San::Email(text) => GeneralName::Rfc822Name(Ia5String::new(text)?),
            San::Uri(text) => GeneralName::UniformResourceIdentifier(Ia5String::new(text)?),
        };
        extension(true, &SubjectAltName(vec![name]))
    }

    /// Fulcio's extensions, none critical: .1 to .6 are raw text, from .8 on UTF8Strings in DER.
    pub fn extensions(&self) -> der::Result<Vec<Extension>> {
        let one = |(number, value): &(u32, String)| {
            let bytes =
                if *number < 7 { value.as_bytes().to_vec() } else { Utf8StringRef::new(value)?.to_der()? };
            let oid = FULCIO.push_arc(*number).map_err(|_| der::Error::from(der::ErrorKind::OidMalformed))?;
            Ok(Extension { extn_id: oid, critical: false, extn_value: OctetString::new(bytes)? })
        };
        self.values.iter().map(one).collect()
    }
}

/// The claims, and whose they are.
struct Reader<'a> {
    provider: Provider,
    claims: &'a Claims,
}

impl Reader<'_> {
    fn optional(&self, claim: &str) -> String {
        match self.claims.get(claim) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        }
    }

    fn text(&self, claim: &'static str) -> Result<String, BadClaims> {
        let text = self.optional(claim);
        if text.is_empty() { Err(BadClaims::Missing { claim, provider: self.provider }) } else { Ok(text) }
    }

    fn email(&self) -> Result<San, BadClaims> {
        let email = self.text("email")?;
        // Some issuers write the boolean as a string.
        let verified = match self.claims.get("email_verified") {
            Some(Value::Bool(verified)) => *verified,
            Some(Value::String(text)) => text == "true",
            _ => false,
        };
        if !verified {
            return Err(BadClaims::Unverified(email));
        }
        let parts: Vec<&str> = email.split('@').collect();
        let plain = email.is_ascii() && !email.chars().any(|c| c.is_whitespace() || c.is_control());
        match parts.as_slice() {
            [local, domain] if plain && !local.is_empty() && !domain.is_empty() => Ok(San::Email(email)),
            _ => Err(BadClaims::Name { name: email, expected: "a mail address" }),
        }
    }

    fn github(&self, values: &mut Vec<(u32, String)>) -> Result<San, BadClaims> {
        let server = match self.optional("server_url") {
            server if server.is_empty() => "https://github.com".to_string(),
            server => server,
        };
        let at = |path: &str| format!("{server}/{path}");
        let signer = at(&self.text("job_workflow_ref")?);
        let repository = self.text("repository")?;
        let run = format!(
            "{repository}/actions/runs/{}/attempts/{}",
            self.text("run_id")?,
            self.text("run_attempt")?
        );
        values.extend([
            (2, self.text("event_name")?),
            (3, self.text("sha")?),
            (4, self.text("workflow")?),
            (5, repository.clone()),
            (6, self.text("ref")?),
            (9, signer.clone()),
            (10, self.text("job_workflow_sha")?),
            (11, self.text("runner_environment")?),
            (12, at(&repository)),
            (13, self.text("sha")?),
            (14, self.text("ref")?),
            (15, self.text("repository_id")?),
            (16, at(&self.text("repository_owner")?)),
            (17, self.text("repository_owner_id")?),
            (18, at(&self.text("workflow_ref")?)),
            (19, self.text("workflow_sha")?),
            (20, self.text("event_name")?),
            (21, at(&run)),
            (22, self.optional("repository_visibility")),
            (23, self.optional("environment")),
        ]);
        Ok(San::Uri(uri(signer)?))
    }

    fn gitlab(&self, values: &mut Vec<(u32, String)>) -> Result<San, BadClaims> {
        let server = match self.optional("server_url") {
            server if server.is_empty() => self.text("iss")?,
            server => server,
        };
        let at = |path: &str| format!("{server}/{path}");
        let signer = format!("https://{}", self.text("ci_config_ref_uri")?);
        let project = self.text("project_path")?;
        let kind = match self.text("ref_type")?.as_str() {
            "tag" => "refs/tags",
            _ => "refs/heads",
        };
        values.extend([
            (9, signer.clone()),
            (10, self.text("ci_config_sha")?),
            (11, self.text("runner_environment")?),
            (12, at(&project)),
            (13, self.text("sha")?),
            (14, format!("{kind}/{}", self.text("ref")?)),
            (15, self.text("project_id")?),
            (16, at(&self.text("namespace_path")?)),
            (17, self.text("namespace_id")?),
            (18, signer.clone()),
            (19, self.text("ci_config_sha")?),
            (20, self.text("pipeline_source")?),
            (21, at(&format!("{project}/-/jobs/{}", self.text("job_id")?))),
            (22, self.optional("project_visibility")),
            (23, self.optional("environment")),
        ]);
        Ok(San::Uri(uri(signer)?))
    }
}

/// A URI with a scheme and something behind it, in printable ASCII.
fn uri(name: String) -> Result<String, BadClaims> {
    let whole = name.split_once("://").is_some_and(|(scheme, rest)| !scheme.is_empty() && !rest.is_empty());
    if whole && name.chars().all(|c| c.is_ascii_graphic()) {
        Ok(name)
    } else {
        Err(BadClaims::Name { name, expected: "a URI" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prove::issuer::claims;

    fn identity(provider: Provider, name: &str) -> Identity {
        let time = "2026-12-01T00:00:00Z".parse().unwrap();
        Identity::of(provider, &claims(provider, name, "https://issuer.example", time).unwrap()).unwrap()
    }

    #[test]
    fn a_mail_address_has_the_issuer_in_both_encodings() {
        let found = identity(Provider::Email, "canary@example.org");
        assert_eq!(found.san, San::Email("canary@example.org".into()));
        let extensions = found.extensions().unwrap();
        let values: Vec<(String, &[u8])> =
            extensions.iter().map(|e| (e.extn_id.to_string(), e.extn_value.as_bytes())).collect();
        let (raw, der) = (b"https://issuer.example".as_slice(), b"\x0c\x16https://issuer.example".as_slice());
        assert_eq!(values, [("1.3.6.1.4.1.57264.1.1".into(), raw), ("1.3.6.1.4.1.57264.1.8".into(), der)]);
        assert!(extensions.iter().all(|extension| !extension.critical));
        assert!(found.subject_alt_name().unwrap().critical);
        assert!(found.is_marked());
    }

    /// The claims of `oid-info.md`'s table, and where they go.
    #[test]
    fn a_workflow_of_github() {
        let name = "https://github.com/example/canary/.github/workflows/canary.yml@refs/heads/main";
        let found = identity(Provider::GithubActions, name);
        assert_eq!(found.san, San::Uri(name.into()));
        let value = |number: u32| {
            let found = found.values.iter().find(|(found, _)| *found == number);
            found.map(|(_, value)| value.as_str()).unwrap_or_default()
        };
        assert_eq!(value(5), "example/canary");
        assert_eq!(value(6), "refs/heads/main");
        assert_eq!(value(9), name);
        assert_eq!(value(12), "https://github.com/example/canary");
        assert_eq!(value(16), "https://github.com/example");
        assert_eq!(value(21), "https://github.com/example/canary/actions/runs/1/attempts/1");
        let numbers: Vec<u32> = found.values.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, (1..=6).chain(8..=22).chain([24]).collect::<Vec<_>>());
    }

    #[test]
    fn a_job_of_gitlab() {
        let name = "https://gitlab.example/group/canary//.gitlab-ci.yml@refs/heads/main";
        let found = identity(Provider::GitlabCi, name);
        assert_eq!(found.san, San::Uri(name.into()));
        let value = |number: u32| found.values.iter().find(|(found, _)| *found == number).unwrap().1.as_str();
        assert_eq!(value(12), "https://gitlab.example/group/canary");
        assert_eq!(value(14), "refs/heads/main");
        assert_eq!(value(16), "https://gitlab.example/group");
        assert!(found.values.iter().all(|(number, _)| !(2..=6).contains(number)), "those are GitHub's");
    }

    #[test]
    fn claims_that_do_not_say_whom_they_are_for() {
        let time = "2026-12-01T00:00:00Z".parse().unwrap();
        let mut found = claims(Provider::Email, "canary@example.org", "https://i.example", time).unwrap();
        found.insert("email_verified".into(), false.into());
        let unverified = BadClaims::Unverified("canary@example.org".into());
        assert_eq!(Identity::of(Provider::Email, &found), Err(unverified));
        let missing = BadClaims::Missing { claim: "job_workflow_ref", provider: Provider::GithubActions };
        assert_eq!(Identity::of(Provider::GithubActions, &found), Err(missing));
        assert!(matches!(Identity::of(Provider::Uri, &found), Err(BadClaims::Name { .. })));
        found.insert("email_verified".into(), true.into());
        for bad in ["nobody", "a@b@c", "@example.org", "a b@example.org", "ä@example.org"] {
            found.insert("email".into(), bad.into());
            assert!(matches!(Identity::of(Provider::Email, &found), Err(BadClaims::Name { .. })), "{bad}");
        }
    }
}
