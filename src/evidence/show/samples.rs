//! A file of each kind, made in the test by other software where there is one.

use data_encoding::{BASE64, HEXLOWER};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, PublicKeyData,
    RevocationReason, RevokedCertParams, SerialNumber, SigningKey, date_time_ymd,
};
use serde_json::{Value, json};

use crate::archive::journal::Journal;
use crate::archive::{Event, KeyRecord};
use crate::pki::PublicKey;
use crate::plan::Algorithm;
use crate::tuf::{Key, canonical};

/// The text as a file would get it.
pub fn plain_text(shown: &super::Shown) -> String {
    anstream::adapter::strip_str(&shown.text()).to_string()
}

/// A root, and an intermediate below it.
pub struct Hierarchy {
    pub root_key: KeyPair,
    pub root: CertificateParams,
    pub root_der: Vec<u8>,
    pub intermediate_key: KeyPair,
    pub intermediate_der: Vec<u8>,
}

pub fn hierarchy() -> Hierarchy {
    let root_key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    let intermediate_key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    let root = params("Example Root", IsCa::Ca(BasicConstraints::Unconstrained));
    let mut below = params("Example Intermediate", IsCa::Ca(BasicConstraints::Constrained(0)));
    below.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
    below.use_authority_key_identifier_extension = true;
    let root_der = root.self_signed(&root_key).unwrap().der().to_vec();
    let issuer = Issuer::from_params(&root, &root_key);
    let intermediate_der = below.signed_by(&intermediate_key, &issuer).unwrap().der().to_vec();
    Hierarchy { root_key, root, root_der, intermediate_key, intermediate_der }
}

pub fn params(common_name: &str, is_ca: IsCa) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "Example Project");
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.not_before = date_time_ymd(2026, 12, 1);
    params.not_after = date_time_ymd(2036, 12, 1);
    params.serial_number = Some(SerialNumber::from_slice(&[0x4a, 0x01, 0xff, 0x10, 0x77]));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.is_ca = is_ca;
    params
}

pub fn pem(label: &'static str, der: &[u8]) -> Vec<u8> {
    crate::pki::key::pem(label, der).into_bytes()
}

