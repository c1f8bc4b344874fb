//! Ten years of a trust root, as its plans: a first ceremony and forty that follow, one a quarter.
//!
//! Each year has a new intermediate and a new shard of the certificate log, published in one quarter, in use
//! in the next, and what they replace retired after that; each half year signs the TUF root again and
//! renews the CRL. Two keyholders change, one intermediate is compromised, and one is of another algorithm.
#![allow(dead_code)]

use std::fmt::Write;

use rootwright::plan::{Day, Time};

/// How many ceremonies follow the first one.
pub const CEREMONIES: usize = 40;

/// Days from one ceremony to the next.
const QUARTER: i64 = 91;

/// The day of the first ceremony in the plans.
const FIRST: &str = "2026-12-01";

/// Ceremonies at which something out of the ordinary happens.
const KEYHOLDER_LEAVES: usize = 9;
const DEVICE_CHANGES: usize = 21;
pub const COMPROMISE: usize = 26;
const RSA: usize = 8;

/// Days on which its intermediate signs: one before the compromise, and one after it.
pub const SIGNED: [i64; 2] = [COMPROMISED_ON - 20, COMPROMISED_ON + 10];

/// The year whose intermediate is compromised, and the day of it.
const COMPROMISED: usize = 6;
const COMPROMISED_ON: i64 = 2346;

fn day(ceremony: usize) -> i64 {
    QUARTER * i64::try_from(ceremony).unwrap()
}

fn date(days: i64) -> Day {
    FIRST.parse::<Day>().unwrap().shifted(days).unwrap()
}

/// A moment, but never one beyond the root's life.
pub fn time(days: i64) -> String {
    let time: Time = date(days).start().unwrap();
    let end: Time = "2036-12-01T00:00:00Z".parse().unwrap();
    time.min(end).to_string()
}

/// The quarter in which a year's intermediate is published: the successor of the compromised one at once.
fn published(year: usize) -> usize {
    if year == COMPROMISED + 1 { COMPROMISE } else { 4 * year }
}

/// The quarter in which a year's shard of the certificate log is published.
fn sharded(year: usize) -> usize {
    if year == 0 { 0 } else { 4 * year + 1 }
}

/// What clients will have in time: after the next ceremony's timestamp.
const UNTIL_USED: i64 = QUARTER + 11;

/// The years whose entries a plan has.
fn years(now: usize, from: impl Fn(usize) -> usize) -> impl Iterator<Item = usize> {
    (0..10).filter(move |year| from(*year) <= now)
}

/// The window of an entry that is published in one quarter and replaced by one that is published in a later.
fn window(now: usize, published: usize, successor: usize, first: bool) -> String {
    let from = if first { time(0) } else { time(day(published) + UNTIL_USED) };
    // Two quarters after its successor was published, that one is in use.
    let retired = successor + 2;
    if now >= retired {
        format!("{{ from = \"{from}\", to = \"{}\" }}", time(day(retired) + 30))
    } else {
        format!("{{ from = \"{from}\" }}")
    }
}

/// The plan of a ceremony: 0 is the first.
pub fn plan(now: usize) -> String {
    let mut text = format!(
        "[ceremony]\nname = \"Ten years, ceremony {now}\"\ndate = \"{}\"\norganization = \"Example Project\"\n\n[people]\nadministrator = {{ role = \"administrator\" }}\n",
        date(day(now))
    );
    let mut holders: Vec<&str> = vec!["ada", "bob", "cat", "dan", "eve"];
    if now >= KEYHOLDER_LEAVES {
        holders.retain(|name| *name != "eve");
        holders.push("fay");
    }
    for name in &holders {
        let moved = *name == "bob" && now >= DEVICE_CHANGES;
        let device = if moved { "bob-again" } else { name };
        let key = if moved { ", key = \"bob-again\"" } else { "" };
        writeln!(text, "{name} = {{ role = \"keyholder\", device = \"{device}\"{key} }}").unwrap();
    }
    text.push_str("\n[keys]\nroot = { device = \"root-hsm\", algorithm = \"ecdsa-p384\" }\n");
    for (name, algorithm) in [
        ("tsa", "ecdsa-p384"),
        ("tsa-signer", "ecdsa-p256"),
        ("rekor", "ed25519"),
        ("tuf-online", "ecdsa-p256"),
    ] {
        writeln!(text, "{name} = {{ device = \"issuing-hsm\", algorithm = \"{algorithm}\" }}").unwrap();
    }
    for year in years(now, published) {
        let algorithm = if year >= RSA { "rsa-4096" } else { "ecdsa-p384" };
        writeln!(text, "fulcio-{year} = {{ device = \"issuing-hsm\", algorithm = \"{algorithm}\" }}")
            .unwrap();
    }
    for year in years(now, sharded) {
        writeln!(text, "ctlog-{year} = {{ device = \"issuing-hsm\", algorithm = \"ecdsa-p256\" }}").unwrap();
    }
    certificates(&mut text, now);
    crls(&mut text, now);
    trust_root(&mut text, now);
    tuf(&mut text, now, &holders);
    if now == COMPROMISE {
        for rule in ["TRUST-SWITCH-EARLY", "TRUST-END-PAST"] {
            write!(
                text,
                "\n[[waivers]]\nrule = \"{rule}\"\nobject = \"trusted_root.json\"\nreason = \"the key of fulcio-{COMPROMISED} is in other hands\"\n"
            )
            .unwrap();
        }
    }
    text
}

