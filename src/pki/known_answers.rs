//! Known-answer tests: before a tool judges anything, it shows that it can.
//!
//! Hashes of FIPS 180-4's example, and signatures of RFC 6979 (A.2.5, A.2.6) and RFC 8032 (7.1): each must
//! verify, and none may with one bit of it changed.

use std::sync::OnceLock;

use data_encoding::HEXLOWER_PERMISSIVE as HEX;

use super::{Algorithm, Hash, PublicKey, Signature, sha256_hex};

/// A signature that is known to be right.
struct Known {
    algorithm: Algorithm,
    /// The public key: an uncompressed point, or Ed25519's 32 bytes.
    public: &'static str,
    message: &'static [u8],
    /// r and s, or Ed25519's 64 bytes.
    signature: &'static str,
}

const SIGNATURES: [Known; 3] = [
    Known {
        algorithm: Algorithm::EcdsaP256,
        public: "0460FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB67903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299",
        message: b"sample",
        signature: "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8",
    },
    Known {
        algorithm: Algorithm::EcdsaP384,
        public: "04EC3A4E415B4E19A4568618029F427FA5DA9A8BC4AE92E02E06AAE5286B300C64DEF8F0EA9055866064A254515480BC138015D9B72D7D57244EA8EF9AC0C621896708A59367F9DFB9F54CA84B3F1C9DB1288B231C3AE0D4FE7344FD2533264720",
        message: b"sample",
        signature: "94EDBB92A5ECB8AAD4736E56C691916B3F88140666CE9FA73D64C4EA95AD133C81A648152E44ACF96E36DD1E80FABE4699EF4AEB15F178CEA1FE40DB2603138F130E740A19624526203B6351D0A3A94FA329C145786E679E7B82C71A38628AC8",
    },
    Known {
        algorithm: Algorithm::Ed25519,
        public: "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        message: b"",
        signature: "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    },
];

/// What is hashed, with what comes of it.
const SHA256: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const SHA384: &str =
    "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7";

/// Runs all of them, once. Says what passed, or what failed.
pub fn check() -> Result<String, String> {
    static FOUND: OnceLock<Result<String, String>> = OnceLock::new();
    FOUND.get_or_init(run).clone()
}

fn run() -> Result<String, String> {
    let hashes =
        [("SHA-256", sha256_hex(b"abc"), SHA256), ("SHA-384", hex(&Hash::Sha384.digest(b"abc")), SHA384)];
    let mut passed = Vec::new();
    for (name, found, expected) in hashes {
        if found != expected {
            return Err(format!("{name} of `abc` is {found}, expected {expected}"));
        }
        passed.push(name.to_string());
    }
    for known in &SIGNATURES {
        signature(known).map_err(|reason| format!("{}: {reason}", known.algorithm))?;
        passed.push(known.algorithm.to_string());
    }
    Ok(passed.join(", "))
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

fn signature(known: &Known) -> Result<(), String> {
    let bytes = |text: &str| HEX.decode(text.as_bytes()).map_err(|error| error.to_string());
    let (public, mut raw) = (bytes(known.public)?, bytes(known.signature)?);
    let public = match known.algorithm {
        Algorithm::Ed25519 => PublicKey::from_ed25519(&public),
        algorithm => PublicKey::from_point(algorithm, &public),
    };
    let public = public.map_err(|error| error.to_string())?;
    let carried = |raw: &[u8]| match known.algorithm {
        Algorithm::Ed25519 => Ok(Signature(raw.to_vec())),
        _ => Signature::from_rs(raw).map_err(|error| error.to_string()),
    };
    public
        .verify(known.message, &carried(&raw)?)
        .map_err(|error| format!("a signature that is right does not verify: {error}"))?;
    if let Some(last) = raw.last_mut() {
        *last ^= 1;
    }
    match public.verify(known.message, &carried(&raw)?) {
        Err(_) => Ok(()),
        Ok(()) => Err("a signature that is wrong verifies".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_pass_and_a_wrong_one_would_not() {
        assert_eq!(check().unwrap(), "SHA-256, SHA-384, ecdsa-p256, ecdsa-p384, ed25519");
        for known in SIGNATURES {
            let other = Known { message: b"another", ..known };
            assert!(signature(&other).unwrap_err().contains("does not verify"));
        }
    }
}
