//! What the tests share: the binary, archives that were rehearsed with it, folders of their own.
#![allow(dead_code)]

pub mod browser;
pub mod clients;
pub mod crowd;
pub mod documents;
pub mod drafts;
pub mod keyholders;
pub mod site;
pub mod ssh;
pub mod tokens;
pub mod world;
pub mod years;
pub mod yubikeys;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, OnceLock};

/// The repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The binary, with no environment that changes what it does.
pub fn rootwright() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rootwright"));
    command.current_dir(repository()).env_remove("SOFTHSM2_CONF").env_remove("NO_COLOR");
    command.stdin(std::process::Stdio::null());
    command
}

/// A folder that is removed when the test ends.
pub fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder for the test")
}

/// What a command printed.
pub struct Run {
    /// The exit code.
    pub code: i32,
    /// stdout.
    pub out: String,
    /// stderr.
    pub err: String,
}

impl Run {
    /// The document on stdout.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out)
            .unwrap_or_else(|error| panic!("{error} in {}\n{}", self.out, self.err))
    }

    /// Both, for messages.
    pub fn shown(&self) -> String {
        format!("exit {}\n--- stdout\n{}\n--- stderr\n{}", self.code, self.out, self.err)
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Runs the binary with arguments.
pub fn run<I, S>(arguments: I) -> Run
where
    I: IntoIterator<Item = S>,
    S: AsRef<std::ffi::OsStr>,
{
    rootwright().args(arguments).output().expect("the binary runs").into()
}

/// Rehearses a plan into a new archive.
pub fn rehearse(plan: &Path, archive: &Path) -> Run {
    run(["rehearse".as_ref(), plan.as_os_str(), "--archive".as_ref(), archive.as_os_str(), "--yes".as_ref()])
}

/// A finished archive of one of the repository's plans, made once per test program. Copy it before
/// changing anything.
pub fn rehearsed(plan: &str) -> &'static Path {
    static MADE: OnceLock<Mutex<HashMap<String, &'static Path>>> = OnceLock::new();
    let mut made = MADE.get_or_init(Mutex::default).lock().unwrap_or_else(|error| error.into_inner());
    if let Some(archive) = made.get(plan) {
        return archive;
    }
    let archive: &'static Path = Box::leak(program_folder().join(plan.replace('/', "-")).into_boxed_path());
    let run = rehearse(&repository().join(plan), archive);
    assert_eq!(run.code, 0, "{}", run.shown());
    made.insert(plan.to_string(), archive);
    archive
}

/// The `tuf/` folders of one repository before and after a second ceremony.
pub struct Renewed {
    /// After the first ceremony: timestamp version 1.
    pub first: PathBuf,
    /// After the second: timestamp version 2.
    pub second: PathBuf,
}

/// A repository that was rehearsed, and signed again by a later plan with later expiries.
pub fn renewed(plan: &str) -> Renewed {
    static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let own = program_folder().join(format!("renewed-{number}"));
    let archive = own.join("archive");
    fs::create_dir_all(&own).expect("a folder for the renewal");
    let run = rehearse(&repository().join(plan), &archive);
    assert_eq!(run.code, 0, "{}", run.shown());
    let first = own.join("first");
    copy(&archive.join("tuf"), &first);
    let text = fs::read_to_string(repository().join(plan)).expect("the plan");
    let later = text.replace("2027-06-01T00:00:00Z", "2027-07-01T00:00:00Z");
    assert_ne!(text, later, "the plan has the expiry that the renewal moves");
    let second_plan = own.join("later.toml");
    fs::write(&second_plan, later).expect("the later plan");
    let run = rehearse(&second_plan, &archive);
    assert_eq!(run.code, 0, "{}", run.shown());
    Renewed { first, second: archive.join("tuf") }
}

/// Copies a folder with all that is in it.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the copy's folder");
    for entry in fs::read_dir(from).expect("the folder to copy").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("the file to copy");
        }
    }
}

/// Every file below a folder, as paths relative to it, sorted.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    fn walk(folder: &Path, below: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            let path = below.join(entry.file_name());
            if entry.path().is_dir() {
                walk(&entry.path(), &path, found);
            } else {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(folder, Path::new(""), &mut found);
    found.sort();
    found
}

/// A folder of this test program, emptied at its start.
pub fn program_folder() -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let make = || {
        let program = std::env::current_exe().ok().and_then(|path| Some(path.file_stem()?.to_os_string()));
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(program.unwrap_or_else(|| "tests".into()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder for this test program");
        folder
    };
    FOLDER.get_or_init(make).clone()
}
