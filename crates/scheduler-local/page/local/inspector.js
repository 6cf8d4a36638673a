// The inspector: shows the messages, session and reminders of the selected chat as the server stores them.

import { h, reconcileChildren, setChildren } from "../shared/dom.js";
import { icon } from "../shared/icons.js";

const MESSAGE_STATUS = {
  RECEIVED: "recebida",
  QUEUED: "na fila",
  BLOCKED: "bloqueada",
  SENT: "enviada",
  DELIVERED: "entregue",
  READ: "lida",
  FAILED: "falhou",
};
const REMINDER_STATUS = { PENDING: "marcado", SENDING: "saindo", SENT: "enviado", FAILED: "falhou", CANCELLED: "cancelado" };

export class Inspector {
  #timezone;
  #messages = h("ol", { class: "log" });
  #session = h("div", {});
  #stateJson = h("pre", { tabindex: "0" });
  #stateData = h("details", { hidden: true }, h("summary", {}, "Dados da sessão"), this.#stateJson);
  #reminders = h("ul", { class: "reminders" });
  #patientName = h("span", { class: "inspector-patient" });

  constructor(root, { timezone }) {
    this.#timezone = timezone;
    root.append(
      h("section", { class: "card messages" }, h("h3", {}, "Mensagens", this.#patientName), h("div", { class: "log-scroll", tabindex: "0", role: "region", "aria-label": "Mensagens e seus estados" }, this.#messages)),
      h("section", { class: "card" }, h("h3", {}, "Sessão"), this.#session, this.#stateData),
      h("section", { class: "card" }, h("h3", {}, "Lembretes"), this.#reminders),
    );
  }

  set timezone(timezone) {
    this.#timezone = timezone;
  }

  draw(patient, messages, { session, reminders }) {
    this.#patientName.textContent = `de ${patient.name}`;
    const newestFirst = messages.toReversed();
    reconcileChildren(this.#messages, newestFirst, (message) => message.id, (message) => `${message.steps.length} ${this.#timezone}`, (message) => this.#message(message));
    if (messages.length === 0) setChildren(this.#messages, h("li", { class: "no-data" }, "Ainda não há mensagens."));
    this.#drawSession(session);
    const sorted = (reminders ?? []).toSorted((one, other) => one.sendAt.localeCompare(other.sendAt));
    const items = sorted.map((reminder) => h("li", {}, icon("clock"), h("span", {}, this.#dateAndTime(reminder.sendAt)), h("strong", { "data-reminder": reminder.status }, REMINDER_STATUS[reminder.status] ?? reminder.status)));
    setChildren(this.#reminders, ...(items.length > 0 ? items : [h("li", { class: "no-data" }, "Nenhum lembrete marcado.")]));
  }

  #message(message) {
    const outbound = message.direction === "OUTBOUND";
    const author = message.byStaff ? "atendente" : outbound ? "robô" : "paciente";
    const step = ({ status, at, error }) =>
      h("li", { class: `step is-${status.toLowerCase()}` }, h("span", {}, MESSAGE_STATUS[status] ?? status), h("time", { datetime: at }, this.#time(at)), error ? h("span", { class: "error" }, error) : null);
    const [before, after] = message.states ?? [];
    return h(
      "li",
      { class: outbound ? "entry is-out" : "entry is-in" },
      h("p", { class: "entry-head" }, icon(outbound ? "outbound" : "inbound"), h("strong", {}, author), h("span", { class: "kind" }, message.kind), before ? h("code", {}, before === after ? after : `${before} → ${after}`) : null),
      message.text ? h("p", { class: "entry-text" }, message.text) : null,
      h("ol", { class: "steps" }, ...message.steps.map(step)),
    );
  }

  #drawSession(session) {
    this.#stateData.hidden = !session;
    if (!session) {
      setChildren(this.#session, h("p", { class: "no-data" }, "Ainda não há sessão."));
      return;
    }
    const detail = (name, value) => (value ? [h("dt", {}, name), h("dd", {}, value)] : []);
    setChildren(
      this.#session,
      h("p", { class: "state-name" }, h("code", {}, session.currentState ?? "sem estado")),
      h(
        "dl",
        {},
        ...detail("Em silêncio até", session.silentUntil && this.#dateAndTime(session.silentUntil)),
        ...detail("Acaba", session.expiresAt && this.#dateAndTime(session.expiresAt)),
        ...detail("Versão", String(session.version ?? "")),
        ...detail("Por ler", String(session.inbox?.length ?? 0)),
        ...detail("Por enviar", String(session.pendingReplies?.length ?? 0)),
      ),
    );
    this.#stateJson.textContent = JSON.stringify(session.stateData ?? {}, null, 2);
  }

  #dateAndTime(at) {
    return new Intl.DateTimeFormat("pt-BR", { timeZone: this.#timezone, weekday: "short", day: "2-digit", month: "2-digit", hour: "2-digit", minute: "2-digit" }).format(new Date(at)).replace(".", "");
  }

  #time(at) {
    return new Intl.DateTimeFormat("pt-BR", { timeZone: this.#timezone, hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(new Date(at));
  }
}
