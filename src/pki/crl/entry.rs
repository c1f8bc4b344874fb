//! Entries of a CRL (RFC 5280, 5.1.2.6 and 5.3): written one after the other into the bytes that are
//! signed, and read from there one at a time. A list of a million is never more than its own DER.

use std::fmt;

use der::asn1::ObjectIdentifier;
use der::{Decode, Encode};
use x509_cert::ext::Extension;
use x509_cert::time::Time;

use crate::plan::{self, Reason};

/// id-ce-invalidityDate (RFC 5280, 5.3.2).
pub const INVALIDITY_DATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.24");

/// A serial number has at most so many octets, the sign's included (RFC 5280, 4.1.2.2).
pub const LONGEST_SERIAL: usize = 20;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// An extension with the reason, but for the reason itself (RFC 5280, 5.3.1).
const REASON: [u8; 11] = [SEQUENCE, 10, 6, 3, 0x55, 0x1d, 0x15, 4, 3, 0x0a, 1];

/// An extension with the invalidity date, but for the date itself.
const INVALIDITY: [u8; 11] = [SEQUENCE, 24, 6, 3, 0x55, 0x1d, 0x18, 4, 17, GENERALIZED_TIME, 15];

/// A moment as entries write it: `YYYYMMDDHHMMSS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment(pub(super) [u8; 14]);

impl From<plan::Time> for Moment {
    fn from(time: plan::Time) -> Self {
        let mut digits = [0; 14];
        // `YYYY-MM-DDTHH:MM:SSZ`: a time of the plan has four digits for the year, and no fraction.
        let text = time.to_string();
        for (to, from) in digits.iter_mut().zip(text.bytes().filter(u8::is_ascii_digit)) {
            *to = from;
        }
        Self(digits)
    }
}

/// A revocation that shall be listed.
#[derive(Clone, Copy, Debug)]
pub struct Revocation<'a> {
    /// The serial number, big-endian, without leading zeros.
    pub serial: &'a [u8],
    /// Since when the certificate is revoked.
    pub date: Moment,
    /// Why.
    pub reason: Reason,
    /// Since when it must be taken for invalid, where that is earlier.
    pub invalidity: Option<Moment>,
}

/// Entries in DER, one after the other: the content of `revokedCertificates`.
#[derive(Clone, Debug, Default)]
pub struct Entries {
    pub(super) der: Vec<u8>,
    count: usize,
}

impl Entries {
    /// No entries yet, with room for so many bytes of them.
    pub fn with_room(bytes: usize) -> Self {
        Self { der: Vec::with_capacity(bytes), count: 0 }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Adds an entry.
    pub fn push(&mut self, revocation: &Revocation<'_>) {
        let Revocation { serial, date: Moment(date), reason, invalidity } = revocation;
        let sign = serial.first().is_none_or(|top| *top >= 0x80);
        // UTCTime to 2049, GeneralizedTime from 2050 (RFC 5280, 5.1.2.6).
        let (century, short) = date.split_at(2);
        let utc = matches!((century, short.first()), (b"19", Some(b'5'..)) | (b"20", Some(..b'5')));
        let (tag, digits) = if utc { (UTC_TIME, short) } else { (GENERALIZED_TIME, date.as_slice()) };
        let number = serial.len().saturating_add(usize::from(sign));
        let said = 12 + if invalidity.is_some() { 26 } else { 0 };
        let whole = 2 + number + 2 + digits.len() + 1 + 2 + said;
        // All are below 128 but for a serial number that is none, which the rules then find.
        let length = |length: usize| u8::try_from(length).unwrap_or(0x7f);
        let der = &mut self.der;
        der.extend_from_slice(&[SEQUENCE, length(whole), INTEGER, length(number)]);
        if sign {
            der.push(0);
        }
        der.extend_from_slice(serial);
        der.extend_from_slice(&[tag, length(digits.len() + 1)]);
        der.extend_from_slice(digits);
        der.extend_from_slice(&[b'Z', SEQUENCE, length(said)]);
        der.extend_from_slice(&REASON);
        der.push(code(*reason));
        if let Some(Moment(invalidity)) = invalidity {
            der.extend_from_slice(&INVALIDITY);
            der.extend_from_slice(invalidity);
            der.push(b'Z');
        }
        self.count = self.count.saturating_add(1);
    }
}

/// CRLReason (RFC 5280, 5.3.1).
fn code(reason: Reason) -> u8 {
    match reason {
        Reason::KeyCompromise => 1,
        Reason::CaCompromise => 2,
        Reason::AffiliationChanged => 3,
        Reason::Superseded => 4,
        Reason::CessationOfOperation => 5,
        Reason::PrivilegeWithdrawn => 9,
    }
}

/// An entry as it was read. It is DER.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// The serial number: the content of its INTEGER.
    pub serial: &'a [u8],
    /// Since when the certificate is revoked.
    pub date: Date<'a>,
    /// Its extensions, one after the other; empty where it has none.
    extensions: &'a [u8],
}

