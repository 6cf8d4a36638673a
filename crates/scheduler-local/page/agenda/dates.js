// Date arithmetic and formatting in the clinic's local time. Days are `2026-02-16`; times of day are
// minutes after midnight.

const DAY_MS = 86_400_000;
const utcMillis = (day) => Date.parse(`${day}T00:00:00Z`);
const formatter = (options) => new Intl.DateTimeFormat("pt-BR", { timeZone: "UTC", ...options });
const weekdayAndDate = formatter({ weekday: "long", day: "numeric", month: "long" });
const weekdayShort = formatter({ weekday: "short" });
const dayAndMonth = formatter({ day: "numeric", month: "long" });
const dayMonthYear = formatter({ day: "numeric", month: "long", year: "numeric" });

export const addDays = (day, days) => new Date(utcMillis(day) + days * DAY_MS).toISOString().slice(0, 10);

/** 0 = Sunday … 6 = Saturday. */
export const weekday = (day) => new Date(utcMillis(day)).getUTCDay();

/** The Monday of the week that contains `day`. */
export const mondayOf = (day) => addDays(day, -((weekday(day) + 6) % 7));

/** `09:30` → 570 */
export const minutesOf = (time) => Number(time.slice(0, 2)) * 60 + Number(time.slice(3, 5));

/** 570 → `09:30` */
export const timeOf = (minutes) =>
  `${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;

/** `segunda-feira, 16 de fevereiro` */
export const longDay = (day) => weekdayAndDate.format(utcMillis(day));

/** `seg, 16/02` */
export const shortDay = (day) => `${shortWeekday(day)}, ${day.slice(8)}/${day.slice(5, 7)}`;

/** `seg` */
export const shortWeekday = (day) => weekdayShort.format(utcMillis(day)).replace(".", "");

/** `16` */
export const dayOfMonth = (day) => String(Number(day.slice(8)));

/** `16 a 22 de fevereiro de 2026` */
export function weekTitle(monday) {
  const sunday = addDays(monday, 6);
  const sameMonth = monday.slice(0, 7) === sunday.slice(0, 7);
  const first = sameMonth ? dayOfMonth(monday) : dayAndMonth.format(utcMillis(monday));
  return `${first} a ${dayMonthYear.format(utcMillis(sunday))}`;
}

/** The local day and time of day of an instant in a time zone. */
export function localTime(instant, timeZone) {
  const parts = new Intl.DateTimeFormat("en-CA", {
    timeZone,
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
  }).formatToParts(instant);
  const value = (type) => parts.find((part) => part.type === type).value;
  return { day: `${value("year")}-${value("month")}-${value("day")}`, minutes: Number(value("hour")) * 60 + Number(value("minute")) };
}
