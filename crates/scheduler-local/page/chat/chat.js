// The chat: posts webhooks as z-api would for the patient's phone, and shows the replies.

import { h } from "../shared/dom.js";
import { Patients } from "./patients.js";
import { Phone } from "./phone.js";
import { bubblesOf, messagesOf, sortMessages } from "./thread.js";
import { messageStatusCallback, newMessageId, receivedCallback } from "./webhook.js";

/** The server takes a staff message this soon after a patient's message for an automatic greeting. */
const GREETING_WINDOW_MS = 10_000;

export class Chat {
  #server;
  #clinic;
  #now;
  #onRefresh;
  #phone = new Phone((message, byStaff) => this.#send(message, byStaff));
  #patients = new Patients(() => this.#changePatient());
  #waiting = [];
  #messages = [];
  #outbox = [];
  #firstSeen = new Map();
  #reportedStatuses = new Set();

  /**
   * `now` returns the server's time. `onRefresh` receives the selected patient, the messages and the
   * chat as the server stores it.
   */
  constructor(root, { server, clinic, now, onRefresh }) {
    this.#server = server;
    this.#clinic = clinic;
    this.#now = now;
    this.#onRefresh = onRefresh;
    root.append(this.#patients.element, this.#phone.element, this.#phone.staffSwitch, h("p", { class: "sr-only", role: "status" }));
    this.#draw();
  }

  set clinic(clinic) {
    this.#clinic = clinic;
    this.#draw();
  }

  /** Reads the selected patient's chat and draws it. */
  async refresh() {
    const patient = this.#patients.selected;
    const [outbox, chat] = await Promise.all([this.#server.outbox(patient.phone), this.#server.chat(patient.phone, this.#clinic.id)]);
    if (patient !== this.#patients.selected) return;
    this.#outbox = outbox;
    this.#messages = sortMessages(messagesOf(chat.events), outbox, this.#firstSeen);
    const known = new Set(this.#messages.map((message) => message.id));
    this.#waiting = this.#waiting.filter((bubble) => !known.has(bubble.id));
    this.#draw();
    this.#onRefresh(patient, this.#messages, chat);
    await this.#reportStatuses(patient);
  }

  #changePatient() {
    this.#waiting = [];
    this.#messages = [];
    this.#outbox = [];
    this.#draw();
    this.refresh().catch(() => this.#server.reportUnreachable());
  }

  #draw() {
    const bubbles = bubblesOf(this.#messages, this.#outbox, this.#waiting);
    this.#phone.draw({ clinic: this.#clinic, patient: this.#patients.selected, bubbles });
    const lastByPatient = bubbles.findLast((bubble) => bubble.from === "patient");
    const tooSoon = lastByPatient && Math.abs(this.#now() - new Date(lastByPatient.at)) < GREETING_WINDOW_MS;
    const warning = "Menos de 10 s depois do paciente vale como saudação automática e não cala o robô: avance o relógio antes.";
    this.#phone.showStaffHint(tooSoon ? warning : "O que o atendente escreve cala o robô por 24 horas; #bot o traz de volta.");
  }

  async #send(message, byStaff) {
    const patient = this.#patients.selected;
    const at = this.#now();
    const messageId = newMessageId();
    const bubble = { id: messageId, from: byStaff ? "staff" : "patient", kind: message.kind, text: message.text, options: [], at: at.toISOString(), status: "WAITING" };
    this.#waiting.push(bubble);
    this.#draw();
    const callback = receivedCallback({ patient, clinic: this.#clinic, messageId, at, byStaff, content: message.content });
    const accepted = await this.#server.postWebhook("/webhook/whatsapp", callback).then(() => true, () => false);
    bubble.status = accepted ? "RECEIVED" : "LOST";
    this.#draw();
  }

  /** Reports the messages that reached the phone as delivered and read, if the page is visible. */
  async #reportStatuses(patient) {
    if (document.hidden) return;
    const outbound = this.#messages.filter((message) => message.direction === "OUTBOUND" && !message.byStaff && message.providerId);
    const report = async (status, currentStatuses) => {
      const candidates = outbound.filter((message) => currentStatuses.includes(message.status)).map((message) => message.providerId);
      const ids = candidates.filter((id) => !this.#reportedStatuses.has(`${status} ${id}`));
      if (ids.length === 0) return;
      for (const id of ids) this.#reportedStatuses.add(`${status} ${id}`);
      await this.#server.postWebhook("/webhook/whatsapp/status", messageStatusCallback({ patient, clinic: this.#clinic, at: this.#now(), ids, status }));
    };
    // If several tabs show the same chat, only one of them reports.
    await navigator.locks.request(`phone ${patient.phone}`, { ifAvailable: true }, async (lock) => {
      if (!lock) return;
      await report("RECEIVED", ["SENT"]);
      await report("READ", ["SENT", "DELIVERED"]);
    });
  }
}
