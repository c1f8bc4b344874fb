//! What people approved, read back and objected to.

use rootwright::archive::event::Confirmation;
use rootwright::archive::{Event, FileRecord};
use rootwright::verify::{Area, Verdict};

use crate::spoilt::{JOURNAL, Spoilt};

/// Puts an event before the signature of the root's certificate, which it is shown.
fn before_the_root(event: impl Fn(&str, &str) -> Event) -> Spoilt {
    let spoilt = Spoilt::new();
    spoilt.forge(|records| {
        let signed =
            |event: &Event| matches!(event, Event::CertificateSigned { step, .. } if step == "issue/root");
        let at = records.iter().position(|record| signed(&record.event)).unwrap();
        let to_be_signed = records.iter().find_map(|record| match &record.event {
            Event::SignatureIntended { step, to_be_signed, .. } if step == "issue/root" => Some(to_be_signed),
            _ => None,
        });
        let hash = to_be_signed.unwrap().sha256().unwrap();
        let key = records.iter().find_map(|record| match &record.event {
            Event::KeyMade { key, .. } if key.name.as_str() == "root" => Some(key.fingerprint.clone()),
            _ => None,
        });
        let mut record = records[at].clone();
        (record.event, record.files) = (event(&hash, &key.unwrap()), Vec::<FileRecord>::new());
        records.insert(at, record);
    });
    spoilt
}

fn confirmed(step: &str, what: Confirmation, of: &str) -> Event {
    Event::Confirmed { step: Some(step.into()), what, of: of.into(), by: None }
}

#[test]
fn what_was_approved_is_what_was_signed() {
    let spoilt = before_the_root(|bytes, _| confirmed("issue/root", Confirmation::Sign, bytes));
    let report = spoilt.verify();
    assert!(report.ok, "{}", report.text(false));
    assert!(report.text(true).contains("1 signatures were approved by a person"), "{}", report.text(true));
    let other = "5".repeat(64);
    let spoilt = before_the_root(|_, _| confirmed("issue/root", Confirmation::Sign, &other));
    spoilt.refused(Area::Journal, JOURNAL, "and what was approved has 5555");
}

#[test]
fn what_was_read_back_is_what_was_made() {
    let step = "generate-key/root";
    let spoilt = before_the_root(|_, key| confirmed(step, Confirmation::ReadBack, key));
    let report = spoilt.verify();
    assert!(report.ok, "{}", report.text(false));
    assert!(report.text(true).contains("the fingerprint of generate-key/root was read back"));
    let spoilt = before_the_root(|bytes, _| confirmed(step, Confirmation::ReadBack, bytes));
    spoilt.refused(Area::Journal, JOURNAL, "is the fingerprint of nothing that was made");
}

#[test]
fn refusals_and_deviations_are_shown() {
    let refusal = Event::RefusalRecorded {
        person: "Witness".into(),
        of: "the ceremony".into(),
        reason: "the door was open".into(),
    };
    let deviation = Event::DeviationRecorded {
        expected: "two witnesses".into(),
        happened: "one came".into(),
        decided: "go on".into(),
        by: "Administrator".into(),
    };
    for (event, words) in [
        (refusal, "Witness does not sign off the ceremony: the door was open"),
        (deviation, "happened: one came"),
    ] {
        let report = before_the_root(|_, _| event.clone()).verify();
        let shown = |check: &&rootwright::verify::Check| check.detail.contains(words);
        let check = report.checks.iter().find(shown).unwrap_or_else(|| panic!("{}", report.text(true)));
        assert!(report.ok && check.verdict == Verdict::Warning);
        assert!(report.text(false).contains(words), "a warning is shown without --details");
    }
}
