// When the clinic is open on a day, from its rules, exceptions and business hours.

import { addDays, minutesOf, weekday } from "./dates.js";

const NAMES = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const MIDNIGHT = 24 * 60;

/**
 * `windows` when it is open, `blocked` what was cut out of them and why, `special` the reason of
 * hours that hold for this day alone.
 */
export function hoursOf(day, { rules, exceptions, businessHours }) {
  const today = exceptions.filter((exception) => exception.exception_date === day);
  const special = today.filter((exception) => exception.exception_type === "SPECIAL_HOURS");
  const blocked = today.filter((exception) => exception.exception_type === "BLOCKED").map(part);
  const windows = special.length > 0 ? special.map(part) : usual(day, rules, businessHours);
  return {
    windows: windows.sort((one, other) => one.start - other.start),
    blocked,
    special: special.length > 0 ? special.map((exception) => exception.reason).find(Boolean) ?? "" : null,
  };
}

/** The first day from `today` on when somebody may still come in, looking two weeks ahead. */
export function nextOpenDay(today, minutes, hours) {
  for (let ahead = 0; ahead < 14; ahead += 1) {
    const day = addDays(today, ahead);
    const { windows, blocked } = hoursOf(day, hours);
    const closed = (window) => blocked.some((part) => part.start <= window.start && part.end >= window.end);
    if (windows.some((window) => (ahead > 0 || window.end > minutes) && !closed(window))) return day;
  }
  return today;
}

function usual(day, rules, businessHours) {
  if (rules.length > 0) return rules.filter((rule) => rule.day_of_week === weekday(day)).map(times);
  const hours = businessHours?.[NAMES[weekday(day)]];
  return hours ? [{ start: minutesOf(hours.start), end: minutesOf(hours.end) }] : [];
}

const times = (row) => ({ start: minutesOf(row.start_time), end: minutesOf(row.end_time) });

const part = (exception) => ({
  ...(exception.start_time ? times(exception) : { start: 0, end: MIDNIGHT }),
  reason: exception.reason ?? "",
});
