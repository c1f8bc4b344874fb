//! `show`: files, readable.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{Code, Failure, Output};
use crate::evidence::show::{Shown, show};

/// Shows a certificate, request, CRL, key, trusted root, TUF metadata, journal, plan or site, readable.
///
/// What a file is, is found by its content. Fingerprints are in groups of four, for reading aloud.
/// A file that can't be read or is of no known kind is named after the others are shown (exit code 2);
/// a signature that does not verify or a damaged journal gives exit code 1.
#[derive(Debug, clap::Args)]
pub struct Show {
    /// The files: PEM or DER, JSON, a journal, TOML.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

impl Show {
    /// Shows each file; then says which ones could not be shown.
    pub fn run(self, output: &Output) -> Result<Code, Failure> {
        let (mut shown, mut failures, mut documents): (Vec<Shown>, Vec<Failure>, Vec<Value>) =
            Default::default();
        for file in &self.files {
            match one(file) {
                Ok(one) => {
                    documents.push(one.document());
                    shown.push(one);
                }
                Err(failure) => {
                    documents.push(json!({"file": file.to_string_lossy(), "error": failure.message}));
                    failures.push(failure);
                }
            }
        }
        output.result(&documents, || shown.iter().map(Shown::text).collect::<Vec<_>>().join("\n"))?;
        // The document has them already: with `--json` too, they go to stderr as text.
        failures.iter().for_each(|failure| Output { json: false }.failure(failure));
        Ok(match failures.first() {
            Some(failure) => failure.code,
            None if shown.iter().any(Shown::has_findings) => Code::Findings,
            None => Code::Done,
        })
    }
}

fn one(file: &Path) -> Result<Shown, Failure> {
    let name = file.to_string_lossy();
    let bytes = fs::read(file).map_err(|error| {
        let failure = Failure::usage(format!("{}: can't be read: {error}", name.escape_debug()));
        if file.is_dir() {
            failure.help("name the files in it: `show` takes files, not folders")
        } else {
            failure
        }
    })?;
    show(&name, &bytes).map_err(|error| Failure::usage(error.to_string()))
}
