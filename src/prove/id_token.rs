//! ID tokens (OpenID Connect Core 1.0), verified against a key set that was fetched beforehand: there is no
//! network where a root is.

use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::Value;

use super::identity::Claims;
use crate::plan::Time;

/// The audience of tokens that are for Fulcio.
pub const AUDIENCE: &str = "sigstore";

/// Seconds by which the issuer's clock may differ from ours.
const SKEW: i64 = 60;

/// Signatures by a private key only: a token must not be made by whoever reads the key set.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// Why an ID token is not taken. Nothing of the token is repeated but what is wrong with it: it lets its
/// bearer in elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadToken {
    /// Not a token, or not a key set.
    #[error("{what} can't be read: {reason}")]
    Unreadable {
        /// The token or the key set.
        what: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// Signed by nobody, by a shared secret, or by an algorithm that is not known here.
    #[error(
        "the ID token's algorithm is `{0}`: expected a signature by a private key, such as RS256 or ES256"
    )]
    Algorithm(String),
    /// The key set lacks the key.
    #[error("the key set has no key `{wanted}`: it has {known}. Fetch the issuer's jwks_uri again")]
    NoKey {
        /// The key id in the token's header.
        wanted: String,
        /// Those of the key set.
        known: String,
    },
    /// The signature does not verify.
    #[error("the ID token's signature does not verify under the key set's key `{0}`")]
    Signature(String),
    /// Issued by somebody else.
    #[error("the ID token is by {found}: expected {expected}")]
    Issuer {
        /// The issuer in the token.
        found: String,
        /// Those that the trust root names.
        expected: String,
    },
    /// For somebody else.
    #[error("the ID token is for the audience {0}: expected {AUDIENCE}")]
    Audience(String),
    /// Not good any more, or not yet.
    #[error("the ID token {what} at {when}, and it is {now}")]
    Time {
        /// Expired, or is not good yet.
        what: &'static str,
        /// When.
        when: String,
        /// Now.
        now: Time,
    },
    /// A claim that must be there, or must not.
    #[error("{0}")]
    Claim(String),
}

/// What a token must say.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The issuers whose tokens are taken.
    pub issuers: &'a [String],
    /// Now.
    pub now: Time,
}

/// Verifies a token: signature, issuer, audience, expiry, and that it has no nonce.
pub fn verify(token: &str, jwks: &[u8], expected: &Expected<'_>) -> Result<Claims, BadToken> {
    let unreadable = |what: &'static str| move |reason: String| BadToken::Unreadable { what, reason };
    let keys: JwkSet = serde_json::from_slice(jwks)
        .map_err(|error| unreadable("the key set")(format!("expected a JWKS (RFC 7517): {error}")))?;
    let token = token.trim();
    let header = header(token).map_err(unreadable("the ID token"))?;
    let text = |field: &str| header.get(field).and_then(Value::as_str).unwrap_or_default().to_string();
    let algorithm = Algorithm::from_str(&text("alg"))
        .ok()
        .filter(|algorithm| ALGORITHMS.contains(algorithm))
        .ok_or_else(|| BadToken::Algorithm(text("alg")))?;
    let kid = text("kid");
    let key = match keys.find(&kid) {
        Some(key) => key,
        // A set of one key needs no name for it.
        None if kid.is_empty() && keys.keys.len() == 1 => {
            keys.keys.first().ok_or_else(|| no_key(&kid, &keys))?
        }
        None => return Err(no_key(&kid, &keys)),
    };
    let decoding = DecodingKey::from_jwk(key)
        .map_err(|error| unreadable("the key set")(format!("key `{kid}`: {error}")))?;
    let mut validation = Validation::new(algorithm);
    // Time, issuer and audience are judged below, by the ceremony's clock and with words of our own.
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let decoded = jsonwebtoken::decode::<Claims>(token, &decoding, &validation)
        .map_err(|_| BadToken::Signature(kid))?;
    judge(&decoded.claims, expected)?;
    Ok(decoded.claims)
}

fn no_key(wanted: &str, keys: &JwkSet) -> BadToken {
    let known: Vec<&str> = keys.keys.iter().filter_map(|key| key.common.key_id.as_deref()).collect();
    let known = if known.is_empty() { "none with a name".into() } else { known.join(", ") };
    BadToken::NoKey { wanted: wanted.to_string(), known }
}

/// The header of a JWS in its compact form.
fn header(token: &str) -> Result<Claims, String> {
    let parts: Vec<&str> = token.split('.').collect();
    let [header, _, _] = parts.as_slice() else {
        return Err(format!("expected three parts with dots between them, found {}", parts.len()));
    };
    let bytes = BASE64URL_NOPAD.decode(header.as_bytes()).map_err(|error| format!("its header: {error}"))?;
    serde_json::from_slice(&bytes).map_err(|error| format!("its header is no JSON object: {error}"))
}

