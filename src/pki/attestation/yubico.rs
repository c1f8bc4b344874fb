//! Yubico's CAs for PIV attestation, as Yubico publishes them (developers.yubico.com/PKI): two roots, and
//! what firmware 5.7.4 and later needs between its f9 certificates and the second of them.

use super::{Anchor, Anchors};

/// Roots, intermediates and CAs of f9 certificates.
const PEM: &str = include_str!("yubico.pem");

/// SHA-256 of the roots: "Yubico PIV Root CA Serial 263751" and "Yubico Attestation Root 1".
pub const ROOTS: [&str; 2] = [
    "63ece914e54dd87915f34033c85af4c0696ba1512f8add66ced738331207b546",
    "62760c6a6ef91679f454c8902b80fd009825b3f25da90f1fbace2ec6586cd5a8",
];

/// Yubico's CAs.
pub fn anchors() -> Anchors {
    let roots = |certificate: &Anchor| ROOTS.contains(&certificate.fingerprint().as_str());
    // The others of Yubico's CAs sign CAs of every kind of device.
    let piv = |certificate: &Anchor| certificate.name().contains(" PIV ");
    // What is built in is read in a test: one that can't be read is left out, and verifies nothing.
    Anchors::from_pem(PEM, roots, piv)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_them_are_read_and_end_at_the_two_roots() {
        let anchors = anchors();
        assert_eq!(anchors.all().len(), 7);
        let roots: Vec<String> =
            anchors.all().iter().filter(|ca| ca.is_root()).map(Anchor::fingerprint).collect();
        assert_eq!(roots, ROOTS);
        let piv = anchors.all().iter().filter(|ca| ca.signs_devices()).count();
        assert_eq!(piv, 4, "the older root, and A 1, B 1 and B2 1");
        for ca in anchors.all() {
            let path = anchors.above(ca.certificate()).map(|path| path.last().map(|root| root.is_root()));
            assert_eq!(path, Some(Some(true)), "{}", ca.name());
            // None of them is a device's certificate, but for those that a CA of devices signed.
            let own = anchors.path(ca.certificate()).is_some();
            assert_eq!(own, ca.fingerprint() == ROOTS[0], "{}", ca.name());
        }
    }
}
