//! Keyholders who are elsewhere: `run` asks them by a file, `sign` shows and signs it on their own machine,
//! and `run` takes the answers, or refuses them with the reason.

mod support;
#[path = "support/terminal.rs"]
mod terminal;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use support::Run;
use support::clients::{FileServer, TufClient};
use support::keyholders::{Holder, Life, Signers, holder};
use terminal::Terminal;

const THREE: &[Holder] = &[holder("ada"), holder("bob"), holder("cat")];

const FIRST: Signers<'static> =
    Signers { date: "2026-12-01", holders: THREE, threshold: 3, expires: "2027-06-01T00:00:00Z" };
const SECOND: Signers<'static> = Signers { date: "2026-12-02", expires: "2027-07-01T00:00:00Z", ..FIRST };
const CHANGED: Signers<'static> = Signers { expires: "2027-07-02T00:00:00Z", ..SECOND };

/// An archive after its first ceremony, and a site in which Bob and Cat are elsewhere.
fn begun() -> (Life, PathBuf) {
    let life = Life::new();
    let made = life.rehearse(&FIRST, &[]);
    assert_eq!(made.code, 0, "{}", made.shown());
    let site = life.site_without(&["bob", "cat"], "elsewhere = [\"bob\", \"cat\"]");
    (life, site)
}

/// The request to a keyholder that the last ceremony wrote.
fn request(life: &Life, run: &Run, keyholder: &str) -> PathBuf {
    let (_, after) = run.err.split_once(&format!("{keyholder}, elsewhere: asked by ")).unwrap_or_else(|| {
        panic!("{keyholder} is not asked: {}", run.shown());
    });
    life.archive().join(after.lines().next().unwrap())
}

fn sign(life: &Life, request: &Path, to: &str, more: &[&str]) -> (Run, PathBuf) {
    let response = life.folder.path().join(to);
    let (site, request) = (life.site().display().to_string(), request.display().to_string());
    let output = response.display().to_string();
    let arguments = ["sign", &request, "--site", &site, "-o", &output, "--yes", "--json"];
    (support::run(arguments.iter().chain(more)), response)
}

/// What Cat answers to the last ceremony's request.
fn cat_said(life: &Life, paused: &Run) -> PathBuf {
    let (signed, answer) = sign(life, &request(life, paused, "cat"), "cat-early.json", &[]);
    assert_eq!(signed.code, 0, "{}", signed.shown());
    answer
}

