//! A sheet for each person who signs elsewhere: what they are given, what they compare, what they type, what
//! they send back. It goes to them by another way than the request does.

use maud::{Markup, html};

use super::steps::seen;
use super::{Script, addressed};
use crate::archive::layout;
use crate::ceremony::elsewhere::DAYS;
use crate::ceremony::people::Person;
use crate::ceremony::signers;
use crate::ceremony::walkthrough::Scene;
use crate::difference::Action;
use crate::evidence::changes::Kind;
use crate::evidence::page::fingerprint;
use crate::plan::Name;
use crate::tuf::Role;
use crate::tuf::request::Ceremony;

/// What stands in `docs/keyholders.md`, too.
const STOP: &str = "A line that you did not expect is a reason to stop";

/// The ceremony, as its requests will name it.
fn ceremony(script: &Script<'_>) -> Ceremony {
    let ceremony = &script.plan.ceremony;
    Ceremony { name: (*ceremony.name).clone(), date: ceremony.date, plan: script.sha256.clone() }
}

/// Where the request to a key will be, in the archive.
fn request(script: &Script<'_>, key: &Name) -> String {
    ceremony(script).folder().map_or_else(|_| format!("{key}.json"), |folder| layout::request(&folder, key))
}

/// What the room knows of whoever is asked: the words in which `run` names them while it waits.
pub(super) fn asked(script: &Script<'_>, key: &Name) -> String {
    signers::asked(script.state, key, request(script, key)).to_string()
}

/// The keys that are asked elsewhere, each with its steps.
fn keys<'a>(script: &Script<'a>) -> Vec<(&'a Name, Vec<&'a Scene>)> {
    let mut keys: Vec<(&Name, Vec<&Scene>)> = Vec::new();
    for scene in script.scenes.iter().filter(|scene| scene.elsewhere) {
        let Some(key) = scene.step.key() else { continue };
        match keys.iter_mut().find(|(known, _)| *known == key) {
            Some((_, scenes)) => scenes.push(scene),
            None => keys.push((key, vec![scene])),
        }
    }
    keys
}

pub(super) fn sheets(script: &Script<'_>) -> Markup {
    html! { @for (key, scenes) in keys(script) { (sheet(script, key, &scenes)) } }
}

fn sheet(script: &Script<'_>, key: &Name, scenes: &[&Scene]) -> Markup {
    let made = script.state.keys.get(key);
    let keyholder = made.and_then(|made| made.keyholder.as_ref()).or_else(|| script.plan.keyholder_of(key));
    let part = keyholder.unwrap_or(key).clone();
    let person = Person { called: script.site.people.get(&part).cloned(), part };
    let leader = script.people().leader();
    let device = scenes.iter().find_map(|scene| scene.device.as_ref());
    let known = made.map(|made| made.public.fingerprint());
    let planned = script.plan.public_keys().find(|(name, ..)| *name == key);
    let public = known.or_else(|| planned.map(|(.., sha256)| sha256.to_string()));
    html! {
        section.page.away id={ "elsewhere-" (key) } {
            h2 { "Signing from elsewhere: " (person) }
            dl.facts {
                dt { "Ceremony" } dd { (ceremony(script)) }
                dt { "You are sent" }
                dd { code { (key) ".json" } ", which the archive keeps as " code { (request(script, key)) } ". It is good for " (DAYS) " days, and no longer than what it asks for." }
                dt { "You sign with" }
                dd {
                    (key)
                    @if let Some(device) = device { ", on " (device) ", serial " (super::materials::serial(script, device)) }
                    "; the key's SHA-256 is" br;
                    @match &public { Some(public) => (fingerprint::inline(public)), None => (fingerprint::boxes(64)) }
                }
                dt { "Whom to ask" }
                dd { (addressed(leader.as_ref())) span.line {} " (by telephone)" }
            }
            (act("1", "what it goes on from", html! {
                p { (published(script)) }
            }))
            (act("2", "the command", html! {
                p.expected { span { "What you expect to change, written down before you look:" } span.line {} }
                p { code.command { "rootwright sign " (key) ".json --site my-site.toml" @if goes_on(script) { " --tuf tuf/" } " --plan plan.toml -o answer.json" } }
                p { "The first line is the ceremony, as it stands above: compare the plan's hash, letter by letter." }
            }))
            @for (at, scene) in scenes.iter().enumerate() {
                article.step {
                    header {
                        span.number { "3" (letter(at)) }
                        i.box.tick {}
                        @if let Some((object, key)) = &scene.signs { h3 { "will sign " (object) " with the key " (key) ":" } }
                    }
                    div.what {
                        (seen(scene))
                        p.type { "Type " strong { @match device { Some(device) => (device), None => "your device's name" } } ", or its serial, to sign" }
                    }
                }
            }
            p { "Each change has its line: " @for kind in Kind::ALL { code { (kind.label()) } " " } "before it. " strong { (STOP) } ": type " code { "pause" } ", and ask. After a wrong PIN, look how many attempts are left. Where the tool refuses, it says why: ask, by telephone. " code { "rootwright man --recovery" } " has more." }
            (act("4", "what you send back", html! {
                p { "The command ends with: Signed with " (key) ": " (signed(scenes)) ", and the SHA-256 that you wrote down." }
                p { "Send " code { "answer.json" } " back, by any way. In the room it is taken with:" }
                p { code.command { (taken("answer.json")) } }
            }))
            table.form {
                tbody {
                    tr { th.w18 scope="row" { "Signed at" } td.w22 {} th.w12 scope="row" { "Signature" } td {} }
                    tr { th scope="row" { "Or not, because" } td colspan="3" {} }
                }
            }
        }
    }
}

/// The documents that whoever signs compares with what clients have.
fn published(script: &Script<'_>) -> Markup {
    let newest = [Role::Root, Role::Targets]
        .into_iter()
        .filter_map(|role| Some(role.file(script.state.newest(role)?.version)));
    let files: Vec<String> = newest.collect();
    html! {
        @if files.is_empty() { "Nothing is published yet: all of it is new." }
        @else {
            "Download what is published, by yourself, into a folder " code { "tuf/" } ": "
            @for (at, file) in files.iter().enumerate() { @if at > 0 { " and " } code { (file) } }
            ". A newer one is there? Then the request is too old."
        }
    }
}

fn goes_on(script: &Script<'_>) -> bool {
    script.state.newest(Role::Root).is_some()
}

/// What the command says that it signed.
fn signed(scenes: &[&Scene]) -> String {
    let each = scenes.iter().filter_map(|scene| {
        let Action::SignMetadata { role, .. } = scene.step.action else { return None };
        Some(format!("{role} version {}", version(scene)?))
    });
    each.collect::<Vec<_>>().join(", ")
}

fn version(scene: &Scene) -> Option<String> {
    let (_, pieces) = scene.facts.iter().find(|(label, _)| *label == "version")?;
    match pieces.as_slice() {
        [crate::ceremony::walkthrough::Piece::Known(version)] => Some(version.clone()),
        _ => None,
    }
}

/// How the ceremony takes an answer.
pub(super) fn taken(answer: &str) -> String {
    format!("rootwright run PLAN --site SITE --archive ARCHIVE --response {answer}")
}

fn letter(at: usize) -> String {
    let letter = u8::try_from(at).ok().and_then(|at| b'a'.checked_add(at));
    letter.map_or_else(String::new, |letter| char::from(letter).to_string())
}

fn act(number: &str, name: &str, what: Markup) -> Markup {
    html! {
        article.step {
            header { span.number { (number) } i.box.tick {} h3 { (name) } }
            div.what { (what) }
        }
    }
}
