//! What stock clients refuse: one fault at a time in a world that is otherwise whole. A client that refuses
//! nothing proves nothing when it accepts a canary. The table is kept in docs/clients.md.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use der::oid::db::rfc5280::ID_KP_EMAIL_PROTECTION;
use der::oid::db::rfc5912::{ID_CE_EXT_KEY_USAGE, ID_CE_SUBJECT_ALT_NAME};
use der::{Encode, asn1::OctetString};
use rootwright::plan::trust_root::Api;
use rootwright::prove::examine::examine;
use serde_json::{Value, json};
use support::clients::{Judge, Verdict};
use support::world::{ARTIFACT, IDENTITY, ISSUER, Recipe, World, noon, rebuild};
use x509_cert::ext::pkix::ExtendedKeyUsage;

/// One thing that is wrong, and what to say where a client does not mind.
struct Fault {
    says: &'static str,
    surprise: Option<&'static str>,
    recipe: fn(&mut Recipe<'_>),
}

fn at(time: &str) -> rootwright::plan::Time {
    time.parse().unwrap()
}

fn fault(says: &'static str, recipe: fn(&mut Recipe<'_>)) -> Fault {
    Fault { says, surprise: None, recipe }
}

impl Fault {
    fn but(mut self, surprise: &'static str) -> Self {
        self.surprise = Some(surprise);
        self
    }
}

/// The window of the first entry of a list of the trusted root.
fn window(root: &mut Value, list: &str, from: Option<&str>, to: Option<&str>) {
    let entry = &mut root[list][0];
    let window = match list {
        "tlogs" | "ctlogs" => &mut entry["publicKey"]["validFor"],
        _ => &mut entry["validFor"],
    };
    if let Some(from) = from {
        window["start"] = json!(from);
    }
    if let Some(to) = to {
        window["end"] = json!(to);
    }
}

const BEFORE: Option<&str> = Some("2026-02-01T00:00:00Z");
const AFTER: Option<&str> = Some("2026-04-01T00:00:00Z");

fn certificates<'a>(root: &'a mut Value, list: &str) -> &'a mut Vec<Value> {
    root[list][0]["certChain"]["certificates"].as_array_mut().unwrap()
}

fn entry(bundle: &mut Value) -> &mut Value {
    &mut bundle["verificationMaterial"]["tlogEntries"][0]
}

fn material(bundle: &mut Value) -> &mut serde_json::Map<String, Value> {
    bundle["verificationMaterial"].as_object_mut().unwrap()
}

/// One bit of a signature or hash, in its base64.
fn flip(value: &mut Value) {
    let text = value.as_str().unwrap();
    let mut bytes = data_encoding::BASE64.decode(text.as_bytes()).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    *value = json!(data_encoding::BASE64.encode(&bytes));
}

fn without(bytes: &[u8], oid: der::oid::ObjectIdentifier) -> Vec<u8> {
    rebuild(bytes, |extensions| extensions.retain(|extension| extension.extn_id != oid))
}

