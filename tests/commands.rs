//! The command line as a contract: verbs, JSON, exit codes, help that reads like documentation.

mod support;

use std::fs;

use support::site::Site;
use support::{folder, repository, run};

#[test]
fn every_verb_has_help_with_a_sentence_and_every_argument_explained() {
    let help = run(["--help"]);
    assert_eq!(help.code, 0);
    assert!(help.out.contains("Exit codes"), "{}", help.out);
    let verbs: Vec<&str> = help
        .out
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| {
            line.strip_prefix("  ")?.split_whitespace().next().filter(|_| !line.starts_with("   "))
        })
        .collect();
    for verb in [
        "check",
        "script",
        "report",
        "rehearse",
        "run",
        "verify",
        "show",
        "token",
        "schema",
        "completions",
        "man",
    ] {
        assert!(verbs.contains(&verb), "{verb} is not among {verbs:?}");
    }
    for verb in verbs {
        let help = run([verb, "--help"]);
        assert_eq!(help.code, 0, "{verb}");
        let first = help.out.lines().next().unwrap_or_default();
        assert!(first.len() > 20, "{verb}: {first}");
        // clap puts an argument's explanation on the lines below it, indented by ten.
        let lines: Vec<&str> = help.out.lines().collect();
        for pair in lines.windows(2) {
            let argument =
                pair[0].starts_with("      --") || pair[0].starts_with("  <") || pair[0].starts_with("  [");
            assert!(!argument || pair[1].starts_with("          "), "{verb}: no words for {}", pair[0]);
        }
    }
}

#[test]
fn version_usage_and_their_exit_codes() {
    let version = run(["--version"]);
    assert_eq!((version.code, version.out.trim()), (0, concat!("rootwright ", env!("CARGO_PKG_VERSION"))));
    for wrong in [&["chekc"][..], &["check"], &["run", "plan.toml"], &["check", "--no-such-flag", "x"], &[]] {
        assert_eq!(run(wrong).code, 2, "{wrong:?}");
    }
}

#[test]
fn the_schemas_are_json_schema_and_know_every_table() {
    for (file, names) in [
        ("plan", &["ceremony", "people", "keys", "certificates", "crls", "trust-root", "tuf"][..]),
        ("site", &["purpose", "date-shift", "environment", "devices"]),
    ] {
        let schema = run(["schema", file]);
        assert_eq!(schema.code, 0);
        let schema = schema.json();
        assert!(schema["$schema"].as_str().unwrap().contains("json-schema.org"));
        for name in names {
            let property = &schema["properties"][name];
            assert!(
                property["description"].is_string() || property["$ref"].is_string(),
                "{file}: {name}: {property}"
            );
        }
        assert_eq!(schema["additionalProperties"], false);
    }
}

#[test]
fn completions_and_manual_name_every_verb() {
    for shell in ["bash", "zsh", "fish"] {
        let script = run(["completions", shell]);
        assert_eq!(script.code, 0, "{shell}");
        assert!(script.out.contains("rehearse"), "{shell}");
    }
    let man = run(["man"]);
    assert_eq!(man.code, 0);
    for word in [".TH", "rehearse", "verify", "exit codes", "\\-\\-archive"] {
        assert!(man.out.to_lowercase().contains(&word.to_lowercase()), "{word}");
    }
}

#[test]
fn json_is_one_document_also_when_something_is_wrong() {
    let place = folder();
    let plan = place.path().join("plan.toml");
    fs::write(&plan, "[ceremony]\nnmae = 1\n").unwrap();
    let failed = run(["check", "--json", &plan.display().to_string()]);
    assert_eq!(failed.code, 2);
    let document = failed.json();
    assert_eq!(document["exit"], 2);
    assert!(document["error"].as_str().unwrap().contains("unknown field `nmae`"));
    assert!(failed.err.contains("unknown field `nmae`"), "people see it too");

    let checked = run(["check", "--json", "ceremony/sigstore.toml"]).json();
    assert_eq!(checked["keys"], 12);
    assert!(checked["steps"].as_array().unwrap().iter().all(|step| step["status"] == "pending"));
}

