// The agenda: shows reception the clinic's week and changes it through the public API.

import { h, setChildren } from "../shared/dom.js";
import { icon } from "../shared/icons.js";
import { askForKey, forgetKey, loadCredentials, storeCredentials } from "./api-key.js";
import { Api } from "./api.js";
import { AppointmentDialog } from "./appointment.js";
import { addDays, localTime, mondayOf, shortDay, weekTitle } from "./dates.js";
import { nextOpenDay, openingHours } from "./opening-hours.js";
import { LEGEND, stateOf } from "./states.js";
import { Week } from "./week.js";

const POLL_INTERVAL_MS = 15_000;

/**
 * Shows the agenda in `root`. `now` returns the current time; `onClinic` receives the clinic row of
 * the API. Returns a function that refreshes the agenda before the next poll.
 */
export function startAgenda(root, { clinicId, now = () => new Date(), onClinic = () => {} }) {
  const agenda = new Agenda(root, { clinicId, now, onClinic });
  agenda.start(loadCredentials(clinicId));
  setInterval(() => document.hidden || agenda.refresh(), POLL_INTERVAL_MS);
  document.addEventListener("visibilitychange", () => document.hidden || agenda.refresh());
  return () => agenda.refresh();
}

class Agenda {
  #root;
  #clinicId;
  #now;
  #onClinic;
  #api = null;
  /** The week that was chosen, or null for the week of the next open day. */
  #chosenMonday = null;
  #clinic = null;
  /** The week on screen: its `monday`, and its `appointments` by id. */
  #shown = null;
  #refreshing = null;
  #refreshAgain = false;
  #view = null;

  constructor(root, { clinicId, now, onClinic }) {
    this.#root = root;
    this.#clinicId = clinicId;
    this.#now = now;
    this.#onClinic = onClinic;
  }

