//! Logging in: flags first, one attempt, no second.

use cryptoki::error::{Error, RvError};
use cryptoki::session::{Session, SessionState, UserType};
use secrecy::SecretString;

use super::TokenError;
use super::clock::Clock;
use super::failure::{Failure, Which, code};
use super::pin::{PinOwner, PinRequest};
use super::state::{PinState, TokenState};
use crate::plan::Name;

impl TokenState {
    /// Which token this is, for errors.
    pub(super) fn which(&self, device: &Name) -> Box<Which> {
        let (label, serial) = (self.report.label.clone(), self.report.serial.clone());
        Box::new(Which { device: device.clone(), label, serial })
    }

    /// What a person is asked.
    pub(super) fn request(&self, device: &Name, owner: PinOwner, new: bool) -> PinRequest {
        PinRequest {
            device: device.clone(),
            owner,
            new,
            label: self.report.label.clone(),
            serial: self.report.serial.clone(),
            model: self.report.model.clone(),
            count_low: self.pin(owner).count_low,
            final_try: self.pin(owner).final_try,
            tries: self.pin(owner).tries,
            length: self.pin_length,
        }
    }

    fn pin(&self, owner: PinOwner) -> PinState {
        match owner {
            PinOwner::User => self.user_pin,
            PinOwner::SecurityOfficer | PinOwner::Puk => self.so_pin,
            PinOwner::ManagementKey => PinState::default(),
        }
    }

    /// Refuses a login that the token's flags speak against. For preflight as well: it uses no attempt.
    pub fn allows_login(&self, device: &Name, owner: PinOwner) -> Result<(), TokenError> {
        let (token, pin) = (self.which(device), self.pin(owner));
        if pin.locked {
            return Err(TokenError::PinLocked { token, owner });
        }
        if pin.final_try {
            return Err(TokenError::PinFinalTry { token, owner });
        }
        if owner == PinOwner::User && !self.user_pin_set {
            return Err(TokenError::NoUserPin { token });
        }
        Ok(())
    }
}

/// Whether this process is logged in to the session's token as its user.
pub(super) fn is_logged_in(session: &Session, clock: &Clock) -> bool {
    let info = clock.time(|| session.get_session_info());
    info.is_ok_and(|info| info.session_state() == SessionState::RwUser)
}

/// Tries a PIN, once. Without one, the device asks for it on its keypad. `again` looks at the token
/// after a wrong PIN: what it says then is what the next person must know.
pub(super) fn attempt(
    session: &Session,
    owner: PinOwner,
    pin: Option<&SecretString>,
    token: Box<Which>,
    again: impl FnOnce() -> Option<TokenState>,
    clock: &Clock,
) -> Result<(), TokenError> {
    let user = match owner {
        PinOwner::User => UserType::User,
        PinOwner::SecurityOfficer | PinOwner::Puk | PinOwner::ManagementKey => UserType::So,
    };
    let error = match clock.time(|| session.login(user, pin)) {
        Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => return Ok(()),
        Err(error) => error,
    };
    Err(match &error {
        Error::Pkcs11(RvError::PinLocked, _) => TokenError::PinLocked { token, owner },
        Error::Pkcs11(value @ (RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange), _) => {
            let PinState { count_low, final_try, locked, .. } =
                again().map(|state| state.pin(owner)).unwrap_or_default();
            TokenError::WrongPin { token, owner, code: code(value), count_low, final_try, locked }
        }
        error => {
            let doing = format!("the login of the {owner}");
            TokenError::Call { token, doing, failure: Failure::of(error) }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Class, DeviceReport};
    use super::*;

    fn state() -> TokenState {
        TokenState {
            report: DeviceReport { label: "root".into(), serial: "1f0e".into(), ..DeviceReport::default() },
            initialized: true,
            user_pin_set: true,
            write_protected: false,
            keypad: false,
            user_pin: PinState::default(),
            so_pin: PinState::default(),
            pin_length: None,
            algorithms: Vec::new(),
            lacks_for_copies: Vec::new(),
        }
    }

    fn refusal(state: &TokenState, owner: PinOwner) -> TokenError {
        state.allows_login(&"root-hsm".parse().unwrap(), owner).unwrap_err()
    }

    #[test]
    fn no_attempt_is_made_on_a_locked_pin_or_at_the_final_try() {
        let device: Name = "root-hsm".parse().unwrap();
        let (locked, last) = (
            PinState { locked: true, ..PinState::default() },
            PinState { final_try: true, ..PinState::default() },
        );
        for owner in [PinOwner::User, PinOwner::SecurityOfficer] {
            assert!(state().allows_login(&device, owner).is_ok());
            let low = PinState { count_low: true, ..PinState::default() };
            let low = TokenState { user_pin: low, so_pin: low, ..state() };
            assert!(low.allows_login(&device, owner).is_ok());
            assert!(low.request(&device, owner, false).count_low);
            let error = refusal(&TokenState { user_pin: locked, so_pin: locked, ..state() }, owner);
            assert!(matches!(error, TokenError::PinLocked { .. }), "{error}");
            assert_eq!(error.class(), Class::Refused);
            let error = refusal(&TokenState { user_pin: last, so_pin: last, ..state() }, owner);
            assert!(matches!(error, TokenError::PinFinalTry { .. }), "{error}");
            assert_eq!(error.class(), Class::Refused);
            let shown = error.to_string();
            assert!(shown.contains("`root-hsm` (token `root`, serial 1f0e)"), "{shown}");
            assert!(shown.contains("no attempt was made"), "{shown}");
        }
    }

    #[test]
    fn a_token_whose_user_has_no_pin_is_not_tried() {
        let bare = TokenState { user_pin_set: false, ..state() };
        assert!(matches!(refusal(&bare, PinOwner::User), TokenError::NoUserPin { .. }));
        assert!(bare.allows_login(&"a".parse().unwrap(), PinOwner::SecurityOfficer).is_ok());
    }
}
