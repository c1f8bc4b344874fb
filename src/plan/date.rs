//! Moments, days and periods. All are absolute and in UTC.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A moment in UTC, in whole seconds, written `2026-12-01T00:00:00Z`.
///
/// Years 1950 to 9999, the range of X.509's UTCTime and GeneralizedTime (RFC 5280, 4.1.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Time(Timestamp);

impl Time {
    /// From a count of seconds since 1970; none outside the years 1950 to 9999.
    pub fn from_unix(seconds: i64) -> Option<Self> {
        let time = Timestamp::from_second(seconds).ok()?;
        (1950..=9999).contains(&time.to_zoned_datetime(TimeZone::UTC).year()).then_some(Self(time))
    }

    /// Seconds since 1970.
    pub fn unix(self) -> i64 {
        self.0.as_second()
    }

    /// The day that the moment lies in.
    pub fn day(self) -> Day {
        Day(self.0.to_zoned_datetime(TimeZone::UTC).date())
    }

    /// The same time of day, some days later (or earlier).
    pub fn shifted(self, days: i64) -> Option<Self> {
        Self::from_unix(self.unix().checked_add(days.checked_mul(86_400)?)?)
    }

    /// The moment a calendar span later.
    pub fn after(self, span: Span) -> Option<Self> {
        let end = self.0.to_zoned_datetime(TimeZone::UTC).checked_add(span).ok()?;
        Self::from_unix(end.timestamp().as_second())
    }

    /// Whole seconds from `earlier` to here; negative if `earlier` is later.
    pub fn since(self, earlier: Self) -> i64 {
        self.unix() - earlier.unix()
    }
}

impl FromStr for Time {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is not a time of the calendar: expected UTC in whole seconds, such as 2026-12-01T00:00:00Z"
            )
        };
        let time: Timestamp = text.parse().map_err(|_| wrong())?;
        let time = Self::from_unix(time.as_second()).ok_or_else(wrong)?;
        // Written back the same: no fraction, no offset, no lower case.
        if time.to_string() == text { Ok(time) } else { Err(wrong()) }
    }
}

impl TryFrom<String> for Time {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Time> for String {
    fn from(time: Time) -> Self {
        time.to_string()
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.to_string())
    }
}

impl JsonSchema for Time {
    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "date-time", "pattern": "Z$"})
    }
}

/// A day, written `2026-12-01`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Day(Date);

impl Day {
    /// The first moment of the day, in UTC.
    pub fn start(self) -> Option<Time> {
        let start = self.0.to_zoned_datetime(TimeZone::UTC).ok()?;
        Time::from_unix(start.timestamp().as_second())
    }

    /// Days from `earlier` to here.
    pub fn since(self, earlier: Self) -> i64 {
        self.0.duration_since(earlier.0).as_hours() / 24
    }

    /// Some days later (or earlier).
    pub fn shifted(self, days: i64) -> Option<Self> {
        let hours = days.checked_mul(24)?;
        self.0.checked_add(SignedDuration::try_from_hours(hours)?).ok().map(Self)
    }
}

impl FromStr for Day {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let day: Option<Date> = text.parse().ok();
        match day {
            Some(day) if day.to_string() == text && (1950..=9999).contains(&day.year()) => Ok(Self(day)),
            _ => Err(format!("`{text}` is not a day: expected a day of the calendar, such as 2026-12-01")),
        }
    }
}

impl TryFrom<String> for Day {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Day> for String {
    fn from(day: Day) -> Self {
        day.to_string()
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.to_string())
    }
}

impl JsonSchema for Day {
    fn schema_name() -> Cow<'static, str> {
        "Day".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "date"})
    }
}

/// A length of time as a person writes it, such as "7 days" or "10 years", by the calendar.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Length {
    text: String,
    span: Span,
}

impl Length {
    /// The length, for the calendar.
    pub fn span(&self) -> Span {
        self.span
    }
}

