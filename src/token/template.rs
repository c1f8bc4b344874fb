//! Templates: how a key pair is generated, and how it is found again.

use cryptoki::object::{Attribute, ObjectClass};
use cryptoki::types::Ulong;
use sha2::{Digest, Sha256};

use super::mechanism::curve;
use crate::pki::Algorithm;
use crate::plan::Name;

/// A key's CKA_ID: the first 20 bytes of the SHA-256 of its label. The same on every run, so that a
/// key whose generation was cut off before the journal knew of it is recognised as ours.
pub(super) fn id(key: &Name) -> Vec<u8> {
    Sha256::digest(key.as_str()).iter().copied().take(20).collect()
}

/// What finds the objects of a class under a label. By label alone: an object with another id but
/// the same label is a duplicate, which must not be overlooked.
pub(super) fn search(class: ObjectClass, key: &Name) -> [Attribute; 3] {
    [Attribute::Class(class), Attribute::Token(true), label(key)]
}

fn label(key: &Name) -> Attribute {
    Attribute::Label(key.as_str().as_bytes().to_vec())
}

/// Templates of a new pair, public and private. Everything is said, since what is left out defaults
/// to what the module likes (SoftHSM: not sensitive).
pub(super) fn pair(key: &Name, algorithm: Algorithm) -> (Vec<Attribute>, Vec<Attribute>) {
    let mut public = vec![
        Attribute::Token(true),
        Attribute::Private(false),
        Attribute::Modifiable(false),
        Attribute::Verify(true),
        Attribute::VerifyRecover(false),
        Attribute::Encrypt(false),
        Attribute::Wrap(false),
        Attribute::Derive(false),
        label(key),
        Attribute::Id(id(key)),
    ];
    if let Some(params) = curve(algorithm) {
        public.push(Attribute::EcParams(params.to_vec()));
    }
    if let Some(bits) = algorithm.rsa_bits() {
        public.push(Attribute::ModulusBits(Ulong::new(bits.into())));
        public.push(Attribute::PublicExponent(vec![1, 0, 1]));
    }
    let private = vec![
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Modifiable(false),
        Attribute::Sign(true),
        Attribute::SignRecover(false),
        Attribute::Decrypt(false),
        Attribute::Unwrap(false),
        Attribute::Derive(false),
        label(key),
        Attribute::Id(id(key)),
    ];
    (public, private)
}

/// What makes a new private key one that may be wrapped, until that is taken from it.
pub(super) fn copyable(private: &mut Vec<Attribute>) {
    private.retain(|attribute| !matches!(attribute, Attribute::Extractable(_) | Attribute::Modifiable(_)));
    private.extend([Attribute::Extractable(true), Attribute::Modifiable(true)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_depends_on_the_label_alone() {
        let name = |text: &str| text.parse::<Name>().unwrap();
        assert_eq!(id(&name("root")), id(&name("root")));
        assert_ne!(id(&name("root")), id(&name("root-2")));
        assert_eq!(id(&name("root")).len(), 20);
    }

    #[test]
    fn a_pair_shares_label_and_id_and_only_signs() {
        let key = "root".parse::<Name>().unwrap();
        for algorithm in Algorithm::ALL {
            let (public, private) = pair(&key, algorithm);
            for half in [&public, &private] {
                assert!(half.contains(&label(&key)) && half.contains(&Attribute::Id(id(&key))));
                assert!(
                    half.contains(&Attribute::Modifiable(false)) && half.contains(&Attribute::Token(true))
                );
            }
            assert!(private.contains(&Attribute::Sensitive(true)));
            assert!(private.contains(&Attribute::Extractable(false)));
            let parameters = public.iter().any(|attribute| matches!(attribute, Attribute::EcParams(_)));
            assert_eq!(parameters, algorithm.rsa_bits().is_none(), "{algorithm}");
        }
    }
}
