//! Nothing is lost, and nothing is made twice: whatever stops a ceremony, the next run goes on.

#[path = "support/kill.rs"]
mod kill;
#[path = "support/shape.rs"]
mod shape;
mod support;

use std::fs;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use rootwright::archive::{self, Event, Journal};
use support::{Run, files, rehearse, rootwright};

use kill::{Room, each, finished, place, points, unshared};

/// What is killed at each point of its own is killed once more while it recovers, at points this far
/// from each other.
const AGAIN: usize = 7;

#[test]
fn killed_at_any_point_a_ceremony_goes_on_and_makes_nothing_twice() {
    let place = place();
    let points: Vec<usize> = (1..=finished().points().len()).collect();
    assert!(points.len() > 300, "{} points", points.len());
    each(&points, |point| {
        let room = Room::prepared().copy(&place.path().join(point.to_string()));
        assert!(room.killed_at(*point), "point {point} is not reached");
        // Some are killed again while they recover, each at another distance from their beginning.
        if point % AGAIN == 0 {
            room.killed_at(1 + point % 100);
        }
        room.goes_on(&format!("killed at point {point}, {}", finished().points()[point - 1]));
        fs::remove_dir_all(&room.path).unwrap();
    });
    let room = Room::prepared().copy(&place.path().join("end"));
    assert!(!room.killed_at(points.len() + 1), "there are more points than were counted");
    room.complete("not killed");
}

#[test]
fn a_line_that_was_cut_off_is_kept_aside_and_the_ceremony_goes_on() {
    let place = place();
    // The line is written, and nothing else yet: had the power failed, any part of it may be there.
    let written = points(finished(), |name| name == "journal: written");
    assert_eq!(written.len(), finished().lines().len());
    each(&written, |point| {
        let room = Room::prepared().copy(&place.path().join(point.to_string()));
        assert!(room.killed_at(*point));
        let last = room.lines().pop().unwrap();
        // Three parts by turns; without its newline alone it is not a line yet.
        let keep = [last.start + 1, last.start + last.len() / 2, last.end - 1][point % 3];
        let bytes = fs::read(room.journal()).unwrap();
        fs::write(room.journal(), &bytes[..keep]).unwrap();
        let run = room.run();
        assert_eq!(run.code, 0, "{}", run.shown());
        assert!(run.err.contains("the journal's last line was cut off"), "{}", run.shown());
        room.complete(&format!("cut at byte {keep}"));
        let rest = &bytes[last.start..keep];
        let kept = format!("evidence/journal-torn-{}", rootwright::pki::sha256_hex(rest));
        assert_eq!(fs::read(room.archive().join(kept)).unwrap(), rest);
        fs::remove_dir_all(&room.path).unwrap();
    });
}

#[test]
fn killed_while_it_recovers_a_ceremony_goes_on() {
    let place = place();
    // A key is on the device, its line is cut off, and a file's temporary is left: all that recovery does.
    let generated = points(finished(), |name| name == "device: generate")[1];
    let written = points(finished(), |name| name == "journal: written");
    let point = *written.iter().find(|point| **point > generated).unwrap();
    let state = Room::prepared().copy(&place.path().join("state"));
    assert!(state.killed_at(point));
    let bytes = fs::read(state.journal()).unwrap();
    let cut = &bytes[..bytes.len() - 200];
    let rest = &cut[state.lines().pop().unwrap().start..];
    let kept = archive::layout::torn(rest);
    fs::write(state.journal(), cut).unwrap();
    fs::write(state.archive().join("keys/.rootwright-root.pem"), "half").unwrap();
    fs::remove_file(state.archive().join("keys/root.json")).unwrap();
    let whole = state.copy(&place.path().join("whole"));
    fs::remove_file(whole.log()).unwrap();
    whole.goes_on("not killed again");
    let events = Journal::parse(&fs::read(whole.journal()).unwrap()).unwrap().records;
    assert!(events.iter().any(|record| matches!(record.event, Event::KeyMade { adopted: true, .. })));
    // Until the key was taken over: what comes after is as in any other run.
    let synced = points(&whole, |name| name == "journal: synced");
    let own: Vec<usize> = points(&whole, |name| !name.starts_with("device: call"))
        .into_iter()
        .filter(|at| *at < synced[6])
        .collect();
    assert!(own.len() > 30, "{own:?}");
    each(&own, |point| {
        let room = state.copy(&place.path().join(point.to_string()));
        assert!(room.killed_at(*point));
        let what = format!("killed again at {}", whole.points()[point - 1]);
        room.goes_on(&what);
        assert_eq!(fs::read(room.archive().join(&kept)).unwrap(), rest, "{what}");
        fs::remove_dir_all(&room.path).unwrap();
    });
}

