//! A person signs a statement with their own device: an approval, a seal, an objection.

use super::console::{Fingerprint, Preview};
use super::people::Person;
use super::{CeremonyError, Console, Ring};
use crate::evidence::signer::{Asked, Signers};
use crate::lint::statement::{EndorseError, Endorsed};
use crate::lint::{Linted, Rules, Signable};
use crate::pki::dsse::EnvelopeSignature;
use crate::plan::Name;
use crate::token::{self, DeviceReport, TokenError};

/// Why a person's signature was not made, or not taken.
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    /// The signature, or the key, is not taken.
    #[error("{person}: {error}")]
    Endorse {
        /// Who.
        person: Name,
        /// Why not.
        error: EndorseError,
    },
    /// A device, the archive, or somebody who pauses.
    #[error(transparent)]
    Ceremony(#[from] CeremonyError),
}

impl From<TokenError> for SigningError {
    fn from(error: TokenError) -> Self {
        Self::Ceremony(error.into())
    }
}

/// A person at their device.
pub struct AtDevice<'a> {
    /// Where keys are looked up.
    pub signers: Signers<'a>,
    /// Who.
    pub person: Person,
    /// The device.
    pub device: Name,
}

/// A statement that the rules passed, and the device that will sign it.
pub struct Ready {
    /// What is signed.
    pub linted: Linted<EnvelopeSignature>,
    /// What the device says of itself.
    pub claims: DeviceReport,
}

impl AtDevice<'_> {
    /// Opens the device, looks for the person's key, has the rules judge what it will sign, and asks the
    /// person. Nothing is signed yet.
    pub fn ready(
        &self,
        asked: Asked<'_>,
        facts: Vec<(&'static str, String)>,
        ring: &mut dyn Ring,
        console: &mut dyn Console,
    ) -> Result<Ready, SigningError> {
        let part = &self.person.part;
        let key = self.signers.plan.key_of(part);
        let token = ring.open(&self.device, console)?;
        let claims = token.report().clone();
        let public = match self.signers.device(part) {
            // The key that the archive knows, and no other, may sign.
            Some(known) => {
                token.holds(key, known)?;
                known.clone()
            }
            None => {
                let found = token.find(key)?;
                let missing = || {
                    CeremonyError::Missing(format!(
                        "{} holds no key of {part}: it is made in a ceremony",
                        self.device
                    ))
                };
                found.ok_or_else(missing)?.public
            }
        };
        let linted = self.signers.draft(asked, part, &public).lint(&Rules::default());
        let refused = |findings| SigningError::Endorse {
            person: part.clone(),
            error: EndorseError::Findings(findings),
        };
        let linted = linted.map_err(refused)?;
        // Before anybody approves it, and before a journal says that it is about to be signed.
        ring.open(&self.device, console)?.fits(&linted)?;
        if console.asks() {
            let preview = Preview {
                object: linted.object().to_string(),
                facts,
                bytes: Fingerprint::of(linted.bytes()),
                key: key.clone(),
                person: Some(self.person.clone()),
                device: self.device.clone(),
                serial: claims.serial.clone(),
            };
            console.approve(&preview).map_err(CeremonyError::from)?;
        }
        Ok(Ready { linted, claims })
    }

    /// Signs, and verifies in software what came back.
    pub fn sign(
        &self,
        ready: Ready,
        ring: &mut dyn Ring,
        console: &mut dyn Console,
    ) -> Result<Endorsed, SigningError> {
        let signature = token::sign(ring.open(&self.device, console)?, &ready.linted, console)?;
        Endorsed::by_device(ready.linted, signature)
            .map_err(|error| SigningError::Endorse { person: self.person.part.clone(), error })
    }
}
