//! Certificate signing requests (PKCS#10, RFC 2986) of our own keys, for CAs that are not ours.

use der::asn1::SetOfVec;
use der::{Any, Decode, Encode};
use x509_cert::attr::Attribute;
use x509_cert::ext::Extensions;
use x509_cert::name::Name as X509Name;
use x509_cert::request::{CertReq, CertReqInfo, ExtensionReq, Version};
use x509_cert::spki::SubjectPublicKeyInfoOwned;

use super::certificate::{key_identifier, malformed, sign_sequence};
use super::key::{PublicKey, pem};
use super::{Certificate, Document, Draft, Malformed, Signature, name, profile};
use crate::plan::{self, Name, Oid, Profile};

/// A request: its DER and what was read from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateRequest {
    der: Vec<u8>,
    parsed: CertReq,
}

impl CertificateRequest {
    /// Reads a request in DER. Nothing is verified.
    pub fn from_der(der: &[u8]) -> Result<Self, der::Error> {
        Ok(Self { der: der.to_vec(), parsed: CertReq::from_der(der)? })
    }

    /// The request in DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The request as a PEM file.
    pub fn pem(&self) -> String {
        pem("CERTIFICATE REQUEST", &self.der)
    }

    /// What was signed, as read.
    pub fn info(&self) -> &CertReqInfo {
        &self.parsed.info
    }
}

/// What the rules must know of a request's draft.
#[derive(Clone, Debug)]
pub struct Context {
    /// What the certificate shall be for.
    pub profile: Profile,
    /// The subject as the plan has it, encoded.
    pub subject: X509Name,
    /// The certificate policies that the plan asks for.
    pub policies: Vec<Oid>,
    /// The certificate of ours that shall be repeated, where there is one.
    pub cross: Option<Certificate>,
    /// The key's own certificates.
    pub own: Vec<Certificate>,
}

impl Document for CertificateRequest {
    type Context = Context;
    const KIND: &'static str = "certificate signing request";

    fn assemble(draft: &Draft<Self>, signature: &Signature) -> Result<Self, Malformed> {
        let der = sign_sequence(draft, signature)?;
        Self::from_der(&der).map_err(|error| malformed(&draft.object, error))
    }
}

/// What a request shall be made of: the plan's entry, and the key that it names.
pub struct Asked<'a> {
    /// The request's name in the plan.
    pub name: &'a Name,
    /// The plan's entry.
    pub planned: &'a plan::Csr,
    /// The key that asks, and signs.
    pub public: &'a PublicKey,
    /// The certificate of ours that shall be repeated, where there is one.
    pub cross: Option<&'a Certificate>,
    /// All certificates that there are: those of the key are looked at.
    pub certificates: Vec<&'a Certificate>,
    /// Whether the subject is marked as a rehearsal's.
    pub rehearsal: bool,
}

/// The bytes of a request, ready for the rules: a CertificationRequestInfo (RFC 2986, 4.1) that asks for the
/// extensions of its profile in one extensionRequest (RFC 2985, 5.4.2).
pub fn draft(asked: &Asked) -> Result<Draft<CertificateRequest>, Malformed> {
    let object = format!("csrs.{}", asked.name);
    let wrong = |error: der::Error| malformed(&object, error);
    let planned = asked.planned;
    let subject = name::encode(&planned.subject, asked.rehearsal).map_err(wrong)?;
    let info = || {
        let mut wanted = profile::of_key(*planned.profile, key_identifier(asked.public))?;
        wanted.extend(profile::policies(&planned.policies)?);
        let attribute = Attribute {
            oid: <ExtensionReq as der::oid::AssociatedOid>::OID,
            values: SetOfVec::try_from(vec![Any::encode_from::<Extensions>(&wanted)?])?,
        };
        let info = CertReqInfo {
            version: Version::V1,
            subject: subject.clone(),
            public_key: SubjectPublicKeyInfoOwned::from_der(asked.public.spki())?,
            attributes: SetOfVec::try_from(vec![attribute])?,
        };
        info.to_der()
    };
    let bytes = info().map_err(wrong)?;
    let spki = SubjectPublicKeyInfoOwned::from_der(asked.public.spki()).map_err(wrong)?;
    let own = asked.certificates.iter().filter(|other| *other.tbs().subject_public_key_info() == spki);
    Ok(Draft {
        object,
        bytes,
        key: (*planned.key).clone(),
        public: asked.public.clone(),
        context: Context {
            profile: *planned.profile,
            subject,
            policies: planned.policies.clone(),
            cross: asked.cross.cloned(),
            own: own.map(|own| (*own).clone()).collect(),
        },
    })
}
