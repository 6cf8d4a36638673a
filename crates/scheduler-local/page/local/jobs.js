// The product's jobs in people's words: what each does, and what a run of it came to.

const NAMES = {
  "reminder-processor": "Enviar lembretes",
  "daily-report-sender": "Enviar relatório do dia",
  reconciler: "Retomar o que ficou",
};

const FIGURES = {
  processed: "resolvidos",
  sent: "enviados",
  failed: "com falha",
  cancelled: "cancelados",
  expired: "vencidos",
  held: "à espera da conexão da clínica",
  left: "para a próxima vez",
  empty: "sem visitas amanhã",
  blocked: "não permitidos",
  chats_finished: "conversas retomadas",
  chats_left: "conversas por retomar",
  inbox_finished: "avisos lidos",
  inbox_left: "avisos por ler",
  reminders_projected: "lembretes acertados",
  reminders_left: "lembretes por acertar",
};

/** What its button says. */
export const jobName = (name) => NAMES[name] ?? name;

/** What a run did; what came to nothing is left out. */
export function tellRun(name, summary) {
  const done = Object.entries(summary).filter(([, value]) => value !== 0);
  const figures = done.map(([field, value]) => `${FIGURES[field] ?? field}: ${JSON.stringify(value)}`);
  return `${jobName(name)} – ${figures.join(", ") || "nada a fazer"}.`;
}
