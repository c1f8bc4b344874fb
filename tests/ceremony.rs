//! A ceremony from blank tokens to a trust root, and the rest of one after an interruption.

mod support;

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use support::{copy, files, folder, rehearse, rehearsed, repository, rootwright, run};

const SIGSTORE: &str = "ceremony/sigstore.toml";

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn every_example_plan_is_rehearsed() {
    for entry in fs::read_dir(repository().join("ceremony")).unwrap().flatten() {
        let plan = entry.path();
        // Those that start from another one, and may make no sense without it, tests/years.rs rehearses.
        let first = plan.extension().is_some_and(|extension| extension == "toml")
            && support::years::starts_from(&plan).is_none();
        if first {
            let place = folder();
            let run = rehearse(&plan, place.path());
            assert_eq!(run.code, 0, "{}: {}", plan.display(), run.shown());
        }
    }
}

#[test]
fn the_archive_has_the_paths_that_others_depend_on() {
    let archive = rehearsed(SIGSTORE);
    let found: Vec<String> = files(archive)
        .into_iter()
        .map(|path| path.display().to_string())
        .filter(|path| !path.starts_with("rehearsal/tokens/"))
        .collect();
    for path in [
        "certificates/fulcio-2026.chain.pem",
        "certificates/root.pem",
        "crls/root-1.crl",
        "journal.jsonl",
        "keys/root.json",
        "keys/keyholder-5.pem",
        "rehearsal/site.toml",
        "rehearsal/softhsm2.conf",
        "trust-root/signing_config.v0.2.json",
        "trust-root/trusted_root.json",
        "tuf/1.root.json",
        "tuf/1.snapshot.json",
        "tuf/1.targets.json",
        "tuf/timestamp.json",
    ] {
        assert!(found.contains(&path.to_string()), "{path} is not among {found:#?}");
    }
    assert_eq!(found.iter().filter(|path| path.starts_with("tuf/targets/")).count(), 2);
    assert_eq!(found.iter().filter(|path| path.starts_with("plans/")).count(), 1);
    assert_eq!(text(&archive.join("certificates/tsa-signer-2026.chain.pem")).matches("BEGIN").count(), 3);
}

#[test]
fn a_rehearsal_says_so_in_every_subject_and_every_role() {
    let archive = rehearsed(SIGSTORE);
    for name in ["root", "fulcio-2026", "tsa-2026", "tsa-signer-2026"] {
        let pem = fs::read(archive.join(format!("certificates/{name}.pem"))).unwrap();
        let (_, pem) = x509_parser::pem::parse_x509_pem(&pem).unwrap();
        let certificate = pem.parse_x509().unwrap();
        for name in [certificate.subject(), certificate.issuer()] {
            let common = name.iter_common_name().next().unwrap().as_str().unwrap();
            assert!(common.starts_with("REHEARSAL "), "{common}");
        }
    }
    for file in ["1.root.json", "1.targets.json", "1.snapshot.json", "timestamp.json"] {
        assert!(
            text(&archive.join("tuf").join(file)).contains("\"x-rootwright-purpose\": \"rehearsal\""),
            "{file}"
        );
    }
}

#[test]
fn keys_are_made_in_the_device_and_never_leave_it() {
    let archive = rehearsed(SIGSTORE);
    for name in ["root", "rekor-2026", "keyholder-3"] {
        let key: serde_json::Value =
            serde_json::from_str(&text(&archive.join(format!("keys/{name}.json")))).unwrap();
        let claims = &key["attributes"];
        for (attribute, value) in [
            ("CKA_SENSITIVE", true),
            ("CKA_ALWAYS_SENSITIVE", true),
            ("CKA_EXTRACTABLE", false),
            ("CKA_NEVER_EXTRACTABLE", true),
            ("CKA_LOCAL", true),
            ("CKA_MODIFIABLE", false),
            ("CKA_SIGN", true),
            ("CKA_DECRYPT", false),
            ("CKA_UNWRAP", false),
            ("CKA_DERIVE", false),
        ] {
            assert_eq!(claims[attribute], value, "{name} {attribute}");
        }
        assert_eq!(claims["CKA_LABEL"], name);
    }
}

