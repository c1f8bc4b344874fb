//! Ceremonies that are interrupted: rooms that are copied with their tokens, runs that die at a given
//! point, and what must hold of an archive at the end, whatever happened on the way.
#![allow(dead_code)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Range;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use rootwright::archive::{self, Event, Journal};

use super::shape;
use super::support::site::softhsm;
use super::support::{Run, copy, files, program_folder, repository, rootwright};

/// SIGKILL.
pub const KILLED: i32 = 9;

/// The plan: all kinds of steps, and few of each.
pub const CRL: &str = "\n[crls.root-1]\nissuer   = \"root\"\nnumber   = 1\nvalidity = { from = \"2026-12-01T00:00:00Z\", to = \"2027-11-01T00:00:00Z\" }\n";

/// The keys that the plan has.
pub const KEYS: usize = 4;

/// A new folder. In memory where there is room: a kill is not a power cut, and thousands of them
/// would wait for the disk.
pub fn place() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    tempfile::tempdir_in(memory).unwrap_or_else(|_| super::support::folder())
}

/// A folder with a plan, a site, tokens, and an archive.
#[derive(Debug)]
pub struct Room {
    pub path: PathBuf,
}

impl Room {
    /// A room whose tokens are ready and whose ceremony has not begun.
    pub fn prepared() -> &'static Self {
        static ROOM: OnceLock<Room> = OnceLock::new();
        ROOM.get_or_init(|| {
            let room = Room { path: program_folder().join("prepared") };
            fs::create_dir_all(room.path.join("tokens")).unwrap();
            let plan = fs::read_to_string(repository().join("ceremony/minimal.toml")).unwrap();
            fs::write(room.plan(), plan + CRL).unwrap();
            // What a disk that fills up in the middle does is found out by letting it.
            let mut site = "purpose = \"rehearsal\"\n[waivers]\nENV-DISK = \"a test\"\n".to_string();
            for device in ["root-hsm", "keyholder-1"] {
                site.push_str(&format!(
                    "\n[devices.{device}]\nmodule = {:?}\nlabel = {device:?}\npin = {{ file = \"pin\" }}\nso-pin = {{ file = \"pin\" }}\n",
                    softhsm()
                ));
            }
            fs::write(room.path.join("site.toml"), site).unwrap();
            fs::write(room.path.join("pin"), "123456").unwrap();
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
            fs::set_permissions(room.path.join("pin"), mode).unwrap();
            room.configure();
            for device in ["root-hsm", "keyholder-1"] {
                let made: Run = room.command(&["token", "init", device]).output().unwrap().into();
                assert_eq!(made.code, 0, "{}", made.shown());
            }
            room
        })
    }

    /// SoftHSM's configuration, which has an absolute path.
    fn configure(&self) {
        let tokens = self.path.join("tokens").display().to_string();
        fs::write(
            self.path.join("softhsm2.conf"),
            format!("directories.tokendir = {tokens}\nlog.level = ERROR\n"),
        )
        .unwrap();
    }

    /// A copy of this room in a folder that does not exist yet.
    pub fn copy(&self, to: &Path) -> Self {
        copy(&self.path, to);
        let room = Self { path: to.to_path_buf() };
        room.configure();
        room
    }

    pub fn plan(&self) -> PathBuf {
        self.path.join("plan.toml")
    }

    pub fn archive(&self) -> PathBuf {
        self.path.join("archive")
    }

    pub fn log(&self) -> PathBuf {
        self.path.join("points")
    }

    /// A command with this room's site.
    pub fn command(&self, verb: &[&str]) -> Command {
        let mut command = rootwright();
        command.env("SOFTHSM2_CONF", self.path.join("softhsm2.conf")).args(verb);
        command.arg("--site").arg(self.path.join("site.toml"));
        command
    }

    /// The ceremony, or the rest of it. Every point that it passes is logged.
    pub fn ceremony(&self) -> Command {
        let mut command = self.command(&["run"]);
        command.arg(self.plan()).arg("--yes").arg("--archive").arg(self.archive());
        command.env("ROOTWRIGHT_FAULT_LOG", self.log());
        command
    }

    /// Holds the ceremony.
    pub fn run(&self) -> Run {
        self.ceremony().output().unwrap().into()
    }

    /// Holds the ceremony until a point at which it is killed. False if it ended before.
    pub fn killed_at(&self, point: usize) -> bool {
        match killed(self.ceremony(), point) {
            None => true,
            Some(run) => {
                assert_eq!(run.code, 0, "{}", run.shown());
                false
            }
        }
    }

    /// The points that were passed in this room, of all runs.
    pub fn points(&self) -> Vec<String> {
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        log.lines().map(str::to_string).collect()
    }

    /// The journal's file.
    pub fn journal(&self) -> PathBuf {
        self.archive().join("journal.jsonl")
    }

    /// Where each line of the journal begins and ends; its newline is its last byte.
    pub fn lines(&self) -> Vec<Range<usize>> {
        let bytes = fs::read(self.journal()).unwrap();
        let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
        let mut start = 0;
        ends.map(|end| std::mem::replace(&mut start, end)..end).collect()
    }

    /// Runs the ceremony to its end, and checks everything.
    pub fn goes_on(&self, what: &str) {
        let run = self.run();
        assert_eq!(run.code, 0, "{what}: {}", run.shown());
        self.complete(what);
    }

    /// The archive is complete, verifies, has nothing twice, and equals an uninterrupted one.
    pub fn complete(&self, what: &str) {
        let archive = self.archive();
        let found = archive::inspect(&archive).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert!(found.is_whole(), "{what}");
        self.recorded(&found.journal, what);
        nothing_twice(&found.journal, what);
        let objects = files(&self.path.join("tokens"));
        let objects = objects.iter().filter(|path| path.extension().is_some_and(|end| end == "object"));
        assert_eq!(objects.count(), 2 + 2 * KEYS, "{what}: two tokens, and two objects for each key");
        self.counted(&found, what);
        self.verifies(what);
        let (shape, expected) = (shape::of(&archive), uninterrupted());
        assert_eq!(&shape, expected, "{what}");
    }

    /// Every file that the journal records is there, and no other.
    pub fn recorded(&self, journal: &Journal, what: &str) {
        let mut recorded = BTreeMap::new();
        for file in journal.records.iter().flat_map(|record| &record.files) {
            recorded.insert(PathBuf::from(&file.path), file.sha256.clone());
        }
        let mut there = files(&self.archive());
        there.retain(|path| path != Path::new("journal.jsonl"));
        there.sort();
        assert_eq!(there, recorded.keys().cloned().collect::<Vec<_>>(), "{what}");
        for (path, hash) in recorded {
            let bytes = fs::read(self.archive().join(&path)).unwrap();
            assert_eq!(rootwright::pki::sha256_hex(&bytes), hash, "{what}: {}", path.display());
        }
    }

    /// No device was asked more often than the journal counts.
    fn counted(&self, found: &archive::Inspection, what: &str) {
        let points = self.points();
        let passed = |name: &str| points.iter().filter(|point| *point == name).count();
        let intended = |name: &str| {
            let events = found.journal.records.iter().map(|record| record.event.name());
            events.filter(|event| *event == name).count()
        };
        assert!(passed("device: generate") <= intended("key-intended"), "{what}");
        let counted: u64 = found.state.operations.values().sum();
        let (signed, counted) = (passed("device: sign"), usize::try_from(counted).unwrap());
        assert!(signed <= counted, "{what}: {signed} signatures, and the journal counts {counted}");
        assert_eq!(counted, intended("signature-intended") + intended("signature-repeated"), "{what}");
    }

    fn verifies(&self, what: &str) {
        let path = |path: &str| self.archive().join(path).display().to_string();
        let root = path("certificates/root.pem");
        for arguments in [
            vec![
                "verify",
                "-no-CApath",
                "-attime",
                "1796126400",
                "-CAfile",
                &root,
                &path("certificates/fulcio.pem"),
            ],
            vec!["crl", "-noout", "-inform", "DER", "-in", &path("crls/root-1.crl"), "-CAfile", &root],
        ] {
            let run: Run = Command::new("openssl").args(&arguments).output().unwrap().into();
            let shown = format!("{what}: openssl {arguments:?}: {}", run.shown());
            assert!(run.code == 0 && !run.err.contains("fail"), "{shown}");
        }
        static VERIFY: OnceLock<bool> = OnceLock::new();
        if *VERIFY.get_or_init(|| super::support::run(["verify", "--help"]).code == 0) {
            let run = super::support::run(["verify".as_ref(), self.archive().as_os_str()]);
            assert_eq!(run.code, 0, "{what}: {}", run.shown());
        }
    }

    /// Every file of the archive, with its bytes.
    pub fn contents(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let archive = self.archive();
        if !archive.exists() {
            return BTreeMap::new();
        }
        files(&archive)
            .into_iter()
            .map(|path| (path.clone(), fs::read(archive.join(path)).unwrap()))
            .collect()
    }
}

