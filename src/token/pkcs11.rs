//! A token behind a PKCS#11 module: one session, one login, for as long as the process needs it.

use std::collections::BTreeMap;

use cryptoki::error::Error;
use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use cryptoki::slot::Slot;

use super::clock::Clock;
use super::failure::{Failure, Which};
use super::module::Module;
use super::pair::{Pair, Private, Public};
use super::pin::{self, AskPin, PinOwner};
use super::public_key::Parts;
use super::state::Wanted;
use super::{DeviceReport, KeyReport, ObjectReport, Token, TokenError, Transport, Wrapped};
use super::{RandomSource, attributes, login, mechanism, pair, probe, random, template};
use crate::fault;
use crate::lint::Signable;
use crate::pki::{Algorithm, PublicKey, Signature};
use crate::plan::Name;
use crate::site::{Device, Pin};

/// Classes of objects that describe a module and are not held by a token.
const NOT_HELD: [&str; 3] = ["CKO_MECHANISM", "CKO_PROFILE", "CKO_HW_FEATURE"];

/// A token that its user is logged in to.
pub struct Pkcs11Token {
    which: Box<Which>,
    report: DeviceReport,
    algorithms: Vec<Algorithm>,
    flags: Vec<String>,
    module: Module,
    slot: Slot,
    clock: Clock,
    /// None once it is lost.
    session: Option<Session>,
    /// The private half of the transport key of a copy that is under way.
    pub(super) transport: Option<ObjectHandle>,
}

/// The objects under a label.
struct Labelled {
    private: Vec<ObjectHandle>,
    public: Vec<ObjectHandle>,
}

impl Pkcs11Token {
    /// Finds the token that the site means, and logs in. The PIN is asked for last, when nothing
    /// else is in the way, and tried once.
    pub(super) fn open(
        name: &Name,
        device: &Device,
        ask: &mut dyn AskPin,
        clock: &Clock,
    ) -> Result<Self, TokenError> {
        let module = Module::load(name, device, clock)?;
        let (slot, state) = module.find(name, &Wanted::of(device), clock)?;
        let which = state.which(name);
        let session = clock.time(|| module.context.open_rw_session(slot)).map_err(|error| {
            let failure = Failure::of(&error);
            TokenError::Call { token: which.clone(), doing: "opening a session".into(), failure }
        })?;
        // Another device of the site may be the same token, which needs no second login.
        if !login::is_logged_in(&session, clock) {
            let owner = PinOwner::User;
            match state.allows_login(name, owner) {
                Err(TokenError::PinFinalTry { .. }) if ask.last_try(&state.request(name, owner, false)) => {}
                allowed => allowed?,
            }
            if *device.pin == Pin::Protected && !state.keypad {
                let reason = "the token says that it has no keypad";
                return Err(TokenError::NoKeypad { token: which, reason });
            }
            let pin = pin::obtain(&device.pin, &state.request(name, owner, false), ask)
                .map_err(|error| TokenError::Pin { device: name.clone(), owner, error })?;
            let again = || module.state(&module.look(slot, clock), clock);
            login::attempt(&session, owner, pin.as_ref(), which.clone(), again, clock)?;
        }
        let flags = state.flags();
        Ok(Self {
            which,
            report: state.report,
            flags,
            algorithms: state.algorithms,
            module,
            slot,
            clock: clock.clone(),
            session: Some(session),
            transport: None,
        })
    }

    /// Whether the session still stands.
    pub(super) fn is_open(&self) -> bool {
        self.session.is_some()
    }

    /// Logs out, and ends the session.
    pub(super) fn end(mut self) {
        if let Some(session) = self.session.take() {
            // Another device of the site may have been the same token, and have logged out before.
            let _ = self.clock.time(|| session.logout());
            self.clock.time(|| drop(session));
        }
    }

    /// Makes calls in the session. Without its login the session is lost: private keys would be
    /// hidden, and look as if they were not there. After an error the session is another one: the old
    /// may be stuck in the operation that failed.
    pub(super) fn call<R>(
        &mut self,
        doing: impl FnOnce() -> String,
        call: impl FnOnce(&Session) -> Result<R, Error>,
    ) -> Result<R, TokenError> {
        self.session = self.session.take().filter(|session| login::is_logged_in(session, &self.clock));
        let Some(session) = &self.session else {
            return Err(TokenError::Lost { token: self.which.clone() });
        };
        self.clock.time(|| call(session)).map_err(|error| {
            self.renew();
            let (token, failure) = (self.which.clone(), Failure::of(&error));
            TokenError::Call { token, doing: doing(), failure }
        })
    }

    /// Replaces the session. The new one is opened before the old is closed, because closing the
    /// last one logs out, and the PIN is not kept.
    fn renew(&mut self) {
        let same = self.module.look(self.slot, &self.clock).seen.serial == self.report.serial;
        let new = self.clock.time(|| self.module.context.open_rw_session(self.slot));
        let new = new.ok().filter(|session| same && login::is_logged_in(session, &self.clock));
        let old = std::mem::replace(&mut self.session, new);
        self.clock.time(|| drop(old));
    }

