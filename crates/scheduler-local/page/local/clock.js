// The clock panel: shows and sets the server's clock, and runs the scheduled jobs.

import { h, setChildren } from "../shared/dom.js";
import { icon } from "../shared/icons.js";
import { describeRun, jobName } from "./jobs.js";

const MINUTE_MS = 60_000;

export class Clock {
  #server;
  #timezone;
  /** The server's time minus the browser's, in milliseconds. */
  #offset = 0;
  #stoppedAt = null;
  #reminders = [];
  #time = h("time", { class: "clock-now" });
  #state = h("span", { class: "clock-state" });
  #message = h("p", { class: "status", role: "status" });
  #nextReminderButton = h("button", { type: "button", onclick: () => this.#goToNextReminder() }, icon("forward"), "Ao próximo lembrete");
  #input = h("input", { type: "datetime-local", id: "clock-set", "aria-label": "Acertar o relógio", onchange: () => this.#setFromInput() });
  #jobs = h("div", { class: "buttons", role: "group", "aria-label": "Tarefas" });

  constructor(root, { server, timezone }) {
    this.#server = server;
    this.#timezone = timezone;
    const advance = (label, milliseconds) => h("button", { type: "button", onclick: () => this.#set(this.now().getTime() + milliseconds) }, label);
    root.append(
      h("div", { class: "clock" }, icon("clock"), h("div", {}, this.#time, this.#state)),
      h(
        "div",
        { class: "buttons", role: "group", "aria-label": "Relógio" },
        advance("+1 min", MINUTE_MS),
        advance("+1 h", 60 * MINUTE_MS),
        advance("+1 dia", 24 * 60 * MINUTE_MS),
        this.#nextReminderButton,
        h("button", { type: "button", onclick: () => this.#set(null) }, "Hora real"),
        this.#input,
      ),
      h("div", { class: "buttons" }, this.#jobs, this.#message),
    );
    setInterval(() => this.#draw(), 1000);
  }

  set timezone(timezone) {
    this.#timezone = timezone;
    this.#draw();
  }

  /** The server's current time, computed from the last refresh. */
  now() {
    return this.#stoppedAt ?? new Date(Date.now() + this.#offset);
  }

  /** The reminders of the selected chat. */
  set reminders(reminders) {
    this.#reminders = reminders;
    this.#draw();
  }

  async refresh() {
    const { now, stopped } = await this.#server.clock();
    const at = new Date(now);
    this.#stoppedAt = stopped ? at : null;
    this.#offset = at - Date.now();
    this.#draw();
  }

  async showJobs() {
    const names = await this.#server.jobs();
    const button = (name) => h("button", { type: "button", onclick: () => this.#runJob(name) }, icon("play"), jobName(name));
    setChildren(this.#jobs, ...names.map(button));
  }

  #draw() {
    const now = this.now();
    const format = new Intl.DateTimeFormat("pt-BR", { timeZone: this.#timezone, weekday: "short", day: "2-digit", month: "2-digit", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit" });
    this.#time.textContent = format.format(now).replace(".", "");
    this.#time.dateTime = now.toISOString();
    this.#state.textContent = this.#stoppedAt ? "relógio parado nesta hora" : "hora real, correndo";
    this.#nextReminderButton.disabled = !this.#nextReminder();
  }

  #nextReminder() {
    const pending = this.#reminders.filter((reminder) => reminder.status === "PENDING").map((reminder) => reminder.sendAt);
    return pending.sort()[0];
  }

  #goToNextReminder() {
    const at = this.#nextReminder();
    if (at) this.#set(Math.max(new Date(at).getTime(), this.now().getTime()));
  }

  #setFromInput() {
    const localTime = this.#input.value;
    if (localTime) this.#set(instantOf(localTime, this.#timezone).getTime());
  }

  /** Stops the server's clock at `time` (epoch milliseconds), or lets it run in real time if null. */
  async #set(time) {
    await this.#showResult(async () => {
      await this.#server.setClock(time === null ? null : new Date(time).toISOString());
      await this.refresh();
      return time === null ? "O relógio corre de novo com a hora real." : "Relógio acertado.";
    });
  }

  async #runJob(name) {
    await this.#showResult(async () => describeRun(name, await this.#server.runJob(name)));
  }

  async #showResult(task) {
    try {
      this.#message.textContent = await task();
    } catch (error) {
      this.#message.textContent = `Não deu certo: ${error.message}`;
    }
  }
}

/** The instant of a local time such as `2026-02-16T09:00` in a time zone. */
function instantOf(localTime, timeZone) {
  const asUtc = Date.parse(`${localTime}Z`);
  const format = new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short", timeStyle: "medium" });
  const offset = Date.parse(`${format.format(asUtc).replace(" ", "T")}Z`) - asUtc;
  return new Date(asUtc - offset);
}
