// A client for the routes that only the local server has, and for the webhooks.

import { webhookToken } from "./webhook-token.js";

const RETRY_DELAY_MS = 1_000;

export class LocalServer {
  #master = new URLSearchParams(location.search).get("token");
  #onReachable;

  /** `onReachable` receives whether the server answers. */
  constructor(onReachable) {
    this.#onReachable = onReachable;
  }

  outbox = async (phone) => {
    const response = await fetch(`/_local/outbox?phone=${encodeURIComponent(phone)}`);
    // With a real z-api there is no outbox; sent messages are in the history only.
    return response.status === 404 ? [] : read(response);
  };
  chat = (phone, clinicId) => request(`/_local/chats/${encodeURIComponent(phone)}?clinicId=${encodeURIComponent(clinicId)}`);
  clock = () => request("/_local/clock");
  setClock = (now) => request("/_local/clock", { method: "PUT", body: JSON.stringify({ now }) });
  jobs = () => request("/_local/jobs");
  runJob = (name) => request(`/_local/jobs/${encodeURIComponent(name)}`, { method: "POST" });

  /** Posts a webhook, with the token of its instance if the page's URL has a master. */
  async postWebhook(path, payload) {
    const token = this.#master ? `?token=${await webhookToken(this.#master, payload.instanceId)}` : "";
    return request(`${path}${token}`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(payload) });
  }

  reportUnreachable() {
    this.#onReachable(false);
  }

  /** Calls `refresh` now and after each change on the server. Never returns. */
  async watch(refresh) {
    let lastChange = 0;
    for (;;) {
      try {
        await refresh();
        this.#onReachable(true);
        // The server holds this request until something changes.
        lastChange = (await request(`/_local/changes?after=${lastChange}`)).change;
      } catch {
        this.reportUnreachable();
        await new Promise((resolve) => setTimeout(resolve, RETRY_DELAY_MS));
      }
    }
  }
}

async function request(path, options) {
  return read(await fetch(path, options));
}

async function read(response) {
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.message ?? `${response.status}`);
  return answer;
}
