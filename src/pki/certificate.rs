//! Certificates: what a profile makes of a key and a subject, as bytes to be signed.

use der::asn1::{BitString, OctetString};
use der::{Decode, Encode};
use p256::ecdsa::signature::Keypair;
use sha2::{Digest, Sha256};
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::builder::{Builder, CertificateBuilder};
use x509_cert::certificate::TbsCertificate;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, SubjectKeyIdentifier};
use x509_cert::name::Name as X509Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{
    AlgorithmIdentifierOwned, DynSignatureAlgorithmIdentifier, EncodePublicKey, SubjectPublicKeyInfoOwned,
    SubjectPublicKeyInfoRef,
};

use super::key::{PublicKey, pem};
use super::{Algorithm, Document, Draft, Malformed, Signature, name, profile};
use crate::plan::{self, Name, Oid, Profile, Url};

/// A certificate: its DER and what was read from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    parsed: x509_cert::Certificate,
}

impl Certificate {
    /// Reads a certificate in DER. Nothing is verified.
    pub fn from_der(der: &[u8]) -> Result<Self, der::Error> {
        Ok(Self { der: der.to_vec(), parsed: x509_cert::Certificate::from_der(der)? })
    }

    /// The certificate in DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The certificate as a PEM file.
    pub fn pem(&self) -> String {
        pem("CERTIFICATE", &self.der)
    }

    /// All of it, as read.
    pub(super) fn parsed(&self) -> &x509_cert::Certificate {
        &self.parsed
    }

    /// What was signed, as read.
    pub fn tbs(&self) -> &TbsCertificate {
        self.parsed.tbs_certificate()
    }

    /// The subject's key identifier, if the certificate has one.
    pub fn subject_key_identifier(&self) -> Option<OctetString> {
        let found = self.tbs().get_extension::<SubjectKeyIdentifier>().ok().flatten();
        found.map(|(_, identifier)| identifier.0)
    }
}

/// What the rules must know of a certificate's draft.
#[derive(Clone, Debug)]
pub struct Context {
    /// What the certificate is for.
    pub profile: Profile,
    /// The issuer's certificate; none for a root.
    pub issuer: Option<Certificate>,
    /// The key that shall sign.
    pub issuer_key: PublicKey,
    /// The subject as the plan has it, encoded.
    pub subject: X509Name,
    /// The validity as the plan has it.
    pub validity: plan::Validity,
    /// The certificate policies as the plan has them.
    pub policies: Vec<Oid>,
    /// Where the plan says that the issuer's CRL is.
    pub crl_urls: Vec<Url>,
    /// Where the plan says that the issuer's certificate is.
    pub issuer_urls: Vec<Url>,
    /// The certificate that this one repeats under another issuer, if it is a cross-certificate.
    pub cross: Option<Certificate>,
    /// Certificates that must not contradict this one: of the same key, subject, or issuer and serial
    /// number. From [`Draft::beside`].
    pub others: Vec<Certificate>,
}

impl Draft<Certificate> {
    /// The same draft, to be judged beside the certificates that there are already. Those that have
    /// neither its key nor its subject, nor its issuer and serial number, have nothing to do with it.
    pub fn beside<'a>(mut self, certificates: impl IntoIterator<Item = &'a Certificate>) -> Self {
        if let Ok(own) = TbsCertificate::from_der(&self.bytes) {
            self.context.others =
                certificates.into_iter().filter(|other| related(&own, other)).cloned().collect();
        }
        self
    }
}

/// Whether another certificate has the key or the subject of one, or its issuer and serial number.
pub fn related(own: &TbsCertificate, other: &Certificate) -> bool {
    let other = other.tbs();
    other.subject() == own.subject()
        || other.subject_public_key_info() == own.subject_public_key_info()
        || (other.issuer(), other.serial_number()) == (own.issuer(), own.serial_number())
}

impl Document for Certificate {
    type Context = Context;
    const KIND: &'static str = "certificate";

