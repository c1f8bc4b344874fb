//! Lines that a person types at the terminal, and PINs without echo.
//!
//! The terminal's own line editing is kept. Ctrl-C ends the line at once and is no signal while a
//! question stands: a pause must not end the process in the middle of an answer. The bytes of a PIN are
//! in one buffer, which is wiped; a library that gives back a `String` leaves copies behind.

use std::io;
use std::os::fd::AsFd;

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use secrecy::SecretString;
use zeroize::Zeroizing;

/// What Ctrl-C types.
const CTRL_C: u8 = 3;

/// A kernel's line has at most 4095 bytes.
const LONGEST: usize = 4096;

/// What a person did.
#[derive(Debug)]
pub(super) enum Typed<T> {
    /// Typed a line.
    Line(T),
    /// Pressed Ctrl-C, or ended the input.
    Stop,
}

/// Asks for one line at the terminal on stdin. What was typed before the question is dropped.
pub(super) fn line(question: impl FnOnce()) -> io::Result<Typed<String>> {
    read(true, question, |bytes| String::from_utf8_lossy(bytes).trim().to_string())
}

/// Asks for a PIN at the terminal on stdin, without echo.
pub(super) fn secret(
    question: impl FnOnce(),
) -> io::Result<Typed<Result<SecretString, std::str::Utf8Error>>> {
    read(false, question, |bytes| std::str::from_utf8(bytes).map(SecretString::from))
}

fn read<T>(echo: bool, question: impl FnOnce(), take: impl FnOnce(&[u8]) -> T) -> io::Result<Typed<T>> {
    let stdin = io::stdin();
    let terminal = Modes::set(&stdin, echo)?;
    question();
    let mut buffer = Zeroizing::new([0u8; LONGEST]);
    let length = loop {
        match rustix::io::read(&stdin, &mut *buffer) {
            Err(rustix::io::Errno::INTR) => {}
            length => break length?,
        }
    };
    drop(terminal);
    let bytes = buffer.get(..length).unwrap_or_default();
    match bytes.split_last() {
        None => Ok(Typed::Stop),
        Some(_) if bytes.contains(&CTRL_C) => Ok(Typed::Stop),
        Some((b'\n', bytes)) => Ok(Typed::Line(take(bytes))),
        Some(_) => Ok(Typed::Line(take(bytes))),
    }
}

/// The terminal's modes while a question stands; they are put back when it is answered.
struct Modes<'a> {
    terminal: &'a io::Stdin,
    before: Termios,
}

impl<'a> Modes<'a> {
    fn set(terminal: &'a io::Stdin, echo: bool) -> io::Result<Self> {
        let before = tcgetattr(terminal.as_fd())?;
        let mut modes = before.clone();
        modes.local_modes.remove(LocalModes::ISIG);
        modes.local_modes.insert(LocalModes::ICANON);
        modes.local_modes.set(LocalModes::ECHO, echo);
        // The newline is shown all the same: what comes next begins on a line of its own.
        modes.local_modes.insert(LocalModes::ECHONL);
        modes.special_codes[SpecialCodeIndex::VEOL] = CTRL_C;
        tcsetattr(terminal.as_fd(), OptionalActions::Flush, &modes)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Modes<'_> {
    fn drop(&mut self) {
        let _ = tcsetattr(self.terminal.as_fd(), OptionalActions::Now, &self.before);
    }
}
