//! `show`: files, readable.

mod attestation;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{Code, Failure, Output};
use crate::archive;
use crate::evidence::changes::{self, Change, Kind, Past};
use crate::evidence::show::{Shown, show};

/// Shows a certificate, request, CRL, key, trusted root, TUF metadata, journal, plan or site, readable.
///
/// What a file is, is found by its content. Fingerprints are in groups of four, for reading aloud.
/// A file that can't be read or is of no known kind is named after the others are shown (exit code 2);
/// a signature that does not verify or a damaged journal gives exit code 1.
#[derive(Debug, clap::Args)]
pub struct Show {
    /// The files: PEM or DER, JSON, a journal, TOML.
    #[arg(required_unless_present_any = ["diff", "attestation"], value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Say in words what changed from archive A to archive B: a new CA, an end, a keyholder gone. Two
    /// archives that do not share their past give exit code 1.
    #[arg(long, num_args = 2, value_names = ["A", "B"], conflicts_with = "files")]
    diff: Vec<PathBuf>,

    #[command(flatten)]
    attestation: attestation::Files,
}

impl Show {
    /// Shows each file; then says which ones could not be shown.
    pub fn run(self, output: &Output) -> Result<Code, Failure> {
        if let [before, after] = self.diff.as_slice() {
            return diff(before, after, output);
        }
        if let Some(asked) = self.attestation.asked() {
            return attestation::show(&asked, output);
        }
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

#[derive(serde::Serialize)]
struct Compared {
    #[serde(flatten)]
    past: Past,
    changes: Vec<Change>,
}

fn diff(before: &Path, after: &Path, output: &Output) -> Result<Code, Failure> {
    for archive in [before, after] {
        if !archive.join("journal.jsonl").is_file() {
            let found = format!("{}: no archive: it has no journal.jsonl", archive.display());
            return Err(Failure::usage(found).help("name the folders of two archives"));
        }
    }
    let ((old, state), (new, later)) = (archive::read(before)?, archive::read(after)?);
    let past = changes::past(&old, &new);
    let compared = Compared { past, changes: changes::archives(&state, &later) };
    output.result(&compared, || words(&compared))?;
    Ok(match past {
        Past::Same | Past::Continued { .. } => Code::Done,
        Past::Reversed { .. } | Past::Parted { .. } | Past::Unrelated => Code::Findings,
    })
}

fn words(compared: &Compared) -> String {
    let mut text = match compared.past {
        Past::Same => "The two archives are the same to the last line.\n".to_string(),
        Past::Continued { lines } => format!("The second goes on from the first, by {lines} lines.\n"),
        Past::Reversed { lines } => {
            format!(
                "The first goes on from the second, by {lines} lines: they were named the wrong way round.\n"
            )
        }
        Past::Parted { after } => {
            format!(
                "They part after line {after}: two ceremonies were held from one state. One of the two must not be published.\n"
            )
        }
        Past::Unrelated => "They have no line in common: they are of two trust roots.\n".into(),
    };
    let width = compared.changes.iter().map(|change| change.place.len()).max().unwrap_or_default();
    for Change { kind, place, what } in &compared.changes {
        let mark = match kind {
            Kind::Added => "+",
            Kind::Changed => "~",
            Kind::Removed => "-",
        };
        text.push_str(&format!("  {mark} {place:<width$}  {what}\n"));
    }
    text
}
