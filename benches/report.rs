//! `report` over ten years of ceremonies, and `script` over one: `cargo bench --bench report`. Figures are
//! medians, with the smallest and the largest, in milliseconds. A report is to take no more than a second.

#[path = "../tests/support/mod.rs"]
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

const ROUNDS: usize = 11;
const YEARS: i32 = 10;

/// A day on which nothing has expired: its certificates end with the year.
const DAY: &str = "2036-06-02";

fn main() {
    let folder = support::program_folder();
    let archive = ten_years(&folder);
    let lines = fs::read_to_string(archive.join("journal.jsonl")).expect("the journal").lines().count();
    let ceremonies = fs::read_dir(archive.join("plans")).expect("the plans").count();
    println!("{ceremonies} ceremonies, {lines} lines, {ROUNDS} rounds, milliseconds: median (min–max)\n");
    let page = folder.join("page.html");
    let (archive, page) = (archive.display().to_string(), page.display().to_string());
    time("rootwright report, of ten years", || {
        process(support::rootwright().args(["report", &archive, "-o", &page, "--at", DAY]));
    });
    time("rootwright report --public, of the same", || {
        process(support::rootwright().args(["report", &archive, "-o", &page, "--at", DAY, "--public"]));
    });
    time("rootwright verify, of the same", || {
        process(support::rootwright().args(["verify", &archive, "--at", DAY]))
    });
    time("rootwright script, of the first day", || {
        process(support::rootwright().args(["script", "ceremony/sigstore.toml", "-o", &page]));
    });
}

/// An archive of ten years: each half year the roles are signed again, and each year a CRL.
fn ten_years(folder: &Path) -> PathBuf {
    let archive = folder.join("ten-years");
    let first = fs::read_to_string(support::repository().join("ceremony/sigstore.toml")).expect("the plan");
    // What ends before is a matter of rotations, which add no other kind of line.
    let first = first
        .replacen("[ceremony]\n", "[ceremony]\nprivate = [\"names\", \"serials\"]\n", 1)
        .replace("\"3 years\"", "\"10 years\"")
        .replace("\"9 years\"", "\"10 years\"")
        .replace("\"5 years\"", "\"10 years\"");
    let mut crls = String::new();
    for half in 0..YEARS * 2 {
        let (year, month) = (2026 + (half + 1) / 2, if half % 2 == 0 { 12 } else { 6 });
        let expires = if month == 12 { format!("{}-07-01", year + 1) } else { format!("{}-01-01", year + 1) };
        if month == 12 && half > 0 {
            crls.push_str(&format!(
                "[crls.root-{}]\nissuer = \"root\"\nnumber = {}\nvalidity = {{ from = \"{year}-12-01T00:00:00Z\", to = \"{}-11-01T00:00:00Z\" }}\n\n",
                half / 2 + 1,
                half / 2 + 1,
                year + 1
            ));
        }
        let text = first
            .replacen("date         = \"2026-12-01\"", &format!("date         = \"{year}-{month:02}-01\""), 1)
            .replace("expires = \"2027-06-01", &format!("expires = \"{expires}"))
            .replacen("[trust-root]\n", &format!("{crls}[trust-root]\n"), 1);
        let plan = folder.join(format!("plan-{half}.toml"));
        fs::write(&plan, text).expect("a plan");
        let run = support::rehearse(&plan, &archive);
        assert_eq!(run.code, 0, "{}", run.shown());
    }
    archive
}

fn process(command: &mut Command) {
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status().expect("the program runs");
    assert!(status.success(), "{status}");
}

fn time(name: &str, mut work: impl FnMut()) {
    // The first one warms the caches.
    work();
    let mut figures: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    figures.sort_by(f64::total_cmp);
    let (first, last) = (figures[0], figures[figures.len() - 1]);
    println!("{name:<40} {:>8.3} ({first:.3}–{last:.3})", figures[figures.len() / 2]);
}
