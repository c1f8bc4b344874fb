//! The drill of a compromised intermediate: what was signed before the key was lost verifies still, what was
//! signed since does not, and stock clients say the same where they look.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use rootwright::archive::made::{MadeCertificate, MadeCrl, MadeTrustRoot};
use rootwright::archive::{Role, State};
use rootwright::plan::trust_root::Api;
use rootwright::prove::replay::{Outcome, of_folder, replay};
use serde_json::{Value, json};
use support::clients::{FileServer, Judge, TufClient, Verdict};
use support::world::{Recipe, World, with_rekor_v1};
use support::years::{Years, made};
use support::{Run, copy, folder, repository, run};

const PLAN: &str = "ceremony/compromise.toml";
const BUNDLE: &str = "bundle.sigstore.json";
const BUNDLE_V1: &str = "bundle.rekor-v1.sigstore.json";

fn outcomes(run: &Run) -> Vec<(String, String)> {
    let all = run.json()["replayed"].as_array().unwrap().clone();
    let text = |one: &Value, field: &str| one[field].as_str().unwrap().to_string();
    all.iter().map(|one| (text(one, "bundle"), text(one, "outcome"))).collect()
}

/// Whether a client accepts bundles of earlier under the trusted root of today.
fn under(judge: Judge, bundles: &[PathBuf]) -> Vec<bool> {
    judge.judge(bundles).iter().map(|verdict| matches!(verdict, Verdict::Accepted)).collect()
}

#[test]
fn exactly_what_was_signed_since_the_key_was_lost_verifies_no_more() {
    let place = folder();
    let place = place.path();
    let archive = place.join("archive");
    let write = |plan: &str| {
        let text = fs::read_to_string(repository().join("ceremony").join(plan)).unwrap();
        let path = place.join(plan);
        // A log that gives a time of its own beside one that gives none.
        fs::write(&path, with_rekor_v1(&text)).unwrap();
        path
    };
    let shown = |path: &Path| path.display().to_string();
    // All of it lies behind us: clients compare with the machine's clock, too.
    let today = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let day =
        rootwright::plan::Time::from_unix(today.try_into().unwrap()).unwrap().day().shifted(-200).unwrap();
    let plan = shown(&write("sigstore.toml"));
    let first = ["rehearse", &plan, "--archive", &shown(&archive), "--yes", "--date", &day.to_string()]
        .map(str::to_string);
    let first = run(first);
    assert_eq!(first.code, 0, "{}", first.shown());
    let site = shown(&archive.join("rehearsal/site.toml"));
    let (_, state) = rootwright::archive::read(&archive).unwrap();
    let moved = |time: &str| {
        time.parse::<rootwright::plan::Time>().unwrap().shifted(state.date_shift).unwrap().to_string()
    };
    for (name, at) in [
        ("before", "2027-05-02T12:00:00Z"),
        ("last", "2027-05-03T00:00:00Z"),
        ("after", "2027-05-03T00:00:01Z"),
        ("later", "2027-05-09T12:00:00Z"),
    ] {
        let out = shown(&place.join("canaries").join(name));
        let proved = run(["prove", &shown(&archive), "--site", &site, "-o", &out, "--at", &moved(at)]);
        assert_eq!(proved.code, 0, "{}", proved.shown());
    }
    // One whose timestamp is taken away: nobody vouches for a time, before or since.
    let timeless = place.join("canaries/timeless");
    copy(&place.join("canaries/before"), &timeless);
    fs::remove_file(timeless.join(BUNDLE_V1)).unwrap();
    let mut bundle: Value = serde_json::from_slice(&fs::read(timeless.join(BUNDLE)).unwrap()).unwrap();
    bundle["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"] = json!([]);
    fs::write(timeless.join(BUNDLE), bundle.to_string()).unwrap();

    let held = run([
        "--json",
        "rehearse",
        &shown(&write("compromise.toml")),
        "--archive",
        &shown(&archive),
        "--yes",
    ]);
    assert_eq!(held.code, 0, "{}", held.shown());
    let verified = run(["verify", &shown(&archive)]);
    assert_eq!(verified.code, 0, "{}", verified.shown());
    // The archive's own canaries, as the rehearsal's end tells of them.
    let table: Vec<String> = outcomes(&held).into_iter().map(|(_, outcome)| outcome).collect();
    let early = "verifies-before-revocation";
    // Two bundles each: of the first day, and of the four.
    assert_eq!(table, [[early; 2], [early; 2], [early; 2], ["revoked"; 2], ["revoked"; 2]].concat());

    let replayed = run(["--json", "prove", &shown(&archive), "--replay", &shown(&place.join("canaries"))]);
    assert_eq!(replayed.code, 0, "{}", replayed.shown());
    // For people, in lines: when it was signed, and what became of it.
    let lines = run(["prove", &shown(&archive), "--replay", &shown(&place.join("canaries"))]);
    for words in ["no verified time", "verifies still: it was signed before", "is refused, as planned"] {
        assert!(lines.out.contains(words), "{words}: {}", lines.shown());
    }
    let table = outcomes(&replayed);
    let expected = |name: &str| match name {
        "before" | "last" => early,
        "after" | "later" => "revoked",
        _ => "refused-as-before",
    };
    assert_eq!(table.len(), 9);
    let mut bundles = Vec::new();
    for (bundle, outcome) in &table {
        let path = Path::new(bundle);
        let name = path.parent().unwrap().file_name().unwrap().to_string_lossy().into_owned();
        assert_eq!(outcome, expected(&name), "{bundle}: {}", replayed.shown());
        fs::copy(archive.join("trust-root/trusted_root.json"), path.with_file_name("trusted_root.json"))
            .unwrap();
        bundles.push((path.to_path_buf(), outcome == early));
    }
    // js and Rust come to the same judgement. For sigstore-python an end retires nothing: its users need the
    // CRL, or a new client. docs/clients.md has the fault as "CA retired before".
    let paths: Vec<PathBuf> = bundles.iter().map(|(path, _)| path.clone()).collect();
    let verifies: Vec<bool> = bundles.iter().map(|(_, verifies)| *verifies).collect();
    assert_eq!(under(Judge::JavaScript, &paths), verifies);
    assert_eq!(under(Judge::Rust, &paths), verifies);
    let python: Vec<bool> = paths.iter().map(|path| !path.starts_with(&timeless)).collect();
    assert_eq!(under(Judge::Python, &paths), python);
}

