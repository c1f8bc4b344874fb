//! What each profile puts into a certificate (facts: CSBR 7.1.2; Fulcio's certificate specification;
//! RFC 3161, 2.3 for the timestamp signer).

use der::asn1::{Ia5String, ObjectIdentifier, OctetString};
use der::oid::AssociatedOid;
use der::oid::db::{rfc5280, rfc5912};
use der::{Encode, flagset::FlagSet};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::certpolicy::{CertificatePolicies, PolicyInformation};
use x509_cert::ext::pkix::crl::dp::DistributionPoint;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};
use x509_cert::ext::pkix::{
    AccessDescription, AuthorityInfoAccessSyntax, BasicConstraints, CrlDistributionPoints, ExtendedKeyUsage,
    KeyUsage, KeyUsages, SubjectKeyIdentifier,
};

use super::certificate::authority_key_identifier;
use crate::plan::{Certificate, Oid, Profile, Url};

impl Profile {
    /// The key usages, always critical.
    pub fn key_usage(self) -> FlagSet<KeyUsages> {
        match self {
            Self::Root | Self::CrossRoot | Self::CodeSigning | Self::Timestamping => {
                KeyUsages::KeyCertSign | KeyUsages::CRLSign
            }
            Self::TimestampSigner => KeyUsages::DigitalSignature.into(),
        }
    }

    /// The extended key usages, in their order, and whether the extension is critical; none for a root.
    pub fn extended_key_usage(self) -> Option<(&'static [ObjectIdentifier], bool)> {
        match self {
            Self::Root => None,
            // A critical one makes a stock client refuse the chain.
            Self::CodeSigning => Some((&[rfc5280::ID_KP_CODE_SIGNING], false)),
            Self::Timestamping => Some((&[rfc5280::ID_KP_TIME_STAMPING], false)),
            // RFC 3161, 2.3: must be critical.
            Self::TimestampSigner => Some((&[rfc5280::ID_KP_TIME_STAMPING], true)),
            // Below another root it is an intermediate, which says what for (CSBR 7.1.2.2): for all that
            // stands below a root of sigstore.
            Self::CrossRoot => Some((&[rfc5280::ID_KP_CODE_SIGNING, rfc5280::ID_KP_TIME_STAMPING], false)),
        }
    }

    /// Basic constraints: whether it is a CA, and the path length; none where the extension is absent.
    pub fn basic_constraints(self) -> BasicConstraints {
        match self {
            // A path length of 0 on a root makes clients refuse what is below its intermediates.
            Self::Root | Self::CrossRoot => BasicConstraints { ca: true, path_len_constraint: None },
            Self::CodeSigning | Self::Timestamping => {
                BasicConstraints { ca: true, path_len_constraint: Some(0) }
            }
            Self::TimestampSigner => BasicConstraints { ca: false, path_len_constraint: None },
        }
    }
}

/// The extensions that belong to a subject and its key, whoever issues, in their order.
pub(crate) fn of_key(profile: Profile, subject_key_identifier: Vec<u8>) -> der::Result<Vec<Extension>> {
    let mut extensions = vec![
        extension(true, &profile.basic_constraints())?,
        extension(true, &KeyUsage(profile.key_usage()))?,
    ];
    if let Some((purposes, critical)) = profile.extended_key_usage() {
        extensions.push(extension(critical, &ExtendedKeyUsage(purposes.to_vec()))?);
    }
    extensions.push(extension(false, &SubjectKeyIdentifier(OctetString::new(subject_key_identifier)?))?);
    Ok(extensions)
}

/// Certificate policies; none where there are none.
pub(crate) fn policies(policies: &[Oid]) -> der::Result<Option<Extension>> {
    if policies.is_empty() {
        return Ok(None);
    }
    let policies = policies
        .iter()
        .map(|policy| PolicyInformation { policy_identifier: policy.0, policy_qualifiers: None });
    extension(false, &CertificatePolicies(policies.collect())).map(Some)
}

/// The extensions of a certificate, in their order. `issuer` is the issuer's key identifier, `None` for
/// a root; the inner `None` is an issuer without one, which is left for the rules to find.
pub(super) fn extensions(
    planned: &Certificate,
    subject_key_identifier: Vec<u8>,
    issuer: Option<Option<OctetString>>,
) -> der::Result<Vec<Extension>> {
    let mut extensions = of_key(*planned.profile, subject_key_identifier)?;
    if let Some(Some(identifier)) = issuer {
        extensions.push(extension(false, &authority_key_identifier(identifier))?);
    }
    extensions.extend(policies(&planned.policies)?);
    if !planned.crl_urls.is_empty() {
        let points = planned.crl_urls.iter().map(|url| {
            let name = DistributionPointName::FullName(vec![uri(url)?]);
            Ok(DistributionPoint { distribution_point: Some(name), reasons: None, crl_issuer: None })
        });
        extensions.push(extension(false, &CrlDistributionPoints(points.collect::<der::Result<_>>()?))?);
    }
    if !planned.issuer_urls.is_empty() {
        let places = planned.issuer_urls.iter().map(|url| {
            Ok(AccessDescription { access_method: rfc5912::ID_AD_CA_ISSUERS, access_location: uri(url)? })
        });
        extensions.push(extension(false, &AuthorityInfoAccessSyntax(places.collect::<der::Result<_>>()?))?);
    }
    Ok(extensions)
}

/// One extension, with its criticality said by the profile and not by the library.
pub(crate) fn extension<T: AssociatedOid + Encode>(critical: bool, value: &T) -> der::Result<Extension> {
    Ok(Extension { extn_id: T::OID, critical, extn_value: OctetString::new(value.to_der()?)? })
}

fn uri(url: &Url) -> der::Result<GeneralName> {
    Ok(GeneralName::UniformResourceIdentifier(Ia5String::new(url.as_str())?))
}
