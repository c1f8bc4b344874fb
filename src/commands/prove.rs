//! `rootwright prove`: a canary signature, and the files that stock clients check.

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Deserialize;
use serde_json::{Value, json};

use super::recovery::Section;
use super::{Code, Failure, Output, load};
use crate::archive::{self, Archive, Event, Journal, State, canary as files};
use crate::ceremony::clock::Clock;
use crate::ceremony::console::Terminal;
use crate::ceremony::{CeremonyError, conduct};
use crate::plan::prove::{Provider, Prove as Planned};
use crate::plan::{Name, Plan, Source, Time, Url};
use crate::prove::clients::{self, Check};
use crate::prove::id_token::{self, Expected};
use crate::prove::identity::{Claims, Identity, MARK};
use crate::prove::replay::{self, Past, Replayed};
use crate::prove::services::TrustRoot;
use crate::prove::{Canary, Made, ProveError, devices, issuer, services};
use crate::token::{Devices, environment};

/// Sign a canary under the archive's trust root, and write the files that stock clients check.
///
/// A throwaway key signs a few words, the way a developer will: the intermediate issues a certificate for
/// an identity, with a promise of the certificate log; the transparency log has the signature, and the
/// timestamp authority stamps it. DIR gets the artifact, the bundle, the trusted root, the configuration
/// and the identity; the journal gets every use of a key, and the archive keeps the canary.
///
/// What is signed is no entry of any log: keep a canary of production to yourself.
///
/// With --replay or --against, earlier canaries are checked against the archive's trusted root of today:
/// exits with 1 if one that verified before does not verify any more, and the plan revoked nothing of it.
#[derive(Debug, clap::Args)]
pub struct Prove {
    /// The archive's directory.
    archive: PathBuf,

    /// Which device plays which part today.
    #[arg(long, required_unless_present_any = ["replay", "against"], requires = "out")]
    site: Option<PathBuf>,

    /// The folder for the canary's files.
    #[arg(short = 'o', long = "out", value_name = "DIR", requires = "site")]
    out: Option<PathBuf>,

    /// Whom the certificate names, in a rehearsal: a mail address, or a URI.
    #[arg(long, conflicts_with = "id_token")]
    identity: Option<String>,

    /// Who vouches for the identity: an OpenID Connect issuer.
    #[arg(long, value_parser = |text: &str| Url::try_from(text.to_string()))]
    issuer: Option<Url>,

    /// What kind of provider that is: email, github-actions, gitlab-ci or uri.
    #[arg(long, value_name = "KIND")]
    provider: Option<Provider>,

    /// An ID token of the issuer, for the audience sigstore. A rehearsal can make one up.
    #[arg(long, value_name = "FILE", requires = "jwks")]
    id_token: Option<PathBuf>,

    /// The issuer's keys, fetched beforehand from its jwks_uri.
    #[arg(long, value_name = "FILE", requires = "id_token")]
    jwks: Option<PathBuf>,

    /// The certificate whose key issues; the newest intermediate in use unless said.
    #[arg(long, value_name = "NAME")]
    authority: Option<Name>,

    /// The moment of signing, in a rehearsal, such as 2027-01-31T00:00:00Z.
    #[arg(long, value_name = "TIME")]
    at: Option<Time>,

    /// Check the canaries below this folder, as earlier ones were written, against the archive's trusted
    /// root.
    #[arg(long, value_name = "DIR")]
    replay: Option<PathBuf>,

    /// Check the canaries of another state of the archive, such as a copy from before a rotation, under its
    /// trusted root and under this one's.
    #[arg(long, value_name = "ARCHIVE")]
    against: Option<PathBuf>,
}

impl Prove {
    /// Signs, or checks what was signed before, or both.
    pub fn run(self, output: &Output) -> Result<Code, Failure> {
        let mut document = json!({});
        let mut text = String::new();
        let past = self.past()?;
        if let (Some(site), Some(out)) = (&self.site, &self.out) {
            let site = load::site(site)?;
            environment::ensure(&site.site.environment)
                .map_err(|error| Failure::usage(error.to_string()))?;
            let asked = Asked {
                archive: &self.archive,
                site: &site,
                options: Planned { identity: None, issuer: None, provider: Provider::default() },
                identity: self.identity.as_deref(),
                issuer: self.issuer.as_ref(),
                provider: self.provider,
                token: self.id_token.as_deref().zip(self.jwks.as_deref()),
                authority: self.authority.as_ref(),
                at: self.at,
                out: Some(out),
            };
            let proved = asked.prove()?;
            document = proved.document();
            text = proved.text();
        }
        let mut code = Code::Done;
        if let Some((past, before)) = past {
            let (_, state) = archive::read(&self.archive)?;
            let replayed = replay::replay(&past, before.as_deref(), &state);
            if replayed.iter().any(Replayed::is_broken) {
                code = Code::Findings;
            }
            text.push_str(&replay_text(&replayed));
            if let Some(map) = document.as_object_mut() {
                map.insert("replayed".into(), json!(replayed));
                map.insert("ok".into(), (code == Code::Done).into());
            }
        }
        output.result(&document, || text)?;
        Ok(code)
    }

