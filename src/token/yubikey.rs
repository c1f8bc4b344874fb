//! YubiKeys, by their PIV application: one key in one slot, enrolled by its keyholder, attested by the
//! device, wanting its PIN and a touch for each signature.

#[cfg_attr(not(feature = "yubikey"), allow(dead_code))]
mod answer;
#[cfg(feature = "yubikey")]
mod card;
#[cfg(not(feature = "yubikey"))]
#[path = "yubikey/absent.rs"]
mod card;
mod enrol;

use std::collections::BTreeMap;

use secrecy::SecretString;
use serde_json::json;

use super::clock::Clock;
use super::failure::{Failure, Seen, Which};
use super::pin::{self, AskPin, PinOwner, PinRequest};
use super::state::{PinState, TokenState};
use super::{DeviceReport, KeyReport, ObjectReport, Token, TokenError};
use crate::fault;
use crate::lint::Signable;
use crate::pki::attestation::{Attestation, Record};
use crate::pki::{Algorithm, PublicKey, Signature};
use crate::plan::Name;
use crate::site::{Device, PivSlot};
use answer::{Fault, Held, Look, Secret};

pub(super) use enrol::enrol;
pub use enrol::{Enrolled, Enrolment};

/// The word for a device that was pulled, as smart card services say it.
pub(super) const REMOVED: &str = "SCARD_W_REMOVED_CARD";

/// Where YubiKeys are seen.
pub(super) const THROUGH: &str = "PC/SC (YubiKeys)";

/// A PIN has 6 to 8 bytes on a YubiKey.
const PIN_LENGTH: (usize, usize) = (6, 8);

/// What the `yubikey` crate can send at once of a message that Ed25519 signs whole.
const LONGEST_MESSAGE: usize = 1000;

/// A YubiKey whose PIN was typed. No handle to it is kept between two uses.
pub struct YubiKeyToken {
    serial: u32,
    slot: PivSlot,
    state: TokenState,
    which: Box<Which>,
    clock: Clock,
    /// Given to the device directly before each signature; none once it was wrong, or the device is gone.
    pin: Option<SecretString>,
}

/// A YubiKey without a login, as a site's device.
pub(super) struct Found {
    pub(super) state: TokenState,
    pub(super) which: Box<Which>,
    look: Look,
}

fn pin_state(secret: Secret) -> PinState {
    let Secret { tries, total, default } = secret;
    PinState {
        count_low: tries.zip(total).is_some_and(|(tries, total)| tries < total),
        final_try: tries == Some(1),
        locked: tries == Some(0),
        to_be_changed: default == Some(true),
        tries,
    }
}

fn state(look: &Look, slot: PivSlot) -> TokenState {
    let [major, minor, patch] = look.firmware;
    let firmware = format!("{major}.{minor}.{patch}");
    let mut algorithms = vec![Algorithm::EcdsaP256, Algorithm::EcdsaP384];
    if look.firmware >= [5, 7, 0] {
        algorithms.push(Algorithm::Ed25519);
    }
    TokenState {
        report: DeviceReport {
            module: "yubikey".into(),
            module_sha256: String::new(),
            library: "PIV over PC/SC".into(),
            manufacturer: "Yubico".into(),
            model: format!("YubiKey {major}"),
            serial: look.serial.to_string(),
            label: format!("PIV {slot}"),
            hardware: String::new(),
            firmware,
        },
        initialized: true,
        user_pin_set: true,
        write_protected: false,
        keypad: false,
        user_pin: pin_state(look.pin),
        so_pin: pin_state(look.puk),
        pin_length: Some(PIN_LENGTH),
        algorithms,
        lacks_for_copies: vec!["C_WrapKey"],
    }
}

/// The YubiKey that the site means.
pub(super) fn find(name: &Name, device: &Device, clock: &Clock) -> Result<Found, TokenError> {
    let serial = serial_of(device);
    match clock.time(|| card::look(serial)) {
        Ok(look) => {
            let state = state(&look, device.slot());
            let which = state.which(name);
            Ok(Found { state, which, look })
        }
        Err(Fault::NotFound) => Err(missing(name, serial, clock)),
        Err(fault) => {
            let which = Which { device: name.clone(), label: "YubiKey".into(), serial: serial.to_string() };
            Err(error(&Box::new(which), "looking at the device", fault))
        }
    }
}

