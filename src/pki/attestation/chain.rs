//! The CAs above an f9 certificate, found by the key that signed, never by name: CAs share subjects.

use der::asn1::ObjectIdentifier;
use der::oid::db::rfc5912;
use der::{Encode, Reader, SliceReader};
use rsa::Pkcs1v15Sign;
use sha2::{Digest, Sha256, Sha384, Sha512};
use x509_cert::spki::DecodePublicKey;

use crate::pki::{Certificate, PublicKey, Signature, name, sha256_hex};

/// A CA that is trusted to say which devices are its maker's.
#[derive(Clone, Debug)]
pub struct Anchor {
    certificate: Certificate,
    root: bool,
    devices: bool,
}

impl Anchor {
    /// Its certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Its subject, readable.
    pub fn name(&self) -> String {
        name::readable(self.certificate.tbs().subject())
    }

    /// SHA-256 of its certificate, in hex.
    pub fn fingerprint(&self) -> String {
        sha256_hex(self.certificate.der())
    }

    /// Whether trust begins here.
    pub fn is_root(&self) -> bool {
        self.root
    }

    /// Whether it signs devices' own certificates: others sign CAs alone.
    pub fn signs_devices(&self) -> bool {
        self.devices
    }
}

/// Roots, and the CAs below them.
#[derive(Clone, Debug, Default)]
pub struct Anchors(Vec<Anchor>);

/// No maker's hierarchy is deeper; and two CAs that signed each other end here.
const DEEPEST: usize = 4;

impl Anchors {
    /// Reads certificates in PEM, one after the other, and asks of each whether it is a root, and whether
    /// it signs devices' certificates.
    pub fn from_pem(
        pem: &str,
        is_root: impl Fn(&Anchor) -> bool,
        signs_devices: impl Fn(&Anchor) -> bool,
    ) -> Self {
        const END: &str = "-----END CERTIFICATE-----";
        let read = |text: &str| {
            let text = format!("{}{END}\n", text.trim_start());
            let (_, der) = der::pem::decode_vec(text.as_bytes()).ok()?;
            let certificate = Certificate::from_der(&der).ok()?;
            let mut anchor = Anchor { certificate, root: false, devices: false };
            anchor.root = is_root(&anchor);
            anchor.devices = signs_devices(&anchor);
            Some(anchor)
        };
        Self(pem.split(END).filter_map(read).collect())
    }

    /// All of them.
    pub fn all(&self) -> &[Anchor] {
        &self.0
    }

    /// Who signed a device's certificate, from its issuer to a root.
    pub(super) fn path(&self, certificate: &Certificate) -> Option<Vec<&Anchor>> {
        let path = self.above(certificate)?;
        path.first().is_some_and(|ca| ca.devices).then_some(path)
    }

    /// Who signed a certificate, from its issuer to a root.
    pub(super) fn above(&self, certificate: &Certificate) -> Option<Vec<&Anchor>> {
        let mut path: Vec<&Anchor> = Vec::new();
        let mut below = certificate;
        while path.len() < DEEPEST {
            let above = self.0.iter().find(|ca| signed_by(below, &ca.certificate))?;
            path.push(above);
            if above.root {
                return Some(path);
            }
            below = &above.certificate;
        }
        None
    }
}

/// The parts of a certificate that a signature is made of: what was signed, the algorithm, the signature.
fn parts(certificate: &Certificate) -> Option<(Vec<u8>, ObjectIdentifier, Vec<u8>)> {
    let mut outer = SliceReader::new(certificate.der()).ok()?;
    // As it was signed, not as it would be encoded again.
    let signed = outer
        .sequence(|inner| {
            let signed = inner.tlv_bytes()?.to_vec();
            inner.drain(inner.remaining_len())?;
            Ok::<_, der::Error>(signed)
        })
        .ok()?;
    let parsed = certificate.parsed();
    let (inside, outside) = (certificate.tbs().signature(), parsed.signature_algorithm());
    let signature = parsed.signature().as_bytes()?.to_vec();
    (inside == outside).then_some((signed, outside.oid, signature))
}

/// Whether a certificate's signature verifies under another one's key: RSA (PKCS#1 v1.5) or ECDSA.
pub(super) fn signed_by(certificate: &Certificate, issuer: &Certificate) -> bool {
    let Some((signed, algorithm, signature)) = parts(certificate) else { return false };
    let Ok(spki) = issuer.tbs().subject_public_key_info().to_der() else { return false };
    let rsa = |scheme: Pkcs1v15Sign, digest: &[u8]| {
        // Yubico's CAs have RSA keys of 2048 bits, which this tool takes nowhere else.
        let key = rsa::RsaPublicKey::from_public_key_der(&spki);
        key.is_ok_and(|key| key.verify(scheme, digest, &signature).is_ok())
    };
    match algorithm {
        rfc5912::SHA_256_WITH_RSA_ENCRYPTION => rsa(Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(&signed)),
        rfc5912::SHA_384_WITH_RSA_ENCRYPTION => rsa(Pkcs1v15Sign::new::<Sha384>(), &Sha384::digest(&signed)),
        rfc5912::SHA_512_WITH_RSA_ENCRYPTION => rsa(Pkcs1v15Sign::new::<Sha512>(), &Sha512::digest(&signed)),
        rfc5912::ECDSA_WITH_SHA_256 | rfc5912::ECDSA_WITH_SHA_384 => {
            let key = PublicKey::from_spki(&spki).ok();
            let key = key.filter(|key| key.algorithm().signature_identifier().oid == algorithm);
            key.is_some_and(|key| key.verify(&signed, &Signature(signature.clone())).is_ok())
        }
        _ => false,
    }
}
