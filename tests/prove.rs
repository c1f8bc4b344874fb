//! A canary on real tokens: what stock clients say of it, and what is refused before anything is signed.

#[path = "support/canary.rs"]
mod canary;
mod support;
#[path = "support/terminal.rs"]
mod terminal;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use canary::{BUNDLE, Own, PLAN, accepted, prove, verified};
use rootwright::archive::{self, CanaryPart, Event};
use rootwright::plan::Time;
use rootwright::plan::prove::Provider;
use rootwright::prove::{identity::Claims, issuer};
use serde_json::{Value, json};
use support::site::Site;
use support::world::with_rekor_v1;
use support::{copy, folder, rehearse, rehearsed, repository, run};

const BUNDLE_V1: &str = "bundle.rekor-v1.sigstore.json";

#[test]
fn a_rehearsal_ends_with_a_canary_that_stock_clients_accept() {
    let archive = rehearsed(PLAN);
    let canary = archive.join("canaries/canary-1");
    accepted(&[canary.join(BUNDLE)]);
    let identity: Value = serde_json::from_slice(&fs::read(canary.join("identity.json")).unwrap()).unwrap();
    assert_eq!(identity["identity"], "canary@example.org");
    assert_eq!(identity["issuer"], "https://oauth2.example.org/auth");
    for (file, of) in
        [("trusted_root.json", "trusted_root.json"), ("signing_config.json", "signing_config.v0.2.json")]
    {
        let own = fs::read(canary.join(file)).unwrap();
        assert!(own == fs::read(archive.join("trust-root").join(of)).unwrap(), "{file} is the archive's");
    }
    let artifact = fs::read_to_string(canary.join("artifact")).unwrap();
    assert!(artifact.starts_with("canary-1: a rootwright canary, a rehearsal.\n"), "{artifact}");
    let bundle: Value = serde_json::from_slice(&fs::read(canary.join(BUNDLE)).unwrap()).unwrap();
    let entry = &bundle["verificationMaterial"]["tlogEntries"][0];
    assert_eq!(entry["logIndex"], "1", "never 0");
    let note = entry["inclusionProof"]["checkpoint"]["envelope"].as_str().unwrap();
    assert!(note.starts_with("rekor2026.example.org\n3\n") && note.contains("\ncanary: "), "{note}");
}

/// Once, not at each run; and every use of a key is in the journal, the root's is not among them.
#[test]
fn a_canary_is_journalled_and_made_once_a_trust_root() {
    let archive = rehearsed(PLAN);
    let before = fs::read(archive.join("journal.jsonl")).unwrap();
    let again = rehearse(&repository().join(PLAN), archive);
    assert_eq!(again.code, 0, "{}", again.shown());
    assert!(again.out.contains("canary-1/bundle.sigstore.json verifies still"), "{}", again.shown());
    assert!(fs::read(archive.join("journal.jsonl")).unwrap() == before);
    let (journal, state) = archive::read(archive).unwrap();
    let uses: Vec<(CanaryPart, String)> = journal
        .records
        .iter()
        .filter_map(|record| match &record.event {
            Event::CanarySigned { part, key, .. } => Some((*part, key.to_string())),
            _ => None,
        })
        .collect();
    let expected = [
        (CanaryPart::Precertificate, "fulcio-2026"),
        (CanaryPart::Sct, "ctlog-2026"),
        (CanaryPart::Certificate, "fulcio-2026"),
        (CanaryPart::Timestamp, "tsa-signer-2026"),
        (CanaryPart::Checkpoint, "rekor-2026"),
    ];
    assert_eq!(uses, expected.map(|(part, key)| (part, key.to_string())));
    let operations = |key: &str| state.operations[&key.parse().unwrap()];
    // Three certificates and a CRL, as without a canary.
    assert_eq!((operations("root"), operations("fulcio-2026")), (4, 2));
    assert!(state.open.is_empty());
    let report = verified(archive);
    assert_eq!(report["warnings"].as_u64().unwrap_or(0), 0, "{report}");
}

