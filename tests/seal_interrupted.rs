//! A seal loses nothing and has nothing twice, whatever stops it: the same command goes on.

#[path = "support/kill.rs"]
mod kill;
#[path = "support/rekor.rs"]
mod rekor;
#[path = "support/shape.rs"]
mod shape;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use rootwright::archive::{self, Event};
use rootwright::pki::dsse::Envelope;
use support::ssh::SshKey;
use support::{Run, files, program_folder, run};

use kill::{Room, each, killed, place, unshared_with};

/// Of the calls to a module, most of which only look, so many stand for one.
const CALLS: usize = 9;

/// People with devices.
const AT_HAND: [&str; 2] = ["boss", "keyholder-1"];

/// A room whose ceremony was held, and is to be sealed.
fn held() -> &'static Room {
    static ROOM: OnceLock<Room> = OnceLock::new();
    ROOM.get_or_init(|| {
        let room = Room::prepared().copy(&program_folder().join("held"));
        let ada = SshKey::new(&room.path, "ada", "ed25519");
        let plan = fs::read_to_string(room.plan()).unwrap();
        let people = format!(
            "[people]\nada = {{ role = \"witness\", ssh = {:?} }}\nboss = {{ role = \"administrator\", device = \"card\" }}\n",
            ada.line()
        );
        let asks = "[ceremony]\nseal = { witness = 1, administrator = 1, keyholder = 1 }\n";
        let plan = plan.replacen("[ceremony]\n", asks, 1).replacen("[people]\n", &people, 1);
        fs::write(room.plan(), plan).unwrap();
        let site = fs::read_to_string(room.path.join("site.toml")).unwrap();
        let (rest, last) = site.rsplit_once("[devices.keyholder-1]").unwrap();
        let card = last.replace("keyholder-1", "card");
        fs::write(
            room.path.join("site.toml"),
            format!("{rest}[devices.keyholder-1]{last}\n[devices.card]{card}"),
        )
        .unwrap();
        fs::write(room.path.join("film.mkv"), "a film of the ceremony").unwrap();
        let made: Run = room.command(&["token", "init", "card"]).output().unwrap().into();
        assert_eq!(made.code, 0, "{}", made.shown());
        let run = room.run();
        assert_eq!(run.code, 0, "{}", run.shown());
        // What is logged from here on is of the seal.
        fs::remove_file(room.log()).unwrap();
        room
    })
}

fn seal(room: &Room, more: &[&str]) -> Command {
    let mut command = room.command(&["seal"]);
    command.arg(room.archive()).args(more).env("ROOTWRIGHT_FAULT_LOG", room.log());
    command
}

/// Everybody at hand signs, and a film is recorded before.
fn everybody(room: &Room) -> Command {
    let film = room.path.join("film.mkv").display().to_string();
    seal(room, &["--record", &film])
}

/// The witness's: what shall be signed is written, and then the signature is brought back.
fn to_be_signed(room: &Room) -> Command {
    seal(room, &["--as", "ada", "-o", &room.path.join("to-sign").display().to_string()])
}

fn brought_back(room: &Room) -> Command {
    seal(room, &["--as", "ada", "--signature", &room.path.join("to-sign.sig").display().to_string()])
}

/// A log's proof of a device's signature.
fn proof(room: &Room) -> Command {
    let path = |name: &str| room.path.join(name).display().to_string();
    seal(room, &["--proof", &path("answer.json"), "--trusted-root", &path("trusted_root.json")])
}

fn ends(command: &mut Command) -> Run {
    command.output().unwrap().into()
}

fn verify(room: &Room) -> Run {
    run(["verify".as_ref(), room.archive().as_os_str(), "--details".as_ref()])
}

/// What `verify` says right after an interruption is what an inspection finds: all is whole, or something is
/// to be finished, and then it says what.
fn says_what_is(room: &Room, what: &str) {
    let left =
        files(&room.archive()).into_iter().any(|path| path.to_string_lossy().contains("/.rootwright-"));
    let whole = !left && archive::inspect(&room.archive()).unwrap().is_whole();
    let verified = verify(room);
    assert_eq!(verified.code, i32::from(!whole), "{what}: {}", verified.shown());
    let says =
        ["it is not there; line", "; this is what line ", "an interruption left", "the last line is cut off"];
    assert!(whole || says.iter().any(|words| verified.out.contains(words)), "{what}: {}", verified.shown());
}

