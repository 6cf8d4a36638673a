// Where a visit stands, in words and in a drawing, since colour alone tells not everybody.

const STATES = {
  CONFIRMED: { name: "confirmed", word: "Marcada", icon: "confirmed" },
  CANCELLED: { name: "cancelled", word: "Cancelada", icon: "cancelled" },
  COMPLETED: { name: "completed", word: "Realizada", icon: "completed" },
  NO_SHOW: { name: "missed", word: "Não veio", icon: "missed" },
};
const SURE = { name: "sure", word: "Confirmada pelo paciente", icon: "sure" };

/** All of them, in the order of a legend. */
export const states = [STATES.CONFIRMED, SURE, STATES.COMPLETED, STATES.CANCELLED, STATES.NO_SHOW];

/** Of one visit. */
export const stateOf = (visit) =>
  visit.status === "CONFIRMED" && visit.patient_confirmed_at ? SURE : STATES[visit.status];