#[test]
fn both_generations_of_logs_get_a_bundle() {
    let place = folder();
    let text = fs::read_to_string(repository().join(PLAN)).unwrap();
    let both = place.path().join("both.toml");
    fs::write(&both, with_rekor_v1(&text)).unwrap();
    // The older generation alone, without a timestamp authority: its promise is the only time there is.
    let old = place.path().join("old.toml");
    let cut = |text: &str, table: &str| {
        let (head, rest) = text.split_once(table).expect("the table");
        let (_, rest) = rest.split_once("\n\n").expect("its end");
        format!("{head}{rest}")
    };
    let text = text.replace("api   = 2", "api   = 1").replace("rekor2026.example.org", "rekor.example.org");
    fs::write(&old, cut(&text, "[[trust-root.timestamp-authorities]]")).unwrap();
    let mut bundles = Vec::new();
    for (plan, files) in [(both, &[BUNDLE, BUNDLE_V1][..]), (old, &[BUNDLE])] {
        let archive = plan.with_extension("");
        let rehearsed = rehearse(&plan, &archive);
        assert_eq!(rehearsed.code, 0, "{}", rehearsed.shown());
        let canary = archive.join("canaries/canary-1");
        assert_eq!(canary.join(BUNDLE_V1).exists(), files.len() == 2);
        bundles.extend(files.iter().map(|file| canary.join(file)));
        verified(&archive);
    }
    accepted(&bundles);
    let material = |bundle: &Path| {
        let bundle: Value = serde_json::from_slice(&fs::read(bundle).unwrap()).unwrap();
        bundle["verificationMaterial"].clone()
    };
    let [second, first, alone] = [0, 1, 2].map(|number: usize| material(&bundles[number]));
    assert_eq!(second["tlogEntries"][0]["kindVersion"]["version"], "0.0.2");
    assert!(second["tlogEntries"][0].get("integratedTime").is_none());
    for older in [&first, &alone] {
        assert_eq!(older["tlogEntries"][0]["kindVersion"]["version"], "0.0.1");
        assert!(older["tlogEntries"][0]["inclusionPromise"]["signedEntryTimestamp"].is_string());
        assert!(older.get("timestampVerificationData").is_none());
    }
}

#[test]
fn every_kind_of_provider_and_the_printed_commands() {
    let own = Own::new();
    let mut bundles = Vec::new();
    for provider in Provider::ALL {
        let out = provider.as_str();
        let issuer = "https://issuer.example.org";
        let (options, identity, issuer): (&[&str], &str, &str) = match provider {
            // As the plan has it.
            Provider::Email => (&[], "canary@example.org", ISSUER),
            Provider::Uri => {
                let name = "https://example.org/canary";
                (&["--identity", name, "--issuer", issuer], name, issuer)
            }
            Provider::GithubActions => {
                let name = "https://github.com/example/canary/.github/workflows/c.yml@refs/heads/main";
                (&["--identity", name, "--issuer", issuer], name, issuer)
            }
            // Made up: the plan's own identity is of another kind.
            Provider::GitlabCi => (
                &[],
                "https://gitlab.com/example/canary//.gitlab-ci.yml@refs/heads/main",
                "https://gitlab.com",
            ),
        };
        let proved = own.prove(out, &[&["--provider", out], options].concat());
        assert_eq!(proved.code, 0, "{}", proved.shown());
        let document = proved.json();
        assert_eq!((&document["identity"], &document["issuer"]), (&json!(identity), &json!(issuer)));
        assert_eq!(document["not-proved"], json!([]));
        bundles.push(own.place(out).join(BUNDLE));
        let files = [
            "artifact",
            "client_trust_config.json",
            "identity.json",
            "signing_config.json",
            "trusted_root.json",
        ];
        for file in files {
            let kept = own.archive().join("canaries").join(document["canary"].as_str().unwrap()).join(file);
            assert!(fs::read(own.place(out).join(file)).unwrap() == fs::read(kept).unwrap(), "{file}");
        }
        for check in document["checks"].as_array().unwrap() {
            let client = check["client"].as_str().unwrap();
            if client.starts_with("sigstore-python") || client == "sigstore-js" {
                let (code, out, err) = typed(check["command"].as_str().unwrap());
                assert_eq!(code, Some(0), "{client}: {out}{err}");
                assert!((out + &err).contains("OK"), "{client}");
            }
        }
    }
    accepted(&bundles);
    verified(&own.archive());
    // OpenSSL, of the timestamp alone.
    let archive = own.archive();
    let bundle: Value = serde_json::from_slice(&fs::read(&bundles[0]).unwrap()).unwrap();
    let base64 = |value: &Value| data_encoding::BASE64.decode(value.as_str().unwrap().as_bytes()).unwrap();
    let stamp = &bundle["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"][0];
    fs::write(own.place("stamp.tsr"), base64(&stamp["signedTimestamp"])).unwrap();
    fs::write(own.place("signature"), base64(&bundle["messageSignature"]["signature"])).unwrap();
    let path = |file: &str| archive.join("certificates").join(file).display().to_string();
    for (data, good) in [("signature", true), ("email/artifact", false)] {
        let mut command = Command::new("openssl");
        command.args(["ts", "-verify", "-in", "stamp.tsr", "-data", data, "-CAfile", &path("root.pem")]);
        command.args(["-untrusted", &path("tsa-2026.pem")]).current_dir(own.folder.path());
        let (code, out, err) = support::clients::run(command, Duration::from_secs(30));
        assert_eq!(code == Some(0), good, "{out}{err}");
    }
}

