// A reminder: the clock moves to it, the job sends it, the patient confirms, the agenda shows it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openAgenda, PageDriver, screenshot, useTestApp } from "./harness.js";

const app = useTestApp();

test("a reminder is sent at its time, and the patient's answer confirms the appointment", async () => {
  const page = await app.openPage();
  const driver = new PageDriver(page);
  await openAgenda(page);
  await driver.bookByClicking(2, 1);
  await driver.appointment("Maria Silva", "Marcada").waitFor();
  const reminder = page.locator(".reminders li");
  await reminder.filter({ hasText: "marcado" }).waitFor();
  assert.match(await reminder.textContent(), /ter, 17\/02, 09:55/);
  await page.getByRole("button", { name: "Ao próximo lembrete" }).click();
  await page.locator(".clock-now", { hasText: "17/02/2026, 09:55:00" }).waitFor();
  await page.getByRole("button", { name: "Enviar lembretes" }).click();
  await page.locator(".status", { hasText: "Enviar lembretes – resolvidos: 1, enviados: 1." }).waitFor();
  await driver.waitForReply("Lembrete: Amanhã às 09:55 você tem sessão");
  await reminder.filter({ hasText: "enviado" }).waitFor();
  await screenshot(page, "10-reminded");
  await driver.sendText("OK");
  const confirmed = driver.appointment("Maria Silva", "Confirmada pelo paciente");
  await confirmed.waitFor();
  assert.equal(await confirmed.locator(".icon-patient-confirmed").count(), 1);
  await driver.waitForReply("Presença confirmada!");
  const texts = (await page.locator(".bubble .bubble-text").allTextContents()).slice(-3);
  assert.deepEqual(texts.map((text) => text.match(/^\p{L}+/u)[0]), ["Lembrete", "OK", "Presença"], "in the order in which they were sent");
  await screenshot(page, "11-confirmed-by-the-patient");
  assert.deepEqual(page.problems, []);
});
