//! Approvals of the plan, before anything is begun: the files that were brought along, and what the archive
//! has of earlier runs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use crate::archive::State;
use crate::evidence::approval::{Approvable, BadApproval};
use crate::evidence::signer::Signers;
use crate::lint::statement::Endorsed;
use crate::plan::{Name, Plan, Role};
use crate::site::Purpose;

/// An approval that can't be taken.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {error}")]
pub struct Refused {
    /// The file.
    pub file: PathBuf,
    /// Why.
    pub error: BadApproval,
}

/// Who has not approved yet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Missing {
    /// Role by role: how many approved, how many must.
    pub roles: Vec<(Role, u32, u32)>,
    /// People of these roles who did not.
    pub people: Vec<Name>,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the plan is not approved:")?;
        for (role, have, must) in &self.roles {
            write!(f, " {have} of {must} of role {role};")?;
        }
        let people: Vec<&str> = self.people.iter().map(Name::as_str).collect();
        write!(f, " who could: {}", people.join(", "))
    }
}

/// What was brought along, and whether it is enough.
#[derive(Debug, Default)]
pub struct Approvals {
    /// Approvals that the archive does not have yet.
    pub new: BTreeMap<Name, Endorsed>,
    /// Who is missing; none where it is enough.
    pub missing: Option<Missing>,
}

/// Reads the files, and the archive's own, and counts by people and by their keys: one key stands for one
/// person. `plan` is the plan as it was written, with its SHA-256.
pub fn gather(
    (plan, sha256): (&Plan, &str),
    state: &State,
    purpose: Purpose,
    files: &[PathBuf],
) -> Result<Approvals, super::CeremonyError> {
    let approvable = Approvable { signers: Signers { plan, state }, plan: sha256, purpose };
    let read = |file: &Path, bytes: &[u8]| {
        let refused = |error| Refused { file: file.to_path_buf(), error };
        approvable.read(bytes).map_err(|error| Box::new(refused(error)))
    };
    let mut keys = BTreeSet::new();
    let mut approved = BTreeSet::new();
    for ((_, person), envelope) in state.approvals.iter().filter(|((of, _), _)| of == sha256) {
        let place = PathBuf::from(crate::archive::layout::approval(sha256, person));
        let (person, endorsed) = read(&place, envelope.as_bytes())?;
        keys.insert(endorsed.key().to_string());
        approved.insert(person);
    }
    let mut new = BTreeMap::new();
    for file in files {
        let bytes = std::fs::read(file)
            .map_err(|error| super::CeremonyError::Input { path: file.clone(), reason: error.to_string() })?;
        let (person, endorsed) = read(file, &bytes)?;
        // Brought along again, or by a key that has spoken already.
        if !approved.contains(&person) && keys.insert(endorsed.key().to_string()) {
            approved.insert(person.clone());
            new.insert(person, endorsed);
        }
    }
    let roles = plan.ceremony.approvals.missing(&plan.people, approved.iter());
    let asked = |role: Role| roles.iter().any(|(other, ..)| *other == role);
    let people = plan.people.iter().filter(|(name, person)| asked(*person.role) && !approved.contains(*name));
    let people = people.map(|(name, _)| name.clone()).collect();
    let missing = (!roles.is_empty()).then_some(Missing { roles, people });
    Ok(Approvals { new, missing })
}
