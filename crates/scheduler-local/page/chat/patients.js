// Whose phone it is: several patients, kept in this browser, one of them chosen in this tab.

import { fill, h } from "../shared/dom.js";
import { icon } from "../shared/icons.js";
import { shownPhone } from "../shared/phones.js";

const STORE = "scheduler.patients";
const FIRST = [{ name: "Maria Silva", phone: "5511999990000" }];

/** Digits as WhatsApp has them, with the country's code; null if it is no phone number. */
export function phoneOf(typed) {
  const digits = typed.replace(/\D/g, "").replace(/^0+/, "");
  const whole = typed.trim().startsWith("+") || digits.length > 11 ? digits : `55${digits}`;
  return whole.length >= 12 && whole.length <= 15 ? whole : null;
}

export class Patients {
  #choose;
  #list;
  #chosen;
  #row = h("div", { class: "patients", role: "group", "aria-label": "De quem é o celular" });
  #dialog = h("dialog", { class: "patient-dialog", "aria-labelledby": "patient-title" });

  /** `choose` is given each patient that is chosen. */
  constructor(choose) {
    this.#choose = choose;
    this.#list = stored();
    this.#chosen = this.#list[0];
    this.element = h("div", { class: "patient-bar" }, this.#row, this.#dialog);
    addEventListener("storage", (event) => {
      if (event.key !== STORE) return;
      this.#list = stored();
      this.#draw();
    });
    this.#draw();
  }

  get chosen() {
    return this.#chosen;
  }

  #pick(patient) {
    this.#chosen = patient;
    this.#draw();
    this.#choose(patient);
  }

  #draw() {
    const chip = (patient) => {
      const pressed = patient.phone === this.#chosen.phone;
      return h(
        "button",
        { type: "button", class: "chip", "aria-pressed": String(pressed), onclick: () => this.#pick(patient) },
        h("span", { class: "chip-name" }, patient.name),
        h("span", { class: "chip-phone" }, shownPhone(patient.phone)),
      );
    };
    const add = h("button", { type: "button", class: "chip add", onclick: () => this.#ask() }, icon("add"), "Paciente");
    fill(this.#row, ...this.#list.map(chip), add);
  }

  #ask() {
    const name = h("input", { id: "patient-name", required: true, maxlength: "80", autocomplete: "off" });
    const phone = h("input", { id: "patient-phone", required: true, inputmode: "tel", autocomplete: "off", placeholder: "11 98888-7777", "aria-describedby": "patient-problem" });
    const problem = h("p", { class: "problem", id: "patient-problem", role: "alert" });
    const submit = (event) => {
      event.preventDefault();
      const digits = phoneOf(phone.value);
      if (!digits) {
        problem.textContent = "Escreva o número com DDD, por exemplo 11 98888-7777.";
        phone.focus();
        return;
      }
      const patient = { name: name.value.trim(), phone: digits };
      this.#list = [...this.#list.filter((one) => one.phone !== digits), patient];
      localStorage.setItem(STORE, JSON.stringify(this.#list));
      this.#dialog.close();
      this.#pick(patient);
    };
    fill(
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

function stored() {
  try {
    const list = JSON.parse(localStorage.getItem(STORE));
    const sound = (one) => typeof one?.name === "string" && typeof one?.phone === "string";
    return Array.isArray(list) && list.length > 0 && list.every(sound) ? list : FIRST;
  } catch {
    return FIRST;
  }
}
