//! Verify bundles with the sigstore-verify crate.
//!
//!     sigstore-verify-bundles BUNDLE...
//!
//! Beside each bundle stand `artifact`, `trusted_root.json` and `identity.json`, as `rootwright prove`
//! writes them.
//!
//! One line of JSON for each bundle: `{"accepted": true}`, or `{"accepted": false, "why": …}` in the
//! client's words. Exit code: 0 all were judged, 2 the client came to no judgement (usage, unreadable
//! file).

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use sigstore_verify::trust_root::TrustedRoot;
use sigstore_verify::types::Bundle;
use sigstore_verify::{VerificationPolicy, Verifier};

fn main() -> ExitCode {
    let bundles: Vec<String> = std::env::args().skip(1).collect();
    if bundles.is_empty() {
        eprintln!("usage: sigstore-verify-bundles BUNDLE...");
        return ExitCode::from(2);
    }
    for bundle in &bundles {
        match judge(Path::new(bundle)) {
            Ok(Ok(())) => println!("{}", serde_json::json!({ "accepted": true })),
            Ok(Err(why)) => println!("{}", serde_json::json!({ "accepted": false, "why": why })),
            Err(error) => {
                eprintln!("{bundle}: {error}");
                return ExitCode::from(2);
            }
        }
    }
    ExitCode::SUCCESS
}

/// The outer error is no judgement; the inner one is a refusal.
fn judge(bundle: &Path) -> Result<Result<(), String>, Box<dyn Error>> {
    let read = |name: &str| fs::read(bundle.with_file_name(name));
    let identity: serde_json::Value = serde_json::from_slice(&read("identity.json")?)?;
    let of = |field: &str| identity[field].as_str().unwrap_or_default().to_string();
    let (artifact, root) = (read("artifact")?, String::from_utf8(read("trusted_root.json")?)?);
    let text = fs::read_to_string(bundle)?;
    Ok(verify(&text, &artifact, &root, (of("identity"), of("issuer"))).map_err(|error| line(error.as_ref())))
}

fn verify(
    bundle: &str,
    artifact: &[u8],
    root: &str,
    (identity, issuer): (String, String),
) -> Result<(), Box<dyn Error>> {
    let verifier = Verifier::new(&TrustedRoot::from_json(root)?)?;
    let bundle = Bundle::from_json(bundle)?;
    verifier.verify(artifact, &bundle, &VerificationPolicy::new(identity, issuer))?;
    Ok(())
}

/// An error and what caused it, on one line.
fn line(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
