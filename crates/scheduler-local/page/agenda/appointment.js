// The appointment dialog: shows the details of an appointment and lets reception change it.

import { h, setChildren } from "../shared/dom.js";
import { icon } from "../shared/icons.js";
import { formatPhone } from "../shared/phones.js";
import { longDay } from "./dates.js";
import { stateOf } from "./states.js";

export class AppointmentDialog {
  #update;
  #appointment = null;
  #draft = null;
  #confirmingCancel = false;
  #message = "";

  /**
   * `update` receives the appointment and the fields to change, and returns the changed appointment.
   * The dialog shows the message of an error that it throws.
   */
  constructor(update) {
    this.#update = update;
    this.element = h("dialog", { class: "appointment-dialog", "aria-labelledby": "appointment-title", onclose: () => this.#reset() });
  }

  /** The id of the open appointment, or null. */
  get openId() {
    return this.#appointment?.appointment_id ?? null;
  }

  open(appointment) {
    this.#reset();
    this.#appointment = appointment;
    this.#draw();
    this.element.showModal();
  }

  /** Shows a newer version of the open appointment and keeps a note that is being typed. */
  refresh(appointment) {
    if (!this.#appointment || appointment.version === this.#appointment.version) return;
    this.#appointment = appointment;
    this.#draw();
  }

  close() {
    this.element.close();
  }

  #reset() {
    this.#appointment = null;
    this.#draft = null;
    this.#confirmingCancel = false;
    this.#message = "";
  }

  #draw() {
    const appointment = this.#appointment;
    const state = stateOf(appointment);
    const detail = (name, value) => (value ? [h("dt", {}, name), h("dd", {}, value)] : []);
    const focused = this.element.contains(document.activeElement) ? document.activeElement.id : "";
    setChildren(
      this.element,
      h(
        "header",
        {},
        h("h2", { id: "appointment-title" }, appointment.patient_name ?? "Paciente sem nome"),
        h("button", { type: "button", class: "quiet", id: "appointment-close", "aria-label": "Fechar", onclick: () => this.close() }, icon("cancelled")),
      ),
      h("p", { class: `state is-${state.name}` }, icon(state.icon), state.label),
      h(
        "dl",
        {},
        ...detail("Dia", longDay(appointment.appointment_date)),
        ...detail("Hora", `${appointment.start_time} às ${appointment.end_time}, mais ${appointment.buffer_minutes} min de intervalo`),
        ...detail("Serviço", appointment.service_name),
        ...detail("Áreas", appointment.areas),
        ...detail("Profissional", appointment.professional_name),
        ...detail("Telefone", appointment.patient_phone && formatPhone(appointment.patient_phone)),
      ),
      this.#noteForm(appointment),
      ...this.#statusActions(appointment),
      h("p", { class: "status", role: "status" }, this.#message),
    );
    if (focused) this.element.querySelector(`#${focused}`)?.focus();
  }

  #noteForm(appointment) {
    const note = h("textarea", { id: "appointment-note", rows: "3", maxlength: "2000", oninput: () => (this.#draft = note.value) });
    note.value = this.#draft ?? appointment.notes ?? "";
    const submit = (event) => {
      event.preventDefault();
      this.#send({ notes: note.value.trim() || null }, "Observação guardada.");
    };
    return h(
      "form",
      { onsubmit: submit },
      h("label", { for: "appointment-note" }, "Observação da recepção"),
      note,
      h("button", { type: "submit", id: "appointment-save" }, icon("note"), "Guardar observação"),
    );
  }

  #statusActions(appointment) {
    if (appointment.status !== "CONFIRMED") return [];
    return [this.#confirmingCancel ? this.#cancelConfirmation() : this.#statusButtons()];
  }

  #statusButtons() {
    const askToConfirm = () => {
      this.#confirmingCancel = true;
      this.#draw();
      this.element.querySelector("#appointment-cancel-confirm").focus();
    };
    return h(
      "div",
      { class: "actions" },
      h("button", { type: "button", id: "appointment-completed", onclick: () => this.#send({ status: "COMPLETED" }, "Marcada como realizada.") }, icon("completed"), "Realizada"),
      h("button", { type: "button", id: "appointment-no-show", onclick: () => this.#send({ status: "NO_SHOW" }, "Marcada como falta.") }, icon("no-show"), "Não veio"),
      h("button", { type: "button", id: "appointment-cancel", class: "danger", onclick: askToConfirm }, icon("cancelled"), "Cancelar visita"),
    );
  }

  #cancelConfirmation() {
    const notify = h("input", { type: "checkbox", id: "appointment-notify", checked: true });
    const keep = () => {
      this.#confirmingCancel = false;
      this.#draw();
      this.element.querySelector("#appointment-cancel").focus();
    };
    const cancel = () => this.#send({ status: "CANCELLED", notify: notify.checked }, "Visita cancelada.");
    return h(
      "div",
      { class: "actions confirm-cancel" },
      h("p", {}, "Cancelar de vez? Uma visita cancelada não volta."),
      h("label", { class: "check" }, notify, "Avisar o paciente no WhatsApp"),
      h("button", { type: "button", id: "appointment-keep", onclick: keep }, "Manter"),
      h("button", { type: "button", id: "appointment-cancel-confirm", class: "danger", onclick: cancel }, "Sim, cancelar"),
    );
  }

  async #send(changes, success) {
    const appointment = this.#appointment;
    try {
      const changed = await this.#update(appointment, changes);
      if (this.openId !== appointment.appointment_id) return;
      this.#appointment = changed;
      this.#confirmingCancel = false;
      if ("notes" in changes) this.#draft = null;
      this.#message = success;
    } catch (error) {
      if (this.openId !== appointment.appointment_id) return;
      this.#message = error.message;
    }
    this.#draw();
  }
}
