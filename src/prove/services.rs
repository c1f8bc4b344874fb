//! Which authorities and logs of the trust root sign a canary at a moment, with which keys, on which
//! devices of the site. Pure.

use std::fmt;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::checkpoint::Origin;
use crate::archive::State;
use crate::pki::{Certificate, PublicKey};
use crate::plan::trust_root::Api;
use crate::plan::{Name, Time, Url, Window};
use crate::site::Site;

/// The trust root as an archive recorded it: the plan's words, with its dates moved as the archive's are.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct TrustRoot {
    /// Fulcio instances.
    pub certificate_authorities: Vec<Authority>,
    /// Rekor logs.
    pub transparency_logs: Vec<Log>,
    /// Timestamp authorities.
    pub timestamp_authorities: Vec<Authority>,
    /// Certificate logs.
    pub certificate_logs: Vec<Log>,
    /// OpenID Connect providers.
    pub identity_providers: Vec<IdentityProvider>,
}

/// A certificate authority or timestamp authority.
#[derive(Clone, Debug, Deserialize)]
pub struct Authority {
    /// Names of certificates: the one that issues or stamps first, the root last.
    pub chain: Vec<Name>,
    /// Where it answers.
    pub uri: Url,
    /// From when to when clients trust it.
    pub trust: Window,
}

/// A log.
#[derive(Clone, Debug, Deserialize)]
pub struct Log {
    /// The log's key.
    pub key: Name,
    /// Where it answers.
    pub url: Url,
    /// Of a Rekor log: the version of its API.
    #[serde(default)]
    pub api: Api,
    /// From when to when clients trust it.
    pub trust: Window,
}

/// An OpenID Connect provider.
#[derive(Clone, Debug, Deserialize)]
pub struct IdentityProvider {
    /// The provider's issuer address.
    pub url: Url,
}

/// A key that signs, and where it is.
#[derive(Clone, Debug)]
pub struct Signer {
    /// The key's name.
    pub key: Name,
    /// Its public half.
    pub public: PublicKey,
    /// The device that holds it.
    pub device: Name,
}

/// A Rekor log.
#[derive(Clone, Debug)]
pub struct RekorLog {
    /// The log's key.
    pub signer: Signer,
    /// v1 or v2.
    pub api: Api,
    /// How its checkpoints name it.
    pub origin: Origin,
}

/// A timestamp authority.
#[derive(Clone, Debug)]
pub struct TimestampAuthority {
    /// The timestamp signer's key.
    pub signer: Signer,
    /// Its certificate, and those above it but for the root.
    pub chain: Vec<Certificate>,
}

/// All that signs a canary.
#[derive(Clone, Debug)]
pub struct Services {
    /// The name of the certificate that issues.
    pub authority: Name,
    /// That certificate.
    pub issuer: Certificate,
    /// Its key.
    pub issuer_key: Signer,
    /// The certificate log's key.
    pub certificate_log: Signer,
    /// Rekor logs, v2 first, one of a kind.
    pub logs: Vec<RekorLog>,
    /// The timestamp authority, if the trust root has one.
    pub timestamps: Option<TimestampAuthority>,
    /// What the trust root has and this canary says nothing of, in words.
    pub not_proved: Vec<String>,
}

impl Services {
    /// The keys that sign, the devices that hold them.
    pub fn signers(&self) -> impl Iterator<Item = &Signer> {
        let logs = self.logs.iter().map(|log| &log.signer);
        let timestamps = self.timestamps.iter().map(|authority| &authority.signer);
        [&self.issuer_key, &self.certificate_log].into_iter().chain(logs).chain(timestamps)
    }
}

/// A key that is not here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingKey {
    /// What is missing and where it would be.
    pub what: String,
    /// What can't be proved without it.
    pub so: &'static str,
}

/// All that is missing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Missing(pub Vec<MissingKey>);

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no canary can be signed here:")?;
        self.0.iter().try_for_each(|missing| write!(f, "\n  {}: {}", missing.what, missing.so))
    }
}

