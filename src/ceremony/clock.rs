//! The ceremony's clock. In a rehearsal it starts on the ceremony's day, as the plan's dates do.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::plan::{Day, Time};

/// A clock that starts at a given moment and runs at the pace of the real one.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    base: Time,
    since: Instant,
}

impl Clock {
    /// The machine's clock; none if it stands outside the years 1950 to 9999.
    pub fn system() -> Option<Self> {
        let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        let base = Time::from_unix(i64::try_from(elapsed.as_secs()).ok()?)?;
        Some(Self { base, since: Instant::now() })
    }

    /// A rehearsal's clock: the ceremony's day at this time of day, and never before `last`, the
    /// archive's last event.
    pub fn rehearsal(day: Day, last: Option<Time>) -> Option<Self> {
        let system = Self::system()?;
        let base = system.base.shifted(day.since(system.base.day()))?;
        Some(Self { base: last.map_or(base, |last| base.max(last)), since: system.since })
    }

    /// Now.
    pub fn now(&self) -> Time {
        let seconds = i64::try_from(self.since.elapsed().as_secs()).unwrap_or(0);
        Time::from_unix(self.base.unix().saturating_add(seconds)).unwrap_or(self.base)
    }
}

/// By how many seconds the machine's clock may differ from one on the wall, which is read to the minute.
pub const TOLERANCE: i64 = 120;

/// By how many seconds `now` is ahead of a time of day that a person typed: `14:05` in UTC, or with its
/// zone, `15:05+01:00`. None if it is no time of day. The day is not typed: the nearest one is meant.
pub fn skew(now: Time, typed: &str) -> Option<i64> {
    const DAY: i64 = 24 * 60 * 60;
    let (time, zone) = match typed.find(['+', '-']) {
        Some(at) => typed.split_at(at),
        None => (typed.trim_end_matches(['Z', 'z']), "+00:00"),
    };
    let minutes = |text: &str, most: i64| {
        let (hours, minutes) = text.split_once(':')?;
        let part = |text: &str, most: i64| {
            let digits = (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<i64>().ok().filter(|part| digits && (0..=most).contains(part))
        };
        Some(part(hours, most)?.saturating_mul(60).saturating_add(part(minutes, 59)?))
    };
    let east = match zone.split_at_checked(1)? {
        ("+", zone) => minutes(zone, 14)?,
        (_, zone) => minutes(zone, 12)?.saturating_neg(),
    };
    let wall = minutes(time.trim(), 23)?.saturating_sub(east).saturating_mul(60);
    let ahead = now.unix().saturating_sub(wall).rem_euclid(DAY);
    Some(if ahead > DAY / 2 { ahead.saturating_sub(DAY) } else { ahead })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_on_the_wall_is_read_to_the_minute() {
        let now: Time = "2026-12-01T14:05:30Z".parse().unwrap();
        for (typed, expected) in [
            ("14:05", 30),
            ("14:06Z", -30),
            ("15:05+01:00", 30),
            ("9:05-05:00", 30),
            ("19:35+05:30", 30),
            ("13:05", 3630),
            ("02:05", 43230 - 86400),
        ] {
            assert_eq!(skew(now, typed), Some(expected), "{typed}");
        }
        let midnight: Time = "2026-12-01T00:00:10Z".parse().unwrap();
        assert_eq!(skew(midnight, "23:59"), Some(70));
        for typed in
            ["", "14", "14:5x", "24:00", "14:60", "14:05+", "14:05+15:00", "noon", "+01:00", "114:05"]
        {
            assert_eq!(skew(now, typed), None, "{typed}");
        }
    }

    #[test]
    fn a_rehearsal_is_held_on_its_day() {
        let day: Day = "2031-05-06".parse().unwrap();
        assert_eq!(Clock::rehearsal(day, None).unwrap().now().day(), day);
        let last: Time = "2031-05-07T12:00:00Z".parse().unwrap();
        assert!(Clock::rehearsal(day, Some(last)).unwrap().now() >= last);
    }
}
