// The chat on a server that requires the webhooks' tokens.

import { test } from "node:test";
import { PageDriver, useTestApp } from "./harness.js";

const MASTER = "the-master-of-the-browser-tests";
const app = useTestApp(undefined, { WEBHOOK_TOKEN: MASTER });

test("the page computes the token of its instance from the master in its URL", async () => {
  const page = await app.openPage({ path: `/?token=${MASTER}` });
  const driver = new PageDriver(page);
  await driver.sendText("Olá");
  await driver.waitForReply("Agendar");
});

test("without the master a message is shown as lost", async () => {
  const page = await app.openPage();
  const driver = new PageDriver(page);
  await driver.addPatient("Gil Prado", "11966660021");
  await driver.sendText("Olá");
  await page.locator(".bubble[data-status=LOST]").waitFor();
});
