//! A ceremony whose keyholders have YubiKeys, on the real stack: `yubikey`, pcscd, vpcd, simulated cards.

mod support;

use std::fs;

use serde_json::Value;
use support::yubikeys::{CARDS, KEYHOLDERS, YubiSite, inside};
use support::{Run, run};

const WAIVED: &[&str] = &["ATTEST-ROOT"];

fn verify(site: &YubiSite) -> Run {
    run(["verify".as_ref(), site.archive().as_os_str()])
}

#[test]
fn five_keyholders_and_a_root() {
    inside("five_keyholders_and_a_root", |cards| {
        let site = YubiSite::enrolled();
        for card in 0..5 {
            let log = cards.log(card);
            assert!(
                log.contains("changed 80") && log.contains("changed 81") && log.contains("changed 9b"),
                "{log}"
            );
            assert!(
                log.contains("generated 9c") && !log.contains("reset") && !log.contains("wrong"),
                "{log}"
            );
        }
        // Their maker is nobody's: without a waiver nothing is made of it.
        let refused = site.run(&site.plan(&[]));
        assert_eq!(refused.code, 1, "{}", refused.shown());
        assert!(refused.err.contains("[ATTEST-ROOT]"), "{}", refused.shown());

        let made = fs::read_dir(site.archive().join("keys")).map_or(0, |keys| keys.count());
        assert_eq!(made, 0, "before the first write to any device");

        let ran = site.run(&site.plan(WAIVED));
        assert_eq!(ran.code, 0, "{}", ran.shown());
        for (card, keyholder) in KEYHOLDERS.into_iter().enumerate() {
            let serial = CARDS[card].0;
            // Each signature waits for a touch, and a person is told before.
            let hint = format!("Touch {keyholder} now: the YubiKey with serial {serial} blinks");
            assert_eq!(ran.err.matches(&hint).count(), 2, "{}", ran.shown());
            let log = cards.log(card);
            assert_eq!(log.matches("verify right,sign 9c").count(), 2, "VERIFY directly before each: {log}");
            assert_eq!(log.matches("sign 9c").count(), 2, "{log}");
            assert!(!log.contains("without") && !log.contains("generated"), "{log}");
        }
        assert!(
            ran.err.contains("firmware 5.4.3") && ran.err.contains("ATTEST-YSA-2024-03"),
            "{}",
            ran.shown()
        );

        // The archive keeps the attestation, and everything can be checked from it alone.
        let path = site.archive().join("keys/keyholder-1.json");
        let record: Value = serde_json::from_str(&fs::read_to_string(&path).expect("the key")).expect("JSON");
        assert_eq!(record["attestation"]["type"], "yubico-piv");
        assert_eq!((&record["id"], &record["attributes"]["touch-policy"]), (&"9c".into(), &"always".into()));
        let verified = verify(&site);
        assert_eq!(verified.code, 0, "{}", verified.shown());
        let json = run(["verify".as_ref(), site.archive().as_os_str(), "--json".as_ref()]);
        assert_eq!(json.out.matches("its device attests this very key").count(), 5, "{}", json.shown());
        let shown = run(["show".as_ref(), path.as_os_str()]);
        assert!(
            shown.out.contains("YubiKey (USB-A keychain), serial 10000001, firmware 5.7.4: key made on it, slot 9c, PIN always, touch always"),
            "{}",
            shown.shown()
        );
    });
}
