//! The report without what the plan calls private: names, serial numbers, places. In the place of each
//! value stands a mark; the seals have its salted hash, so that the public copy still goes with what people
//! signed, and any single value can be shown later, with its salt.
//!
//! What people typed freely may say anything. Where the plan calls anything private, such a text is left out
//! whole, and sealed in the same way. In all that is left, names and serial numbers are looked for in every
//! spelling that [`spelling`] knows.

mod kept;
pub mod spelling;
pub mod veil;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use maud::{Markup, html};
use serde_json::Value;

use super::Report;
use super::facts::Facts;
use crate::archive::State;
use crate::evidence::page::fingerprint;
use crate::pki::dsse::Envelope;
use crate::pki::sha256_hex;
use crate::plan::Private;
use crate::verify;

pub use kept::{Kept, What, kept};
use veil::Veil;

/// How much a public copy leaves out.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct LeftOut {
    /// Names of people.
    pub names: usize,
    /// Serial numbers of devices.
    pub serials: usize,
    /// Places.
    pub places: usize,
    /// Texts that people typed.
    pub texts: usize,
    /// Seals whose envelope is left out, since what people signed says something private.
    pub envelopes: Vec<u64>,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { names, serials, places, texts, envelopes } = self;
        if names + serials + places + texts == 0 {
            return f
                .write_str("Nothing is left out but the journal's lines: the plans call nothing private.");
        }
        write!(
            f,
            "Left out, each with a mark in its place: {names} names, {serials} serial numbers, {places} places, {texts} texts that people typed."
        )?;
        for seal in envelopes {
            write!(
                f,
                "\nThe envelope of seal {seal} is left out, too: what people signed names something private. Its SHA-256 stands there."
            )?;
        }
        f.write_str("\nRead it before it leaves the house: what nobody recorded as a name, serial number or place is not looked for.")
    }
}

/// What a public copy leaves out, and how it is found.
#[derive(Clone, Debug)]
pub struct Copy {
    /// The values.
    pub kept: Vec<Kept>,
    veil: Veil,
    envelopes: Vec<u64>,
}

impl Copy {
    /// What is left out of a report.
    pub fn of(report: &Report<'_>) -> Self {
        let kept = kept(report.records);
        let veil = Veil::over(&kept, &own_words(report));
        let seals = report.state.seals.iter();
        let telling = seals.filter(|seal| veil.finds(&seal.statement) || tells(&seal.statement, &kept));
        let envelopes = telling.map(|seal| seal.number).collect();
        Self { kept, veil, envelopes }
    }

    /// What stands in a text's place: a mark where the whole of it is kept, and else the text with marks.
    pub fn text(&self, text: &str) -> String {
        let whole = self.kept.iter().find(|kept| kept.value == text);
        whole.map_or_else(|| self.marked(text), |kept| kept.mark.clone())
    }

    /// A text of the plan's with marks.
    pub fn marked(&self, text: &str) -> String {
        self.veil.text(text)
    }

    /// A page with marks.
    pub fn page(&self, page: &str) -> String {
        self.veil.page(page)
    }

    /// How much it is.
    pub fn left_out(&self) -> LeftOut {
        let count = |what: What| self.kept.iter().filter(|kept| kept.what == what).count();
        LeftOut {
            names: count(What::Value(Private::Names)),
            serials: count(What::Value(Private::Serials)),
            places: count(What::Value(Private::Places)),
            texts: count(What::Typed),
            envelopes: self.envelopes.clone(),
        }
    }
}

/// A report of nothing: the words that the tool says by itself.
fn own_words(report: &Report<'_>) -> String {
    let verified = verify::Report {
        archive: String::new(),
        purpose: None,
        at: report.verified.at,
        head: None,
        notes: Vec::new(),
        checks: Vec::new(),
        ok: true,
    };
    let state = State::default();
    let nothing = Report {
        records: &[],
        head: String::new(),
        state: &state,
        plan: None,
        verified: &verified,
        public: false,
    };
    nothing.render()
}

