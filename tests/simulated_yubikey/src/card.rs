//! One simulated YubiKey: the PIV applet, and as much of the management applet as tells who it is.

mod keys;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::certificate::{ca, certificate, yubico};
use crate::control::Control;
use crate::der::{find, parse, tlv};
use crate::key::Key;
use crate::management::{DEFAULT, Management};

const PIV: &[u8] = &[0xa0, 0, 0, 3, 8];
const MANAGEMENT: &[u8] = &[0xa0, 0, 0, 5, 0x27, 0x47, 0x11, 0x17];
const OTP: &[u8] = &[0xa0, 0, 0, 5, 0x27, 0x20, 1];
/// The object that holds the f9 certificate, and the one that only a PIN opens.
const F9: [u8; 3] = [0x5f, 0xff, 1];
const PRINTED: [u8; 3] = [0x5f, 0xc1, 9];
/// A card that was not touched answers after so long.
const PATIENCE: Duration = Duration::from_millis(1500);

type Answer = Result<Vec<u8>, u16>;

/// A PIN or PUK: eight bytes, and how many tries are left.
struct Secret {
    value: [u8; 8],
    tries: u8,
    total: u8,
    default: bool,
}

struct Slot {
    key: Key,
    pin: u8,
    touch: u8,
    generated: bool,
}

#[derive(PartialEq, Eq)]
enum Applet {
    None,
    Piv,
    Management,
    Otp,
}

pub struct Card {
    serial: u32,
    firmware: [u8; 3],
    f9: Key,
    pin: Secret,
    puk: Secret,
    management: Management,
    default_management: bool,
    slots: BTreeMap<u8, Slot>,
    objects: BTreeMap<[u8; 3], Vec<u8>>,
    control: Arc<Control>,
    // Until the next power cycle or SELECT.
    applet: Applet,
    verified: bool,
    fresh: bool,
    admin: bool,
    challenge: Option<Vec<u8>>,
    chained: Vec<u8>,
    rest: Vec<u8>,
}

fn secret(text: &[u8]) -> Secret {
    let mut value = [0xff; 8];
    value[..text.len()].copy_from_slice(text);
    Secret { value, tries: 3, total: 3, default: true }
}

impl Card {
    /// A new card of a maker, with everything at its default.
    pub fn new(serial: u32, firmware: [u8; 3], maker: &Key, control: Arc<Control>) -> Self {
        let f9 = Key::generate(0x11).expect("a key");
        let own = [yubico(3, &firmware), ca()];
        let der = certificate("Simulated PIV Attestation", "Simulated PIV Root", f9.spki(), &own, maker);
        let object = [tlv(0x70, &der), vec![0x71, 1, 0], vec![0xfe, 0]].concat();
        // Since 5.7 new cards use AES.
        let algorithm = if firmware >= [5, 7, 0] { 0x0a } else { 3 };
        Self {
            serial,
            firmware,
            f9,
            pin: secret(b"123456"),
            puk: secret(b"12345678"),
            management: Management { algorithm, key: DEFAULT.to_vec() },
            default_management: true,
            slots: BTreeMap::new(),
            objects: BTreeMap::from([(F9, object)]),
            control,
            applet: Applet::None,
            verified: false,
            fresh: false,
            admin: false,
            challenge: None,
            chained: Vec::new(),
            rest: Vec::new(),
        }
    }

    fn forget(&mut self) {
        (self.verified, self.fresh, self.admin) = (false, false, false);
        self.challenge = None;
        self.chained.clear();
        self.rest.clear();
    }