fn faults() -> Vec<Fault> {
    vec![
        // the trust root is another
        fault("other root: certificate authority of the same names, other keys", |recipe| {
            recipe.root = |root, stranger| {
                root["certificateAuthorities"] = stranger.trusted_root()["certificateAuthorities"].take();
            }
        }),
        fault("other CT log key", |recipe| {
            recipe.root = |root, stranger| root["ctlogs"] = stranger.trusted_root()["ctlogs"].take();
        }),
        fault("other Rekor key", |recipe| {
            recipe.root = |root, stranger| root["tlogs"] = stranger.trusted_root()["tlogs"].take();
        }),
        fault("other timestamp authority", |recipe| {
            recipe.root = |root, stranger| {
                root["timestampAuthorities"] = stranger.trusted_root()["timestampAuthorities"].take();
            }
        }),
        fault("certificate authority retired before the signature", |recipe| {
            recipe.root = |root, _| window(root, "certificateAuthorities", None, BEFORE);
        })
        .but("python takes every authority whose window has begun by today's clock, and never compares it with the moment of signing: an end date alone retires nothing there."),
        fault("certificate authority not in use yet", |recipe| {
            recipe.root = |root, _| window(root, "certificateAuthorities", AFTER, None);
        })
        .but("as above: python looks at the window by today's clock only."),
        fault("CT log retired before the promise", |recipe| {
            recipe.root = |root, _| window(root, "ctlogs", None, BEFORE);
        })
        .but("python looks at no window of a log key."),
        fault("CT log not in use yet", |recipe| recipe.root = |root, _| window(root, "ctlogs", AFTER, None))
        .but("python looks at no window of a log key."),
        fault("Rekor log retired before the entry", |recipe| {
            recipe.root = |root, _| window(root, "tlogs", None, BEFORE);
        })
        .but("a Rekor v2 entry has no time of its own, and none of the three holds the log's window against the timestamp: for them a Rekor v2 log is retired by nothing but leaving the trusted root, which would break what it logged before."),
        fault("Rekor log not in use yet", |recipe| recipe.root = |root, _| window(root, "tlogs", AFTER, None))
        .but("as above: none of the three looks at the window of a Rekor v2 log."),
        fault("timestamp authority retired before the timestamp", |recipe| {
            recipe.root = |root, _| window(root, "timestampAuthorities", None, BEFORE);
        }),
        fault("timestamp authority not in use yet", |recipe| {
            recipe.root = |root, _| window(root, "timestampAuthorities", AFTER, None);
        }),
        fault("chain of the certificate authority in wrong order", |recipe| {
            recipe.root = |root, _| certificates(root, "certificateAuthorities").reverse();
        })
        .but("all three take the chain as a bag of certificates."),
        fault("chain of the certificate authority without its root", |recipe| {
            recipe.root = |root, _| certificates(root, "certificateAuthorities").truncate(1);
        })
        .but("python and Rust trust whatever stands in the trusted root, root or not; js wants the path to end in itself."),
        fault("chain of the timestamp authority in wrong order", |recipe| {
            recipe.root = |root, _| certificates(root, "timestampAuthorities").reverse();
        }),
        fault("log id of an Ed25519 Rekor log by the hash of its key", |recipe| {
            recipe.root = |root, _| {
                let key = root["tlogs"][0]["publicKey"]["rawBytes"].as_str().unwrap();
                let key = data_encoding::BASE64.decode(key.as_bytes()).unwrap();
                let id = <sha2::Sha256 as sha2::Digest>::digest(key);
                root["tlogs"][0]["logId"]["keyId"] = json!(data_encoding::BASE64.encode(&id));
            }
        })
        .but("for python the id is a hint: where no key has it, every key is tried. The staging log of June 2025 had this fault."),
        // somebody else, something else
        fault("wrong identity", |recipe| recipe.identity = ("somebody@example.org", ISSUER)),
        fault("wrong issuer", |recipe| recipe.identity = (IDENTITY, "https://elsewhere.example.org")),
        fault("changed artifact", |recipe| recipe.artifact = b"another artifact\n"),
        fault("signature over another artifact", |recipe| recipe.signed = Some(b"another artifact\n")),
        // the certificate
        fault("certificate without a promise of the CT log", |recipe| recipe.no_sct = true),
        fault("promise signed by another key", |recipe| recipe.foreign = &["ctlog-2026"]),
        fault("promise for another certificate", |recipe| {
            recipe.promised = |bytes| without(&bytes, ID_CE_SUBJECT_ALT_NAME);
        }),
        fault("certificate signed by another key", |recipe| recipe.foreign = &["fulcio-2026"]),
        fault("certificate issued by the timestamp intermediate", |recipe| {
            recipe.issuer = "tsa-2026";
            recipe.root = |root, _| {
                let above = root["timestampAuthorities"][0]["certChain"]["certificates"].clone();
                let above = above.as_array().unwrap()[1..].to_vec();
                root["certificateAuthorities"][0]["certChain"]["certificates"] = json!(above);
            }
        })
        .but("no client here looks at the extended key usage of an intermediate: only whoever makes the chain can hold the purposes apart."),
        fault("certificate for mail instead of code signing", |recipe| {
            recipe.leaf = |bytes| {
                rebuild(&bytes, |extensions| {
                    let mail = ExtendedKeyUsage(vec![ID_KP_EMAIL_PROTECTION]).to_der().unwrap();
                    for one in extensions.iter_mut().filter(|one| one.extn_id == ID_CE_EXT_KEY_USAGE) {
                        one.extn_value = OctetString::new(mail.clone()).unwrap();
                    }
                })
            }
        })
        .but("js looks at no extended key usage of the certificate."),
        fault("signed after the certificate's ten minutes", |recipe| {
            recipe.signed_at = at("2026-03-01T12:11:00Z");
        }),
        fault("signed before the certificate's ten minutes", |recipe| {
            recipe.signed_at = at("2026-03-01T11:59:00Z");
        }),
        fault("intermediate expired before the signature", |recipe| {
            recipe.at = at("2029-03-01T12:00:00Z");
            recipe.signed_at = recipe.at;
        })
        .but("Rust takes each certificate of the trusted root as an anchor, and an anchor has no dates: the window of the trusted root is what ends it."),
        // the timestamp
        fault("missing timestamp", |recipe| recipe.timestamp = false),
        fault("timestamp of another signature", |recipe| recipe.stamped = Some(b"another signature")),
        fault("timestamp signed by another key", |recipe| recipe.foreign = &["tsa-signer-2026"]),
        // the log entry
        fault("no log entry", |recipe| {
            recipe.bundle = |bundle| drop(material(bundle).insert("tlogEntries".into(), json!([])));
        }),
        fault("no inclusion proof", |recipe| {
            recipe.bundle = |bundle| drop(entry(bundle).as_object_mut().unwrap().remove("inclusionProof"));
        }),
        fault("inclusion proof of another entry", |recipe| {
            recipe.bundle = |bundle| {
                entry(bundle)["inclusionProof"]["logIndex"] = json!("2");
                entry(bundle)["logIndex"] = json!("2");
            }
        }),
        fault("changed hash in the inclusion proof", |recipe| {
            recipe.bundle = |bundle| flip(&mut entry(bundle)["inclusionProof"]["hashes"][0]);
        }),
        fault("index of the entry is not that of its proof", |recipe| {
            recipe.bundle = |bundle| entry(bundle)["logIndex"] = json!("2");
        })
        .but("python and js take the proof's own index, and the entry's for a label."),
        fault("checkpoint of another origin", |recipe| recipe.origin = Some("rekor.elsewhere.example.org"))
        .but("python and Rust know the log by its key alone. The name binds a checkpoint to a log only for js, which wants it in the log's address, and for go, which takes the address's host for it."),
        fault("checkpoint signed by another key", |recipe| recipe.foreign = &["rekor-2026"]),
        fault("entry of another artifact", |recipe| recipe.logged = Some(b"another artifact\n")),
        fault("root of the proof is not the checkpoint's", |recipe| {
            recipe.bundle = |bundle| flip(&mut entry(bundle)["inclusionProof"]["rootHash"]);
        })
        .but("js and Rust work the root out and hold it against the signed checkpoint; the copy in the proof is not read."),
        // Rekor v1
        fault("Rekor v1: promise signed by another key", |recipe| {
            (recipe.api, recipe.timestamp, recipe.foreign) = (Api::V1, false, &["promise"]);
        }),
        fault("Rekor v1: other integrated time than promised", |recipe| {
            (recipe.api, recipe.timestamp) = (Api::V1, false);
            recipe.bundle = |bundle| {
                entry(bundle)["integratedTime"] = json!((noon().unix() + 1).to_string());
            }
        }),
        fault("Rekor v1: no promise, and no timestamp", |recipe| {
            (recipe.api, recipe.timestamp) = (Api::V1, false);
            recipe.bundle = |bundle| drop(entry(bundle).as_object_mut().unwrap().remove("inclusionPromise"));
        }),
        fault("Rekor v1: checkpoint signed by another key", |recipe| {
            (recipe.api, recipe.timestamp, recipe.foreign) = (Api::V1, false, &["rekor-v1"]);
        }),
        fault("Rekor v1: log retired before the entry", |recipe| {
            (recipe.api, recipe.timestamp) = (Api::V1, false);
            recipe.root = |root, _| root["tlogs"][1]["publicKey"]["validFor"]["end"] = json!(BEFORE);
        })
        .but("python looks at no window of a log key, of either generation."),
        fault("Rekor v1: checkpoint of another origin", |recipe| {
            (recipe.api, recipe.timestamp) = (Api::V1, false);
            recipe.origin = Some("rekor.elsewhere.example.org");
        })
        .but("as with Rekor v2: python and Rust know the log by its key alone."),
        fault("Rekor v1: signed after the certificate's ten minutes", |recipe| {
            (recipe.api, recipe.timestamp) = (Api::V1, false);
            recipe.signed_at = at("2026-03-01T12:11:00Z");
        }),
    ]
}

