//! The steps: who, with which device, what is typed, what must be seen, and where to turn if it is not.

use maud::{Markup, html};

use super::materials::serial;
use super::{Script, addressed, elsewhere, estimate};
use crate::ceremony::walkthrough::{Piece, Scene};
use crate::difference::Action;
use crate::evidence::page::fingerprint;
use crate::plan::{At, Observation};
use crate::site::MachineCheck;

/// How many characters a SHA-256 has in hex.
const SHA256: usize = 64;

/// What comes before the first step: the machine, the plan's hash, the clock, the devices.
pub(super) fn opening(script: &Script<'_>) -> Markup {
    let people = script.people();
    let (leader, witness) = (people.leader(), people.witness());
    let asked = &script.plan.ceremony.ask_before;
    html! {
        section.page {
            h2 { "Before the first step" }
            p.est { "about " (estimate::said(estimate::OPENING)) }
            (act(script, ("A1", "the room"), &[], html! {
                p.who { (addressed(leader.as_ref())) "Everybody is there who signed above, doors are closed, the camera runs." }
                p { "Camera on at " span.short {} " . Telephones and other radios are off or outside." }
            }))
            (act(script, ("A2", "the machine"), &["clock", "disk", "other-tool"], html! {
                p.who { (addressed(leader.as_ref())) "Start the machine. No cable of a network is plugged in." }
                @if !script.plan.ceremony.tool_sha256.is_empty() {
                    p { "The plan names the tool. " code.command { "sha256sum" } " on its file shows:" }
                    @for named in &script.plan.ceremony.tool_sha256 { p { (fingerprint::inline(named.as_str())) } }
                }
                p { "The tool looks at the machine. These must hold:" }
                table.checks {
                    tbody {
                        @for check in checks() {
                            tr {
                                td.tick { i.box {} }
                                th scope="row" { code { (check.id()) } }
                                td {
                                    (check.says())
                                    @if let Some(reason) = script.site.waivers.get(&check) { " " strong { "Waived: " } (**reason) }
                                }
                            }
                        }
                    }
                }
            }))
            (act(script, ("A3", "the plan"), &["plan-and-archive", "other-archive", "not-an-archive"], html! {
                p.who { (addressed(leader.as_ref())) "Type:" }
                p { code.command { "rootwright run PLAN --site SITE --archive ARCHIVE" } }
                p { "Read aloud the plan's SHA-256, and compare it with the printed one:" }
                (fingerprint::words(&script.fingerprint()))
                p { "Type the ceremony's date, " strong { (script.plan.ceremony.date.to_string()) } ", to begin." }
            }))
            (act(script, ("A4", "the clock"), &["clock"], html! {
                p.who { (addressed(witness.as_ref())) "What does a clock on the wall say?" }
                p { "Wall " span.short {} "  machine " span.short {} "  They differ by at most two minutes." }
            }))
            (act(script, ("A5", "the devices"), &["device-missing", "wrong-pin", "pin-locked", "other-device", "module-changed", "device-unable", "label-taken"], html! {
                p.who { (addressed(leader.as_ref())) "Plug in each device when it is asked for. Whoever owns a PIN types it; the others look away." }
                table.checks {
                    tbody {
                        @for device in devices(script) {
                            tr {
                                td.tick { i.box {} }
                                th scope="row" { (device) }
                                td { @if let Some(person) = people.at(device) { (person) } }
                                td { "serial " (serial(script, device)) }
                            }
                        }
                    }
                }
                p { "The table on the screen lists each of them with this serial number, and " strong { (script.scenes.len()) " steps are to be taken" } "." }
            }))
            @if !asked.is_empty() {
                (act(script, ("A6", "what is recorded"), &[], html! {
                    p.who { (addressed(leader.as_ref())) "Type what is asked, before the first step:" }
                    (recorded(asked))
                }))
            }
        }
    }
}

