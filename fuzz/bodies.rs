//! What each fuzz target does with its bytes. The targets beside this file call it, and so does
//! tests/never_panics.rs, so that it can't rot: nothing that reads what others wrote may panic, loop or
//! take memory without end.
#![allow(dead_code)]

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use rootwright::archive::{Event, FileRecord, Journal, State};
use rootwright::ceremony::elsewhere::judge;
use rootwright::difference;
use rootwright::evidence::show::show as shown;
use rootwright::lint::trust_root::{Files, lint};
use rootwright::lint::{Lintable, Rules, key};
use rootwright::pki::certificate::Context;
use rootwright::pki::{Certificate, Crl, Draft, PublicKey, csr as requests};
use rootwright::plan::{Plan, Profile, Source, Validity};
use rootwright::prove::examine::sigsum::{Proof, policy::Policy};
use rootwright::site::Site;
use rootwright::tuf::request::{self, Answer, Request};
use rootwright::tuf::{Envelope, Metadata, Role};
use rootwright::verify::parsed::Parsed;
use rootwright::verify::path::{Question, build};
use rootwright::verify::tuf::document::Document;
use rootwright::verify::tuf::root::Root;
use rootwright::verify::{self, Options, crl as lists, lines::Lines};

/// A reader of bytes from anywhere.
pub type Body = fn(&[u8]);

/// Every body, by its target's name.
pub const ALL: [(&str, Body); 11] = [
    ("plan", plan),
    ("site", site),
    ("certificate", certificate),
    ("csr", csr),
    ("crl", crl),
    ("tuf", tuf),
    ("trusted_root", trusted_root),
    ("journal", journal),
    ("events", events),
    ("show", show),
    ("sigsum", sigsum),
];

/// A plan: read, compared with an empty archive, and written again.
pub fn plan(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Plan::parse(&Source::new("plan.toml", text)) {
        Ok(plan) => {
            let _ = plan.clone().shifted(10_000);
            let _ = difference::between(&plan, &State::default());
            serde_json::to_string(&plan).expect("a plan can be written as JSON");
        }
        Err(faults) => drop(faults.to_string()),
    }
}

/// A log's proof, and the policy that it is judged by.
pub fn sigsum(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let policy = Policy::parse(text).unwrap_or_default();
    let _ = policy.is_reached(&[]);
    if let Ok(proof) = Proof::parse(text) {
        let _ = proof.verify(&[0; 32], &[0; 32], &policy);
    }
}

/// A site file.
pub fn site(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Err(faults) = Site::parse(&Source::new("site.toml", text), Path::new("/")) {
        drop(faults.to_string());
    }
}

/// A certificate, by both implementations; as its own issuer, too, and before every rule.
pub fn certificate(data: &[u8]) {
    if let Ok(certificate) = Certificate::from_der(data) {
        drop((certificate.pem(), certificate.subject_key_identifier()));
        rules(&certificate);
    }
    if let Ok(public) = PublicKey::from_spki(data) {
        let _ = key::lint(&"key".parse().expect("a name"), &public, &Rules::default());
    }
    let _ = verify::der::strict(data);
    if let Ok(parsed) = Parsed::read(data) {
        let question = Question { at: Some(0), purpose: Some("codeSigning"), ..Question::default() };
        let _ = build(&parsed, &[&parsed], &[&parsed], &question);
        let _ = build(&parsed, &[&parsed], &[], &Question::default());
    }
}

/// The rules for a root, over a certificate as if its own key were about to sign it.
fn rules(certificate: &Certificate) {
    let tbs = certificate.tbs();
    let Ok(parsed) = Parsed::read(certificate.der()) else { return };
    let Ok(public) = PublicKey::from_spki(parsed.x509.public_key().raw) else { return };
    let time = |text: &str| text.parse().expect("a moment");
    let context = Context {
        profile: Profile::Root,
        issuer: None,
        issuer_key: public.clone(),
        subject: tbs.subject().clone(),
        validity: Validity { from: time("2026-12-01T00:00:00Z"), to: time("2027-12-01T00:00:00Z") },
        policies: Vec::new(),
        crl_urls: Vec::new(),
        issuer_urls: Vec::new(),
        cross: Some(certificate.clone()),
        others: vec![certificate.clone()],
    };
    let bytes = parsed.x509.tbs_certificate.as_ref().to_vec();
    let key = "key".parse().expect("a name");
    let draft = Draft { object: "certificate".into(), bytes, key, public, context };
    drop(Certificate::lint(&draft, &Rules::default()).to_string());
}

/// A certificate signing request.
pub fn csr(data: &[u8]) {
    if let Err(error) = requests::read(data) {
        drop(error.to_string());
    }
}

/// A CRL. Its issuer stands before it, if the bytes begin with a certificate of usual length.
pub fn crl(data: &[u8]) {
    let _ = Crl::from_der(data);
    let [0x30, 0x82, high, low, ..] = data else { return };
    let length = usize::from(*high) * 256 + usize::from(*low) + 4;
    let Some((issuer, list)) = data.split_at_checked(length) else { return };
    let _ = Crl::from_der(list);
    if let Ok(issuer) = Parsed::read(issuer) {
        let _ = lists::revoked(list, &issuer, 1_800_000_000);
    }
}