#[test]
fn the_drill_revokes_ends_and_replaces_and_clients_walk_on() {
    let years = Years::before(PLAN);
    let first = years.place("tuf");
    copy(&years.archive().join("tuf"), &first);
    let clients = TufClient::one_of_each(&first.join("1.root.json"));
    let server = FileServer::serve(&first);
    for client in &clients {
        client.fetch(&server).accepted(&client.fetcher);
    }
    let held = years.holds(PLAN);
    let steps = made(&held);
    for step in ["generate-key/fulcio-2027", "issue/fulcio-2027", "issue-crl/root-2", "assemble/trust-root"] {
        assert!(steps.contains(&step), "{step}: {steps:?}");
    }
    let server = FileServer::serve(&years.archive().join("tuf"));
    let root = fs::read(years.archive().join("trust-root/trusted_root.json")).unwrap();
    for client in clients {
        client.fetch(&server).accepted(&client.fetcher);
        assert!(client.fetched("trusted_root.json") == root, "{:?}", client.fetcher);
    }
    // Whoever reads CRLs is told at once.
    let archive = years.archive();
    let mut openssl = std::process::Command::new("openssl");
    openssl.current_dir(&archive).args(["verify", "-crl_check", "-CAfile", "certificates/root.pem"]);
    let at: rootwright::plan::Time = years.moved("2027-05-11T00:00:00Z").parse().unwrap();
    openssl.args(["-attime", &at.unix().to_string(), "-CRLfile", "crls/root-2.crl"]);
    let output = openssl.arg("certificates/fulcio-2026.pem").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("certificate revoked"), "{said}");
    // What the new one signs verifies from the first day on.
    let canary = archive.join("canaries/canary-2");
    for judge in [Judge::JavaScript, Judge::Rust] {
        judge.judge(&[canary.join(BUNDLE)])[0].accepted(&judge);
    }
}

