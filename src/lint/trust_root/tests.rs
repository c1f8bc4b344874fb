//! Every rule accepts the example and its rotation, and rejects one thing that is wrong in them.

use serde_json::json;
use sigstore_protobuf_specs::dev::sigstore::trustroot::v1::TransparencyLogInstance;

use super::*;
use crate::lint::tests::{Ids, found};
use crate::pki::Algorithm;
use crate::plan::tests::example;
use crate::plan::{Policy, Window};
use crate::trust_root::log::Kind;
use crate::trust_root::tests::{Made, public};
use crate::trust_root::{self, to_json};

/// Certificates and keys, by the plan's names.
type OwnMaterial = (BTreeMap<plan::Name, Vec<u8>>, BTreeMap<plan::Name, crate::pki::PublicKey>);

/// Both files as JSON, so that a test can change what it likes.
#[derive(Clone)]
struct Edit {
    root: Value,
    config: Value,
    previous: Option<Value>,
    plan: Option<plan::TrustRoot>,
    material: Option<OwnMaterial>,
    rules: Rules,
    reach: Option<Time>,
    now: Time,
}

impl Edit {
    fn of(plan: &plan::Plan, made: &Made) -> Self {
        let planned = plan.trust_root.clone().unwrap();
        let json = |bytes: Vec<u8>| serde_json::from_slice(&bytes).unwrap();
        let root = trust_root::trusted_root(&planned, &made.material()).unwrap();
        let config = trust_root::signing_config(&planned, "Example", plan.ceremony.date);
        Self {
            root: json(to_json(&root)),
            config: json(to_json(&config)),
            previous: None,
            plan: Some(planned),
            material: Some((made.certificates.clone(), made.keys.clone())),
            rules: Rules::default(),
            reach: None,
            now: plan.ceremony.date.start().unwrap(),
        }
    }

    fn lint(&self) -> Result<Passed, Findings> {
        let bytes = |value: &Value| serde_json::to_vec(value).unwrap();
        let previous = self.previous.as_ref().map(bytes);
        let material = self.material.as_ref();
        let material =
            material.map(|(certificates, keys)| crate::trust_root::Material { certificates, keys });
        let files = Files {
            trusted_root: &bytes(&self.root),
            signing_config: &bytes(&self.config),
            previous: previous.as_deref(),
            plan: self.plan.as_ref(),
            material: material.as_ref(),
            reach: self.reach,
            now: self.now,
        };
        lint(&files, &self.rules)
    }

    fn findings(&self) -> Findings {
        self.lint().map_or_else(|findings| findings, |passed| passed.warnings)
    }

    /// The trusted root with one value set; `null` takes the field away.
    fn root(&self, pointer: &str, value: Value) -> Self {
        let mut edit = self.clone();
        set(&mut edit.root, pointer, value);
        edit
    }

    fn config(&self, pointer: &str, value: Value) -> Self {
        let mut edit = self.clone();
        set(&mut edit.config, pointer, value);
        edit
    }

    /// The trusted root with one more log.
    fn log(&self, list: &str, algorithm: Algorithm, kind: Kind) -> Self {
        let url = format!("https://more.example.org{}", if list == "ctlogs" { "/2026" } else { "" });
        let window = Window { from: self.now, to: None };
        let log = trust_root::log::instance(&url.try_into().unwrap(), &window, &public(algorithm), kind);
        let mut edit = self.clone();
        edit.root[list].as_array_mut().unwrap().push(value(&log));
        edit
    }
}

fn value(log: &TransparencyLogInstance) -> Value {
    serde_json::to_value(log).unwrap()
}

fn set(json: &mut Value, pointer: &str, value: Value) {
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    match json.pointer_mut(parent).unwrap() {
        Value::Array(list) if value.is_null() => _ = list.remove(field.parse().unwrap()),
        Value::Array(list) => list[field.parse::<usize>().unwrap()] = value,
        parent if value.is_null() => _ = parent.as_object_mut().unwrap().remove(field).unwrap(),
        parent => parent[field] = value,
    }
}

/// A certificate of an RSA key.
fn rsa_signer() -> Vec<u8> {
    let pair = rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_3072).unwrap();
    rcgen::CertificateParams::default().self_signed(&pair).unwrap().der().to_vec()
}

