//! Every rule accepts a canary, and rejects one thing that is wrong in it.

use std::collections::BTreeSet;

use der::asn1::OctetString;
use der::flagset::FlagSet;
use x509_cert::certificate::TbsCertificate;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage, KeyUsages};
use x509_cert::name::Name as X509Name;

use super::*;
use crate::lint::Severity;
use crate::pki::profile::extension;
use crate::pki::{Certificate, PublicKey, certificate};
use crate::plan::prove::Provider;
use crate::plan::tests::example;
use crate::plan::{Key, Name, Time, Validity};
use crate::prove::checkpoint::Origin;
use crate::prove::identity::{Identity, San};
use crate::prove::subscriber::Subscriber;
use crate::prove::{issuer, log_entry};
use crate::token::Token;
use crate::token::throwaway::Throwaway;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn noon() -> Time {
    "2026-12-01T12:00:00Z".parse().unwrap()
}

/// The example's certificates, by a throwaway device, and what a canary under them is made of.
struct World {
    token: Throwaway,
    chain: Vec<(Name, Certificate)>,
    identity: Identity,
    developer: Subscriber,
}

impl World {
    fn new() -> Self {
        let plan = example();
        let mut token = Throwaway::default();
        for (key, planned) in &plan.keys {
            let Key::Device { algorithm, .. } = planned else { panic!() };
            token.generate(key, **algorithm).unwrap();
        }
        let mut chain: Vec<(Name, Certificate)> = Vec::new();
        for (own, planned) in &plan.certificates {
            let find = |wanted: &Name| chain.iter().find(|(name, _)| name == wanted).map(|(_, found)| found);
            let signer =
                planned.issuer.as_ref().map_or(&planned.key, |above| &plan.certificates[&**above].key);
            let (public, above) = (public(&mut token, &planned.key), public(&mut token, signer));
            let draft = certificate::draft(&certificate::Request {
                name: own,
                planned,
                public: &public,
                issuer: planned.issuer.as_ref().and_then(|issuer| find(issuer)),
                cross: None,
                signer: (signer, &above),
                serial: certificate::serial(*b"twenty octets, mixed"),
                rehearsal: true,
            });
            let linted = draft.unwrap().lint(&Rules::default()).unwrap();
            let signature = token.sign(&linted).unwrap();
            chain.push((own.clone(), linted.attach(signature).unwrap().into_document()));
        }
        let claims =
            issuer::claims(Provider::Email, "canary@example.org", "https://i.example", noon()).unwrap();
        let identity = Identity::of(Provider::Email, &claims).unwrap();
        Self { token, chain, identity, developer: Subscriber::new().unwrap() }
    }

    fn public(&mut self, key: &str) -> PublicKey {
        public(&mut self.token, &name(key))
    }

    fn certificate(&self, wanted: &str) -> Certificate {
        self.chain.iter().find(|(name, _)| name.as_str() == wanted).unwrap().1.clone()
    }

    /// Precertificate, promise, certificate.
    fn leaves(
        &mut self,
        issuing: &str,
        identity: &Identity,
        rehearsal: bool,
    ) -> (Draft<Leaf>, Draft<Sct>, Draft<Leaf>) {
        let (issuer, key, ct) = (self.certificate(issuing), name(issuing), name("ctlog-2026"));
        let (signer, log) = (self.public(issuing), self.public("ctlog-2026"));
        let request = leaf::Request {
            canary: "canary-1",
            identity,
            public: &self.developer.public().clone(),
            issuer: &issuer,
            signer: (&key, &signer),
            serial: certificate::serial([9; 20]),
            from: noon(),
            rehearsal,
        };
        let covered = leaf::unpoisoned(&request).unwrap();
        let promise = sct::draft("canary-1", covered, &signer, (noon(), noon()), (&ct, &log)).unwrap();
        let linted = promise.clone().lint(&Rules::default()).unwrap_or_else(|findings| panic!("{findings}"));
        let signature = self.token.sign(&linted).unwrap();
        let sct = linted.attach(signature).unwrap().into_document();
        (leaf::precertificate(&request).unwrap(), promise, leaf::certificate(&request, &sct).unwrap())
    }

    fn checkpoint(&mut self, kind: Kind, key: &str) -> Draft<Checkpoint> {
        let public = self.public(key);
        let origin = Origin::new(kind, "rekor2026.example.org", &public);
        checkpoint::draft("canary-1", &origin, (1, 3), [5; 32], (&name(key), &public))
    }

    fn promise(&mut self) -> Draft<EntryTimestamp> {
        let public = self.public("rekor-2026");
        let context =
            log_entry::Context { body: b"{}".to_vec(), time: noon(), log_id: [3; 32], from: noon() };
        log_entry::promise("canary-1", context, (&name("rekor-2026"), &public)).unwrap()
    }

