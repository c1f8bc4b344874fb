//! What the plan says of each thing, as it is compared with what was made.

use serde_json::{Value, json};
use sigstore_protobuf_specs::dev::sigstore::common::v1::TimeRange;
use sigstore_protobuf_specs::dev::sigstore::trustroot::v1::Service;

use crate::archive::Role;
use crate::plan::{At, Key, Name, Plan};
use crate::trust_root;

/// What the plan says of a key. Keyholders' keys bear the keyholder's name, unless the plan names them.
pub fn key_spec(plan: &Plan, name: &Name) -> Value {
    if let Some(Key::Csr { .. }) = plan.keys.get(name) {
        return json!({"csr": true});
    }
    if let Some((_, _, hash)) = plan.public_keys().find(|(key, ..)| *key == name) {
        return match plan.keyholder_of(name) {
            Some(keyholder) => json!({"fingerprint": hash, "keyholder": keyholder}),
            None => json!({"fingerprint": hash}),
        };
    }
    match plan.device_keys().find(|(key, _, _)| *key == name) {
        Some((_, device, algorithm)) => {
            let mut spec = json!({"device": device, "algorithm": algorithm});
            let more = [("backup", plan.backup_of(name)), ("keyholder", plan.keyholder_of(name))];
            if let Some(spec) = spec.as_object_mut() {
                spec.extend(more.iter().filter_map(|(field, of)| Some((field.to_string(), json!((*of)?)))));
            }
            spec
        }
        None => Value::Null,
    }
}

/// What the plan says of a certificate.
pub fn certificate_spec(plan: &Plan, name: &Name) -> Value {
    serde_json::to_value(plan.certificates.get(name)).unwrap_or_default()
}

/// What the plan says of a request that goes out.
pub fn csr_spec(plan: &Plan, name: &Name) -> Value {
    serde_json::to_value(plan.csrs.get(name)).unwrap_or_default()
}

/// What the plan says of a CRL.
pub fn crl_spec(plan: &Plan, name: &Name) -> Value {
    serde_json::to_value(plan.crls.get(name)).unwrap_or_default()
}

/// What the plan says of the trust root, with the services that are in use on the ceremony's day: one
/// that waited for its start enters the signing config by a later plan that says nothing else new.
pub fn trust_root_spec(plan: &Plan) -> Option<Value> {
    let root = plan.trust_root.as_ref()?;
    let mut spec = serde_json::to_value(root).ok()?;
    let config = trust_root::signing_config(root, &plan.ceremony.organization, plan.ceremony.date);
    let list = |services: &[Service]| -> Vec<Value> {
        let seconds = |range: Option<&TimeRange>| {
            let range = range?;
            Some((range.start.as_ref()?.seconds, range.end.as_ref().map(|end| end.seconds)))
        };
        let of = |service: &Service| {
            json!([
                service.url,
                service.major_api_version,
                service.operator,
                seconds(service.valid_for.as_ref())
            ])
        };
        services.iter().map(of).collect()
    };
    let services = [&config.ca_urls, &config.oidc_urls, &config.rekor_tlog_urls, &config.tsa_urls];
    let services: Vec<Vec<Value>> = services.into_iter().map(|services| list(services)).collect();
    spec.as_object_mut()?.insert("services".into(), json!(services));
    Some(spec)
}

/// What the plan says of a role's metadata, with what it depends on: a role is signed again when
/// anything below it changed.
pub fn role_spec(plan: &Plan, role: Role) -> Option<Value> {
    let tuf = plan.tuf.as_ref()?;
    Some(match role {
        Role::Root => {
            let mut keys = json!({"snapshot": tuf.snapshot.key, "timestamp": tuf.timestamp.key});
            for (name, role) in [("snapshot", &tuf.snapshot), ("timestamp", &tuf.timestamp)] {
                let handed = json!({"periods": role.periods, "uri": role.uri});
                if let (true, Some(keys)) =
                    (role.periods.is_some() || role.uri.is_some(), keys.as_object_mut())
                {
                    keys.insert(format!("{name}-tuf-on-ci"), handed);
                }
            }
            let targets = json!({"keyholders": tuf.targets.keyholders, "threshold": tuf.targets.threshold});
            let spec = json!({"root": tuf.root, "targets": targets, "online": keys});
            with_keys(plan, spec, tuf.root.keyholders.iter().chain(tuf.targets.keyholders.iter()))
        }
        Role::Targets => {
            let mut spec = json!({"targets": tuf.targets, "trust-root": trust_root_spec(plan)?});
            let files: serde_json::Map<String, Value> =
                tuf.targets_files.iter().map(|(name, file)| (name.to_string(), json!(file.sha256))).collect();
            if let (false, Some(spec)) = (files.is_empty(), spec.as_object_mut()) {
                spec.insert("files".into(), Value::Object(files));
            }
            with_keys(plan, spec, tuf.targets.keyholders.iter())
        }
        Role::Snapshot => json!({"snapshot": tuf.snapshot, "targets": role_spec(plan, Role::Targets)?}),
        Role::Timestamp => json!({"timestamp": tuf.timestamp, "snapshot": role_spec(plan, Role::Snapshot)?}),
    })
}

/// A role's spec with the keys of those keyholders whose key does not bear their name: who changes the
/// device signs anew, under the same name.
fn with_keys<'a>(plan: &Plan, mut spec: Value, keyholders: impl Iterator<Item = &'a At<Name>>) -> Value {
    let keys = keyholders.map(|name| (name.to_string(), json!(plan.key_of(name))));
    let keys: serde_json::Map<String, Value> = keys.filter(|(name, key)| key != name.as_str()).collect();
    if let (false, Some(spec)) = (keys.is_empty(), spec.as_object_mut()) {
        spec.insert("keys".into(), Value::Object(keys));
    }
    spec
}
