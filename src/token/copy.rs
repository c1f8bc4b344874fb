//! Copies of keys: wrapped out of one token, unwrapped into another, never seen in between.
//!
//! The receiving token makes an RSA pair for one transport; the holder wraps an AES key under it
//! (RSAES-OAEP, RFC 8017, 7.1) and the private key under that (AES key wrap with padding, RFC 5649): what
//! CKM_RSA_AES_KEY_WRAP does in one call, in two, since few modules have that one. All transport keys are
//! session objects, and gone afterwards.

use cryptoki::error::Error;
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsOaepParams, PkcsOaepSource};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use cryptoki::types::Ulong;

use super::mechanism::curve;
use super::pkcs11::Pkcs11Token;
use super::{KeyReport, Token, TokenError, attributes, template};
use crate::fault;
use crate::pki::{Algorithm, PublicKey};
use crate::plan::Name;

/// The mechanisms that a token needs to give a copy away or to take one in.
const NEEDED: [(MechanismType, &str); 4] = [
    (MechanismType::AES_KEY_GEN, "CKM_AES_KEY_GEN"),
    (MechanismType::AES_KEY_WRAP_PAD, "CKM_AES_KEY_WRAP_PAD"),
    (MechanismType::RSA_PKCS_KEY_PAIR_GEN, "CKM_RSA_PKCS_KEY_PAIR_GEN"),
    (MechanismType::RSA_PKCS_OAEP, "CKM_RSA_PKCS_OAEP"),
];

/// What of that a token's list lacks, by PKCS#11 name.
pub(super) fn lacking(list: &[MechanismType]) -> Vec<&'static str> {
    NEEDED.iter().filter(|(kind, _)| !list.contains(kind)).map(|(_, name)| *name).collect()
}

/// The public half of the receiving token's transport key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transport {
    modulus: Vec<u8>,
    exponent: Vec<u8>,
}

/// A private key under the transport key: nothing to anyone but the receiving token.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Wrapped {
    /// The AES key under the transport key.
    carrier: Vec<u8>,
    /// The private key, PKCS#8, under the AES key.
    key: Vec<u8>,
}

impl Pkcs11Token {
    /// Makes the transport key, and gives its public half.
    pub(super) fn make_transport(&mut self) -> Result<Transport, TokenError> {
        let public = [
            Attribute::Token(false),
            Attribute::Private(false),
            Attribute::Wrap(true),
            Attribute::Encrypt(false),
            Attribute::Verify(false),
            Attribute::ModulusBits(Ulong::new(3072)),
            Attribute::PublicExponent(vec![1, 0, 1]),
        ];
        let private = [
            Attribute::Token(false),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Unwrap(true),
            Attribute::Decrypt(false),
            Attribute::Sign(false),
        ];
        let (handle, transport) = self.call(
            || "making the transport key for a copy".into(),
            |session| {
                let pair = session.generate_key_pair(&Mechanism::RsaPkcsKeyPairGen, &public, &private)?;
                let mut transport = Transport { modulus: Vec::new(), exponent: Vec::new() };
                for wanted in [AttributeType::Modulus, AttributeType::PublicExponent] {
                    match attributes::read(session, pair.0, wanted)? {
                        Some(Attribute::Modulus(bytes)) => transport.modulus = bytes,
                        Some(Attribute::PublicExponent(bytes)) => transport.exponent = bytes,
                        _ => {}
                    }
                }
                session.destroy_object(pair.0)?;
                Ok((pair.1, transport))
            },
        )?;
        self.transport = Some(handle);
        Ok(transport)
    }

    /// Wraps the private key under the transport key of another token.
    pub(super) fn wrap_key(&mut self, key: &Name, transport: &Transport) -> Result<Wrapped, TokenError> {
        let private = self.only_private(key)?;
        let public = [
            Attribute::Class(ObjectClass::PUBLIC_KEY),
            Attribute::KeyType(KeyType::RSA),
            Attribute::Token(false),
            Attribute::Private(false),
            Attribute::Wrap(true),
            Attribute::Modulus(transport.modulus.clone()),
            Attribute::PublicExponent(transport.exponent.clone()),
        ];
        let carrier = carrier([
            Attribute::Extractable(true),
            Attribute::Wrap(true),
            Attribute::ValueLen(Ulong::new(32)),
        ]);
        self.call(
            || format!("wrapping the key `{key}`"),
            |session| {
                let transport = session.create_object(&public)?;
                let carrier = session.generate_key(&Mechanism::AesKeyGen, &carrier)?;
                fault::point("device: wrap");
                let wrapped = Wrapped {
                    carrier: session.wrap_key(&oaep(), transport, carrier)?,
                    key: session.wrap_key(&Mechanism::AesKeyWrapPad, carrier, private)?,
                };
                session.destroy_object(carrier)?;
                session.destroy_object(transport)?;
                Ok(wrapped)
            },
        )
    }

