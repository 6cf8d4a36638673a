// Opening hours and what is not as usual, as the agenda draws them.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { CLINIC, openAgenda, openPage, Product, shoot, startBrowser } from "./harness.js";

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

test("the week shows its opening hours, and an exception as soon as it is made", async () => {
  const page = await openPage(browser, product);
  await openAgenda(page);
  const day = (name) => page.getByRole("region", { name });
  await day("segunda-feira, 16 de fevereiro, 09:00–18:00").waitFor();
  await day("domingo, 22 de fevereiro, fechado").waitFor();
  const except = (exception) => product.ask("POST", `/clinics/${CLINIC}/availability-exceptions`, exception);
  await except({ exception_date: "2026-02-18", exception_type: "BLOCKED", start_time: "12:00", end_time: "13:30", reason: "Manutenção do laser" });
  await except({ exception_date: "2026-02-19", exception_type: "BLOCKED", reason: "Feriado" });
  await except({ exception_date: "2026-02-21", exception_type: "SPECIAL_HOURS", start_time: "09:00", end_time: "13:00", reason: "Mutirão" });
  await day("quarta-feira, 18 de fevereiro, 09:00–18:00").getByText("Manutenção do laser").waitFor();
  await day("quinta-feira, 19 de fevereiro, fechado").getByText("Feriado").waitFor();
  await day("sábado, 21 de fevereiro, 09:00–13:00").waitFor();
  const blocked = await page.locator(".blocked", { hasText: "Manutenção" }).boundingBox();
  const open = await page.locator(".day").first().locator(".open").boundingBox();
  assert.ok(Math.abs(blocked.height / open.height - 1.5 / 9) < 0.01, "drawn by its length");
  await shoot(page, "12-hours");
});
