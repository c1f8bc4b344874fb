//! Rules for the trusted root and the signing config, over the bytes that clients will load.
//!
//! No key signs these two files directly, so that [`lint`] is their door: an archive takes a
//! [`Checked`] file and nothing else. Log ids, names and windows are derived anew from the JSON and the
//! certificates in it, not from what built them.

mod authority;
mod case;
mod history;
mod log;
pub mod signing_config;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

pub use case::{Authority, Case, Log, Span};

use super::{Findings, Rules, rules};
use crate::plan::{self, Time};
use crate::trust_root::{ClientFile, Material, SigningConfig, TRUSTED_ROOT, TrustedRoot};

/// What is judged: the two files as clients will load them.
#[derive(Clone, Copy, Debug)]
pub struct Files<'a> {
    /// The trusted root's bytes.
    pub trusted_root: &'a [u8],
    /// The signing config's bytes.
    pub signing_config: &'a [u8],
    /// The trusted root that clients have now; none for the first.
    pub previous: Option<&'a [u8]>,
    /// What shall be, if that is known. Without it, an Ed25519 log is taken to speak Rekor v2.
    pub plan: Option<&'a plan::TrustRoot>,
    /// What the plan's names stand for: keys and certificates. Without it, which of them an entry holds
    /// is not compared with the plan.
    pub material: Option<&'a Material<'a>>,
    /// The moment by which every client can have what is published now; none where clients have nothing.
    pub reach: Option<Time>,
    /// The moment of the ceremony.
    pub now: Time,
}

/// A file that broke no rule: its bytes, and what a client reads in them.
#[derive(Clone, Debug)]
pub struct Checked<T> {
    document: T,
    bytes: Vec<u8>,
}

impl<T> Checked<T> {
    /// What a client reads.
    pub fn document(&self) -> &T {
        &self.document
    }

