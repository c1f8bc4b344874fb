//! Certificate authorities and timestamp authorities: a chain, whom its root names, and a window.

use der::Decode;
use sigstore_protobuf_specs::dev::sigstore::common::v1::{
    DistinguishedName, X509Certificate, X509CertificateChain,
};
use sigstore_protobuf_specs::dev::sigstore::trustroot::v1::CertificateAuthority;
use x509_cert::Certificate;

use super::{Material, TrustRootError, range};
use crate::plan::Name;
use crate::plan::trust_root::Authority;

/// An authority as the trusted root lists it: the chain as the plan orders it (issuing certificate
/// first, root last), under the names of the last certificate's subject.
pub fn instance(entry: &Authority, material: &Material<'_>) -> Result<CertificateAuthority, TrustRootError> {
    let chain: Vec<(&Name, &Vec<u8>)> = entry
        .chain
        .iter()
        .map(|name| {
            let der = material.certificates.get(&**name);
            Ok((&**name, der.ok_or_else(|| TrustRootError::NoCertificate((**name).clone()))?))
        })
        .collect::<Result<_, _>>()?;
    let (name, root) =
        chain.last().ok_or_else(|| TrustRootError::EmptyChain(entry.uri.as_str().to_string()))?;
    let subject = Certificate::from_der(root).and_then(|root| subject(&root)).map_err(|error| {
        TrustRootError::BadCertificate { name: (*name).clone(), reason: error.to_string() }
    })?;
    let certificates = chain.iter().map(|(_, der)| X509Certificate { raw_bytes: (*der).clone() }).collect();
    Ok(CertificateAuthority {
        subject: Some(subject),
        uri: entry.uri.as_str().into(),
        cert_chain: Some(X509CertificateChain { certificates }),
        valid_for: Some(range(&entry.trust)),
        operator: String::new(),
    })
}

/// Organization and common name of a certificate's subject; empty where it has none.
pub fn subject(certificate: &Certificate) -> Result<DistinguishedName, der::Error> {
    let subject = certificate.tbs_certificate().subject();
    Ok(DistinguishedName {
        organization: subject.organization()?.map(String::from).unwrap_or_default(),
        common_name: subject.common_name()?.map(String::from).unwrap_or_default(),
    })
}