/// Runs a command until a point at which it is killed. What it printed, if it ended before.
pub fn killed(mut command: Command, point: usize) -> Option<Run> {
    let output = command.env("ROOTWRIGHT_FAULT", point.to_string()).output().unwrap();
    match output.status.signal() {
        Some(signal) => {
            assert_eq!(signal, KILLED);
            None
        }
        None => Some(output.into()),
    }
}

/// Each result once; and of each certificate one draft, with a serial number of its own.
fn nothing_twice(journal: &Journal, what: &str) {
    let mut results = BTreeSet::new();
    let mut drafts: BTreeMap<String, String> = BTreeMap::new();
    let mut public = BTreeSet::new();
    for record in &journal.records {
        match &record.event {
            Event::SignatureIntended { step, to_be_signed, .. } => {
                let hash = to_be_signed.sha256().unwrap();
                let first = drafts.entry(step.clone()).or_insert_with(|| hash.clone());
                assert_eq!(*first, hash, "{what}: {step}");
            }
            Event::KeyIntended { .. } | Event::SignatureRepeated { .. } => {}
            event => {
                if let Event::KeyMade { key, .. } = event {
                    assert!(public.insert(key.public.clone()), "{what}: a key twice");
                }
                if let Some(step) = event.step() {
                    assert!(results.insert(step.to_string()), "{what}: {step} twice");
                }
            }
        }
    }
    let drafts: Vec<String> = drafts.into_values().collect();
    assert_eq!(drafts.iter().collect::<BTreeSet<_>>().len(), drafts.len(), "{what}: a draft for two steps");
}

