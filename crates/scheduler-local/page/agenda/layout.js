// Computes where the appointments of a day are drawn, and the scale of the week.

import { minutesOf } from "./dates.js";

/** Whether no other appointment can take the same time. */
export const occupiesTime = (appointment) => appointment.status === "CONFIRMED" || appointment.status === "COMPLETED";

/**
 * Places the appointments of a day. `start` and `length` are in minutes.
 *
 * Appointments that occupy time never overlap and get the full width. A cancelled or no-show one
 * that overlaps another moves to a narrow lane: `aside` is its lane, counted from the right edge.
 * `neighbours` is the number of lanes next to an appointment that occupies time.
 */
export function layOutDay(appointments) {
  const boxes = appointments.map((appointment) => {
    const start = minutesOf(appointment.start_time);
    return { appointment, start, length: minutesOf(appointment.end_time) - start, aside: 0 };
  });
  const overlap = (one, other) => one.start < other.start + other.length && other.start < one.start + one.length;
  const occupying = boxes.filter(({ appointment }) => occupiesTime(appointment));
  const released = boxes.filter(({ appointment }) => !occupiesTime(appointment));
  const placed = [];
  for (const box of released) {
    if (occupying.some((other) => overlap(box, other))) box.aside = 1;
    while (placed.some((other) => other.aside === box.aside && overlap(box, other))) box.aside += 1;
    placed.push(box);
  }
  for (const box of occupying) {
    box.neighbours = Math.max(0, ...placed.filter((other) => overlap(box, other)).map((other) => other.aside));
  }
  return boxes;
}

/** The hours to draw, in minutes after midnight (`first`, `last`), and the pixels per `minute`. */
export function weekScale(hours, appointments) {
  const starts = [8 * 60 + 30];
  const ends = [18 * 60];
  for (const { windows } of hours) {
    for (const window of windows) {
      starts.push(window.start);
      ends.push(window.end);
    }
  }
  let shortest = 45;
  for (const appointment of appointments) {
    const [start, end] = [minutesOf(appointment.start_time), minutesOf(appointment.end_time)];
    starts.push(start);
    ends.push(end + appointment.buffer_minutes);
    shortest = Math.min(shortest, end - start);
  }
  const first = Math.floor(Math.min(...starts) / 60) * 60;
  const last = Math.min(24 * 60, Math.ceil(Math.max(...ends) / 60) * 60);
  // The shortest appointment must fit one line of text (22 px), within limits.
  return { first, last, minute: Math.min(4.4, Math.max(1.2, 22 / shortest)) };
}
