//! What a verb gives back: one document on stdout, or a failure with its exit code.

use std::fmt;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::json;

use super::recovery::Section;

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Color {
    /// In a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Color {
    /// Makes it so for the whole process.
    pub fn apply(self) {
        match self {
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::Always,
            Self::Never => anstream::ColorChoice::Never,
        }
        .write_global();
    }
}

/// The exit codes: a contract with scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// Done.
    Done = 0,
    /// A check, lint or verification failed.
    Findings = 1,
    /// Usage, or a file that can't be read.
    Usage = 2,
    /// Something or someone is still missing.
    Paused = 3,
    /// A device failed.
    Device = 4,
    /// Going on could lose or expose something.
    Refused = 5,
}

impl Code {
    /// The code as the process returns it.
    pub fn number(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Findings => 1,
            Self::Usage => 2,
            Self::Paused => 3,
            Self::Device => 4,
            Self::Refused => 5,
        }
    }
}

/// Why a verb did not do what it was asked.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The exit code.
    pub code: Code,
    /// What was found, what was expected, and where.
    pub message: String,
    /// What to do next.
    pub help: Option<String>,
    /// Where `docs/recovery.md` says more; always there when it is no usage and no finding.
    pub section: Option<Section>,
    /// What there is to say all the same, with `--json`: a run's steps, say.
    pub document: Option<serde_json::Value>,
}

impl Failure {
    fn of(code: Code, section: Option<Section>, message: String) -> Self {
        Self { code, message, help: None, section, document: None }
    }

    /// The command line, or a file that can't be read.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::of(Code::Usage, None, message.into())
    }

    /// A check, lint or verification failed.
    pub fn findings(message: impl Into<String>) -> Self {
        Self::of(Code::Findings, None, message.into())
    }

    /// Something or someone is still missing.
    pub fn paused(section: Section, message: impl Into<String>) -> Self {
        Self::of(Code::Paused, Some(section), message.into())
    }

    /// A device failed.
    pub fn device(section: Section, message: impl Into<String>) -> Self {
        Self::of(Code::Device, Some(section), message.into())
    }

    /// Going on could lose or expose something.
    pub fn refused(section: Section, message: impl Into<String>) -> Self {
        Self::of(Code::Refused, Some(section), message.into())
    }

    /// Adds what to do next.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(help) = &self.help {
            write!(f, "\n\n{help}")?;
        }
        match self.section {
            Some(section) => write!(f, "\n\nmore: `rootwright man --recovery {section}` (docs/recovery.md)"),
            None => Ok(()),
        }
    }
}

impl From<io::Error> for Failure {
    /// For stdout and stderr only.
    fn from(error: io::Error) -> Self {
        Self::usage(format!("the output can't be written: {error}"))
    }
}

/// Where a verb's result goes.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// Whether the result is one JSON document.
    pub json: bool,
}

impl Output {
    /// Writes the result: the JSON document, or the text for people.
    pub fn result<T: Serialize>(&self, document: &T, text: impl FnOnce() -> String) -> Result<(), Failure> {
        let mut text = if self.json {
            serde_json::to_string_pretty(document)
                .map_err(|error| Failure::usage(format!("the result can't be written: {error}")))?
        } else {
            text()
        };
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        let mut out = anstream::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            // `… | head`: the reader has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            result => Ok(result?),
        }
    }

    /// Renders a failure: on stderr for people, and with `--json` as the document on stdout too.
    pub fn failure(&self, failure: &Failure) {
        let style = anstyle::Style::new().bold().fg_color(Some(anstyle::AnsiColor::Red.into()));
        let word = if failure.code == Code::Paused { "paused" } else { "error" };
        // Where nobody listens, the exit code still speaks.
        let _ = writeln!(anstream::stderr(), "{style}{word}:{style:#} {failure}");
        if self.json {
            let mut document = failure.document.clone().unwrap_or_else(|| json!({}));
            if let Some(map) = document.as_object_mut() {
                map.insert("error".into(), failure.message.clone().into());
                map.insert("help".into(), failure.help.clone().into());
                map.insert("recovery".into(), failure.section.map(Section::heading).into());
                map.insert("exit".into(), failure.code.number().into());
            }
            let _ = writeln!(anstream::stdout(), "{document:#}");
        }
    }
}
