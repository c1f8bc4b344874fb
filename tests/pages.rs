//! What is printed and read, in the browser that Debian has: nothing is fetched, nothing runs, nothing is
//! wider than its sheet, everybody can read it, and telephones read its QR codes.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use support::browser::{are_numbered, is_sound, opened, printed_codes, screen_codes, sheets};
use support::site::Site;
use support::{crowd, folder, repository, run};

/// Prints a script of a plan.
fn script(out: &Path, name: &str, plan: &Path, more: &[&str]) -> PathBuf {
    let file = out.join(format!("{name}.html"));
    let mut arguments = vec!["script", plan.to_str().unwrap(), "-o", file.to_str().unwrap()];
    arguments.extend(more);
    let printed = run(&arguments);
    assert_eq!(printed.code, 0, "{}", printed.shown());
    file
}

/// Writes a report of an archive, and gives the hash of the journal's last line too.
fn report(out: &Path, name: &str, archive: &Path, more: &[&str]) -> (PathBuf, String) {
    let file = out.join(format!("{name}.html"));
    let mut arguments = vec!["report", archive.to_str().unwrap(), "-o", file.to_str().unwrap(), "--json"];
    arguments.extend(more);
    let written = run(&arguments);
    assert_eq!(written.code, 0, "{}", written.shown());
    (file, written.json()["head"].as_str().unwrap().to_string())
}

fn hash(plan: &Path) -> String {
    rootwright::pki::sha256_hex(&fs::read(plan).unwrap())
}

/// How many sheets begin with this heading.
fn begins(sheets: &[String], heading: &str) -> usize {
    let first = |sheet: &&String| {
        let mut lines = sheet.lines().filter(|line| !line.trim().is_empty());
        lines.nth(1).is_some_and(|line| line.trim().starts_with(heading))
    };
    sheets.iter().filter(first).count()
}

#[test]
fn the_script_is_sound_in_a_browser_and_on_paper() {
    let out = folder();
    let site = Site::new("rehearsal", &["root-hsm", "keyholder-1"]);
    let minimal = repository().join("ceremony/minimal.toml");
    let sigstore = repository().join("ceremony/sigstore.toml");
    let pages = [
        script(out.path(), "script", &sigstore, &["--worksheets"]),
        script(out.path(), "rehearsal", &minimal, &["--site", &site.path()]),
        script(out.path(), "large", &sigstore, &["--large"]),
    ];
    let said = opened(out.path(), &pages);
    said.iter().for_each(is_sound);
    for sheet in ["A4", "Letter"] {
        let whole = sheets(&said[0]["pdf"][sheet]);
        are_numbered(&whole, &hash(&sigstore), None);
        // A worksheet is a sheet, and each part that people work with begins on a new one.
        assert_eq!(begins(&whole, "Worksheet:"), 3 + 7 + 3, "{sheet}");
        for heading in [
            "People",
            "Materials",
            "Before the first step",
            "Steps",
            "After the last step",
            "Deviations",
            "Sign-off",
            "What to do when it stops",
        ] {
            assert_eq!(begins(&whole, heading), 1, "{heading} on {sheet}");
        }
        assert!((34..=50).contains(&whole.len()), "{} sheets of {sheet}", whole.len());
        assert_eq!(printed_codes(&said[0]["pdf"][sheet]), BTreeSet::from([hash(&sigstore)]), "{sheet}");
        are_numbered(&sheets(&said[1]["pdf"][sheet]), &hash(&minimal), Some("REHEARSAL"));
    }
    // One screen for each of the 34 steps, the 5 acts before, the break, the cover, and the end.
    let screens = sheets(&said[2]["pdf"]["A4"]);
    assert_eq!(screens.len(), 34 + 5 + 1 + 2);
    for (at, screen) in screens.iter().enumerate() {
        assert!(
            screen.contains(&hash(&sigstore)) && screen.contains(&format!("{} / 42", at + 1)),
            "{screen}"
        );
    }
    for id in 1..=34 {
        let word = format!("{id}/34");
        let own = screens.iter().filter(|screen| screen.split_whitespace().any(|own| own == word)).count();
        assert_eq!(own, 1, "step {id}");
    }
    assert_eq!(printed_codes(&said[2]["pdf"]["A4"]), BTreeSet::from([hash(&sigstore)]));
    for page in [&said[0], &said[2]] {
        assert_eq!(screen_codes(page), BTreeSet::from([hash(&sigstore)]), "{}", page["page"]);
    }
}

#[test]
fn the_report_is_sound_in_a_browser_and_on_paper() {
    let out = folder();
    let archive = support::rehearsed("ceremony/sigstore.toml");
    let (file, head) = report(out.path(), "report", archive, &[]);
    let (public, _) = report(out.path(), "public", archive, &["--public"]);
    let said = opened(out.path(), &[file, public]);
    said.iter().for_each(is_sound);
    // What telephones read of it, on paper: the journal, the plan, the root, and what clients load.
    let file = |path: &str| rootwright::pki::sha256_hex(&fs::read(archive.join(path)).unwrap());
    let (_, state) = rootwright::archive::read(archive).unwrap();
    let root = state.certificates.iter().find(|(name, _)| name.as_str() == "root").unwrap().1;
    let fingerprints = BTreeSet::from([
        head.clone(),
        hash(&repository().join("ceremony/sigstore.toml")),
        rootwright::pki::sha256_hex(root.certificate.der()),
        file("trust-root/trusted_root.json"),
        file("tuf/1.root.json"),
    ]);
    for (said, most) in said.iter().zip([24, 20]) {
        for sheet in ["A4", "Letter"] {
            let whole = sheets(&said["pdf"][sheet]);
            are_numbered(&whole, &head, Some("REHEARSAL"));
            assert!((14..=most).contains(&whole.len()), "{} sheets of {sheet}", whole.len());
            assert!(whole[0].contains("Nothing is wrong.") && whole[0].contains("44 items"), "{}", whole[0]);
            assert_eq!(printed_codes(&said["pdf"][sheet]), fingerprints, "{sheet}");
        }
        assert_eq!(screen_codes(said), BTreeSet::from([head.clone()]));
    }
}

#[test]
fn many_people_with_long_names_and_a_lost_key_still_fit_the_sheet() {
    let out = folder();
    let (site, archive) = crowd::archive();
    let lost = out.path().join("lost-key");
    crowd::compromised(&lost);
    let plan = site.folder.path().join("plan.toml");
    let (crowded, head) = report(out.path(), "crowd", &archive, &[]);
    let (public, _) = report(out.path(), "crowd-public", &archive, &["--public"]);
    let (revoked, after) = report(out.path(), "lost-key", &lost, &[]);
    let pages =
        [script(out.path(), "crowd-script", &plan, &["--site", &site.path()]), crowded, public, revoked];
    let said = opened(out.path(), &pages);
    said.iter().for_each(is_sound);
    for sheet in ["A4", "Letter"] {
        let feet = [(&hash(&plan), 34..=56), (&head, 18..=30), (&head, 16..=30), (&after, 14..=20)];
        for (said, (foot, expected)) in said.iter().zip(feet) {
            let whole = sheets(&said["pdf"][sheet]);
            are_numbered(&whole, foot, Some("REHEARSAL"));
            assert!(expected.contains(&whole.len()), "{}: {} sheets of {sheet}", said["page"], whole.len());
        }
    }
    let revoked = fs::read_to_string(&pages[3]).unwrap();
    assert!(
        revoked.contains("g class=\"card gone\"") && revoked.contains(", revoked"),
        "the lost key's card"
    );
}
