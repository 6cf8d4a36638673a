// The states of an appointment. Each has a label and an icon, so that colour is never the only cue.

const STATES = {
  CONFIRMED: { name: "confirmed", label: "Marcada", icon: "confirmed" },
  CANCELLED: { name: "cancelled", label: "Cancelada", icon: "cancelled" },
  COMPLETED: { name: "completed", label: "Realizada", icon: "completed" },
  NO_SHOW: { name: "no-show", label: "Não veio", icon: "no-show" },
};
const PATIENT_CONFIRMED = { name: "patient-confirmed", label: "Confirmada pelo paciente", icon: "patient-confirmed" };

/** All states, in the order of the legend. */
export const LEGEND = [STATES.CONFIRMED, PATIENT_CONFIRMED, STATES.COMPLETED, STATES.CANCELLED, STATES.NO_SHOW];

export const stateOf = (appointment) =>
  appointment.status === "CONFIRMED" && appointment.patient_confirmed_at ? PATIENT_CONFIRMED : STATES[appointment.status];
