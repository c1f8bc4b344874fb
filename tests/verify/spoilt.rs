//! Archives to be spoilt, and journals that are chained again over what was forged.

use std::fs;
use std::path::Path;

use rootwright::archive::{Event, FileRecord, Journal, Record};
use rootwright::plan::Time;
use rootwright::verify::{Area, Options, Report, Verdict, verify};

use crate::support::{files, folder, rehearsed};

/// The plan whose rehearsal is spoilt.
pub const PLAN: &str = "ceremony/sigstore.toml";

/// The journal's file.
pub const JOURNAL: &str = "journal.jsonl";

/// An archive to be spoilt: a copy of the rehearsed one, without its tokens.
pub struct Spoilt {
    folder: tempfile::TempDir,
}

impl Spoilt {
    pub fn new() -> Self {
        let spoilt = Self { folder: folder() };
        for file in recorded() {
            spoilt.write(&file, &fs::read(rehearsed(PLAN).join(&file)).unwrap());
        }
        spoilt
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn read(&self, file: &str) -> Vec<u8> {
        fs::read(self.path().join(file)).unwrap()
    }

    pub fn write(&self, file: &str, bytes: &[u8]) {
        let path = self.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    pub fn records(&self) -> Vec<Record> {
        Journal::parse(&self.read(JOURNAL)).unwrap().records
    }

    /// Writes a journal of these records, with hashes that hold.
    pub fn chain(&self, records: Vec<Record>) {
        let (mut journal, mut bytes) = (Journal::default(), Vec::new());
        for record in records {
            let (line, record, hash) = journal.line(record.time, record.event, record.files).unwrap();
            bytes.extend(line);
            journal.push(record, hash);
        }
        self.write(JOURNAL, &bytes);
    }

    /// Changes records, and chains the journal again.
    pub fn forge(&self, change: impl FnOnce(&mut Vec<Record>)) {
        let mut records = self.records();
        change(&mut records);
        self.chain(records);
    }

    /// Changes a file, and what the journal records of it.
    pub fn put(&self, records: &mut [Record], file: &str, bytes: &[u8]) {
        self.write(file, bytes);
        for found in
            records.iter_mut().flat_map(|record| &mut record.files).filter(|found| found.path == file)
        {
            *found = FileRecord::of(file, bytes);
        }
    }

    pub fn verify(&self) -> Report {
        verify(self.path(), &options()).unwrap()
    }

    /// Verifies, and expects a check of that area and object to fail with these words.
    #[track_caller]
    pub fn refused(&self, area: Area, object: &str, words: &str) {
        self.refused_with(&options(), area, object, words);
    }

    #[track_caller]
    pub fn refused_with(&self, options: &Options<'_>, area: Area, object: &str, words: &str) {
        let report = verify(self.path(), options).unwrap();
        let hit = |verdict: Verdict, detail: &str| verdict == Verdict::Failed && detail.contains(words);
        let found = report
            .checks
            .iter()
            .any(|check| check.area == area && check.object == object && hit(check.verdict, &check.detail));
        assert!(found, "no failed check of {object} says `{words}`:\n{}", report.text(false));
        assert!(!report.ok);
    }
}

pub fn options() -> Options<'static> {
    Options { at: None, now: time("2026-12-01T00:00:00Z"), plan: None }
}

pub fn time(text: &str) -> Time {
    text.parse().unwrap()
}

/// Every file of the rehearsed archive but its tokens.
pub fn recorded() -> Vec<String> {
    files(rehearsed(PLAN))
        .into_iter()
        .filter(|path| !path.starts_with("rehearsal/tokens"))
        .map(|path| path.to_str().unwrap().to_string())
        .collect()
}

/// The event of a record with that step and kind.
pub fn event<'r>(records: &'r mut [Record], kind: &str, step: &str) -> &'r mut Event {
    records
        .iter_mut()
        .map(|record| &mut record.event)
        .find(|event| event.name() == kind && event.step() == Some(step))
        .unwrap()
}

pub fn names(report: &Report) -> Vec<&str> {
    report
        .checks
        .iter()
        .filter(|check| check.verdict == Verdict::Failed)
        .map(|check| check.object.as_str())
        .collect()
}
