//! A canary that is asked for, and what to say of it.

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::load;
use super::super::recovery::Section;
use super::{Failure, no_trust_root};
use crate::archive::{self, Archive, Event, Journal, State, canary as files};
use crate::ceremony::clock::Clock;
use crate::ceremony::console::Terminal;
use crate::ceremony::{CeremonyError, conduct};
use crate::plan::prove::{Prove as Planned, Provider};
use crate::plan::{Name, Plan, Source, Time, Url};
use crate::prove::clients::{self, Check};
use crate::prove::id_token::{self, Expected};
use crate::prove::identity::{Claims, Identity, MARK};
use crate::prove::services::TrustRoot;
use crate::prove::{Canary, Made, ProveError, devices, issuer, services};
use crate::token::Devices;

/// Which canary is asked for.
pub(in crate::commands) struct Asked<'a> {
    /// The archive whose trust root is proved.
    pub archive: &'a Path,
    /// Which device plays which part.
    pub site: &'a load::LoadedSite,
    /// Whom the certificate names.
    pub identity: Option<&'a str>,
    /// Who vouches for that.
    pub issuer: Option<&'a Url>,
    /// What kind of provider that is.
    pub provider: Option<Provider>,
    /// An ID token, and the keys that it verifies under.
    pub token: Option<(&'a Path, &'a Path)>,
    /// The certificate whose key issues.
    pub authority: Option<&'a Name>,
    /// The moment of signing.
    pub at: Option<Time>,
    /// Where its files go, beside the archive's own folder.
    pub out: Option<&'a Path>,
}

/// A canary that was signed.
pub(in crate::commands) struct Proved {
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
    pub(in crate::commands) fn prove(&self) -> Result<Proved, Failure> {
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
        let mut planned = planned(&found.journal).unwrap_or_default();
        let provider = self.provider.unwrap_or(planned.provider);
        if provider != planned.provider {
            // What the plan says is of another kind.
            planned = Planned { provider, ..Planned::default() };
        }
        let claims = self.claims(provider, &planned, &root, clock.now().max(at), rehearsal)?;
        let identity = Identity::of(provider, &claims).map_err(|error| match self.token {
            Some(_) => ProveError::from(error).into(),
            // Nobody's token says so, but the command line.
            None => Failure::usage(error.to_string()).help("nothing was signed"),
        })?;
        let services = services::find(&root, state, site, at, self.authority).map_err(ProveError::from)?;
        if let Some(out) = self.out {
            refuse_used(out)?;
        }
        let mut open = Devices::new(site);
        devices::look(&services, state, &mut open)?;

        let mut archive = Archive::open(self.archive, clock.now())?;
        let mut console = Terminal::new(rehearsal);
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
                Failure::refused(Section::Canary, format!("{}: {error}", path.display())).help(format!(
                    "the canary is in the archive, under {}/{}",
                    files::FOLDER,
                    made.name
                ))
            })?;
        }
        let checks =
            clients::checks(&folder, identity.san.as_str(), &identity.issuer, services.timestamps.is_some());
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
                std::fs::read(path).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
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
        let logs_people_in = matches!(provider, Provider::Email | Provider::Uri);
        let given = self.issuer.is_some() || planned.issuer.is_some() || logs_people_in;
        let issuer =
            known.first().filter(|_| given).cloned().unwrap_or_else(|| made_up_issuer(provider, root));
        let identity = self
            .identity
            .map(str::to_string)
            .or_else(|| planned.identity.as_ref().map(|identity| (**identity).clone()))
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
pub(in crate::commands) fn clock(state: &State, rehearsal: bool) -> Result<Clock, Failure> {
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
    pub(in crate::commands) fn document(&self) -> Value {
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
    pub(in crate::commands) fn text(&self) -> String {
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