/// One seal, which these people signed, once each; a film, once; and all of it whole.
fn sealed(room: &Room, people: &[&str], what: &str) {
    let found = archive::inspect(&room.archive()).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(found.is_whole(), "{what}");
    room.recorded(&found.journal, what);
    let mut intents: BTreeMap<&str, String> = BTreeMap::new();
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    let mut heard = BTreeSet::new();
    for record in &found.journal.records {
        *count.entry(record.event.name()).or_default() += 1;
        if let Event::SealSigned { person, seal, .. } = &record.event {
            assert_eq!(*seal, 1, "{what}");
            heard.insert(person.as_str());
        }
        if let Event::SignatureIntended { step, to_be_signed, .. } = &record.event {
            let hash = to_be_signed.sha256().unwrap();
            let first = intents.entry(step).or_insert_with(|| hash.clone());
            assert_eq!(*first, hash, "{what}: {step} was to sign other bytes");
        }
    }
    let counted = |name: &str| count.get(name).copied().unwrap_or_default();
    assert_eq!(heard, people.iter().copied().collect(), "{what}");
    assert_eq!((counted("seal-started"), counted("seal-signed")), (1, people.len()), "{what}");
    assert_eq!(counted("observation-recorded"), usize::from(people.contains(&"boss")), "{what}");
    let kept = |name: &str| fs::read(room.archive().join("evidence").join(name)).unwrap();
    let envelope = Envelope::parse(&kept("statement-1.dsse.json")).unwrap();
    assert_eq!(envelope.signatures.len(), people.len(), "{what}");
    assert_eq!(kept("statement.dsse.json"), kept("statement-1.dsse.json"), "{what}");
    // No device was asked more often than the journal counts.
    let log = fs::read_to_string(room.log()).unwrap();
    let asked = log.lines().filter(|name| *name == "device: sign").count();
    let of_the_seal = |event: &Event| match event {
        Event::SignatureIntended { step, .. } | Event::SignatureRepeated { step, .. } => {
            step.starts_with("seal/")
        }
        _ => false,
    };
    let intended = found.journal.records.iter().filter(|record| of_the_seal(&record.event)).count();
    assert!(asked <= intended, "{what}: {asked} signatures, and the journal counts {intended}");
    let verified = verify(room);
    assert_eq!(verified.code, 0, "{what}: {}", verified.shown());
    assert!(!verified.out.contains("not sealed yet"), "{what}: {}", verified.shown());
    for person in people {
        assert!(verified.out.contains(&format!("signed by {person}")), "{what}: {}", verified.shown());
    }
}

/// The points that a command passes in a copy of a room, by name.
fn points(room: &Room, command: impl Fn(&Room) -> Command, code: i32) -> Vec<String> {
    let place = place();
    let room = room.copy(&place.path().join("whole"));
    let run = ends(&mut command(&room));
    assert_eq!(run.code, code, "{}", run.shown());
    room.points()
}

/// Points of these, counted from 1: all of our own, and some of the calls to modules.
fn chosen(points: &[String]) -> Vec<usize> {
    let chosen =
        points.iter().enumerate().filter(|(at, name)| !name.starts_with("device: call") || at % CALLS == 0);
    chosen.map(|(at, _)| at + 1).collect()
}

/// Kills a command at these points of it, each in a copy of a room of its own, and does the same again. What
/// must hold then is checked with what the second run printed.
fn killed_at_each(
    room: &Room,
    command: impl Fn(&Room) -> Command + Sync,
    (all, points): (&[String], &[usize]),
    check: impl Fn(&Room, &Run, &str) + Sync,
) {
    let place = place();
    each(points, |point| {
        let room = room.copy(&place.path().join(point.to_string()));
        let what = format!("killed at point {point}, {}", all[point - 1]);
        assert!(killed(command(&room), *point).is_none(), "{what}: it is not reached");
        says_what_is(&room, &what);
        check(&room, &ends(&mut command(&room)), &what);
        fs::remove_dir_all(&room.path).unwrap();
    });
}

#[test]
fn killed_at_any_point_a_seal_goes_on_and_nobody_signs_twice() {
    let all = points(held(), everybody, 0);
    let chosen = chosen(&all);
    assert!(chosen.len() > 80, "{} points", chosen.len());
    killed_at_each(held(), everybody, (&all, &chosen), |room, again, what| {
        assert_eq!(again.code, 0, "{what}: {}", again.shown());
        sealed(room, &AT_HAND, what);
    });
}

