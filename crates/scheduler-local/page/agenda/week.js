// Draws the week: seven day columns with their opening hours and appointments.

import { h, reconcileChildren, setChildren } from "../shared/dom.js";
import { icon } from "../shared/icons.js";
import { addDays, dayOfMonth, longDay, shortWeekday, timeOf, weekTitle } from "./dates.js";
import { moveFocus } from "./keyboard.js";
import { layOutDay, occupiesTime, weekScale } from "./layout.js";
import { covers } from "./opening-hours.js";
import { stateOf } from "./states.js";

export class Week {
  #onOpen;
  #frame = "";
  #days = [];
  #changedIds = new Set();

  /** `onOpen` receives the id of the appointment that was clicked. */
  constructor(onOpen) {
    this.#onOpen = onOpen;
    this.element = h("div", { class: "week", tabindex: "0", role: "region", onkeydown: moveFocus, onfocusin: moveTabStop });
  }

  /** Draws a week. `changedIds` are the appointments to highlight as new or changed. */
  draw({ monday, now, hours, appointments, changedIds }) {
    this.#changedIds = changedIds;
    const scale = weekScale(hours, appointments);
    const frame = JSON.stringify([monday, now.day, hours, scale]);
    if (frame !== this.#frame) this.#drawFrame(monday, now.day, hours, scale);
    this.#frame = frame;
    const byDay = Map.groupBy(appointments, (appointment) => appointment.appointment_date);
    for (const { day, list, nowLine } of this.#days) {
      const boxes = layOutDay(byDay.get(day) ?? []);
      reconcileChildren(list, boxes, (box) => box.appointment.appointment_id, versionOf, (box) => this.#card(box, scale));
      const inside = day === now.day && now.minutes >= scale.first && now.minutes < scale.last;
      nowLine.hidden = !inside;
      nowLine.style.setProperty("--start", now.minutes - scale.first);
    }
    if (!this.element.querySelector(".appointment[tabindex='0']")) {
      this.element.querySelector(".appointment")?.setAttribute("tabindex", "0");
    }
  }

  /** Scrolls sideways to a day. */
  scrollToDay(day) {
    const target = this.#days.find((one) => one.day === day);
    if (!target) return;
    const left = target.column.offsetLeft - this.element.querySelector(".corner").offsetWidth;
    this.element.scrollLeft = left;
  }

  #drawFrame(monday, today, hours, scale) {
    this.element.setAttribute("aria-label", `Semana de ${weekTitle(monday)}`);
    this.element.style.setProperty("--minute", `${scale.minute}px`);
    this.element.style.setProperty("--length", scale.last - scale.first);
    this.#days = hours.map((dayHours, index) => this.#day(addDays(monday, index), today, dayHours, scale));
    const marks = [];
    for (let at = scale.first; at < scale.last; at += 60) {
      marks.push(positioned(h("span", { class: "hour" }, timeOf(at)), at - scale.first, 60));
    }
    setChildren(
      this.element,
      h("div", { class: "corner" }),
      ...this.#days.map((day) => day.head),
      h("div", { class: "axis", "aria-hidden": "true" }, ...marks),
      ...this.#days.map((day) => day.column),
    );
  }

  #day(day, today, { windows, blocked, special }, scale) {
    const clipped = (element, { start, end }) => {
      const [from, until] = [Math.max(start, scale.first), Math.min(end, scale.last)];
      return positioned(element, from - scale.first, Math.max(0, until - from));
    };
    const closed = windows.length === 0 || blocked.some((interval) => windows.every((window) => covers(interval, window)));
    const hint = closed ? "fechado" : windows.map(({ start, end }) => `${timeOf(start)}–${timeOf(end)}`).join(", ");
    const note = special === null ? null : h("span", { class: "special" }, special || "horário especial");
    const list = h("ol", { class: "appointments" });
    const nowLine = h("div", { class: "now", hidden: true });
    const current = day === today ? { "aria-current": "date" } : {};
    return {
      day,
      list,
      nowLine,
      head: h(
        "div",
        { class: "day-head", ...current },
        h("span", { class: "weekday" }, shortWeekday(day)),
        h("span", { class: "date" }, dayOfMonth(day)),
        h("span", { class: "hours" }, hint),
        note,
      ),
      column: h(
        "section",
        { class: "day", "aria-label": `${longDay(day)}, ${hint}`, ...current },
        ...windows.map((window) => clipped(h("div", { class: "open" }), window)),
        ...blocked.map((interval) =>
          clipped(h("div", { class: "blocked" }, icon("blocked"), h("span", {}, interval.reason || "bloqueado")), interval),
        ),
        list,
        nowLine,
      ),
    };
  }

  #card(box, scale) {
    const { appointment, start, length } = box;
    const state = stateOf(appointment);
    const name = appointment.patient_name ?? appointment.patient_phone ?? "sem nome";
    const height = length * scale.minute;
    const size = height < 30 ? "is-line" : height < 52 ? "is-small" : "";
    const isNew = this.#changedIds.has(appointment.appointment_id) ? "is-new" : "";
    const button = h(
      "button",
      {
        type: "button",
        class: `appointment is-${state.name} ${size} ${box.aside ? "is-aside" : ""} ${isNew}`,
        tabindex: "-1",
        "data-appointment": appointment.appointment_id,
        onclick: () => this.#onOpen(appointment.appointment_id),
      },
      h("span", { class: "appointment-time" }, icon(state.icon), appointment.start_time),
      h("span", { class: "sr-only" }, `às ${appointment.end_time}`),
      h("span", { class: box.aside ? "appointment-name sr-only" : "appointment-name" }, name),
      h("span", { class: size || box.aside ? "appointment-service sr-only" : "appointment-service" }, appointment.service_name),
      h("span", { class: "sr-only" }, state.label),
    );
    button.style.setProperty("--aside", box.aside || box.neighbours || 0);
    const card = positioned(h("li", {}, button), start - scale.first, length);
    if (occupiesTime(appointment) && appointment.buffer_minutes > 0) {
      card.append(positioned(h("div", { class: "buffer" }), length, appointment.buffer_minutes));
    }
    return card;
  }
}

const versionOf = ({ appointment, start, length, aside, neighbours }) =>
  [appointment.version, appointment.patient_name, appointment.service_name, start, length, aside, neighbours].join("|");

/** Sets the top and height of an element, in minutes. */
function positioned(element, start, length) {
  element.style.setProperty("--start", start);
  element.style.setProperty("--span", length);
  return element;
}

/** Keeps a single tab stop in the week: the appointment focused last. Arrow keys move between the others. */
function moveTabStop(event) {
  if (!event.target.matches(".appointment")) return;
  for (const previous of this.querySelectorAll(".appointment[tabindex='0']")) previous.tabIndex = -1;
  event.target.tabIndex = 0;
}
