//! The report says what the archive says, and nothing else: its statuses follow from the journal, its
//! commands work, and what is wrong stands on its first page.

mod support;
#[path = "support/terminal.rs"]
mod terminal;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use support::site::Site;
use support::{copy, folder, rehearsed, run};

/// Writes a report, and gives how each item stands, the page, and the exit code.
fn report(archive: &Path, more: &[&str]) -> (BTreeMap<String, String>, String, i32) {
    let folder = folder();
    let file = folder.path().join("report.html").display().to_string();
    let mut arguments = vec!["report", archive.to_str().unwrap(), "-o", &file, "--json"];
    arguments.extend(more);
    let written = run(&arguments);
    let html = fs::read_to_string(&file).unwrap_or_else(|_| panic!("{}", written.shown()));
    let items = written.json()["items"].as_array().unwrap().clone();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_string();
    let items: BTreeMap<String, String> =
        items.iter().map(|item| (text(&item["id"]), text(&item["status"]))).collect();
    // What the page says is what the document says.
    for (id, status) in &items {
        assert!(html.contains(&format!("<tr id=\"{id}\" data-status=\"{status}\">")), "{id} {status}");
    }
    (items, html, written.code)
}

#[test]
fn all_44_items_stand_in_order_and_every_link_leads_somewhere() {
    let (items, html, code) = report(rehearsed("ceremony/sigstore.toml"), &[]);
    assert_eq!(code, 0);
    let ids: Vec<String> = (1..=44).map(|number| format!("E-{number:02}")).collect();
    assert!(items.keys().eq(&ids), "{items:?}");
    for link in html.split("href=\"#").skip(1) {
        let anchor = link.split('"').next().unwrap();
        assert_eq!(html.matches(&format!(" id=\"{anchor}\"")).count(), 1, "{anchor}");
    }
}

#[test]
fn what_people_did_is_captured_and_what_nobody_did_is_absent() {
    let (alone, ..) = report(rehearsed("ceremony/sigstore.toml"), &[]);
    let site = Site::new("rehearsal", &["root-hsm", "keyholder-1"]);
    let plan = terminal::minimal(&site);
    terminal::led_through(&plan, &site);
    let (led, html, code) = report(&site.archive(), &[]);
    assert_eq!(code, 0);
    for (id, without, with) in [
        ("E-01", "in part", "captured"), // read aloud before the first device
        ("E-07", "in part", "captured"), // a bag's number
        ("E-10", "in part", "captured"), // the clock on the wall
        ("E-19", "in part", "captured"), // who worked a device
        ("E-25", "in part", "captured"), // typed back
        ("E-30", "in part", "captured"), // the bytes approved are those signed
        ("E-39", "absent", "captured"),  // asked, and none to record
        ("E-33", "automated", "not needed"),
        ("E-16", "automated", "automated"), // what devices held
        ("E-21", "automated", "automated"), // claims, tried on a throwaway key
        ("E-24", "automated", "automated"),
        ("E-02", "in part", "in part"),     // no plan names the tool
        ("E-05", "absent", "in part"),      // who came and left; no break
        ("E-06", "absent", "in part"),      // a camera; its hash is of later
        ("E-08", "in part", "captured"),    // what the machine was started from
        ("E-11", "automated", "automated"), // random sources answer
        ("E-15", "in part", "captured"),    // a device's certificate
        ("E-17", "absent", "captured"),     // defaults were changed
        ("E-34", "in part", "captured"),    // the device's own log
        ("E-35", "absent", "in part"),      // who holds shares
        ("E-37", "absent", "captured"),     // media, and who keeps them
        ("E-38", "absent", "captured"),     // what was destroyed
        ("E-43", "absent", "captured"),     // until when things are kept
    ] {
        assert_eq!((alone[id].as_str(), led[id].as_str()), (without, with), "{id}");
    }
    // Whether links were up is as this machine is.
    assert!(alone["E-09"] != led["E-09"], "radios, addresses, cables: {}", led["E-09"]);
    assert!(html.contains("B-1047"), "what people recorded is shown");
    assert!(html.contains("operator</td>"), "who approved stands beside the step");
}

#[test]
fn an_archive_that_was_changed_says_so_first() {
    let own = folder();
    let archive = own.path().join("archive");
    copy(rehearsed("ceremony/minimal.toml"), &archive);
    let (sound, ..) = report(&archive, &[]);
    let file = archive.join("certificates/root.pem");
    fs::write(&file, fs::read_to_string(&file).unwrap().replacen('A', "B", 1)).unwrap();
    let (items, html, code) = report(&archive, &[]);
    assert_eq!(code, 1);
    let (first, _) = html.split_once("The hierarchy").unwrap();
    assert!(first.contains("checks failed") && !first.contains("Nothing is wrong"), "{first}");
    assert_eq!((sound["E-13"].as_str(), items["E-13"].as_str()), ("automated", "in part"));
    // An empty folder is none.
    let empty = run(["report", own.path().join("none").to_str().unwrap(), "-o", "/dev/null"]);
    assert_eq!(empty.code, 2, "{}", empty.shown());
}

#[test]
fn its_commands_work_as_they_stand() {
    let archive = rehearsed("ceremony/sigstore.toml");
    let (_, html, _) = report(archive, &[]);
    let mut ran = Vec::new();
    for command in html.split("<code class=\"command\">").skip(1) {
        let command = command.split("</code>").next().unwrap();
        let command = command.replace("&quot;", "\"").replace("&gt;", ">").replace("&amp;", "&");
        let command = command.replace("rootwright ", concat!(env!("CARGO_BIN_EXE_rootwright"), " "));
        let done = Command::new("sh").args(["-e", "-c", &command]).current_dir(archive).output().unwrap();
        let said =
            format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        assert!(done.status.success(), "{command}\n{said}");
        ran.push(said);
    }
    assert_eq!(ran.len(), 4);
    assert_eq!(ran[1].matches(": OK").count(), 3, "{}", ran[1]);
    assert!(ran[2].contains("verify OK"), "{}", ran[2]);
    assert_eq!(ran[3].matches(": OK").count(), 2, "{}", ran[3]);
}

#[test]
fn the_same_archive_makes_the_same_report_and_texts_are_no_markup() {
    let archive = rehearsed("ceremony/minimal.toml");
    let at = ["--at", "2027-01-01"];
    assert_eq!(report(archive, &at).1, report(archive, &at).1);
    assert_ne!(report(archive, &at).1, report(archive, &["--at", "2028-01-01"]).1);
    let own = folder();
    let plan = own.path().join("plan.toml");
    let text = fs::read_to_string(support::repository().join("ceremony/minimal.toml")).unwrap();
    fs::write(&plan, text.replace("A first look", "</title><script>alert(1)</script>")).unwrap();
    let archive = own.path().join("archive");
    let made = support::rehearse(&plan, &archive);
    assert_eq!(made.code, 0, "{}", made.shown());
    let (_, html, _) = report(&archive, &[]);
    assert!(!html.contains("<script") && html.contains("&lt;script&gt;"));
}
