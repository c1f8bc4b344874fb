//! What becomes of canaries as the trust root changes.

#[path = "support/canary.rs"]
mod canary;
mod support;

use std::fs;
use std::path::Path;

use canary::{BUNDLE, Own, PLAN, accepted, verified};
use rootwright::archive;
use serde_json::Value;
use support::clients::Judge;
use support::world::with_rekor_v1;
use support::{Run, copy, folder, rehearse, repository, run};

fn replays(archive: &Path, option: &str, other: &Path) -> Run {
    run(["--json", "prove", &archive.display().to_string(), option, &other.display().to_string()])
}

fn outcomes(run: &Run) -> Vec<String> {
    let document = run.json();
    let all = document["replayed"].as_array().unwrap().clone();
    all.iter().map(|one| one["outcome"].as_str().unwrap().to_string()).collect()
}

#[test]
fn earlier_canaries_under_a_trust_root_that_changed() {
    let own = Own::new();
    let first = own.prove("first", &[]);
    assert_eq!(first.code, 0, "{}", first.shown());
    let before = own.place("before");
    copy(&own.archive(), &before);
    // A second log, and a canary of its own, without being asked.
    let text = with_rekor_v1(&fs::read_to_string(repository().join(PLAN)).unwrap());
    let later = own.place("later.toml");
    // On the day itself, where no client could have it: a rehearsal of canaries, not of a rotation.
    let waiver =
        "\n[[waivers]]\nrule = \"TRUST-SWITCH-EARLY\"\nobject = \"trusted_root.json\"\nreason = \"a test\"\n";
    fs::write(&later, format!("{text}{waiver}")).unwrap();
    let rotated = rehearse(&later, &own.archive());
    assert_eq!(rotated.code, 0, "{}", rotated.shown());
    assert!(rotated.out.contains("canary-3 is signed"), "{}", rotated.shown());
    for (option, other, count) in [
        ("--replay", own.place("first"), 1),
        ("--replay", own.archive().join("canaries"), 4),
        ("--against", before.clone(), 2),
        ("--against", own.archive(), 4),
    ] {
        let replayed = replays(&own.archive(), option, &other);
        assert_eq!(replayed.code, 0, "{}", replayed.shown());
        assert_eq!(outcomes(&replayed), vec!["verifies"; count], "{option} {}", other.display());
    }
    // Backwards: the second log's entries mean nothing to the earlier trust root, and did not before.
    let backwards = replays(&before, "--replay", &own.archive().join("canaries/canary-3"));
    assert_eq!(backwards.code, 1, "{}", backwards.shown());
    assert_eq!(outcomes(&backwards), ["verifies", "broken"]);
    assert!(backwards.out.contains("the trusted root has no log"), "{}", backwards.shown());

    // The intermediate is revoked: clients do not look, and are told how they will.
    let place = "# What clients will trust";
    let revoking = "[crls.root-2]\nissuer = \"root\"\nnumber = 2\nvalidity = { from = \"2026-12-01T00:00:00Z\", to = \"2027-11-01T00:00:00Z\" }\nrevoked = [{ certificate = \"fulcio-2026\", date = \"2026-12-01T00:00:00Z\", reason = \"key-compromise\" }]\n\n";
    fs::write(&later, text.replace(place, &format!("{revoking}{place}"))).unwrap();
    let revoked = rehearse(&later, &own.archive());
    assert_eq!(revoked.code, 0, "{}", revoked.shown());
    let replayed = replays(&own.archive(), "--replay", &own.place("first"));
    assert_eq!((replayed.code, outcomes(&replayed)), (0, vec!["verifies-though-revoked".into()]));
    assert!(replayed.out.contains("fulcio-2026 is revoked by root-2"), "{}", replayed.shown());
    // Once the trusted root ends the window, the refusal is as planned, and not broken.
    let rejected = own.place("rejected");
    copy(&own.place("first"), &rejected);
    let root = fs::read_to_string(rejected.join("trusted_root.json")).unwrap();
    let (_, state) = archive::read(&own.archive()).unwrap();
    let mut ended: Value = serde_json::from_str(&root).unwrap();
    ended["certificateAuthorities"][0]["validFor"]["end"] =
        ended["certificateAuthorities"][0]["validFor"]["start"].clone();
    let mut state = state;
    state.trust_root.as_mut().unwrap().trusted_root = ended.to_string();
    let past = rootwright::prove::replay::of_folder(&rejected).unwrap();
    let judged = rootwright::prove::replay::replay(&past, None, &state);
    assert_eq!(judged[0].outcome, rootwright::prove::replay::Outcome::Revoked, "{}", judged[0].text());
    state.crls.clear();
    let judged = rootwright::prove::replay::replay(&past, None, &state);
    assert!(
        judged[0].is_broken() && judged[0].text().contains("it is trusted until"),
        "{}",
        judged[0].text()
    );
}

