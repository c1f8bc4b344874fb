//! The devices of a site: found, opened and logged in to when they are first needed, then kept.

use std::collections::btree_map::{BTreeMap, Entry};
use std::path::PathBuf;
use std::time::Duration;

use indexmap::IndexMap;
use serde::Serialize;

use super::clock::Clock;
use super::failure::Seen;
use super::module::Module;
use super::pin::AskPin;
use super::pkcs11::Pkcs11Token;
use super::state::{TokenState, Wanted};
use super::yubikey::{self, Enrolled, Enrolment, YubiKeyToken};
use super::{DeviceReport, Token, TokenError, init};
use crate::fault;
use crate::plan::Name;
use crate::site::{Device, Site};

/// The devices of a site.
pub struct Devices {
    site: IndexMap<Name, Device>,
    open: BTreeMap<Name, Open>,
    logins: BTreeMap<Name, u32>,
    clock: Clock,
}

/// A device that is open.
enum Open {
    Pkcs11(Box<Pkcs11Token>),
    YubiKey(Box<YubiKeyToken>),
}

impl Open {
    fn is_open(&self) -> bool {
        match self {
            Self::Pkcs11(token) => token.is_open(),
            Self::YubiKey(token) => token.is_open(),
        }
    }

    fn end(self) {
        match self {
            Self::Pkcs11(token) => token.end(),
            // No handle to it is kept.
            Self::YubiKey(token) => drop(token),
        }
    }

    fn token(&mut self) -> &mut dyn Token {
        match self {
            Self::Pkcs11(token) => token.as_mut(),
            Self::YubiKey(token) => token.as_mut(),
        }
    }
}

/// A token that is plugged in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Present {
    /// The site's devices that mean this token; none where the site does not know it.
    pub devices: Vec<Name>,
    /// What the token says of itself.
    #[serde(flatten)]
    pub state: TokenState,
}

/// What one module shows.
#[derive(Clone, Debug)]
pub struct ModuleTokens {
    /// The module's file.
    pub module: PathBuf,
    /// Its tokens, blank ones too; or why none can be seen.
    pub tokens: Result<Vec<Present>, TokenError>,
    /// Tokens that are there, but say nothing of themselves.
    pub unreadable: Vec<Seen>,
}

impl Devices {
    /// The devices of this site. Nothing is touched yet.
    pub fn new(site: &Site) -> Self {
        Self {
            site: site.devices.clone(),
            open: BTreeMap::new(),
            logins: BTreeMap::new(),
            clock: Clock::default(),
        }
    }

