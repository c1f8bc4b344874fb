//! `rootwright approve`: a person approves the plan's hash before the day.

use std::path::PathBuf;

use serde_json::json;

use super::recovery::Section;
use super::{Code, Failure, Output, load, signer};
use crate::archive::State;
use crate::ceremony::console::{Fingerprint, Terminal};
use crate::ceremony::endorse::{AtDevice, SigningError};
use crate::evidence::approval::{Approvable, BadApproval};
use crate::evidence::signer::Signers;
use crate::evidence::transparency::Signed;
use crate::lint::statement::Endorsed;
use crate::pki::dsse::Envelope;
use crate::pki::sha256_hex;
use crate::plan::Name;
use crate::token::{Devices, environment};

/// Approve a plan before the day: sign its hash, and write the signature to a file.
///
/// The ceremony's operator brings the file along: rootwright run … --approval FILE. Where the plan asks for
/// approvals, it is not run without them. A person signs with their own device; without one of the site's,
/// with SSH: the command then says what to sign, and takes the signature back with --signature.
#[derive(Debug, clap::Args)]
pub struct Approve {
    /// The plan, byte for byte as it will be run.
    plan: PathBuf,

    /// The person's devices, and whether it is approved for a rehearsal or for production.
    #[arg(long)]
    site: PathBuf,

    /// Where the approval is written.
    #[arg(short = 'o', long = "out", value_name = "FILE")]
    out: PathBuf,

    /// Who approves, by the plan's name; needed unless the site has one person's device alone.
    #[arg(long = "as", value_name = "PERSON")]
    person: Option<Name>,

    /// The archive that the person's key was made in, where the plan does not name the key.
    #[arg(long, value_name = "DIR")]
    archive: Option<PathBuf>,

    /// Sign with SSH, though the site has a device of the person.
    #[arg(long)]
    ssh: bool,

    /// Also write what somebody with a network submits to transparency logs: proof that the plan, and the script
    /// that follows from it, was there before the day.
    #[arg(long, value_name = "DIR")]
    requests: Option<PathBuf>,

    /// What `ssh-keygen -Y sign` made of the file that this command wrote.
    #[arg(long, value_name = "FILE")]
    signature: Option<PathBuf>,
}

impl Approve {
    /// Runs.
    pub fn run(self, output: &Output) -> Result<Code, Failure> {
        let plan = load::plan(&self.plan)?;
        let site = load::site(&self.site)?.site;
        environment::ensure(&site.environment).map_err(|error| Failure::usage(error.to_string()))?;
        let state = self.archive.as_deref().map_or_else(|| Ok(State::default()), load::state)?;
        let part = match (&self.person, signer::at_hand(&plan.plan, &site).as_slice()) {
            (Some(part), _) => part.clone(),
            (None, [only]) => only.clone(),
            (None, several) => {
                let found = format!("the site has devices of {} people", several.len());
                return Err(Failure::usage(found).help("say who approves: --as PERSON"));
            }
        };
        let person = signer::person(&plan.plan, &site, &part)?;
        let sha256 = sha256_hex(plan.source.text.as_bytes());
        let signers = Signers { plan: &plan.plan, state: &state };
        let approvable = Approvable { signers, plan: &sha256, purpose: *site.purpose };
        let bad = |error: BadApproval| Failure::refused(Section::Approvals, error.to_string());
        let payload = approvable.statement(&part).map_err(bad)?;
        let asked = approvable.asked(&payload);
        let failed = |error: SigningError| signer::failure(error, Section::Approvals);
        let endorsed: Endorsed = match (&self.signature, signer::device(&plan.plan, &site, &part)) {
            (Some(file), _) => {
                let signature = signer::signature(file)?;
                let taken = signers.by_ssh(asked, &part, &signature);
                taken.map_err(|error| failed(SigningError::Endorse { person: part.clone(), error }))?
            }
            (None, Some(device)) if !self.ssh => {
                let mut devices = Devices::new(&site);
                let mut console = Terminal::new(site.is_rehearsal());
                let at = AtDevice { signers, person, device };
                let facts = vec![
                    ("ceremony", (*plan.plan.ceremony.name).clone()),
                    ("date", plan.plan.ceremony.date.to_string()),
                    ("plan SHA-256", sha256.clone()),
                    ("in words", Fingerprint::from_hex(&sha256).words().join(" ")),
                ];
                let signed = at
                    .ready(asked, facts, &mut devices, &mut console)
                    .and_then(|ready| at.sign(ready, &mut devices, &mut console));
                devices.close();
                signed.map_err(failed)?
            }
            _ => {
                let mut to_sign = self.out.clone().into_os_string();
                to_sign.push(".to-sign");
                return Err(signer::ask_ssh(&part, &payload, to_sign.into(), Section::Approvals)?);
            }
        };
        let signature = endorsed.signature().clone();
        let mut requests = Vec::new();
        if let Some(folder) = &self.requests {
            let public = signers.device(&part).filter(|key| key.fingerprint() == signature.keyid);
            let signed = public.map(|public| Signed { payload: &payload, signature: &signature.sig, public });
            // Each person's statement is their own: it names them.
            let stem = format!("approval-{}.{part}", sha256.get(..8).unwrap_or_default());
            let (message, body) = signer::log_requests(folder, (&stem, &stem), &payload, signed)?;
            requests.extend([Some(message), body].into_iter().flatten());
        }
        let file = Envelope { payload, signatures: vec![signature] }.file();
        signer::write(&self.out, &file)?;
        let document = json!({
            "plan": sha256,
            "person": part,
            "key": endorsed.key(),
            "keyid": endorsed.signature().keyid,
            "file": self.out.display().to_string(),
            "requests": requests,
        });
        output.result(&document, || {
            let logs = if requests.is_empty() {
                String::new()
            } else {
                format!("For transparency logs: {}.\n{}", requests.join(", "), signer::HOW_TO_LOG)
            };
            format!(
                "{part} approves the plan with SHA-256 {sha256}.\nBring {} along: rootwright run … --approval {}\n{logs}",
                self.out.display(),
                load::quoted(&self.out.display().to_string())
            )
        })?;
        Ok(Code::Done)
    }
}
