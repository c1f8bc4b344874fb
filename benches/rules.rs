//! How long the rules take: `cargo bench --bench rules`.
//!
//! One certificate has 0.2 ms, the whole example hierarchy 5 ms. Reading the bytes is measured with them,
//! as before a signature. Figures are medians of batches, with the smallest and the largest.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use rootwright::lint::{self, Linted, Rules};
use rootwright::pki::{Certificate, Crl, Draft, PublicKey, certificate, crl};
use rootwright::plan::{Algorithm, Key, Name, Plan, Source, Time};
use rootwright::token::Token;
use rootwright::token::throwaway::Throwaway;
use rootwright::trust_root::{self, Material};
use rootwright::tuf::{self, Role, RoleSignature, Root, Signers, Snapshot, Targets, Timestamp};

const BATCHES: usize = 9;
const BATCH: Duration = Duration::from_millis(200);
const PLAN: &str = include_str!("../ceremony/sigstore.toml");

fn main() {
    let source = Source::new("ceremony/sigstore.toml", PLAN);
    let plan = Plan::parse(&source).expect("the example is a plan");
    let rules = Rules::of(&plan, &source).expect("the example has no waivers");
    let made = Hierarchy::of(&plan, &rules);
    let rsa = {
        let source = Source::new("rsa.toml", PLAN.replace("ecdsa-p384", "rsa-4096"));
        let plan = Plan::parse(&source).expect("a plan");
        Hierarchy::of(&plan, &rules)
    };
    println!(
        "ceremony/sigstore.toml, milliseconds of processor time: median (min–max) of {BATCHES} batches\n"
    );
    for draft in &made.certificates {
        time(&format!("one certificate: {}", draft.object), 0.2, || judge(draft, &rules));
    }
    for draft in &rsa.certificates {
        time(&format!("one certificate, RSA-4096: {}", draft.object), 0.2, || judge(draft, &rules));
    }
    for draft in &made.crls {
        time(&format!("one CRL: {}", draft.object), 0.2, || judge(draft, &rules));
    }
    time("trusted root and signing config", 5.0, || made.trust_root(&plan, &rules));
    time("TUF metadata, 12 signatures", 5.0, || made.tuf.iter().for_each(|draft| judge(draft, &rules)));
    time("the whole example hierarchy", 5.0, || made.judge(&plan, &rules));
    time("the whole hierarchy, RSA-4096 CAs", 5.0, || rsa.judge(&plan, &rules));
}

fn judge<T: lint::Lintable>(draft: &Draft<T>, rules: &Rules) {
    black_box(T::lint(black_box(draft), rules));
}

fn time(what: &str, most: f64, run: impl Fn()) {
    run();
    let start = Instant::now();
    run();
    // So many that the kernel's count of a thread's time, which it keeps in steps, is fine enough.
    let rounds = (BATCH.as_secs_f64() / start.elapsed().as_secs_f64()).clamp(10.0, 1e5).floor();
    let mut figures: Vec<f64> = (0..BATCHES)
        .map(|_| {
            let start = spent();
            (0..rounds as u32).for_each(|_| run());
            (spent() - start) * 1e3 / rounds
        })
        .collect();
    figures.sort_by(f64::total_cmp);
    let (median, last) = (figures[figures.len() / 2], figures[figures.len() - 1]);
    let verdict = if median <= most { "" } else { "  OVER" };
    println!("{what:<58} {median:>8.4} ({:.4}–{last:.4}) of {most}{verdict}", figures[0]);
}

/// Seconds that this thread was on a processor: what else the machine does is not counted. Where the
/// kernel does not say, seconds on the clock.
fn spent() -> f64 {
    static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = text.split_whitespace().next().and_then(|text| text.parse::<f64>().ok());
    nanoseconds.map_or_else(|| BEGAN.elapsed().as_secs_f64(), |nanoseconds| nanoseconds / 1e9)
}

/// Everything that the example makes, as drafts.
struct Hierarchy {
    keys: BTreeMap<Name, PublicKey>,
    certificates: Vec<Draft<Certificate>>,
    ders: BTreeMap<Name, Vec<u8>>,
    trust_root: [Vec<u8>; 2],
    crls: Vec<Draft<Crl>>,
    tuf: Vec<Draft<RoleSignature>>,
}