    /// A logged-in session with a device: opened when it is first asked for, or after it was lost.
    pub fn open(&mut self, name: &Name, ask: &mut dyn AskPin) -> Result<&mut dyn Token, TokenError> {
        if self.open.get(name).is_some_and(|token| !token.is_open()) {
            self.open.remove(name);
        }
        let device = device(&self.site, name)?;
        let token = match self.open.entry(name.clone()) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let token = if device.yubikey.is_some() {
                    Open::YubiKey(Box::new(YubiKeyToken::open(name, device, ask, &self.clock)?))
                } else {
                    Open::Pkcs11(Box::new(Pkcs11Token::open(name, device, ask, &self.clock)?))
                };
                let logins = self.logins.entry(name.clone()).or_default();
                *logins = logins.saturating_add(1);
                entry.insert(token)
            }
        };
        Ok(token.token())
    }

    /// How often a device was opened and logged in to: again after its session was lost.
    pub fn logins(&self, name: &Name) -> u32 {
        self.logins.get(name).copied().unwrap_or_default()
    }

    /// Looks for tokens that were plugged in since. Some modules (SoftHSM's is one) see a new token only
    /// when they start: they are started again, unless that would end other sessions.
    pub fn look_again(&mut self, name: &Name) -> Result<(), TokenError> {
        let device = device(&self.site, name)?;
        self.open.retain(|_, token| token.is_open());
        if device.yubikey.is_some() {
            // Looked for anew at each use.
            return Ok(());
        }
        let module = Module::load(name, device, &self.clock)?;
        let used = self.open.keys().any(|other| same_module(&self.site, other, device));
        if used || module.find(name, &Wanted::of(device), &self.clock).is_ok() {
            return Ok(());
        }
        module.restart(name, &self.clock)
    }

    /// Starts a device's module again. Every session of it is ended: its devices are logged in to anew
    /// when they are used next.
    pub fn restart(&mut self, name: &Name) -> Result<(), TokenError> {
        let device = device(&self.site, name)?;
        if device.yubikey.is_some() {
            self.open.remove(name);
            return Ok(());
        }
        let module = Module::load(name, device, &self.clock)?;
        let site = &self.site;
        self.open.retain(|other, _| !same_module(site, other, device));
        module.restart(name, &self.clock)
    }

    /// Logs out of every device, and ends all sessions.
    pub fn close(&mut self) {
        for (_, token) in std::mem::take(&mut self.open) {
            token.end();
        }
        fault::point("devices: closed");
    }

    /// What a device says of itself without a login: whether it is there, and what it can do.
    pub fn peek(&mut self, name: &Name) -> Result<TokenState, TokenError> {
        let device = device(&self.site, name)?;
        if device.yubikey.is_some() {
            return yubikey::find(name, device, &self.clock).map(|found| found.state);
        }
        let module = Module::load(name, device, &self.clock)?;
        module.find(name, &Wanted::of(device), &self.clock).map(|(_, state)| state)
    }

    /// Every token that the site's modules show, module by module.
    pub fn list(&mut self) -> Vec<ModuleTokens> {
        let mut modules: IndexMap<PathBuf, (&Name, &Device)> = IndexMap::new();
        let (yubikeys, tokens): (Vec<_>, Vec<_>) =
            self.site.iter().partition(|(_, device)| device.yubikey.is_some());
        for (name, device) in tokens {
            modules.entry((*device.module).clone()).or_insert((name, device));
        }
        let show = |(module, (name, device)): (PathBuf, (&Name, &Device))| {
            let (tokens, unreadable) = match self.tokens(name, device) {
                Ok((tokens, unreadable)) => (Ok(tokens), unreadable),
                Err(error) => (Err(error), Vec::new()),
            };
            ModuleTokens { module, tokens, unreadable }
        };
        let mut all: Vec<ModuleTokens> = modules.into_iter().map(show).collect();
        // The service is asked only where the site names one.
        if let Some((name, _)) = yubikeys.first() {
            all.push(ModuleTokens {
                module: yubikey::THROUGH.into(),
                tokens: self.yubikeys(name),
                unreadable: Vec::new(),
            });
        }
        all
    }

    fn yubikeys(&self, name: &Name) -> Result<Vec<Present>, TokenError> {
        let means = |device: &Device, state: &TokenState| {
            let serial = device.yubikey.as_ref().map(|serial| serial.to_string());
            serial.is_some_and(|serial| serial == state.report.serial)
        };
        let present = |state: TokenState| {
            let known = self.site.iter().filter(|(_, device)| means(device, &state));
            Present { devices: known.map(|(name, _)| name.clone()).collect(), state }
        };
        Ok(yubikey::present(name, &self.clock)?.into_iter().map(present).collect())
    }

    fn tokens(&self, name: &Name, device: &Device) -> Result<(Vec<Present>, Vec<Seen>), TokenError> {
        let module = Module::load(name, device, &self.clock)?;
        let (mut present, mut unreadable) = (Vec::new(), Vec::new());
        for found in module.tokens(name, &self.clock)? {
            let Some(state) = module.state(&found, &self.clock) else {
                unreadable.push(found.seen);
                continue;
            };
            let means =
                |other: &Device| *other.module == *device.module && Wanted::of(other).fits(&found.seen);
            let known = self.site.iter().filter(|(_, other)| means(other));
            present.push(Present { devices: known.map(|(name, _)| name.clone()).collect(), state });
        }
        Ok((present, unreadable))
    }

    /// Makes the one blank token ready that shall be this device. Refuses where there is a token
    /// with its label or serial already. The report has the serial that the site file must name.
    pub fn init(&mut self, name: &Name, ask: &mut dyn AskPin) -> Result<DeviceReport, TokenError> {
        init::init(name, device(&self.site, name)?, ask, &self.clock)
    }

    /// Whether a device is a YubiKey.
    pub fn is_yubikey(&self, name: &Name) -> Result<bool, TokenError> {
        Ok(device(&self.site, name)?.yubikey.is_some())
    }

    /// Enrols a key on a YubiKey. Refuses default secrets, and a slot in use.
    pub fn enrol(
        &mut self,
        name: &Name,
        wanted: Enrolment,
        ask: &mut dyn AskPin,
    ) -> Result<Enrolled, TokenError> {
        yubikey::enrol(name, device(&self.site, name)?, wanted, ask, &self.clock)
    }

    /// A YubiKey's key and its attestation, without a PIN.
    pub fn attest(&mut self, name: &Name) -> Result<Enrolled, TokenError> {
        yubikey::attest(name, device(&self.site, name)?, &self.clock)
    }

    /// The time that was spent inside modules until now. A call's own time is the difference.
    pub fn device_time(&self) -> Duration {
        self.clock.total()
    }
}

fn same_module(site: &IndexMap<Name, Device>, other: &Name, device: &Device) -> bool {
    site.get(other).is_some_and(|other| other.module == device.module)
}

fn device<'a>(site: &'a IndexMap<Name, Device>, name: &Name) -> Result<&'a Device, TokenError> {
    site.get(name)
        .ok_or_else(|| TokenError::NotInSite { device: name.clone(), known: site.keys().cloned().collect() })
}
