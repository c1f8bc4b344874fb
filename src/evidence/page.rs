//! The frame of what is printed and read: one page without a script that fetches nothing from anywhere.
//!
//! It is made for paper first: A4 or Letter, in greys, with a number and a fingerprint on every page
//! (CSS Paged Media, margin boxes). On a screen it is light or dark, and as wide as the screen.

pub mod fingerprint;
pub mod markdown;
pub mod qr;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::plan::Time;

const STYLE: &str = include_str!("page/style.css");

/// Nothing is loaded, and nothing runs.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// What stands around a document.
#[derive(Clone, Debug)]
pub struct Frame {
    /// What kind of document it is.
    pub kind: &'static str,
    /// What it is of.
    pub title: String,
    /// What stands at the foot of every page: what the hash is of, and the hash in hex.
    pub foot: (&'static str, String),
    /// Whether this is a rehearsal's: every page says so.
    pub rehearsal: bool,
    /// For a projector: large letters, and a page as wide as a screen.
    pub large: bool,
}

impl Frame {
    /// The whole document around its body.
    pub fn around(&self, body: &Markup) -> String {
        let class = if self.large { "large" } else { "sheet" };
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta http-equiv="Content-Security-Policy" content=(POLICY);
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="referrer" content="no-referrer";
                    meta name="generator" content={ "rootwright " (env!("CARGO_PKG_VERSION")) };
                    title { (self.kind) ": " (self.title) }
                    style { (PreEscaped(STYLE)) (PreEscaped(self.margins())) }
                }
                body class=(class) {
                    main {
                        @if self.rehearsal {
                            p.mark { strong { "Rehearsal." } " Throwaway keys: nothing here is to be trusted." }
                        }
                        (body)
                    }
                }
            }
        }
        .into_string()
    }

    /// What stands in the margins of every printed page.
    fn margins(&self) -> String {
        let (what, hash) = &self.foot;
        let mark = if self.rehearsal { "REHEARSAL" } else { "" };
        // A script for paper leaves the size of the sheet to the printer.
        let size = if self.large { "size:297mm 167mm;margin:13mm 16mm 12mm 20mm;" } else { "" };
        format!(
            "@page{{{size}@top-left{{content:{}}}@top-right{{content:{}}}@bottom-left{{content:{}}}@bottom-right{{content:counter(page) \" / \" counter(pages)}}}}",
            quoted(&format!("{}: {}", self.kind, shortened(&self.title, 70))),
            quoted(mark),
            quoted(&format!("{what} {hash}")),
        )
    }
}

fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_string();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// A CSS string. Whatever could end it, or the style around it, is written by its number (CSS Syntax 4.3.7).
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        if c.is_alphanumeric() || " .,:;-_/()…".contains(c) {
            quoted.push(c);
        } else {
            quoted.push_str(&format!("\\{:x} ", u32::from(c)));
        }
    }
    quoted.push('"');
    quoted
}

/// A moment, without letters between its parts; it is in UTC, which the page says once.
pub fn moment(time: Time) -> Markup {
    let text = time.to_string();
    let shown = text.trim_end_matches('Z').replace('T', " ");
    html! { time datetime=(text) { (shown) } }
}

/// A day.
pub fn day(time: Time) -> Markup {
    let day = time.day().to_string();
    html! { time datetime=(day) { (day) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(title: &str) -> Frame {
        Frame {
            kind: "Script",
            title: title.into(),
            foot: ("plan SHA-256", "00ff".into()),
            rehearsal: true,
            large: false,
        }
    }

    #[test]
    fn nothing_of_a_plan_becomes_markup_or_style() {
        let page = frame("</style><script>\"}\\ alert(1)</script>").around(&html! { p { "<b>" } });
        assert!(!page.contains("<script") && !page.contains("<b>"), "{page}");
        assert_eq!(page.matches("</style>").count(), 1);
        assert!(page.contains("&lt;b&gt;"));
        assert_eq!(quoted("a\"b\\c\n<"), "\"a\\22 b\\5c c\\a \\3c \"");
    }

    #[test]
    fn a_page_loads_nothing_and_says_what_it_is() {
        let page = frame("x").around(&html! {});
        for forbidden in ["url(", "@import", "src=", "href=\"http", "<script"] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
        assert!(page.contains("default-src 'none'") && page.contains("REHEARSAL"));
    }
}
