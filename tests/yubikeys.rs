//! A ceremony whose keyholders have YubiKeys, on the real stack: `yubikey`, pcscd, vpcd, simulated cards.

#![cfg(target_os = "linux")]

mod support;
#[path = "support/terminal.rs"]
mod terminal;

use std::fs;

use serde_json::Value;
use support::yubikeys::{CARDS, KEYHOLDERS, YubiSite, inside};
use support::{Run, run};
use terminal::Terminal;

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

/// The ceremony is whole, and what was signed twice is counted.
fn done(site: &YubiSite, ran: &Run, repeated: usize) {
    assert_eq!(ran.code, 0, "{}", ran.shown());
    let verified = verify(site);
    assert_eq!(verified.code, 0, "{}", verified.shown());
    let journal = fs::read_to_string(site.archive().join("journal.jsonl")).expect("the journal");
    assert_eq!(journal.matches("\"signature-repeated\"").count(), repeated);
}

#[test]
fn a_touch_that_does_not_come_or_comes_late() {
    inside("a_touch_that_does_not_come_or_comes_late", |cards| {
        let site = YubiSite::enrolled();
        let plan = site.plan(WAIVED);
        cards.tell(1, "touch never");
        let ran = site.run(&plan);
        assert_eq!(ran.code, 3, "{}", ran.shown());
        assert!(
            ran.err.contains(
                "`keyholder-2` (token `PIV 9c`, serial 10000002): it was not touched in time, while signing"
            ),
            "{}",
            ran.shown()
        );
        let log = cards.log(1);
        assert!(log.ends_with("verify right,sign 9c not touched"), "{log}");
        // Slowly, this time.
        cards.tell(1, "touch 700");
        let ran = site.run(&plan);
        done(&site, &ran, 1);
        assert!(ran.err.contains("the interrupted signature is made again"), "{}", ran.shown());
    });
}

#[test]
fn a_card_that_is_pulled_while_it_signs() {
    inside("a_card_that_is_pulled_while_it_signs", |cards| {
        let site = YubiSite::enrolled();
        let plan = site.plan(WAIVED);
        cards.tell(0, "touch pull");
        let ran = site.run(&plan);
        assert_eq!(ran.code, 3, "{}", ran.shown());
        assert!(
            ran.err.contains("serial 10000001): signing")
                && ran.err.contains("see that the device is plugged in"),
            "{}",
            ran.shown()
        );
        // It is not there: it is named, and what is there instead.
        let ran = site.run(&plan);
        assert_eq!(ran.code, 3, "{}", ran.shown());
        assert!(
            ran.err.contains("no initialised token with serial 10000001")
                && ran.err.contains("serial 10000002"),
            "{}",
            ran.shown()
        );
        cards.tell(0, "touch 0");
        cards.insert(0, CARDS[0].2);
        done(&site, &site.run(&plan), 1);
    });
}

#[test]
fn two_cards_swapped_and_a_card_of_another_serial() {
    inside("two_cards_swapped_and_a_card_of_another_serial", |cards| {
        let mut site = YubiSite::enrolled();
        let plan = site.plan(WAIVED);
        cards.tell(4, "touch never");
        assert_eq!(site.run(&plan).code, 3);
        cards.tell(4, "touch 0");
        // In each other's reader they are who they are.
        cards.pull(0);
        cards.pull(1);
        cards.insert(0, CARDS[1].2);
        cards.insert(1, CARDS[0].2);
        // In each other's place in the site they are not.
        site.serials.swap(0, 1);
        site.write();
        let ran = site.run(&plan);
        assert_eq!(ran.code, 5, "{}", ran.shown());
        assert!(ran.err.contains("keyholder-1 is a token of serial 10000002, but the archive's keys were made on serial 10000001"), "{}", ran.shown());
        // One of another serial has a key in the same slot, and so the same label.
        site.serials = CARDS.iter().map(|(serial, ..)| *serial).collect();
        site.write();
        enrol_the_old_one(&site);
        site.serials.swap(0, 5);
        site.write();
        let ran = site.run(&plan);
        assert_eq!(ran.code, 5, "{}", ran.shown());
        assert!(ran.err.contains("keyholder-1 is a token of serial 10000006, but the archive's keys were made on serial 10000001"), "{}", ran.shown());
        let log = cards.log(5);
        assert!(!log.contains("sign"), "{log}");
        site.serials.swap(0, 5);
        site.write();
        done(&site, &site.run(&plan), 1);
    });
}

