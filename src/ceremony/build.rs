//! What this tool is: its own file, by its hash.

use std::fs::File;
use std::io::{self, Read};
use std::sync::OnceLock;

use sha2::{Digest, Sha256};

use crate::archive::Event;
use crate::pki::sha256_hex;

/// SHA-256 of the file that this process runs, in hex; none where the system does not show it. Read once.
pub fn own_sha256() -> Option<String> {
    static FOUND: OnceLock<Option<String>> = OnceLock::new();
    FOUND.get_or_init(|| read().ok()).clone()
}

/// Everything that this tool was built of, at most, with versions and hashes: Cargo's own list.
pub const DEPENDENCIES: &str = include_str!("../../Cargo.lock");

/// What the journal tells of the tool.
pub fn identified() -> Event {
    let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
    Event::ToolIdentified {
        version: env!("CARGO_PKG_VERSION").into(),
        sha256: own_sha256(),
        dependencies: sha256_hex(DEPENDENCIES.as_bytes()),
        build: format!("{} {}, {profile}", std::env::consts::ARCH, std::env::consts::OS),
    }
}

fn read() -> io::Result<String> {
    // The file that runs, also where another one stands at its path by now.
    let mut file = File::open("/proc/self/exe").or_else(|_| File::open(std::env::current_exe()?))?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            length => digest.update(buffer.get(..length).unwrap_or_default()),
        }
    }
    Ok(data_encoding::HEXLOWER.encode(&digest.finalize()))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_hash_is_that_of_the_file_that_runs() {
        let bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert_eq!(super::own_sha256(), Some(crate::pki::sha256_hex(&bytes)));
    }
}