/// Faults of the trust root's own certificates: a world of its own each.
fn worlds() -> Vec<(Fault, World)> {
    let not_critical = World::edited(|name, bytes| match name {
        "tsa-signer-2026" => rebuild(&bytes, |extensions| {
            for one in extensions.iter_mut().filter(|one| one.extn_id == ID_CE_EXT_KEY_USAGE) {
                one.critical = false;
            }
        }),
        _ => bytes,
    });
    let no_purpose = World::edited(|name, bytes| match name {
        "tsa-signer-2026" => without(&bytes, ID_CE_EXT_KEY_USAGE),
        _ => bytes,
    });
    let mail = World::edited(|name, bytes| match name {
        "fulcio-2026" => rebuild(&bytes, |extensions| {
            let mail = ExtendedKeyUsage(vec![ID_KP_EMAIL_PROTECTION]).to_der().unwrap();
            for one in extensions.iter_mut().filter(|one| one.extn_id == ID_CE_EXT_KEY_USAGE) {
                one.extn_value = OctetString::new(mail.clone()).unwrap();
            }
        }),
        _ => bytes,
    });
    vec![
        (
            fault("timestamp certificate whose extended key usage is not critical", |_| {})
                .but("RFC 3161 demands it, and of these only python looks."),
            not_critical,
        ),
        (
            fault("timestamp certificate without extended key usage", |_| {})
                .but("js looks at no extended key usage of a timestamp certificate either."),
            no_purpose,
        ),
        (
            fault("intermediate for mail instead of code signing", |_| {})
                .but("as with the timestamp intermediate; Fulcio and sigstore-go are said to look."),
            mail,
        ),
    ]
}

