//! A Sigsum log, its witnesses and whoever submits, in memory: written from Sigsum's `log.md` and
//! `sigsum-proof.md`, and from RFC 6962, 2.1, and not from the reader.
#![allow(dead_code)]

use data_encoding::{BASE64, HEXLOWER};
use rcgen::{KeyPair, SigningKey};
use sha2::{Digest, Sha256};

/// A key of Ed25519.
pub struct Key(KeyPair);

impl Key {
    pub fn new() -> Self {
        Self(KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap())
    }

    pub fn public(&self) -> [u8; 32] {
        self.0.public_key_raw().try_into().unwrap()
    }

    /// As policies have it.
    pub fn hex(&self) -> String {
        HEXLOWER.encode(&self.public())
    }

    /// As OpenSSH has it.
    pub fn line(&self) -> String {
        let mut blob = Vec::new();
        for part in [b"ssh-ed25519".as_slice(), &self.public()] {
            blob.extend(u32::try_from(part.len()).unwrap().to_be_bytes());
            blob.extend(part);
        }
        format!("ssh-ed25519 {} somebody", BASE64.encode(&blob))
    }

    fn hash(&self) -> String {
        HEXLOWER.encode(&hash(&[&self.public()]))
    }

    fn sign(&self, bytes: &[u8]) -> String {
        HEXLOWER.encode(&self.0.sign(bytes).unwrap())
    }
}

fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut digest = Sha256::new();
    parts.iter().for_each(|part| digest.update(part));
    digest.finalize().into()
}

/// MTH(D[n]), with D in place of the hashes of its entries.
fn root(leaves: &[[u8; 32]]) -> [u8; 32] {
    match leaves {
        [only] => *only,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            hash(&[&[1], &root(left), &root(right)])
        }
    }
}

/// PATH(m, D[n]).
fn path(at: usize, leaves: &[[u8; 32]]) -> Vec<[u8; 32]> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let (mut below, beside) = if at < left.len() {
        (path(at, left), root(right))
    } else {
        (path(at - left.len(), right), root(left))
    };
    below.push(beside);
    below
}

/// The largest power of two smaller than n.
fn split(n: usize) -> usize {
    let mut half = 1;
    while half * 2 < n {
        half *= 2;
    }
    half
}

/// A log, a submitter, and two witnesses.
pub struct World {
    pub log: Key,
    pub submitter: Key,
    pub witnesses: [Key; 2],
    /// When the second witness saw the tree, in seconds; the first was a minute earlier.
    pub seen: u64,
}

/// When witnesses see trees, unless told otherwise.
pub const SEEN: &str = "2026-12-01T12:00:00Z";
const SECONDS: u64 = 1_796_126_400;

impl World {
    pub fn new() -> Self {
        Self { log: Key::new(), submitter: Key::new(), witnesses: [Key::new(), Key::new()], seen: SECONDS }
    }

    /// A policy that asks for both witnesses, or for `quorum`.
    pub fn policy(&self, quorum: &str) -> String {
        let [one, two] = self.witnesses.each_ref().map(Key::hex);
        format!(
            "# of a test\nlog {} https://log.example.org\nwitness one {one}\nwitness two {two}\ngroup both all one two\nquorum {quorum}\n",
            self.log.hex()
        )
    }

    /// What the log answers: the message's leaf is the one at `at` of so many.
    pub fn proof(&self, message: &[u8; 32], (at, size): (usize, usize)) -> String {
        let checksum = hash(&[message]);
        let signed = [b"sigsum.org/v1/tree-leaf\0".as_slice(), &checksum].concat();
        let signature = self.submitter.sign(&signed);
        let bytes = HEXLOWER.decode(signature.as_bytes()).unwrap();
        let own = hash(&[&[0], &checksum, &bytes, &hash(&[&self.submitter.public()])]);
        let mut leaves: Vec<[u8; 32]> = (0..size).map(|other| hash(&[&other.to_be_bytes()])).collect();
        leaves[at] = own;
        let root = root(&leaves);
        let tree = format!("sigsum.org/v1/tree/{}\n{size}\n{}\n", self.log.hash(), BASE64.encode(&root));
        let mut text = format!(
            "version=2\nlog={}\nleaf={} {signature}\n\nsize={size}\nroot_hash={}\nsignature={}\n",
            self.log.hash(),
            self.submitter.hash(),
            HEXLOWER.encode(&root),
            self.log.sign(tree.as_bytes())
        );
        for (witness, seconds) in self.witnesses.iter().zip([self.seen - 60, self.seen]) {
            let said = witness.sign(format!("cosignature/v1\ntime {seconds}\n{tree}").as_bytes());
            text.push_str(&format!("cosignature={} {seconds} {said}\n", witness.hash()));
        }
        if size > 1 {
            text.push_str(&format!("\nleaf_index={at}\n"));
            for node in path(at, &leaves) {
                text.push_str(&format!("node_hash={}\n", HEXLOWER.encode(&node)));
            }
        }
        text
    }
}
