// One visit, opened: what is known of it, and what may be changed.

import { fill, h } from "../shared/dom.js";
import { icon } from "../shared/icons.js";
import { shownPhone } from "../shared/phones.js";
import { longDay } from "./dates.js";
import { stateOf } from "./states.js";

export class VisitDialog {
  #change;
  #visit = null;
  #draft = null;
  #asked = false;
  #told = "";

  /** `change` is given the visit and the fields to change; it throws what keeps them from it. */
  constructor(change) {
    this.#change = change;
    this.element = h("dialog", { class: "visit-dialog", "aria-labelledby": "visit-title", onclose: () => this.#forget() });
  }

  /** Which one is open. */
  get openId() {
    return this.#visit?.appointment_id ?? null;
  }

  open(visit) {
    this.#forget();
    this.#visit = visit;
    this.#draw();
    this.element.showModal();
  }

  /** The visit as it is now, if it is the one that is open; what was typed stays. */
  refresh(visit) {
    if (!this.#visit || visit.version === this.#visit.version) return;
    this.#visit = visit;
    this.#draw();
  }

  close() {
    this.element.close();
  }

  #forget() {
    this.#visit = null;
    this.#draft = null;
    this.#asked = false;
    this.#told = "";
  }

  #draw() {
    const visit = this.#visit;
    const state = stateOf(visit);
    const fact = (name, value) => (value ? [h("dt", {}, name), h("dd", {}, value)] : []);
    const focused = this.element.contains(document.activeElement) ? document.activeElement.id : "";
    fill(
      this.element,
      h(
        "header",
        {},
        h("h2", { id: "visit-title" }, visit.patient_name ?? "Paciente sem nome"),
        h("button", { type: "button", class: "quiet", id: "visit-close", "aria-label": "Fechar", onclick: () => this.close() }, icon("cancelled")),
      ),
      h("p", { class: `state is-${state.name}` }, icon(state.icon), state.word),
      h(
        "dl",
        {},
        ...fact("Dia", longDay(visit.appointment_date)),
        ...fact("Hora", `${visit.start_time} às ${visit.end_time}, mais ${visit.buffer_minutes} min de intervalo`),
        ...fact("Serviço", visit.service_name),
        ...fact("Áreas", visit.areas),
        ...fact("Profissional", visit.professional_name),
        ...fact("Telefone", visit.patient_phone && shownPhone(visit.patient_phone)),
      ),
      this.#noteForm(visit),
      ...this.#statusForm(visit),
      h("p", { class: "told", role: "status" }, this.#told),
    );
    if (focused) this.element.querySelector(`#${focused}`)?.focus();
  }

  #noteForm(visit) {
    const note = h("textarea", { id: "visit-note", rows: "3", maxlength: "2000", oninput: () => (this.#draft = note.value) });
    note.value = this.#draft ?? visit.notes ?? "";
    const submit = (event) => {
      event.preventDefault();
      this.#send({ notes: note.value.trim() || null }, "Observação guardada.");
    };
    return h(
      "form",
      { onsubmit: submit },
      h("label", { for: "visit-note" }, "Observação da recepção"),
      note,
      h("button", { type: "submit", id: "visit-save" }, icon("note"), "Guardar observação"),
    );
  }

  #statusForm(visit) {
    if (visit.status !== "CONFIRMED") return [];
    if (!this.#asked) {
      const ask = () => {
        this.#asked = true;
        this.#draw();
        this.element.querySelector("#visit-cancel-sure").focus();
      };
      return [
        h(
          "div",
          { class: "actions" },
          h("button", { type: "button", id: "visit-done", onclick: () => this.#send({ status: "COMPLETED" }, "Marcada como realizada.") }, icon("completed"), "Realizada"),
          h("button", { type: "button", id: "visit-missed", onclick: () => this.#send({ status: "NO_SHOW" }, "Marcada como falta.") }, icon("missed"), "Não veio"),
          h("button", { type: "button", id: "visit-cancel", class: "danger", onclick: ask }, icon("cancelled"), "Cancelar visita"),
        ),
      ];
    }
    const tell = h("input", { type: "checkbox", id: "visit-tell", checked: true });
    const keep = () => {
      this.#asked = false;
      this.#draw();
      this.element.querySelector("#visit-cancel").focus();
    };
    const cancel = () => this.#send({ status: "CANCELLED", notify: tell.checked }, "Visita cancelada.");
    return [
      h(
        "div",
        { class: "actions asks" },
        h("p", {}, "Cancelar de vez? Uma visita cancelada não volta."),
        h("label", { class: "check" }, tell, "Avisar o paciente no WhatsApp"),
        h("button", { type: "button", id: "visit-keep", onclick: keep }, "Manter"),
        h("button", { type: "button", id: "visit-cancel-sure", class: "danger", onclick: cancel }, "Sim, cancelar"),
      ),
    ];
  }

  async #send(change, done) {
    const visit = this.#visit;
    try {
      const changed = await this.#change(visit, change);
      if (this.openId !== visit.appointment_id) return;
      this.#visit = changed;
      this.#asked = false;
      if ("notes" in change) this.#draft = null;
      this.#told = done;
    } catch (error) {
      if (this.openId !== visit.appointment_id) return;
      this.#told = error.message;
    }
    this.#draw();
  }
}
