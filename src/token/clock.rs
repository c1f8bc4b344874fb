//! How long devices take: what is left of a ceremony's time is our own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::fault;

/// Adds up the time spent inside modules. Clones share one sum.
#[derive(Clone, Debug, Default)]
pub(super) struct Clock(Arc<AtomicU64>);

impl Clock {
    /// Runs one call into a module and adds its time. Calls are not nested, or time would count twice.
    pub(super) fn time<R>(&self, call: impl FnOnce() -> R) -> R {
        fault::point("device: call");
        let start = Instant::now();
        let result = call();
        let nanos = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.0.fetch_add(nanos, Ordering::Relaxed);
        fault::point("device: called");
        result
    }

    /// The sum.
    pub(super) fn total(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_one_sum() {
        let clock = Clock::default();
        clock.clone().time(|| std::thread::sleep(Duration::from_millis(2)));
        clock.time(|| std::thread::sleep(Duration::from_millis(2)));
        assert!(clock.total() >= Duration::from_millis(4));
    }
}
