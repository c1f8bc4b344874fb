//! The certificates as a picture: who issued whom, and where each key lives.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::facts::Facts;
use crate::evidence::page::day;
use crate::plan::Name;

const BOX: (i64, i64) = (224, 62);
const GAP: (i64, i64) = (30, 12);

/// A certificate's place.
struct Node<'a> {
    name: &'a Name,
    depth: i64,
    y: i64,
    parent: Option<&'a Name>,
}

pub(super) fn hierarchy(facts: &Facts<'_>) -> Markup {
    let nodes = layout(facts);
    let depth = nodes.iter().map(|node| node.depth).max().unwrap_or(0);
    let (width, height) = (
        (depth + 1) * (BOX.0 + GAP.0) - GAP.0 + 2,
        nodes.iter().map(|node| node.y + BOX.1).max().unwrap_or(0) + 2,
    );
    let places: BTreeMap<&Name, (i64, i64)> =
        nodes.iter().map(|node| (node.name, (node.depth * (BOX.0 + GAP.0) + 1, node.y + 1))).collect();
    html! {
        section.page {
            h2 { "The hierarchy" }
            p { "Each certificate with its profile, its last day, and the device that holds its key. A dashed frame: revoked, or no longer valid." }
            @if !nodes.is_empty() {
                figure.scroll tabindex="0" role="region" aria-label="Picture of the hierarchy" {
                    svg.tree xmlns="http://www.w3.org/2000/svg" viewBox={ "0 0 " (width) " " (height) } style={ "max-width:" (width) "px" } role="img"
                        aria-label={ "Certificates: " (nodes.iter().map(|node| words(facts, node)).collect::<Vec<_>>().join("; ")) } {
                        @for node in &nodes {
                            @if let (Some(to), Some(from)) = (places.get(node.name), node.parent.and_then(|parent| places.get(parent))) {
                                path.edge d=(edge(*from, *to)) {}
                            }
                        }
                        @for node in &nodes {
                            @if let Some((x, y)) = places.get(node.name) { (card(facts, node, *x, *y)) }
                        }
                    }
                }
            }
            (logs(facts))
        }
    }
}

fn words(facts: &Facts<'_>, node: &Node<'_>) -> String {
    let issuer = node.parent.map_or("itself".into(), Name::to_string);
    format!(
        "{} issued by {issuer}, key on {}",
        node.name,
        device(facts, node.name).unwrap_or("another place")
    )
}

/// From the right side of one box to the left side of another.
fn edge(from: (i64, i64), to: (i64, i64)) -> String {
    let (x, y) = (from.0 + BOX.0, from.1 + BOX.1 / 2);
    let (end, level) = (to.0, to.1 + BOX.1 / 2);
    format!("M{x} {y}H{}V{level}H{end}", x + GAP.0 / 2)
}

fn card(facts: &Facts<'_>, node: &Node<'_>, x: i64, y: i64) -> Markup {
    let made = facts.state.certificates.get(node.name);
    let planned = facts.plan.and_then(|plan| plan.certificates.get(node.name));
    let ended = planned.is_some_and(|planned| planned.validity.to < facts.at());
    let revoked = revoked(facts, node.name);
    let subject =
        made.map(|made| common_name(&made.certificate.tbs().subject().to_string())).unwrap_or_default();
    let place = device(facts, node.name).unwrap_or("elsewhere").to_string();
    html! {
        g.card.gone[ended || revoked] transform={ "translate(" (x) " " (y) ")" } {
            rect width=(BOX.0) height=(BOX.1) rx="2" {}
            text.name x="9" y="16" { (node.name) }
            text x="9" y="29" { (cut(&subject, 35)) }
            @if let Some(planned) = planned {
                text x="9" y="42" { (planned.profile.as_str()) ", to " (planned.validity.to.day()) @if revoked { ", revoked" } }
                text.soft x="9" y="55" { (cut(&format!("{} on {place}", planned.key.as_str()), 35)) }
            }
        }
    }
}

fn revoked(facts: &Facts<'_>, name: &Name) -> bool {
    let crls = facts.plan.map(|plan| plan.crls.values()).into_iter().flatten();
    crls.flat_map(|crl| &crl.revoked).any(|entry| *entry.certificate == *name)
}

