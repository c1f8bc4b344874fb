//! Damage: what a kill can leave behind is mended, anything else is refused and nothing changes.

#[path = "support/kill.rs"]
mod kill;
#[path = "support/shape.rs"]
mod shape;
mod support;

use std::fs;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::Path;

use std::time::{Duration, Instant};

use rootwright::archive::{self, Archive, ArchiveError, Journal};

use kill::{Room, each, finished, place, points, small};

/// Opens an archive. Another test of this process may start a command at this moment, whose process has
/// our files, and the lock, until it is another program.
fn open(archive: &Path, time: rootwright::plan::Time) -> Archive {
    let start = Instant::now();
    loop {
        match Archive::open(archive, time) {
            Ok(opened) => return opened,
            Err(ArchiveError::Io { error, .. })
                if error.kind() == ErrorKind::WouldBlock && start.elapsed() < Duration::from_secs(10) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

/// A line of a finished journal, and where to cut it.
struct Cut {
    room: &'static Room,
    number: usize,
    line: Range<usize>,
    bytes: Vec<usize>,
}

/// Every byte of a small ceremony's journal; of a whole one's, both ends of every line and some between.
fn cuts() -> Vec<Cut> {
    let room = |room: &'static Room, step: usize| {
        room.lines().into_iter().enumerate().map(move |(number, line)| {
            let last = line.end - 1;
            let bytes = line.clone().filter(|at| (at - line.start) % step < 2 || *at == last).collect();
            Cut { room, number, line, bytes }
        })
    };
    room(small(), 1).chain(room(finished(), 50)).collect()
}

#[test]
fn a_journal_cut_at_any_byte_goes_on_where_a_kill_could_have_cut_it() {
    let place = place();
    each(&cuts(), |Cut { room, number, line, bytes: cuts }| {
        let bytes = fs::read(room.journal()).unwrap();
        let journal = Journal::parse(&bytes).unwrap();
        let time = journal.records.last().unwrap().time;
        // The files of the lines before, and no others.
        let archive = place.path().join(format!("{}-{number}", bytes.len()));
        fs::create_dir(&archive).unwrap();
        for file in journal.records[..*number].iter().flat_map(|record| &record.files) {
            let target = archive.join(&file.path);
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            fs::copy(room.archive().join(&file.path), target).unwrap();
        }
        for keep in cuts {
            fs::write(archive.join("journal.jsonl"), &bytes[..*keep]).unwrap();
            let opened = open(&archive, time);
            assert_eq!(opened.repaired().len(), usize::from(*keep > line.start), "byte {keep}");
            drop(opened);
            let after = fs::read(archive.join("journal.jsonl")).unwrap();
            assert_eq!(after[..line.start], bytes[..line.start], "byte {keep}");
            let after = Journal::parse(&after).unwrap();
            assert_eq!(after.records.len(), number + usize::from(*keep > line.start), "byte {keep}");
            if *keep > line.start {
                let rest = &bytes[line.start..*keep];
                let kept = archive.join(archive::layout::torn(rest));
                assert_eq!(fs::read(kept).unwrap(), rest, "byte {keep}");
                fs::remove_dir_all(archive.join("evidence")).unwrap();
            }
        }
    });
}

#[test]
fn a_journal_cut_where_no_kill_can_cut_it_is_refused_and_nothing_changes() {
    let place = place();
    // Without its very last lines, a ceremony's end is recorded again; they make no file.
    let mut cuts = cuts();
    cuts.retain(|cut| {
        let journal = Journal::parse(&fs::read(cut.room.journal()).unwrap()).unwrap();
        journal.records[cut.number..].iter().any(|record| !record.files.is_empty())
    });
    // The last file is a CRL's, which comes before its line: there a kill can cut, and the run goes on.
    let crl = |cut: &Cut| {
        let journal = Journal::parse(&fs::read(cut.room.journal()).unwrap()).unwrap();
        std::ptr::eq(cut.room, small()) && journal.records[cut.number].event.name() == "crl-signed"
    };
    assert_eq!(cuts.iter().filter(|cut| crl(cut)).count(), 1);
    cuts.retain(|cut| !crl(cut));
    each(&cuts, |Cut { room, number, line, bytes: cuts }| {
        let bytes = fs::read(room.journal()).unwrap();
        let room = room.copy(&place.path().join(format!("{}-{number}", bytes.len())));
        for keep in cuts {
            fs::write(room.journal(), &bytes[..*keep]).unwrap();
            let refused = archive::inspect(&room.archive());
            let right = match &refused {
                // An empty journal beside files is no archive's.
                Err(ArchiveError::NotAnArchive(_)) => *keep == 0,
                Err(ArchiveError::Unrecorded(_)) => true,
                _ => false,
            };
            assert!(right, "byte {keep}: {refused:?}");
        }
        for keep in [line.start, line.start + line.len() / 3] {
            fs::write(room.journal(), &bytes[..keep]).unwrap();
            let before = room.contents();
            let run = room.run();
            assert_eq!(run.code, 5, "byte {keep}: {}", run.shown());
            let named = before.keys().any(|path| run.err.contains(&path.display().to_string()));
            assert!(named, "byte {keep}: {}", run.shown());
            assert!(room.contents() == before, "byte {keep}: something was changed");
        }
        fs::remove_dir_all(&room.path).unwrap();
    });
}

#[test]
fn any_other_damage_is_refused_and_nothing_changes() {
    let place = place();
    let journal = fs::read_to_string(finished().journal()).unwrap();
    let lines: Vec<&str> = journal.split_inclusive('\n').collect();
    let without = |number: usize| [&lines[..number], &lines[number + 1..]].concat().concat();
    type Damage<'a> = Box<dyn Fn(&Room) + Sync + 'a>;
    let damages: Vec<(&str, Damage<'_>)> = vec![
        ("a line is gone", Box::new(|room| fs::write(room.journal(), without(7)).unwrap())),
        ("the first line is gone", Box::new(|room| fs::write(room.journal(), without(0)).unwrap())),
        (
            "a line is there twice",
            Box::new(|room| {
                fs::write(room.journal(), format!("{journal}{}", lines.last().unwrap())).unwrap();
            }),
        ),
        (
            "a byte is changed",
            Box::new(|room| {
                fs::write(room.journal(), journal.replacen("\"adopted\":false", "\"adopted\":true", 1))
                    .unwrap();
            }),
        ),
        ("the journal is empty", Box::new(|room| fs::write(room.journal(), "").unwrap())),
        ("the journal is gone", Box::new(|room| fs::remove_file(room.journal()).unwrap())),
        (
            "a certificate is another",
            Box::new(|room| {
                let path = room.archive().join("certificates");
                fs::copy(path.join("root.pem"), path.join("fulcio.pem")).unwrap();
            }),
        ),
        (
            "the timestamp is another",
            Box::new(|room| {
                fs::write(room.archive().join("tuf/timestamp.json"), "{}").unwrap();
            }),
        ),
        (
            "a key is not in the journal",
            Box::new(|room| {
                fs::write(room.archive().join("keys/other.pem"), "").unwrap();
            }),
        ),
    ];
    each(&damages, |(what, damage)| {
        let room = finished().copy(&place.path().join(what.replace(' ', "-")));
        damage(&room);
        let before = room.contents();
        let run = room.run();
        assert_eq!(run.code, 5, "{what}: {}", run.shown());
        assert!(room.contents() == before, "{what}: something was changed");
    });
}

#[test]
fn a_file_that_is_gone_is_written_from_the_journal() {
    let place = place();
    let room = finished().copy(&place.path().join("room"));
    let before = room.contents();
    for path in ["certificates/root.pem", "tuf/timestamp.json"] {
        fs::remove_file(room.archive().join(path)).unwrap();
    }
    let run = room.run();
    assert_eq!(run.code, 0, "{}", run.shown());
    assert!(run.err.contains("certificates/root.pem was not there"), "{}", run.shown());
    let mut after = room.contents();
    after.insert("journal.jsonl".into(), before[Path::new("journal.jsonl")].clone());
    assert!(after == before);
}

#[test]
fn a_key_on_the_device_is_taken_over_only_if_it_is_the_intended_one() {
    let place = place();
    let generate = points(finished(), |name| name == "device: generate")[1];
    let begun = Room::prepared().copy(&place.path().join("begun"));
    assert!(begun.killed_at(generate));
    // The same label and id, but another curve, by another plan on a copy of the same token.
    let other = begun.copy(&place.path().join("other"));
    let plan = fs::read_to_string(other.plan()).unwrap();
    let key = |curve: &str| format!("fulcio = {{ device = \"root-hsm\", algorithm = \"{curve}\" }}");
    assert!(plan.contains(&key("ecdsa-p384")));
    fs::write(other.plan(), plan.replace(&key("ecdsa-p384"), &key("ecdsa-p256"))).unwrap();
    let before = other.points().len();
    let probe = other.copy(&place.path().join("probe"));
    assert_eq!(probe.run().code, 0);
    let generate = probe.points()[before..].iter().position(|name| name == "device: generate").unwrap();
    assert!(other.killed_at(generate + 2));
    fs::remove_dir_all(begun.path.join("tokens")).unwrap();
    support::copy(&other.path.join("tokens"), &begun.path.join("tokens"));
    let run = begun.run();
    assert_eq!(run.code, 5, "{}", run.shown());
    assert!(run.err.contains("its algorithm is ecdsa-p256"), "{}", run.shown());
    // The right key, which no journal intended.
    let unknown = other.copy(&place.path().join("unknown"));
    fs::remove_dir_all(unknown.archive()).unwrap();
    let run = unknown.run();
    assert_eq!(run.code, 5, "{}", run.shown());
    assert!(!unknown.archive().join("keys").exists());
    // Where it was intended, it is taken over, and people are told.
    let run = other.run();
    assert_eq!(run.code, 0, "{}", run.shown());
    assert!(run.err.contains("is taken over"), "{}", run.shown());
}
