//! Certificate revocation lists (RFC 5280, 5), built by hand: x509-cert's builder writes the wrong OID
//! for the issuing distribution point and takes the authority key identifier from the wrong place, and
//! its types take ten times the memory of a long list.

pub mod before;
pub mod entry;
pub mod parts;
pub mod revoked;

use std::ops::Range;
use std::sync::Arc;

use der::asn1::{BitString, ObjectIdentifier, OctetString, Uint};
use der::oid::AssociatedOid;
use der::{Decode, Encode};
use x509_cert::certificate::Version;
use x509_cert::crl::TbsCertList;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::crl::dp::IssuingDistributionPoint;
use x509_cert::ext::pkix::{BasicConstraints, CrlNumber};
use x509_cert::spki::AlgorithmIdentifierOwned;

pub use before::{Before, Mark};
pub use entry::{Entries, Entry, Moment, Revocation};
pub use parts::Parts;

use super::certificate::{Certificate, authority_key_identifier, malformed, sign_sequence, time};
use super::profile::extension;
use super::{Document, Draft, Malformed, PublicKey, Signature};
use crate::plan::{self, Name};

/// id-ce-issuingDistributionPoint (RFC 5280, 5.2.5).
pub const ISSUING_DISTRIBUTION_POINT: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.28");

/// A CRL: its DER and what was read from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crl {
    der: Vec<u8>,
    head: TbsCertList,
    signed: Range<usize>,
    signature: Signature,
}

impl Crl {
    /// Reads a CRL in DER. Nothing is verified, and its entries are not looked at.
    pub fn from_der(der: &[u8]) -> Result<Self, der::Error> {
        Self::read(der.to_vec())
    }

    /// The same, of bytes that are given away.
    pub fn read(der: Vec<u8>) -> Result<Self, der::Error> {
        let failed = || der::Error::from(der::ErrorKind::Failed);
        let (signed, rest) = parts::signed(&der).ok_or_else(failed)?;
        let start = der.len().saturating_sub(signed.len()).saturating_sub(rest.len());
        let mut reader = der::SliceReader::new(rest)?;
        AlgorithmIdentifierOwned::decode(&mut reader)?;
        let signature = BitString::decode(&mut reader)?;
        der::Reader::finish(reader)?;
        let signature = Signature(signature.as_bytes().ok_or_else(failed)?.to_vec());
        let (head, signed) = (Parts::read(signed)?.head, start..start.saturating_add(signed.len()));
        Ok(Self { der, head, signed, signature })
    }

    /// The CRL in DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// What was signed, without the entries.
    pub fn head(&self) -> &TbsCertList {
        &self.head
    }

    /// How many certificates it lists.
    pub fn count(&self) -> u64 {
        <Parts>::read(self.signed()).map_or(0, |parts| entry::count(parts.entries.unwrap_or_default()))
    }

    /// The bytes that the signature covers.
    pub fn signed(&self) -> &[u8] {
        self.der.get(self.signed.clone()).unwrap_or_default()
    }

    /// The signature, of which nothing is known yet.
    pub fn signature(&self) -> &Signature {
        &self.signature
    }
}

/// What the rules must know of a CRL's draft.
#[derive(Clone, Debug)]
pub struct Context {
    /// The issuer's certificate.
    pub issuer: Certificate,
    /// The number of the issuer's newest CRL so far.
    pub previous: Option<u64>,
    /// What that CRL listed, where it is known. From [`Draft::after`].
    pub before: Option<Arc<Before>>,
}

impl Draft<Crl> {
    /// The same draft, to be judged as what follows the issuer's newest CRL.
    pub fn after(mut self, before: Option<Before>) -> Self {
        self.context.before = before.map(Arc::new);
        self
    }
}

impl Document for Crl {
    type Context = Context;
    const KIND: &'static str = "CRL";
    const LARGE: bool = true;

    fn assemble(draft: &Draft<Self>, signature: &Signature) -> Result<Self, Malformed> {
        let der = sign_sequence(draft, signature)?;
        Self::read(der).map_err(|error| malformed(&draft.object, error))
    }
}

/// What a CRL shall be made of.
pub struct Request<'a> {
    /// The CRL's name in the plan.
    pub name: &'a Name,
    /// The plan's entry.
    pub planned: &'a plan::Crl,
    /// The issuer's certificate.
    pub issuer: &'a Certificate,
    /// The name and public half of the issuer's key.
    pub signer: (&'a Name, &'a PublicKey),
    /// The certificates that are revoked, in the order of the plan's list.
    pub revoked: Vec<&'a Certificate>,
    /// What is revoked besides, of certificates that the issuer issued elsewhere.
    pub listed: Entries,
    /// The number of the issuer's newest CRL so far.
    pub previous: Option<u64>,
}

