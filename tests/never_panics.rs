//! Nothing that reads what others wrote panics, whatever the bytes: those of a real archive, changed in
//! every way that is cheap, and any others. The readers are those that `fuzz/` feeds for longer.

#[path = "../fuzz/bodies.rs"]
mod bodies;
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use bodies::{ALL, Body};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use support::{files, rehearsed};

const PLAN: &str = "ceremony/sigstore.toml";

/// Good bytes for every body, from a rehearsed archive.
fn seeds() -> BTreeMap<&'static str, Vec<Vec<u8>>> {
    let archive = rehearsed(PLAN);
    let read = |path: &Path| fs::read(archive.join(path)).unwrap();
    let der = |path: &Path| {
        let text = String::from_utf8(read(path)).unwrap();
        let body: String = text.lines().skip(1).take_while(|line| !line.starts_with('-')).collect();
        data_encoding::BASE64.decode(body.as_bytes()).unwrap()
    };
    let mut seeds: BTreeMap<&str, Vec<Vec<u8>>> = BTreeMap::new();
    let mut add = |name, bytes| seeds.entry(name).or_default().push(bytes);
    for path in files(archive) {
        let text = path.to_str().unwrap();
        if text.starts_with("rehearsal/tokens") {
            continue;
        }
        match text.split_once('/').unwrap_or(("", text)) {
            ("plans", _) => add("plan", read(&path)),
            ("rehearsal", "site.toml") => add("site", read(&path)),
            ("certificates", name) if !name.ends_with(".chain.pem") => add("certificate", der(&path)),
            ("keys", name) if name.ends_with(".pem") => add("certificate", der(&path)),
            ("crls", _) => {
                add("crl", [der(Path::new("certificates/root.pem")), read(&path)].concat());
                add("crl", read(&path));
            }
            ("tuf", name) if name.ends_with(".json") && !name.starts_with("targets/") => {
                add("tuf", read(&path));
            }
            ("trust-root", "trusted_root.json") => {
                let config = read(Path::new("trust-root/signing_config.v0.2.json"));
                // On one line each: the body takes the first line for the trusted root.
                let line = |bytes: &[u8]| {
                    let value: serde_json::Value = serde_json::from_slice(bytes).unwrap();
                    value.to_string().into_bytes()
                };
                add("trusted_root", [line(&read(&path)), vec![b'\n'], line(&config)].concat());
            }
            ("", "journal.jsonl") => {
                add("journal", read(&path));
                let events: Vec<Vec<u8>> = read(&path)
                    .split(|byte| *byte == b'\n')
                    .filter_map(|line| serde_json::from_slice::<serde_json::Value>(line).ok())
                    .map(|line| line["event"].to_string().into_bytes())
                    .collect();
                add("events", events.join(&b'\n'));
            }
            _ => {}
        }
        if !text.starts_with("rehearsal") {
            add("show", read(&path));
        }
    }
    for name in ["hello.proof", "test-2025-3.policy"] {
        let sample = format!("src/prove/examine/sigsum/samples/{name}");
        add("sigsum", support::documents::repository_file(&sample).into_bytes());
    }
    let request = rcgen::CertificateParams::new(Vec::new()).unwrap();
    let pair = rcgen::KeyPair::generate().unwrap();
    add("csr", request.serialize_request(&pair).unwrap().der().to_vec());
    seeds
}

/// With `ROOTWRIGHT_SEEDS=fuzz/corpus`, writes what `cargo fuzz` begins with.
#[test]
fn every_body_has_seeds() {
    let seeds = seeds();
    for (name, _) in ALL {
        assert!(seeds.contains_key(name), "{name} has none");
    }
    assert_eq!(seeds.len(), ALL.len(), "seeds for a body that is gone");
    let Some(corpus) = std::env::var_os("ROOTWRIGHT_SEEDS") else { return };
    for (name, list) in seeds {
        let folder = support::repository().join(&corpus).join(name);
        fs::create_dir_all(&folder).unwrap();
        for (number, bytes) in list.iter().enumerate() {
            fs::write(folder.join(format!("seed-{number}")), bytes).unwrap();
        }
    }
}

