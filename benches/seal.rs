//! `seal` after a finished ceremony, beside `verify` of the same: `cargo bench --bench seal`. Five keyholders
//! sign. A seal is to add no more than its signatures: what it takes is divided into the time inside the devices,
//! the time waiting for the disk, and what is left, which is our own, from the process's start to its end. Figures
//! are medians, with the smallest and the largest, in milliseconds.

#[path = "../tests/support/mod.rs"]
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use rootwright::plan::Day;
use serde_json::Value;

const ROUNDS: usize = 15;
const PLAN: &str = "ceremony/sigstore.toml";
const SIGNATURES: usize = 5;

fn main() {
    println!("{PLAN}, {ROUNDS} rounds, milliseconds: median (min–max)\n");
    let place = support::program_folder();
    let first = support::rehearsed(PLAN);
    sealed("after one ceremony", first, &place);
    let many = renewed(&place, 20);
    sealed("after twenty more", &many, &place);
    let mut figures: Vec<f64> =
        (0..ROUNDS).map(|_| timed(|| process(support::rootwright().arg("--version")))).collect();
    show("rootwright --version, for its start", &mut figures);
}

/// Seals copies of an archive, and verifies it.
fn sealed(name: &str, archive: &Path, place: &Path) {
    let lines = fs::read_to_string(archive.join("journal.jsonl")).expect("a journal").lines().count();
    println!("{name}, {lines} lines:");
    let mut figures: [Vec<f64>; 7] = Default::default();
    for round in 0..ROUNDS {
        let copy = place.join(format!("{}-{round}", name.replace(' ', "-")));
        support::copy(archive, &copy);
        let seal = |more: &[&str]| -> Value {
            let mut command = support::rootwright();
            command
                .arg("seal")
                .arg(&copy)
                .arg("--site")
                .arg(archive.join("rehearsal/site.toml"))
                .arg("--json");
            let output = command.args(more).stderr(Stdio::null()).output().expect("the binary runs");
            serde_json::from_slice(&output.stdout).expect("its document")
        };
        let document = seal(&[]);
        let signed = document["now"]["signed"].as_array().map_or(0, Vec::len);
        assert_eq!(signed, SIGNATURES, "{document:#}");
        let field = |name: &str| document[name].as_f64().expect("a figure");
        let (elapsed, device, disk) = (field("elapsed_ms"), field("device_ms"), field("disk_ms"));
        let own = elapsed - device - disk;
        // Nobody is asked, and nothing is written: what is left is reading.
        let again = seal(&[]);
        let reading = again["elapsed_ms"].as_f64().expect("a figure");
        let verify = timed(|| process(support::rootwright().arg("verify").arg(&copy)));
        let each = [elapsed, device, device / SIGNATURES as f64, disk, own, reading, verify];
        for (list, figure) in figures.iter_mut().zip(each) {
            list.push(figure);
        }
        fs::remove_dir_all(&copy).expect("the copy");
    }
    let names = [
        "elapsed",
        "inside the devices",
        "inside the devices, a signature",
        "waiting for the disk",
        "our own",
        "the same command again",
        "rootwright verify, of the same",
    ];
    for (what, list) in names.into_iter().zip(&mut figures) {
        show(what, list);
    }
    println!();
}

/// An archive of the plan and of as many ceremonies after it, each of which signs the roles again.
fn renewed(place: &Path, ceremonies: i64) -> PathBuf {
    let archive = place.join("renewed");
    let first = fs::read_to_string(support::repository().join(PLAN)).expect("the plan");
    for number in 0..=ceremonies {
        let until = "2027-06-01".parse::<Day>().expect("a day").shifted(number).expect("a day");
        let plan = place.join(format!("renewed-{number}.toml"));
        fs::write(&plan, first.replace("2027-06-01T", &format!("{until}T"))).expect("a plan");
        let run = support::rehearse(&plan, &archive);
        assert_eq!(run.code, 0, "{}", run.shown());
    }
    archive
}

fn process(command: &mut Command) {
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status().expect("the program runs");
    assert!(status.success(), "{status}");
}

fn timed(mut work: impl FnMut()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64() * 1e3
}

fn show(name: &str, figures: &mut [f64]) {
    figures.sort_by(f64::total_cmp);
    let (first, last) = (figures[0], figures[figures.len() - 1]);
    println!("{name:<40} {:>8.3} ({first:.3}–{last:.3})", figures[figures.len() / 2]);
}