#[test]
fn a_second_run_finds_nothing_to_do_and_opens_no_device() {
    let place = folder();
    let archive = place.path().join("archive");
    copy(rehearsed(SIGSTORE), &archive);
    let before = files(&archive).iter().map(|path| fs::read(archive.join(path)).unwrap()).collect::<Vec<_>>();
    // A site whose module does not exist: opening any device would fail.
    let site = archive.join("rehearsal/site.toml");
    let broken = text(&site).replace("libsofthsm2.so", "no-such-module.so");
    let elsewhere = place.path().join("site.toml");
    fs::write(&elsewhere, broken).unwrap();
    let run = run([
        "run",
        SIGSTORE,
        "--json",
        "--yes",
        "--site",
        &elsewhere.display().to_string(),
        "--archive",
        &archive.display().to_string(),
    ]);
    assert_eq!(run.code, 0, "{}", run.shown());
    let document = run.json();
    assert!(document["steps"].as_array().unwrap().iter().all(|step| step["status"] == "done"));
    assert_eq!(document["device_ms"], 0.0);
    let after = files(&archive).iter().map(|path| fs::read(archive.join(path)).unwrap()).collect::<Vec<_>>();
    assert!(before == after, "a run with nothing to do changed the archive");
}

#[test]
fn run_reports_every_step_and_where_the_time_went() {
    let place = folder();
    let run = run([
        "rehearse",
        "ceremony/minimal.toml",
        "--yes",
        "--json",
        "--archive",
        &place.path().display().to_string(),
    ]);
    assert_eq!(run.code, 0, "{}", run.shown());
    let document = run.json();
    let steps = document["steps"].as_array().unwrap();
    assert_eq!(steps[0]["id"], "generate-key/root");
    assert_eq!(steps.last().unwrap()["id"], "publish/tuf-timestamp");
    let sum = |field: &str| steps.iter().map(|step| step[field].as_f64().unwrap()).sum::<f64>();
    for step in steps {
        assert_eq!(step["status"], "made");
    }
    let total = |field: &str| document[field].as_f64().unwrap();
    assert!(total("device_ms") > 0.0 && total("disk_ms") > 0.0);
    assert!(total("elapsed_ms") >= total("device_ms") + total("disk_ms"));
    assert!(sum("device_ms") <= total("device_ms") && sum("disk_ms") <= total("disk_ms"));
}

#[test]
fn dates_move_with_the_day() {
    let place = folder();
    for (day, expected) in [("2031-02-03", "Feb  3 00:00:00 2031"), ("plan", "Dec  1 00:00:00 2026")] {
        let archive = place.path().join(day);
        let run = run([
            "rehearse",
            "ceremony/minimal.toml",
            "--yes",
            "--date",
            day,
            "--archive",
            &archive.display().to_string(),
        ]);
        assert_eq!(run.code, 0, "{}", run.shown());
        let pem = fs::read(archive.join("certificates/root.pem")).unwrap();
        let (_, pem) = x509_parser::pem::parse_x509_pem(&pem).unwrap();
        let from = pem.parse_x509().unwrap().validity().not_before.to_string();
        assert!(from.starts_with(expected), "{from}");
        // The clock of a rehearsal stands on its day, in the journal too.
        let day = if day == "plan" { "2026-12-01" } else { day };
        for line in text(&archive.join("journal.jsonl")).lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            assert!(line["time"].as_str().unwrap().starts_with(day), "{line}");
        }
    }
    // The same archive keeps its dates: another day is refused.
    let run = run([
        "rehearse",
        "ceremony/minimal.toml",
        "--yes",
        "--date",
        "2032-01-01",
        "--archive",
        &place.path().join("plan").display().to_string(),
    ]);
    assert_eq!(run.code, 2, "{}", run.shown());
    assert!(run.err.contains("every plan over one archive is moved alike"), "{}", run.err);
}

#[test]
fn a_later_plan_adds_to_the_archive_and_takes_nothing_away() {
    let place = folder();
    let archive = place.path().join("archive");
    let run = rehearse(&repository().join(SIGSTORE), &archive);
    assert_eq!(run.code, 0, "{}", run.shown());
    let before = files(&archive);
    let plan = text(&repository().join(SIGSTORE))
        .replace("[certificates.root]", "fulcio-2027 = { device = \"issuing-hsm\", algorithm = \"ecdsa-p256\" }\n\n[certificates.root]")
        .replace(
            "[crls.root-1]",
            "[certificates.fulcio-2027]\nprofile  = \"code-signing\"\nkey      = \"fulcio-2027\"\nissuer   = \"root\"\nsubject  = { common-name = \"Example Sigstore Intermediate 2027\", organization = \"Example Project\" }\nvalidity = { from = \"2026-12-01T00:00:00Z\", for = \"3 years\" }\n\n[crls.root-1]",
        )
        .replace(
            "[[trust-root.transparency-logs]]",
            "[[trust-root.certificate-authorities]]\nchain = [\"fulcio-2027\", \"root\"]\nuri   = \"https://fulcio2027.example.org\"\ntrust = { from = \"2027-06-01T00:00:00Z\" }\n\n[[trust-root.transparency-logs]]",
        );
    let later = place.path().join("later.toml");
    fs::write(&later, plan).unwrap();
    let run = support::run([
        "run",
        &later.display().to_string(),
        "--yes",
        "--json",
        "--site",
        &archive.join("rehearsal/site.toml").display().to_string(),
        "--archive",
        &archive.display().to_string(),
    ]);
    assert_eq!(run.code, 0, "{}", run.shown());
    let made: Vec<String> = run.json()["steps"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|step| step["status"] == "made")
        .map(|step| step["id"].as_str().unwrap().to_string())
        .collect();
    assert!(made.contains(&"generate-key/fulcio-2027".to_string()), "{made:?}");
    assert!(!made.contains(&"publish/tuf-root".to_string()), "the root did not change: {made:?}");
    let after = files(&archive);
    for path in before {
        assert!(after.contains(&path), "{} is gone", path.display());
    }
    for path in ["tuf/2.targets.json", "tuf/2.snapshot.json", "certificates/fulcio-2027.pem"] {
        assert!(archive.join(path).exists(), "{path}");
    }
    assert!(!archive.join("tuf/2.root.json").exists());
    assert!(text(&archive.join("trust-root/trusted_root.json")).matches("fulcio.example.org").count() == 1);
    assert!(run.json()["steps"].as_array().unwrap().iter().any(|step| step["status"] == "done"));
}

