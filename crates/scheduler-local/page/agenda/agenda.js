// The clinic's week as reception sees it, read and changed by the public API alone.

import { fill, h } from "../shared/dom.js";
import { icon } from "../shared/icons.js";
import { Api } from "./api.js";
import { addDays, briefDay, mondayOf, titleOf, wallClock } from "./dates.js";
import { Week } from "./grid.js";
import { hoursOf, nextOpenDay } from "./hours.js";
import { askForKey, forgetKey, keepKey, storedKey } from "./key.js";
import { stateOf, states } from "./states.js";
import { VisitDialog } from "./visit.js";

/** How often it looks for itself, where nobody tells it that something changed. */
const EVERY = 15_000;

/**
 * Shows the agenda in `root`. `now` tells the time, `onClinic` is given the clinic's row. Answers a
 * function that has it look again, for whoever knows that something changed.
 */
export function startAgenda(root, { clinicId, now = () => new Date(), onClinic = () => {} }) {
  const agenda = new Agenda(root, { clinicId, now, onClinic });
  agenda.start(storedKey(clinicId));
  setInterval(() => document.hidden || agenda.look(), EVERY);
  document.addEventListener("visibilitychange", () => document.hidden || agenda.look());
  return () => agenda.look();
}

class Agenda {
  #root;
  #usualClinic;
  #now;
  #onClinic;
  #api = null;
  #monday = null;
  #clinic = null;
  #known = null;
  #looking = null;
  #again = false;
  #parts = null;

  constructor(root, { clinicId, now, onClinic }) {
    this.#root = root;
    this.#usualClinic = clinicId;
    this.#now = now;
    this.#onClinic = onClinic;
  }