/// A room whose small ceremony was held: one key, one certificate, one CRL. Its journal is short enough
/// to be cut at every byte.
pub fn small() -> &'static Room {
    static ROOM: OnceLock<Room> = OnceLock::new();
    ROOM.get_or_init(|| {
        let room = Room::prepared().copy(&program_folder().join("small"));
        let plan = fs::read_to_string(room.plan()).unwrap();
        // Without the other keys, certificates and people, the trust root, and TUF.
        let part = |from: &str, to: &str| {
            let start = plan.find(from).unwrap();
            &plan[start..start + plan[start..].find(to).unwrap()]
        };
        let parts = [
            part("[ceremony]", "[people]"),
            "[keys]\n",
            part("root   = {", "fulcio"),
            part("[certificates.root]", "[certificates.fulcio]"),
            CRL,
        ];
        fs::write(room.plan(), parts.concat()).unwrap();
        let run = room.run();
        assert_eq!(run.code, 0, "{}", run.shown());
        room
    })
}

/// A room whose ceremony was held without an interruption.
pub fn finished() -> &'static Room {
    static ROOM: OnceLock<Room> = OnceLock::new();
    ROOM.get_or_init(|| {
        let room = Room::prepared().copy(&program_folder().join("finished"));
        let run = room.run();
        assert_eq!(run.code, 0, "{}", run.shown());
        room
    })
}

/// What every archive of the plan looks like in the end.
fn uninterrupted() -> &'static BTreeMap<String, String> {
    static SHAPE: OnceLock<BTreeMap<String, String>> = OnceLock::new();
    SHAPE.get_or_init(|| shape::of(&finished().archive()))
}

/// Does something with each item, on as many threads as there are processors, and at most 4.
pub fn each<T: Sync>(items: &[T], work: impl Fn(&T) + Sync) {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(4);
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                    work(item);
                }
            });
        }
    });
}

/// Runs a script in a mount namespace of its own, where it may mount what it likes; its arguments are the
/// ceremony's command. None where this is not allowed: the test then says that it was not run.
pub fn unshared(script: &str, room: &Room, environment: &[(&str, &str)]) -> Option<Run> {
    unshared_with(script, room, &room.ceremony(), environment)
}

/// The same, with another command.
pub fn unshared_with(
    script: &str,
    room: &Room,
    asked: &Command,
    environment: &[(&str, &str)],
) -> Option<Run> {
    let unshare = || {
        let mut command = Command::new("unshare");
        // Without privileges, a user namespace may allow it.
        command.arg(if rustix::process::geteuid().is_root() { "-m" } else { "-rm" });
        command.args(["--propagation", "private", "sh", "-c"]);
        command
    };
    static ALLOWED: OnceLock<bool> = OnceLock::new();
    let allowed = ALLOWED.get_or_init(|| {
        let tried = unshare().arg("mount -t tmpfs -o size=4k none /mnt").output();
        let allowed = tried.is_ok_and(|output| output.status.success());
        if !allowed {
            eprintln!("NOT RUN: full disks and read-only folders. Mount namespaces are not allowed here.");
        }
        allowed
    });
    if !allowed {
        return None;
    }
    let mut command = unshare();
    command.arg(script).arg("sh").arg(asked.get_program()).args(asked.get_args());
    for (name, value) in asked.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.env("ARCHIVE", room.archive()).env("ROOM", &room.path).envs(environment.iter().copied());
    Some(command.current_dir(repository()).output().unwrap().into())
}

/// The points of a room's runs with this name, counted from 1.
pub fn points(room: &Room, wanted: impl Fn(&str) -> bool) -> Vec<usize> {
    room.points().iter().enumerate().filter(|(_, name)| wanted(name)).map(|(at, _)| at + 1).collect()
}
