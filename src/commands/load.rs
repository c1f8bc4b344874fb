//! Reading what the command line names: plans, sites, archives.

use std::path::{Path, PathBuf};

use super::Failure;
use crate::archive::{self, State};
use crate::lint::Rules;
use crate::pki::sha256_hex;
use crate::plan::{Faults, Plan, Source};
use crate::site::Site;

/// A plan, as it was written.
pub struct LoadedPlan {
    /// Its text.
    pub source: Source,
    /// What it says.
    pub plan: Plan,
    /// The rules that it asks for.
    pub rules: Rules,
    /// The folder that its relative paths start from.
    pub folder: PathBuf,
}

/// A site, as it was written.
pub struct LoadedSite {
    /// What it says.
    pub site: Site,
    /// SHA-256 of its text, in hex.
    pub sha256: String,
}

fn text(path: &Path, what: &str) -> Result<Source, Failure> {
    let bytes = std::fs::read(path)
        .map_err(|error| Failure::usage(format!("the {what} {} can't be read: {error}", path.display())))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let found = format!("the {what} {} is not text: byte {at} is not UTF-8", path.display());
        Failure::usage(found)
            .help(format!("expected a TOML file; `rootwright schema {what}` says what stands in one"))
    })?;
    Ok(Source::new(path.display().to_string(), text))
}

fn folder(path: &Path) -> PathBuf {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// Reads a plan.
pub fn plan(path: &Path) -> Result<LoadedPlan, Failure> {
    let source = text(path, "plan")?;
    let wrong = |faults: Faults| Failure::usage(faults.to_string());
    let plan = Plan::parse(&source).map_err(wrong)?;
    let rules = Rules::of(&plan, &source).map_err(wrong)?;
    Ok(LoadedPlan { source, plan, rules, folder: folder(path) })
}

/// Reads a site.
pub fn site(path: &Path) -> Result<LoadedSite, Failure> {
    let source = text(path, "site")?;
    let site = Site::parse(&source, &folder(path)).map_err(|faults| Failure::usage(faults.to_string()))?;
    Ok(LoadedSite { site, sha256: sha256_hex(source.text.as_bytes()) })
}

/// Reads what an archive holds; one that is not there yet holds nothing.
pub fn state(path: &Path) -> Result<State, Failure> {
    let (_, state) = archive::read(path)?;
    Ok(state)
}

/// Writes a document that people read, in place of an earlier one.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    archive::document(path, bytes)
        .map_err(|error| Failure::usage(format!("{} can't be written: {error}", path.display())))
}

/// A word as a shell takes it.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_string()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}
