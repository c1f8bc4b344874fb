//! What people and auditors read.

pub mod calendar;
pub mod changes;
pub mod page;
pub mod report;
pub mod script;
pub mod show;
