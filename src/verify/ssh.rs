//! Keys and signatures of SSH, read and verified anew (RFC 4253, RFC 5656, RFC 8709, `PROTOCOL.sshsig`), with
//! hashes and signatures by aws-lc.

use aws_lc_rs::digest::{self, SHA256, SHA512};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA512, RsaPublicKeyComponents, UnparsedPublicKey,
};
use data_encoding::{BASE64, BASE64_NOPAD};

/// How a signature begins.
pub const MAGIC: &[u8] = b"SSHSIG";

/// What every signature of a ceremony is for.
const NAMESPACE: &[u8] = b"rootwright";

/// A public key's parts, in order: its kind, and what follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    blob: Vec<u8>,
    parts: Vec<Vec<u8>>,
}

impl Key {
    /// Reads a line of a plan.
    pub fn of_line(line: &str) -> Result<Self, String> {
        let text = line.split_whitespace().nth(1).ok_or("the plan's SSH key has no base64")?;
        let blob = BASE64.decode(text.as_bytes()).map_err(|error| format!("the plan's SSH key: {error}"))?;
        Self::of_blob(&blob)
    }

    fn of_blob(blob: &[u8]) -> Result<Self, String> {
        let parts = parts(blob)?;
        Ok(Self { blob: blob.to_vec(), parts })
    }

    /// The 32 bytes of a key of `ssh-ed25519`; none of another kind.
    pub fn ed25519(&self) -> Option<[u8; 32]> {
        match self.parts.as_slice() {
            [kind, key] if kind == b"ssh-ed25519" => key.as_slice().try_into().ok(),
            _ => None,
        }
    }

    /// The fingerprint that `ssh-keygen -l` shows.
    pub fn fingerprint(&self) -> String {
        format!("SHA256:{}", BASE64_NOPAD.encode(digest::digest(&SHA256, &self.blob).as_ref()))
    }

    fn part(&self, at: usize) -> &[u8] {
        self.parts.get(at).map(Vec::as_slice).unwrap_or_default()
    }

    fn kind(&self) -> &[u8] {
        self.part(0)
    }

    /// Where the application of a key on a FIDO device stands: behind all that makes the key.
    fn application(&self) -> Option<&[u8]> {
        self.kind().starts_with(b"sk-").then(|| self.parts.last().map(Vec::as_slice).unwrap_or_default())
    }
}

/// Verifies a signature's binary form over a message, under a key.
pub fn verify(key: &Key, blob: &[u8], message: &[u8]) -> Result<(), String> {
    let body = blob.strip_prefix(MAGIC).and_then(|rest| rest.strip_prefix(&[0, 0, 0, 1]));
    let fields = parts(body.ok_or("it is no SSH signature of version 1")?)?;
    let [by, namespace, reserved, hash, signature] = fields.as_slice() else {
        return Err("an SSH signature has five fields".into());
    };
    if *by != key.blob {
        return Err(format!(
            "it is by the SSH key {}, expected {}",
            Key::of_blob(by)?.fingerprint(),
            key.fingerprint()
        ));
    }
    if namespace != NAMESPACE {
        return Err("it is an SSH signature for another namespace than rootwright".into());
    }
    let hashed = match hash.as_slice() {
        b"sha256" => digest::digest(&SHA256, message),
        b"sha512" => digest::digest(&SHA512, message),
        _ => return Err("it is over a hash that is not known here".into()),
    };
    let mut covered = MAGIC.to_vec();
    for field in [namespace.as_slice(), reserved, hash, hashed.as_ref()] {
        covered.extend(u32::try_from(field.len()).unwrap_or(u32::MAX).to_be_bytes());
        covered.extend(field);
    }
    let (algorithm, rest) = first(signature)?;
    let (value, rest) = first(rest)?;
    match (key.application(), rest) {
        (None, []) => {}
        (Some(application), [flags, counter @ ..]) if counter.len() == 4 && flags & 1 == 1 => {
            let inner = digest::digest(&SHA256, &covered);
            covered = digest::digest(&SHA256, application).as_ref().to_vec();
            covered.push(*flags);
            covered.extend(counter);
            covered.extend(inner.as_ref());
        }
        _ => return Err("it has other bytes behind the signature, or was made without a touch".into()),
    }
    if holds(key, algorithm, value, &covered) {
        Ok(())
    } else {
        Err(format!("it does not verify under the SSH key {}", key.fingerprint()))
    }
}