fn judge(claims: &Claims, expected: &Expected<'_>) -> Result<(), BadToken> {
    let issuer = claims.get("iss").and_then(Value::as_str).unwrap_or_default();
    if !expected.issuers.iter().any(|known| known == issuer) {
        let expected = match expected.issuers {
            [] => "an issuer that the trust root names, and it names none: say which with --issuer".into(),
            known => known.join(" or "),
        };
        return Err(BadToken::Issuer { found: format!("`{issuer}`"), expected });
    }
    let audience = claims.get("aud").cloned().unwrap_or(Value::Null);
    let ours = match &audience {
        Value::String(text) => text == AUDIENCE,
        Value::Array(all) => all.iter().any(|one| one == AUDIENCE),
        _ => false,
    };
    if !ours {
        return Err(BadToken::Audience(audience.to_string()));
    }
    let seconds = |claim: &str| claims.get(claim).and_then(Value::as_f64);
    let now = expected.now;
    let expires = claims
        .get("exp")
        .and_then(Value::as_i64)
        .ok_or_else(|| BadToken::Claim("the ID token has no `exp`: it must expire".into()))?;
    let when = |unix: i64| Time::from_unix(unix).map_or_else(|| unix.to_string(), |time| time.to_string());
    if expires.saturating_add(SKEW) <= now.unix() {
        return Err(BadToken::Time { what: "expired", when: when(expires), now });
    }
    for claim in ["nbf", "iat"] {
        match claims.get(claim).and_then(Value::as_i64) {
            Some(from) if from.saturating_sub(SKEW) > now.unix() => {
                return Err(BadToken::Time { what: "begins to be good", when: when(from), now });
            }
            None if seconds(claim).is_some() => {
                return Err(BadToken::Claim(format!("the ID token's `{claim}` is not in whole seconds")));
            }
            _ => {}
        }
    }
    if claims.contains_key("nonce") {
        return Err(BadToken::Claim(
            "the ID token has a nonce: it belongs to a login that somebody else began".into(),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::prove::Provider;
    use crate::prove::issuer::{self, Issued};

    const ISSUER: &str = "https://issuer.example";

    fn now() -> Time {
        "2026-12-01T12:00:00Z".parse().unwrap()
    }

    fn claims() -> Claims {
        issuer::claims(Provider::Email, "canary@example.org", ISSUER, now()).unwrap()
    }

    fn with(change: impl FnOnce(&mut Claims)) -> Issued {
        let mut claims = claims();
        change(&mut claims);
        issuer::sign(&claims).unwrap()
    }

    fn judged(issued: &Issued) -> Result<Claims, BadToken> {
        verify(&issued.token, &issued.jwks, &Expected { issuers: &[ISSUER.into()], now: now() })
    }

    #[test]
    fn a_token_that_says_all_that_it_must() {
        assert_eq!(judged(&with(|_| {})).unwrap(), claims());
        let audiences = with(|claims| drop(claims.insert("aud".into(), vec!["other", AUDIENCE].into())));
        assert!(judged(&audiences).is_ok());
    }

    #[test]
    fn tokens_that_say_something_else() {
        let bad = |change: fn(&mut Claims)| judged(&with(change)).unwrap_err().to_string();
        let at = |seconds: i64| Value::from(now().unix() + seconds);
        let expired = judged(&with(|claims| drop(claims.insert("exp".into(), at(-61))))).unwrap_err();
        assert!(expired.to_string().contains("expired at 2026-12-01T11:58:59Z"), "{expired}");
        assert!(judged(&with(|claims| drop(claims.insert("exp".into(), at(-59))))).is_ok());
        let early = judged(&with(|claims| drop(claims.insert("nbf".into(), at(61))))).unwrap_err();
        assert!(early.to_string().contains("begins to be good"), "{early}");
        assert!(bad(|claims| drop(claims.remove("exp"))).contains("no `exp`"));
        assert!(
            bad(|claims| drop(claims.insert("aud".into(), "other".into()))).contains("audience \"other\"")
        );
        assert!(bad(|claims| drop(claims.remove("aud"))).contains("audience null"));
        assert!(
            bad(|claims| drop(claims.insert("iss".into(), "https://evil.example".into())))
                .contains("by `https://evil.example`: expected https://issuer.example")
        );
        assert!(bad(|claims| drop(claims.insert("nonce".into(), "n".into()))).contains("nonce"));
    }

    #[test]
    fn tokens_that_nobody_signed() {
        let issued = with(|_| {});
        let other = with(|_| {});
        let known = |token: &str, jwks: &[u8]| {
            verify(token, jwks, &Expected { issuers: &[ISSUER.into()], now: now() }).unwrap_err()
        };
        let [_, payload, signature] = issued.token.split('.').collect::<Vec<_>>()[..] else { panic!() };
        let header = |json: &str| BASE64URL_NOPAD.encode(json.as_bytes());
        for (algorithm, signature) in [("none", ""), ("HS256", signature), ("", signature)] {
            let token = format!("{}.{payload}.{signature}", header(&format!(r#"{{"alg":"{algorithm}"}}"#)));
            assert_eq!(known(&token, &issued.jwks), BadToken::Algorithm(algorithm.into()));
        }
        assert!(matches!(known(&issued.token, &other.jwks), BadToken::NoKey { .. }));
        // The other issuer's key under this one's name.
        let kid = |jwks: &[u8]| {
            let set: Value = serde_json::from_slice(jwks).unwrap();
            set["keys"][0]["kid"].as_str().unwrap().to_string()
        };
        let renamed =
            String::from_utf8(other.jwks.clone()).unwrap().replace(&kid(&other.jwks), &kid(&issued.jwks));
        assert!(matches!(known(&issued.token, renamed.as_bytes()), BadToken::Signature(_)));
        let changed = format!("{}.{}.{signature}", issued.token.split('.').next().unwrap(), header("{}"));
        assert!(matches!(known(&changed, &issued.jwks), BadToken::Signature(_)));
        for token in ["", "a.b", "a.b.c", "ä.ö.ü"] {
            assert!(matches!(known(token, &issued.jwks), BadToken::Unreadable { what: "the ID token", .. }));
        }
        for jwks in [b"".as_slice(), b"{}", b"[]"] {
            assert!(matches!(known(&issued.token, jwks), BadToken::Unreadable { what: "the key set", .. }));
        }
    }
}