    /// The canaries to check, and the trusted root that stands for the one of then.
    fn past(&self) -> Result<Option<(Vec<Past>, Option<Vec<u8>>)>, Failure> {
        if self.replay.is_none() && self.against.is_none() {
            return Ok(None);
        }
        let (_, state) = archive::read(&self.archive)?;
        if state.trust_root.is_none() {
            return Err(no_trust_root(&self.archive));
        }
        let mut past = Vec::new();
        let mut before = None;
        if let Some(folder) = &self.replay {
            past = replay::of_folder(folder)?;
        }
        if let Some(other) = &self.against {
            let (_, other_state) = archive::read(other)?;
            let root = other_state.trust_root.as_ref().ok_or_else(|| no_trust_root(other))?;
            before = Some(root.trusted_root.clone().into_bytes());
            past.extend(replay::of_archive(&other_state));
        }
        if past.is_empty() {
            let place = self.replay.as_ref().or(self.against.as_ref()).unwrap_or(&self.archive);
            return Err(Failure::usage(format!("there is no canary in {}", place.display()))
                .help("name a folder that `rootwright prove -o` wrote to, or an archive that has canaries"));
        }
        Ok(Some((past, before)))
    }
}

fn no_trust_root(archive: &Path) -> Failure {
    Failure::paused(Section::Canary, format!("{} has no trust root yet", archive.display()))
        .help("hold the ceremony of a plan with a [trust-root] first")
}

/// Which canary is asked for.
pub(super) struct Asked<'a> {
    pub archive: &'a Path,
    pub site: &'a load::LoadedSite,
    /// What a plan says, where the archive's last plan is not asked.
    pub options: Planned,
    pub identity: Option<&'a str>,
    pub issuer: Option<&'a Url>,
    pub provider: Option<Provider>,
    pub token: Option<(&'a Path, &'a Path)>,
    pub authority: Option<&'a Name>,
    pub at: Option<Time>,
    /// Where its files go, beside the archive's own folder.
    pub out: Option<&'a Path>,
}

/// A canary that was signed.
pub(super) struct Proved {
    made: Made,
    identity: Identity,
    time: Time,
    folder: PathBuf,
    not_proved: Vec<String>,
    checks: Vec<Check>,
    elapsed_ms: f64,
}