fn certificates(text: &mut String, now: usize) {
    let mut certificate = |name: &str, profile: &str, issuer: &str, common: &str, from: i64, days: i64| {
        let issuer = if issuer.is_empty() { String::new() } else { format!("issuer = \"{issuer}\"\n") };
        write!(
            text,
            "\n[certificates.{name}]\nprofile = \"{profile}\"\nkey = \"{name}\"\n{issuer}subject = {{ common-name = \"{common}\", organization = \"Example Project\" }}\nvalidity = {{ from = \"{}\", to = \"{}\" }}\n",
            time(from),
            time(from + days)
        )
        .unwrap();
    };
    certificate("root", "root", "", "Example Root", 0, 5000);
    certificate("tsa", "timestamping", "root", "Example Timestamping", 0, 5000);
    certificate("tsa-signer", "timestamp-signer", "tsa", "Example Timestamping Signer", 0, 5000);
    for year in years(now, published) {
        let common = format!("Example Intermediate {year}");
        certificate(&format!("fulcio-{year}"), "code-signing", "root", &common, day(published(year)), 1095);
    }
}

fn crls(text: &mut String, now: usize) {
    for number in 1..=now / 2 + 1 {
        let made = 2 * (number - 1);
        write!(
            text,
            "\n[crls.root-{number}]\nissuer = \"root\"\nnumber = {number}\nvalidity = {{ from = \"{}\", to = \"{}\" }}\n",
            time(day(made)),
            time(day(made) + 230)
        )
        .unwrap();
        if made >= COMPROMISE {
            writeln!(
                text,
                "revoked = [{{ certificate = \"fulcio-{COMPROMISED}\", date = \"{}\", reason = \"ca-compromise\" }}]",
                time(COMPROMISED_ON)
            )
            .unwrap();
        }
    }
}

fn trust_root(text: &mut String, now: usize) {
    text.push_str("\n[trust-root]\noperator = \"example.org\"\npropagation = \"7 days\"\n");
    let mut entry = |list: &str, what: &str, address: &str, window: &str| {
        write!(text, "\n[[trust-root.{list}]]\n{what}\n{address}\ntrust = {window}\n").unwrap();
    };
    for year in years(now, published) {
        let compromised = time(COMPROMISED_ON);
        let window = match year {
            COMPROMISED if now >= COMPROMISE => {
                let from = time(day(published(year)) + UNTIL_USED);
                format!("{{ from = \"{from}\", to = \"{compromised}\" }}")
            }
            _ if year == COMPROMISED + 1 && now < published(year + 1) + 2 => {
                format!("{{ from = \"{}\" }}", time(day(COMPROMISE)))
            }
            _ if year == COMPROMISED + 1 => {
                let to = time(day(published(year + 1) + 2) + 30);
                format!("{{ from = \"{}\", to = \"{to}\" }}", time(day(COMPROMISE)))
            }
            _ => window(now, published(year), published(year + 1), year == 0),
        };
        let chain = format!("chain = [\"fulcio-{year}\", \"root\"]");
        entry("certificate-authorities", &chain, "uri = \"https://fulcio.example.org\"", &window);
    }
    for year in years(now, sharded) {
        let window = window(now, sharded(year), sharded(year + 1), year == 0);
        let url = format!("url = \"https://ctfe.example.org/{}\"", 2026 + year);
        entry("certificate-logs", &format!("key = \"ctlog-{year}\""), &url, &window);
    }
    let always = format!("{{ from = \"{}\" }}", time(0));
    let rekor = "url = \"https://rekor.example.org\"\napi = 2";
    entry("transparency-logs", "key = \"rekor\"", rekor, &always);
    let uri = "uri = \"https://tsa.example.org/api/v1/timestamp\"";
    entry("timestamp-authorities", "chain = [\"tsa-signer\", \"tsa\", \"root\"]", uri, &always);
    entry("identity-providers", "", "url = \"https://oauth2.example.org/auth\"", &always);
    text.push_str(
        "\n[prove]\nidentity = \"canary@example.org\"\nissuer = \"https://oauth2.example.org/auth\"\nprovider = \"email\"\n",
    );
}

fn tuf(text: &mut String, now: usize, holders: &[&str]) {
    let half = now / 2 * 2;
    let holders: Vec<String> = holders.iter().map(|name| format!("\"{name}\"")).collect();
    let role = format!(
        "{{ keyholders = [{}], threshold = 3, expires = \"{}\" }}",
        holders.join(", "),
        time(day(half) + 220)
    );
    let online = format!("{{ key = \"tuf-online\", expires = \"{}\" }}", time(day(now) + QUARTER + 10));
    write!(text, "\n[tuf]\nroot = {role}\ntargets = {role}\nsnapshot = {online}\ntimestamp = {online}\n")
        .unwrap();
}
