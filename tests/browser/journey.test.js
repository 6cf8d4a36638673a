// A visitor tries the product: every step as they see it.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { CLINIC, openAgenda, openPage, Product, shoot, startBrowser, Visitor } from "./harness.js";

let product;
let browser;
let page;
let visitor;

before(async () => {
  product = await Product.start();
  browser = await startBrowser();
  page = await openPage(browser, product);
  visitor = new Visitor(page);
  await page.evaluate(() => (window.opened = "once"));
});

after(async () => {
  await browser?.close();
  await product?.stop();
});

test("a patient books by clicking only, and the visit stands in the week at once", async () => {
  await openAgenda(page);
  await visitor.booksByClicking(2, 1);
  await visitor.visit("Maria Silva", "Marcada").waitFor();
  assert.match(await page.locator(".day", { has: page.locator(".visit") }).getAttribute("aria-label"), /quarta-feira, 18 de fevereiro/);
  await page.locator(".count", { hasText: "1 visita marcada" }).waitFor();
  await shoot(page, "01-booked-by-clicking");
});

test("what was said is delivered and read, as the callbacks tell", async () => {
  await page.locator(".bubble.from-clinic[data-status=READ]", { hasText: "Agendamento confirmado!" }).waitFor();
  const entry = page.locator(".entry", { hasText: "Agendamento confirmado!" });
  assert.deepEqual(await entry.locator(".step span").allTextContents(), ["na fila", "enviada", "entregue", "lida"]);
  assert.equal(await entry.locator("code").textContent(), "CONFIRM_BOOKING → BOOKED");
});

test("a second patient books by typing", async () => {
  await visitor.adds("João Costa", "11 98888-7777");
  await visitor.says("Oi, quero agendar");
  await visitor.reads("O que você gostaria de fazer?");
  await visitor.says("dias disponíveis");
  await visitor.reads("digite a(s) área(s)");
  await visitor.says("Costas");
  await visitor.reads("Dias disponíveis para agendamento");
  await visitor.says("quinta");
  await visitor.reads("Horários disponíveis para quinta, 19/02");
  await visitor.says("10:50");
  await visitor.reads("nome e sobrenome");
  await visitor.says("João Costa");
  await visitor.reads("Confirme seu agendamento");
  await visitor.says("sim");
  await visitor.reads("Agendamento confirmado!");
  await visitor.visit("João Costa", "Marcada").waitFor();
  await shoot(page, "02-booked-by-typing");
});

test("he moves his visit", async () => {
  await visitor.says("quero remarcar");
  await visitor.reads("Para qual dia deseja remarcar?");
  await visitor.presses("newday_2026-02-20");
  await visitor.reads("Horários disponíveis para sexta, 20/02");
  await visitor.presses("newtime_2026-02-20_14:30");
  await visitor.reads("Confirme a mudança da sua sessão");
  await visitor.presses("move_");
  await visitor.reads("Agendamento remarcado com sucesso!");
  const friday = page.getByRole("region", { name: /sexta-feira, 20 de fevereiro/ });
  await friday.getByRole("button", { name: /14:30 às 15:15 João Costa/ }).waitFor();
  await shoot(page, "03-moved");
});

test("he cancels it, and the agenda tells by more than colour", async () => {
  await visitor.says("quero cancelar minha sessão");
  await visitor.reads("Quer mesmo cancelar esta sessão?");
  await visitor.presses("cancel_");
  await visitor.reads("foi cancelada");
  const visit = visitor.visit("João Costa", "Cancelada");
  await visit.waitFor();
  assert.equal(await visit.evaluate((card) => getComputedStyle(card).borderTopStyle), "dashed");
  assert.equal(await visit.locator(".icon-cancelled").count(), 1);
  await shoot(page, "04-cancelled");
});

test("an old button is understood for what it is", async () => {
  await page.locator(".bubble [data-option^='book_']").first().click();
  await visitor.reads("Esse botão é de uma pergunta anterior");
  await shoot(page, "05-old-button");
});

test("a voice message, a picture and a place are answered politely", async () => {
  const polite = page.locator(".bubble.from-clinic", { hasText: "só consigo ler texto e botões" });
  for (const [number, label] of [[1, "Enviar uma mensagem de voz"], [2, "Enviar uma foto"], [3, "Enviar a localização"]]) {
    await page.getByRole("button", { name: label }).click();
    await polite.nth(number - 1).waitFor();
  }
  await page.locator(".bubble.from-patient", { hasText: "Mensagem de voz" }).waitFor();
  await shoot(page, "06-voice");
});

test("staff writes from the clinic's phone, and the bot falls silent", async () => {
  await page.getByRole("button", { name: "+1 min" }).click();
  const staff = page.getByRole("switch", { name: "Atendente escreve" });
  await staff.click();
  await visitor.says("Oi João, aqui é a Ana, da recepção");
  await page.locator(".bubble.from-staff[data-status=SENT]", { hasText: "aqui é a Ana" }).waitFor();
  await page.getByText("Em silêncio até").waitFor();
  await staff.click();
  const answers = await page.locator(".bubble.from-clinic").count();
  await visitor.says("Que bom falar com uma pessoa");
  // Recorded means that its turn is over, and what it says would be in the chat by now.
  await page.locator(".entry", { hasText: "Que bom falar com uma pessoa" }).waitFor();
  await page.locator(".bubble.from-patient[data-status=RECEIVED]", { hasText: "Que bom falar" }).waitFor();
  assert.equal(await page.locator(".bubble.from-clinic").count(), answers);
  await shoot(page, "07-staff");
});

test("reception opens a visit, writes a note, and takes it back to the week", async () => {
  await visitor.visit("Maria Silva", "Marcada").click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("Depilação a laser").waitFor();
  await dialog.getByLabel("Observação da recepção").fill("Prefere a sala 2");
  await dialog.getByRole("button", { name: "Guardar observação" }).click();
  await dialog.getByText("Observação guardada.").waitFor();
  await shoot(page, "08-visit");
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "hidden" });
});

test("the README's picture is made of what is there", async () => {
  const { services } = await product.ask("GET", `/clinics/${CLINIC}/services`);
  const book = (name, date, time, phone) =>
    product.ask("POST", "/appointments", { clinicId: CLINIC, phone, serviceId: services[0].service_id, date, time, name });
  await book("Ana Souza", "2026-02-16", "09:55", "11977770001");
  await book("Bia Ramos", "2026-02-17", "11:45", "11977770002");
  await book("Davi Reis", "2026-02-19", "09:00", "11977770003");
  await book("Eva Nunes", "2026-02-20", "10:50", "11977770004");
  const noon = { exception_type: "BLOCKED", start_time: "12:00", end_time: "13:30", reason: "Manutenção do laser" };
  await product.ask("POST", `/clinics/${CLINIC}/availability-exceptions`, { ...noon, exception_date: "2026-02-18" });
  await visitor.takes("Maria Silva");
  await visitor.reads("Agendamento confirmado!");
  await page.locator(".count", { hasText: "5 visitas marcadas" }).waitFor();
  await page.locator(".blocked", { hasText: "Manutenção" }).waitFor();
  await shoot(page, "page");
});

test("all of it without the page being loaded again, and without a complaint", async () => {
  assert.equal(await page.evaluate(() => window.opened), "once");
  assert.deepEqual(page.complaints, []);
});
