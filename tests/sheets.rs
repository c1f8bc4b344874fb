//! Whoever signs elsewhere has a sheet from the script: its words are those that `sign` shows, and what it says
//! to type works as it stands.

mod support;
#[path = "support/terminal.rs"]
mod terminal;

use std::fs;
use std::path::Path;

use support::browser::{are_numbered, is_sound, opened, sheets};
use support::documents::repository_file;
use support::keyholders::{Holder, Life, Signers, holder};
use support::{folder, rehearsed, repository, run};
use terminal::Terminal;

const THREE: &[Holder] = &[holder("ada"), holder("bob"), holder("cat")];

const FIRST: Signers<'static> =
    Signers { date: "2026-12-01", holders: THREE, threshold: 3, expires: "2027-06-01T00:00:00Z" };
const SECOND: Signers<'static> = Signers { date: "2026-12-02", expires: "2027-07-01T00:00:00Z", ..FIRST };

/// A part of a page without its tags and spaces: what is left is words.
fn words(html: &str) -> String {
    let texts = html.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text));
    let text: String = texts.collect();
    text.replace("&quot;", "\"").replace("&amp;", "&").split_whitespace().collect()
}

/// The commands of a part of a page.
fn commands(html: &str) -> Vec<String> {
    let all = html.split("<code class=\"command\">").skip(1);
    all.map(|rest| rest.split("</code>").next().unwrap().to_string()).collect()
}

/// A command of a sheet, with what stands in the test's folder.
fn typed(command: &str, folder: &Path) -> Vec<String> {
    let path = |word: &str| folder.join(word).display().to_string();
    let files = ["bob.json", "cat.json", "my-site.toml", "tuf/", "plan.toml", "answer.json"];
    let words = command.strip_prefix("rootwright ").expect("our own command").split(' ');
    words.map(|word| if files.contains(&word) { path(word) } else { word.to_string() }).collect()
}

#[test]
fn a_sheet_says_what_sign_shows_and_its_commands_work() {
    let life = Life::new();
    let made = life.rehearse(&FIRST, &[]);
    assert_eq!(made.code, 0, "{}", made.shown());
    let site = life.site_without(&["bob", "cat"], "elsewhere = [\"bob\", \"cat\"]\npeople.ada = \"Ada L.\"");
    let plan = life.write(&SECOND);
    let shown = |path: &Path| path.display().to_string();
    let (site, archive, plan) = (shown(&site), shown(&life.archive()), shown(&plan));
    let page = life.folder.path().join("script.html");
    let printed =
        run(["script", &plan, "--site", &site, "--archive", &archive, "-o", &shown(&page), "--json"]);
    assert_eq!(printed.code, 0, "{}", printed.shown());
    let html = fs::read_to_string(&page).unwrap();
    let sheet = |key: &str| {
        let (_, after) = html.split_once(&format!("id=\"elsewhere-{key}\"")).expect("a sheet");
        after.split("</section>").next().unwrap().to_string()
    };
    // One for each of those who are elsewhere, and none for Ada, who is here.
    assert_eq!(html.matches("id=\"elsewhere-").count(), 2);
    let (bob, cat) = (sheet("bob"), sheet("cat"));
    assert!(cat.contains("Signing from elsewhere: cat") && !cat.contains("bob"), "{cat}");

    // The room waits for the file that the sheet names, in the words of the script's steps.
    let asks = ["run", &plan, "--site", &site, "--archive", &archive, "--yes"];
    let paused = run(asks);
    assert_eq!(paused.code, 3, "{}", paused.shown());
    let asked = paused.err.lines().find(|line| line.contains("bob, elsewhere: asked by ")).unwrap().trim();
    assert!(words(&html).contains(&words(asked)), "{asked}");
    let (_, request) = asked.split_once("asked by ").unwrap();
    assert!(bob.contains(&format!("<code>{request}</code>")), "{request} is not on the sheet");
    // In the room nobody types for him.
    let (room, _) = html.split_once("id=\"elsewhere-bob\"").unwrap();
    let section = |from: &str, to: &str| {
        let (_, after) = room.split_once(&format!("<h2>{from}</h2>")).unwrap();
        after.split_once(&format!("<h2>{to}</h2>")).unwrap().0.to_string()
    };
    let (people, devices) = (section("People", "Materials"), section("Materials", "Before the first step"));
    assert_eq!(people.matches("signs elsewhere").count(), 2);
    assert!(devices.contains(">ada<") && !devices.contains(">bob<"), "his device does not come: {devices}");
    assert!(room.contains("Type <strong>ada</strong>") && !room.contains("Type <strong>bob</strong>"));

    // Bob has what was sent, and types what stands on the sheet.
    let home = life.folder.path().join("home");
    support::copy(&life.tuf(), &home.join("tuf"));
    fs::copy(life.archive().join(request), home.join("bob.json")).unwrap();
    fs::copy(&plan, home.join("plan.toml")).unwrap();
    let own = fs::read_to_string(life.site()).unwrap();
    let rehearsal = life.site().parent().unwrap().display().to_string();
    fs::write(home.join("my-site.toml"), own.replace("file = \"", &format!("file = \"{rehearsal}/")))
        .unwrap();
    let [sign, take] = commands(&bob).try_into().expect("two commands");
    let arguments = typed(&sign, &home);
    let mut screen = Terminal::start(&arguments.iter().map(String::as_str).collect::<Vec<_>>(), &[]);
    for _ in 0..2 {
        screen.answer("Type bob, or its serial, to sign", "bob");
    }
    assert_eq!(screen.end(), 0, "{}", screen.shown());
    let shown = screen.shown();

    // Each line of the screen stands on the sheet, after the one before it, but for what nobody can know.
    let on_paper = words(&bob);
    let (mut at, mut compared, mut changes) = (0, 0, 0);
    for line in shown.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let line = line.split(" (? for help)").next().unwrap();
        let label = line.split("  ").next().unwrap();
        if ["+ new", "~ changed", "- gone"].contains(&label) {
            assert!(on_paper.contains(&words(label)), "{label} is not explained");
            changes += 1;
            continue;
        }
        let unknown = ["note: ", "warning: ", "expected: "].iter().any(|word| line.starts_with(word))
            && !line.contains("the request of plan");
        let waits = line.contains(|c| ('\u{2800}'..='\u{28ff}').contains(&c));
        if unknown
            || waits
            || line.contains("answer.json")
            || words(line).chars().all(|c| c.is_ascii_hexdigit())
        {
            continue;
        }
        if let Some(device) = line.strip_prefix("bob, on ") {
            assert!(on_paper.contains(&words(device)), "{device}");
            continue;
        }
        let wanted = match label {
            "SHA-256" => label,
            // Lengths and hashes of targets.
            "file" => line.split(" bytes").next().unwrap().rsplit_once(", ").unwrap().0,
            _ => line.trim_start_matches("note: ").split(", SHA-256 ").next().unwrap(),
        };
        let found = on_paper[at..].find(&words(wanted));
        at += found.unwrap_or_else(|| panic!("not there, or in another place: {line}\n{shown}\n{on_paper}"));
        compared += 1;
    }
    assert!(compared > 20 && changes >= 4, "{compared} and {changes}\n{shown}");

    // The room takes the answer, as the sheet says.
    let take = take.replace("PLAN", &plan).replace("SITE", &site).replace("ARCHIVE", &archive);
    let taken = run(typed(&take, &home).iter().map(String::as_str).chain(["--yes"]));
    assert_eq!(taken.code, 3, "Cat's answer is missing: {}", taken.shown());
    for said in ["bob signed root version 2", "bob signed targets version 2"] {
        assert!(taken.err.contains(said), "{said}: {}", taken.shown());
    }
    // What everybody reads says the same.
    let guide = repository_file("docs/keyholders.md");
    assert!(guide.contains("**A line that you did not expect is a reason to\nstop**"));
    assert!(bob.contains("A line that you did not expect is a reason to stop"));

    // One page each.
    let said = opened(life.folder.path(), &[page]);
    is_sound(&said[0]);
    let hash = rootwright::pki::sha256_hex(&fs::read(&plan).unwrap());
    for paper in ["A4", "Letter"] {
        let all = sheets(&said[0]["pdf"][paper]);
        are_numbered(&all, &hash, Some("REHEARSAL"));
        let first = all.iter().position(|sheet| sheet.contains("Signing from elsewhere: bob")).unwrap();
        assert!(all[first].contains("Or not, because"), "Bob's sheet is longer than one of {paper}");
        assert!(all[first + 1].contains("Signing from elsewhere: cat"), "{}", all[first + 1]);
    }
}

