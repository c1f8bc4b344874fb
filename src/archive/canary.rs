//! The files of a canary: what a stock client needs to check it, and no more.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::disk::{Disk, OPEN};
use super::event::Event;
use super::made::MadeTrustRoot;
use crate::trust_root::client_trust_config;

/// The folder inside an archive, with a folder for each canary.
pub const FOLDER: &str = "canaries";

/// The bundle.
pub const BUNDLE: &str = "bundle.sigstore.json";

/// The bundle with the Rekor v1 entry, where there is one beside the other.
pub const BUNDLE_REKOR_V1: &str = "bundle.rekor-v1.sigstore.json";

/// The files of a canary, by name, given the trust root that it was made under; none of another event.
pub fn files(event: &Event, trust_root: Option<&MadeTrustRoot>) -> Vec<(&'static str, Vec<u8>)> {
    let Event::CanaryFinished { identity, issuer, time, artifact, bundle, bundle_rekor_v1, .. } = event
    else {
        return Vec::new();
    };
    let mut who = serde_json::to_vec_pretty(&json!({"identity": identity, "issuer": issuer, "time": time}))
        .unwrap_or_default();
    who.push(b'\n');
    let mut files = vec![
        ("artifact", artifact.as_bytes().to_vec()),
        (BUNDLE, bundle.as_bytes().to_vec()),
        ("identity.json", who),
    ];
    if let Some(bundle) = bundle_rekor_v1 {
        files.push((BUNDLE_REKOR_V1, bundle.as_bytes().to_vec()));
    }
    if let Some(made) = trust_root {
        files.push(("trusted_root.json", made.trusted_root.as_bytes().to_vec()));
        files.push(("signing_config.json", made.signing_config.as_bytes().to_vec()));
        // Both were written by this tool, and read back by its rules.
        let both = client_trust_config(&made.trusted_root, &made.signing_config);
        files.extend(both.map(|both| ("client_trust_config.json", both)));
    }
    files
}

/// Writes a canary's files into a folder, which is made if it is not there. Nothing is overwritten.
pub fn write(folder: &Path, files: &[(&str, Vec<u8>)]) -> Result<(), (PathBuf, io::Error)> {
    let mut disk = Disk::default();
    disk.make_folder(folder).map_err(|error| (folder.to_path_buf(), error))?;
    files.iter().try_for_each(|(name, bytes)| {
        let path = folder.join(name);
        disk.once(&path, bytes, OPEN).map_err(|error| (path, error))
    })
}