impl Asked<'_> {
    /// Signs a canary. Everything that can be known before is looked at before: nothing is signed for a bad
    /// token or with half of the keys.
    pub(super) fn prove(&self) -> Result<Proved, Failure> {
        let start = Instant::now();
        let site = &self.site.site;
        let rehearsal = site.is_rehearsal();
        let found = archive::inspect(self.archive)?;
        let state = &found.state;
        conduct::refuse_other_purpose(site, state)?;
        let made = state.trust_root.clone().ok_or_else(|| no_trust_root(self.archive))?;
        if !state.finished {
            return Err(Failure::paused(Section::Canary, "the archive's last ceremony is not finished")
                .help("`rootwright run` goes on with it; then prove it"));
        }
        let clock = clock(state, rehearsal)?;
        let at = self.moment(clock, rehearsal)?;
        let root = trust_root(&made.spec)?;
        let planned = planned(&found.journal).unwrap_or_else(|| self.options.clone());
        let provider = self.provider.unwrap_or(planned.provider);
        let claims = self.claims(provider, &planned, &root, clock.now().max(at), rehearsal)?;
        let identity = Identity::of(provider, &claims).map_err(ProveError::from)?;
        let services =
            services::find(&root, state, site, at, self.authority).map_err(ProveError::from)?;
        if let Some(out) = self.out {
            refuse_used(out)?;
        }
        let mut open = Devices::new(site);
        devices::look(&services, state, &mut open)?;

        let mut archive = Archive::open(self.archive, clock.now())?;
        let mut console = Terminal::new(true);
        let canary = Canary {
            archive: &mut archive,
            ring: &mut open,
            console: &mut console,
            clock,
            services: &services,
            identity: &identity,
            provider,
            at,
            rehearsal,
        };
        let made = canary.make(&made)?;
        let kept = self.archive.join(files::FOLDER).join(made.name.as_str());
        let folder = self.out.map_or(kept, Path::to_path_buf);
        if let Some(out) = self.out {
            files::write(out, &made.files).map_err(|(path, error)| {
                Failure::refused(Section::Canary, format!("{}: {error}", path.display()))
                    .help(format!("the canary is in the archive, under {}/{}", files::FOLDER, made.name))
            })?;
        }
        let checks = clients::checks(&folder, identity.san.as_str(), &identity.issuer);
        let elapsed_ms = crate::ceremony::engine::millis(start.elapsed());
        Ok(Proved { made, identity, time: at, folder, not_proved: services.not_proved, checks, elapsed_ms })
    }

    /// The moment of signing. Production's keys say no other time than that of the clock.
    fn moment(&self, clock: Clock, rehearsal: bool) -> Result<Time, Failure> {
        match self.at {
            Some(_) if !rehearsal => {
                Err(Failure::refused(Section::Canary, "--at, and the site says production: its timestamp authority would sign a time that it is not")
                    .help("leave --at out"))
            }
            Some(at) => Ok(at),
            None => Ok(clock.now()),
        }
    }

    /// The claims of a token that was verified: the one that was brought along, or a rehearsal's own.
    fn claims(
        &self,
        provider: Provider,
        planned: &Planned,
        root: &TrustRoot,
        now: Time,
        rehearsal: bool,
    ) -> Result<Claims, Failure> {
        let known: Vec<String> = match self.issuer {
            Some(issuer) => vec![issuer.as_str().to_string()],
            None => {
                let planned = planned.issuer.iter().map(|issuer| issuer.as_str().to_string());
                let providers = root.identity_providers.iter().map(|entry| entry.url.as_str().to_string());
                planned.chain(providers).collect()
            }
        };
        if let Some((token, jwks)) = self.token {
            let read = |path: &Path| {
                std::fs::read(path)
                    .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
            };
            // What is no text is no token either, and its reader says so.
            let text = String::from_utf8_lossy(&read(token)?).into_owned();
            let claims = id_token::verify(&text, &read(jwks)?, &Expected { issuers: &known, now });
            return Ok(claims.map_err(ProveError::from)?);
        }
        if !rehearsal {
            return Err(Failure::usage("a canary of production needs an identity that somebody vouches for")
                .help("log in with the issuer, and name the token and the issuer's keys: --id-token FILE --jwks FILE"));
        }
        let issuer = known.first().cloned().unwrap_or_else(|| made_up_issuer(provider, root));
        let identity = self
            .identity
            .map(str::to_string)
            .or_else(|| planned.identity.clone())
            .unwrap_or_else(|| made_up_identity(provider, &issuer));
        // Through the same door as any other token.
        let issued = issuer::log_in(provider, &identity, &issuer, now).map_err(ProveError::from)?;
        let claims = id_token::verify(&issued.token, &issued.jwks, &Expected { issuers: &[issuer], now });
        Ok(claims.map_err(ProveError::from)?)
    }
}

/// Where clients think that the throwaway issuer is.
fn made_up_issuer(provider: Provider, root: &TrustRoot) -> String {
    let authority = root.certificate_authorities.first().map(|entry| entry.uri.host());
    match provider {
        Provider::GithubActions => "https://token.actions.githubusercontent.com".into(),
        Provider::GitlabCi => "https://gitlab.com".into(),
        Provider::Email | Provider::Uri => {
            format!("https://{}/{MARK}", authority.unwrap_or("issuer.example.org"))
        }
    }
}

fn made_up_identity(provider: Provider, issuer: &str) -> String {
    let host = issuer.split_once("://").map_or(issuer, |(_, rest)| rest).split('/').next().unwrap_or(issuer);
    let host = host.split(':').next().unwrap_or(host);
    match provider {
        Provider::Email => format!("{MARK}@{host}"),
        Provider::Uri => format!("https://{host}/{MARK}"),
        Provider::GithubActions => {
            format!("https://github.com/example/{MARK}/.github/workflows/{MARK}.yml@refs/heads/main")
        }
        Provider::GitlabCi => format!("https://gitlab.com/example/{MARK}//.gitlab-ci.yml@refs/heads/main"),
    }
}

/// A rehearsal's clock stands on its last day, and never before its last event.
fn clock(state: &State, rehearsal: bool) -> Result<Clock, Failure> {
    let clock = match state.last.filter(|_| rehearsal) {
        Some(last) => Clock::rehearsal(last.day(), Some(last)),
        None => Clock::system(),
    };
    let clock = clock.ok_or_else(|| Failure::usage("the machine's clock can't be read"))?;
    match state.last {
        Some(last) if clock.now() < last => Err(CeremonyError::Clock { now: clock.now(), last }.into()),
        _ => Ok(clock),
    }
}

