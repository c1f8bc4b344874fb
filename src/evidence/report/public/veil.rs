//! A page, or any text, with a mark in the place of each kept value, in whatever spelling.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use super::spelling::{Spelling, folded, words};
use super::{Kept, What};

/// Words that tables and checks of the tool have where there is something to show: as a name, they are looked
/// for only beside its other words.
const OWN: &str = "
    administrator approved archive attestation authority bag canary certificate chain check clock code copy
    device disk document event file generate hash holds host intermediate issue journal key keyholder
    keyholders label length level library line list log mark may memory metadata module network note object
    online operator page part path person place plan planned policy profile public publish reason revoked
    role root rule seal serial signature signed signer snapshot statement step subject swap targets time
    timestamp tool transparency trust usage valid version wall will window witness
";

/// Attributes that say something; the others are the page's own.
const SAYING: &[&str] = &["id", "href", "title", "aria-label", "alt", "content", "name", "value", "for"];

/// What is looked for, and the marks.
#[derive(Clone, Debug)]
pub struct Veil {
    sought: Vec<(String, Spelling)>,
    own: BTreeSet<String>,
}

impl Veil {
    /// A veil over these values. `own` is a page of the tool's own words.
    pub fn over(kept: &[Kept], own: &str) -> Self {
        let mut vocabulary: BTreeSet<String> = OWN.split_whitespace().map(str::to_string).collect();
        vocabulary.extend(texts(own).flat_map(|text| words_of(&text)));
        let all: String = (0..=u8::MAX).map(|byte| format!("{byte:02x}{byte:02x}")).collect();
        let pgp = crate::ceremony::console::Fingerprint::from_hex(&all);
        vocabulary.extend(pgp.words().iter().map(|word| folded(word)));
        // Longer values first: a name may be part of another.
        let mut kept: Vec<&Kept> = kept.iter().collect();
        kept.sort_by_key(|kept| std::cmp::Reverse(kept.value.len()));
        let each = kept.into_iter().flat_map(|kept| {
            let spellings = match kept.what {
                What::Value(kind) => Spelling::of(kind, &kept.value, &vocabulary),
                // What people typed is left out where it would stand; its words are anybody's.
                What::Typed => Vec::new(),
            };
            spellings.into_iter().map(|spelling| (kept.mark.clone(), spelling))
        });
        Self { sought: each.collect(), own: vocabulary }
    }

    /// Whether a text says something that is kept.
    pub fn finds(&self, text: &str) -> bool {
        let words = words(text);
        self.sought.iter().any(|(_, spelling)| !spelling.found(&words, &self.own).is_empty())
    }

    /// A text with marks.
    pub fn text(&self, text: &str) -> String {
        let words = words(text);
        let mut marks: Vec<Option<(usize, &str)>> = vec![None; words.len()];
        let each = self.sought.iter().enumerate();
        let mut found: Vec<(usize, Range<usize>, &str)> = each
            .flat_map(|(at, (mark, spelling))| {
                spelling.found(&words, &self.own).into_iter().map(move |range| (at, range, mark.as_str()))
            })
            .collect();
        // The longest first; of equal ones that of the shorter value, which is more of it.
        found.sort_by_key(|(at, range, _)| (std::cmp::Reverse(range.len()), std::cmp::Reverse(*at)));
        for (run, (_, range, mark)) in found.into_iter().enumerate() {
            let places = marks.get_mut(range).into_iter().flatten();
            places.filter(|place| place.is_none()).for_each(|place| *place = Some((run, mark)));
        }
        let (mut out, mut end, mut before) = (String::new(), 0, None);
        for (word, mark) in words.iter().zip(marks) {
            let Range { start, end: after } = word.at;
            match mark {
                // One mark for all words of one find.
                Some(run) if before == Some(run) => {}
                Some((_, mark)) => {
                    out.push_str(text.get(end..start).unwrap_or_default());
                    out.push_str(mark);
                }
                None => out.push_str(text.get(end..after).unwrap_or_default()),
            }
            (end, before) = (after, mark);
        }
        out.push_str(text.get(end..).unwrap_or_default());
        out
    }