  start(credentials, problem) {
    this.#known = null;
    this.#monday = null;
    this.#parts = null;
    if (!credentials?.key) {
      this.#api = null;
      askForKey(this.#root, { clinicId: credentials?.clinicId ?? this.#usualClinic, problem, use: (typed) => this.start(typed) });
      return;
    }
    this.#usualClinic = credentials.clinicId;
    keepKey(credentials);
    this.#api = new Api(credentials.key, credentials.clinicId);
    fill(this.#root, h("p", { class: "loading", role: "status" }, "Abrindo a agenda…"));
    this.look();
  }

  /** Reads and draws; while it does so, further calls become one more round. */
  async look() {
    if (!this.#api) return;
    if (this.#looking) {
      this.#again = true;
      return;
    }
    const api = this.#api;
    this.#looking = this.#read(api).catch((error) => this.#failed(api, error));
    await this.#looking;
    this.#looking = null;
    if (this.#again) {
      this.#again = false;
      this.look();
    }
  }

  async #read(api) {
    const asked = this.#monday;
    const [clinic, rules] = await Promise.all([api.clinic(), api.rules().catch(unread)]);
    const clock = wallClock(this.#now(), clinic.timezone);
    const today = mondayOf(clock.day);
    // Until somebody leafs through them, the week is the one in which the clinic opens next.
    const exceptions = await api.exceptions(asked ?? today, addDays(asked ?? today, asked ? 6 : 20)).catch(unread);
    const hours = { rules: rules ?? [], exceptions: exceptions ?? [], businessHours: clinic.business_hours };
    const monday = asked ?? mondayOf(nextOpenDay(clock.day, clock.minutes, hours));
    const visits = await api.visits(monday, addDays(monday, 6));
    if (api !== this.#api || asked !== this.#monday) {
      this.#again = true;
      return;
    }
    this.#clinic = clinic;
    this.#onClinic(clinic);
    this.#draw({ monday, clock, hours, visits });
    const whole = rules !== null && exceptions !== null;
    this.#notice(whole ? "" : "O horário mostrado é o geral da clínica: suas regras ou exceções não puderam ser lidas.");
  }

  #draw({ monday, clock, hours, visits }) {
    const started = performance.now();
    const parts = (this.#parts ??= this.#frame());
    const before = this.#known?.monday === monday ? this.#known.visits : null;
    const news = before ? visits.filter((visit) => before.get(visit.appointment_id)?.version !== visit.version) : [];
    this.#known = { monday, visits: new Map(visits.map((visit) => [visit.appointment_id, visit])) };
    parts.title.textContent = titleOf(monday);
    parts.clinic.textContent = this.#clinic.name;
    const days = Array.from({ length: 7 }, (_, index) => hoursOf(addDays(monday, index), hours));
    const fresh = new Set(news.map((visit) => visit.appointment_id));
    parts.week.draw({ monday, now: clock, hours: days, visits, fresh });
    const standing = visits.filter((visit) => visit.status === "CONFIRMED").length;
    parts.count.textContent = standing === 1 ? "1 visita marcada" : `${standing} visitas marcadas`;
    if (news.length > 0) parts.news.textContent = `${tell(news.at(-1))}${news.length > 1 ? ` E mais ${news.length - 1}.` : ""}`;
    if (parts.shown !== monday) {
      parts.shown = monday;
      parts.week.show(clock.day >= monday && clock.day <= addDays(monday, 6) ? clock.day : monday);
    }
    const open = parts.dialog.openId && this.#known.visits.get(parts.dialog.openId);
    if (open) parts.dialog.refresh(open);
    performance.measure("agenda-update", { start: started, detail: visits.length });
  }

  #frame() {
    const dialog = new VisitDialog((visit, change) => this.#change(visit, change));
    const week = new Week((id) => dialog.open(this.#known.visits.get(id)));
    const turn = (days) => () => this.#turn(addDays(this.#known.monday, days));
    const button = (label, name, onclick) => h("button", { type: "button", class: "quiet", "aria-label": label, title: label, onclick }, icon(name));
    const parts = {
      dialog,
      week,
      title: h("h2", { class: "week-title" }),
      clinic: h("span", { class: "clinic-name" }),
      count: h("span", { class: "count" }),
      notice: h("p", { class: "problem", role: "alert" }),
      news: h("p", { class: "news", role: "status" }),
      shown: null,
    };
    const leave = () => {
      forgetKey();
      this.start({ clinicId: this.#usualClinic });
    };
    fill(
      this.#root,
      h(
        "header",
        { class: "agenda-head" },
        h("div", { class: "agenda-names" }, parts.clinic, parts.title),
        parts.count,
        h(
          "div",
          { class: "turns" },
          button("Semana anterior", "back", turn(-7)),
          h("button", { type: "button", onclick: () => this.#turn(null) }, "Agora"),
          button("Próxima semana", "forward", turn(7)),
        ),
        h("button", { type: "button", class: "quiet leave", onclick: leave }, icon("key"), "Sair"),
      ),
      parts.notice,
      week.element,
      h(
        "footer",
        { class: "agenda-foot" },
        h("ul", { class: "legend", "aria-label": "Legenda" }, ...states.map((state) => h("li", { class: `is-${state.name}` }, icon(state.icon), state.word))),
        parts.news,
      ),
      dialog.element,
    );
    return parts;
  }

  #turn(monday) {
    this.#monday = monday;
    this.look();
  }

  async #change(visit, change) {
    const changed = await this.#api.change(visit, change);
    this.look();
    return changed;
  }

  #notice(words) {
    if (this.#parts.notice.textContent !== words) this.#parts.notice.textContent = words;
  }

  #failed(api, error) {
    if (api !== this.#api) return;
    if (error.status === 401) {
      forgetKey();
      this.start({ clinicId: this.#usualClinic }, "Esta chave não foi aceita.");
    } else if (error.status === 404 && !this.#parts) {
      forgetKey();
      this.start({ clinicId: this.#usualClinic }, "Esta chave não abre nenhuma clínica com esse nome.");
    } else if (this.#parts) {
      this.#notice(`A agenda não está em dia. ${error.message}`);
    } else {
      fill(this.#root, h("p", { class: "problem", role: "alert" }, `Não foi possível abrir a agenda. ${error.message}`));
    }
  }
}

/** Visits are worth showing where the hours around them could not be read; who may not read may not. */
function unread(error) {
  if (error.status === 401) throw error;
  return null;
}

function tell(visit) {
  const name = visit.patient_name ?? "Paciente sem nome";
  return `${stateOf(visit).word}: ${name}, ${briefDay(visit.appointment_date)}, ${visit.start_time}.`;
}