    /// Takes one APDU, short or extended, part of a chain or whole.
    fn transmit(&mut self, apdu: &[u8]) -> Vec<u8> {
        let Some((header, data, most)) = split(apdu) else { return vec![0x67, 0] };
        let [class, instruction, p1, p2] = header;
        if instruction == 0xc0 {
            let rest = std::mem::take(&mut self.rest);
            return self.give(rest, most);
        }
        self.rest.clear();
        self.chained.extend_from_slice(data);
        if class & 0x10 != 0 {
            return vec![0x90, 0];
        }
        let data = std::mem::take(&mut self.chained);
        // VERIFY must come directly before a signature.
        let fresh = std::mem::take(&mut self.fresh);
        let answer = if instruction == 0xa4 {
            self.select(&data)
        } else {
            match self.applet {
                Applet::None => Err(0x6d00),
                Applet::Management => self.managed(instruction, p1),
                Applet::Otp => match (instruction, p1) {
                    (1, 0x10) => Ok(self.serial.to_be_bytes().to_vec()),
                    _ => Err(0x6d00),
                },
                Applet::Piv => self.piv(instruction, p1, p2, &data, fresh),
            }
        };
        match answer {
            Ok(bytes) => self.give(bytes, most),
            Err(status) => status.to_be_bytes().to_vec(),
        }
    }

    /// As much of an answer as fits, and how much is left.
    fn give(&mut self, mut bytes: Vec<u8>, most: usize) -> Vec<u8> {
        if bytes.len() > most {
            self.rest = bytes.split_off(most);
            bytes.extend([0x61, self.rest.len().min(255) as u8]);
        } else {
            bytes.extend([0x90, 0]);
        }
        bytes
    }

    fn select(&mut self, aid: &[u8]) -> Answer {
        self.forget();
        if aid.starts_with(PIV) {
            self.applet = Applet::Piv;
            let inner = [tlv(0x4f, &[0, 0, 0x10, 0, 1, 0]), tlv(0x79, &tlv(0x4f, PIV))].concat();
            return Ok(tlv(0x61, &inner));
        }
        let [major, minor, patch] = self.firmware;
        if aid == MANAGEMENT && major >= 5 {
            self.applet = Applet::Management;
            return Ok(format!("Virtual mgr - FW version {major}.{minor}.{patch}").into_bytes());
        }
        if aid.starts_with(OTP) {
            self.applet = Applet::Otp;
            return Ok(vec![major, minor, patch, 0, 0, 0, 0]);
        }
        Err(0x6a82)
    }

    fn managed(&self, instruction: u8, page: u8) -> Answer {
        if (instruction, page) != (0x1d, 0) {
            return Err(0x6d00);
        }
        let body = [
            tlv(1, &[0, 0x10]),
            tlv(2, &self.serial.to_be_bytes()),
            tlv(3, &[0, 0x10]),
            tlv(4, &[1]),
            tlv(5, &self.firmware),
            tlv(8, &[0]),
            tlv(0x0a, &[0]),
        ]
        .concat();
        Ok([vec![body.len() as u8], body].concat())
    }

    fn piv(&mut self, instruction: u8, p1: u8, p2: u8, data: &[u8], fresh: bool) -> Answer {
        match instruction {
            0x20 => self.verify(p1, p2, data),
            0x24 => self.change(p2, data),
            0x2c => self.unblock(p2, data),
            0x87 if p2 == 0x9b => self.administer(p1, data),
            0x87 => self.sign(p1, p2, data, fresh),
            0x47 => self.generate(p2, data),
            0xf9 if self.control.lies("attest") => Ok(Vec::new()),
            0xfd if self.control.lies("version") => Ok(vec![5]),
            0xf9 => self.attest(p1),
            0xf7 => self.metadata(p2),
            0xfd => Ok(self.firmware.to_vec()),
            0xf8 if self.firmware[0] >= 5 => Ok(self.serial.to_be_bytes().to_vec()),
            0xcb => self.get(data),
            0xdb => self.put(data),
            0xfe => self.import(p1, p2, data),
            0xff => self.set_management(data),
            0xfa => self.set_tries(p1, p2),
            0xfb => self.reset(),
            _ => Err(0x6d00),
        }
    }

    fn verify(&mut self, p1: u8, p2: u8, data: &[u8]) -> Answer {
        if p2 != 0x80 {
            return Err(0x6a88);
        }
        if p1 == 0xff {
            self.verified = false;
            return Ok(Vec::new());
        }
        if data.is_empty() {
            return match (self.verified, self.pin.tries) {
                (true, _) => Ok(Vec::new()),
                (_, 0) => Err(0x6983),
                (_, tries) => Err(0x63c0 | u16::from(tries)),
            };
        }
        let right = check(&mut self.pin, data);
        self.verified = right.is_ok();
        self.fresh = right.is_ok();
        self.control.log(format!("verify {}", if right.is_ok() { "right" } else { "wrong" }));
        right.map(|()| Vec::new())
    }

