//! Rules for TUF metadata, over the exact bytes that a key signs and the root that says it may.

pub mod signed;

use std::collections::{BTreeMap, BTreeSet};

use super::{Findings, Lintable, Rules, rules};
use crate::pki::{Algorithm, Draft, PublicKey};
use crate::trust_root::{ClientFile, SigningConfig, TrustedRoot};
use crate::tuf::{Metadata, Role, RoleKeys, RoleSignature, Root, UnsupportedKey, canonical};

/// A signature's draft, with the metadata that it is of, as the rules see it.
pub struct Case {
    /// The draft.
    pub draft: Draft<RoleSignature>,
    /// The keys of root metadata, by id, each read once.
    keys: BTreeMap<String, Result<PublicKey, UnsupportedKey>>,
}

impl Case {
    fn new(draft: &Draft<RoleSignature>) -> Self {
        let keys = match &draft.context.metadata {
            Metadata::Root(root) => &root.keys,
            _ => &BTreeMap::new(),
        };
        let keys = keys.iter().map(|(keyid, key)| (keyid.clone(), key.public())).collect();
        Self { draft: draft.clone(), keys }
    }

    /// The keys of root metadata that can be read; what can't be is a rule of its own.
    fn readable(&self) -> impl Iterator<Item = (&str, &PublicKey)> {
        self.keys.iter().filter_map(|(keyid, key)| Some((keyid.as_str(), key.as_ref().ok()?)))
    }

    /// The material of a role's keys, with their ids.
    fn material(&self, root: &Root, role: Role) -> BTreeMap<&[u8], &str> {
        let keyids = root.roles.get(&role).into_iter().flat_map(|keys| &keys.keyids);
        let read = |keyid: &String| {
            let (keyid, key) = self.keys.get_key_value(keyid)?;
            Some((key.as_ref().ok()?.spki(), keyid.as_str()))
        };
        keyids.filter_map(read).collect()
    }
}

impl std::ops::Deref for Case {
    type Target = Draft<RoleSignature>;
    fn deref(&self) -> &Self::Target {
        &self.draft
    }
}

impl Lintable for RoleSignature {
    fn lint(draft: &Draft<Self>, rules: &Rules) -> Findings {
        let mut findings = Findings::default();
        findings.check(rules, RULES, &draft.object, &Case::new(draft));
        findings
    }

    fn finished(&self, draft: &Draft<Self>) -> Findings {
        let mut findings = Findings::default();
        findings.check(&Rules::default(), FINISHED, &draft.object, &(self.clone(), draft.clone()));
        findings
    }
}

