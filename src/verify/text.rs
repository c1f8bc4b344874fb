//! The result for people: a line for each area, and in full what they must look at.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use super::report::{Area, Check, Report, Verdict};
use crate::site::Purpose;

/// The widest column of objects; a longer one has a line of its own.
const OBJECT: usize = 34;

/// Where findings begin.
const INDENT: &str = "    ";

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

impl Area {
    /// What it means that every check of the area holds.
    fn says(self) -> &'static str {
        match self {
            Self::Journal => "whole, hash-chained; each use of a key intended before it",
            Self::Files => "each as the journal recorded it, and no others",
            Self::Keys => "each its own, with its device's claims",
            Self::Certificates => "signatures, names, paths, profiles and validity",
            Self::Crls => "signatures, numbers and lists; the newest in force",
            Self::Rules => "the rules of the drafts, over what was signed",
            Self::TrustRoot => "keys, chains, ids and windows, worked out anew",
            Self::Tuf => "walked as a client does, from the first root",
            Self::Evidence => "approvals and seals, by people's own keys over what there was",
            Self::Plan => "all that was planned is made, and nothing else",
        }
    }
}

impl Report {
    /// The result as text: one line for each area with the failed checks and warnings below it, or,
    /// with `details`, every check. Nothing is wrapped.
    pub fn text(&self, details: bool) -> String {
        self.text_within(details, None)
    }

