//! The report without what the plan calls private: names, serial numbers, places. In the place of each
//! value stands a mark; the seals have its salted hash, so that the public copy still goes with what people
//! signed, and any single value can be shown later, with its salt.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::facts::Facts;
use crate::archive::{Event, Record};
use crate::evidence::page::fingerprint;
use crate::pki::dsse::Envelope;
use crate::plan::{Plan, Private, Source};

/// A value that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// What stands in its place, such as `kept-3`.
    pub mark: String,
    /// What it is.
    pub kind: Private,
    /// The value.
    value: String,
    /// The seals that cover it: the seal's number, and the salted hash in its statement.
    pub salted: Vec<(u64, String)>,
}

/// Every value of the journal that one of its plans calls private, each once.
pub fn kept(records: &[Record]) -> Vec<Kept> {
    let mut kinds = BTreeSet::new();
    let mut values: Vec<(Private, &str)> = Vec::new();
    for Record { event, .. } in records {
        match event {
            Event::CeremonyStarted { text, people, .. } => {
                // A plan that was run could be read then.
                let plan = Plan::parse(&Source::new("a plan of the archive", text.as_str())).ok();
                kinds.extend(plan.iter().flat_map(|plan| plan.ceremony.private.iter().map(|kind| **kind)));
                values.extend(people.values().map(|called| (Private::Names, called.as_str())));
            }
            Event::DeviationRecorded { by, .. } => values.push((Private::Names, by)),
            Event::RefusalRecorded { person, .. } => values.push((Private::Names, person)),
            Event::ObservationRecorded { said, .. } => {
                let said =
                    said.iter().filter_map(|(question, answer)| Some((of(question)?, answer.as_str())));
                values.extend(said);
            }
            Event::DeviceOpened { claims, .. } => values.push((Private::Serials, &claims.serial)),
            Event::KeyMade { key, .. } => {
                values.extend(
                    key.device_claims.iter().map(|claims| (Private::Serials, claims.serial.as_str())),
                );
            }
            Event::CopyMade { copy, .. } => values.push((Private::Serials, &copy.device_claims.serial)),
            _ => {}
        }
    }
    let mut kept: Vec<Kept> = Vec::new();
    for (kind, value) in values {
        let known = kept.iter().any(|kept| kept.value == value);
        if kinds.contains(&kind) && !known && !value.trim().is_empty() {
            let mark = format!("kept-{}", kept.len().saturating_add(1));
            kept.push(Kept { mark, kind, value: value.to_string(), salted: salted(records, value) });
        }
    }
    kept
}

/// What an answer is, as the seal takes it.
fn of(question: &str) -> Option<Private> {
    match question.split(' ').next() {
        Some("Where") => Some(Private::Places),
        Some("Who" | "Who?") => Some(Private::Names),
        _ => (question == "By whom?").then_some(Private::Names),
    }
}

/// The salted hashes of a value in the seals.
fn salted(records: &[Record], value: &str) -> Vec<(u64, String)> {
    let seals = records.iter().filter_map(|record| match &record.event {
        Event::SealStarted { seal, openings, .. } => Some((*seal, openings)),
        _ => None,
    });
    let mut salted = Vec::new();
    for (seal, openings) in seals {
        for opening in openings.iter().filter(|opening| opening.value == value) {
            salted.push((seal, opening.hash()));
        }
    }
    salted
}

/// A page in which each kept value is its mark. Only texts are changed; a value that stands within another
/// word stays part of that word, since it says nothing there.
pub fn veiled(page: &str, kept: &[Kept]) -> String {
    // Longer ones first: a name may be part of another.
    let mut kept: Vec<(String, &str)> =
        kept.iter().map(|kept| (html! { (kept.value) }.into_string(), kept.mark.as_str())).collect();
    kept.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
    let Some((head, body)) = page.split_once("</head>") else { return String::new() };
    let mut veiled = format!("{head}</head>");
    for (at, part) in body.split('<').enumerate() {
        let (tag, text) = match part.split_once('>') {
            Some((tag, text)) if at > 0 => (format!("<{tag}>"), text),
            _ => (String::new(), part),
        };
        veiled.push_str(&tag);
        veiled.push_str(
            &kept.iter().fold(text.to_string(), |text, (value, mark)| replaced(&text, value, mark)),
        );
    }
    veiled
}

/// A text with a mark for each whole word, or words, of a value.
fn replaced(text: &str, value: &str, mark: &str) -> String {
    if !text.contains(value) {
        return text.to_string();
    }
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once(value) {
        let joined = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let own = !joined(before.chars().last()) && !joined(after.chars().next());
        out.push_str(before);
        out.push_str(if own { mark } else { value });
        rest = after;
    }
    out.push_str(rest);
    out
}

/// What is kept, and how the seals cover it; and the seals themselves.
pub(super) fn section(facts: &Facts<'_>, kept: &[Kept]) -> Markup {
    html! {
        section.page {
            h2 id="public" { "What this copy keeps" }
            p { "The plan calls " (kinds(kept)) " private. In the place of each value stands a mark. Each seal has the SHA-256 of a salt and the value: whoever is shown both can see that this value, and no other, was sealed. What the journal's lines say is not in this copy." }
            @if !kept.is_empty() {
                table.dense {
                    thead { tr { th.w12 { "Mark" } th.w20 { "Is" } th { "In the seals as" } } }
                    tbody {
                        @for kept in kept {
                            tr {
                                th scope="row" { (kept.mark) }
                                td { (kind(kept.kind)) }
                                td {
                                    @for (seal, hash) in &kept.salted { "seal " (seal) " " (fingerprint::inline(hash)) }
                                    @if kept.salted.is_empty() { span.soft { "no seal has it yet" } }
                                }
                            }
                        }
                    }
                }
            }
            @for seal in &facts.state.seals {
                h3 { "Seal " (seal.number) ", as a verifier takes it" }
                @let payload = seal.statement.as_bytes().to_vec();
                @let file = Envelope { payload, signatures: seal.signatures.clone() }.file();
                details { summary { "The envelope" } pre.envelope tabindex="0" aria-label={ "Seal " (seal.number) } { (String::from_utf8_lossy(&file)) } }
            }
        }
    }
}

fn kind(kind: Private) -> &'static str {
    match kind {
        Private::Names => "a name",
        Private::Serials => "a serial number",
        Private::Places => "a place",
    }
}

fn kinds(kept: &[Kept]) -> String {
    let kinds: BTreeSet<&str> = kept
        .iter()
        .map(|kept| match kept.kind {
            Private::Names => "names",
            Private::Serials => "serial numbers",
            Private::Places => "places",
        })
        .collect();
    if kinds.is_empty() { "nothing".into() } else { kinds.into_iter().collect::<Vec<_>>().join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(mark: &str, value: &str) -> Kept {
        Kept { mark: mark.into(), kind: Private::Names, value: value.into(), salted: Vec::new() }
    }

    #[test]
    fn values_are_marks_in_texts_and_nowhere_else() {
        let all = [kept("kept-1", "Ada"), kept("kept-2", "Ada & Co"), kept("kept-3", "p")];
        let page = "<head><style>p{}</style></head><p class=\"p\">Ada, Adamant, Ada &amp; Co, x-Ada</p> p";
        let expected =
            "<head><style>p{}</style></head><p class=\"p\">kept-1, Adamant, kept-2, x-kept-1</p> kept-3";
        assert_eq!(veiled(page, &all), expected);
    }
}
