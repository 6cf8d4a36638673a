//! The agenda as a child would keep it: a strip of minutes a day.

use std::collections::BTreeMap;

/// A week after the test clock's Monday: nothing of it is past. The example clinic opens on all of
/// them from 09:00 to 18:00.
pub(super) const DAYS: [&str; 5] = ["2026-02-23", "2026-02-24", "2026-02-25", "2026-02-26", "2026-02-27"];
const OPENS: u16 = 9 * 60;
const CLOSES: u16 = 18 * 60;
const BUFFER: u16 = 10;

#[derive(Debug, Clone, Copy)]
struct Visit {
    day: usize,
    start: u16,
    length: u16,
}

impl Visit {
    /// Whether it takes this minute from others.
    fn takes(&self, day: usize, minute: u16) -> bool {
        self.day == day && (self.start..self.start + self.length + BUFFER).contains(&minute)
    }
}

/// Visits that stand, by id, and parts of days that are blocked.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    visits: BTreeMap<String, Visit>,
    blocked: Vec<(usize, u16, u16)>,
}

impl Agenda {
    /// Whether it was free; then it is taken.
    pub(super) fn book(&mut self, id: &str, day: usize, start: u16, length: u16) -> bool {
        let wanted = Visit { day, start, length };
        let free = self.is_free(wanted, None);
        if free {
            self.visits.insert(id.to_owned(), wanted);
        }
        free
    }

    /// Whether the new time was free; then it is taken and the old one given up.
    pub(super) fn shift(&mut self, id: &str, day: usize, start: u16) -> bool {
        let wanted = Visit { day, start, length: self.visits[id].length };
        let free = self.is_free(wanted, Some(id));
        if free {
            self.visits.insert(id.to_owned(), wanted);
        }
        free
    }

    /// The day of the visit that was.
    pub(super) fn cancel(&mut self, id: &str) -> usize {
        self.visits.remove(id).expect("a visit").day
    }

    /// How many visits stand in the way.
    pub(super) fn block(&mut self, day: usize, start: u16, minutes: u16) -> usize {
        self.blocked.push((day, start, minutes));
        let end = start + minutes;
        let meets =
            |visit: &&Visit| visit.day == day && visit.start < end && start < visit.start + visit.length;
        self.visits.values().filter(meets).count()
    }

    /// Some visit that stands.
    pub(super) fn pick(&self, number: usize) -> Option<String> {
        self.visits.keys().nth(number.checked_rem(self.visits.len())?).cloned()
    }

    /// Where a visit of this length may start: from the start of each free stretch, every length and
    /// buffer, as long as it ends before the stretch does; its buffer may not reach into a visit.
    pub(super) fn slots(&self, day: usize, length: u16) -> Vec<u16> {
        let mut slots = Vec::new();
        let mut minute = OPENS;
        while minute < CLOSES {
            if !self.is_open(day, minute) {
                minute += 1;
                continue;
            }
            let end = (minute..CLOSES).find(|at| !self.is_open(day, *at)).unwrap_or(CLOSES);
            let grid = (minute..end).step_by(usize::from(length + BUFFER));
            let fits = |at: &u16| {
                at + length <= end && (*at..at + length + BUFFER).all(|minute| !self.is_taken(day, minute))
            };
            slots.extend(grid.filter(fits));
            minute = end;
        }
        slots
    }

    fn is_free(&self, wanted: Visit, but: Option<&str>) -> bool {
        let others = self.visits.iter().filter(|(id, _)| Some(id.as_str()) != but);
        let ours = wanted.start..wanted.start + wanted.length + BUFFER;
        others.into_iter().all(|(_, visit)| ours.clone().all(|minute| !visit.takes(wanted.day, minute)))
    }

    fn is_open(&self, day: usize, minute: u16) -> bool {
        let blocked = |(at, start, minutes): &(usize, u16, u16)| {
            *at == day && (*start..start + minutes).contains(&minute)
        };
        !self.is_taken(day, minute) && !self.blocked.iter().any(blocked)
    }

    fn is_taken(&self, day: usize, minute: u16) -> bool {
        self.visits.values().any(|visit| visit.takes(day, minute))
    }
}
