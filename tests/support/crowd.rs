//! A plan of many people and devices with names as long as they may be, and addresses that are longer than a
//! sheet is wide: what a page must still hold.

use std::fs;
use std::path::{Path, PathBuf};

use super::site::Site;
use super::{repository, run};

/// How many keyholders it has.
pub const KEYHOLDERS: usize = 9;

/// A keyholder's part: 32 characters, the longest name that there is, without a place to break it.
pub fn part(number: usize) -> String {
    format!("keyholderofthefoundation{number:08}")
}

/// What a keyholder is called.
fn called(number: usize) -> String {
    format!("Wolfeschlegelsteinhausenbergerdorff-Featherstonehaugh the {number}th")
}

/// The plan's text.
pub fn plan() -> String {
    let text = fs::read_to_string(repository().join("ceremony/sigstore.toml")).expect("the plan");
    let (before, rest) = text.split_once("keyholder-1   =").expect("keyholders");
    let (_, after) = rest.split_once("\n\n").expect("what comes after them");
    let all = || (1..=KEYHOLDERS).map(part);
    let people: String =
        all().map(|part| format!("{part} = {{ role = \"keyholder\", device = \"{part}\" }}\n")).collect();
    let listed = all().map(|part| format!("{part:?}")).collect::<Vec<_>>().join(", ");
    let five = r#"["keyholder-1", "keyholder-2", "keyholder-3", "keyholder-4", "keyholder-5"]"#;
    let address = format!("https://{}.example.org/{}", "a".repeat(60), "segment/".repeat(24));
    let text = format!("{before}{people}\n{after}")
        .replace(five, &format!("[{listed}]"))
        .replace("https://pki.example.org/cps/1.0", &format!("{address}cps"))
        .replace("https://tsa.example.org/api/v1/timestamp", &format!("{address}api/v1/timestamp"))
        .replace("Example Project", "The Foundation for the Example Project, its Daughters and Heirs")
        .replace("tsa-signer-2026", "timestampauthoritysigningunit-26")
        .replace("Example Sigstore, first trust root", &"Signaturvertrauensanker".repeat(8));
    assert!(text.contains(&address) && text.contains(&listed), "the plan has changed");
    text
}

/// An archive of that plan, by people with names.
pub fn archive() -> (Site, PathBuf) {
    let mut devices = vec!["root-hsm".to_string(), "issuing-hsm".to_string()];
    devices.extend((1..=KEYHOLDERS).map(part));
    let site = Site::new("rehearsal", &devices.iter().map(String::as_str).collect::<Vec<_>>());
    let people: String =
        (1..=KEYHOLDERS).map(|number| format!("{} = {:?}\n", part(number), called(number))).collect();
    let text = site.text().replacen("[waivers]", &format!("[people]\n{people}\n[waivers]"), 1);
    fs::write(site.path(), text).expect("the site file");
    let file = site.folder.path().join("plan.toml");
    fs::write(&file, plan()).expect("the plan");
    let made = site.run(&file);
    assert_eq!(made.code, 0, "{}", made.shown());
    let archive = site.archive();
    (site, archive)
}

/// The archive of the example plan, in which a key was lost, and its certificates revoked.
pub fn compromised(archive: &Path) {
    for plan in ["ceremony/sigstore.toml", "ceremony/compromise.toml"] {
        let plan = repository().join(plan).display().to_string();
        let made = run(["rehearse", &plan, "--archive", &archive.display().to_string(), "--yes"]);
        assert_eq!(made.code, 0, "{}", made.shown());
    }
}
