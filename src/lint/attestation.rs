//! Rules for a YubiKey's attestation of a keyholder's key. The same rules judge it where the key is made,
//! in `verify`, and of two files alone: anyone can check a keyholder that was published.

use der::Decode;
use serde::Serialize;
use x509_cert::ext::pkix::BasicConstraints;

use super::{Findings, Rules, rules};
use crate::pki::attestation::{
    Anchor, Anchors, Attestation, Claim, Claims, Firmware, PinPolicy, TouchPolicy, Unreadable,
};
use crate::pki::{Certificate, PublicKey};

/// The first firmware that YSA-2024-03 does not concern.
const AFTER_YSA_2024_03: Firmware = Firmware([5, 7, 0]);

/// What the attestation must be of. What is not known is not asked for.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    /// The key.
    pub key: Option<PublicKey>,
    /// The device's serial number.
    pub serial: Option<u32>,
    /// The PIV slot.
    pub slot: Option<u8>,
}

impl Expected {
    /// What an archive's record of a key asks for: the key, the serial number that its device claims, and
    /// the slot that it is in.
    pub fn of(key: &PublicKey, serial: &str, slot: &str) -> Self {
        Self {
            key: Some(key.clone()),
            // A device that claims none is asked for one that no device has.
            serial: Some(serial.parse().unwrap_or_default()),
            slot: u8::from_str_radix(slot, 16).ok(),
        }
    }
}

/// An attestation as the rules see it.
pub struct Case {
    attestation: Attestation,
    claims: Claims,
    path: Option<Vec<String>>,
    expected: Expected,
}

/// What an attestation says, for people and programs, and what the rules found.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Verdict {
    /// In one line.
    pub says: String,
    /// The serial number of the device.
    pub serial: Option<u32>,
    /// Its firmware.
    pub firmware: Option<String>,
    /// The PIV slot that holds the key, such as `9c`.
    pub slot: Option<String>,
    /// When the key wants the PIN.
    pub pin_policy: Option<PinPolicy>,
    /// When the key wants a touch.
    pub touch_policy: Option<TouchPolicy>,
    /// What the device looks like.
    pub form_factor: Option<&'static str>,
    /// Whether the device is of a FIPS series.
    pub fips: bool,
    /// SHA-256 of the attested key, in hex; none for a key of a kind that is not used here.
    pub key: Option<String>,
    /// The CAs above the f9 certificate, up to the root.
    pub path: Option<Vec<String>>,
    /// What the rules found.
    pub findings: Findings,
}

rules! {
    "The rule for attestations that can't be judged.", UNREADABLE, str;
    unreadable, "ATTEST-READABLE", Structural, "The attestation is two X.509 certificates in DER, none with an extension twice.", "RFC 5280, 4.1 and 4.2";
}

rules! {
    "Every rule for YubiKeys' attestations.", RULES, Case;
    signed, "ATTEST-SIGNATURE", Structural, "The attested certificate is signed by the device's f9 key, which signs for keys that were generated on the device alone.", "Yubico, PIV attestation";
    rooted, "ATTEST-ROOT", Error, "The f9 certificate is signed by a CA of Yubico's for PIV attestation, whose chain ends at one of its two roots.", "Yubico, PIV attestation and CA certificates";
    authority, "ATTEST-CA", Structural, "The f9 certificate is no end of a chain, and the attested one is no CA.", "RFC 5280, 4.2.1.9";
    key, "ATTEST-KEY", Structural, "The attested key is the key that the keyholder signs with.", "sigstore's root-signing, issue 1364";
    serial, "ATTEST-SERIAL", Structural, "The device's serial number is said, and is the one that is expected.", "Yubico, PIV attestation, extension 3.7";
    slot, "ATTEST-SLOT", Error, "The attested key is in a PIV slot for keys (9a, 9c, 9d, 9e, 82 to 95), and in the one that is expected.", "NIST SP 800-73-4, part 1, table 4b; Yubico, PIV attestation";
    firmware, "ATTEST-FIRMWARE", Structural, "The firmware's version is said, in three bytes.", "Yubico, PIV attestation, extension 3.3";
    policy, "ATTEST-POLICY", Structural, "PIN and touch policy are said, in one of the two encodings that devices write, with values that have a meaning.", "Yubico, PIV attestation, extension 3.8";
    pin, "ATTEST-PIN", Error, "The key wants its PIN before each signature.", "practice: a signature is a person's act; root-signing, issue 1364";
    touch, "ATTEST-TOUCH", Error, "The key wants a touch for each signature.", "practice: a signature is a person's act; root-signing, issue 1364";
    form_factor, "ATTEST-FORM-FACTOR", Warning, "The device says what it looks like, with a value that Yubico gave a meaning; firmware 4 need not.", "Yubico, PIV attestation, extension 3.9";
    fips, "ATTEST-FIPS", Warning, "The FIPS mark of the device and the FIPS level in its f9 certificate are there together or not at all.", "Yubico, PIV attestation, extensions 3.9 and 3.10";
    advisory, "ATTEST-YSA-2024-03", Warning, "The firmware is 5.7.0 or later: from an earlier device that is opened and measured, ECDSA keys can be copied.", "Yubico, YSA-2024-03; CVE-2024-45678";
}

