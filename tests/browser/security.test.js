// The agenda needs the key, and input from patients is never treated as markup.

import assert from "node:assert/strict";
import { test } from "node:test";
import { API_KEY, CLINIC, openAgenda, PageDriver, useTestApp } from "./harness.js";

const MARKUP = "<img src=x onerror=alert(1)>";

const app = useTestApp();

test("without a key the agenda asks for one and shows nothing", async () => {
  await app.book("Ana Souza", "2026-02-17", "09:00", "11977770000");
  const page = await app.openPage();
  await page.getByText("Abra a agenda com a sua chave").waitFor();
  await assertShowsNoAppointments(page);
  await page.context().close();
});

test("a wrong key is refused, and a correct one is kept in the tab only", async () => {
  const page = await app.openPage();
  await page.getByLabel("Chave da API").fill("wrong");
  await page.getByRole("button", { name: "Abrir a agenda" }).click();
  await page.getByRole("alert").filter({ hasText: "Esta chave não foi aceita." }).waitFor();
  await assertShowsNoAppointments(page);
  await openAgenda(page);
  await new PageDriver(page).appointment("Ana Souza", "Marcada").waitFor();
  assert.equal(await page.evaluate(() => sessionStorage.getItem("scheduler.key")), API_KEY);
  assert.equal(await page.evaluate(() => Object.values(localStorage).join(" ").includes("test-api-key")), false);
  await page.context().close();
});

test("markup in a name or a message is shown as text", async () => {
  await app.book(MARKUP, "2026-02-18", "09:00", "11977770001");
  const page = await app.openPage();
  let alerted = false;
  page.on("dialog", async (dialog) => {
    alerted = true;
    await dialog.dismiss();
  });
  const driver = new PageDriver(page);
  await openAgenda(page);
  const stored = (await app.request("GET", `/clinics/${CLINIC}/appointments?date=2026-02-18`)).appointments[0];
  const card = page.locator(`[data-appointment="${stored.appointment_id}"]`);
  assert.equal(await card.locator(".appointment-name").textContent(), stored.patient_name);
  await card.click();
  assert.equal(await page.locator("#appointment-title").textContent(), stored.patient_name);
  await page.keyboard.press("Escape");
  await driver.addPatient(MARKUP, "11 97777-0002");
  await driver.sendText(`${MARKUP} <b>oi</b> <script>alert(2)</script>`);
  await page.locator(".bubble.from-patient[data-status=RECEIVED]", { hasText: `${MARKUP} <b>oi</b>` }).waitFor();
  await page.locator(".entry-text", { hasText: "<script>alert(2)</script>" }).waitFor();
  assert.equal(await page.locator("main :is(img, b, script)").count(), 0);
  assert.equal(alerted, false);
  console.log(`  the stored name: ${stored.patient_name}`);
  await page.context().close();
});

test("the page works under a strict content security policy", async () => {
  const response = await fetch(app.base);
  const policy = response.headers.get("content-security-policy");
  for (const part of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"]) {
    assert.ok(policy.includes(part), policy);
  }
  assert.doesNotMatch(policy, /unsafe|\*|http|data:/);
  const html = await response.text();
  assert.doesNotMatch(html, /<style|style=|\son\w+=|<script(?![^>]*\ssrc=)/);
  const page = await app.openPage();
  await openAgenda(page);
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

async function assertShowsNoAppointments(page) {
  assert.equal(await page.locator(".appointment, .week").count(), 0);
  assert.doesNotMatch(await page.locator("body").textContent(), /Ana Souza/);
}
