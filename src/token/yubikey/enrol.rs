//! Enrolment: a keyholder's YubiKey gets its key. The applet is never reset, and no key replaced without the
//! serial number typed back.

use secrecy::{ExposeSecret, SecretString};

use super::answer::{Fault, Held, Look, Management};
use super::{Found, card, error, find, login, report, serial_of, words};
use crate::pki::Algorithm;
use crate::plan::Name;
use crate::site::{Device, Pin};
use crate::token::clock::Clock;
use crate::token::failure::Which;
use crate::token::pin::{self, AskPin, PinError, PinOwner};
use crate::token::state::TokenState;
use crate::token::{DeviceReport, KeyReport, TokenError};

/// What every new YubiKey has.
const DEFAULT_PIN: &str = "123456";
const DEFAULT_PUK: &str = "12345678";

/// What an enrolment shall do.
#[derive(Clone, Copy, Debug)]
pub struct Enrolment {
    /// The key's algorithm.
    pub algorithm: Algorithm,
    /// Whether a default PIN, PUK and management key are replaced on the spot.
    pub change_defaults: bool,
}

/// A YubiKey that has its key.
#[derive(Clone, Debug)]
pub struct Enrolled {
    /// The device.
    pub device: DeviceReport,
    /// The key, with its attestation.
    pub key: KeyReport,
    /// What its keyholder must know besides.
    pub notes: Vec<&'static str>,
}

/// What is at its default.
struct Defaults {
    pin: bool,
    puk: bool,
    management: bool,
}

impl Defaults {
    fn names(&self) -> Vec<&'static str> {
        let all = [(self.pin, "the PIN"), (self.puk, "the PUK"), (self.management, "the management key")];
        all.into_iter().filter(|(is, _)| *is).map(|(_, name)| name).collect()
    }
}

struct Session<'a> {
    serial: u32,
    device: &'a Device,
    state: TokenState,
    which: Box<Which>,
    look: Look,
    clock: &'a Clock,
}

/// Enrols a key on the YubiKey that the site means.
pub(in crate::token) fn enrol(
    name: &Name,
    device: &Device,
    wanted: Enrolment,
    ask: &mut dyn AskPin,
    clock: &Clock,
) -> Result<Enrolled, TokenError> {
    let Found { state, which, look } = find(name, device, clock)?;
    let session = Session { serial: serial_of(device), device, state, which, look, clock };
    session.enrol(wanted, ask)
}