/// The rotation of an intermediate in two plans: what was signed before verifies after, for stock clients
/// too, and the new intermediate signs once its day has come.
#[test]
fn a_rotation_keeps_what_was_signed() {
    let place = folder();
    let archive = place.path().join("archive");
    let mut replayed = Vec::new();
    for plan in ["sigstore.toml", "rotate-intermediate.toml", "retire-intermediate.toml"] {
        let plan = repository().join("ceremony").join(plan).display().to_string();
        let made = run(["--json", "rehearse", &plan, "--archive", &archive.display().to_string(), "--yes"]);
        assert_eq!(made.code, 0, "{}", made.shown());
        let document = made.json();
        assert!(document["canary"]["canary"].is_string(), "{document:#}");
        replayed.push(outcomes(&made));
    }
    assert_eq!(replayed, [vec![], vec!["verifies"], vec!["verifies", "verifies"]]);
    let (_, state) = archive::read(&archive).unwrap();
    let signed = |key: &str| state.operations.get(&key.parse().unwrap()).copied().unwrap_or_default();
    // Precertificate and certificate each: the old one until the switch, then the new one.
    assert_eq!((signed("fulcio-2026"), signed("fulcio-2027")), (4, 2));
    let mut bundles = Vec::new();
    for canary in ["canary-1", "canary-2", "canary-3"] {
        let today = place.path().join(canary);
        copy(&archive.join("canaries").join(canary), &today);
        fs::copy(archive.join("trust-root/trusted_root.json"), today.join("trusted_root.json")).unwrap();
        fs::remove_file(today.join("client_trust_config.json")).unwrap();
        bundles.push(today.join(BUNDLE));
    }
    // python drops an authority whose window has not begun by the machine's own clock, and the third canary
    // is of next year: the other two judge it.
    accepted(&bundles[..2]);
    for judge in [Judge::JavaScript, Judge::Rust] {
        judge.judge(&bundles[2..])[0].accepted(&judge);
    }
    verified(&archive);
}

#[test]
fn canaries_of_another_trust_root_and_files_that_are_none() {
    let own = Own::new();
    let place = folder();
    let other = place.path().join("other");
    let rehearsed = rehearse(&repository().join(PLAN), &other);
    assert_eq!(rehearsed.code, 0, "{}", rehearsed.shown());
    for (option, path) in [("--against", other.clone()), ("--replay", other.join("canaries"))] {
        let foreign = replays(&own.archive(), option, &path);
        assert_eq!(foreign.code, 1, "{}", foreign.shown());
        assert_eq!(outcomes(&foreign), ["broken"]);
    }
    let broken = own.place("broken");
    copy(&other.join("canaries/canary-1"), &broken);
    fs::write(broken.join(BUNDLE), "{").unwrap();
    let unreadable = replays(&own.archive(), "--replay", &broken);
    assert_eq!(unreadable.code, 2, "{}", unreadable.shown());
    assert!(unreadable.err.contains("expected a bundle in JSON"), "{}", unreadable.shown());
    let empty = replays(&own.archive(), "--replay", place.path().join("other/keys").as_path());
    assert_eq!(empty.code, 2, "{}", empty.shown());
    // In words, too.
    let words =
        run(["prove", &own.archive().display().to_string(), "--against", &other.display().to_string()]);
    assert!(words.out.contains("VERIFIED BEFORE AND IS REFUSED NOW"), "{}", words.shown());
}
