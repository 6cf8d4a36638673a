// The product's time: shown, set, moved on; and the jobs that run by the clock.

import { fill, h } from "../shared/dom.js";
import { icon } from "../shared/icons.js";
import { jobName, tellRun } from "./jobs.js";

const MINUTE = 60_000;

export class Clock {
  #server;
  #timezone;
  #offset = 0;
  #stoppedAt = null;
  #reminders = [];
  #shown = h("time", { class: "clock-now" });
  #state = h("span", { class: "clock-state" });
  #told = h("p", { class: "told", role: "status" });
  #next = h("button", { type: "button", onclick: () => this.#toNext() }, icon("forward"), "Ao próximo lembrete");
  #set = h("input", { type: "datetime-local", id: "clock-set", "aria-label": "Acertar o relógio", onchange: () => this.#setTo() });
  #jobs = h("div", { class: "buttons", role: "group", "aria-label": "Tarefas" });

  constructor(root, { server, timezone }) {
    this.#server = server;
    this.#timezone = timezone;
    const on = (label, milliseconds) => h("button", { type: "button", onclick: () => this.#move(this.now().getTime() + milliseconds) }, label);
    root.append(
      h("div", { class: "clock" }, icon("clock"), h("div", {}, this.#shown, this.#state)),
      h(
        "div",
        { class: "buttons", role: "group", "aria-label": "Relógio" },
        on("+1 min", MINUTE),
        on("+1 h", 60 * MINUTE),
        on("+1 dia", 24 * 60 * MINUTE),
        this.#next,
        h("button", { type: "button", onclick: () => this.#move(null) }, "Hora real"),
        this.#set,
      ),
      h("div", { class: "buttons" }, this.#jobs, this.#told),
    );
    setInterval(() => this.#draw(), 1000);
  }

  set timezone(timezone) {
    this.#timezone = timezone;
    this.#draw();
  }

  /** The product's time, as far as it was last heard. */
  now() {
    return this.#stoppedAt ?? new Date(Date.now() + this.#offset);
  }

  /** Of the chat that is looked at. */
  set reminders(reminders) {
    this.#reminders = reminders;
    this.#draw();
  }

  async look() {
    const { now, stopped } = await this.#server.clock();
    const at = new Date(now);
    this.#stoppedAt = stopped ? at : null;
    this.#offset = at - Date.now();
    this.#draw();
  }

  async showJobs() {
    const names = await this.#server.jobs();
    const button = (name) => h("button", { type: "button", onclick: () => this.#run(name) }, icon("play"), jobName(name));
    fill(this.#jobs, ...names.map(button));
  }

  #draw() {
    const now = this.now();
    const words = new Intl.DateTimeFormat("pt-BR", { timeZone: this.#timezone, weekday: "short", day: "2-digit", month: "2-digit", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit" });
    this.#shown.textContent = words.format(now).replace(".", "");
    this.#shown.dateTime = now.toISOString();
    this.#state.textContent = this.#stoppedAt ? "relógio parado nesta hora" : "hora real, correndo";
    this.#next.disabled = !this.#nextReminder();
  }

  #nextReminder() {
    const pending = this.#reminders.filter((reminder) => reminder.status === "PENDING").map((reminder) => reminder.sendAt);
    return pending.sort()[0];
  }

  #toNext() {
    const at = this.#nextReminder();
    if (at) this.#move(Math.max(new Date(at).getTime(), this.now().getTime()));
  }

  #setTo() {
    const typed = this.#set.value;
    if (typed) this.#move(instantOf(typed, this.#timezone).getTime());
  }

  async #move(to) {
    await this.#tell(async () => {
      await this.#server.setClock(to === null ? null : new Date(to).toISOString());
      await this.look();
      return to === null ? "O relógio corre de novo com a hora real." : "Relógio acertado.";
    });
  }

  async #run(name) {
    await this.#tell(async () => tellRun(name, await this.#server.runJob(name)));
  }

  async #tell(task) {
    try {
      this.#told.textContent = await task();
    } catch (error) {
      this.#told.textContent = `Não deu certo: ${error.message}`;
    }
  }
}

/** The instant at which the wall clock of a time zone shows `2026-02-16T09:00`. */
export function instantOf(wall, timeZone) {
  const asUtc = Date.parse(`${wall}Z`);
  const shown = new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short", timeStyle: "medium" });
  const guess = asUtc - (Date.parse(`${shown.format(asUtc).replace(" ", "T")}Z`) - asUtc);
  return new Date(guess);
}
