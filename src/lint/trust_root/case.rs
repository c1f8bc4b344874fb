//! The two files as the rules see them: read back from their bytes.

use std::collections::BTreeMap;
use std::fmt;

use der::Decode;
use serde_json::Value;
use sigstore_protobuf_specs::dev::sigstore::common::v1::TimeRange;
use sigstore_protobuf_specs::dev::sigstore::trustroot::v1::{CertificateAuthority, TransparencyLogInstance};
use x509_cert::Certificate;

use super::Files;
use crate::pki::{Algorithm, BadKey, PublicKey};
use crate::plan::{self, At, Name, Time, Window};
use crate::trust_root::{SigningConfig, TrustedRoot, log};

pub(super) const TLOGS: &str = "tlogs";
pub(super) const CTLOGS: &str = "ctlogs";
pub(super) const CERTIFICATE_AUTHORITIES: &str = "certificateAuthorities";
pub(super) const TIMESTAMP_AUTHORITIES: &str = "timestampAuthorities";

/// The lists of a trusted root, in the order of the file.
pub(super) const KINDS: [&str; 4] = [TLOGS, CERTIFICATE_AUTHORITIES, CTLOGS, TIMESTAMP_AUTHORITIES];

/// A window in seconds since 1970. Both ends belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first moment.
    pub start: i64,
    /// The last moment; none while it is open.
    pub end: Option<i64>,
}

impl Span {
    /// The window of an entry; none without a start.
    pub fn of(range: Option<&TimeRange>) -> Option<Self> {
        let range = range?;
        Some(Self { start: range.start.as_ref()?.seconds, end: range.end.as_ref().map(|end| end.seconds) })
    }

    /// Whether a moment lies in the window.
    pub fn contains(self, seconds: i64) -> bool {
        self.start <= seconds && self.end.is_none_or(|end| seconds <= end)
    }
}

impl From<&Window> for Span {
    fn from(window: &Window) -> Self {
        Self { start: window.from.unix(), end: window.to.map(Time::unix) }
    }
}

/// A moment for people.
pub(super) fn moment(seconds: i64) -> String {
    Time::from_unix(seconds).map_or_else(|| format!("{seconds} s after 1970"), |time| time.to_string())
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.end {
            Some(end) => write!(f, "from {} to {}", moment(self.start), moment(end)),
            None => write!(f, "from {} on", moment(self.start)),
        }
    }
}

/// A log, with what clients derive from it.
#[derive(Clone, Debug)]
pub struct Log {
    /// The list that it stands in.
    pub kind: &'static str,
    /// Its place in the file, such as `tlogs[0]`.
    pub place: String,
    /// The entry as it was read.
    pub entry: TransparencyLogInstance,
    /// Its window; none without a start.
    pub window: Option<Span>,
    /// Its key.
    pub key: Result<PublicKey, BadKey>,
}

impl Log {
    fn new(kind: &'static str, n: usize, entry: TransparencyLogInstance) -> Self {
        let public = entry.public_key.as_ref();
        let raw = public.and_then(|key| key.raw_bytes.as_deref()).unwrap_or_default();
        Self {
            kind,
            place: format!("{kind}[{n}]"),
            window: Span::of(public.and_then(|key| key.valid_for.as_ref())),
            key: PublicKey::from_spki(raw),
            entry,
        }
    }

    /// What stands behind the scheme of the log's URL.
    pub fn host(&self) -> &str {
        self.entry.base_url.split_once("://").map_or(self.entry.base_url.as_str(), |(_, host)| host)
    }

    /// The log's id, as the file has it.
    pub fn id(&self) -> &[u8] {
        self.entry.log_id.as_ref().map(|id| id.key_id.as_slice()).unwrap_or_default()
    }
}

/// A certificate or timestamp authority, with its chain.
#[derive(Clone, Debug)]
pub struct Authority {
    /// The list that it stands in.
    pub kind: &'static str,
    /// Its place in the file, such as `certificateAuthorities[0]`.
    pub place: String,
    /// The entry as it was read.
    pub entry: CertificateAuthority,
    /// Its window; none without a start.
    pub window: Option<Span>,
    /// Its certificates, if all of them can be read.
    pub chain: Result<Vec<Certificate>, der::Error>,
}

impl Authority {
    fn new(kind: &'static str, n: usize, entry: CertificateAuthority) -> Self {
        Self {
            kind,
            place: format!("{kind}[{n}]"),
            window: Span::of(entry.valid_for.as_ref()),
            chain: ders(&entry).map(Certificate::from_der).collect(),
            entry,
        }
    }

    /// Its certificates in DER.
    pub fn ders(&self) -> Vec<&[u8]> {
        ders(&self.entry).collect()
    }