/// rootwright's own judgement, by the code that `prove` uses before it keeps a canary.
fn own(bundle: &Path) -> Verdict {
    let beside = |name: &str| fs::read(bundle.with_file_name(name)).unwrap();
    let identity: Value = serde_json::from_slice(&beside("identity.json")).unwrap();
    let expected = (identity["identity"].as_str().unwrap(), identity["issuer"].as_str().unwrap());
    let bytes = fs::read(bundle).unwrap();
    match examine(&bytes, &beside("artifact"), &beside("trusted_root.json"), expected) {
        Ok(_) => Verdict::Accepted,
        Err(refusal) => Verdict::Refused(refusal.to_string()),
    }
}

/// rootwright's own judgement notices every change of a bundle, and survives it. Of a timestamp some bytes
/// are covered by no signature: the certificates that it brings along, and that it was granted.
#[test]
fn no_byte_of_a_bundle_can_change() {
    let (world, stranger) = (World::new(), World::new());
    let folder = support::folder();
    for (api, timestamp) in [(Api::V2, true), (Api::V1, false)] {
        Recipe { api, timestamp, ..Recipe::new(&world, &stranger) }.write(folder.path());
        let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
        let (bundle, artifact, root) =
            (read("bundle.sigstore.json"), read("artifact"), read("trusted_root.json"));
        let judge = |bundle: &[u8]| examine(bundle, &artifact, &root, (IDENTITY, ISSUER));
        assert!(judge(&bundle).is_ok());
        let text = String::from_utf8(bundle.clone()).unwrap();
        let stamp = text.find("signedTimestamp\":\"").unwrap_or(text.len());
        let end = text[stamp..].find("\"}").map_or(stamp, |length| stamp + length);
        let mut accepted = Vec::new();
        for at in 0..bundle.len() {
            let mut changed = bundle.clone();
            // Another character of base64, or of a name.
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            if judge(&changed).is_ok() && !(stamp..end).contains(&at) {
                accepted.push(format!("{at}: {}", &text[at.saturating_sub(30)..=at]));
            }
            if at % 64 == 0 {
                assert!(judge(&bundle[..at]).is_err(), "cut off after {at} bytes");
            }
        }
        assert!(accepted.is_empty(), "{accepted:#?}");
    }
}