#[test]
fn a_run_that_was_killed_goes_on_with_what_is_missing() {
    let place = folder();
    // Ever later, so that the kill falls into different steps.
    for (round, wait) in [0u64, 60, 120, 180, 240, 300].into_iter().enumerate() {
        let archive = place.path().join(round.to_string());
        let mut child = rootwright()
            .args(["rehearse", "ceremony/minimal.toml", "--yes", "--archive"])
            .arg(&archive)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // The tokens are there before the ceremony begins.
        let journal = archive.join("journal.jsonl");
        while !journal.exists() && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(wait / 3));
        let _ = child.kill();
        let _ = child.wait();
        let run = rehearse(&repository().join("ceremony/minimal.toml"), &archive);
        assert_eq!(run.code, 0, "round {round}: {}", run.shown());
        let events: Vec<serde_json::Value> =
            text(&journal).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let keys: Vec<&str> = events
            .iter()
            .filter(|line| line["event"]["type"] == "key-made")
            .map(|line| line["event"]["key"]["name"].as_str().unwrap())
            .collect();
        assert_eq!(keys.len(), 4, "every key once: {keys:?}");
        let certificates = events.iter().filter(|line| line["event"]["type"] == "certificate-signed").count();
        assert_eq!(certificates, 2, "every certificate once");
    }
}

#[test]
fn a_ceremony_starts_from_the_state_that_its_site_names() {
    let site = support::site::Site::new("rehearsal", &["root-hsm", "keyholder-1"]);
    let plan = repository().join("ceremony/minimal.toml");
    let naming = |head: &str| {
        let text = site.text();
        fs::write(site.path(), text.replacen('\n', &format!("\narchive-head = \"{head}\"\n"), 1)).unwrap();
    };
    assert_eq!(site.run(&plan).code, 0);
    let head = rootwright::archive::read(&site.archive()).unwrap().0.head.unwrap();
    let later = site.folder.path().join("later.toml");
    fs::write(&later, text(&plan).replace("2027-06-01", "2027-07-01")).unwrap();
    // Another state is refused, and nothing changes.
    naming(&"0".repeat(64));
    let refused = site.run(&later);
    assert_eq!(refused.code, 5, "{}", refused.shown());
    assert!(
        refused.err.contains(&head) && refused.err.contains("recovery other-archive"),
        "{}",
        refused.shown()
    );
    assert_eq!(rootwright::archive::read(&site.archive()).unwrap().0.head.unwrap(), head);
    // The right one is taken; the same run again has nothing to do; a third plan starts from elsewhere.
    naming(&head);
    let held = site.run(&later);
    assert_eq!(held.code, 0, "{}", held.shown());
    let new = rootwright::archive::read(&site.archive()).unwrap().0.head.unwrap();
    assert!(held.out.contains(&new), "{}", held.shown());
    assert_eq!(site.run(&later).code, 0);
    let third = site.folder.path().join("third.toml");
    fs::write(&third, text(&plan).replace("2027-06-01", "2027-08-01")).unwrap();
    assert_eq!(site.run(&third).code, 5);
    naming(&new);
    assert_eq!(site.run(&third).code, 0);
    naming("not a hash");
    assert_eq!(site.run(&third).code, 2);
}

