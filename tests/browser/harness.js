// Shared by the browser tests: starts the local server and Chromium, and drives the page.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, open, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { chromium } from "playwright-core";

export const API_KEY = "test-api-key";
export const CLINIC = "laser-beauty-sp";

/** A host name that the browser resolves to this machine. */
export const REBOUND_NAME = "rebound.test";

/** Monday, 08:00 in São Paulo. */
const START_TIME = "2026-02-16T11:00:00Z";
const SCREENSHOTS = join(import.meta.dirname, "../../target/browser");
/** Environment variables that configure the server. It must not inherit them. */
const SERVER_VARIABLES = /^(DATABASE_URL|RDS_.*|AWS_ENDPOINT_URL.*|ZAPI_.*|ALLOWED_PHONES|WEBHOOK_.*|SCHEDULER_.*|.*_TABLE|PORT|DYNAMODB_PORT|LOCAL_.*|STAGE|GOOGLE_.*|SEND_.*)$/;
/** Generous, because a busy machine can be slow. The speed tests measure inside the page. */
const TIMEOUT_MS = 60_000;

/**
 * Starts a `TestApp` before the tests of a file and stops it after them. `prepare` receives the
 * started app and runs before the first test. `settings` are environment variables of the server.
 */
export function useTestApp(prepare, settings) {
  const app = new TestApp(settings);
  before(async () => {
    await app.start();
    await prepare?.(app);
  });
  after(() => app.stop());
  return app;
}

/**
 * A local server with its own data folder, and a browser. The server has only the example clinic,
 * and its clock is stopped on a Monday morning.
 */
class TestApp {
  #settings;
  #folder;
  #process;
  #browser;
  #serviceId;

  constructor(settings = {}) {
    this.#settings = settings;
  }

