//! Proofs of Sigsum: of a statement that the archive has, judged by a policy that whoever brings them names.

use std::path::Path;

use super::super::Failure;
use super::logs::{Proof, read, voices};
use crate::archive::event::SigsumTrust;
use crate::archive::{Event, Record, State, layout};
use crate::evidence::transparency;
use crate::pki::PublicKey;
use crate::pki::ssh::SshKey;
use crate::prove::examine::sigsum::{self, Bytes32, policy::Policy};

/// Whom somebody trusts who brings proofs.
pub(super) struct Trust {
    policy: Policy,
    submitter: Bytes32,
    /// The same, as the journal has it.
    told: SigsumTrust,
}

impl Trust {
    /// Reads the policy's file, and the public key of whoever had it logged.
    pub(super) fn read(policy: &Path, submitter: &Path) -> Result<Self, Failure> {
        let text = |path: &Path| {
            String::from_utf8(read(path)?)
                .map_err(|_| Failure::usage(format!("{}: it is not UTF-8 text", path.display())))
        };
        let (told, line) = (text(policy)?, text(submitter)?);
        let wrong = |path: &Path, reason: String| Failure::usage(format!("{}: {reason}", path.display()));
        let parsed = Policy::parse(&told).map_err(|reason| wrong(policy, reason))?;
        // `sigsum-submit` takes the name of a policy before the key.
        let option = |line: &str| line.starts_with("sigsum-policy=");
        let line: Vec<&str> = line.split_whitespace().skip_while(|word| option(word)).collect();
        let line = line.join(" ");
        let key = SshKey::parse(&line).map_err(|error| wrong(submitter, error.to_string()))?;
        let bits = key.ed25519().ok_or_else(|| {
            let reason =
                "leaves of Sigsum are signed by keys of ssh-ed25519 alone, and none of a FIDO device";
            wrong(submitter, reason.into())
        })?;
        // Its comment is nobody's business.
        let line = line.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
        Ok(Self { policy: parsed, submitter: bits, told: SigsumTrust { policy: told, submitter: line } })
    }

    /// A proof of a statement under which somebody has signed.
    pub(super) fn judge(&self, (state, records): (&State, &[Record]), bytes: &[u8]) -> Result<Proof, String> {
        let text =
            std::str::from_utf8(bytes).map_err(|_| "it is no proof of Sigsum: not even text".to_string())?;
        let read =
            sigsum::Proof::parse(text).map_err(|reason| format!("it is no proof of Sigsum: {reason}"))?;
        let mut why = "there is no statement in this archive".to_string();
        for voice in voices(state, records) {
            let message = transparency::sigsum_hash(&voice.payload);
            if let Err(reason) = read.is_of(&message, &self.submitter) {
                why = reason;
                continue;
            }
            let proved = read.verify(&message, &self.submitter, &self.policy)?;
            let key = PublicKey::from_ed25519(&proved.log).map_err(|error| error.to_string())?;
            let place = layout::proof(&voice.of, None, &proved.origin);
            let said = format!(
                "{} has {} at index {}; {}",
                proved.origin,
                voice.of,
                proved.index,
                proved.cosigned(&self.policy)
            );
            let event = Event::ProofRecorded {
                of: voice.of,
                person: None,
                host: proved.origin,
                log: data_encoding::BASE64.encode(key.spki()),
                entry: text.to_string(),
                sigsum: Some(self.told.clone()),
            };
            return Ok(Proof { event, place, said });
        }
        Err(why)
    }
}
