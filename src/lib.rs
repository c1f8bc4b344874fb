//! map
pub mod archive;
pub mod ceremony;
pub mod commands;
pub mod difference;
pub mod lint;
pub mod pki;
pub mod plan;
pub mod site;
pub mod token;
pub mod trust_root;
pub mod tuf;
