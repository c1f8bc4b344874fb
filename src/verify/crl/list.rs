//! A CRL as x509-parser reads it: its head at once, and its entries one by one, since there may be a
//! million.

use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::{CertificateRevocationList, FromDer};
use x509_parser::revocation_list::RevokedCertificate;

use crate::plan::Time;
use crate::verify::der::{frame, list, strict, wrap};

const SEQUENCE: u8 = 0x30;

/// A CRL in DER, its entries apart.
pub struct Divided<'a> {
    /// The same CRL without entries.
    head: Vec<u8>,
    /// What the signature covers.
    pub signed: &'a [u8],
    /// The entries, one after the other.
    entries: &'a [u8],
}

impl<'a> Divided<'a> {
    /// Takes a CRL apart. It must be DER, and nothing behind it.
    pub fn of(der: &'a [u8]) -> Result<Self, String> {
        let frame = frame(der).map_err(|reason| format!("not a CRL: {reason}"))?;
        strict(der)?;
        let parts = list(frame.inside)?;
        // The only sequence behind a time (RFC 5280, 5.1).
        let time = |tag: u8| matches!(tag, 0x17 | 0x18);
        let mut at = parts.iter().zip(parts.iter().skip(1));
        let at = at.position(|(before, found)| time(before.tag) && found.tag == SEQUENCE);
        let at = at.map(|before| before.saturating_add(1));
        let entries = at.and_then(|at| parts.get(at)).map(|found| found.content).unwrap_or_default();
        let others = parts.iter().enumerate().filter(|(n, _)| Some(*n) != at);
        let inside: Vec<u8> = others.flat_map(|(_, part)| part.whole).copied().collect();
        let outside: Vec<u8> = [&wrap(SEQUENCE, &inside), frame.behind].concat();
        Ok(Self { head: wrap(SEQUENCE, &outside), signed: frame.signed, entries })
    }

    /// Reads the head.
    pub fn read(&self) -> Result<List<'_>, String> {
        let (_, head) =
            CertificateRevocationList::from_der(&self.head).map_err(|error| format!("not a CRL: {error}"))?;
        Ok(List { head, signed: self.signed, entries: self.entries })
    }
}

/// A CRL as it was read.
pub struct List<'a> {
    /// All of it but the entries.
    pub head: CertificateRevocationList<'a>,
    /// What the signature covers.
    pub signed: &'a [u8],
    entries: &'a [u8],
}

impl<'a> List<'a> {
    /// The entries. One that can't be read is an error, and the last.
    pub fn entries(&self) -> impl Iterator<Item = Result<RevokedCertificate<'a>, String>> + use<'a> {
        let mut rest = self.entries;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let entry = RevokedCertificate::from_der(rest);
            rest = entry.as_ref().map_or(&[], |(rest, _)| rest);
            Some(entry.map(|(_, entry)| entry).map_err(|error| format!("an entry can't be read: {error}")))
        })
    }

    /// thisUpdate, and nextUpdate where there is one, in seconds since 1970.
    pub fn updates(&self) -> (i64, Option<i64>) {
        (self.head.last_update().timestamp(), self.head.next_update().map(|next| next.timestamp()))
    }

    /// The serial numbers that it lists, sorted.
    pub fn serials(&self) -> Result<Vec<Serial>, String> {
        let mut serials = Vec::with_capacity(self.entries.len() / 40);
        for entry in self.entries() {
            serials.push(serial(entry?.raw_serial())?);
        }
        serials.sort_unstable();
        Ok(serials)
    }
}

/// A serial number of at most 160 bits.
pub type Serial = [u8; 20];

/// A serial number, from the content of its INTEGER.
pub fn serial(raw: &[u8]) -> Result<Serial, String> {
    let digits = raw.strip_prefix(&[0]).unwrap_or(raw);
    let mut octets = [0; 20];
    let start = octets.len().checked_sub(digits.len());
    let place = start.and_then(|start| octets.get_mut(start..));
    place.ok_or("a serial number of more than 20 octets")?.copy_from_slice(digits);
    Ok(octets)
}