    fn assemble(draft: &Draft<Self>, signature: &Signature) -> Result<Self, Malformed> {
        let der = sign_sequence(draft, signature)?;
        Self::from_der(&der).map_err(|error| malformed(&draft.object, error))
    }
}

/// What a certificate shall be made of: the plan's entry, and the keys that it names.
pub struct Request<'a> {
    /// The certificate's name in the plan.
    pub name: &'a Name,
    /// The plan's entry.
    pub planned: &'a plan::Certificate,
    /// The subject's key.
    pub public: &'a PublicKey,
    /// The issuer's certificate; none for a root.
    pub issuer: Option<&'a Certificate>,
    /// The certificate that this one repeats under another issuer, if it is a cross-certificate.
    pub cross: Option<&'a Certificate>,
    /// The name and public half of the key that shall sign.
    pub signer: (&'a Name, &'a PublicKey),
    /// From [`serial`].
    pub serial: [u8; 20],
    /// Whether the subject is marked as a rehearsal's.
    pub rehearsal: bool,
}

/// The bytes of a certificate, as its profile has them, ready for the rules.
pub fn draft(request: &Request) -> Result<Draft<Certificate>, Malformed> {
    let object = format!("certificates.{}", request.name);
    let wrong = |error: der::Error| malformed(&object, error);
    let subject = name::encode(&request.planned.subject, request.rehearsal).map_err(wrong)?;
    let issuer_name = request.issuer.map_or(&subject, |issuer| issuer.tbs().subject()).clone();
    let extensions = profile::extensions(
        request.planned,
        key_identifier(request.public),
        request.issuer.map(|issuer| issuer.subject_key_identifier()),
    )
    .map_err(wrong)?;
    let validity = *request.planned.validity;
    let (signer, signer_public) = request.signer;
    let names = (subject.clone(), issuer_name);
    let bytes =
        to_be_signed(&object, names, request.public, signer_public, &request.serial, validity, extensions)?;
    Ok(Draft {
        object: object.clone(),
        bytes,
        key: signer.clone(),
        public: signer_public.clone(),
        context: Context {
            profile: *request.planned.profile,
            issuer: request.issuer.cloned(),
            issuer_key: signer_public.clone(),
            subject,
            validity,
            policies: request.planned.policies.clone(),
            crl_urls: request.planned.crl_urls.clone(),
            issuer_urls: request.planned.issuer_urls.clone(),
            cross: request.cross.cloned(),
            others: Vec::new(),
        },
    })
}

/// The bytes that an issuer signs: a TBSCertificate of version 3 (RFC 5280, 4.1.2), with these extensions
/// in this order. `object` is what errors call it.
pub(crate) fn to_be_signed(
    object: &str,
    (subject, issuer): (X509Name, X509Name),
    public: &PublicKey,
    signer: &PublicKey,
    serial: &[u8; 20],
    validity: plan::Validity,
    extensions: Vec<Extension>,
) -> Result<Vec<u8>, Malformed> {
    let wrong = |error: der::Error| malformed(object, error);
    let built = |error: x509_cert::builder::Error| Malformed {
        object: object.to_string(),
        reason: error.to_string(),
    };
    let spki = SubjectPublicKeyInfoOwned::from_der(public.spki()).map_err(wrong)?;
    let mut builder = CertificateBuilder::new(
        OwnProfile { subject, issuer, extensions },
        SerialNumber::new(serial).map_err(wrong)?,
        x509_cert::time::Validity::new(
            time(validity.from).map_err(wrong)?,
            time(validity.to).map_err(wrong)?,
        ),
        spki,
    )
    .map_err(built)?;
    builder.finalize(&Signer(signer.clone())).map_err(built)
}

/// A serial number of 20 octets from 20 random ones: the top bits are `01`, so that it is positive and
/// its length never varies (RFC 5280, 4.1.2.2; CSBR 7.1 asks for 64 bits of entropy, this has 158).
pub fn serial(mut random: [u8; 20]) -> [u8; 20] {
    if let Some(top) = random.first_mut() {
        *top = (*top & 0x3f) | 0x40;
    }
    random
}

