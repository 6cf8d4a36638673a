// What the tests of the page stand on: a server in a folder of its own, a browser, a visitor.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, open, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

export const KEY = "test-api-key";
export const CLINIC = "laser-beauty-sp";
/** Monday, 08:00 in São Paulo. */
export const MONDAY = "2026-02-16T11:00:00Z";
/** Where screenshots are kept. */
export const SHOTS = join(import.meta.dirname, "../../target/browser");

const SETTINGS = /^(DATABASE_URL|RDS_.*|AWS_ENDPOINT_URL.*|ZAPI_.*|ALLOWED_PHONES|WEBHOOK_TOKEN|SCHEDULER_.*|.*_TABLE|PORT|DYNAMODB_PORT|STAGE|GOOGLE_.*)$/;
/** For what a busy machine may take; what is measured is measured in the page. */
const PATIENCE = 60_000;

/** A product with nothing in it but the example clinic, its clock stopped on Monday morning. */
export class Product {
  static async start() {
    const product = new Product();
    product.folder = await mkdtemp(join(tmpdir(), "scheduler-browser-"));
    const port = await freePort();
    product.base = `http://127.0.0.1:${port}`;
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !SETTINGS.test(name)));
    const log = await open(join(product.folder, "log"), "a");
    product.process = spawn(process.env.SCHEDULER_LOCAL_PROGRAM, {
      cwd: product.folder,
      env: { ...env, PORT: String(port), DYNAMODB_PORT: String(await freePort()) },
      stdio: ["ignore", log.fd, log.fd],
    });
    await log.close();
    try {
      await product.#untilHealthy();
      await product.ask("PUT", "/_local/clock", { now: MONDAY });
    } catch (error) {
      await product.stop();
      throw error;
    }
    return product;
  }

  /** A call of the API with the key. */
  async ask(method, path, body) {
    const response = await fetch(this.base + path, {
      method,
      headers: { "x-api-key": KEY, "Content-Type": "application/json" },
      body: body && JSON.stringify(body),
    });
    const answer = await response.json();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${JSON.stringify(answer)}`);
    return answer;
  }

  async stop() {
    if (this.process.exitCode === null && this.process.signalCode === null) {
      this.process.kill("SIGTERM");
      await once(this.process, "exit");
    }
    await rm(this.folder, { recursive: true, force: true });
  }

  async #untilHealthy() {
    const deadline = Date.now() + 2 * PATIENCE;
    for (;;) {
      const healthy = await fetch(`${this.base}/_local/health`).then((answer) => answer.ok, () => false);
      if (healthy) return;
      if (this.process.exitCode !== null || Date.now() > deadline) {
        throw new Error(`the server did not come up:\n${await readFile(join(this.folder, "log"), "utf8")}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

export async function startBrowser() {
  // Chromium's sandbox needs a user who is not root.
  const args = process.getuid() === 0 ? ["--no-sandbox"] : [];
  return chromium.launch({ executablePath: process.env.CHROMIUM, args });
}

/** A tab at the page; what the page complains of fails the test that asks `complaints`. */
export async function openPage(browser, product, { width = 1440, height = 900, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, locale: "pt-BR", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  page.complaints = [];
  page.on("pageerror", (error) => page.complaints.push(error.message));
  page.on("console", (message) => message.type() === "error" && page.complaints.push(message.text()));
  page.on("request", (request) => {
    if (!request.url().startsWith(product.base)) page.complaints.push(`asked ${request.url()}`);
  });
  await page.goto(product.base);
  return page;
}

/** Types the key and waits for the week. */
export async function openAgenda(page) {
  await page.getByLabel("Chave da API").fill(KEY);
  await page.getByRole("button", { name: "Abrir a agenda" }).click();
  await page.locator(".day-head").first().waitFor();
}

/** A picture of what is to be seen, kept as the run's result. */
export async function shoot(page, name) {
  await mkdir(SHOTS, { recursive: true });
  await page.screenshot({ path: join(SHOTS, `${name}.png`), animations: "disabled" });
}

/** Somebody with the phone in their hand. */
export class Visitor {
  constructor(page) {
    this.page = page;
  }

  /** Waits until the newest message of the clinic says so. */
  async reads(words) {
    await this.page.locator(".bubble.from-clinic:nth-last-child(-n+2)", { hasText: words }).last().waitFor();
  }

  /** Presses the newest button whose option begins so. */
  async presses(option) {
    await this.page.locator(`.bubble [data-option^="${option}"]:visible`).last().click();
  }

  async says(words) {
    await this.page.getByLabel("Mensagem", { exact: true }).fill(words);
    await this.page.getByRole("button", { name: "Enviar", exact: true }).click();
    await this.page.locator(".bubble:not(.from-clinic)", { hasText: words }).last().waitFor();
  }

  async adds(name, phone) {
    await this.page.getByRole("button", { name: "Paciente", exact: true }).click();
    await this.page.getByLabel("Nome no perfil").fill(name);
    await this.page.getByLabel("Número, com DDD").fill(phone);
    await this.page.getByRole("button", { name: "Adicionar" }).click();
    await this.page.locator(".phone-owner", { hasText: name }).waitFor();
  }

  async takes(name) {
    await this.page.locator(".chip", { hasText: name }).click();
    await this.page.locator(".phone-owner", { hasText: name }).waitFor();
  }

  /** A visit in the agenda, by what it says to a person who hears it. */
  visit(name, state) {
    return this.page.getByRole("button", { name: new RegExp(`${name} .* ${state}$`) });
  }

  /** Books by clicking only, at the offered day and hour of these numbers. */
  async booksByClicking(day, hour) {
    await this.page.getByRole("button", { name: "Olá" }).click();
    for (const option of ["schedule", "available_days", "skip_areas"]) await this.presses(option);
    await this.page.locator(".bubble").last().locator("[data-option^='day_']").nth(day).click();
    await this.page.locator(".bubble").last().locator("[data-option^='time_']").nth(hour).click();
    await this.presses("use_profile_name");
    await this.presses("book_");
    await this.reads("Agendamento confirmado!");
  }
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}
