//! Certificates and CRLs that another key signed, or that say something else than was planned.

use data_encoding::BASE64;
use rcgen::{KeyPair, PublicKeyData, SigningKey};
use rootwright::archive::{Event, Record, ToBeSigned};
use rootwright::pki::{Certificate, Crl, Document, PublicKey, Signature, certificate, sha256_hex};
use rootwright::plan::{self, Name, Plan, Profile, Source};
use rootwright::verify::{Area, Verdict};

use crate::spoilt::{Spoilt, event, names, recorded};

/// The archive's own plan, with its dates moved as the archive's are.
fn plan(records: &[Record]) -> Plan {
    let Event::CeremonyStarted { text, date_shift, .. } = &records[0].event else { unreachable!() };
    Plan::parse(&Source::new("plan", text.as_str())).unwrap().shifted(*date_shift).unwrap()
}

/// Changes what the plan says of a certificate.
type Change = fn(&mut plan::Certificate);

/// What a forger makes.
struct Forgery<'f> {
    /// The certificate's name.
    name: &'f str,
    /// The subject's key, where it is not the archive's.
    subject: Option<&'f KeyPair>,
    /// Changes what the plan says of it.
    change: Change,
    /// The last byte of the serial number.
    serial: u8,
}

/// A forgery that says what the plan says.
fn forgery(name: &str) -> Forgery<'_> {
    Forgery { name, subject: None, change: |_| (), serial: 9 }
}

fn pair() -> KeyPair {
    KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap()
}

/// A certificate that a forger's key signs in the name of its issuer.
fn forged(spoilt: &Spoilt, forgery: &Forgery<'_>, forger: &KeyPair) -> Certificate {
    let records = spoilt.records();
    let plan = plan(&records);
    let name: Name = forgery.name.parse().unwrap();
    let mut planned = plan.certificates[&name].clone();
    (forgery.change)(&mut planned);
    let planned = &planned;
    let read = |file: &str| String::from_utf8(spoilt.read(file)).unwrap();
    let own = match forgery.subject {
        Some(pair) => PublicKey::from_spki(&pair.subject_public_key_info()).unwrap(),
        None => PublicKey::from_pem(&read(&format!("keys/{}.pem", *planned.key))).unwrap(),
    };
    let issuer = planned.issuer.as_ref().map(|issuer| {
        let (_, der) = der::pem::decode_vec(read(&format!("certificates/{}.pem", **issuer)).as_bytes())
            .map(|(label, der)| (label.to_string(), der))
            .unwrap();
        Certificate::from_der(&der).unwrap()
    });
    let public = PublicKey::from_spki(&forger.subject_public_key_info()).unwrap();
    let signer = planned.issuer.as_ref().map_or(&planned.key, |issuer| &plan.certificates[&**issuer].key);
    let request = certificate::Request {
        name: &name,
        planned,
        public: &own,
        issuer: issuer.as_ref(),
        cross: None,
        signer: (signer, &public),
        // Octets that differ, as random ones do.
        serial: certificate::serial(std::array::from_fn(|n| {
            forgery.serial.wrapping_add(u8::try_from(n).unwrap() * 12)
        })),
        rehearsal: true,
    };
    let draft = certificate::draft(&request).unwrap();
    let signature = Signature(forger.sign(&draft.bytes).unwrap());
    <Certificate as Document>::assemble(&draft, &signature).unwrap()
}

/// Puts a certificate in place of another: in the journal with its intent, and in its files.
fn replace(spoilt: &Spoilt, name: &str, certificate: &Certificate) {
    spoilt.forge(|records| {
        let step = format!("issue/{name}");
        let old_pem = String::from_utf8(spoilt.read(&format!("certificates/{name}.pem"))).unwrap();
        let Event::SignatureIntended { to_be_signed, .. } = event(records, "signature-intended", &step)
        else {
            unreachable!()
        };
        *to_be_signed = ToBeSigned::bytes(&der::Encode::to_der(certificate.tbs()).unwrap());
        let Event::CertificateSigned { der, .. } = event(records, "certificate-signed", &step) else {
            unreachable!()
        };
        *der = BASE64.encode(certificate.der());
        // Wherever the old one stood: its own file, its chain, and the chains of what it issued.
        for file in recorded().iter().filter(|file| file.starts_with("certificates/")) {
            let text = String::from_utf8(spoilt.read(file)).unwrap();
            if text.contains(&old_pem) {
                spoilt.put(records, file, text.replace(&old_pem, &certificate.pem()).as_bytes());
            }
        }
    });
}