rules! {
    "Every rule for TUF metadata.", RULES, Case;
    canonical_bytes, "TUF-CANONICAL", Structural, "The bytes are the canonical JSON of the metadata.", "TUF 1.0.31, 4.1";
    spec_version, "TUF-SPEC-VERSION", Structural, "The version of the specification is 1.0.x.", "TUF 1.0.31, 4.3; python-tuf, tuf-js";
    version, "TUF-VERSION-NEXT", Structural, "A root's version follows the one before it, the first is 1; other roles' versions rise.", "TUF 1.0.31, 5.3.5, 5.4.3 and 5.5.5";
    expires, "TUF-EXPIRES-FUTURE", Structural, "Metadata expires after the ceremony.", "TUF 1.0.31, 5.3.10, 5.4.4, 5.5.6 and 5.6.5";
    expires_soon, "TUF-EXPIRES-SOON", Warning, "What people sign expires no sooner than 31 days after the ceremony: the next one must be held before.", "practice: sigstore's root-signing signs root 46 days ahead, targets 31";
    expires_far, "TUF-EXPIRES-FAR", Warning, "A root expires within 13 months: people and devices are met again at least once a year.", "practice: sigstore's root-signing, 197 days; TUF 1.0.31, 6.1";
    threshold_falls, "TUF-THRESHOLD-FALLS", Notice, "No new root lets a role be signed by fewer than the root before.", "TUF 1.0.31, 6.1; practice";
    root_current, "TUF-ROOT-CURRENT", Structural, "The root in force is not expired, but where a new root replaces it.", "TUF 1.0.31, 5.3.10";
    purpose, "TUF-PURPOSE", Structural, "A rehearsal's metadata follows a rehearsal's, and production's follows production's.", "practice: a rehearsal is marked uniformly";
    signer, "TUF-SIGNER", Structural, "The key that signs is one of the role's keys.", "TUF 1.0.31, 4.3";
    key_ids, "TUF-KEYID", Structural, "Each key's id is the SHA-256 of its canonical JSON, all fields included.", "TUF 1.0.31, 4.2.1 and 4.3; tough refuses others";
    key_valid, "TUF-KEY-VALID", Structural, "Each key is what its type and scheme say, and valid.", "TUF 1.0.31, 4.2.2";
    key_type, "TUF-KEY-TYPE", Warning, "Keys are ECDSA P-256 or Ed25519, under the types `ecdsa` and `ed25519`, which every client takes.", "tough 0.24, tuf-js 6.0";
    distinct, "TUF-DISTINCT-KEYS", Structural, "No key stands in a root under two ids: clients would take it for two signers.", "six clients, measured";
    roles, "TUF-ROLES", Structural, "A root has the four roles; they name keys that it has, each once, and it has no others.", "TUF 1.0.31, 4.3";
    reachable, "TUF-THRESHOLD-REACHABLE", Structural, "A threshold is at least 1, and no more than the role has different keys.", "TUF 1.0.31, 4.3";
    spare, "TUF-THRESHOLD-BELOW-KEYS", Warning, "A role has more keys than its threshold, so that one lost device does not lock it.", "practice: sigstore's root-signing, 3 of 5";
    quorum, "TUF-THRESHOLD-QUORUM", Warning, "Root and targets need at least two people.", "TUF 1.0.31, 6.1; practice";
    online, "TUF-ONLINE-KEYS", Error, "Keys of snapshot and timestamp, which are online, do not sign root or targets.", "TUF 1.0.31, 2.1";
    consistent, "TUF-CONSISTENT-SNAPSHOT", Structural, "A root asks for consistent snapshots.", "TUF 1.0.31, 6.2; the layout of files";
    file_hashes, "TUF-HASHES", Structural, "Every listed file has its length and its SHA-256.", "TUF 1.0.31, 4.4 to 4.6; sigstore root-signing#329";
    target_names, "TUF-TARGET-NAMES", Error, "Target names are flat: letters, digits, `.`, `_` and `-`.", "tough puts folders in the wrong place";
    target_files, "TUF-TARGETS-SIGSTORE", Structural, "Targets have the two files that sigstore's clients ask for.", "sigstore-python refuses a repository without";
    meta_names, "TUF-META-NAMES", Structural, "Snapshot lists targets.json alone, timestamp snapshot.json alone.", "TUF 1.0.31, 4.4 and 4.6";
    rollback, "TUF-META-ROLLBACK", Structural, "No listed version falls behind the one listed before.", "TUF 1.0.31, 5.4.3.2 and 5.5.5";
}

rules! {
    "Every rule for a signature that was made.", FINISHED, (RoleSignature, Draft<RoleSignature>);
    finished_key, "TUF-FINISHED-KEYID", Structural, "The signature names the key under which it was verified.", "TUF 1.0.31, 4.2";
    finished_form, "TUF-FINISHED-HEX", Structural, "The signature is written in lower-case hex.", "securesystemslib; TUF 1.0.31, 4.2";
}

fn finished_key((made, case): &(RoleSignature, Draft<RoleSignature>)) -> Option<String> {
    let expected = case.context.key.id();
    (made.keyid != expected || case.context.key.public().ok().as_ref() != Some(&case.public))
        .then(|| format!("the signature names {}, expected {expected}", made.keyid))
}

