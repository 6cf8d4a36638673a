// How quickly the page appears and follows, with an empty week and with a full one.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { CLINIC, openAgenda, openPage, Product, shoot, startBrowser, Visitor } from "./harness.js";

/** The bars of the issue, in milliseconds; and how much a busy machine may make of them. */
const BARS = { follow: 1000, firstPaint: 300, update: 50 };
const BUSY = 5;
const VISITS = 500;
const MINUTES = 10;
const A_DAY = 72;

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

function holds(what, milliseconds, bar) {
  console.log(`  ${what}: ${milliseconds.toFixed(1)} ms (bar ${bar} ms)`);
  assert.ok(milliseconds < bar * BUSY, `${what}: ${milliseconds} ms`);
}

/** Has every tab note when a text first appears, by the machine's clock. */
async function noteWhen(page, text) {
  await page.evaluate((text) => {
    window.seenAt = new Promise((resolve) => {
      const look = () => {
        if (!document.querySelector(".week")?.textContent.includes(text)) return;
        observer.disconnect();
        resolve(Date.now());
      };
      const observer = new MutationObserver(look);
      observer.observe(document.body, { subtree: true, childList: true, characterData: true });
      look();
    });
  }, text);
}

test("two tabs show the same change within a second", async () => {
  const [one, other] = await Promise.all([openPage(browser, product), openPage(browser, product)]);
  await openAgenda(one);
  await openAgenda(other);
  const service = (await product.ask("GET", `/clinics/${CLINIC}/services`)).services[0].service_id;
  await Promise.all([noteWhen(one, "Ana Souza"), noteWhen(other, "Ana Souza")]);
  await product.ask("POST", "/appointments", { clinicId: CLINIC, phone: "11977770000", serviceId: service, date: "2026-02-17", time: "09:00", name: "Ana Souza" });
  const booked = Date.now();
  const seen = await Promise.all([one, other].map((page) => page.evaluate(() => window.seenAt)));
  holds("booked, and seen in both tabs after", Math.max(...seen) - booked, BARS.follow);
  const visitor = new Visitor(one);
  await visitor.says("Olá");
  await visitor.reads("Escolha uma opção");
  await new Visitor(other).reads("Escolha uma opção");
  await one.context().close();
  await other.context().close();
});

test(`a week of ${VISITS} visits appears and follows as quickly`, async () => {
  await product.ask("PUT", `/clinics/${CLINIC}`, { buffer_minutes: 0 });
  const { serviceId } = await product.ask("POST", `/clinics/${CLINIC}/services`, { name: "Retoque", duration_minutes: MINUTES });
  const wanted = Array.from({ length: VISITS }, (_, number) => {
    const minutes = 10 * 60 + (number % A_DAY) * MINUTES;
    const time = `${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;
    const phone = `1196${String(number).padStart(7, "0")}`;
    return { clinicId: CLINIC, phone, serviceId, date: `2026-02-${16 + Math.floor(number / A_DAY)}`, time, name: `Paciente ${letters(number)}` };
  });
  for (let from = 0; from < VISITS; from += 8) {
    await Promise.all(wanted.slice(from, from + 8).map((visit) => product.ask("POST", "/appointments", visit)));
  }
  const page = await openPage(browser, product);
  await openAgenda(page);
  const count = page.locator(".count");
  await count.filter({ hasText: `${VISITS + 1} visitas` }).waitFor();
  assert.equal(await page.locator(".visit").count(), VISITS + 1);
  await shoot(page, "09-full-week");
  await page.reload();
  await count.filter({ hasText: `${VISITS + 1} visitas` }).waitFor();
  const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0].startTime);
  holds("first paint", paint, BARS.firstPaint);
  const [first] = await updates(page);
  console.log(`  the full week drawn: ${first.toFixed(1)} ms of script`);
  const { appointments } = await product.ask("GET", `/clinics/${CLINIC}/appointments?date=2026-02-18`);
  await noteWhen(page, "Zulmira Torres");
  await page.evaluate(() => performance.clearMeasures());
  await product.ask("PUT", `/appointments/${appointments[0].appointment_id}`, { patient_name: "Zulmira Torres" });
  await page.evaluate(() => window.seenAt);
  holds("one visit of them changed", Math.max(...(await updates(page))), BARS.update);
  const frames = await scroll(page);
  console.log(`  scrolled: ${frames.count} frames, the median after ${frames.median.toFixed(1)} ms, the longest after ${frames.longest.toFixed(1)} ms`);
  assert.ok(frames.median < 34 * BUSY, `${frames.median} ms a frame`);
  await page.context().close();
});

const updates = (page) => page.evaluate(() => performance.getEntriesByName("agenda-update").map((entry) => entry.duration));

/** Scrolls the week from top to bottom, a step a frame. */
function scroll(page) {
  return page.evaluate(async () => {
    const week = document.querySelector(".week");
    const times = [];
    let before = await new Promise(requestAnimationFrame);
    for (let step = 0; step < 90; step += 1) {
      week.scrollTop += 30;
      const now = await new Promise(requestAnimationFrame);
      times.push(now - before);
      before = now;
    }
    times.sort((one, other) => one - other);
    return { count: times.length, median: times[45], longest: times.at(-1) };
  });
}

/** A number as letters: names have no digits. */
function letters(number) {
  return String(number).padStart(3, "0").replace(/\d/g, (digit) => "abcdefghij"[digit]);
}
