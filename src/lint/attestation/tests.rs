//! Real attestations, and made ones that break one thing each.

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, IsCa, Issuer, KeyPair, PublicKeyData,
};

use super::*;
use crate::lint::tests::{Ids, found, ids, nothing};
use crate::pki::attestation::{unwrap, yubico};
use crate::plan::Policy;

fn file(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/attestations/{name}.pem", env!("CARGO_MANIFEST_DIR"));
    unwrap(&std::fs::read(path).unwrap()).unwrap()
}

/// A real device's attestation under Yubico's roots.
fn real(name: &str, expected: Expected) -> Verdict {
    let (leaf, f9) = (file(&format!("{name}-leaf")), file(&format!("{name}-f9")));
    lint("keys.any", (&leaf, &f9), expected, &yubico::anchors(), &Rules::default())
}

const PREFIX: [u64; 8] = [1, 3, 6, 1, 4, 1, 41482, 3];

/// A maker of devices, with a root and one f9 certificate.
struct Maker {
    root: String,
    f9: rcgen::Certificate,
    issuer: Issuer<'static, KeyPair>,
}

/// What a device says: the last number of an extension's OID, and its value.
type Said<'a> = &'a [(u64, &'a [u8])];

const GOOD: Said<'static> = &[(3, &[5, 7, 4]), (7, &[2, 4, 1, 2, 3, 4]), (8, &[3, 2]), (9, &[3])];

fn params(name: &str, said: Said<'_>, ca: IsCa) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = ca;
    params.custom_extensions = said
        .iter()
        .map(|(last, value)| {
            let oid: Vec<u64> = PREFIX.iter().chain([last]).copied().collect();
            CustomExtension::from_oid_content(&oid, value.to_vec())
        })
        .collect();
    params
}

impl Maker {
    fn new(f9_said: Said<'_>, f9_ca: IsCa) -> Self {
        let (root_key, f9_key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let above = params("Test Root", &[], IsCa::Ca(BasicConstraints::Unconstrained));
        let root = above.self_signed(&root_key).unwrap();
        let own = params("Test PIV Attestation", f9_said, f9_ca);
        let f9 = own.signed_by(&f9_key, &Issuer::new(above, root_key)).unwrap();
        Self { root: crate::pki::key::pem("CERTIFICATE", root.der()), f9, issuer: Issuer::new(own, f9_key) }
    }

    fn usual() -> Self {
        Self::new(&[(3, &[5, 7, 4])], IsCa::Ca(BasicConstraints::Constrained(0)))
    }

    fn leaf(&self, subject: &str, said: Said<'_>, ca: IsCa) -> (Vec<u8>, PublicKey) {
        let key = KeyPair::generate().unwrap();
        let public = PublicKey::from_spki(&key.subject_public_key_info()).unwrap();
        (params(subject, said, ca).signed_by(&key, &self.issuer).unwrap().der().to_vec(), public)
    }

    fn judge(&self, leaf: &[u8], expected: Expected) -> Findings {
        let anchors = Anchors::from_pem(&self.root, |_| true, |_| true);
        lint("keys.any", (leaf, self.f9.der()), expected, &anchors, &Rules::default()).findings
    }
}

const SUBJECT: &str = "YubiKey PIV Attestation 9c";

pub(crate) fn accepted() -> Ids {
    let maker = Maker::usual();
    let (leaf, key) = maker.leaf(SUBJECT, GOOD, IsCa::NoCa);
    let expected = || Expected { key: Some(key.clone()), serial: Some(0x0102_0304), slot: Some(0x9c) };
    nothing(&maker.judge(&leaf, expected()), "a new device");
    // Wrapped once more, as some devices write it.
    let wrapped: Said<'_> =
        &[(3, &[4, 3, 5, 7, 4]), (7, &[2, 4, 1, 2, 3, 4]), (8, &[4, 2, 3, 2]), (9, &[4, 1, 3])];
    let (leaf, _) = maker.leaf(SUBJECT, wrapped, IsCa::ExplicitNoCa);
    nothing(&maker.judge(&leaf, Expected::default()), "wrapped");
    let (leaf, _) = Maker::new(&[], IsCa::NoCa).leaf(SUBJECT, GOOD, IsCa::NoCa);
    assert!(!leaf.is_empty());
    let fips = Maker::new(&[(10, &[2, 1, 3])], IsCa::NoCa);
    let said: Said<'_> = &[(3, &[5, 7, 4]), (7, &[2, 1, 9]), (8, &[3, 2]), (9, &[0x83])];
    let (leaf, _) = fips.leaf("YubiKey PIV Attestation 82", said, IsCa::NoCa);
    nothing(&fips.judge(&leaf, Expected::default()), "of a FIPS series, without basic constraints");
    // The real thing, under the real roots.
    let verdict =
        real("5.7.1", Expected { serial: Some(30_041_834), slot: Some(0x9c), ..Expected::default() });
    nothing(&verdict.findings, "5.7.1");
    &ids(UNREADABLE, Policy::Sigstore) | &ids(RULES, Policy::Sigstore)
}

pub(crate) fn rejected() -> Ids {
    let maker = Maker::usual();
    let good = maker.leaf(SUBJECT, GOOD, IsCa::NoCa).0;
    let with = |number: u64, value: Option<&[u8]>| {
        let mut said: Vec<(u64, &[u8])> =
            GOOD.iter().filter(|(other, _)| *other != number).copied().collect();
        said.extend(value.map(|value| (number, value)));
        let (leaf, _) = maker.leaf(SUBJECT, &said, IsCa::NoCa);
        maker.judge(&leaf, Expected::default())
    };
    let named = |subject: &str| {
        maker.judge(
            &maker.leaf(subject, GOOD, IsCa::NoCa).0,
            Expected { slot: Some(0x9c), ..Expected::default() },
        )
    };
    let mut broken = good.clone();
    *broken.last_mut().unwrap() ^= 1;
    let other = Maker::usual();
    let anchors = Anchors::from_pem(&other.root, |_| true, |_| true);
    let foreign = lint("keys.any", (&good, maker.f9.der()), Expected::default(), &anchors, &Rules::default());
    let twice: Said<'_> = &[(3, &[5, 7, 4]), (3, &[5, 7, 4])];
    let no_ca = Maker::new(&[], IsCa::ExplicitNoCa);
    let key = maker.leaf(SUBJECT, GOOD, IsCa::NoCa).1;
    let cases = [
        ("ATTEST-READABLE", maker.judge(&good[1..], Expected::default())),
        ("ATTEST-READABLE", maker.judge(&maker.leaf(SUBJECT, twice, IsCa::NoCa).0, Expected::default())),
        ("ATTEST-SIGNATURE", maker.judge(&broken, Expected::default())),
        ("ATTEST-SIGNATURE", other.judge(&good, Expected::default())),
        ("ATTEST-ROOT", foreign.findings),
        ("ATTEST-CA", no_ca.judge(&no_ca.leaf(SUBJECT, GOOD, IsCa::NoCa).0, Expected::default())),
        ("ATTEST-CA", {
            let ca = IsCa::Ca(BasicConstraints::Unconstrained);
            maker.judge(&maker.leaf(SUBJECT, GOOD, ca).0, Expected::default())
        }),
        ("ATTEST-KEY", maker.judge(&good, Expected { key: Some(key), ..Expected::default() })),
        ("ATTEST-SERIAL", maker.judge(&good, Expected { serial: Some(1), ..Expected::default() })),
        ("ATTEST-SERIAL", with(7, None)),
        ("ATTEST-SERIAL", with(7, Some(&[2, 5, 1, 0, 0, 0, 0]))),
        ("ATTEST-SLOT", named("YubiKey PIV Attestation 9a")),
        ("ATTEST-SLOT", named("YubiKey PIV Attestation f9")),
        ("ATTEST-SLOT", named("Somebody")),
        ("ATTEST-FIRMWARE", with(3, None)),
        ("ATTEST-FIRMWARE", with(3, Some(&[5, 7]))),
        ("ATTEST-POLICY", with(8, None)),
        ("ATTEST-POLICY", with(8, Some(&[4, 4, 4, 2, 3, 2]))),
        ("ATTEST-POLICY", with(8, Some(&[3, 4]))),
        ("ATTEST-PIN", with(8, Some(&[2, 2]))),
        ("ATTEST-TOUCH", with(8, Some(&[3, 3]))),
        ("ATTEST-FORM-FACTOR", with(9, None)),
        ("ATTEST-FORM-FACTOR", with(9, Some(&[0x60]))),
        ("ATTEST-FIPS", with(9, Some(&[0x83]))),
        ("ATTEST-YSA-2024-03", with(3, Some(&[5, 6, 9]))),
    ];
    cases.into_iter().map(|(id, findings)| found(&findings, id)).collect()
}

#[test]
fn every_rule_rejects() {
    assert_eq!(accepted(), rejected());
}

/// The rules that a real attestation breaks.
fn broken(verdict: &Verdict) -> Vec<&'static str> {
    verdict.findings.0.iter().map(|finding| finding.rule).collect()
}

#[test]
fn real_devices_of_five_firmwares() {
    let no_more = Expected::default;
    let (pin, touch, ysa) = ("ATTEST-PIN", "ATTEST-TOUCH", "ATTEST-YSA-2024-03");
    assert_eq!(broken(&real("5.7.1", no_more())), Vec::<&str>::new());
    assert_eq!(broken(&real("5.7.4", no_more())), [pin]);
    assert_eq!(broken(&real("5.4.3", no_more())), [touch, ysa]);
    assert_eq!(broken(&real("5.4.3-fips", no_more())), [pin, touch, ysa]);
    assert_eq!(broken(&real("5.2.4", no_more())), [pin, touch, ysa]);
    assert!(real("5.4.3-fips", no_more()).fips);
    assert_eq!(
        real("5.7.1", no_more()).says,
        "YubiKey (USB-C keychain), serial 30041834, firmware 5.7.1: key made on it, slot 9c, PIN always, touch always; attested under Yubico PIV Root CA Serial 263751"
    );
    // Firmware 5.7.4 and later needs the intermediates.
    let path = real("5.7.4", no_more()).path.unwrap();
    assert_eq!(
        path,
        [
            "CN=Yubico PIV Attestation B 1",
            "CN=Yubico Attestation Intermediate B 1",
            "CN=Yubico Attestation Root 1"
        ]
    );
}

#[test]
fn real_attestations_that_were_tampered_with() {
    let (leaf, f9) = (file("5.7.1-leaf"), file("5.7.1-f9"));
    let judge = |leaf: &[u8], f9: &[u8]| {
        broken(&lint("keys.any", (leaf, f9), Expected::default(), &yubico::anchors(), &Rules::default()))
    };
    let mut spoilt = f9.clone();
    *spoilt.last_mut().unwrap() ^= 1;
    assert_eq!(judge(&leaf, &spoilt), ["ATTEST-ROOT"]);
    // Another device's f9: its key did not sign, though Yubico's CA knows it.
    assert_eq!(judge(&leaf, &file("5.4.3-f9")), ["ATTEST-SIGNATURE"]);
    let foreign = lint(
        "keys.any",
        (&leaf, &file("5.4.3-f9")),
        Expected::default(),
        &yubico::anchors(),
        &Rules::default(),
    );
    assert!(
        foreign.says.contains("key of unknown origin") && foreign.says.ends_with("NOT attested by Yubico"),
        "{}",
        foreign.says
    );
    // An attested key must not attest: its certificate is no f9 certificate.
    assert_eq!(judge(&leaf, &leaf), ["ATTEST-SIGNATURE", "ATTEST-ROOT"]);
    let wrong = Expected { serial: Some(30_041_835), ..Expected::default() };
    assert_eq!(broken(&real("5.7.1", wrong)), ["ATTEST-SERIAL"]);
    let other = Attestation::read(&file("5.7.4-leaf"), &file("5.7.4-f9")).unwrap().public().unwrap();
    let wrong = Expected { key: Some(other), ..Expected::default() };
    assert_eq!(broken(&real("5.7.1", wrong)), ["ATTEST-KEY"]);
}

#[test]
fn no_byte_of_a_real_attestation_can_change() {
    let (leaf, f9) = (file("5.7.1-leaf"), file("5.7.1-f9"));
    let anchors = yubico::anchors();
    let stands = |leaf: &[u8], f9: &[u8]| {
        lint("keys.any", (leaf, f9), Expected::default(), &anchors, &Rules::default()).stands()
    };
    assert!(stands(&leaf, &f9));
    for (at, bit) in (0..leaf.len()).zip([1, 2, 4, 8, 16, 32, 64, 128].into_iter().cycle()) {
        let mut changed = leaf.clone();
        changed[at] ^= bit;
        assert!(!stands(&changed, &f9), "byte {at} of the attested certificate");
        assert!(!stands(&leaf[..at], &f9), "cut off at {at}");
    }
    for (at, bit) in (0..f9.len()).zip([1, 2, 4, 8, 16, 32, 64, 128].into_iter().cycle()) {
        let mut changed = f9.clone();
        changed[at] ^= bit;
        assert!(!stands(&leaf, &changed), "byte {at} of the f9 certificate");
    }
}
