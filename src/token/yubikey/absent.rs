//! In the place of `card.rs` where this program is built without YubiKeys, and links no PC/SC.

use secrecy::SecretString;

use super::answer::{Attested, Fault, Held, Look, Management};
use crate::pki::Algorithm;
use crate::site::PivSlot;

fn absent<T>() -> Result<T, Fault> {
    Err(Fault::NoService("this rootwright was built without YubiKeys (cargo's feature `yubikey`)".into()))
}

pub(super) fn present() -> Result<Vec<Look>, Fault> {
    absent()
}

pub(super) fn look(_: u32) -> Result<Look, Fault> {
    absent()
}

pub(super) fn verify(_: u32, _: &SecretString) -> Result<(), Fault> {
    absent()
}

pub(super) fn held(_: u32, _: PivSlot) -> Result<Held, Fault> {
    absent()
}

pub(super) fn all_held(_: u32) -> Result<Vec<(PivSlot, Held)>, Fault> {
    absent()
}

pub(super) fn attest(_: u32, _: PivSlot) -> Result<Option<Attested>, Fault> {
    absent()
}

pub(super) fn sign(_: u32, _: (PivSlot, Algorithm), _: &[u8], _: &SecretString) -> Result<Vec<u8>, Fault> {
    absent()
}

pub(super) fn change_pin(_: u32, _: &SecretString, _: &SecretString) -> Result<(), Fault> {
    absent()
}

pub(super) fn change_puk(_: u32, _: &SecretString, _: &SecretString) -> Result<(), Fault> {
    absent()
}

pub(super) fn has_default_management(_: u32) -> Result<bool, Fault> {
    absent()
}

pub(super) fn change_management(_: u32, _: &SecretString) -> Result<(), Fault> {
    absent()
}

pub(super) fn keeps_management(_: u32, _: &SecretString) -> Result<bool, Fault> {
    absent()
}

pub(super) fn generate(
    _: u32,
    _: (PivSlot, Algorithm),
    _: &SecretString,
    _: &Management<'_>,
) -> Result<Vec<u8>, Fault> {
    absent()
}
