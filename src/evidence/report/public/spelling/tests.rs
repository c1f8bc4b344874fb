//! How names, serial numbers and places are found, and what is not one.

use super::*;

fn finds(kind: Private, value: &str, text: &str) -> bool {
    let own = ["key", "mark", "root", "chopper"].map(str::to_string).into();
    let words = words(text);
    Spelling::of(kind, value, &own).iter().any(|spelling| !spelling.found(&words, &own).is_empty())
}

#[test]
fn a_name_is_found_in_every_spelling() {
    for text in [
        "Ada Lovelace",
        "ADA LOVELACE",
        "ada lovelace was late",
        "Lovelace, Ada",
        "A. Lovelace",
        "Lovelace",
        "lovelace's bag",
        "Lovelaces Tasche",
        "adalovelace",
        "lovelace_ada",
        "ada.lovelace@example.org",
        "alovelace",
        "AdaLovelace",
        "LovelaceAda",
        "ada-yubikey",
        "Ada's",
        "keyholder-ada",
        "/home/ada/lib.so",
        "Àda",
        "ada2",
        "AdaKey",
        "Lovelace-King",
        "the Adas",
    ] {
        assert!(finds(Private::Names, "Ada Lovelace", text), "{text}");
    }
    for (value, text) in [
        ("Zoë Müller", "zoe"),
        ("Zoë Müller", "MUELLER"),
        ("Zoë Müller", "muller"),
        ("Zoe Mueller", "Müller's"),
        ("Søren Ångström", "soeren"),
        ("Søren Ångström", "angstrom"),
        ("Jürgen Groß", "GROSS"),
        ("Conan O'Brien", "obrien"),
        ("Conan O'Brien", "O’Brien"),
        ("Jo Doe", "jdoe"),
        ("Li Wu", "wu"),
        ("李小龍", "見證人李小龍在場"),
        ("Mark Key", "Mark Key"),
        ("Mark Key", "KEY, MARK"),
        ("Ludwig van der Root", "van der Root, Ludwig"),
        ("Mark Keyes", "keyes"),
    ] {
        assert!(finds(Private::Names, value, text), "{value} in {text}");
    }
}

#[test]
fn what_is_no_name_stays() {
    for text in ["Adamant", "the data", "Canada", "lover", "a", "0ada12f3", "cadada00", "12ada345", "l", ""] {
        assert!(!finds(Private::Names, "Ada Lovelace", text), "{text}");
    }
    for text in ["the key", "mark each key", "Key", "root of the key"] {
        assert!(!finds(Private::Names, "Mark Key", text), "{text}: the tool's own words");
    }
    assert!(!finds(Private::Names, "Ludwig van der Root", "der van"));
    assert!(
        !finds(Private::Names, "Grace Hopper", "chopper") && finds(Private::Names, "Grace Hopper", "ghopper")
    );
}

#[test]
fn initials_and_particles_go_with_the_name() {
    let found = |value: &str, text: &str| {
        let words = words(text);
        let own = BTreeSet::new();
        let spelling = Spelling::of(Private::Names, value, &own).remove(0);
        let found = spelling.found(&words, &own);
        found
            .iter()
            .map(|range| &text[words[range.start].at.start..words[range.end - 1].at.end])
            .collect::<Vec<_>>()
            .join("|")
    };
    assert_eq!(found("Ada Lovelace", "by A. Lovelace, at a desk"), "A. Lovelace");
    assert_eq!(found("Ada Lovelace", "Lovelace, A., signs"), "Lovelace, A");
    assert_eq!(found("Ludwig van der Rohe", "for Ludwig van der Rohe of it"), "Ludwig van der Rohe");
}

#[test]
fn a_serial_number_is_found_without_its_separators() {
    for text in [
        "1f0e4c8a",
        "1F0E4C8A",
        "1f:0e:4c:8a",
        "1F-0E 4C8A",
        "SN1f0e4c8a",
        "serial 1f0e 4c8a.",
        "00001f0e4c8a",
    ] {
        assert!(finds(Private::Serials, "1f0e4c8a", text), "{text}");
    }
    for (value, text) in [
        ("0012345678", "12345678"),
        ("12345678", "0x bc 61 4e"),
        ("12345678", "bc614e"),
        ("00bc614e", "12345678"),
    ] {
        assert!(finds(Private::Serials, value, text), "{value} in {text}");
    }
    for text in ["1f0e", "4c8a", "1f0e4c8", ""] {
        assert!(!finds(Private::Serials, "1f0e4c8a", text), "{text}");
    }
    assert!(!finds(Private::Serials, "7", "7 keys"), "too short to be looked for");
}

#[test]
fn a_place_is_its_names() {
    for text in ["Zug", "in Zug", "ZUG", "Bahnhofstrasse 7", "safe in Zug"] {
        assert!(finds(Private::Places, "safe in Zug, Bahnhofstrasse 7", text), "{text}");
    }
    assert!(!finds(Private::Places, "safe in Zug, Bahnhofstrasse 7", "a safe in a room"));
}
