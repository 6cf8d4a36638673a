// The patients: their list is shared by all tabs of the browser; each tab selects one of them.

import { h, setChildren } from "../shared/dom.js";
import { icon } from "../shared/icons.js";
import { formatPhone } from "../shared/phones.js";

const STORAGE_KEY = "scheduler.patients";
const DEFAULT_PATIENTS = [{ name: "Maria Silva", phone: "5511999990000" }];

export class Patients {
  #onSelect;
  #list;
  #selected;
  #row = h("div", { class: "patients", role: "group", "aria-label": "De quem é o celular" });
  #dialog = h("dialog", { class: "patient-dialog", "aria-labelledby": "patient-title" });

  /** `onSelect` receives each patient that the user selects. */
  constructor(onSelect) {
    this.#onSelect = onSelect;
    this.#list = loadPatients();
    this.#selected = this.#list[0];
    this.element = h("div", { class: "patient-bar" }, this.#row, this.#dialog);
    addEventListener("storage", (event) => {
      if (event.key !== STORAGE_KEY) return;
      this.#list = loadPatients();
      this.#draw();
    });
    this.#draw();
  }

  get selected() {
    return this.#selected;
  }

  #select(patient) {
    this.#selected = patient;
    this.#draw();
    this.#onSelect(patient);
  }

  #draw() {
    const chip = (patient) => {
      const pressed = patient.phone === this.#selected.phone;
      return h(
        "button",
        { type: "button", class: "chip", "aria-pressed": String(pressed), onclick: () => this.#select(patient) },
        h("span", { class: "chip-name" }, patient.name),
        h("span", { class: "chip-phone" }, formatPhone(patient.phone)),
      );
    };
    const add = h("button", { type: "button", class: "chip add", onclick: () => this.#showAddDialog() }, icon("add"), "Paciente");
    setChildren(this.#row, ...this.#list.map(chip), add);
  }

  #showAddDialog() {
    const name = h("input", { id: "patient-name", required: true, maxlength: "80", autocomplete: "off" });
    const phone = h("input", { id: "patient-phone", required: true, inputmode: "tel", autocomplete: "off", placeholder: "11 98888-7777", "aria-describedby": "patient-problem" });
    const problem = h("p", { class: "problem", id: "patient-problem", role: "alert" });
    const submit = (event) => {
      event.preventDefault();
      const digits = parsePhone(phone.value);
      if (!digits) {
        problem.textContent = "Escreva o número com DDD, por exemplo 11 98888-7777.";
        phone.focus();
        return;
      }
      const patient = { name: name.value.trim(), phone: digits };
      this.#list = [...this.#list.filter((one) => one.phone !== digits), patient];
      localStorage.setItem(STORAGE_KEY, JSON.stringify(this.#list));
      this.#dialog.close();
      this.#select(patient);
    };
    setChildren(
      this.#dialog,
      h(
        "form",
        { onsubmit: submit },
        h("h2", { id: "patient-title" }, "Mais um paciente"),
        h("label", { for: "patient-name" }, "Nome no perfil"),
        name,
        h("label", { for: "patient-phone" }, "Número, com DDD"),
        phone,
        problem,
        h(
          "div",
          { class: "actions" },
          h("button", { type: "button", onclick: () => this.#dialog.close() }, "Fechar"),
          h("button", { type: "submit", class: "primary" }, "Adicionar"),
        ),
      ),
    );
    this.#dialog.showModal();
  }
}

function loadPatients() {
  try {
    const list = JSON.parse(localStorage.getItem(STORAGE_KEY));
    const isValid = (one) => typeof one?.name === "string" && typeof one?.phone === "string";
    return Array.isArray(list) && list.length > 0 && list.every(isValid) ? list : DEFAULT_PATIENTS;
  } catch {
    return DEFAULT_PATIENTS;
  }
}

/** The digits of a phone number with its country code, 55 by default; null if it is not valid. */
function parsePhone(input) {
  const digits = input.replace(/\D/g, "").replace(/^0+/, "");
  const full = input.trim().startsWith("+") || digits.length > 11 ? digits : `55${digits}`;
  return full.length >= 12 && full.length <= 15 ? full : null;
}
