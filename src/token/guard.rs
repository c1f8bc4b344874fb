//! Keeps PINs inside this process: nothing of it is dumped to a file or swapped to a disk.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What protects this process's memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Guard {
    /// No core dump is written, neither to a file nor to a crash reporter.
    pub no_core_dumps: bool,
    /// Its memory is locked: it is never swapped out.
    pub locked: bool,
}

/// Locking everything needs room for everything: less would make a later allocation fail.
const ENOUGH: u64 = 512 * 1024 * 1024;

/// Switches core dumps off and locks the memory, as far as the system allows. Call it before a PIN is
/// read, and after the last time that the process may replace itself.
pub fn guard() -> Guard {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let limited = setrlimit(Resource::Core, none).is_ok();
    Guard { no_core_dumps: limited && undumpable(), locked: lock() }
}

/// A crash reporter that the kernel starts is not bound by a limit of zero.
#[cfg(target_os = "linux")]
fn undumpable() -> bool {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    set_dumpable_behavior(DumpableBehavior::NotDumpable).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn undumpable() -> bool {
    true
}

#[cfg(target_os = "linux")]
fn lock() -> bool {
    use rustix::mm::{MlockAllFlags, mlockall};
    let limit = getrlimit(Resource::Memlock);
    // Of no effect where the hard limit is too low; root needs no limit.
    let _ = setrlimit(Resource::Memlock, Rlimit { current: limit.maximum, ..limit });
    let room = getrlimit(Resource::Memlock).current.is_none_or(|bytes| bytes >= ENOUGH);
    let root = rustix::process::geteuid().is_root();
    // ONFAULT: pages are locked as they are used, and none is brought in for it.
    let flags = MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT;
    (room || root) && mlockall(flags).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn lock() -> bool {
    let _ = ENOUGH;
    false
}