  /** Opens the agenda with credentials, or asks for a key and shows `problem`. */
  start(credentials, problem) {
    this.#shown = null;
    this.#chosenMonday = null;
    this.#view = null;
    if (!credentials?.key) {
      this.#api = null;
      askForKey(this.#root, { clinicId: credentials?.clinicId ?? this.#clinicId, problem, onSubmit: (typed) => this.start(typed) });
      return;
    }
    this.#clinicId = credentials.clinicId;
    storeCredentials(credentials);
    this.#api = new Api(credentials.key, credentials.clinicId);
    setChildren(this.#root, h("p", { class: "loading", role: "status" }, "Abrindo a agenda…"));
    this.refresh();
  }

  /** Reads and draws the week. Calls made during a refresh cause one more refresh after it. */
  async refresh() {
    if (!this.#api) return;
    if (this.#refreshing) {
      this.#refreshAgain = true;
      return;
    }
    const api = this.#api;
    this.#refreshing = this.#load(api).catch((error) => this.#showError(api, error));
    await this.#refreshing;
    this.#refreshing = null;
    if (this.#refreshAgain) {
      this.#refreshAgain = false;
      this.refresh();
    }
  }

  async #load(api) {
    const chosen = this.#chosenMonday;
    const [clinic, rules] = await Promise.all([api.clinic(), api.rules().catch(nullUnlessUnauthorized)]);
    const now = localTime(this.#now(), clinic.timezone);
    const thisWeek = mondayOf(now.day);
    // Without a chosen week, three weeks of exceptions are needed to find the next open day.
    const exceptions = await api.exceptions(chosen ?? thisWeek, addDays(chosen ?? thisWeek, chosen ? 6 : 20)).catch(nullUnlessUnauthorized);
    const hours = { rules: rules ?? [], exceptions: exceptions ?? [], businessHours: clinic.business_hours };
    const monday = chosen ?? mondayOf(nextOpenDay(now.day, now.minutes, hours));
    const appointments = await api.appointments(monday, addDays(monday, 6));
    if (api !== this.#api || chosen !== this.#chosenMonday) {
      this.#refreshAgain = true;
      return;
    }
    this.#clinic = clinic;
    this.#onClinic(clinic);
    this.#draw({ monday, now, hours, appointments });
    const complete = rules !== null && exceptions !== null;
    this.#showNotice(complete ? "" : "O horário mostrado é o geral da clínica: suas regras ou exceções não puderam ser lidas.");
  }

  #draw({ monday, now, hours, appointments }) {
    const started = performance.now();
    const view = (this.#view ??= this.#createView());
    const previous = this.#shown?.monday === monday ? this.#shown.appointments : null;
    const changed = previous ? appointments.filter((appointment) => previous.get(appointment.appointment_id)?.version !== appointment.version) : [];
    this.#shown = { monday, appointments: new Map(appointments.map((appointment) => [appointment.appointment_id, appointment])) };
    view.title.textContent = weekTitle(monday);
    view.clinic.textContent = this.#clinic.name;
    const days = Array.from({ length: 7 }, (_, index) => openingHours(addDays(monday, index), hours));
    const changedIds = new Set(changed.map((appointment) => appointment.appointment_id));
    view.week.draw({ monday, now, hours: days, appointments, changedIds });
    const confirmed = appointments.filter((appointment) => appointment.status === "CONFIRMED").length;
    view.count.textContent = confirmed === 1 ? "1 visita marcada" : `${confirmed} visitas marcadas`;
    if (changed.length > 0) view.latestChange.textContent = `${describeChange(changed.at(-1))}${changed.length > 1 ? ` E mais ${changed.length - 1}.` : ""}`;
    if (view.shownMonday !== monday) {
      view.shownMonday = monday;
      view.week.scrollToDay(now.day >= monday && now.day <= addDays(monday, 6) ? now.day : monday);
    }
    const open = view.dialog.openId && this.#shown.appointments.get(view.dialog.openId);
    if (open) view.dialog.refresh(open);
    performance.measure("agenda-update", { start: started, detail: appointments.length });
  }

  #createView() {
    const dialog = new AppointmentDialog((appointment, changes) => this.#update(appointment, changes));
    const week = new Week((id) => dialog.open(this.#shown.appointments.get(id)));
    const moveBy = (days) => () => this.#showWeek(addDays(this.#shown.monday, days));
    const button = (label, name, onclick) => h("button", { type: "button", class: "quiet", "aria-label": label, title: label, onclick }, icon(name));
    const view = {
      dialog,
      week,
      title: h("h2", { class: "week-title" }),
      clinic: h("span", { class: "clinic-name" }),
      count: h("span", { class: "count" }),
      notice: h("p", { class: "problem", role: "alert" }),
      latestChange: h("p", { class: "latest-change", role: "status" }),
      shownMonday: null,
    };
    const signOut = () => {
      forgetKey();
      this.start({ clinicId: this.#clinicId });
    };
    setChildren(
      this.#root,
      h(
        "header",
        { class: "agenda-head" },
        h("div", { class: "agenda-names" }, view.clinic, view.title),
        view.count,
        h(
          "div",
          { class: "week-nav" },
          button("Semana anterior", "back", moveBy(-7)),
          h("button", { type: "button", onclick: () => this.#showWeek(null) }, "Agora"),
          button("Próxima semana", "forward", moveBy(7)),
        ),
        h("button", { type: "button", class: "quiet sign-out", onclick: signOut }, icon("key"), "Sair"),
      ),
      view.notice,
      week.element,
      h(
        "footer",
        { class: "agenda-foot" },
        h("ul", { class: "legend", "aria-label": "Legenda" }, ...LEGEND.map((state) => h("li", { class: `is-${state.name}` }, icon(state.icon), state.label))),
        view.latestChange,
      ),
      dialog.element,
    );
    return view;
  }

  #showWeek(monday) {
    this.#chosenMonday = monday;
    this.refresh();
  }

  async #update(appointment, changes) {
    const changed = await this.#api.update(appointment, changes);
    this.refresh();
    return changed;
  }

  #showNotice(message) {
    // Screen readers announce an alert again each time its text is set.
    if (this.#view.notice.textContent !== message) this.#view.notice.textContent = message;
  }

  #showError(api, error) {
    if (api !== this.#api) return;
    if (error.status === 401) {
      forgetKey();
      this.start({ clinicId: this.#clinicId }, "Esta chave não foi aceita.");
    } else if (error.status === 404 && !this.#view) {
      forgetKey();
      this.start({ clinicId: this.#clinicId }, "Esta chave não abre nenhuma clínica com esse nome.");
    } else if (this.#view) {
      this.#showNotice(`A agenda não está em dia. ${error.message}`);
    } else {
      setChildren(this.#root, h("p", { class: "problem", role: "alert" }, `Não foi possível abrir a agenda. ${error.message}`));
    }
  }
}

/** Lets the agenda show appointments when opening hours cannot be read, unless the key is wrong. */
function nullUnlessUnauthorized(error) {
  if (error.status === 401) throw error;
  return null;
}

function describeChange(appointment) {
  const name = appointment.patient_name ?? "Paciente sem nome";
  return `${stateOf(appointment).label}: ${name}, ${shortDay(appointment.appointment_date)}, ${appointment.start_time}.`;
}
