// Runs axe-core on the main states of the page, in light and dark mode, at desktop and phone width.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { test } from "node:test";
import { openAgenda, PageDriver, screenshot, useTestApp } from "./harness.js";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const app = useTestApp(async (app) => {
  const appointments = [
    await app.book("Ana Souza", "2026-02-17", "09:00", "11977770000"),
    await app.book("Bia Ramos", "2026-02-17", "09:55", "11977770001"),
    await app.book("Caio Lima", "2026-02-18", "10:50", "11977770002"),
    await app.book("Davi Reis", "2026-02-19", "14:30", "11977770003"),
  ];
  const setStatus = (index, status) => app.request("PUT", `/appointments/${appointments[index].appointmentId}`, { status });
  await Promise.all([setStatus(1, "CANCELLED"), setStatus(2, "COMPLETED"), setStatus(3, "NO_SHOW")]);
  await app.book("Eva Nunes", "2026-02-17", "10:10", "11977770004");
  await app.addException({ exception_date: "2026-02-20", exception_type: "BLOCKED", start_time: "12:00", end_time: "13:30", reason: "Manutenção do laser" });
  await app.addException({ exception_date: "2026-02-21", exception_type: "SPECIAL_HOURS", start_time: "09:00", end_time: "13:00", reason: "Mutirão" });
});

/** The violations of axe's rules for WCAG levels A to AAA and of its best practices. */
async function violations(page) {
  // `evaluate` uses the debugger, to which the page's content security policy does not apply.
  await page.evaluate(axe);
  return page.evaluate(async () => {
    const options = { runOnly: ["wcag2a", "wcag2aa", "wcag2aaa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], rules: { "color-contrast-enhanced": { enabled: true } } };
    const { violations } = await window.axe.run(document, options);
    return violations.map(({ id, impact, nodes }) => `${id} (${impact}): ${nodes.map((node) => `${node.target} ${node.failureSummary}`).join(" | ")}`);
  });
}

for (const [width, height] of [[1440, 900], [390, 844]]) {
  for (const colorScheme of ["light", "dark"]) {
    test(`axe finds no violations at ${width} px in ${colorScheme} mode`, async () => {
      const page = await app.openPage({ width, height, colorScheme, reducedMotion: "reduce" });
      const driver = new PageDriver(page);
      const check = async (state) => {
        await screenshot(page, `axe-${width}-${colorScheme}-${state}`);
        assert.deepEqual(await violations(page), [], state);
      };
      const phone = `119666600${width === 390 ? 1 : 0}${colorScheme === "dark" ? 1 : 0}`;
      await check("key-form");
      await page.getByLabel("Chave da API").fill("wrong");
      await page.getByRole("button", { name: "Abrir a agenda" }).click();
      await page.getByText("Esta chave não foi aceita.").waitFor();
      await check("wrong-key");
      await openAgenda(page);
      await driver.appointment("Ana Souza", "Marcada").waitFor();
      await driver.addPatient("Fábio Melo", phone);
      await driver.sendText("Olá");
      await driver.waitForReply("Escolha uma opção");
      await driver.pressOption("schedule");
      await driver.pressOption("available_days");
      await driver.pressOption("skip_areas");
      await driver.waitForReply("Dias disponíveis");
      await page.getByRole("button", { name: "Enviar uma foto" }).click();
      await page.locator(".bubble.from-clinic[data-status=READ]", { hasText: "só consigo ler" }).waitFor();
      await page.getByText("Dados da sessão").click();
      await check("chat-and-agenda");
      await page.getByRole("button", { name: "Paciente", exact: true }).click();
      await check("patient-form");
      await page.keyboard.press("Escape");
      await driver.appointment("Ana Souza", "Marcada").click();
      await check("appointment");
      await page.getByRole("button", { name: "Cancelar visita" }).click();
      await check("cancel-confirmation");
      await page.keyboard.press("Escape");
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.equal(overflow, 0, "the page scrolls sideways");
      await page.context().close();
    });
  }
}

test("arrow keys move between appointments, and closing one returns the focus to it", async () => {
  const page = await app.openPage();
  await page.getByLabel("Chave da API").focus();
  await page.keyboard.type("test-api-key");
  await page.keyboard.press("Enter");
  await new PageDriver(page).appointment("Ana Souza", "Marcada").waitFor();
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
