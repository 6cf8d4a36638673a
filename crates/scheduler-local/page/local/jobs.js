// Portuguese names for the jobs and for the counters in the summary of a run.

const NAMES = {
  "reminder-processor": "Enviar lembretes",
  "daily-report-sender": "Enviar relatório do dia",
  reconciler: "Retomar o que ficou",
  "sheet-writer": "Atualizar planilhas",
};

const COUNTERS = {
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
  sheets_behind: "planilhas atrasadas",
  sheets_written: "planilhas atualizadas",
  rows_behind: "linhas atrasadas",
  rows_written: "linhas gravadas",
};

/** The label of a job's button. */
export const jobName = (name) => NAMES[name] ?? name;

/** Describes a run by its counters, without those that are zero. */
export function describeRun(name, summary) {
  const nonZero = Object.entries(summary).filter(([, value]) => value !== 0);
  const counters = nonZero.map(([field, value]) => `${COUNTERS[field] ?? field}: ${JSON.stringify(value)}`);
  return `${jobName(name)} – ${counters.join(", ") || "nada a fazer"}.`;
}
