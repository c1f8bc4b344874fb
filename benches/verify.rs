//! `verify` over the example's archive, beside what other linters take over the same certificates:
//! `cargo bench --bench verify`. Figures are medians, with the smallest and the largest, in milliseconds.

#[path = "../tests/support/mod.rs"]
mod support;

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use rootwright::verify::parsed::Parsed;
use rootwright::verify::path::{Question, build};
use rootwright::verify::{Options, verify};
use support::clients::pkilint;
use support::drafts;

const ROUNDS: usize = 31;
const PLAN: &str = "ceremony/sigstore.toml";

fn main() {
    println!("{PLAN}, {ROUNDS} rounds, milliseconds: median (min–max)\n");
    let archive = support::rehearsed(PLAN);
    let options = Options { at: None, now: "2026-12-01T00:00:00Z".parse().expect("a moment"), plan: None };
    time("verify, in one process", 1, || {
        let report = verify(archive, &options).expect("an archive");
        assert!(report.ok);
    });
    let argument = archive.display().to_string();
    time("rootwright verify, with its start", 1, || {
        process(support::rootwright().args(["verify", &argument]))
    });
    time("rootwright --version, for its start", 1, || process(support::rootwright().arg("--version")));

    let made = drafts::made(archive);
    let count = made.len();
    println!("\nfor each of {count} certificates:");
    time("rules, over the draft", count, || {
        made.iter().for_each(|made| _ = black_box(drafts::lint(&made.draft)));
    });
    time("verify's reading, path and signatures", count, || {
        let read: Vec<Parsed<'_>> = made.iter().filter_map(|made| Parsed::read(&made.der).ok()).collect();
        let all: Vec<&Parsed<'_>> = read.iter().collect();
        let roots: Vec<&Parsed<'_>> = all.iter().copied().filter(|found| found.is_self_issued()).collect();
        for end in &all {
            build(end, &all, &roots, &Question::default()).expect("a path");
        }
    });
    let files: Vec<PathBuf> =
        made.iter().map(|made| archive.join(format!("certificates/{}.pem", made.name))).collect();
    others(&files);
}

/// Linters of others, where they are installed.
fn others(files: &[PathBuf]) {
    if Path::new(env!("CARGO_MANIFEST_DIR")).join("target/clients/python/bin/lint_pkix_cert").exists() {
        // Every file often enough in one process that Python's start does not count.
        let mut command = pkilint();
        for _ in 0..ROUNDS {
            files.iter().for_each(|file| _ = command.arg("cert").arg(file));
        }
        let output = command.output().expect("pkilint runs");
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("its report");
        let each = document["judged"].as_array().expect("what it judged").chunks(files.len());
        let mut figures: Vec<f64> = each
            .map(|round| round.iter().filter_map(|one| one["ms"].as_f64()).sum::<f64>() / files.len() as f64)
            .collect();
        figures.remove(0);
        show("pkilint, in one process", &mut figures);
        time("pkilint, with its start", 1, || process(pkilint().arg("cert").arg(&files[0])));
    } else {
        println!("not run: pkilint (softhsm-setup/test.sh installs it)");
    }
    if Command::new("zlint").arg("-version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok() {
        time("zlint, with its start", 1, || process(Command::new("zlint").arg(&files[0])));
    } else {
        println!("not run: zlint (there is none on the PATH)");
    }
}

fn process(command: &mut Command) {
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status().expect("the program runs");
    assert!(status.success(), "{status}");
}

/// Measures what is done to `count` things at once, and shows what one of them takes.
fn time(name: &str, count: usize, mut work: impl FnMut()) {
    // The first one warms the caches.
    work();
    let mut figures: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64() * 1e3 / count as f64
        })
        .collect();
    show(name, &mut figures);
}

fn show(name: &str, figures: &mut [f64]) {
    figures.sort_by(f64::total_cmp);
    let (first, last) = (figures[0], figures[figures.len() - 1]);
    println!("{name:<40} {:>8.3} ({first:.3}–{last:.3})", figures[figures.len() / 2]);
}
