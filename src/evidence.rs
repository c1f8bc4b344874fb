//! What people and auditors read.

pub mod approval;
pub mod calendar;
pub mod changes;
pub mod inventory;
pub mod page;
pub mod report;
pub mod sbom;
pub mod script;
pub mod seal;
pub mod show;
pub mod signer;
pub mod transparency;
