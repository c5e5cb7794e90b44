//! Arithmetic on what was measured.

use serde::{Deserialize, Serialize};

/// The middle and the slow end of a set of durations, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Spread {
    /// How many durations there were.
    pub(crate) count: usize,
    /// Half of them were no longer.
    pub(crate) p50: u64,
    /// All but one of a hundred were no longer.
    pub(crate) p99: u64,
}

/// The value that `share` of the sorted `values` do not exceed: a value that was measured, never one between two.
pub(crate) fn percentile(sorted: &[u64], share: f64) -> u64 {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

/// The middle value; between two, half way.
pub(crate) fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    let odd = values.len() % 2 == 1;
    Some(if odd { upper } else { (values[middle - 1] + upper) / 2.0 })
}

// === impl Spread ===

impl Spread {
    /// Sorts `durations` and looks at them.
    pub(crate) fn of(durations: &mut [u64]) -> Self {
        durations.sort_unstable();
        Self { count: durations.len(), p50: percentile(durations, 0.50), p99: percentile(durations, 0.99) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentile_is_the_smallest_value_that_covers_its_share() {
        let hundred: Vec<u64> = (1..=100).collect();
        assert_eq!(percentile(&hundred, 0.50), 50);
        assert_eq!(percentile(&hundred, 0.99), 99);
        assert_eq!(percentile(&hundred, 1.0), 100);
        assert_eq!(percentile(&[7], 0.99), 7);
        assert_eq!(percentile(&[1, 2, 3], 0.50), 2);
        assert_eq!(percentile(&[], 0.50), 0);
    }

    #[test]
    fn one_slow_call_of_a_thousand_is_not_in_the_99th_percentile() {
        let mut durations = vec![10; 999];
        durations.push(1_000_000);
        assert_eq!(Spread::of(&mut durations), Spread { count: 1000, p50: 10, p99: 10 });
    }

    #[test]
    fn median_does_not_follow_one_round_that_went_wrong() {
        assert_eq!(median(&mut [50.0, 9000.0, 52.0]), Some(52.0));
        assert_eq!(median(&mut [4.0, 2.0]), Some(3.0));
        assert_eq!(median(&mut []), None);
    }
}
