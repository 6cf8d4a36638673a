// The entry point: creates the phone, the agenda, the clock and the inspector, and connects them.

import { startAgenda } from "../agenda/agenda.js";
import { Chat } from "../chat/chat.js";
import { Clock } from "./clock.js";
import { Inspector } from "./inspector.js";
import { LocalServer } from "./server.js";

/** The example clinic, used until the agenda is opened with the key of a clinic. */
const EXAMPLE_CLINIC = { id: "laser-beauty-sp", name: "Laser Beauty", phone: "5511988880000", instance: "instance-123", timezone: "America/Sao_Paulo" };

const byId = (id) => document.getElementById(id);
const server = new LocalServer((reachable) => {
  byId("offline").hidden = reachable;
});
const clock = new Clock(byId("clock"), { server, timezone: EXAMPLE_CLINIC.timezone });
const inspector = new Inspector(byId("inspector-panels"), { timezone: EXAMPLE_CLINIC.timezone });
const chat = new Chat(byId("chat"), {
  server,
  clinic: EXAMPLE_CLINIC,
  now: () => clock.now(),
  onRefresh: (patient, messages, stored) => {
    inspector.draw(patient, messages, stored);
    clock.reminders = stored.reminders ?? [];
  },
});
const refreshAgenda = startAgenda(byId("agenda"), {
  clinicId: EXAMPLE_CLINIC.id,
  now: () => clock.now(),
  onClinic: (clinic) => {
    const { clinic_id: id, name, phone, zapi_instance_id: instance, timezone } = clinic;
    inspector.timezone = timezone;
    clock.timezone = timezone;
    chat.clinic = { id, name, phone: phone ?? EXAMPLE_CLINIC.phone, instance: instance ?? EXAMPLE_CLINIC.instance, timezone };
  },
});

clock.showJobs().catch(() => server.reportUnreachable());
server.watch(async () => {
  await clock.refresh();
  refreshAgenda();
  await chat.refresh();
});
