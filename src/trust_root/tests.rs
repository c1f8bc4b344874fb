//! The example plan's material, made by rcgen, and what becomes of it.

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};

use super::*;
use crate::pki::Algorithm;
use crate::plan::tests::example;
use crate::plan::{Certificate, Key, Plan, Profile, Time};
use crate::token::Token;
use crate::token::throwaway::Throwaway;

/// A fresh public key.
pub(crate) fn public(algorithm: Algorithm) -> PublicKey {
    let name: Name = "any".parse().unwrap();
    Throwaway::default().generate(&name, algorithm).unwrap().public
}

/// Certificates and keys for every name of a plan.
pub(crate) struct Made {
    pub(crate) certificates: BTreeMap<Name, Vec<u8>>,
    pub(crate) keys: BTreeMap<Name, PublicKey>,
}

impl Made {
    pub(crate) fn of(plan: &Plan) -> Self {
        let algorithm = |name: &Name| match &plan.keys[name] {
            Key::Device { algorithm, .. } => **algorithm,
            Key::Csr { .. } | Key::Public { .. } => Algorithm::EcdsaP384,
        };
        let pair = |algorithm| match algorithm {
            Algorithm::EcdsaP256 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap(),
            Algorithm::Ed25519 => KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap(),
            _ => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap(),
        };
        let pairs: BTreeMap<Name, KeyPair> =
            plan.keys.keys().map(|name| (name.clone(), pair(algorithm(name)))).collect();
        let mut certificates = BTreeMap::new();
        for (name, planned) in &plan.certificates {
            let params = params(planned);
            let key = &pairs[&*planned.key];
            let certificate = match planned.issuer.as_ref().map(|issuer| &plan.certificates[&**issuer]) {
                None => params.self_signed(key).unwrap(),
                Some(issuer) => {
                    let above = self::params(issuer);
                    params.signed_by(key, &Issuer::from_params(&above, &pairs[&*issuer.key])).unwrap()
                }
            };
            certificates.insert(name.clone(), certificate.der().to_vec());
        }
        let public = |pair: &KeyPair| {
            PublicKey::from_spki(&rcgen::PublicKeyData::subject_public_key_info(pair)).unwrap()
        };
        Self { certificates, keys: pairs.iter().map(|(name, pair)| (name.clone(), public(pair))).collect() }
    }

    pub(crate) fn material(&self) -> Material<'_> {
        Material { certificates: &self.certificates, keys: &self.keys }
    }
}

fn params(planned: &Certificate) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, planned.subject.organization.as_str());
    params.distinguished_name.push(DnType::CommonName, planned.subject.common_name.as_str());
    let moment = |time: Time| {
        let since_1970 = std::time::Duration::from_secs(u64::try_from(time.unix()).unwrap());
        rcgen::date_time_ymd(1970, 1, 1) + since_1970
    };
    params.not_before = moment(planned.validity.from);
    params.not_after = moment(planned.validity.to);
    params.use_authority_key_identifier_extension = planned.issuer.is_some();
    params.is_ca = match *planned.profile {
        Profile::Root | Profile::CrossRoot => IsCa::Ca(BasicConstraints::Unconstrained),
        Profile::CodeSigning | Profile::Timestamping => IsCa::Ca(BasicConstraints::Constrained(0)),
        Profile::TimestampSigner => IsCa::ExplicitNoCa,
    };
    params.extended_key_usages = match *planned.profile {
        Profile::Root => Vec::new(),
        Profile::CrossRoot => {
            vec![ExtendedKeyUsagePurpose::CodeSigning, ExtendedKeyUsagePurpose::TimeStamping]
        }
        Profile::CodeSigning => vec![ExtendedKeyUsagePurpose::CodeSigning],
        Profile::Timestamping => vec![ExtendedKeyUsagePurpose::TimeStamping],
        Profile::TimestampSigner => Vec::new(),
    };
    if *planned.profile == Profile::TimestampSigner {
        // timeStamping, which must be critical there (RFC 3161, 2.3).
        let purpose = vec![0x30, 10, 6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 8];
        let mut purposes = rcgen::CustomExtension::from_oid_content(&[2, 5, 29, 37], purpose);
        purposes.set_criticality(true);
        params.custom_extensions.push(purposes);
    }
    params
}

/// The example, its material and its trusted root.
fn built() -> (Plan, Made, TrustedRoot) {
    let plan = example();
    let made = Made::of(&plan);
    let root = trusted_root(plan.trust_root.as_ref().unwrap(), &made.material()).unwrap();
    (plan, made, root)
}

