//! The environment variables that PKCS#11 modules read their configuration from.

use std::ffi::OsStr;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use indexmap::IndexMap;

/// Holds the id of the process that was started again, so that a variable which can't be set ends
/// in an error and not in a circle. Processes that inherit it have another id.
const MARKER: &str = "ROOTWRIGHT_STARTED_AGAIN";

/// Makes sure that this process has these variables, as a site's `[environment]` gives them.
///
/// Where one differs, the process replaces itself by the same program with the same arguments and
/// the variables set: a process can't change its own environment safely, and a module must find it
/// when it is loaded. So call this before anything else that has an effect.
pub fn ensure(environment: &IndexMap<String, String>) -> io::Result<()> {
    let differs = |(name, value): &(&String, &String)| {
        std::env::var_os(name).as_deref() != Some(OsStr::new(value.as_str()))
    };
    let Some((name, _)) = environment.iter().find(differs) else { return Ok(()) };
    let own = std::process::id().to_string();
    if std::env::var_os(MARKER).is_some_and(|id| id == *own) {
        return Err(io::Error::other(format!(
            "the environment variable `{name}` can't be set\n  expected under [environment] in the site file: a name without `=`, and a text"
        )));
    }
    let mut arguments = std::env::args_os();
    // The very file that runs now, even if another one has taken its place on the disk.
    let kernel = Path::new("/proc/self/exe");
    let program = if kernel.exists() { kernel.to_path_buf() } else { std::env::current_exe()? };
    let mut command = Command::new(program);
    if let Some(zeroth) = arguments.next() {
        command.arg0(zeroth);
    }
    // The id stays the same across exec, which is how the marker is known as our own.
    Err(command.args(arguments).envs(environment).env(MARKER, own).exec())
}

#[cfg(test)]
mod tests {
    use super::*;

    // What does start the process again is tested in tests/token.rs, in a process of its own.
    #[test]
    fn what_is_there_is_left_alone() {
        assert!(ensure(&IndexMap::new()).is_ok());
        let (name, value) = std::env::vars().find(|(_, value)| !value.is_empty()).unwrap();
        assert!(ensure(&IndexMap::from([(name, value)])).is_ok());
    }
}
