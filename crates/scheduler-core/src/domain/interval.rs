//! Half-open intervals.

use std::ops::Sub;

/// The interval `[start, end)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval<T> {
    /// Belongs to the interval.
    pub start: T,
    /// Does not belong to the interval.
    pub end: T,
}

impl<T: Copy + PartialOrd> Interval<T> {
    /// Whether the two intervals have a point in common.
    pub fn overlaps(self, other: Self) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// Whether `point` is inside the interval.
    pub fn contains(self, point: T) -> bool {
        self.start <= point && point < self.end
    }

    /// Whether all of `other` is inside the interval.
    pub fn covers(self, other: Self) -> bool {
        self.start <= other.start && other.end <= self.end
    }
}

impl<T: Copy + Sub> Interval<T> {
    /// `end - start`.
    pub fn length(self) -> T::Output {
        self.end - self.start
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_that_touch_do_not_overlap() {
        let nine_to_ten = Interval { start: 9, end: 10 };
        assert!(!nine_to_ten.overlaps(Interval { start: 10, end: 11 }));
        assert!(nine_to_ten.overlaps(Interval { start: 8, end: 12 }));
        assert!(nine_to_ten.contains(9) && !nine_to_ten.contains(10));
        assert!(nine_to_ten.covers(nine_to_ten) && !nine_to_ten.covers(Interval { start: 9, end: 11 }));
        assert_eq!(nine_to_ten.length(), 1);
    }
}
