//! Places where a test may kill or hold this process. In a release build there are none: a point is
//! an empty function there, and the names of the variables below are not in the binary.
//!
//! - `ROOTWRIGHT_FAULT=N` kills the process (SIGKILL, nothing is cleaned up) at its Nth point.
//! - `ROOTWRIGHT_FAULT_LOG=FILE` appends the name of each point that is passed, one a line.
//! - `ROOTWRIGHT_FAULT_PAUSE=N:FILE` makes `FILE.reached` at the Nth point and waits there until there
//!   is a FILE.

/// A place between two effects. Its name says what comes next, or what was just done.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub fn point(_: &'static str) {}

/// A place between two effects. Its name says what comes next, or what was just done.
#[cfg(debug_assertions)]
pub fn point(name: &'static str) {
    armed::point(name);
}

#[cfg(debug_assertions)]
mod armed {
    use std::fs::OpenOptions;
    use std::io::Write;
    use std::path::PathBuf;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::{Duration, Instant};

    /// How long a point waits for its file: a test that died must not leave processes behind.
    const PATIENCE: Duration = Duration::from_secs(60);

    /// What a test asked for.
    struct Wanted {
        kill: Option<u64>,
        pause: Option<(u64, PathBuf)>,
        log: Option<PathBuf>,
    }

    static WANTED: OnceLock<Wanted> = OnceLock::new();
    static PASSED: AtomicU64 = AtomicU64::new(0);

    fn wanted() -> Wanted {
        let text = |name: &str| std::env::var(name).ok();
        let pause = text("ROOTWRIGHT_FAULT_PAUSE").and_then(|text| {
            let (number, file) = text.split_once(':')?;
            Some((number.parse().ok()?, PathBuf::from(file)))
        });
        Wanted {
            kill: text("ROOTWRIGHT_FAULT").and_then(|text| text.parse().ok()),
            pause,
            log: text("ROOTWRIGHT_FAULT_LOG").map(PathBuf::from),
        }
    }

    pub(super) fn point(name: &'static str) {
        let wanted = WANTED.get_or_init(wanted);
        let number = PASSED.fetch_add(1, Ordering::SeqCst).saturating_add(1);
        if let Some(path) = &wanted.log
            && let Ok(mut file) = OpenOptions::new().append(true).create(true).open(path)
        {
            let _ = writeln!(file, "{name}");
        }
        if wanted.kill == Some(number) {
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        }
        if let Some((at, file)) = &wanted.pause
            && *at == number
        {
            let mut reached = file.clone().into_os_string();
            reached.push(".reached");
            let _ = std::fs::write(reached, name);
            let start = Instant::now();
            while !file.exists() && start.elapsed() < PATIENCE {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
    }
}
