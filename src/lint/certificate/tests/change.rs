//! One thing that is wrong in a draft.

use der::asn1::{Any, OctetString};
use der::oid::AssociatedOid;
use der::{Decode, Encode};
use x509_cert::certificate::TbsCertificate;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::certpolicy::PolicyInformation;
use x509_cert::ext::pkix::crl::dp::DistributionPoint;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};
use x509_cert::ext::pkix::{
    AccessDescription, AuthorityInfoAccessSyntax, CertificatePolicies, CrlDistributionPoints,
};

use crate::pki::{Certificate, Draft};

/// The bytes of a draft with the extensions changed.
pub(super) fn with_extensions(
    draft: &Draft<Certificate>,
    change: impl Fn(&mut Vec<Extension>),
) -> Draft<Certificate> {
    let tbs = TbsCertificate::from_der(&draft.bytes).unwrap();
    let mut extensions = tbs.extensions().cloned().unwrap();
    let old = extensions.to_der().unwrap();
    change(&mut extensions);
    let new = extensions.to_der().unwrap();
    let wrap = |body: &[u8]| {
        Any::new(der::Tag::ContextSpecific { constructed: true, number: der::TagNumber(3) }, body)
            .unwrap()
            .to_der()
            .unwrap()
    };
    replace(draft, &wrap(&old), &wrap(&new))
}

/// The bytes of a draft with one part of its content replaced, and the outer length put right.
pub(super) fn replace(draft: &Draft<Certificate>, from: &[u8], to: &[u8]) -> Draft<Certificate> {
    let body = Any::from_der(&draft.bytes).unwrap().value().to_vec();
    let at = body.windows(from.len()).position(|window| window == from).expect("the part to replace");
    let mut changed = body[..at].to_vec();
    changed.extend_from_slice(to);
    changed.extend_from_slice(&body[at + from.len()..]);
    let bytes = Any::new(der::Tag::Sequence, changed).unwrap().to_der().unwrap();
    Draft { bytes, ..draft.clone() }
}

pub(super) fn extension<T: AssociatedOid + Encode>(critical: bool, value: &T) -> Extension {
    Extension { extn_id: T::OID, critical, extn_value: OctetString::new(value.to_der().unwrap()).unwrap() }
}

pub(super) fn swap<T: AssociatedOid + Encode>(
    draft: &Draft<Certificate>,
    critical: bool,
    value: &T,
) -> Draft<Certificate> {
    with_extensions(draft, |extensions| {
        extensions.retain(|found| found.extn_id != T::OID);
        extensions.push(extension(critical, value));
    })
}

pub(super) const HERE: &str = "http://pki.example.org/root.crl";

pub(super) fn here() -> crate::plan::Url {
    HERE.to_string().try_into().unwrap()
}

pub(super) fn uri(text: &str) -> GeneralName {
    GeneralName::UniformResourceIdentifier(der::asn1::Ia5String::new(text).unwrap())
}

pub(super) fn points(text: &str) -> CrlDistributionPoints {
    CrlDistributionPoints(vec![DistributionPoint {
        distribution_point: Some(DistributionPointName::FullName(vec![uri(text)])),
        reasons: None,
        crl_issuer: None,
    }])
}

pub(super) fn access(access_method: der::asn1::ObjectIdentifier, text: &str) -> AuthorityInfoAccessSyntax {
    AuthorityInfoAccessSyntax(vec![AccessDescription { access_method, access_location: uri(text) }])
}

pub(super) fn policies(oids: &[&str]) -> CertificatePolicies {
    let policy = |oid: &&str| PolicyInformation {
        policy_identifier: der::asn1::ObjectIdentifier::new(oid).unwrap(),
        policy_qualifiers: None,
    };
    CertificatePolicies(oids.iter().map(policy).collect())
}

/// An extension's value, byte for byte.
pub(super) fn raw(
    draft: &Draft<Certificate>,
    extn_id: der::asn1::ObjectIdentifier,
    critical: bool,
    value: &[u8],
) -> Draft<Certificate> {
    with_extensions(draft, |list| {
        list.retain(|found| found.extn_id != extn_id);
        list.push(Extension { extn_id, critical, extn_value: OctetString::new(value).unwrap() });
    })
}

/// An attribute of the arc 2.5.4, as UTF8String.
pub(super) fn attribute(arc: u8, text: &[u8]) -> Vec<u8> {
    let value = Any::new(der::Tag::Utf8String, text).unwrap().to_der().unwrap();
    let body = [&[6, 3, 0x55, 4, arc][..], &value].concat();
    Any::new(der::Tag::Sequence, body).unwrap().to_der().unwrap()
}

/// The subject with one more relative name, at its beginning.
pub(super) fn with_relative(draft: &Draft<Certificate>, relative: &[u8]) -> Draft<Certificate> {
    let name = TbsCertificate::from_der(&draft.bytes).unwrap().subject().to_der().unwrap();
    let body = [relative, Any::from_der(&name).unwrap().value()].concat();
    replace(draft, &name, &Any::new(der::Tag::Sequence, body).unwrap().to_der().unwrap())
}

/// The subject with one value replaced by one of another length.
pub(super) fn relative_value(draft: &Draft<Certificate>, from: &[u8], to: &[u8]) -> Draft<Certificate> {
    let name = TbsCertificate::from_der(&draft.bytes).unwrap().subject().to_der().unwrap();
    let relatives = Any::from_der(&name).unwrap().value().to_vec();
    let last = relatives.windows(from.len()).position(|window| window == from).unwrap();
    // SET, SEQUENCE, OID: 2 + 2 + 5 octets before the value.
    let set = [&[6, 3, 0x55, 4, 3][..], to].concat();
    let set = Any::new(der::Tag::Sequence, set).unwrap().to_der().unwrap();
    let set = Any::new(der::Tag::Set, set).unwrap().to_der().unwrap();
    let body = [&relatives[..last - 9], &set].concat();
    replace(draft, &name, &Any::new(der::Tag::Sequence, body).unwrap().to_der().unwrap())
}
