//! PINs: where each comes from. Never shown, never guessed, held for as short as possible.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::{Class, shares};
use crate::plan::Name;
use crate::site::Pin;

/// Whose PIN it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinOwner {
    /// Who uses the keys (CKU_USER).
    User,
    /// The security officer, who initialises the token (CKU_SO).
    SecurityOfficer,
    /// Whoever can set a YubiKey's PIN anew (PIN Unblocking Key).
    Puk,
    /// Whoever administers a YubiKey: the management key, in hex.
    ManagementKey,
}

impl PinOwner {
    /// What is typed.
    pub fn secret(self) -> &'static str {
        match self {
            Self::User => "user PIN",
            Self::SecurityOfficer => "security officer PIN",
            Self::Puk => "PUK",
            Self::ManagementKey => "management key, in hex",
        }
    }
}

impl fmt::Display for PinOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::User => "user",
            Self::SecurityOfficer => "security officer",
            Self::Puk => "holder of the PUK",
            Self::ManagementKey => "holder of the management key",
        })
    }
}

/// What a person must know to type the right PIN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinRequest {
    /// The device's name in plan and site.
    pub device: Name,
    /// Whose PIN it is.
    pub owner: PinOwner,
    /// Whether the PIN is chosen now (and must be typed twice), not given.
    pub new: bool,
    /// The token's label.
    pub label: String,
    /// The token's serial number.
    pub serial: String,
    /// The token's model.
    pub model: String,
    /// Whether a wrong PIN was tried since the last right one, as the token says.
    pub count_low: bool,
    /// Whether one more wrong PIN locks it, as the token says.
    pub final_try: bool,
    /// How many tries are left, where the token says so.
    pub tries: Option<u8>,
    /// How many bytes the PIN may have, where the token says so.
    pub length: Option<(usize, usize)>,
}

/// Asks a person for a PIN. The token room itself never talks to one.
pub trait AskPin {
    /// Asks once. What comes back is tried once: nothing is asked again after a wrong PIN.
    fn ask(&mut self, request: &PinRequest) -> Result<SecretString, PinError>;

    /// Whether the last try before the PIN is locked may be used. Only a person who typed the token's
    /// serial number says so.
    fn last_try(&mut self, _request: &PinRequest) -> bool {
        false
    }

    /// Shows one share of a new PIN to its holder, once, and has it typed back.
    fn deal(
        &mut self,
        request: &PinRequest,
        _share: &SecretString,
        _which: (u8, u8),
    ) -> Result<(), PinError> {
        Err(PinError::NotTyped {
            reason: format!("nobody is there who could be given a share of the PIN of {}", request.device),
        })
    }

    /// Asks a holder for a share: how many were typed, how many are needed, and what was wrong with the last.
    fn share(
        &mut self,
        request: &PinRequest,
        _progress: (u8, u8),
        _wrong: Option<&str>,
    ) -> Result<SecretString, PinError> {
        Err(PinError::NotTyped {
            reason: format!("nobody is asked here for shares of the PIN of {}", request.device),
        })
    }

    /// Tells a person that the device waits for a PIN on its own keypad.
    fn keypad(&mut self, _request: &PinRequest) {}

    /// Tells a person that the device will wait for a touch, before it does.
    fn touch(&mut self, _request: &PinRequest) {}

    /// Tells a person that it waits no more: it was touched, or it was not and gave up.
    fn touched(&mut self) {}

    /// Whether what a slot holds may be replaced for good. Only a person who typed the device's serial
    /// number says so.
    fn replace(&mut self, _request: &PinRequest, _what: &str) -> bool {
        false
    }
}

/// Why there is no PIN. No attempt was used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PinError {
    /// The file can't be read as a PIN.
    #[error(
        "the PIN file {}: {found}\n  expected: a regular file that holds the PIN and nothing else",
        path.display()
    )]
    File {
        /// The file.
        path: PathBuf,
        /// What was found.
        found: String,
    },
    /// Others can read the file, or own it.
    #[error(
        "the PIN file {}: {found}\n  expected: owned by you (user {user}), mode 0600\n  others may have read the PIN: consider changing it, then `chmod 600` the file, or use pin = \"prompt\"",
        path.display()
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// What was found.
        found: String,
        /// The caller's user id.
        user: u32,
    },
    /// The environment variable is not there.
    #[error(
        "the environment variable `{variable}`, which the site names as the source of the PIN, is not set (or is not text)\n  set it, and run again"
    )]
    Environment {
        /// The variable.
        variable: String,
    },
    /// What was given can't be a PIN.
    #[error("what was given as PIN can't be one: {found}. No attempt was used")]
    Unusable {
        /// What was found, without the PIN.
        found: &'static str,
    },
    /// A new PIN has a length that the token does not take.
    #[error("the new PIN can't be used: the token takes {shortest} to {longest} bytes. Nothing was changed")]
    Length {
        /// The fewest bytes.
        shortest: usize,
        /// The most bytes.
        longest: usize,
    },
    /// A person could not be asked, or gave no answer.
    #[error("no PIN was typed: {reason}")]
    NotTyped {
        /// Why.
        reason: String,
    },
}

impl PinError {
    /// What the error means for the ceremony.
    pub fn class(&self) -> Class {
        match self {
            Self::Exposed { .. } => Class::Refused,
            _ => Class::Paused,
        }
    }
}