/// What the plan asks people to record, with room for the answers.
pub(super) fn recorded(asked: &[At<Observation>]) -> Markup {
    html! {
        @for what in asked {
            table.form {
                thead { tr { th colspan="2" { strong { (what.title()) } " The plan asks for it." } } }
                tbody {
                    @for question in what.questions() { tr { th.w30 scope="row" { (question) } td {} } }
                    tr { td colspan="2" { "Type " code { (what.as_str()) } " to record another one, or Enter to go on:" } }
                }
            }
        }
    }
}

/// Every check of the machine.
fn checks() -> [MachineCheck; 6] {
    use MachineCheck::{ClockDay, CoreDumps, Disk, Memory, Network, Swap};
    [ClockDay, Network, Swap, CoreDumps, Memory, Disk]
}

/// The devices that the steps need, in the order in which they are needed.
fn devices<'a>(script: &'a Script<'_>) -> Vec<&'a crate::plan::Name> {
    let mut devices = Vec::new();
    let here = script.scenes.iter().filter(|scene| !scene.elsewhere);
    for device in here.filter_map(|scene| scene.device.as_ref()) {
        if !devices.contains(&device) {
            devices.push(device);
        }
    }
    devices
}

/// One thing that is done, with its box, time and initials.
fn act(script: &Script<'_>, (number, name): (&str, &str), sections: &[&'static str], what: Markup) -> Markup {
    html! {
        article.step {
            header { span.number { (number) } i.box.tick {} h3 { (name) } }
            div.what {
                (what)
                (fails(script, sections))
            }
            (margin(""))
        }
    }
}

/// Where to turn.
fn fails(script: &Script<'_>, headings: &[&'static str]) -> Markup {
    html! {
        @if !headings.is_empty() {
            p.fails {
                "If it fails: "
                @for (at, heading) in headings.iter().enumerate() {
                    @if at > 0 { ", " }
                    @match script.turn_to(heading) {
                        Some(number) if script.large => { "R" (number) " " (heading) },
                        Some(number) => a href={ "#" (heading) } { "R" (number) " " (heading) },
                        None => span.unknown { (heading) },
                    }
                }
            }
        }
    }
}

/// The right margin of a step.
fn margin(est: &str) -> Markup {
    html! {
        aside.margin {
            @if !est.is_empty() { span.est { "about " (est) } }
            span.field { "time" }
            span.field { "initials" }
            span.field { "initials" }
        }
    }
}

/// The steps, with breaks where attention ends.
pub(super) fn steps(script: &Script<'_>) -> Markup {
    let all = script.scenes.len();
    html! {
        section.page {
            h2 { "Steps" }
            @for (at, (scene, breaks)) in script.scenes.iter().zip(breaks(script.scenes)).enumerate() {
                @if breaks { (pause()) }
                (step(script, scene, at.saturating_add(1), all))
            }
        }
    }
}

/// Whether there is a break before each step: where attention ends, and another device's turn comes.
fn breaks(scenes: &[Scene]) -> Vec<bool> {
    let (mut since, mut before) = (estimate::OPENING, None);
    let mut breaks = Vec::new();
    for scene in scenes {
        let other = before.is_some() && before != scene.device.as_ref();
        let pause = since >= estimate::ATTENTION && other;
        since = if pause { 0 } else { since };
        since = since.saturating_add(estimate::minutes(scene));
        before = scene.device.as_ref();
        breaks.push(pause);
    }
    breaks
}

fn pause() -> Markup {
    html! {
        article.step.break {
            header { span.number { "–" } i.box.tick {} h3 { "a break, if wanted" } }
            div.what {
                p { "Type " code { "pause" } " at the next question. Write down the journal's last line: "
                    code { "rootwright show ARCHIVE/journal.jsonl" } ". Two people stay with the devices, or the devices go back into their bags. Afterwards the same command goes on, and the same last line stands there." }
                p { (fingerprint::boxes(SHA256)) }
            }
            (margin(""))
        }
    }
}