#[test]
fn killed_while_it_makes_its_tokens_a_rehearsal_goes_on() {
    let place = place();
    let plan = Room::prepared().plan();
    let log = place.path().join("points");
    let rehearsal = |archive: &Path| {
        let mut command = rootwright();
        command.arg("rehearse").arg(&plan).args(["--yes", "--date", "plan", "--archive"]).arg(archive);
        command
    };
    let whole: Run =
        rehearsal(&place.path().join("whole")).env("ROOTWRIGHT_FAULT_LOG", &log).output().unwrap().into();
    assert_eq!(whole.code, 0, "{}", whole.shown());
    let log = fs::read_to_string(log).unwrap();
    // As SoftHSM leaves a token when it is killed while it logs in: its file is empty.
    let archive = place.path().join("lost");
    let begins = log.lines().position(|name| name == "journal: opened").unwrap() + 1;
    let killed = rehearsal(&archive).env("ROOTWRIGHT_FAULT", begins.to_string()).output().unwrap();
    assert_eq!(killed.status.code(), None);
    let tokens = archive.join("rehearsal/tokens");
    let object = files(&tokens).into_iter().find(|path| path.ends_with("token.object")).unwrap();
    fs::write(tokens.join(object), "").unwrap();
    let run = rehearse(&plan, &archive);
    assert_eq!(run.code, 0, "{}", run.shown());
    // Until its ceremony begins. Most calls to the module only look; some of them stand for all.
    let before = log.lines().take_while(|name| *name != "journal: open").enumerate();
    let chosen = before.filter(|(at, name)| !name.starts_with("device: call") || at % 9 == 0);
    let chosen: Vec<usize> = chosen.map(|(at, _)| at + 1).collect();
    assert!(chosen.len() > 60, "{}", chosen.len());
    each(&chosen, |point| {
        let archive = place.path().join(point.to_string());
        let killed = rehearsal(&archive).env("ROOTWRIGHT_FAULT", point.to_string()).output().unwrap();
        assert_eq!(killed.status.code(), None);
        let run = rehearse(&plan, &archive);
        assert_eq!(run.code, 0, "killed at {point}: {}", run.shown());
        let left =
            files(&archive).into_iter().find(|path| path.display().to_string().contains(".rootwright-"));
        assert_eq!(left, None, "killed at {point}");
        fs::remove_dir_all(&archive).unwrap();
    });
}

