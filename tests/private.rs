//! A public copy of an archive in which names, serial numbers and places stand everywhere, in every spelling that
//! people find: none of them is left in it.

mod support;
#[path = "support/terminal.rs"]
mod terminal;

use std::fs;
use std::path::{Path, PathBuf};

use rootwright::archive::{self, Event};
use serde_json::{Value, json};
use support::browser::{are_numbered, is_sound, opened, sheets};
use support::site::Site;
use support::{copy, folder, run};
use terminal::Terminal;

/// What may not be left of them: lower case, without what stands between.
const PRIVATE: &[&str] =
    &["zelda", "moller", "moeller", "möller", "quix", "brünhild", "brunhild", "ohmsen", "kesswil"];

/// A plan in which private names stand too, where its author did not think of it.
fn plan(site: &Site) -> PathBuf {
    let path = terminal::minimal(site);
    let text = fs::read_to_string(&path).unwrap();
    let text: String = text.split_inclusive('\n').filter(|line| !line.starts_with("ask-")).collect();
    let text = text
        .replacen(
            "[ceremony]\n",
            "[ceremony]\nprivate = [\"names\", \"serials\", \"places\"]\nseal = { keyholder = 1 }\n",
            1,
        )
        .replacen("witness-1 = ", "quix = { role = \"witness\" }\nwitness-1 = ", 1)
        .replace("A first look", "ZELDA MOELLER's first look, with Quixes");
    assert!(text.contains("ZELDA"), "{text}");
    fs::write(&path, text).unwrap();
    path
}

/// An archive of that plan: people with names, and all that they typed.
fn archive() -> (Site, PathBuf, String) {
    let site = Site::new("rehearsal", &["root-hsm", "keyholder-1"]).waive(&["ENV-NETWORK"]);
    let people = "[people]\nkeyholder-1 = \"Zelda Möller-Quix\"\nquix = \"Brünhild Ohmsen\"\n\n[waivers]";
    let text = site
        .text()
        .replacen("[waivers]", people, 1)
        .replace("\"a test\"", "\"moeller's own cable, says BRUNHILD\"");
    fs::write(site.path(), text).unwrap();
    let serial = {
        let shown = run(["token", "show", "keyholder-1", "--site", &site.path(), "--json"]);
        let text = shown.json().to_string();
        text.split("\"serial\":\"")
            .nth(1)
            .unwrap_or_else(|| panic!("{}", shown.shown()))
            .split('"')
            .next()
            .unwrap()
            .to_string()
    };
    let apart = serial
        .to_uppercase()
        .as_bytes()
        .chunks(4)
        .map(|four| String::from_utf8_lossy(four).to_string())
        .collect::<Vec<_>>()
        .join(":");
    let plan = plan(&site);
    let mut screen = Terminal::run(&plan, &site, &[]);
    let date = "Type the ceremony's date, 2026-12-01, to begin";
    for (word, answers) in [
        (
            "deviation",
            [
                ("What was expected?", "zelda's device".to_string()),
                ("What happened?", format!("the Quixes brought {apart} & \"möller\" <b>")),
                ("What was decided?", "ask Z. Moller-quix, or ms. ohmsen of KESSWIL".into()),
                ("By whom?", "Brunhild M. Ohmsen".into()),
            ]
            .to_vec(),
        ),
        (
            "refusal",
            [
                ("Who does not sign off?", "Ohmsen, Brunhild".to_string()),
                ("On what?", "quix's part".into()),
                ("Why not?", "zmoeller said so".into()),
            ]
            .to_vec(),
        ),
        (
            "custody",
            [
                ("What?", "Zelda's YubiKey".to_string()),
                ("Who takes it?", "Zelda Moeller-Quix".into()),
                ("Where is it kept?", "safe of Ohmsen, Seestrasse 1, Kesswil".into()),
                ("The initials of two who saw it?", "ZMQ, BO".into()),
            ]
            .to_vec(),
        ),
        (
            "bag",
            [
                ("Which number?", format!("B-{serial}")),
                ("What is in it?", "quix".into()),
                ("Opened or closed?", "closed by ohmsen".into()),
                ("By whom?", "ZELDA".into()),
            ]
            .to_vec(),
        ),
    ] {
        screen.answer(date, word);
        for (question, answer) in answers {
            screen.answer(question, &answer);
        }
    }
    terminal::led(screen, (&[], &[]));
    let archive = site.archive();
    (site, archive, serial)
}

fn public(archive: &Path, out: &Path) -> (String, Value) {
    let file = out.join("public.html");
    let written =
        run(["report", archive.to_str().unwrap(), "-o", file.to_str().unwrap(), "--public", "--json"]);
    assert_eq!(written.code, 0, "{}", written.shown());
    (fs::read_to_string(&file).unwrap(), written.json())
}