struct Row {
    fault: Fault,
    verdicts: Vec<Verdict>,
}

/// Puts every bundle before every client.
fn judge(faults: Vec<(Fault, PathBuf)>) -> Vec<Row> {
    let bundles: Vec<PathBuf> = faults.iter().map(|(_, bundle)| bundle.clone()).collect();
    let mut columns: Vec<Vec<Verdict>> = Judge::ALL.iter().map(|judge| judge.judge(&bundles)).collect();
    columns.push(bundles.iter().map(|bundle| own(bundle)).collect());
    let mut columns: Vec<_> = columns.into_iter().map(Vec::into_iter).collect();
    faults
        .into_iter()
        .map(|(fault, _)| Row {
            fault,
            verdicts: columns.iter_mut().map(|column| column.next().expect("a verdict each")).collect(),
        })
        .collect()
}

#[test]
fn whole_worlds_are_accepted() {
    let (world, stranger) = (World::new(), World::new());
    let folder = support::folder();
    let mut bundles = Vec::new();
    for (name, api, timestamp) in
        [("v2", Api::V2, true), ("v1", Api::V1, false), ("v1-and-timestamp", Api::V1, true)]
    {
        let place = folder.path().join(name);
        let recipe = Recipe { api, timestamp, ..Recipe::new(&world, &stranger) };
        recipe.write(&place);
        bundles.push(place.join("bundle.sigstore.json"));
    }
    for judge in Judge::ALL {
        for (verdict, bundle) in judge.judge(&bundles).iter().zip(&bundles) {
            verdict.accepted(&(judge, bundle));
        }
    }
    for bundle in &bundles {
        own(bundle).accepted(bundle);
    }
    assert_eq!(fs::read(folder.path().join("v2/artifact")).unwrap(), ARTIFACT);
}

/// Algorithms beside those of the example that every client takes.
#[test]
fn other_algorithms_are_accepted_too() {
    let change = |text: String| {
        let text = text.replace(
            "tsa-signer-2026 = { device = \"issuing-hsm\", algorithm = \"ecdsa-p256\" }",
            "tsa-signer-2026 = { device = \"issuing-hsm\", algorithm = \"ecdsa-p384\" }",
        );
        let text = text.replace("\"ed25519\"", "\"ecdsa-p256\"");
        let fulcio = "fulcio-2026     = { device = \"issuing-hsm\", algorithm = \"ecdsa-p384\" }";
        assert!(text.contains(fulcio));
        text.replace(fulcio, &fulcio.replace("p384", "p256"))
    };
    let (world, stranger) = (World::planned(change, |_, bytes| bytes), World::new());
    let folder = support::folder();
    Recipe::new(&world, &stranger).write(folder.path());
    let bundle = folder.path().join("bundle.sigstore.json");
    for judge in Judge::ALL {
        judge.judge(std::slice::from_ref(&bundle))[0].accepted(&judge);
    }
    own(&bundle).accepted(&"rootwright");
}

#[test]
fn every_fault_is_refused_or_explained() {
    let stranger = World::new();
    let folder = support::folder();
    let mut made = Vec::new();
    let mut write = |fault: Fault, world: &World| {
        let place = folder.path().join(made.len().to_string());
        let mut recipe = Recipe::new(world, &stranger);
        (fault.recipe)(&mut recipe);
        recipe.write(&place);
        made.push((fault, place.join("bundle.sigstore.json")));
    };
    let world = World::new();
    faults().into_iter().for_each(|fault| write(fault, &world));
    worlds().into_iter().for_each(|(fault, world)| write(fault, &world));
    let rows = judge(made);
    assert!(rows.len() >= 20);
    let found = document(&rows);
    print!("{found}");
    for Row { fault, verdicts } in &rows {
        let [clients @ .., own] = verdicts.as_slice() else { panic!("no verdict") };
        assert!(matches!(own, Verdict::Refused(_)), "rootwright accepts: {}", fault.says);
        let accepted = clients.iter().any(|verdict| matches!(verdict, Verdict::Accepted));
        assert_eq!(
            accepted,
            fault.surprise.is_some(),
            "explained without need, or not explained: {}",
            fault.says
        );
    }
    let file = support::repository().join("docs/clients.md");
    let text = fs::read_to_string(&file).unwrap_or_default();
    let (head, rest) = text.split_once(BEGIN).expect("docs/clients.md has the table's beginning");
    let (kept, foot) = rest.split_once(END).expect("docs/clients.md has the table's end");
    if std::env::var_os("ROOTWRIGHT_UPDATE_DOCS").is_some() {
        fs::write(&file, format!("{head}{BEGIN}\n{found}{END}{foot}")).unwrap();
    } else {
        let lines = |text: &str| text.trim().lines().map(str::to_string).collect::<Vec<_>>();
        let (kept, found) = (lines(kept), lines(&found));
        let other: Vec<_> = found.iter().filter(|line| !kept.contains(line)).collect();
        assert!(
            kept == found,
            "docs/clients.md is stale: run this test with ROOTWRIGHT_UPDATE_DOCS=1, and look at the difference; \
             new here: {other:#?}"
        );
    }
}