#[test]
fn what_a_device_may_have_signed_of_an_objection_is_on_the_record() {
    let objects = |room: &Room| seal(room, &["--as", "boss", "--object", "the door was open"]);
    let signs = points(held(), objects, 0).iter().position(|name| name == "device: sign").unwrap() + 1;
    let place = place();
    let room = held().copy(&place.path().join("objects"));
    assert!(killed(objects(&room), signs).is_none());
    // They think better of it.
    let agreed = ends(&mut seal(&room, &["--as", "boss"]));
    assert_eq!(agreed.code, 0, "{}", agreed.shown());
    let verified = verify(&room);
    assert_eq!(verified.code, 0, "{}", verified.shown());
    let words = "seal/1/boss was intended with boss, over other bytes than afterwards, and has no result";
    assert!(verified.out.contains(words), "{}", verified.shown());
    assert_eq!(ends(&mut objects(&room)).code, 5);
}

#[test]
fn killed_while_a_witness_signs_with_ssh_a_seal_goes_on() {
    let asked = points(held(), to_be_signed, 3);
    let every: Vec<usize> = (1..=asked.len()).collect();
    killed_at_each(held(), to_be_signed, (&asked, &every), |room, again, what| {
        assert_eq!(again.code, 3, "{what}: {}", again.shown());
        assert!(room.path.join("to-sign").exists(), "{what}");
    });
    let room = held().copy(&program_folder().join("asked"));
    assert_eq!(ends(&mut to_be_signed(&room)).code, 3);
    fs::remove_file(room.log()).unwrap();
    SshKey::at(&room.path, "ada").sign(&room.path.join("to-sign"), "rootwright");
    let back = points(&room, brought_back, 0);
    let every: Vec<usize> = (1..=back.len()).collect();
    killed_at_each(&room, brought_back, (&back, &every), |room, again, what| {
        assert_eq!(again.code, 0, "{what}: {}", again.shown());
        sealed(room, &["ada"], what);
    });
}

#[test]
fn killed_while_it_takes_a_proof_in_it_takes_it_once() {
    let room = held().copy(&program_folder().join("logged"));
    assert_eq!(ends(&mut everybody(&room)).code, 0);
    let log = rekor::Log::new();
    log.trusted_root(&room.path.join("trusted_root.json"));
    let requests = room.path.join("requests");
    assert_eq!(ends(&mut seal(&room, &["--requests", &requests.display().to_string()])).code, 0);
    let answer = log.submit(&requests.join("statement-1.boss.rekor.json"));
    fs::write(room.path.join("answer.json"), answer.to_string()).unwrap();
    let before = room.points().len();
    let all = points(&room, proof, 0).split_off(before);
    let every: Vec<usize> = (1..=all.len()).collect();
    killed_at_each(&room, proof, (&all, &every), |room, again, what| {
        assert_eq!(again.code, 0, "{what}: {}", again.shown());
        let journal = archive::inspect(&room.archive()).unwrap().journal;
        let taken = journal.records.iter().filter(|record| record.event.name() == "proof-recorded").count();
        assert_eq!(taken, 1, "{what}");
        sealed(room, &AT_HAND, what);
    });
}

#[test]
fn a_line_of_a_seal_that_was_cut_off_is_kept_aside_and_the_seal_goes_on() {
    let (all, place) = (points(held(), everybody, 0), place());
    let named = all.iter().enumerate().filter(|(_, name)| *name == "journal: written");
    let written: Vec<usize> = named.map(|(at, _)| at + 1).collect();
    assert!(written.len() > 8, "{written:?}");
    each(&written, |point| {
        let room = held().copy(&place.path().join(point.to_string()));
        assert!(killed(everybody(&room), *point).is_none());
        let last = room.lines().pop().unwrap();
        let keep = [last.start + 1, last.start + last.len() / 2, last.end - 1][point % 3];
        let bytes = fs::read(room.journal()).unwrap();
        fs::write(room.journal(), &bytes[..keep]).unwrap();
        let what = format!("cut at byte {keep}, at point {point}");
        says_what_is(&room, &what);
        let again = ends(&mut everybody(&room));
        assert_eq!(again.code, 0, "{what}: {}", again.shown());
        assert!(again.err.contains("the journal's last line was cut off"), "{what}: {}", again.shown());
        sealed(&room, &AT_HAND, &what);
        fs::remove_dir_all(&room.path).unwrap();
    });
}

