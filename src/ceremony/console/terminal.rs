//! The terminal: progress on stderr, and questions where a person sits at it.

use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::line::{self, Typed};
use super::remark::{self, Form};
use super::{
    Answer, Console, Fingerprint, Opening, Paused, Preview, Trouble, Turn, WallClock, interrupt, table,
};
use crate::archive::Event;
use crate::ceremony::clock;
use crate::ceremony::people::Person;
use crate::ceremony::preflight::Preflight;
use crate::ceremony::{CeremonyError, StepReport};
use crate::difference::Step;
use crate::lint::Findings;
use crate::plan::{Name, Observation, Time};
use crate::site::Purpose;

const GOOD: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Green)));
pub(super) const BAD: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Red)));
pub(super) const NOTE: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Yellow)));
pub(super) const LOUD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// How many of a fingerprint's words are typed back.
const WORDS: usize = 3;

/// Progress on stderr; questions only where a person sits at a terminal.
pub struct Terminal {
    pub(super) ask: bool,
    total: usize,
    taken: usize,
    spinner: Option<ProgressBar>,
    /// What the step that is running does.
    pub(super) step: String,
    warned: BTreeSet<(&'static str, String)>,
    remarks: Vec<Event>,
    pub(super) paused: bool,
    pub(super) waited: Duration,
}

impl Terminal {
    /// `quiet` asks nothing: `--yes`, which only a rehearsal takes.
    pub fn new(quiet: bool) -> Self {
        let person = io::stdin().is_terminal() && io::stderr().is_terminal();
        Self {
            ask: person && !quiet,
            total: 0,
            taken: 0,
            spinner: None,
            step: String::new(),
            warned: BTreeSet::new(),
            remarks: Vec::new(),
            paused: false,
            waited: Duration::ZERO,
        }
    }

    /// The same, for a ceremony: Ctrl-C pauses it between two steps.
    pub fn of_ceremony(quiet: bool) -> Self {
        interrupt::listen();
        Self::new(quiet)
    }

    pub(super) fn line(&mut self, text: fmt::Arguments) {
        self.end();
        // Where stderr is gone nobody reads, and the ceremony goes on.
        let _ = writeln!(anstream::stderr(), "{text}");
    }

    fn counter(&self) -> String {
        // Outside of a ceremony there is nothing to count.
        if self.total == 0 {
            return String::new();
        }
        let width = self.total.to_string().len();
        format!("{:>width$}/{}", self.taken, self.total)
    }

    /// Asks, and gives what was typed. Deviations and refusals are recorded on the way.
    fn ask(&mut self, question: &str) -> Result<String, Paused> {
        self.end();
        loop {
            match self.read(question)?.as_str() {
                "" => {}
                "pause" => return Err(self.pause()),
                "?" => self.line(format_args!("{}", remark::HELP)),
                word => match Form::named(word) {
                    Some(form) => self.fill(form),
                    None => return Ok(word.to_string()),
                },
            }
        }
    }

    /// One question, one line, which may be empty.
    pub(super) fn read(&mut self, question: &str) -> Result<String, Paused> {
        self.end();
        let asked = Instant::now();
        let typed = line::line(|| prompt(format_args!("  {LOUD}{question}{LOUD:#} ")));
        self.waited += asked.elapsed();
        match typed {
            Ok(Typed::Line(text)) => Ok(text),
            Ok(Typed::Stop) | Err(_) => Err(self.pause()),
        }
    }

    fn pause(&mut self) -> Paused {
        self.paused = true;
        Paused
    }

    /// Fills a form in that a person asked for. Ctrl-C leaves it out, and the question before it stands again.
    fn fill(&mut self, form: Form) {
        self.line(format_args!("  {} Ctrl-C leaves it out.", form.title()));
        if let Err(Paused) = self.fill_in(form) {
            self.paused = false;
            self.line(format_args!("  {NOTE}left out{NOTE:#}"));
        }
    }

    fn fill_in(&mut self, form: Form) -> Result<(), Paused> {
        let mut answers = Vec::new();
        for question in form.questions() {
            let typed = loop {
                match self.read(question)?.as_str() {
                    "" => {}
                    "pause" => return Err(self.pause()),
                    typed => break typed.to_string(),
                }
            };
            answers.push(typed);
        }
        if let Some(event) = form.event(&answers) {
            self.remarks.push(event);
            self.line(format_args!(
                "  {GOOD}noted{GOOD:#}, and written to the journal when this is answered"
            ));
        }
        Ok(())
    }

    /// Until the device's name or serial is typed: never a mere yes.
    fn device(&mut self, device: &Name, serial: &str, to: &str) -> Result<(), Paused> {
        let question = format!("Type {device}, or its serial, {to} (? for help):");
        loop {
            let typed = self.ask(&question)?;
            if typed == device.as_str() || (!serial.is_empty() && typed == serial) {
                return Ok(());
            }
            self.wrong(format_args!("that is neither {device} nor its serial {serial}"));
        }
    }

