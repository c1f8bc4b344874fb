pub mod archive;
pub mod difference;
pub mod lint;
pub mod pki;
pub mod plan;
pub mod site;
pub mod token;