fn device<'a>(facts: &Facts<'a>, certificate: &Name) -> Option<&'a str> {
    let planned = facts.plan?.certificates.get(certificate)?;
    facts.state.keys.get(&*planned.key)?.device.as_ref().map(Name::as_str)
}

fn common_name(subject: &str) -> String {
    let part = subject.split(',').find_map(|part| part.trim().strip_prefix("CN="));
    part.unwrap_or(subject).to_string()
}

fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_string();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// Issuers to the left of what they issued, each in the middle of its own.
fn layout<'a>(facts: &Facts<'a>) -> Vec<Node<'a>> {
    let mut below: BTreeMap<Option<&Name>, Vec<&Name>> = BTreeMap::new();
    let all = &facts.state.certificates;
    for (name, made) in all {
        // What was issued by something that is not there stands on its own.
        let issuer = made.issuer.as_ref().filter(|issuer| all.contains_key(*issuer) && *issuer != name);
        below.entry(issuer).or_default().push(name);
    }
    let (mut nodes, mut next) = (Vec::new(), 0);
    for root in below.get(&None).into_iter().flatten() {
        place(&below, root, None, 0, &mut next, &mut nodes);
    }
    nodes
}

fn place<'a>(
    below: &BTreeMap<Option<&'a Name>, Vec<&'a Name>>,
    name: &'a Name,
    parent: Option<&'a Name>,
    depth: i64,
    next: &mut i64,
    nodes: &mut Vec<Node<'a>>,
) {
    let own = below.get(&Some(name)).map(Vec::as_slice).unwrap_or_default();
    let first = *next;
    for child in own {
        place(below, child, Some(name), depth + 1, next, nodes);
    }
    if own.is_empty() {
        *next += BOX.1 + GAP.1;
    }
    let y = (first + *next - BOX.1 - GAP.1) / 2;
    nodes.push(Node { name, depth, y, parent });
}

/// Keys that clients trust without a certificate, and those that say what clients trust.
fn logs(facts: &Facts<'_>) -> Markup {
    let Some(plan) = facts.plan else { return html! {} };
    let device = |key: &Name| {
        facts
            .state
            .keys
            .get(key)
            .and_then(|key| key.device.as_ref())
            .map_or("elsewhere", Name::as_str)
            .to_string()
    };
    html! {
        @if let Some(root) = &plan.trust_root {
            h3 { "Keys that clients trust without a certificate" }
            table.dense {
                thead { tr { th.w25 { "Key" } th.w18 { "Is" } th { "Address" } th.w25 { "Device" } } }
                tbody {
                    @for log in &root.transparency_logs {
                        tr { th scope="row" { (log.key.as_str()) } td { "transparency log" } td { (log.url.as_str()) } td { (device(&log.key)) } }
                    }
                    @for log in &root.certificate_logs {
                        tr { th scope="row" { (log.key.as_str()) } td { "certificate log" } td { (log.url.as_str()) } td { (device(&log.key)) } }
                    }
                    @if root.transparency_logs.is_empty() && root.certificate_logs.is_empty() { tr { td colspan="4" { "none" } } }
                }
            }
        }
        @if let Some(tuf) = &plan.tuf {
            h3 { "Keys that say what clients trust" }
            table.dense {
                thead { tr { th.w15 { "TUF role" } th { "Signed by" } th.w10 { "Version" } th.w15 { "Expires" } } }
                tbody {
                    @for (role, signers, expires) in [
                        (crate::archive::Role::Root, keyholders(&tuf.root), *tuf.root.expires),
                        (crate::archive::Role::Targets, keyholders(&tuf.targets), *tuf.targets.expires),
                        (crate::archive::Role::Snapshot, tuf.snapshot.key.to_string(), *tuf.snapshot.expires),
                        (crate::archive::Role::Timestamp, tuf.timestamp.key.to_string(), *tuf.timestamp.expires),
                    ] {
                        tr {
                            th scope="row" { (role.to_string()) }
                            td { (signers) }
                            td { @match facts.state.newest(role) { Some(published) => (published.version), None => "none yet" } }
                            td { (day(expires)) }
                        }
                    }
                }
            }
        }
    }
}

fn keyholders(role: &crate::plan::tuf::KeyholderRole) -> String {
    let names: Vec<&str> = role.keyholders.iter().map(|name| name.as_str()).collect();
    format!("{} of {}: {}", *role.threshold, names.len(), names.join(", "))
}
