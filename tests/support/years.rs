//! Plans that change a trust root, each held over an archive that those before it made.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Run, copy, files, folder, rehearsed, repository, run};

/// What a plan says in its head that it starts from, as `softhsm-setup/rehearse-after.sh` reads it.
pub fn starts_from(plan: &Path) -> Option<String> {
    let text = fs::read_to_string(plan).expect("the plan");
    text.lines().find_map(|line| line.strip_prefix("# Starts from:")).map(|name| name.trim().to_string())
}

/// Plans of the repository that start from another one, by their paths in it.
pub fn followers() -> Vec<String> {
    let all = files(&repository().join("ceremony"));
    let plans = all.into_iter().filter(|file| file.extension().is_some_and(|end| end == "toml"));
    let paths = plans.map(|file| format!("ceremony/{}", file.display()));
    paths.filter(|plan| starts_from(&repository().join(plan)).is_some()).collect()
}

/// An archive with the tokens that it was rehearsed on.
pub struct Years {
    folder: tempfile::TempDir,
}

impl Years {
    /// The state that a plan of the repository starts from.
    pub fn before(plan: &str) -> Self {
        let mut plans = Vec::new();
        let mut next = starts_from(&repository().join(plan));
        while let Some(plan) = next {
            next = starts_from(&repository().join(&plan));
            plans.push(plan);
        }
        let first = plans.pop().expect("a plan that starts from another");
        let years = Self { folder: folder() };
        copy(rehearsed(&first), &years.archive());
        for plan in plans.iter().rev() {
            years.holds(plan);
        }
        years
    }

    /// The state after it.
    pub fn after(plan: &str) -> Self {
        let years = Self::before(plan);
        years.holds(plan);
        years
    }

    pub fn archive(&self) -> PathBuf {
        self.place("archive")
    }

    pub fn place(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Rehearses a plan of the repository over the archive.
    pub fn rehearse(&self, plan: &str) -> Run {
        let archive = self.archive().display().to_string();
        run(["--json", "rehearse", plan, "--archive", &archive, "--yes"])
    }

    /// Rehearses one that must pass, with all that it makes. Gives what the command said.
    #[track_caller]
    pub fn holds(&self, plan: &str) -> Value {
        let held = self.rehearse(plan);
        assert_eq!(held.code, 0, "{plan}: {}", held.shown());
        self.verified();
        held.json()
    }

    /// Another plan, as an edit of one of the repository's.
    pub fn edited(&self, plan: &str, edits: &[(&str, &str)]) -> String {
        let mut text = fs::read_to_string(repository().join(plan)).expect("the plan");
        for (from, to) in edits {
            assert!(text.contains(from), "{plan} has no {from}");
            text = text.replace(from, to);
        }
        let number = fs::read_dir(self.folder.path()).expect("the folder").count();
        let path = self.place(&format!("edited-{number}.toml"));
        fs::write(&path, text).expect("the edited plan");
        path.display().to_string()
    }

    #[track_caller]
    pub fn verified(&self) {
        let verified = run(["verify", &self.archive().display().to_string()]);
        assert_eq!(verified.code, 0, "{}", verified.shown());
    }

    /// A file of the archive, as JSON.
    pub fn json(&self, file: &str) -> Value {
        serde_json::from_slice(&fs::read(self.archive().join(file)).expect(file)).expect("JSON")
    }

    /// Signs a canary into a folder of that name, by the archive's own tokens.
    #[track_caller]
    pub fn prove(&self, out: &str, more: &[&str]) -> PathBuf {
        let text = |path: PathBuf| path.display().to_string();
        let (archive, site) = (text(self.archive()), text(self.archive().join("rehearsal/site.toml")));
        let out = self.place(out);
        let given = ["prove", &archive, "--site", &site, "-o", &text(out.clone())].map(str::to_string);
        let proved = run(given.iter().map(String::as_str).chain(more.iter().copied()));
        assert_eq!(proved.code, 0, "{}", proved.shown());
        out
    }

    /// A day of a plan as this archive has it: `2027-06-08T00:00:00Z`, say, moved as all dates are.
    pub fn moved(&self, time: &str) -> String {
        let (_, state) = rootwright::archive::read(&self.archive()).expect("the archive");
        let time: rootwright::plan::Time = time.parse().expect("a time");
        time.shifted(state.date_shift).expect("a time of the calendar").to_string()
    }
}

/// The steps that a ceremony took.
pub fn made(held: &Value) -> Vec<&str> {
    let steps = held["steps"].as_array().expect("steps").iter();
    steps.filter(|step| step["status"] == "made").map(|step| step["id"].as_str().expect("an id")).collect()
}

/// The devices that it opened.
pub fn opened(archive: &Path) -> Vec<String> {
    let (journal, _) = rootwright::archive::read(archive).expect("the archive");
    let mut devices = Vec::new();
    for record in &journal.records {
        match &record.event {
            rootwright::archive::Event::CeremonyStarted { .. } => devices.clear(),
            rootwright::archive::Event::DeviceOpened { device, .. } => devices.push(device.to_string()),
            _ => {}
        }
    }
    devices
}
