// axe-core over the page in its main states, light and dark, on a desk and on a phone.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { CLINIC, openAgenda, openPage, Product, shoot, startBrowser, Visitor } from "./harness.js";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

let product;
let browser;

before(async () => {
  product = await Product.start();
  browser = await startBrowser();
  const service = (await product.ask("GET", `/clinics/${CLINIC}/services`)).services[0].service_id;
  const book = (name, date, time, phone) =>
    product.ask("POST", "/appointments", { clinicId: CLINIC, phone, serviceId: service, date, time, name });
  const visits = [
    await book("Ana Souza", "2026-02-17", "09:00", "11977770000"),
    await book("Bia Ramos", "2026-02-17", "09:55", "11977770001"),
    await book("Caio Lima", "2026-02-18", "10:50", "11977770002"),
    await book("Davi Reis", "2026-02-19", "14:30", "11977770003"),
  ];
  const change = (index, status) => product.ask("PUT", `/appointments/${visits[index].appointmentId}`, { status });
  await Promise.all([change(1, "CANCELLED"), change(2, "COMPLETED"), change(3, "NO_SHOW")]);
  await book("Eva Nunes", "2026-02-17", "10:10", "11977770004");
  await product.ask("POST", `/clinics/${CLINIC}/availability-exceptions`, {
    exception_date: "2026-02-20", exception_type: "BLOCKED", start_time: "12:00", end_time: "13:30", reason: "Manutenção do laser",
  });
  await product.ask("POST", `/clinics/${CLINIC}/availability-exceptions`, {
    exception_date: "2026-02-21", exception_type: "SPECIAL_HOURS", start_time: "09:00", end_time: "13:00", reason: "Mutirão",
  });
});

after(async () => {
  await browser?.close();
  await product?.stop();
});

/** Every rule of axe, those of the highest level included. */
async function violations(page) {
  // Through the debugger, and so not subject to the page's policy.
  await page.evaluate(axe);
  return page.evaluate(async () => {
    const options = { runOnly: ["wcag2a", "wcag2aa", "wcag2aaa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], rules: { "color-contrast-enhanced": { enabled: true } } };
    const { violations } = await window.axe.run(document, options);
    return violations.map(({ id, impact, nodes }) => `${id} (${impact}): ${nodes.map((node) => `${node.target} ${node.failureSummary}`).join(" | ")}`);
  });
}

for (const [width, height] of [[1440, 900], [390, 844]]) {
  for (const colorScheme of ["light", "dark"]) {
    test(`nobody is kept out at ${width} px, ${colorScheme}`, async () => {
      const page = await openPage(browser, product, { width, height, colorScheme, reducedMotion: "reduce" });
      const visitor = new Visitor(page);
      const check = async (state) => {
        await shoot(page, `axe-${width}-${colorScheme}-${state}`);
        assert.deepEqual(await violations(page), [], state);
      };
      const phone = `119666600${width === 390 ? 1 : 0}${colorScheme === "dark" ? 1 : 0}`;
      await check("asks-for-the-key");
      await page.getByLabel("Chave da API").fill("wrong");
      await page.getByRole("button", { name: "Abrir a agenda" }).click();
      await page.getByText("Esta chave não foi aceita.").waitFor();
      await check("wrong-key");
      await openAgenda(page);
      await visitor.visit("Ana Souza", "Marcada").waitFor();
      await visitor.adds("Fábio Melo", phone);
      await visitor.says("Olá");
      await visitor.reads("Escolha uma opção");
      await visitor.presses("schedule");
      await visitor.presses("available_days");
      await visitor.presses("skip_areas");
      await visitor.reads("Dias disponíveis");
      await page.getByRole("button", { name: "Enviar uma foto" }).click();
      await page.locator(".bubble.from-clinic[data-status=READ]", { hasText: "só consigo ler" }).waitFor();
      await page.getByText("Dados da sessão").click();
      await check("chat-and-agenda");
      await page.getByRole("button", { name: "Paciente", exact: true }).click();
      await check("adds-a-patient");
      await page.keyboard.press("Escape");
      await visitor.visit("Ana Souza", "Marcada").click();
      await check("visit");
      await page.getByRole("button", { name: "Cancelar visita" }).click();
      await check("asks-before-cancelling");
      await page.keyboard.press("Escape");
      const sideways = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.equal(sideways, 0, "the page scrolls sideways");
      await page.context().close();
    });
  }
}

test("the keyboard alone opens a visit, goes on to the next day's and comes back", async () => {
  const page = await openPage(browser, product);
  await page.getByLabel("Chave da API").focus();
  await page.keyboard.type("test-api-key");
  await page.keyboard.press("Enter");
  const visitor = new Visitor(page);
  await visitor.visit("Ana Souza", "Marcada").waitFor();
  const focused = () => page.evaluate(() => document.activeElement.textContent);
  await page.getByRole("region", { name: /^Semana de/ }).focus();
  await page.keyboard.press("Tab");
  assert.match(await focused(), /Ana Souza/);
  await page.keyboard.press("ArrowDown");
  assert.match(await focused(), /Bia Ramos|Eva Nunes/);
  await page.keyboard.press("ArrowRight");
  assert.match(await focused(), /Caio Lima/);
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").getByText("Caio Lima").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "hidden" });
  assert.match(await focused(), /Caio Lima/);
  await page.context().close();
});