/// The page names the versions that are installed.
#[test]
fn the_versions_on_the_page_are_the_pinned_ones() {
    let read = |file: &str| fs::read_to_string(support::repository().join(file)).unwrap();
    let page = read("docs/clients.md");
    let python = read("tests/clients/requirements.txt");
    let python = python.lines().find_map(|line| line.strip_prefix("sigstore==")).unwrap();
    let js: Value = serde_json::from_str(&read("tests/clients/package.json")).unwrap();
    let js = js["dependencies"]["@sigstore/verify"].as_str().unwrap();
    let rust = read("tests/clients/sigstore_verify/Cargo.toml");
    let (_, rust) = rust.split_once("version = \"=").unwrap();
    let rust = rust.split('"').next().unwrap();
    for row in [
        format!("| sigstore-python | {python} |"),
        format!("| sigstore-js | `@sigstore/verify` {js}, "),
        format!("| Rust | `sigstore-verify` {rust} |"),
    ] {
        assert!(page.contains(&row), "docs/clients.md does not say: {row}");
    }
}

const BEGIN: &str = "<!-- what the clients said: begin -->";
const END: &str = "<!-- what the clients said: end -->";

/// The table and, below it, every client's words.
fn document(rows: &[Row]) -> String {
    let mut text = String::from(
        "| # | fault | python | js | Rust | rootwright | cosign | go |\n|---|---|---|---|---|---|---|---|\n",
    );
    let mut notes = String::new();
    let mut words = String::new();
    for (number, Row { fault, verdicts }) in (1..).zip(rows) {
        let cells: Vec<&str> = verdicts
            .iter()
            .map(|verdict| match verdict {
                Verdict::Accepted => "**accepts**",
                Verdict::Refused(_) => "refuses",
            })
            .collect();
        text.push_str(&format!(
            "| {number} | {} | {} | not run | not run |\n",
            fault.says,
            cells.join(" | ")
        ));
        if let Some(surprise) = fault.surprise {
            notes.push_str(&format!("- **{number}, {}**: {surprise}\n", fault.says));
        }
        words.push_str(&format!("\n{number}. {}\n", fault.says));
        for (name, verdict) in ["python", "js", "Rust", "rootwright"].into_iter().zip(verdicts) {
            if let Verdict::Refused(why) = verdict {
                words.push_str(&format!("   - {name}: `{}`\n", steady(why)));
            }
        }
    }
    format!("{text}\n### Surprises\n\n{notes}\n### In their words\n{words}")
}

/// Words without what is new in each run: keys, hashes, signatures, and places in a file of other length.
fn steady(words: &str) -> String {
    let end = ["root_hash=", " [type=", " at line "].iter().filter_map(|mark| words.find(mark)).min();
    let words = end.map_or_else(|| words.to_string(), |end| format!("{}…", &words[..end]));
    let random = |word: &str| {
        let inner = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        let digits = inner.chars().filter(char::is_ascii_digit).count();
        // The number of a Rekor v1 tree, a long base64 word (which may have no digit), or a shorter one.
        (inner.len() >= 8 && digits == inner.len())
            || inner.len() >= (if digits > 0 { 16 } else { 40 })
                && inner.chars().all(|c| c.is_ascii_alphanumeric() || "+/=_-".contains(c))
    };
    let steady: Vec<&str> = words.split(' ').map(|word| if random(word) { "…" } else { word }).collect();
    steady.join(" ").replace('`', "'")
}
