//! The developer's certificate, as Fulcio's profile has it, first as a precertificate for the certificate
//! log (RFC 6962, 3.1), then with the log's promise in it.

use der::asn1::{Null, OctetString};
use der::oid::db::rfc5280;
use der::{Decode, Encode};
use x509_cert::certificate::TbsCertificate;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectKeyIdentifier};
use x509_cert::name::Name as X509Name;

use super::identity::Identity;
use super::sct::Sct;
use crate::pki::certificate::{
    authority_key_identifier, key_identifier, malformed, sign_sequence, to_be_signed,
};
use crate::pki::profile::extension;
use crate::pki::{Certificate, Document, Draft, Malformed, PublicKey, Signature};
use crate::plan::{Name, Time, Validity};

/// Seconds from the first valid moment to the last: ten minutes.
pub const LIFETIME: i64 = 600;

/// The critical extension that makes a precertificate useless as a certificate (RFC 6962, 3.1).
pub const POISON: der::asn1::ObjectIdentifier =
    der::asn1::ObjectIdentifier::new_unwrap("1.3.6.1.4.1.11129.2.4.3");

/// The extension with the log's promises (RFC 6962, 3.3).
pub const SCTS: der::asn1::ObjectIdentifier =
    der::asn1::ObjectIdentifier::new_unwrap("1.3.6.1.4.1.11129.2.4.2");

/// A developer's certificate, or its precertificate, signed.
#[derive(Clone, Debug)]
pub struct Leaf(pub Certificate);

/// Which of the two it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// With the poison.
    Precertificate,
    /// With the promise of a log, which covered these bytes: the precertificate's without the poison.
    Final(Vec<u8>),
}

/// What the rules must know beside the bytes.
#[derive(Clone, Debug)]
pub struct Context {
    /// Which of the two it is.
    pub part: Part,
    /// The issuer's certificate.
    pub issuer: Certificate,
    /// The developer's key, which proved that it is there.
    pub public: PublicKey,
    /// The moment of signing.
    pub from: Time,
    /// Whom it is for.
    pub identity: Identity,
    /// Whether it is a rehearsal's.
    pub rehearsal: bool,
}

impl Document for Leaf {
    type Context = Context;
    const KIND: &'static str = "canary certificate";

    fn assemble(draft: &Draft<Self>, signature: &Signature) -> Result<Self, Malformed> {
        let der = sign_sequence(draft, signature)?;
        Certificate::from_der(&der).map(Self).map_err(|error| malformed(&draft.object, error))
    }
}

/// What a developer's certificate shall be made of.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The canary's name, for messages.
    pub canary: &'a str,
    /// Whom it is for.
    pub identity: &'a Identity,
    /// The developer's key.
    pub public: &'a PublicKey,
    /// The issuer's certificate.
    pub issuer: &'a Certificate,
    /// The name and public half of the issuer's key.
    pub signer: (&'a Name, &'a PublicKey),
    /// From [`crate::pki::certificate::serial`].
    pub serial: [u8; 20],
    /// The moment of signing.
    pub from: Time,
    /// Whether it is a rehearsal's.
    pub rehearsal: bool,
}

/// The precertificate, ready for the rules.
pub fn precertificate(request: &Request<'_>) -> Result<Draft<Leaf>, Malformed> {
    let object = format!("{}/precertificate", request.canary);
    let poison = Null
        .to_der()
        .and_then(OctetString::new)
        .map(|extn_value| Extension { extn_id: POISON, critical: true, extn_value })
        .map_err(|error| malformed(&object, error))?;
    draft(request, object, Some(poison), Part::Precertificate)
}

/// What the log's promise covers: the precertificate's bytes without the poison (RFC 6962, 3.2).
pub fn unpoisoned(request: &Request<'_>) -> Result<Vec<u8>, Malformed> {
    let object = format!("{}/precertificate", request.canary);
    Ok(draft(request, object, None, Part::Precertificate)?.bytes)
}

/// The certificate with the log's promise, ready for the rules. Nothing but the promise stands in the
/// place of the poison.
pub fn certificate(request: &Request<'_>, sct: &Sct) -> Result<Draft<Leaf>, Malformed> {
    let object = format!("{}/certificate", request.canary);
    let covered = unpoisoned(request)?;
    // An OCTET STRING with the list in it, in the OCTET STRING that every extension is.
    let promise = OctetString::new(sct.list())
        .and_then(|list| OctetString::new(list.to_der()?))
        .map(|extn_value| Extension { extn_id: SCTS, critical: false, extn_value })
        .map_err(|error| malformed(&object, error))?;
    draft(request, object, Some(promise), Part::Final(covered))
}

fn draft(
    request: &Request<'_>,
    object: String,
    last: Option<Extension>,
    part: Part,
) -> Result<Draft<Leaf>, Malformed> {
    let (signer, signer_public) = request.signer;
    let mut all = extensions(request).map_err(|error| malformed(&object, error))?;
    all.extend(last);
    let to = request.from.unix().checked_add(LIFETIME).and_then(Time::from_unix);
    let to = to.ok_or_else(|| Malformed { object: object.clone(), reason: "it ends after 9999".into() })?;
    let names = (X509Name::default(), request.issuer.tbs().subject().clone());
    let validity = Validity { from: request.from, to };
    let bytes = to_be_signed(&object, names, request.public, signer_public, &request.serial, validity, all)?;
    Ok(Draft {
        object,
        bytes,
        key: signer.clone(),
        public: signer_public.clone(),
        context: Context {
            part,
            issuer: request.issuer.clone(),
            public: request.public.clone(),
            from: request.from,
            identity: request.identity.clone(),
            rehearsal: request.rehearsal,
        },
    })
}

/// In the order in which Fulcio writes them.
fn extensions(request: &Request<'_>) -> der::Result<Vec<Extension>> {
    let mut all = vec![
        extension(true, &KeyUsage(KeyUsages::DigitalSignature.into()))?,
        extension(false, &ExtendedKeyUsage(vec![rfc5280::ID_KP_CODE_SIGNING]))?,
        extension(false, &SubjectKeyIdentifier(OctetString::new(key_identifier(request.public))?))?,
    ];
    if let Some(identifier) = request.issuer.subject_key_identifier() {
        all.push(extension(false, &authority_key_identifier(identifier))?);
    }
    all.push(request.identity.subject_alt_name()?);
    all.extend(request.identity.extensions()?);
    Ok(all)
}

/// A certificate's bytes, read back.
pub fn read(bytes: &[u8]) -> der::Result<TbsCertificate> {
    TbsCertificate::from_der(bytes)
}