/// Types a command as a person would who has the pinned clients.
fn typed(command: &str) -> (Option<i32>, String, String) {
    let clients = repository().join("target/clients");
    let path = format!(
        "{}:{}:{}",
        clients.join("python/bin").display(),
        clients.join("nodejs/bin").display(),
        std::env::var("PATH").unwrap()
    );
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).current_dir(clients).env("PATH", path);
    support::clients::run(shell, Duration::from_secs(60))
}

// ---- ID tokens

fn now() -> Time {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Time::from_unix(now.as_secs().try_into().unwrap()).unwrap()
}

const ISSUER: &str = "https://oauth2.example.org/auth";

/// Writes a token and its key set, and gives the options that name them.
fn token(own: &Own, name: &str, change: impl FnOnce(&mut Claims)) -> Vec<String> {
    let mut claims = issuer::claims(Provider::Email, "canary@example.org", ISSUER, now()).unwrap();
    change(&mut claims);
    let issued = issuer::sign(&claims).unwrap();
    let file = |end: &str| own.place(&format!("{name}.{end}"));
    fs::write(file("jwt"), issued.token).unwrap();
    fs::write(file("jwks"), issued.jwks).unwrap();
    let path = |end: &str| file(end).display().to_string();
    vec!["--id-token".into(), path("jwt"), "--jwks".into(), path("jwks")]
}