#[test]
fn nothing_of_it_passes_without_saying_why_and_it_can_be_gone_on_with() {
    let years = Years::before(PLAN);
    let text = fs::read_to_string(repository().join(PLAN)).unwrap();
    for rule in ["TRUST-END-PAST", "TRUST-SWITCH-EARLY"] {
        let at = text.find(&format!("[[waivers]]\nrule   = \"{rule}\"")).unwrap();
        let end = text[at..].find("\n\n").unwrap() + at;
        let refused = years.rehearse(&years.edited(PLAN, &[(&text[at..end], "")]));
        assert_eq!(refused.code, 1, "{}", refused.shown());
        assert!(refused.err.contains(rule), "{rule}: {}", refused.shown());
    }
    // Stopped after the trusted root was put together, it goes on: nothing needs those waivers any more.
    let before = years.place("state-before");
    copy(&years.archive(), &before);
    let faulty = |name: &str, value: &str| {
        let mut command = support::rootwright();
        command.args(["rehearse", PLAN, "--archive", &years.archive().display().to_string(), "--yes"]);
        command.env(name, value).output().unwrap().status.success()
    };
    let log = years.place("points").display().to_string();
    assert!(faulty("ROOTWRIGHT_FAULT_LOG", &log));
    let points = fs::read_to_string(&log).unwrap().lines().count();
    let stopped = (1..16).map(|part| points * part / 16).rev().any(|point| {
        fs::remove_dir_all(years.archive()).unwrap();
        copy(&before, &years.archive());
        assert!(!faulty("ROOTWRIGHT_FAULT", &point.to_string()), "point {point} was passed");
        let (_, state) = rootwright::archive::read(&years.archive()).unwrap();
        let open = state.newest(Role::Timestamp).is_some_and(|timestamp| timestamp.version == 1);
        state.trust_root.unwrap().trusted_root.contains("\"end\"") && open
    });
    assert!(stopped, "the trusted root is never there without the rest");
    let rest = years.holds(PLAN);
    assert!(!made(&rest).is_empty() && !made(&rest).contains(&"assemble/trust-root"), "{rest:#}");
}