#[test]
fn killed_inside_a_device_a_rehearsal_goes_on() {
    let place = place();
    let plan = Room::prepared().plan();
    let traced = |archive: &Path, options: &[&str]| {
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-e", "trace=write,openat"]).args(options).arg(rootwright().get_program());
        command.arg("rehearse").arg(&plan).args(["--yes", "--date", "plan", "--archive"]).arg(archive);
        command.env_remove("SOFTHSM2_CONF").current_dir(support::repository()).output()
    };
    let log = place.path().join("calls");
    let whole = traced(&place.path().join("whole"), &["-o", &log.display().to_string()]);
    if !whole.is_ok_and(|output| output.status.success()) {
        eprintln!("NOT RUN: kills inside a device. There is no strace here, or it may not trace.");
        return;
    }
    let calls = fs::read_to_string(log).unwrap();
    let count = |name: &str| calls.lines().filter(|line| line.contains(&format!("{name}("))).count();
    // Not the last ones: how many there are differs a little from one run to the next.
    let chosen: Vec<(&str, usize)> = ["write", "openat"]
        .into_iter()
        .flat_map(|name| {
            let count = count(name);
            (1..count - count / 8).rev().step_by(count / 20).map(move |number| (name, number))
        })
        .collect();
    each(&chosen, |(name, number)| {
        let archive = place.path().join(format!("{name}-{number}"));
        let inject = format!("inject={name}:signal=SIGKILL:when={number}");
        let killed = traced(&archive, &["-o", "/dev/null", "-e", &inject]).unwrap();
        assert!(!killed.status.success(), "{name} {number} is not reached");
        let run = rehearse(&plan, &archive);
        assert_eq!(run.code, 0, "killed at {name} {number}: {}", run.shown());
        fs::remove_dir_all(&archive).unwrap();
    });
}

#[test]
fn a_full_disk_stops_a_ceremony_and_loses_nothing() {
    let place = place();
    let script = r#"
        mount -t tmpfs -o "size=${SIZE},nr_inodes=${INODES}" none "$ARCHIVE" || exit 99
        "$@" >"$ROOM/first.out" 2>"$ROOM/first.err"; first=$?
        cp -a "$ARCHIVE" "$ROOM/full"
        mount -o remount,size=64m,nr_inodes=1000 "$ARCHIVE" || exit 98
        "$@" >"$ROOM/second.out" 2>&1; second=$?
        cp -a "$ARCHIVE" "$ROOM/kept"
        echo $first $second"#;
    let bytes = (1..=20).map(|pages| (format!("{}k", pages * 8), "1000".to_string()));
    let inodes = (2..=36).step_by(3).map(|inodes| ("64m".to_string(), inodes.to_string()));
    let disks: Vec<(String, String)> = bytes.chain(inodes).collect();
    each(&disks, |(size, inodes)| {
        let what = format!("a disk of {size} and {inodes} files");
        let room = Room::prepared().copy(&place.path().join(format!("{size}-{inodes}")));
        fs::create_dir(room.archive()).unwrap();
        let Some(run) = unshared(script, &room, &[("SIZE", size), ("INODES", inodes)]) else { return };
        let first = fs::read_to_string(room.path.join("first.err")).unwrap_or_default();
        assert!(run.out == "5 0\n" || run.out == "0 0\n", "{what}: {}\n{first}", run.shown());
        if run.out == "5 0\n" {
            assert!(first.contains("No space left on device"), "{what}: {first}");
            // What stands is whole: no line is cut off.
            let full = archive::inspect(&room.path.join("full")).unwrap();
            assert!(full.journal.torn.is_empty(), "{what}");
        }
        fs::remove_dir(room.archive()).unwrap();
        fs::rename(room.path.join("kept"), room.archive()).unwrap();
        room.complete(&what);
    });
}

