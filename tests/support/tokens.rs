//! The token room in a process of its own, with its own SoftHSM.
//!
//! A module's configuration is in the environment, and a process has one. So each test starts itself
//! again.

use std::fs::{self};
use std::path::{Path, PathBuf};
use std::process::Command;

use cryptoki::context::Pkcs11;
use cryptoki::mechanism::Mechanism;
use cryptoki::object::Attribute;
use cryptoki::session::{Session, UserType};
use rootwright::lint::{Findings, Lintable, Linted, Rules};
use rootwright::pki::{Algorithm, Document, Draft, Malformed, PublicKey, Signature};
use rootwright::plan::{Name, Source};
use rootwright::site::Site;
use rootwright::token::throwaway::Throwaway;
use rootwright::token::{AskPin, Devices, PinError, PinOwner, PinRequest, Token as _, TokenError};
use secrecy::SecretString;

/// Names the folder of a test that runs in a process of its own.
pub const INSIDE: &str = "ROOTWRIGHT_TEST_INSIDE";
pub const USER: &str = "123456";
pub const OFFICER: &str = "87654321";
pub const P256: [u8; 10] = [6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];

/// Runs `body` in a process of its own, in an empty folder, with a SoftHSM of its own.
pub fn isolated(test: &str, body: impl FnOnce(&Path)) {
    if let Some(folder) = std::env::var_os(INSIDE) {
        let folder = PathBuf::from(folder);
        body(&folder);
        fs::write(folder.join("done"), "").unwrap();
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (configuration, tokens) = (folder.path().join("softhsm2.conf"), folder.path().join("tokens"));
    fs::create_dir(&tokens).unwrap();
    fs::write(&configuration, format!("directories.tokendir = {}\nlog.level = ERROR\n", tokens.display()))
        .unwrap();
    start(
        Command::new(std::env::current_exe().unwrap())
            .args([test, "--exact", "--nocapture"])
            .env(INSIDE, folder.path())
            .env("SOFTHSM2_CONF", &configuration),
    );
    assert!(folder.path().join("done").exists(), "there is no test called {test}");
}

pub fn start(command: &mut Command) {
    let output = command.output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
}

pub fn softhsm() -> String {
    super::site::softhsm().display().to_string()
}

pub fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// The devices of a site; each is a name and its lines after `module`.
pub fn devices(site: &[(&str, &str)]) -> Devices {
    let mut text = "purpose = \"rehearsal\"\n".to_string();
    for (name, lines) in site {
        text += &format!("[devices.{name}]\n");
        if !lines.contains("module =") {
            text += &format!("module = \"{}\"\n", softhsm());
        }
        text += &format!("{lines}\n");
    }
    Devices::new(&Site::parse(&Source::new("site.toml", text), Path::new("/")).unwrap())
}

/// Types PINs, and remembers what it was asked.
pub struct Person {
    pub user: &'static str,
    pub asked: Vec<PinRequest>,
}

impl AskPin for Person {
    fn ask(&mut self, request: &PinRequest) -> Result<SecretString, PinError> {
        self.asked.push(request.clone());
        Ok(SecretString::from(match request.owner {
            PinOwner::User => self.user,
            PinOwner::SecurityOfficer => OFFICER,
            PinOwner::Puk | PinOwner::ManagementKey => unreachable!("a PKCS#11 token has none"),
        }))
    }
}

pub fn person() -> Person {
    Person { user: USER, asked: Vec::new() }
}

/// A fresh token labelled `a`, and the devices of a site that knows it by that label as device `a`.
pub fn ready() -> Devices {
    let mut devices = devices(&[("a", "label = \"a\"")]);
    devices.init(&name("a"), &mut person()).unwrap();
    devices
}

/// What opening a device ends in.
pub fn refusal(devices: &mut Devices, device: &str, person: &mut Person) -> TokenError {
    devices.open(&name(device), person).err().expect("the device opens")
}

/// A document that breaks no rule.
#[derive(Clone, Debug)]
pub struct Note;

impl Document for Note {
    type Context = ();
    const KIND: &'static str = "note";
    fn assemble(_: &Draft<Self>, _: &Signature) -> Result<Self, Malformed> {
        Ok(Self)
    }
}

impl Lintable for Note {
    fn lint(_: &Draft<Self>, _: &Rules) -> Findings {
        Findings::default()
    }

    fn finished(&self, _: &Draft<Self>) -> Findings {
        Findings::default()
    }
}

pub fn note_of(key: &str, public: PublicKey) -> Linted<Note> {
    let (object, bytes) = ("notes.first".to_string(), b"what shall be signed".to_vec());
    Draft::<Note> { object, bytes, key: name(key), public, context: () }.lint(&Rules::default()).unwrap()
}

/// A note for some key of that algorithm.
pub fn note(key: &str, algorithm: Algorithm) -> Linted<Note> {
    let public = Throwaway::default().generate(&name(key), algorithm).unwrap().public;
    note_of(key, public)
}

/// A session with the token labelled `a` beside the library's own, as another program has one.
pub fn beside() -> Session {
    let module = Pkcs11::new(softhsm()).unwrap();
    let slots = module.get_slots_with_initialized_token().unwrap();
    let slot = slots.into_iter().find(|slot| module.get_token_info(*slot).unwrap().label() == "a").unwrap();
    let session = module.open_rw_session(slot).unwrap();
    // SoftHSM's login is the process's, which may be logged in already.
    let _ = session.login(UserType::User, Some(&SecretString::from(USER)));
    session
}

/// Generates a P-256 pair as another tool would.
pub fn generate_beside(label: &str, id: u8, sign: bool) {
    let both = [Attribute::Token(true), Attribute::Label(label.into()), Attribute::Id(vec![id])];
    let public = [&both[..], &[Attribute::EcParams(P256.to_vec()), Attribute::Verify(true)]].concat();
    let private = [&both[..], &[Attribute::Private(true), Attribute::Sign(sign)]].concat();
    beside().generate_key_pair(&Mechanism::EccKeyPairGen, &public, &private).unwrap();
}
