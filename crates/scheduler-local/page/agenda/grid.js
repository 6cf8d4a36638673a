// Draws a week: seven days side by side, their opening hours, and the visits by their length.

import { fill, h, keyed } from "../shared/dom.js";
import { icon } from "../shared/icons.js";
import { addDays, dayOfMonth, longDay, shortWeekday, timeOf, titleOf } from "./dates.js";
import { layOut, scaleOf } from "./layout.js";
import { moveFocus } from "./keys.js";
import { stateOf } from "./states.js";

export class Week {
  #open;
  #frame = "";
  #days = [];
  #fresh = new Set();

  /** `open` is called with the visit that was chosen. */
  constructor(open) {
    this.#open = open;
    this.element = h("div", { class: "week", tabindex: "0", role: "region", onkeydown: moveFocus, onfocusin: rove });
  }

  /** Shows a week as it is now; `fresh` are the ids that came since it was last shown. */
  draw({ monday, now, hours, visits, fresh }) {
    this.#fresh = fresh;
    const scale = scaleOf(hours, visits);
    const frame = JSON.stringify([monday, now.day, hours, scale]);
    if (frame !== this.#frame) this.#drawFrame(monday, now.day, hours, scale);
    this.#frame = frame;
    const byDay = Map.groupBy(visits, (visit) => visit.appointment_date);
    for (const { day, list, nowLine } of this.#days) {
      const boxes = layOut(byDay.get(day) ?? []);
      keyed(list, boxes, (box) => box.visit.appointment_id, stampOf, (box) => this.#card(box, scale));
      const inside = day === now.day && now.minutes >= scale.first && now.minutes < scale.last;
      nowLine.hidden = !inside;
      nowLine.style.setProperty("--start", now.minutes - scale.first);
    }
    if (!this.element.querySelector(".visit[tabindex='0']")) {
      this.element.querySelector(".visit")?.setAttribute("tabindex", "0");
    }
  }

  /** Brings a day, and its first visit or the opening, into view. */
  show(day) {
    const shown = this.#days.find((one) => one.day === day);
    if (!shown) return;
    const left = shown.column.offsetLeft - this.element.querySelector(".corner").offsetWidth;
    this.element.scrollLeft = left;
  }

  #drawFrame(monday, today, hours, scale) {
    this.element.setAttribute("aria-label", `Semana de ${titleOf(monday)}`);
    this.element.style.setProperty("--minute", `${scale.minute}px`);
    this.element.style.setProperty("--length", scale.last - scale.first);
    this.#days = hours.map((of, index) => this.#day(addDays(monday, index), today, of, scale));
    const marks = [];
    for (let at = scale.first; at < scale.last; at += 60) {
      marks.push(placed(h("span", { class: "hour" }, timeOf(at)), at - scale.first, 60));
    }
    fill(
      this.element,
      h("div", { class: "corner" }),
      ...this.#days.map((day) => day.head),
      h("div", { class: "axis", "aria-hidden": "true" }, ...marks),
      ...this.#days.map((day) => day.column),
    );
  }

  #day(day, today, { windows, blocked, special }, scale) {
    const part = (element, { start, end }) => {
      const [from, until] = [Math.max(start, scale.first), Math.min(end, scale.last)];
      return placed(element, from - scale.first, Math.max(0, until - from));
    };
    const closed = windows.length === 0 || blocked.some((one) => windows.every((w) => one.start <= w.start && one.end >= w.end));
    const hint = closed ? "fechado" : windows.map((w) => `${timeOf(w.start)}–${timeOf(w.end)}`).join(", ");
    const note = special === null ? null : h("span", { class: "special" }, special || "horário especial");
    const list = h("ol", { class: "visits" });
    const nowLine = h("div", { class: "now", hidden: true });
    const mark = day === today ? { "aria-current": "date" } : {};
    return {
      day,
      list,
      nowLine,
      head: h(
        "div",
        { class: "day-head", ...mark },
        h("span", { class: "weekday" }, shortWeekday(day)),
        h("span", { class: "date" }, dayOfMonth(day)),
        h("span", { class: "hours" }, hint),
        note,
      ),
      column: h(
        "section",
        { class: "day", "aria-label": `${longDay(day)}, ${hint}`, ...mark },
        ...windows.map((window) => part(h("div", { class: "open" }), window)),
        ...blocked.map((one) =>
          part(h("div", { class: "blocked" }, icon("blocked"), h("span", {}, one.reason || "bloqueado")), one),
        ),
        list,
        nowLine,
      ),
    };
  }

  #card(box, scale) {
    const { visit, start, length } = box;
    const state = stateOf(visit);
    const name = visit.patient_name ?? visit.patient_phone ?? "sem nome";
    const height = length * scale.minute;
    const size = height < 30 ? "is-line" : height < 52 ? "is-small" : "";
    const isNew = this.#fresh.has(visit.appointment_id) ? "is-new" : "";
    const button = h(
      "button",
      {
        type: "button",
        class: `visit is-${state.name} ${size} ${box.aside ? "is-aside" : ""} ${isNew}`,
        tabindex: "-1",
        "data-visit": visit.appointment_id,
        onclick: () => this.#open(visit.appointment_id),
      },
      h("span", { class: "visit-time" }, icon(state.icon), visit.start_time),
      h("span", { class: "sr" }, `às ${visit.end_time}`),
      h("span", { class: box.aside ? "visit-name sr" : "visit-name" }, name),
      h("span", { class: size || box.aside ? "visit-service sr" : "visit-service" }, visit.service_name),
      h("span", { class: "sr" }, state.word),
    );
    button.style.setProperty("--aside", box.aside || box.neighbours || 0);
    const card = placed(h("li", {}, button), start - scale.first, length);
    const takes = state.name === "confirmed" || state.name === "sure" || state.name === "completed";
    if (takes && visit.buffer_minutes > 0) {
      card.append(placed(h("div", { class: "buffer" }), length, visit.buffer_minutes));
    }
    return card;
  }
}

const stampOf = ({ visit, start, length, aside, neighbours }) =>
  [visit.version, visit.patient_name, visit.service_name, start, length, aside, neighbours].join("|");

function placed(element, start, length) {
  element.style.setProperty("--start", start);
  element.style.setProperty("--span", length);
  return element;
}

/** One visit of the week is a stop of the Tab key; the arrows go on from there. */
function rove(event) {
  if (!event.target.matches(".visit")) return;
  for (const before of this.querySelectorAll(".visit[tabindex='0']")) before.tabIndex = -1;
  event.target.tabIndex = 0;
}
