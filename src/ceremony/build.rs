//! What this tool is: its own file, by its hash.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::OnceLock;

use sha2::{Digest, Sha256};

use crate::archive::Event;
use crate::evidence::sbom;
use crate::pki::sha256_hex;
use crate::plan::Plan;

/// SHA-256 of the file that this process runs, in hex; none where the system does not show it. Read once.
pub fn own_sha256() -> Option<String> {
    static FOUND: OnceLock<Option<String>> = OnceLock::new();
    FOUND.get_or_init(|| read().ok()).clone()
}

/// A tool that the plan does not name.
#[derive(Clone, Debug, thiserror::Error)]
#[error(
    "this tool is not one that the plan names: the SHA-256 of its file is {}, expected {}",
    found.as_deref().unwrap_or("not shown by this system"),
    expected.join(" or ")
)]
pub struct OtherTool {
    /// SHA-256 of this tool's file, in hex.
    pub found: Option<String>,
    /// What the plan names.
    pub expected: Vec<String>,
}

/// Refuses where a plan names builds of the tool, and this is none of them.
pub fn planned(plan: &Plan) -> Result<(), OtherTool> {
    let named = &plan.ceremony.tool_sha256;
    if named.is_empty() {
        return Ok(());
    }
    let found = own_sha256();
    if found.as_deref().is_some_and(|found| named.iter().any(|named| named.as_str() == found)) {
        return Ok(());
    }
    Err(OtherTool { found, expected: named.iter().map(|named| named.to_string()).collect() })
}

/// Begins to read it, while something else is done that takes as long.
pub fn read_ahead() {
    std::thread::spawn(own_sha256);
}

/// What the journal tells of the tool.
pub fn identified() -> Event {
    let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
    Event::ToolIdentified {
        version: env!("CARGO_PKG_VERSION").into(),
        sha256: own_sha256(),
        dependencies: sha256_hex(sbom::LOCK.as_bytes()),
        build: format!("{} {}, {profile}", std::env::consts::ARCH, std::env::consts::OS),
    }
}

fn read() -> io::Result<String> {
    // The file that runs, also where another one stands at its path by now.
    let file = File::open("/proc/self/exe").or_else(|_| File::open(std::env::current_exe()?))?;
    Ok(digest(file)?.1)
}

/// A file's size in bytes, and its SHA-256 in hex. It is never in memory as a whole.
pub fn hashed(file: &Path) -> io::Result<(u64, String)> {
    digest(File::open(file)?)
}

fn digest(mut file: File) -> io::Result<(u64, String)> {
    let (mut size, mut digest, mut buffer) = (0_u64, Sha256::new(), vec![0; 1 << 16]);
    loop {
        let length = file.read(&mut buffer)?;
        if length == 0 {
            return Ok((size, data_encoding::HEXLOWER.encode(&digest.finalize())));
        }
        digest.update(buffer.get(..length).unwrap_or_default());
        size = size.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use crate::plan::{Plan, Source};

    #[test]
    fn the_hash_is_that_of_the_file_that_runs() {
        let bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert_eq!(super::own_sha256(), Some(crate::pki::sha256_hex(&bytes)));
    }

    #[test]
    fn a_plan_may_name_the_tool() {
        let text = include_str!("../../ceremony/minimal.toml");
        let named = |hashes: &[&str]| {
            let line = format!("[ceremony]\ntool-sha256 = {hashes:?}\n");
            let source = Source::new("plan.toml", text.replacen("[ceremony]\n", &line, 1));
            super::planned(&Plan::parse(&source).unwrap())
        };
        let (own, other) = (super::own_sha256().unwrap(), "0".repeat(64));
        assert!(named(&[]).is_ok() && named(&[&other, &own]).is_ok());
        let refused = named(&[&other]).unwrap_err().to_string();
        assert!(refused.contains(&own) && refused.ends_with(&format!("expected {other}")), "{refused}");
    }
}