    fn wrong(&mut self, text: fmt::Arguments) {
        self.line(format_args!("  {NOTE}{text}{NOTE:#}"));
    }

    /// Shows that a step goes on, after a question in the middle of it.
    pub(super) fn spin(&mut self) {
        if !io::stderr().is_terminal() {
            return;
        }
        let style = ProgressStyle::with_template("  {prefix}  {spinner}  {msg}  {elapsed}");
        let spinner = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden())
            .with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
            .with_prefix(self.counter())
            .with_message(self.step.clone());
        spinner.set_draw_target(ProgressDrawTarget::stderr());
        spinner.enable_steady_tick(Duration::from_millis(100));
        self.spinner = Some(spinner);
    }

    fn fingerprint_lines(&mut self, fingerprint: &Fingerprint) {
        for line in fingerprint.lines() {
            self.line(format_args!("      {line}"));
        }
    }

    fn heading(&mut self, person: Option<&Person>, device: &Name, serial: &str) {
        let who = person.map(|person| format!("{person}, on ")).unwrap_or_default();
        self.line(format_args!("\n{LOUD}{who}{device}{LOUD:#}, serial {serial}"));
    }
}

pub(super) fn prompt(text: fmt::Arguments) {
    let mut out = anstream::stderr();
    let _ = write!(out, "{text}").and_then(|()| out.flush());
}

/// A sentence that is said to a person, where one is known: `NAME: Type …`.
fn addressed(person: Option<&Person>) -> String {
    person.map(|person| format!("{person}: ")).unwrap_or_default()
}

impl Console for Terminal {
    fn asks(&self) -> bool {
        self.ask
    }

    fn preflight(&mut self, preflight: &Preflight) {
        self.line(format_args!("{}", table::lines(preflight)));
    }

    fn begin(&mut self, missing: usize) {
        self.total = missing;
        self.taken = 0;
        self.line(format_args!("{missing} steps are to be taken:"));
    }

    fn opening(&mut self, opening: &Opening) -> Result<(), Paused> {
        if !self.ask {
            return Ok(());
        }
        let Opening { name, purpose, plan, day } = opening;
        let what = match purpose {
            Purpose::Rehearsal => "A rehearsal of",
            Purpose::Production => "PRODUCTION:",
        };
        self.line(format_args!("{LOUD}{what} {name}{LOUD:#}"));
        self.line(format_args!("  Read aloud the plan's SHA-256, and compare it with the printed one:"));
        self.fingerprint_lines(plan);
        loop {
            if self.ask(&format!("Type the ceremony's date, {day}, to begin (? for help):"))? == *day {
                return Ok(());
            }
            self.wrong(format_args!("that is not the date"));
        }
    }

    fn wall_clock(
        &mut self,
        now: &dyn Fn() -> Option<Time>,
        reader: Option<&Person>,
    ) -> Result<Option<WallClock>, CeremonyError> {
        let (true, Some(shown)) = (self.ask, now()) else { return Ok(None) };
        self.line(format_args!("\n  This machine's clock says {LOUD}{shown}{LOUD:#}."));
        let who = addressed(reader);
        let question = format!("{who}What does a clock on the wall say? (14:05 in UTC, or 15:05+01:00)");
        let mut before = false;
        loop {
            let typed = self.ask(&question)?;
            let Some(now) = now() else { return Ok(None) };
            let Some(skew) = clock::skew(now, &typed) else {
                self.wrong(format_args!("expected hours and minutes, such as 14:05 or 15:05+01:00"));
                continue;
            };
            if skew.abs() <= clock::TOLERANCE {
                return Ok(Some(WallClock { typed, skew }));
            }
            if before {
                return Err(CeremonyError::Skew { now, typed, skew });
            }
            before = true;
            self.wrong(format_args!(
                "the machine's clock ({now}) differs by {} minutes: read it once more",
                skew.abs().div_euclid(60)
            ));
        }
    }

    fn observe(&mut self, what: Observation, recorded: bool) -> Result<(), Paused> {
        if !self.ask {
            return Ok(());
        }
        self.line(format_args!("\n  {LOUD}{}{LOUD:#} The plan asks for it.", what.title()));
        if !recorded {
            self.fill_in(Form::Observed(what))?;
        }
        let question = format!(
            "Type {what} to record {} one, or Enter to go on:",
            if recorded { "a further" } else { "another" }
        );
        loop {
            match self.read(&question)?.as_str() {
                "" => return Ok(()),
                "pause" => return Err(self.pause()),
                "?" => self.line(format_args!("{}", remark::HELP)),
                word => match Form::named(word) {
                    Some(form) => self.fill(form),
                    None => self.wrong(format_args!("that is neither {what} nor Enter")),
                },
            }
        }
    }

