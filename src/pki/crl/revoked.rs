//! Lists of revocations, as other CAs' software hands them over: one a line.
//!
//! ```text
//! 4f1d09aa83,2026-12-01T08:30:00Z,superseded
//! 7c02,2026-12-02T00:00:00Z,key-compromise,2026-11-30T00:00:00Z
//! ```
//!
//! Serial number, date, reason, and where there is one the invalidity date. There is one way to write
//! each list: lower-case hex without leading zeros, UTC in whole seconds, a newline behind every line. So
//! the list can be written again from the CRL, and its SHA-256, which the plan has, checked against it.

use data_encoding::HEXLOWER;

use super::entry::{Entries, LONGEST_SERIAL, Moment, Revocation};
use crate::plan::{Day, Reason};

/// The longest line, in bytes, without its newline: whatever is longer is none.
pub const LONGEST_LINE: usize = 2 * LONGEST_SERIAL + 2 * 21 + 24;

/// Reads lines, one after the other.
#[derive(Debug, Default)]
pub struct Lines {
    /// Days by which dates are moved.
    days: i64,
    /// Days that were moved before, as digits, by their place in [`place`].
    moved: Vec<Option<[u8; 8]>>,
}

impl Lines {
    /// For a list whose dates are moved by so many days.
    pub fn moved_by(days: i64) -> Self {
        Self { days, moved: Vec::new() }
    }

    /// Reads a line, without its newline, and adds what it says to the entries. An error says what was
    /// found, and what was expected.
    pub fn take(&mut self, line: &[u8], entries: &mut Entries) -> Result<(), String> {
        let mut rest = Some(line);
        let mut next = || {
            let bytes = rest?;
            let comma = bytes.iter().position(|byte| *byte == b',');
            let (field, after) = bytes.split_at(comma.unwrap_or(bytes.len()));
            rest = comma.and_then(|_| after.get(1..));
            Some(field)
        };
        let (Some(serial), Some(date), Some(reason)) = (next(), next(), next()) else {
            return Err(format!(
                "found {}, expected SERIAL,DATE,REASON such as 4f1d09aa,2026-12-01T08:30:00Z,superseded",
                shown(line)
            ));
        };
        let (invalidity, more) = (next(), next());
        if more.is_some() {
            return Err(format!("found {}, expected three fields or four", shown(line)));
        }
        let mut octets = [0; LONGEST_SERIAL];
        let revocation = Revocation {
            serial: read_serial(serial, &mut octets)?,
            date: self.moment(date)?,
            reason: read_reason(reason)?,
            invalidity: invalidity.map(|date| self.moment(date)).transpose()?,
        };
        entries.push(&revocation);
        Ok(())
    }

    /// `YYYY-MM-DDTHH:MM:SSZ`, moved.
    fn moment(&mut self, text: &[u8]) -> Result<Moment, String> {
        let wrong = || {
            format!(
                "found the date {}, expected UTC in whole seconds, such as 2026-12-01T08:30:00Z",
                shown(text)
            )
        };
        let (day, time) = text.split_first_chunk::<10>().ok_or_else(wrong)?;
        let &[b'T', h1, h2, b':', m1, m2, b':', s1, s2, b'Z'] = time else { return Err(wrong()) };
        let [hour, minute, second] = [[h1, h2], [m1, m2], [s1, s2]];
        let digits = [hour, minute, second].as_flattened().iter().all(u8::is_ascii_digit);
        if !digits || hour > *b"23" || minute > *b"59" || second > *b"59" {
            return Err(wrong());
        }
        let place = place(day).ok_or_else(wrong)?;
        let day = match self.moved.get(place) {
            Some(Some(known)) => *known,
            _ => {
                let moved = move_day(day, self.days).ok_or_else(wrong)?;
                if self.moved.len() <= place {
                    self.moved.resize(place.saturating_add(1), None);
                }
                if let Some(known) = self.moved.get_mut(place) {
                    *known = Some(moved);
                }
                moved
            }
        };
        let [a, b, c, d, e, f, g, h] = day;
        Ok(Moment([a, b, c, d, e, f, g, h, h1, h2, m1, m2, s1, s2]))
    }
}

/// A number of its own for every day of the calendar, and for some that are none.
fn place(day: &[u8; 10]) -> Option<usize> {
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = day else { return None };
    let digit = |byte: u8| byte.is_ascii_digit().then(|| usize::from(byte - b'0'));
    let year = [y1, y2, y3, y4].into_iter().try_fold(0, |sum, byte| Some(sum * 10 + digit(byte)?))?;
    let (month, day) = (digit(m1)? * 10 + digit(m2)?, digit(d1)? * 10 + digit(d2)?);
    // Lists are of our time: what is far from it takes no room.
    (month < 13 && day < 32 && (1950..2150).contains(&year)).then(|| ((year - 1950) * 13 + month) * 32 + day)
}

/// A day of the calendar, moved by some days, as eight digits.
fn move_day(text: &[u8; 10], days: i64) -> Option<[u8; 8]> {
    let day: Day = std::str::from_utf8(text).ok()?.parse().ok()?;
    let moved = day.shifted(days)?.to_string();
    let digits: Vec<u8> = moved.bytes().filter(u8::is_ascii_digit).collect();
    digits.try_into().ok()
}

