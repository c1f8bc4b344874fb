//! What people and auditors read.

pub mod calendar;
pub mod changes;
pub mod show;