#[test]
fn a_folder_that_becomes_read_only_stops_a_ceremony_and_loses_nothing() {
    let place = place();
    let script = r#"
        mkdir -p "$ARCHIVE/$FOLDER"
        mount --bind "$ARCHIVE/$FOLDER" "$ARCHIVE/$FOLDER" && mount -o remount,bind,ro "$ARCHIVE/$FOLDER" || exit 99
        "$@" >"$ROOM/first.out" 2>"$ROOM/first.err"
        echo $?"#;
    // As soon as there is a journal, and half-way.
    let begun = points(finished(), |name| name == "journal: written")[0];
    let middle = finished().points().len() / 2;
    let cases: Vec<(&str, usize)> =
        ["", "plans", "keys", "certificates", "crls", "trust-root", "tuf", "tuf/targets"]
            .into_iter()
            .flat_map(|folder| [(folder, if folder.is_empty() { 0 } else { begun }), (folder, middle)])
            .collect();
    each(&cases, |(folder, killed)| {
        let what = format!("`{folder}` is read-only, after point {killed}");
        let room =
            Room::prepared().copy(&place.path().join(format!("{}-{killed}", folder.replace('/', "-"))));
        if *killed > 0 {
            assert!(room.killed_at(*killed));
        }
        let before = room.contents();
        let Some(run) = unshared(script, &room, &[("FOLDER", folder)]) else { return };
        let first = fs::read_to_string(room.path.join("first.err")).unwrap();
        // Half-way, what is in some of the folders is there already.
        assert!(
            run.out == "5\n" || *killed == middle && run.out == "0\n",
            "{what}: {}\n{first}",
            run.shown()
        );
        if run.out == "5\n" {
            assert!(first.contains("Read-only file system"), "{what}: {first}");
        }
        if folder.is_empty() {
            assert!(room.contents() == before, "{what}: something was changed");
        }
        room.goes_on(&what);
    });
}

#[test]
fn a_token_that_is_pulled_away_stops_a_ceremony_and_loses_nothing() {
    let place = place();
    let held = points(finished(), |name| matches!(name, "device: generate" | "device: sign"));
    let later = points(finished(), |name| name == "journal: synced");
    let held: Vec<usize> = held.into_iter().chain(later.into_iter().step_by(4)).collect();
    each(&held, |point| {
        let what = format!("pulled at {}, point {point}", finished().points()[point - 1]);
        let room = Room::prepared().copy(&place.path().join(point.to_string()));
        let (go, tokens, away) = (room.path.join("go"), room.path.join("tokens"), room.path.join("away"));
        let mut command = room.ceremony();
        command.env("ROOTWRIGHT_FAULT_PAUSE", format!("{point}:{}", go.display()));
        let output = std::thread::scope(|scope| {
            let ceremony = scope.spawn(move || command.output().unwrap());
            let start = Instant::now();
            while !room.path.join("go.reached").exists() {
                assert!(start.elapsed() < Duration::from_secs(60), "{what}: it is not reached");
                std::thread::sleep(Duration::from_millis(2));
            }
            fs::rename(&tokens, &away).unwrap();
            fs::write(&go, "").unwrap();
            ceremony.join().unwrap()
        });
        let run = Run::from(output);
        // After the last use of a token, it may go.
        assert!([0, 3, 4].contains(&run.code), "{what}: {}", run.shown());
        if tokens.exists() {
            assert!(files(&tokens).is_empty(), "{what}");
            fs::remove_dir_all(&tokens).unwrap();
        }
        fs::rename(&away, &tokens).unwrap();
        room.goes_on(&what);
    });
}

#[test]
fn a_release_has_no_points() {
    let place = place();
    let names = ["ROOTWRIGHT_FAULT", "device: sign", "journal: write"];
    let has = |file: &Path, name: &str| {
        fs::read(file).unwrap().windows(name.len()).any(|window| window == name.as_bytes())
    };
    // Alone and without its dependencies: what it does in a debug build does not even compile so.
    let source = support::repository().join("src/fault.rs");
    let object = place.path().join("fault.o");
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let compiled: Run = Command::new(compiler)
        .args([
            "--edition",
            "2024",
            "--crate-type",
            "lib",
            "--emit",
            "obj",
            "-C",
            "debug-assertions=off",
            "-o",
        ])
        .args([&object, &source])
        .output()
        .unwrap()
        .into();
    assert_eq!(compiled.code, 0, "{}", compiled.shown());
    assert!(!has(&object, names[0]));
    // What was released here last, and what was not.
    let released = support::repository().join("target/release/rootwright");
    if released.exists() {
        assert!(!names.iter().any(|name| has(&released, name)), "{}", released.display());
    }
    assert!(names.iter().all(|name| has(Path::new(env!("CARGO_BIN_EXE_rootwright")), name)));
}