/// Whole bytes in lower-case hex, without leading zeros, positive, and at most 20 octets in DER.
fn read_serial<'a>(text: &[u8], octets: &'a mut [u8; LONGEST_SERIAL]) -> Result<&'a [u8], String> {
    let wrong = |why: &str| {
        format!("found the serial number {}, expected 1 to 20 bytes in lower-case hex: {why}", shown(text))
    };
    let length = text.len() / 2;
    if length == 0 || !text.len().is_multiple_of(2) {
        return Err(wrong("two digits are a byte"));
    }
    let place = octets.get_mut(..length).ok_or_else(|| wrong("it is longer"))?;
    if HEXLOWER.decode_mut(text, place).is_err() {
        return Err(wrong("only 0 to 9 and a to f"));
    }
    match place.first() {
        Some(0) => Err(wrong("without zeros in front")),
        Some(0x80..) if length == LONGEST_SERIAL => Err(wrong("with its sign it has 21 octets")),
        _ => Ok(place),
    }
}

fn read_reason(text: &[u8]) -> Result<Reason, String> {
    Reason::ALL.into_iter().find(|reason| reason.as_str().as_bytes() == text).ok_or_else(|| {
        let known: Vec<&str> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
        format!("found the reason {}, expected one of {}", shown(text), known.join(", "))
    })
}

/// What was found, short, and without anything that a terminal would take for a command.
fn shown(text: &[u8]) -> String {
    const MOST: usize = 80;
    let start = text.get(..MOST).unwrap_or(text);
    let plain: String = start.iter().flat_map(|byte| byte.escape_ascii()).map(char::from).collect();
    let more = if text.len() > MOST { "…" } else { "" };
    if plain.is_empty() { "nothing".into() } else { format!("`{plain}{more}`") }
}

#[cfg(test)]
mod tests {
    use super::super::entry::Reader;
    use super::*;

    fn read(line: &str, days: i64) -> Result<String, String> {
        let mut entries = Entries::default();
        Lines::moved_by(days).take(line.as_bytes(), &mut entries)?;
        let entry = Reader::new(&entries.der).next().unwrap().unwrap();
        Ok(format!("{} {}", entry.shown(), entry.date))
    }

    #[test]
    fn a_line_is_read_and_its_dates_are_moved() {
        for (line, days, expected) in [
            ("01,2026-12-01T08:30:00Z,superseded", 0, "01 2026-12-01T08:30:00Z"),
            ("ff00,2026-12-01T08:30:00Z,key-compromise", 31, "ff00 2027-01-01T08:30:00Z"),
            (
                "7f00000000000000000000000000000000000001,2028-02-29T23:59:59Z,ca-compromise,2028-02-01T00:00:00Z",
                -1,
                "7f00000000000000000000000000000000000001 2028-02-28T23:59:59Z",
            ),
        ] {
            assert_eq!(read(line, days).unwrap(), expected, "{line}");
            assert!(line.len() <= LONGEST_LINE);
        }
    }

    #[test]
    fn anything_else_is_told_with_what_was_expected() {
        let good = "4f1d,2026-12-01T08:30:00Z,superseded";
        for (line, expected) in [
            ("", "found nothing, expected SERIAL,DATE,REASON"),
            ("4f1d", "found `4f1d`, expected SERIAL,DATE,REASON"),
            ("4f1d,2026-12-01T08:30:00Z", "expected SERIAL,DATE,REASON"),
            (&good.replace("4f1d", ""), "found the serial number nothing"),
            (&good.replace("4f1d", "4f1"), "two digits are a byte"),
            (&good.replace("4f1d", "4F1D"), "lower-case hex"),
            (&good.replace("4f1d", "0x4f1d"), "only 0 to 9 and a to f"),
            (&good.replace("4f1d", "00"), "without zeros in front"),
            (&good.replace("4f1d", "004f1d"), "without zeros in front"),
            (&good.replace("4f1d", &"11".repeat(21)), "it is longer"),
            (&good.replace("4f1d", &"88".repeat(20)), "with its sign it has 21 octets"),
            (&good.replace("12-01T", "12-32T"), "found the date `2026-12-32T08:30:00Z`"),
            (&good.replace("12-01T", "02-30T"), "expected UTC in whole seconds"),
            (&good.replace("08:30", "24:30"), "expected UTC in whole seconds"),
            (&good.replace("00Z", "00.5Z"), "expected UTC in whole seconds"),
            (&good.replace("00Z", "00+01:00"), "expected UTC in whole seconds"),
            (&good.replace("00Z", "60Z"), "expected UTC in whole seconds"),
            (&good.replace("T", "t"), "expected UTC in whole seconds"),
            (
                &good.replace("superseded", "keyCompromise"),
                "found the reason `keyCompromise`, expected one of",
            ),
            (&format!("{good} "), "found the reason `superseded `"),
            (&format!("{good}\r"), "found the reason `superseded\\r`"),
            (&format!("{good},"), "found the date nothing"),
            (&format!("{good},2026-12-01T08:30:00Z,x"), "expected three fields or four"),
            ("\u{1b}[2J", "found `\\x1b[2J`"),
        ] {
            let error = read(line, 0).unwrap_err();
            assert!(error.contains(expected), "{line}: {error}");
        }
        assert!(read(good, i64::MAX).is_err());
    }
}
