//! Devices on real SoftHSM tokens: found, logged in to once, made ready once.

mod support;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use cryptoki::context::Pkcs11;
use indexmap::IndexMap;
use rootwright::pki::Algorithm;
use rootwright::token::{Class, PinError, PinOwner, TokenError, environment};
use secrecy::SecretString;

use support::tokens::*;

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
