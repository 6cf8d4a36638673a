// Computes when the clinic is open, from its availability rules, exceptions and business hours.

import { addDays, minutesOf, weekday } from "./dates.js";

const WEEKDAY_KEYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const MIDNIGHT = 24 * 60;

/**
 * The opening hours of a day, as intervals in minutes after midnight.
 *
 * `windows` are the open intervals. `blocked` are the closed intervals within them, each with its
 * reason. `special` is the reason of that day's special hours (empty if not given), or null if the
 * usual hours apply.
 */
export function openingHours(day, { rules, exceptions, businessHours }) {
  const today = exceptions.filter((exception) => exception.exception_date === day);
  const special = today.filter((exception) => exception.exception_type === "SPECIAL_HOURS");
  const blocked = today.filter((exception) => exception.exception_type === "BLOCKED").map(exceptionInterval);
  const windows = special.length > 0 ? special.map(exceptionInterval) : usualWindows(day, rules, businessHours);
  return {
    windows: windows.sort((one, other) => one.start - other.start),
    blocked,
    special: special.length > 0 ? special.map((exception) => exception.reason).find(Boolean) ?? "" : null,
  };
}

/** The first day within two weeks that still has open time after `minutes` today; otherwise today. */
export function nextOpenDay(today, minutes, hours) {
  for (let ahead = 0; ahead < 14; ahead += 1) {
    const day = addDays(today, ahead);
    const { windows, blocked } = openingHours(day, hours);
    const isOpen = (window) => !blocked.some((interval) => covers(interval, window));
    if (windows.some((window) => (ahead > 0 || window.end > minutes) && isOpen(window))) return day;
  }
  return today;
}

/** Whether an interval covers another one completely. */
export const covers = (interval, other) => interval.start <= other.start && interval.end >= other.end;

function usualWindows(day, rules, businessHours) {
  if (rules.length > 0) return rules.filter((rule) => rule.day_of_week === weekday(day)).map(intervalOf);
  const hours = businessHours?.[WEEKDAY_KEYS[weekday(day)]];
  return hours ? [{ start: minutesOf(hours.start), end: minutesOf(hours.end) }] : [];
}

const intervalOf = (row) => ({ start: minutesOf(row.start_time), end: minutesOf(row.end_time) });

const exceptionInterval = (exception) => ({
  ...(exception.start_time ? intervalOf(exception) : { start: 0, end: MIDNIGHT }),
  reason: exception.reason ?? "",
});
