//! The only file that uses the `yubikey` crate, and where its traps end.
//!
//! - It panics on malformed replies (an empty attestation, a short version): each use is caught.
//! - It keeps a typed PIN in the handle until that is dropped: a handle lives for one use, and is not kept.
//! - At the level `trace` it logs what is sent, with the PIN in it: nothing in this process logs.
//! - With several YubiKeys it opens none: they are opened by their serial number alone.
//! - VERIFY must come directly before a signature, and asking for the tries drops it: never between the two.

use std::panic::{AssertUnwindSafe, catch_unwind};

use secrecy::{ExposeSecret, SecretString};
use yubikey::piv::{self, AlgorithmId, ManagementSlotId, Origin, SlotAlgorithmId, SlotId};
use yubikey::{Context, Error, MgmAlgorithmId, MgmKey, PinPolicy, Serial, TouchPolicy, YubiKey};
use zeroize::Zeroizing;

use super::answer::{Attested, Fault, Held, Look, Management, Secret};
use crate::pki::Algorithm;
use crate::site::PivSlot;

/// The object that holds the certificate of slot f9.
const F9: u32 = 0x005f_ff01;

/// Whether the service says that a card is gone, or was reset by another program.
fn gone(error: pcsc::Error) -> bool {
    use pcsc::Error::*;
    // Not transacted: the transaction ended with the card.
    let gone = [RemovedCard, ResetCard, NoSmartcard, ReaderUnavailable, UnpoweredCard, NotTransacted];
    gone.contains(&error)
}

impl From<pcsc::Error> for Fault {
    fn from(error: pcsc::Error) -> Self {
        use pcsc::Error::*;
        match error {
            NoService | ServiceStopped => Self::NoService(error.to_string()),
            error if gone(error) => Self::Gone(error.to_string()),
            SharingViolation => Self::Busy,
            error => Self::Other(error.to_string()),
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound => Self::NotFound,
            Error::WrongPin { tries: 0 } | Error::PinLocked => Self::Blocked,
            Error::WrongPin { tries } => Self::Wrong(tries),
            Error::AuthenticationError => Self::Unauthenticated,
            Error::NotSupported => Self::Unsupported,
            Error::PcscError { inner: Some(error) } => error.into(),
            error => Self::Other(error.to_string()),
        }
    }
}

/// Runs one use of the crate. What it panics about is a malformed reply, and is not printed: the message
/// would be the crate's own, about its own lines.
fn contained<R>(use_it: impl FnOnce() -> Result<R, Fault>) -> Result<R, Fault> {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let result = catch_unwind(AssertUnwindSafe(use_it));
    std::panic::set_hook(hook);
    result.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
        Err(Fault::Malformed(text.unwrap_or_else(|| "an answer that can't be read".into())))
    })
}