/// Firmware 4 says neither whether a slot holds a key nor whether its PIN is the default one: the serial is
/// typed, and then both PINs.
fn enrol_the_old_one(site: &YubiSite) {
    let path = site.path();
    let text = fs::read_to_string(&path).expect("the site");
    let (before, after) = text.split_once("[devices.spare]").expect("the last card");
    let own = site.folder.path().join("spare.toml");
    let prompted = after.replace("pin = { file = \"pin\" }", "pin = \"prompt\"");
    fs::write(&own, format!("{before}[devices.spare]{prompted}")).expect("a site");
    let own = own.display().to_string();
    let enrol = |more: &[&str], pins: &[&str]| {
        let arguments = ["token", "init", "spare", "--site", &own];
        let mut terminal = Terminal::start(&[&arguments[..], more].concat(), &[]);
        terminal.expect("there is perhaps a key (the firmware does not say) in slot 9c");
        terminal.answer("Type the serial, 10000006, to replace it (Enter leaves it):", "10000006");
        for (question, pin) in
            ["user PIN of spare:", "New user PIN of spare:", "The same user PIN again:"].into_iter().zip(pins)
        {
            terminal.answer(question, pin);
        }
        (terminal.end(), terminal.shown())
    };
    let (code, shown) = enrol(&["--change-defaults"], &["000000"]);
    assert!(code == 4 && shown.contains("wrong PIN of the user (2 tries are left)"), "{shown}");
    let (code, shown) = enrol(&["--change-defaults"], &["123456", "123456", "123456"]);
    assert!(code == 3 && shown.contains("it is the default one"), "{shown}");
    let new = support::yubikeys::PIN;
    let (code, shown) = enrol(&["--change-defaults"], &["123456", new, new]);
    assert!(code == 1 && shown.contains("firmware 4.3.5: key made on it, slot 9c, PIN always"), "{shown}");
    assert!(shown.contains("note: its firmware does not say whether the PUK is the default one"), "{shown}");
    assert!(!shown.contains("[ATTEST-FORM-FACTOR]") && !shown.contains(new), "{shown}");
}

#[test]
fn pins_are_tried_once_and_the_last_try_is_a_persons() {
    inside("pins_are_tried_once_and_the_last_try_is_a_persons", |cards| {
        let mut site = YubiSite::enrolled();
        let plan = site.plan(WAIVED);
        site.secret("pin", "000000");
        let ran = site.run(&plan);
        // The HSMs have the same PIN file, and are asked first: this is about the first keyholder alone.
        assert_ne!(ran.code, 0, "{}", ran.shown());
        cards.log(0);
        let show = |site: &YubiSite| run(["token", "show", "keyholder-1", "--site", &site.path()]);
        for left in ["2 tries are left", "1 try is left"] {
            let ran = show(&site);
            assert_eq!(ran.code, 4, "{}", ran.shown());
            assert!(ran.err.contains(left), "{}", ran.shown());
            assert_eq!(cards.log(0), "verify wrong", "one attempt");
        }
        // The last one is not used by a program.
        let ran = show(&site);
        assert_eq!(ran.code, 5, "{}", ran.shown());
        assert!(
            ran.err.contains("one try is left before the PIN of the user is locked; no attempt was made"),
            "{}",
            ran.shown()
        );
        assert_eq!(cards.log(0), "");
        let listed = run(["token", "list", "--site", &site.path()]);
        assert!(listed.out.contains("PIN: LAST TRY, a wrong PIN was typed, 1 try"), "{}", listed.shown());

        site.secret("pin", support::yubikeys::PIN);
        site.pin = "\"prompt\"".into();
        site.write();
        let path = site.path();
        let arguments = ["token", "show", "keyholder-1", "--site", &path];
        // A person leaves it; uses it, rightly; and another is told what is left before the PIN is asked.
        let mut terminal = Terminal::start(&arguments, &[]);
        terminal.expect("ONE TRY IS LEFT");
        terminal.answer("Type the serial, 10000001, to use the last try (Enter leaves it):", "");
        assert_eq!(terminal.end(), 5, "{}", terminal.shown());
        assert_eq!(cards.log(0), "");
        let mut terminal = Terminal::start(&arguments, &[]);
        terminal.answer("to use the last try (Enter leaves it):", "10000001");
        terminal.answer("user PIN of keyholder-1:", support::yubikeys::PIN);
        assert_eq!(terminal.end(), 0, "{}", terminal.shown());
        let mut terminal = Terminal::start(&arguments, &[]);
        terminal.expect("keyholder-1: token `PIV 9c`, serial 10000001, YubiKey 5");
        terminal.expect("3 tries are left.");
        terminal.answer("user PIN of keyholder-1:", "111111");
        assert_eq!(terminal.end(), 4, "{}", terminal.shown());
        assert!(!terminal.shown().contains("111111"), "a PIN is never shown");

        // Blocked.
        site.pin = "{ file = \"pin\" }".into();
        site.write();
        site.secret("pin", "111111");
        assert_eq!(show(&site).code, 4);
        let mut terminal = Terminal::start(&arguments, &[]);
        terminal.answer("to use the last try (Enter leaves it):", "10000001");
        assert_eq!(terminal.end(), 5, "{}", terminal.shown());
        site.secret("pin", support::yubikeys::PIN);
        cards.log(0);
        let ran = site.run(&plan);
        assert_eq!(ran.code, 5, "{}", ran.shown());
        assert!(ran.err.contains("the PIN of the user is locked; no attempt was made"), "{}", ran.shown());
        assert_eq!(cards.log(0), "");
    });
}

