//! What a verification found: one line for each check.

use serde::Serialize;

use crate::plan::Time;
use crate::site::Purpose;

/// A part of an archive that checks belong to, in the order in which they are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Area {
    /// The journal's own order: hashes, sequence, times, intents before results.
    Journal,
    /// Every file against the journal.
    Files,
    /// Keys and what their devices claim.
    Keys,
    /// Certificates and the chains that they make.
    Certificates,
    /// Certificate revocation lists.
    Crls,
    /// The profiles' rules, over what was signed.
    Rules,
    /// The trusted root and the signing config.
    TrustRoot,
    /// The repository that carries them to clients.
    Tuf,
    /// What people signed: approvals and seals.
    Evidence,
    /// The archive against a plan.
    Plan,
}

impl Area {
    /// All areas, in their order.
    pub const ALL: [Self; 10] = [
        Self::Journal,
        Self::Files,
        Self::Keys,
        Self::Certificates,
        Self::Crls,
        Self::Rules,
        Self::TrustRoot,
        Self::Tuf,
        Self::Evidence,
        Self::Plan,
    ];

    /// The area's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Journal => "journal",
            Self::Files => "files",
            Self::Keys => "keys",
            Self::Certificates => "certificates",
            Self::Crls => "crls",
            Self::Rules => "rules",
            Self::TrustRoot => "trust-root",
            Self::Tuf => "tuf",
            Self::Evidence => "evidence",
            Self::Plan => "plan",
        }
    }
}

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It holds.
    Ok,
    /// It holds, but someone should look.
    Warning,
    /// It does not hold.
    Failed,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What it belongs to.
    pub area: Area,
    /// The file, or the name, that was checked.
    pub object: String,
    /// How it came out.
    pub verdict: Verdict,
    /// What holds; or what was found, and what was expected.
    pub detail: String,
}

/// All that a verification found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The archive's directory, as it was given.
    pub archive: String,
    /// Rehearsal or production; none where the journal does not say.
    pub purpose: Option<Purpose>,
    /// The moment for which validity and expiry were judged.
    pub at: Time,
    /// The hash of the journal's last line: the one value that stands for the whole archive, to be
    /// compared with what people wrote down.
    pub head: Option<String>,
    /// What the result does not cover, and how it came about.
    pub notes: Vec<String>,
    /// Every check, by area.
    pub checks: Vec<Check>,
    /// Whether no check failed.
    pub ok: bool,
}

/// Takes checks down as they are made.
#[derive(Debug, Default)]
pub struct Sheet {
    checks: Vec<Check>,
    notes: Vec<String>,
}

impl Sheet {
    /// The place for checks of one object.
    pub fn on(&mut self, area: Area, object: impl Into<String>) -> Entry<'_> {
        Entry { sheet: self, area, object: object.into() }
    }

    /// Something that the reader of the result must know.
    pub fn note(&mut self, text: impl Into<String>) {
        self.notes.push(plain(&text.into()));
    }

    /// Takes over what another sheet holds.
    pub fn add(&mut self, other: Self) {
        self.checks.extend(other.checks);
        self.notes.extend(other.notes);
    }

    /// What failed so far.
    pub fn failures(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| check.verdict == Verdict::Failed)
    }

    /// The result.
    pub fn report(self, archive: String, purpose: Option<Purpose>, at: Time, head: Option<String>) -> Report {
        let Self { mut checks, notes } = self;
        // Stable: within an area, checks stay in the order in which they were made.
        checks.sort_by_key(|check| check.area);
        let ok = checks.iter().all(|check| check.verdict != Verdict::Failed);
        Report { archive, purpose, at, head, notes, checks, ok }
    }
}

/// The place for checks of one object.
#[derive(Debug)]
pub struct Entry<'a> {
    sheet: &'a mut Sheet,
    area: Area,
    object: String,
}

impl Entry<'_> {
    /// A check that holds.
    pub fn ok(&mut self, detail: impl Into<String>) {
        self.take(Verdict::Ok, detail.into());
    }

    /// A check that holds, but that someone should look at.
    pub fn warning(&mut self, detail: impl Into<String>) {
        self.take(Verdict::Warning, detail.into());
    }

    /// A check that does not hold.
    pub fn failed(&mut self, detail: impl Into<String>) {
        self.take(Verdict::Failed, detail.into());
    }

    /// A check that came out as it did: what holds, or what does not.
    pub fn judge(&mut self, result: Result<impl Into<String>, String>) {
        match result {
            Ok(detail) => self.ok(detail),
            Err(detail) => self.failed(detail),
        }
    }

    fn take(&mut self, verdict: Verdict, detail: String) {
        let (object, detail) = (plain(&self.object), plain(&detail));
        self.sheet.checks.push(Check { area: self.area, object, verdict, detail });
    }
}

/// A text without what would move a terminal's cursor or turn its letters around: names and texts in an
/// archive are whatever somebody wrote.
fn plain(text: &str) -> String {
    let strange = |letter: char| {
        letter != '\n' && letter.is_control()
            || matches!(letter, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    if !text.contains(strange) {
        return text.to_string();
    }
    let escaped = |letter: char| {
        if strange(letter) { letter.escape_unicode().to_string() } else { letter.to_string() }
    };
    text.chars().map(escaped).collect()
}