fn serial_of(device: &Device) -> u32 {
    device.yubikey.as_ref().map(|serial| **serial).unwrap_or_default()
}

fn missing(name: &Name, serial: u32, clock: &Clock) -> TokenError {
    let seen = clock.time(card::present).unwrap_or_default();
    let describe = |look: &Look| Seen {
        label: "YubiKey".into(),
        serial: look.serial.to_string(),
        model: state(look, PivSlot::SIGNATURE).report.model,
        initialized: true,
        unreadable: None,
    };
    TokenError::NoSuchToken {
        device: name.clone(),
        wanted: format!("serial {serial}"),
        module: THROUGH.into(),
        seen: seen.iter().map(describe).collect(),
    }
}

/// What is as on every new YubiKey, as far as the firmware says so.
fn defaults(look: &Look) -> Vec<&'static str> {
    let all = [
        (look.pin.default, "the PIN"),
        (look.puk.default, "the PUK"),
        (look.default_management, "the management key"),
    ];
    all.into_iter().filter(|(is, _)| *is == Some(true)).map(|(_, name)| name).collect()
}

/// The key of a site's YubiKey and its attestation. Needs no PIN, and changes nothing.
pub(super) fn attest(name: &Name, device: &Device, clock: &Clock) -> Result<Enrolled, TokenError> {
    let Found { state, which, .. } = find(name, device, clock)?;
    let (serial, slot) = (serial_of(device), device.slot());
    let attested = clock.time(|| card::attest(serial, slot));
    let Some((leaf, issuer)) = attested.map_err(|fault| error(&which, "attesting the key", fault))? else {
        let held = clock.time(|| card::held(serial, slot));
        let held = held.map_err(|fault| error(&which, "reading the slot", fault))?;
        return Err(TokenError::NotEnrolled { token: which, slot, found: words(held) });
    };
    let key = report(&which, slot, &leaf, &issuer)?;
    Ok(Enrolled { key, device: state.report, notes: Vec::new() })
}

/// Every YubiKey that is plugged in. `name` is whoever asks.
pub(super) fn present(name: &Name, clock: &Clock) -> Result<Vec<TokenState>, TokenError> {
    let found = clock.time(card::present).map_err(|fault| {
        let which = Which { device: name.clone(), label: String::new(), serial: String::new() };
        error(&Box::new(which), "looking for YubiKeys", fault)
    })?;
    let unnamed = |look: &Look| {
        let mut state = state(look, PivSlot::SIGNATURE);
        // The site says which slot it is about.
        state.report.label.clear();
        state
    };
    Ok(found.iter().map(unnamed).collect())
}

/// What went wrong, for a person.
fn error(which: &Which, doing: &str, fault: Fault) -> TokenError {
    let token = Box::new(which.clone());
    let owner = PinOwner::User;
    let call = |code: &str, reason: String| {
        let failure = Failure { function: String::new(), code: code.into(), reason };
        TokenError::Call { token: token.clone(), doing: doing.into(), failure: Box::new(failure) }
    };
    match fault {
        Fault::NoService(reason) => TokenError::NoService { device: which.device.clone(), reason },
        Fault::NotFound => TokenError::Lost { token },
        Fault::Gone(reason) => call(REMOVED, reason),
        Fault::Wrong(tries) => TokenError::WrongPin {
            code: format!("{tries} {} left", if tries == 1 { "try is" } else { "tries are" }),
            count_low: true,
            final_try: tries == 1,
            locked: false,
            token,
            owner,
        },
        Fault::Blocked => TokenError::PinLocked { token, owner },
        Fault::Unauthenticated => {
            call("", "the device wants a PIN, a touch or its management key first".into())
        }
        Fault::Busy => {
            let reason =
                "another program (gpg's scdaemon, say) holds a device for itself: end it, and run again";
            call("", reason.into())
        }
        Fault::Unsupported => call("", "the device's firmware can't do this".into()),
        Fault::Malformed(found) => TokenError::BadReply {
            token,
            what: format!("the answer while {doing}"),
            found,
            expected: "what YubiKeys answer".into(),
        },
        Fault::Other(reason) => call("", reason),
    }
}