    /// Its certificates; none where one of them can't be read, which a rule of its own says.
    pub fn certificates(&self) -> &[Certificate] {
        self.chain.as_deref().unwrap_or_default()
    }
}

fn ders(entry: &CertificateAuthority) -> impl Iterator<Item = &[u8]> {
    let chain = entry.cert_chain.iter().flat_map(|chain| &chain.certificates);
    chain.map(|certificate| certificate.raw_bytes.as_slice())
}

/// Both files, what was read from them, and what they are compared with.
#[derive(Clone, Debug)]
pub struct Case {
    /// When every client can have what is published now.
    pub reach: Option<Time>,
    /// The trusted root.
    pub root: TrustedRoot,
    /// The signing config.
    pub config: SigningConfig,
    /// The trusted root's JSON, for what protobuf does not tell apart.
    pub root_json: Value,
    /// The signing config's JSON.
    pub config_json: Value,
    /// The trusted root's logs.
    pub logs: Vec<Log>,
    /// The trusted root's authorities.
    pub authorities: Vec<Authority>,
    /// The logs and authorities that clients have now.
    pub previous: Option<(Vec<Log>, Vec<Authority>)>,
    /// What shall be, if that is known.
    pub plan: Option<plan::TrustRoot>,
    /// What the plan's names stand for, if that is known.
    pub material: Option<Owned>,
    /// The moment of the ceremony.
    pub now: Time,
}

/// Keys and certificates by the plan's names, in DER.
#[derive(Clone, Debug)]
pub struct Owned {
    keys: BTreeMap<Name, PublicKey>,
    certificates: BTreeMap<Name, Vec<u8>>,
}

impl Owned {
    /// Whether a log's key is the one of that name.
    pub(super) fn holds_key(&self, name: &Name, log: &Log) -> bool {
        log.key.as_ref().is_ok_and(|key| self.keys.get(name) == Some(key))
    }

    /// Whether an authority's chain is that of the names.
    pub(super) fn holds_chain(&self, names: &[At<Name>], authority: &Authority) -> bool {
        let expected: Option<Vec<&[u8]>> =
            names.iter().map(|name| self.certificates.get(&**name).map(Vec::as_slice)).collect();
        expected == Some(authority.ders())
    }
}

impl Case {
    pub(super) fn new(
        files: &Files<'_>,
        root: TrustedRoot,
        config: SigningConfig,
        previous: Option<&TrustedRoot>,
    ) -> Self {
        let (logs, authorities) = entries(&root);
        // Both were read as messages, so they are JSON.
        let json = |bytes: &[u8]| serde_json::from_slice(bytes).unwrap_or_default();
        Self {
            root_json: json(files.trusted_root),
            config_json: json(files.signing_config),
            root,
            config,
            logs,
            authorities,
            previous: previous.map(entries),
            plan: files.plan.cloned(),
            material: files.material.map(|material| Owned {
                keys: material.keys.clone(),
                certificates: material.certificates.clone(),
            }),
            reach: files.reach,
            now: files.now,
        }
    }

    /// What kind of log it is. The file does not say which API a Rekor log speaks: the plan does, and
    /// where it does not, a log is taken to speak the newer one.
    pub fn kind_of(&self, log: &Log) -> log::Kind {
        if log.kind == CTLOGS {
            return log::Kind::Ct;
        }
        let planned = self.plan.iter().flat_map(|plan| &plan.transparency_logs);
        let mut planned = planned.filter(|entry| entry.url.as_str() == log.entry.base_url);
        let same_window = |entry: &plan::trust_root::TransparencyLog| {
            log.window.is_some_and(|window| window.start == entry.trust.from.unix())
        };
        let api = planned.find(|entry| same_window(entry)).map(|entry| *entry.api);
        api.unwrap_or_default().into()
    }

    /// The algorithm of a log's key, if that can be read.
    pub(super) fn algorithm(log: &Log) -> Option<Algorithm> {
        log.key.as_ref().ok().map(PublicKey::algorithm)
    }
}

fn entries(root: &TrustedRoot) -> (Vec<Log>, Vec<Authority>) {
    let list = |kind: &'static str, list: &[TransparencyLogInstance]| {
        list.iter().cloned().enumerate().map(|(n, entry)| Log::new(kind, n, entry)).collect::<Vec<_>>()
    };
    let authorities = |kind: &'static str, list: &[CertificateAuthority]| {
        list.iter().cloned().enumerate().map(|(n, entry)| Authority::new(kind, n, entry)).collect::<Vec<_>>()
    };
    let mut logs = list(TLOGS, &root.tlogs);
    logs.extend(list(CTLOGS, &root.ctlogs));
    let mut found = authorities(CERTIFICATE_AUTHORITIES, &root.certificate_authorities);
    found.extend(authorities(TIMESTAMP_AUTHORITIES, &root.timestamp_authorities));
    (logs, found)
}
