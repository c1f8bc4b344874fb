//! Making a blank token ready. Nothing is ever reset.

use secrecy::{ExposeSecret, SecretString};

use super::clock::Clock;
use super::failure::{Failure, Seen, Which};
use super::login;
use super::module::{Found, Module};
use super::pin::{self, AskPin, PinError, PinOwner};
use super::state::{TokenState, Wanted};
use super::{DeviceReport, TokenError};
use crate::plan::Name;
use crate::site::{Device, Pin};

/// Initialises the one blank token that fits, under the site's label or the device's name, and sets
/// its PINs: first the security officer's, then the user's.
pub(super) fn init(
    name: &Name,
    device: &Device,
    ask: &mut dyn AskPin,
    clock: &Clock,
) -> Result<DeviceReport, TokenError> {
    let module = Module::load(name, device, clock)?;
    let label = device.label.as_ref().map_or(name.as_str(), |label| label.as_str());
    let blank = choose(&module, name, device, label, clock)?;
    let state = module.state(&blank, clock).ok_or_else(|| TokenError::NoBlankToken {
        device: name.clone(),
        blank: 0,
        module: module.path.clone(),
        seen: vec![blank.seen.clone()],
    })?;
    // Its PIN flags say nothing yet (SoftHSM's claims that its officer's PIN is locked), so they are
    // not looked at. Both PINs before the first write: a token with one of two is of no use.
    let so_pin = new_pin(name, &state, &device.so_pin, PinOwner::SecurityOfficer, ask)?;
    let user_pin = new_pin(name, &state, &device.pin, PinOwner::User, ask)?;

    let token = Box::new(Which { label: label.into(), ..*state.which(name) });
    let call = |doing: &str, result: Result<(), cryptoki::error::Error>| {
        result.map_err(|error| {
            let (token, doing) = (token.clone(), doing.to_string());
            TokenError::Call { token, doing, failure: Failure::of(&error) }
        })
    };
    let result = clock.time(|| module.context.init_token(blank.slot, &so_pin, label));
    call("initialising the blank token", result)?;
    // Its serial may be new, and modules may move it to another slot: its label is what stays.
    let (slot, _) = module.find(name, &Wanted { serial: None, label: Some(label) }, clock)?;
    let session = clock.time(|| module.context.open_rw_session(slot)).map_err(|error| {
        let doing = "opening a session with the token, which is initialised and has no user PIN yet,".into();
        TokenError::Call { token: token.clone(), doing, failure: Failure::of(&error) }
    })?;
    let look = || module.state(&module.look(slot, clock), clock);
    login::attempt(&session, PinOwner::SecurityOfficer, Some(&so_pin), token.clone(), look, clock)?;
    let result = clock.time(|| session.init_pin(&user_pin));
    call("setting the user's PIN of the token, which is initialised,", result)?;
    let result = clock.time(|| session.logout());
    call("logging the security officer out", result)?;
    clock.time(|| drop(session));
    Ok(look().map_or(state.report, |state| state.report))
}

/// The blank token to initialise.
fn choose(
    module: &Module,
    name: &Name,
    device: &Device,
    label: &str,
    clock: &Clock,
) -> Result<Found, TokenError> {
    let serial = device.serial.as_ref().map(|serial| serial.as_str());
    let tokens = module.tokens(name, clock)?;
    let used = tokens.iter().find(|found| {
        let ours = found.seen.label == label || serial == Some(found.seen.serial.as_str());
        found.seen.initialized && ours
    });
    if let Some(used) = used {
        return Err(TokenError::AlreadyInitialized {
            device: name.clone(),
            token: Box::new(used.seen.clone()),
            user_pin: module.state(used, clock).is_some_and(|state| state.user_pin_set),
        });
    }
    let seen: Vec<Seen> = tokens.iter().map(|found| found.seen.clone()).collect();
    let fits = |found: &Found| {
        let serial = serial.is_none_or(|serial| serial == found.seen.serial);
        serial && !found.seen.initialized && found.seen.unreadable.is_none()
    };
    let mut blank: Vec<Found> = tokens.into_iter().filter(fits).collect();
    match (blank.pop(), blank.len()) {
        (Some(found), 0) => Ok(found),
        (last, others) => Err(TokenError::NoBlankToken {
            device: name.clone(),
            blank: others + usize::from(last.is_some()),
            module: module.path.clone(),
            seen,
        }),
    }
}

/// A PIN that is given to the token, which must like its length.
fn new_pin(
    name: &Name,
    state: &TokenState,
    source: &Pin,
    owner: PinOwner,
    ask: &mut dyn AskPin,
) -> Result<SecretString, TokenError> {
    let wrong = |error: PinError| TokenError::Pin { device: name.clone(), owner, error };
    let Some(pin) = pin::obtain(source, &state.request(name, owner, true), ask).map_err(wrong)? else {
        let reason = "a token is initialised with PINs that are typed here";
        return Err(TokenError::NoKeypad { token: state.which(name), reason });
    };
    match state.pin_length {
        Some((shortest, longest)) if !(shortest..=longest).contains(&pin.expose_secret().len()) => {
            Err(wrong(PinError::Length { shortest, longest }))
        }
        _ => Ok(pin),
    }
}