#[test]
fn keyholders_type_their_pins_and_are_told_when_to_touch() {
    inside("keyholders_type_their_pins_and_are_told_when_to_touch", |cards| {
        let mut site = YubiSite::enrolled();
        site.pin = "\"prompt\"".into();
        site.write();
        let (plan, path, archive) = (site.plan(WAIVED), site.path(), site.archive().display().to_string());
        let text = fs::read_to_string(&plan).expect("the plan");
        let line = text.lines().find(|line| line.starts_with("read-back")).expect("what is read back");
        fs::write(&plan, text.replacen(line, "", 1)).expect("the plan without it");
        for card in 0..5 {
            cards.log(card);
        }
        let arguments = ["run", plan.to_str().expect("a path"), "--site", &path, "--archive", &archive];
        let mut terminal = Terminal::start(&arguments, &[]);
        terminal.answer("Type the ceremony's date, 2026-12-01, to begin", "2026-12-01");
        let clock = std::process::Command::new("date").args(["-u", "+%H:%M"]).output().expect("a clock");
        terminal.answer("What does a clock on the wall say?", String::from_utf8_lossy(&clock.stdout).trim());
        for (card, keyholder) in KEYHOLDERS.into_iter().enumerate() {
            let asked = format!("user PIN of {keyholder}:");
            if card == 2 {
                terminal.answer(&asked, "424242");
                let wrong = terminal.answer("What now?", "");
                assert!(wrong.contains("2 tries are left"), "{wrong}");
            }
            let before = terminal.answer(&asked, support::yubikeys::PIN);
            assert!(
                before.contains(&format!("{}", CARDS[card].0)),
                "its serial number stands there: {before}"
            );
        }
        while terminal.expect_or_end("Type ").is_some() {
            let device = terminal.expect(", or its serial");
            terminal.press(&format!("{device}\n"));
        }
        assert_eq!(terminal.end(), 0, "{}", terminal.shown());
        let shown = terminal.shown();
        assert!(!shown.contains(support::yubikeys::PIN) && !shown.contains("424242"), "a PIN is shown");
        for (card, keyholder) in KEYHOLDERS.into_iter().enumerate() {
            let hint = format!("Touch {keyholder} now: the YubiKey with serial {} blinks", CARDS[card].0);
            assert_eq!(shown.matches(&hint).count(), 2, "{keyholder}: {shown}");
            let log = cards.log(card);
            assert_eq!(log.matches("verify wrong").count(), usize::from(card == 2), "{log}");
            assert_eq!(log.matches("verify right,sign 9c").count(), 2, "{log}");
        }
        let verified = verify(&site);
        assert_eq!(verified.code, 0, "{}", verified.shown());
    });
}