impl PartialEq for Length {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl TryFrom<String> for Length {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        match text.parse::<Span>() {
            Ok(span) if !span.is_negative() => Ok(Self { text, span }),
            _ => Err(format!(
                "`{text}` is not a length of time: expected one such as \"10 years\" or \"90 days\""
            )),
        }
    }
}

impl From<Length> for String {
    fn from(length: Length) -> Self {
        length.text
    }
}

impl JsonSchema for Length {
    fn schema_name() -> Cow<'static, str> {
        "Length".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "description": "A length of time, such as \"7 days\" or \"10 years\"."})
    }
}

/// From when to when something is valid: both ends belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "WrittenValidity")]
pub struct Validity {
    /// The first valid moment.
    pub from: Time,
    /// The last valid moment.
    pub to: Time,
}

/// A validity as a plan writes it: `from`, and either `to` or `for`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Validity")]
struct WrittenValidity {
    /// The first valid moment.
    from: Time,
    /// The last valid moment.
    to: Option<Time>,
    /// A length of time instead of `to`, such as "10 years" or "90 days".
    r#for: Option<String>,
}

impl TryFrom<WrittenValidity> for Validity {
    type Error = String;
    fn try_from(written: WrittenValidity) -> Result<Self, String> {
        let from = written.from;
        let to = match (written.to, written.r#for) {
            (Some(to), None) => to,
            (None, Some(length)) => {
                let wrong = format!("`{length}` after {from} leaves the calendar");
                from.after(Length::try_from(length)?.span).ok_or(wrong)?
            }
            _ => return Err("a validity has `from` and either `to` or `for`".into()),
        };
        if to <= from {
            return Err(format!("the validity ends at {to}, before it begins at {from}"));
        }
        Ok(Self { from, to })
    }
}

/// From when, and until when if that is known, clients trust an entry of the trusted root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "WrittenWindow")]
pub struct Window {
    /// The first trusted moment.
    pub from: Time,
    /// The last trusted moment; none while the entry is in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Time>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Window")]
struct WrittenWindow {
    from: Time,
    to: Option<Time>,
}

impl TryFrom<WrittenWindow> for Window {
    type Error = String;
    fn try_from(written: WrittenWindow) -> Result<Self, String> {
        match written.to {
            Some(to) if to < written.from => {
                Err(format!("the trust window ends at {to}, before it begins at {}", written.from))
            }
            to => Ok(Self { from: written.from, to }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_seconds_in_utc() {
        assert!("2026-12-01T00:00:00Z".parse::<Time>().is_ok());
        for bad in [
            "2026-12-01",
            "2026-12-01T00:00:00",
            "2026-12-01T00:00:00.5Z",
            "2026-13-01T00:00:00Z",
            "2026-02-30T00:00:00Z",
            "2026-12-01T00:00:00+01:00",
            "1900-01-01T00:00:00Z",
        ] {
            assert!(bad.parse::<Time>().is_err(), "{bad}");
        }
        assert!("2026-02-30".parse::<Day>().is_err());
    }

    #[test]
    fn a_length_is_counted_in_the_calendar() {
        let written = WrittenValidity {
            from: "2028-02-29T00:00:00Z".parse().unwrap(),
            to: None,
            r#for: Some("10 years".into()),
        };
        assert_eq!(Validity::try_from(written).unwrap().to.to_string(), "2038-02-28T00:00:00Z");
    }

    #[test]
    fn shifting_moves_by_days() {
        let day: Day = "2026-12-01".parse().unwrap();
        assert_eq!(day.shifted(-8).unwrap().to_string(), "2026-11-23");
        assert_eq!(day.shifted(-8).unwrap().since(day), -8);
        assert_eq!(day.start().unwrap().shifted(31).unwrap().to_string(), "2027-01-01T00:00:00Z");
        assert_eq!(day.start().unwrap().day(), day);
        assert!(day.shifted(i64::MAX).is_none());
    }
}