#[test]
fn the_example_in_the_words_of_the_clients() {
    let (_, made, root) = built();
    let json = String::from_utf8(to_json(&root)).unwrap();
    let base64 = |bytes: &[u8]| data_encoding::BASE64.encode(bytes);
    let mut shown = json.clone();
    for (name, der) in &made.certificates {
        shown = shown.replace(&base64(der), &format!("<certificate {name}>"));
    }
    for (name, key) in &made.keys {
        shown = shown.replace(&base64(key.spki()), &format!("<key {name}>"));
        for kind in [log::Kind::Ct, log::Kind::RekorV2] {
            let id = log::log_id(kind, "rekor2026.example.org", key);
            shown = shown.replace(&base64(&id), &format!("<{kind:?} id of {name}>"));
        }
    }
    insta::assert_snapshot!(shown, @r#"
    {
      "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
      "tlogs": [
        {
          "baseUrl": "https://rekor2026.example.org",
          "hashAlgorithm": "SHA2_256",
          "publicKey": {
            "rawBytes": "<key rekor-2026>",
            "keyDetails": "PKIX_ED25519",
            "validFor": {
              "start": "2026-12-01T00:00:00Z"
            }
          },
          "logId": {
            "keyId": "<RekorV2 id of rekor-2026>"
          }
        }
      ],
      "certificateAuthorities": [
        {
          "subject": {
            "organization": "Example Project",
            "commonName": "Example Sigstore Root"
          },
          "uri": "https://fulcio.example.org",
          "certChain": {
            "certificates": [
              {
                "rawBytes": "<certificate fulcio-2026>"
              },
              {
                "rawBytes": "<certificate root>"
              }
            ]
          },
          "validFor": {
            "start": "2026-12-01T00:00:00Z"
          }
        }
      ],
      "ctlogs": [
        {
          "baseUrl": "https://ctfe.example.org/2026",
          "hashAlgorithm": "SHA2_256",
          "publicKey": {
            "rawBytes": "<key ctlog-2026>",
            "keyDetails": "PKIX_ECDSA_P256_SHA_256",
            "validFor": {
              "start": "2026-12-01T00:00:00Z"
            }
          },
          "logId": {
            "keyId": "<Ct id of ctlog-2026>"
          }
        }
      ],
      "timestampAuthorities": [
        {
          "subject": {
            "organization": "Example Project",
            "commonName": "Example Sigstore Root"
          },
          "uri": "https://tsa.example.org/api/v1/timestamp",
          "certChain": {
            "certificates": [
              {
                "rawBytes": "<certificate tsa-signer-2026>"
              },
              {
                "rawBytes": "<certificate tsa-2026>"
              },
              {
                "rawBytes": "<certificate root>"
              }
            ]
          },
          "validFor": {
            "start": "2026-12-01T00:00:00Z"
          }
        }
      ]
    }
    "#);
    assert_eq!(TrustedRoot::from_json(json.as_bytes()).unwrap(), root);
    assert!(json.ends_with("}\n"));
}

#[test]
fn nothing_is_left_out_of_an_empty_root() {
    let plan: plan::TrustRoot = serde_json::from_str("{}").unwrap();
    let made = Made { certificates: BTreeMap::new(), keys: BTreeMap::new() };
    let json = to_json(&trusted_root(&plan, &made.material()).unwrap());
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    for list in ["tlogs", "ctlogs", "certificateAuthorities", "timestampAuthorities"] {
        assert_eq!(json[list], serde_json::json!([]), "{list}");
    }
}

#[test]
fn entries_are_sorted_and_ends_written() {
    let mut plan = example();
    let root = plan.trust_root.as_mut().unwrap();
    let mut old = root.certificate_authorities[0].clone();
    old.uri = "https://old.example.org".to_string().try_into().unwrap();
    old.trust.value_mut().from = "2025-01-01T00:00:00Z".parse().unwrap();
    old.trust.value_mut().to = Some("2026-12-31T23:59:59Z".parse().unwrap());
    root.certificate_authorities.push(old);
    let made = Made::of(&plan);
    let root = trusted_root(plan.trust_root.as_ref().unwrap(), &made.material()).unwrap();
    let uris: Vec<&str> = root.certificate_authorities.iter().map(|entry| entry.uri.as_str()).collect();
    assert_eq!(uris, ["https://old.example.org", "https://fulcio.example.org"]);
    let json = String::from_utf8(to_json(&root)).unwrap();
    assert!(json.contains("\"end\": \"2026-12-31T23:59:59Z\""));
}

#[test]
fn what_is_missing_is_named() {
    let plan = example();
    let root = plan.trust_root.as_ref().unwrap();
    let mut made = Made::of(&plan);
    let key: Name = "rekor-2026".parse().unwrap();
    let certificate: Name = "fulcio-2026".parse().unwrap();
    let last: Name = "root".parse().unwrap();
    let held = made.keys.remove(&key).unwrap();
    assert_eq!(trusted_root(root, &made.material()), Err(TrustRootError::NoKey(key.clone())));
    made.keys.insert(key, held);
    made.certificates.insert(last.clone(), vec![1]);
    assert!(
        matches!(trusted_root(root, &made.material()), Err(TrustRootError::BadCertificate { name, .. }) if name == last)
    );
    made.certificates.remove(&certificate);
    assert_eq!(trusted_root(root, &made.material()), Err(TrustRootError::NoCertificate(certificate)));
}

#[test]
fn both_files_in_one() {
    let (plan, _, root) = built();
    let config = signing_config(plan.trust_root.as_ref().unwrap(), "Example", plan.ceremony.date);
    let text = |json: Vec<u8>| String::from_utf8(json).unwrap();
    let json = client_trust_config(&text(to_json(&root)), &text(to_json(&config))).unwrap();
    // As if it were written as one.
    #[derive(serde::Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Written<'a> {
        media_type: &'a str,
        trusted_root: <TrustedRoot as ClientFile>::Written<'a>,
        signing_config: <SigningConfig as ClientFile>::Written<'a>,
    }
    let written = Written {
        media_type: "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
        trusted_root: root.written(),
        signing_config: config.written(),
    };
    assert_eq!(text(json.clone()), serde_json::to_string_pretty(&written).unwrap() + "\n");
    assert_eq!(client_trust_config("{", "{}"), None);
    let read: sigstore_protobuf_specs::dev::sigstore::trustroot::v1::ClientTrustConfig =
        serde_json::from_slice(&json).unwrap();
    assert_eq!((read.trusted_root, read.signing_config), (Some(root), Some(config)));
}