/// Whether everything in the one list is in the other, or may go; or what is not. Both are sorted.
pub fn lost<'s>(
    before: &'s [Serial],
    now: &[Serial],
    may_go: impl Fn(&Serial) -> bool,
) -> Option<&'s Serial> {
    let mut now = now.iter().peekable();
    before.iter().find(|wanted| {
        while now.next_if(|found| found < wanted).is_some() {}
        now.peek() != Some(wanted) && !may_go(wanted)
    })
}

/// An entry as the line of a list of revocations, with its dates moved back by some days.
pub fn line(entry: &RevokedCertificate<'_>, days: i64) -> Result<String, String> {
    let digits = entry.raw_serial().strip_prefix(&[0]).unwrap_or(entry.raw_serial());
    let serial = data_encoding::HEXLOWER.encode(digits);
    let date = |seconds: i64| {
        let time = Time::from_unix(seconds).and_then(|time| time.shifted(days.checked_neg()?));
        time.ok_or_else(|| format!("{serial}: a date that leaves the calendar"))
    };
    let (mut reason, mut invalidity) = (None, None);
    for extension in entry.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::ReasonCode(code) if !extension.critical => reason = name(code.0),
            ParsedExtension::InvalidityDate(found) if !extension.critical => {
                invalidity = Some(date(found.timestamp())?);
            }
            _ => {
                return Err(format!(
                    "{serial}: the extension {} is critical, or not known here",
                    extension.oid
                ));
            }
        }
    }
    let reason = reason.ok_or_else(|| format!("{serial}: no reason that plans know"))?;
    let mut line = format!("{serial},{},{reason}", date(entry.revocation_date.timestamp())?);
    if let Some(invalidity) = invalidity {
        line.push_str(&format!(",{invalidity}"));
    }
    line.push('\n');
    Ok(line)
}

/// The reasons of RFC 5280, 5.3.1, by the names that plans have for them.
const REASONS: [(&str, u8); 6] = [
    ("key-compromise", 1),
    ("ca-compromise", 2),
    ("affiliation-changed", 3),
    ("superseded", 4),
    ("cessation-of-operation", 5),
    ("privilege-withdrawn", 9),
];

fn name(code: u8) -> Option<&'static str> {
    REASONS.iter().find(|(_, known)| *known == code).map(|(name, _)| *name)
}

/// A reason's number, by its name.
pub fn reason(name: &str) -> Option<u8> {
    REASONS.iter().find(|(known, _)| *known == name).map(|(_, code)| *code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_is_found() {
        let list = |numbers: &[u8]| numbers.iter().map(|n| serial(&[*n]).unwrap()).collect::<Vec<_>>();
        let never = |_: &Serial| false;
        assert_eq!(lost(&list(&[1, 3]), &list(&[1, 2, 3]), never), None);
        assert_eq!(lost(&list(&[]), &list(&[]), never), None);
        for (before, now, expected) in
            [(&[1, 3][..], &[1, 2][..], 3), (&[1], &[2], 1), (&[2, 3], &[3], 2), (&[9], &[], 9)]
        {
            assert_eq!(lost(&list(before), &list(now), never), Some(&serial(&[expected]).unwrap()));
            assert_eq!(lost(&list(before), &list(now), |gone| gone[19] == expected), None);
        }
        assert!(serial(&[1; 21]).is_err());
        assert_eq!(serial(&[&[0][..], &[0x80; 20]].concat()).unwrap(), [0x80; 20]);
    }

    #[test]
    fn every_reason_of_a_plan_is_known() {
        use crate::plan::Reason;
        assert_eq!(REASONS.map(|(name, _)| name), Reason::ALL.map(Reason::as_str));
    }
}
