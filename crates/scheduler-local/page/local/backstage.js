// What happened behind the chosen chat: its messages and their states, the session, the reminders.

import { fill, h, keyed } from "../shared/dom.js";
import { icon } from "../shared/icons.js";

const STATUS = {
  RECEIVED: "recebida",
  QUEUED: "na fila",
  BLOCKED: "bloqueada",
  SENT: "enviada",
  DELIVERED: "entregue",
  READ: "lida",
  FAILED: "falhou",
};
const REMINDER = { PENDING: "marcado", SENDING: "saindo", SENT: "enviado", FAILED: "falhou", CANCELLED: "cancelado" };

export class Backstage {
  #timezone;
  #messages = h("ol", { class: "log" });
  #facts = h("div", {});
  #json = h("pre", { tabindex: "0" });
  #data = h("details", { hidden: true }, h("summary", {}, "Dados da sessão"), this.#json);
  #reminders = h("ul", { class: "reminders" });
  #whose = h("span", { class: "whose" });

  constructor(root, { timezone }) {
    this.#timezone = timezone;
    root.append(
      h("section", { class: "card messages" }, h("h3", {}, "Mensagens", this.#whose), h("div", { class: "log-scroll", tabindex: "0", role: "region", "aria-label": "Mensagens e seus estados" }, this.#messages)),
      h("section", { class: "card" }, h("h3", {}, "Sessão"), this.#facts, this.#data),
      h("section", { class: "card" }, h("h3", {}, "Lembretes"), this.#reminders),
    );
  }

  set timezone(timezone) {
    this.#timezone = timezone;
  }

  draw(patient, messages, { session, reminders }) {
    this.#whose.textContent = `de ${patient.name}`;
    const newestFirst = messages.toReversed();
    keyed(this.#messages, newestFirst, (message) => message.id, (message) => `${message.steps.length} ${this.#timezone}`, (message) => this.#message(message));
    if (messages.length === 0) fill(this.#messages, h("li", { class: "nothing" }, "Ainda não há mensagens."));
    this.#drawSession(session);
    const items = (reminders ?? []).toSorted((one, other) => one.sendAt.localeCompare(other.sendAt));
    const lines = items.map((reminder) => h("li", {}, icon("clock"), h("span", {}, this.#moment(reminder.sendAt)), h("strong", { "data-reminder": reminder.status }, REMINDER[reminder.status] ?? reminder.status)));
    fill(this.#reminders, ...(lines.length > 0 ? lines : [h("li", { class: "nothing" }, "Nenhum lembrete marcado.")]));
  }

  #message(message) {
    const out = message.direction === "OUTBOUND";
    const who = message.byStaff ? "atendente" : out ? "robô" : "paciente";
    const step = ({ status, at, error }) =>
      h("li", { class: `step is-${status.toLowerCase()}` }, h("span", {}, STATUS[status] ?? status), h("time", { datetime: at }, this.#time(at)), error ? h("span", { class: "error" }, error) : null);
    const [before, after] = message.states ?? [];
    return h(
      "li",
      { class: out ? "entry is-out" : "entry is-in" },
      h("p", { class: "entry-head" }, icon(out ? "outbound" : "inbound"), h("strong", {}, who), h("span", { class: "kind" }, message.kind), before ? h("code", {}, before === after ? after : `${before} → ${after}`) : null),
      message.text ? h("p", { class: "entry-text" }, message.text) : null,
      h("ol", { class: "steps" }, ...message.steps.map(step)),
    );
  }

  #drawSession(session) {
    this.#data.hidden = !session;
    if (!session) {
      fill(this.#facts, h("p", { class: "nothing" }, "Ainda não há sessão."));
      return;
    }
    const fact = (name, value) => (value ? [h("dt", {}, name), h("dd", {}, value)] : []);
    fill(
      this.#facts,
      h("p", { class: "state-name" }, h("code", {}, session.currentState ?? "sem estado")),
      h(
        "dl",
        {},
        ...fact("Em silêncio até", session.silentUntil && this.#moment(session.silentUntil)),
        ...fact("Acaba", session.expiresAt && this.#moment(session.expiresAt)),
        ...fact("Versão", String(session.version ?? "")),
        ...fact("Por ler", String(session.inbox?.length ?? 0)),
        ...fact("Por enviar", String(session.pendingReplies?.length ?? 0)),
      ),
    );
    this.#json.textContent = JSON.stringify(session.stateData ?? {}, null, 2);
  }

  #moment(at) {
    return new Intl.DateTimeFormat("pt-BR", { timeZone: this.#timezone, weekday: "short", day: "2-digit", month: "2-digit", hour: "2-digit", minute: "2-digit" }).format(new Date(at)).replace(".", "");
  }

  #time(at) {
    return new Intl.DateTimeFormat("pt-BR", { timeZone: this.#timezone, hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(new Date(at));
  }
}
