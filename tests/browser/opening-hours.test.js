// The agenda shows opening hours and availability exceptions.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openAgenda, screenshot, useTestApp } from "./harness.js";

const app = useTestApp();

test("the week shows opening hours, and each exception as soon as it exists", async () => {
  const page = await app.openPage();
  await openAgenda(page);
  const day = (name) => page.getByRole("region", { name });
  await day("segunda-feira, 16 de fevereiro, 09:00–18:00").waitFor();
  await day("domingo, 22 de fevereiro, fechado").waitFor();
  await app.addException({ exception_date: "2026-02-18", exception_type: "BLOCKED", start_time: "12:00", end_time: "13:30", reason: "Manutenção do laser" });
  await app.addException({ exception_date: "2026-02-19", exception_type: "BLOCKED", reason: "Feriado" });
  await app.addException({ exception_date: "2026-02-21", exception_type: "SPECIAL_HOURS", start_time: "09:00", end_time: "13:00", reason: "Mutirão" });
  await day("quarta-feira, 18 de fevereiro, 09:00–18:00").getByText("Manutenção do laser").waitFor();
  await day("quinta-feira, 19 de fevereiro, fechado").getByText("Feriado").waitFor();
  await day("sábado, 21 de fevereiro, 09:00–13:00").waitFor();
  const blocked = await page.locator(".blocked", { hasText: "Manutenção" }).boundingBox();
  const open = await page.locator(".day").first().locator(".open").boundingBox();
  assert.ok(Math.abs(blocked.height / open.height - 1.5 / 9) < 0.01, "its height matches its length");
  await screenshot(page, "12-hours");
});
