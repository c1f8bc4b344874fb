//! Checks an archive, from its directory alone, with a second implementation.
//!
//! What was signed was verified once by RustCrypto and x509-cert, before it was written. Here aws-lc
//! makes every hash and verifies every signature again, x509-parser reads certificates and CRLs, paths are
//! built anew (by rustls-webpki too, where it can), and the journal's lines, the trusted root, the TUF
//! repository and the files that events make are worked out anew. Nothing is written, and no device is
//! touched. Two rooms are shared on purpose, and add to this rather than stand in for it: [`rules`] runs
//! the rules that judged the drafts, and [`plan`] asks what a ceremony would still do.
//!
//! The journal accounts for every file, and its last hash for the journal: whoever keeps that one hash
//! notices any change.

pub mod approval;
pub mod attestation;
pub mod canary;
pub mod canonical;
pub mod certificate;
pub mod claims;
pub mod crl;
pub mod cross;
pub mod der;
pub mod elsewhere;
pub mod envelope;
pub mod files;
mod held;
pub mod journal;
pub mod keys;
pub mod lines;
pub mod operations;
pub mod parsed;
pub mod path;
pub mod people;
pub mod plan;
pub mod planned;
pub mod profile;
pub mod proof;
pub mod report;
pub mod request;
pub mod rules;
pub mod seal;
pub mod signature;
pub mod signing_config;
pub mod ssh;
mod text;
pub mod transcript;
pub mod trust_root;
pub mod tuf;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;

pub use report::{Area, Check, Report, Verdict};

use crate::plan::{Plan, Time};
use crate::site::Purpose;
use certificate::Certificates;
use claims::Claims;
use files::{JOURNAL, Lists};
use lines::Lines;
use planned::Comparison;
use report::Sheet;

/// What a verification is asked.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// The moment for which validity and expiry are judged; where none is given, a rehearsal is judged
    /// as of its last event, since its clock is not ours, and anything else as of `now`.
    pub at: Option<Time>,
    /// The system's time.
    pub now: Time,
    /// A plan that the archive must hold all of, with its dates as they are written.
    pub plan: Option<&'a Plan>,
}

/// Why nothing could be verified at all.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// There is no such directory.
    #[error("{0} is not a directory")]
    NotADirectory(PathBuf),
    /// It is there and can't be read.
    #[error("{path}: {error}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
}

/// Verifies an archive. Whatever is wrong with it is a check that failed; an error is only what keeps
/// it from being read at all.
pub fn verify(path: &Path, options: &Options<'_>) -> Result<Report, VerifyError> {
    let failed = |path: PathBuf| move |error: io::Error| VerifyError::Io { path, error };
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => {}
        Ok(_) => return Err(VerifyError::NotADirectory(path.to_path_buf())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(VerifyError::NotADirectory(path.to_path_buf()));
        }
        Err(error) => return Err(failed(path.to_path_buf())(error)),
    }
    let shown = path.display().to_string();
    let mut sheet = Sheet::default();
    let journal = match read_journal(&path.join(JOURNAL)) {
        Ok(Ok(journal)) => journal,
        Ok(Err(reason)) => {
            sheet.on(Area::Journal, JOURNAL).failed(reason);
            sheet.note("nothing else was checked: all of it rests on the journal");
            return Ok(sheet.report(shown, None, options.at.unwrap_or(options.now), None));
        }
        Err(error) => return Err(failed(path.join(JOURNAL))(error)),
    };
    let claims = Claims::of(&journal.records, &mut sheet);
    let at = moment(options, &claims, &journal, &mut sheet);
    let archive = Archive { path, journal: &journal, claims: &claims, lists: Lists::of(path), at };
    archive.check(options.plan, &mut sheet);
    Ok(sheet.report(shown, claims.purpose, at, journal.head.clone()))
}

/// The journal; or what is wrong with it, in words.
fn read_journal(path: &Path) -> io::Result<Result<Lines, String>> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_file() => {}
        Ok(_) => return Ok(Err("it is not a regular file".into())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Err("it is not there: without a journal this is not an archive".into()));
        }
        Err(error) => return Err(error),
    }
    let bytes = fs::read(path)?;
    Ok(match Lines::read(&bytes) {
        Ok(lines) if lines.records.is_empty() => Err("it holds no whole line".into()),
        result => result,
    })
}