#[test]
fn a_run_that_stops_says_which_steps_are_left() {
    let site = Site::new("rehearsal", &["root-hsm", "keyholder-1"]);
    let plan = repository().join("ceremony/minimal.toml");
    let archive = site.archive().display().to_string();
    // A polite end, as an init system asks for it, in the middle of a step.
    let go = site.folder.path().join("go");
    let command =
        ["run", &plan.display().to_string(), "--json", "--site", &site.path(), "--archive", &archive];
    let running = support::rootwright()
        .args(command)
        .env("ROOTWRIGHT_FAULT_PAUSE", format!("330:{}", go.display()))
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let start = std::time::Instant::now();
    while !go.with_extension("reached").exists() {
        assert!(start.elapsed().as_secs() < 60, "the point is not reached");
        std::thread::sleep(std::time::Duration::from_millis(3));
    }
    let pid = rustix::process::Pid::from_child(&running);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(200));
    fs::write(&go, "").unwrap();
    let stopped: support::Run = running.wait_with_output().unwrap().into();
    assert_eq!(stopped.code, 3, "{}", stopped.shown());
    let document = stopped.json();
    assert_eq!(document["exit"], 3);
    let status = |id: &str| {
        let steps = document["steps"].as_array().unwrap();
        steps
            .iter()
            .find(|step| step["id"] == id)
            .map(|step| step["status"].as_str().unwrap().to_string())
            .unwrap()
    };
    assert_eq!(status("generate-key/root"), "made");
    assert_eq!(status("publish/tuf-timestamp"), "pending");
    assert!(
        stopped.err.contains("stand in the archive") && stopped.err.contains("to go on:"),
        "{}",
        stopped.err
    );
    // And it does.
    let rest = site.run(&plan);
    assert_eq!(rest.code, 0, "{}", rest.shown());
    assert!(rest.out.contains("were done before"), "{}", rest.out);
}

#[test]
fn colour_can_be_switched_on_and_off() {
    let colours = |when: &str| run(["--color", when, "check", "no-such.toml"]).err.contains('\u{1b}');
    assert!(colours("always"));
    assert!(!colours("never"));
    assert!(!colours("auto"), "stderr is no terminal here");
}

#[test]
fn production_has_no_mark_and_every_algorithm_is_made() {
    let site = Site::new("production", &["root-hsm", "keyholder-1"]).waive(&[
        "ENV-CLOCK-DAY",
        "ENV-NETWORK",
        "ENV-SWAP",
        "ENV-CORE-DUMPS",
        "ENV-MEMORY",
    ]);
    let plan = site.folder.path().join("plan.toml");
    let text = fs::read_to_string(repository().join("ceremony/minimal.toml")).unwrap();
    let text = text
        .replace("algorithm = \"ecdsa-p384\" }\nfulcio", "algorithm = \"rsa-4096\" }\nfulcio")
        .replace(
            "[certificates.root]",
            "spare-1 = { device = \"root-hsm\", algorithm = \"ecdsa-p521\" }\nspare-2 = { device = \"root-hsm\", algorithm = \"ed25519\" }\nspare-3 = { device = \"root-hsm\", algorithm = \"rsa-3072\" }\n\n[certificates.root]",
        )
        .replace("device = \"keyholder-1\" }", "device = \"keyholder-1\", algorithm = \"ed25519\" }")
        // In production the clock is the machine's, and the plan's day must have come.
        .replace("2026-12-01", "2026-01-01");
    fs::write(&plan, text).unwrap();
    let made = site.run(&plan);
    assert_eq!(made.code, 0, "{}", made.shown());
    let algorithm = |key: &str| {
        let key = fs::read(site.archive().join(format!("keys/{key}.json"))).unwrap();
        serde_json::from_slice::<serde_json::Value>(&key).unwrap()["algorithm"].as_str().unwrap().to_string()
    };
    let found = ["root", "fulcio", "online", "spare-1", "spare-2", "spare-3", "keyholder-1"].map(algorithm);
    assert_eq!(
        found,
        ["rsa-4096", "ecdsa-p384", "ecdsa-p256", "ecdsa-p521", "ed25519", "rsa-3072", "ed25519"]
    );
    let root = fs::read(site.archive().join("certificates/root.pem")).unwrap();
    let (_, pem) = x509_parser::pem::parse_x509_pem(&root).unwrap();
    let name = pem.parse_x509().unwrap().subject().to_string();
    assert!(name.contains("Example Root") && !name.contains("REHEARSAL"), "{name}");
    let targets = fs::read_to_string(site.archive().join("tuf/1.targets.json")).unwrap();
    assert!(!targets.contains("rehearsal"));
    assert_eq!(run(["verify", &site.archive().display().to_string()]).code, 0);
}