    fn timestamp(&mut self, signer: &str) -> Draft<Timestamp> {
        let public = self.public(signer);
        let chain = [self.certificate(signer), self.certificate("tsa-2026")];
        let request = timestamp::Request {
            canary: "canary-1",
            stamped: b"signature",
            time: noon(),
            serial: certificate::serial([8; 20]),
            chain: &chain,
            signer: (&name(signer), &public),
        };
        timestamp::draft(&request).unwrap()
    }
}

fn public(token: &mut Throwaway, key: &Name) -> PublicKey {
    token.find(key).unwrap().unwrap().public
}

/// What a certificate is made of, to be changed.
struct Parts {
    subject: X509Name,
    issuer: X509Name,
    public: PublicKey,
    validity: Validity,
    extensions: Vec<Extension>,
}

fn with(draft: &Draft<Leaf>, change: impl Fn(&mut Parts)) -> Draft<Leaf> {
    let tbs = TbsCertificate::from_der(&draft.bytes).unwrap();
    let mut parts = Parts {
        subject: tbs.subject().clone(),
        issuer: tbs.issuer().clone(),
        public: draft.context.public.clone(),
        validity: Validity { from: noon(), to: Time::from_unix(noon().unix() + LIFETIME).unwrap() },
        extensions: tbs.extensions().cloned().unwrap(),
    };
    change(&mut parts);
    let Parts { subject, issuer, public, validity, extensions } = parts;
    let serial = certificate::serial([9; 20]);
    let names = (subject, issuer);
    let bytes =
        certificate::to_be_signed("x", names, &public, &draft.public, &serial, validity, extensions).unwrap();
    Draft { bytes, ..draft.clone() }
}

/// Puts another extension in the place of the one of its kind.
fn replace(extensions: &mut [Extension], with: Extension) {
    let place = extensions.iter_mut().find(|one| one.extn_id == with.extn_id).unwrap();
    *place = with;
}

fn remove(parts: &mut Parts, oid: &str) {
    let before = parts.extensions.len();
    parts.extensions.retain(|one| one.extn_id.to_string() != oid);
    assert_ne!(parts.extensions.len(), before, "{oid} is not there to be removed");
}

fn broken<T: Lintable>(draft: &Draft<T>) -> Vec<&'static str> {
    T::lint(draft, &Rules::default()).0.iter().map(|finding| finding.rule).collect()
}

#[test]
fn a_canary_breaks_no_rule() {
    let mut world = World::new();
    let identity = world.identity.clone();
    let (before, promise, after) = world.leaves("fulcio-2026", &identity, false);
    assert_eq!(broken(&before), [""; 0]);
    assert_eq!(broken(&promise), [""; 0]);
    assert_eq!(broken(&after), [""; 0]);
    for (kind, key) in [(Kind::RekorV1, "ctlog-2026"), (Kind::RekorV2, "rekor-2026")] {
        assert_eq!(broken(&world.checkpoint(kind, key)), [""; 0]);
    }
    assert_eq!(broken(&world.promise()), [""; 0]);
    assert_eq!(broken(&world.timestamp("tsa-signer-2026")), [""; 0]);
}

