// Who may see the agenda, and that what patients write is never more than text.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { CLINIC, KEY, openAgenda, openPage, Product, startBrowser, Visitor } from "./harness.js";

const MARKUP = "<img src=x onerror=alert(1)>";

let product;
let browser;
let service;

before(async () => {
  product = await Product.start();
  browser = await startBrowser();
  service = (await product.ask("GET", `/clinics/${CLINIC}/services`)).services[0].service_id;
});

after(async () => {
  await browser?.close();
  await product?.stop();
});

const book = (name, date, time, phone) =>
  product.ask("POST", "/appointments", { clinicId: CLINIC, phone, serviceId: service, date, time, name });

test("without a key the agenda asks for one and shows nothing", async () => {
  await book("Ana Souza", "2026-02-17", "09:00", "11977770000");
  const page = await openPage(browser, product);
  await page.getByText("Abra a agenda com a sua chave").waitFor();
  assert.equal(await page.locator(".visit, .week").count(), 0);
  assert.doesNotMatch(await page.locator("body").textContent(), /Ana Souza/);
  await page.context().close();
});

test("a wrong key is told and opens nothing", async () => {
  const page = await openPage(browser, product);
  await page.getByLabel("Chave da API").fill("wrong");
  await page.getByRole("button", { name: "Abrir a agenda" }).click();
  await page.getByRole("alert").filter({ hasText: "Esta chave não foi aceita." }).waitFor();
  assert.equal(await page.locator(".visit, .week").count(), 0);
  assert.doesNotMatch(await page.locator("body").textContent(), /Ana Souza/);
  await openAgenda(page);
  await new Visitor(page).visit("Ana Souza", "Marcada").waitFor();
  assert.equal(await page.evaluate(() => sessionStorage.getItem("scheduler.key")), KEY);
  assert.equal(await page.evaluate(() => Object.values(localStorage).join(" ").includes("test-api-key")), false);
  await page.context().close();
});

test("markup in a name and in a message is shown as text", async () => {
  await book(MARKUP, "2026-02-18", "09:00", "11977770001");
  const page = await openPage(browser, product);
  let alerted = false;
  page.on("dialog", async (dialog) => {
    alerted = true;
    await dialog.dismiss();
  });
  const visitor = new Visitor(page);
  await openAgenda(page);
  const stored = (await product.ask("GET", `/clinics/${CLINIC}/appointments?date=2026-02-18`)).appointments[0];
  assert.equal(await page.locator(`[data-visit="${stored.appointment_id}"] .visit-name`).textContent(), stored.patient_name);
  await page.locator(`[data-visit="${stored.appointment_id}"]`).click();
  assert.equal(await page.locator("#visit-title").textContent(), stored.patient_name);
  await page.keyboard.press("Escape");
  await visitor.adds(MARKUP, "11 97777-0002");
  await visitor.says(`${MARKUP} <b>oi</b> <script>alert(2)</script>`);
  await page.locator(".bubble.from-patient[data-status=RECEIVED]", { hasText: `${MARKUP} <b>oi</b>` }).waitFor();
  await page.locator(".entry-text", { hasText: "<script>alert(2)</script>" }).waitFor();
  assert.equal(await page.locator("main :is(img, b, script)").count(), 0);
  assert.equal(alerted, false);
  console.log(`  the stored name: ${stored.patient_name}`);
  await page.context().close();
});

test("the page comes with a strict policy and runs under it without a complaint", async () => {
  const response = await fetch(product.base);
  const policy = response.headers.get("content-security-policy");
  for (const part of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"]) {
    assert.ok(policy.includes(part), policy);
  }
  assert.doesNotMatch(policy, /unsafe|\*|http|data:/);
  const html = await response.text();
  assert.doesNotMatch(html, /<style|style=|\son\w+=|<script(?![^>]*\ssrc=)/);
  const page = await openPage(browser, product);
  await openAgenda(page);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});