/// Judges an attestation: the attested certificate and that of slot f9, both in DER.
pub fn lint(
    object: &str,
    (leaf, issuer): (&[u8], &[u8]),
    expected: Expected,
    anchors: &Anchors,
    rules: &Rules,
) -> Verdict {
    judge(object, Attestation::read(leaf, issuer), expected, anchors, rules)
}

/// The same of one that was read, or could not be.
pub fn judge(
    object: &str,
    attestation: Result<Attestation, Unreadable>,
    expected: Expected,
    anchors: &Anchors,
    rules: &Rules,
) -> Verdict {
    let mut findings = Findings::default();
    let attestation = match attestation {
        Ok(attestation) => attestation,
        Err(reason) => {
            findings.check(rules, UNREADABLE, object, reason.to_string().as_str());
            return Verdict::unreadable(findings);
        }
    };
    let names = |path: Vec<&Anchor>| path.into_iter().map(Anchor::name).collect();
    let path = attestation.path(anchors).map(names);
    let case = Case { claims: attestation.claims(), path, attestation, expected };
    findings.check(rules, RULES, object, &case);
    Verdict::new(case, findings)
}

impl Verdict {
    fn unreadable(findings: Findings) -> Self {
        Self {
            says: "an attestation that can't be read".into(),
            serial: None,
            firmware: None,
            slot: None,
            pin_policy: None,
            touch_policy: None,
            form_factor: None,
            fips: false,
            key: None,
            path: None,
            findings,
        }
    }

    fn new(case: Case, findings: Findings) -> Self {
        let Claims { firmware, serial, policy, form_factor, fips_level } = case.claims;
        let (policy, form) = (policy.said(), form_factor.said());
        Self {
            says: case.words(),
            serial: serial.said(),
            firmware: firmware.said().map(|firmware| firmware.to_string()),
            slot: case.attestation.slot().map(|slot| format!("{slot:02x}")),
            pin_policy: policy.map(|(pin, _)| pin),
            touch_policy: policy.map(|(_, touch)| touch),
            form_factor: form.and_then(|form| form.words()),
            fips: form.is_some_and(|form| form.is_fips()) || fips_level.said().is_some(),
            key: case.attestation.public().ok().map(|key| key.fingerprint()),
            path: case.path,
            findings,
        }
    }

    /// Whether nothing was found that stops.
    pub fn stands(&self) -> bool {
        !self.findings.stop()
    }
}

impl Case {
    /// What a person must know of the key, in one line.
    fn words(&self) -> String {
        fn or<T: ToString>(value: Option<T>) -> String {
            value.map_or_else(|| "unknown".into(), |value| value.to_string())
        }
        let claims = &self.claims;
        let form = claims.form_factor.said();
        let fips = if form.is_some_and(|form| form.is_fips()) { " FIPS" } else { "" };
        let form = form.and_then(|form| form.words()).map(|form| format!(" ({form})")).unwrap_or_default();
        let (pin, touch) = claims.policy.said().unzip();
        let signed = self.attestation.signed_by_issuer();
        let made = if signed { "key made on it" } else { "key of unknown origin" };
        let root = match self.path.as_ref().and_then(|path| path.last()).filter(|_| signed) {
            Some(root) => format!("attested under {}", root.trim_start_matches("CN=")),
            None => "NOT attested by Yubico".into(),
        };
        format!(
            "YubiKey{fips}{form}, serial {}, firmware {}: {made}, slot {}, PIN {}, touch {}; {root}",
            or(claims.serial.said()),
            or(claims.firmware.said()),
            or(self.attestation.slot().map(|slot| format!("{slot:02x}"))),
            or(pin),
            or(touch),
        )
    }
}

fn unreadable(reason: &str) -> Option<String> {
    Some(reason.to_string())
}

fn signed(case: &Case) -> Option<String> {
    (!case.attestation.signed_by_issuer())
        .then(|| "the signature does not verify under the key of the f9 certificate".into())
}

