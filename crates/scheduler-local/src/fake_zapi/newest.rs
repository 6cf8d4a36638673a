//! Lists that forget their oldest entries.

use std::collections::VecDeque;

/// Appends an entry, and removes the oldest one if there are more than `kept`.
pub(super) fn push<T>(list: &mut VecDeque<T>, entry: T, kept: usize) {
    list.push_back(entry);
    if list.len() > kept {
        list.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_entries_stay_in_their_order() {
        let mut list = VecDeque::new();
        for entry in 1..=5 {
            push(&mut list, entry, 3);
        }
        assert_eq!(list, [3, 4, 5]);
    }
}
