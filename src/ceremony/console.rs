//! What people see and type while a ceremony runs. The only room that talks to a person.

use std::collections::BTreeSet;
use std::io::{self, BufRead, IsTerminal, Write};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressStyle};
use secrecy::SecretString;

use super::{Console, StepReport};
use crate::difference::Step;
use crate::lint::Findings;
use crate::token::{AskPin, PinError, PinRequest};

const GOOD: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Green)));
const BAD: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Red)));
const NOTE: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Yellow)));
const DIM: Style = Style::new().dimmed();

/// Progress on stderr; questions only where a person sits at a terminal.
pub struct Terminal {
    ask: bool,
    total: usize,
    taken: usize,
    spinner: Option<ProgressBar>,
    warned: BTreeSet<(&'static str, String)>,
}

impl Terminal {
    /// `quiet` asks nothing: `--yes`, which only a rehearsal takes.
    pub fn new(quiet: bool) -> Self {
        let person = io::stdin().is_terminal() && io::stderr().is_terminal();
        Self { ask: person && !quiet, total: 0, taken: 0, spinner: None, warned: BTreeSet::new() }
    }

    fn line(&mut self, text: std::fmt::Arguments) {
        if let Some(spinner) = self.spinner.take() {
            spinner.finish_and_clear();
        }
        // Where stderr is gone nobody reads, and the ceremony goes on.
        let _ = writeln!(anstream::stderr(), "{text}");
    }

    fn counter(&self) -> String {
        let width = self.total.to_string().len();
        format!("{:>width$}/{}", self.taken, self.total)
    }
}

impl Console for Terminal {
    fn begin(&mut self, missing: usize) {
        self.total = missing;
        self.taken = 0;
    }

    fn confirm(&mut self, question: &str, word: &str) -> bool {
        if !self.ask {
            return true;
        }
        let total = self.total;
        self.line(format_args!("{question}\n{total} steps are to be taken."));
        loop {
            let _ = write!(
                anstream::stderr(),
                "Type the ceremony's date, {word}, to begin (or nothing, to stop): "
            );
            let mut typed = String::new();
            match io::stdin().lock().read_line(&mut typed) {
                Ok(0) | Err(_) => return false,
                Ok(_) => match typed.trim() {
                    "" => return false,
                    typed if typed == word => return true,
                    _ => self.line(format_args!("{NOTE}That is not the date. Nothing was done.{NOTE:#}")),
                },
            }
        }
    }

    fn start(&mut self, step: &Step) {
        self.taken = self.taken.saturating_add(1);
        if io::stderr().is_terminal() {
            let spinner = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("  {prefix}  {spinner}  {msg}  {elapsed}") {
                spinner.set_style(style);
            }
            spinner.set_prefix(self.counter());
            spinner.set_message(step.action.to_string());
            spinner.enable_steady_tick(Duration::from_millis(100));
            self.spinner = Some(spinner);
        }
    }

    fn made(&mut self, step: &Step, report: &StepReport) {
        let (counter, time) = (self.counter(), report.elapsed_ms);
        self.line(format_args!(
            "  {counter}  {GOOD}✓{GOOD:#}  {:<64}  {DIM}{time:>7.1} ms{DIM:#}",
            step.action.to_string()
        ));
    }

    fn failed(&mut self, step: &Step) {
        let counter = self.counter();
        self.line(format_args!("  {counter}  {BAD}✗{BAD:#}  {}", step.action));
    }

    fn note(&mut self, text: &str) {
        self.line(format_args!("  {NOTE}note:{NOTE:#} {text}"));
    }

    fn warnings(&mut self, findings: &Findings) {
        for finding in &findings.0 {
            // One document is signed by several people, and was drafted before: one warning is enough.
            let document = finding.object.split('/').next().unwrap_or_default().to_string();
            if !self.warned.insert((finding.rule, document)) {
                continue;
            }
            self.line(format_args!("  {NOTE}warning:{NOTE:#} {finding}"));
        }
    }

    fn end(&mut self) {
        if let Some(spinner) = self.spinner.take() {
            spinner.finish_and_clear();
        }
    }
}

/// Asks for PINs at the terminal, without echo.
pub struct PinPrompt;

impl AskPin for PinPrompt {
    fn ask(&mut self, request: &PinRequest) -> Result<SecretString, PinError> {
        let failed = |reason: String| PinError::NotTyped { reason };
        if !io::stdin().is_terminal() {
            return Err(failed(format!(
                "the site says that the PIN of {} is typed, and there is no terminal; run in one, or set pin = {{ file = \"…\" }}",
                request.device
            )));
        }
        let PinRequest { device, owner, label, serial, model, .. } = request;
        let token = if label.is_empty() && serial.is_empty() {
            format!("a blank token, {model}")
        } else {
            format!("token `{label}`, serial {serial}, {model}")
        };
        let mut lines = vec![format!("{device}: {token}")];
        if request.count_low {
            lines.push("A wrong PIN was typed at this token before. One typed PIN is one attempt.".into());
        }
        let _ = writeln!(anstream::stderr(), "{}", lines.join("\n"));
        let new = if request.new { "New " } else { "" };
        let pin = rpassword::prompt_password(format!("{new}{owner} PIN of {device}: "))
            .map_err(|error| failed(error.to_string()))?;
        if request.new {
            let again = rpassword::prompt_password(format!("The same {owner} PIN again: "))
                .map_err(|error| failed(error.to_string()))?;
            if again != pin {
                return Err(failed("the two PINs differ; nothing was changed".into()));
            }
        }
        Ok(SecretString::from(pin))
    }

    fn keypad(&mut self, request: &PinRequest) {
        let PinRequest { device, owner, label, serial, .. } = request;
        let _ = writeln!(
            anstream::stderr(),
            "{device}: type the {owner} PIN on the keypad of the token `{label}`, serial {serial}"
        );
    }
}