    fn generate_pair(
        &mut self,
        key: &Name,
        algorithm: Algorithm,
        copied: bool,
    ) -> Result<KeyReport, TokenError> {
        let token = self.which.clone();
        if !self.algorithms.contains(&algorithm) {
            return Err(TokenError::Unsupported { token, algorithm, supported: self.algorithms.clone() });
        }
        self.vacant(key)?;
        let (public, mut private) = template::pair(key, algorithm);
        if copied {
            template::copyable(&mut private);
        }
        self.call(
            || format!("generating the key `{key}` ({algorithm}; it may be on the device nevertheless)"),
            |session| {
                fault::point("device: generate");
                session.generate_key_pair(&mechanism::generation(algorithm), &public, &private)
            },
        )?;
        let report = self.find(key)?.ok_or_else(|| {
            let wrong = ("not there".into(), "there, since its generation succeeded".into());
            self.bad_reply(format!("the new key `{key}`"), wrong)
        })?;
        if report.public.algorithm() != algorithm {
            let wrong = (report.public.algorithm().to_string(), algorithm.to_string());
            return Err(self.bad_reply(format!("the algorithm of the new key `{key}`"), wrong));
        }
        self.refuse_contradiction(key, &report, copied)?;
        Ok(report)
    }

    /// What a device says of a key must not contradict what it was told.
    pub(super) fn refuse_contradiction(
        &self,
        key: &Name,
        report: &KeyReport,
        copied: bool,
    ) -> Result<(), TokenError> {
        let Some((attribute, expected)) = attributes::contradiction(&report.attributes, copied) else {
            return Ok(());
        };
        let (token, found) = (self.which.clone(), (!expected).to_string());
        Err(TokenError::Contradiction { token, key: key.clone(), attribute, found, expected })
    }

    fn labelled(&mut self, key: &Name) -> Result<Labelled, TokenError> {
        self.call(
            || format!("looking for the key `{key}`"),
            |session| {
                Ok(Labelled {
                    private: session.find_objects(&template::search(ObjectClass::PRIVATE_KEY, key))?,
                    public: session.find_objects(&template::search(ObjectClass::PUBLIC_KEY, key))?,
                })
            },
        )
    }

    fn ambiguous(&self, key: &Name, found: &Labelled) -> TokenError {
        let (private, public) = (found.private.len(), found.public.len());
        TokenError::KeyAmbiguous { token: self.which.clone(), key: key.clone(), private, public }
    }

    pub(super) fn missing(&mut self, key: &Name) -> Result<TokenError, TokenError> {
        let keys = self.inventory()?;
        let private = keys.into_iter().filter(|object| object.class == "CKO_PRIVATE_KEY");
        let present = private.map(|object| object.label).collect();
        Ok(TokenError::MissingKey { token: self.which.clone(), key: key.clone(), present })
    }

    pub(super) fn bad_reply(
        &self,
        what: impl Into<String>,
        (found, expected): (String, String),
    ) -> TokenError {
        TokenError::BadReply { token: self.which.clone(), what: what.into(), found, expected }
    }
}

impl Token for Pkcs11Token {
    fn report(&self) -> &DeviceReport {
        &self.report
    }

    fn algorithms(&self) -> &[Algorithm] {
        &self.algorithms
    }

    fn generate(&mut self, key: &Name, algorithm: Algorithm) -> Result<KeyReport, TokenError> {
        self.generate_pair(key, algorithm, false)
    }

    fn generate_for_copy(&mut self, key: &Name, algorithm: Algorithm) -> Result<KeyReport, TokenError> {
        self.generate_pair(key, algorithm, true)
    }

    fn transport(&mut self, _: &Name) -> Result<Transport, TokenError> {
        self.make_transport()
    }

    fn wrap(&mut self, key: &Name, transport: &Transport) -> Result<Wrapped, TokenError> {
        self.wrap_key(key, transport)
    }

    fn unwrap(&mut self, key: &Name, public: &PublicKey, wrapped: &Wrapped) -> Result<KeyReport, TokenError> {
        self.unwrap_key(key, public, wrapped)
    }

    fn close(&mut self, key: &Name) -> Result<KeyReport, TokenError> {
        self.close_key(key)
    }

    fn vacant(&mut self, key: &Name) -> Result<(), TokenError> {
        let taken = self.labelled(key)?;
        if taken.private.is_empty() && taken.public.is_empty() {
            return Ok(());
        }
        if let Err(half @ TokenError::HalfMade { .. }) = self.find(key) {
            return Err(half);
        }
        let (private, public) = (taken.private.len(), taken.public.len());
        Err(TokenError::LabelTaken { token: self.which.clone(), key: key.clone(), private, public })
    }

