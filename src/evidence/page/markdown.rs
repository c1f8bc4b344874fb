//! The project's own Markdown documents, as HTML.

use maud::{Markup, PreEscaped};
use pulldown_cmark::{CowStr, Event, HeadingLevel, Parser, Tag, TagEnd, html};

/// A text as HTML. Raw HTML in it is shown as text; links become their words, since paper has none.
pub fn render(text: &str) -> Markup {
    let events = Parser::new(text).filter_map(|event| match event {
        Event::Html(html) | Event::InlineHtml(html) => Some(Event::Text(html)),
        Event::Start(Tag::Link { .. } | Tag::Image { .. }) | Event::End(TagEnd::Link | TagEnd::Image) => None,
        // The document around it has the headings above.
        Event::Start(Tag::Heading { id, classes, attrs, .. }) => {
            Some(Event::Start(Tag::Heading { level: HeadingLevel::H4, id, classes, attrs }))
        }
        Event::End(TagEnd::Heading(_)) => Some(Event::End(TagEnd::Heading(HeadingLevel::H4))),
        Event::SoftBreak => Some(Event::Text(CowStr::Borrowed(" "))),
        event => Some(event),
    });
    let mut out = String::new();
    html::push_html(&mut out, events);
    PreEscaped(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_is_html_without_links_and_raw_html() {
        let html = render("# A\n\n*b* [c](http://x) <script>d</script>\n\n1. e\n").into_string();
        for wanted in ["<h4>A</h4>", "<em>b</em> c", "&lt;script&gt;", "<li>e</li>"] {
            assert!(html.contains(wanted), "{wanted}: {html}");
        }
        assert!(!html.contains("href"));
    }
}
