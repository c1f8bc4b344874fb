//! A request, judged by whoever shall sign it: what the documents change is worked out from the documents
//! and from what is published, never read from the request's words.

use std::collections::BTreeMap;

use crate::evidence::changes::{Change, root, trusted_root};
use crate::lint::{self, Findings, Rules};
use crate::pki::{Draft, PublicKey, sha256_hex};
use crate::plan::{Name, Time};
use crate::trust_root::{ClientFile, SigningConfig, TrustedRoot};
use crate::tuf::request::{Document, Published, Request, Unreadable};
use crate::tuf::{self, Context, Envelope, Metadata, Role, RoleSignature, Root, TargetFile, Targets};

/// Why a request is not signed.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// It can't be read, or contradicts itself.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// It came too late.
    #[error("the request expired at {expires}, and now is {now}")]
    Expired {
        /// When it expired.
        expires: Time,
        /// The moment of signing.
        now: Time,
    },
    /// What it says is published is not.
    #[error("what the request says is published: {0}")]
    Published(String),
    /// Its key has no part in a document.
    #[error("the key {key} does not sign {role} version {version}, by the root in force or by the new one")]
    NoPart {
        /// The key's name.
        key: Name,
        /// The role.
        role: Role,
        /// The version.
        version: u64,
    },
    /// The content of a target is not the one that the metadata lists.
    #[error("the target {name} of the {what} metadata: {reason}")]
    Target {
        /// The target.
        name: String,
        /// Which metadata: the new one, or the published one.
        what: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A rule is broken.
    #[error("{0}")]
    Findings(#[from] Findings),
    /// A document that can't be put together.
    #[error(transparent)]
    Malformed(#[from] crate::pki::Malformed),
}

/// A document that may be signed, and what it changes.
#[derive(Debug)]
pub struct Judged {
    /// The bytes, and what the rules must know beside them.
    pub draft: Draft<RoleSignature>,
    /// What it changes.
    pub changes: Vec<Change>,
    /// What rules only warn of in the content of its targets.
    pub warnings: Findings,
}

/// Judges a request at a moment, by rules: each of its documents, in their order.
pub fn judge(request: &Request, now: Time, rules: &Rules) -> Result<Vec<Judged>, Refusal> {
    if now >= request.expires {
        return Err(Refusal::Expired { expires: request.expires, now });
    }
    let in_force = in_force(&request.published)?;
    let mut next: Option<Root> = None;
    let mut judged: Vec<Judged> = Vec::new();
    for document in &request.documents {
        if judged.iter().any(|other| other.draft.context.role() == document.role) {
            return Err(Unreadable(format!("two documents of the role {}", document.role)).into());
        }
        let metadata = document.metadata()?;
        if metadata.head().purpose.is_some() != request.rehearsal {
            let reason =
                format!("the {} document and the request: one is a rehearsal's alone", document.role);
            return Err(Unreadable(reason).into());
        }
        // What else is asked is signed under the root that is asked with it.
        let root = match document.role {
            Role::Root => in_force.as_ref(),
            _ => next.as_ref().or(in_force.as_ref()),
        };
        let previous = previous(&request.published, document.role, in_force.as_ref());
        let (key, public) = part(request, &metadata, root)?;
        let (changes, warnings) = match &metadata {
            Metadata::Root(new) => (root::changes(in_force.as_ref(), new), Findings::default()),
            Metadata::Targets(new) => {
                let old = match &previous {
                    Some(Metadata::Targets(old)) => Some(old),
                    _ => None,
                };
                targets(request, document, new, old, (now, rules))?
            }
            Metadata::Snapshot(_) | Metadata::Timestamp(_) => {
                (listed(&metadata, previous.as_ref()), Findings::default())
            }
        };
        let follows = match &metadata {
            Metadata::Root(new) => Some(new.clone()),
            _ => None,
        };
        let context = Context { metadata, key, root: root.cloned(), previous, now };
        let draft = tuf::draft(&request.signer.key, &public, context)?;
        judged.push(Judged { draft, changes, warnings });
        next = follows.or(next);
    }
    if judged.is_empty() {
        return Err(Unreadable("the request asks for nothing".into()).into());
    }
    Ok(judged)
}

/// The root in force: signed by its own threshold, or nobody would have it.
fn in_force(published: &Published) -> Result<Option<Root>, Refusal> {
    if !published.metadata.contains_key(&Role::Root) {
        return Ok(None);
    }
    let wrong = |reason: String| Refusal::Published(format!("the root: {reason}"));
    let Some(Envelope { signed, signatures }) = published.envelope(Role::Root) else {
        return Err(wrong("it is no root metadata file".into()));
    };
    let Metadata::Root(root) = &signed else { return Err(wrong("it is no root metadata".into())) };
    let progress = tuf::progress(&signed, &signatures, root).map_err(|error| wrong(error.to_string()))?;
    if !progress.is_enough() {
        let (signed, threshold) = (progress.signed, progress.threshold);
        return Err(wrong(format!("{signed} of its keys signed it, and it asks for {threshold}")));
    }
    Ok(Some(root.clone()))
}

/// What a role says now. Metadata that the root in force does not vouch for counts as none: what
/// follows it is then shown whole, and nothing can hide behind it.
fn previous(published: &Published, role: Role, in_force: Option<&Root>) -> Option<Metadata> {
    let Envelope { signed, signatures } = published.envelope(role)?;
    let progress = tuf::progress(&signed, &signatures, in_force?).ok()?;
    progress.is_enough().then_some(signed)
}

/// The signer's key, as one of the roots lists it that have a say.
fn part(
    request: &Request,
    metadata: &Metadata,
    root: Option<&Root>,
) -> Result<(tuf::Key, PublicKey), Refusal> {
    let (role, version) = (metadata.role(), metadata.head().version);
    let new = match metadata {
        Metadata::Root(new) => Some(new),
        _ => None,
    };
    let listed = new.into_iter().chain(root).flat_map(|root| root.signers(role));
    let mut ours = listed.filter_map(|(_, key)| {
        let public = key.public().ok()?;
        (public.fingerprint() == request.signer.fingerprint).then(|| (key.clone(), public))
    });
    ours.next().ok_or_else(|| Refusal::NoPart { key: request.signer.key.clone(), role, version })
}

/// What changes in the files that clients fetch, and in the trusted root that is one of them.
fn targets(
    request: &Request,
    document: &Document,
    new: &Targets,
    old: Option<&Targets>,
    (now, rules): (Time, &Rules),
) -> Result<(Vec<Change>, Findings), Refusal> {
    const PLACE: &str = "TUF targets";
    let mut changes = head(PLACE, &new.head, old.map(|old| &old.head));
    let listed = |file: &TargetFile| {
        let hash = file.hashes.get("sha256").map(String::as_str).unwrap_or_default();
        format!("{} bytes, SHA-256 {hash}", file.length)
    };
    for (name, file) in &new.targets {
        match old.and_then(|old| old.targets.get(name)) {
            None => changes.push(Change::added(PLACE, format!("{name}: {}", listed(file)))),
            Some(before) if before == file => {}
            Some(_) => changes.push(Change::changed(PLACE, format!("{name}: {}", listed(file)))),
        }
    }
    let gone =
        old.into_iter().flat_map(|old| old.targets.keys()).filter(|name| !new.targets.contains_key(*name));
    changes.extend(gone.map(|name| Change::removed(PLACE, name.as_str())));
    let now_text = content(&document.targets, new, TrustedRoot::FILE, "new")?;
    content(&document.targets, new, SigningConfig::FILE, "new")?;
    let before = match old {
        Some(old) => Some(content(&request.published.targets, old, TrustedRoot::FILE, "published")?),
        None => None,
    };
    changes.extend(trusted_root::changes(before.map(str::as_bytes), now_text.as_bytes()));
    let warnings = match before {
        Some(before) => {
            lint::trust_root::history(now_text.as_bytes(), before.as_bytes(), (now, None), rules)?
        }
        None => Findings::default(),
    };
    Ok((changes, warnings))
}

/// The text of a target, which must be the one that the metadata lists.
fn content<'t>(
    texts: &'t BTreeMap<String, String>,
    listed: &Targets,
    name: &str,
    what: &'static str,
) -> Result<&'t str, Refusal> {
    let wrong = |reason: &str| Refusal::Target { name: name.into(), what, reason: reason.into() };
    let file = listed.targets.get(name).ok_or_else(|| wrong("the metadata does not list it"))?;
    let text = texts.get(name).ok_or_else(|| wrong("the request does not bring its content"))?;
    if file.hashes.get("sha256") != Some(&sha256_hex(text.as_bytes())) {
        return Err(wrong("the content that the request brings is another one"));
    }
    Ok(text)
}