impl YubiKeyToken {
    /// Finds the YubiKey that the site means, and tries its PIN, once.
    pub(super) fn open(
        name: &Name,
        device: &Device,
        ask: &mut dyn AskPin,
        clock: &Clock,
    ) -> Result<Self, TokenError> {
        let Found { state, which, look } = find(name, device, clock)?;
        let what = defaults(&look);
        if !what.is_empty() {
            return Err(TokenError::Defaults { token: which, what });
        }
        let serial = serial_of(device);
        let pin = login(&state, &which, device, ask, clock)?;
        Ok(Self { serial, slot: device.slot(), state, which, clock: clock.clone(), pin: Some(pin) })
    }

    /// Whether its PIN is still known to be right.
    pub(super) fn is_open(&self) -> bool {
        self.pin.is_some()
    }

    fn use_it<R>(&mut self, doing: &str, call: impl FnOnce() -> Result<R, Fault>) -> Result<R, TokenError> {
        self.clock.time(call).map_err(|fault| {
            if matches!(fault, Fault::NotFound | Fault::Gone(_) | Fault::Wrong(_) | Fault::Blocked) {
                self.pin = None;
            }
            error(&self.which, doing, fault)
        })
    }

    /// The key in the slot, known by its attestation alone.
    fn attested(&mut self) -> Result<Option<KeyReport>, TokenError> {
        let (serial, slot) = (self.serial, self.slot);
        let attested = self.use_it("attesting the key", || card::attest(serial, slot))?;
        attested.map(|(leaf, issuer)| report(&self.which, slot, &leaf, &issuer)).transpose()
    }

    fn empty(&mut self) -> Result<TokenError, TokenError> {
        let (serial, slot) = (self.serial, self.slot);
        let held = self.use_it("reading the slot", || card::held(serial, slot))?;
        Ok(TokenError::NotEnrolled { token: self.which.clone(), slot, found: words(held) })
    }
}

fn words(held: Held) -> &'static str {
    match held {
        Held::Nothing => "no key",
        Held::Generated(_) => "a key",
        Held::Imported => "an imported key, which the device does not attest,",
        Held::Unknown => "no key that the device attests",
    }
}

/// Asks for the PIN, after what stands in its way was said, and tries it once.
fn login(
    state: &TokenState,
    which: &Which,
    device: &Device,
    ask: &mut dyn AskPin,
    clock: &Clock,
) -> Result<SecretString, TokenError> {
    let owner = PinOwner::User;
    let (name, request) = (&which.device, state.request(&which.device, owner, false));
    match state.allows_login(name, owner) {
        Err(TokenError::PinFinalTry { .. }) if ask.last_try(&request) => {}
        allowed => allowed?,
    }
    let pin = pin::obtain(&device.pin, &request, ask).map_err(|error| TokenError::Pin {
        device: name.clone(),
        owner,
        error,
    })?;
    let Some(pin) = pin else {
        let reason = "a YubiKey has none";
        return Err(TokenError::NoKeypad { token: Box::new(which.clone()), reason });
    };
    let serial = serial_of(device);
    clock.time(|| card::verify(serial, &pin)).map_err(|fault| error(which, "checking the PIN", fault))?;
    Ok(pin)
}

/// What an attestation says of its key.
fn report(which: &Which, slot: PivSlot, leaf: &[u8], issuer: &[u8]) -> Result<KeyReport, TokenError> {
    let bad = |found: String| TokenError::BadReply {
        token: Box::new(which.clone()),
        what: format!("the attestation of slot {slot}"),
        found,
        expected: "two X.509 certificates, of a key that can be used here".into(),
    };
    let attestation = Attestation::read(leaf, issuer).map_err(|error| bad(error.to_string()))?;
    let public = attestation.public().map_err(|error| bad(error.to_string()))?;
    let mut attributes = BTreeMap::from([("piv-slot".to_string(), json!(slot.to_string()))]);
    if let Some((pin, touch)) = attestation.claims().policy.said() {
        attributes.insert("pin-policy".into(), json!(pin));
        attributes.insert("touch-policy".into(), json!(touch));
    }
    Ok(KeyReport {
        public,
        id: slot.to_string(),
        mechanism: "PIV GENERATE ASYMMETRIC KEY PAIR".into(),
        attributes,
        attestation: Some(Record::yubico(leaf, issuer)),
    })
}

