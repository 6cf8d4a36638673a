//! A simple model of the agenda: it checks every minute of a day one by one
//! (docs/rules/reliability.md#model-of-the-agenda).

use std::collections::BTreeMap;

/// The week after the test clock's Monday, so no slot is in the past. The example clinic is open on all
/// of these days, 09:00 to 18:00.
pub(super) const DAYS: [&str; 5] = ["2026-02-23", "2026-02-24", "2026-02-25", "2026-02-26", "2026-02-27"];
const OPENS: u16 = 9 * 60;
const CLOSES: u16 = 18 * 60;
const BUFFER: u16 = 10;

#[derive(Debug, Clone, Copy)]
struct Appointment {
    day: usize,
    start: u16,
    length: u16,
}

impl Appointment {
    /// Whether it occupies this minute, buffer included.
    fn occupies(&self, day: usize, minute: u16) -> bool {
        self.day == day && (self.start..self.start + self.length + BUFFER).contains(&minute)
    }
}

/// Confirmed appointments by id, and blocked parts of days as `(day, start, minutes)`.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    appointments: BTreeMap<String, Appointment>,
    blocked: Vec<(usize, u16, u16)>,
}

impl Agenda {
    /// Books the time if it is free. Returns whether it was.
    pub(super) fn book(&mut self, id: &str, day: usize, start: u16, length: u16) -> bool {
        let wanted = Appointment { day, start, length };
        let free = self.is_free(wanted, None);
        if free {
            self.appointments.insert(id.to_owned(), wanted);
        }
        free
    }

    /// Moves the appointment if the new time is free. Returns whether it was.
    pub(super) fn shift(&mut self, id: &str, day: usize, start: u16) -> bool {
        let wanted = Appointment { day, start, length: self.appointments[id].length };
        let free = self.is_free(wanted, Some(id));
        if free {
            self.appointments.insert(id.to_owned(), wanted);
        }
        free
    }

    /// Removes the appointment and returns its day.
    pub(super) fn cancel(&mut self, id: &str) -> usize {
        self.appointments.remove(id).expect("an appointment").day
    }

    /// Blocks part of a day and returns the number of appointments in it.
    pub(super) fn block(&mut self, day: usize, start: u16, minutes: u16) -> usize {
        self.blocked.push((day, start, minutes));
        let end = start + minutes;
        let overlaps = |appointment: &&Appointment| {
            appointment.day == day
                && appointment.start < end
                && start < appointment.start + appointment.length
        };
        self.appointments.values().filter(overlaps).count()
    }

    /// One of the appointments, chosen by `number`; `None` if there is none.
    pub(super) fn pick(&self, number: usize) -> Option<String> {
        self.appointments.keys().nth(number.checked_rem(self.appointments.len())?).cloned()
    }

    /// Where an appointment of this length may start: from the start of each free interval, in steps of
    /// length plus buffer. It must end within the interval, and its buffer may not reach into another
    /// appointment.
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

    fn is_free(&self, wanted: Appointment, except: Option<&str>) -> bool {
        let others = self.appointments.iter().filter(|(id, _)| Some(id.as_str()) != except);
        let minutes = wanted.start..wanted.start + wanted.length + BUFFER;
        others
            .into_iter()
            .all(|(_, appointment)| minutes.clone().all(|minute| !appointment.occupies(wanted.day, minute)))
    }

    fn is_open(&self, day: usize, minute: u16) -> bool {
        let blocked = |(at, start, minutes): &(usize, u16, u16)| {
            *at == day && (*start..start + minutes).contains(&minute)
        };
        !self.is_taken(day, minute) && !self.blocked.iter().any(blocked)
    }

    fn is_taken(&self, day: usize, minute: u16) -> bool {
        self.appointments.values().any(|appointment| appointment.occupies(day, minute))
    }
}
