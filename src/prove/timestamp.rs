//! A timestamp (RFC 3161) over the developer's signature: a CMS SignedData (RFC 5652) by the timestamp
//! signer's key. The few structures are written here: the crates for them read an earlier `der`.

use der::asn1::{GeneralizedTime, Int, ObjectIdentifier, OctetStringRef};
use der::oid::db::{rfc5911, rfc5912};
use der::{Encode, Header, Tag, TagNumber};
use x509_cert::spki::AlgorithmIdentifierOwned;

use crate::pki::algorithm::Hash;
use crate::pki::certificate::malformed;
use crate::pki::{Certificate, Document, Draft, Malformed, PublicKey, Signature};
use crate::plan::{Name, Time};

/// The policy of sigstore's timestamp authorities.
pub const POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.2");

/// id-ct-TSTInfo (RFC 3161, 2.4.2).
const ID_CT_TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");

/// id-aa-signingCertificateV2 (RFC 5035, 3).
const SIGNING_CERTIFICATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");

/// A TimeStampResp (RFC 3161, 2.4.2) in DER, as bundles carry it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timestamp(pub Vec<u8>);

/// What the rules must know beside the bytes.
#[derive(Clone, Debug)]
pub struct Context {
    /// The TSTInfo that the signed attributes are about.
    pub info: Vec<u8>,
    /// What is stamped.
    pub stamped: Vec<u8>,
    /// When.
    pub time: Time,
    /// The signer's certificate, and those above it but for the root.
    pub chain: Vec<Certificate>,
}

/// What a timestamp shall be made of.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The canary's name, for messages.
    pub canary: &'a str,
    /// What is stamped: the bytes of the developer's signature.
    pub stamped: &'a [u8],
    /// When.
    pub time: Time,
    /// The timestamp's number, from [`crate::pki::certificate::serial`].
    pub serial: [u8; 20],
    /// The signer's certificate, and those above it but for the root.
    pub chain: &'a [Certificate],
    /// The name and public half of the signer's key.
    pub signer: (&'a Name, &'a PublicKey),
}

impl Document for Timestamp {
    type Context = Context;
    const KIND: &'static str = "timestamp";

    fn assemble(draft: &Draft<Self>, signature: &Signature) -> Result<Self, Malformed> {
        response(draft, signature).map(Self).map_err(|error| malformed(&draft.object, error))
    }
}

/// The timestamp, ready for the rules: what is signed are the attributes (RFC 5652, 5.4).
pub fn draft(request: &Request<'_>) -> Result<Draft<Timestamp>, Malformed> {
    let (name, public) = request.signer;
    let object = format!("{}/timestamp", request.canary);
    let build = || {
        let info = info(request)?;
        let signer = request.chain.first().map(Certificate::der).unwrap_or_default();
        let bytes = set(attributes(hash(public), &info, signer, request.time)?)?;
        Ok((info, bytes))
    };
    let (info, bytes) = build().map_err(|error| malformed(&object, error))?;
    Ok(Draft {
        object,
        bytes,
        key: name.clone(),
        public: public.clone(),
        context: Context {
            info,
            stamped: request.stamped.to_vec(),
            time: request.time,
            chain: request.chain.to_vec(),
        },
    })
}

/// The hash that goes with the signer's key. Clients want one; Ed25519 (RFC 8419) goes with SHA-512.
fn hash(public: &PublicKey) -> Hash {
    match public.algorithm().hash() {
        Hash::None => Hash::Sha512,
        hash => hash,
    }
}

fn hash_identifier(hash: Hash) -> AlgorithmIdentifierOwned {
    let oid = match hash {
        Hash::Sha384 => rfc5912::ID_SHA_384,
        Hash::Sha512 => rfc5912::ID_SHA_512,
        Hash::Sha256 | Hash::None => rfc5912::ID_SHA_256,
    };
    AlgorithmIdentifierOwned { oid, parameters: None }
}

fn encode(tag: Tag, parts: &[&[u8]]) -> der::Result<Vec<u8>> {
    let mut content = parts.concat();
    let mut der = Header::new(tag, content.len().try_into()?).to_der()?;
    der.append(&mut content);
    Ok(der)
}

fn sequence(parts: &[&[u8]]) -> der::Result<Vec<u8>> {
    encode(Tag::Sequence, parts)
}