impl Hierarchy {
    fn of(plan: &Plan, rules: &Rules) -> Self {
        let mut token = Throwaway::default();
        let mut keys = BTreeMap::new();
        for (name, _, algorithm) in plan.device_keys() {
            keys.insert(name.clone(), token.generate(name, algorithm).expect("a key").public);
        }
        assert!(plan.keys.values().all(|key| matches!(key, Key::Device { .. })));
        let mut issued: BTreeMap<Name, Certificate> = BTreeMap::new();
        let mut certificates = Vec::new();
        for (n, (name, planned)) in plan.certificates.iter().enumerate() {
            let signer = planned.issuer.as_ref().map_or(&planned.key, |name| &plan.certificates[&**name].key);
            let random = std::array::from_fn(|octet| u8::try_from(octet * 12 + n).expect("small"));
            let request = certificate::Request {
                name,
                planned,
                public: &keys[&*planned.key],
                issuer: planned.issuer.as_ref().map(|name| &issued[&**name]),
                cross: None,
                signer: (signer, &keys[&**signer]),
                serial: certificate::serial(random),
                rehearsal: false,
            };
            let draft = certificate::draft(&request).expect("a draft").beside(issued.values());
            certificates.push(draft.clone());
            issued.insert(name.clone(), sign(&mut token, draft.lint(rules).expect("no finding")));
        }
        let crls = plan.crls.iter().map(|(name, planned)| {
            let signer = &plan.certificates[&*planned.issuer].key;
            let request = crl::Request {
                name,
                planned,
                issuer: &issued[&*planned.issuer],
                signer: (signer, &keys[&**signer]),
                revoked: Vec::new(),
                listed: crl::Entries::default(),
                previous: None,
            };
            crl::draft(request).expect("a draft")
        });
        let crls = crls.collect();
        let ders: BTreeMap<Name, Vec<u8>> =
            issued.iter().map(|(name, made)| (name.clone(), made.der().to_vec())).collect();
        let planned = plan.trust_root.as_ref().expect("a trust root");
        let material = Material { certificates: &ders, keys: &keys };
        let root = trust_root::trusted_root(planned, &material).expect("a trusted root");
        let config = trust_root::signing_config(planned, "Example", plan.ceremony.date);
        let trust_root = [trust_root::to_json(&root), trust_root::to_json(&config)];
        let tuf = metadata(plan, &keys);
        Self { keys, certificates, ders, trust_root, crls, tuf }
    }

    fn trust_root(&self, plan: &Plan, rules: &Rules) {
        let planned = plan.trust_root.as_ref().expect("a trust root");
        let material = Material { certificates: &self.ders, keys: &self.keys };
        let [trusted_root, signing_config] = &self.trust_root;
        let files = lint::trust_root::Files {
            trusted_root,
            signing_config,
            previous: None,
            plan: Some(planned),
            material: Some(&material),
            reach: None,
            now: now(plan),
        };
        black_box(lint::trust_root::lint(&files, rules).expect("no error"));
    }

    fn judge(&self, plan: &Plan, rules: &Rules) {
        black_box(lint::plan::lint(plan, rules));
        for (name, key) in &self.keys {
            black_box(lint::key::lint(name, key, rules).expect("no error"));
        }
        self.certificates.iter().for_each(|draft| judge(draft, rules));
        self.crls.iter().for_each(|draft| judge(draft, rules));
        self.trust_root(plan, rules);
        self.tuf.iter().for_each(|draft| judge(draft, rules));
    }
}

fn now(plan: &Plan) -> Time {
    plan.ceremony.date.start().expect("a day")
}

fn sign<T: lint::Lintable>(token: &mut Throwaway, linted: Linted<T>) -> T {
    let signature = token.sign(&linted).expect("a signature");
    linted.attach(signature).expect("it verifies").into_document()
}

/// The drafts of all twelve signatures over TUF metadata.
fn metadata(plan: &Plan, keys: &BTreeMap<Name, PublicKey>) -> Vec<Draft<RoleSignature>> {
    let planned = plan.tuf.as_ref().expect("roles");
    let key = |name: &Name| {
        // RSA keys sign no metadata.
        assert!(!matches!(keys[name].algorithm(), Algorithm::Rsa3072 | Algorithm::Rsa4096));
        tuf::Key::new(&keys[name], plan.people.contains_key(name).then_some(name)).expect("a key")
    };
    let holders: Vec<&Name> = planned.root.keyholders.iter().map(|name| &**name).collect();
    let people =
        Signers { keys: holders.iter().map(|name| key(name)).collect(), threshold: *planned.root.threshold };
    let online = Signers { keys: vec![key(&planned.snapshot.key)], threshold: 1 };
    let signers = BTreeMap::from([
        (Role::Root, people.clone()),
        (Role::Targets, people),
        (Role::Snapshot, online.clone()),
        (Role::Timestamp, online),
    ]);
    let expires = *planned.root.expires;
    let root = Root::new(1, expires, &signers);
    let files: [(&str, &[u8]); 2] = [("trusted_root.json", b"{}"), ("signing_config.v0.2.json", b"{ }")];
    let mut drafts = Vec::new();
    let mut sign = |metadata: tuf::Metadata, signers: &[&Name]| {
        for name in signers {
            let context = tuf::Context {
                metadata: metadata.clone(),
                key: key(name),
                root: (metadata.role() != Role::Root).then(|| root.clone()),
                previous: None,
                now: now(plan),
            };
            drafts.push(tuf::draft(name, &keys[*name], context).expect("a draft"));
        }
    };
    sign(root.clone().into(), &holders);
    sign(Targets::new(1, expires, &files).into(), &holders);
    sign(Snapshot::new(1, expires, (1, b"targets")).into(), &[&planned.snapshot.key]);
    sign(Timestamp::new(1, expires, (1, b"snapshot")).into(), &[&planned.timestamp.key]);
    drafts
}
