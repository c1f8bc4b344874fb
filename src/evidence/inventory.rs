//! Inventories in CycloneDX 1.6: keys, algorithms and certificates of an archive (a CBOM). Pure.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::archive::State;
use crate::pki::{Algorithm, Certificate};
use crate::plan::Time;

/// The CBOM of an archive: RFC 8785 apart, the same text for the same archive.
pub fn cbom(state: &State) -> String {
    let mut algorithms: BTreeMap<&str, Value> = BTreeMap::new();
    let mut components = Vec::new();
    let mut dependencies = Vec::new();
    for (name, made) in &state.keys {
        let algorithm = made.public.algorithm();
        algorithms.entry(algorithm.as_str()).or_insert_with(|| self::algorithm(algorithm));
        let device = made.device.as_ref().map(|device| {
            let serial = state.devices.get(device).map_or("", String::as_str);
            json!([{"name": "rootwright:device", "value": device}, {"name": "rootwright:serial", "value": serial}])
        });
        let reference = format!("key/{name}");
        let mut component = json!({
            "type": "cryptographic-asset",
            "bom-ref": reference,
            "name": name,
            "hashes": [{"alg": "SHA-256", "content": made.public.fingerprint()}],
            "cryptoProperties": {
                "assetType": "related-crypto-material",
                "relatedCryptoMaterialProperties": {
                    "type": "public-key",
                    "id": made.public.fingerprint(),
                    "state": "active",
                    "size": bits(algorithm),
                    "algorithmRef": algorithm_ref(algorithm),
                    "format": "SubjectPublicKeyInfo",
                    "value": data_encoding::BASE64.encode(made.public.spki()),
                },
                "oid": key_oid(algorithm),
            },
        });
        if let (Some(device), Some(map)) = (device, component.as_object_mut()) {
            map.insert("properties".into(), device);
        }
        components.push(component);
        dependencies.push(json!({"ref": reference, "dependsOn": [algorithm_ref(algorithm)]}));
    }
    for (name, made) in &state.certificates {
        let reference = format!("certificate/{name}");
        components.push(certificate(state, &reference, name.as_str(), &made.certificate));
        let key = subject_key(state, &made.certificate);
        let issuer = made.issuer.as_ref().map(|issuer| format!("certificate/{issuer}"));
        let on: Vec<String> = key.map(|key| format!("key/{key}")).into_iter().chain(issuer).collect();
        dependencies.push(json!({"ref": reference, "dependsOn": on}));
    }
    for (name, value) in &algorithms {
        dependencies.push(json!({"ref": format!("algorithm/{name}")}));
        components.push(value.clone());
    }
    let mut metadata = json!({
        "component": {"type": "data", "bom-ref": "archive", "name": "rootwright archive"},
        "tools": {"components": [{"type": "application", "name": "rootwright", "version": env!("CARGO_PKG_VERSION")}]},
    });
    if let (Some(time), Some(map)) = (state.last, metadata.as_object_mut()) {
        map.insert("timestamp".into(), json!(time.to_string()));
    }
    let document = json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": metadata,
        "components": components,
        "dependencies": dependencies,
    });
    format!("{document:#}\n")
}

/// The name of the key that a certificate is of.
fn subject_key<'a>(state: &'a State, certificate: &Certificate) -> Option<&'a str> {
    let spki = der::Encode::to_der(certificate.tbs().subject_public_key_info()).ok()?;
    let mut keys = state.keys.iter();
    keys.find(|(_, made)| made.public.spki() == spki).map(|(name, _)| name.as_str())
}

fn certificate(state: &State, reference: &str, name: &str, certificate: &Certificate) -> Value {
    let tbs = certificate.tbs();
    let time = |time: &x509_cert::time::Time| {
        let seconds = i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX);
        Time::from_unix(seconds).map(|time| time.to_string())
    };
    let validity = tbs.validity();
    let mut properties = json!({
        "subjectName": tbs.subject().to_string(),
        "issuerName": tbs.issuer().to_string(),
        "notValidBefore": time(&validity.not_before),
        "notValidAfter": time(&validity.not_after),
        "certificateFormat": "X.509",
        "certificateExtension": "pem",
    });
    if let (Some(key), Some(map)) = (subject_key(state, certificate), properties.as_object_mut()) {
        map.insert("subjectPublicKeyRef".into(), format!("key/{key}").into());
    }
    json!({
        "type": "cryptographic-asset",
        "bom-ref": reference,
        "name": name,
        "hashes": [{"alg": "SHA-256", "content": crate::pki::sha256_hex(certificate.der())}],
        "cryptoProperties": {"assetType": "certificate", "certificateProperties": properties},
    })
}

fn algorithm_ref(algorithm: Algorithm) -> String {
    format!("algorithm/{}", algorithm.as_str())
}

fn bits(algorithm: Algorithm) -> u32 {
    match algorithm {
        Algorithm::EcdsaP256 | Algorithm::Ed25519 => 256,
        Algorithm::EcdsaP384 => 384,
        Algorithm::EcdsaP521 => 521,
        Algorithm::Rsa3072 => 3072,
        Algorithm::Rsa4096 => 4096,
    }
}

fn key_oid(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::EcdsaP256 | Algorithm::EcdsaP384 | Algorithm::EcdsaP521 => "1.2.840.10045.2.1",
        Algorithm::Ed25519 => "1.3.101.112",
        Algorithm::Rsa3072 | Algorithm::Rsa4096 => "1.2.840.113549.1.1.1",
    }
}

/// An algorithm, with its strength against classical computers (NIST SP 800-57 part 1, table 2) and none
/// against quantum ones.
fn algorithm(algorithm: Algorithm) -> Value {
    let (curve, strength) = match algorithm {
        Algorithm::EcdsaP256 => (Some("P-256"), 128),
        Algorithm::EcdsaP384 => (Some("P-384"), 192),
        Algorithm::EcdsaP521 => (Some("P-521"), 256),
        Algorithm::Ed25519 => (Some("Ed25519"), 128),
        Algorithm::Rsa3072 => (None, 128),
        Algorithm::Rsa4096 => (None, 152),
    };
    let mut properties = json!({
        "primitive": "signature",
        "parameterSetIdentifier": bits(algorithm).to_string(),
        "executionEnvironment": "hardware",
        "cryptoFunctions": ["keygen", "sign", "verify"],
        "classicalSecurityLevel": strength,
        "nistQuantumSecurityLevel": 0,
    });
    if let Some(map) = properties.as_object_mut() {
        match curve {
            Some(curve) => drop(map.insert("curve".into(), curve.into())),
            None => drop(map.insert("padding".into(), "pkcs1v15".into())),
        }
    }
    json!({
        "type": "cryptographic-asset",
        "bom-ref": algorithm_ref(algorithm),
        "name": algorithm.as_str(),
        "cryptoProperties": {
            "assetType": "algorithm",
            "algorithmProperties": properties,
            "oid": algorithm.signature_identifier().oid.to_string(),
        },
    })
}
