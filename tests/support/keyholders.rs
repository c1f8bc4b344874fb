//! Plans that differ in who signs: the example's trust root, with keyholders of the test's own.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Run, repository};

/// A keyholder as the plan has them.
#[derive(Clone, Copy, Debug)]
pub struct Holder {
    pub name: &'static str,
    pub device: &'static str,
    /// The key's name, where it is not the keyholder's.
    pub key: Option<&'static str>,
}

/// A keyholder with a device and a key of the same name.
pub const fn holder(name: &'static str) -> Holder {
    Holder { name, device: name, key: None }
}

/// A keyholder with another device, and so another key.
pub const fn moved(name: &'static str, device: &'static str) -> Holder {
    Holder { name, device, key: Some(device) }
}

/// What a plan says of the TUF repository.
#[derive(Clone, Debug)]
pub struct Signers<'a> {
    pub date: &'a str,
    pub holders: &'a [Holder],
    pub threshold: usize,
    pub expires: &'a str,
}

/// The plan's text.
pub fn plan(signers: &Signers<'_>) -> String {
    let text = fs::read_to_string(repository().join("ceremony/sigstore.toml")).expect("the example");
    let (text, _) = text.split_once("\n[prove]").expect("the example proves what it made");
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with("keyholder-")) {
        lines.push(match line.split_once("\"2026-12-01\"") {
            Some((before, after)) if line.starts_with("date ") => {
                format!("{before}\"{}\"{after}", signers.date)
            }
            _ => line.to_string(),
        });
        if line == "[people]" {
            lines.extend(signers.holders.iter().map(|Holder { name, device, key }| {
                let key = key.map_or(String::new(), |key| format!(", key = \"{key}\""));
                format!("{name} = {{ role = \"keyholder\", device = \"{device}\"{key} }}")
            }));
        }
    }
    let names: Vec<String> = signers.holders.iter().map(|holder| format!("\"{}\"", holder.name)).collect();
    let (names, threshold, expires) = (names.join(", "), signers.threshold, signers.expires);
    let role = format!("{{ keyholders = [{names}], threshold = {threshold}, expires = \"{expires}\" }}");
    let online = format!("{{ key = \"tuf-online\", expires = \"{expires}\" }}");
    lines
        .push(format!("[tuf]\nroot = {role}\ntargets = {role}\nsnapshot = {online}\ntimestamp = {online}\n"));
    lines.join("\n")
}

/// An archive, and the plans that are rehearsed into it.
pub struct Life {
    pub folder: tempfile::TempDir,
}

impl Life {
    pub fn new() -> Self {
        Self { folder: super::folder() }
    }

    pub fn archive(&self) -> PathBuf {
        self.folder.path().join("archive")
    }

    pub fn tuf(&self) -> PathBuf {
        self.archive().join("tuf")
    }

    pub fn site(&self) -> PathBuf {
        self.archive().join("rehearsal/site.toml")
    }

    /// Writes a plan, and gives its path.
    pub fn write(&self, signers: &Signers<'_>) -> PathBuf {
        let path = self.folder.path().join("plan.toml");
        fs::write(&path, plan(signers)).expect("the plan");
        path
    }

    /// Rehearses a plan, with more arguments.
    pub fn rehearse(&self, signers: &Signers<'_>, more: &[&str]) -> Run {
        let (plan, archive) = (self.write(signers), self.archive());
        let arguments = [
            "rehearse".as_ref(),
            plan.as_os_str(),
            "--archive".as_ref(),
            archive.as_os_str(),
            "--yes".as_ref(),
        ];
        super::run(arguments.into_iter().chain(more.iter().map(AsRef::as_ref)))
    }

    /// Runs a plan under a site.
    pub fn run(&self, signers: &Signers<'_>, site: &Path) -> Run {
        let (plan, archive) = (self.write(signers), self.archive());
        super::run([
            "run".as_ref(),
            plan.as_os_str(),
            "--site".as_ref(),
            site.as_os_str(),
            "--archive".as_ref(),
            archive.as_os_str(),
            "--yes".as_ref(),
        ])
    }

    /// The archive's devices without these: a site file beside the archive's own.
    pub fn site_without(&self, devices: &[&str], first: &str) -> PathBuf {
        let text = fs::read_to_string(self.site()).expect("the site");
        let (head, tables) = text.split_at(text.find("[devices.").expect("devices"));
        let kept = tables.split("\n[devices.").map(|table| table.trim_start_matches("[devices."));
        let kept = kept.filter(|table| !devices.iter().any(|name| table.starts_with(&format!("{name}]"))));
        let kept: Vec<String> = kept.map(|table| format!("[devices.{table}")).collect();
        let text = format!("{first}\n{head}{}", kept.join("\n"));
        let path = self.archive().join("rehearsal/site-without.toml");
        // Beside the archive: its folder is covered by `verify`.
        let own = self.folder.path().join("site.toml");
        let rooted =
            text.replace("file = \"", &format!("file = \"{}/", path.parent().expect("a folder").display()));
        fs::write(&own, rooted).expect("the site");
        own
    }

    /// What `verify` says.
    pub fn verify(&self) -> Run {
        super::run([
            "verify".as_ref(),
            self.archive().as_os_str(),
            "--plan".as_ref(),
            self.folder.path().join("plan.toml").as_os_str(),
        ])
    }
}
