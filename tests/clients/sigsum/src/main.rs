//! Verify a proof of logging with the sigsum crate.
//!
//!     sigsum-verify-proof PROOF POLICY MESSAGE SUBMITTER
//!
//! The message, 32 bytes, and the submitter's key are in hex.
//!
//! Exit code: 0 accepted, 1 refused, with the crate's reason on stdout, 2 no judgement (usage, unreadable file).

use std::error::Error;
use std::fs;
use std::process::ExitCode;

use sigsum::{Hash, Policy, PublicKey, SigsumSignature, verify};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [proof, policy, message, submitter] = arguments.as_slice() else {
        eprintln!("usage: sigsum-verify-proof PROOF POLICY MESSAGE SUBMITTER");
        return ExitCode::from(2);
    };
    match judge([proof, policy], [message, submitter]) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(why)) => {
            println!("{why}");
            ExitCode::from(1)
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

/// The outer error is no judgement; the inner one is a refusal.
fn judge(files: [&str; 2], values: [&str; 2]) -> Result<Result<(), String>, Box<dyn Error>> {
    let [proof, policy] = [fs::read_to_string(files[0])?, fs::read_to_string(files[1])?];
    let [message, submitter] = [hex(values[0])?, hex(values[1])?];
    Ok(opinion(&proof, &policy, message, submitter).map_err(|error| error.to_string()))
}

fn opinion(proof: &str, policy: &str, message: [u8; 32], submitter: [u8; 32]) -> Result<(), Box<dyn Error>> {
    let policy = Policy::parse(policy)?;
    let proof = SigsumSignature::from_ascii(proof)?;
    verify(&Hash::from(message), &proof, &[PublicKey::from(submitter)], &policy)?;
    Ok(())
}

fn hex(text: &str) -> Result<[u8; 32], Box<dyn Error>> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return Err("expected 64 digits".into());
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16)?;
    }
    Ok(bytes)
}
