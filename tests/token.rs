//! The token room on real SoftHSM tokens.
//!
//! A module's configuration is in the environment, and a process has one. So each test starts itself
//! again in a process of its own, with its own SoftHSM.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use cryptoki::context::Pkcs11;
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, ObjectClass};
use cryptoki::session::{Session, UserType};
use indexmap::IndexMap;
use rootwright::lint::{Findings, Lintable, Linted};
use rootwright::pki::{Algorithm, Document, Draft, Malformed, PublicKey, Signature};
use rootwright::plan::{Name, Source};
use rootwright::site::Site;
use rootwright::token::throwaway::Throwaway;
use rootwright::token::{
    AskPin, Class, Devices, ObjectReport, PinError, PinOwner, PinRequest, Token as _, TokenError, environment,
};
use secrecy::SecretString;
use serde_json::json;

/// Names the folder of a test that runs in a process of its own.
const INSIDE: &str = "ROOTWRIGHT_TEST_INSIDE";
const USER: &str = "123456";
const OFFICER: &str = "87654321";
const P256: [u8; 10] = [6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];

/// Runs `body` in a process of its own, in an empty folder, with a SoftHSM of its own.
fn isolated(test: &str, body: impl FnOnce(&Path)) {
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

fn start(command: &mut Command) {
    let output = command.output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
}

fn softhsm() -> String {
    let places = [
        "/usr/lib/softhsm/libsofthsm2.so",
        "/usr/lib64/pkcs11/libsofthsm2.so",
        "/usr/local/lib/softhsm/libsofthsm2.so",
        "/opt/homebrew/lib/softhsm/libsofthsm2.so",
    ];
    let module = places.into_iter().find(|place| Path::new(place).exists());
    module.expect("SoftHSM is not installed: run softhsm-setup/test.sh").to_string()
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// The devices of a site; each is a name and its lines after `module`.
fn devices(site: &[(&str, &str)]) -> Devices {
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
struct Person {
    user: &'static str,
    asked: Vec<PinRequest>,
}

impl AskPin for Person {
    fn ask(&mut self, request: &PinRequest) -> Result<SecretString, PinError> {
        self.asked.push(request.clone());
        Ok(SecretString::from(match request.owner {
            PinOwner::User => self.user,
            PinOwner::SecurityOfficer => OFFICER,
        }))
    }
}

fn person() -> Person {
    Person { user: USER, asked: Vec::new() }
}

/// A fresh token labelled `a`, and the devices of a site that knows it by that label as device `a`.
fn ready() -> Devices {
    let mut devices = devices(&[("a", "label = \"a\"")]);
    devices.init(&name("a"), &mut person()).unwrap();
    devices
}

/// What opening a device ends in.
fn refusal(devices: &mut Devices, device: &str, person: &mut Person) -> TokenError {
    devices.open(&name(device), person).err().expect("the device opens")
}

/// A document that breaks no rule.
#[derive(Clone, Debug)]
struct Note;

impl Document for Note {
    type Context = ();
    const KIND: &'static str = "note";
    fn assemble(_: &Draft<Self>, _: &Signature) -> Result<Self, Malformed> {
        Ok(Self)
    }
}

impl Lintable for Note {
    fn lint(_: &Draft<Self>) -> Findings {
        Findings::default()
    }
}

fn note_of(key: &str, public: PublicKey) -> Linted<Note> {
    let (object, bytes) = ("notes.first".to_string(), b"what shall be signed".to_vec());
    Draft::<Note> { object, bytes, key: name(key), public, context: () }.lint().unwrap()
}

/// A note for some key of that algorithm.
fn note(key: &str, algorithm: Algorithm) -> Linted<Note> {
    let public = Throwaway::default().generate(&name(key), algorithm).unwrap().public;
    note_of(key, public)
}

/// A session with the token labelled `a` beside the library's own, as another program has one.
fn beside() -> Session {
    let module = Pkcs11::new(softhsm()).unwrap();
    let slots = module.get_slots_with_initialized_token().unwrap();
    let slot = slots.into_iter().find(|slot| module.get_token_info(*slot).unwrap().label() == "a").unwrap();
    let session = module.open_rw_session(slot).unwrap();
    // SoftHSM's login is the process's, which may be logged in already.
    let _ = session.login(UserType::User, Some(&SecretString::from(USER)));
    session
}

/// Generates a P-256 pair as another tool would.
fn generate_beside(label: &str, id: u8, sign: bool) {
    let both = [Attribute::Token(true), Attribute::Label(label.into()), Attribute::Id(vec![id])];
    let public = [&both[..], &[Attribute::EcParams(P256.to_vec()), Attribute::Verify(true)]].concat();
    let private = [&both[..], &[Attribute::Private(true), Attribute::Sign(sign)]].concat();
    beside().generate_key_pair(&Mechanism::EccKeyPairGen, &public, &private).unwrap();
}

#[test]
fn every_algorithm_generates_signs_and_verifies() {
    isolated("every_algorithm_generates_signs_and_verifies", |_| {
        let mut devices = ready();
        assert_eq!(devices.peek(&name("a")).unwrap().algorithms, Algorithm::ALL);
        let mut ids = BTreeSet::new();
        for algorithm in Algorithm::ALL {
            let key = name(&format!("key-{algorithm}"));
            let before = devices.device_time();
            let token = devices.open(&name("a"), &mut person()).unwrap();
            assert_eq!(token.find(&key).unwrap(), None);
            let made = token.generate(&key, algorithm).unwrap();
            assert_eq!(made.public.algorithm(), algorithm);
            assert_eq!(token.find(&key).unwrap(), Some(made.clone()));
            assert!(ids.insert(made.id), "{algorithm}");
            let note = note_of(key.as_str(), made.public.clone());
            let signature = token.sign(&note).unwrap();
            assert!(made.public.verify(&note.draft().bytes, &signature).is_ok(), "{algorithm}");
            assert!(made.public.verify(b"something else", &signature).is_err(), "{algorithm}");
            assert!(note.attach(signature).is_ok(), "{algorithm}");
            assert!(devices.device_time() > before);
        }
        let token = devices.open(&name("a"), &mut person()).unwrap();
        let objects = token.inventory().unwrap();
        assert_eq!(objects.len(), 2 * Algorithm::ALL.len());
        let expected = ObjectReport {
            class: "CKO_PRIVATE_KEY".into(),
            label: "key-ed25519".into(),
            id: token.find(&name("key-ed25519")).unwrap().unwrap().id,
            key_type: "CKK_EC_EDWARDS".into(),
        };
        assert!(objects.contains(&expected), "{objects:?}");
    });
}

#[test]
fn a_key_is_generated_to_stay_inside_and_to_sign_only() {
    isolated("a_key_is_generated_to_stay_inside_and_to_sign_only", |_| {
        let mut devices = ready();
        let token = devices.open(&name("a"), &mut person()).unwrap();
        for (algorithm, kind, mechanism) in [
            (Algorithm::EcdsaP384, "CKK_EC", "CKM_EC_KEY_PAIR_GEN"),
            (Algorithm::Ed25519, "CKK_EC_EDWARDS", "CKM_EC_EDWARDS_KEY_PAIR_GEN"),
            (Algorithm::Rsa3072, "CKK_RSA", "CKM_RSA_PKCS_KEY_PAIR_GEN"),
        ] {
            let key = format!("key-{algorithm}");
            let made = token.generate(&name(&key), algorithm).unwrap();
            assert_eq!(made.mechanism, mechanism);
            assert_eq!(made.id.len(), 40);
            let mut expected = vec![
                ("CKA_CLASS", json!("CKO_PRIVATE_KEY")),
                ("CKA_KEY_TYPE", json!(kind)),
                ("CKA_KEY_GEN_MECHANISM", json!(mechanism)),
                ("CKA_ID", json!(made.id)),
                ("CKA_LABEL", json!(key)),
            ];
            for yes in [
                "TOKEN",
                "PRIVATE",
                "SENSITIVE",
                "ALWAYS_SENSITIVE",
                "NEVER_EXTRACTABLE",
                "LOCAL",
                "SIGN",
                "COPYABLE",
                "DESTROYABLE",
            ] {
                expected.push((yes, json!(true)));
            }
            for no in [
                "EXTRACTABLE",
                "MODIFIABLE",
                "DECRYPT",
                "UNWRAP",
                "DERIVE",
                "SIGN_RECOVER",
                "WRAP_WITH_TRUSTED",
                "ALWAYS_AUTHENTICATE",
            ] {
                expected.push((no, json!(false)));
            }
            assert_eq!(made.attributes.len(), expected.len());
            for (attribute, value) in expected {
                let attribute = format!("CKA_{}", attribute.trim_start_matches("CKA_"));
                assert_eq!(made.attributes.get(&attribute), Some(&value), "{algorithm} {attribute}");
            }
        }
    });
}

#[test]
fn a_token_is_found_by_serial_and_by_label_in_any_slot() {
    let test = "a_token_is_found_by_serial_and_by_label_in_any_slot";
    isolated(test, |folder| {
        let note_of_serial = folder.join("serial");
        // A second process: SoftHSM has moved the token to another slot by then.
        if let Ok(serial) = fs::read_to_string(&note_of_serial) {
            let by_serial = format!("serial = \"{serial}\"");
            let mut devices = devices(&[
                ("serial", &by_serial),
                ("label", "label = \"b\""),
                ("both", &format!("{by_serial}\nlabel = \"b\"")),
                ("neither", &format!("{by_serial}\nlabel = \"a\"")),
                ("missing", "serial = \"0123\""),
                ("broken", "label = \"twin\""),
            ]);
            for device in ["serial", "label", "both"] {
                let report = devices.peek(&name(device)).unwrap().report;
                assert_eq!((report.serial.as_str(), report.label.as_str()), (serial.as_str(), "b"));
                assert!(report.library.contains("SoftHSM"), "{}", report.library);
                assert_eq!(devices.open(&name(device), &mut person()).unwrap().report(), &report);
            }
            for device in ["neither", "missing"] {
                let error = devices.peek(&name(device)).unwrap_err();
                assert!(matches!(error, TokenError::NoSuchToken { .. }), "{error}");
                assert_eq!(error.class(), Class::Paused);
                let shown = error.to_string();
                assert!(shown.contains("token `a` (serial") && shown.contains(&serial), "{shown}");
                assert!(shown.contains("model SoftHSM v2") && shown.contains("a blank token"), "{shown}");
            }
            let error = devices.peek(&name("broken")).unwrap_err();
            let TokenError::Ambiguous { matching, .. } = &error else { panic!("{error}") };
            assert_eq!(matching.len(), 2);
            let error = devices.peek(&name("other")).unwrap_err();
            assert!(matches!(&error, TokenError::NotInSite { known, .. } if known.len() == 6), "{error}");
            assert_eq!(error.class(), Class::Paused);
            return;
        }
        drop(ready());
        let mut second = devices(&[("b", "label = \"b\"")]);
        let serial = second.init(&name("b"), &mut person()).unwrap().serial;
        twin();
        twin();
        let listed = second.list().remove(0);
        assert!(listed.unreadable.is_empty());
        let tokens = listed.tokens.unwrap();
        let known: Vec<_> = tokens.iter().filter(|token| token.devices == [name("b")]).collect();
        assert_eq!(known.len(), 1);
        assert_eq!(known[0].state.report.serial, serial);
        assert_eq!(tokens.iter().filter(|token| token.state.initialized).count(), 4);
        assert_eq!(tokens.len(), 5);
        fs::write(&note_of_serial, serial).unwrap();
        start(Command::new(std::env::current_exe().unwrap()).args([test, "--exact", "--nocapture"]));
    });
}

/// A token labelled `twin`, made as another tool would.
fn twin() {
    let module = Pkcs11::new(softhsm()).unwrap();
    let slots = module.get_slots_with_token().unwrap();
    let blank = |slot: &cryptoki::slot::Slot| !module.get_token_info(*slot).unwrap().token_initialized();
    let slot = slots.into_iter().find(blank).unwrap();
    module.init_token(slot, &SecretString::from(OFFICER), "twin").unwrap();
}

#[test]
fn a_label_is_used_once() {
    isolated("a_label_is_used_once", |_| {
        let mut devices = ready();
        let token = devices.open(&name("a"), &mut person()).unwrap();
        let made = token.generate(&name("root"), Algorithm::EcdsaP256).unwrap();
        let error = token.generate(&name("root"), Algorithm::EcdsaP384).unwrap_err();
        assert!(matches!(error, TokenError::LabelTaken { private: 1, public: 1, .. }), "{error}");
        assert_eq!(error.class(), Class::Refused);
        assert_eq!(token.inventory().unwrap().len(), 2);
        assert_eq!(token.find(&name("root")).unwrap(), Some(made));
    });
}

#[test]
fn a_duplicate_label_on_a_token_stops_everything() {
    isolated("a_duplicate_label_on_a_token_stops_everything", |_| {
        let mut devices = ready();
        let token = devices.open(&name("a"), &mut person()).unwrap();
        token.generate(&name("root"), Algorithm::EcdsaP256).unwrap();
        // With another id, so that only the label tells.
        generate_beside("root", 7, true);
        for error in [
            token.find(&name("root")).unwrap_err(),
            token.sign(&note("root", Algorithm::EcdsaP256)).unwrap_err(),
        ] {
            assert!(matches!(error, TokenError::KeyAmbiguous { private: 2, public: 2, .. }), "{error}");
            assert!(error.to_string().contains("a duplicate label"), "{error}");
        }
        let error = token.generate(&name("root"), Algorithm::EcdsaP256).unwrap_err();
        assert!(matches!(error, TokenError::LabelTaken { private: 2, public: 2, .. }), "{error}");
    });
}

#[test]
fn only_the_right_key_signs() {
    isolated("only_the_right_key_signs", |_| {
        let mut devices = ready();
        let token = devices.open(&name("a"), &mut person()).unwrap();
        token.generate(&name("root"), Algorithm::EcdsaP256).unwrap();
        let error = token.sign(&note("rot", Algorithm::EcdsaP256)).unwrap_err();
        assert!(matches!(&error, TokenError::MissingKey { present, .. } if present == &["root"]), "{error}");
        assert!(error.to_string().contains("keys there: root"), "{error}");
        // SoftHSM would sign a digest of any length.
        for wrong in [Algorithm::EcdsaP384, Algorithm::Ed25519, Algorithm::Rsa3072] {
            let error = token.sign(&note("root", wrong)).unwrap_err();
            assert!(matches!(&error, TokenError::WrongKey { found, .. } if found == "ecdsa-p256"), "{error}");
            assert_eq!(error.class(), Class::Refused);
        }
    });
}

#[test]
fn a_wrong_pin_is_one_attempt() {
    isolated("a_wrong_pin_is_one_attempt", |_| {
        drop(ready());
        let mut devices = devices(&[("a", "label = \"a\"")]);
        let mut wrong = Person { user: "000000", asked: Vec::new() };
        let error = refusal(&mut devices, "a", &mut wrong);
        assert_eq!(wrong.asked.len(), 1);
        assert!(!wrong.asked[0].count_low && !wrong.asked[0].new);
        let TokenError::WrongPin { owner: PinOwner::User, code, count_low: true, .. } = &error else {
            panic!("{error}")
        };
        assert_eq!(code, "CKR_PIN_INCORRECT");
        assert_eq!(error.class(), Class::Device);
        let shown = format!("{error} {error:?}");
        assert!(shown.contains("One attempt was used") && !shown.contains("000000"), "{shown}");
        // The next person is told; the right PIN opens, and no one is asked again.
        let mut right = person();
        assert!(devices.open(&name("a"), &mut right).is_ok());
        assert!(devices.open(&name("a"), &mut right).is_ok());
        assert_eq!(right.asked.len(), 1);
        assert!(right.asked[0].count_low);
        assert!(!devices.peek(&name("a")).unwrap().user_pin.count_low);
    });
}

#[test]
fn a_pin_file_that_others_can_read_is_not_tried() {
    isolated("a_pin_file_that_others_can_read_is_not_tried", |folder| {
        drop(ready());
        let file = folder.join("pin");
        fs::write(&file, format!("{USER}\n")).unwrap();
        let lines = format!("label = \"a\"\npin = {{ file = \"{}\" }}", file.display());
        let mut devices = devices(&[("a", &lines)]);
        let mut nobody = person();
        fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        let error = refusal(&mut devices, "a", &mut nobody);
        assert!(matches!(error, TokenError::Pin { error: PinError::Exposed { .. }, .. }), "{error}");
        assert_eq!(error.class(), Class::Refused);
        let shown = error.to_string();
        assert!(shown.contains("mode 0644") && shown.contains(file.to_str().unwrap()), "{shown}");
        assert!(!shown.contains(USER), "{shown}");
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        assert!(devices.open(&name("a"), &mut nobody).is_ok());
        assert!(nobody.asked.is_empty());
    });
}

#[test]
fn a_keypad_that_is_not_there_is_not_waited_for() {
    isolated("a_keypad_that_is_not_there_is_not_waited_for", |_| {
        drop(ready());
        let mut devices = devices(&[
            ("a", "label = \"a\"\npin = \"protected\""),
            ("b", "label = \"b\"\npin = \"protected\""),
        ]);
        let error = refusal(&mut devices, "a", &mut person());
        assert!(matches!(error, TokenError::NoKeypad { .. }), "{error}");
        let error = devices.init(&name("b"), &mut person()).unwrap_err();
        assert!(matches!(error, TokenError::NoKeypad { .. }), "{error}");
        assert!(devices.peek(&name("b")).is_err());
    });
}

#[test]
fn only_the_reviewed_module_is_loaded() {
    isolated("only_the_reviewed_module_is_loaded", |folder| {
        let text = folder.join("module.so");
        fs::write(&text, "not a library").unwrap();
        let hash = rootwright::pki::sha256_hex(&fs::read(softhsm()).unwrap());
        let other = "0".repeat(64);
        let mut devices = devices(&[
            ("missing", "module = \"/no/such/module.so\"\nlabel = \"a\""),
            ("text", &format!("module = \"{}\"\nlabel = \"a\"", text.display())),
            ("changed", &format!("label = \"a\"\nmodule-sha256 = \"{other}\"")),
            ("a", &format!("label = \"a\"\nmodule-sha256 = \"{hash}\"")),
        ]);
        let error = refusal(&mut devices, "missing", &mut person());
        assert!(matches!(error, TokenError::ModuleMissing { .. }), "{error}");
        assert!(error.to_string().contains("/no/such/module.so can't be read: No such file"), "{error}");
        assert_eq!(error.class(), Class::Paused);
        let error = refusal(&mut devices, "text", &mut person());
        assert!(matches!(error, TokenError::ModuleFailed { .. }), "{error}");
        assert_eq!(error.class(), Class::Device);
        // Before and after the module is loaded for another device.
        for _ in 0..2 {
            let error = refusal(&mut devices, "changed", &mut person());
            let TokenError::ModuleChanged { found, expected, .. } = &error else { panic!("{error}") };
            assert_eq!((found, expected), (&hash, &other));
            assert_eq!(error.class(), Class::Refused);
            let shown = error.to_string();
            assert!(
                shown.contains(&hash) && shown.contains(&other) && shown.contains("libsofthsm2"),
                "{shown}"
            );
            let _ = devices.init(&name("a"), &mut person());
        }
        let report = devices.peek(&name("a")).unwrap().report;
        assert_eq!((report.module, report.module_sha256), (softhsm(), hash));
    });
}

#[test]
fn nothing_is_ever_reset() {
    isolated("nothing_is_ever_reset", |_| {
        let mut devices = ready();
        let token = devices.open(&name("a"), &mut person()).unwrap();
        token.generate(&name("root"), Algorithm::EcdsaP256).unwrap();
        let serial = token.report().serial.clone();
        let mut other = self::devices(&[
            ("a", "label = \"a\""),
            ("renamed", &format!("serial = \"{serial}\"\nlabel = \"b\"")),
            ("elsewhere", "serial = \"0123\"\nlabel = \"c\""),
            ("b", "label = \"b\""),
        ]);
        let mut officer = person();
        for device in ["a", "renamed"] {
            let error = other.init(&name(device), &mut officer).unwrap_err();
            assert!(matches!(error, TokenError::AlreadyInitialized { user_pin: true, .. }), "{error}");
            assert_eq!(error.class(), Class::Refused);
            assert!(error.to_string().contains("nothing is ever reset"), "{error}");
        }
        // There is a blank token, but not the one that is meant.
        let error = other.init(&name("elsewhere"), &mut officer).unwrap_err();
        assert!(matches!(error, TokenError::NoBlankToken { blank: 0, .. }), "{error}");
        assert!(officer.asked.is_empty());
        // A PIN that the token would not take is noticed before the first write.
        let mut hasty = Person { user: "123", asked: Vec::new() };
        let error = other.init(&name("b"), &mut hasty).unwrap_err();
        assert!(
            matches!(error, TokenError::Pin { error: PinError::Length { shortest: 4, .. }, .. }),
            "{error}"
        );
        assert!(hasty.asked.iter().all(|request| request.new));
        let report = other.init(&name("b"), &mut officer).unwrap();
        assert_eq!(report.label, "b");
        assert!(!report.serial.is_empty() && report.serial != serial);
        assert_eq!(other.peek(&name("b")).unwrap().report, report);
        let owners: Vec<_> = officer.asked.iter().map(|request| request.owner).collect();
        assert_eq!(owners, [PinOwner::SecurityOfficer, PinOwner::User]);
        // The keys are still there.
        let token = devices.open(&name("a"), &mut person()).unwrap();
        assert!(token.find(&name("root")).unwrap().is_some());
    });
}

#[test]
fn half_a_pair_is_noticed_and_only_ours_is_removed() {
    isolated("half_a_pair_is_noticed_and_only_ours_is_removed", |_| {
        let mut devices = ready();
        let token = devices.open(&name("a"), &mut person()).unwrap();
        let lose = |class: ObjectClass, label: &str| {
            let session = beside();
            let template = [Attribute::Class(class), Attribute::Label(label.into())];
            for object in session.find_objects(&template).unwrap() {
                session.destroy_object(object).unwrap();
            }
        };
        // As a process leaves it that is killed between SoftHSM's two objects.
        token.generate(&name("root"), Algorithm::EcdsaP256).unwrap();
        assert!(!token.discard_half(&name("root")).unwrap());
        lose(ObjectClass::PRIVATE_KEY, "root");
        for error in [
            token.find(&name("root")).unwrap_err(),
            token.generate(&name("root"), Algorithm::EcdsaP256).unwrap_err(),
        ] {
            assert!(matches!(error, TokenError::HalfMade { discardable: true, .. }), "{error}");
            assert_eq!(error.class(), Class::Refused);
        }
        assert!(token.discard_half(&name("root")).unwrap());
        assert!(token.inventory().unwrap().is_empty());
        assert!(!token.discard_half(&name("root")).unwrap());
        token.generate(&name("root"), Algorithm::EcdsaP256).unwrap();
        // What can sign, and what others made, stays.
        lose(ObjectClass::PUBLIC_KEY, "root");
        generate_beside("other", 7, true);
        lose(ObjectClass::PRIVATE_KEY, "other");
        for key in ["root", "other"] {
            let error = token.discard_half(&name(key)).unwrap_err();
            assert!(matches!(error, TokenError::HalfMade { discardable: false, .. }), "{error}");
        }
        assert_eq!(token.inventory().unwrap().len(), 2);
    });
}

#[test]
fn an_error_costs_neither_the_login_nor_the_next_call() {
    isolated("an_error_costs_neither_the_login_nor_the_next_call", |_| {
        let mut devices = ready();
        let mut one = person();
        let token = devices.open(&name("a"), &mut one).unwrap();
        let made = token.generate(&name("root"), Algorithm::EcdsaP256).unwrap();
        generate_beside("mute", 7, false);
        let error = token.sign(&note("mute", Algorithm::EcdsaP256)).unwrap_err();
        let TokenError::Call { doing, failure, .. } = &error else { panic!("{error}") };
        assert_eq!(doing, "signing notes.first with the key `mute`");
        assert_eq!(
            (failure.function.as_str(), failure.code.as_str()),
            ("C_SignInit", "CKR_KEY_FUNCTION_NOT_PERMITTED")
        );
        assert_eq!(error.class(), Class::Device);
        let note = note("root", Algorithm::EcdsaP256);
        let signature = token.sign(&note).unwrap();
        assert!(made.public.verify(&note.draft().bytes, &signature).is_ok());
        // Without the login, private keys are hidden: not to be taken for missing, or for half a pair.
        beside().logout().unwrap();
        for error in [
            token.find(&name("root")).unwrap_err(),
            token.discard_half(&name("root")).unwrap_err(),
            token.inventory().unwrap_err(),
            token.sign(&note).unwrap_err(),
        ] {
            assert!(matches!(error, TokenError::Lost { .. }), "{error}");
            assert_eq!(error.class(), Class::Paused);
        }
        assert_eq!(one.asked.len(), 1);
        assert!(devices.open(&name("a"), &mut one).unwrap().sign(&note).is_ok());
        assert_eq!(one.asked.len(), 2);
    });
}

#[test]
fn two_devices_on_one_token_log_in_once() {
    isolated("two_devices_on_one_token_log_in_once", |_| {
        drop(ready());
        let mut devices = devices(&[("root-hsm", "label = \"a\""), ("issuing-hsm", "label = \"a\"")]);
        let mut one = person();
        devices.open(&name("root-hsm"), &mut one).unwrap();
        let token = devices.open(&name("issuing-hsm"), &mut one).unwrap();
        token.generate(&name("root"), Algorithm::EcdsaP256).unwrap();
        assert_eq!(one.asked.len(), 1);
    });
}

#[test]
fn a_process_starts_again_with_the_environment_of_its_site() {
    isolated("a_process_starts_again_with_the_environment_of_its_site", |_| {
        let wanted = IndexMap::from([("ROOTWRIGHT_TEST_WANTED".to_string(), "1 2".to_string())]);
        // The first time, this does not return.
        environment::ensure(&wanted).unwrap();
        assert_eq!(std::env::var("ROOTWRIGHT_TEST_WANTED").unwrap(), "1 2");
        // What can't be set is an error and not a circle.
        let error = environment::ensure(&IndexMap::from([("A=B".to_string(), "1".to_string())])).unwrap_err();
        assert!(error.to_string().contains("`A=B` can't be set"), "{error}");
    });
}
