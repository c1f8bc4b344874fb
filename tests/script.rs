//! The printed script says what the console says: the same steps, in the same order and the same words.

mod support;
#[path = "support/terminal.rs"]
mod terminal;

use std::fs;
use std::path::Path;

use support::site::Site;
use support::{folder, run};

const DEVICES: &[&str] = &["root-hsm", "keyholder-1"];

/// Prints a script, and gives its steps and its text.
fn script(plan: &Path, more: &[&str]) -> (Vec<String>, String) {
    let folder = folder();
    let file = folder.path().join("script.html").display().to_string();
    let mut arguments = vec!["script", plan.to_str().unwrap(), "-o", &file, "--json"];
    arguments.extend(more);
    let printed = run(&arguments);
    assert_eq!(printed.code, 0, "{}", printed.shown());
    let html = fs::read_to_string(&file).unwrap();
    let steps: Vec<String> =
        html.split("data-step=\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_string()).collect();
    let told: Vec<String> = serde_json::from_value(printed.json()["steps"].clone()).unwrap();
    assert_eq!(steps, told);
    // Each place to turn to is printed along, under its number.
    assert!(!html.contains("class=\"unknown\""), "a section that the recovery document does not have");
    for link in html.split("href=\"#").skip(1) {
        let anchor = link.split('"').next().unwrap();
        assert_eq!(html.matches(&format!("<article id=\"{anchor}\"><h3>R")).count(), 1, "{anchor}");
    }
    (steps, html)
}

/// A page without its tags and spaces: what is left is words.
fn words(html: &str) -> String {
    let mut words = String::new();
    for part in html.split('<') {
        words.push_str(part.split_once('>').map_or(part, |(_, text)| text));
    }
    let words = words.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
    words.split_whitespace().collect()
}

#[test]
fn its_steps_are_those_that_a_dry_run_says_are_left() {
    let site = Site::new("rehearsal", DEVICES);
    let (plan, path, archive) = (terminal::minimal(&site), site.path(), site.archive().display().to_string());
    let dry = ["run", plan.to_str().unwrap(), "--site", &path, "--archive", &archive, "--dry-run", "--json"];
    let left = |run: &support::Run| -> Vec<String> {
        let steps = run.json()["steps"].as_array().unwrap().clone();
        let pending = steps.iter().filter(|step| step["status"] == "pending");
        pending.map(|step| step["id"].as_str().unwrap().to_string()).collect()
    };
    let more = ["--site", path.as_str(), "--archive", archive.as_str()];
    let before = run(dry);
    assert_eq!(left(&before).len(), 15, "{}", before.shown());
    assert_eq!(script(&plan, &more).0, left(&before));
    // The same of what a later plan adds: versions go on from what the archive has.
    assert_eq!(site.run(&plan).code, 0);
    assert!(script(&plan, &more).0.is_empty());
    let text = fs::read_to_string(&plan).unwrap();
    fs::write(&plan, text.replace("expires = \"2027-06-01", "expires = \"2027-07-01")).unwrap();
    let later = run(dry);
    let (steps, html) = script(&plan, &more);
    assert_eq!(steps, left(&later));
    assert_eq!(steps.first().map(String::as_str), Some("sign/tuf-root/keyholder-1"), "{steps:?}");
    let words = words(&html);
    for said in ["version2expires2027-07-01", "filetargets.json,version2", "TUFrootmetadata,version2"] {
        assert!(words.contains(said), "{said}");
    }
}

#[test]
fn it_says_what_the_console_says_in_the_same_order() {
    let site = Site::new("rehearsal", DEVICES);
    let plan = terminal::minimal(&site);
    let (steps, html) = script(&plan, &["--site", &site.path()]);
    assert_eq!(steps.len(), 15);
    let shown = terminal::led_through(&plan, &site);
    let (opening, taken) = shown.split_once("steps are to be taken:").expect("the steps");
    let printed = words(&html);
    for said in [
        "Read aloud the plan's SHA-256, and compare it with the printed one:",
        "What does a clock on the wall say?",
    ] {
        assert!(opening.contains(said) && printed.contains(&words(said)), "{said}");
    }
    for what in terminal::ASKED.0 {
        for said in what.questions().iter().chain([&what.title()]) {
            assert!(opening.contains(said) && printed.contains(&words(said)), "{said}");
        }
    }
    // Each line of the console stands on paper, after the one before it, but for what nobody can know.
    let (mut at, mut compared) = (printed.find("Steps1/15").expect("the steps"), 0);
    for line in taken.lines().filter_map(known) {
        let wanted = words(&line);
        let found = printed[at..].find(&wanted);
        at += found.unwrap_or_else(|| panic!("not on paper, or in another place: {line}\n{shown}"));
        compared += 1;
    }
    assert!(compared > 70, "{compared}");
}

/// What of a console's line is known before the day; none where nothing is.
fn known(line: &str) -> Option<String> {
    let line = line.trim();
    let (label, value) = line.split_once("  ").unwrap_or((line, ""));
    let hex = |text: &str| text.replace(' ', "").chars().all(|c| c.is_ascii_hexdigit());
    // Taken: its words stood at its beginning. Fingerprints, their words, and what was typed back.
    let unknown = line.is_empty()
        || line.contains("/15  ")
        || line.contains('✓')
        || hex(line)
        || label.chars().all(|c| c.is_ascii_digit())
        || line.starts_with("Word ")
        || line.starts_with("noted, ")
        || line.starts_with("note:")
        || line.starts_with("warning:")
        || line.starts_with("The archive is")
        || line.contains("steps were taken");
    if unknown {
        return None;
    }
    if hex(value) && value.len() > 20 {
        return Some(label.to_string());
    }
    let line = line.split(" (? for help)").next().unwrap_or(line);
    if let Some((question, _)) = line.split_once("? ") {
        return Some(format!("{question}?"));
    }
    let line = line.split_once(" to go on:").map_or(line, |(asked, _)| asked);
    // The site names its devices by label.
    if let Some((before, _)) = line.split_once(", serial ") {
        return Some(format!("{before}, serial"));
    }
    let line = line.split(" bytes, SHA-256").next().unwrap_or(line);
    let line = if label == "file" { line.rsplit_once(", ").map_or(line, |(name, _)| name) } else { line };
    Some(line.to_string())
}