fn step(script: &Script<'_>, scene: &Scene, number: usize, all: usize) -> Markup {
    html! {
        article.step id={ "step-" (number) } data-step=(scene.step.id) {
            header {
                span.number { (number) span.of { "/" (all) } }
                i.box.tick {}
                h3 { (scene.step.action) }
                code.id { (scene.step.id) }
            }
            div.what {
                @if let (true, Some(key)) = (scene.elsewhere, scene.step.key()) {
                    p.who { (elsewhere::asked(script, key)) }
                } @else if let Some(device) = &scene.device {
                    p.who {
                        @if let Some(person) = &scene.person { (person) ", on " }
                        (device) ", serial " (serial(script, device))
                    }
                }
                @if let (false, Some(device)) = (scene.turn.is_empty(), &scene.device) {
                    ul.turn { @for key in &scene.turn { li { "will " (key) } } }
                    p.type { "Type " strong { (device) } ", or its serial, to make what can't be unmade" }
                }
                @if let Some((object, key)) = &scene.signs {
                    p { "will sign " strong { (object) } " with the key " (key) ":" }
                    (seen(scene))
                    @if scene.elsewhere {
                        p { "When the answer is there:" }
                        p { code.command { (elsewhere::taken("ANSWER")) } }
                    } @else if let Some(device) = &scene.device {
                        p.type { "Type " strong { (device) } ", or its serial, to sign" }
                    }
                }
                @if let Some(what) = &scene.made {
                    p { "Read aloud the SHA-256 of " (what) ":" }
                    p { (fingerprint::boxes(SHA256)) }
                }
                @if let (Some(reader), Some(what)) = (&scene.reader, &scene.made) {
                    p.who { "Everybody writes down its words, as they are heard." }
                    (fingerprint::blank_words())
                    p.type { (addressed(reader.as_ref())) "Type back words of the fingerprint of " strong { (what) } ", as you wrote them down." }
                }
                (fails(script, sections(&scene.step.action)))
            }
            (margin(&estimate::said(estimate::minutes(scene))))
        }
    }
}

/// What a document says, and what nobody can know of it before.
pub(super) fn seen(scene: &Scene) -> Markup {
    html! {
        dl.seen {
            @for (label, pieces) in &scene.facts {
                @let whole = is_long(pieces);
                dt.whole[whole] { (label) }
                dd.whole[whole] { @for piece in pieces { (shown(piece)) " " } }
            }
        }
    }
}

/// Whether a value wants a line of its own.
fn is_long(pieces: &[Piece]) -> bool {
    let length = |piece: &Piece| match piece {
        Piece::Known(text) => text.chars().count(),
        Piece::Blank(count) => count.saturating_mul(2),
    };
    pieces.iter().map(length).sum::<usize>() > 40
}

fn shown(piece: &Piece) -> Markup {
    match piece {
        // Whatever is hex from one end to the other is easier compared in groups.
        Piece::Known(text) if text.len() == SHA256 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            fingerprint::inline(text)
        }
        Piece::Known(text) => html! { (text) },
        Piece::Blank(count) => fingerprint::boxes(*count),
    }
}

/// The sections of the recovery document that a step may need.
pub(super) fn sections(action: &Action) -> &'static [&'static str] {
    match action {
        Action::GenerateKey { .. } => &[
            "device-missing",
            "wrong-pin",
            "pin-locked",
            "device-failed",
            "device-unable",
            "label-taken",
            "key-missing",
        ],
        Action::BackUp { .. } => &[
            "device-missing",
            "wrong-pin",
            "pin-locked",
            "device-failed",
            "device-unable",
            "label-taken",
            "other-key",
        ],
        Action::ImportKey { .. } => &["other-key", "step-missing"],
        Action::Issue { .. } | Action::IssueCrl { .. } | Action::SignCsr { .. } => &[
            "device-missing",
            "wrong-pin",
            "device-failed",
            "key-missing",
            "other-key",
            "other-bytes",
            "step-missing",
        ],
        Action::SignMetadata { .. } => &[
            "device-missing",
            "wrong-pin",
            "pin-locked",
            "device-failed",
            "other-device",
            "key-missing",
            "keyholders-missing",
            "response-refused",
        ],
        Action::AssembleTrustRoot | Action::TakeTarget { .. } | Action::Publish { .. } => {
            &["disk", "archive-busy", "archive-changed", "step-missing"]
        }
    }
}
