//! A device of software keys that live as long as the process: drafts the whole hierarchy before
//! the first write to a real device. Made by another implementation (rcgen over aws-lc) than the one
//! that verifies.

use std::collections::BTreeMap;

use rcgen::{KeyPair, PublicKeyData, RsaKeySize, SigningKey};

use super::{DeviceReport, KeyReport, ObjectReport, Token, TokenError, Transport, Wrapped};
use crate::lint::Signable;
use crate::pki::{Algorithm, PublicKey, Signature};
use crate::plan::Name;

/// Keys in memory, by name.
#[derive(Default)]
pub struct Throwaway {
    report: DeviceReport,
    keys: BTreeMap<Name, KeyPair>,
    /// Public keys that stand for themselves: they were made before, and nothing is signed with them here.
    known: BTreeMap<Name, PublicKey>,
}

impl Throwaway {
    /// A device that makes no throwaway key where there is a real one that signs nothing: RSA keys take long.
    pub fn knowing(known: BTreeMap<Name, PublicKey>) -> Self {
        Self { known, ..Self::default() }
    }

    fn describe(key: &Name, pair: &KeyPair) -> Result<KeyReport, TokenError> {
        let public = PublicKey::from_spki(&pair.subject_public_key_info())
            .map_err(|error| TokenError::Throwaway { key: key.clone(), reason: error.to_string() })?;
        Ok(Self::software(public))
    }

    fn software(public: PublicKey) -> KeyReport {
        KeyReport {
            public,
            id: String::new(),
            mechanism: "software".into(),
            attributes: BTreeMap::new(),
            attestation: None,
        }
    }
}

impl Token for Throwaway {
    fn report(&self) -> &DeviceReport {
        &self.report
    }

    fn algorithms(&self) -> &[Algorithm] {
        &Algorithm::ALL
    }

    fn generate(&mut self, key: &Name, algorithm: Algorithm) -> Result<KeyReport, TokenError> {
        if let Some(known) = self.known.get(key).filter(|known| known.algorithm() == algorithm) {
            return Ok(Self::software(known.clone()));
        }
        let pair = match algorithm {
            Algorithm::EcdsaP256 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256),
            Algorithm::EcdsaP384 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384),
            Algorithm::EcdsaP521 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P521_SHA512),
            Algorithm::Ed25519 => KeyPair::generate_for(&rcgen::PKCS_ED25519),
            Algorithm::Rsa3072 => KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_3072),
            Algorithm::Rsa4096 => KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_4096),
        }
        .map_err(|error| TokenError::Throwaway { key: key.clone(), reason: error.to_string() })?;
        let report = Self::describe(key, &pair)?;
        self.keys.insert(key.clone(), pair);
        Ok(report)
    }

    fn vacant(&mut self, _: &Name) -> Result<(), TokenError> {
        Ok(())
    }

    fn holds(&mut self, key: &Name, public: &PublicKey) -> Result<(), TokenError> {
        let failed = |reason: &str| TokenError::Throwaway { key: key.clone(), reason: reason.into() };
        match self.find(key)? {
            Some(found) if found.public == *public => Ok(()),
            Some(_) => Err(failed("it is another key")),
            None => Err(failed("there is no such key")),
        }
    }

    fn find(&mut self, key: &Name) -> Result<Option<KeyReport>, TokenError> {
        self.keys.get(key).map(|pair| Self::describe(key, pair)).transpose()
    }

    fn sign(&mut self, what: &dyn Signable) -> Result<Signature, TokenError> {
        let failed = |reason: String| TokenError::Throwaway { key: what.key().clone(), reason };
        let pair = self.keys.get(what.key()).ok_or_else(|| failed("there is no such key".into()))?;
        pair.sign(what.bytes()).map(Signature).map_err(|error| failed(error.to_string()))
    }

    fn discard_half(&mut self, _: &Name) -> Result<bool, TokenError> {
        Ok(false)
    }

    // One throwaway device stands for all of them: what it copies, it has.
    fn generate_for_copy(&mut self, key: &Name, algorithm: Algorithm) -> Result<KeyReport, TokenError> {
        self.generate(key, algorithm)
    }

    fn transport(&mut self, _: &Name) -> Result<Transport, TokenError> {
        Ok(Transport::default())
    }

    fn wrap(&mut self, _: &Name, _: &Transport) -> Result<Wrapped, TokenError> {
        Ok(Wrapped::default())
    }

    fn unwrap(&mut self, key: &Name, public: &PublicKey, _: &Wrapped) -> Result<KeyReport, TokenError> {
        self.close(key).and_then(|report| self.holds(key, public).map(|()| report))
    }

    fn close(&mut self, key: &Name) -> Result<KeyReport, TokenError> {
        let gone = || TokenError::Throwaway { key: key.clone(), reason: "there is no such key".into() };
        self.find(key)?.ok_or_else(gone)
    }

    fn inventory(&mut self) -> Result<Vec<ObjectReport>, TokenError> {
        let describe = |key: &Name| ObjectReport { label: key.to_string(), ..ObjectReport::default() };
        Ok(self.keys.keys().map(describe).collect())
    }
}