/// The key identifier: the leftmost 160 bits of the SHA-256 of the key's bits (RFC 7093, method 1).
pub fn key_identifier(public: &PublicKey) -> Vec<u8> {
    Sha256::digest(public.bits()).iter().take(20).copied().collect()
}

/// UTCTime to 2049, GeneralizedTime from 2050 (RFC 5280, 4.1.2.5).
pub fn time(time: plan::Time) -> der::Result<x509_cert::time::Time> {
    let out_of_range = || der::Error::from(der::ErrorKind::DateTime);
    let seconds = u64::try_from(time.unix()).map_err(|_| out_of_range())?;
    let since = std::time::Duration::from_secs(seconds);
    match der::asn1::UtcTime::from_unix_duration(since) {
        Ok(utc) => Ok(x509_cert::time::Time::UtcTime(utc)),
        Err(_) => {
            Ok(x509_cert::time::Time::GeneralTime(der::asn1::GeneralizedTime::from_unix_duration(since)?))
        }
    }
}

/// `SEQUENCE { to-be-signed, AlgorithmIdentifier, BIT STRING }`, around the exact bytes that were signed.
pub(crate) fn sign_sequence<T: Document>(
    draft: &Draft<T>,
    signature: &Signature,
) -> Result<Vec<u8>, Malformed> {
    let build = |algorithm: Algorithm| -> der::Result<Vec<u8>> {
        let mut rest = algorithm.signature_identifier().to_der()?;
        BitString::from_bytes(signature.as_bytes())?.encode_to_vec(&mut rest)?;
        let length = draft.bytes.len().saturating_add(rest.len());
        let header = der::Header::new(der::Tag::Sequence, length.try_into()?).to_der()?;
        // A long CRL is copied once, and not again when more follows.
        let mut der = Vec::with_capacity(header.len().saturating_add(length));
        for part in [&header, &draft.bytes, &rest] {
            der.extend_from_slice(part);
        }
        Ok(der)
    };
    build(draft.public.algorithm()).map_err(|error| malformed(&draft.object, error))
}

pub(crate) fn malformed(object: &str, error: der::Error) -> Malformed {
    Malformed { object: object.to_string(), reason: error.to_string() }
}

/// The extensions were made by [`profile::extensions`]; x509-cert's builder puts them in place.
struct OwnProfile {
    subject: X509Name,
    issuer: X509Name,
    extensions: Vec<Extension>,
}

impl BuilderProfile for OwnProfile {
    fn get_issuer(&self, _: &X509Name) -> X509Name {
        self.issuer.clone()
    }
    fn get_subject(&self) -> X509Name {
        self.subject.clone()
    }
    fn build_extensions(
        &self,
        _: SubjectPublicKeyInfoRef<'_>,
        _: SubjectPublicKeyInfoRef<'_>,
        _: &TbsCertificate,
    ) -> x509_cert::builder::Result<Vec<Extension>> {
        Ok(self.extensions.clone())
    }
}

/// Tells x509-cert's builder who will sign; the private key is inside a device.
struct Signer(PublicKey);

impl Keypair for Signer {
    type VerifyingKey = PublicKey;
    fn verifying_key(&self) -> PublicKey {
        self.0.clone()
    }
}

impl DynSignatureAlgorithmIdentifier for Signer {
    fn signature_algorithm_identifier(&self) -> x509_cert::spki::Result<AlgorithmIdentifierOwned> {
        Ok(self.0.algorithm().signature_identifier())
    }
}

impl EncodePublicKey for PublicKey {
    fn to_public_key_der(&self) -> x509_cert::spki::Result<der::Document> {
        Ok(der::Document::try_from(self.spki())?)
    }
}

/// The authority key identifier with the issuer's key identifier in it, and nothing else.
pub(crate) fn authority_key_identifier(identifier: OctetString) -> AuthorityKeyIdentifier {
    AuthorityKeyIdentifier { key_identifier: Some(identifier), ..AuthorityKeyIdentifier::default() }
}