#[test]
fn a_key_of_which_only_the_public_half_is_known_has_a_sheet_on_the_first_day() {
    let own = folder();
    let archive = rehearsed("ceremony/sigstore.toml");
    fs::copy(archive.join("keys/keyholder-1.pem"), own.path().join("holder.pem")).unwrap();
    let record: serde_json::Value =
        serde_json::from_slice(&fs::read(archive.join("keys/keyholder-1.json")).unwrap()).unwrap();
    let fingerprint = record["fingerprint"].as_str().unwrap();
    let text = fs::read_to_string(repository().join("ceremony/sigstore.toml")).unwrap();
    let here = "keyholder-1   = { role = \"keyholder\", device = \"keyholder-1\" }";
    let away = format!(
        "keyholder-1 = {{ role = \"keyholder\", public-key = \"holder.pem\", fingerprint = \"{fingerprint}\" }}"
    );
    assert!(text.contains(here));
    let (plan, page) = (own.path().join("plan.toml"), own.path().join("script.html"));
    fs::write(&plan, text.replace(here, &away)).unwrap();
    let printed = run(["script", plan.to_str().unwrap(), "-o", page.to_str().unwrap()]);
    assert_eq!(printed.code, 0, "{}", printed.shown());
    let html = fs::read_to_string(&page).unwrap();
    let (_, sheet) = html.split_once("id=\"elsewhere-keyholder-1\"").expect("a sheet");
    let sheet = sheet.split("</section>").next().unwrap();
    let said = words(sheet);
    for known in [fingerprint, "Nothingispublishedyet", "Typeyourdevice'sname,oritsserial,tosign"] {
        assert!(said.contains(known), "{known}: {said}");
    }
    let command = "rootwright sign keyholder-1.json --site my-site.toml --plan plan.toml -o answer.json";
    assert_eq!(commands(sheet)[0], command);
}

#[test]
fn somebody_elsewhere_whom_nobody_knows_has_no_sheet() {
    let own = folder();
    let (site, page) = (own.path().join("site.toml"), own.path().join("script.html"));
    fs::write(&site, "purpose = \"rehearsal\"\nelsewhere = [\"keyholder-9\"]\n[devices]\n").unwrap();
    let (site, out) = (site.display().to_string(), page.display().to_string());
    let refused = run(["script", "ceremony/sigstore.toml", "--site", &site, "-o", &out]);
    assert_eq!(refused.code, 2, "{}", refused.shown());
    assert!(refused.err.contains("`keyholder-9` is elsewhere") && refused.err.contains("keyholder-5"));
    assert!(!page.exists(), "nothing is printed that the day would refuse");
}
