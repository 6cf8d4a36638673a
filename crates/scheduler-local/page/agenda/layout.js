// Where the visits of a day stand beside one another.

import { minutesOf } from "./dates.js";

/** Whether a visit takes time from others. */
export const occupies = (visit) => visit.status === "CONFIRMED" || visit.status === "COMPLETED";

/**
 * Each visit with its start and length in minutes. What occupies time never overlaps and has the
 * day's width; a visit that gave its time back steps aside (`aside` counts from the right edge)
 * where another has taken it.
 */
export function layOut(visits) {
  const placed = visits.map((visit) => {
    const start = minutesOf(visit.start_time);
    return { visit, start, length: minutesOf(visit.end_time) - start, aside: 0 };
  });
  const overlap = (one, other) => one.start < other.start + other.length && other.start < one.start + one.length;
  const standing = placed.filter(({ visit }) => occupies(visit));
  const gone = placed.filter(({ visit }) => !occupies(visit));
  const settled = [];
  for (const box of gone) {
    if (standing.some((other) => overlap(box, other))) box.aside = 1;
    while (settled.some((other) => other.aside === box.aside && overlap(box, other))) box.aside += 1;
    settled.push(box);
  }
  for (const box of standing) {
    box.neighbours = Math.max(0, ...settled.filter((other) => overlap(box, other)).map((other) => other.aside));
  }
  return placed;
}

/** From when to when a week is drawn, in whole hours, and how many pixels a minute has. */
export function scaleOf(hours, visits) {
  const starts = [8 * 60 + 30];
  const ends = [18 * 60];
  for (const { windows } of hours) {
    for (const window of windows) {
      starts.push(window.start);
      ends.push(window.end);
    }
  }
  let shortest = 45;
  for (const visit of visits) {
    const [start, end] = [minutesOf(visit.start_time), minutesOf(visit.end_time)];
    starts.push(start);
    ends.push(end + visit.buffer_minutes);
    shortest = Math.min(shortest, end - start);
  }
  const first = Math.floor(Math.min(...starts) / 60) * 60;
  const last = Math.min(24 * 60, Math.ceil(Math.max(...ends) / 60) * 60);
  // A line of text must fit into the shortest visit, within reason.
  return { first, last, minute: Math.min(4.4, Math.max(1.2, 22 / shortest)) };
}
