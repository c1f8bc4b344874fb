//! People without a device: keys and signatures of the system's own OpenSSH.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A person's SSH key in a folder.
pub struct SshKey {
    file: PathBuf,
}

impl SshKey {
    /// A key of a kind, such as `ed25519` or `ecdsa`.
    pub fn new(folder: &Path, name: &str, kind: &str) -> Self {
        let file = folder.join(name);
        let mut command = Command::new("ssh-keygen");
        command.args(["-q", "-t", kind, "-N", "", "-C", name, "-f"]).arg(&file);
        quiet(&mut command);
        Self { file }
    }

    /// The key that was made there before.
    pub fn at(folder: &Path, name: &str) -> Self {
        Self { file: folder.join(name) }
    }

    /// The line that a plan has for it.
    pub fn line(&self) -> String {
        fs::read_to_string(self.file.with_extension("pub")).unwrap().trim().to_string()
    }

    /// Signs a file for a namespace, and gives the signature's file.
    pub fn sign(&self, file: &Path, namespace: &str) -> PathBuf {
        let mut command = Command::new("ssh-keygen");
        command.args(["-Y", "sign", "-n", namespace, "-f"]).arg(&self.file).arg(file);
        quiet(&mut command);
        let mut signature = file.as_os_str().to_os_string();
        signature.push(".sig");
        signature.into()
    }

    /// Runs the command that the tool printed, with this key in the place of the one it names.
    pub fn as_printed(&self, shown: &str) {
        let line = shown.lines().map(str::trim).find(|line| line.starts_with("ssh-keygen -Y sign "));
        let line = line.unwrap_or_else(|| panic!("no command in {shown}"));
        let line = line.replace("~/.ssh/id_ed25519", &self.file.display().to_string());
        quiet(Command::new("sh").args(["-c", &line]));
    }
}

fn quiet(command: &mut Command) {
    let run =
        command.stdin(Stdio::null()).output().expect("OpenSSH's ssh-keygen: run ./softhsm-setup/test.sh");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
}
