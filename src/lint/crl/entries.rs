//! What the rules must know of a CRL's entries. A list may have a million: it is gone through once, and of
//! each rule only the first entry that breaks it is told.

use der::Decode;
use der::asn1::GeneralizedTime;
use der::oid::AssociatedOid;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::crl::CrlReason;
use x509_cert::time::Time;

use super::{again, unreadable_value};
use crate::pki::crl::entry::{INVALIDITY_DATE, LONGEST_SERIAL, Said};
use crate::pki::crl::{Entry, Mark, Parts};

/// Seconds since 1970.
fn seconds_since(time: &Time) -> i64 {
    i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX)
}

/// All there is to say of the entries.
#[derive(Default)]
pub(super) struct Listed {
    /// Whether there is a list without entries.
    pub is_empty: bool,
    /// Serial numbers and dates, sorted.
    pub marks: Vec<Mark>,
    /// The entries, or one of them, are not DER.
    pub not_der: Option<String>,
    /// A serial number that is none.
    pub serial: Option<String>,
    /// A time in the other form.
    pub other_form: Option<String>,
    /// An extension that entries do not have.
    pub unknown: Option<String>,
    /// An extension whose value can't be read.
    pub unreadable: Option<String>,
    /// A reason that is missing, critical, or does not fit.
    pub reason: Option<String>,
    /// A revocation after thisUpdate.
    pub late: Option<String>,
    /// An invalidity date that is critical, or after the revocation.
    pub invalidity: Option<String>,
}

impl Listed {
    /// Goes through the entries.
    pub fn of(parts: &Parts<'_>) -> Self {
        let size = parts.entries.map_or(0, <[u8]>::len);
        let mut listed = Self { is_empty: parts.entries.is_some_and(<[u8]>::is_empty), ..Self::default() };
        listed.marks.reserve(size / 40);
        let this = &parts.head.this_update;
        for entry in parts.reader() {
            match entry {
                Some(entry) => listed.take(&entry, this),
                None => listed.not_der = Some("an entry is not DER".into()),
            }
        }
        listed.marks.sort_unstable();
        listed
    }

    fn take(&mut self, entry: &Entry<'_>, this: &Time) {
        self.marks.push(Mark::new(entry.serial, entry.date.unix()));
        // The content of an INTEGER: its top bit is the sign.
        let positive = entry.serial.first().is_some_and(|top| *top < 0x80) && entry.serial != [0];
        if !positive || entry.serial.len() > LONGEST_SERIAL {
            let octets = entry.serial.len();
            self.serial
                .get_or_insert_with(|| format!("the serial number {} of {octets} octets", entry.shown()));
        }
        if entry.date.is_other_form() {
            self.other_form.get_or_insert_with(|| format!("{} is written in the other form", entry.date));
        }
        if entry.date.unix() > seconds_since(this) {
            self.late.get_or_insert_with(|| {
                format!("{} is revoked on {}, and thisUpdate is {this}", entry.shown(), entry.date)
            });
        }
        match entry.said() {
            // The common case, of which a million are looked at.
            Some(Said::Reason(1..=5 | 9)) => {}
            Some(Said::Reason(number)) => {
                self.reason.get_or_insert_with(|| format!("reason {number}, for {}", entry.shown()));
            }
            Some(Said::Extensions(list)) => self.extensions(entry, &list),
            None => {
                self.not_der.get_or_insert_with(|| format!("the entry of {} is not DER", entry.shown()));
            }
        }
    }

    fn extensions(&mut self, entry: &Entry<'_>, list: &[Extension]) {
        let mut reason = None;
        for (at, found) in list.iter().enumerate() {
            let value = found.extn_value.as_bytes();
            if list.iter().skip(at.saturating_add(1)).any(|other| other.extn_id == found.extn_id) {
                let twice = format!("the extension {} stands twice, for {}", found.extn_id, entry.shown());
                self.unknown.get_or_insert(twice);
            }
            let readable = match found.extn_id {
                CrlReason::OID => {
                    reason = Some(found);
                    again::<CrlReason>(value)
                }
                INVALIDITY_DATE => {
                    self.invalidity_date(entry, found);
                    again::<GeneralizedTime>(value)
                }
                other => {
                    self.unknown.get_or_insert_with(|| format!("the extension {other}"));
                    true
                }
            };
            if !readable {
                self.unreadable.get_or_insert_with(|| unreadable_value(found));
            }
        }
        let Some(found) = reason else {
            self.reason.get_or_insert_with(|| format!("no reason for {}", entry.shown()));
            return;
        };
        let reason = CrlReason::from_der(found.extn_value.as_bytes()).ok();
        let fits = !matches!(
            reason,
            None | Some(
                CrlReason::Unspecified
                    | CrlReason::CertificateHold
                    | CrlReason::RemoveFromCRL
                    | CrlReason::AaCompromise
            )
        );
        if !fits || found.critical {
            let critical = found.critical;
            self.reason.get_or_insert_with(|| {
                format!("reason {reason:?}, critical {critical}, for {}", entry.shown())
            });
        }
    }

    fn invalidity_date(&mut self, entry: &Entry<'_>, found: &Extension) {
        let date = GeneralizedTime::from_der(found.extn_value.as_bytes()).ok();
        let fine = date.is_some_and(|date| seconds_since(&Time::GeneralTime(date)) <= entry.date.unix());
        if !fine || found.critical {
            let date = date.map_or_else(|| "none".into(), |date| Time::GeneralTime(date).to_string());
            self.invalidity.get_or_insert_with(|| {
                let critical = found.critical;
                format!(
                    "{} is revoked on {}, invalid since {date}, critical {critical}",
                    entry.shown(),
                    entry.date
                )
            });
        }
    }
}
