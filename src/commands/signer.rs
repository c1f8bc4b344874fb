//! Who signs, and what is written for those who sign elsewhere, with SSH.

use std::path::{Path, PathBuf};

use super::recovery::Section;
use super::{Failure, load};
use crate::archive;
use crate::ceremony::CeremonyError;
use crate::ceremony::endorse::SigningError;
use crate::ceremony::people::Person;
use crate::evidence::transparency::{self, Signed};
use crate::lint::statement::EndorseError;
use crate::pki::dsse;
use crate::pki::ssh::{NAMESPACE, SshSignature};
use crate::plan::{Name, Plan};
use crate::site::Site;

/// The person of a plan that is meant.
pub(super) fn person(plan: &Plan, site: &Site, part: &Name) -> Result<Person, Failure> {
    if !plan.people.contains_key(part) {
        let known: Vec<&str> = plan.people.keys().map(Name::as_str).collect();
        return Err(Failure::usage(format!("`{part}` is nobody in the plan"))
            .help(format!("it has {}", known.join(", "))));
    }
    Ok(Person { part: part.clone(), called: site.people.get(part).cloned() })
}

/// The people of a plan whose devices the site has.
pub(super) fn at_hand(plan: &Plan, site: &Site) -> Vec<Name> {
    let here = plan.people_keys().filter(|(_, device, _)| site.devices.contains_key(*device));
    here.map(|(name, ..)| name.clone()).collect()
}

/// The device of a person, where the site has it.
pub(super) fn device(plan: &Plan, site: &Site, part: &Name) -> Option<Name> {
    let device = plan.people.get(part)?.device.as_deref()?;
    site.devices.contains_key(device).then(|| device.clone())
}

/// Reads a signature that `ssh-keygen -Y sign` made.
pub(super) fn signature(file: &Path) -> Result<SshSignature, Failure> {
    let bytes =
        std::fs::read(file).map_err(|error| Failure::usage(format!("{}: {error}", file.display())))?;
    SshSignature::parse(&String::from_utf8_lossy(&bytes))
        .map_err(|error| Failure::usage(format!("{}: {error}", file.display())))
}

/// Writes a file that is not there yet.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    archive::disk::write_new(path, bytes)
        .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
}

/// Writes what a person shall sign with SSH, and says how. The command that goes on is this one with
/// `--signature`.
pub(super) fn ask_ssh(
    part: &Name,
    payload: &[u8],
    to_sign: PathBuf,
    section: Section,
) -> Result<Failure, Failure> {
    write(&to_sign, &dsse::pae(payload))?;
    let shown = load::quoted(&to_sign.display().to_string());
    let mut command: Vec<String> = std::env::args().map(|word| load::quoted(&word)).collect();
    command.push("--signature".into());
    command.push(format!("{shown}.sig"));
    let message = format!("{part} signs elsewhere, with SSH: what shall be signed is {}", to_sign.display());
    Ok(Failure::paused(section, message).help(format!(
        "with the private half of the key that the plan has for {part}:\n\n  ssh-keygen -Y sign -f ~/.ssh/id_ed25519 -n {NAMESPACE} {shown}\n\nthen bring the signature back:\n\n  {}",
        command.join(" ")
    )))
}

/// A failure of signing; `section` is where to read on about keys and signatures.
pub(super) fn failure(error: SigningError, section: Section) -> Failure {
    let message = error.to_string();
    match error {
        SigningError::Ceremony(CeremonyError::Missing(text)) => Failure::paused(section, text),
        SigningError::Ceremony(error) => error.into(),
        SigningError::Endorse { error: EndorseError::Device(_), .. } => {
            Failure::device(Section::DeviceFailed, message).help("nothing was written: run again")
        }
        SigningError::Endorse { .. } => Failure::refused(section, message).help("nothing was written"),
    }
}

/// What somebody with a network does with the files that [`log_requests`] writes.
pub(super) const HOW_TO_LOG: &str = "With a network: each *.rekor.json is the body of a POST to a Rekor v2 log's /api/v2/log/entries;\neach *.sigsum is for `sigsum-submit --raw-hash -k KEY -p POLICY FILE`.\n";

/// Writes the message for Sigsum of a statement, and the request for Rekor of a signature under it, where that
/// is of a kind that Rekor takes. The two names are how their files' begin. Gives the names of the files.
pub(super) fn log_requests(
    folder: &Path,
    (statement, signature): (&str, &str),
    payload: &[u8],
    signed: Option<Signed<'_>>,
) -> Result<(String, Option<String>), Failure> {
    let unwritable = |error: std::io::Error| Failure::usage(format!("{}: {error}", folder.display()));
    crate::archive::disk::make_folder(folder).map_err(unwritable)?;
    let message = format!("{statement}.sigsum");
    write(&folder.join(&message), &transparency::sigsum_message(payload))?;
    let Some(body) = signed.and_then(|signed| signed.rekor_request()) else { return Ok((message, None)) };
    let name = format!("{signature}.rekor.json");
    write(&folder.join(&name), &body)?;
    Ok((message, Some(name)))
}
