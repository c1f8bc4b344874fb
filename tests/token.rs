//! Keys on real SoftHSM tokens: made, found, used, never mistaken for another.

mod support;

use std::collections::BTreeSet;

use cryptoki::object::{Attribute, ObjectClass};
use rootwright::pki::Algorithm;
use rootwright::token::{Class, ObjectReport, TokenError};
use serde_json::json;

use support::tokens::*;

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