/// What changes in the version that a snapshot or timestamp vouches for.
fn listed(new: &Metadata, old: Option<&Metadata>) -> Vec<Change> {
    let place = match new.role() {
        Role::Snapshot => "TUF snapshot",
        _ => "TUF timestamp",
    };
    let mut changes = head(place, new.head(), old.map(Metadata::head));
    for (name, file) in new.meta().into_iter().flatten() {
        let before = old.and_then(Metadata::meta).and_then(|meta| meta.get(name));
        if before.map(|before| before.version) != Some(file.version) {
            let from = before.map_or("none".into(), |before| before.version.to_string());
            changes.push(Change::changed(place, format!("{name}: version {from} → {}", file.version)));
        }
    }
    changes
}

fn head(place: &'static str, new: &tuf::metadata::Head, old: Option<&tuf::metadata::Head>) -> Vec<Change> {
    let from = old.map_or("none".into(), |old| old.version.to_string());
    let mut changes = vec![Change::changed(place, format!("version {from} → {}", new.version))];
    if old.map(|old| old.expires) != Some(new.expires) {
        let from = old.map_or("none".into(), |old| old.expires.to_string());
        changes.push(Change::changed(place, format!("expires {from} → {}", new.expires)));
    }
    changes
}

impl std::fmt::Display for Judged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let metadata = &self.draft.context.metadata;
        write!(f, "{} version {}", metadata.role(), metadata.head().version)
    }
}
