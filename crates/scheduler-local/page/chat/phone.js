// Draws the phone: the message bubbles with their options, and the composer.

import { h, reconcileChildren } from "../shared/dom.js";
import { icon } from "../shared/icons.js";
import { imageMessage, locationMessage, optionReply, textMessage, voiceMessage } from "./content.js";

const TICKS = {
  WAITING: { icon: "pending", label: "enviando" },
  RECEIVED: { icon: "delivered", label: "entregue à clínica" },
  SENT: { icon: "sent", label: "enviada" },
  DELIVERED: { icon: "delivered", label: "entregue" },
  READ: { icon: "read", label: "lida" },
  LOST: { icon: "failed", label: "não foi entregue" },
};
const MEDIA = { audio: ["mic", "Mensagem de voz, 0:07"], image: ["picture", "Foto"], location: ["location", "Localização"] };
const EMPTY_CHAT = { id: "empty", options: [] };
const AUTHORS = { patient: "Paciente", clinic: "Robô da clínica", staff: "Atendente" };

export class Phone {
  #onSend;
  #timezone = "America/Sao_Paulo";
  #lastBubble = null;
  #clinicName = h("span", { class: "phone-clinic" });
  #ownerName = h("span", { class: "phone-owner" });
  #bubbles = h("ol", { class: "bubbles" });
  #thread = h("div", { class: "thread", role: "log", tabindex: "0", "aria-label": "Conversa" }, this.#bubbles);
  #input = h("input", { id: "message", class: "message", autocomplete: "off", maxlength: "4000" });
  #switch = h("button", { type: "button", role: "switch", class: "switch", "aria-checked": "false", onclick: () => this.#toggleStaff() }, h("span", { class: "switch-knob" }), "Atendente escreve do celular da clínica");
  #staffHint = h("p", { class: "hint staff-hint", role: "status" });

