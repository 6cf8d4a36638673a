// A page of another server, open in the same browser, neither reads nor changes anything on the local server's
// ports (docs/rules/security.md#browsers-at-the-local-server).

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, test } from "node:test";
import { API_KEY, CLINIC, REBOUND_NAME, useTestApp } from "./harness.js";

const PHONE = "5511966660000";
const SIGNED = {
  "Content-Type": "application/x-amz-json-1.0",
  "X-Amz-Date": "20260216T120000Z",
  Authorization: "AWS4-HMAC-SHA256 Credential=a/20260216/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=b",
};
const TABLES = ["conversation-sessions", "message-events", "scheduled-reminders"].map((name) => `clinic-scheduler-infra-local-${name}`);

let foreign;

const app = useTestApp(async (app) => {
  foreign = createServer((_, response) => response.setHeader("Content-Type", "text/html").end("<!doctype html><title>another page</title>"));
  await once(foreign.listen(0, "127.0.0.1"), "listening");
  // Something to read. The webhook answers when the bot's replies are sent.
  await app.request("POST", "/webhook/whatsapp", greeting("FIRST"));
});
after(() => foreign?.close());

// On the same host as the server the page is of the same site, but not of the same origin.
for (const host of ["127.0.0.1", "localhost"]) {
  test(`a page on another port of ${host} reads nothing and changes nothing`, async () => {
    const stored = await state();
    const tab = await app.openTab();
    const answers = watchAnswers(tab);
    await tab.goto(`http://${host}:${foreign.address().port}/`);
    const read = await tab.evaluate(attack, { base: app.base, dynamodb: app.dynamodb, signed: SIGNED, tables: TABLES, key: API_KEY, clinic: CLINIC, phone: PHONE, message: JSON.stringify(greeting("ATTACK")) });
    assert.deepEqual(read, [], "what the page could read");
    assert.deepEqual(answers.filter((answer) => !answer.startsWith("403 ")), []);
    assert.deepEqual(await state(), stored);
    console.log(`  ${answers.length} requests were answered 403`);
    await tab.context().close();
  });
}

test("a form and a frame of another page reach nothing", async () => {
  const stored = await state();
  const tab = await app.openTab();
  const answers = watchAnswers(tab);
  await tab.goto(`http://127.0.0.1:${foreign.address().port}/`);
  for (const sandbox of ["allow-scripts allow-forms allow-same-origin", "allow-scripts allow-forms"]) {
    for (const action of [`${app.base}/webhook/whatsapp`, `${app.base}/_local/jobs/reconciler`, `${app.dynamodb}/`]) {
      await tab.evaluate(submitForm, { sandbox, action, text: messageStart() });
    }
  }
  const frames = [`${app.base}/`, `${app.base}/_local/outbox`, app.dynamodb];
  await tab.evaluate(async (urls) => {
    for (const url of urls) {
      const frame = document.createElement("iframe");
      frame.src = url;
      const loaded = new Promise((resolve) => (frame.onload = resolve));
      document.body.append(frame);
      await loaded;
    }
  }, frames);
  assert.deepEqual(answers.filter((answer) => !answer.startsWith("403 ")), []);
  assert.deepEqual(await state(), stored);
  await tab.context().close();
});

test("a name of somebody else that leads to this machine is refused", async () => {
  const tab = await app.openTab();
  for (const url of [app.base, app.dynamodb]) {
    const answer = await tab.goto(url.replace("127.0.0.1", REBOUND_NAME));
    assert.equal(answer.status(), 403, url);
  }
  await tab.context().close();
});

test("a link on another page opens the local server's page", async () => {
  const tab = await app.openTab();
  await tab.goto(`http://localhost:${foreign.address().port}/`);
  const opened = tab.waitForResponse(`${app.base}/`);
  await tab.evaluate((url) => location.assign(url), `${app.base}/`);
  assert.equal((await opened).status(), 200);
  await tab.getByText("Abra a agenda com a sua chave").waitFor();
  await tab.context().close();
});

/** Status and URL of answers from the two ports. Chromium does not report those that it keeps from the page. */
function watchAnswers(tab) {
  const answers = [];
  tab.on("response", (response) => {
    const url = response.url();
    if (url.startsWith(app.base) || url.startsWith(app.dynamodb)) answers.push(`${response.status()} ${response.request().method()} ${url}`);
  });
  return answers;
}

/** A patient's message, to which the bot replies. */
function greeting(messageId) {
  return { type: "ReceivedCallback", instanceId: "instance-123", messageId, phone: PHONE, fromMe: false, senderName: "Maria", text: { message: "Olá" } };
}