fn finished_form((made, _): &(RoleSignature, Draft<RoleSignature>)) -> Option<String> {
    let hex = !made.sig.is_empty() && data_encoding::HEXLOWER.decode(made.sig.as_bytes()).is_ok();
    (!hex).then(|| format!("the signature is `{}`", made.sig))
}

/// The root that is to be signed, if it is one.
fn root(case: &Case) -> Option<&Root> {
    match &case.context.metadata {
        Metadata::Root(root) => Some(root),
        _ => None,
    }
}

fn canonical_bytes(case: &Case) -> Option<String> {
    let expected = canonical(&case.context.metadata).ok();
    (expected.as_deref() != Some(case.bytes.as_slice()))
        .then(|| "the bytes are not the metadata's canonical form".into())
}

fn spec_version(case: &Case) -> Option<String> {
    let found = &case.context.metadata.head().spec_version;
    let patch = found.strip_prefix("1.0.").unwrap_or("");
    let fine = !patch.is_empty() && patch.chars().all(|c| c.is_ascii_digit());
    (!fine).then(|| format!("the version of the specification is `{found}`"))
}

fn version(case: &Case) -> Option<String> {
    let found = case.context.metadata.head().version;
    let role = case.context.role();
    let Some(previous) = &case.context.previous else {
        let fine = if role == Role::Root { found == 1 } else { found >= 1 };
        return (!fine).then(|| format!("the first {role} has version {found}"));
    };
    if previous.role() != role {
        return Some(format!("{role} is said to follow {}", previous.role()));
    }
    let before = previous.head().version;
    let fine = if role == Role::Root { before.checked_add(1) == Some(found) } else { found > before };
    (!fine).then(|| format!("version {found} of {role} follows version {before}"))
}

fn expires(case: &Case) -> Option<String> {
    let expires = case.context.metadata.head().expires;
    let now = case.context.now;
    (expires <= now).then(|| format!("it expires at {expires}, and now is {now}"))
}

const DAY: i64 = 86_400;

fn expires_soon(case: &Case) -> Option<String> {
    let (expires, now) = (case.context.metadata.head().expires, case.context.now);
    (case.context.role().is_offline() && expires > now && expires.since(now) < 31 * DAY)
        .then(|| format!("{} expires at {expires}, and now is {now}", case.context.role()))
}

fn expires_far(case: &Case) -> Option<String> {
    let (expires, now) = (root(case)?.head.expires, case.context.now);
    (expires.since(now) > 397 * DAY).then(|| format!("the root expires at {expires}, and now is {now}"))
}

fn threshold_falls(case: &Case) -> Option<String> {
    let (new, old) = (root(case)?, case.context.root.as_ref()?);
    old.roles.iter().find_map(|(role, before)| {
        let now = new.roles.get(role)?.threshold;
        (now < before.threshold)
            .then(|| format!("{role} needs {now} signers, and needed {}", before.threshold))
    })
}

fn root_current(case: &Case) -> Option<String> {
    if case.context.role() == Role::Root {
        return None;
    }
    let Some(root) = &case.context.root else { return Some("there is no root in force".into()) };
    let (expires, now) = (root.head.expires, case.context.now);
    (expires <= now)
        .then(|| format!("version {} of the root expired at {expires}, and now is {now}", root.head.version))
}

fn purpose(case: &Case) -> Option<String> {
    let found = &case.context.metadata.head().purpose;
    let root = case.context.root.as_ref().map(|root| &root.head);
    let others = case.context.previous.as_ref().map(Metadata::head).into_iter().chain(root);
    let show = |purpose: &Option<String>| purpose.clone().unwrap_or_else(|| "production".into());
    if found.as_deref().is_some_and(|found| found != Metadata::REHEARSAL) {
        return Some(format!("the purpose is `{}`", show(found)));
    }
    let other = others.map(|head| &head.purpose).find(|purpose| *purpose != found)?;
    Some(format!("the purpose is {}, and was {}", show(found), show(other)))
}

