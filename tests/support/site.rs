//! A site as people make one: a configuration, PIN files, and `token init` for each blank token.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::{Run, run};

/// A folder with a site file, tokens that it made ready, and room for archives.
pub struct Site {
    /// The folder.
    pub folder: tempfile::TempDir,
    /// `production` or `rehearsal`.
    purpose: String,
    devices: Vec<String>,
    module: String,
    environment: String,
    waivers: String,
}

impl Site {
    /// Takes the token with this label away: its folder, where it is now and where it was.
    pub fn hide(&self, label: &str) -> (PathBuf, PathBuf) {
        let tokens = self.folder.path().join("tokens");
        let listed = super::run(["token", "list", "--json", "--site", &self.path()]).json();
        let listed = listed[0]["tokens"].as_array().expect("tokens").clone();
        let token = listed.iter().find(|token| token["report"]["label"] == label);
        let serial = token.expect("the token")["report"]["serial"].as_str().expect("a serial").to_string();
        let folder = fs::read_dir(&tokens).expect("tokens").flatten().find(|entry| {
            entry.file_name().to_string_lossy().replace('-', "").ends_with(&serial[serial.len() - 12..])
        });
        let here = folder.expect("the token's folder").path();
        let there = tokens.with_file_name("hidden");
        fs::rename(&here, &there).expect("it is moved");
        (there, here)
    }

    /// A site with a token for each device.
    pub fn new(purpose: &str, devices: &[&str]) -> Self {
        let folder = super::folder();
        fs::create_dir(folder.path().join("tokens")).expect("the tokens' folder");
        let tokens = folder.path().join("tokens");
        let configuration = format!("directories.tokendir = {}\nlog.level = ERROR\n", tokens.display());
        fs::write(folder.path().join("softhsm2.conf"), configuration).expect("the configuration");
        let site = Self {
            environment: format!("SOFTHSM2_CONF = {:?}\n", folder.path().join("softhsm2.conf")),
            folder,
            purpose: purpose.into(),
            devices: devices.iter().map(|device| device.to_string()).collect(),
            module: softhsm().display().to_string(),
            waivers: String::new(),
        };
        for device in &site.devices {
            site.write_pin(device, "123456");
            site.write_pin(&format!("{device}.so"), "87654321");
        }
        site.write();
        for device in &site.devices {
            let made = run(["token", "init", device, "--site", &site.path()]);
            assert_eq!(made.code, 0, "{}", made.shown());
        }
        site
    }

    /// Writes a PIN file.
    pub fn write_pin(&self, device: &str, pin: &str) {
        let file = self.folder.path().join(format!("{device}.pin"));
        fs::write(&file, pin).expect("the PIN file");
        fs::set_permissions(&file, Permissions::from_mode(0o600)).expect("its mode");
    }

    /// Uses another module.
    pub fn module(mut self, module: &str) -> Self {
        self.module = module.into();
        self.write();
        self
    }

    /// Adds an environment variable.
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push_str(&format!("{name} = {value:?}\n"));
        self.write();
        self
    }

    /// Waives findings about this machine.
    pub fn waive(mut self, ids: &[&str]) -> Self {
        self.waivers.extend(ids.iter().map(|id| format!("{id} = \"a test\"\n")));
        self.write();
        self
    }

    /// The site file's text.
    pub fn text(&self) -> String {
        let mut text = format!(
            "purpose = {:?}\n\n[waivers]\n{}\n[environment]\n{}",
            self.purpose, self.waivers, self.environment
        );
        for device in &self.devices {
            text.push_str(&format!(
                "\n[devices.{device}]\nmodule = {:?}\nlabel = {device:?}\npin = {{ file = \"{device}.pin\" }}\nso-pin = {{ file = \"{device}.so.pin\" }}\n",
                self.module
            ));
        }
        text
    }

    /// Writes the site file.
    pub fn write(&self) {
        fs::write(self.folder.path().join("site.toml"), self.text()).expect("the site file");
    }

    /// The site file's path.
    pub fn path(&self) -> String {
        self.folder.path().join("site.toml").display().to_string()
    }

    /// An archive's path.
    pub fn archive(&self) -> PathBuf {
        self.folder.path().join("archive")
    }

    /// Runs a plan over the archive.
    pub fn run(&self, plan: &Path) -> Run {
        let archive = self.archive().display().to_string();
        run(["run", &plan.display().to_string(), "--site", &self.path(), "--archive", &archive])
    }
}

/// SoftHSM's module.
pub fn softhsm() -> PathBuf {
    let places = [
        "/usr/lib/softhsm/libsofthsm2.so",
        "/usr/lib64/pkcs11/libsofthsm2.so",
        "/usr/local/lib/softhsm/libsofthsm2.so",
        "/opt/homebrew/lib/softhsm/libsofthsm2.so",
    ];
    let module = places.into_iter().map(PathBuf::from).find(|place| place.exists());
    module.expect("SoftHSM is not installed: run ./softhsm-setup/test.sh")
}
