//! Approvals: people sign the plan's hash before the day. What one says follows from the plan alone, so that
//! whoever checks it makes its text again. Pure.

use serde_json::json;

use super::signer::{Asked, Signers};
use crate::lint::statement::{EndorseError, Endorsed};
use crate::pki::Malformed;
use crate::pki::dsse::{Envelope, Statement, Subject};
use crate::plan::Name;
use crate::site::Purpose;

/// What an approval's predicate is.
pub const PREDICATE: &str = "urn:rootwright:approval:v1";

/// A plan that is approved.
#[derive(Clone, Copy, Debug)]
pub struct Approvable<'a> {
    /// Who there is, in a plan whose dates are not moved.
    pub signers: Signers<'a>,
    /// SHA-256 of the plan, in hex.
    pub plan: &'a str,
    /// What it may be run for.
    pub purpose: Purpose,
}

/// Why an approval is not one of this plan.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BadApproval {
    /// Not an envelope, or not a statement.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// A statement of another kind.
    #[error("it is no approval: it says {0}")]
    OtherKind(String),
    /// Of another plan.
    #[error("it approves the plan with SHA-256 {found}, and this one has {expected}")]
    OtherPlan {
        /// The plan that it approves.
        found: String,
        /// The plan that is run.
        expected: String,
    },
    /// By somebody who is not in the plan.
    #[error("`{0}` is nobody in this plan")]
    Nobody(String),
    /// For a rehearsal instead of production, or the like.
    #[error("it says other words than an approval of this plan for {0}")]
    OtherWords(&'static str),
    /// No signature, or several.
    #[error("it has {0} signatures: expected one, of the person who approves")]
    Signatures(usize),
    /// A signature that is not taken.
    #[error("the signature of {person}: {error}")]
    Signature {
        /// Who.
        person: Name,
        /// Why not.
        error: EndorseError,
    },
}

fn word(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Rehearsal => "a rehearsal",
        Purpose::Production => "production",
    }
}

impl Approvable<'_> {
    /// What a person's approval says.
    pub fn statement(&self, person: &Name) -> Result<Vec<u8>, BadApproval> {
        let plan = self.signers.plan;
        let Some(found) = plan.people.get(person) else {
            return Err(BadApproval::Nobody(person.to_string()));
        };
        let predicate = json!({
            "ceremony": *plan.ceremony.name,
            "organization": *plan.ceremony.organization,
            "date": plan.ceremony.date,
            "purpose": self.purpose,
            "person": person,
            "role": *found.role,
        });
        let subject = vec![Subject::sha256("plan", self.plan)];
        Ok(Statement::new(PREDICATE, subject, predicate).payload()?)
    }

    /// What somebody is asked to sign.
    pub fn asked<'a>(&self, payload: &'a [u8]) -> Asked<'a> {
        Asked { object: "approval", payload, predicate_type: PREDICATE }
    }

    /// Reads an approval: whose it is, and their signature, which was verified.
    pub fn read(&self, file: &[u8]) -> Result<(Name, Endorsed), BadApproval> {
        let Envelope { payload, signatures } = Envelope::parse(file)?;
        let statement = Statement::parse(&payload)?;
        if statement.predicate_type != PREDICATE {
            return Err(BadApproval::OtherKind(statement.predicate_type));
        }
        let approved = statement.subject.first().and_then(|subject| subject.digest.get("sha256"));
        if approved.map(String::as_str) != Some(self.plan) {
            let (found, expected) = (approved.cloned().unwrap_or_default(), self.plan.to_string());
            return Err(BadApproval::OtherPlan { found, expected });
        }
        let person = statement.predicate.get("person").and_then(|person| person.as_str()).unwrap_or_default();
        let person: Name = person.parse().map_err(|_| BadApproval::Nobody(person.to_string()))?;
        if self.statement(&person)? != payload {
            return Err(BadApproval::OtherWords(word(self.purpose)));
        }
        let [signature] = signatures.as_slice() else {
            return Err(BadApproval::Signatures(signatures.len()));
        };
        match self.signers.endorsed(self.asked(&payload), &person, signature) {
            Ok(endorsed) => Ok((person, endorsed)),
            Err(error) => Err(BadApproval::Signature { person, error }),
        }
    }
}

#[cfg(test)]
mod tests;
