//! Canaries that are not what they were, and keys that signed for one what they may not.

use rootwright::archive::{CanaryPart, Event, Record};
use rootwright::verify::Area;

use crate::spoilt::{JOURNAL, Spoilt, event};

const BUNDLE: &str = "canaries/canary-1/bundle.sigstore.json";

fn finished(records: &mut [Record]) -> &mut Event {
    records
        .iter_mut()
        .map(|record| &mut record.event)
        .find(|event| event.name() == "canary-finished")
        .unwrap()
}

#[test]
fn a_canary_that_does_not_verify_is_found() {
    let spoilt = Spoilt::new();
    let good = (spoilt.read(JOURNAL), spoilt.read(BUNDLE));
    let text = String::from_utf8(good.1.clone()).unwrap();
    // Another bundle on the disk than in the journal.
    spoilt.write(BUNDLE, text.replace("hashedrekord", "hashedrekorb").as_bytes());
    spoilt.refused(Area::Files, BUNDLE, "found ");
    // In both, and recorded so: it does not verify.
    for (old, new, words) in [
        ("\"treeSize\": \"3\"", "\"treeSize\": \"4\"", "another size or root"),
        ("bundle.v0.3+json", "bundle.v0.2+json", "its media type is"),
        ("\"logIndex\": \"1\"", "\"logIndex\": \"2\"", "the proof does not lead to the tree's root"),
    ] {
        let other = text.replace(old, new);
        assert_ne!(other, text, "{old}");
        spoilt.forge(|records| {
            let Event::CanaryFinished { bundle, .. } = finished(records) else { unreachable!() };
            bundle.clone_from(&other);
            spoilt.put(records, BUNDLE, other.as_bytes());
        });
        spoilt.refused(Area::TrustRoot, BUNDLE, words);
        spoilt.write(JOURNAL, &good.0);
        spoilt.write(BUNDLE, &good.1);
    }
    // For somebody else than the certificate says.
    spoilt.forge(|records| {
        let Event::CanaryFinished { identity, .. } = finished(records) else { unreachable!() };
        *identity = "somebody@example.org".into();
    });
    spoilt.refused(Area::TrustRoot, BUNDLE, "the certificate is for canary@example.org");
    spoilt.refused(Area::Files, "canaries/canary-1/identity.json", "not what the event");
}

#[test]
fn what_keys_sign_for_a_canary_is_held_to_what_keys_may_sign() {
    let spoilt = Spoilt::new();
    let good = spoilt.read(JOURNAL);
    let check = |change: &dyn Fn(&mut Vec<Record>), words: &str| {
        spoilt.forge(change);
        spoilt.refused(Area::Journal, JOURNAL, words);
        spoilt.write(JOURNAL, &good);
    };
    let step = "prove/canary-1/timestamp";
    check(
        &|records| {
            records.retain(|record| {
                !(record.event.name() == "signature-intended" && record.event.step() == Some(step))
            });
        },
        "prove/canary-1/timestamp was signed without an intent before it",
    );
    check(
        &|records| {
            let Event::CanarySigned { signed, .. } = event(records, "canary-signed", step) else {
                unreachable!()
            };
            *signed = "0".repeat(64);
        },
        "prove/canary-1/timestamp is over other bytes than line",
    );
    // A CA's key signs certificates, of a canary too, and no timestamp.
    check(
        &|records| {
            for kind in ["signature-intended", "canary-signed"] {
                match event(records, kind, step) {
                    Event::SignatureIntended { key, .. } | Event::CanarySigned { key, .. } => {
                        *key = "fulcio-2026".parse().unwrap();
                    }
                    _ => unreachable!(),
                }
            }
        },
        "fulcio-2026, whose key signs certificates and CRLs and nothing else, signed prove/canary-1/timestamp",
    );
    check(
        &|records| {
            let Event::CanarySigned { part, .. } =
                event(records, "canary-signed", "prove/canary-1/precertificate")
            else {
                unreachable!()
            };
            *part = CanaryPart::Checkpoint;
        },
        "fulcio-2026, whose key signs certificates and CRLs and nothing else",
    );
}