#[test]
fn enrolment_refuses_defaults_and_keeps_keys() {
    inside("enrolment_refuses_defaults_and_keeps_keys", |cards| {
        let site = YubiSite::new();
        let ran = site.enrol("keyholder-1", &[]);
        assert_eq!(ran.code, 5, "{}", ran.shown());
        assert!(
            ran.err.contains("still the default: the PIN, the PUK, the management key"),
            "{}",
            ran.shown()
        );
        for (pin, says) in [("123456", "it is the default one"), ("12345", "6 to 8 bytes")] {
            site.secret("pin", pin);
            let ran = site.enrol("keyholder-1", &["--change-defaults"]);
            assert!(ran.err.contains(says), "{}", ran.shown());
        }
        assert_eq!(cards.log(0), "", "nothing was changed");
        // A ceremony does not take a device that is not enrolled, or still as new.
        site.secret("pin", support::yubikeys::PIN);
        let ran = site.run(&site.plan(WAIVED));
        assert_eq!(ran.code, 5, "{}", ran.shown());
        assert!(ran.err.contains("still the default"), "{}", ran.shown());

        let out = site.folder.path().join("out").display().to_string();
        let ran = site.enrol("keyholder-1", &["--change-defaults", "-o", &out]);
        assert_eq!(ran.code, 1, "{}", ran.shown());
        let key = |name: &str| fs::read_to_string(format!("{out}/keyholder-1.{name}")).expect("a file");
        let first = key("pem");
        // Anyone can check the files that it wrote.
        let (leaf, f9) = (format!("{out}/keyholder-1.leaf.pem"), format!("{out}/keyholder-1.f9.pem"));
        let pem = format!("{out}/keyholder-1.pem");
        let shown = run([
            "show",
            "--attestation",
            &leaf,
            "--issuer",
            &f9,
            "--key",
            &pem,
            "--serial",
            "10000001",
            "--json",
        ]);
        let rules: Vec<Value> = shown.json()["findings"]
            .as_array()
            .expect("findings")
            .iter()
            .map(|found| found["rule"].clone())
            .collect();
        assert_eq!(rules, ["ATTEST-ROOT"], "{}", shown.shown());
        assert!(!key("leaf.pem").is_empty());

        // A second time: nobody types the serial, or another one.
        cards.log(0);
        let ran = site.enrol("keyholder-1", &[]);
        assert_eq!(ran.code, 5, "{}", ran.shown());
        assert!(
            ran.err.contains(
                "there is a key in slot 9c, and the device's serial number was not typed to replace it"
            ),
            "{}",
            ran.shown()
        );
        let path = site.path();
        let again = ["token", "init", "keyholder-1", "--site", &path];
        let mut terminal = Terminal::start(&again, &[]);
        terminal.answer("Type the serial, 10000001, to replace it (Enter leaves it):", "10000002");
        assert_eq!(terminal.end(), 5, "{}", terminal.shown());
        assert_eq!(cards.log(0), "");
        let attested = run(["token", "attest", "keyholder-1", "--site", &path, "--json"]);
        assert_eq!((attested.code, attested.json()["public"].as_str()), (1, Some(first.as_str())));
        let mut terminal = Terminal::start(&again, &[]);
        terminal.answer("Type the serial, 10000001, to replace it (Enter leaves it):", "10000001");
        assert_eq!(terminal.end(), 1, "{}", terminal.shown());
        let log = cards.log(0);
        assert!(log.contains("generated 9c") && !log.contains("reset"), "{log}");
        let attested = run(["token", "attest", "keyholder-1", "--site", &path, "--json"]);
        assert_ne!(attested.json()["public"].as_str(), Some(first.as_str()));
    });
}

#[test]
fn a_card_that_answers_nonsense_ends_nothing() {
    inside("a_card_that_answers_nonsense_ends_nothing", |cards| {
        let site = YubiSite::enrolled();
        let attest = |device: &str| run(["token", "attest", device, "--site", &site.path()]);
        cards.tell(0, "lie attest");
        let ran = attest("keyholder-1");
        assert_eq!(ran.code, 4, "{}", ran.shown());
        assert!(
            ran.err.contains("the answer while attesting the key is") && !ran.err.contains("panicked"),
            "{}",
            ran.shown()
        );
        // One that does not even say its version is passed by, and the others are found.
        cards.tell(0, "lie version");
        assert_eq!(attest("keyholder-2").code, 1);
        let ran = attest("keyholder-1");
        assert_eq!(ran.code, 3, "{}", ran.shown());
        assert!(!ran.err.contains("panicked"), "{}", ran.shown());
        cards.tell(0, "lie no");
        // Nothing of what is sent to a card is ever logged.
        let ran: Run = support::rootwright()
            .args(["token", "show", "keyholder-1", "--site", &site.path()])
            .env("RUST_LOG", "trace")
            .output()
            .expect("the binary runs")
            .into();
        assert_eq!(ran.code, 0, "{}", ran.shown());
        let bytes: Vec<String> = support::yubikeys::PIN.bytes().map(|byte| byte.to_string()).collect();
        assert!(
            !ran.err.contains(support::yubikeys::PIN) && !ran.err.contains(&bytes.join(", ")),
            "{}",
            ran.shown()
        );
    });
}
