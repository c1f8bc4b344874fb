//! The simulated maker's root, its devices' f9 certificates, and their attestations.

use sha2::{Digest, Sha256};

use crate::der::{integer, oid, sequence, tlv};
use crate::key::Key;

/// ecdsa-with-SHA256.
fn algorithm() -> Vec<u8> {
    sequence(&[oid(&[1, 2, 840, 10045, 4, 3, 2])])
}

fn name(common: &str) -> Vec<u8> {
    sequence(&[tlv(0x31, &sequence(&[oid(&[2, 5, 4, 3]), tlv(0x0c, common.as_bytes())]))])
}

fn extension(oid: Vec<u8>, critical: bool, value: &[u8]) -> Vec<u8> {
    let mut parts = vec![oid];
    if critical {
        parts.push(vec![1, 1, 0xff]);
    }
    parts.push(tlv(4, value));
    sequence(&parts)
}

/// An extension under 1.3.6.1.4.1.41482.3.
pub fn yubico(last: u64, value: &[u8]) -> Vec<u8> {
    extension(oid(&[1, 3, 6, 1, 4, 1, 41482, 3, last]), false, value)
}

/// basicConstraints of a CA.
pub fn ca() -> Vec<u8> {
    extension(oid(&[2, 5, 29, 19]), true, &sequence(&[vec![1, 1, 0xff]]))
}

/// A certificate of version 3, valid from 2016 to 2052 as real ones are.
pub fn certificate(
    subject: &str,
    issuer: &str,
    spki: Vec<u8>,
    extensions: &[Vec<u8>],
    signer: &Key,
) -> Vec<u8> {
    let mut serial = Sha256::digest([subject.as_bytes(), &spki].concat()).to_vec();
    serial.truncate(16);
    serial[0] = 1;
    let validity = sequence(&[tlv(0x17, b"160314000000Z"), tlv(0x18, b"20520417000000Z")]);
    let tbs = sequence(&[
        tlv(0xa0, &integer(&[2])),
        integer(&serial),
        algorithm(),
        name(issuer),
        validity,
        name(subject),
        spki,
        tlv(0xa3, &sequence(extensions)),
    ]);
    let mut bits = vec![0];
    bits.extend(signer.sign(&Sha256::digest(&tbs)).expect("a signature"));
    sequence(&[tbs, algorithm(), tlv(3, &bits)])
}