  async start() {
    this.#folder = await mkdtemp(join(tmpdir(), "scheduler-browser-"));
    const [port, dynamodbPort] = [await freePort(), await freePort()];
    this.base = `http://127.0.0.1:${port}`;
    this.dynamodb = `http://127.0.0.1:${dynamodbPort}`;
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !SERVER_VARIABLES.test(name)));
    const log = await open(join(this.#folder, "log"), "a");
    this.#process = spawn(process.env.SCHEDULER_LOCAL_PROGRAM, {
      cwd: this.#folder,
      env: { ...env, PORT: String(port), DYNAMODB_PORT: String(dynamodbPort), ...this.#settings },
      stdio: ["ignore", log.fd, log.fd],
    });
    await log.close();
    try {
      await this.#waitUntilHealthy();
      await this.request("PUT", "/_local/clock", { now: START_TIME });
      this.#browser = await startBrowser();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async stop() {
    await this.#browser?.close();
    if (this.#process?.exitCode === null && this.#process.signalCode === null) {
      this.#process.kill("SIGTERM");
      await once(this.#process, "exit");
    }
    if (this.#folder) await rm(this.#folder, { recursive: true, force: true });
  }

  /** Calls the API with the key and returns the response body. Fails if the call is refused. */
  async request(method, path, body) {
    const response = await fetch(this.base + path, {
      method,
      headers: { "x-api-key": API_KEY, "Content-Type": "application/json" },
      body: body && JSON.stringify(body),
    });
    const answer = await response.json();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${JSON.stringify(answer)}`);
    return answer;
  }

  /** Books an appointment for the clinic's first service. */
  async book(name, date, time, phone) {
    this.#serviceId ??= (await this.request("GET", `/clinics/${CLINIC}/services`)).services[0].service_id;
    return this.request("POST", "/appointments", { clinicId: CLINIC, phone, serviceId: this.#serviceId, date, time, name });
  }

  addException(exception) {
    return this.request("POST", `/clinics/${CLINIC}/availability-exceptions`, exception);
  }

  /** Opens the page in a new tab. `page.problems` lists its errors and its requests to other servers. */
  async openPage({ width = 1440, height = 900, path = "/", ...options } = {}) {
    const context = await this.#browser.newContext({ viewport: { width, height }, locale: "pt-BR", ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(TIMEOUT_MS);
    page.problems = [];
    page.on("pageerror", (error) => page.problems.push(error.message));
    page.on("console", (message) => message.type() === "error" && page.problems.push(message.text()));
    page.on("request", (request) => {
      if (!request.url().startsWith(this.base)) page.problems.push(`requested ${request.url()}`);
    });
    await page.goto(this.base + path);
    return page;
  }

  /** Opens an empty tab, for pages of other servers. */
  async openTab() {
    const context = await this.#browser.newContext();
    const tab = await context.newPage();
    tab.setDefaultTimeout(TIMEOUT_MS);
    return tab;
  }

  async #waitUntilHealthy() {
    const deadline = Date.now() + 2 * TIMEOUT_MS;
    for (;;) {
      const healthy = await fetch(`${this.base}/_local/health`).then((answer) => answer.ok, () => false);
      if (healthy) return;
      if (this.#process.exitCode !== null || Date.now() > deadline) {
        throw new Error(`the server did not start:\n${await readFile(join(this.#folder, "log"), "utf8")}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** Types the key and waits for the week. */
export async function openAgenda(page) {
  await page.getByLabel("Chave da API").fill(API_KEY);
  await page.getByRole("button", { name: "Abrir a agenda" }).click();
  await page.locator(".day-head").first().waitFor();
}

/** Saves a screenshot in `target/browser`. */
export async function screenshot(page, name) {
  await mkdir(SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), animations: "disabled" });
}

/** Drives the page: writes in the chat as a patient and finds appointments in the agenda. */
export class PageDriver {
  constructor(page) {
    this.page = page;
  }

  /** Waits until one of the last two bubbles is a reply of the clinic that contains `text`. */
  async waitForReply(text) {
    await this.page.locator(".bubble.from-clinic:nth-last-child(-n+2)", { hasText: text }).last().waitFor();
  }

  /** Presses the newest visible option whose id starts with `prefix`. */
  async pressOption(prefix) {
    await this.page.locator(`.bubble [data-option^="${prefix}"]:visible`).last().click();
  }

  async sendText(text) {
    await this.page.getByLabel("Mensagem", { exact: true }).fill(text);
    await this.page.getByRole("button", { name: "Enviar", exact: true }).click();
    await this.page.locator(".bubble:not(.from-clinic)", { hasText: text }).last().waitFor();
  }

  async addPatient(name, phone) {
    await this.page.getByRole("button", { name: "Paciente", exact: true }).click();
    await this.page.getByLabel("Nome no perfil").fill(name);
    await this.page.getByLabel("Número, com DDD").fill(phone);
    await this.page.getByRole("button", { name: "Adicionar" }).click();
    await this.page.locator(".phone-owner", { hasText: name }).waitFor();
  }

  async selectPatient(name) {
    await this.page.locator(".chip", { hasText: name }).click();
    await this.page.locator(".phone-owner", { hasText: name }).waitFor();
  }

  /** An appointment in the agenda, found by its accessible name: the patient and the state. */
  appointment(name, state) {
    return this.page.getByRole("button", { name: new RegExp(`${name} .* ${state}$`) });
  }

  /** Books with buttons only. `day` and `hour` are zero-based positions in the offered lists. */
  async bookByClicking(day, hour) {
    await this.page.getByRole("button", { name: "Olá" }).click();
    for (const option of ["schedule", "available_days", "skip_areas"]) await this.pressOption(option);
    await this.page.locator(".bubble").last().locator("[data-option^='day_']").nth(day).click();
    await this.page.locator(".bubble").last().locator("[data-option^='time_']").nth(hour).click();
    await this.pressOption("use_profile_name");
    await this.pressOption("book_");
    await this.waitForReply("Agendamento confirmado!");
  }
}

async function startBrowser() {
  // A name that leads to this machine, as one of an attacker may.
  const args = [`--host-resolver-rules=MAP ${REBOUND_NAME} 127.0.0.1`];
  // Chromium's sandbox does not work for root.
  if (process.getuid() === 0) args.push("--no-sandbox");
  return chromium.launch({ executablePath: process.env.CHROMIUM, args });
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}