#[test]
fn a_certificate_that_another_key_signed_is_refused() {
    let spoilt = Spoilt::new();
    let forger = pair();
    replace(&spoilt, "fulcio-2026", &forged(&spoilt, &forgery("fulcio-2026"), &forger));
    let file = "certificates/fulcio-2026.pem";
    spoilt.refused(
        Area::Certificates,
        file,
        "the signature does not verify under the ecdsa-p384 key of its issuer",
    );
    // Its files, order and profile are as they should be: nothing else would have noticed.
    let report = spoilt.verify();
    let mut found: Vec<(Area, &str)> = report
        .checks
        .iter()
        .filter(|check| check.verdict == Verdict::Failed)
        .map(|check| (check.area, check.object.as_str()))
        .collect();
    // Once under the issuer that the journal names, once on the way to a root.
    found.dedup();
    assert_eq!(
        found,
        [
            (Area::Certificates, file),
            (Area::Rules, "trust-root/trusted_root.json"),
            (Area::TrustRoot, "trust-root/trusted_root.json")
        ],
        "{}",
        report.text(false)
    );
}

#[test]
fn a_root_of_another_key_is_refused() {
    let spoilt = Spoilt::new();
    let forger = pair();
    replace(
        &spoilt,
        "root",
        &forged(&spoilt, &Forgery { subject: Some(&forger), ..forgery("root") }, &forger),
    );
    spoilt.refused(Area::Certificates, "certificates/root.pem", "a key that is not in the archive");
    for below in ["certificates/fulcio-2026.pem", "certificates/tsa-2026.pem"] {
        spoilt.refused(Area::Certificates, below, "does not verify");
        spoilt.refused(Area::Certificates, below, "the authority key identifier is");
    }
    spoilt.refused(Area::Crls, "crls/root-1.crl", "does not verify");
    // With the forger's key in the archive too, the signatures of the true root are still not its.
    spoilt.forge(|records| {
        let spki = forger.subject_public_key_info();
        let public = PublicKey::from_spki(&spki).unwrap();
        let Event::KeyMade { key, .. } = event(records, "key-made", "generate-key/root") else {
            unreachable!()
        };
        (key.public, key.fingerprint) = (BASE64.encode(&spki), public.fingerprint());
        let json = serde_json::to_vec_pretty(key).unwrap();
        spoilt.put(records, "keys/root.json", &json);
        spoilt.put(records, "keys/root.pem", public.pem().as_bytes());
    });
    assert!(!names(&spoilt.verify()).contains(&"certificates/root.pem"));
    spoilt.refused(Area::Certificates, "certificates/tsa-2026.pem", "does not verify");
}

#[test]
fn a_timestamp_signer_needs_a_path() {
    let spoilt = Spoilt::new();
    let forger = pair();
    replace(&spoilt, "tsa-signer-2026", &forged(&spoilt, &forgery("tsa-signer-2026"), &forger));
    let file = "certificates/tsa-signer-2026.pem";
    spoilt.refused(Area::Certificates, file, "rustls-webpki builds no path");
    spoilt.refused(Area::Certificates, file, "does not verify");
}

#[test]
fn a_certificate_that_is_not_what_was_planned_is_refused() {
    let cases: [(&str, Change, &[&str]); 8] = [
        (
            "fulcio-2026",
            |planned| *planned.profile.value_mut() = Profile::Timestamping,
            &["extended key usage"],
        ),
        (
            "fulcio-2026",
            |planned| *planned.profile.value_mut() = Profile::TimestampSigner,
            &["basic constraints"],
        ),
        ("fulcio-2026", |planned| planned.subject.organization = "Another".into(), &["the subject is"]),
        ("fulcio-2026", |planned| planned.subject.country = Some("DE".into()), &["the subject is DE"]),
        (
            "fulcio-2026",
            |planned| planned.policies.push("1.2.3".to_string().try_into().unwrap()),
            &["policies are [\"1.2.3\"], expected []"],
        ),
        (
            "fulcio-2026",
            |planned| planned.crl_urls.push("http://x.example/a".to_string().try_into().unwrap()),
            &["crl-urls are [\"http://x.example/a\"], expected []"],
        ),
        (
            "fulcio-2026",
            |planned| planned.issuer_urls.push("http://x.example/a".to_string().try_into().unwrap()),
            &["issuer-urls are [\"http://x.example/a\"], expected []"],
        ),
        (
            "tsa-signer-2026",
            |planned| *planned.profile.value_mut() = Profile::CodeSigning,
            &["1 CAs below `tsa-2026`, whose path length is 0", "basic constraints"],
        ),
    ];
    for (name, change, words) in cases {
        let spoilt = Spoilt::new();
        replace(&spoilt, name, &forged(&spoilt, &Forgery { change, ..forgery(name) }, &pair()));
        for words in words {
            spoilt.refused(Area::Certificates, &format!("certificates/{name}.pem"), words);
        }
    }
    let (forger, file) = (pair(), "certificates/tsa-signer-2026.pem");
    let longer = Forgery {
        change: |planned| {
            let validity = planned.validity.value_mut();
            validity.to = validity.to.shifted(3650).unwrap();
        },
        ..forgery("tsa-signer-2026")
    };
    let spoilt = Spoilt::new();
    replace(&spoilt, "tsa-signer-2026", &forged(&spoilt, &longer, &forger));
    spoilt.refused(Area::Certificates, file, "is not inside that of its issuer `tsa-2026`");
    spoilt.refused(Area::Certificates, file, "the validity is not the plan's");
    let spoilt = Spoilt::new();
    for name in ["fulcio-2026", "tsa-2026"] {
        replace(&spoilt, name, &forged(&spoilt, &forgery(name), &forger));
    }
    let file = "certificates/tsa-2026.pem";
    spoilt.refused(Area::Certificates, file, "issuer and serial number are those of `fulcio-2026`");
    // A key of the archive, but not the one that the plan gives it.
    let spoilt = Spoilt::new();
    spoilt.forge(|records| {
        let Event::CertificateSigned { spec, .. } = event(records, "certificate-signed", "issue/tsa-2026")
        else {
            unreachable!()
        };
        spec["key"] = "fulcio-2026".into();
    });
    spoilt.refused(Area::Certificates, file, "certifies the key `tsa-2026`, expected `fulcio-2026`");
}