  /** `onSend` receives a message from `content.js`, and whether staff writes it. */
  constructor(onSend) {
    this.#onSend = onSend;
    const attach = (label, name, make) =>
      h("button", { type: "button", class: "attach", "aria-label": label, title: label, onclick: () => this.#send(make()) }, icon(name));
    const submit = (event) => {
      event.preventDefault();
      const input = this.#input.value.trim();
      if (!input) return;
      this.#input.value = "";
      this.#send(textMessage(input));
    };
    this.element = h(
      "div",
      { class: "phone" },
      h("header", { class: "phone-head" }, h("span", { class: "avatar" }, icon("calendar")), h("div", {}, this.#clinicName, this.#ownerName)),
      this.#thread,
      h(
        "form",
        { class: "composer", onsubmit: submit },
        attach("Enviar uma foto", "picture", imageMessage),
        attach("Enviar a localização", "location", locationMessage),
        h("label", { for: "message", class: "sr-only" }, "Mensagem"),
        this.#input,
        attach("Enviar uma mensagem de voz", "mic", voiceMessage),
        h("button", { type: "submit", class: "send", "aria-label": "Enviar" }, icon("send")),
      ),
    );
    this.staffSwitch = h("div", { class: "staff" }, this.#switch, this.#staffHint);
    this.#updateComposer();
  }

  /** Whether messages are sent as the clinic's staff. */
  get byStaff() {
    return this.#switch.getAttribute("aria-checked") === "true";
  }

  /** Shows a hint below the staff switch. */
  showStaffHint(hint) {
    // Screen readers announce a status again each time its text is set.
    if (this.#staffHint.textContent !== hint) this.#staffHint.textContent = hint;
  }

  draw({ clinic, patient, bubbles }) {
    this.#timezone = clinic.timezone;
    this.#clinicName.textContent = clinic.name;
    this.#ownerName.textContent = `no celular de ${patient.name}`;
    const newestWithOptions = bubbles.findLast((bubble) => bubble.options.length > 0)?.id;
    const versionOf = (bubble) => [patient.phone, bubble.status, bubble.text, bubble.options.length, bubble.id === newestWithOptions].join("|");
    const shown = bubbles.length > 0 ? bubbles : [EMPTY_CHAT];
    reconcileChildren(this.#bubbles, shown, (bubble) => bubble.id, versionOf, (bubble, previous) => (bubble === EMPTY_CHAT ? this.#emptyChat() : this.#bubble(bubble, bubble.id === newestWithOptions, previous)));
    const last = `${patient.phone} ${shown.at(-1).id}`;
    if (last !== this.#lastBubble) this.#thread.scrollTop = this.#thread.scrollHeight;
    this.#lastBubble = last;
  }

  #emptyChat() {
    const hello = h("button", { type: "button", onclick: () => this.#send(textMessage("Olá")) }, "Olá 👋");
    return h("li", { class: "empty-chat" }, h("p", {}, "Diga olá: o robô da clínica responde aqui."), hello);
  }

  #send(message) {
    this.#onSend(message, this.byStaff);
    // The next drawing may remove the pressed button and its focus, but never the input.
    if (document.activeElement === document.body) this.#input.focus();
  }

  #toggleStaff() {
    this.#switch.setAttribute("aria-checked", String(!this.byStaff));
    this.#updateComposer();
  }

  #updateComposer() {
    this.#input.placeholder = this.byStaff ? "Escreva como atendente" : "Mensagem";
    this.element.classList.toggle("by-staff", this.byStaff);
  }

  #bubble(bubble, isNewest, previous) {
    const content = `${bubble.text}|${bubble.options.length}`;
    if (previous?.dataset.content === content) {
      // Replacing a button while it is pressed would lose the click, so only the ticks are replaced.
      previous.dataset.status = bubble.status;
      previous.querySelector(".meta").replaceWith(this.#meta(bubble));
      const list = previous.querySelector("details.options");
      if (list) list.open = isNewest;
      return previous;
    }
    const media = MEDIA[bubble.kind];
    const body = media ? h("p", { class: `bubble-media is-${bubble.kind}` }, icon(media[0]), media[1]) : h("p", { class: "bubble-text" }, ...formatText(bubble.text));
    return h(
      "li",
      { class: `bubble from-${bubble.from} ${previous ? "" : "is-new"}`, "data-status": bubble.status, "data-content": content },
      h("span", { class: bubble.from === "staff" ? "author" : "sr-only" }, `${AUTHORS[bubble.from]}${bubble.from === "staff" ? "" : ": "}`),
      body,
      this.#meta(bubble),
      this.#options(bubble, isNewest),
    );
  }

  #meta(bubble) {
    const format = new Intl.DateTimeFormat("pt-BR", { timeZone: this.#timezone, hour: "2-digit", minute: "2-digit" });
    const tick = TICKS[bubble.status] ?? TICKS.LOST;
    return h(
      "span",
      { class: "meta" },
      h("time", { datetime: bubble.at }, format.format(new Date(bubble.at))),
      h("span", { class: `tick is-${bubble.status.toLowerCase()}` }, icon(tick.icon), h("span", { class: "sr-only" }, tick.label)),
    );
  }

  #options({ id, options }, isNewest) {
    if (options.length === 0) return null;
    const isList = options.length > 3;
    const choose = (option) => () => this.#send(optionReply(option, id, isList));
    const buttons = options.map((option) => h("button", { type: "button", "data-option": option.id, onclick: choose(option) }, option.label));
    if (!isList) return h("div", { class: "options" }, ...buttons);
    const isShort = options.every((option) => option.label.length <= 18);
    return h(
      "details",
      { class: "options", open: isNewest },
      h("summary", {}, icon("list"), "Ver opções"),
      h("div", { class: isShort ? "rows is-short" : "rows" }, ...buttons),
    );
  }
}

/** Renders WhatsApp's *bold* and _italic_ as elements. */
function formatText(text) {
  return text.split(/(\*[^*\n]+\*|_[^_\n]+_)/).map((part) => {
    const tag = { "*": "strong", _: "em" }[part[0]];
    return tag && part.length > 2 && part.at(-1) === part[0] ? h(tag, {}, part.slice(1, -1)) : part;
  });
}
