//! The trust root over time: canaries of earlier years against the trusted root of today. What verified
//! before must verify still, unless the plan revoked it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;

use super::ProveError;
use super::examine::{Examined, Refusal, examine};
use crate::archive::State;
use crate::archive::canary::{BUNDLE, BUNDLE_REKOR_V1};
use crate::plan::Time;

/// A bundle of an earlier canary.
#[derive(Clone, Debug)]
pub struct Past {
    /// What it is called: its folder or canary, and its file.
    pub name: String,
    /// The bundle.
    pub bundle: Vec<u8>,
    /// What was signed.
    pub artifact: Vec<u8>,
    /// Whom the certificate names.
    pub identity: String,
    /// Who vouched for that.
    pub issuer: String,
    /// The trusted root of then; none where it was not kept.
    pub trusted_root: Option<Vec<u8>>,
}

/// What became of a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It verified, and verifies still.
    Verifies,
    /// It did not verify, and does now.
    VerifiesNow,
    /// It verifies, although a certificate that it stands on is revoked: somebody vouches for a moment of
    /// signing before the revocation counts.
    VerifiesBeforeRevocation,
    /// It verifies, although a certificate that it stands on is revoked, and nobody vouches for a moment
    /// before that: clients read no CRLs.
    VerifiesThoughRevoked,
    /// It did not verify, and does not.
    RefusedAsBefore,
    /// It verified, and the plan revoked what it stands on.
    Revoked,
    /// It verified, and does not any more.
    Broken,
}

/// A bundle, then and now.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Replayed {
    /// What it is called.
    pub bundle: String,
    /// What became of it.
    pub outcome: Outcome,
    /// The earliest moment of signing that somebody vouches for whose key is not lost; none where the
    /// bundle verifies nowhere, or nobody does.
    pub signed_at: Option<Time>,
    /// Why it was refused under the trusted root of then.
    pub before: Option<Refusal>,
    /// Why it is refused under that of today.
    pub now: Option<Refusal>,
    /// The certificate that was revoked, and the CRL that says so.
    pub revoked: Option<String>,
    /// Since when that counts: from the invalidity date on, where the CRL has one.
    pub revoked_since: Option<Time>,
}

impl Replayed {
    /// Whether something broke that should hold.
    pub fn is_broken(&self) -> bool {
        self.outcome == Outcome::Broken
    }

    /// In words: what changed, and why.
    pub fn text(&self) -> String {
        let why = |refusal: &Option<Refusal>| refusal.as_ref().map(ToString::to_string).unwrap_or_default();
        let revoked = self.revoked.as_deref().unwrap_or_default();
        let said = match self.outcome {
            Outcome::Verifies => "verifies still".into(),
            Outcome::VerifiesNow => format!("verifies now; before: {}", why(&self.before)),
            Outcome::VerifiesBeforeRevocation => {
                let since = self.revoked_since.map_or_else(String::new, |since| since.to_string());
                format!("verifies still: it was signed before {since}, from when on {revoked}")
            }
            Outcome::VerifiesThoughRevoked => {
                format!("verifies still, although {revoked}: clients read no CRLs, so end its window")
            }
            Outcome::RefusedAsBefore => format!("is refused, as before: {}", why(&self.now)),
            Outcome::Revoked => format!("is refused, as planned ({revoked}): {}", why(&self.now)),
            Outcome::Broken => format!("VERIFIED BEFORE AND IS REFUSED NOW: {}", why(&self.now)),
        };
        let signed = self.signed_at.map_or_else(|| "no verified time".into(), |time| time.to_string());
        format!("{signed:<20}  {} {said}", self.bundle)
    }
}

/// The canaries of an archive, each with the trusted root that it was made under.
pub fn of_archive(state: &State) -> Vec<Past> {
    let of = |canary: &crate::archive::made::MadeCanary| {
        let bundles = [(BUNDLE, Some(&canary.bundle)), (BUNDLE_REKOR_V1, canary.bundle_rekor_v1.as_ref())];
        let past = bundles.into_iter().filter_map(|(file, bundle)| {
            Some(Past {
                name: format!("{}/{file}", canary.name),
                bundle: bundle?.as_bytes().to_vec(),
                artifact: canary.artifact.as_bytes().to_vec(),
                identity: canary.identity.clone(),
                issuer: canary.issuer.clone(),
                trusted_root: canary.trust_root.as_ref().map(|made| made.trusted_root.as_bytes().to_vec()),
            })
        });
        past.collect::<Vec<_>>()
    };
    state.canaries.iter().flat_map(of).collect()
}

