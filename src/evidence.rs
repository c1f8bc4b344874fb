//! What people and auditors read.

pub mod approval;
pub mod calendar;
pub mod changes;
pub mod show;
pub mod signer;
