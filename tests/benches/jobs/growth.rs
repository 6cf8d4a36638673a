//! What one item costs with few clinics and with many. z-api answers at once, so that its time hides nothing.

use std::time::Duration;

use crate::figures::{Figures, print_heading};
use crate::{chats, reminders, reports};

/// An item may cost this many times more with many clinics. A cost that grows with the clinics would be many times
/// as high; the rest allows for busy machines.
const MAX_RATIO: f64 = 2.0;

/// Measures all jobs with both numbers of clinics.
pub async fn compare([few, many]: [usize; 2], items_of_each: usize) {
    print_heading("z-api answers at once");
    let jobs = [
        (
            "due chats",
            chats::of_clinics(few, items_of_each).await,
            chats::of_clinics(many, items_of_each).await,
        ),
        (
            "nightly reports",
            reports::of_one_evening(few, Duration::ZERO).await,
            reports::of_one_evening(many, Duration::ZERO).await,
        ),
        (
            "reminders",
            reminders::due_within_an_hour(few, items_of_each, Duration::ZERO).await,
            reminders::due_within_an_hour(many, items_of_each, Duration::ZERO).await,
        ),
    ];
    for (what, with_few, with_many) in &jobs {
        with_few.print(what);
        with_many.print(what);
    }
    let ratios = jobs.map(|(what, with_few, with_many)| (what, ratio(&with_few, &with_many)));
    for (what, ratio) in ratios {
        println!("{what}: an item costs {ratio:.2} times as much with {many} clinics as with {few}");
    }
    for (what, ratio) in ratios {
        assert!(ratio <= MAX_RATIO, "{what}: {ratio:.2} times, not {MAX_RATIO}");
    }
}

fn ratio(with_few: &Figures, with_many: &Figures) -> f64 {
    with_many.milliseconds_per_item() / with_few.milliseconds_per_item()
}
