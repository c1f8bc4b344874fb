//! Sigsum's proofs of logging (sigsum-go, `doc/sigsum-proof.md`, version 2), verified offline: the submitter's
//! signature over the leaf, the log's over the tree, the path from one to the other, and what witnesses say.
//!
//! What is logged is a hash and no text: whoever has a proof looks for what it is of among what they know.

pub mod policy;

use data_encoding::{BASE64, HEXLOWER, HEXLOWER_PERMISSIVE};

use super::Judged;
use super::log;
use crate::plan::Time;
use crate::verify::signature::{Key, sha256};
use policy::Policy;

/// A hash, or a public key's 32 bytes.
pub type Bytes32 = [u8; 32];

/// What a submitter signs of a leaf begins with this (Sigsum's `log.md`, 2.2.4).
const LEAF: &[u8] = b"sigsum.org/v1/tree-leaf\0";

/// How the origin of a log begins; its key's SHA-256 follows (`log.md`, 2.2.2).
const ORIGIN: &str = "sigsum.org/v1/tree/";

/// A path is no longer: a tree has less than 2^63 leaves.
const LONGEST: usize = 63;

/// A proof that was read. Nothing of it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    log: Bytes32,
    submitter: Bytes32,
    leaf_signature: Vec<u8>,
    size: u64,
    root: Bytes32,
    signature: Vec<u8>,
    cosignatures: Vec<Cosignature>,
    index: u64,
    path: Vec<Vec<u8>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Cosignature {
    witness: Bytes32,
    time: u64,
    signature: Vec<u8>,
}

/// What a proof proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proved {
    /// The log's origin.
    pub origin: String,
    /// The log's key, 32 bytes of Ed25519.
    pub log: Bytes32,
    /// The leaf's place in the log.
    pub index: u64,
    /// The names of the policy's witnesses that cosigned the tree.
    pub witnesses: Vec<String>,
    /// By when all of them had.
    pub seen: Option<Time>,
    /// Cosignatures of witnesses that the policy does not have: nobody judged them.
    pub unknown: usize,
}

/// A proof's lines, one after the other: `name=value`, and an empty one between two parts.
struct Lines<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Lines<'a> {
    /// The next line, if there is one.
    fn next(&mut self) -> Judged<Option<&'a str>> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        self.line = self.line.saturating_add(1);
        let cut = || format!("line {}: it does not end with a newline", self.line);
        let (line, rest) = self.rest.split_once('\n').ok_or_else(cut)?;
        self.rest = rest;
        Ok(Some(line))
    }

    /// The values of a line with this name, which must come now.
    fn values<const N: usize>(&mut self, name: &str) -> Judged<[&'a str; N]> {
        let line = self.next()?.ok_or_else(|| format!("it ends before `{name}=`"))?;
        self.split(line, name)
    }

    fn split<const N: usize>(&self, line: &'a str, name: &str) -> Judged<[&'a str; N]> {
        let value = line.strip_prefix(name).and_then(|rest| rest.strip_prefix('='));
        let shown: String = line.chars().take(40).collect();
        let value =
            value.ok_or_else(|| format!("line {}: found `{shown}`, expected `{name}=`", self.line))?;
        let values: Vec<&str> = value.split(' ').collect();
        let found = values.len();
        values.try_into().map_err(|_| format!("line {}: found {found} values, expected {N}", self.line))
    }

    /// The empty line between two parts.
    fn gap(&mut self) -> Judged<()> {
        match self.next()? {
            Some("") => Ok(()),
            _ => Err(format!("line {}: expected an empty line", self.line)),
        }
    }

    fn hex(&self, text: &str, length: usize) -> Judged<Vec<u8>> {
        let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok();
        bytes
            .filter(|bytes| bytes.len() == length)
            .ok_or_else(|| format!("line {}: expected {length} bytes in hex", self.line))
    }

    fn hash(&self, text: &str) -> Judged<Bytes32> {
        let bytes = self.hex(text, 32)?;
        bytes.try_into().map_err(|_| format!("line {}: expected 32 bytes in hex", self.line))
    }

    fn number(&self, text: &str) -> Judged<u64> {
        let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
        let number = text.parse().ok().filter(|number| plain && *number < 1 << 63);
        number.ok_or_else(|| format!("line {}: expected a number below 2^63, as digits alone", self.line))
    }
}