    fn change(&mut self, p2: u8, data: &[u8]) -> Answer {
        if data.len() != 16 {
            return Err(0x6a80);
        }
        let secret = match p2 {
            0x80 => &mut self.pin,
            0x81 => &mut self.puk,
            _ => return Err(0x6a88),
        };
        check(secret, &data[..8])?;
        set(secret, &data[8..]);
        self.control.log(format!("changed {p2:02x}"));
        Ok(Vec::new())
    }

    fn unblock(&mut self, p2: u8, data: &[u8]) -> Answer {
        if p2 != 0x80 || data.len() != 16 {
            return Err(0x6a80);
        }
        check(&mut self.puk, &data[..8])?;
        set(&mut self.pin, &data[8..]);
        Ok(Vec::new())
    }

    fn administer(&mut self, algorithm: u8, data: &[u8]) -> Answer {
        if algorithm != self.management.algorithm {
            return Err(0x6a80);
        }
        let outer = parse(data).ok_or(0x6a80_u16)?;
        let parts = find(&outer, 0x7c).and_then(parse).ok_or(0x6a80_u16)?;
        let block = self.management.block();
        let answer = match (find(&parts, 0x80), find(&parts, 0x81), find(&parts, 0x82)) {
            // A witness, which only who knows the key can decrypt.
            (Some([]), None, None) => {
                let witness = random(block);
                let encrypted = self.management.encrypt(&witness);
                self.challenge = Some(witness);
                tlv(0x80, &encrypted)
            }
            (Some(witness), Some(challenge), _) => {
                if self.challenge.take().as_deref() != Some(witness) || challenge.len() != block {
                    return Err(0x6982);
                }
                self.admin = true;
                tlv(0x82, &self.management.encrypt(challenge))
            }
            (None, Some([]), None) => {
                let challenge = random(block);
                self.challenge = Some(challenge.clone());
                tlv(0x81, &challenge)
            }
            (None, None, Some(response)) => {
                let expected = self.challenge.take().map(|challenge| self.management.encrypt(&challenge));
                if expected.as_deref() != Some(response) {
                    return Err(0x6982);
                }
                self.admin = true;
                return Ok(Vec::new());
            }
            _ => return Err(0x6a80),
        };
        Ok(tlv(0x7c, &answer))
    }

    fn get(&self, data: &[u8]) -> Answer {
        let parts = parse(data).ok_or(0x6a80_u16)?;
        let id = find(&parts, 0x5c).ok_or(0x6a80_u16)?;
        // The discovery object has a short name.
        if id == [0x7e] {
            let inner = [tlv(0x4f, PIV), vec![0x5f, 0x2f, 2, 0x40, 0]].concat();
            return Ok(tlv(0x7e, &inner));
        }
        let id: [u8; 3] = id.try_into().map_err(|_| 0x6a80_u16)?;
        if id == PRINTED && !self.verified {
            return Err(0x6982);
        }
        let object = self.objects.get(&id).ok_or(0x6a82_u16)?;
        Ok(tlv(0x53, object))
    }

    fn put(&mut self, data: &[u8]) -> Answer {
        if !self.admin {
            return Err(0x6982);
        }
        let parts = parse(data).ok_or(0x6a80_u16)?;
        let id = find(&parts, 0x5c).ok_or(0x6a80_u16)?;
        let id: [u8; 3] = id.try_into().map_err(|_| 0x6a80_u16)?;
        match find(&parts, 0x53) {
            None | Some([]) => drop(self.objects.remove(&id)),
            Some(object) => drop(self.objects.insert(id, object.to_vec())),
        }
        Ok(Vec::new())
    }

