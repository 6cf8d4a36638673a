// Asks for the API key and keeps it in this tab's session storage.

import { h, setChildren } from "../shared/dom.js";
import { icon } from "../shared/icons.js";

const KEY = "scheduler.key";
const CLINIC = "scheduler.clinic";

/** The credentials stored in this tab, or null. */
export function loadCredentials(defaultClinicId) {
  const key = sessionStorage.getItem(KEY);
  return key ? { key, clinicId: sessionStorage.getItem(CLINIC) ?? defaultClinicId } : null;
}

export function storeCredentials({ key, clinicId }) {
  sessionStorage.setItem(KEY, key);
  sessionStorage.setItem(CLINIC, clinicId);
}

export function forgetKey() {
  sessionStorage.removeItem(KEY);
}

/** Shows the form. `problem` says why the key is asked for again; `onSubmit` receives the credentials. */
export function askForKey(root, { clinicId, problem, onSubmit }) {
  const clinic = h("input", { id: "agenda-clinic", name: "clinic", required: true, autocomplete: "off", value: clinicId });
  const key = h("input", {
    id: "agenda-key",
    name: "key",
    type: "password",
    required: true,
    autocomplete: "off",
    "aria-describedby": problem ? "agenda-problem" : false,
    "aria-invalid": problem ? "true" : false,
  });
  const submit = (event) => {
    event.preventDefault();
    onSubmit({ key: key.value.trim(), clinicId: clinic.value.trim() });
  };
  setChildren(
    root,
    h(
      "form",
      { class: "key-form", onsubmit: submit },
      h("span", { class: "key-mark" }, icon("key")),
      h("h2", {}, "Abra a agenda com a sua chave"),
      h("p", {}, "A agenda fala só com a API pública. Sem a chave, nada é mostrado."),
      problem ? h("p", { class: "problem", id: "agenda-problem", role: "alert" }, problem) : null,
      h("label", { for: "agenda-clinic" }, "Clínica"),
      clinic,
      h("label", { for: "agenda-key" }, "Chave da API"),
      key,
      h("button", { type: "submit", class: "primary" }, "Abrir a agenda"),
      h("p", { class: "hint" }, "Fica guardada só nesta aba."),
    ),
  );
  if (problem) key.focus();
}
