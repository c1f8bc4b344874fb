//! What stock clients refuse: one fault at a time in a world that is otherwise whole. A client that refuses
//! nothing proves nothing when it accepts a canary. The table is kept in docs/clients.md.

#[path = "support/faults.rs"]
mod faults;
mod support;

use std::fs;
use std::path::{Path, PathBuf};

use faults::{Fault, faults, worlds};
use rootwright::plan::trust_root::Api;
use rootwright::prove::examine::examine;
use serde_json::Value;
use support::clients::{Judge, Verdict};
use support::world::{ARTIFACT, IDENTITY, ISSUER, Recipe, World};

/// rootwright's own judgement, by the code that `prove` uses before it keeps a canary.
fn own(bundle: &Path) -> Verdict {
    let beside = |name: &str| fs::read(bundle.with_file_name(name)).unwrap();
    let identity: Value = serde_json::from_slice(&beside("identity.json")).unwrap();
    let expected = (identity["identity"].as_str().unwrap(), identity["issuer"].as_str().unwrap());
    let bytes = fs::read(bundle).unwrap();
    match examine(&bytes, &beside("artifact"), &beside("trusted_root.json"), expected) {
        Ok(_) => Verdict::Accepted,
        Err(refusal) => Verdict::Refused(refusal.to_string()),
    }
}

/// rootwright's own judgement notices every change of a bundle, and survives it. Of a timestamp some bytes
/// are covered by no signature: the certificates that it brings along, and that it was granted.
#[test]
fn no_byte_of_a_bundle_can_change() {
    let (world, stranger) = (World::new(), World::new());
    let folder = support::folder();
    for (api, timestamp) in [(Api::V2, true), (Api::V1, false)] {
        Recipe { api, timestamp, ..Recipe::new(&world, &stranger) }.write(folder.path());
        let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
        let (bundle, artifact, root) =
            (read("bundle.sigstore.json"), read("artifact"), read("trusted_root.json"));
        let judge = |bundle: &[u8]| examine(bundle, &artifact, &root, (IDENTITY, ISSUER));
        assert!(judge(&bundle).is_ok());
        let text = String::from_utf8(bundle.clone()).unwrap();
        let stamp = text.find("signedTimestamp\":\"").unwrap_or(text.len());
        let end = text[stamp..].find("\"}").map_or(stamp, |length| stamp + length);
        let mut accepted = Vec::new();
        for at in 0..bundle.len() {
            let mut changed = bundle.clone();
            // Another character of base64, or of a name.
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            if judge(&changed).is_ok() && !(stamp..end).contains(&at) {
                accepted.push(format!("{at}: {}", &text[at.saturating_sub(30)..=at]));
            }
            if at % 64 == 0 {
                assert!(judge(&bundle[..at]).is_err(), "cut off after {at} bytes");
            }
        }
        assert!(accepted.is_empty(), "{accepted:#?}");
    }
}

struct Row {
    fault: Fault,
    verdicts: Vec<Verdict>,
}

/// Puts every bundle before every client.
fn judge(faults: Vec<(Fault, PathBuf)>) -> Vec<Row> {
    let bundles: Vec<PathBuf> = faults.iter().map(|(_, bundle)| bundle.clone()).collect();
    let mut columns: Vec<Vec<Verdict>> = Judge::ALL.iter().map(|judge| judge.judge(&bundles)).collect();
    columns.push(bundles.iter().map(|bundle| own(bundle)).collect());
    let mut columns: Vec<_> = columns.into_iter().map(Vec::into_iter).collect();
    faults
        .into_iter()
        .map(|(fault, _)| Row {
            fault,
            verdicts: columns.iter_mut().map(|column| column.next().expect("a verdict each")).collect(),
        })
        .collect()
}

#[test]
fn whole_worlds_are_accepted() {
    let (world, stranger) = (World::new(), World::new());
    let folder = support::folder();
    let mut bundles = Vec::new();
    for (name, api, timestamp) in
        [("v2", Api::V2, true), ("v1", Api::V1, false), ("v1-and-timestamp", Api::V1, true)]
    {
        let place = folder.path().join(name);
        let recipe = Recipe { api, timestamp, ..Recipe::new(&world, &stranger) };
        recipe.write(&place);
        bundles.push(place.join("bundle.sigstore.json"));
    }
    for judge in Judge::ALL {
        for (verdict, bundle) in judge.judge(&bundles).iter().zip(&bundles) {
            verdict.accepted(&(judge, bundle));
        }
    }
    for bundle in &bundles {
        own(bundle).accepted(bundle);
    }
    assert_eq!(fs::read(folder.path().join("v2/artifact")).unwrap(), ARTIFACT);
}

/// Algorithms beside those of the example that every client takes.
#[test]
fn other_algorithms_are_accepted_too() {
    let change = |text: String| {
        let text = text.replace(
            "tsa-signer-2026 = { device = \"issuing-hsm\", algorithm = \"ecdsa-p256\" }",
            "tsa-signer-2026 = { device = \"issuing-hsm\", algorithm = \"ecdsa-p384\" }",
        );
        let text = text.replace("\"ed25519\"", "\"ecdsa-p256\"");
        let fulcio = "fulcio-2026     = { device = \"issuing-hsm\", algorithm = \"ecdsa-p384\" }";
        assert!(text.contains(fulcio));
        text.replace(fulcio, &fulcio.replace("p384", "p256"))
    };
    let (world, stranger) = (World::planned(change, |_, bytes| bytes), World::new());
    let folder = support::folder();
    Recipe::new(&world, &stranger).write(folder.path());
    let bundle = folder.path().join("bundle.sigstore.json");
    for judge in Judge::ALL {
        judge.judge(std::slice::from_ref(&bundle))[0].accepted(&judge);
    }
    own(&bundle).accepted(&"rootwright");
}

