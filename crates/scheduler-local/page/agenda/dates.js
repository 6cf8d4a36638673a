// Days and times of the clinic's wall clock: days as `2026-02-16`, times of day as minutes.

const DAY = 86_400_000;
const number = (day) => Date.parse(`${day}T00:00:00Z`);
const named = (options) => new Intl.DateTimeFormat("pt-BR", { timeZone: "UTC", ...options });
const long = named({ weekday: "long", day: "numeric", month: "long" });
const short = named({ weekday: "short" });
const dayAndMonth = named({ day: "numeric", month: "long" });
const whole = named({ day: "numeric", month: "long", year: "numeric" });

/** The day so many days later. */
export const addDays = (day, days) => new Date(number(day) + days * DAY).toISOString().slice(0, 10);

/** 0 = Sunday … 6 = Saturday. */
export const weekday = (day) => new Date(number(day)).getUTCDay();

/** The Monday of a day's week. */
export const mondayOf = (day) => addDays(day, -((weekday(day) + 6) % 7));

/** `09:30` → 570 */
export const minutesOf = (time) => Number(time.slice(0, 2)) * 60 + Number(time.slice(3, 5));

/** 570 → `09:30` */
export const timeOf = (minutes) =>
  `${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;

/** `segunda-feira, 16 de fevereiro` */
export const longDay = (day) => long.format(number(day));

/** `seg, 16/02` */
export const briefDay = (day) => `${shortWeekday(day)}, ${day.slice(8)}/${day.slice(5, 7)}`;

/** `seg` */
export const shortWeekday = (day) => short.format(number(day)).replace(".", "");

/** `16` */
export const dayOfMonth = (day) => String(Number(day.slice(8)));

/** `16 a 22 de fevereiro de 2026` */
export function titleOf(monday) {
  const sunday = addDays(monday, 6);
  const sameMonth = monday.slice(0, 7) === sunday.slice(0, 7);
  const first = sameMonth ? dayOfMonth(monday) : dayAndMonth.format(number(monday));
  return `${first} a ${whole.format(number(sunday))}`;
}

/** What the wall clock of a time zone shows at an instant. */
export function wallClock(instant, timeZone) {
  const parts = new Intl.DateTimeFormat("en-CA", {
    timeZone,
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
  }).formatToParts(instant);
  const of = (type) => parts.find((part) => part.type === type).value;
  return { day: `${of("year")}-${of("month")}-${of("day")}`, minutes: Number(of("hour")) * 60 + Number(of("minute")) };
}