/// What private is in a page, if anything: in its texts, anywhere else in the file, or in what it embeds.
fn leak(page: &str, serial: &str) -> Option<String> {
    let squeezed = |text: &str| {
        let entities = ["&quot;", "&amp;", "&lt;", "&gt;"];
        let text = entities.iter().fold(text.to_lowercase(), |text, entity| text.replace(entity, ""));
        text.chars().filter(|c| c.is_alphanumeric()).collect::<String>()
    };
    let texts: String =
        page.split('<').filter_map(|part| part.split_once('>')).map(|(_, text)| text).collect();
    let mut all = vec![page.to_lowercase(), squeezed(page), squeezed(&texts)];
    let base64 = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
    for word in page.split(|c| !base64(c)).filter(|word| word.len() > 60) {
        let read = data_encoding::BASE64.decode(word.as_bytes()).unwrap_or_default();
        all.push(squeezed(&String::from_utf8_lossy(&read)));
    }
    let words = || PRIVATE.iter().copied().chain([serial]);
    all.iter().find_map(|text| {
        let (word, at) = words().find_map(|word| Some((word, text.find(word)?)))?;
        let around: String = text[at..].chars().take(120).collect();
        Some(format!("{word}: {around}"))
    })
}

#[test]
fn no_private_word_is_left_in_a_public_copy_in_any_spelling() {
    let (site, archive, serial) = archive();
    let out = folder();
    let unsealed = out.path().join("unsealed");
    copy(&archive, &unsealed);
    let seal = run(["seal", archive.to_str().unwrap(), "--site", &site.path()]);
    assert_eq!(seal.code, 0, "{}", seal.shown());
    let (page, said) = public(&archive, out.path());
    assert_eq!(leak(&page, &serial), None);
    // It is a report all the same, and says what it keeps.
    for words in ["Nothing is wrong.", "44 items", "What this copy keeps", "kept-1"] {
        assert!(page.contains(words), "{words}");
    }
    let left_out = &said["left_out"];
    // Three names that were recorded in as many spellings, and what people typed.
    assert!(left_out["names"].as_u64().unwrap() >= 6, "{left_out}");
    assert_eq!(left_out["serials"], 2, "{left_out}");
    assert_eq!(left_out["places"], 1, "{left_out}");
    assert!(left_out["texts"].as_u64().unwrap() >= 10, "{left_out}");
    // A part is named after a person, and the seal says parts: its text can't be shown, and its hash can.
    assert_eq!(left_out["envelopes"], json!([1]));
    assert!(!page.contains("class=\"envelope\""));
    let (journal, _) = archive::read(&archive).unwrap();
    let (statement, openings) = journal
        .records
        .iter()
        .find_map(|record| match &record.event {
            Event::SealStarted { statement, openings, .. } => Some((statement, openings)),
            _ => None,
        })
        .unwrap();
    let plain: String = page.replace("</span>", "").replace("<span>", "").split_whitespace().collect();
    let hash = rootwright::pki::sha256_hex(statement.as_bytes());
    assert!(plain.contains(&hash[..32]) && plain.contains(&hash[32..]), "the statement's hash");
    // What was typed is in the seal as hashes alone, and each can be opened.
    let lower = statement.to_lowercase();
    for word in
        ["zelda's device", "zmoeller", "möller", "brünhild", "ohmsen", "kesswil", "own cable", &serial]
    {
        assert!(!lower.contains(word), "{word} is in the seal");
    }
    assert!(openings.len() >= 18, "{}", openings.len());
    for opening in openings {
        assert!(statement.contains(&opening.hash()));
        assert!(plain.contains(&opening.hash()[..32]), "{} is sealed, and not named", opening.value);
    }
    let verified = run(["verify", archive.to_str().unwrap()]);
    assert_eq!(verified.code, 0, "{}", verified.shown());

    // Somebody objects, and says why: the reason is not in the copy either.
    let why = "Quix was not there, and zelda möller knows it";
    let objected = run([
        "seal",
        unsealed.to_str().unwrap(),
        "--site",
        &site.path(),
        "--as",
        "keyholder-1",
        "--object",
        why,
    ]);
    assert_eq!(objected.code, 0, "{}", objected.shown());
    let (page, _) = public(&unsealed, site.folder.path());
    assert_eq!(leak(&page, &serial), None);
    assert!(page.contains("objects: kept-"), "that somebody objects is no secret");

    // The same report for those who may read it has all of it.
    let open = out.path().join("open.html");
    let written = run(["report", archive.to_str().unwrap(), "-o", open.to_str().unwrap()]);
    assert_eq!(written.code, 0, "{}", written.shown());
    let open = fs::read_to_string(&open).unwrap();
    assert!(leak(&open, &serial).is_some(), "what looks for private words finds them");
    for words in ["Zelda Möller-Quix", "zelda's device", "Seestrasse 1, Kesswil", "zmoeller said so", &serial]
    {
        assert!(open.contains(words), "{words}");
    }

    // Deviations, refusals, what people recorded, seals and marks: all of it fits its sheet.
    let said = opened(out.path(), &[out.path().join("open.html"), out.path().join("public.html")]);
    for said in &said {
        is_sound(said);
        let whole = sheets(&said["pdf"]["A4"]);
        are_numbered(&whole, "journal ", Some("REHEARSAL"));
        assert!((12..=20).contains(&whole.len()), "{} sheets", whole.len());
    }
}