/// The example a year later: a second Rekor log begins in ten days, the first ends soon after.
fn rotated() -> Edit {
    let mut plan = example();
    let made = Made::of(&plan);
    let before = Edit::of(&plan, &made);
    let end = Some("2027-12-15T00:00:00Z".parse().unwrap());
    plan.ceremony.date = "2027-12-01".parse().unwrap();
    let root = plan.trust_root.as_mut().unwrap();
    let mut rekor = root.transparency_logs[0].clone();
    root.transparency_logs[0].trust.value_mut().to = end;
    // Another key of the example's stands in for the new log's.
    *rekor.key.value_mut() = "tuf-online".parse().unwrap();
    *rekor.url.value_mut() = "https://rekor2027.example.org".to_string().try_into().unwrap();
    rekor.trust.value_mut().from = "2027-12-10T00:00:00Z".parse().unwrap();
    root.transparency_logs.push(rekor);
    let mut after = Edit::of(&plan, &made);
    after.reach = Some("2027-12-10T00:00:00Z".parse().unwrap());
    after.previous = Some(before.root);
    after
}

/// The example with a timestamp authority that is retired in time, as CSBR asks for it.
fn retired() -> Edit {
    let mut plan = example();
    let made = Made::of(&plan);
    let root = plan.trust_root.as_mut().unwrap();
    let mut next = root.timestamp_authorities[0].clone();
    root.timestamp_authorities[0].trust.value_mut().to = Some("2028-02-01T00:00:00Z".parse().unwrap());
    next.trust.value_mut().from = "2028-01-01T00:00:00Z".parse().unwrap();
    next.trust.value_mut().to = Some("2028-02-01T00:00:00Z".parse().unwrap());
    root.timestamp_authorities.push(next);
    Edit { rules: Rules::of_policy(Policy::CodeSigningBr), ..Edit::of(&plan, &made) }
}

pub(crate) fn accepted() -> Ids {
    every_rule_accepts_the_example_and_its_rotation();
    let retired = retired().findings();
    let ids: Vec<&str> = retired.0.iter().map(|finding| finding.rule).collect();
    assert_eq!(ids, ["TRUST-WINDOW-SUCCESSOR"], "{retired}");
    let tables = [RULES, HISTORY, signing_config::RULES]
        .map(|table| super::super::tests::ids(table, Policy::CodeSigningBr));
    let unreadable = super::super::tests::ids(UNREADABLE, Policy::CodeSigningBr);
    tables.into_iter().flatten().chain(unreadable).collect()
}

#[test]
fn every_rule_accepts_the_example_and_its_rotation() {
    let plan = example();
    let edit = Edit::of(&plan, &Made::of(&plan));
    let passed = edit.lint().unwrap_or_else(|findings| panic!("{findings}"));
    assert_eq!(passed.warnings, Findings::default());
    assert_eq!(passed.trusted_root.document().tlogs.len(), 1);
    assert_eq!(passed.signing_config.bytes(), serde_json::to_vec(&edit.config).unwrap());
    let without_plan = Edit { plan: None, ..edit };
    assert_eq!(without_plan.findings(), Findings::default());
    let rotated = rotated();
    assert_eq!(rotated.findings(), Findings::default());
    assert_eq!(rotated.config["rekorTlogUrls"].as_array().unwrap().len(), 1, "the new log waits");
}

#[test]
fn a_first_look_is_warned_of_what_it_lacks() {
    let mut plan = example();
    let root = plan.trust_root.as_mut().unwrap();
    root.operator = None;
    root.transparency_logs.clear();
    root.certificate_logs.clear();
    root.timestamp_authorities.clear();
    let mut edit = Edit::of(&plan, &Made::of(&plan));
    set(&mut edit.config, "/caUrls/0/operator", json!("Example Project"));
    let warnings = edit.lint().unwrap().warnings;
    let ids: Vec<&str> = warnings.0.iter().map(|finding| finding.rule).collect();
    assert_eq!(ids, ["TRUST-COMPLETE", "SIGNING-OPERATOR-URI", "SIGNING-COMPLETE"]);
}