    /// The same, wrapped at so many columns.
    pub fn text_within(&self, details: bool, columns: Option<usize>) -> String {
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
            paragraph(&mut out, "  ", note, columns);
        }
        if let Some(head) = &self.head {
            // Compared with what people wrote down: never broken.
            let _ = writeln!(out, "  the journal's last hash:\n    {head}");
        }
        out.push('\n');
        for area in Area::ALL {
            let checks: Vec<&Check> = self.checks.iter().filter(|check| check.area == area).collect();
            if !checks.is_empty() {
                area_lines(&mut out, area, &checks, details, columns);
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

fn area_lines(out: &mut String, area: Area, checks: &[&Check], details: bool, columns: Option<usize>) {
    let count = |verdict| checks.iter().filter(|check| check.verdict == verdict).count();
    let (failed, warnings) = (count(Verdict::Failed), count(Verdict::Warning));
    let worst = match (failed, warnings) {
        (0, 0) => Verdict::Ok,
        (0, _) => Verdict::Warning,
        _ => Verdict::Failed,
    };
    let said = match (failed, warnings) {
        (0, 0) => area.says().to_string(),
        (0, _) => plural(warnings, "warning"),
        (_, 0) => format!("{failed} failed"),
        _ => format!("{failed} failed, {}", plural(warnings, "warning")),
    };
    let style = worst.style();
    let mark = worst.mark();
    let _ = writeln!(out, "{style}{mark}{style:#} {:12} {:>5}  {said}", area.as_str(), checks.len());
    let shown: Vec<&Check> =
        checks.iter().filter(|check| details || check.verdict != Verdict::Ok).copied().collect();
    let widths = shown.iter().map(|check| check.object.chars().count());
    let width = widths.filter(|width| *width <= OBJECT).max().unwrap_or(0);
    let mut before = None;
    for check in shown {
        let object = Some(check.object.as_str()).filter(|object| before != Some(*object));
        line(out, check, object, width, columns);
        before = Some(check.object.as_str());
    }
}

/// One check: mark, object (left out where the line before has it), detail with a hanging indent.
fn line(out: &mut String, check: &Check, object: Option<&str>, width: usize, columns: Option<usize>) {
    let style = check.verdict.style();
    let mark = check.verdict.mark();
    let _ = write!(out, "{INDENT}{style}{mark}{style:#} ");
    let object = object.unwrap_or_default();
    let own_line = object.chars().count() > width;
    if own_line {
        let _ = write!(out, "{object}\n{INDENT}  {:width$}  ", "");
    } else {
        let _ = write!(out, "{object:width$}  ");
    }
    let indent = INDENT.len().saturating_add(width).saturating_add(4);
    let lines = wrapped(&check.detail, columns.map(|columns| columns.saturating_sub(indent)));
    let _ = writeln!(out, "{}", lines.join(&format!("\n{:indent$}", "")));
}

fn paragraph(out: &mut String, indent: &str, text: &str, columns: Option<usize>) {
    let lines = wrapped(text, columns.map(|columns| columns.saturating_sub(indent.len())));
    let _ = writeln!(out, "{indent}{}", lines.join(&format!("\n{indent}")));
}

/// A text in lines of at most so many letters, broken between words, and inside of a word that is longer.
fn wrapped(text: &str, columns: Option<usize>) -> Vec<String> {
    let Some(columns) = columns.map(|columns| columns.max(20)) else {
        return text.lines().map(ToString::to_string).collect();
    };
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        let mut left = columns;
        for word in paragraph.split(' ') {
            let length = word.chars().count();
            let gap = usize::from(!line.is_empty());
            if gap == 1 && length.saturating_add(gap) > left {
                lines.push(std::mem::take(&mut line));
                left = columns;
            } else if gap == 1 {
                line.push(' ');
                left = left.saturating_sub(1);
            }
            for letter in word.chars() {
                if left == 0 {
                    lines.push(std::mem::take(&mut line));
                    left = columns;
                }
                line.push(letter);
                left = left.saturating_sub(1);
            }
        }
        lines.push(line);
    }
    lines
}

fn plural(count: usize, what: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {what}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::report::Sheet;

    /// A report with two findings of one file, one of a file with a long name, and one good check.
    fn report() -> Report {
        let mut sheet = Sheet::default();
        sheet.on(Area::Journal, "journal.jsonl").ok("whole");
        let mut entry = sheet.on(Area::Tuf, "tuf/1.root.json");
        entry.failed("expired on 2027-05-26T00:00:00Z: 2028-01-01T00:00:00Z is later, and clients that begin there stop");
        entry.failed("below the threshold");
        sheet.on(Area::Keys, "keys/a.json").ok(format!("SHA-256 {}", "a".repeat(128)));
        let long = format!("tuf/targets/{}.trusted_root.json", "5".repeat(64));
        sheet.on(Area::Tuf, long).failed("it could not be read: clients can't fetch it");
        sheet.on(Area::Crls, "crls/\u{1b}[2J.crl").warning("a\u{202e}b\u{9b}c");
        sheet.note("a note that is long enough to be wrapped where there are eighty columns, and not where there are more of them");
        sheet.report("archive".into(), None, "2027-01-01T00:00:00Z".parse().unwrap(), Some("f".repeat(64)))
    }

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn lines_are_aligned_grouped_and_within_the_terminal() {
        for columns in [80, 100, 120] {
            let text = plain(&report().text_within(true, Some(columns)));
            let long = |line: &&str| line.chars().count() > columns;
            // The last hash, and a name that is longer than a line, are for copying.
            let hashes = |line: &&str| line.contains(&"f".repeat(64)) || line.contains(&"5".repeat(64));
            assert_eq!(text.lines().filter(long).find(|line| !hashes(line)), None, "{text}");
        }
        let text = plain(&report().text_within(false, Some(80)));
        let place = |words: &str| {
            let line = text.lines().find(|line| line.contains(words)).unwrap();
            line.split(words).next().unwrap().chars().count()
        };
        assert_eq!(place("expired on"), place("below the threshold"));
        assert_eq!(place("expired on"), place("it could not be read"));
        assert_eq!(text.matches("tuf/1.root.json").count(), 1, "{text}");
        assert!(
            text.contains("✓ journal") && !text.contains("journal.jsonl  whole"),
            "quiet when good: {text}"
        );
        assert!(text.ends_with("FAILED: 3 of 6 checks, 1 warning\n"), "{text}");
    }

    #[test]
    fn nothing_that_an_archive_holds_moves_the_terminal() {
        let text = report().text(true);
        let strange = |letter: char| letter != '\n' && (letter.is_control() || letter == '\u{202e}');
        assert_eq!(plain(&text).chars().find(|letter| strange(*letter)), None, "{text:?}");
        assert!(text.contains("crls/\\u{1b}[2J.crl") && text.contains("a\\u{202e}b\\u{9b}c"), "{text:?}");
    }
}
