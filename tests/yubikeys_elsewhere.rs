//! Keyholders with YubiKeys sign on their own machines: requests, approvals, seals.
#![cfg(target_os = "linux")]

mod support;
#[path = "support/terminal.rs"]
mod terminal;

use std::fs;

use support::yubikeys::{KEYHOLDERS, YubiSite, inside};
use support::{Run, run};
use terminal::Terminal;

fn told(ran: &Run, keyholder: &str) {
    assert_eq!(ran.code, 0, "{}", ran.shown());
    assert!(ran.err.contains(&format!("Touch {keyholder} now")), "{}", ran.shown());
}

#[test]
fn requests_approvals_and_seals_are_signed_with_a_touch() {
    inside("requests_approvals_and_seals_are_signed_with_a_touch", |cards| {
        let mut site = YubiSite::enrolled();
        let plan = site.plan(&["ATTEST-ROOT"]);
        let made = site.run(&plan);
        assert_eq!(made.code, 0, "{}", made.shown());
        let archive = site.archive().display().to_string();
        (0..5).for_each(|card| drop(cards.log(card)));

        // Three of five are elsewhere: two are too few.
        let later = fs::read_to_string(&plan)
            .expect("the plan")
            .replace("2027-06-01T00:00:00Z", "2027-07-01T00:00:00Z");
        fs::write(&plan, later).expect("the later plan");
        site.elsewhere = vec!["keyholder-3", "keyholder-4", "keyholder-5"];
        site.write();
        let asked = site.run(&plan);
        assert_eq!(asked.code, 3, "{}", asked.shown());
        let line = asked
            .err
            .split("keyholder-4, elsewhere: asked by ")
            .nth(1)
            .unwrap_or_else(|| panic!("{}", asked.shown()));
        let request = site.archive().join(line.lines().next().expect("a path")).display().to_string();

        // On the keyholder's own machine.
        let response = site.folder.path().join("response.json").display().to_string();
        site.elsewhere.clear();
        site.write();
        let own = site.path();
        let plan_path = plan.display().to_string();
        let signed = run(["sign", &request, "--site", &own, "--plan", &plan_path, "-o", &response, "--yes"]);
        told(&signed, "keyholder-4");
        assert_eq!(cards.log(3).matches("verify right,sign 9c").count(), 2, "root and targets");

        site.elsewhere = vec!["keyholder-3", "keyholder-4", "keyholder-5"];
        site.write();
        let ran =
            run(["run", &plan_path, "--site", &own, "--archive", &archive, "--yes", "--response", &response]);
        assert_eq!(ran.code, 0, "{}", ran.shown());
        let verified = run(["verify", &archive]);
        assert_eq!(verified.code, 0, "{}", verified.shown());

        // Approvals and seals.
        site.elsewhere.clear();
        site.write();
        let approval = site.folder.path().join("approval.json").display().to_string();
        let approved = run([
            "approve",
            &plan_path,
            "--site",
            &own,
            "--as",
            "keyholder-1",
            "--archive",
            &archive,
            "-o",
            &approval,
        ]);
        told(&approved, "keyholder-1");
        // At a terminal the hint stays until the device answers.
        let again = site.folder.path().join("again.json").display().to_string();
        cards.tell(0, "touch 700");
        let mut terminal = Terminal::start(
            &[
                "approve",
                &plan_path,
                "--site",
                &own,
                "--as",
                "keyholder-1",
                "--archive",
                &archive,
                "-o",
                &again,
            ],
            &[],
        );
        terminal.expect("Touch keyholder-1 now: the YubiKey with serial 10000001 blinks");
        terminal.expect("waiting for a touch of keyholder-1");
        assert_eq!(terminal.end(), 0, "{}", terminal.shown());
        cards.log(1);
        let sealed = run(["seal", &archive, "--site", &own, "--as", "keyholder-2"]);
        told(&sealed, "keyholder-2");
        assert!(cards.log(1).contains("verify right,sign 9c"));
        let verified = run(["verify", &archive]);
        assert_eq!(verified.code, 0, "{}", verified.shown());
    });
}