/// Every target of `fuzz/` is one of the bodies, and every body has a target.
#[test]
fn every_body_is_a_target() {
    let manifest = support::documents::repository_file("fuzz/Cargo.toml");
    let mut targets: Vec<String> = files(&support::repository().join("fuzz/fuzz_targets"))
        .iter()
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_string())
        .collect();
    targets.sort();
    let mut names: Vec<&str> = ALL.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    assert_eq!(targets, names);
    for name in names {
        let target = support::documents::repository_file(&format!("fuzz/fuzz_targets/{name}.rs"));
        assert!(target.contains(&format!("bodies::{name}(data)")), "{name}");
        assert!(
            manifest.contains(&format!("name = \"{name}\"\npath = \"fuzz_targets/{name}.rs\"")),
            "{name}"
        );
    }
}

/// Cuts, flips, and pieces put elsewhere: one of each at up to so many places.
fn simple_changes(body: Body, good: &[u8], places: usize) {
    body(good);
    for at in (0..good.len()).step_by(good.len().div_ceil(places).max(1)) {
        body(&good[..at]);
        body(&good[at..]);
        for value in [0, 0xff, good[at] ^ 1, good[at] ^ 0x80, b'"', b'9'] {
            let mut changed = good.to_vec();
            changed[at] = value;
            body(&changed);
        }
        let doubled = [&good[..at], &good[at / 2..]].concat();
        body(&doubled);
    }
}

/// A body's name, and how many places of each seed are changed: what is slow is changed at fewer.
#[test]
fn changed_files_of_an_archive() {
    let seeds = seeds();
    for (name, body) in ALL {
        let places = match name {
            "journal" | "events" => 8,
            "trusted_root" | "show" => 12,
            _ => 100,
        };
        for good in &seeds[name] {
            simple_changes(body, good, places);
        }
    }
}

#[test]
fn any_bytes() {
    // In a field that a text of some kind has, too: bytes alone rarely get past the first letter.
    let words = prop::sample::select(vec![
        "{\"signed\":",
        "\"signatures\":[",
        "{\"_type\":\"root\",",
        "[ceremony]\n",
        "name = ",
        "\"",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "0",
        "-1",
        "1e999",
        "null",
        "\u{202e}",
        "\\u0000",
        "2026-12-01T00:00:00Z",
        "\n",
        "-----BEGIN CERTIFICATE-----\n",
        "purpose = \"rehearsal\"\n",
        "{\"event\":{\"type\":\"",
        "ceremony-started",
        "\"mediaType\":",
        "\"keyid\":",
    ]);
    let text = prop::collection::vec(words, 0..40).prop_map(|words| words.concat().into_bytes());
    let length = prop::sample::select(vec![
        0x30_u8, 0x31, 0x02, 0x03, 0x04, 0x05, 0x06, 0xa0, 0xa3, 0x80, 0x82, 0, 1, 0xff,
    ]);
    let der = prop::collection::vec(prop_oneof![length, any::<u8>()], 0..200);
    let bytes = prop_oneof![prop::collection::vec(any::<u8>(), 0..300), text, der];
    let config = Config { cases: 1000, failure_persistence: None, ..Config::default() };
    let all = |bytes: Vec<u8>| {
        ALL.iter().for_each(|(_, body)| body(&bytes));
        Ok(())
    };
    TestRunner::new(config).run(&bytes, all).unwrap();
}

#[test]
fn many_changes_at_once() {
    let seeds = seeds();
    for (name, body) in ALL {
        let good = prop::sample::select(seeds[name].clone());
        let edits = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 1..12);
        let changed = (good, edits).prop_map(|(mut bytes, edits)| {
            for (at, value, what) in edits {
                let at = at.index(bytes.len().max(1)).min(bytes.len().saturating_sub(1));
                match what {
                    0 if !bytes.is_empty() => bytes[at] = value,
                    1 => bytes.insert(at, value),
                    2 if !bytes.is_empty() => drop(bytes.remove(at)),
                    _ => bytes.truncate(at.max(8)),
                }
            }
            bytes
        });
        let cases = if ["journal", "events", "show", "trusted_root"].contains(&name) { 150 } else { 600 };
        let config = Config { cases, failure_persistence: None, ..Config::default() };
        TestRunner::new(config)
            .run(&changed, |bytes| {
                body(&bytes);
                Ok(())
            })
            .unwrap();
    }
}