/// The trust root as the plan had it, with its dates moved as the archive's are.
fn trust_root(spec: &Value) -> Result<TrustRoot, Failure> {
    TrustRoot::deserialize(spec)
        .map_err(|error| Failure::usage(format!("the archive's trust root can't be read: {error}")))
}

/// What the archive's last plan says of canaries.
fn planned(journal: &Journal) -> Option<Planned> {
    let text = journal.records.iter().rev().find_map(|record| match &record.event {
        Event::CeremonyStarted { text, .. } => Some(text.clone()),
        _ => None,
    });
    Plan::parse(&Source::new("the archive's last plan", text?)).ok()?.prove
}

/// A folder with an earlier canary in it stays as it is.
fn refuse_used(out: &Path) -> Result<(), Failure> {
    let names = ["artifact", files::BUNDLE, files::BUNDLE_REKOR_V1, "identity.json", "trusted_root.json"];
    match names.into_iter().map(|name| out.join(name)).find(|path| path.exists()) {
        Some(path) => Err(Failure::refused(Section::Canary, format!("{} is there already", path.display()))
            .help("name another folder: nothing is overwritten")),
        None => Ok(()),
    }
}

impl Proved {
    /// The result as a JSON document.
    pub(super) fn document(&self) -> Value {
        let mut names: Vec<&str> = self.made.files.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        json!({
            "canary": self.made.name,
            "identity": self.identity.san.as_str(),
            "issuer": self.identity.issuer,
            "time": self.time,
            "folder": self.folder.display().to_string(),
            "files": names,
            "signatures": self.made.uses,
            "not-proved": self.not_proved,
            "checks": self.checks,
            "elapsed_ms": self.elapsed_ms,
        })
    }

    /// The result for people.
    pub(super) fn text(&self) -> String {
        let mut text = format!(
            "{} is signed: by {} for {}, vouched for by {}, at {}.\nIt verifies under the archive's trusted root. Its files are in {}.\n",
            self.made.name,
            self.made.uses.first().map_or("", |one| one.key.as_str()),
            self.identity.san.as_str(),
            self.identity.issuer,
            self.time,
            self.folder.display()
        );
        for left in &self.not_proved {
            text.push_str(&format!("Not proved: {left}.\n"));
        }
        text.push_str("\nAsk the clients that your users have:\n");
        for check in &self.checks {
            text.push_str(&format!("\n  # {}\n  {}\n", check.client, check.command));
        }
        text
    }
}

fn replay_text(replayed: &[Replayed]) -> String {
    let broken = replayed.iter().filter(|one| one.is_broken()).count();
    let mut text = String::new();
    for one in replayed {
        text.push_str(&format!("{}\n", one.text()));
    }
    let still = replayed.len().saturating_sub(broken);
    text.push_str(&match broken {
        0 => format!("{still} bundles of earlier canaries are as they should be under today's trusted root.\n"),
        _ => format!(
            "{broken} of {} bundles verified before and do not any more: whoever publishes this trusted root breaks signatures like them.\n",
            replayed.len()
        ),
    });
    text
}

impl From<ProveError> for Failure {
    fn from(error: ProveError) -> Self {
        let message = error.to_string();
        match error {
            ProveError::Device(error) => error.into(),
            ProveError::Ceremony(error) => error.into(),
            ProveError::Archive(error) => error.into(),
            ProveError::Missing(_) => Self::paused(Section::Canary, message).help(
                "name the devices in the site, or prove on a day on which the trust root has all services; nothing was signed",
            ),
            ProveError::Token(id_token::BadToken::Unreadable { .. }) => {
                Self::usage(message).help("nothing was signed")
            }
            ProveError::Token(_) | ProveError::Claims(_) => {
                Self::findings(message).help("nothing was signed: log in again, for the audience sigstore")
            }
            ProveError::Issuer(_) => Self::usage(message).help("nothing was signed"),
            ProveError::Findings(_) => {
                Self::findings(message).help("what breaks a rule is not signed; what was signed before it is in the journal")
            }
            ProveError::Refused { .. } => Self::findings(message)
                .help("do not publish this trust root: clients would refuse what is signed under it"),
            ProveError::Attach(_) => Self::device(Section::DeviceFailed, message)
                .help("run again; a device that does this twice is broken"),
            ProveError::Unreadable { .. } => Self::usage(message),
            ProveError::Malformed(_) | ProveError::Json(_) => Self::findings(message),
            ProveError::Subscriber(_) => Self::refused(Section::Random, message),
        }
    }
}