/// In DER the elements of a SET OF stand in ascending order (X.690, 11.6).
fn set(mut elements: Vec<Vec<u8>>) -> der::Result<Vec<u8>> {
    elements.sort();
    encode(Tag::Set, &[&elements.concat()])
}

/// `[0]`, constructed: explicit around a value, or implicit in the place of a SET's tag.
fn context(parts: &[&[u8]]) -> der::Result<Vec<u8>> {
    encode(Tag::ContextSpecific { constructed: true, number: TagNumber(0) }, parts)
}

/// TSTInfo (RFC 3161, 2.4.2): version 1, policy, imprint, number, time, and that it is exact to a second.
fn info(request: &Request<'_>) -> der::Result<Vec<u8>> {
    let imprint = sequence(&[
        &hash_identifier(Hash::Sha256).to_der()?,
        &OctetStringRef::new(&Hash::Sha256.digest(request.stamped))?.to_der()?,
    ])?;
    let since = std::time::Duration::from_secs(u64::try_from(request.time.unix()).unwrap_or(0));
    sequence(&[
        &1u8.to_der()?,
        &POLICY.to_der()?,
        &imprint,
        &Int::new(&request.serial)?.to_der()?,
        &GeneralizedTime::from_unix_duration(since)?.to_der()?,
        &sequence(&[&1u8.to_der()?])?,
    ])
}

/// The signed attributes: what kind of content, its digest, when, and by which certificate.
fn attributes(hash: Hash, info: &[u8], signer: &[u8], time: Time) -> der::Result<Vec<Vec<u8>>> {
    let attribute = |oid: ObjectIdentifier, value: Vec<u8>| sequence(&[&oid.to_der()?, &set(vec![value])?]);
    // ESSCertIDv2 (RFC 5035, 4): SHA-256 is its default, and so left out.
    let id = sequence(&[&OctetStringRef::new(&Hash::Sha256.digest(signer))?.to_der()?])?;
    Ok(vec![
        attribute(rfc5911::ID_CONTENT_TYPE, ID_CT_TST_INFO.to_der()?)?,
        attribute(rfc5911::ID_MESSAGE_DIGEST, OctetStringRef::new(&hash.digest(info))?.to_der()?)?,
        attribute(rfc5911::ID_SIGNING_TIME, crate::pki::certificate::time(time)?.to_der()?)?,
        attribute(SIGNING_CERTIFICATE, sequence(&[&sequence(&[&id])?])?)?,
    ])
}

/// The response: granted, and the token.
fn response(draft: &Draft<Timestamp>, signature: &Signature) -> der::Result<Vec<u8>> {
    let missing = || der::Error::from(der::ErrorKind::Failed);
    let Context { info, chain, .. } = &draft.context;
    let signer = chain.first().ok_or_else(missing)?.tbs();
    let digest = hash_identifier(hash(&draft.public)).to_der()?;
    // The attributes as they were signed, under `[0]` in the place of SET (RFC 5652, 5.4).
    let (_, attributes) = draft.bytes.split_first().ok_or_else(missing)?;
    let attributes = [&[0xa0], attributes].concat();
    let signer_info = sequence(&[
        &1u8.to_der()?,
        &sequence(&[&signer.issuer().to_der()?, &signer.serial_number().to_der()?])?,
        &digest,
        &attributes,
        &draft.public.algorithm().signature_identifier().to_der()?,
        &OctetStringRef::new(signature.as_bytes())?.to_der()?,
    ])?;
    let content =
        sequence(&[&ID_CT_TST_INFO.to_der()?, &context(&[&OctetStringRef::new(info)?.to_der()?])?])?;
    let mut certificates: Vec<Vec<u8>> = chain.iter().map(|one| one.der().to_vec()).collect();
    certificates.sort();
    let signed_data = sequence(&[
        &3u8.to_der()?,
        &set(vec![digest])?,
        &content,
        &context(&[&certificates.concat()])?,
        &set(vec![signer_info])?,
    ])?;
    let token = sequence(&[&rfc5911::ID_SIGNED_DATA.to_der()?, &context(&[&signed_data])?])?;
    sequence(&[&sequence(&[&0u8.to_der()?])?, &token])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_sorted() {
        let (one, two) = (1u8.to_der().unwrap(), OctetStringRef::new(&[1]).unwrap().to_der().unwrap());
        assert_eq!(set(vec![two.clone(), one.clone()]).unwrap(), encode(Tag::Set, &[&one, &two]).unwrap());
    }
}