impl Proof {
    /// Reads what `sigsum-submit` writes.
    pub fn parse(text: &str) -> Judged<Self> {
        let mut lines = Lines { rest: text, line: 0 };
        let [version] = lines.values("version")?;
        if version != "2" {
            let version: String = version.chars().take(20).collect();
            return Err(format!("it is of version {version}, expected 2"));
        }
        let [log] = lines.values("log")?;
        let log = lines.hash(log)?;
        let [submitter, signature] = lines.values("leaf")?;
        let (submitter, leaf_signature) = (lines.hash(submitter)?, lines.hex(signature, 64)?);
        lines.gap()?;
        let [size] = lines.values("size")?;
        let size = lines.number(size)?;
        let [root] = lines.values("root_hash")?;
        let root = lines.hash(root)?;
        let [signature] = lines.values("signature")?;
        let signature = lines.hex(signature, 64)?;
        let mut cosignatures: Vec<Cosignature> = Vec::new();
        let mut more = false;
        while let Some(line) = lines.next()? {
            if line.is_empty() {
                more = true;
                break;
            }
            let [witness, time, signature] = lines.split(line, "cosignature")?;
            let (witness, time) = (lines.hash(witness)?, lines.number(time)?);
            if cosignatures.iter().any(|other| other.witness == witness) {
                return Err(format!("line {}: a second cosignature of one witness", lines.line));
            }
            cosignatures.push(Cosignature { witness, time, signature: lines.hex(signature, 64)? });
        }
        let (mut index, mut path) = (0, Vec::new());
        match (size, more) {
            (0, _) => return Err("its tree is empty".into()),
            // The only leaf there is.
            (1, false) => {}
            (1, true) => return Err("a tree of one leaf has no path".into()),
            (_, false) => return Err("it ends before `leaf_index=`".into()),
            (_, true) => {
                let [at] = lines.values("leaf_index")?;
                index = lines.number(at)?;
                while let Some(line) = lines.next()? {
                    let [node] = lines.split(line, "node_hash")?;
                    path.push(lines.hash(node)?.to_vec());
                    if path.len() > LONGEST {
                        return Err(format!("its path has more than {LONGEST} hashes"));
                    }
                }
                if path.is_empty() {
                    return Err("it ends before `node_hash=`".into());
                }
            }
        }
        Ok(Self { log, submitter, leaf_signature, size, root, signature, cosignatures, index, path })
    }

    /// Whether it is of this message: the submitter signed that.
    pub fn is_of(&self, message: &Bytes32, submitter: &Bytes32) -> Judged<()> {
        let expected = hash(submitter);
        if self.submitter != expected {
            return Err(format!(
                "its leaf is by the key with SHA-256 {}, and the submitter's has {}",
                HEXLOWER.encode(&self.submitter),
                HEXLOWER.encode(&expected)
            ));
        }
        let signed = [LEAF, &hash(message)].concat();
        Key::ed25519(*submitter).verify(&signed, &self.leaf_signature).map_err(|_| {
            "the submitter's signature over its leaf does not verify: it is of something else".to_string()
        })
    }

    /// Verifies it: a submitter had this message logged by a log of the policy, and enough witnesses saw the tree.
    pub fn verify(&self, message: &Bytes32, submitter: &Bytes32, policy: &Policy) -> Judged<Proved> {
        self.is_of(message, submitter)?;
        let log = policy.logs.iter().find(|key| hash(*key) == self.log).ok_or_else(|| {
            format!(
                "it is of the log whose key has SHA-256 {}, which the policy does not have",
                HEXLOWER.encode(&self.log)
            )
        })?;
        let origin = format!("{ORIGIN}{}", HEXLOWER.encode(&self.log));
        let tree = format!("{origin}\n{}\n{}\n", self.size, BASE64.encode(&self.root));
        Key::ed25519(*log)
            .verify(tree.as_bytes(), &self.signature)
            .map_err(|_| "the log's signature over its tree does not verify".to_string())?;
        let leaf = [hash(message).as_slice(), &self.leaf_signature, &self.submitter].concat();
        let leaf = hash(&[&[0], leaf.as_slice()].concat());
        if log::root((self.index, self.size), leaf, &self.path) != Some(self.root) {
            return Err("its path does not lead from the leaf to the tree's root".into());
        }
        let (mut names, mut seen, mut unknown) = (Vec::new(), None, 0_usize);
        for cosignature in &self.cosignatures {
            let known = policy.witnesses.iter().find(|witness| hash(&witness.key) == cosignature.witness);
            let Some(witness) = known else {
                unknown = unknown.saturating_add(1);
                continue;
            };
            let said = format!("cosignature/v1\ntime {}\n{tree}", cosignature.time);
            Key::ed25519(witness.key)
                .verify(said.as_bytes(), &cosignature.signature)
                .map_err(|_| format!("the cosignature of the witness {} does not verify", witness.name))?;
            names.push(witness.name.clone());
            seen = seen.max(i64::try_from(cosignature.time).ok().and_then(Time::from_unix));
        }
        if !policy.is_reached(&names) {
            return Err(format!(
                "{} of the policy's {} witnesses cosigned its tree, which its quorum `{}` is not content with",
                names.len(),
                policy.witnesses.len(),
                policy.quorum
            ));
        }
        Ok(Proved { origin, log: *log, index: self.index, witnesses: names, seen, unknown })
    }
}

impl Proved {
    /// What witnesses say, in words.
    pub fn cosigned(&self, policy: &Policy) -> String {
        let unknown = match self.unknown {
            0 => String::new(),
            count => format!(
                "; cosignatures of witnesses that the policy does not have, and that were not judged: {count}"
            ),
        };
        if policy.witnesses.is_empty() {
            return match self.unknown {
                0 => "no witness cosigned it".into(),
                count => format!("its cosignatures ({count}) were not judged: the policy has no witness"),
            };
        }
        let by = match self.seen {
            Some(seen) => format!(": {}, all by {seen}", self.witnesses.join(", ")),
            None => String::new(),
        };
        let quorum = if policy.quorum == policy::NONE { "; none is asked for" } else { "" };
        format!(
            "cosigned by {} of the policy's {} witnesses{by}{quorum}{unknown}",
            self.witnesses.len(),
            policy.witnesses.len()
        )
    }
}

fn hash(bytes: &[u8]) -> Bytes32 {
    let mut out = [0; 32];
    out.copy_from_slice(sha256(bytes).as_ref());
    out
}

#[cfg(test)]
mod tests;
