//! How long a step takes with people in the room: it is read aloud, compared, typed, and written down. The
//! devices themselves are the smaller part. Estimates, for planning breaks; nothing depends on them.

use crate::ceremony::walkthrough::Scene;
use crate::difference::Action;
use crate::plan::Algorithm;

/// Minutes before the first step: reading aloud, clocks, PINs.
pub(super) const OPENING: u32 = 20;
/// Minutes after the last one: verifying, copying, sealing, signing off.
pub(super) const CLOSING: u32 = 30;
/// People are still attentive for so many minutes.
pub(super) const ATTENTION: u32 = 60;
/// A fingerprint of which words are typed back takes longer.
const READ_BACK: u32 = 4;

/// Minutes for one step.
pub(super) fn minutes(scene: &Scene) -> u32 {
    let own: u32 = match &scene.step.action {
        Action::GenerateKey { algorithm: Algorithm::Rsa3072 | Algorithm::Rsa4096, .. } => 5,
        Action::GenerateKey { .. } => 3,
        Action::ImportKey { .. } | Action::SignCsr { .. } => 2,
        Action::BackUp { .. } => 8,
        Action::Issue { .. } => 5,
        Action::IssueCrl { .. } => 3,
        Action::SignMetadata { .. } => 2,
        Action::AssembleTrustRoot | Action::TakeTarget { .. } | Action::Publish { .. } => 1,
    };
    if scene.reader.is_some() { own.saturating_add(READ_BACK) } else { own }
}

/// Minutes as people say them.
pub(super) fn said(minutes: u32) -> String {
    match (minutes.div_euclid(60), minutes.rem_euclid(60)) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes:02} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_are_said_in_hours() {
        assert_eq!([0, 59, 60, 61, 135].map(said), ["0 min", "59 min", "1 h", "1 h 01 min", "2 h 15 min"]);
    }
}
