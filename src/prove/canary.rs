//! Makes a canary: each signature intended, made by its device, verified, and recorded.

use serde::Serialize;

use super::bundle::{self, Entry};
use super::identity::Identity;
use super::log_entry::{INDEX, SIZE, Signed, Tree};
use super::services::{RekorLog, Services, Signer};
use super::subscriber::{self, Subscriber};
use super::{ProveError, checkpoint, examine, leaf, log_entry, sct, services, timestamp};
use crate::archive::{
    Archive, CanaryPart, Confirmation, Event, ToBeSigned, canary as files, made::MadeTrustRoot,
};
use crate::ceremony::clock::Clock;
use crate::ceremony::console::{Fingerprint, Preview};
use crate::ceremony::{CeremonyError, Console, Ring};
use crate::lint::{Lintable, Linted, Rules, Signable};
use crate::pki::{Draft, certificate};
use crate::plan::prove::Provider;
use crate::plan::trust_root::Api;
use crate::plan::{Name, Time};
use crate::token;

/// Everything that a canary is made with.
pub struct Canary<'a> {
    /// The archive whose trust root is proved.
    pub archive: &'a mut Archive,
    /// The devices.
    pub ring: &'a mut dyn Ring,
    /// The person.
    pub console: &'a mut dyn Console,
    /// The time, as the journal has it.
    pub clock: Clock,
    /// Whose keys sign.
    pub services: &'a Services,
    /// Whom the ID token vouches for.
    pub identity: &'a Identity,
    /// The kind of provider that does.
    pub provider: Provider,
    /// The moment of signing.
    pub at: Time,
    /// Whether it is a rehearsal's.
    pub rehearsal: bool,
}

/// One use of a private key.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Use {
    /// What was signed.
    pub part: CanaryPart,
    /// The key.
    pub key: Name,
    /// The device that holds it.
    pub device: Name,
}

/// A canary that was made.
#[derive(Clone, Debug)]
pub struct Made {
    /// Its name.
    pub name: Name,
    /// Its files, by name.
    pub files: Vec<(&'static str, Vec<u8>)>,
    /// Every use of a private key.
    pub uses: Vec<Use>,
}

impl Canary<'_> {
    /// Makes it. The trust root is the archive's own.
    pub fn make(mut self, trust_root: &MadeTrustRoot) -> Result<Made, ProveError> {
        let number = self.archive.state().canaries_begun.saturating_add(1);
        let name: Name = format!("canary-{number}").parse().map_err(CeremonyError::Missing)?;
        let artifact = services::artifact(&name, &trust_root.trusted_root, self.at, self.rehearsal);
        let developer = Subscriber::new()?;
        let asked = developer.request(self.identity)?;
        let public = subscriber::possession(&asked, self.identity)?;
        let serial = certificate::serial(random()?);
        let (services, identity) = (self.services, self.identity);
        let request = leaf::Request {
            canary: name.as_str(),
            identity,
            public: &public,
            issuer: &services.issuer,
            signer: (&services.issuer_key.key, &services.issuer_key.public),
            serial,
            from: self.at,
            rehearsal: self.rehearsal,
        };
        // Before anything is recorded or signed: what the rules say of the first document, they say of all.
        let precertificate = leaf::precertificate(&request)?.lint(&Rules::default())?;
        self.console.warnings(precertificate.warnings());
        let event = Event::CanaryStarted {
            canary: name.clone(),
            identity: identity.san.as_str().to_string(),
            issuer: identity.issuer.clone(),
            provider: self.provider,
            at: self.at,
            authority: services.authority.clone(),
        };
        self.archive.record(self.clock.now(), event)?;

        let mut signing = Signing { canary: &mut self, name: &name, uses: Vec::new() };
        let issuer = &services.issuer_key;
        signing.linted(CanaryPart::Precertificate, issuer, precertificate)?;
        let log = &services.certificate_log;
        let covered = leaf::unpoisoned(&request)?;
        let promise = sct::draft(
            name.as_str(),
            covered,
            &issuer.public,
            (request.from, request.from),
            (&log.key, &log.public),
        )?;
        let promise = signing.sign(CanaryPart::Sct, log, promise)?;
        let certificate =
            signing.sign(CanaryPart::Certificate, issuer, leaf::certificate(&request, &promise)?)?.0;
        let signature = developer.sign(artifact.as_bytes())?;
        let signed =
            Signed { artifact: artifact.as_bytes(), signature: &signature, certificate: &certificate };
        let stamp = signing.stamp(&signature)?;
        let mut entries = Vec::new();
        for log in &services.logs {
            entries.push(signing.log(log, &signed)?);
        }
        let uses = signing.uses;

        let bundles = self.bundles(&signed, &entries, stamp.as_deref());
        let expected = (identity.san.as_str(), identity.issuer.as_str());
        for (_, bundle) in &bundles {
            examine::examine(bundle, artifact.as_bytes(), trust_root.trusted_root.as_bytes(), expected)
                .map_err(|refusal| ProveError::Refused { canary: name.to_string(), refusal })?;
        }
        let text = |file: &str| {
            let found = bundles.iter().find(|(name, _)| *name == file);
            found.map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned())
        };
        let event = Event::CanaryFinished {
            canary: name.clone(),
            identity: identity.san.as_str().to_string(),
            issuer: identity.issuer.clone(),
            time: self.at,
            artifact: artifact.clone(),
            bundle: text(bundle::FILE).unwrap_or_default(),
            bundle_rekor_v1: text(bundle::FILE_V1),
        };
        let files = files::files(&event, Some(trust_root));
        self.archive.record(self.clock.now(), event)?;
        Ok(Made { name, files, uses })
    }

    /// One bundle a kind of log. Beside a Rekor v2 entry, the one of Rekor v1 stands on its promise alone,
    /// as clients of its time know it.
    fn bundles(
        &self,
        signed: &Signed<'_>,
        entries: &[Entry],
        stamp: Option<&[u8]>,
    ) -> Vec<(&'static str, Vec<u8>)> {
        let both = entries.len() > 1;
        let stamps: Vec<&[u8]> = stamp.into_iter().collect();
        let one = |entry: &Entry| match entry.api {
            Api::V1 if both => (bundle::FILE_V1, bundle::bundle(signed, entry, &[])),
            _ => (bundle::FILE, bundle::bundle(signed, entry, &stamps)),
        };
        entries.iter().map(one).collect()
    }
}

