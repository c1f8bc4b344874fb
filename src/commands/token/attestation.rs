//! A YubiKey's key and its attestation: the verdict, and files that anyone can check.

use std::fs;
use std::io::Write;
use std::path::Path;

use serde::Serialize;

use super::super::{Code, Failure, Output};
use crate::lint::Rules;
use crate::lint::attestation::{Expected, Verdict, judge};
use crate::pki::attestation::yubico;
use crate::plan::Name;
use crate::token::yubikey::Enrolled;

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Shown {
    device: Name,
    algorithm: &'static str,
    public: String,
    certificate: String,
    issuer: String,
    files: Vec<String>,
    notes: Vec<&'static str>,
    verdict: Verdict,
}

/// Judges what a device attests, writes the files where they are asked for, and says what was found.
pub(super) fn show(
    device: &Name,
    enrolled: &Enrolled,
    folder: Option<&Path>,
    output: &Output,
) -> Result<Code, Failure> {
    let key = &enrolled.key;
    let Some(Ok(attestation)) = key.attestation.as_ref().and_then(|record| record.read()) else {
        return Err(Failure::findings(format!("{device}: its attestation can't be read")));
    };
    let (leaf, issuer) = (attestation.leaf().pem(), attestation.issuer().pem());
    let expected = Expected::of(&key.public, &enrolled.device.serial, &key.id);
    let object = format!("devices.{device}");
    let verdict = judge(&object, Ok(attestation), expected, &yubico::anchors(), &Rules::default());
    let mut shown = Shown {
        device: device.clone(),
        algorithm: key.public.algorithm().as_str(),
        public: key.public.pem(),
        certificate: leaf,
        issuer,
        files: Vec::new(),
        notes: enrolled.notes.clone(),
        verdict,
    };
    if let Some(folder) = folder {
        shown.write(folder)?;
    }
    output.result(&shown, || shown.text())?;
    Ok(if shown.verdict.stands() { Code::Done } else { Code::Findings })
}

impl Shown {
    /// Writes the files. None of another content is overwritten.
    fn write(&mut self, folder: &Path) -> Result<(), Failure> {
        let wrong = |path: &Path, error: &dyn std::fmt::Display| {
            Failure::usage(format!("{}: can't be written: {error}", path.display()))
        };
        fs::create_dir_all(folder).map_err(|error| wrong(folder, &error))?;
        let device = &self.device;
        for (name, text) in [
            (format!("{device}.leaf.pem"), &self.certificate),
            (format!("{device}.f9.pem"), &self.issuer),
            (format!("{device}.pem"), &self.public),
        ] {
            let path = folder.join(name);
            if fs::read_to_string(&path).is_ok_and(|there| there == *text) {
                continue;
            }
            let file = fs::File::create_new(&path);
            let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
            written.map_err(|error| wrong(&path, &error))?;
            self.files.push(path.display().to_string());
        }
        Ok(())
    }

    fn text(&self) -> String {
        let verdict = &self.verdict;
        let mut text = format!("{}: {}\n", self.device, verdict.says);
        text.push_str(&format!(
            "  {} key, SHA-256 {}\n",
            self.algorithm,
            verdict.key.as_deref().unwrap_or("")
        ));
        for finding in &verdict.findings.0 {
            text.push_str(&format!("  {}: {finding}\n", finding.severity));
        }
        for note in &self.notes {
            text.push_str(&format!("  note: {note}\n"));
        }
        if self.files.is_empty() {
            text.push_str(&format!("{}{}{}", self.public, self.certificate, self.issuer));
        } else {
            text.push_str(&format!("  written: {}\n", self.files.join(", ")));
        }
        if !verdict.stands() {
            text.push_str("The attestation does NOT stand.\n");
        }
        text
    }
}
