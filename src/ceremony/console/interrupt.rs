//! Ctrl-C: a pause between two steps.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Once, OnceLock};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// The exit code of a pause.
const PAUSED: i32 = 3;

/// Whether a pause was asked for.
static ASKED: AtomicBool = AtomicBool::new(false);

/// Catches the signals from now on, in a thread of its own. Where that fails they end the process, which
/// loses nothing either.
pub(super) fn listen() {
    static ONCE: Once = Once::new();
    static HANDLE: OnceLock<signal_hook::iterator::Handle> = OnceLock::new();
    ONCE.call_once(|| {
        let Ok(mut signals) = Signals::new([SIGINT, SIGTERM, SIGHUP]) else { return };
        let _ = HANDLE.set(signals.handle());
        std::thread::spawn(move || signals.forever().for_each(|_| caught()));
    });
}

/// The first one pauses when the step is done; the second one does not wait for a device that hangs.
fn caught() {
    let again = ASKED.swap(true, Ordering::SeqCst);
    let text = if again {
        "\nEnded. What is not known of the step that was running is found out when the ceremony goes on.\n"
    } else {
        "\nPausing when this step is done. Once more, and it ends at once, which loses nothing either.\n"
    };
    let _ = io::stderr().write_all(text.as_bytes());
    if again {
        signal_hook::low_level::exit(PAUSED);
    }
}

/// Whether a pause was asked for.
pub(super) fn asked() -> bool {
    ASKED.load(Ordering::SeqCst)
}