/// A UTCTime or GeneralizedTime, in UTC and whole seconds, as it stands in an entry.
#[derive(Clone, Copy, Debug)]
pub struct Date<'a> {
    whole: &'a [u8],
    /// The year, and seconds since 1970.
    year: u16,
    seconds: i64,
}

impl<'a> Date<'a> {
    /// Seconds since 1970.
    pub fn unix(&self) -> i64 {
        self.seconds
    }

    /// Whether it is not in the form that goes with its year (RFC 5280, 5.1.2.6).
    pub fn is_other_form(&self) -> bool {
        (self.whole.first() == Some(&UTC_TIME)) != (1950..2050).contains(&self.year)
    }

    fn read(found: Element<'a>) -> Option<Self> {
        let digits = found.content.strip_suffix(b"Z")?;
        let pair = |at: usize| match digits.get(at..at.checked_add(2)?)? {
            [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => {
                Some(u16::from(tens - b'0') * 10 + u16::from(ones - b'0'))
            }
            _ => None,
        };
        let (year, rest) = match (found.tag, digits.len()) {
            (UTC_TIME, 12) => (pair(0).map(|year| if year < 50 { 2000 + year } else { 1900 + year })?, 2),
            (GENERALIZED_TIME, 14) => (pair(0)? * 100 + pair(2)?, 4),
            _ => return None,
        };
        let at = |n: usize| pair(rest + 2 * n);
        let (month, day, hour, minute, second) = (at(0)?, at(1)?, at(2)?, at(3)?, at(4)?);
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let days = match month {
            2 => 28 + u16::from(leap),
            4 | 6 | 9 | 11 => 30,
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            _ => return None,
        };
        if !(1..=days).contains(&day) || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        // Days since 1970 in a calendar whose years begin in March.
        let (y, m) = if month > 2 { (i64::from(year), month - 3) } else { (i64::from(year) - 1, month + 9) };
        let (era, in_era) = (y.div_euclid(400), y.rem_euclid(400));
        let in_year = (153 * i64::from(m) + 2) / 5 + i64::from(day) - 1;
        let days = era * 146_097 + in_era * 365 + in_era / 4 - in_era / 100 + in_year - 719_468;
        let seconds = ((days * 24 + i64::from(hour)) * 60 + i64::from(minute)) * 60 + i64::from(second);
        Some(Self { whole: found.whole, year, seconds })
    }
}

impl fmt::Display for Date<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Time::from_der(self.whole) {
            Ok(time) => write!(f, "{time}"),
            Err(_) => write!(f, "{} s", self.seconds),
        }
    }
}

/// What is said with an entry.
#[derive(Clone, Debug)]
pub enum Said {
    /// A reason that is not critical, by its number, and nothing else.
    Reason(u8),
    /// Other extensions, or none.
    Extensions(Vec<Extension>),
}

