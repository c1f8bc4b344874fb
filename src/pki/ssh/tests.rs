//! What OpenSSH signed verifies, and nothing else does.

use super::*;

const MESSAGE: &[u8] = b"what people sign";

/// Keys and signatures over [`MESSAGE`] that ssh-keygen made.
const SAMPLES: [(&str, &str); 5] = [
    (include_str!("samples/ed25519.pub"), include_str!("samples/ed25519.sig")),
    (include_str!("samples/ecdsa-256.pub"), include_str!("samples/ecdsa-256.sig")),
    (include_str!("samples/ecdsa-384.pub"), include_str!("samples/ecdsa-384.sig")),
    (include_str!("samples/ecdsa-521.pub"), include_str!("samples/ecdsa-521.sig")),
    (include_str!("samples/rsa-3072.pub"), include_str!("samples/rsa-3072.sig")),
];

#[test]
fn what_openssh_signs_verifies() {
    for (key, signature) in SAMPLES {
        let key = SshKey::parse(key).unwrap();
        let signature = SshSignature::parse(signature).unwrap();
        assert_eq!(signature.verify(MESSAGE, &key), Ok(()), "{key:?}");
        assert!(matches!(signature.verify(b"what people sing", &key), Err(BadSsh::Broken(_))), "{key:?}");
        assert_eq!(SshSignature::from_blob(signature.blob()).unwrap(), signature);
    }
    let [(first, _), (_, second), ..] = SAMPLES;
    let other = SshSignature::parse(second).unwrap().verify(MESSAGE, &SshKey::parse(first).unwrap());
    assert!(matches!(other, Err(BadSsh::OtherKey { .. })));
}

#[test]
fn a_changed_byte_never_verifies_and_never_panics() {
    for (key, signature) in SAMPLES {
        let key = SshKey::parse(key).unwrap();
        let good = SshSignature::parse(signature).unwrap().blob().to_vec();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            let verified = SshSignature::from_blob(&bad).and_then(|bad| bad.verify(MESSAGE, &key));
            assert!(verified.is_err(), "byte {at} of {key:?}");
            assert!(SshSignature::from_blob(&good[..at]).is_err());
        }
        assert!(SshSignature::from_blob(&[good.as_slice(), &[0]].concat()).is_err());
    }
}

#[test]
fn fingerprints_are_those_of_ssh_keygen() {
    let key = SshKey::parse(SAMPLES[0].0).unwrap();
    assert_eq!(key.fingerprint(), "SHA256:fG6fJhO6uHwZH7JqU4AkGB1exYyqB8TGbDjGfJ4ee0Y");
}

fn string(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    wire::put(&mut out, bytes);
    out
}

/// A signature as a FIDO device makes one, with these flags.
fn fido(flags: u8, namespace: &str) -> (SshKey, SshSignature) {
    use ed25519_dalek::Signer;
    let signing = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
    let kind = b"sk-ssh-ed25519@openssh.com";
    let blob = [string(kind), string(signing.verifying_key().as_bytes()), string(b"ssh:")].concat();
    let digest = Sha512::digest(MESSAGE);
    let head = [string(namespace.as_bytes()), string(b""), string(b"sha512")].concat();
    let covered = [MAGIC, &head, &string(&digest)].concat();
    let counter = 5_u32.to_be_bytes();
    let message =
        [Sha256::digest(b"ssh:").as_slice(), &[flags], &counter, Sha256::digest(&covered).as_slice()]
            .concat();
    let signature = signing.sign(&message).to_bytes();
    let inner = [string(kind).as_slice(), &string(&signature), &[flags], &counter].concat();
    let whole = [MAGIC, &1_u32.to_be_bytes(), &string(&blob), &head, &string(&inner)].concat();
    (SshKey::from_blob(&blob).unwrap(), SshSignature::from_blob(&whole).unwrap())
}

#[test]
fn a_fido_device_must_have_been_touched() {
    let (key, signature) = fido(1, NAMESPACE);
    assert!(key.is_fido());
    assert_eq!(signature.verify(MESSAGE, &key), Ok(()));
    let (key, signature) = fido(0, NAMESPACE);
    assert_eq!(signature.verify(MESSAGE, &key), Err(BadSsh::Untouched));
    let (key, signature) = fido(1, "git");
    assert_eq!(signature.verify(MESSAGE, &key), Err(BadSsh::Namespace("git".into())));
}

#[test]
fn what_is_no_key_is_refused() {
    let good = SAMPLES[0].0;
    for bad in [
        "",
        "ssh-ed25519",
        "ssh-ed25519 AAAA",
        "ssh-ed25519 !!!!",
        &good.replacen("ssh-ed25519 ", "ssh-rsa ", 1),
        "ssh-dss AAAAB3NzaC1kc3MAAAAA",
    ] {
        assert!(SshKey::parse(bad).is_err(), "{bad}");
    }
}