    fn turn(&mut self, turn: &Turn) -> Result<(), Paused> {
        if !self.ask {
            return Ok(());
        }
        let Turn { person, device, serial, keys } = turn;
        self.heading(person.as_ref(), device, serial);
        for key in keys {
            self.line(format_args!("  will {key}"));
        }
        self.device(device, serial, "to make what can't be unmade")
    }

    fn approve(&mut self, preview: &Preview) -> Result<(), Paused> {
        if !self.ask {
            return Ok(());
        }
        let Preview { object, facts, bytes, key, person, device, serial } = preview;
        self.heading(person.as_ref(), device, serial);
        self.line(format_args!("  will sign {LOUD}{object}{LOUD:#} with the key {key}:"));
        let width = facts.iter().map(|(label, _)| label.len()).max().unwrap_or_default().max(12);
        for (label, value) in facts {
            self.line(format_args!("    {label:<width$}  {value}"));
        }
        let groups = bytes.groups();
        for (n, groups) in groups.chunks(4).enumerate() {
            let label = if n == 0 { "SHA-256" } else { "" };
            self.line(format_args!("    {label:<width$}  {}", groups.join(" ")));
        }
        self.device(device, serial, "to sign")?;
        self.spin();
        Ok(())
    }

    fn fingerprint(&mut self, what: &str, fingerprint: &Fingerprint) {
        if self.ask {
            self.line(format_args!("    Read aloud the SHA-256 of {what}:"));
            self.fingerprint_lines(fingerprint);
        }
    }

    fn read_back(
        &mut self,
        what: &str,
        fingerprint: &Fingerprint,
        reader: Option<&Person>,
    ) -> Result<(), CeremonyError> {
        if !self.ask {
            return Ok(());
        }
        self.line(format_args!(
            "\n  {}Type back words of the fingerprint of {LOUD}{what}{LOUD:#}, as you wrote them down.",
            addressed(reader)
        ));
        for place in places(fingerprint.words().len())? {
            let Some(word) = fingerprint.word(place) else { continue };
            while !self.ask(&format!("Word {place}:"))?.eq_ignore_ascii_case(&word) {
                self.wrong(format_args!("that is not word {place} of {what}"));
                self.fingerprint_lines(fingerprint);
            }
        }
        self.line(format_args!("  {GOOD}✓{GOOD:#} read back"));
        Ok(())
    }

    fn trouble(&mut self, trouble: &Trouble) -> Answer {
        let Trouble { person, device, error } = trouble;
        self.line(format_args!("\n{NOTE}{device} stands in the way.{NOTE:#} {error}"));
        self.line(format_args!(
            "  Enter     looks again\n  later     takes other steps first\n  restart   starts the device's library anew, which some need; its PINs are asked for again\n  pause     stops here"
        ));
        let question = format!("{}What now?", addressed(person.as_ref()));
        loop {
            let Ok(typed) = self.read(&question) else { return Answer::Pause };
            match (typed.as_str(), Form::named(&typed)) {
                ("" | "again", _) => return Answer::Again,
                ("restart", _) => return Answer::Restart,
                ("later", _) => return Answer::Later,
                ("pause", _) => {
                    self.paused = true;
                    return Answer::Pause;
                }
                ("?", _) => self.line(format_args!("{}", remark::HELP)),
                (_, Some(form)) => self.fill(form),
                (_, None) => self.line(format_args!("  {NOTE}that is none of these{NOTE:#}")),
            }
        }
    }

    fn remarks(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.remarks)
    }

    fn pause_asked(&self) -> bool {
        self.paused || interrupt::asked()
    }

    fn waited(&self) -> Duration {
        self.waited
    }

    fn start(&mut self, step: &Step) {
        self.taken = self.taken.saturating_add(1);
        self.step = step.action.to_string();
        self.spin();
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
        self.taken = self.taken.saturating_sub(1);
    }

    fn note(&mut self, text: &str) {
        self.line(format_args!("  {NOTE}note:{NOTE:#} {text}"));
    }

    fn warnings(&mut self, findings: &Findings) {
        for finding in &findings.0 {
            // One document is signed by several people, and was drafted before: one warning is enough.
            if !self.warned.insert((finding.rule, finding.document().to_string())) {
                continue;
            }
            let word = if finding.waived.is_some() { "waived:" } else { "warning:" };
            self.line(format_args!("  {NOTE}{word}{NOTE:#} {finding}"));
        }
    }

    fn end(&mut self) {
        if let Some(spinner) = self.spinner.take() {
            spinner.finish_and_clear();
        }
    }
}

/// Some places of a fingerprint, at random and in order: nobody learns them by heart.
fn places(words: usize) -> Result<BTreeSet<usize>, CeremonyError> {
    let mut places = BTreeSet::new();
    while places.len() < WORDS.min(words) {
        let mut random = [0u8; 2];
        getrandom::fill(&mut random).map_err(|error| CeremonyError::Random(error.to_string()))?;
        let place = usize::from(u16::from_le_bytes(random)).checked_rem(words).unwrap_or_default();
        places.insert(place.saturating_add(1));
    }
    Ok(places)
}
