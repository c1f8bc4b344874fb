//! Copies of keys on a second device: wrapped, taken in, proved, and then closed for good.

use super::CeremonyError;
use super::engine::Engine;
use super::prompt::Facts;
use crate::archive::{CopyRecord, Event};
use crate::difference::Step;
use crate::lint::Signable;
use crate::pki::sha256_hex;
use crate::plan::Name;
use crate::token::{KeyReport, TokenError};

impl Engine<'_> {
    /// Intent, copy, proof, result. The proof is a signature by the copy over the bytes of a certificate
    /// that the key signed already: it verifies, and is not kept.
    pub(super) fn back_up(
        &mut self,
        step: &Step,
        key: &Name,
        from: &Name,
        to: &Name,
    ) -> Result<(), CeremonyError> {
        let public = self.public(key)?;
        let proof = self.plan.proof_of_copy(key).cloned();
        let proof = proof.ok_or_else(|| {
            CeremonyError::Missing(format!("no certificate of the plan is signed by `{key}`"))
        })?;
        let (linted, certificate) = self.draft_again(&proof, key)?;
        self.open(from)?;
        let claims = self.open(to)?;
        self.token(from)?.holds(key, &public)?;
        let facts: Facts = [("copy of", format!("the key {key}, from {from} to {to}"))]
            .into_iter()
            .chain(certificate.into_iter().map(|(label, fact)| {
                (if label == "profile" { "proved by signing again" } else { label }, fact)
            }))
            .collect();
        self.approve(step, &linted, (to, claims.clone()), |_| facts)?;
        let intended = Event::CopyIntended {
            step: step.id.clone(),
            key: key.clone(),
            from: from.clone(),
            to: to.clone(),
        };
        let interrupted = self.archive.state().open.get(&step.id) == Some(&intended);
        let there = if interrupted { self.half_way(key, to)? } else { None };
        // Each attempt is counted: the copy may have signed before the interruption.
        self.archive.record(self.clock.now(), intended)?;
        let (copy, adopted) = match there {
            Some(copy) => (copy, true),
            None => {
                let transport = self.token(to)?.transport(key)?;
                let wrapped = self.token(from)?.wrap(key, &transport)?;
                (self.token(to)?.unwrap(key, &public, &wrapped)?, false)
            }
        };
        self.token(to)?.holds(key, &public)?;
        let signed = sha256_hex(linted.bytes());
        let signature = self.token(to)?.sign(&linted)?;
        linted.attach(signature)?;
        let original = self.token(from)?.close(key)?;
        let record = CopyRecord {
            name: key.clone(),
            fingerprint: public.fingerprint(),
            device: to.clone(),
            device_claims: claims,
            id: copy.id,
            attributes: copy.attributes,
            attributes_of_the_original: original.attributes,
            proof,
            signed,
        };
        let event = Event::CopyMade { step: step.id.clone(), adopted, copy: Box::new(record) };
        Ok(self.archive.record(self.clock.now(), event)?)
    }

    /// What an interrupted copying left on the second device: nothing, the copy, or its public half, which
    /// is removed.
    fn half_way(&mut self, key: &Name, to: &Name) -> Result<Option<KeyReport>, CeremonyError> {
        match self.token(to)?.find(key) {
            Err(TokenError::HalfMade { discardable: true, .. }) => {
                let event = Event::HalfKeyDiscarded { key: key.clone(), device: to.clone() };
                self.archive.record(self.clock.now(), event)?;
                self.token(to)?.discard_half(key)?;
                self.console.note(&format!(
                    "the copying of {key} to {to} was cut off: the public half that was there is removed, and the copy is made anew"
                ));
                Ok(None)
            }
            Ok(Some(copy)) => {
                self.console.note(&format!(
                    "{key} was copied to {to} before the interruption; the copy is taken over, and proved now"
                ));
                Ok(Some(copy))
            }
            found => Ok(found?),
        }
    }
}