    fn holds(&mut self, key: &Name, public: &PublicKey) -> Result<(), TokenError> {
        let Some(found) = self.find(key)? else { return Err(self.missing(key)?) };
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

    fn find(&mut self, key: &Name) -> Result<Option<KeyReport>, TokenError> {
        let found = self.labelled(key)?;
        if found.private.len() > 1 || found.public.len() > 1 {
            return Err(self.ambiguous(key, &found));
        }
        let (private, public) = self.call(
            || format!("reading the key `{key}`"),
            |session| {
                let private = found.private.first().map(|handle| Private::read(session, *handle));
                let public = found.public.first().map(|handle| Public::read(session, *handle));
                Ok((private.transpose()?, public.transpose()?))
            },
        )?;
        match pair::judge(key, private, public) {
            None => Ok(None),
            Some(Pair::Whole(report)) => Ok(Some(*report)),
            Some(Pair::Half { found, ours }) => Err(TokenError::HalfMade {
                token: self.which.clone(),
                key: key.clone(),
                found: found.into(),
                discardable: ours,
            }),
            Some(Pair::Wrong { what, found, expected }) => {
                Err(self.bad_reply(format!("{what} labelled `{key}`"), (found, expected)))
            }
        }
    }

    fn discard_half(&mut self, key: &Name) -> Result<bool, TokenError> {
        match self.find(key) {
            Ok(_) => return Ok(false),
            Err(TokenError::HalfMade { discardable: true, .. }) => {}
            Err(error) => return Err(error),
        }
        let half = self.labelled(key)?;
        self.call(
            || format!("removing half of the key pair `{key}`"),
            // The private half first: if this is cut off too, what is left is still known as a half.
            |session| {
                half.private.iter().chain(&half.public).try_for_each(|half| {
                    fault::point("device: destroy");
                    session.destroy_object(*half)
                })
            },
        )?;
        Ok(true)
    }

    fn sign(&mut self, what: &dyn Signable) -> Result<Signature, TokenError> {
        let (key, algorithm) = (what.key(), what.algorithm());
        // Looked for each time, and alone: a duplicate may have appeared since.
        let search = template::search(ObjectClass::PRIVATE_KEY, key);
        let found =
            self.call(|| format!("looking for the key `{key}`"), |session| session.find_objects(&search))?;
        let private = match found.as_slice() {
            [private] => *private,
            [] => return Err(self.missing(key)?),
            _ => {
                let found = self.labelled(key)?;
                return Err(self.ambiguous(key, &found));
            }
        };
        let parts =
            self.call(|| format!("reading the key `{key}`"), |session| Parts::read(session, private))?;
        // Before it signs: a key of another curve signs a digest of any length.
        if !parts.is_empty() && parts.algorithm() != Some(algorithm) {
            return Err(TokenError::WrongKey {
                token: self.which.clone(),
                key: key.clone(),
                found: parts.describe(),
                expected: algorithm,
            });
        }
        let input = mechanism::input(algorithm, what.digest());
        let raw = self.call(
            || format!("signing {} with the key `{key}`", what.object()),
            |session| {
                fault::point("device: sign");
                session.sign(&mechanism::signing(algorithm), private, &input)
            },
        )?;
        mechanism::output(algorithm, raw).map_err(|wrong| {
            self.bad_reply(format!("the signature by `{key}` over {}", what.object()), wrong)
        })
    }

    fn flags(&self) -> Vec<String> {
        self.flags.clone()
    }

    fn template(&self, key: &Name, algorithm: Algorithm) -> Vec<String> {
        let (public, private) = template::pair(key, algorithm);
        let shown = |half: &'static str, list: Vec<Attribute>| {
            list.into_iter().map(move |one| format!("{half}: {}", attributes::shown(&one)))
        };
        shown("public", public).chain(shown("private", private)).collect()
    }

    fn probe(&mut self, algorithm: Algorithm) -> Result<BTreeMap<String, String>, TokenError> {
        let tried = self.call(
            || "trying on a throwaway key of the session what a key allows".into(),
            |session| probe::probe(session, algorithm),
        )?;
        // What a module refuses may leave an operation open: what follows has a session of its own.
        self.renew();
        Ok(tried)
    }

    fn random(&mut self) -> Result<Option<RandomSource>, TokenError> {
        let asked = self.call(|| "asking for random bytes".into(), random::ask)?;
        asked.judged().map(Some).map_err(|wrong| self.bad_reply("its random source", wrong))
    }

    fn inventory(&mut self) -> Result<Vec<ObjectReport>, TokenError> {
        self.call(
            || "listing the objects".into(),
            |session| {
                let text = |object, kind| attributes::text(session, object, kind);
                let describe = |object| {
                    Ok(ObjectReport {
                        class: text(object, AttributeType::Class)?,
                        label: text(object, AttributeType::Label)?,
                        id: text(object, AttributeType::Id)?,
                        key_type: text(object, AttributeType::KeyType)?,
                    })
                };
                let objects = session.find_objects(&[])?.into_iter().map(describe);
                let mut objects = objects.collect::<Result<Vec<ObjectReport>, Error>>()?;
                // Some modules list what they can do as objects too. PKCS#11 would have them hidden.
                objects.retain(|object| !NOT_HELD.contains(&object.class.as_str()));
                objects.sort();
                Ok(objects)
            },
        )
    }
}