#[test]
fn keys_of_p_384_and_ed25519_are_enrolled_attested_and_used() {
    inside("keys_of_p_384_and_ed25519_are_enrolled_attested_and_used", |cards| {
        let site = YubiSite::new();
        let own = site.path();
        for keyholder in &KEYHOLDERS[..3] {
            assert_eq!(site.enrol(keyholder, &["--change-defaults"]).code, 1, "the maker is the test");
        }
        // Firmware before 5.7 has no Ed25519, and says so before anything is changed.
        let refused = site.enrol("keyholder-3", &["--algorithm", "ed25519"]);
        assert!(refused.code != 0 && refused.err.contains("ed25519"), "{}", refused.shown());
        for (card, (device, algorithm)) in
            [("keyholder-4", "ecdsa-p384"), ("keyholder-5", "ed25519")].into_iter().enumerate()
        {
            let enrolled = site.enrol(device, &["--change-defaults", "--algorithm", algorithm]);
            assert_eq!(enrolled.code, 1, "{}", enrolled.shown());
            assert!(enrolled.out.contains(algorithm), "{}", enrolled.shown());
            assert!(cards.log(card + 3).contains("generated 9c"));
            let attested = run(["token", "attest", device, "--site", &own]);
            assert!(
                attested.out.contains("PIN always, touch always") && attested.out.contains("[ATTEST-ROOT]"),
                "{}",
                attested.shown()
            );
        }
        // They are no keyholders' keys, since not every TUF client takes them: two witnesses have them.
        let plan = site.plan(&[]);
        let mut text = fs::read_to_string(&plan).expect("the plan");
        for (number, algorithm) in [(4, "ecdsa-p384"), (5, "ed25519")] {
            let keyholder = format!("keyholder-{number}");
            let line = text.lines().find(|line| line.starts_with(&keyholder)).expect("who it is").to_string();
            let witness = format!(
                "witness-{number} = {{ role = \"witness\", device = \"{keyholder}\", algorithm = \"{algorithm}\" }}"
            );
            text = text.replace(&line, &witness).replace(&format!(", \"{keyholder}\""), "");
        }
        let people = ["keyholder-1", "keyholder-2", "keyholder-3", "witness-4", "witness-5"];
        for person in people {
            text.push_str(&format!(
                "\n[[waivers]]\nrule = \"ATTEST-ROOT\"\nobject = \"keys.{person}\"\nreason = \"a test\"\n"
            ));
        }
        fs::write(&plan, text).expect("the changed plan");
        let made = site.run(&plan);
        assert_eq!(made.code, 0, "{}", made.shown());
        let (plan, archive) = (plan.display().to_string(), site.archive().display().to_string());
        for witness in ["witness-4", "witness-5"] {
            let file = site.folder.path().join(witness).display().to_string();
            let signed =
                run(["approve", &plan, "--site", &own, "--as", witness, "--archive", &archive, "-o", &file]);
            told(&signed, &witness.replace("witness", "keyholder"));
        }
        let sealed = run(["seal", &archive, "--site", &own, "--as", "witness-4"]);
        told(&sealed, "keyholder-4");
        // The crate can't send a message of this length to be signed whole.
        let journal = || fs::read_to_string(site.archive().join("journal.jsonl")).expect("the journal");
        let before = journal();
        let long = run(["seal", &archive, "--site", &own, "--as", "witness-5"]);
        assert_eq!(long.code, 4, "{}", long.shown());
        for said in ["with Ed25519 it signs messages whole", "sign with SSH", "recovery device-unable"] {
            assert!(long.err.contains(said), "{said}: {}", long.shown());
        }
        let intents = |journal: &str| journal.matches("signature-intended").count();
        assert_eq!(intents(&journal()), intents(&before), "nothing is said to be about to be signed");
        assert!(!long.err.contains("Touch"), "nobody is told to touch what can't sign: {}", long.shown());
        let verified = run(["verify", &archive]);
        assert_eq!(verified.code, 0, "{}", verified.shown());
        assert!(verified.out.contains("evidence"), "{}", verified.shown());
    });
}
