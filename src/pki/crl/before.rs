//! What the CRL before listed, as small as it can be and in an order in which two lists are compared in
//! one pass.

use x509_cert::time::Time;

use super::Crl;
use super::parts::Parts;

/// A serial number and its date, to be sorted: 32 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// The serial number, as a number of 160 bits. Longer ones are no serial numbers.
    serial: (u64, u64, u32),
    /// Since when, in seconds since 1970, cut to 32 bits below and above.
    date: u32,
}

impl Mark {
    /// Of the content of a serial number's INTEGER, and a date in seconds since 1970.
    pub fn new(serial: &[u8], date: i64) -> Self {
        let mut octets = [0u8; 20];
        let cut = serial.get(serial.len().saturating_sub(octets.len())..).unwrap_or_default();
        if let Some(place) = octets.len().checked_sub(cut.len()).and_then(|at| octets.get_mut(at..)) {
            place.copy_from_slice(cut);
        }
        let [a @ .., _, _, _, _, _, _, _, _, _, _, _, _] = octets;
        let [_, _, _, _, _, _, _, _, b @ .., _, _, _, _] = octets;
        let [_, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, c @ ..] = octets;
        let serial = (u64::from_be_bytes(a), u64::from_be_bytes(b), u32::from_be_bytes(c));
        let date = u32::try_from(date.max(0)).unwrap_or(u32::MAX);
        Self { serial, date }
    }

    /// Whether two are of one serial number.
    pub fn same_serial(&self, other: &Self) -> bool {
        self.serial == other.serial
    }

    /// The serial number in hex, without leading zeros.
    pub fn shown(&self) -> String {
        let (a, b, c) = self.serial;
        let digits = format!("{a:016x}{b:016x}{c:08x}");
        let short = digits.trim_start_matches("00");
        if short.is_empty() { "00".into() } else { short.into() }
    }
}

/// What the issuer's CRL before listed, of what must stay listed.
#[derive(Clone, Debug)]
pub struct Before {
    /// When it was issued.
    pub this_update: Time,
    /// What it listed, sorted.
    pub marks: Vec<Mark>,
}

impl Before {
    /// Of that CRL. `named` entries at its start are left out, and those that `may_go` by their serial
    /// number: their certificates had expired when it was issued (RFC 5280, 3.3).
    pub fn of(crl: &Crl, named: usize, may_go: impl Fn(&Mark) -> bool) -> der::Result<Self> {
        Self::read(crl.signed(), named, may_go)
    }

    /// The same, of what is signed of it.
    pub fn read(signed: &[u8], named: usize, may_go: impl Fn(&Mark) -> bool) -> der::Result<Self> {
        let parts = <Parts>::read(signed)?;
        let mut marks = Vec::with_capacity(parts.entries.map_or(0, <[u8]>::len) / 40);
        for entry in parts.reader().skip(named) {
            let entry = entry.ok_or(der::ErrorKind::Failed)?;
            let mark = Mark::new(entry.serial, entry.date.unix());
            if !may_go(&mark) {
                marks.push(mark);
            }
        }
        marks.sort_unstable();
        Ok(Self { this_update: parts.head.this_update, marks })
    }
}