const NO_CERTIFICATE: &str = "no certificate can be issued, and clients can't be shown one";
const NO_SCT: &str = "no certificate gets a signed certificate timestamp, and every client asks for one";
const NO_ENTRY: &str = "no signature can be logged, and every client asks for a log entry";
const NO_TIME: &str = "a Rekor v2 entry has no time of its own, and every client refuses it";

/// Finds what signs at `time`: of each kind the newest that is in use. `authority` asks for one
/// certificate's key, such as an intermediate that a newer one replaces.
pub fn find(
    root: &TrustRoot,
    state: &State,
    site: &Site,
    time: Time,
    authority: Option<&Name>,
) -> Result<Services, Missing> {
    let mut finder = Finder { state, site, time, missing: Vec::new(), not_proved: Vec::new() };
    let issuing: Vec<&Authority> = root
        .certificate_authorities
        .iter()
        .filter(|entry| authority.is_none_or(|name| entry.chain.first() == Some(name)))
        .collect();
    let asked = authority
        .map_or_else(|| "certificate authority".into(), |name| format!("certificate authority `{name}`"));
    let found = finder.newest(&issuing, |entry| entry.trust, &asked, NO_CERTIFICATE, Finder::of_authority);
    let logs: Vec<&Log> = root.certificate_logs.iter().collect();
    let certificate_log = finder.newest(
        &logs,
        |entry| entry.trust,
        "certificate log",
        NO_SCT,
        |finder, entry| {
            Some(((), finder.key(&entry.key)?, format!("certificate log {}", entry.url.as_str())))
        },
    );
    let mut rekor = Vec::new();
    let in_use = |api: Api| {
        let mine: Vec<&Log> = root.transparency_logs.iter().filter(|entry| entry.api == api).collect();
        let any = mine.iter().any(|entry| contains(&entry.trust, time));
        (mine, any)
    };
    let (second, first) = (in_use(Api::V2), in_use(Api::V1));
    if !second.1 && !first.1 {
        finder.absent("transparency log", NO_ENTRY);
    }
    for (api, (entries, any)) in [(Api::V2, &second), (Api::V1, &first)] {
        if !any {
            continue;
        }
        let found = finder.newest(
            entries,
            |entry| entry.trust,
            "transparency log",
            NO_ENTRY,
            |finder, entry| {
                let host = entry.url.host().to_string();
                Some((host, finder.key(&entry.key)?, format!("transparency log {}", entry.url.as_str())))
            },
        );
        if let Some((host, signer)) = found {
            let kind = crate::trust_root::log::Kind::from(api);
            let origin = Origin::new(kind, &host, &signer.public);
            rekor.push(RekorLog { signer, api, origin });
        }
    }
    let stamping: Vec<&Authority> = root.timestamp_authorities.iter().collect();
    // Rekor v1 promises a time by itself.
    let any = stamping.iter().any(|entry| contains(&entry.trust, time));
    let timestamps = if any || second.1 {
        finder.newest(&stamping, |entry| entry.trust, "timestamp authority", NO_TIME, Finder::of_authority)
    } else {
        None
    };
    let Finder { missing, not_proved, .. } = finder;
    match (found, certificate_log) {
        (Some((mut chain, issuer_key)), Some(((), certificate_log))) if missing.is_empty() => {
            let (authority, issuer) = chain.remove(0);
            let timestamps = timestamps.map(|(chain, signer)| TimestampAuthority {
                signer,
                chain: chain.into_iter().map(|(_, certificate)| certificate).collect(),
            });
            Ok(Services {
                authority,
                issuer,
                issuer_key,
                certificate_log,
                logs: rekor,
                timestamps,
                not_proved,
            })
        }
        _ => Err(Missing(missing)),
    }
}

/// Both ends belong to a window.
fn contains(window: &Window, time: Time) -> bool {
    window.from <= time && window.to.is_none_or(|to| time <= to)
}

