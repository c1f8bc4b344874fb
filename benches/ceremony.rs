//! Whole commands on SoftHSM, as a person runs them: `cargo bench --bench ceremony`.
//!
//! A ceremony is measured by what `--json` says of it: elapsed, inside the devices, waiting for the
//! disk; what is left is our own time. Tokens and archive lie on the disk (under `target/`), and on
//! tmpfs where there is one. Figures are medians, with the smallest and the largest.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

const ROUNDS: usize = 15;
const PLAN: &str = "ceremony/sigstore.toml";

fn main() {
    println!("{PLAN}, {ROUNDS} rounds, milliseconds: median (min–max)\n");
    let disk = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bench");
    let mut places = vec![("disk", disk)];
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        places.push(("tmpfs", memory.join(format!("rootwright-bench-{}", std::process::id()))));
    }
    for (name, place) in &places {
        ceremony(name, place);
    }
    if let Some((_, place)) = places.first() {
        let archive = place.join("0");
        time("verify", &["verify", &archive.display().to_string()]);
        time(
            "run, nothing to do",
            &[
                "run",
                PLAN,
                "--yes",
                "--site",
                &archive.join("rehearsal/site.toml").display().to_string(),
                "--archive",
                &archive.display().to_string(),
            ],
        );
        time("check", &["check", PLAN]);
    }
    time("--version", &["--version"]);
    for (_, place) in &places {
        let _ = std::fs::remove_dir_all(place);
    }
}

fn ceremony(name: &str, place: &Path) {
    let _ = std::fs::remove_dir_all(place);
    let mut figures: [Vec<f64>; 6] = Default::default();
    for round in 0..ROUNDS {
        let archive = place.join(round.to_string());
        let output =
            rootwright(&["rehearse", PLAN, "--yes", "--json", "--archive", &archive.display().to_string()])
                .stderr(Stdio::null())
                .output()
                .expect("the binary runs");
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a report");
        assert!(report["error"].is_null(), "{report:#}");
        let field = |name: &str| report[name].as_f64().expect("a figure");
        let (elapsed, device, disk) = (field("elapsed_ms"), field("device_ms"), field("disk_ms"));
        let own = elapsed - device - disk;
        // The plan ends with one, which is not part of the ceremony's figures.
        let canary = report["canary"]["elapsed_ms"].as_f64().expect("a canary");
        let found = [elapsed, device, disk, own, 100.0 * own / elapsed, canary];
        for (list, figure) in figures.iter_mut().zip(found) {
            list.push(figure);
        }
    }
    let names = [
        "elapsed",
        "inside the devices",
        "waiting for the disk",
        "our own",
        "our own, percent",
        "the canary",
    ];
    for (what, list) in names.into_iter().zip(&mut figures) {
        show(&format!("ceremony on {name}: {what}"), list);
    }
    println!();
}

fn time(name: &str, arguments: &[&str]) {
    let mut figures = Vec::new();
    for _ in 0..=ROUNDS {
        let start = Instant::now();
        let status = rootwright(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .expect("the binary runs");
        figures.push(start.elapsed().as_secs_f64() * 1e3);
        assert!(status.success(), "{name}: {status}");
    }
    // The first one warms the caches.
    figures.remove(0);
    show(name, &mut figures);
}

fn rootwright(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rootwright"));
    command.args(arguments).env_remove("SOFTHSM2_CONF").current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

fn show(name: &str, figures: &mut [f64]) {
    figures.sort_by(f64::total_cmp);
    let (first, last) = (figures[0], figures[figures.len() - 1]);
    println!("{name:<44} {:>8.2} ({first:.2}–{last:.2})", figures[figures.len() / 2]);
}
