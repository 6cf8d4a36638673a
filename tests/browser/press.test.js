// A press counts, whatever else happens in the chat meanwhile.

import { after, before, test } from "node:test";
import { openPage, Product, startBrowser, Visitor } from "./harness.js";

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

test("a button that is being pressed stays while its message's ticks change", async () => {
  const page = await openPage(browser, product);
  const visitor = new Visitor(page);
  let release;
  const released = new Promise((resolve) => (release = resolve));
  await page.route("**/webhook/whatsapp/status*", async (route) => {
    await released;
    await route.continue();
  });
  await visitor.adds("Gil Prado", "11966660020");
  await visitor.says("Olá");
  await page.locator('.bubble [data-option="schedule"]').last().hover();
  await page.mouse.down();
  release();
  await page.locator(".bubble.from-clinic[data-status=READ]", { hasText: "Agendar" }).waitFor();
  await page.mouse.up();
  await page.locator('.bubble [data-option="available_days"]').waitFor();
});
