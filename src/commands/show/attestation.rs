//! `show --attestation`: a verdict on a YubiKey's attestation, from files alone.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::{Code, Failure, Output};
use crate::lint::attestation::{self, Expected, Verdict};
use crate::lint::{Rules, Severity};
use crate::pki::PublicKey;
use crate::pki::attestation::{unwrap, yubico};

/// What `show` takes to judge an attestation.
#[derive(Debug, clap::Args)]
pub struct Files {
    /// Judge a YubiKey's attestation of a key, by the rules that judge it in a ceremony and in `verify`:
    /// exit code 1 where one is broken. The certificate of the attested key, PEM or DER.
    #[arg(long, value_name = "LEAF", requires = "issuer", conflicts_with_all = ["files", "diff"])]
    attestation: Option<PathBuf>,

    /// With --attestation: the certificate of the device's slot f9.
    #[arg(long, value_name = "F9", requires = "attestation")]
    issuer: Option<PathBuf>,

    /// With --attestation: the public key that must be the attested one (`keys/NAME.pem` of an archive).
    #[arg(long, value_name = "KEY", requires = "attestation")]
    key: Option<PathBuf>,

    /// With --attestation: the serial number that the device must have, as it is printed on it.
    #[arg(long, value_name = "N", requires = "attestation")]
    serial: Option<u32>,
}

/// What is asked for.
pub struct Asked<'a> {
    leaf: &'a Path,
    issuer: &'a Path,
    key: Option<&'a Path>,
    serial: Option<u32>,
}

impl Files {
    /// What is asked for, if it is this.
    pub fn asked(&self) -> Option<Asked<'_>> {
        let (leaf, issuer) = (self.attestation.as_deref()?, self.issuer.as_deref()?);
        Some(Asked { leaf, issuer, key: self.key.as_deref(), serial: self.serial })
    }
}

/// Judges, and says what was found.
pub fn show(asked: &Asked<'_>, output: &Output) -> Result<Code, Failure> {
    let (leaf, issuer) = (certificate(asked.leaf)?, certificate(asked.issuer)?);
    let key = asked.key.map(key).transpose()?;
    let expected = Expected { key, serial: asked.serial, slot: None };
    let object = asked.leaf.display().to_string();
    let verdict =
        attestation::lint(&object, (&leaf, &issuer), expected, &yubico::anchors(), &Rules::default());
    output.result(&verdict, || words(&verdict))?;
    Ok(if verdict.stands() { Code::Done } else { Code::Findings })
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(file).map_err(|error| Failure::usage(format!("{}: can't be read: {error}", file.display())))
}

fn certificate(file: &Path) -> Result<Vec<u8>, Failure> {
    unwrap(&read(file)?).map_err(|reason| {
        Failure::usage(format!("{}: {reason}", file.display())).help(
            "name the two certificates that the device gives: `ykman piv keys attest` and `ykman piv certificates export f9` write them, and so does `rootwright token attest`",
        )
    })
}

fn key(file: &Path) -> Result<PublicKey, Failure> {
    let wrong = |reason: String| Failure::usage(format!("{}: {reason}", file.display()));
    let text = String::from_utf8(read(file)?).map_err(|_| wrong("not a PEM file".into()))?;
    PublicKey::from_pem(&text).map_err(|error| wrong(error.to_string()))
}

fn words(verdict: &Verdict) -> String {
    let mut text = format!("{}\n", verdict.says);
    if let Some(key) = &verdict.key {
        text.push_str(&format!("key SHA-256 {key}\n"));
    }
    if let Some(path) = &verdict.path {
        text.push_str(&format!("signed by {}\n", path.join(", by ")));
    }
    for finding in &verdict.findings.0 {
        text.push_str(&format!("{}: {finding}\n", finding.severity));
    }
    let errors = verdict.findings.0.iter().filter(|finding| finding.severity == Severity::Error).count();
    text.push_str(&match errors {
        0 => "The attestation stands.\n".to_string(),
        1 => "The attestation does NOT stand: 1 rule is broken.\n".to_string(),
        many => format!("The attestation does NOT stand: {many} rules are broken.\n"),
    });
    text
}
