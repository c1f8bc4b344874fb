//! rootwright takes blank HSMs to a sigstore trust root that stock clients verify.
//!
//! A [`plan`] says what the trust root shall be. The [`archive`] says what it is. A [`ceremony`] is the
//! [`difference`]. Data goes one way:
//!
//! ```text
//!             plan ──┐                                     ┌── site
//!                    │                                     │
//!  archive ──► difference ──► steps ──► preflight ──► engine ──► token ──► device
//!     ▲                                                │
//!     └──────────────── verify · show                  └──► journal ──► archive
//! ```
//!
//! The house has floors; an import never goes up. From the top:
//!
//! | floor | rooms |
//! |---|---|
//! | 4 | [`commands`]: the verbs, their arguments, and the one renderer of errors |
//! | 3 | [`ceremony`]: runs the steps · [`verify`]: a second opinion on an archive · [`prove`]: a signature that stock clients check · [`evidence`]: what people read |
//! | 2 | [`difference`] · [`lint`]: the rules · [`archive`]: the only room that writes files · [`token`]: the only room that touches devices |
//! | 1 | [`pki`]: X.509 · [`trust_root`]: what sigstore clients load · [`tuf`]: what carries it to them |
//! | 0 | [`plan`] · [`site`] |
//!
//! `pki`, `trust_root`, `tuf`, `lint` and `difference` are pure: bytes in, bytes out, with time and
//! randomness as arguments. Effects are in three places: [`token`] (devices), [`archive`] (files) and
//! [`ceremony::console`] (people).
//!
//! What a key signs goes through three states, and the types allow no other way: a
//! [`Draft`](pki::Draft) can only be linted, a [`Linted`](lint::Linted) draft can be signed, and only
//! a signature that software verified makes the [`Signed`](lint::Signed) document that an archive takes.

// Data from outside never ends the process. Tests may.
#![cfg_attr(
    not(test),
    warn(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::as_conversions
    )
)]

pub mod archive;
pub mod ceremony;
pub mod commands;
pub mod difference;
pub mod evidence;
pub mod fault;
pub mod lint;
pub mod pki;
pub mod plan;
pub mod prove;
pub mod site;
pub mod token;
pub mod trust_root;
pub mod tuf;
pub mod verify;