fn holds(key: &Key, algorithm: &[u8], value: &[u8], covered: &[u8]) -> bool {
    let rsa = |parameters| {
        let (e, n) = (unsigned(key.part(1)), unsigned(key.part(2)));
        n.len() >= 384 && RsaPublicKeyComponents { n, e }.verify(parameters, covered, value).is_ok()
    };
    let ecdsa = |parameters, half: usize| {
        let pair = parts(value).ok().filter(|pair| pair.len() == 2).unwrap_or_default();
        let mut fixed = Vec::new();
        for number in &pair {
            let number = unsigned(number);
            fixed.extend(std::iter::repeat_n(0, half.saturating_sub(number.len())));
            fixed.extend(number);
        }
        UnparsedPublicKey::new(parameters, key.part(2)).verify(covered, &fixed).is_ok()
    };
    match (key.kind(), algorithm) {
        (b"ssh-ed25519", b"ssh-ed25519") | (b"sk-ssh-ed25519@openssh.com", b"sk-ssh-ed25519@openssh.com") => {
            UnparsedPublicKey::new(&ED25519, key.part(1)).verify(covered, value).is_ok()
        }
        (b"ecdsa-sha2-nistp256", b"ecdsa-sha2-nistp256")
        | (b"sk-ecdsa-sha2-nistp256@openssh.com", b"sk-ecdsa-sha2-nistp256@openssh.com") => {
            ecdsa(&ECDSA_P256_SHA256_FIXED, 32)
        }
        (b"ecdsa-sha2-nistp384", b"ecdsa-sha2-nistp384") => ecdsa(&ECDSA_P384_SHA384_FIXED, 48),
        (b"ecdsa-sha2-nistp521", b"ecdsa-sha2-nistp521") => ecdsa(&ECDSA_P521_SHA512_FIXED, 66),
        (b"ssh-rsa", b"rsa-sha2-256") => rsa(&RSA_PKCS1_2048_8192_SHA256),
        (b"ssh-rsa", b"rsa-sha2-512") => rsa(&RSA_PKCS1_2048_8192_SHA512),
        _ => false,
    }
}

/// The first length and as many bytes, and what follows.
fn first(bytes: &[u8]) -> Result<(&[u8], &[u8]), String> {
    let short = || "it ends too early".to_string();
    let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(short)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| short())?;
    rest.split_at_checked(length).ok_or_else(short)
}

/// Lengths and bytes up to the end.
fn parts(mut bytes: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let mut parts = Vec::new();
    while !bytes.is_empty() {
        let (part, rest) = first(bytes)?;
        parts.push(part.to_vec());
        bytes = rest;
    }
    Ok(parts)
}

/// A number without the zeros before it.
fn unsigned(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &[u8] = b"what people sign";

    /// Made by ssh-keygen over [`MESSAGE`].
    macro_rules! sample {
        ($name:literal) => {
            (
                include_str!(concat!("../pki/ssh/samples/", $name, ".pub")),
                include_str!(concat!("../pki/ssh/samples/", $name, ".sig")),
            )
        };
    }

    fn blob(armored: &str) -> Vec<u8> {
        let lines = armored.lines().filter(|line| !line.starts_with("-----"));
        BASE64.decode(lines.collect::<String>().as_bytes()).unwrap()
    }

    #[test]
    fn both_implementations_agree_on_every_changed_byte() {
        for (line, signature) in [
            sample!("ed25519"),
            sample!("ecdsa-256"),
            sample!("ecdsa-384"),
            sample!("ecdsa-521"),
            sample!("rsa-3072"),
        ] {
            let key = Key::of_line(line).unwrap();
            let other = crate::pki::ssh::SshKey::parse(line).unwrap();
            assert_eq!(key.fingerprint(), other.fingerprint());
            let good = blob(signature);
            assert_eq!(verify(&key, &good, MESSAGE), Ok(()), "{line}");
            assert!(verify(&key, &good, b"what people sing").is_err());
            for at in 0..good.len() {
                let mut bad = good.clone();
                bad[at] ^= 1;
                assert!(verify(&key, &bad, MESSAGE).is_err(), "byte {at} of {line}");
                assert!(verify(&key, &good[..at], MESSAGE).is_err());
            }
        }
    }
}