#[test]
fn tokens_are_listed_shown_and_never_made_ready_twice() {
    let site = Site::new("rehearsal", &["root-hsm"]);
    let listed = run(["token", "list", "--json", "--site", &site.path()]).json();
    let tokens = listed[0]["tokens"].as_array().unwrap();
    let mine = tokens.iter().find(|token| token["devices"][0] == "root-hsm").unwrap();
    assert_eq!(mine["report"]["label"], "root-hsm");
    let shown = run(["token", "show", "root-hsm", "--json", "--site", &site.path()]).json();
    assert_eq!(shown[0]["objects"], serde_json::json!([]));
    assert_eq!(shown[0]["claims"]["serial"], mine["report"]["serial"]);
    let again = run(["token", "init", "root-hsm", "--site", &site.path()]);
    assert_eq!(again.code, 5, "{}", again.shown());
    let unknown = run(["token", "show", "no-such", "--site", &site.path()]);
    assert_eq!(unknown.code, 3, "{}", unknown.shown());
}

#[test]
fn a_key_that_lives_elsewhere_is_taken_over_by_its_request() {
    let place = folder();
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    let mut request = rcgen::CertificateParams::new(Vec::new()).unwrap();
    // It names nobody: the plan says whom the certificate names.
    request.distinguished_name = rcgen::DistinguishedName::new();
    let request = request.serialize_request(&pair).unwrap();
    fs::create_dir(place.path().join("inputs")).unwrap();
    fs::write(
        place.path().join("inputs/partner.csr"),
        rootwright::pki::key::pem("CERTIFICATE REQUEST", request.der()),
    )
    .unwrap();
    let text = fs::read_to_string(repository().join("ceremony/minimal.toml")).unwrap();
    let text = text.replace(
        "fulcio = { device = \"root-hsm\", algorithm = \"ecdsa-p384\" }",
        "fulcio = { csr = \"inputs/partner.csr\" }",
    );
    let plan = place.path().join("plan.toml");
    fs::write(&plan, text).unwrap();
    let archive = place.path().join("archive");
    let made = support::rehearse(&plan, &archive);
    assert_eq!(made.code, 0, "{}", made.shown());
    let pem = fs::read_to_string(archive.join("keys/fulcio.pem")).unwrap();
    assert_eq!(
        pem,
        rootwright::pki::key::pem("PUBLIC KEY", &rcgen::PublicKeyData::subject_public_key_info(&pair))
    );
    // One changed byte: whoever made this does not hold the key.
    let mut der = request.der().to_vec();
    *der.last_mut().unwrap() ^= 1;
    fs::write(place.path().join("inputs/partner.csr"), der).unwrap();
    let refused = support::rehearse(&plan, &place.path().join("other"));
    assert_eq!(refused.code, 1, "{}", refused.shown());
    assert!(refused.err.contains("[CSR-POSSESSION]"), "{}", refused.err);
    assert!(refused.err.contains("proof of possession fails"), "{}", refused.err);
}
