//! Keys and signatures of SSH, by which people sign who have no device of the ceremony: public keys as
//! RFC 4253, 6.6, RFC 5656, 3.1 and RFC 8709, 4 encode them, and signatures over files as OpenSSH's
//! `PROTOCOL.sshsig` does. Keys on FIDO devices (`sk-…`, `PROTOCOL.u2f`) are taken too.

mod wire;

use std::fmt;

use data_encoding::{BASE64, BASE64_NOPAD};
use sha2::{Digest, Sha256, Sha512};

use super::key::{BadKey, PublicKey};
use super::signature::Signature;
use super::{Algorithm, Hash};
use wire::Reader;

/// The namespace of every signature that is asked for here: one over anything else says another.
pub const NAMESPACE: &str = "rootwright";

/// How the binary form of a signature begins.
pub const MAGIC: &[u8] = b"SSHSIG";

/// What is wrong with a key or signature of SSH.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSsh {
    /// Not in the form that it should have.
    #[error("{what}: {reason}")]
    Form {
        /// The key or the signature.
        what: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A kind of key or signature that is not taken.
    #[error(
        "`{0}` is not taken: expected ssh-ed25519, ecdsa-sha2-nistp256, -nistp384 or -nistp521, ssh-rsa of 3072 or 4096 bits signing with rsa-sha2-256 or rsa-sha2-512, or a key on a FIDO device"
    )]
    Kind(String),
    /// Made by another key.
    #[error("the signature is of the SSH key {found}, expected {expected}")]
    OtherKey {
        /// The fingerprint of the key that signed.
        found: String,
        /// The one that was expected.
        expected: String,
    },
    /// Made for another purpose.
    #[error(
        "the signature is for the namespace `{0}`, expected `{NAMESPACE}`: sign with `ssh-keygen -Y sign -n {NAMESPACE}`"
    )]
    Namespace(String),
    /// The person was not there: a FIDO device signed without a touch.
    #[error("the signature was made without a touch of the FIDO device")]
    Untouched,
    /// It does not verify.
    #[error("the signature does not verify under the SSH key {0}: it is over other bytes, or damaged")]
    Broken(String),
}

fn form(what: &'static str) -> impl Fn(String) -> BadSsh {
    move |reason| BadSsh::Form { what, reason }
}

/// A public key of SSH that was checked.
#[derive(Clone, PartialEq, Eq)]
pub struct SshKey {
    kind: String,
    blob: Vec<u8>,
    public: PublicKey,
    /// Of a key on a FIDO device: what it is for, such as `ssh:`.
    application: Option<Vec<u8>>,
}

impl fmt::Debug for SshKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.fingerprint())
    }
}

impl SshKey {
    /// Reads a line as `id_….pub` and `authorized_keys` have it: kind, base64, and a comment.
    pub fn parse(line: &str) -> Result<Self, BadSsh> {
        let wrong = form("the SSH key");
        let mut words = line.split_whitespace();
        let (Some(kind), Some(text)) = (words.next(), words.next()) else {
            return Err(wrong("expected its kind, and its base64".into()));
        };
        let blob = BASE64.decode(text.as_bytes()).map_err(|error| wrong(error.to_string()))?;
        let key = Self::from_blob(&blob)?;
        if key.kind != kind {
            return Err(wrong(format!("it is called {kind}, and is {}", key.kind)));
        }
        Ok(key)
    }