#[test]
fn a_full_disk_stops_a_seal_and_loses_nothing() {
    let place = place();
    let script = r#"
        mkdir "$ROOM/disk" && mount -t tmpfs -o "size=64m,nr_inodes=1000" none "$ROOM/disk" || exit 99
        cp -a "$ARCHIVE/." "$ROOM/disk" && mount --move "$ROOM/disk" "$ARCHIVE" || exit 98
        used=$(df -k --output=used "$ARCHIVE" | tail -1); inodes=$(df --output=iused "$ARCHIVE" | tail -1)
        [ -z "$BYTES" ] || mount -o "remount,size=$((used + BYTES))k" "$ARCHIVE" || exit 97
        [ -z "$INODES" ] || mount -o "remount,nr_inodes=$((inodes + INODES))" "$ARCHIVE" || exit 96
        "$@" >"$ROOM/first.out" 2>"$ROOM/first.err"; first=$?
        cp -a "$ARCHIVE" "$ROOM/full"
        mount -o remount,size=64m,nr_inodes=1000 "$ARCHIVE" || exit 95
        "$@" >"$ROOM/second.out" 2>&1; second=$?
        cp -a "$ARCHIVE" "$ROOM/kept"
        echo $first $second"#;
    let bytes = (0..14).map(|pages| ((pages * 8).to_string(), String::new()));
    let inodes = (0..6).map(|inodes| (String::new(), inodes.to_string()));
    let disks: Vec<(String, String)> = bytes.chain(inodes).collect();
    let (ran, stopped) = (AtomicUsize::new(0), AtomicUsize::new(0));
    each(&disks, |(bytes, inodes)| {
        let what = format!("a disk with {bytes}k or {inodes} files left");
        let room = held().copy(&place.path().join(format!("{bytes}-{inodes}")));
        let disk = [("BYTES", bytes.as_str()), ("INODES", inodes.as_str())];
        let Some(run) = unshared_with(script, &room, &everybody(&room), &disk) else { return };
        ran.fetch_add(1, Ordering::Relaxed);
        let first = fs::read_to_string(room.path.join("first.err")).unwrap_or_default();
        assert!(run.out == "5 0\n" || run.out == "0 0\n", "{what}: {}\n{first}", run.shown());
        if run.out == "5 0\n" {
            stopped.fetch_add(1, Ordering::Relaxed);
            assert!(first.contains("No space left on device"), "{what}: {first}");
            // What stands is whole: no line is cut off.
            let full = archive::inspect(&room.path.join("full")).unwrap();
            assert!(full.journal.torn.is_empty(), "{what}");
        }
        fs::remove_dir_all(room.archive()).unwrap();
        fs::rename(room.path.join("kept"), room.archive()).unwrap();
        sealed(&room, &AT_HAND, &what);
        fs::remove_dir_all(&room.path).unwrap();
    });
    let (ran, stopped) = (ran.into_inner(), stopped.into_inner());
    assert!(ran == 0 || 1 < stopped && stopped < ran, "{stopped} of {ran} disks were too full");
}

#[test]
fn a_folder_that_becomes_read_only_stops_a_seal_and_loses_nothing() {
    let place = place();
    let script = r#"
        mkdir -p "$ARCHIVE/$FOLDER"
        mount --bind "$ARCHIVE/$FOLDER" "$ARCHIVE/$FOLDER" && mount -o remount,bind,ro "$ARCHIVE/$FOLDER" || exit 99
        "$@" >"$ROOM/first.out" 2>"$ROOM/first.err"
        echo $?"#;
    for folder in ["", "evidence"] {
        let room = held().copy(&place.path().join(format!("read-only-{folder}")));
        let before = room.contents();
        let Some(run) = unshared_with(script, &room, &everybody(&room), &[("FOLDER", folder)]) else {
            return;
        };
        let first = fs::read_to_string(room.path.join("first.err")).unwrap();
        assert_eq!(run.out, "5\n", "`{folder}`: {}\n{first}", run.shown());
        assert!(first.contains("Read-only file system"), "`{folder}`: {first}");
        assert!(!folder.is_empty() || room.contents() == before, "something was changed");
        says_what_is(&room, folder);
        let again = ends(&mut everybody(&room));
        assert_eq!(again.code, 0, "`{folder}`: {}", again.shown());
        sealed(&room, &AT_HAND, folder);
    }
}
