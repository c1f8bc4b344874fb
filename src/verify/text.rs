//! The result for people: a line for each area, and in full what they must look at.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use super::report::{Area, Check, Report, Verdict};
use crate::site::Purpose;

impl Verdict {
    fn mark(self) -> &'static str {
        match self {
            Self::Ok => "✓",
            Self::Warning => "!",
            Self::Failed => "✗",
        }
    }

    fn style(self) -> Style {
        let color = match self {
            Self::Ok => AnsiColor::Green,
            Self::Warning => AnsiColor::Yellow,
            Self::Failed => AnsiColor::Red,
        };
        Style::new().fg_color(Some(color.into()))
    }
}

impl Report {
    /// The result as text: one line for each area with the failed checks and warnings below it, or,
    /// with `details`, every check.
    pub fn text(&self, details: bool) -> String {
        let mut out = String::new();
        let bold = Style::new().bold();
        let purpose = match self.purpose {
            Some(Purpose::Rehearsal) => "a rehearsal",
            Some(Purpose::Production) => "production",
            None => "of unknown purpose",
        };
        // Writing to a String does not fail.
        let _ = writeln!(out, "{bold}{}{bold:#}: {purpose}, as of {}", self.archive, self.at);
        for note in &self.notes {
            let _ = writeln!(out, "  {note}");
        }
        if let Some(head) = &self.head {
            let _ = writeln!(out, "  the journal's last hash: {head}");
        }
        out.push('\n');
        for area in Area::ALL {
            let checks: Vec<&Check> = self.checks.iter().filter(|check| check.area == area).collect();
            if !checks.is_empty() {
                area_lines(&mut out, area, &checks, details);
            }
        }
        let (failed, warnings) = (self.count(Verdict::Failed), self.count(Verdict::Warning));
        let total = self.checks.len();
        let verdict = if failed == 0 { Verdict::Ok } else { Verdict::Failed };
        let style = verdict.style().bold();
        let warned = if warnings == 0 { String::new() } else { format!(", {}", plural(warnings, "warning")) };
        let _ = if failed == 0 {
            writeln!(out, "\n{style}verified:{style:#} {}{warned}", plural(total, "check"))
        } else {
            writeln!(out, "\n{style}FAILED:{style:#} {failed} of {}{warned}", plural(total, "check"))
        };
        out
    }

    /// How many checks came out like this.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.checks.iter().filter(|check| check.verdict == verdict).count()
    }
}

fn area_lines(out: &mut String, area: Area, checks: &[&Check], details: bool) {
    let count = |verdict| checks.iter().filter(|check| check.verdict == verdict).count();
    let (failed, warnings) = (count(Verdict::Failed), count(Verdict::Warning));
    let worst = match (failed, warnings) {
        (0, 0) => Verdict::Ok,
        (0, _) => Verdict::Warning,
        _ => Verdict::Failed,
    };
    let mut said = plural(checks.len(), "check");
    if failed > 0 {
        let _ = write!(said, ", {failed} failed");
    }
    if warnings > 0 {
        let _ = write!(said, ", {}", plural(warnings, "warning"));
    }
    let style = worst.style();
    let _ = writeln!(out, "{style}{}{style:#} {:12}  {said}", worst.mark(), area.as_str());
    let shown: Vec<&&Check> = checks.iter().filter(|check| details || check.verdict != Verdict::Ok).collect();
    let width = shown.iter().map(|check| check.object.chars().count()).max().unwrap_or(0).min(60);
    for check in shown {
        let style = check.verdict.style();
        let mark = check.verdict.mark();
        let detail = check.detail.replace('\n', "\n      ");
        let _ = writeln!(out, "    {style}{mark}{style:#} {:width$}  {detail}", check.object);
    }
}

fn plural(count: usize, what: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {what}{ending}")
}
