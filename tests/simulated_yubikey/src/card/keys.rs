//! Keys of the PIV applet: made, taken in, told of, attested, and used.

use std::time::{Duration, Instant};

use super::{Answer, Card, PATIENCE, Secret, Slot, is_key_slot};
use crate::certificate::{certificate, yubico};
use crate::control::Touch;
use crate::der::{find, length, parse, tlv};
use crate::key::Key;

impl Card {
    pub(super) fn sign(&mut self, algorithm: u8, slot: u8, data: &[u8], fresh: bool) -> Answer {
        let outer = parse(data).ok_or(0x6a80_u16)?;
        let parts = find(&outer, 0x7c).and_then(parse).ok_or(0x6a80_u16)?;
        let input = find(&parts, 0x81).ok_or(0x6a80_u16)?;
        let held = self.slots.get(&slot).ok_or(0x6a80_u16)?;
        if held.key.algorithm() != algorithm {
            return Err(0x6a80);
        }
        let allowed = match held.pin {
            1 => true,
            2 => self.verified,
            _ => self.verified && fresh,
        };
        if !allowed {
            self.control.log(format!("sign {slot:02x} without a PIN"));
            return Err(0x6982);
        }
        if held.touch != 1 && !self.touched() {
            self.control.log(format!("sign {slot:02x} not touched"));
            return Err(0x6982);
        }
        let signature = held.key.sign(input).ok_or(0x6a80_u16)?;
        self.control.log(format!("sign {slot:02x}"));
        Ok(tlv(0x7c, &tlv(0x82, &signature)))
    }

    /// Blinks until somebody touches it, the patience is over, or it is pulled.
    pub(super) fn touched(&self) -> bool {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            match self.control.touch() {
                Touch::After(delay) if start.elapsed() >= delay => return true,
                Touch::Pull => {
                    self.control.pull();
                    return false;
                }
                _ => std::thread::sleep(Duration::from_millis(5)),
            }
        }
        false
    }

    pub(super) fn generate(&mut self, slot: u8, data: &[u8]) -> Answer {
        if !self.admin {
            return Err(0x6982);
        }
        let outer = parse(data).ok_or(0x6a80_u16)?;
        let parts = find(&outer, 0xac).and_then(parse).ok_or(0x6a80_u16)?;
        let Some([algorithm]) = find(&parts, 0x80) else { return Err(0x6a80) };
        if *algorithm == 0xe0 && self.firmware < [5, 7, 0] || !is_key_slot(slot) {
            return Err(0x6a80);
        }
        let key = Key::generate(*algorithm).ok_or(0x6a80_u16)?;
        let public = tlv(0x86, &key.public());
        self.keep(slot, key, &parts, true)?;
        Ok([vec![0x7f, 0x49], length(public.len()), public].concat())
    }

    pub(super) fn import(&mut self, algorithm: u8, slot: u8, data: &[u8]) -> Answer {
        if !self.admin {
            return Err(0x6982);
        }
        let parts = parse(data).ok_or(0x6a80_u16)?;
        let private = find(&parts, 6).or_else(|| find(&parts, 7)).ok_or(0x6a80_u16)?;
        let key = Key::import(algorithm, private).ok_or(0x6a80_u16)?;
        self.keep(slot, key, &parts, false)?;
        Ok(Vec::new())
    }

    pub(super) fn keep(
        &mut self,
        slot: u8,
        key: Key,
        parts: &[(u8, &[u8])],
        generated: bool,
    ) -> Result<(), u16> {
        let said = |tag, default| match find(parts, tag) {
            None => Ok(default),
            Some([value @ 1..=3]) => Ok(*value),
            Some(_) => Err(0x6a80_u16),
        };
        let usual = match slot {
            0x9c => 3,
            0x9e => 1,
            _ => 2,
        };
        let (pin, touch) = (said(0xaa, usual)?, said(0xab, 1)?);
        let what = if generated { "generated" } else { "imported" };
        self.control.log(format!("{what} {slot:02x}"));
        self.slots.insert(slot, Slot { key, pin, touch, generated });
        Ok(())
    }

    pub(super) fn attest(&self, slot: u8) -> Answer {
        let held = self.slots.get(&slot).filter(|held| held.generated).ok_or(0x6a80_u16)?;
        let mut said = vec![
            yubico(3, &self.firmware),
            yubico(7, &crate::der::integer(&self.serial.to_be_bytes())),
            yubico(8, &[held.pin, held.touch]),
        ];
        if self.firmware[0] >= 5 {
            said.push(yubico(9, &[1]));
        }
        let subject = format!("YubiKey PIV Attestation {slot:02x}");
        Ok(certificate(&subject, "Simulated PIV Attestation", held.key.spki(), &said, &self.f9))
    }

    pub(super) fn metadata(&self, slot: u8) -> Answer {
        if self.firmware < [5, 3, 0] {
            return Err(0x6d00);
        }
        let secret = |secret: &Secret| {
            [tlv(1, &[0xff]), tlv(5, &[secret.default.into()]), tlv(6, &[secret.total, secret.tries])]
                .concat()
        };
        Ok(match slot {
            0x80 => secret(&self.pin),
            0x81 => secret(&self.puk),
            0x9b => {
                let algorithm = tlv(1, &[self.management.algorithm]);
                [algorithm, tlv(2, &[0, 1]), tlv(5, &[self.default_management.into()])].concat()
            }
            0xf9 => {
                let public = tlv(0x86, &self.f9.public());
                [tlv(1, &[0x11]), tlv(2, &[1, 1]), tlv(3, &[2]), tlv(4, &public)].concat()
            }
            slot => {
                let held = self.slots.get(&slot).ok_or(0x6a88_u16)?;
                let origin = if held.generated { 1 } else { 2 };
                let public = tlv(0x86, &held.key.public());
                let algorithm = tlv(1, &[held.key.algorithm()]);
                [algorithm, tlv(2, &[held.pin, held.touch]), tlv(3, &[origin]), tlv(4, &public)].concat()
            }
        })
    }
}