/// What somebody with the stolen key can make: certificates that are valid for years, from any day on.
#[test]
fn a_certificate_made_ahead_with_the_stolen_key_is_of_no_use() {
    let (world, stranger) = (World::new(), World::new());
    let place = folder();
    let end: fn(&mut Value, &World) =
        |root, _| root["certificateAuthorities"][0]["validFor"]["end"] = json!("2026-03-15T00:00:00Z");
    let time = |text: &str| text.parse::<rootwright::plan::Time>().unwrap();
    let mut cases = Vec::new();
    for (name, api, at, signed_at, timestamp, verifies) in [
        ("v2 before", Api::V2, "2026-03-01T12:00:00Z", "2026-03-01T12:00:00Z", true, true),
        ("v1 before", Api::V1, "2026-03-01T12:00:00Z", "2026-03-01T12:00:00Z", true, true),
        ("v2 since", Api::V2, "2026-03-20T12:00:00Z", "2026-03-20T12:00:00Z", true, false),
        ("v1 since", Api::V1, "2026-03-20T12:00:00Z", "2026-03-20T12:00:00Z", true, false),
        (
            "v1 since, stamped by the log alone",
            Api::V1,
            "2026-03-20T12:00:00Z",
            "2026-03-20T12:00:00Z",
            false,
            false,
        ),
        ("v2 dated back", Api::V2, "2026-03-01T12:00:00Z", "2026-03-20T12:00:00Z", true, false),
        ("v1 dated back", Api::V1, "2026-03-01T12:00:00Z", "2026-03-20T12:00:00Z", true, false),
        ("v2 before, without a time", Api::V2, "2026-03-01T12:00:00Z", "2026-03-01T12:00:00Z", false, false),
    ] {
        let mut recipe = Recipe::new(&world, &stranger);
        (recipe.api, recipe.at, recipe.signed_at) = (api, time(at), time(signed_at));
        (recipe.timestamp, recipe.root) = (timestamp, end);
        if name.contains("dated back") {
            // Valid until the end of the year: no stock client minds.
            recipe.leaf = long;
        }
        let folder = place.path().join(name);
        recipe.write(&folder);
        cases.push((name, folder, verifies));
    }
    let bundles: Vec<PathBuf> = cases.iter().map(|(_, folder, _)| folder.join(BUNDLE)).collect();
    let expected: Vec<bool> = cases.iter().map(|(_, _, verifies)| *verifies).collect();
    for judge in [Judge::JavaScript, Judge::Rust] {
        assert_eq!(under(judge, &bundles), expected, "{judge:?}: {cases:?}");
    }
    // The table, with a trusted root that ends the authority and a CRL that revokes it.
    let mut state = State::default();
    let intermediate = "fulcio-2026".parse::<rootwright::plan::Name>().unwrap();
    state.certificates.insert(
        intermediate,
        MadeCertificate { spec: Value::Null, issuer: None, certificate: world.certificate("fulcio-2026") },
    );
    let entry = json!({"certificate": "fulcio-2026", "date": "2026-03-21T00:00:00Z", "reason": "ca-compromise", "invalidity-date": "2026-03-15T00:00:00Z"});
    state.crls.insert(
        "root-2".parse().unwrap(),
        MadeCrl {
            spec: json!({"revoked": [entry]}),
            issuer: "root".parse().unwrap(),
            number: 2,
            revoked: 1,
            sha256: String::new(),
        },
    );
    let open = world.trusted_root().to_string();
    let mut ended = world.trusted_root();
    end(&mut ended, &world);
    state.trust_root = Some(MadeTrustRoot {
        spec: Value::Null,
        trusted_root: ended.to_string(),
        signing_config: String::new(),
    });
    for (name, folder, verifies) in &cases {
        let judged = replay(&of_folder(folder).unwrap(), Some(open.as_bytes()), &state);
        let outcome = judged[0].outcome;
        let expected = match (*verifies, name.contains("without a time")) {
            (true, _) => Outcome::VerifiesBeforeRevocation,
            (false, true) => Outcome::RefusedAsBefore,
            (false, false) => Outcome::Revoked,
        };
        assert_eq!(outcome, expected, "{name}: {}", judged[0].text());
    }
    // A trusted root that is not ended lets through what was signed since, and the table says so.
    state.trust_root.as_mut().unwrap().trusted_root = open.clone();
    let since = |state: &State, name: &str| {
        let (_, folder, _) = cases.iter().find(|(other, ..)| *other == name).unwrap();
        replay(&of_folder(folder).unwrap(), Some(open.as_bytes()), state)[0].outcome
    };
    assert_eq!(since(&state, "v2 since"), Outcome::VerifiesThoughRevoked);
    assert_eq!(since(&state, "v2 before"), Outcome::VerifiesBeforeRevocation);
    // One that is ended too early cuts off what had its worth, and that is not as planned.
    let mut early = world.trusted_root();
    early["certificateAuthorities"][0]["validFor"]["end"] = json!("2026-02-01T00:00:00Z");
    state.trust_root.as_mut().unwrap().trusted_root = early.to_string();
    assert_eq!(since(&state, "v2 before"), Outcome::Broken);
    assert_eq!(since(&state, "v2 since"), Outcome::Revoked);
    // Where the timestamp authority's key is lost too, its word counts for nothing.
    let mut more = state.clone();
    more.trust_root.as_mut().unwrap().trusted_root = ended.to_string();
    more.certificates.insert(
        "tsa-signer-2026".parse().unwrap(),
        MadeCertificate {
            spec: Value::Null,
            issuer: None,
            certificate: world.certificate("tsa-signer-2026"),
        },
    );
    let lost =
        json!({"certificate": "tsa-signer-2026", "date": "2026-03-21T00:00:00Z", "reason": "key-compromise"});
    more.crls.get_mut(&"root-2".parse().unwrap()).unwrap().spec["revoked"].as_array_mut().unwrap().push(lost);
    assert_eq!(since(&more, "v2 before"), Outcome::VerifiesThoughRevoked);
}

/// The certificate, valid until the end of the year.
fn long(bytes: Vec<u8>) -> Vec<u8> {
    let from = b"\x17\x0d260301121000Z";
    let at = bytes.windows(from.len()).position(|found| found == from).expect("ten minutes");
    let mut bytes = bytes;
    bytes[at..at + from.len()].copy_from_slice(b"\x17\x0d261231235959Z");
    bytes
}