    /// Takes a wrapped key in, under the same label and id, never to leave again.
    pub(super) fn unwrap_key(
        &mut self,
        key: &Name,
        public: &PublicKey,
        wrapped: &Wrapped,
    ) -> Result<KeyReport, TokenError> {
        self.vacant(key)?;
        let algorithm = public.algorithm();
        let Some(transport) = self.transport.take() else {
            return Err(self.bad_reply("the transport key", ("gone".into(), "made just before".into())));
        };
        let described = describe(public).map_err(|reason| {
            self.bad_reply(format!("the public key `{key}`"), (reason, "one that can be read".into()))
        })?;
        let carrier = carrier([Attribute::Extractable(false), Attribute::Unwrap(true)]);
        let kind = Attribute::KeyType(kind(algorithm));
        let (mut theirs, mut ours) = template::pair(key, algorithm);
        theirs.retain(|attribute| {
            let drawn = [AttributeType::EcParams, AttributeType::ModulusBits, AttributeType::PublicExponent];
            !drawn.contains(&attribute.attribute_type())
        });
        theirs.extend([Attribute::Class(ObjectClass::PUBLIC_KEY), kind.clone()]);
        theirs.extend(described);
        // A private key that can't be modified is one that SoftHSM can't write the unwrapped value to.
        ours.retain(|attribute| attribute.attribute_type() != AttributeType::Modifiable);
        ours.extend([Attribute::Class(ObjectClass::PRIVATE_KEY), kind]);
        self.call(
            || format!("unwrapping the key `{key}`"),
            |session| {
                let carrier = session.unwrap_key(&oaep(), transport, &wrapped.carrier, &carrier)?;
                // The public half first: alone, it is known as what an interruption left.
                session.create_object(&theirs)?;
                fault::point("device: unwrap");
                let unwrapped = unwrap(session, carrier, &wrapped.key, &ours);
                session.destroy_object(carrier)?;
                session.destroy_object(transport)?;
                unwrapped.map(drop)
            },
        )?;
        let report = self.find(key)?.ok_or_else(|| {
            let wrong = ("not there".into(), "there, since it was unwrapped".into());
            self.bad_reply(format!("the copy of `{key}`"), wrong)
        })?;
        self.refuse_contradiction(key, &report, false)?;
        Ok(report)
    }

    /// Takes from a key, for good, that it may be wrapped.
    pub(super) fn close_key(&mut self, key: &Name) -> Result<KeyReport, TokenError> {
        let private = self.only_private(key)?;
        self.call(
            || format!("making the key `{key}` unextractable"),
            |session| session.update_attributes(private, &[Attribute::Extractable(false)]),
        )?;
        let Some(report) = self.find(key)? else { return Err(self.missing(key)?) };
        self.refuse_contradiction(key, &report, false)?;
        Ok(report)
    }

    fn only_private(&mut self, key: &Name) -> Result<ObjectHandle, TokenError> {
        let search = template::search(ObjectClass::PRIVATE_KEY, key);
        let found =
            self.call(|| format!("looking for the key `{key}`"), |session| session.find_objects(&search))?;
        match found.as_slice() {
            [private] => Ok(*private),
            _ => Err(self.missing(key)?),
        }
    }
}

/// The AES key of one copy, as a session object of either token.
fn carrier<const N: usize>(more: [Attribute; N]) -> Vec<Attribute> {
    let mut template = vec![
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::AES),
        Attribute::Token(false),
        Attribute::Private(true),
        Attribute::Sensitive(true),
    ];
    template.extend(more);
    template
}

/// SHA-1 here is no weakness: OAEP asks of its hash no resistance to collisions, and it is the one that every
/// module has.
fn oaep() -> Mechanism<'static> {
    let parameters =
        PkcsOaepParams::new(MechanismType::SHA1, PkcsMgfType::MGF1_SHA1, PkcsOaepSource::empty());
    Mechanism::RsaPkcsOaep(parameters)
}

fn unwrap(
    session: &Session,
    carrier: ObjectHandle,
    wrapped: &[u8],
    template: &[Attribute],
) -> Result<ObjectHandle, Error> {
    session.unwrap_key(&Mechanism::AesKeyWrapPad, carrier, wrapped, template)
}

fn kind(algorithm: Algorithm) -> KeyType {
    match algorithm {
        Algorithm::EcdsaP256 | Algorithm::EcdsaP384 | Algorithm::EcdsaP521 => KeyType::EC,
        Algorithm::Ed25519 => KeyType::EC_EDWARDS,
        Algorithm::Rsa3072 | Algorithm::Rsa4096 => KeyType::RSA,
    }
}

/// What a public key object says of its key.
fn describe(public: &PublicKey) -> Result<Vec<Attribute>, String> {
    use der::Encode;
    use rsa::pkcs8::DecodePublicKey;
    use rsa::traits::PublicKeyParts;
    if let Some(params) = curve(public.algorithm()) {
        let point = der::asn1::OctetString::new(public.bits()).and_then(|point| point.to_der());
        let point = point.map_err(|error| error.to_string())?;
        return Ok(vec![Attribute::EcParams(params.to_vec()), Attribute::EcPoint(point)]);
    }
    let key = rsa::RsaPublicKey::from_public_key_der(public.spki()).map_err(|error| error.to_string())?;
    let bytes = |number: &rsa::BoxedUint| {
        let bytes = number.to_be_bytes();
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        bytes.iter().skip(zeros).copied().collect::<Vec<u8>>()
    };
    Ok(vec![Attribute::Modulus(bytes(key.n())), Attribute::PublicExponent(bytes(key.e()))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mechanism_is_needed() {
        let all: Vec<MechanismType> = NEEDED.iter().map(|(kind, _)| *kind).collect();
        assert!(lacking(&all).is_empty());
        for (kind, name) in NEEDED {
            let some: Vec<MechanismType> = all.iter().copied().filter(|other| *other != kind).collect();
            assert_eq!(lacking(&some), [name]);
        }
    }
}
