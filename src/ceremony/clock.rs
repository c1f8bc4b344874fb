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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rehearsal_is_held_on_its_day() {
        let day: Day = "2031-05-06".parse().unwrap();
        assert_eq!(Clock::rehearsal(day, None).unwrap().now().day(), day);
        let last: Time = "2031-05-07T12:00:00Z".parse().unwrap();
        assert!(Clock::rehearsal(day, Some(last)).unwrap().now() >= last);
    }
}