    /// Reads a key's binary form.
    pub fn from_blob(blob: &[u8]) -> Result<Self, BadSsh> {
        let wrong = form("the SSH key");
        let bad = |error: BadKey| form("the SSH key")(error.to_string());
        let mut reader = Reader::new(blob);
        let kind = reader.text().map_err(&wrong)?;
        let mut application = None;
        let public = match kind.as_str() {
            "ssh-ed25519" => PublicKey::from_ed25519(reader.string().map_err(&wrong)?).map_err(bad)?,
            "sk-ssh-ed25519@openssh.com" => {
                let public = PublicKey::from_ed25519(reader.string().map_err(&wrong)?).map_err(bad)?;
                application = Some(reader.string().map_err(&wrong)?.to_vec());
                public
            }
            "ecdsa-sha2-nistp256"
            | "ecdsa-sha2-nistp384"
            | "ecdsa-sha2-nistp521"
            | "sk-ecdsa-sha2-nistp256@openssh.com" => {
                let (curve, point) = (reader.text().map_err(&wrong)?, reader.string().map_err(&wrong)?);
                if !kind.trim_end_matches("@openssh.com").ends_with(&format!("-{curve}")) {
                    return Err(wrong(format!("a key of kind {kind} on the curve {curve}")));
                }
                let public = PublicKey::from_point(curve_of(&curve)?, point).map_err(bad)?;
                if kind.starts_with("sk-") {
                    application = Some(reader.string().map_err(&wrong)?.to_vec());
                }
                public
            }
            "ssh-rsa" => {
                let exponent = reader.integer().map_err(&wrong)?;
                let modulus = reader.integer().map_err(&wrong)?;
                PublicKey::from_rsa(modulus, exponent).map_err(bad)?
            }
            other => return Err(BadSsh::Kind(other.chars().take(64).collect())),
        };
        reader.end().map_err(&wrong)?;
        Ok(Self { kind, blob: blob.to_vec(), public, application })
    }

    /// The public key itself.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Whether it lives on a FIDO device, which signs more than what it is given: no other kind of
    /// signature than SSH's can be made with it.
    pub fn is_fido(&self) -> bool {
        self.application.is_some()
    }

    /// The 32 bytes of a key of `ssh-ed25519`; none of another kind.
    pub fn ed25519(&self) -> Option<[u8; 32]> {
        if self.kind != "ssh-ed25519" {
            return None;
        }
        // Its kind, and the key, each behind its length: what was read is written so.
        self.blob.last_chunk().copied()
    }

    /// Its fingerprint, as `ssh-keygen -l` shows it.
    pub fn fingerprint(&self) -> String {
        format!("SHA256:{}", BASE64_NOPAD.encode(&Sha256::digest(&self.blob)))
    }
}

fn curve_of(name: &str) -> Result<Algorithm, BadSsh> {
    match name {
        "nistp256" => Ok(Algorithm::EcdsaP256),
        "nistp384" => Ok(Algorithm::EcdsaP384),
        "nistp521" => Ok(Algorithm::EcdsaP521),
        other => Err(BadSsh::Kind(other.chars().take(64).collect())),
    }
}

/// A signature over a file (`PROTOCOL.sshsig`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshSignature {
    blob: Vec<u8>,
    key: SshKey,
    namespace: String,
    reserved: Vec<u8>,
    hash: String,
    algorithm: String,
    signature: Vec<u8>,
    /// Of a FIDO device: its flags and its counter.
    device: Option<(u8, u32)>,
}

const ARMOR: [&str; 2] = ["-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"];

impl SshSignature {
    /// Reads what `ssh-keygen -Y sign` writes.
    pub fn parse(text: &str) -> Result<Self, BadSsh> {
        let wrong = form("the SSH signature");
        let [begin, end] = ARMOR;
        let inner = text.trim().strip_prefix(begin).and_then(|rest| rest.strip_suffix(end));
        let inner = inner.ok_or_else(|| wrong(format!("expected it between `{begin}` and `{end}`")))?;
        let base64: String = inner.split_whitespace().collect();
        Self::from_blob(&BASE64.decode(base64.as_bytes()).map_err(|error| wrong(error.to_string()))?)
    }