/// Whether a seal says what somebody typed: one of a time when it did not keep that.
fn tells(statement: &str, kept: &[Kept]) -> bool {
    let typed: BTreeSet<&str> =
        kept.iter().filter(|kept| kept.what == What::Typed).map(|kept| kept.value.as_str()).collect();
    let Ok(read) = serde_json::from_str::<BTreeMap<String, Value>>(statement) else { return true };
    let predicate = read.get("predicate").cloned().unwrap_or_default();
    let checks = predicate.get("checks").cloned().unwrap_or_default();
    let places = [
        predicate.get("deviations"),
        predicate.get("refusals"),
        predicate.get("observations"),
        checks.get("machine"),
        checks.get("waivers"),
    ];
    places.into_iter().flatten().any(|value| has_text(value, &typed))
}

fn has_text(value: &Value, texts: &BTreeSet<&str>) -> bool {
    match value {
        Value::String(text) => texts.contains(text.as_str()),
        Value::Array(all) => all.iter().any(|value| has_text(value, texts)),
        Value::Object(all) => all.values().any(|value| has_text(value, texts)),
        _ => false,
    }
}

/// What is kept, and how the seals cover it; and the seals themselves.
pub(super) fn section(facts: &Facts<'_>, copy: &Copy) -> Markup {
    let kept = &copy.kept;
    html! {
        section.page {
            h2 id="public" { "What this copy keeps" }
            p { "The plan calls " (kinds(kept)) " private. In the place of each value stands a mark. Each seal has the SHA-256 of a salt and the value: whoever is shown both can see that this value, and no other, was sealed. What people typed is left out whole, since it may say anything; names and serial numbers are left out in other spellings, too. What the journal's lines say is not in this copy." }
            @if !kept.is_empty() {
                table.dense {
                    thead { tr { th.w12 { "Mark" } th.w30 { "Is" } th { "In the seals as" } } }
                    tbody {
                        @for kept in kept {
                            tr {
                                th scope="row" { (kept.mark) }
                                td { (kept.what.words()) }
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
                @if copy.envelopes.contains(&seal.number) {
                    h3 { "Seal " (seal.number) }
                    p { "Its envelope is not in this copy: what people signed names something that is private. SHA-256 of the statement: " (fingerprint::inline(&sha256_hex(seal.statement.as_bytes()))) }
                } @else {
                    h3 { "Seal " (seal.number) ", as a verifier takes it" }
                    @let payload = seal.statement.as_bytes().to_vec();
                    @let file = Envelope { payload, signatures: seal.signatures.clone() }.file();
                    details { summary { "The envelope" } pre.envelope tabindex="0" aria-label={ "Seal " (seal.number) } { (String::from_utf8_lossy(&file)) } }
                }
            }
        }
    }
}

/// The kinds that are kept.
fn kinds(kept: &[Kept]) -> String {
    let kinds: BTreeSet<&str> = kept
        .iter()
        .filter_map(|kept| match kept.what {
            What::Value(Private::Names) => Some("names"),
            What::Value(Private::Serials) => Some("serial numbers"),
            What::Value(Private::Places) => Some("places"),
            What::Typed => None,
        })
        .collect();
    if kinds.is_empty() { "nothing".into() } else { kinds.into_iter().collect::<Vec<_>>().join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(value: &str) -> Kept {
        Kept { mark: "kept-1".into(), what: What::Typed, value: value.into(), salted: Vec::new() }
    }

    #[test]
    fn a_seal_that_says_what_people_typed_is_known() {
        let statement = |deviation: &str| {
            format!(
                "{{\"predicate\":{{\"deviations\":[{{\"happened\":{deviation}}}],\"devices\":[{{\"device\":\"root-hsm\"}}]}}}}"
            )
        };
        let kept = [typed("one came"), typed("root-hsm")];
        assert!(tells(&statement("\"one came\""), &kept));
        assert!(!tells(&statement("{\"salted-sha256\":\"00\"}"), &kept), "a device's name is nobody's words");
        assert!(tells("no JSON", &kept), "what can't be read is not shown");
    }

    #[test]
    fn how_much_is_left_out_is_said() {
        let left_out = LeftOut { names: 2, texts: 3, envelopes: vec![1], ..LeftOut::default() };
        let said = left_out.to_string();
        for words in ["2 names", "0 serial numbers", "3 texts", "envelope of seal 1"] {
            assert!(said.contains(words), "{words}: {said}");
        }
        assert!(LeftOut::default().to_string().contains("nothing private"));
    }
}