fn rooted(case: &Case) -> Option<String> {
    let issuer = crate::pki::name::readable(case.attestation.issuer().tbs().issuer());
    case.path.is_none().then(|| format!("no CA of Yubico's signed the f9 certificate (it names {issuer})"))
}

/// Whether a certificate says that it is a CA's; none where it says nothing of it.
fn is_ca(certificate: &Certificate) -> Option<bool> {
    let oid = <BasicConstraints as der::oid::AssociatedOid>::OID;
    let mut all = certificate.tbs().extensions().into_iter().flatten();
    let found = all.find(|extension| extension.extn_id == oid)?;
    // What can't be read is not what it should be, in either place.
    BasicConstraints::from_der(found.extn_value.as_bytes()).ok().map(|constraints| constraints.ca)
}

fn authority(case: &Case) -> Option<String> {
    // Some real f9 certificates say nothing of it.
    if is_ca(case.attestation.issuer()) == Some(false) {
        return Some("the f9 certificate says that it is no CA".into());
    }
    (is_ca(case.attestation.leaf()) == Some(true))
        .then(|| "the attested certificate says that it is a CA".into())
}

fn key(case: &Case) -> Option<String> {
    let expected = case.expected.key.as_ref()?;
    match case.attestation.public() {
        Ok(found) if found == *expected => None,
        Ok(found) => Some(format!("another key, of SHA-256 {}", found.fingerprint())),
        Err(error) => Some(format!("another key: {error}")),
    }
}

fn serial(case: &Case) -> Option<String> {
    let found = match case.claims.serial {
        Claim::Absent => return Some("no serial number".into()),
        Claim::Unreadable => return Some("a serial number that is no positive INTEGER of 32 bits".into()),
        Claim::Said(serial) => serial,
    };
    let expected = case.expected.serial?;
    (found != expected).then(|| format!("serial {found}, expected {expected}"))
}

fn slot(case: &Case) -> Option<String> {
    let Some(found) = case.attestation.slot() else {
        let subject = crate::pki::name::readable(case.attestation.leaf().tbs().subject());
        return Some(format!("the subject names no slot: {subject}"));
    };
    if !matches!(found, 0x9a | 0x9c..=0x9e | 0x82..=0x95) {
        return Some(format!("slot {found:02x}"));
    }
    let expected = case.expected.slot?;
    (found != expected).then(|| format!("slot {found:02x}, expected {expected:02x}"))
}

fn firmware(case: &Case) -> Option<String> {
    case.claims.firmware.said().is_none().then(|| "no firmware version of three bytes".into())
}

fn policy(case: &Case) -> Option<String> {
    match case.claims.policy {
        Claim::Absent => Some("no policy".into()),
        Claim::Unreadable => Some("a policy that is none of the known encodings and values".into()),
        Claim::Said(_) => None,
    }
}

fn pin(case: &Case) -> Option<String> {
    let (pin, _) = case.claims.policy.said()?;
    (pin != PinPolicy::Always).then(|| format!("the PIN is wanted {pin}"))
}

fn touch(case: &Case) -> Option<String> {
    let (_, touch) = case.claims.policy.said()?;
    (touch != TouchPolicy::Always).then(|| format!("a touch is wanted {touch}"))
}

fn form_factor(case: &Case) -> Option<String> {
    match case.claims.form_factor {
        Claim::Absent => {
            let old = case.claims.firmware.said().is_some_and(|firmware| firmware < Firmware([5, 0, 0]));
            (!old).then(|| "nothing of what it looks like".into())
        }
        Claim::Unreadable => Some("a form factor that is not one byte".into()),
        Claim::Said(form) => form.words().is_none().then(|| format!("the form factor {:#04x}", form.0)),
    }
}

fn fips(case: &Case) -> Option<String> {
    let marked = case.claims.form_factor.said().is_some_and(|form| form.is_fips());
    let words = match (marked, case.claims.fips_level) {
        (true, Claim::Said(_)) | (false, Claim::Absent) => return None,
        (true, Claim::Absent) => "the device is marked FIPS, and its f9 certificate names no level".into(),
        (false, Claim::Said(level)) => {
            format!("the f9 certificate names level {level}, and the device has no mark")
        }
        (_, Claim::Unreadable) => {
            "the f9 certificate names a FIPS level that is no INTEGER of one byte".into()
        }
    };
    Some(words)
}

fn advisory(case: &Case) -> Option<String> {
    let found = case.claims.firmware.said()?;
    (found < AFTER_YSA_2024_03).then(|| format!("firmware {found}"))
}

#[cfg(test)]
pub(crate) mod tests;