#[test]
fn an_intermediate_is_rotated_in_phases() {
    let place = folder();
    let archive = place.path().join("archive");
    let ceremony = |plan: &str| {
        let held = support::rehearse(&repository().join("ceremony").join(plan), &archive);
        assert_eq!(held.code, 0, "{plan}: {}", held.shown());
        assert!(!held.err.contains("warning:"), "{plan}: {}", held.shown());
        let verified = run(["verify", &archive.display().to_string()]);
        assert_eq!(verified.code, 0, "{plan}: {}", verified.shown());
    };
    let entries = |plan: &Path| {
        let checked = run([
            "check",
            &plan.display().to_string(),
            "--json",
            "--archive",
            &archive.display().to_string(),
        ]);
        assert_eq!(checked.code, 0, "{}", checked.shown());
        let entries = checked.json()["entries"].as_array().unwrap().clone();
        ["fulcio-2026", "fulcio-2027"].map(|name| {
            let entry = entries.iter().find(|entry| entry["name"] == name);
            entry.map(|entry| entry["phase"].as_str().unwrap().to_string())
        })
    };
    let plan = |name: &str| repository().join("ceremony").join(name);
    let phases = |first: &str, second: &str| [Some(first.to_string()), Some(second.to_string())];
    ceremony("sigstore.toml");
    // Publish: not used before every client can have it, and refused where the plan says otherwise.
    let text = text(&plan("rotate-intermediate.toml"));
    for (from, expected) in [("2027-05-16T00:00:00Z", "2027-0"), ("2027-05-10T00:00:00Z", "2027-0")] {
        let early = place.path().join("early.toml");
        fs::write(
            &early,
            text.replace(
                "trust = { from = \"2027-06-08T00:00:00Z\" }",
                &format!("trust = {{ from = \"{from}\" }}"),
            ),
        )
        .unwrap();
        let before = fs::read(archive.join("journal.jsonl")).unwrap();
        let refused = support::rehearse(&early, &archive);
        assert_eq!(refused.code, 1, "{}", refused.shown());
        assert!(
            refused.err.contains("TRUST-SWITCH-EARLY") && refused.err.contains(expected),
            "{}",
            refused.shown()
        );
        assert_eq!(fs::read(archive.join("journal.jsonl")).unwrap(), before);
    }
    // In an emergency it is waived, by its id and with a reason.
    let waived = text.replace("[people]", "[[waivers]]\nrule = \"TRUST-SWITCH-EARLY\"\nobject = \"trusted_root.json\"\nreason = \"the old key is lost\"\n\n[people]")
        .replace("trust = { from = \"2027-06-08T00:00:00Z\" }", "trust = { from = \"2027-05-10T00:00:00Z\" }");
    let emergency = place.path().join("emergency.toml");
    fs::write(&emergency, waived).unwrap();
    let checked =
        run(["check", &emergency.display().to_string(), "--archive", &archive.display().to_string()]);
    assert_eq!(checked.code, 0, "{}", checked.shown());
    assert!(checked.out.contains("the old key is lost"), "{}", checked.shown());
    assert_eq!(entries(&plan("rotate-intermediate.toml")), phases("in-use", "new"));
    ceremony("rotate-intermediate.toml");
    assert_eq!(entries(&plan("rotate-intermediate.toml")), phases("in-use", "published"));
    // Retire: by then the new one is used, and the old one gets its end.
    assert_eq!(entries(&plan("retire-intermediate.toml")), phases("ending", "in-use"));
    ceremony("retire-intermediate.toml");
    let root: serde_json::Value =
        serde_json::from_str(&self::text(&archive.join("trust-root/trusted_root.json"))).unwrap();
    let authorities = root["certificateAuthorities"].as_array().unwrap();
    assert_eq!(authorities.len(), 2);
    assert!(authorities[0]["validFor"]["end"].is_string() && authorities[1]["validFor"].get("end").is_none());
    // An entry that was published never disappears, and its start never moves.
    let gone = text.replacen("[[trust-root.certificate-authorities]]\nchain = [\"fulcio-2026\", \"root\"]\nuri   = \"https://fulcio.example.org\"\ntrust = { from = \"2026-12-01T00:00:00Z\" }\n", "", 1);
    assert_ne!(gone, text);
    let dropped = place.path().join("dropped.toml");
    fs::write(&dropped, gone).unwrap();
    let refused = support::rehearse(&dropped, &archive);
    assert_eq!(refused.code, 5, "{}", refused.shown());
    // The calendar of the last plan names the new intermediate, and no longer the first CRL.
    let calendar =
        run(["check", &plan("retire-intermediate.toml").display().to_string(), "--calendar", "--json"])
            .json();
    let objects: Vec<&str> =
        calendar.as_array().unwrap().iter().map(|due| due["object"].as_str().unwrap()).collect();
    assert!(objects.contains(&"certificates.fulcio-2027") && objects.contains(&"crls.root-2"), "{objects:?}");
    assert!(!objects.contains(&"crls.root-1"), "{objects:?}");
    let ics = run(["check", "ceremony/sigstore.toml", "--calendar", "ics"]);
    assert!(ics.out.starts_with("BEGIN:VCALENDAR\r\n"), "{}", ics.shown());
}
