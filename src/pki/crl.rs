//! Certificate revocation lists (RFC 5280, 5), built by hand: x509-cert's builder writes the wrong OID
//! for the issuing distribution point and takes the authority key identifier from the wrong place.

use der::asn1::{ObjectIdentifier, OctetString, Uint};
use der::oid::AssociatedOid;
use der::{Decode, Encode};
use x509_cert::certificate::Version;
use x509_cert::crl::{CertificateList, RevokedCert, TbsCertList};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::CrlNumber;
use x509_cert::ext::pkix::crl::CrlReason;
use x509_cert::ext::pkix::crl::dp::IssuingDistributionPoint;
use x509_cert::serial_number::SerialNumber;

use super::certificate::{Certificate, authority_key_identifier, malformed, sign_sequence, time};
use super::profile::extension;
use super::{Document, Draft, Malformed, PublicKey, Signature};
use crate::plan::{self, Name, Reason};

/// id-ce-issuingDistributionPoint (RFC 5280, 5.2.5).
pub const ISSUING_DISTRIBUTION_POINT: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.28");

/// A CRL: its DER and what was read from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crl {
    der: Vec<u8>,
    parsed: CertificateList,
}

impl Crl {
    /// Reads a CRL in DER. Nothing is verified.
    pub fn from_der(der: &[u8]) -> Result<Self, der::Error> {
        Ok(Self { der: der.to_vec(), parsed: CertificateList::from_der(der)? })
    }

    /// The CRL in DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// What was signed, as read.
    pub fn tbs(&self) -> &TbsCertList {
        &self.parsed.tbs_cert_list
    }
}

/// What the rules must know of a CRL's draft.
#[derive(Clone, Debug)]
pub struct Context {
    /// The issuer's certificate.
    pub issuer: Certificate,
    /// The number of the issuer's newest CRL so far.
    pub previous: Option<u64>,
    /// That CRL, where it is known. From [`Draft::after`].
    pub before: Option<Crl>,
}

impl Draft<Crl> {
    /// The same draft, to be judged as what follows the issuer's newest CRL.
    pub fn after(mut self, before: Option<&Crl>) -> Self {
        self.context.before = before.cloned();
        self
    }
}

impl Document for Crl {
    type Context = Context;
    const KIND: &'static str = "CRL";

    fn assemble(draft: &Draft<Self>, signature: &Signature) -> Result<Self, Malformed> {
        let der = sign_sequence(draft, signature)?;
        Self::from_der(&der).map_err(|error| malformed(&draft.object, error))
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
    /// The number of the issuer's newest CRL so far.
    pub previous: Option<u64>,
}

/// The bytes of a CRL, ready for the rules.
pub fn draft(request: &Request) -> Result<Draft<Crl>, Malformed> {
    let object = format!("crls.{}", request.name);
    let (signer, public) = request.signer;
    let bytes =
        tbs(request, public).and_then(|tbs| tbs.to_der()).map_err(|error| malformed(&object, error))?;
    Ok(Draft {
        object,
        bytes,
        key: signer.clone(),
        public: public.clone(),
        context: Context { issuer: request.issuer.clone(), previous: request.previous, before: None },
    })
}

fn tbs(request: &Request, public: &PublicKey) -> der::Result<TbsCertList> {
    let planned = request.planned;
    let mut revoked = Vec::new();
    for (entry, certificate) in planned.revoked.iter().zip(&request.revoked) {
        revoked.push(RevokedCert {
            serial_number: SerialNumber::new(certificate.tbs().serial_number().as_bytes())?,
            revocation_date: time(entry.date)?,
            crl_entry_extensions: Some(vec![extension(false, &reason(entry.reason))?]),
        });
    }
    let mut extensions: Vec<Extension> = Vec::new();
    if let Some(identifier) = request.issuer.subject_key_identifier() {
        extensions.push(extension(false, &authority_key_identifier(identifier))?);
    }
    extensions.push(extension(false, &CrlNumber(Uint::new(&planned.number.to_be_bytes())?))?);
    let point = IssuingDistributionPoint {
        distribution_point: None,
        only_contains_user_certs: false,
        only_contains_ca_certs: true,
        only_some_reasons: None,
        indirect_crl: false,
        only_contains_attribute_certs: false,
    };
    extensions.push(Extension {
        extn_id: ISSUING_DISTRIBUTION_POINT,
        critical: true,
        extn_value: OctetString::new(point.to_der()?)?,
    });
    Ok(TbsCertList {
        version: Version::V2,
        signature: public.algorithm().signature_identifier(),
        issuer: request.issuer.tbs().subject().clone(),
        this_update: time(planned.validity.from)?,
        next_update: Some(time(planned.validity.to)?),
        // Absent, not empty (RFC 5280, 5.1.2.6).
        revoked_certificates: (!revoked.is_empty()).then_some(revoked),
        crl_extensions: Some(extensions),
    })
}

fn reason(reason: Reason) -> CrlReason {
    match reason {
        Reason::KeyCompromise => CrlReason::KeyCompromise,
        Reason::CaCompromise => CrlReason::CaCompromise,
        Reason::AffiliationChanged => CrlReason::AffiliationChanged,
        Reason::Superseded => CrlReason::Superseded,
        Reason::CessationOfOperation => CrlReason::CessationOfOperation,
        Reason::PrivilegeWithdrawn => CrlReason::PrivilegeWithdrawn,
    }
}

/// The number in a CRL's CRL number extension, if it has one that fits.
pub fn number(tbs: &TbsCertList) -> Option<u64> {
    let extension = tbs.crl_extensions.iter().flatten().find(|found| found.extn_id == CrlNumber::OID)?;
    let number = CrlNumber::from_der(extension.extn_value.as_bytes()).ok()?;
    number.0.as_bytes().iter().try_fold(0u64, |sum, byte| sum.checked_mul(256)?.checked_add(u64::from(*byte)))
}
