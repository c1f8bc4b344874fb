//! What a test does to a card: touch it or not, pull it, read what it was asked to do.

use std::net::TcpStream;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

/// What happens when the card blinks.
#[derive(Clone, Copy)]
pub enum Touch {
    /// It is touched after so long.
    After(Duration),
    /// Nobody touches it.
    Never,
    /// Somebody pulls it out.
    Pull,
}

struct State {
    touch: Touch,
    /// The port of the reader that it shall be in; none where it is out.
    wanted: Option<u16>,
    /// What it answers wrongly: `attest` with nothing, `version` with one byte.
    lie: String,
    /// The line to the reader, while it is in.
    line: Option<TcpStream>,
    log: Vec<String>,
}

pub struct Control {
    state: Mutex<State>,
    changed: Condvar,
}

impl Control {
    pub fn new(port: Option<u16>) -> Self {
        let state = State {
            touch: Touch::After(Duration::ZERO),
            lie: String::new(),
            wanted: port,
            line: None,
            log: Vec::new(),
        };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread died")
    }

    pub fn touch(&self) -> Touch {
        self.lock().touch
    }

    pub fn set_touch(&self, touch: Touch) {
        self.lock().touch = touch;
    }

    pub fn lies(&self, about: &str) -> bool {
        self.lock().lie == about
    }

    pub fn set_lie(&self, about: &str) {
        self.lock().lie = about.into();
    }

    pub fn log(&self, line: String) {
        self.lock().log.push(line);
    }

    pub fn take_log(&self) -> String {
        self.lock().log.drain(..).collect::<Vec<_>>().join(",")
    }

    /// Takes the card out of its reader.
    pub fn pull(&self) {
        let mut state = self.lock();
        state.wanted = None;
        if let Some(line) = state.line.take() {
            let _ = line.shutdown(std::net::Shutdown::Both);
        }
        self.changed.notify_all();
    }

    /// Puts the card into a reader.
    pub fn insert(&self, port: u16) {
        self.lock().wanted = Some(port);
        self.changed.notify_all();
    }

    /// Waits until the card shall be in a reader.
    pub fn wait(&self) -> u16 {
        let mut state = self.lock();
        loop {
            match state.wanted {
                Some(port) => return port,
                None => state = self.changed.wait(state).expect("no thread died"),
            }
        }
    }

    /// The line to the reader.
    pub fn connected(&self, line: TcpStream) {
        self.lock().line = Some(line);
    }
}