pub fn request() -> Vec<u8> {
    let mut params = params("Partner", IsCa::NoCa);
    params.subject_alt_names = vec![rcgen::SanType::DnsName("partner.example.org".try_into().unwrap())];
    params.serial_number = None;
    (params.not_before, params.not_after) = (date_time_ymd(1975, 1, 1), date_time_ymd(4096, 1, 1));
    params.serialize_request(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
}

pub fn crl(above: &Hierarchy, entries: u8) -> Vec<u8> {
    let revoked = |n: u8| RevokedCertParams {
        serial_number: SerialNumber::from_slice(&[0x40, n]),
        revocation_time: date_time_ymd(2027, 1, 1),
        reason_code: Some(RevocationReason::Superseded),
        invalidity_date: None,
    };
    let params = CertificateRevocationListParams {
        this_update: date_time_ymd(2026, 12, 1),
        next_update: date_time_ymd(2027, 11, 1),
        crl_number: SerialNumber::from_slice(&[7]),
        issuing_distribution_point: None,
        revoked_certs: (0..entries).map(revoked).collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    let issuer = Issuer::from_params(&above.root, &above.root_key);
    params.signed_by(&issuer).unwrap().der().to_vec()
}

pub fn public(pair: &KeyPair) -> PublicKey {
    PublicKey::from_spki(&pair.subject_public_key_info()).unwrap()
}

pub fn trusted_root(hierarchy: &Hierarchy) -> Value {
    let log = KeyPair::generate().unwrap();
    let spki = log.subject_public_key_info();
    let id = HEXLOWER.decode(public(&log).fingerprint().as_bytes()).unwrap();
    let window = json!({"start": "2026-12-01T00:00:00Z"});
    json!({
        "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
        "tlogs": [],
        "certificateAuthorities": [{
            "subject": {"organization": "Example Project", "commonName": "Example Root"},
            "uri": "https://fulcio.example.org",
            "certChain": {"certificates": [
                {"rawBytes": BASE64.encode(&hierarchy.intermediate_der)},
                {"rawBytes": BASE64.encode(&hierarchy.root_der)},
            ]},
            "validFor": window,
        }],
        "ctlogs": [{
            "baseUrl": "https://ctfe.example.org/2026",
            "hashAlgorithm": "SHA2_256",
            "publicKey": {"rawBytes": BASE64.encode(&spki), "keyDetails": "PKIX_ECDSA_P256_SHA_256", "validFor": window},
            "logId": {"keyId": BASE64.encode(&id)},
        }],
        "timestampAuthorities": [],
    })
}

pub fn signing_config() -> Value {
    json!({
        "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
        "caUrls": [{"url": "https://fulcio.example.org", "majorApiVersion": 1, "operator": "example.org",
            "validFor": {"start": "2026-12-01T00:00:00Z", "end": "2027-12-01T00:00:00Z"}}],
        "oidcUrls": [], "rekorTlogUrls": [], "tsaUrls": [],
        "rekorTlogConfig": {"selector": "EXACT", "count": 2}, "tsaConfig": {"selector": "ANY"},
    })
}

/// A root of two keyholders, signed by both.
pub fn tuf_root() -> Value {
    let pairs = [KeyPair::generate().unwrap(), KeyPair::generate().unwrap()];
    let keys: Vec<Key> = pairs
        .iter()
        .zip(["keyholder-1", "keyholder-2"])
        .map(|(pair, owner)| Key::new(&public(pair), Some(&owner.parse().unwrap())).unwrap())
        .collect();
    let ids: Vec<String> = keys.iter().map(Key::id).collect();
    let role = json!({"keyids": ids, "threshold": 2});
    let signed = json!({
        "_type": "root", "spec_version": "1.0.31", "version": 1, "expires": "2027-06-01T00:00:00Z",
        "consistent_snapshot": true, "x-rootwright-purpose": "rehearsal",
        "keys": {ids[0].as_str(): keys[0], ids[1].as_str(): keys[1]},
        "roles": {"root": role, "targets": role, "snapshot": role, "timestamp": role},
    });
    let bytes = canonical(&signed).unwrap();
    let sign = |(pair, id): (&KeyPair, &String)| json!({"keyid": id, "sig": HEXLOWER.encode(&pair.sign(&bytes).unwrap())});
    let signatures: Vec<Value> = pairs.iter().zip(&ids).map(sign).collect();
    json!({"signatures": signatures, "signed": signed})
}

pub fn targets() -> Value {
    json!({
        "signatures": [{"keyid": "ab".repeat(32), "sig": "00"}],
        "signed": {
            "_type": "targets", "spec_version": "1.0.31", "version": 3, "expires": "2027-06-01T00:00:00Z",
            "targets": {"trusted_root.json": {"length": 5755, "hashes": {"sha256": "cd".repeat(32)}}},
        },
    })
}

pub fn key_record() -> KeyRecord {
    let key = public(&KeyPair::generate().unwrap());
    KeyRecord {
        name: "root".parse().unwrap(),
        algorithm: Algorithm::EcdsaP256,
        fingerprint: key.fingerprint(),
        public: BASE64.encode(key.spki()),
        device: Some("root-hsm".parse().unwrap()),
        keyholder: None,
        device_claims: Some(Default::default()),
        id: "1f0e".into(),
        mechanism: "CKM_EC_KEY_PAIR_GEN".into(),
        attributes: [("CKA_EXTRACTABLE".to_string(), json!(false))].into(),
        attestation: Some(json!({"type": "unverified", "format": "a vendor's", "bytes": "AAECAw=="})),
        request: Some(BASE64.encode(&request())),
    }
}

pub fn journal() -> Vec<u8> {
    let mut journal = Journal::default();
    let mut bytes = Vec::new();
    let name = |name: &str| name.parse().unwrap();
    for event in [
        Event::KeyIntended {
            step: "generate-key/root".into(),
            key: name("root"),
            device: name("root-hsm"),
            algorithm: Algorithm::EcdsaP384,
        },
        Event::CertificateSigned {
            step: "issue/root".into(),
            certificate: name("root"),
            spec: Value::Null,
            issuer: None,
            der: BASE64.encode(b"der"),
        },
        Event::CeremonyFinished { plan: "ab".repeat(32) },
    ] {
        let time = "2026-12-01T10:00:00Z".parse().unwrap();
        let (line, record, hash) = journal.line(time, event, Vec::new()).unwrap();
        bytes.extend(line);
        journal.push(record, hash);
    }
    bytes
}

pub const SITE: &str = r#"purpose = "rehearsal"
date-shift = -8
environment = { SOFTHSM2_CONF = "/etc/softhsm2.conf", VENDOR_PASSPHRASE = "hunter2" }
[devices.root-hsm]
module = "/usr/lib/softhsm/libsofthsm2.so"
serial = "1f0e"
pin = { file = "root.pin" }
so-pin = { env = "SO_PIN" }
"#;

/// One of each, with the kind that it is.
pub fn all() -> Vec<(&'static str, Vec<u8>)> {
    let hierarchy = hierarchy();
    let json = |value: &Value| serde_json::to_vec_pretty(value).unwrap();
    let certificate = |der: &[u8]| pem("CERTIFICATE", der);
    let chain = [certificate(&hierarchy.intermediate_der), certificate(&hierarchy.root_der)].concat();
    let mixed = [chain.clone(), pem("X509 CRL", &crl(&hierarchy, 1))].concat();
    let record = serde_json::to_value(key_record()).unwrap();
    let both = json!({"trustedRoot": trusted_root(&hierarchy), "signingConfig": signing_config()});
    vec![
        ("certificate", certificate(&hierarchy.root_der)),
        ("certificate", hierarchy.intermediate_der.clone()),
        ("certificates", chain),
        ("PEM file", mixed),
        ("certificate request", pem("CERTIFICATE REQUEST", &request())),
        ("certificate request", request()),
        ("CRL", crl(&hierarchy, 3)),
        ("CRL", pem("X509 CRL", &crl(&hierarchy, 0))),
        ("public key", pem("PUBLIC KEY", &hierarchy.intermediate_key.subject_public_key_info())),
        ("public key", hierarchy.root_key.subject_public_key_info()),
        ("trusted root", json(&trusted_root(&hierarchy))),
        ("signing config", json(&signing_config())),
        ("client trust config", json(&both)),
        ("TUF root", json(&tuf_root())),
        ("TUF targets", json(&targets())),
        ("key record", json(&record)),
        ("journal", journal()),
        ("plan", include_bytes!("../../../ceremony/sigstore.toml").to_vec()),
        ("site", SITE.into()),
    ]
}
