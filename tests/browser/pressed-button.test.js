// A press on an option is not lost when the chat is redrawn during it.

import { test } from "node:test";
import { PageDriver, useTestApp } from "./harness.js";

const app = useTestApp();

test("a pressed button stays in place while the status of its message changes", async () => {
  const page = await app.openPage();
  const driver = new PageDriver(page);
  let release;
  const released = new Promise((resolve) => (release = resolve));
  await page.route("**/webhook/whatsapp/status*", async (route) => {
    await released;
    await route.continue();
  });
  await driver.addPatient("Gil Prado", "11966660020");
  await driver.sendText("Olá");
  await page.locator('.bubble [data-option="schedule"]').last().hover();
  await page.mouse.down();
  release();
  await page.locator(".bubble.from-clinic[data-status=READ]", { hasText: "Agendar" }).waitFor();
  await page.mouse.up();
  await page.locator('.bubble [data-option="available_days"]').waitFor();
});