/// Every card that answers as a YubiKey, offered one after the other until one is wanted. What else is in a
/// reader, or answers nonsense, is passed by, and left as it was.
fn search<R>(mut wanted: impl FnMut(YubiKey) -> Result<R, YubiKey>) -> Result<Option<R>, Fault> {
    let mut context = match Context::open() {
        Ok(context) => context,
        // A service without a reader.
        Err(Error::PcscError { inner: Some(pcsc::Error::NoReadersAvailable) }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let mut held = false;
    for reader in context.iter()? {
        let card = match contained(|| Ok(reader.open()?)) {
            Ok(card) => card,
            Err(Fault::Busy) => {
                held = true;
                continue;
            }
            Err(_) => continue,
        };
        match wanted(card) {
            Ok(found) => return Ok(Some(found)),
            // Another one's PIN may be verified by another program: it is not reset.
            Err(other) => drop(other.disconnect(pcsc::Disposition::LeaveCard)),
        }
    }
    // It may be the one that another program holds.
    if held { Err(Fault::Busy) } else { Ok(None) }
}

/// Opens one, for one use.
fn with<R>(serial: u32, use_it: impl FnOnce(&mut YubiKey) -> Result<R, Fault>) -> Result<R, Fault> {
    let found = search(|card| if card.serial() == Serial(serial) { Ok(card) } else { Err(card) })?;
    let mut card = found.ok_or(Fault::NotFound)?;
    contained(|| use_it(&mut card))
}

fn slot_id(slot: PivSlot) -> Result<SlotId, Fault> {
    SlotId::try_from(slot.number()).map_err(Fault::from)
}

fn number(algorithm: Algorithm) -> Result<AlgorithmId, Fault> {
    Ok(match algorithm {
        Algorithm::EcdsaP256 => AlgorithmId::EccP256,
        Algorithm::EcdsaP384 => AlgorithmId::EccP384,
        Algorithm::Ed25519 => AlgorithmId::Ed25519,
        Algorithm::EcdsaP521 | Algorithm::Rsa3072 | Algorithm::Rsa4096 => return Err(Fault::Unsupported),
    })
}

fn describe(card: &mut YubiKey) -> Result<Look, Fault> {
    let version = card.version();
    let mut secret = |slot| match piv::metadata(card, SlotId::Management(slot)) {
        Ok(found) => {
            let retries = found.retries.as_ref();
            let tries = retries.map(|retries| retries.remaining_count);
            Ok(Secret { tries, total: retries.map(|retries| retries.retry_count), default: found.default })
        }
        Err(Error::NotSupported | Error::GenericError) => Ok(Secret::default()),
        Err(error) => Err(Fault::from(error)),
    };
    let mut pin = secret(ManagementSlotId::Pin)?;
    let puk = secret(ManagementSlotId::Puk)?;
    let default_management = secret(ManagementSlotId::Management)?.default;
    if pin.tries.is_none() {
        pin.tries = Some(card.get_pin_retries()?);
    }
    Ok(Look {
        serial: card.serial().0,
        firmware: [version.major, version.minor, version.patch],
        pin,
        puk,
        default_management,
    })
}

/// Every YubiKey that is plugged in.
pub(super) fn present() -> Result<Vec<Look>, Fault> {
    let mut found: Vec<Look> = Vec::new();
    search(|mut card| -> Result<(), YubiKey> {
        found.extend(contained(|| describe(&mut card)));
        Err(card)
    })
    .or_else(|fault| if found.is_empty() { Err(fault) } else { Ok(None) })?;
    found.sort_by_key(|look| look.serial);
    Ok(found)
}

/// One YubiKey.
pub(super) fn look(serial: u32) -> Result<Look, Fault> {
    with(serial, describe)
}

/// Tries a PIN, once.
pub(super) fn verify(serial: u32, pin: &SecretString) -> Result<(), Fault> {
    with(serial, |card| Ok(card.verify_pin(pin.expose_secret().as_bytes())?))
}

/// What a slot holds, as the firmware says since 5.3.
pub(super) fn held(serial: u32, slot: PivSlot) -> Result<Held, Fault> {
    with(serial, |card| what_is_in(card, slot))
}

/// What each slot holds.
pub(super) fn all_held(serial: u32) -> Result<Vec<(PivSlot, Held)>, Fault> {
    with(serial, |card| PivSlot::all().map(|slot| Ok((slot, what_is_in(card, slot)?))).collect())
}

fn what_is_in(card: &mut YubiKey, slot: PivSlot) -> Result<Held, Fault> {
    let known = |algorithm| match algorithm {
        SlotAlgorithmId::Asymmetric(AlgorithmId::EccP256) => Some(Algorithm::EcdsaP256),
        SlotAlgorithmId::Asymmetric(AlgorithmId::EccP384) => Some(Algorithm::EcdsaP384),
        SlotAlgorithmId::Asymmetric(AlgorithmId::Ed25519) => Some(Algorithm::Ed25519),
        _ => None,
    };
    match piv::metadata(card, slot_id(slot)?) {
        Ok(found) if found.origin == Some(Origin::Imported) => Ok(Held::Imported),
        Ok(found) => Ok(Held::Generated(known(found.algorithm))),
        Err(Error::NotFound) => Ok(Held::Nothing),
        Err(Error::NotSupported | Error::GenericError) => Ok(Held::Unknown),
        Err(error) => Err(error.into()),
    }
}

/// The attestation of a slot's key, and the certificate of slot f9, both in DER; none where the slot holds
/// no key that was generated on the device.
pub(super) fn attest(serial: u32, slot: PivSlot) -> Result<Option<Attested>, Fault> {
    let slot = slot_id(slot)?;
    with(serial, |card| {
        let leaf = match piv::attest(card, slot) {
            Ok(leaf) => leaf.to_vec(),
            // The crate says no more than that it failed: which is what an empty slot does too.
            Err(Error::GenericError) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let object = card.fetch_object(F9)?;
        let certificate = certificate(&object)
            .ok_or_else(|| Fault::Malformed("the object of slot f9 holds no plain certificate".into()))?;
        Ok(Some((leaf, certificate)))
    })
}

/// The certificate in an object: tag 70, and 71 with zero, since it is not compressed (SP 800-73-4, part 1,
/// table 10).
fn certificate(object: &[u8]) -> Option<Vec<u8>> {
    let (mut rest, mut found, mut plain) = (object, None, true);
    while let [tag, more @ ..] = rest {
        let (size, more) = match more {
            [0x82, high, low, more @ ..] => (usize::from(*high) << 8 | usize::from(*low), more),
            [0x81, size, more @ ..] => (usize::from(*size), more),
            [size @ 0..=0x7f, more @ ..] => (usize::from(*size), more),
            _ => return None,
        };
        let (value, more) = more.split_at_checked(size)?;
        match tag {
            0x70 => found = Some(value.to_vec()),
            0x71 => plain = value == [0],
            _ => {}
        }
        rest = more;
    }
    found.filter(|_| plain)
}

/// VERIFY, and directly after it the signature. A touch is waited for as long as the device does.
pub(super) fn sign(
    serial: u32,
    (slot, algorithm): (PivSlot, Algorithm),
    input: &[u8],
    pin: &SecretString,
) -> Result<Vec<u8>, Fault> {
    let (slot, algorithm) = (slot_id(slot)?, number(algorithm)?);
    let signed = with(serial, |card| {
        card.verify_pin(pin.expose_secret().as_bytes())?;
        match piv::sign_data(card, input, algorithm, slot) {
            Ok(signature) => Ok(signature.to_vec()),
            // A card that was pulled while it signed: the crate says so at the next use.
            Err(Error::GenericError) => match piv::metadata(card, slot) {
                Err(error @ Error::PcscError { .. }) => Err(error.into()),
                _ => Err(Fault::Other("the device refused".into())),
            },
            Err(error) => Err(error.into()),
        }
    });
    match signed {
        // Whatever it was: a device that is not there any more was pulled.
        Err(Fault::Other(reason)) if look(serial) == Err(Fault::NotFound) => Err(Fault::Gone(reason)),
        signed => signed,
    }
}

/// Replaces the PIN.
pub(super) fn change_pin(serial: u32, old: &SecretString, new: &SecretString) -> Result<(), Fault> {
    with(serial, |card| Ok(card.change_pin(old.expose_secret().as_bytes(), new.expose_secret().as_bytes())?))
}

/// Replaces the PUK.
pub(super) fn change_puk(serial: u32, old: &SecretString, new: &SecretString) -> Result<(), Fault> {
    with(serial, |card| Ok(card.change_puk(old.expose_secret().as_bytes(), new.expose_secret().as_bytes())?))
}

/// Whether the management key is the one that every new YubiKey has. It has no tries to lose.
pub(super) fn has_default_management(serial: u32) -> Result<bool, Fault> {
    with(serial, |card| {
        let default = MgmKey::get_default(card)?;
        match card.authenticate(&default) {
            Ok(()) => Ok(true),
            Err(Error::AuthenticationError) => Ok(false),
            Err(error) => Err(error.into()),
        }
    })
}

/// Replaces the default management key by a random one, which the device keeps for whoever has the PIN.
pub(super) fn change_management(serial: u32, pin: &SecretString) -> Result<(), Fault> {
    with(serial, |card| {
        let default = MgmKey::get_default(card)?;
        let mut bytes = Zeroizing::new([0_u8; 24]);
        getrandom::fill(&mut *bytes).map_err(|error| Fault::Other(error.to_string()))?;
        // As long as the default, and for the same cipher: AES-192 since 5.7, 3DES before.
        let new = MgmKey::from_bytes(bytes.as_slice(), Some(default.algorithm_id()))?;
        card.verify_pin(pin.expose_secret().as_bytes())?;
        card.authenticate(&default)?;
        Ok(new.set_protected(card)?)
    })
}

/// Whether the device keeps its management key for whoever has the PIN.
pub(super) fn keeps_management(serial: u32, pin: &SecretString) -> Result<bool, Fault> {
    with(serial, |card| {
        card.verify_pin(pin.expose_secret().as_bytes())?;
        Ok(MgmKey::get_protected(card).is_ok())
    })
}

/// Generates a key that wants its PIN and a touch each time. What was in the slot is gone. Gives the key in
/// DER, as a SubjectPublicKeyInfo.
pub(super) fn generate(
    serial: u32,
    (slot, algorithm): (PivSlot, Algorithm),
    pin: &SecretString,
    management: &Management<'_>,
) -> Result<Vec<u8>, Fault> {
    let (slot, algorithm) = (slot_id(slot)?, number(algorithm)?);
    with(serial, |card| {
        card.verify_pin(pin.expose_secret().as_bytes())?;
        let key = match management {
            Management::Protected => MgmKey::get_protected(card)?,
            Management::Typed(text) => {
                let hex = text.expose_secret().trim().to_ascii_lowercase();
                let bytes = data_encoding::HEXLOWER.decode(hex.as_bytes()).map(Zeroizing::new);
                let bytes = bytes.map_err(|_| Fault::Other("the management key is not hex".into()))?;
                let slot = SlotId::Management(ManagementSlotId::Management);
                let algorithm = match piv::metadata(card, slot).map(|found| found.algorithm) {
                    Ok(SlotAlgorithmId::Management(algorithm)) => algorithm,
                    _ => MgmAlgorithmId::ThreeDes,
                };
                MgmKey::from_bytes(bytes.as_slice(), Some(algorithm))?
            }
        };
        card.authenticate(&key)?;
        let public = piv::generate(card, slot, algorithm, PinPolicy::Always, TouchPolicy::Always)?;
        use der::Encode;
        public.to_der().map_err(|error| Fault::Malformed(error.to_string()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_malformed_reply() {
        let fault = contained(|| -> Result<(), Fault> { panic!("index out of bounds") });
        assert_eq!(fault, Err(Fault::Malformed("index out of bounds".into())));
        let fault = contained(|| Ok::<_, Fault>(b""[..].first().copied().unwrap()));
        assert!(matches!(fault, Err(Fault::Malformed(_))), "{fault:?}");
        assert_eq!(contained(|| Ok(1)), Ok(1));
    }

    #[test]
    fn the_object_of_a_certificate() {
        let plain = [0x70, 2, 0x30, 0, 0x71, 1, 0, 0xfe, 0];
        assert_eq!(certificate(&plain), Some(vec![0x30, 0]));
        for wrong in [
            &[0x70, 2, 0x30, 0, 0x71, 1, 1][..],
            &[0x70, 3, 0x30, 0],
            &[0x71, 1, 0],
            &[0x70, 0x83, 0, 0, 1, 0x30],
            &[],
        ] {
            assert_eq!(certificate(wrong), None, "{wrong:?}");
        }
    }
}
