//! Keyholders with YubiKeys sign on their own machines: requests, approvals, seals.
#![cfg(target_os = "linux")]

mod support;
#[path = "support/terminal.rs"]
mod terminal;

use std::fs;

use support::yubikeys::{YubiSite, inside};
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
