// Puts the page together: the phone, the agenda, the clock, and what happened.

import { startAgenda } from "../agenda/agenda.js";
import { Chat } from "../chat/chat.js";
import { Backstage } from "./backstage.js";
import { Clock } from "./clock.js";
import { Server } from "./server.js";

/** The example clinic, until a key opens the agenda of this or of another. */
const EXAMPLE = { id: "laser-beauty-sp", name: "Laser Beauty", phone: "5511988880000", instance: "instance-123", timezone: "America/Sao_Paulo" };

const at = (id) => document.getElementById(id);
const server = new Server((answers) => {
  at("away").hidden = answers;
});
const clock = new Clock(at("clock"), { server, timezone: EXAMPLE.timezone });
const backstage = new Backstage(at("backstage"), { timezone: EXAMPLE.timezone });
const chat = new Chat(at("chat"), {
  server,
  clinic: EXAMPLE,
  now: () => clock.now(),
  onRead: (patient, messages, read) => {
    backstage.draw(patient, messages, read);
    clock.reminders = read.reminders ?? [];
  },
});
const lookAtAgenda = startAgenda(at("agenda"), {
  clinicId: EXAMPLE.id,
  now: () => clock.now(),
  onClinic: (clinic) => {
    const { clinic_id: id, name, phone, zapi_instance_id: instance, timezone } = clinic;
    backstage.timezone = timezone;
    clock.timezone = timezone;
    chat.clinic = { id, name, phone: phone ?? EXAMPLE.phone, instance: instance ?? EXAMPLE.instance, timezone };
  },
});

clock.showJobs().catch(() => server.isAway());
server.watch(async () => {
  await clock.look();
  lookAtAgenda();
  await chat.look();
});