/** The part of a webhook before the value that a form's input adds, so that a text/plain form posts valid JSON. */
function messageStart() {
  return `${JSON.stringify(greeting("FORM")).slice(0, -1)},"rest":"`;
}

/** What a foreign page could have changed: the outbox, the clock, the tables. */
async function state() {
  const tables = await Promise.all(TABLES.map((table) => callDynamoDb("Scan", { TableName: table })));
  const [outbox, clock] = await Promise.all(["/_local/outbox", "/_local/clock"].map((path) => app.request("GET", path)));
  assert.ok(outbox.length > 0 && tables[0].Count > 0, "there is something to read");
  return { outbox, clock, items: tables.map((table) => table.Items) };
}

async function callDynamoDb(operation, body) {
  const headers = { ...SIGNED, "X-Amz-Target": `DynamoDB_20120810.${operation}` };
  const response = await fetch(app.dynamodb, { method: "POST", headers, body: JSON.stringify(body) });
  assert.equal(response.status, 200, operation);
  return response.json();
}

/** Runs in the page. Submits a form in a frame, and waits until the frame shows the answer. */
async function submitForm({ sandbox, action, text }) {
  const frame = document.createElement("iframe");
  frame.sandbox = sandbox;
  const form = `<form method="post" enctype="text/plain" action="${action}"><input name='${text}' value='"}'></form>`;
  frame.srcdoc = `<body onload="document.forms[0].submit()">${form}</body>`;
  const loaded = () => new Promise((resolve) => frame.addEventListener("load", resolve, { once: true }));
  const first = loaded();
  document.body.append(frame);
  await first;
  await loaded();
}

/** Runs in the page. Tries what a page can do, and returns what it could read. */
async function attack({ base, dynamodb, signed, tables, key, clinic, phone, message }) {
  const read = [];
  const request = async (what, url, options) => {
    try {
      const response = await fetch(url, options);
      if (response.type !== "opaque") read.push(`${what}: ${response.status} ${await response.text()}`);
    } catch {
      // The browser keeps the answer from the page.
    }
  };
  for (const mode of ["cors", "no-cors"]) {
    for (const path of ["/", "/openapi.json", "/_local/outbox", "/_local/clock", `/_local/chats/${phone}?clinicId=${clinic}`, `/clinics/${clinic}/appointments?api_key=${key}`]) {
      await request(`${mode} GET ${path}`, base + path, { mode });
    }
    for (const path of ["/webhook/whatsapp", "/_local/jobs/reconciler", "/_local/jobs/daily-report-sender"]) {
      await request(`${mode} POST ${path}`, base + path, { mode, method: "POST", body: message });
    }
    await request(`${mode} GET dynamodb`, dynamodb, { mode });
    await request(`${mode} POST dynamodb`, dynamodb, { mode, method: "POST", body: JSON.stringify({ TableName: tables[0] }) });
  }
  await request("a key", `${base}/clinics`, { headers: { "x-api-key": key } });
  await request("the clock", `${base}/_local/clock`, { method: "PUT", body: JSON.stringify({ now: "2026-03-01T12:00:00Z" }) });
  await request("the outbox", `${base}/_local/outbox`, { method: "DELETE" });
  for (const operation of ["ListTables", "Scan", "DeleteTable"]) {
    const headers = { ...signed, "X-Amz-Target": `DynamoDB_20120810.${operation}` };
    await request(operation, dynamodb, { method: "POST", headers, body: JSON.stringify({ TableName: tables[1] }) });
  }
  navigator.sendBeacon(`${base}/webhook/whatsapp`, message);

  const load = (tag, url) =>
    new Promise((resolve) => {
      const element = document.createElement(tag);
      const loaded = () => {
        read.push(`${tag} ${url}`);
        resolve();
      };
      Object.assign(element, { onload: loaded, onerror: resolve, [tag === "link" ? "href" : "src"]: url });
      if (tag === "link") element.rel = "stylesheet";
      document.head.append(element);
    });
  await load("script", `${base}/_local/outbox`);
  await load("script", `${base}/docs/start.js`);
  await load("script", `${base}/page/local/main.js`);
  await load("link", `${base}/page/shared/base.css`);
  await load("img", `${base}/page/shared/icon.svg`);
  await load("script", dynamodb);

  const connect = (url) =>
    new Promise((resolve) => {
      const socket = new WebSocket(url);
      socket.onopen = () => {
        read.push(`WebSocket ${url}`);
        resolve();
      };
      socket.onerror = resolve;
    });
  for (const url of [base, dynamodb]) await connect(url.replace("http:", "ws:"));
  return read;
}