/// The moment for which validity and expiry are judged.
fn moment(options: &Options<'_>, claims: &Claims<'_>, journal: &Lines, sheet: &mut Sheet) -> Time {
    let last = journal.records.last().map(|record| record.time);
    match (options.at, claims.purpose, last) {
        (Some(at), _, _) => at,
        (None, Some(Purpose::Rehearsal), Some(last)) => {
            sheet.note("judged as of its last event: a rehearsal's clock stands on the ceremony's day");
            last
        }
        _ => options.now,
    }
}

/// An archive whose journal could be read.
struct Archive<'a> {
    path: &'a Path,
    journal: &'a Lines,
    claims: &'a Claims<'a>,
    lists: Lists<'a>,
    at: Time,
}

impl Archive<'_> {
    fn check(&self, asked: Option<&Plan>, sheet: &mut Sheet) {
        let certificates = certificate::check(self.claims, self.at, sheet);
        // The rules are half of the work, and share nothing with the other half.
        let judged = thread::scope(|scope| {
            let rules = scope.spawn(|| self.rules(&certificates));
            self.second_opinion(&certificates, asked, sheet);
            rules.join()
        });
        match judged {
            Ok(rules) => sheet.add(rules),
            Err(_) => sheet.on(Area::Rules, "the rules").failed("they came to no end"),
        }
    }

    /// What the rules say, which judged the drafts.
    fn rules(&self, certificates: &Certificates<'_>) -> Sheet {
        let mut sheet = Sheet::default();
        rules::check(self.claims, certificates, &self.lists, &mut sheet);
        tuf::rules::check(&self.journal.records, self.claims, &mut sheet);
        sheet
    }

    /// Everything else.
    fn second_opinion(&self, certificates: &Certificates<'_>, asked: Option<&Plan>, sheet: &mut Sheet) {
        let Self { claims, at, .. } = *self;
        let records = self.journal.records.as_slice();
        let state = plan::state(records);
        let see = |plan: &Result<Plan, String>| match (plan, &state) {
            (Ok(plan), Ok(state)) => plan::compare(plan, state),
            (Err(reason), _) | (_, Err(reason)) => plan::Match::Unknown(reason.clone()),
        };
        let own = plan::own(claims);
        let seen = see(&own);
        let open = match &seen {
            plan::Match::Open(open) => Some(open.as_slice()),
            _ => None,
        };
        journal::check(self.journal, open, at, sheet);
        operations::check(records, sheet);
        people::check(records, claims, sheet);
        transcript::check(records, sheet);
        let ran = plan::ran(records, sheet);
        held::check(records, &ran, sheet);
        let files = files::check(self.path, claims, sheet);
        keys::check(claims, sheet);
        request::check(claims, certificates, sheet);
        crl::check(claims, certificates, &self.lists, at, sheet);
        let operator = own.as_ref().ok().and_then(planned::operator);
        trust_root::check(claims, certificates, &files, (at, operator), sheet);
        canary::check(claims, sheet);
        approval::check(records, &ran, claims, sheet);
        seal::check(records, &self.journal.leaves, claims, sheet);
        proof::check(records, claims, sheet);
        tuf::check(claims, &files, at, sheet);
        elsewhere::check(records, sheet);
        let differences = |plan: &Result<Plan, String>| match plan {
            Ok(plan) => planned::differences(&Comparison {
                claims,
                certificates,
                files: &files,
                lists: &self.lists,
                plan,
            }),
            Err(_) => Vec::new(),
        };
        // Steps of its own plan that are open are the journal's finding already, and most differences
        // those of what was made.
        if open.is_none_or(<[String]>::is_empty) {
            let mut found = differences(&own);
            found.retain(|difference| sheet.failures().all(|check| check.detail != difference.what));
            plan::check(&seen, &found, "the archive's last plan", sheet);
        }
        if let Some(asked) = asked {
            let moved = plan::moved(asked, claims);
            if claims.date_shift != 0 {
                let days = claims.date_shift;
                sheet.note(format!("the plan's dates are moved by {days} days, as those of the archive are"));
            }
            plan::check(&see(&moved), &differences(&moved), &asked.ceremony.name, sheet);
        }
    }
}
