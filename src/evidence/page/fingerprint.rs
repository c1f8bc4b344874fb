//! Fingerprints on paper: hex in groups, the words of the PGP word list, a QR code; and boxes to write into
//! where nobody knows one yet.

use maud::{Markup, html};

use super::qr;
use crate::ceremony::console::Fingerprint;

/// Hex in groups of eight, two rows.
pub fn hex(fingerprint: &Fingerprint) -> Markup {
    html! {
        span.hex {
            @for groups in fingerprint.groups().chunks(4) {
                span.groups { @for group in groups { span { (group) } " " } }
            }
        }
    }
}

/// A SHA-256 within a text.
pub fn inline(sha256: &str) -> Markup {
    hex(&Fingerprint::from_hex(sha256))
}

/// The words, numbered as the console numbers them.
pub fn words(fingerprint: &Fingerprint) -> Markup {
    html! {
        ol.words { @for word in fingerprint.words() { li { (word) } } }
    }
}

/// All of it: hex, words and QR code.
pub fn whole(what: &str, fingerprint: &Fingerprint) -> Markup {
    html! {
        div.fingerprint {
            div.read {
                (hex(fingerprint))
                (words(fingerprint))
            }
            (qr::code(fingerprint.hex(), &format!("QR code: SHA-256 of {what}")))
        }
    }
}

/// Boxes for so many characters, in groups of eight.
pub fn boxes(count: usize) -> Markup {
    let label = format!("{count} characters to write down");
    html! {
        span.boxes role="img" aria-label=(label) {
            @for group in (0..count).step_by(8) {
                span.group { @for _ in group..count.min(group.saturating_add(8)) { i {} } }
            }
        }
    }
}

/// Lines for the 32 words of a SHA-256, numbered.
pub fn blank_words() -> Markup {
    html! { ol.words.blank aria-label="32 words to write down" { @for _ in 0..32 { li { span.line {} } } } }
}
