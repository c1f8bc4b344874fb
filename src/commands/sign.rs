//! `rootwright sign`: a keyholder who is elsewhere signs what a request asks for.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::recovery::Section;
use super::{Code, Failure, Output, load};
use crate::archive::disk::{Disk, OPEN};
use crate::ceremony::Console;
use crate::ceremony::console::Terminal;
use crate::ceremony::elsewhere::sign::Signing;
use crate::ceremony::elsewhere::words;
use crate::lint::Rules;
use crate::pki::sha256_hex;
use crate::plan::Name;
use crate::token::{Devices, environment};
use crate::tuf::Role;
use crate::tuf::request::Request;

/// Sign a request, on the keyholder's own machine.
///
/// What the request's documents change is worked out from the documents and from what is published, never
/// read from its words. It is shown, judged by every rule, and confirmed by typing the device's name or
/// serial; the signature is verified before the response is written. Send the response back: the ceremony
/// takes it with `rootwright run --response`.
#[derive(Debug, clap::Args)]
pub struct Sign {
    /// The request that `run` wrote.
    request: PathBuf,

    /// The site with the device that signs.
    #[arg(long)]
    site: PathBuf,

    /// Where the response goes.
    #[arg(short, long, value_name = "RESPONSE")]
    output: PathBuf,

    /// The device, where it is not the one that the request names, or the site's only one.
    #[arg(long, value_name = "NAME")]
    device: Option<Name>,

    /// The plan of the ceremony: it must be the one that the request names, and its rules and waivers apply.
    #[arg(long)]
    plan: Option<PathBuf>,

    /// The TUF repository as it is published, downloaded by yourself: what the request says is published
    /// must be what is there.
    #[arg(long, value_name = "DIR")]
    tuf: Option<PathBuf>,

    /// Ask nothing. Only where the site says rehearsal.
    #[arg(long)]
    yes: bool,
}

impl Sign {
    /// Signs.
    pub fn run(self, output: &Output) -> Result<Code, Failure> {
        let site = load::site(&self.site)?;
        if self.yes && !site.site.is_rehearsal() {
            return Err(Failure::refused(
                Section::RehearsalAndProduction,
                "--yes, and the site says production",
            )
            .help("what is signed in production is confirmed by a person: run without --yes"));
        }
        let shown = self.request.display();
        let bytes = std::fs::read(&self.request)
            .map_err(|error| Failure::usage(format!("the request {shown} can't be read: {error}")))?;
        let request = Request::parse(&bytes).map_err(|error| Failure::usage(format!("{shown}: {error}")))?;
        if self.output.exists() {
            return Err(Failure::usage(format!("{} is there already", self.output.display()))
                .help("nothing is overwritten: name another file"));
        }
        let rules = self.rules(&request)?;
        if let Some(tuf) = &self.tuf {
            published(&request, tuf)?;
        }
        environment::ensure(&site.site.environment).map_err(|error| Failure::usage(error.to_string()))?;
        let sha256 = sha256_hex(&bytes);
        let signing = Signing {
            request: &request,
            sha256,
            site: &site.site,
            device: self.device.clone(),
            rules: &rules,
        };
        let judged = signing.judge()?;
        let mut console = Terminal::new(self.yes);
        if !console.asks() && !self.yes {
            return Err(Failure::usage("nobody can be asked: this is no terminal")
                .help("what is signed is confirmed by a person; in a rehearsal, --yes asks nothing"));
        }
        introduce(&request, self.tuf.is_some(), &mut console);
        let changes = words(&judged);
        let mut devices = Devices::new(&site.site);
        let signed = signing.sign(judged, &mut devices, &mut console);
        console.end();
        devices.close();
        let response = signed?;
        let mut text = serde_json::to_string_pretty(&response)
            .map_err(|error| Failure::usage(format!("the response can't be written: {error}")))?;
        text.push('\n');
        Disk::default().once(&self.output, text.as_bytes(), OPEN).map_err(|error| {
            Failure::refused(Section::Disk, format!("{} can't be written: {error}", self.output.display()))
                .help("the device has signed, and the signature is lost: sign again, into another file")
        })?;
        let made: Vec<String> = response.signatures.iter().map(|made| made.asked().to_string()).collect();
        let document = json!({
            "response": self.output.display().to_string(),
            "signer": response.signer,
            "signed": made,
            "changes": changes,
        });
        output.result(&document, || {
            let made: String = made.iter().map(|made| format!("  {made}\n")).collect();
            format!("Signed with {}:\n{made}Send {} back.\n", response.signer.key, self.output.display())
        })?;
        Ok(Code::Done)
    }

    /// The plan's rules, if it is the ceremony's; otherwise those without waivers.
    fn rules(&self, request: &Request) -> Result<Rules, Failure> {
        let Some(path) = &self.plan else { return Ok(Rules::default()) };
        let plan = load::plan(path)?;
        let found = sha256_hex(plan.source.text.as_bytes());
        if found != request.ceremony.plan {
            return Err(Failure::findings(format!(
                "{} has SHA-256 {found}, and the request is of the plan {}",
                path.display(),
                request.ceremony.plan
            ))
            .help(
                "ask the ceremony's administrator for the plan that was reviewed, and what changed in it",
            ));
        }
        Ok(plan.rules)
    }
}

/// What whoever signs should know before the first question.
fn introduce(request: &Request, compared: bool, console: &mut Terminal) {
    console.note(&request.ceremony.to_string());
    console.note(&format!("written at {}, expires at {}", request.written, request.expires));
    if !compared {
        console.note(
            "what is published is what the request says, signed by the keyholders of its root; with --tuf DIR it is compared with what you downloaded",
        );
    }
}

/// What the request says is published is what was downloaded.
fn published(request: &Request, folder: &Path) -> Result<(), Failure> {
    // Snapshot and timestamp may have been signed anew since: they matter to whoever signs them.
    let asked =
        |role: Role| role.is_offline() || request.documents.iter().any(|document| document.role == role);
    for (role, said) in request.published.metadata.iter().filter(|(role, _)| asked(**role)) {
        let version =
            said.get("signed").and_then(|signed| signed.get("version")).and_then(serde_json::Value::as_u64);
        let path = folder.join(role.file(version.unwrap_or_default()));
        let bytes = std::fs::read(&path)
            .map_err(|error| Failure::findings(format!("{} can't be read: {error}", path.display())))?;
        let found: Option<serde_json::Value> = serde_json::from_slice(&bytes).ok();
        if found.as_ref() != Some(said) {
            return Err(Failure::findings(format!(
                "the request says that {role} version {} is published, and {} is another file",
                version.unwrap_or_default(),
                path.display()
            ))
            .help("do not sign: ask the ceremony's administrator which of the two is right"));
        }
    }
    // Nor may there be a newer root than the one that the request goes on from.
    let newest = request.published.envelope(Role::Root).map_or(0, |root| root.signed.head().version);
    let next = folder.join(Role::Root.file(newest.saturating_add(1)));
    if next.exists() {
        return Err(Failure::findings(format!(
            "the request goes on from root version {newest}, and {} is there",
            next.display()
        ))
        .help("the request is older than what is published: ask for a new one"));
    }
    Ok(())
}