/// A key as the archive knows it.
enum Place {
    Here(Signer),
    /// On a device that this site does not have.
    Device(Name, Name),
    /// Known by its request only: it never signs here.
    Elsewhere(Name),
}

/// A chain of certificates by name, without the root.
type Chain = Vec<(Name, Certificate)>;

struct Finder<'a> {
    state: &'a State,
    site: &'a Site,
    time: Time,
    missing: Vec<MissingKey>,
    not_proved: Vec<String>,
}

impl Finder<'_> {
    fn absent(&mut self, kind: &str, so: &'static str) {
        let what = format!("the trust root has no {kind} in use at {}", self.time);
        self.missing.push(MissingKey { what, so });
    }

    /// The newest entry that is in use. One whose key never signs here is passed over, and named; one
    /// whose device is not in this site is missing.
    fn newest<E, T>(
        &mut self,
        entries: &[&E],
        window: impl Fn(&E) -> Window,
        kind: &str,
        so: &'static str,
        of: impl Fn(&Self, &E) -> Option<(T, Place, String)>,
    ) -> Option<(T, Signer)> {
        let mut in_use: Vec<&&E> =
            entries.iter().filter(|entry| contains(&window(entry), self.time)).collect();
        in_use.sort_by_key(|entry| window(entry).from);
        let mut elsewhere = Vec::new();
        for entry in in_use.into_iter().rev() {
            match of(self, entry) {
                Some((found, Place::Here(signer), _)) => {
                    self.not_proved.extend(elsewhere);
                    return Some((found, signer));
                }
                Some((_, Place::Device(key, device), name)) => {
                    let what =
                        format!("{name}: its key `{key}` is on {device}, which the site does not have");
                    self.missing.push(MissingKey { what, so });
                    return None;
                }
                Some((_, Place::Elsewhere(key), name)) => {
                    elsewhere.push(format!("{name}: its key `{key}` lives elsewhere"));
                }
                None => {}
            }
        }
        if elsewhere.is_empty() {
            self.absent(kind, so);
        }
        self.missing.extend(elsewhere.into_iter().map(|what| MissingKey { what, so }));
        None
    }

    fn key(&self, name: &Name) -> Option<Place> {
        let made = self.state.keys.get(name)?;
        Some(match &made.device {
            None => Place::Elsewhere(name.clone()),
            Some(device) if !self.site.devices.contains_key(device) => {
                Place::Device(name.clone(), device.clone())
            }
            Some(device) => {
                let (key, public, device) = (name.clone(), made.public.clone(), device.clone());
                Place::Here(Signer { key, public, device })
            }
        })
    }

    /// An authority: its chain without the root, and the key of the first certificate.
    fn of_authority(&self, entry: &Authority) -> Option<(Chain, Place, String)> {
        let named =
            |name: &Name| Some((name.clone(), self.state.certificates.get(name)?.certificate.clone()));
        let mut chain: Chain = entry.chain.iter().map(named).collect::<Option<_>>()?;
        if chain.len() > 1 {
            chain.pop();
        }
        let (name, first) = chain.first()?;
        let spki = der::Encode::to_der(first.tbs().subject_public_key_info()).ok()?;
        let (key, _) = self.state.keys.iter().find(|(_, made)| made.public.spki() == spki)?;
        let described = format!("{name} ({})", entry.uri.as_str());
        let place = self.key(key)?;
        Some((chain, place, described))
    }
}

/// A name for what is signed, that nobody mistakes for a release.
pub fn artifact(canary: &Name, trusted_root: &str, time: Time, rehearsal: bool) -> String {
    let purpose = if rehearsal { "a rehearsal" } else { "production" };
    let hash = data_encoding::HEXLOWER.encode(&Sha256::digest(trusted_root));
    format!(
        "{canary}: a rootwright canary, {purpose}.\nIt shows that clients accept the trusted root with this SHA-256, and is good for nothing else.\n{hash}\n{time}\n"
    )
}