#[test]
fn every_fault_is_refused_or_explained() {
    let stranger = World::new();
    let folder = support::folder();
    let mut made = Vec::new();
    let mut write = |fault: Fault, world: &World| {
        let place = folder.path().join(made.len().to_string());
        let mut recipe = Recipe::new(world, &stranger);
        (fault.recipe)(&mut recipe);
        recipe.write(&place);
        made.push((fault, place.join("bundle.sigstore.json")));
    };
    let world = World::new();
    faults().into_iter().for_each(|fault| write(fault, &world));
    worlds().into_iter().for_each(|(fault, world)| write(fault, &world));
    let rows = judge(made);
    assert!(rows.len() >= 20);
    let found = document(&rows);
    print!("{found}");
    for Row { fault, verdicts } in &rows {
        let [clients @ .., own] = verdicts.as_slice() else { panic!("no verdict") };
        assert!(matches!(own, Verdict::Refused(_)), "rootwright accepts: {}", fault.says);
        let accepted = clients.iter().any(|verdict| matches!(verdict, Verdict::Accepted));
        assert_eq!(
            accepted,
            fault.surprise.is_some(),
            "explained without need, or not explained: {}",
            fault.says
        );
    }
    let file = support::repository().join("docs/clients.md");
    let text = fs::read_to_string(&file).unwrap_or_default();
    let (head, rest) = text.split_once(BEGIN).expect("docs/clients.md has the table's beginning");
    let (kept, foot) = rest.split_once(END).expect("docs/clients.md has the table's end");
    if std::env::var_os("ROOTWRIGHT_UPDATE_DOCS").is_some() {
        fs::write(&file, format!("{head}{BEGIN}\n{found}{END}{foot}")).unwrap();
    } else {
        let lines = |text: &str| text.trim().lines().map(str::to_string).collect::<Vec<_>>();
        let (kept, found) = (lines(kept), lines(&found));
        let other: Vec<_> = found.iter().filter(|line| !kept.contains(line)).collect();
        assert!(
            kept == found,
            "docs/clients.md is stale: run this test with ROOTWRIGHT_UPDATE_DOCS=1, and look at the difference; \
             new here: {other:#?}"
        );
    }
}

/// The page names the versions that are installed.
#[test]
fn the_versions_on_the_page_are_the_pinned_ones() {
    let read = |file: &str| fs::read_to_string(support::repository().join(file)).unwrap();
    let page = read("docs/clients.md");
    let python = read("tests/clients/requirements.txt");
    let python = python.lines().find_map(|line| line.strip_prefix("sigstore==")).unwrap();
    let js: Value = serde_json::from_str(&read("tests/clients/package.json")).unwrap();
    let js = js["dependencies"]["@sigstore/verify"].as_str().unwrap();
    let rust = read("tests/clients/sigstore_verify/Cargo.toml");
    let (_, rust) = rust.split_once("version = \"=").unwrap();
    let rust = rust.split('"').next().unwrap();
    for row in [
        format!("| sigstore-python | {python} |"),
        format!("| sigstore-js | `@sigstore/verify` {js}, "),
        format!("| Rust | `sigstore-verify` {rust} |"),
    ] {
        assert!(page.contains(&row), "docs/clients.md does not say: {row}");
    }
}

const BEGIN: &str = "<!-- what the clients said: begin -->";
const END: &str = "<!-- what the clients said: end -->";

/// The table and, below it, every client's words.
fn document(rows: &[Row]) -> String {
    let mut text = String::from(
        "| # | fault | python | js | Rust | rootwright | cosign | go |\n|---|---|---|---|---|---|---|---|\n",
    );
    let mut notes = String::new();
    let mut words = String::new();
    for (number, Row { fault, verdicts }) in (1..).zip(rows) {
        let cells: Vec<&str> = verdicts
            .iter()
            .map(|verdict| match verdict {
                Verdict::Accepted => "**accepts**",
                Verdict::Refused(_) => "refuses",
            })
            .collect();
        text.push_str(&format!(
            "| {number} | {} | {} | not run | not run |\n",
            fault.says,
            cells.join(" | ")
        ));
        if let Some(surprise) = fault.surprise {
            notes.push_str(&format!("- **{number}, {}**: {surprise}\n", fault.says));
        }
        words.push_str(&format!("\n{number}. {}\n", fault.says));
        for (name, verdict) in ["python", "js", "Rust", "rootwright"].into_iter().zip(verdicts) {
            if let Verdict::Refused(why) = verdict {
                words.push_str(&format!("   - {name}: `{}`\n", steady(why)));
            }
        }
    }
    format!("{text}\n### Surprises\n\n{notes}\n### In their words\n{words}")
}

/// Words without what is new in each run: keys, hashes, signatures, and places in a file of other length.
fn steady(words: &str) -> String {
    let end = ["root_hash=", " [type=", " at line "].iter().filter_map(|mark| words.find(mark)).min();
    let words = end.map_or_else(|| words.to_string(), |end| format!("{}…", &words[..end]));
    let random = |word: &str| {
        let inner = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        let digits = inner.chars().filter(char::is_ascii_digit).count();
        // The number of a Rekor v1 tree, a long base64 word (which may have no digit), or a shorter one.
        (inner.len() >= 8 && digits == inner.len())
            || inner.len() >= (if digits > 0 { 16 } else { 40 })
                && inner.chars().all(|c| c.is_ascii_alphanumeric() || "+/=_-".contains(c))
    };
    let steady: Vec<&str> = words.split(' ').map(|word| if random(word) { "…" } else { word }).collect();
    steady.join(" ").replace('`', "'")
}