#[test]
fn every_rule_rejects_something() {
    let mut world = World::new();
    let identity = world.identity.clone();
    let (before, promise, after) = world.leaves("fulcio-2026", &identity, false);
    let mut rejected: BTreeSet<&str> = BTreeSet::new();
    let mut expect = |id: &'static str, found: Vec<&'static str>| {
        assert!(found.contains(&id), "{id} finds nothing; found {found:?}");
        rejected.insert(id);
    };
    // certificates
    let mut unreadable = before.clone();
    unreadable.bytes.push(0);
    expect("CANARY-CERT-READABLE", broken(&unreadable));
    for issuing in ["root", "tsa-2026"] {
        let (other, _, _) = world.leaves(issuing, &identity, false);
        expect("CANARY-CERT-ISSUER", broken(&other));
    }
    let other_key = Draft { public: world.public("tsa-2026"), ..before.clone() };
    expect("CANARY-CERT-ISSUER", broken(&other_key));
    let at = |text: &str| text.parse::<Time>().unwrap();
    let early = with(&before, |parts| parts.validity.from = at("2026-11-30T23:59:59Z"));
    expect("CANARY-CERT-INSIDE-ISSUER", broken(&early));
    let long = with(&before, |parts| parts.validity.to = at("2026-12-01T12:10:01Z"));
    expect("CANARY-CERT-LIFETIME", broken(&long));
    let named = with(&before, |parts| parts.subject = parts.issuer.clone());
    expect("CANARY-CERT-SUBJECT-EMPTY", broken(&named));
    let san = |text: &str, critical: bool| {
        let identity = Identity { san: San::Email(text.into()), ..identity.clone() };
        Extension { critical, ..identity.subject_alt_name().unwrap() }
    };
    for wrong in [san("canary@example.com", true), san("canary@example.org", false)] {
        expect(
            "CANARY-CERT-SAN",
            broken(&with(&before, |parts| replace(&mut parts.extensions, wrong.clone()))),
        );
    }
    let usage = |critical: bool, usage: FlagSet<KeyUsages>| extension(critical, &KeyUsage(usage)).unwrap();
    for wrong in [
        usage(false, KeyUsages::DigitalSignature.into()),
        usage(true, KeyUsages::DigitalSignature | KeyUsages::KeyCertSign),
    ] {
        let found = broken(&with(&before, |parts| replace(&mut parts.extensions, wrong.clone())));
        expect("CANARY-CERT-KEY-USAGE", found);
    }
    let purposes = ExtendedKeyUsage(vec![rfc5280::ID_KP_CODE_SIGNING, rfc5280::ID_KP_TIME_STAMPING]);
    let two = with(&before, |parts| replace(&mut parts.extensions, extension(false, &purposes).unwrap()));
    expect("CANARY-CERT-EKU", broken(&two));
    let ca = BasicConstraints { ca: true, path_len_constraint: None };
    let ca = with(&before, |parts| parts.extensions.push(extension(true, &ca).unwrap()));
    expect("CANARY-CERT-NOT-CA", broken(&ca));
    expect("CANARY-CERT-AKI", broken(&with(&before, |parts| remove(parts, "2.5.29.35"))));
    let stolen = with(&before, |parts| parts.public = Subscriber::new().unwrap().public().clone());
    expect("CANARY-CERT-KEY", broken(&stolen));
    for one in ["1.3.6.1.4.1.57264.1.1", "1.3.6.1.4.1.57264.1.8"] {
        expect("CANARY-CERT-OIDC-ISSUER", broken(&with(&before, |parts| remove(parts, one))));
    }
    // The two encodings, exchanged.
    let exchanged = with(&before, |parts| {
        let value = |number: &str, parts: &Parts| {
            parts.extensions.iter().find(|one| one.extn_id.to_string() == number).unwrap().extn_value.clone()
        };
        let (raw, text) = (value("1.3.6.1.4.1.57264.1.1", parts), value("1.3.6.1.4.1.57264.1.8", parts));
        for one in &mut parts.extensions {
            match one.extn_id.to_string().as_str() {
                "1.3.6.1.4.1.57264.1.1" => one.extn_value = text.clone(),
                "1.3.6.1.4.1.57264.1.8" => one.extn_value = raw.clone(),
                _ => {}
            }
        }
    });
    expect("CANARY-CERT-OIDC-ISSUER", broken(&exchanged));
    expect("CANARY-CERT-POISON", broken(&with(&before, |parts| remove(parts, &POISON.to_string()))));
    let harmless = with(&before, |parts| {
        parts.extensions.iter_mut().filter(|one| one.extn_id == POISON).for_each(|one| one.critical = false);
    });
    expect("CANARY-CERT-POISON", broken(&harmless));
    expect("CANARY-CERT-POISON", broken(&with(&after, |parts| remove(parts, &SCTS.to_string()))));
    let two_promises = with(&after, |parts| {
        let list = parts.extensions.iter_mut().find(|one| one.extn_id == SCTS).unwrap();
        let one = OctetString::from_der(list.extn_value.as_bytes()).unwrap();
        let entry = one.as_bytes()[2..].to_vec();
        let length = u16::try_from(entry.len() * 2).unwrap().to_be_bytes();
        let both = OctetString::new([&length[..], &entry, &entry].concat()).unwrap();
        list.extn_value = OctetString::new(both.to_der().unwrap()).unwrap();
    });
    expect("CANARY-CERT-POISON", broken(&two_promises));
    let later = with(&after, |parts| parts.validity.to = at("2026-12-01T12:09:59Z"));
    expect("CANARY-CERT-SAME", broken(&later));
    let somebody = Identity { san: San::Email("somebody@example.org".into()), ..identity.clone() };
    let (unmarked, _, _) = world.leaves("fulcio-2026", &somebody, false);
    assert!(Leaf::lint(&unmarked, &Rules::default()).stop());
    expect("CANARY-CERT-MARKED", broken(&unmarked));
    let (unmarked, _, _) = world.leaves("fulcio-2026", &somebody, true);
    assert!(!Leaf::lint(&unmarked, &Rules::default()).stop());
    expect("CANARY-CERT-MARKED-REHEARSAL", broken(&unmarked));
    // promises
    let mut changed = promise.clone();
    changed.bytes[3] ^= 1;
    expect("CANARY-SCT-STRUCTURE", broken(&changed));
    let mut poisoned = promise.clone();
    poisoned.context.tbs = before.bytes.clone();
    poisoned.bytes = sct::signed_bytes(&poisoned.context).unwrap();
    expect("CANARY-SCT-STRUCTURE", broken(&poisoned));
    for seconds in [-1, LIFETIME + 1] {
        let mut late = promise.clone();
        late.context.time = Time::from_unix(noon().unix() + seconds).unwrap();
        expect("CANARY-SCT-TIME", broken(&late));
    }
    let other = Draft { public: world.public("fulcio-2026"), ..promise.clone() };
    expect("CANARY-SCT-KEY", broken(&other));
    // checkpoints
    let note = world.checkpoint(Kind::RekorV2, "rekor-2026");
    let mut changed = note.clone();
    changed.context.size = 4;
    expect("CANARY-CHECKPOINT-TEXT", broken(&changed));
    let mut changed = note.clone();
    changed.bytes.truncate(changed.bytes.len() - checkpoint::MARK.len() - 1);
    expect("CANARY-CHECKPOINT-TEXT", broken(&changed));
    for host in ["", "rekor.example.org/path", "rekor.example.org:3000", "two words"] {
        let mut other = note.clone();
        other.context.origin.host = host.into();
        expect("CANARY-CHECKPOINT-ORIGIN", broken(&other));
    }
    for (index, size) in [(0, 3), (3, 3)] {
        let mut other = note.clone();
        (other.context.index, other.context.size) = (index, size);
        expect("CANARY-CHECKPOINT-INDEX", broken(&other));
    }
    // signed entry timestamps
    let entry = world.promise();
    let mut spaced = entry.clone();
    spaced.bytes.push(b' ');
    expect("CANARY-SET-CANONICAL", broken(&spaced));
    let mut first = entry.clone();
    first.bytes = log_entry::promised(&first.context, 0).unwrap();
    expect("CANARY-SET-CANONICAL", broken(&first));
    let mut late = entry.clone();
    late.context.time = at("2026-12-01T12:10:01Z");
    expect("CANARY-SET-TIME", broken(&late));
    // timestamps
    let stamp = world.timestamp("tsa-signer-2026");
    let mut other = stamp.clone();
    other.context.stamped = b"another".to_vec();
    expect("CANARY-TST-ATTRIBUTES", broken(&other));
    let mut other = stamp.clone();
    other.bytes[0] = 0x30;
    expect("CANARY-TST-ATTRIBUTES", broken(&other));
    expect("CANARY-TST-SIGNER", broken(&world.timestamp("fulcio-2026")));
    let mut late = stamp.clone();
    late.context.time = at("2036-12-01T00:00:00Z");
    expect("CANARY-TST-TIME", broken(&late));
    let weak = Draft { public: world.public("rekor-2026"), ..stamp };
    expect("CANARY-TST-KEY", broken(&weak));

    let all: BTreeSet<&str> = all().map(|rule| rule.id).collect();
    assert_eq!(rejected, all);
}