    /// The file's bytes, as they were judged.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Both files, checked against their rules and each other.
#[derive(Clone, Debug)]
pub struct Passed {
    /// `trusted_root.json`.
    pub trusted_root: Checked<TrustedRoot>,
    /// `signing_config.v0.2.json`.
    pub signing_config: Checked<SigningConfig>,
    /// What was found that does not stop them.
    pub warnings: Findings,
}

/// Judges both files.
pub fn lint(files: &Files<'_>, rules: &Rules) -> Result<Passed, Findings> {
    let mut findings = Findings::default();
    let root: Option<TrustedRoot> = read(files.trusted_root, TrustedRoot::FILE, rules, &mut findings);
    let config: Option<SigningConfig> = read(files.signing_config, SigningConfig::FILE, rules, &mut findings);
    let previous: Option<TrustedRoot> =
        files.previous.and_then(|previous| read(previous, BEFORE, rules, &mut findings));
    let (Some(root), Some(config)) = (root, config) else { return Err(findings) };
    let case = Case::new(files, root, config, previous.as_ref());
    findings.check(rules, RULES, TrustedRoot::FILE, &case);
    findings.check(rules, HISTORY, TrustedRoot::FILE, &case);
    findings.check(rules, signing_config::RULES, SigningConfig::FILE, &case);
    let findings = findings.stopping()?;
    Ok(Passed {
        trusted_root: Checked { document: case.root, bytes: files.trusted_root.to_vec() },
        signing_config: Checked { document: case.config, bytes: files.signing_config.to_vec() },
        warnings: findings,
    })
}

/// Judges a trusted root against the one that clients have, and nothing else of it: before the first
/// write, when some of its keys and certificates are still throwaway ones.
pub fn history(
    now: &[u8],
    before: &[u8],
    (time, reach): (Time, Option<Time>),
    rules: &Rules,
) -> Result<Findings, Findings> {
    let mut findings = Findings::default();
    let root: Option<TrustedRoot> = read(now, TrustedRoot::FILE, rules, &mut findings);
    let previous: Option<TrustedRoot> = read(before, BEFORE, rules, &mut findings);
    if let (Some(root), Some(previous)) = (root, previous) {
        let files = Files {
            trusted_root: now,
            signing_config: b"{}",
            previous: Some(before),
            plan: None,
            material: None,
            reach,
            now: time,
        };
        let case = Case::new(&files, root, SigningConfig::default(), Some(&previous));
        findings.check(rules, HISTORY, TrustedRoot::FILE, &case);
    }
    findings.stopping()
}

/// What messages call it.
const BEFORE: &str = "the trusted root that clients have now";

fn read<T: ClientFile>(json: &[u8], object: &str, rules: &Rules, findings: &mut Findings) -> Option<T> {
    T::from_json(json).map_err(|error| findings.check(rules, UNREADABLE, object, &error)).ok()
}

rules! {
    "The rule for files that can't be judged.", UNREADABLE, serde_json::Error;
    unreadable, "TRUST-READABLE", Structural, "The file is the protobuf JSON of its message, without unknown fields.", "protobuf-specs, trustroot/v1; sigstore-python and sigstore-go refuse unknown fields";
}

fn unreadable(error: &serde_json::Error) -> Option<String> {
    Some(error.to_string())
}

rules! {
    "Every rule for the trusted root.", RULES, Case;
    media_type, "TRUST-MEDIA-TYPE", Structural, "The media type is that of version 0.1.", "sigstore-python and sigstore-go refuse others";
    lists, "TRUST-LISTS", Structural, "All four lists are written out, empty or not.", "sigstore-python refuses a root without";
    newer_fields, "TRUST-V01-FIELDS", Structural, "There is no field of version 0.2 (`operator`, `checkpointKeyId`).", "sigstore-js loses the log, sigstore-go refuses the root";
    forms, "TRUST-FORMS", Structural, "Times are in UTC and whole seconds, enumerations are written by name.", "protobuf's JSON mapping; stock clients";
    planned, "TRUST-PLANNED", Structural, "The root has the plan's entries, with their windows, and no others.", "the plan";
    material, "TRUST-PLANNED-MATERIAL", Structural, "Each entry holds the key or the chain that the plan names for it.", "the plan";
    sorted, "TRUST-SORTED", Error, "Each list is sorted by the start of the windows, the oldest first.", "protobuf-specs, TrustedRoot";
    window_start, "TRUST-WINDOW-START", Structural, "Every window has a start.", "sigstore-python; protobuf-specs, TimeRange";
    window_order, "TRUST-WINDOW-ORDER", Structural, "No window ends before it begins.", "protobuf-specs, TimeRange";
    gap, "TRUST-WINDOW-GAP", Error, "Between two entries of a kind there is no time without one.", "practice: sigstore root-signing#616, cosign#4271";
    successor, "TRUST-WINDOW-SUCCESSOR", Warning, "Of each kind of entries one window is open: where all end, a successor is missing.", "practice: sigstore's root-signing; clients take nothing after the last end";
    overlap, "TRUST-WINDOW-OVERLAP", Warning, "Of two entries of a kind with one address that are in use, the older one has an end.", "practice: an entry that has a successor is retired";
    complete, "TRUST-COMPLETE", Warning, "The root has all four kinds of entries.", "sigstore-python needs CA, Rekor and CT log; time needs a timestamp authority";
    current, "TRUST-CURRENT", Warning, "Of each kind that the root has, one entry is in use now.", "what is signed today could not be verified";
    log::key, "TRUST-LOG-KEY", Structural, "A log's key can be read, and is what its keyDetails says.", "protobuf-specs, PublicKey";
    log::key_breaks, "TRUST-LOG-KEY-BREAKS", Error, "No log's key makes a client refuse the whole root, or all clients the log.", "sigstore-js 4.1 on RSA keys; every client on Ed25519 CT logs";
    log::key_type, "TRUST-LOG-KEY-TYPE", Warning, "A log's key is one that every client takes: P-256, or Ed25519 for Rekor.", "sigstore-js 4.1, sigstore-python 4.5";
    log::hash, "TRUST-LOG-HASH", Structural, "Merkle trees are built with SHA-256.", "RFC 6962, 2.1";
    log::url, "TRUST-LOG-URL", Error, "A log's URL has no slash at its end; a Rekor v2 log's is https:// and a host alone.", "sigstore-go takes the host for the checkpoint's origin";
    log::id, "TRUST-LOG-ID", Structural, "A log's id is the one that clients derive from its key, and, for Rekor v2 with Ed25519, from its origin.", "RFC 6962, 3.2; C2SP signed-note; sigstore's staging root of June 2025";
    log::duplicate, "TRUST-LOG-DUPLICATE", Structural, "No key and no id serves two logs.", "sigstore-rs refuses the root";
    authority::readable, "TRUST-CHAIN-READABLE", Structural, "Every authority has a chain, of certificates in DER.", "RFC 5280, 4.1";
    authority::order, "TRUST-CHAIN-ORDER", Structural, "Each certificate of a chain was issued by the one after it.", "protobuf-specs, X509CertificateChain; RFC 5280, 6.1";
    authority::root, "TRUST-CHAIN-ROOT", Error, "A chain ends with a self-signed root.", "sigstore-js finds no path without";
    authority::root_name, "TRUST-CHAIN-ROOT-NAME", Error, "An authority bears organization and common name of its root, and both are there.", "sigstore-python refuses a root without";
    authority::subjects, "TRUST-CHAIN-SUBJECTS", Error, "Certificates with one subject have one key.", "sigstore-rs takes the first of two for both";
    authority::timestamp_chain, "TRUST-TSA-CHAIN", Error, "A timestamp authority's chain has at least a signer and a root.", "sigstore-python, sigstore-js";
    authority::timestamp_key, "TRUST-TSA-KEY", Warning, "A timestamp signer's key is P-256 or P-384, as every client takes it.", "sigstore's clients, measured";
    authority::timestamp_period, "TRUST-TSA-PERIOD", Warning, "A timestamp authority's window ends within 15 months of its signer's notBefore: the key must not be used longer.", "CSBR 6.3.2", CodeSigningBr;
    authority::purpose, "TRUST-CHAIN-PURPOSE", Error, "The first certificate of a chain is for what the list is of: a CA for code signing, or a signer of timestamps.", "Fulcio and sigstore-go refuse others; RFC 3161, 2.3";
    authority::inside, "TRUST-WINDOW-INSIDE-CHAIN", Error, "An authority's window lies inside the life of every certificate of its chain.", "protobuf-specs, CertificateAuthority";
    authority::uri, "TRUST-AUTHORITY-URI", Error, "An authority has an http(s) address, without a slash at its end.", "protobuf-specs, CertificateAuthority";
}

rules! {
    "Every rule for what clients have already.", HISTORY, Case;
    history::kept, "TRUST-KEPT", Structural, "No entry that clients have is dropped: what it signed must go on verifying.", "protobuf-specs, TrustedRoot; helm-charts#1204";
    history::unaltered, "TRUST-UNALTERED", Structural, "No entry that clients have changes, but for the end of its window.", "protobuf-specs, TrustedRoot";
    history::switch_early, "TRUST-SWITCH-EARLY", Error, "An entry that clients do not have yet begins when every client can have fetched it: after the plan's propagation time, and the expiry of the timestamp that clients have.", "practice: sigstore's root-signing; TUF 1.0, 5.4 (a freeze attack lasts until the timestamp expires)";
    history::end_past, "TRUST-END-PAST", Error, "The end of a window is not set in the past: signatures made since would stop verifying.", "practice: sigstore's root-signing";
}

fn media_type(case: &Case) -> Option<String> {
    (case.root.media_type != TRUSTED_ROOT).then(|| format!("the media type is `{}`", case.root.media_type))
}

fn lists(case: &Case) -> Option<String> {
    let missing = ["tlogs", "certificateAuthorities", "ctlogs", "timestampAuthorities"]
        .into_iter()
        .find(|list| !case.root_json.get(list).is_some_and(Value::is_array))?;
    Some(format!("{missing} is missing"))
}

/// The first answer for a field of a JSON value, at any depth.
fn fields<T>(value: &Value, look: &impl Fn(&str, &Value) -> Option<T>) -> Option<T> {
    match value {
        Value::Object(object) => {
            object.iter().find_map(|(name, value)| look(name, value).or_else(|| fields(value, look)))
        }
        Value::Array(list) => list.iter().find_map(|value| fields(value, look)),
        _ => None,
    }
}

fn newer_fields(case: &Case) -> Option<String> {
    fields(&case.root_json, &|name, _| {
        matches!(name, "operator" | "checkpointKeyId").then(|| format!("the field `{name}`"))
    })
}

fn forms(case: &Case) -> Option<String> {
    let wrong = |name: &str, value: &Value| match name {
        "start" | "end" => value.as_str().is_none_or(|text| text.parse::<Time>().is_err()),
        "hashAlgorithm" | "keyDetails" | "selector" => !value.is_string(),
        _ => false,
    };
    let look =
        |name: &str, value: &Value| wrong(name, value).then(|| format!("`{name}` is written as {value}"));
    fields(&case.root_json, &look).or_else(|| fields(&case.config_json, &look))
}

fn planned(case: &Case) -> Option<String> {
    let plan = case.plan.as_ref()?;
    let line = |kind: &str, url: &str, window: Option<Span>| match window {
        Some(window) => format!("{kind} {url}, {window}"),
        None => format!("{kind} {url}, without a window"),
    };
    let mut expected: Vec<String> = Vec::new();
    for (kind, list) in [
        (case::CERTIFICATE_AUTHORITIES, &plan.certificate_authorities),
        (case::TIMESTAMP_AUTHORITIES, &plan.timestamp_authorities),
    ] {
        expected
            .extend(list.iter().map(|entry| line(kind, entry.uri.as_str(), Some(Span::from(&*entry.trust)))));
    }
    expected.extend(
        plan.transparency_logs
            .iter()
            .map(|entry| line(case::TLOGS, entry.url.as_str(), Some(Span::from(&*entry.trust)))),
    );
    expected.extend(
        plan.certificate_logs
            .iter()
            .map(|entry| line(case::CTLOGS, entry.url.as_str(), Some(Span::from(&*entry.trust)))),
    );
    let logs = case.logs.iter().map(|log| line(log.kind, &log.entry.base_url, log.window));
    let authorities = case.authorities.iter().map(|entry| line(entry.kind, &entry.entry.uri, entry.window));
    for found in logs.chain(authorities) {
        match expected.iter().position(|entry| *entry == found) {
            Some(at) => _ = expected.swap_remove(at),
            None => return Some(format!("not in the plan: {found}")),
        }
    }
    expected.first().map(|missing| format!("missing: {missing}"))
}

fn material(case: &Case) -> Option<String> {
    let (plan, material) = (case.plan.as_ref()?, case.material.as_ref()?);
    let same = |window: Option<Span>, trust: &plan::Window| window == Some(Span::from(trust));
    let logs = case.logs.iter().find_map(|log| {
        let url = &log.entry.base_url;
        let rekor = plan.transparency_logs.iter().map(|entry| (&entry.key, &entry.url, &entry.trust));
        let ct = plan.certificate_logs.iter().map(|entry| (&entry.key, &entry.url, &entry.trust));
        let fits = match log.kind {
            case::TLOGS => rekor
                .filter(|(_, planned, trust)| planned.as_str() == url && same(log.window, trust))
                .any(|(key, ..)| material.holds_key(key, log)),
            _ => ct
                .filter(|(_, planned, trust)| planned.as_str() == url && same(log.window, trust))
                .any(|(key, ..)| material.holds_key(key, log)),
        };
        (!fits).then(|| format!("{} does not hold the plan's key for {url}", log.place))
    });
    logs.or_else(|| {
        case.authorities.iter().find_map(|entry| {
            let list = match entry.kind {
                case::CERTIFICATE_AUTHORITIES => &plan.certificate_authorities,
                _ => &plan.timestamp_authorities,
            };
            let fits = list
                .iter()
                .filter(|planned| {
                    planned.uri.as_str() == entry.entry.uri && same(entry.window, &planned.trust)
                })
                .any(|planned| material.holds_chain(&planned.chain, entry));
            (!fits).then(|| format!("{} does not hold the plan's chain for {}", entry.place, entry.entry.uri))
        })
    })
}

/// Every entry's kind, place and window, in the order of the file.
fn windows(case: &Case) -> impl Iterator<Item = (&'static str, &str, Option<Span>)> {
    let logs = case.logs.iter().map(|log| (log.kind, log.place.as_str(), log.window));
    logs.chain(case.authorities.iter().map(|entry| (entry.kind, entry.place.as_str(), entry.window)))
}

fn windows_of(case: &Case, kind: &str) -> Vec<Span> {
    windows(case).filter(|(found, ..)| *found == kind).filter_map(|(.., window)| window).collect()
}

fn sorted(case: &Case) -> Option<String> {
    let unsorted = case::KINDS
        .into_iter()
        .find(|kind| !windows_of(case, kind).is_sorted_by_key(|window| window.start))?;
    Some(format!("{unsorted} is not sorted"))
}

fn window_start(case: &Case) -> Option<String> {
    let (_, place, _) = windows(case).find(|(.., window)| window.is_none())?;
    Some(format!("{place} has no start"))
}

fn window_order(case: &Case) -> Option<String> {
    windows(case).find_map(|(_, place, window)| {
        let window = window?;
        window.end.is_some_and(|end| end < window.start).then(|| format!("{place}: {window}"))
    })
}

fn gap(case: &Case) -> Option<String> {
    case::KINDS.into_iter().find_map(|kind| {
        let mut windows = windows_of(case, kind);
        windows.sort_by_key(|window| window.start);
        let mut windows = windows.into_iter();
        let mut reached = windows.next()?.end;
        for window in windows {
            // An open window leaves no gap after it.
            let end = reached?;
            if window.start > end.saturating_add(1) {
                return Some(format!("{kind}: none {}", Span { start: end, end: Some(window.start) }));
            }
            reached = window.end.map(|other| other.max(end));
        }
        None
    })
}

fn successor(case: &Case) -> Option<String> {
    let closed = case::KINDS.into_iter().find_map(|kind| {
        let ends = windows_of(case, kind).into_iter().map(|window| window.end);
        // None is open, and so is the last end then.
        let last = ends.collect::<Option<Vec<i64>>>()?.into_iter().max()?;
        Some((kind, last))
    });
    let (kind, last) = closed?;
    Some(format!("{kind}: none after {}", case::moment(last)))
}

fn overlap(case: &Case) -> Option<String> {
    let logs = case.logs.iter().map(|log| (log.kind, log.entry.base_url.as_str(), &log.place, log.window));
    let authorities = case
        .authorities
        .iter()
        .map(|entry| (entry.kind, entry.entry.uri.as_str(), &entry.place, entry.window));
    let mut open: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    logs.chain(authorities).find_map(|(kind, address, place, window)| {
        // A successor that is not used yet may wait beside an entry without an end.
        if window?.end.is_some() || window?.start > case.now.unix() {
            return None;
        }
        let other = open.insert((kind, address), place)?;
        Some(format!("neither {other} nor {place} ends, both at {address}"))
    })
}

fn complete(case: &Case) -> Option<String> {
    let there: BTreeSet<&str> = windows(case).map(|(kind, ..)| kind).collect();
    let missing: Vec<&str> = case::KINDS.into_iter().filter(|kind| !there.contains(kind)).collect();
    (!missing.is_empty()).then(|| format!("no {}", missing.join(", no ")))
}

fn current(case: &Case) -> Option<String> {
    let now = case.now.unix();
    let dead: Vec<&str> = case::KINDS
        .into_iter()
        .filter(|kind| {
            let windows = windows_of(case, kind);
            !windows.is_empty() && !windows.iter().any(|window| window.contains(now))
        })
        .collect();
    (!dead.is_empty()).then(|| format!("at {}, no entry is in use of {}", case.now, dead.join(", ")))
}

#[cfg(test)]
pub(crate) mod tests;