    fn set_management(&mut self, data: &[u8]) -> Answer {
        let (true, [algorithm, 0x9b, size, key @ ..]) = (self.admin, data) else {
            return Err(if self.admin { 0x6a80 } else { 0x6982 });
        };
        if Management::length(*algorithm) != Some(key.len()) || usize::from(*size) != key.len() {
            return Err(0x6a80);
        }
        self.default_management = key == DEFAULT;
        self.management = Management { algorithm: *algorithm, key: key.to_vec() };
        self.control.log("changed 9b".into());
        Ok(Vec::new())
    }

    fn set_tries(&mut self, pin: u8, puk: u8) -> Answer {
        if !self.admin || !self.verified {
            return Err(0x6982);
        }
        self.pin = Secret { tries: pin, total: pin, ..secret(b"123456") };
        self.puk = Secret { tries: puk, total: puk, ..secret(b"12345678") };
        Ok(Vec::new())
    }

    fn reset(&mut self) -> Answer {
        self.control.log("reset".into());
        if self.pin.tries > 0 || self.puk.tries > 0 {
            return Err(0x6985);
        }
        let f9 = self.objects.remove(&F9).into_iter().map(|object| (F9, object));
        self.objects = f9.collect();
        self.slots.clear();
        (self.pin, self.puk) = (secret(b"123456"), secret(b"12345678"));
        let algorithm = if self.firmware >= [5, 7, 0] { 0x0a } else { 3 };
        self.management = Management { algorithm, key: DEFAULT.to_vec() };
        self.default_management = true;
        Ok(Vec::new())
    }
}

fn is_key_slot(slot: u8) -> bool {
    matches!(slot, 0x9a | 0x9c..=0x9e | 0x82..=0x95)
}

fn random(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    getrandom::fill(&mut bytes).expect("random bytes");
    bytes
}

/// One attempt.
fn check(secret: &mut Secret, typed: &[u8]) -> Result<(), u16> {
    if secret.tries == 0 {
        return Err(0x6983);
    }
    if typed == secret.value {
        secret.tries = secret.total;
        return Ok(());
    }
    secret.tries -= 1;
    Err(if secret.tries == 0 { 0x6983 } else { 0x63c0 | u16::from(secret.tries) })
}

fn set(secret: &mut Secret, new: &[u8]) {
    secret.value.copy_from_slice(new);
    (secret.tries, secret.default) = (secret.total, false);
}

/// Header, data, and how long the answer may be.
fn split(apdu: &[u8]) -> Option<([u8; 4], &[u8], usize)> {
    let (header, rest) = apdu.split_first_chunk::<4>()?;
    let most = |le: usize, zero: usize| if le == 0 { zero } else { le };
    Some(match rest {
        [] => (*header, &[], 256),
        [le] => (*header, &[], most((*le).into(), 256)),
        [0, high, low] => (*header, &[], most(usize::from(*high) << 8 | usize::from(*low), 65536)),
        [0, high, low, more @ ..] => {
            let size = usize::from(*high) << 8 | usize::from(*low);
            (*header, more.get(..size)?, 65536)
        }
        [size, more @ ..] => {
            let le = more.get(usize::from(*size)).map_or(256, |le| most((*le).into(), 256));
            (*header, more.get(..usize::from(*size))?, le)
        }
    })
}

/// As YubiKeys of series 5 answer to reset: they offer T=1.
const ATR: &[u8] = &[
    0x3b, 0xfd, 0x13, 0x00, 0x00, 0x81, 0x31, 0xfe, 0x15, 0x80, 0x73, 0xc0, 0x21, 0xc0, 0x57, 0x59, 0x75,
    0x62, 0x69, 0x4b, 0x65, 0x79, 0x40,
];

impl vpicc::VSmartCard for Card {
    fn atr(&self) -> &[u8] {
        ATR
    }

    fn power_on(&mut self) {
        self.reset_session();
    }

    fn power_off(&mut self) {
        self.reset_session();
    }

    fn reset(&mut self) {
        self.reset_session();
    }

    fn execute(&mut self, apdu: &[u8]) -> Vec<u8> {
        self.transmit(apdu)
    }
}

impl Card {
    fn reset_session(&mut self) {
        self.forget();
        self.applet = Applet::None;
    }
}