impl Session<'_> {
    fn call<R>(&self, doing: &str, call: impl FnOnce() -> Result<R, Fault>) -> Result<R, TokenError> {
        self.clock.time(call).map_err(|fault| error(&self.which, doing, fault))
    }

    /// Everything is asked before the first write.
    fn enrol(&self, wanted: Enrolment, ask: &mut dyn AskPin) -> Result<Enrolled, TokenError> {
        if !self.state.algorithms.contains(&wanted.algorithm) {
            let (algorithm, supported) = (wanted.algorithm, self.state.algorithms.clone());
            return Err(TokenError::Unsupported { token: self.which.clone(), algorithm, supported });
        }
        let defaults = self.defaults()?;
        let what = defaults.names();
        if !what.is_empty() && !wanted.change_defaults {
            return Err(TokenError::Defaults { token: self.which.clone(), what });
        }
        self.may_replace(ask)?;
        let new_puk = if defaults.puk {
            Some(self.ask_for_new(&self.device.so_pin, PinOwner::Puk, ask)?)
        } else {
            None
        };
        let pin = if defaults.pin {
            let new = self.ask_for_new(&self.device.pin, PinOwner::User, ask)?;
            let old = SecretString::from(DEFAULT_PIN);
            self.call("changing the default PIN", || card::change_pin(self.serial, &old, &new))?;
            new
        } else {
            let pin = login(&self.state, &self.which, self.device, ask, self.clock)?;
            // Firmware before 5.3 does not say that its PIN is the default one.
            if pin.expose_secret() != DEFAULT_PIN {
                pin
            } else if wanted.change_defaults {
                let new = self.ask_for_new(&self.device.pin, PinOwner::User, ask)?;
                self.call("changing the default PIN", || card::change_pin(self.serial, &pin, &new))?;
                new
            } else {
                return Err(TokenError::Defaults { token: self.which.clone(), what: vec!["the PIN"] });
            }
        };
        if let Some(new) = new_puk {
            let old = SecretString::from(DEFAULT_PUK);
            self.call("changing the default PUK", || card::change_puk(self.serial, &old, &new))?;
        }
        if defaults.management {
            self.call("changing the default management key", || card::change_management(self.serial, &pin))?;
        }
        let key = self.generate(wanted.algorithm, &pin, ask)?;
        // A guess could be wrong, and would use a try.
        let unknown = self.look.puk.default.is_none();
        let note = "its firmware does not say whether the PUK is the default one, 12345678: if it is, change it (`ykman piv access change-puk`)";
        let notes = if unknown { vec![note] } else { Vec::new() };
        Ok(Enrolled { device: self.state.report.clone(), key, notes })
    }

    fn defaults(&self) -> Result<Defaults, TokenError> {
        let look = &self.look;
        let management = match look.default_management {
            Some(default) => default,
            None => {
                self.call("trying the default management key", || card::has_default_management(self.serial))?
            }
        };
        Ok(Defaults { pin: look.pin.default == Some(true), puk: look.puk.default == Some(true), management })
    }

    /// A slot that holds a key, or may hold one, is overwritten only by whoever types the serial number.
    fn may_replace(&self, ask: &mut dyn AskPin) -> Result<(), TokenError> {
        let slot = self.device.slot();
        let held = match self.call("reading the slot", || card::held(self.serial, slot))? {
            Held::Nothing => return Ok(()),
            Held::Unknown
                if self.call("attesting the key", || card::attest(self.serial, slot))?.is_some() =>
            {
                Held::Generated(None)
            }
            held => held,
        };
        let found = match held {
            Held::Unknown => "perhaps a key (the firmware does not say)",
            held => words(held),
        };
        let request = self.state.request(&self.which.device, PinOwner::User, false);
        if ask.replace(&request, &format!("{found} in slot {slot}")) {
            return Ok(());
        }
        Err(TokenError::SlotTaken { token: self.which.clone(), slot, found })
    }

    /// A new PIN or PUK, of 6 to 8 bytes, and not the one that every new YubiKey has.
    fn ask_for_new(
        &self,
        source: &Pin,
        owner: PinOwner,
        ask: &mut dyn AskPin,
    ) -> Result<SecretString, TokenError> {
        let device = &self.which.device;
        let wrong = |error: PinError| TokenError::Pin { device: device.clone(), owner, error };
        let request = self.state.request(device, owner, true);
        let Some(new) = pin::obtain(source, &request, ask).map_err(wrong)? else {
            let reason = "a YubiKey has none";
            return Err(TokenError::NoKeypad { token: self.which.clone(), reason });
        };
        let text = new.expose_secret();
        let (shortest, longest) = super::PIN_LENGTH;
        if !(shortest..=longest).contains(&text.len()) {
            return Err(wrong(PinError::Length { shortest, longest }));
        }
        if [DEFAULT_PIN, DEFAULT_PUK].contains(&text) {
            return Err(wrong(PinError::Unusable { found: "it is the default one" }));
        }
        Ok(new)
    }

    fn generate(
        &self,
        algorithm: Algorithm,
        pin: &SecretString,
        ask: &mut dyn AskPin,
    ) -> Result<KeyReport, TokenError> {
        let (serial, slot) = (self.serial, self.device.slot());
        let kept = self.call("reading the management key", || card::keeps_management(serial, pin))?;
        let typed;
        let management = if kept {
            Management::Protected
        } else {
            let owner = PinOwner::ManagementKey;
            let request = self.state.request(&self.which.device, owner, false);
            typed = ask.ask(&request).map_err(|error| TokenError::Pin {
                device: self.which.device.clone(),
                owner,
                error,
            })?;
            Management::Typed(&typed)
        };
        let doing = "generating the key";
        let made = self.call(doing, || card::generate(serial, (slot, algorithm), pin, &management))?;
        let attested = self.call("attesting the key", || card::attest(serial, slot))?;
        let bad = |found: String| TokenError::BadReply {
            token: self.which.clone(),
            what: "the attestation of the new key".into(),
            found,
            expected: "one of the key that was just generated".into(),
        };
        let (leaf, issuer) = attested.ok_or_else(|| bad("none".into()))?;
        let report = report(&self.which, slot, &leaf, &issuer)?;
        if report.public.spki() != made {
            return Err(bad(format!("of another key, SHA-256 {}", report.public.fingerprint())));
        }
        Ok(report)
    }
}
