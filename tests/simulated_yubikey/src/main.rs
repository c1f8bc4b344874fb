//! YubiKeys in software, each in a reader of vpcd, and a socket by which a test touches and pulls them.
//!
//!     simulated-yubikey SOCKET SERIAL:FIRMWARE:PORT...
//!
//! A line on the socket is a card's number (from 0) and what happens to it: `touch MS`, `touch never`,
//! `touch pull`, `pull`, `insert PORT`, `log`, `lie attest`, `lie version`, `lie no`. Each is answered by a line.

mod card;
mod certificate;
mod control;
mod der;
mod key;
mod management;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::time::Duration;

use card::Card;
use control::{Control, Touch};
use key::Key;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let socket = arguments.next().expect("a path for the socket");
    let maker = Key::generate(0x11).expect("the maker's key");
    let controls: Vec<Arc<Control>> = arguments.map(|text| plug(&text, &maker)).collect();
    let listener = UnixListener::bind(&socket).expect("the socket");
    for line in listener.incoming().flatten() {
        let mut answers = line.try_clone().expect("a socket");
        for line in BufReader::new(line).lines().map_while(Result::ok) {
            let answer = obey(&controls, &line).unwrap_or_else(|| format!("not understood: {line}"));
            if writeln!(answers, "{answer}").is_err() {
                break;
            }
        }
    }
}

/// A card, in a thread of its own.
fn plug(text: &str, maker: &Key) -> Arc<Control> {
    let parts: Vec<&str> = text.split(':').collect();
    let [serial, firmware, port] = parts[..] else { panic!("SERIAL:FIRMWARE:PORT, not {text}") };
    let numbers: Vec<u8> = firmware.split('.').map(|part| part.parse().expect("a number")).collect();
    let firmware: [u8; 3] = numbers.try_into().expect("three numbers");
    let control = Arc::new(Control::new(port.parse().ok()));
    let mut card = Card::new(serial.parse().expect("a serial"), firmware, maker, control.clone());
    let own = control.clone();
    std::thread::spawn(move || {
        loop {
            let port = own.wait();
            if let Ok(line) = TcpStream::connect(("127.0.0.1", port)) {
                let _ = line.set_nodelay(true);
                own.connected(line.try_clone().expect("a socket"));
                let _ = vpicc::Connection::from(line).run(&mut card);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    control
}

fn obey(controls: &[Arc<Control>], line: &str) -> Option<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let (number, words) = words.split_first()?;
    let card = controls.get(number.parse::<usize>().ok()?)?;
    match words {
        ["touch", "never"] => card.set_touch(Touch::Never),
        ["touch", "pull"] => card.set_touch(Touch::Pull),
        ["touch", delay] => card.set_touch(Touch::After(Duration::from_millis(delay.parse().ok()?))),
        ["lie", about] => card.set_lie(about),
        ["pull"] => card.pull(),
        ["insert", port] => card.insert(port.parse().ok()?),
        ["log"] => return Some(card.take_log()),
        _ => return None,
    }
    Some("ok".into())
}
