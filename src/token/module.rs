//! A PKCS#11 module: loaded and initialised once in a process, and the tokens that it shows.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Function, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::slot::{Slot, TokenInfo};

use super::clock::Clock;
use super::copy;
use super::failure::{Failure, Seen, clean};
use super::state::{TokenState, Wanted};
use super::{DeviceReport, TokenError, mechanism};
use crate::pki::{Algorithm, sha256_hex};
use crate::plan::Name;
use crate::site::Device;

/// The modules of this process, by canonical path. C_Initialize is for a process, not for a caller.
static LOADED: Mutex<BTreeMap<PathBuf, Module>> = Mutex::new(BTreeMap::new());

/// A loaded module.
#[derive(Clone)]
pub(super) struct Module {
    /// The module itself.
    pub(super) context: Pkcs11,
    /// Its file, as the site names it.
    pub(super) path: PathBuf,
    /// SHA-256 of the file that was loaded.
    sha256: String,
    /// Its description and version.
    library: String,
}

/// A token in a slot, which is where it is only in this process.
pub(super) struct Found {
    pub(super) slot: Slot,
    pub(super) seen: Seen,
    info: Result<TokenInfo, Box<Failure>>,
}

impl Module {
    /// Loads a device's module, unless this process has it already.
    pub(super) fn load(name: &Name, device: &Device, clock: &Clock) -> Result<Self, TokenError> {
        let path: &Path = &device.module;
        let missing = |error: std::io::Error| TokenError::ModuleMissing {
            device: name.clone(),
            path: path.into(),
            reason: error.to_string(),
        };
        let failed = |error: &Error| TokenError::ModuleFailed {
            device: name.clone(),
            path: path.into(),
            failure: Failure::of(error),
        };
        let expected = |found: &str| match &device.module_sha256 {
            Some(expected) if **expected != found => Err(TokenError::ModuleChanged {
                device: name.clone(),
                path: path.into(),
                found: found.into(),
                expected: (**expected).clone(),
            }),
            _ => Ok(()),
        };
        // A path without a slash would let the loader search elsewhere.
        let file = path.canonicalize().map_err(missing)?;
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(module) = loaded.get(&file) {
            expected(&module.sha256)?;
            return Ok(Self { path: path.into(), ..module.clone() });
        }
        // Before it is loaded: loading runs its code.
        let sha256 = sha256_hex(&std::fs::read(&file).map_err(missing)?);
        expected(&sha256)?;
        let context = clock.time(|| Pkcs11::new(&file)).map_err(|error| failed(&error))?;
        let arguments = CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK);
        match clock.time(|| context.initialize(arguments)) {
            // Another module, such as p11-kit's proxy, may have loaded it too.
            Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, Function::Initialize)) => {}
            Err(error) => return Err(failed(&error)),
        }
        let library = clock.time(|| context.get_library_info()).map_or_else(
            |_| "not answered".to_string(),
            |info| {
                let (maker, description) = (clean(info.manufacturer_id()), clean(info.library_description()));
                let (version, standard) = (info.library_version(), info.cryptoki_version());
                format!("{maker}: {description}, version {version} (PKCS#11 {standard})")
            },
        );
        let module = Self { context, path: path.into(), sha256, library };
        loaded.insert(file, module.clone());
        Ok(module)
    }

    /// Ends the module and starts it again. No session may be open.
    pub(super) fn restart(&self, name: &Name, clock: &Clock) -> Result<(), TokenError> {
        let arguments = CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK);
        let ended = clock.time(|| self.context.clone().finalize());
        let started = ended.and_then(|()| clock.time(|| self.context.initialize(arguments)));
        started.map_err(|error| {
            let failure = Failure::of(&error);
            TokenError::ModuleFailed { device: name.clone(), path: self.path.clone(), failure }
        })
    }

    /// Every token that is there, blank ones too.
    pub(super) fn tokens(&self, name: &Name, clock: &Clock) -> Result<Vec<Found>, TokenError> {
        let slots = clock.time(|| self.context.get_slots_with_token()).map_err(|error| {
            let failure = Failure::of(&error);
            TokenError::ModuleFailed { device: name.clone(), path: self.path.clone(), failure }
        })?;
        Ok(slots.into_iter().map(|slot| self.look(slot, clock)).collect())
    }

    /// The token in a slot. One that can't be read is shown as that and does not hide the others.
    pub(super) fn look(&self, slot: Slot, clock: &Clock) -> Found {
        let info = clock.time(|| self.context.get_token_info(slot)).map_err(|error| Failure::of(&error));
        let seen = match &info {
            Ok(info) => Seen {
                label: clean(info.label()),
                serial: clean(info.serial_number()),
                model: clean(info.model()),
                initialized: info.token_initialized(),
                unreadable: None,
            },
            Err(failure) => Seen {
                label: String::new(),
                serial: String::new(),
                model: String::new(),
                initialized: false,
                unreadable: Some(failure.to_string()),
            },
        };
        Found { slot, seen, info }
    }

    /// The one initialised token that fits, in whichever slot it is.
    pub(super) fn find(
        &self,
        name: &Name,
        wanted: &Wanted<'_>,
        clock: &Clock,
    ) -> Result<(Slot, TokenState), TokenError> {
        let (mut fitting, others): (Vec<Found>, Vec<Found>) =
            self.tokens(name, clock)?.into_iter().partition(|found| wanted.fits(&found.seen));
        // Slots have no order that lasts; people compare two lists.
        let all = |tokens: Vec<Found>| {
            let mut seen: Vec<Seen> = tokens.into_iter().map(|found| found.seen).collect();
            seen.sort_by_key(|seen| (!seen.initialized, seen.label.clone(), seen.serial.clone()));
            seen
        };
        let (device, module, wanted) = (name.clone(), self.path.clone(), wanted.to_string());
        match (fitting.pop(), fitting.is_empty()) {
            (Some(found), true) => match self.state(&found, clock) {
                Some(state) => Ok((found.slot, state)),
                None => Err(TokenError::NoSuchToken { device, wanted, module, seen: vec![found.seen] }),
            },
            (None, _) => Err(TokenError::NoSuchToken { device, wanted, module, seen: all(others) }),
            (Some(last), false) => {
                fitting.push(last);
                Err(TokenError::Ambiguous { device, wanted, module, matching: all(fitting) })
            }
        }
    }

    /// What a token says of itself; none if it can't be read.
    pub(super) fn state(&self, found: &Found, clock: &Clock) -> Option<TokenState> {
        let info = found.info.as_ref().ok()?;
        Some(TokenState::new(self.report(), info, self.abilities(found.slot, clock)))
    }

    fn report(&self) -> DeviceReport {
        DeviceReport {
            module: self.path.display().to_string(),
            module_sha256: self.sha256.clone(),
            library: self.library.clone(),
            ..DeviceReport::default()
        }
    }

    /// The algorithms that it can use, and what it lacks for copies.
    fn abilities(&self, slot: Slot, clock: &Clock) -> (Vec<Algorithm>, Vec<&'static str>) {
        let list = clock.time(|| self.context.get_mechanism_list(slot)).unwrap_or_default();
        let info = |kind| clock.time(|| self.context.get_mechanism_info(slot, kind)).ok();
        (mechanism::supported(&list, info), copy::lacking(&list))
    }
}