/// Puts a CRL in place of the example's: in the journal with its intent, and in its file.
fn replace_crl(spoilt: &Spoilt, change: impl Fn(&mut Vec<u8>)) {
    spoilt.forge(|records| {
        let step = "issue-crl/root-1";
        let Event::SignatureIntended { to_be_signed, .. } = event(records, "signature-intended", step) else {
            unreachable!()
        };
        let mut crl = spoilt.read("crls/root-1.crl");
        let mut bytes = Crl::from_der(&crl).unwrap().signed().to_vec();
        let at = crl.windows(bytes.len()).position(|found| found == bytes).unwrap();
        change(&mut bytes);
        *to_be_signed = ToBeSigned::digest(&bytes);
        crl[at..at + bytes.len()].copy_from_slice(&bytes);
        let Event::CrlSigned { signed, sha256, .. } = event(records, "crl-signed", step) else {
            unreachable!()
        };
        (*signed, *sha256) = (sha256_hex(&bytes), sha256_hex(&crl));
        spoilt.put(records, "crls/root-1.crl", &crl);
    });
}

#[test]
fn a_crl_that_says_something_else_is_refused() {
    let file = "crls/root-1.crl";
    // Object identifiers of the extensions, with their last byte changed.
    let cases: [(&[u8], &[u8], &str); 5] = [
        (&[0x55, 0x1d, 0x1c], &[0x55, 0x1d, 0x1d], "the extension 2.5.29.29 is critical, and not known here"),
        (&[0x55, 0x1d, 0x23], &[0x55, 0x1d, 0x24], "the authority key identifier is missing"),
        (&[0x55, 0x1d, 0x14], &[0x55, 0x1d, 0x15], "the number is None, expected 1"),
        (b"REHEARSAL Example", b"REHEARSAL Exampla", "the issuer is"),
        (b"00000Z", b"00001Z", "thisUpdate or nextUpdate is not the plan's"),
    ];
    for (old, new, words) in cases {
        let spoilt = Spoilt::new();
        replace_crl(&spoilt, |bytes| {
            let at = bytes.windows(old.len()).position(|found| found == old).unwrap();
            bytes[at..at + new.len()].copy_from_slice(new);
        });
        spoilt.refused(Area::Crls, file, words);
        spoilt.refused(Area::Crls, file, "does not verify");
    }
    let spoilt = Spoilt::new();
    spoilt.forge(|records| {
        let Event::CrlSigned { spec, number, .. } = event(records, "crl-signed", "issue-crl/root-1") else {
            unreachable!()
        };
        (*number, spec["number"]) = (2, 2.into());
        spec["revoked"] = serde_json::json!([
            {"certificate": "fulcio-2026", "date": "2026-12-01T00:00:00Z", "reason": "superseded"}
        ]);
    });
    spoilt.refused(Area::Crls, file, "the number is Some(1), expected 2");
    spoilt.refused(Area::Crls, file, "entry 1 is not the plan's revocation of `fulcio-2026`");
}

#[test]
fn a_crl_with_another_signature_is_refused() {
    let spoilt = Spoilt::new();
    spoilt.forge(|records| {
        let mut crl = spoilt.read("crls/root-1.crl");
        *crl.last_mut().unwrap() ^= 1;
        let Event::CrlSigned { sha256, .. } = event(records, "crl-signed", "issue-crl/root-1") else {
            unreachable!()
        };
        *sha256 = sha256_hex(&crl);
        spoilt.put(records, "crls/root-1.crl", &crl);
    });
    spoilt.refused(Area::Crls, "crls/root-1.crl", "does not verify");
    assert_eq!(names(&spoilt.verify()), ["crls/root-1.crl"]);
}
