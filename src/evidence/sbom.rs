//! The inventory of the tool itself in CycloneDX 1.6 (an SBOM), from Cargo's own list of what it was built of,
//! which is in the binary. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};

/// What Cargo resolved: every package, with version and hash.
pub const LOCK: &str = include_str!("../../Cargo.lock");

/// What the package asks for: which of them are for its tests alone.
const MANIFEST: &str = include_str!("../../Cargo.toml");

#[derive(Deserialize)]
struct Lock {
    package: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    source: Option<String>,
    checksum: Option<String>,
    #[serde(default)]
    dependencies: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Manifest {
    #[serde(default)]
    dev_dependencies: BTreeMap<String, Value>,
    dependencies: BTreeMap<String, Value>,
}

impl Package {
    fn reference(&self) -> String {
        format!("pkg:cargo/{}@{}", self.name, self.version)
    }

    /// Whether an entry of a list of dependencies means this one: `name`, with its version where there are
    /// several.
    fn is(&self, entry: &str) -> bool {
        let mut words = entry.split(' ');
        words.next() == Some(&self.name) && words.next().is_none_or(|version| version == self.version)
    }
}

/// The SBOM: everything that can be in the binary. Packages for other systems and for features that are off are
/// in Cargo's list too, so that it is no less than what is in, and may be more.
pub fn sbom() -> Result<String, toml::de::Error> {
    let lock: Lock = toml::from_str(LOCK)?;
    let manifest: Manifest = toml::from_str(MANIFEST)?;
    let tests_only = |entry: &str| {
        let name = entry.split(' ').next().unwrap_or(entry);
        manifest.dev_dependencies.contains_key(name) && !manifest.dependencies.contains_key(name)
    };
    let this = |package: &&Package| package.name == env!("CARGO_PKG_NAME") && package.source.is_none();
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut next: Vec<&Package> = lock.package.iter().filter(this).collect();
    let (mut components, mut dependencies) = (BTreeMap::new(), BTreeMap::new());
    while let Some(package) = next.pop() {
        if !seen.insert(package.reference()) {
            continue;
        }
        let own = this(&package);
        let wanted = package.dependencies.iter().filter(|entry| !own || !tests_only(entry));
        let found: Vec<&Package> =
            wanted.filter_map(|entry| lock.package.iter().find(|other| other.is(entry))).collect();
        let on: BTreeSet<String> = found.iter().map(|package| package.reference()).collect();
        dependencies.insert(package.reference(), json!({"ref": package.reference(), "dependsOn": on}));
        if !own {
            components.insert(package.reference(), component(package));
        }
        next.extend(found);
    }
    let root = format!("pkg:cargo/{}@{}", env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
    let document = json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {
            "type": "application",
            "bom-ref": root,
            "name": env!("CARGO_PKG_NAME"),
            "version": env!("CARGO_PKG_VERSION"),
            "licenses": [{"expression": env!("CARGO_PKG_LICENSE")}],
            "purl": root,
        }},
        "components": components.into_values().collect::<Vec<Value>>(),
        "dependencies": dependencies.into_values().collect::<Vec<Value>>(),
    });
    Ok(format!("{document:#}\n"))
}

fn component(package: &Package) -> Value {
    let mut component = json!({
        "type": "library",
        "bom-ref": package.reference(),
        "name": package.name,
        "version": package.version,
        "purl": package.reference(),
    });
    if let (Some(checksum), Some(map)) = (&package.checksum, component.as_object_mut()) {
        map.insert("hashes".into(), json!([{"alg": "SHA-256", "content": checksum}]));
    }
    component
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_what_is_built_in_and_not_what_only_tests_use() {
        let document: Value = serde_json::from_str(&sbom().unwrap()).unwrap();
        let names: BTreeSet<&str> = document["components"]
            .as_array()
            .unwrap()
            .iter()
            .map(|component| component["name"].as_str().unwrap())
            .collect();
        for name in ["cryptoki", "p256", "aws-lc-sys", "serde"] {
            assert!(names.contains(name), "{name}");
        }
        for name in ["insta", "proptest", "tiny_http", "rootwright"] {
            assert!(!names.contains(name), "{name}");
        }
        assert_eq!(document["metadata"]["component"]["licenses"][0]["expression"], "Apache-2.0 OR MIT");
        let hashed = document["components"].as_array().unwrap().iter();
        assert!(
            hashed.clone().all(|component| component["hashes"][0]["content"].as_str().unwrap().len() == 64)
        );
    }
}
