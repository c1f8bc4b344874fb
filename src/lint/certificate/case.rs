//! A certificate as the rules see it: every part read once.

use der::asn1::ObjectIdentifier;
use der::oid::AssociatedOid;
use der::{Decode, Encode};
use x509_cert::certificate::TbsCertificate;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{
    AuthorityInfoAccessSyntax, AuthorityKeyIdentifier, BasicConstraints, CertificatePolicies,
    CrlDistributionPoints, ExtendedKeyUsage, KeyUsage, NameConstraints, SubjectKeyIdentifier,
};

use super::super::key;
use crate::pki::certificate::Context;
use crate::plan::Policy;

/// A certificate's draft as the rules see it.
pub struct Case {
    /// The bytes to be signed.
    pub bytes: Vec<u8>,
    /// What was read from them.
    pub tbs: TbsCertificate,
    /// The subject's key.
    pub key: key::Case,
    /// Its extensions.
    pub extensions: Extensions,
    /// The issuer's extensions; none for a root.
    pub issuer: Option<Extensions>,
    /// Profile, issuer, and what the plan says.
    pub context: Context,
    /// What sets the limits.
    pub policy: Policy,
}

impl Case {
    /// Reads what shall be signed.
    pub fn read(bytes: Vec<u8>, context: Context, policy: Policy) -> der::Result<Self> {
        let tbs = TbsCertificate::from_der(&bytes)?;
        let issuer = context.issuer.as_ref().map(|issuer| Extensions::of(issuer.tbs()));
        let (key, extensions) = (key::Case::new(tbs.subject_public_key_info()), Extensions::of(&tbs));
        Ok(Self { bytes, tbs, key, extensions, issuer, context, policy })
    }
}

/// An extension that was found.
#[derive(Clone, Debug)]
pub struct Found<T> {
    /// Whether it is critical.
    pub critical: bool,
    /// Its value.
    pub value: T,
}

/// The extensions of a certificate: those of the profiles read, the others by their identifiers.
#[derive(Clone, Debug, Default)]
pub struct Extensions {
    /// Basic constraints.
    pub basic_constraints: Option<Found<BasicConstraints>>,
    /// Key usage.
    pub key_usage: Option<Found<KeyUsage>>,
    /// Extended key usage.
    pub purposes: Option<Found<ExtendedKeyUsage>>,
    /// The subject's key identifier.
    pub subject_key: Option<Found<SubjectKeyIdentifier>>,
    /// The issuer's key identifier.
    pub authority_key: Option<Found<AuthorityKeyIdentifier>>,
    /// Certificate policies.
    pub policies: Option<Found<CertificatePolicies>>,
    /// CRL distribution points.
    pub crl_points: Option<Found<CrlDistributionPoints>>,
    /// Authority information access.
    pub issuer_access: Option<Found<AuthorityInfoAccessSyntax>>,
    /// All identifiers, in the order of the certificate, with their criticality.
    pub all: Vec<(ObjectIdentifier, bool)>,
    /// Identifiers of extensions whose values can't be read, or are not DER.
    pub broken: Vec<ObjectIdentifier>,
    /// Whether there is an extensions field, with nothing in it.
    pub empty: bool,
}

impl Extensions {
    /// The extensions of a certificate.
    pub fn of(tbs: &TbsCertificate) -> Self {
        let list = tbs.extensions();
        let mut found = Self { empty: list.is_some_and(Vec::is_empty), ..Self::default() };
        list.into_iter().flatten().for_each(|extension| found.take(extension));
        found
    }

    fn take(&mut self, extension: &Extension) {
        self.all.push((extension.extn_id, extension.critical));
        let broken = &mut self.broken;
        match extension.extn_id {
            BasicConstraints::OID => read(extension, &mut self.basic_constraints, broken),
            KeyUsage::OID => read(extension, &mut self.key_usage, broken),
            ExtendedKeyUsage::OID => read(extension, &mut self.purposes, broken),
            SubjectKeyIdentifier::OID => read(extension, &mut self.subject_key, broken),
            AuthorityKeyIdentifier::OID => read(extension, &mut self.authority_key, broken),
            CertificatePolicies::OID => read(extension, &mut self.policies, broken),
            CrlDistributionPoints::OID => read(extension, &mut self.crl_points, broken),
            AuthorityInfoAccessSyntax::OID => read(extension, &mut self.issuer_access, broken),
            _ => {}
        }
    }

    /// Whether it is a CA's.
    pub fn is_ca(&self) -> bool {
        self.basic_constraints.as_ref().is_some_and(|found| found.value.ca)
    }

    /// Whether there is an extension of that identifier, readable or not.
    pub fn has(&self, oid: ObjectIdentifier) -> bool {
        self.all.iter().any(|(found, _)| *found == oid)
    }

    /// Whether there are name constraints.
    pub fn has_name_constraints(&self) -> bool {
        self.has(NameConstraints::OID)
    }
}

/// Reads the first of its kind; a second one is another rule's.
fn read<'a, T: Decode<'a> + Encode>(
    extension: &'a Extension,
    place: &mut Option<Found<T>>,
    broken: &mut Vec<ObjectIdentifier>,
) {
    let der = extension.extn_value.as_bytes();
    match T::from_der(der) {
        Ok(value) => {
            if value.to_der().ok().as_deref() != Some(der) {
                broken.push(extension.extn_id);
            }
            if place.is_none() {
                *place = Some(Found { critical: extension.critical, value });
            }
        }
        Err(_) => broken.push(extension.extn_id),
    }
}