fn signer(case: &Case) -> Option<String> {
    let (id, role) = (case.context.key.id(), case.context.role());
    let known = case.context.roots().any(|root| root.signers(role).any(|(keyid, _)| keyid == id));
    (!known).then(|| format!("the key {id} of `{}` does not sign {role}", case.key))
}

fn key_ids(case: &Case) -> Option<String> {
    let (keyid, key) = root(case)?.keys.iter().find(|(keyid, key)| **keyid != key.id())?;
    Some(format!("the key under {keyid} has the id {}", key.id()))
}

fn key_valid(case: &Case) -> Option<String> {
    let broken = |(keyid, key): (&String, &Result<PublicKey, UnsupportedKey>)| {
        key.as_ref().err().map(|error| format!("{keyid}: {}", error.found))
    };
    case.keys.iter().find_map(broken)
}

fn key_type(case: &Case) -> Option<String> {
    let keys = &root(case)?.keys;
    let found = case.readable().filter_map(|(keyid, public)| {
        let key = keys.get(keyid)?;
        let clients = match (public.algorithm(), key.keytype()) {
            (Algorithm::EcdsaP256, "ecdsa") | (Algorithm::Ed25519, _) => return None,
            (Algorithm::EcdsaP521, _) => "tough and tuf-js refuse",
            _ => "tough refuses",
        };
        let owner = key.owner().map_or_else(String::new, |owner| format!(" of {owner}"));
        Some(format!("{clients} the key {keyid}{owner}: {} under type {}", key.scheme(), key.keytype()))
    });
    let found: Vec<String> = found.collect();
    (!found.is_empty()).then(|| found.join("; "))
}

fn distinct(case: &Case) -> Option<String> {
    let mut seen = BTreeMap::new();
    case.readable().find_map(|(keyid, public)| {
        let other = seen.insert(public.spki(), keyid)?;
        Some(format!("{other} and {keyid} are one key"))
    })
}

fn roles(case: &Case) -> Option<String> {
    let root = root(case)?;
    let mut named = BTreeSet::new();
    for role in Role::ALL {
        let Some(RoleKeys { keyids, .. }) = root.roles.get(&role) else {
            return Some(format!("there is no role {role}"));
        };
        let mut once = BTreeSet::new();
        for keyid in keyids {
            if !root.keys.contains_key(keyid) {
                return Some(format!("{role} names the key {keyid}, which the root does not have"));
            }
            if !once.insert(keyid) {
                return Some(format!("{role} names the key {keyid} twice"));
            }
        }
        named.extend(keyids);
    }
    let unused = root.keys.keys().find(|keyid| !named.contains(keyid))?;
    Some(format!("no role names the key {unused}"))
}

fn threshold(role: &RoleKeys) -> usize {
    usize::try_from(role.threshold).unwrap_or(usize::MAX)
}

fn reachable(case: &Case) -> Option<String> {
    let root = root(case)?;
    root.roles.iter().find_map(|(role, keys)| {
        let (threshold, count) = (threshold(keys), case.material(root, *role).len());
        (!(1..=count).contains(&threshold))
            .then(|| format!("{role} has threshold {threshold} and {count} different keys"))
    })
}

fn spare(case: &Case) -> Option<String> {
    let root = root(case)?;
    root.roles.iter().find_map(|(role, keys)| {
        let (threshold, count) = (threshold(keys), case.material(root, *role).len());
        (threshold > 1 && threshold == count)
            .then(|| format!("{role} needs all of its {count} keys: one lost device locks it"))
    })
}

fn quorum(case: &Case) -> Option<String> {
    let offline = root(case)?.roles.iter().filter(|(role, _)| role.is_offline());
    let alone: Vec<&str> =
        offline.filter(|(_, keys)| keys.threshold == 1).map(|(role, _)| role.as_str()).collect();
    (!alone.is_empty()).then(|| format!("a single key can change {}", alone.join(" and ")))
}

