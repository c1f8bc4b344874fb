//! Canaries: each is what its event says, and verifies under the trusted root of its day.

use super::claims::Claims;
use super::report::{Area, Sheet};
use crate::prove::examine::examine;

/// A canary that was made, and the trusted root of its day.
#[derive(Debug)]
pub struct Canary<'a> {
    /// Its name.
    pub name: &'a str,
    /// Whom its certificate names.
    pub identity: &'a str,
    /// Who vouched for that.
    pub issuer: &'a str,
    /// The artifact.
    pub artifact: &'a str,
    /// Its bundles, by the names of their files.
    pub bundles: Vec<(&'static str, &'a str)>,
    /// The trusted root.
    pub trusted_root: &'a str,
}

/// Checks every bundle of every canary.
pub fn check(claims: &Claims<'_>, sheet: &mut Sheet) {
    for canary in &claims.canaries {
        for (file, bundle) in &canary.bundles {
            let mut entry = sheet.on(Area::TrustRoot, format!("canaries/{}/{file}", canary.name));
            let (root, who) = (canary.trusted_root.as_bytes(), (canary.identity, canary.issuer));
            match examine(bundle.as_bytes(), canary.artifact.as_bytes(), root, who) {
                Ok(examined) => {
                    let times: Vec<String> = examined.times.iter().map(ToString::to_string).collect();
                    entry.ok(format!(
                        "verifies under the trusted root of its day, for {} at {}",
                        canary.identity,
                        times.join(" and ")
                    ));
                }
                Err(refusal) => {
                    entry.failed(format!("does not verify under the trusted root of its day: {refusal}"));
                }
            }
        }
    }
}