/// The canaries below a folder: each where `prove -o` wrote it.
pub fn of_folder(folder: &Path) -> Result<Vec<Past>, ProveError> {
    let unreadable =
        |path: &Path, reason: String| ProveError::Unreadable { path: path.to_path_buf(), reason };
    let mut past = Vec::new();
    for file in [BUNDLE, BUNDLE_REKOR_V1] {
        let path = folder.join(file);
        if !path.exists() {
            continue;
        }
        let read = |path: &Path| fs::read(path).map_err(|error| unreadable(path, error.to_string()));
        let identity = folder.join("identity.json");
        let who: Value = serde_json::from_slice(&read(&identity)?)
            .map_err(|error| unreadable(&identity, error.to_string()))?;
        let text = |field: &str| {
            who.get(field)
                .and_then(Value::as_str)
                .map(str::to_string)
                .ok_or_else(|| unreadable(&identity, format!("it has no `{field}`")))
        };
        let bundle = read(&path)?;
        serde_json::from_slice::<Value>(&bundle)
            .map_err(|error| unreadable(&path, format!("expected a bundle in JSON: {error}")))?;
        let root = folder.join("trusted_root.json");
        past.push(Past {
            name: path.display().to_string(),
            bundle,
            artifact: read(&folder.join("artifact"))?,
            identity: text("identity")?,
            issuer: text("issuer")?,
            trusted_root: if root.exists() { Some(read(&root)?) } else { None },
        });
    }
    let entries = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let entries = entries.map_err(|error| unreadable(folder, error.to_string()))?;
    // A link could lead around in a circle.
    let folders = entries.into_iter().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let mut folders: Vec<PathBuf> = folders.map(|entry| entry.path()).collect();
    folders.sort();
    for below in folders {
        past.extend(of_folder(&below)?);
    }
    Ok(past)
}

/// Verifies each under the trusted root of then and under that of `state`. `before` replaces the trusted
/// roots that the bundles bring along.
pub fn replay(past: &[Past], before: Option<&[u8]>, state: &State) -> Vec<Replayed> {
    let now = state.trust_root.as_ref().map(|made| made.trusted_root.as_bytes()).unwrap_or_default();
    past.iter().map(|past| one(past, before.or(past.trusted_root.as_deref()), now, state)).collect()
}

fn one(past: &Past, before: Option<&[u8]>, now: &[u8], state: &State) -> Replayed {
    let under = |root: &[u8]| examine(&past.bundle, &past.artifact, root, (&past.identity, &past.issuer));
    // A bundle of which nothing is kept but itself is one that verified.
    let (then, now) = (before.map(under), under(now));
    let stands_on = then.as_ref().and_then(|then| then.as_ref().ok()).or(now.as_ref().ok());
    let signed_at = stands_on.and_then(|examined| trusted_time(examined, state));
    let revoked = stands_on.and_then(|examined| revoked(examined, state));
    let verified = !matches!(then, Some(Err(_)));
    // What is trusted to have been signed before keeps its worth, and a refusal of it cuts off too much.
    let earlier = |revoked: &Revoked| signed_at.is_some_and(|time| time <= revoked.since);
    let outcome = match (verified, &now, &revoked) {
        (true, Ok(_), None) => Outcome::Verifies,
        (true, Ok(_), Some(revoked)) if earlier(revoked) => Outcome::VerifiesBeforeRevocation,
        (true, Ok(_), Some(_)) => Outcome::VerifiesThoughRevoked,
        (false, Ok(_), _) => Outcome::VerifiesNow,
        (true, Err(_), Some(revoked)) if !earlier(revoked) => Outcome::Revoked,
        (true, Err(_), _) => Outcome::Broken,
        (false, Err(_), _) => Outcome::RefusedAsBefore,
    };
    let before = then.and_then(Result::err);
    let (revoked, revoked_since) = revoked.map(|found| (found.what, found.since)).unzip();
    Replayed { bundle: past.name.clone(), outcome, signed_at, before, now: now.err(), revoked, revoked_since }
}

/// A revocation of something that a bundle stands on.
struct Revoked {
    /// The certificate, and the CRL that says so.
    what: String,
    /// From when on it counts.
    since: Time,
    /// Whether a key was lost.
    lost: bool,
}

/// The earliest moment that somebody vouches for. A timestamp authority whose key was lost could say any.
fn trusted_time(examined: &Examined, state: &State) -> Option<Time> {
    let signers = examined.timestamp_signers.iter().map(Some).chain(std::iter::repeat(None));
    let lost = |signer: Option<&Vec<u8>>| {
        signer.is_some_and(|der| revocations(der, state).any(|revoked| revoked.lost))
    };
    let times = examined.times.iter().zip(signers).filter(|(_, signer)| !lost(*signer));
    times.map(|(time, _)| *time).min()
}

/// The revocation, of all that a bundle stands on, that counts from the earliest moment on.
fn revoked(examined: &Examined, state: &State) -> Option<Revoked> {
    let ders = std::iter::once(&examined.issuer).chain(&examined.timestamp_signers);
    ders.flat_map(|der| revocations(der, state)).min_by_key(|revoked| revoked.since)
}

/// The revocations by CRLs of the archive of a certificate, and of what is above it.
fn revocations(der: &[u8], state: &State) -> impl Iterator<Item = Revoked> {
    let found = state.certificates.iter().find(|(_, made)| made.certificate.der() == der);
    // Its issuers count too, but for the root, which no CRL lists.
    let mut path = Vec::new();
    let mut next = found.map(|(name, _)| name);
    while let Some(name) = next.filter(|name| !path.contains(name)) {
        path.push(name);
        next = state.certificates.get(name).and_then(|made| made.issuer.as_ref());
    }
    path.into_iter().flat_map(|name| {
        state.crls.iter().filter_map(move |(crl, made)| {
            let entries = made.spec.get("revoked").and_then(Value::as_array)?;
            let entry = entries.iter().find(|one| one.get("certificate") == Some(&name.as_str().into()))?;
            let text = |field: &str| entry.get(field).and_then(Value::as_str);
            Some(Revoked {
                what: format!("{name} is revoked by {crl}"),
                since: text("invalidity-date").or_else(|| text("date"))?.parse().ok()?,
                lost: matches!(text("reason"), Some("key-compromise" | "ca-compromise")),
            })
        })
    })
}
