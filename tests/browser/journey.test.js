// The main flows through the page, in one tab that is never reloaded.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openAgenda, PageDriver, screenshot, useTestApp } from "./harness.js";

let page;
let driver;

const app = useTestApp(async (app) => {
  page = await app.openPage();
  driver = new PageDriver(page);
  await page.evaluate(() => (window.opened = "once"));
});

test("a patient books with buttons only, and the appointment appears in the week", async () => {
  await openAgenda(page);
  await driver.bookByClicking(2, 1);
  await driver.appointment("Maria Silva", "Marcada").waitFor();
  assert.match(await page.locator(".day", { has: page.locator(".appointment") }).getAttribute("aria-label"), /quarta-feira, 18 de fevereiro/);
  await page.locator(".count", { hasText: "1 visita marcada" }).waitFor();
  await screenshot(page, "01-booked-by-clicking");
});

test("status callbacks mark a reply as delivered and read", async () => {
  await page.locator(".bubble.from-clinic[data-status=READ]", { hasText: "Agendamento confirmado!" }).waitFor();
  const entry = page.locator(".entry", { hasText: "Agendamento confirmado!" });
  assert.deepEqual(await entry.locator(".step span").allTextContents(), ["na fila", "enviada", "entregue", "lida"]);
  assert.equal(await entry.locator("code").textContent(), "CONFIRM_BOOKING → BOOKED");
});

test("a second patient books by typing", async () => {
  await driver.addPatient("João Costa", "11 98888-7777");
  await driver.sendText("Oi, quero agendar");
  await driver.waitForReply("O que você gostaria de fazer?");
  await driver.sendText("dias disponíveis");
  await driver.waitForReply("digite a(s) área(s)");
  await driver.sendText("Costas");
  await driver.waitForReply("Dias disponíveis para agendamento");
  await driver.sendText("quinta");
  await driver.waitForReply("Horários disponíveis para quinta, 19/02");
  await driver.sendText("10:50");
  await driver.waitForReply("nome e sobrenome");
  await driver.sendText("João Costa");
  await driver.waitForReply("Confirme seu agendamento");
  await driver.sendText("sim");
  await driver.waitForReply("Agendamento confirmado!");
  await driver.appointment("João Costa", "Marcada").waitFor();
  await screenshot(page, "02-booked-by-typing");
});

test("the patient moves the appointment to another day", async () => {
  await driver.sendText("quero remarcar");
  await driver.waitForReply("Para qual dia deseja remarcar?");
  await driver.pressOption("newday_2026-02-20");
  await driver.waitForReply("Horários disponíveis para sexta, 20/02");
  await driver.pressOption("newtime_2026-02-20_14:30");
  await driver.waitForReply("Confirme a mudança da sua sessão");
  await driver.pressOption("move_");
  await driver.waitForReply("Agendamento remarcado com sucesso!");
  const friday = page.getByRole("region", { name: /sexta-feira, 20 de fevereiro/ });
  await friday.getByRole("button", { name: /14:30 às 15:15 João Costa/ }).waitFor();
  await screenshot(page, "03-moved");
});

test("the patient cancels it, and the agenda shows this not by colour alone", async () => {
  await driver.sendText("quero cancelar minha sessão");
  await driver.waitForReply("Quer mesmo cancelar esta sessão?");
  await driver.pressOption("cancel_");
  await driver.waitForReply("foi cancelada");
  const appointment = driver.appointment("João Costa", "Cancelada");
  await appointment.waitFor();
  assert.equal(await appointment.evaluate((card) => getComputedStyle(card).borderTopStyle), "dashed");
  assert.equal(await appointment.locator(".icon-cancelled").count(), 1);
  await screenshot(page, "04-cancelled");
});

test("an option of an earlier question is answered as outdated", async () => {
  await page.locator(".bubble [data-option^='book_']").first().click();
  await driver.waitForReply("Esse botão é de uma pergunta anterior");
  await screenshot(page, "05-old-button");
});

test("a voice message, an image and a location get a polite answer", async () => {
  const answer = page.locator(".bubble.from-clinic", { hasText: "só consigo ler texto e botões" });
  for (const [index, label] of ["Enviar uma mensagem de voz", "Enviar uma foto", "Enviar a localização"].entries()) {
    await page.getByRole("button", { name: label }).click();
    await answer.nth(index).waitFor();
  }
  await page.locator(".bubble.from-patient", { hasText: "Mensagem de voz" }).waitFor();
  await screenshot(page, "06-voice");
});

test("a message from staff silences the bot", async () => {
  await page.getByRole("button", { name: "+1 min" }).click();
  const staffSwitch = page.getByRole("switch", { name: "Atendente escreve" });
  await staffSwitch.click();
  await driver.sendText("Oi João, aqui é a Ana, da recepção");
  await page.locator(".bubble.from-staff[data-status=SENT]", { hasText: "aqui é a Ana" }).waitFor();
  await page.getByText("Em silêncio até").waitFor();
  await staffSwitch.click();
  const replies = await page.locator(".bubble.from-clinic").count();
  await driver.sendText("Que bom falar com uma pessoa");
  // A message is in the history once it has been processed, so a reply would be in the chat by then.
  await page.locator(".entry", { hasText: "Que bom falar com uma pessoa" }).waitFor();
  await page.locator(".bubble.from-patient[data-status=RECEIVED]", { hasText: "Que bom falar" }).waitFor();
  assert.equal(await page.locator(".bubble.from-clinic").count(), replies);
  await screenshot(page, "07-staff");
});

test("reception opens an appointment, saves a note and closes it", async () => {
  await driver.appointment("Maria Silva", "Marcada").click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("Depilação a laser").waitFor();
  await dialog.getByLabel("Observação da recepção").fill("Prefere a sala 2");
  await dialog.getByRole("button", { name: "Guardar observação" }).click();
  await dialog.getByText("Observação guardada.").waitFor();
  await screenshot(page, "08-appointment");
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "hidden" });
});

test("a week with several appointments makes the README's screenshot", async () => {
  await app.book("Ana Souza", "2026-02-16", "09:55", "11977770001");
  await app.book("Bia Ramos", "2026-02-17", "11:45", "11977770002");
  await app.book("Davi Reis", "2026-02-19", "09:00", "11977770003");
  await app.book("Eva Nunes", "2026-02-20", "10:50", "11977770004");
  await app.addException({ exception_date: "2026-02-18", exception_type: "BLOCKED", start_time: "12:00", end_time: "13:30", reason: "Manutenção do laser" });
  await driver.selectPatient("Maria Silva");
  await driver.waitForReply("Agendamento confirmado!");
  await page.locator(".count", { hasText: "5 visitas marcadas" }).waitFor();
  await page.locator(".blocked", { hasText: "Manutenção" }).waitFor();
  await screenshot(page, "page");
});

test("the page was loaded once and had no problems", async () => {
  assert.equal(await page.evaluate(() => window.opened), "once");
  assert.deepEqual(page.problems, []);
});
