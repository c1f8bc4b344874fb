//! What is printed and read, in the browser that Debian has: nothing is fetched, nothing runs, nothing is
//! wider than its sheet, and everybody can read it.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use support::clients::{self, browse};
use support::site::Site;
use support::{folder, repository, run};

/// Chromium's word on each page, and its PDFs in the folder.
fn opened(out: &Path, pages: &[PathBuf]) -> Vec<Value> {
    let mut command = browse();
    command.arg(out).args(pages);
    let (code, said, err) = clients::run(command, Duration::from_secs(240));
    assert_eq!(code, Some(0), "{said}{err}");
    let said: Vec<Value> =
        said.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    assert_eq!(said.len(), pages.len(), "{err}");
    said
}

/// Nothing is wrong with it.
fn is_sound(said: &Value) {
    let page = &said["page"];
    assert_eq!(said["console"], serde_json::json!([]), "{page}");
    assert_eq!(said["requests"], serde_json::json!([]), "{page}");
    for place in ["phone", "tablet", "desk", "A4", "Letter"] {
        assert_eq!(said["wide"][place], serde_json::json!([]), "{page} at {place}");
    }
    for scheme in ["light", "dark"] {
        assert_eq!(said["axe"][scheme]["wrong"], serde_json::json!([]), "{page} in {scheme}");
        let passed: Vec<&str> =
            said["axe"][scheme]["passed"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        for rule in ["color-contrast", "heading-order", "page-has-heading-one", "document-title"] {
            assert!(passed.contains(&rule), "{page}: axe did not judge {rule}");
        }
    }
}

/// The text of each page of a PDF, as poppler reads it.
fn sheets(pdf: &Value) -> Vec<String> {
    let output = Command::new("pdftotext").args(["-layout", pdf.as_str().unwrap(), "-"]).output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    text.trim_end_matches('\u{c}').split('\u{c}').map(str::to_string).collect()
}

/// Every sheet has its number and the fingerprint; none is empty.
fn are_numbered(sheets: &[String], hash: &str, mark: Option<&str>) {
    for (at, sheet) in sheets.iter().enumerate() {
        let number = format!("{} / {}", at + 1, sheets.len());
        assert!(sheet.contains(&number), "no number {number}: {sheet}");
        assert!(sheet.contains(hash), "no fingerprint on sheet {number}: {sheet}");
        assert!(mark.is_none_or(|mark| sheet.contains(mark)), "no mark on sheet {number}");
        let own = sheet.split_whitespace().count();
        assert!(own > 18, "sheet {number} is nearly empty: {sheet}");
    }
}

#[test]
fn the_script_is_sound_in_a_browser_and_on_paper() {
    let out = folder();
    let site = Site::new("rehearsal", &["root-hsm", "keyholder-1"]);
    let minimal = repository().join("ceremony/minimal.toml");
    let sigstore = repository().join("ceremony/sigstore.toml");
    let path = site.path();
    let mut pages = Vec::new();
    for (name, plan, more) in [
        ("script", &sigstore, &["--worksheets"][..]),
        ("rehearsal", &minimal, &["--site", &path]),
        ("large", &minimal, &["--large"]),
    ] {
        let file = out.path().join(format!("{name}.html"));
        let mut arguments = vec!["script", plan.to_str().unwrap(), "-o", file.to_str().unwrap()];
        arguments.extend(more);
        let printed = run(&arguments);
        assert_eq!(printed.code, 0, "{}", printed.shown());
        pages.push(file);
    }
    let said = opened(out.path(), &pages);
    said.iter().for_each(is_sound);
    let hash = |plan: &Path| rootwright::pki::sha256_hex(&fs::read(plan).unwrap());
    for sheet in ["A4", "Letter"] {
        let whole = sheets(&said[0]["pdf"][sheet]);
        are_numbered(&whole, &hash(&sigstore), None);
        // A worksheet is a sheet, and each part that people work with begins on a new one.
        let begins = |heading: &str| {
            let first = |sheet: &&String| {
                sheet
                    .lines()
                    .filter(|line| !line.trim().is_empty())
                    .nth(1)
                    .is_some_and(|line| line.trim().starts_with(heading))
            };
            whole.iter().filter(first).count()
        };
        assert_eq!(begins("Worksheet:"), 3 + 7 + 3, "{sheet}");
        for heading in [
            "People",
            "Materials",
            "Before the first step",
            "Steps",
            "After the last step",
            "Deviations",
            "Sign-off",
            "What to do when it stops",
        ] {
            assert_eq!(begins(heading), 1, "{heading} on {sheet}");
        }
        assert!((34..=50).contains(&whole.len()), "{} sheets of {sheet}", whole.len());
        are_numbered(&sheets(&said[1]["pdf"][sheet]), &hash(&minimal), Some("REHEARSAL"));
    }
    // One screen for each of the 15 steps, the 5 acts before, the cover, and the end.
    let screens = sheets(&said[2]["pdf"]["A4"]);
    for id in 1..=15 {
        let own = screens
            .iter()
            .filter(|screen| screen.split_whitespace().any(|word| word == format!("{id}/15")))
            .count();
        assert_eq!(own, 1, "step {id}");
    }
}

#[test]
fn the_report_is_sound_in_a_browser_and_on_paper() {
    let out = folder();
    let archive = support::rehearsed("ceremony/sigstore.toml");
    let file = out.path().join("report.html");
    let written = run(["report", archive.to_str().unwrap(), "-o", file.to_str().unwrap(), "--json"]);
    assert_eq!(written.code, 0, "{}", written.shown());
    let public = out.path().join("public.html");
    let kept = run(["report", archive.to_str().unwrap(), "-o", public.to_str().unwrap(), "--public"]);
    assert_eq!(kept.code, 0, "{}", kept.shown());
    let said = opened(out.path(), &[file, public]);
    said.iter().for_each(is_sound);
    let head = written.json()["head"].as_str().unwrap().to_string();
    for sheet in ["A4", "Letter"] {
        let whole = sheets(&said[0]["pdf"][sheet]);
        are_numbered(&whole, &head, Some("REHEARSAL"));
        assert!((14..=24).contains(&whole.len()), "{} sheets of {sheet}", whole.len());
        assert!(whole[0].contains("Nothing is wrong.") && whole[0].contains("44 items"), "{}", whole[0]);
    }
}