fn online(case: &Case) -> Option<String> {
    let root = root(case)?;
    let material = |offline: bool| {
        let roles = Role::ALL.into_iter().filter(move |role| role.is_offline() == offline);
        roles.flat_map(|role| case.material(root, role)).collect::<BTreeMap<_, _>>()
    };
    let offline = material(true);
    let (_, keyid) = material(false).into_iter().find(|(key, _)| offline.contains_key(key))?;
    Some(format!("the key {keyid} signs snapshot or timestamp, and root or targets too"))
}

fn consistent(case: &Case) -> Option<String> {
    (!root(case)?.consistent_snapshot).then(|| "consistent_snapshot is false".into())
}

/// Listed files: name, length, hashes.
type Listed<'a> = (&'a str, Option<u64>, Option<&'a BTreeMap<String, String>>);

fn listed(case: &Case) -> Vec<Listed<'_>> {
    let metadata = &case.context.metadata;
    let targets = match metadata {
        Metadata::Targets(targets) => Some(&targets.targets),
        _ => None,
    };
    let targets = targets
        .into_iter()
        .flatten()
        .map(|(name, file)| (name.as_str(), Some(file.length), Some(&file.hashes)));
    let meta = metadata.meta().into_iter().flatten();
    targets.chain(meta.map(|(name, file)| (name.as_str(), file.length, file.hashes.as_ref()))).collect()
}

fn file_hashes(case: &Case) -> Option<String> {
    let is_sha256 = |hash: &String| {
        hash.len() == 64 && hash.chars().all(|c| c.is_ascii_digit() || matches!(c, 'a'..='f'))
    };
    listed(case).into_iter().find_map(|(name, length, hashes)| {
        let hash = hashes.and_then(|hashes| hashes.get("sha256"));
        match (length, hash) {
            (None, _) => Some(format!("{name} has no length")),
            (_, Some(hash)) if is_sha256(hash) => None,
            (_, Some(hash)) => Some(format!("{name} has `{hash}` for its SHA-256")),
            (_, None) => Some(format!("{name} has no SHA-256")),
        }
    })
}

fn target_names(case: &Case) -> Option<String> {
    let Metadata::Targets(targets) = &case.context.metadata else { return None };
    let flat = |name: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        name.chars().all(plain) && name.starts_with(|c: char| c.is_ascii_alphanumeric())
    };
    let name = targets.targets.keys().find(|name| !flat(name))?;
    Some(format!("the target name `{name}`"))
}

fn target_files(case: &Case) -> Option<String> {
    let Metadata::Targets(targets) = &case.context.metadata else { return None };
    let missing = [TrustedRoot::FILE, SigningConfig::FILE]
        .into_iter()
        .find(|name| !targets.targets.contains_key(*name))?;
    Some(format!("{missing} is missing"))
}

fn meta_names(case: &Case) -> Option<String> {
    let expected = match case.context.role() {
        Role::Snapshot => Role::Targets.listed(),
        Role::Timestamp => Role::Snapshot.listed(),
        Role::Root | Role::Targets => return None,
    };
    let found: Vec<&str> = listed(case).into_iter().map(|(name, ..)| name).collect();
    (found != [expected.as_str()]).then(|| format!("it lists {}", found.join(", ")))
}

fn rollback(case: &Case) -> Option<String> {
    let before = case.context.previous.as_ref()?.meta()?;
    let now = case.context.metadata.meta()?;
    before.iter().find_map(|(name, old)| match now.get(name) {
        None => Some(format!("{name}, version {}, is listed no more", old.version)),
        Some(new) if new.version < old.version => {
            Some(format!("{name} falls from version {} to {}", old.version, new.version))
        }
        Some(_) => None,
    })
}

#[cfg(test)]
pub(crate) mod tests;