/// The bytes of a CRL, ready for the rules.
pub fn draft(request: Request<'_>) -> Result<Draft<Crl>, Malformed> {
    let object = format!("crls.{}", request.name);
    let (signer, public) = request.signer;
    let context = Context { issuer: request.issuer.clone(), previous: request.previous, before: None };
    let bytes = tbs(request, public).map_err(|error| malformed(&object, error))?;
    Ok(Draft { object, bytes, key: signer.clone(), public: public.clone(), context })
}

/// Whether a CA's CRLs are of CA certificates: one that may only issue others has a path length of 0.
pub fn lists_cas(issuer: &Certificate) -> bool {
    let found = issuer.tbs().get_extension::<BasicConstraints>().ok().flatten();
    found.is_none_or(|(_, found)| found.path_len_constraint != Some(0))
}

fn tbs(request: Request<'_>, public: &PublicKey) -> der::Result<Vec<u8>> {
    let planned = request.planned;
    let mut named = Entries::default();
    for (entry, certificate) in planned.revoked.iter().zip(&request.revoked) {
        let serial = certificate.tbs().serial_number().as_bytes();
        named.push(&Revocation {
            serial: serial.strip_prefix(&[0]).unwrap_or(serial),
            date: entry.date.into(),
            reason: entry.reason,
            invalidity: entry.invalidity_date.as_ref().map(|date| Moment::from(**date)),
        });
    }
    let mut front = Version::V2.to_der()?;
    public.algorithm().signature_identifier().encode_to_vec(&mut front)?;
    request.issuer.tbs().subject().encode_to_vec(&mut front)?;
    time(planned.validity.from)?.encode_to_vec(&mut front)?;
    time(planned.validity.to)?.encode_to_vec(&mut front)?;
    let listed = request.listed;
    let length = named.der.len().saturating_add(listed.der.len());
    // Absent, not empty (RFC 5280, 5.1.2.6).
    if length > 0 {
        header(length)?.encode_to_vec(&mut front)?;
    }
    front.extend_from_slice(&named.der);
    let back = extensions(request.issuer, *planned.number)?;
    let content = front.len().saturating_add(listed.der.len()).saturating_add(back.len());
    let mut start = header(content)?.to_der()?;
    start.extend_from_slice(&front);
    // What is long is moved once, and stands in memory once.
    let mut bytes = listed.der;
    bytes.extend_from_slice(&back);
    bytes.splice(0..0, start);
    Ok(bytes)
}

fn header(length: usize) -> der::Result<der::Header> {
    Ok(der::Header::new(der::Tag::Sequence, length.try_into()?))
}

/// The list's extensions, in their tagged sequence.
fn extensions(issuer: &Certificate, number: u64) -> der::Result<Vec<u8>> {
    let mut extensions: Vec<Extension> = Vec::new();
    if let Some(identifier) = issuer.subject_key_identifier() {
        extensions.push(extension(false, &authority_key_identifier(identifier))?);
    }
    extensions.push(extension(false, &CrlNumber(Uint::new(&number.to_be_bytes())?))?);
    let cas = lists_cas(issuer);
    let point = IssuingDistributionPoint {
        distribution_point: None,
        only_contains_user_certs: !cas,
        only_contains_ca_certs: cas,
        only_some_reasons: None,
        indirect_crl: false,
        only_contains_attribute_certs: false,
    };
    extensions.push(Extension {
        extn_id: ISSUING_DISTRIBUTION_POINT,
        critical: true,
        extn_value: OctetString::new(point.to_der()?)?,
    });
    let tag = der::Tag::ContextSpecific { constructed: true, number: der::TagNumber(0) };
    der::Any::new(tag, extensions.to_der()?)?.to_der()
}

/// The number in a CRL's CRL number extension, if it has one that fits.
pub fn number(tbs: &TbsCertList) -> Option<u64> {
    let extension = tbs.crl_extensions.iter().flatten().find(|found| found.extn_id == CrlNumber::OID)?;
    let number = CrlNumber::from_der(extension.extn_value.as_bytes()).ok()?;
    number.0.as_bytes().iter().try_fold(0u64, |sum, byte| sum.checked_mul(256)?.checked_add(u64::from(*byte)))
}