/// TUF metadata, by both implementations; and requests and answers with it.
pub fn tuf(data: &[u8]) {
    let _ = Metadata::parse(data);
    let _ = Answer::parse(data).map(|answer| answer.signatures());
    if let Ok(request) = Request::parse(data) {
        let _ = judge::judge(&request, request.written, &Rules::default());
    }
    if let Ok(envelope) = Envelope::parse(data) {
        asked(&envelope, data);
    }
    if let Ok(envelope) = Envelope::parse(data)
        && let Metadata::Root(root) = &envelope.signed
    {
        let _ = rootwright::tuf::progress(&envelope.signed, &envelope.signatures, root);
    }
    for role in Role::ALL {
        let Ok(document) = Document::read(data, role) else { continue };
        if let Ok(root) = Root::read(&document, |_| None) {
            let _ = document.signers(&[&root]).map(|signers| signers.reach(&root, role));
        }
    }
}

/// The same metadata, as a request asks for it: what is published is itself.
fn asked(envelope: &Envelope, data: &[u8]) {
    let Ok(document) = request::Document::of(&envelope.signed, Default::default()) else { return };
    let written: rootwright::plan::Time = "2026-12-01T00:00:00Z".parse().expect("a time");
    let role = envelope.signed.role();
    let file = serde_json::from_slice(data).expect("it was read");
    let key = envelope.signatures.first().map(|made| made.keyid.clone()).unwrap_or_default();
    let request = Request {
        media_type: request::REQUEST.into(),
        ceremony: request::Ceremony { name: "fuzz".into(), date: written.day(), plan: key.clone() },
        rehearsal: envelope.signed.head().purpose.is_some(),
        written,
        expires: written.shifted(30).expect("a time"),
        signer: request::Signer {
            keyholder: None,
            key: "fuzz".parse().expect("a name"),
            fingerprint: key,
            device: None,
            serial: None,
        },
        published: request::Published { metadata: [(role, file)].into(), targets: Default::default() },
        documents: vec![document],
        changes: Vec::new(),
    };
    let _ = judge::judge(&request, written, &Rules::default());
}

/// A trusted root and a signing config: both made of the same bytes, or of two lines.
pub fn trusted_root(data: &[u8]) {
    let half = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (root, config) = data.split_at(half);
    let now = "2026-12-01T00:00:00Z".parse().expect("a moment");
    for (trusted_root, signing_config) in [(root, config), (data, data)] {
        let files = Files {
            trusted_root,
            signing_config,
            previous: Some(root),
            plan: None,
            material: None,
            reach: Some(now),
            now,
        };
        if let Err(findings) = lint(&files, &Rules::default()) {
            drop(findings.to_string());
        }
    }
}

/// A journal, by both implementations, which take and refuse the same ones.
pub fn journal(data: &[u8]) {
    let own = Journal::parse(data);
    let other = Lines::read(data);
    match (&own, &other) {
        (Ok(own), Ok(other)) => {
            assert_eq!((own.records.len(), &own.head), (other.records.len(), &other.head))
        }
        (Err(_), Err(_)) => {}
        _ => panic!("one reader of journals takes what the other refuses: {own:?}; {other:?}"),
    }
    if let Ok(journal) = own {
        let mut state = State::default();
        let _ = journal.records.iter().try_for_each(|record| state.apply(record));
    }
}

/// Events, one a line, chained into a journal whose hashes hold, in an archive that holds nothing else.
pub fn events(data: &[u8]) {
    let (mut journal, mut bytes) = (Journal::default(), Vec::new());
    for line in data.split(|byte| *byte == b'\n').take(64) {
        let Ok(event) = serde_json::from_slice::<Event>(line) else { continue };
        let time = "2026-12-01T00:00:00Z".parse().expect("a moment");
        let file = FileRecord::of("tuf/1.root.json", line);
        let Ok((line, record, hash)) = journal.line(time, event, vec![file]) else { continue };
        bytes.extend(line);
        journal.push(record, hash);
    }
    if bytes.is_empty() {
        return;
    }
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("rootwright-events-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for the archive");
    std::fs::write(folder.join("journal.jsonl"), bytes).expect("a journal");
    let now = "2026-12-01T00:00:00Z".parse().expect("a moment");
    let options = Options { at: None, now, plan: None };
    let report = verify::verify(&folder, &options).expect("a folder that can be read");
    drop(report.text_within(true, Some(80)));
    std::fs::remove_dir_all(folder).expect("the folder can be removed");
}

/// Any file, for `show`.
pub fn show(data: &[u8]) {
    match shown("file", data) {
        Ok(file) => drop((file.text(), file.document())),
        Err(error) => drop(error.to_string()),
    }
}
