//! Which keys a person signs statements with, as plan and archive know them. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::archive::State;
use crate::lint::Rules;
use crate::lint::statement::{EndorseError, Endorsed};
use crate::pki::dsse::{self, Context, EnvelopeSignature};
use crate::pki::ssh::{BadSsh, SshKey, SshSignature};
use crate::pki::{Draft, PublicKey, Signature};
use crate::plan::{Name, Plan};

/// Plan and archive, where people's keys are looked up.
#[derive(Clone, Copy, Debug)]
pub struct Signers<'a> {
    /// Who there is.
    pub plan: &'a Plan,
    /// What is.
    pub state: &'a State,
}

/// A statement that somebody shall sign, or has signed.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// What it is called in messages.
    pub object: &'a str,
    /// Its text.
    pub payload: &'a [u8],
    /// The kind of thing that it says.
    pub predicate_type: &'static str,
}

impl Signers<'_> {
    /// A person's SSH key, where the plan has one.
    pub fn ssh(&self, person: &Name) -> Result<Option<SshKey>, BadSsh> {
        let line = self.plan.people.get(person).and_then(|person| person.ssh.as_ref());
        line.map(|line| SshKey::parse(line.as_str())).transpose()
    }

    /// The key on a person's device, where the archive knows it.
    pub fn device(&self, person: &Name) -> Option<&PublicKey> {
        self.plan.people.get(person)?;
        self.state.keys.get(self.plan.key_of(person)).map(|made| &made.public)
    }

    /// Keys that are nobody's: of the archive's keys all but people's, and every key of a certificate.
    fn services(&self) -> BTreeMap<String, Name> {
        let certified: BTreeSet<Vec<u8>> = self
            .state
            .certificates
            .values()
            .filter_map(|made| der::Encode::to_der(made.certificate.tbs().subject_public_key_info()).ok())
            .collect();
        let keys = self.state.keys.iter();
        let nobodys = keys.filter(|(name, made)| {
            // An archive of before owners were recorded: the plan knows whose it is.
            let owned = made.keyholder.is_some() || self.plan.keyholder_of(name).is_some();
            !owned || certified.contains(made.public.spki())
        });
        nobodys.map(|(name, made)| (made.public.fingerprint(), name.clone())).collect()
    }

    /// The draft of a person's signature with a key, ready for the rules.
    pub fn draft(&self, asked: Asked<'_>, person: &Name, public: &PublicKey) -> Draft<EnvelopeSignature> {
        let mut own: BTreeSet<String> = self.device(person).map(PublicKey::fingerprint).into_iter().collect();
        // A key on a FIDO device makes SSH's signatures only; those have a door of their own.
        own.extend(self.ssh(person).ok().flatten().map(|key| key.public().fingerprint()));
        let context = Context {
            payload: asked.payload.to_vec(),
            predicate_type: asked.predicate_type,
            own,
            services: self.services(),
        };
        dsse::draft(asked.object.to_string(), (self.plan.key_of(person), public), context)
    }

    /// Takes a signature of SSH over a statement: verified, by the plan's key of this person.
    pub fn by_ssh(
        &self,
        asked: Asked<'_>,
        person: &Name,
        signature: &SshSignature,
    ) -> Result<Endorsed, EndorseError> {
        // Where the plan has none, the rule says so.
        let key = self.ssh(person)?.unwrap_or_else(|| signature.key().clone());
        let linted = self.draft(asked, person, key.public()).lint(&Rules::default())?;
        Endorsed::by_ssh(&linted, &key, signature)
    }

    /// Takes a signature that stands in an envelope: a device's, or one of SSH.
    pub fn endorsed(
        &self,
        asked: Asked<'_>,
        person: &Name,
        signature: &EnvelopeSignature,
    ) -> Result<Endorsed, EndorseError> {
        let bytes = data_encoding::BASE64.decode(signature.sig.as_bytes()).unwrap_or_default();
        if bytes.starts_with(crate::pki::ssh::MAGIC) {
            return self.by_ssh(asked, person, &SshSignature::from_blob(&bytes)?);
        }
        let ssh = self.ssh(person)?.filter(|key| !key.is_fido());
        let known = self.device(person).cloned().into_iter().chain(ssh.map(|key| key.public().clone()));
        let mut known: Vec<PublicKey> = known.collect();
        known.sort_by_key(|key| key.fingerprint() != signature.keyid);
        // Where nobody knows a key of this person, SSH's door says it by a rule; here there is none to try.
        let Some(public) = known.first() else {
            return Err(BadSsh::Form {
                what: "the signature",
                reason: format!("neither plan nor archive knows a key of {person}"),
            }
            .into());
        };
        let linted = self.draft(asked, person, public).lint(&Rules::default())?;
        Endorsed::by_device(linted, Signature(bytes))
    }
}
