// The clock is moved to a patient's reminder; it arrives, is answered, and the agenda shows the mark.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openAgenda, openPage, Product, shoot, startBrowser, Visitor } from "./harness.js";

let product;
let browser;

before(async () => {
  product = await Product.start();
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  await product?.stop();
});

test("a visitor moves the clock to the reminder, runs the job, answers OK and sees the mark", async () => {
  const page = await openPage(browser, product);
  const visitor = new Visitor(page);
  await openAgenda(page);
  await visitor.booksByClicking(2, 1);
  await visitor.visit("Maria Silva", "Marcada").waitFor();
  const reminder = page.locator(".reminders li");
  await reminder.filter({ hasText: "marcado" }).waitFor();
  assert.match(await reminder.textContent(), /ter, 17\/02, 09:55/);
  const next = page.getByRole("button", { name: "Ao próximo lembrete" });
  await next.click();
  await page.locator(".clock-now", { hasText: "17/02/2026, 09:55:00" }).waitFor();
  await page.getByRole("button", { name: "Enviar lembretes" }).click();
  await page.locator(".told", { hasText: "Enviar lembretes – resolvidos: 1, enviados: 1." }).waitFor();
  await visitor.reads("Lembrete: Amanhã às 09:55 você tem sessão");
  await reminder.filter({ hasText: "enviado" }).waitFor();
  await shoot(page, "10-reminded");
  await visitor.says("OK");
  const sure = visitor.visit("Maria Silva", "Confirmada pelo paciente");
  await sure.waitFor();
  assert.equal(await sure.locator(".icon-sure").count(), 1);
  await visitor.reads("Presença confirmada!");
  const last = (await page.locator(".bubble .words").allTextContents()).slice(-3);
  assert.deepEqual(last.map((words) => words.match(/^\p{L}+/u)[0]), ["Lembrete", "OK", "Presença"], "as they were said");
  await shoot(page, "11-confirmed-by-the-patient");
  assert.deepEqual(page.complaints, []);
});
