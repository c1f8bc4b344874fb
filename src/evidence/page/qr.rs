//! QR codes, as drawings: a fingerprint that a telephone reads from paper.

use maud::{Markup, html};
use qrcode::{Color, EcLevel, QrCode};

/// The margin that readers need, in modules (ISO/IEC 18004).
const QUIET: usize = 4;

/// A text as a QR code; nothing where it is too long for one.
pub fn code(text: &str, label: &str) -> Markup {
    let Ok(code) = QrCode::with_error_correction_level(text, EcLevel::M) else { return html! {} };
    let width = code.width();
    let size = width.saturating_add(QUIET.saturating_mul(2));
    let colors = code.to_colors();
    let mut path = String::new();
    for (y, row) in colors.chunks(width).enumerate() {
        for (x, _) in row.iter().enumerate().filter(|(_, color)| **color == Color::Dark) {
            path.push_str(&format!("M{},{}h1v1h-1z", x.saturating_add(QUIET), y.saturating_add(QUIET)));
        }
    }
    html! {
        svg.qr xmlns="http://www.w3.org/2000/svg" viewBox={ "0 0 " (size) " " (size) } role="img"
            aria-label=(label) shape-rendering="crispEdges" {
            rect width=(size) height=(size) fill="#fff" {}
            path d=(path) fill="#000" {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_drawn_and_a_book_is_not() {
        let drawn = code(&"0f".repeat(32), "SHA-256").into_string();
        assert!(
            drawn.contains("viewBox=\"0 0 45 45\"") && drawn.contains("aria-label=\"SHA-256\""),
            "{drawn}"
        );
        assert_eq!(code(&"x".repeat(5000), "").into_string(), "");
    }
}
