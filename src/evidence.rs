//! What people and auditors read.

pub mod calendar;
pub mod show;
