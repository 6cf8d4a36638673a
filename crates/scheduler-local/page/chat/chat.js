// A patient's phone: sends what z-api would send for it, and shows what comes back.

import { h } from "../shared/dom.js";
import { Patients } from "./patients.js";
import { Phone } from "./phone.js";
import { bubblesOf, inOrder, messagesOf } from "./thread.js";
import { newMessageId, received, status } from "./webhook.js";

/** The product takes what the clinic's phone says this soon after the patient for a greeting. */
const AUTOMATIC = 10_000;

export class Chat {
  #server;
  #clinic;
  #now;
  #onRead;
  #phone = new Phone((message, byStaff) => this.#send(message, byStaff));
  #patients = new Patients(() => this.#changePatient());
  #waiting = [];
  #messages = [];
  #outbox = [];
  #seen = new Map();
  #told = new Set();

  /** `now` is the product's time; `onRead` is given each reading of the chosen chat. */
  constructor(root, { server, clinic, now, onRead }) {
    this.#server = server;
    this.#clinic = clinic;
    this.#now = now;
    this.#onRead = onRead;
    root.append(this.#patients.element, this.#phone.element, this.#phone.switch, h("p", { class: "sr", role: "status" }));
    this.#draw();
  }

  set clinic(clinic) {
    this.#clinic = clinic;
    this.#draw();
  }

  /** Reads the chosen chat and shows it. */
  async look() {
    const patient = this.#patients.chosen;
    const [outbox, chat] = await Promise.all([this.#server.outbox(patient.phone), this.#server.chat(patient.phone, this.#clinic.id)]);
    if (patient !== this.#patients.chosen) return;
    this.#outbox = outbox;
    this.#messages = inOrder(messagesOf(chat.events), outbox, this.#seen);
    const known = new Set(this.#messages.map((message) => message.id));
    this.#waiting = this.#waiting.filter((bubble) => !known.has(bubble.id));
    this.#draw();
    this.#onRead(patient, this.#messages, chat);
    await this.#tellStatus(patient);
  }

  #changePatient() {
    this.#waiting = [];
    this.#messages = [];
    this.#outbox = [];
    this.#draw();
    this.look().catch(() => this.#server.isAway());
  }

  #draw() {
    const bubbles = bubblesOf(this.#messages, this.#outbox, this.#waiting);
    this.#phone.draw({ clinic: this.#clinic, patient: this.#patients.chosen, bubbles });
    const heard = bubbles.findLast((bubble) => bubble.from === "patient");
    const soon = heard && Math.abs(this.#now() - new Date(heard.at)) < AUTOMATIC;
    const warning = "Menos de 10 s depois do paciente vale como saudação automática e não cala o robô: avance o relógio antes.";
    this.#phone.hint(soon ? warning : "O que o atendente escreve cala o robô por 24 horas; #bot o traz de volta.");
  }

  async #send(message, byStaff) {
    const patient = this.#patients.chosen;
    const at = this.#now();
    const messageId = newMessageId();
    const bubble = { id: messageId, from: byStaff ? "staff" : "patient", kind: message.kind, text: message.text, options: [], at: at.toISOString(), status: "WAITING" };
    this.#waiting.push(bubble);
    this.#draw();
    const webhook = received({ patient, clinic: this.#clinic, messageId, at, byStaff, content: message.content });
    const taken = await this.#server.post("/webhook/whatsapp", webhook).then(() => true, () => false);
    bubble.status = taken ? "RECEIVED" : "LOST";
    this.#draw();
  }

  /** The phone is on and in somebody's hand: what reached it is delivered and read. */
  async #tellStatus(patient) {
    if (document.hidden) return;
    const arrived = this.#messages.filter((message) => message.direction === "OUTBOUND" && !message.byStaff && message.providerId);
    const tell = async (word, of) => {
      const ids = arrived.filter((message) => of.includes(message.status)).map((message) => message.providerId);
      const news = ids.filter((id) => !this.#told.has(`${word} ${id}`));
      if (news.length === 0) return;
      for (const id of news) this.#told.add(`${word} ${id}`);
      await this.#server.post("/webhook/whatsapp/status", status({ patient, clinic: this.#clinic, at: this.#now(), ids: news, status: word }));
    };
    // Of several tabs that show the chat one speaks for the phone.
    await navigator.locks.request(`phone ${patient.phone}`, { ifAvailable: true }, async (lock) => {
      if (!lock) return;
      await tell("RECEIVED", ["SENT"]);
      await tell("READ", ["SENT", "DELIVERED"]);
    });
  }
}
