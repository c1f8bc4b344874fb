//! How to check it again, without trusting this report or the tool that wrote it; and the fingerprints to
//! compare with.

use maud::{Markup, html};

use super::facts::{Facts, ROLES};
use crate::ceremony::console::Fingerprint;
use crate::evidence::page::{fingerprint, moment};
use crate::pki::sha256_hex;
use crate::plan::Profile;
use crate::verify::{Area, Verdict};

pub(super) fn again(facts: &Facts<'_>) -> Markup {
    html! {
        section.page {
            h2 id="again" { "To check it again" }
            p { "In the archive's folder, on any machine. The first command checks everything; those after it are other people's tools." }
            @for (what, command) in commands(facts) {
                h3 { (what) }
                pre tabindex="0" aria-label=(what) { code.command { (command) } }
            }
        }
    }
}

/// What to type, in the archive's folder.
fn commands(facts: &Facts<'_>) -> Vec<(String, String)> {
    let mut all = vec![(
        "Everything, with the tool's second implementation".to_string(),
        format!("rootwright verify . --at {}\n# the journal's last line: {}", facts.at(), facts.head),
    )];
    let Some(plan) = facts.plan else { return all };
    let root = |name: &crate::plan::Name| {
        plan.certificates.get(name).is_some_and(|planned| *planned.profile == Profile::Root)
    };
    let at = facts.at().unix();
    let mut lines = Vec::new();
    for (name, made) in &facts.state.certificates {
        let Some(issuer) = &made.issuer else { continue };
        let chain = facts.state.certificates.get(issuer);
        let above = chain.and_then(|issuer| issuer.issuer.as_ref());
        let top = top(facts, issuer);
        if !root(&top) {
            continue;
        }
        let between =
            if above.is_some() { format!(" -untrusted certificates/{issuer}.pem") } else { String::new() };
        lines.push(format!(
            "openssl verify -attime {at} -CAfile certificates/{top}.pem{between} certificates/{name}.pem"
        ));
    }
    if !lines.is_empty() {
        all.push(("Certificates, with OpenSSL".into(), lines.join("\n")));
    }
    let crls: Vec<String> = facts
        .state
        .crls
        .iter()
        .map(|(name, made)| {
            format!(
                "openssl crl -inform DER -in crls/{name}.crl -CAfile certificates/{}.pem -noout",
                made.issuer
            )
        })
        .collect();
    if !crls.is_empty() {
        all.push(("Lists of revoked certificates, with OpenSSL".into(), crls.join("\n")));
    }
    if facts.state.newest(crate::archive::Role::Timestamp).is_some() {
        let targets = "for file in tuf/targets/*; do\n  name=$(basename \"$file\")\n  echo \"${name%%.*}  $file\"\ndone | sha256sum --check";
        all.push(("What clients fetch, by its hashes".into(), targets.into()));
    }
    all
}

/// The root above a certificate.
fn top(facts: &Facts<'_>, name: &crate::plan::Name) -> crate::plan::Name {
    let mut top = name.clone();
    // No deeper than there are certificates: the archive has no circles, and a damaged one must not hang.
    for _ in 0..facts.state.certificates.len() {
        match facts.state.certificates.get(&top).and_then(|made| made.issuer.clone()) {
            Some(issuer) => top = issuer,
            None => break,
        }
    }
    top
}

/// What was read aloud, and what people compare.
pub(super) fn fingerprints(facts: &Facts<'_>) -> Markup {
    let mut all: Vec<(String, Fingerprint)> = Vec::new();
    if let Some(held) = facts.held.last() {
        all.push((format!("the plan `{}`", held.name), Fingerprint::from_hex(held.plan)));
    }
    for (name, made) in &facts.state.certificates {
        if made.issuer.is_none() {
            all.push((format!("the certificate {name}"), Fingerprint::of(made.certificate.der())));
        }
    }
    if let Some(made) = &facts.state.trust_root {
        all.push(("trusted_root.json".into(), Fingerprint::of(made.trusted_root.as_bytes())));
    }
    if let Some(root) = facts.state.newest(ROLES[0]) {
        let what = format!("the TUF root metadata, version {}", root.version);
        all.push((what, Fingerprint::of(root.content.as_bytes())));
    }
    html! {
        section.page {
            h2 id="fingerprints" { "Fingerprints" }
            p { "SHA-256, as it was read aloud: in hex, in the words of the PGP word list, and as a QR code of the hex." }
            @for (what, value) in &all {
                article.print { h3 { (what) } (fingerprint::whole(what, value)) }
            }
            h3 { "Other certificates and lists" }
            table.dense {
                thead { tr { th.w25 { "Of" } th { "SHA-256" } } }
                tbody {
                    @for (name, made) in facts.state.certificates.iter().filter(|(_, made)| made.issuer.is_some()) {
                        tr { th scope="row" { "certificate " (name) } td { (fingerprint::inline(&sha256_hex(made.certificate.der()))) } }
                    }
                    @for (name, made) in &facts.state.crls {
                        tr { th scope="row" { "CRL " (name) } td { (fingerprint::inline(&made.sha256)) } }
                    }
                }
            }
        }
    }
}

/// What the second implementation found: all of it, folded where nothing is wrong.
pub(super) fn checks(facts: &Facts<'_>) -> Markup {
    html! {
        section.page {
            h2 id="checks" { "What was checked" }
            p { "By other code and another cryptographic library than made it, as of " (moment(facts.at())) "." }
            @for note in &facts.verified.notes { p.soft { (note) } }
            @for area in Area::ALL {
                @let own: Vec<_> = facts.verified.checks.iter().filter(|check| check.area == area).collect();
                @let failed = own.iter().any(|check| check.verdict == Verdict::Failed);
                @if !own.is_empty() {
                    details open[failed] id={ "checks-" (area.as_str()) } {
                        summary { (area.as_str().replace('-', " ")) ": " (own.len()) " checks, " @if failed { strong.failed { "not all hold" } } @else { "all hold" } }
                        table.lines.checked {
                            thead { tr { th { "Result" } th { "Of" } th { "What holds, or what was found" } } }
                            tbody {
                                @for check in own {
                                    tr {
                                        td { @match check.verdict { Verdict::Ok => span.ok { "holds" }, Verdict::Warning => "look", Verdict::Failed => strong.failed { "fails" } } }
                                        td { (check.object) }
                                        td { (check.detail) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