impl<'a> Entry<'a> {
    /// What its extensions say; none where they are not DER.
    pub fn said(&self) -> Option<Said> {
        if let Some([reason]) = self.extensions.strip_prefix(&REASON) {
            return Some(Said::Reason(*reason));
        }
        let (mut list, mut rest) = (Vec::new(), self.extensions);
        while !rest.is_empty() {
            let (found, after) = element(rest)?;
            let extension = Extension::from_der(found.whole).ok()?;
            if extension.to_der().ok()? != found.whole {
                return None;
            }
            list.push(extension);
            rest = after;
        }
        Some(Said::Extensions(list))
    }

    /// The serial number in hex, without its sign.
    pub fn shown(&self) -> String {
        let digits = self.serial.strip_prefix(&[0]).unwrap_or(self.serial);
        data_encoding::HEXLOWER.encode(digits)
    }

    fn read(content: &'a [u8]) -> Option<Self> {
        let (serial, rest) = element(content)?;
        let (date, rest) = element(rest)?;
        // An INTEGER is as short as it can be (X.690, 8.3.2).
        let short = match serial.content {
            [] => false,
            [0, next, ..] => next >> 7 == 1,
            [0xff, next, ..] => next >> 7 == 0,
            _ => true,
        };
        let extensions = match rest {
            [] => &[][..],
            rest => {
                let (list, []) = element(rest)? else { return None };
                // A list of extensions has at least one (RFC 5280, 5.1).
                (list.tag == SEQUENCE && !list.content.is_empty()).then_some(list.content)?
            }
        };
        let date = Date::read(date)?;
        (serial.tag == INTEGER && short).then_some(Self { serial: serial.content, date, extensions })
    }
}

/// Reads entries one by one. What is not DER is `None`, and the end.
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Reads the content of `revokedCertificates`.
    pub fn new(entries: &'a [u8]) -> Self {
        Self(entries)
    }
}

impl<'a> Iterator for Reader<'a> {
    type Item = Option<Entry<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let read = element(self.0).filter(|(found, _)| found.tag == SEQUENCE);
        let entry = read.and_then(|(found, rest)| Some((Entry::read(found.content)?, rest)));
        self.0 = entry.map_or(&[], |(_, rest)| rest);
        Some(entry.map(|(entry, _)| entry))
    }
}

/// How many elements there are, whatever is in them.
pub(super) fn count(mut entries: &[u8]) -> u64 {
    let mut count = 0_u64;
    while let Some((_, rest)) = element(entries) {
        entries = rest;
        count = count.saturating_add(1);
    }
    count
}

/// One element of DER.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element<'a> {
    pub tag: u8,
    pub content: &'a [u8],
    pub whole: &'a [u8],
}

