//! Faults of a bundle or of the trust root under it, one at a time.

use der::oid::db::rfc5280::ID_KP_EMAIL_PROTECTION;
use der::oid::db::rfc5912::{ID_CE_EXT_KEY_USAGE, ID_CE_SUBJECT_ALT_NAME};
use der::{Encode, asn1::OctetString};
use rootwright::plan::trust_root::Api;
use serde_json::{Value, json};
use x509_cert::ext::pkix::ExtendedKeyUsage;

use super::support::world::{IDENTITY, ISSUER, Recipe, World, noon, rebuild};

/// One thing that is wrong, and what to say where a client does not mind.
pub struct Fault {
    pub says: &'static str,
    pub surprise: Option<&'static str>,
    pub recipe: fn(&mut Recipe<'_>),
}

pub fn at(time: &str) -> rootwright::plan::Time {
    time.parse().unwrap()
}

pub fn fault(says: &'static str, recipe: fn(&mut Recipe<'_>)) -> Fault {
    Fault { says, surprise: None, recipe }
}

impl Fault {
    fn but(mut self, surprise: &'static str) -> Self {
        self.surprise = Some(surprise);
        self
    }
}

/// The window of the first entry of a list of the trusted root.
pub fn window(root: &mut Value, list: &str, from: Option<&str>, to: Option<&str>) {
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

pub const BEFORE: Option<&str> = Some("2026-02-01T00:00:00Z");
pub const AFTER: Option<&str> = Some("2026-04-01T00:00:00Z");

pub fn certificates<'a>(root: &'a mut Value, list: &str) -> &'a mut Vec<Value> {
    root[list][0]["certChain"]["certificates"].as_array_mut().unwrap()
}

pub fn entry(bundle: &mut Value) -> &mut Value {
    &mut bundle["verificationMaterial"]["tlogEntries"][0]
}

pub fn material(bundle: &mut Value) -> &mut serde_json::Map<String, Value> {
    bundle["verificationMaterial"].as_object_mut().unwrap()
}

/// One bit of a signature or hash, in its base64.
pub fn flip(value: &mut Value) {
    let text = value.as_str().unwrap();
    let mut bytes = data_encoding::BASE64.decode(text.as_bytes()).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    *value = json!(data_encoding::BASE64.encode(&bytes));
}

pub fn without(bytes: &[u8], oid: der::oid::ObjectIdentifier) -> Vec<u8> {
    rebuild(bytes, |extensions| extensions.retain(|extension| extension.extn_id != oid))
}

pub fn faults() -> Vec<Fault> {
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
pub fn worlds() -> Vec<(Fault, World)> {
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
