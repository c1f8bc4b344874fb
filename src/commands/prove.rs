//! `rootwright prove`: a canary signature, and the files that stock clients check.

mod asked;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

pub(super) use asked::{Asked, clock};

use super::recovery::Section;
use super::{Code, Failure, Output, load};
use crate::archive;
use crate::plan::prove::Provider;
use crate::plan::{Name, Time, Url};
use crate::prove::replay::{self, Past, Replayed};
use crate::prove::{ProveError, id_token};
use crate::token::environment;

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

/// Canaries to check.
struct Earlier {
    past: Vec<Past>,
    /// The trusted root that stands for the ones of then.
    before: Option<Vec<u8>>,
}

impl Prove {
    /// Signs, or checks what was signed before, or both.
    pub fn run(self, output: &Output) -> Result<Code, Failure> {
        let mut document = json!({});
        let mut text = String::new();
        let past = self.past()?;
        if let (Some(site), Some(out)) = (&self.site, &self.out) {
            let site = load::site(site)?;
            environment::ensure(&site.site.environment).map_err(|error| Failure::usage(error.to_string()))?;
            let asked = Asked {
                archive: &self.archive,
                site: &site,
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
        if let Some(Earlier { past, before }) = past {
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
    fn past(&self) -> Result<Option<Earlier>, Failure> {
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
        Ok(Some(Earlier { past, before }))
    }
}

fn no_trust_root(archive: &Path) -> Failure {
    Failure::paused(Section::Canary, format!("{} has no trust root yet", archive.display()))
        .help("hold the ceremony of a plan with a [trust-root] first")
}

/// How a rehearsal ends whose plan says so: with a canary, unless the trust root has one already, and with
/// all canaries that the archive has.
pub(super) fn rehearsed(
    archive: &Path,
    site: &load::LoadedSite,
    document: &mut Value,
    text: &mut String,
) -> Result<Code, Failure> {
    let (_, state) = archive::read(archive)?;
    let root = state.trust_root.as_ref().map(|made| made.trusted_root.as_str());
    let proved = state
        .canaries
        .iter()
        .any(|canary| canary.trust_root.as_ref().map(|made| made.trusted_root.as_str()) == root);
    if !proved {
        let asked = Asked {
            archive,
            site,
            identity: None,
            issuer: None,
            provider: None,
            token: None,
            authority: None,
            at: None,
            out: None,
        };
        let made = asked.prove()?;
        text.push_str(&format!("\n{}\n", made.text()));
        if let Some(map) = document.as_object_mut() {
            map.insert("canary".into(), made.document());
        }
    }
    // The canaries of before: the new one was judged when it was made.
    let replayed = replay::replay(&replay::of_archive(&state), None, &state);
    if !replayed.is_empty() {
        text.push_str(&format!("\n{}", replay_text(&replayed)));
    }
    if let Some(map) = document.as_object_mut() {
        map.insert("replayed".into(), json!(replayed));
    }
    Ok(if replayed.iter().any(Replayed::is_broken) { Code::Findings } else { Code::Done })
}

fn replay_text(replayed: &[Replayed]) -> String {
    let broken = replayed.iter().filter(|one| one.is_broken()).count();
    let mut text = String::new();
    for one in replayed {
        text.push_str(&format!("{}\n", one.text()));
    }
    let still = replayed.len().saturating_sub(broken);
    text.push_str(&match broken {
        0 => format!("Earlier canaries under today's trusted root: {still} of {still} bundles are as they should be.\n"),
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
