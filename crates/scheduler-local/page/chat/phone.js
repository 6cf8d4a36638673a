// Draws the phone: the bubbles, what can be pressed in them, and the line to write in.

import { h, keyed } from "../shared/dom.js";
import { icon } from "../shared/icons.js";
import { location, picture, press, text, voice } from "./content.js";

const TICKS = {
  WAITING: { icon: "pending", word: "enviando" },
  RECEIVED: { icon: "delivered", word: "entregue à clínica" },
  SENT: { icon: "sent", word: "enviada" },
  DELIVERED: { icon: "delivered", word: "entregue" },
  READ: { icon: "read", word: "lida" },
  LOST: { icon: "failed", word: "não foi entregue" },
};
const SEEN = { audio: ["mic", "Mensagem de voz, 0:07"], image: ["picture", "Foto"], location: ["location", "Localização"] };
const NOTHING = { id: "nothing", options: [] };
const FROM = { patient: "Paciente", clinic: "Robô da clínica", staff: "Atendente" };

export class Phone {
  #send;
  #timezone = "America/Sao_Paulo";
  #last = null;
  #name = h("span", { class: "phone-clinic" });
  #owner = h("span", { class: "phone-owner" });
  #list = h("ol", { class: "bubbles" });
  #thread = h("div", { class: "thread", role: "log", tabindex: "0", "aria-label": "Conversa" }, this.#list);
  #input = h("input", { id: "message", class: "message", autocomplete: "off", maxlength: "4000" });
  #staff = h("button", { type: "button", role: "switch", class: "switch", "aria-checked": "false", onclick: () => this.#toggleStaff() }, h("span", { class: "switch-knob" }), "Atendente escreve do celular da clínica");
  #hint = h("p", { class: "hint staff-hint", role: "status" });

  /** `send` is given what was put into a message. */
  constructor(send) {
    this.#send = send;
    const attach = (label, name, make) =>
      h("button", { type: "button", class: "attach", "aria-label": label, title: label, onclick: () => this.#sends(make()) }, icon(name));
    const submit = (event) => {
      event.preventDefault();
      const written = this.#input.value.trim();
      if (!written) return;
      this.#input.value = "";
      this.#sends(text(written));
    };
    this.element = h(
      "div",
      { class: "phone" },
      h("header", { class: "phone-head" }, h("span", { class: "avatar" }, icon("calendar")), h("div", {}, this.#name, this.#owner)),
      this.#thread,
      h(
        "form",
        { class: "composer", onsubmit: submit },
        attach("Enviar uma foto", "picture", picture),
        attach("Enviar a localização", "location", location),
        h("label", { for: "message", class: "sr" }, "Mensagem"),
        this.#input,
        attach("Enviar uma mensagem de voz", "mic", voice),
        h("button", { type: "submit", class: "send", "aria-label": "Enviar" }, icon("send")),
      ),
    );
    this.switch = h("div", { class: "staff" }, this.#staff, this.#hint);
    this.#label();
  }

  /** Whether what is sent is the clinic's staff's. */
  get byStaff() {
    return this.#staff.getAttribute("aria-checked") === "true";
  }

  /** What the writer should know before they write. */
  hint(words) {
    if (this.#hint.textContent !== words) this.#hint.textContent = words;
  }

  draw({ clinic, patient, bubbles }) {
    this.#timezone = clinic.timezone;
    this.#name.textContent = clinic.name;
    this.#owner.textContent = `no celular de ${patient.name}`;
    const newest = bubbles.findLast((bubble) => bubble.options.length > 0)?.id;
    const stamp = (bubble) => [patient.phone, bubble.status, bubble.text, bubble.options.length, bubble.id === newest].join("|");
    const shown = bubbles.length > 0 ? bubbles : [NOTHING];
    keyed(this.#list, shown, (bubble) => bubble.id, stamp, (bubble, before) => (bubble === NOTHING ? this.#empty() : this.#bubble(bubble, newest, before)));
    const last = `${patient.phone} ${shown.at(-1).id}`;
    if (last !== this.#last) this.#thread.scrollTop = this.#thread.scrollHeight;
    this.#last = last;
  }

  #empty() {
    const hello = h("button", { type: "button", onclick: () => this.#sends(text("Olá")) }, "Olá 👋");
    return h("li", { class: "empty" }, h("p", {}, "Diga olá: o robô da clínica responde aqui."), hello);
  }

  #sends(message) {
    this.#send(message, this.byStaff);
    // A pressed button may be gone with the next drawing: the line to write in never is.
    if (document.activeElement === document.body) this.#input.focus();
  }

  #toggleStaff() {
    this.#staff.setAttribute("aria-checked", String(!this.byStaff));
    this.#label();
  }

  #label() {
    this.#input.placeholder = this.byStaff ? "Escreva como atendente" : "Mensagem";
    this.element.classList.toggle("by-staff", this.byStaff);
  }

  #bubble(bubble, newest, before) {
    const isNewest = bubble.id === newest;
    const words = `${bubble.text}|${bubble.options.length}`;
    if (before?.dataset.words === words) {
      // A button that is replaced while it is pressed swallows the press: it stays, whatever the ticks say.
      before.dataset.status = bubble.status;
      before.querySelector(".meta").replaceWith(this.#meta(bubble));
      const list = before.querySelector("details.options");
      if (list) list.open = isNewest;
      return before;
    }
    const seen = SEEN[bubble.kind];
    const body = seen ? h("p", { class: `medium is-${bubble.kind}` }, icon(seen[0]), seen[1]) : h("p", { class: "words" }, ...marked(bubble.text));
    return h(
      "li",
      { class: `bubble from-${bubble.from} ${before ? "" : "is-new"}`, "data-status": bubble.status, "data-words": words },
      h("span", { class: bubble.from === "staff" ? "author" : "sr" }, `${FROM[bubble.from]}${bubble.from === "staff" ? "" : ": "}`),
      body,
      this.#meta(bubble),
      this.#options(bubble, isNewest),
    );
  }

  #meta(bubble) {
    const time = new Intl.DateTimeFormat("pt-BR", { timeZone: this.#timezone, hour: "2-digit", minute: "2-digit" });
    const tick = TICKS[bubble.status] ?? TICKS.LOST;
    return h(
      "span",
      { class: "meta" },
      h("time", { datetime: bubble.at }, time.format(new Date(bubble.at))),
      h("span", { class: `tick is-${bubble.status.toLowerCase()}` }, icon(tick.icon), h("span", { class: "sr" }, tick.word)),
    );
  }

  #options({ id, options }, isNewest) {
    if (options.length === 0) return null;
    const isList = options.length > 3;
    const choose = (option) => () => this.#sends(press(option, id, isList));
    const buttons = options.map((option) => h("button", { type: "button", "data-option": option.id, onclick: choose(option) }, option.label));
    if (!isList) return h("div", { class: "options" }, ...buttons);
    const brief = options.every((option) => option.label.length <= 18);
    return h(
      "details",
      { class: "options", open: isNewest },
      h("summary", {}, icon("list"), "Ver opções"),
      h("div", { class: brief ? "rows is-brief" : "rows" }, ...buttons),
    );
  }
}

/** WhatsApp's *bold* and _italic_, as elements around text. */
function marked(words) {
  return words.split(/(\*[^*\n]+\*|_[^_\n]+_)/).map((part) => {
    const tag = { "*": "strong", _: "em" }[part[0]];
    return tag && part.length > 2 && part.at(-1) === part[0] ? h(tag, {}, part.slice(1, -1)) : part;
  });
}
