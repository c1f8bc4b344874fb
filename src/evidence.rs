//! What people and auditors read.

pub mod show;
