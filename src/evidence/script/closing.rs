//! After the steps: closing down, deviations, sign-offs; and what to do when it stops.

use maud::{Markup, html};

use super::{Script, addressed, cover, steps};
use crate::evidence::page::{fingerprint, markdown};

/// How many characters a SHA-256 has in hex.
const SHA256: usize = 64;

pub(super) fn closing(script: &Script<'_>) -> Markup {
    let asked = &script.plan.ceremony.ask_after;
    let after = [
        (
            "Z1",
            "the last line",
            html! {
                p { "The command ends with the hash of the journal's last line. It stands for the whole archive. Write it down:" }
                p { (fingerprint::boxes(SHA256)) }
            },
        ),
        (
            "Z2",
            "a second opinion",
            html! {
                p { "On a second machine, if there is one:" }
                p { code.command { "rootwright verify ARCHIVE --plan PLAN" } }
                p { "It says that nothing is wrong, and names the same last line." }
            },
        ),
        (
            "Z3",
            "seal",
            html! {
                p {
                        "Each person who has a device or an SSH key seals what happened, or objects with a reason"
                        @if !script.plan.ceremony.seal.is_empty() { "; the plan asks for " (cover::quorum(&script.plan.ceremony.seal)) }
                        ":"
                    }
                p { code.command { "rootwright seal ARCHIVE --site SITE" } }
            },
        ),
        (
            "Z4",
            "copies",
            html! {
                p { "The archive is copied to both media. Each copy is verified." }
                table.form {
                    thead { tr { th.w18 { "Medium" } th.w18 { "Bag" } th { "Custodian" } th { "Place" } th.w15 { "Initials" } } }
                    tbody { @for medium in ["first copy", "second copy"] { tr { th scope="row" { (medium) } td {} td {} td {} td.pair {} } } }
                }
            },
        ),
        (
            "Z5",
            "devices",
            html! {
                p { "Each device is switched off and goes into a new bag. Bag numbers are written on the page of materials." }
            },
        ),
        (
            "Z6",
            "the room",
            html! {
                p { "Camera off at " span.short {} " . Its medium goes into bag " span.short {} " , custodian " span.line {} }
                p { "The machine is switched off; what it was started from goes into bag " span.short {} }
            },
        ),
    ];
    html! {
        section.page {
            h2 { "After the last step" }
            @if !asked.is_empty() {
                article.step {
                    header { span.number { "Z0" } i.box.tick {} h3 { "what is recorded" } }
                    div.what {
                        p.who { (addressed(script.people().leader().as_ref())) "Type what is asked, before the command ends:" }
                        (steps::recorded(asked))
                    }
                    aside.margin { span.field { "time" } span.field { "initials" } span.field { "initials" } }
                }
            }
            @for (number, name, what) in after {
                article.step {
                    header { span.number { (number) } i.box.tick {} h3 { (name) } }
                    div.what { (what) }
                    aside.margin { span.field { "time" } span.field { "initials" } span.field { "initials" } }
                }
            }
        }
        (deviations())
        (sign_off(script))
    }
}

/// The last screen.
pub(super) fn large(_: &Script<'_>) -> Markup {
    html! {
        section.page {
            article.step {
                header { span.number { "Z1" } h3 { "the last line" } }
                div.what { p { "Write down the hash of the journal's last line. It stands for the whole archive." } }
            }
        }
    }
}

fn deviations() -> Markup {
    html! {
        section.page {
            h2 { "Deviations" }
            p { "What went otherwise than this script says, however small. The same words are typed: " code { "deviation" } " at any prompt." }
            @for number in 1..=4 {
                table.form.deviation {
                    tbody {
                        tr { th scope="row" { (number) ". Step" } td {} th scope="row" { "Time" } td {} }
                        tr.tall { th scope="row" { "Expected" } td colspan="3" {} }
                        tr.tall { th scope="row" { "Happened" } td colspan="3" {} }
                        tr.tall { th scope="row" { "Decided" } td colspan="3" {} }
                        tr { th scope="row" { "By whom" } td {} th scope="row" { "Initials" } td {} }
                    }
                }
            }
        }
    }
}

fn sign_off(script: &Script<'_>) -> Markup {
    html! {
        section.page {
            h2 { "Sign-off" }
            p { "I was there from the first step to the last, but for what is written under entries and exits. What this script says happened, and what went otherwise stands under deviations. Or: I do not sign this off, for the reason that I give." }
            table.form {
                thead { tr { th.w15 { "Part" } th.w18 { "Name" } th.w8 { "Signs off" } th { "Refuses, because" } th.w10 { "Time" } th.w22 { "Signature" } } }
                tbody {
                    // Who signs elsewhere has a sheet for it, and was not there.
                    @for (name, _) in script.plan.people.iter().filter(|(name, _)| !script.is_elsewhere(name)) {
                        tr.taller {
                            th scope="row" { (name) }
                            td { (script.site.people.get(name).map(String::as_str).unwrap_or_default()) }
                            td.center { i.box {} }
                            td { i.box {} }
                            td {} td {}
                        }
                    }
                    @for _ in 0..2 { tr.taller { th scope="row" { "other" } td {} td.center { i.box {} } td { i.box {} } td {} td {} } }
                }
            }
            p { "The hash of the journal's last line, from Z1, again:" }
            p { (fingerprint::boxes(SHA256)) }
        }
    }
}

/// The sections of the recovery document, numbered as the steps refer to them.
pub(super) fn recovery(script: &Script<'_>) -> Markup {
    html! {
        section.page.recovery {
            h2 { "What to do when it stops" }
            p { "A message that stops the ceremony ends with the name of one of these sections. Nothing that was recorded is lost, the same command goes on, and nothing is ever mended by hand." }
            @for (at, section) in script.recovery.iter().enumerate() {
                article id=(section.heading) {
                    h3 { "R" (at.saturating_add(1)) " " (section.heading) }
                    (markdown::render(section.text))
                }
            }
        }
    }
}