#[test]
fn an_id_token_is_verified_and_nothing_is_signed_for_a_bad_one() {
    let own = Own::new();
    let good = token(&own, "good", |_| {});
    let words = |options: &[String]| options.iter().map(String::from).collect::<Vec<_>>();
    let refuses = |code: i32, phrase: &str, options: Vec<String>| {
        own.refuses(
            code,
            &[phrase, "nothing was signed"],
            &options.iter().map(String::as_str).collect::<Vec<_>>(),
        );
    };
    let hour = |hours: i64| Value::from(now().unix() + hours * 3600);
    refuses(1, "expired at", token(&own, "expired", |claims| drop(claims.insert("exp".into(), hour(-1)))));
    refuses(
        1,
        "begins to be good",
        token(&own, "early", |claims| drop(claims.insert("nbf".into(), hour(1)))),
    );
    refuses(1, "audience", token(&own, "audience", |claims| drop(claims.insert("aud".into(), "x".into()))));
    refuses(1, "nonce", token(&own, "nonce", |claims| drop(claims.insert("nonce".into(), "x".into()))));
    let foreign =
        token(&own, "foreign", |claims| drop(claims.insert("iss".into(), "https://evil.example".into())));
    refuses(1, "expected https://oauth2.example.org/auth", foreign.clone());
    refuses(
        1,
        "did not verify the mail",
        token(&own, "mail", |claims| drop(claims.remove("email_verified"))),
    );
    // Another issuer's keys.
    let mut others = words(&good);
    others[3].clone_from(&foreign[3]);
    refuses(1, "the key set has no key", others);
    // Signed by nobody.
    let text = fs::read_to_string(&good[1]).unwrap();
    let payload = text.split('.').nth(1).unwrap();
    let none = own.place("none.jwt");
    fs::write(&none, format!("{}.{payload}.", data_encoding::BASE64URL_NOPAD.encode(br#"{"alg":"none"}"#)))
        .unwrap();
    let mut unsigned = words(&good);
    unsigned[1] = none.display().to_string();
    refuses(1, "algorithm is `none`", unsigned);
    // No token, no key set.
    for (place, phrase) in [(1, "the ID token can't be read"), (3, "the key set can't be read")] {
        let garbage = own.place("garbage");
        fs::write(&garbage, [0xff, 0, b'x']).unwrap();
        let mut unreadable = words(&good);
        unreadable[place] = garbage.display().to_string();
        refuses(2, phrase, unreadable);
    }
    let mut missing = words(&good);
    missing[1] = own.place("no-such-file").display().to_string();
    own.refuses(2, &["no-such-file"], &missing.iter().map(String::as_str).collect::<Vec<_>>());
    // A workflow's token says more.
    let mut other_kind = words(&good);
    other_kind.extend(["--provider".into(), "github-actions".into()]);
    refuses(1, "no claim `job_workflow_ref`", other_kind);

    let proved = own.prove("good", &good.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(proved.code, 0, "{}", proved.shown());
    accepted(&[own.place("good").join(BUNDLE)]);
}

// ---- what is not there

#[test]
fn keys_that_are_not_in_the_site_are_named() {
    let own = Own::new();
    let text = fs::read_to_string(own.site()).unwrap();
    let (head, rest) = text.split_once("[devices.issuing-hsm]").unwrap();
    let (_, rest) = rest.split_once("\n\n").unwrap();
    fs::write(own.site(), format!("{head}{rest}")).unwrap();
    own.refuses(
        3,
        &[
            "fulcio-2026 (https://fulcio.example.org): its key `fulcio-2026` is on issuing-hsm",
            "no certificate can be issued",
            "its key `ctlog-2026` is on issuing-hsm",
            "signed certificate timestamp",
            "its key `rekor-2026` is on issuing-hsm",
            "no signature can be logged",
            "its key `tsa-signer-2026` is on issuing-hsm",
            "every client refuses it",
        ],
        &[],
    );
}

#[test]
fn times_folders_and_archives_that_prove_nothing() {
    let own = Own::new();
    // Before the trust root begins, nothing signs; nor with an authority that there is not.
    own.refuses(
        3,
        &["the trust root has no certificate authority in use at 2020-01-01"],
        &["--at", "2020-01-01T00:00:00Z"],
    );
    own.refuses(3, &["no certificate authority `tsa-2026`"], &["--authority", "tsa-2026"]);
    own.refuses(2, &["is not a mail address"], &["--identity", "nobody"]);
    let first = own.prove("canary", &["--authority", "fulcio-2026"]);
    assert_eq!(first.code, 0, "{}", first.shown());
    let before = own.journal();
    let again = own.prove("canary", &[]);
    assert_eq!(again.code, 5, "{}", again.shown());
    assert!(again.err.contains("is there already") && own.journal() == before);
    // An identity that is not a canary's is said aloud.
    let unmarked = own.prove("unmarked", &["--identity", "somebody@example.org"]);
    assert_eq!(unmarked.code, 0, "{}", unmarked.shown());
    assert!(unmarked.err.contains("CANARY-CERT-MARKED-REHEARSAL"), "{}", unmarked.shown());
    let nothing = prove(&own.place("nothing"), &own.site(), &own.place("out"), &[]);
    assert_eq!(nothing.code, 3, "{}", nothing.shown());
    let minimal = rehearsed("ceremony/minimal.toml");
    let incomplete = prove(minimal, &minimal.join("rehearsal/site.toml"), &own.place("out"), &[]);
    assert_eq!(incomplete.code, 3, "{}", incomplete.shown());
    assert!(incomplete.err.contains("the trust root has no"), "{}", incomplete.shown());
    let usage = run(["prove", &own.archive().display().to_string()]);
    assert_eq!(usage.code, 2, "{}", usage.shown());
}

/// Later in its life: another day's canary stands on the same keys.
#[test]
fn another_day() {
    let own = Own::new();
    let later = now().shifted(365).unwrap().to_string();
    let proved = own.prove("later", &["--at", &later]);
    assert_eq!(proved.code, 0, "{}", proved.shown());
    assert_eq!(proved.json()["time"], later);
    let too_late = now().shifted(366 * 4).unwrap().to_string();
    // The intermediate has expired by then: a rule says so before anything is signed.
    own.refuses(1, &["CANARY-CERT-INSIDE-ISSUER"], &["--at", &too_late]);
}

#[test]
fn production_proves_with_somebodys_token_only() {
    let plan = fs::read_to_string(repository().join(PLAN)).unwrap().replace("2026-12-01", "2026-01-01");
    let plan = plan.replace("2027-11-01", "2026-12-31");
    let devices = [
        "root-hsm",
        "issuing-hsm",
        "keyholder-1",
        "keyholder-2",
        "keyholder-3",
        "keyholder-4",
        "keyholder-5",
    ];
    let waived = ["ENV-NETWORK", "ENV-SWAP", "ENV-CORE-DUMPS", "ENV-MEMORY", "ENV-CLOCK-DAY"];
    let site = Site::new("production", &devices).waive(&waived);
    let file = site.folder.path().join("plan.toml");
    fs::write(&file, plan).unwrap();
    let held = site.run(&file);
    assert_eq!(held.code, 0, "{}", held.shown());
    assert!(!site.archive().join("canaries").exists(), "production proves when it is asked to");
    let journal = || fs::read(site.archive().join("journal.jsonl")).unwrap();
    let before = journal();
    let path = Path::new(&site.path()).to_path_buf();
    let out = |name: &str| site.folder.path().join(name);
    let without = prove(&site.archive(), &path, &out("without"), &[]);
    assert_eq!(without.code, 2, "{}", without.shown());
    assert!(without.err.contains("--id-token FILE --jwks FILE"), "{}", without.shown());
    let at = prove(&site.archive(), &path, &out("at"), &["--at", "2026-06-01T00:00:00Z"]);
    assert_eq!(at.code, 5, "{}", at.shown());
    let token = |name: &str, email: &str| {
        let claims = issuer::claims(Provider::Email, email, ISSUER, now()).unwrap();
        let issued = issuer::sign(&claims).unwrap();
        let (jwt, jwks) = (out(&format!("{name}.jwt")), out(&format!("{name}.jwks")));
        fs::write(&jwt, issued.token).unwrap();
        fs::write(&jwks, issued.jwks).unwrap();
        let (jwt, jwks) = (jwt.display().to_string(), jwks.display().to_string());
        prove(&site.archive(), &path, &out(name), &["--id-token", &jwt, "--jwks", &jwks])
    };
    let unmarked = token("unmarked", "release@example.org");
    assert_eq!(unmarked.code, 1, "{}", unmarked.shown());
    assert!(unmarked.err.contains("CANARY-CERT-MARKED"), "{}", unmarked.shown());
    assert!(journal() == before, "something was recorded");
    let marked = token("marked", "canary@example.org");
    assert_eq!(marked.code, 0, "{}", marked.shown());
    accepted(&[out("marked").join(BUNDLE)]);
    let artifact = fs::read_to_string(out("marked/artifact")).unwrap();
    assert!(artifact.contains("a rootwright canary, production"), "{artifact}");
    // At a terminal each signature is approved, and can be refused.
    let (archive, path) = (site.archive().display().to_string(), site.path());
    let (jwt, jwks) = (out("marked.jwt").display().to_string(), out("marked.jwks").display().to_string());
    let place = out("refused").display().to_string();
    let words = ["prove", &archive, "--site", &path, "-o", &place, "--id-token", &jwt, "--jwks", &jwks];
    let mut terminal = terminal::Terminal::start(&words, &[]);
    terminal.expect("will sign canary-2/precertificate with the key fulcio-2026");
    terminal.answer("Type issuing-hsm", "issuing-hsm");
    terminal.expect("will sign canary-2/sct with the key ctlog-2026");
    terminal.answer("Type issuing-hsm", "pause");
    assert_eq!(terminal.end(), 3, "{}", terminal.shown());
    let (journal, state) = archive::read(&site.archive()).unwrap();
    let last = &journal.records.last().unwrap().event;
    assert_eq!(last.step(), Some("prove/canary-2/precertificate"), "{last:?}");
    assert_eq!((state.canaries.len(), state.canaries_begun), (1, 2));
    assert!(!out("refused").exists());
    verified(&site.archive());
}

/// Killed anywhere, the archive stands, says what was begun, and the next canary is another one.
#[test]
fn killed_at_any_instant() {
    let own = Own::new();
    let log = own.place("points");
    let prove = |archive: &Path, out: &str, name: &str, value: &str| {
        let mut command = support::rootwright();
        command.arg("prove").arg(archive).arg("--site").arg(own.site()).arg("-o").arg(own.place(out));
        command.env(name, value).output().unwrap()
    };
    let whole = own.place("whole");
    copy(&own.archive(), &whole);
    let output = prove(&whole, "whole-out", "ROOTWRIGHT_FAULT_LOG", &log.display().to_string());
    assert!(output.status.success());
    let points = fs::read_to_string(&log).unwrap().lines().count();
    assert!(points > 60, "{points} points");
    for (number, point) in (1..=points).step_by(points / 12).enumerate() {
        let archive = own.place(&format!("killed-{number}"));
        copy(&own.archive(), &archive);
        let killed = prove(&archive, &format!("out-{number}"), "ROOTWRIGHT_FAULT", &point.to_string());
        assert!(!killed.status.success(), "point {point} was passed");
        let again = prove(&archive, &format!("again-{number}"), "ROOTWRIGHT_NO_FAULT", "");
        assert!(again.status.success(), "point {point}: {}", String::from_utf8_lossy(&again.stderr));
        verified(&archive);
    }
}
