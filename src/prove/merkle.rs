//! The Merkle tree of a log (RFC 6962, 2.1): roots and inclusion proofs. Pure.

use sha2::{Digest, Sha256};

/// A hash of the tree.
pub type Hash = [u8; 32];

/// The hash of an entry.
pub fn leaf(entry: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(entry).finalize().into()
}

fn node(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// Where a tree of so many leaves divides: at the largest power of two below their number.
fn split(leaves: &[Hash]) -> Option<(&[Hash], &[Hash])> {
    let half = leaves.len().checked_sub(1).filter(|below| *below > 0)?;
    leaves.split_at_checked(1_usize.checked_shl(half.ilog2())?)
}

/// The tree's root.
pub fn root(leaves: &[Hash]) -> Hash {
    match (split(leaves), leaves) {
        (Some((left, right)), _) => node(&root(left), &root(right)),
        (None, [leaf, ..]) => *leaf,
        (None, []) => Sha256::digest([]).into(),
    }
}

/// The proof that the leaf at `index` is in the tree: its siblings on the way up.
pub fn inclusion(leaves: &[Hash], index: usize) -> Vec<Hash> {
    let Some((left, right)) = split(leaves) else { return Vec::new() };
    let (mut proof, sibling) = match index.checked_sub(left.len()) {
        None => (inclusion(left, index), root(right)),
        Some(index) => (inclusion(right, index), root(left)),
    };
    proof.push(sibling);
    proof
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(count: u8) -> Vec<Hash> {
        (0..count).map(|number| leaf(&[number])).collect()
    }

    /// RFC 6962's own examples: the empty tree, and the hash of an empty entry.
    #[test]
    fn known_hashes() {
        let hex = |hash: Hash| data_encoding::HEXLOWER.encode(&hash);
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(hex(root(&[])), empty);
        let entry = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d";
        assert_eq!(hex(leaf(b"")), entry);
    }

    #[test]
    fn proofs_lead_to_the_root() {
        for count in 1..=17 {
            let leaves = leaves(count);
            for (index, hash) in leaves.iter().enumerate() {
                let proof = inclusion(&leaves, index);
                let size = u64::from(count);
                let found = crate::prove::examine::log::root(
                    (u64::try_from(index).unwrap(), size),
                    *hash,
                    &proof.iter().map(|hash| hash.to_vec()).collect::<Vec<_>>(),
                );
                assert_eq!(found, Some(root(&leaves)), "{index} of {count}");
            }
        }
    }

    #[test]
    fn the_order_of_siblings() {
        let leaves = leaves(3);
        let [a, b, c] = leaves[..] else { panic!() };
        assert_eq!(root(&leaves), node(&node(&a, &b), &c));
        assert_eq!(inclusion(&leaves, 1), [a, c]);
        assert_eq!(inclusion(&leaves, 2), [node(&a, &b)]);
    }
}
