//! Journals whose hashes hold, and whose events do not.

use std::fs;

use rootwright::archive::{Event, FileRecord, Record, ToBeSigned};
use rootwright::verify::Area;
use serde_json::Value;

use crate::spoilt::{JOURNAL, Spoilt, event, time};

#[test]
fn the_journals_order_is_checked_when_its_hashes_hold() {
    let spoilt = Spoilt::new();
    let good = spoilt.read(JOURNAL);
    let check = |change: &dyn Fn(&mut Vec<Record>), words: &str| {
        spoilt.forge(change);
        spoilt.refused(Area::Journal, JOURNAL, words);
        spoilt.write(JOURNAL, &good);
    };
    check(&|records| records[9].time = time("2020-01-01T00:00:00Z"), "time goes back");
    check(&|records| drop(records.remove(0)), "it begins with ");
    check(&|records| records.retain(|found| found.event.name() != "key-intended"), "without such an intent");
    check(
        &|records| records.retain(|found| found.event.name() != "device-opened"),
        "another device than the one",
    );
    check(
        &|records| records.retain(|found| found.event.name() != "signature-intended"),
        "issue/root was signed without an intent before it",
    );
    check(
        &|records| {
            let Event::SignatureIntended { to_be_signed, .. } =
                event(records, "signature-intended", "issue/root")
            else {
                unreachable!()
            };
            *to_be_signed = ToBeSigned::bytes(b"other");
        },
        "issue/root is over other bytes than line",
    );
    check(
        &|records| {
            let Event::SignatureIntended { key, .. } =
                event(records, "signature-intended", "sign/tuf-root/keyholder-1")
            else {
                unreachable!()
            };
            *key = "root".parse().unwrap();
            let Event::MetadataSigned { key, .. } =
                event(records, "metadata-signed", "sign/tuf-root/keyholder-1")
            else {
                unreachable!()
            };
            *key = "root".parse().unwrap();
        },
        "root, whose key signs certificates and CRLs and nothing else, signed sign/tuf-root/keyholder-1",
    );
    check(
        &|records| {
            let intent = |found: &rootwright::archive::Record| {
                found.event.name() == "signature-intended"
                    && found.event.step() == Some("sign/tuf-root/keyholder-1")
            };
            let at = records.iter().position(intent).unwrap();
            records.remove(at);
        },
        "sign/tuf-root/keyholder-1 was signed without an intent before it, and no answer from elsewhere brought it",
    );
    check(
        &|records| {
            let again =
                records.iter().find(|found| found.event.name() == "certificate-signed").unwrap().clone();
            records.push(again);
        },
        "`root` was made before",
    );
    check(
        &|records| {
            let mut again = records[0].clone();
            let Event::CeremonyStarted { date_shift, .. } = &mut again.event else { unreachable!() };
            *date_shift += 1;
            again.time = records.last().unwrap().time;
            records.push(again);
        },
        "another purpose or date shift than before",
    );
    check(
        &|records| {
            let Event::CeremonyStarted { text, .. } = &mut records[0].event else { unreachable!() };
            text.push(' ');
        },
        "the plan has SHA-256",
    );
}

#[test]
fn what_no_event_makes_is_found_even_where_the_journal_records_it() {
    let spoilt = Spoilt::new();
    spoilt.forge(|records| {
        spoilt.write("tuf/2.root.json", b"{}");
        records.last_mut().unwrap().files.push(FileRecord::of("tuf/2.root.json", b"{}"));
    });
    spoilt.refused(Area::Files, "tuf/2.root.json", "no event makes it");
    spoilt.refused(Area::Tuf, "tuf/2.root.json", "");
    let spoilt = Spoilt::new();
    spoilt.forge(|records| {
        records.iter_mut().for_each(|record| record.files.retain(|file| file.path != "keys/root.pem"));
        fs::remove_file(spoilt.path().join("keys/root.pem")).unwrap();
    });
    spoilt.refused(Area::Files, "keys/root.pem", "no line records its hash");
    let spoilt = Spoilt::new();
    spoilt.forge(|records| {
        let chain = spoilt.read("certificates/root.pem");
        spoilt.put(records, "certificates/fulcio-2026.chain.pem", &chain);
    });
    spoilt.refused(Area::Files, "certificates/fulcio-2026.chain.pem", "is not what the event");
    let spoilt = Spoilt::new();
    spoilt.forge(|records| {
        let mut record: Value = serde_json::from_slice(&spoilt.read("keys/root.json")).unwrap();
        record["mechanism"] = "another".into();
        spoilt.put(records, "keys/root.json", record.to_string().as_bytes());
    });
    spoilt.refused(Area::Files, "keys/root.json", "is not what the event");
}

#[test]
fn what_the_plan_is_said_to_have_said_is_held_against_the_plan() {
    let spoilt = Spoilt::new();
    spoilt.forge(|records| {
        let Event::CertificateSigned { spec, .. } = event(records, "certificate-signed", "issue/tsa-2026")
        else {
            unreachable!()
        };
        spec["subject"]["common-name"] = "Another".into();
    });
    let file = "certificates/tsa-2026.pem";
    spoilt.refused(Area::Certificates, file, "the subject is Example Project, REHEARSAL");
    spoilt.refused(Area::Rules, file, "CERT-SUBJECT-PLANNED");
    spoilt.refused(Area::Plan, "certificates.tsa-2026", "this was made with another subject");
    // The mark of a rehearsal is on every name, and on none in production.
    let spoilt = Spoilt::new();
    spoilt.forge(|records| {
        for record in records {
            if let Event::CeremonyStarted { purpose, date_shift, .. } = &mut record.event {
                (*purpose, *date_shift) = (rootwright::site::Purpose::Production, 0);
            }
        }
    });
    spoilt.refused(Area::Certificates, "certificates/root.pem", "REHEARSAL");
    spoilt.refused(Area::Tuf, "tuf/1.root.json", "marked as a rehearsal's, in production");
}