pub(crate) fn rejected() -> Ids {
    let plan = example();
    let made = Made::of(&plan);
    let good = Edit::of(&plan, &made);
    let other = Edit::of(&plan, &Made::of(&plan));
    let rotated = rotated();
    let ca = "/certificateAuthorities/0";
    let chain = "/certificateAuthorities/0/certChain/certificates";
    let tsa_chain = "/timestampAuthorities/0/certChain/certificates";
    let start = "2026-11-01T00:00:00Z";
    let past = json!("2027-11-30T23:59:59Z");
    let spki = made.keys[&"rekor-2026".parse().unwrap()].spki().to_vec();
    let two = |edit: &Edit, list: &str, more: Value| {
        let mut edit = edit.clone();
        edit.root[list].as_array_mut().unwrap().push(more);
        edit
    };
    let service = |list: &str, start: &str| {
        let mut edit = good.clone();
        let mut more = edit.config[list][0].clone();
        more["validFor"]["start"] = json!(start);
        edit.config[list].as_array_mut().unwrap().push(more);
        edit
    };
    let base64 = |bytes: &[u8]| data_encoding::BASE64.encode(bytes);
    let cases: Vec<(&'static str, Edit)> = vec![
        ("TRUST-READABLE", good.root("/surprise", json!(1))),
        ("TRUST-READABLE", good.config("/caUrls", json!("none"))),
        ("TRUST-READABLE", Edit { previous: Some(json!([])), ..good.clone() }),
        (
            "TRUST-MEDIA-TYPE",
            good.root("/mediaType", json!("application/vnd.dev.sigstore.trustedroot.v0.2+json")),
        ),
        ("TRUST-LISTS", good.root("/ctlogs", Value::Null)),
        ("TRUST-V01-FIELDS", good.root("/tlogs/0/operator", json!("example.org"))),
        ("TRUST-V01-FIELDS", good.root("/tlogs/0/checkpointKeyId", json!({"keyId": "AAAA"}))),
        ("TRUST-FORMS", good.root("/tlogs/0/hashAlgorithm", json!(1))),
        ("TRUST-FORMS", good.root("/tlogs/0/publicKey/validFor/start", json!("2026-12-01T00:00:00.000Z"))),
        ("TRUST-FORMS", good.config("/caUrls/0/validFor/start", json!("2026-12-01T01:00:00+01:00"))),
        ("TRUST-PLANNED", good.root("/tlogs/0", Value::Null)),
        ("TRUST-PLANNED", good.root("/tlogs/0/publicKey/validFor/end", past.clone())),
        // The same entries, made of other keys.
        ("TRUST-PLANNED-MATERIAL", Edit { material: other.material.clone(), ..good.clone() }),
        ("TRUST-PLANNED-MATERIAL", good.root(&format!("{chain}/1"), Value::Null)),
        (
            "TRUST-WINDOW-SUCCESSOR",
            good.root("/tlogs/0/publicKey/validFor/end", json!("2027-06-01T00:00:00Z")),
        ),
        (
            "TRUST-WINDOW-OVERLAP",
            two(&good, "certificateAuthorities", good.root.pointer(ca).unwrap().clone()),
        ),
        (
            "TRUST-TSA-KEY",
            good.root(
                tsa_chain,
                json!([{"rawBytes": base64(&rsa_signer())}, good.root.pointer(tsa_chain).unwrap()[1]]),
            ),
        ),
        ("TRUST-TSA-PERIOD", Edit { rules: Rules::of_policy(Policy::CodeSigningBr), ..good.clone() }),
        // A timestamp authority's chain where a CA's belongs, and the other way round.
        ("TRUST-CHAIN-PURPOSE", good.root(chain, good.root.pointer(tsa_chain).unwrap().clone())),
        ("TRUST-CHAIN-PURPOSE", good.root(tsa_chain, good.root.pointer(chain).unwrap().clone())),
        ("TRUST-SORTED", {
            let mut more = other.root["tlogs"][0].clone();
            more["publicKey"]["validFor"]["start"] = json!(start);
            two(&good, "tlogs", more)
        }),
        ("TRUST-WINDOW-START", good.root("/tlogs/0/publicKey/validFor/start", Value::Null)),
        ("TRUST-WINDOW-START", good.root("/certificateAuthorities/0/validFor", Value::Null)),
        ("TRUST-WINDOW-ORDER", good.root("/tlogs/0/publicKey/validFor/end", json!(start))),
        ("TRUST-WINDOW-GAP", {
            let mut edit = good.root("/tlogs/0/publicKey/validFor/end", json!("2027-01-01T00:00:00Z"));
            let mut more = other.root["tlogs"][0].clone();
            more["publicKey"]["validFor"]["start"] = json!("2027-01-01T00:00:02Z");
            edit.root["tlogs"].as_array_mut().unwrap().push(more);
            edit
        }),
        ("TRUST-COMPLETE", good.root("/ctlogs", json!([]))),
        ("TRUST-CURRENT", good.root("/tlogs/0/publicKey/validFor/start", json!("2026-12-01T00:00:01Z"))),
        ("TRUST-LOG-KEY", good.root("/tlogs/0/publicKey/rawBytes", json!("AAAA"))),
        ("TRUST-LOG-KEY", good.root("/ctlogs/0/publicKey/keyDetails", json!("PKIX_ECDSA_P384_SHA_384"))),
        ("TRUST-LOG-KEY-BREAKS", good.log("tlogs", Algorithm::Rsa3072, Kind::RekorV2)),
        ("TRUST-LOG-KEY-BREAKS", good.log("ctlogs", Algorithm::Ed25519, Kind::Ct)),
        ("TRUST-LOG-KEY-TYPE", good.log("tlogs", Algorithm::EcdsaP384, Kind::RekorV2)),
        ("TRUST-LOG-KEY-TYPE", good.log("ctlogs", Algorithm::EcdsaP384, Kind::Ct)),
        ("TRUST-LOG-KEY-TYPE", good.log("ctlogs", Algorithm::EcdsaP521, Kind::Ct)),
        ("TRUST-LOG-HASH", good.root("/ctlogs/0/hashAlgorithm", json!("SHA2_512"))),
        ("TRUST-LOG-URL", good.root("/tlogs/0/baseUrl", json!("https://rekor2026.example.org/2026"))),
        ("TRUST-LOG-URL", good.root("/tlogs/0/baseUrl", json!("https://rekor2026.example.org:443"))),
        ("TRUST-LOG-URL", good.root("/ctlogs/0/baseUrl", json!("https://ctfe.example.org/2026/"))),
        // The hash of the key, where the key has a name: sigstore's staging root of June 2025.
        (
            "TRUST-LOG-ID",
            good.root("/tlogs/0/logId/keyId", {
                use sha2::Digest;
                json!(data_encoding::BASE64.encode(&sha2::Sha256::digest(&spki)))
            }),
        ),
        ("TRUST-LOG-ID", good.root("/ctlogs/0/logId", Value::Null)),
        ("TRUST-LOG-DUPLICATE", two(&good, "tlogs", good.root["tlogs"][0].clone())),
        ("TRUST-LOG-DUPLICATE", good.root("/ctlogs/0/logId", good.root["tlogs"][0]["logId"].clone())),
        ("TRUST-CHAIN-READABLE", good.root(&format!("{chain}/0/rawBytes"), json!("AAAA"))),
        ("TRUST-CHAIN-READABLE", good.root(chain, json!([]))),
        ("TRUST-CHAIN-ORDER", {
            let swapped = [&good.root.pointer(chain).unwrap()[1], &good.root.pointer(chain).unwrap()[0]];
            good.root(chain, json!(swapped))
        }),
        // Another root of the same name: the issuer's name is right, its key is not.
        (
            "TRUST-CHAIN-ORDER",
            good.root(&format!("{chain}/1"), other.root.pointer(chain).unwrap()[1].clone()),
        ),
        ("TRUST-CHAIN-ROOT", good.root(&format!("{chain}/1"), Value::Null)),
        ("TRUST-CHAIN-ROOT-NAME", good.root(&format!("{ca}/subject/commonName"), json!("Another"))),
        ("TRUST-CHAIN-ROOT-NAME", good.root(&format!("{ca}/subject"), Value::Null)),
        (
            "TRUST-CHAIN-SUBJECTS",
            two(&good, "certificateAuthorities", other.root["certificateAuthorities"][0].clone()),
        ),
        ("TRUST-TSA-CHAIN", good.root(tsa_chain, json!([good.root.pointer(tsa_chain).unwrap()[2].clone()]))),
        ("TRUST-WINDOW-INSIDE-CHAIN", good.root(&format!("{ca}/validFor/start"), json!(start))),
        (
            "TRUST-WINDOW-INSIDE-CHAIN",
            good.root(&format!("{ca}/validFor/end"), json!("2029-12-01T00:00:01Z")),
        ),
        ("TRUST-AUTHORITY-URI", good.root(&format!("{ca}/uri"), json!("https://fulcio.example.org/"))),
        ("TRUST-AUTHORITY-URI", good.root(&format!("{ca}/uri"), Value::Null)),
        ("TRUST-KEPT", rotated.root("/tlogs/0", Value::Null)),
        ("TRUST-KEPT", rotated.root(ca, Value::Null)),
        ("TRUST-UNALTERED", rotated.root("/tlogs/0/baseUrl", json!("https://moved.example.org"))),
        ("TRUST-UNALTERED", rotated.root("/tlogs/0/publicKey/validFor/start", json!("2026-12-02T00:00:00Z"))),
        ("TRUST-UNALTERED", rotated.root(&format!("{ca}/uri"), json!("https://moved.example.org"))),
        ("TRUST-UNALTERED", rotated.root(&format!("{ca}/validFor/start"), json!("2026-12-02T00:00:00Z"))),
        (
            "TRUST-SWITCH-EARLY",
            Edit { reach: Some("2027-12-10T00:00:01Z".parse().unwrap()), ..rotated.clone() },
        ),
        ("TRUST-END-PAST", rotated.root("/tlogs/0/publicKey/validFor/end", past.clone())),
        ("TRUST-END-PAST", rotated.root(&format!("{ca}/validFor/end"), past)),
        (
            "SIGNING-MEDIA-TYPE",
            good.config("/mediaType", json!("application/vnd.dev.sigstore.signingconfig.v0.1+json")),
        ),
        ("SIGNING-URL", good.config("/caUrls/0/url", json!("https://fulcio.example.org/"))),
        ("SIGNING-URL", good.config("/caUrls/0/url", json!("fulcio.example.org"))),
        ("SIGNING-TSA-URL", good.config("/tsaUrls/0/url", json!("https://tsa.example.org"))),
        ("SIGNING-OPERATOR", good.config("/caUrls/0/operator", json!("https://example.org"))),
        ("SIGNING-OPERATOR", good.config("/caUrls/0/operator", Value::Null)),
        ("SIGNING-OPERATOR-URI", good.config("/caUrls/0/operator", json!("Example Project"))),
        ("SIGNING-API", good.config("/caUrls/0/majorApiVersion", json!(2))),
        ("SIGNING-API", good.config("/rekorTlogUrls/0/majorApiVersion", json!(0))),
        ("SIGNING-WINDOW", good.config("/caUrls/0/validFor", Value::Null)),
        ("SIGNING-WINDOW", good.config("/caUrls/0/validFor/end", json!(start))),
        ("SIGNING-SORTED", service("rekorTlogUrls", "2026-12-01T00:00:01Z")),
        ("SIGNING-BEGUN", good.config("/caUrls/0/validFor/start", json!("2026-12-02T00:00:00Z"))),
        ("SIGNING-SELECTOR", good.config("/rekorTlogConfig/selector", json!("ALL"))),
        ("SIGNING-SELECTOR", good.config("/tsaConfig", Value::Null)),
        ("SIGNING-SELECTOR", good.config("/tsaUrls", json!([]))),
        ("SIGNING-IN-ROOT", good.config("/caUrls/0/url", json!("https://strange.example.org"))),
        ("SIGNING-IN-ROOT", good.root("/tlogs", json!([]))),
        ("SIGNING-COMPLETE", good.config("/caUrls", json!([]))),
        ("SIGNING-TIME", good.config("/tsaUrls", json!([]))),
    ];
    cases.iter().map(|(id, edit)| found(&edit.findings(), id)).collect()
}

#[test]
fn every_rule_rejects() {
    assert_eq!(accepted(), rejected());
}