    /// An HTML page with marks in its texts and in attributes that say something; envelopes stay as they are.
    pub fn page(&self, page: &str) -> String {
        if self.sought.is_empty() {
            return page.to_string();
        }
        let Some((head, body)) = page.split_once("</head>") else { return String::new() };
        let mut veiled = format!("{head}</head>");
        // Most texts of a report stand in it many times.
        let mut known: HashMap<String, String> = HashMap::new();
        let mut marked = |text: &str| match known.get(text) {
            Some(marked) => marked.clone(),
            None => {
                let marked = escaped(&self.text(&plain(text)));
                known.insert(text.to_string(), marked.clone());
                marked
            }
        };
        for (at, part) in body.split('<').enumerate() {
            match part.split_once('>') {
                Some((tag, text)) if at > 0 => {
                    veiled.push('<');
                    veiled.push_str(&tagged(tag, &mut marked));
                    veiled.push('>');
                    let whole = tag.starts_with("pre class=\"envelope\"");
                    veiled.push_str(&if whole { text.to_string() } else { marked(text) });
                }
                _ => veiled.push_str(&marked(part)),
            }
        }
        veiled
    }
}

/// A tag in which attributes that say something are marked.
fn tagged(tag: &str, marked: &mut impl FnMut(&str) -> String) -> String {
    let mut veiled = String::new();
    let mut rest = tag;
    while let Some((before, after)) = rest.split_once("=\"") {
        let Some((value, after)) = after.split_once('"') else { break };
        let name = before.rsplit(' ').next().unwrap_or_default();
        let says = SAYING.contains(&name) || name.starts_with("data-");
        let value = if says { marked(value) } else { value.to_string() };
        veiled.push_str(&format!("{before}=\"{value}\""));
        rest = after;
    }
    veiled.push_str(rest);
    veiled
}

/// The texts of a page's body.
fn texts(page: &str) -> impl Iterator<Item = String> {
    let body = page.split_once("</head>").map_or(page, |(_, body)| body);
    body.split('<').map(|part| plain(part.split_once('>').map_or(part, |(_, text)| text)))
}

fn words_of(text: &str) -> Vec<String> {
    words(text).iter().map(|word| folded(text.get(word.at.clone()).unwrap_or_default())).collect()
}

/// What maud escaped.
fn plain(html: &str) -> String {
    html.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Private;

    fn kept(mark: &str, value: &str) -> Kept {
        Kept { mark: mark.into(), what: What::Value(Private::Names), value: value.into(), salted: Vec::new() }
    }

    #[test]
    fn values_are_marks_in_texts_and_in_attributes_that_say_something() {
        let all = [kept("kept-1", "Ada"), kept("kept-2", "Ada & Co"), kept("kept-3", "Span Class")];
        let page = "<head><style>p{}</style></head><p class=\"ada\" id=\"key-ada\" title=\"ADA &amp; Co\"><a href=\"#key-ada\">Ada, Adamant, Ada &amp; Co, x-Ada</a></p> <span>span</span>";
        let expected = "<head><style>p{}</style></head><p class=\"ada\" id=\"key-kept-1\" title=\"kept-2\"><a href=\"#key-kept-1\">kept-1, Adamant, kept-2, x-kept-1</a></p> <span>kept-3</span>";
        assert_eq!(Veil::over(&all, "").page(page), expected);
    }

    #[test]
    fn any_text_comes_through() {
        let all = [kept("kept-1", "Ada İğneli-Ⅷ"), kept("kept-2", "ǅ ﬀ"), kept("kept-3", "\u{301}")];
        let veil = Veil::over(&all, "");
        for text in [
            "",
            "\u{0}",
            "İ",
            "a\u{301}\u{301}",
            "🤦🏽‍♂️ ada",
            "ﬀ",
            "x\u{202e}y",
            "&amp",
            "<",
            ">",
            "=\"",
            "ada\u{301}",
        ] {
            let veiled = veil.text(text);
            assert!(!veiled.to_lowercase().contains("ada"), "{veiled}");
            let [html, marked] = [escaped(text), escaped(&veiled)];
            let page = format!("<head></head><p id=\"{html}\">{html}</p>");
            assert_eq!(veil.page(&page), format!("<head></head><p id=\"{marked}\">{marked}</p>"), "{text}");
        }
        assert_eq!(veil.page("no head"), "", "what is no page of ours is not shown");
    }

    #[test]
    fn an_envelope_and_words_of_the_tool_stay() {
        let all = [kept("kept-1", "Ada Own")];
        let veil = Veil::over(&all, "<head></head><p>its own words</p>");
        let page = "<head></head><pre class=\"envelope\" tabindex=\"0\">b+ada/own=</pre><p>its own words; Own, Ada &lt;b&gt;</p>";
        let expected = "<head></head><pre class=\"envelope\" tabindex=\"0\">b+ada/own=</pre><p>its own words; kept-1 &lt;b&gt;</p>";
        assert_eq!(veil.page(page), expected);
        assert!(veil.finds("for ada") && !veil.finds("its own"));
    }
}