/// The signatures of one canary.
struct Signing<'a, 'c> {
    canary: &'a mut Canary<'c>,
    name: &'a Name,
    uses: Vec<Use>,
}

impl Signing<'_, '_> {
    fn sign<T: Lintable>(
        &mut self,
        part: CanaryPart,
        signer: &Signer,
        draft: Draft<T>,
    ) -> Result<T, ProveError> {
        let linted = draft.lint(&Rules::default())?;
        self.linted(part, signer, linted)
    }

    /// Intent, device, verification in software, result.
    fn linted<T: Lintable>(
        &mut self,
        part: CanaryPart,
        signer: &Signer,
        linted: Linted<T>,
    ) -> Result<T, ProveError> {
        let Canary { archive, ring, console, clock, .. } = &mut *self.canary;
        let logins = ring.logins(&signer.device);
        let claims = ring.open(&signer.device, *console)?.report().clone();
        if ring.logins(&signer.device) > logins {
            let event = Event::DeviceOpened { device: signer.device.clone(), claims: claims.clone() };
            archive.record(clock.now(), event)?;
        }
        let step = format!("prove/{}", linted.object());
        let bytes = linted.bytes().to_vec();
        self.approve(&step, signer, &linted, claims.serial)?;
        let Canary { archive, ring, console, clock, .. } = &mut *self.canary;
        let intended = Event::SignatureIntended {
            step: step.clone(),
            object: linted.object().to_string(),
            key: linted.key().clone(),
            to_be_signed: ToBeSigned::bytes(&bytes),
        };
        archive.record(clock.now(), intended)?;
        let signature = token::sign(ring.open(&signer.device, *console)?, &linted, *console)?;
        let signed = linted.attach(signature)?;
        archive.canary_signature(clock.now(), (self.name, &step, part), &signer.key, &bytes, &signed)?;
        self.uses.push(Use { part, key: signer.key.clone(), device: signer.device.clone() });
        Ok(signed.into_document())
    }

    /// In production somebody approves the very bytes that are signed, as in a ceremony.
    fn approve(
        &mut self,
        step: &str,
        signer: &Signer,
        linted: &dyn Signable,
        serial: String,
    ) -> Result<(), ProveError> {
        let Canary { archive, console, clock, identity, at, .. } = &mut *self.canary;
        if !console.asks() {
            return Ok(());
        }
        let bytes = Fingerprint::of(linted.bytes());
        let preview = Preview {
            object: linted.object().to_string(),
            facts: vec![
                ("identity", identity.san.as_str().to_string()),
                ("vouched for by", identity.issuer.clone()),
                ("time", at.to_string()),
            ],
            bytes: bytes.clone(),
            key: signer.key.clone(),
            person: None,
            device: signer.device.clone(),
            serial,
        };
        let approved = console.approve(&preview);
        for event in console.remarks() {
            archive.record(clock.now(), event)?;
        }
        approved.map_err(CeremonyError::from)?;
        let (step, of) = (Some(step.to_string()), bytes.hex().to_string());
        let event = Event::Confirmed { step, what: Confirmation::Sign, of, by: None };
        Ok(archive.record(clock.now(), event)?)
    }

    fn stamp(&mut self, signature: &[u8]) -> Result<Option<Vec<u8>>, ProveError> {
        let Some(authority) = &self.canary.services.timestamps else { return Ok(None) };
        let request = timestamp::Request {
            canary: self.name.as_str(),
            stamped: signature,
            time: self.canary.at,
            serial: certificate::serial(random()?),
            chain: &authority.chain,
            signer: (&authority.signer.key, &authority.signer.public),
        };
        let draft = timestamp::draft(&request)?;
        Ok(Some(self.sign(CanaryPart::Timestamp, &authority.signer, draft)?.0))
    }

    fn log(&mut self, log: &RekorLog, signed: &Signed<'_>) -> Result<Entry, ProveError> {
        let body = log_entry::body(log.api, signed)?;
        let tree = Tree::with(&body);
        let RekorLog { signer, api, origin } = log;
        let key = (&signer.key, &signer.public);
        let name = self.name.as_str();
        let promise = match api {
            Api::V2 => None,
            Api::V1 => {
                let context = log_entry::Context {
                    body: body.clone(),
                    time: self.canary.at,
                    log_id: origin.log_id,
                    from: self.canary.at,
                };
                let draft = log_entry::promise(name, context, key)?;
                Some((self.canary.at, self.sign(CanaryPart::EntryTimestamp, signer, draft)?.0))
            }
        };
        let draft = checkpoint::draft(name, origin, (INDEX, SIZE), tree.root, key);
        let checkpoint = self.sign(CanaryPart::Checkpoint, signer, draft)?.0;
        Ok(Entry { api: *api, log_id: origin.log_id, body, tree, checkpoint, promise })
    }
}

/// 20 bytes of the system's random source.
fn random() -> Result<[u8; 20], ProveError> {
    let mut random = [0; 20];
    getrandom::fill(&mut random).map_err(|error| CeremonyError::Random(error.to_string()))?;
    Ok(random)
}
