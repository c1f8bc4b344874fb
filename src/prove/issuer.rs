//! A throwaway OpenID Connect issuer: in a rehearsal there is nobody to log in with.

use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::PublicKeyData;
use serde_json::{Value, json};

use super::id_token::AUDIENCE;
use super::identity::{BadClaims, Claims};
use crate::pki::PublicKey;
use crate::plan::Time;
use crate::plan::prove::Provider;

/// A token, and the key set that it verifies under.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The ID token: a JWS in its compact form (RFC 7515, 7.1).
    pub token: String,
    /// The key set (RFC 7517) as JSON.
    pub jwks: Vec<u8>,
}

/// Seconds for which a throwaway token is good.
const LIFETIME: i64 = 600;

/// Why a throwaway token could not be made.
#[derive(Clone, Debug, thiserror::Error)]
pub enum IssueError {
    /// A name that is not of the kind that the provider gives.
    #[error(transparent)]
    Claims(#[from] BadClaims),
    /// The key or the signature.
    #[error("the throwaway issuer could not sign: {0}")]
    Key(String),
}

/// Logs somebody in: a new key, and a token by it.
pub fn log_in(provider: Provider, name: &str, issuer: &str, now: Time) -> Result<Issued, IssueError> {
    sign(&claims(provider, name, issuer, now)?)
}

/// Signs claims with a new key (ES256).
pub fn sign(claims: &Claims) -> Result<Issued, IssueError> {
    let failed = |error: &dyn std::fmt::Display| IssueError::Key(error.to_string());
    let pair =
        rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).map_err(|error| failed(&error))?;
    let public = PublicKey::from_spki(&pair.subject_public_key_info()).map_err(|error| failed(&error))?;
    // An uncompressed point: 04, x and y.
    let (x, y) = public.bits().get(1..).and_then(|point| point.split_at_checked(32)).unwrap_or_default();
    let kid = public.fingerprint();
    let key = json!({
        "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": kid,
        "x": BASE64URL_NOPAD.encode(x), "y": BASE64URL_NOPAD.encode(y),
    });
    let header = Header { kid: Some(kid), ..Header::new(Algorithm::ES256) };
    let token = jsonwebtoken::encode(&header, claims, &EncodingKey::from_ec_der(&pair.serialize_der()))
        .map_err(|error| failed(&error))?;
    Ok(Issued { token, jwks: json!({ "keys": [key] }).to_string().into_bytes() })
}

/// The claims that this kind of provider makes for somebody of this name.
pub fn claims(provider: Provider, name: &str, issuer: &str, now: Time) -> Result<Claims, BadClaims> {
    let mut claims = Claims::new();
    let mut say = |claim: &str, value: Value| {
        claims.insert(claim.into(), value);
    };
    say("iss", issuer.into());
    say("aud", AUDIENCE.into());
    say("iat", now.unix().into());
    say("nbf", now.unix().into());
    say("exp", now.unix().saturating_add(LIFETIME).into());
    match provider {
        Provider::Email => {
            say("sub", name.into());
            say("email", name.into());
            say("email_verified", true.into());
        }
        Provider::Uri => say("sub", name.into()),
        Provider::GithubActions => {
            const EXPECTED: &str = "a workflow, such as https://github.com/OWNER/REPOSITORY/.github/workflows/FILE.yml@refs/heads/BRANCH";
            let wrong = || BadClaims::Name { name: name.into(), expected: EXPECTED };
            let (server, path) = server_and_path(name).ok_or_else(wrong)?;
            let (_, reference) = path.split_once('@').ok_or_else(wrong)?;
            let mut parts = path.split('/');
            let (owner, repository) = parts.next().zip(parts.next()).ok_or_else(wrong)?;
            if !path.contains("/.github/workflows/") {
                return Err(wrong());
            }
            let repository = format!("{owner}/{repository}");
            say("sub", format!("repo:{repository}:ref:{reference}").into());
            say("server_url", server.into());
            say("job_workflow_ref", path.into());
            say("workflow_ref", path.into());
            say("job_workflow_sha", COMMIT.into());
            say("workflow_sha", COMMIT.into());
            say("sha", COMMIT.into());
            say("ref", reference.into());
            say("repository", repository.into());
            say("repository_id", "1".into());
            say("repository_owner", owner.into());
            say("repository_owner_id", "1".into());
            say("repository_visibility", "public".into());
            say("workflow", "canary".into());
            say("event_name", "workflow_dispatch".into());
            say("run_id", "1".into());
            say("run_attempt", "1".into());
            say("runner_environment", "github-hosted".into());
        }
        Provider::GitlabCi => {
            const EXPECTED: &str = "a CI configuration, such as https://gitlab.com/GROUP/PROJECT//.gitlab-ci.yml@refs/heads/BRANCH";
            let wrong = || BadClaims::Name { name: name.into(), expected: EXPECTED };
            let (server, path) = server_and_path(name).ok_or_else(wrong)?;
            let (project, file) = path.split_once("//").ok_or_else(wrong)?;
            let (_, reference) = file.split_once('@').ok_or_else(wrong)?;
            let (group, _) = project.rsplit_once('/').ok_or_else(wrong)?;
            let (kind, short) =
                match (reference.strip_prefix("refs/tags/"), reference.strip_prefix("refs/heads/")) {
                    (Some(tag), _) => ("tag", tag),
                    (None, Some(branch)) => ("branch", branch),
                    (None, None) => return Err(wrong()),
                };
            say("sub", format!("project_path:{project}:ref_type:{kind}:ref:{short}").into());
            say("server_url", server.into());
            say("ci_config_ref_uri", name.strip_prefix("https://").unwrap_or(name).into());
            say("ci_config_sha", COMMIT.into());
            say("sha", COMMIT.into());
            say("ref", short.into());
            say("ref_type", kind.into());
            say("project_path", project.into());
            say("project_id", "1".into());
            say("project_visibility", "public".into());
            say("namespace_path", group.into());
            say("namespace_id", "1".into());
            say("pipeline_source", "web".into());
            say("job_id", "1".into());
            say("runner_environment", "gitlab-hosted".into());
        }
    }
    Ok(claims)
}

/// No commit at all: the canary's claims do not point at anybody's.
const COMMIT: &str = "0000000000000000000000000000000000000000";

fn server_and_path(name: &str) -> Option<(&str, &str)> {
    let host = name.strip_prefix("https://")?.split('/').next().filter(|host| !host.is_empty())?;
    let (server, path) = name.split_at_checked("https://".len().checked_add(host.len())?)?;
    Some((server, path.strip_prefix('/')?))
}