/// The first element of some bytes, and what follows it; none where its length is not DER (X.690, 10.1).
pub(super) fn element(bytes: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let (short, rest) = rest.split_first()?;
    let (length, rest) = match short {
        0..=0x7f => (usize::from(*short), rest),
        0x81..=0x84 => {
            let (octets, rest) = rest.split_at_checked(usize::from(short & 0x7f))?;
            let length = octets.iter().fold(0_usize, |length, octet| length << 8 | usize::from(*octet));
            let shortest = octets.first() != Some(&0) && length >= 0x80;
            (shortest.then_some(length)?, rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    let whole = bytes.get(..bytes.len().checked_sub(rest.len())?)?;
    Some((Element { tag: *tag, content, whole }, rest))
}

#[cfg(test)]
mod tests {
    use x509_cert::crl::RevokedCert;
    use x509_cert::ext::pkix::crl::CrlReason;

    use super::*;

    fn moment(text: &str) -> Moment {
        Moment::from(text.parse::<plan::Time>().unwrap())
    }

    #[test]
    fn what_is_written_is_what_another_implementation_reads_and_writes() {
        for serial in [&[1][..], &[0x7f], &[0x80], &[0x12; 20], &[0xff; 19]] {
            for date in ["1999-12-31T23:59:59Z", "2049-12-31T00:00:00Z", "2050-01-01T00:00:00Z"] {
                for invalidity in [None, Some(moment("2026-01-02T03:04:05Z"))] {
                    let mut entries = Entries::default();
                    let reason = Reason::PrivilegeWithdrawn;
                    entries.push(&Revocation { serial, date: moment(date), reason, invalidity });
                    let read: RevokedCert = RevokedCert::from_der(&entries.der).unwrap();
                    assert_eq!(read.to_der().unwrap(), entries.der);
                    assert_eq!(read.serial_number.as_bytes().strip_prefix(&[0]).unwrap_or(serial), serial);
                    let time = date.parse::<plan::Time>().unwrap();
                    assert_eq!(read.revocation_date, crate::pki::certificate::time(time).unwrap());
                    let extensions = read.crl_entry_extensions.unwrap();
                    let reason = CrlReason::from_der(extensions[0].extn_value.as_bytes()).unwrap();
                    assert_eq!(reason, CrlReason::PrivilegeWithdrawn);
                    assert_eq!(extensions.len(), 1 + usize::from(invalidity.is_some()));
                    let own = Reader::new(&entries.der).next().unwrap().unwrap();
                    assert_eq!(own.serial, read.serial_number.as_bytes());
                    assert_eq!(own.date.unix(), time.unix());
                    assert!(!own.date.is_other_form());
                    assert_eq!(own.date.to_string(), read.revocation_date.to_string());
                    match (own.said().unwrap(), invalidity) {
                        (Said::Reason(9), None) => {}
                        (Said::Extensions(said), Some(_)) => assert_eq!(said, extensions),
                        other => panic!("{other:?}"),
                    }
                }
            }
        }
    }

    #[test]
    fn every_reason_has_the_number_of_the_rfc() {
        for (reason, expected) in [
            (Reason::KeyCompromise, CrlReason::KeyCompromise),
            (Reason::CaCompromise, CrlReason::CaCompromise),
            (Reason::AffiliationChanged, CrlReason::AffiliationChanged),
            (Reason::Superseded, CrlReason::Superseded),
            (Reason::CessationOfOperation, CrlReason::CessationOfOperation),
            (Reason::PrivilegeWithdrawn, CrlReason::PrivilegeWithdrawn),
        ] {
            assert_eq!(expected.to_der().unwrap(), [0x0a, 1, code(reason)]);
        }
    }

    #[test]
    fn what_is_not_der_ends_the_list() {
        let mut entries = Entries::default();
        let (date, reason) = (moment("2026-12-01T00:00:00Z"), Reason::Superseded);
        entries.push(&Revocation { serial: &[5], date, reason, invalidity: None });
        let good = entries.der;
        assert!(
            Reader::new(&[&good[..], &good].concat())
                .all(|entry| entry.is_some_and(|it| it.said().is_some()))
        );
        let last = good.len() - 1;
        for (at, byte) in
            [(0, 0x31), (2, 0x03), (3, 0x02), (5, 0x19), (6, 0x0e), (20, 0x31), (last - 4, 0x05)]
        {
            let mut bad = good.clone();
            bad[at] = byte;
            let fine = Reader::new(&bad).all(|entry| entry.is_some_and(|it| it.said().is_some()));
            assert!(!fine, "byte {at} as {byte}: {bad:02x?}");
        }
        for cut in 1..good.len() {
            assert!(Reader::new(&good[..cut]).any(|entry| entry.is_none()), "{cut}");
        }
        // A serial number with a zero too many.
        let longer = [&[SEQUENCE, good[1] + 1, INTEGER, 2, 0, 5], &good[5..]].concat();
        assert!(Reader::new(&longer).next().unwrap().is_none());
    }
}
