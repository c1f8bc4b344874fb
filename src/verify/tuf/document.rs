//! A metadata file, read from its JSON alone.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER_PERMISSIVE;
use serde_json::Value;

use super::root::{Root, Signer};
use crate::archive::Role;
use crate::plan::Time;
use crate::verify::canonical::olpc;

/// A metadata file.
#[derive(Debug)]
pub struct Document {
    /// Whose it is.
    pub role: Role,
    /// Its version.
    pub version: u64,
    /// When it expires.
    pub expires: Time,
    /// Whether it is marked as a rehearsal's.
    pub rehearsal: bool,
    /// What is signed.
    pub signed: Value,
    /// What is signed, as bytes.
    pub canonical: Vec<u8>,
    /// Signatures: key id and signature, in the file's order.
    pub signatures: Vec<(String, String)>,
}

/// A field that is a text.
pub fn text<'v>(value: &'v Value, field: &str) -> Result<&'v str, String> {
    value.get(field).and_then(Value::as_str).ok_or_else(|| format!("`{field}` is missing, or no text"))
}

/// A field that is a number without a fraction.
pub fn number(value: &Value, field: &str) -> Result<u64, String> {
    value.get(field).and_then(Value::as_u64).ok_or_else(|| format!("`{field}` is missing, or no number"))
}

impl Document {
    /// Reads the metadata of a role. Verifies nothing.
    pub fn read(bytes: &[u8], role: Role) -> Result<Self, String> {
        let mut file: Value = serde_json::from_slice(bytes).map_err(|error| format!("not JSON: {error}"))?;
        let signed = file.get_mut("signed").map(Value::take).unwrap_or_default();
        let found = text(&signed, "_type")?;
        if found != role.as_str() {
            return Err(format!("it is {found} metadata, expected {role}"));
        }
        let specification = text(&signed, "spec_version")?;
        if !specification.starts_with("1.0.") {
            return Err(format!("it follows specification {specification}, expected 1.0"));
        }
        let mut signatures = Vec::new();
        for signature in file.get("signatures").and_then(Value::as_array).ok_or("it has no signatures")? {
            signatures.push((text(signature, "keyid")?.to_string(), text(signature, "sig")?.to_string()));
        }
        let purpose = signed.get("x-rootwright-purpose").and_then(Value::as_str);
        Ok(Self {
            role,
            version: number(&signed, "version")?,
            expires: text(&signed, "expires")?.parse()?,
            rehearsal: purpose == Some("rehearsal"),
            canonical: olpc(&signed)?,
            signed,
            signatures,
        })
    }

    /// Verifies every signature, once. One by a key that has no part in the role under any of these
    /// roots is an error, as is a second one by the same key id.
    pub fn signers<'r>(&self, roots: &[&'r Root]) -> Result<Signers<'r>, String> {
        let mut found: BTreeMap<&str, &'r Signer> = BTreeMap::new();
        for (id, signature) in &self.signatures {
            let signer = roots.iter().find_map(|root| root.signer(self.role, id));
            let (id, signer) =
                signer.ok_or_else(|| format!("signed by {id}, which has no part in {}", self.role))?;
            let bytes = HEXLOWER_PERMISSIVE
                .decode(signature.as_bytes())
                .map_err(|error| format!("the signature of {id}: not hex: {error}"))?;
            signer.key.verify(&self.canonical, &bytes).map_err(|reason| {
                format!("the signature of {}: {reason}", signer.owner.as_deref().unwrap_or(id))
            })?;
            if found.insert(id, signer).is_some() {
                return Err(format!("{id} signs twice"));
            }
        }
        Ok(Signers(found))
    }
}

/// Who signed a document, with signatures that verify.
#[derive(Debug)]
pub struct Signers<'r>(BTreeMap<&'r str, &'r Signer>);

impl Signers<'_> {
    /// Whether they reach a root's threshold for the role, counted by key material: one key under two
    /// ids is one key.
    pub fn reach(&self, root: &Root, role: Role) -> Result<String, String> {
        let threshold = root.threshold(role);
        let mut counted: Vec<&Signer> = Vec::new();
        for (id, signer) in &self.0 {
            let new = !counted.iter().any(|known| known.key == signer.key);
            if new && root.signer(role, id).is_some() {
                counted.push(signer);
            }
        }
        let mut names: Vec<&str> =
            counted.iter().map(|signer| signer.owner.as_deref().unwrap_or("an unknown key")).collect();
        names.sort_unstable();
        let reached =
            u64::try_from(counted.len()).is_ok_and(|count| threshold.is_some_and(|most| count >= most));
        let said = format!(
            "signed by {} ({}), root {} asks for {}",
            counted.len(),
            names.join(", "),
            root.version,
            threshold.map_or("more than there are".into(), |threshold| threshold.to_string())
        );
        if reached { Ok(said) } else { Err(format!("below the threshold: {said}")) }
    }
}