impl Token for YubiKeyToken {
    fn report(&self) -> &DeviceReport {
        &self.state.report
    }

    fn algorithms(&self) -> &[Algorithm] {
        &self.state.algorithms
    }

    fn generate(&mut self, key: &Name, algorithm: Algorithm) -> Result<KeyReport, TokenError> {
        let Some(report) = self.attested()? else { return Err(self.empty()?) };
        let found = report.public.algorithm();
        if found != algorithm {
            let (token, key, found) = (self.which.clone(), key.clone(), format!("an {found} key"));
            return Err(TokenError::WrongKey { token, key, found, expected: algorithm });
        }
        Ok(report)
    }

    fn vacant(&mut self, _: &Name) -> Result<(), TokenError> {
        match self.attested()? {
            Some(_) => Ok(()),
            None => Err(self.empty()?),
        }
    }

    fn find(&mut self, _: &Name) -> Result<Option<KeyReport>, TokenError> {
        self.attested()
    }

    fn holds(&mut self, key: &Name, public: &PublicKey) -> Result<(), TokenError> {
        let Some(found) = self.attested()? else {
            return Err(TokenError::MissingKey {
                token: self.which.clone(),
                key: key.clone(),
                present: Vec::new(),
            });
        };
        if found.public == *public {
            return Ok(());
        }
        Err(TokenError::OtherKey {
            token: self.which.clone(),
            key: key.clone(),
            found: found.public.fingerprint(),
            expected: public.fingerprint(),
        })
    }

    fn touch(&self) -> Option<PinRequest> {
        Some(self.state.request(&self.which.device, PinOwner::User, false))
    }

    fn fits(&self, what: &dyn Signable) -> Result<(), TokenError> {
        let length = what.digest().len();
        if what.algorithm() != Algorithm::Ed25519 || length <= LONGEST_MESSAGE {
            return Ok(());
        }
        let doing = format!("signing {} with the key `{}`", what.object(), what.key());
        Err(TokenError::TooLong { token: self.which.clone(), doing, length, longest: LONGEST_MESSAGE })
    }

    fn sign(&mut self, what: &dyn Signable) -> Result<Signature, TokenError> {
        self.fits(what)?;
        let (serial, key) = (self.serial, (self.slot, what.algorithm()));
        let doing = format!("signing {} with the key `{}`", what.object(), what.key());
        let input = what.digest().to_vec();
        let Some(pin) = &self.pin else { return Err(TokenError::Lost { token: self.which.clone() }) };
        let signed = self.clock.time(|| {
            fault::point("device: sign");
            card::sign(serial, key, &input, pin)
        });
        match signed {
            Ok(signature) => Ok(Signature(signature)),
            // The PIN was right just before: what is missing is the touch.
            Err(Fault::Unauthenticated) => Err(TokenError::NotTouched { token: self.which.clone(), doing }),
            Err(fault) => self.use_it(&doing, || Err(fault)),
        }
    }

    fn discard_half(&mut self, _: &Name) -> Result<bool, TokenError> {
        Ok(false)
    }

    fn inventory(&mut self) -> Result<Vec<ObjectReport>, TokenError> {
        let serial = self.serial;
        let mut objects = Vec::new();
        for (slot, held) in self.use_it("reading the slots", || card::all_held(serial))? {
            let key_type = match held {
                Held::Nothing | Held::Unknown => continue,
                Held::Generated(algorithm) => {
                    algorithm.map_or_else(|| "another algorithm".into(), |algorithm| algorithm.to_string())
                }
                Held::Imported => "imported".into(),
            };
            let (class, label) = ("PIV key".into(), slot.to_string());
            objects.push(ObjectReport { class, id: label.clone(), label, key_type });
        }
        Ok(objects)
    }
}