fn take(life: &Life, signers: &Signers<'_>, site: &Path, answers: &[&Path]) -> Run {
    let (plan, archive) = (life.write(signers), life.archive());
    let mut arguments: Vec<PathBuf> = vec!["run".into(), plan, "--site".into(), site.into()];
    arguments.extend(["--archive".into(), archive, "--yes".into()]);
    arguments.extend(answers.iter().flat_map(|answer| ["--response".into(), answer.to_path_buf()]));
    support::run(arguments)
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// A copy of a JSON file with a change.
fn changed(path: &Path, change: impl FnOnce(&mut Value)) -> PathBuf {
    let mut value = read(path);
    change(&mut value);
    let copy = path.with_extension("changed.json");
    fs::write(&copy, value.to_string()).unwrap();
    copy
}

#[test]
fn a_ceremony_asks_waits_and_goes_on() {
    let (life, site) = begun();
    let paused = take(&life, &SECOND, &site, &[]);
    assert_eq!(paused.code, 3, "{}", paused.shown());
    assert!(paused.err.contains("needs 3 of those who sign root"), "{}", paused.shown());
    let bob = request(&life, &paused, "bob");
    let asked = read(&bob);
    assert!(asked.get("signatures").is_none() && asked.get("signature").is_none(), "nobody signs a request");
    let roles: Vec<&str> = asked["documents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|document| document["role"].as_str().unwrap())
        .collect();
    assert_eq!(roles, ["root", "targets"]);
    // What is asked stays as it is, byte for byte, when the ceremony is tried again.
    let before = fs::read(&bob).unwrap();
    assert_eq!(take(&life, &SECOND, &site, &[]).code, 3);
    assert_eq!(fs::read(&bob).unwrap(), before);

    // Both files can be read by people.
    for (file, words) in
        [(&bob, "request for signatures"), (&cat_said(&life, &paused), "response to a request")]
    {
        let shown = support::run(["show".as_ref(), file.as_os_str()]);
        assert_eq!(shown.code, 0, "{}", shown.shown());
        assert!(shown.out.contains(words) && shown.out.contains("root version 2"), "{}", shown.shown());
    }

    // The plan changes: what was signed for the one before is no answer any more.
    let (signed, old) = sign(&life, &bob, "old.json", &[]);
    assert_eq!(signed.code, 0, "{}", signed.shown());
    let paused = take(&life, &CHANGED, &site, &[]);
    assert_eq!(paused.code, 3, "{}", paused.shown());
    let refused = take(&life, &CHANGED, &site, &[&old]);
    assert_eq!(refused.code, 5, "{}", refused.shown());
    assert!(refused.err.contains("was the plan changed since?"), "{}", refused.shown());
    assert!(refused.err.contains("response-refused"), "{}", refused.shown());
    let (bob, cat) = (request(&life, &paused, "bob"), request(&life, &paused, "cat"));

    // Whoever writes into the request's words changes nothing but words.
    let lie = fs::read_to_string(&bob).unwrap();
    let mut lie: Value = serde_json::from_str(&lie).unwrap();
    lie["changes"] = json!(["nothing changes, sign quickly"]);
    let lying = life.folder.path().join("lying.json");
    fs::write(&lying, lie.to_string()).unwrap();
    let plan = life.folder.path().join("plan.toml").display().to_string();
    let tuf = life.tuf().display().to_string();
    let (signed, answer) = sign(&life, &lying, "bob.json", &["--plan", &plan, "--tuf", &tuf]);
    assert_eq!(signed.code, 0, "{}", signed.shown());
    let said = signed.json()["changes"].to_string();
    for words in ["TUF root: version 1 → 2", "TUF targets: version 1 → 2", "TUF targets: expires "] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(!said.contains("quickly"), "{said}");

    // Answers that are none.
    let (signed, other) = sign(&life, &cat, "cat.json", &[]);
    assert_eq!(signed.code, 0, "{}", signed.shown());
    let broken = |value: &mut Value| {
        let sig = value["signatures"][0]["sig"].as_str().unwrap().to_string();
        let other = value["signatures"][1]["sig"].as_str().unwrap().to_string();
        assert_ne!(sig, other);
        value["signatures"][0]["sig"] = other.into();
    };
    let other_key = |value: &mut Value| value["signer"] = read(&answer)["signer"].take();
    let stranger = |value: &mut Value| value["signatures"][0]["keyid"] = "00".into();
    let bytes = |value: &mut Value| value["signatures"][0]["sha256"] = "0".repeat(64).into();
    let none = |value: &mut Value| value["signatures"] = json!([]);
    for (file, words) in [
        (changed(&answer, broken), "does not verify"),
        (changed(&other, other_key), "it says that it is of the key bob, and is signed under the id of cat"),
        (changed(&life.folder.path().join("old.json"), stranger), "what is asked for now is"),
        (lying.clone(), "neither a response nor a TUF metadata file"),
    ] {
        let refused = take(&life, &CHANGED, &site, &[&file]);
        assert_eq!(refused.code, 5, "{words}: {}", refused.shown());
        assert!(refused.err.contains(words), "{words}: {}", refused.shown());
    }
    for (change, words) in [
        (&stranger as &dyn Fn(&mut Value), "the key 00 has no part in root"),
        (&bytes, "what is asked for now is root version 2"),
        (&none, "it has no signature"),
    ] {
        let refused = take(&life, &CHANGED, &site, &[&changed(&answer, change)]);
        assert_eq!(refused.code, 5, "{words}: {}", refused.shown());
        assert!(refused.err.contains(words), "{words}: {}", refused.shown());
    }

    // Bob's is taken; Cat is still missing, and is all that is.
    let paused = take(&life, &CHANGED, &site, &[&answer]);
    assert_eq!(paused.code, 3, "{}", paused.shown());
    assert!(paused.err.contains("bob signed root version 2"), "{}", paused.shown());
    assert!(!paused.err.contains("bob, elsewhere"), "{}", paused.shown());
    // The same file again is no second signature; another signature by Bob is refused.
    assert_eq!(take(&life, &CHANGED, &site, &[&answer]).code, 3);
    let (_, again) = sign(&life, &bob, "bob-again.json", &[]);
    let refused = take(&life, &CHANGED, &site, &[&again]);
    assert_eq!(refused.code, 5, "{}", refused.shown());
    assert!(refused.err.contains("a signature counts once"), "{}", refused.shown());
    // A key that signs here is not taken from a file.
    let here = life.site_without(&["bob"], "elsewhere = [\"bob\"]");
    let refused = take(&life, &CHANGED, &here, &[&other]);
    assert_eq!(refused.code, 5, "{}", refused.shown());
    assert!(refused.err.contains("cat signs here"), "{}", refused.shown());

    let site = life.site_without(&["bob", "cat"], "elsewhere = [\"bob\", \"cat\"]");
    let made = take(&life, &CHANGED, &site, &[&answer, &other]);
    assert_eq!(made.code, 0, "{}", made.shown());
    let verified = life.verify();
    assert_eq!(verified.code, 0, "{}", verified.shown());
    let server = FileServer::serve(&life.tuf());
    for client in TufClient::one_of_each(&life.tuf().join("1.root.json")) {
        client.fetch(&server).accepted(&client.fetcher);
    }
    // Now nobody is asked for anything.
    assert_eq!(take(&life, &CHANGED, &site, &[&answer]).code, 0);
    let refused = take(&life, &CHANGED, &site, &[&again]);
    assert_eq!(refused.code, 5, "{}", refused.shown());
    assert!(refused.err.contains("nobody is asked for anything"), "{}", refused.shown());
    // Requests and responses are records: `verify` notices any change.
    for file in [
        bob,
        life.archive().join("responses").join(cat.parent().unwrap().file_name().unwrap()).join("cat.json"),
    ] {
        let good = fs::read(&file).unwrap();
        fs::write(&file, [&good[..], b" "].concat()).unwrap();
        let verified = life.verify();
        assert_eq!(verified.code, 1, "{}", verified.shown());
        assert!(verified.out.contains(file.file_name().unwrap().to_str().unwrap()), "{}", verified.shown());
        fs::write(&file, good).unwrap();
    }
    assert_eq!(life.verify().code, 0);
}

#[test]
fn a_request_is_judged_by_whoever_signs_it() {
    let (life, site) = begun();
    let paused = take(&life, &SECOND, &site, &[]);
    let bob = life.folder.path().join("request.json");
    fs::copy(request(&life, &paused, "bob"), &bob).unwrap();
    let refuse = |change: &dyn Fn(&mut Value), code: i32, words: &str| {
        let (refused, response) = sign(&life, &changed(&bob, change), "refused.json", &[]);
        assert_eq!(refused.code, code, "{words}: {}", refused.shown());
        assert!(refused.err.contains(words), "{words}: {}", refused.shown());
        assert!(!response.exists(), "{words}");
    };
    // The document, or the content of what it lists.
    let set = |pointer: &'static str, value: Value| {
        move |request: &mut Value| *request.pointer_mut(pointer).expect(pointer) = value.clone()
    };
    refuse(&set("/documents/0/signed/roles/root/threshold", json!(1)), 1, "is said to be root version 2");
    refuse(&set("/documents/0/sha256", json!("0".repeat(64))), 1, "is said to be root version 2");
    refuse(
        &set("/documents/1/targets/trusted_root.json", json!("{}")),
        1,
        "the content that the request brings is another one",
    );
    refuse(&set("/documents", json!([])), 1, "asks for nothing");
    refuse(
        &|request| request["documents"][1] = request["documents"][0].clone(),
        1,
        "two documents of the role root",
    );
    // A document that only says of itself that it is a rehearsal's, or only the request does.
    refuse(
        &set("/rehearsal", json!(false)),
        5,
        "the request is of production, and the site says a rehearsal",
    );
    // What is published: with one signature too few it is not, nor with another root.
    refuse(
        &|request| drop(request["published"]["metadata"]["root"]["signatures"].as_array_mut().unwrap().pop()),
        1,
        "2 of its keys signed it, and it asks for 3",
    );
    refuse(
        &|request| {
            request["published"]["metadata"]["root"]["signed"]["expires"] = "2099-01-01T00:00:00Z".into()
        },
        1,
        "what the request says is published",
    );
    refuse(
        &|request| request["published"]["targets"]["trusted_root.json"] = "{}".into(),
        1,
        "of the published metadata: the content that the request brings is another one",
    );
    // Without the root in force the second root would be the first: the rules see it.
    refuse(
        &|request| drop(request["published"]["metadata"].as_object_mut().unwrap().remove("root")),
        1,
        "TUF-VERSION-NEXT",
    );
    refuse(&set("/expires", json!("2026-01-01T00:00:00Z")), 1, "the request expired");
    refuse(&set("/signer/fingerprint", json!("0".repeat(64))), 1, "does not sign root version 2");
    // The device holds another key than the one that is asked.
    let cat = read(&request(&life, &paused, "cat"));
    refuse(&|request| request["signer"]["fingerprint"] = cat["signer"]["fingerprint"].clone(), 5, "bob");
    refuse(&set("/media-type", json!("text/plain")), 2, "its media type is `text/plain`");
    // Another plan than the one that was reviewed, and another repository than the published one.
    let other = life.folder.path().join("other.toml");
    fs::write(&other, support::keyholders::plan(&CHANGED)).unwrap();
    let (refused, _) = sign(&life, &bob, "refused.json", &["--plan", &other.display().to_string()]);
    assert_eq!(refused.code, 1, "{}", refused.shown());
    assert!(refused.err.contains("and the request is of the plan"), "{}", refused.shown());
    let copy = life.folder.path().join("tuf");
    support::copy(&life.tuf(), &copy);
    let tuf = copy.display().to_string();
    let compare = |words: &str| {
        let (refused, _) = sign(&life, &bob, "refused.json", &["--tuf", &tuf]);
        assert_eq!(refused.code, 1, "{}", refused.shown());
        assert!(refused.err.contains(words), "{words}: {}", refused.shown());
    };
    fs::copy(copy.join("1.root.json"), copy.join("2.root.json")).unwrap();
    compare("the request goes on from root version 1, and ");
    fs::copy(copy.join("timestamp.json"), copy.join("1.root.json")).unwrap();
    compare("the request says that root version 1 is published");
    // Nothing is overwritten.
    fs::write(life.folder.path().join("refused.json"), "mine").unwrap();
    let (refused, _) = sign(&life, &bob, "refused.json", &[]);
    assert_eq!(refused.code, 2, "{}", refused.shown());
    assert!(refused.err.contains("is there already"), "{}", refused.shown());
}

#[test]
fn a_keyholder_sees_what_changes_and_types_the_device() {
    let (life, site) = begun();
    let paused = take(&life, &SECOND, &site, &[]);
    let bob = request(&life, &paused, "bob").display().to_string();
    let (site, response) = (life.site().display().to_string(), life.folder.path().join("bob.json"));
    let output = response.display().to_string();
    let mut screen = Terminal::start(&["sign", &bob, "--site", &site, "-o", &output], &[]);
    for words in ["will sign", "TUF root: version 1 → 2", "TUF root: expires "] {
        screen.expect(words);
    }
    screen.answer("Type bob, or its serial, to sign", "cat");
    screen.expect("that is neither bob nor its serial");
    screen.answer("Type bob, or its serial, to sign", "bob");
    screen.expect("TUF targets: version 1 → 2");
    screen.answer("Type bob, or its serial, to sign", "pause");
    assert_eq!(screen.end(), 3, "{}", screen.shown());
    assert!(!response.exists(), "an answer is whole, or there is none");
    let mut screen = Terminal::start(&["sign", &bob, "--site", &site, "-o", &output], &[]);
    for _ in 0..2 {
        screen.answer("Type bob, or its serial, to sign", "bob");
    }
    assert_eq!(screen.end(), 0, "{}", screen.shown());
    assert_eq!(read(&response)["signatures"].as_array().unwrap().len(), 2);
}

/// Killed at every so many points, while requests are written and while answers are taken: the same command
/// goes on, and nothing is asked, taken or counted twice.
#[test]
fn killed_at_any_point_asking_and_taking_go_on() {
    const EVERY: usize = 37;
    let (life, site) = begun();
    let kept = life.folder.path().join("kept");
    let keep = || {
        let _ = fs::remove_dir_all(&kept);
        support::copy(&life.archive(), &kept);
    };
    let back = || {
        fs::remove_dir_all(life.archive()).unwrap();
        support::copy(&kept, &life.archive());
        for file in fs::read_dir(life.archive().join("rehearsal/tokens")).unwrap().flatten() {
            if file.path().extension().is_some_and(|end| end == "pin" || end == "so-pin") {
                let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
                fs::set_permissions(file.path(), mode).unwrap();
            }
        }
    };
    let log = life.folder.path().join("points");
    let run = |answers: &[&Path], kill: usize| {
        let plan = life.write(&SECOND);
        let mut command = support::rootwright();
        command
            .arg("run")
            .arg(plan)
            .arg("--site")
            .arg(&site)
            .arg("--archive")
            .arg(life.archive())
            .arg("--yes");
        command.args(answers.iter().flat_map(|answer| [Path::new("--response"), answer]));
        command.env("ROOTWRIGHT_FAULT", kill.to_string()).env("ROOTWRIGHT_FAULT_LOG", &log);
        Run::from(command.output().unwrap())
    };
    let events = |name: &str| {
        let journal = fs::read_to_string(life.archive().join("journal.jsonl")).unwrap();
        journal.matches(&format!("\"type\":\"{name}\"")).count()
    };
    let mut answers: Vec<PathBuf> = Vec::new();
    for (code, asked, taken) in [(3, 2, 0), (0, 2, 2)] {
        keep();
        let answers_now: Vec<&Path> = answers.iter().map(PathBuf::as_path).collect();
        let _ = fs::remove_file(&log);
        let whole = run(&answers_now, usize::MAX);
        assert_eq!(whole.code, code, "{}", whole.shown());
        let points = fs::read_to_string(&log).unwrap().lines().count();
        assert!(points > 50, "{points} points");
        for point in (1..=points).step_by(EVERY) {
            back();
            let killed = run(&answers_now, point);
            assert_eq!(killed.code, -1, "point {point}: {}", killed.shown());
            let again = run(&answers_now, usize::MAX);
            assert_eq!(again.code, code, "point {point}: {}", again.shown());
            assert_eq!(
                (events("signature-requested"), events("response-taken")),
                (asked, taken),
                "point {point}"
            );
            if code == 0 {
                let verified = life.verify();
                assert_eq!(verified.code, 0, "point {point}: {}", verified.shown());
            }
        }
        if answers.is_empty() {
            let paused = run(&[], usize::MAX);
            for keyholder in ["bob", "cat"] {
                let (signed, answer) =
                    sign(&life, &request(&life, &paused, keyholder), &format!("{keyholder}.json"), &[]);
                assert_eq!(signed.code, 0, "{}", signed.shown());
                answers.push(answer);
            }
        }
    }
}