    /// Reads a signature's binary form.
    pub fn from_blob(blob: &[u8]) -> Result<Self, BadSsh> {
        let wrong = form("the SSH signature");
        let rest =
            blob.strip_prefix(MAGIC).ok_or_else(|| wrong("expected SSHSIG at its beginning".into()))?;
        let mut reader = Reader::new(rest);
        let version = reader.number().map_err(&wrong)?;
        if version != 1 {
            return Err(wrong(format!("it is of version {version}, expected 1")));
        }
        let key = SshKey::from_blob(reader.string().map_err(&wrong)?)?;
        let namespace = reader.text().map_err(&wrong)?;
        let reserved = reader.string().map_err(&wrong)?.to_vec();
        let hash = reader.text().map_err(&wrong)?;
        let mut inner = Reader::new(reader.string().map_err(&wrong)?);
        reader.end().map_err(&wrong)?;
        let algorithm = inner.text().map_err(&wrong)?;
        let signature = inner.string().map_err(&wrong)?.to_vec();
        let device = match key.application {
            Some(_) => Some((inner.byte().map_err(&wrong)?, inner.number().map_err(&wrong)?)),
            None => None,
        };
        inner.end().map_err(&wrong)?;
        Ok(Self { blob: blob.to_vec(), key, namespace, reserved, hash, algorithm, signature, device })
    }

    /// The binary form.
    pub fn blob(&self) -> &[u8] {
        &self.blob
    }

    /// The key that it says it is by.
    pub fn key(&self) -> &SshKey {
        &self.key
    }

    /// Verifies it over a message, under this key, for this tool's namespace.
    pub fn verify(&self, message: &[u8], key: &SshKey) -> Result<(), BadSsh> {
        if self.key != *key {
            let (found, expected) = (self.key.fingerprint(), key.fingerprint());
            return Err(BadSsh::OtherKey { found, expected });
        }
        if self.namespace != NAMESPACE {
            return Err(BadSsh::Namespace(self.namespace.chars().take(64).collect()));
        }
        let digest = match self.hash.as_str() {
            "sha256" => Sha256::digest(message).to_vec(),
            "sha512" => Sha512::digest(message).to_vec(),
            other => return Err(BadSsh::Kind(other.chars().take(64).collect())),
        };
        let mut signed = MAGIC.to_vec();
        for part in [self.namespace.as_bytes(), &self.reserved, self.hash.as_bytes(), &digest] {
            wire::put(&mut signed, part);
        }
        let expected = if key.kind == "ssh-rsa" { "rsa-sha2-" } else { key.kind.as_str() };
        if !self.algorithm.starts_with(expected) {
            return Err(BadSsh::Kind(self.algorithm.chars().take(64).collect()));
        }
        if let (Some((flags, counter)), Some(application)) = (self.device, &key.application) {
            if flags & 1 == 0 {
                return Err(BadSsh::Untouched);
            }
            let inner = Sha256::digest(&signed);
            signed = Sha256::digest(application).to_vec();
            signed.push(flags);
            signed.extend(counter.to_be_bytes());
            signed.extend(inner);
        }
        if self.holds(&signed) { Ok(()) } else { Err(BadSsh::Broken(key.fingerprint())) }
    }

    fn holds(&self, signed: &[u8]) -> bool {
        let public = &self.key.public;
        match self.algorithm.as_str() {
            "rsa-sha2-256" => public.verify(signed, &Signature(self.signature.clone())).is_ok(),
            "rsa-sha2-512" => {
                use x509_cert::spki::DecodePublicKey;
                let key = rsa::RsaPublicKey::from_public_key_der(public.spki());
                let scheme = rsa::Pkcs1v15Sign::new::<Sha512>();
                key.is_ok_and(|key| key.verify(scheme, &Sha512::digest(signed), &self.signature).is_ok())
            }
            _ if public.algorithm().hash() == Hash::None => {
                public.verify(signed, &Signature(self.signature.clone())).is_ok()
            }
            // Two integers, r and s (RFC 5656, 3.1.2).
            _ => ecdsa(&self.signature).is_some_and(|signature| public.verify(signed, &signature).is_ok()),
        }
    }
}

fn ecdsa(signature: &[u8]) -> Option<Signature> {
    let mut reader = Reader::new(signature);
    let (r, s) = (reader.integer().ok()?, reader.integer().ok()?);
    reader.end().ok()?;
    let half = r.len().max(s.len());
    let mut rs = Vec::new();
    for part in [r, s] {
        rs.extend(std::iter::repeat_n(0, half.saturating_sub(part.len())));
        rs.extend(part);
    }
    Signature::from_rs(&rs).ok()
}

#[cfg(test)]
mod tests;