/// A PIN from the source that the site names; none where it is typed on the device itself.
pub(super) fn obtain(
    source: &Pin,
    request: &PinRequest,
    ask: &mut dyn AskPin,
) -> Result<Option<SecretString>, PinError> {
    let pin = match source {
        Pin::Protected => {
            ask.keypad(request);
            return Ok(None);
        }
        Pin::Prompt => ask.ask(request)?,
        Pin::Shares { shares, threshold } if request.new => {
            shares::deal(request, (*shares, *threshold), ask)?
        }
        Pin::Shares { threshold, .. } => shares::gather(request, *threshold, ask)?,
        Pin::File(path) => from_file(path)?,
        Pin::Env(variable) => from_environment(variable)?,
    };
    // A token would count these as a wrong PIN.
    let found = match pin.expose_secret() {
        "" => "it is empty",
        text if text.contains(char::is_control) => "it has a control character or a second line",
        _ => return Ok(Some(pin)),
    };
    Err(match source {
        Pin::File(path) => PinError::File { path: path.clone(), found: found.into() },
        _ => PinError::Unusable { found },
    })
}

fn from_environment(variable: &str) -> Result<SecretString, PinError> {
    let text = std::env::var(variable)
        .map(Zeroizing::new)
        .map_err(|_| PinError::Environment { variable: variable.into() })?;
    Ok(SecretString::from(text.as_str()))
}

fn from_file(path: &Path) -> Result<SecretString, PinError> {
    /// No token takes a longer PIN; another file was named by mistake.
    const LONGEST: u64 = 1024;
    let wrong = |found: String| PinError::File { path: path.into(), found };
    // What is checked is what is read: one open, no link followed, no waiting for a pipe's other end.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| match error {
        rustix::io::Errno::LOOP => wrong("found a symbolic link".into()),
        error => wrong(std::io::Error::from(error).to_string()),
    })?;
    let file = File::from(file);
    let metadata = file.metadata().map_err(|error| wrong(error.to_string()))?;
    if !metadata.is_file() {
        return Err(wrong("found something that is not a regular file".into()));
    }
    let user = rustix::process::getuid().as_raw();
    let exposed = |found: String| PinError::Exposed { path: path.into(), found, user };
    if metadata.uid() != user {
        return Err(exposed(format!("found it owned by user {}", metadata.uid())));
    }
    if metadata.mode() & 0o077 != 0 {
        return Err(exposed(format!("found mode {:04o}", metadata.mode() & 0o7777)));
    }
    if metadata.len() > LONGEST {
        return Err(wrong(format!("found {} bytes", metadata.len())));
    }
    // Room enough that reading never moves the bytes and leaves a copy behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
    file.take(LONGEST).read_to_end(&mut bytes).map_err(|error| wrong(error.to_string()))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| wrong("found bytes that are not UTF-8".into()))?;
    let text = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
    Ok(SecretString::from(text))
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    struct Typed(&'static str);
    impl AskPin for Typed {
        fn ask(&mut self, _: &PinRequest) -> Result<SecretString, PinError> {
            Ok(SecretString::from(self.0))
        }
    }

    fn request() -> PinRequest {
        PinRequest {
            device: "root-hsm".parse().unwrap(),
            owner: PinOwner::User,
            new: false,
            label: "root".into(),
            serial: "1f0e".into(),
            model: "model".into(),
            count_low: false,
            final_try: false,
            tries: None,
            length: Some((4, 255)),
        }
    }

    fn file(content: &[u8], mode: u32) -> (tempfile::TempDir, Pin) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pin");
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        (folder, Pin::File(path))
    }

    fn read(source: &Pin) -> Result<String, PinError> {
        let pin = obtain(source, &request(), &mut Typed("typed"))?;
        Ok(pin.map_or("keypad".into(), |pin| pin.expose_secret().to_string()))
    }

    #[test]
    fn sources() {
        assert_eq!(read(&Pin::Prompt).unwrap(), "typed");
        assert_eq!(read(&Pin::Protected).unwrap(), "keypad");
        assert!(matches!(read(&Pin::Env("NO_SUCH_VARIABLE".into())), Err(PinError::Environment { .. })));
    }

    #[test]
    fn a_file_loses_one_newline_and_nothing_else() {
        for (content, pin) in
            [("1234", "1234"), ("1234\n", "1234"), ("1234\r\n", "1234"), (" 12 34 ", " 12 34 ")]
        {
            assert_eq!(read(&file(content.as_bytes(), 0o600).1).unwrap(), pin);
        }
        assert_eq!(read(&file(b"1234", 0o400).1).unwrap(), "1234");
    }

    #[test]
    fn a_file_that_is_no_pin_uses_no_attempt() {
        for content in [&b""[..], b"\n", b"1234\n\n", b"1234\n5678\n", b"\xff\xfe", &[b'1'; 2000]] {
            let error = read(&file(content, 0o600).1).unwrap_err();
            assert!(matches!(error, PinError::File { .. }), "{error}");
            assert!(!format!("{error} {error:?}").contains("1234"), "{error}");
        }
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        for mode in [0o640, 0o604, 0o644, 0o620, 0o601] {
            let error = read(&file(b"1234", mode).1).unwrap_err();
            assert_eq!(error.class(), Class::Refused);
            let shown = error.to_string();
            assert!(shown.contains(&format!("found mode {mode:04o}")), "{shown}");
            assert!(shown.contains("mode 0600") && shown.contains("/pin"), "{shown}");
        }
    }

    #[test]
    fn only_a_regular_file() {
        let (folder, source) = file(b"1234", 0o600);
        let Pin::File(path) = &source else { unreachable!() };
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(path, &link).unwrap();
        assert!(read(&Pin::File(link)).unwrap_err().to_string().contains("symbolic link"));
        assert!(read(&Pin::File(folder.path().into())).unwrap_err().to_string().contains("not a regular"));
        let gone = read(&Pin::File("/no/such/pin".into())).unwrap_err();
        assert!(gone.to_string().contains("/no/such/pin: No such file"), "{gone}");
        assert_eq!(gone.class(), Class::Paused);
    }
}