#[test]
fn ids_are_unique_and_only_marks_are_warnings() {
    let ids: Vec<&str> = all().map(|rule| rule.id).collect();
    assert_eq!(ids.len(), ids.iter().collect::<BTreeSet<_>>().len());
    let warnings: Vec<&str> =
        all().filter(|rule| rule.severity == Severity::Warning).map(|rule| rule.id).collect();
    assert_eq!(warnings, ["CANARY-CERT-MARKED-REHEARSAL"]);
}

/// Written anew with `ROOTWRIGHT_UPDATE=1 cargo test --lib rules_of_canaries`.
#[test]
fn rules_of_canaries_are_listed() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/rules.md");
    let (begin, end) =
        ("<!-- a canary's rules: generated, do not edit -->\n", "<!-- end of a canary's rules -->");
    let text = std::fs::read_to_string(path).unwrap();
    let (before, rest) = text.split_once(begin).expect("where the rules begin");
    let (listed, after) = rest.split_once(end).expect("where the rules end");
    let mut expected = String::from("\n| id | severity | the rule | source |\n|---|---|---|---|\n");
    for RuleInfo { id, severity, says, source, .. } in all() {
        expected.push_str(&format!("| `{id}` | {severity} | {says} | {source} |\n"));
    }
    expected.push('\n');
    if std::env::var_os("ROOTWRIGHT_UPDATE").is_some() {
        std::fs::write(path, format!("{before}{begin}{expected}{end}{after}")).unwrap();
    } else {
        let help = "docs/rules.md is stale: run ROOTWRIGHT_UPDATE=1 cargo test --lib rules_of_canaries";
        assert!(listed == expected, "{help}");
    }
}
