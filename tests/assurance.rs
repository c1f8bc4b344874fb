//! docs/assurance.md names rules and tests: they exist. And the second opinion is one.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use support::documents::repository_file;
use support::{files, repository};

const DOCUMENT: &str = "docs/assurance.md";

/// What stands between backticks, once the lines are joined.
fn code(document: &str) -> BTreeSet<String> {
    let joined = document.split_whitespace().collect::<Vec<_>>().join(" ");
    joined.split('`').skip(1).step_by(2).map(ToString::to_string).collect()
}

/// The Rust files below a folder, by their path in the repository.
fn sources(folder: &str) -> BTreeMap<String, String> {
    let rust = files(&repository().join(folder)).into_iter();
    rust.filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| {
            let path = format!("{folder}/{}", path.display());
            let text = repository_file(&path);
            (path, text)
        })
        .collect()
}

/// Whether it is written as a rule's id is: capitals and digits, joined by hyphens.
fn is_rule(text: &str) -> bool {
    let word =
        |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    text.contains('-') && text.split('-').all(word) && !text.starts_with("SHA-")
}

/// The ids of the rules, by the file that has their table. An id stands at the beginning of a rule: in a
/// table behind its function, elsewhere behind `id:`.
fn tables() -> BTreeMap<String, BTreeSet<String>> {
    let mut tables = BTreeMap::new();
    for (path, text) in sources("src/lint") {
        let mut ids = BTreeSet::new();
        for line in text.lines().map(str::trim) {
            let id = match line.split_once(", \"") {
                Some((check, rest))
                    if check
                        .chars()
                        .all(|c| c.is_ascii_lowercase() || c == '_' || c == ':' || c.is_ascii_digit()) =>
                {
                    rest.split('"').next()
                }
                _ => line.strip_prefix("id: \"").and_then(|rest| rest.split('"').next()),
            };
            ids.extend(id.filter(|id| is_rule(id)).map(ToString::to_string));
        }
        if !ids.is_empty() && !path.ends_with("tests.rs") {
            tables.insert(path, ids);
        }
    }
    tables
}

#[test]
fn every_rule_that_is_named_exists_and_every_table_is_named() {
    let tables = tables();
    let all: BTreeSet<&String> = tables.values().flatten().collect();
    assert!(tables.len() >= 5 && all.len() >= 100, "{} tables with {} rules", tables.len(), all.len());
    let named: BTreeSet<String> =
        code(&repository_file(DOCUMENT)).into_iter().filter(|text| is_rule(text)).collect();
    assert!(named.len() > 40, "{named:?}");
    let gone: Vec<&String> = named.iter().filter(|rule| !all.contains(rule)).collect();
    assert!(gone.is_empty(), "{DOCUMENT} names rules that are in no table: {gone:?}");
    let silent: Vec<&String> =
        tables.iter().filter(|(_, ids)| ids.is_disjoint(&named)).map(|(path, _)| path).collect();
    assert!(silent.is_empty(), "{DOCUMENT} names no rule of {silent:?}");
}

#[test]
fn every_test_that_is_named_exists() {
    let named: BTreeSet<String> =
        code(&repository_file(DOCUMENT)).into_iter().filter(|text| text.contains(".rs::")).collect();
    assert!(named.len() > 60, "{named:?}");
    for name in named {
        let (path, test) = name.split_once("::").unwrap();
        let file = repository().join(path);
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{name}: {path}: {error}"));
        assert!(is_test(&text, test), "{path} has no test `{test}`");
    }
}

/// Whether a source has a test of that name: the attribute directly above the function.
fn is_test(text: &str, name: &str) -> bool {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let head = format!("fn {name}()");
    lines.iter().enumerate().any(|(at, line)| {
        let above =
            lines[..at].iter().rev().take_while(|line| line.starts_with('#') || line.starts_with("//"));
        line.starts_with(&head) && above.into_iter().any(|line| *line == "#[test]")
    })
}

#[test]
fn what_the_document_links_to_exists() {
    for document in [DOCUMENT, "docs/second-opinion.md"] {
        let text = repository_file(document);
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.contains("://")) {
            let target = Path::new("docs").join(link.split('#').next().unwrap());
            assert!(repository().join(&target).exists(), "{document} links to {}", target.display());
        }
        for path in code(&text).iter().filter(|text| text.starts_with("src/") || text.starts_with("tests/")) {
            let path = path.split("::").next().unwrap();
            assert!(repository().join(path).exists(), "{document} names {path}");
        }
    }
}

/// Crates and rooms of what wrote an archive: nothing that checks it may use them.
const SIGNING_PATH: [&str; 15] = [
    "x509_cert",
    "use der",
    "p256::",
    "p384::",
    "p521::",
    "ed25519_dalek",
    "rsa::",
    "sha2::",
    "spki::",
    "olpc_cjson",
    "serde_json_canonicalizer",
    "crate::pki",
    "crate::tuf",
    "crate::trust_root",
    "crate::lint",
];

/// Files of the second opinion that ask the others something on purpose, as their documentation says.
const ADDITIONS: [&str; 4] = [
    "src/verify/rules.rs",
    "src/verify/rules/attestation.rs",
    "src/verify/tuf/rules.rs",
    "src/verify/plan.rs",
];

#[test]
fn the_second_opinion_is_another_implementation() {
    let mut own = sources("src/verify");
    own.insert("src/verify.rs".into(), repository_file("src/verify.rs"));
    assert!(own.len() > 20);
    for path in ADDITIONS {
        assert!(own.remove(path).is_some(), "{path} is gone");
    }
    own.retain(|path, _| !path.ends_with("/tests.rs"));
    for (path, text) in &own {
        // Tests compare with the others; documentation speaks of them.
        let text = text.split("#[cfg(test)]").next().unwrap();
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with("//")) {
            let used = SIGNING_PATH.iter().find(|name| line.contains(**name));
            assert_eq!(used, None, "{path}: {line}");
            let room = ["difference::", "ceremony::", "token::"].iter().find(|room| line.contains(**room));
            assert_eq!(room, None, "{path}: {line}");
            // Of the archive's room the types of events, and neither its reader nor its writer.
            if line.starts_with("use crate::archive") {
                let types = [
                    "Event",
                    "Record",
                    "Role",
                    "FileRecord",
                    "KeyRecord",
                    "CopyRecord",
                    "ToBeSigned",
                    "Opening",
                    "event::Confirmation",
                    "event::Moment",
                    "event::SigsumTrust",
                ];
                let names = line.trim_start_matches("use crate::archive::").trim_end_matches(';');
                let names = names.trim_matches(|c| c == '{' || c == '}').split(", ");
                let strange = names.into_iter().find(|name| !types.contains(name));
                assert_eq!(strange, None, "{path}: {line}");
            }
        }
    }
    let uses = |name: &str| own.values().any(|text| text.contains(name));
    assert!(uses("use x509_parser") && uses("use aws_lc_rs") && uses("use webpki"));
}
